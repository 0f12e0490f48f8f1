//! Complements of bounded measures.
//!
//! **Claim**: where a measure has declared bounds, the sum of the distances to each of them is a figure that everybody
//! can work out from the sum and the count; a sum whose distances are dominated or give their largest away is
//! withheld. **Limits**: where a subject may be in several cells, a margin's distances are to bounds as many times as
//! wide, which hides more than it should; by group distances aren't known. **Source**: disclosure.md, section 2
//! ("bounded measures: sum(hi - v) and sum(v - lo) must pass as well"); attacks.md, row 46. **Example**, bounds 0 and
//! 100: eleven times 100 and one 0: the distances to 100 are one 100 and eleven 0: suppressed.

use super::{Check, not_applicable, or_pass};
use crate::appetite::{Appetite, Rules};
use crate::candidate::{Body, Candidate};
use crate::evidence::{Shares, Spread};
use crate::finding::{CheckName, Finding, Verdict};
use crate::primary::{self, Bounds};

/// The check.
pub struct Complements;

/// Unsafe iff the distances to a bound break dominance, p% or pq.
pub(crate) fn broken(spread: &Spread, bounds: Bounds, rules: &Rules) -> bool {
    let Some((lower, upper)) = bounds else { return false };
    distances(&spread.subjects, lower, upper).into_iter().any(|distance| {
        let spread = Spread { subjects: distance, groups: Shares::default() };
        !primary::concentrated(&spread, rules).is_empty()
    })
}

/// The shares of the distances to both bounds.
fn distances(shares: &Shares, lower: i128, upper: i128) -> [Shares; 2] {
    let units = i128::from(shares.units);
    // The rules on shares ask for nothing else.
    let of = |sum_abs: i128, top: Vec<i128>| Shares { sum_abs, top, ..Shares::default() };
    let above = units.saturating_mul(upper).saturating_sub(shares.sum);
    let below = shares.sum.saturating_sub(units.saturating_mul(lower));
    [
        of(above, shares.lowest.iter().map(|value| upper.saturating_sub(*value)).collect()),
        of(below, shares.highest.iter().map(|value| value.saturating_sub(lower)).collect()),
    ]
}

impl Check for Complements {
    fn name(&self) -> CheckName {
        CheckName::Complements
    }

    fn run(&self, candidate: &Candidate, appetite: &Appetite) -> Vec<Finding> {
        let Body::Counted(counted) = candidate.body() else {
            return not_applicable(self.name());
        };
        let what = (self.name(), Verdict::Suppress);
        let unsafe_sums = counted.large_sums(appetite).filter(|sum| {
            let bounds = counted.bounds(sum.plane, sum.quantity());
            sum.evidence.measures.get(sum.index).is_some_and(|spread| broken(spread, bounds, appetite.rules()))
        });
        let finding = |sum: crate::candidate::LargeSum<'_>| {
            let sentence = "The distances to a declared bound are dominated by one or two contributors.".to_owned();
            Finding::figure(what, "", counted, (&sum.node, sum.quantity()), sentence)
        };
        or_pass(unsafe_sums.map(finding).collect(), self.name(), "No distance to a declared bound is dominated.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::factory::{Table, floor, ids};
    use sluice_domain::grade::Grade;

    #[test]
    fn the_worked_example() {
        let found = |values: &[i64]| {
            let table = Table::new(&[&["AA"]]).measure(0, 100).values(&[0], values);
            ids(&Complements.run(&table.candidate(), &floor(Grade::Open)))
        };
        let mut values = [100; 12];
        values[0] = 0;
        assert_eq!(found(&values), ["complements:m0:d0=AA"]);
        values[1..6].fill(0);
        assert_eq!(found(&values), ["complements:all"]);
    }
}
