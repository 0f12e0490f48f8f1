//! Histograms, and measures that should be dimensions.
//!
//! **Claim**: a sum of a measure with fewer than 20 declared values says how many subjects have which value; where some
//! but fewer than `t` have the value 0 it is withheld, and reviewers are told that the measure is a dimension. Edges of
//! bins are labels of the contract, and so chosen before any data was read. **Limits**: how many subjects have another
//! value than 0 one by one isn't in the evidence. **Source**: disclosure.md, section 2 ("a numeric column with fewer than
//! 20 distinct declared values is a dimension"). **Example**, t = 10, values 0 and 1: of 30 subjects 25 have 1: 5 have 0,
//! so the sum 25 is withheld. With 20 it is shown.

use super::{Check, not_applicable, or_pass};
use crate::appetite::{Appetite, Rules};
use crate::candidate::{Body, Candidate};
use crate::evidence::Spread;
use crate::finding::{CheckName, Finding, Verdict, measure_name};
use crate::primary::Bounds;

/// A measure with fewer declared values is a dimension.
const VALUES_MIN: i128 = 20;

/// The check.
pub struct Histograms;

/// Whether a measure of these bounds is a dimension in disguise.
pub(crate) fn few_values(bounds: Bounds) -> bool {
    bounds.is_some_and(|(lower, upper)| upper.saturating_sub(lower).saturating_add(1) < VALUES_MIN)
}

/// Unsafe iff the measure has few values and some but fewer than `t` subjects have the value 0.
pub(crate) fn small_category(spread: &Spread, bounds: Bounds, rules: &Rules) -> bool {
    let zeros = spread.subjects.units.saturating_sub(spread.subjects.nonzero);
    few_values(bounds) && zeros > 0 && zeros < rules.threshold
}

impl Check for Histograms {
    fn name(&self) -> CheckName {
        CheckName::Histograms
    }

    fn run(&self, candidate: &Candidate, appetite: &Appetite) -> Vec<Finding> {
        let Body::Counted(counted) = candidate.body() else {
            return not_applicable(self.name());
        };
        let mut findings = Vec::new();
        for index in counted.published_measures() {
            if few_values(counted.bounds(0, crate::primary::Quantity::Sum(index))) {
                let name = measure_name(counted, index);
                let sentence = format!("{name} has fewer than {VALUES_MIN} declared values: it is a dimension.");
                findings.push(Finding::whole(self.name(), Verdict::Refer, &format!("few_values:{name}"), sentence));
            }
        }
        for sum in counted.large_sums(appetite) {
            let Some(spread) = sum.evidence.measures.get(sum.index) else { continue };
            if small_category(spread, counted.bounds(sum.plane, sum.quantity()), appetite.rules()) {
                let zeros = spread.subjects.units - spread.subjects.nonzero;
                let sentence = format!("{zeros} subjects have the value 0 of a measure with few values.");
                let what = (self.name(), Verdict::Suppress);
                findings.push(Finding::figure(what, "category", counted, (&sum.node, sum.quantity()), sentence));
            }
        }
        or_pass(findings, self.name(), "Edges are the contract's, and no measure is a dimension in disguise.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::factory::{Table, floor, ids};
    use sluice_domain::grade::Grade;

    #[test]
    fn reviewers_are_told_how_many_have_none() {
        let values = [[0; 5].as_slice(), &[1; 25]].concat();
        let table = Table::new(&[&["AA"]]).measure(0, 1).values(&[0], &values);
        let findings = Histograms.run(&table.candidate(), &floor(Grade::Open));
        let [few, category] = findings.as_slice() else { panic!("a hint and a cell") };
        assert_eq!(few.sentence(), "m0 has fewer than 20 declared values: it is a dimension.");
        assert_eq!(category.sentence(), "5 subjects have the value 0 of a measure with few values.");
        assert_eq!((few.verdict(), category.verdict()), (Verdict::Refer, Verdict::Suppress));
    }

    #[test]
    fn the_worked_example() {
        let found = |ones: usize, upper: i64| {
            let mut values = vec![0; 30];
            values[..ones].fill(1);
            let table = Table::new(&[&["AA"]]).measure(0, upper).values(&[0], &values);
            ids(&Histograms.run(&table.candidate(), &floor(Grade::Open)))
        };
        assert_eq!(found(25, 1), ["histograms:few_values:m0", "histograms:category:m0:d0=AA"]);
        assert_eq!(found(20, 1), ["histograms:few_values:m0"]);
        assert_eq!(found(25, 18), ["histograms:few_values:m0", "histograms:category:m0:d0=AA"]);
        assert_eq!(found(25, 19), ["histograms:all"]);
        // Nobody has 0; then nine have.
        assert_eq!(found(30, 1), ["histograms:few_values:m0"]);
        assert_eq!(found(21, 1), ["histograms:few_values:m0", "histograms:category:m0:d0=AA"]);
    }
}
