//! From a candidate and its findings to the table that would be released: redact, then round, then add up.
//!
//! The order is the point. A cell is withheld on its true counts; what is shown is rounded; totals are sums of what
//! is shown, so that they are consistent with the table and nothing can be subtracted from them; ratios are worked
//! out from the shown sums.
//!
//! # Guarantees
//! There is a row for every declared cell and every declared total, in the contract's order, whatever the data:
//! the set of rows carries nothing. No total and no ratio depends on a withheld value.
//!
//! # Does not guarantee
//! That every ratio is there: one whose denominator is 0, and a total's whose two sums aren't of the same cells, is
//! withheld, since it would mislead; so are a total or a ratio too large to work out exactly. That a total is the
//! population's: it lacks what is withheld, and counts a subject once per cell. That rounding hides much: a sum to a
//! multiple of few steps hides little; [`crate::appetite`] has the base.
//!
//! # Example
//! Threshold 10, base 5: 12, 23 and 4 subjects become 10, 25 and `c`, and their total 35.

mod counted;
mod written;

use std::collections::BTreeSet;

use crate::appetite::Appetite;
use crate::candidate::{Body, Candidate};
use crate::finding::{Finding, Scope, Verdict};
use crate::table::ReleaseTable;

/// What the findings withhold.
#[derive(Default)]
struct Withheld {
    cells: BTreeSet<Vec<u32>>,
    sums: BTreeSet<(Vec<u32>, usize)>,
    /// Something is withheld as a whole.
    all: bool,
}

impl Withheld {
    fn of(findings: &[Finding]) -> Withheld {
        let mut withheld = Withheld::default();
        for finding in findings.iter().filter(|finding| finding.verdict() == Verdict::Suppress) {
            match finding.scope() {
                Scope::Whole => withheld.all = true,
                Scope::Cell(codes) => {
                    withheld.cells.insert(codes.clone());
                }
                Scope::Sum(codes, measure) => {
                    withheld.sums.insert((codes.clone(), *measure));
                }
            }
        }
        withheld
    }
}

/// The table of `candidate` after `findings`. A refused candidate has a table without rows.
pub(crate) fn publish(candidate: &Candidate, appetite: &Appetite, findings: &[Finding]) -> ReleaseTable {
    let withheld = Withheld::of(findings);
    let table = match candidate.body() {
        Body::Counted(counted) => counted::table(counted, appetite, &withheld),
        Body::Written(written) => written::table(written),
    };
    let verdict = Verdict::worst(findings.iter().map(Finding::verdict));
    if verdict == Verdict::Refuse || withheld.all { table.emptied() } else { table }
}

/// `value` as the nearest multiple of `base`, halves away from zero; base 0 or 1 is exact.
///
/// Conventional rounding, the same for both signs: -3 becomes -5 to base 5 as 3 becomes 5.
#[must_use]
pub fn rounded(value: i128, base: u64) -> i128 {
    if base <= 1 {
        return value;
    }
    let base = u128::from(base);
    let multiple = (value.unsigned_abs().saturating_add(base / 2) / base).saturating_mul(base);
    let magnitude = i128::try_from(multiple).unwrap_or(i128::MAX);
    if value < 0 { -magnitude } else { magnitude }
}

/// `numerator / denominator` times `10^up / 10^down`, rounded half to even; `None` where it can't be worked out exactly.
fn quotient(numerator: i128, denominator: i128, up: u32, down: u32) -> Option<i128> {
    let common = up.min(down);
    let numerator = numerator.checked_mul(10_i128.checked_pow(up - common)?)?;
    let denominator = denominator.checked_mul(10_i128.checked_pow(down - common)?)?;
    if denominator == 0 {
        return None;
    }
    let (above, below) = (numerator.unsigned_abs(), denominator.unsigned_abs());
    let (whole, rest) = (above / below, above % below);
    // `rest > below - rest` is `2 * rest > below` without the product.
    let up = rest > below - rest || (rest == below - rest && whole % 2 == 1);
    let magnitude = i128::try_from(whole + u128::from(up)).ok()?;
    Some(if (numerator < 0) == (denominator < 0) { magnitude } else { -magnitude })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_conventional_and_symmetric() {
        for (value, base, expected) in [
            (12, 5, 10),
            (13, 5, 15),
            (2, 5, 0),
            (3, 5, 5),
            (5, 10, 10),
            (4, 10, 0),
            (-3, 5, -5),
            (-2, 5, 0),
            (7, 1, 7),
            (7, 0, 7),
        ] {
            assert_eq!(rounded(value, base), expected, "{value} to base {base}");
        }
    }

    #[test]
    fn quotients_round_half_to_even() {
        assert_eq!(quotient(1, 2, 0, 0), Some(0));
        assert_eq!(quotient(3, 2, 0, 0), Some(2));
        assert_eq!(quotient(5, 2, 0, 0), Some(2));
        assert_eq!(quotient(-3, 2, 0, 0), Some(-2));
        assert_eq!(quotient(1, 3, 2, 0), Some(33));
        assert_eq!(quotient(2, -3, 2, 0), Some(-67));
        assert_eq!(quotient(250, 1, 0, 2), Some(2));
        assert_eq!(quotient(1, 0, 0, 0), None);
        assert_eq!(quotient(i128::MAX, 1, 9, 0), None);
    }
}
