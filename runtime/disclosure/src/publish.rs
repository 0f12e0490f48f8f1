//! From a candidate and its findings to the table that would be released, by the [`Method`] of its grant.
//!
//! *Redact, then round, then add up*: the order is the point. A cell is withheld on its true counts; what is shown is
//! rounded; totals are sums of what is shown, so that they are consistent with the table and nothing can be subtracted
//! from them. *Suppress*: totals are of everything counted, so further cells are withheld until none can be worked out
//! (`suppress`); each figure is rounded by itself. *Controlled rounding*: the same pattern, with figures that add up
//! ([`rounding`]). *Cell keys*: withheld as in the first, and noise on every other count ([`cell_key`]). Ratios are worked out from the shown sums, always.
//!
//! # Guarantees
//! There is a row for every declared cell and every declared total, in the contract's order, whatever the data:
//! the set of rows carries nothing. No ratio depends on a withheld value, nor does a total unless there is a pattern. Every
//! figure undergoes the primary
//! rules once more here: a finding that got lost opens nothing.
//!
//! # Does not guarantee
//! That every ratio is there: one whose denominator is 0, and a total's whose two sums aren't of the same cells, is
//! withheld, since it would mislead; so are a total or a ratio too large to work out exactly. That a total is the
//! population's where totals are sums of what is shown; that it counts a subject once who is in several cells. That rounding hides much: a sum to a
//! multiple of few steps hides little; [`crate::appetite`] has the base.
//!
//! # Example
//! Threshold 10, base 5: 12, 23 and 4 subjects become 10, 25 and `c`, and their total 35.

pub mod cell_key;
pub(crate) mod counted;
mod notes;
mod perturbed;
pub mod rounding;
pub(crate) mod suppress;
mod written;

pub(crate) use counted::quantity;

use std::collections::{BTreeMap, BTreeSet};

pub use sluice_domain::method::Method;

use crate::appetite::Appetite;
use crate::candidate::{Body, Candidate, Counted, Figure, Node};
use crate::finding::{Finding, Scope, Verdict};
use crate::primary::{self, Quantity, Rule};
use crate::table::ReleaseTable;
use suppress::Pattern;

/// What the findings withhold.
#[derive(Default)]
struct Withheld {
    cells: BTreeSet<Node>,
    figures: BTreeMap<Node, BTreeSet<Quantity>>,
    /// Something is withheld as a whole.
    all: bool,
}

impl Withheld {
    fn of(findings: &[Finding]) -> Withheld {
        let mut withheld = Withheld::default();
        for finding in findings.iter().filter(|finding| finding.verdict() == Verdict::Suppress) {
            match finding.scope() {
                Scope::Whole => withheld.all = true,
                Scope::Cell(node) => {
                    withheld.cells.insert(node.clone());
                }
                Scope::Figure(node, quantity) => {
                    withheld.figures.entry(node.clone()).or_default().insert(*quantity);
                }
            }
        }
        withheld
    }

    /// Whether anything of a cell is withheld.
    fn names_any(&self, node: &Node) -> bool {
        self.cells.contains(node) || self.figures.contains_key(node)
    }

    fn names(&self, node: &Node, quantity: Quantity) -> bool {
        self.cells.contains(node) || self.figures.get(node).is_some_and(|figures| figures.contains(&quantity))
    }
}

/// The primary rules that one quantity of a published cell breaks. An empty cell breaks the threshold.
pub(crate) fn broken(counted: &Counted, figure: &Figure<'_>, quantity: Quantity, appetite: &Appetite) -> Vec<Rule> {
    let Some(evidence) = figure.evidence else { return vec![Rule::Threshold] };
    primary::broken(evidence, quantity, counted.bounds(figure.plane, quantity), appetite.rules())
}

/// What reviewers are told of the method itself.
pub(crate) fn method_findings(candidate: &Candidate, method: Method) -> Vec<Finding> {
    match (candidate.body(), method) {
        (Body::Counted(counted), Method::CellKey) => perturbed::findings(counted),
        _ => Vec::new(),
    }
}

/// Which cells are withheld for the sake of others, after `findings`; none for a method that needs no pattern, and none
/// where nothing can be released anyway.
pub(crate) fn pattern(
    candidate: &Candidate,
    appetite: &Appetite,
    method: Method,
    findings: &[Finding],
) -> Option<Pattern> {
    let withheld = Withheld::of(findings);
    let refused = Verdict::worst(findings.iter().map(Finding::verdict)) == Verdict::Refuse;
    match candidate.body() {
        Body::Counted(counted) if method.has_pattern() && !refused && !withheld.all => {
            Some(suppress::pattern(candidate, counted, appetite, &withheld))
        }
        Body::Counted(_) | Body::Written(_) => None,
    }
}

/// The table of `candidate` after `findings`, with the [`pattern`] of its method. A refused candidate has a table
/// without rows.
pub(crate) fn publish(
    candidate: &Candidate,
    appetite: &Appetite,
    method: Method,
    findings: &[Finding],
    pattern: Option<&Pattern>,
) -> ReleaseTable {
    let withheld = Withheld::of(findings);
    let table = match (candidate.body(), method) {
        (Body::Counted(counted), Method::RedactThenRound) => counted::table(counted, appetite, &withheld),
        (Body::Counted(counted), Method::Suppress | Method::ControlledRounding) => {
            counted::protected(counted, appetite, method, pattern)
        }
        (Body::Counted(counted), Method::CellKey) => perturbed::table(counted, appetite, &withheld),
        (Body::Written(written), _) => written::table(written),
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
