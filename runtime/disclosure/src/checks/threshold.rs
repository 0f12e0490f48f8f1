//! The threshold on distinct subjects.
//!
//! **Claim**: no statistic of a cell is shown unless at least `t` distinct subjects stand behind it, and no sum
//! unless at least `t` subjects contribute something other than 0 to it. Empty cells are withheld like those with
//! 1 to t-1: a contract has no structural zeros yet, and a shown zero would say of everyone that they aren't there.
//! **Limits**: subjects are what the dataset calls so, not legal-person groups; a hostile module can pad a cell with
//! subjects that it knows. **Source**: disclosure.md, section 2 (threshold; untrusted-mapper trap); ACRO 1.0.2
//! `zeros_are_disclosive`. **Example**, t = 10: cells with 10, 9 and 0 subjects: the second and the third are
//! suppressed. A cell of 12 subjects of whom 9 contribute something: its sum is suppressed, its count isn't.

use super::{Check, not_applicable, or_pass};
use crate::appetite::Appetite;
use crate::candidate::{Body, Candidate};
use crate::finding::{CheckName, Finding, Verdict, measure_name};
use crate::table::every_code;

/// The check.
pub struct Threshold;

impl Check for Threshold {
    fn name(&self) -> CheckName {
        CheckName::Threshold
    }

    fn run(&self, candidate: &Candidate, appetite: &Appetite) -> Vec<Finding> {
        let Body::Counted(counted) = candidate.body() else {
            return not_applicable(self.name());
        };
        let threshold = appetite.rules().threshold;
        let what = (self.name(), Verdict::Suppress);
        let mut findings = Vec::new();
        for codes in every_code(&counted.contract().dimensions) {
            let subjects = counted.cells().get(&codes).map_or(0, |cell| cell.subjects);
            // At least one subject, whatever the appetite says.
            if subjects < threshold.max(1) {
                let sentence = format!("{subjects} subjects, and at least {threshold} are needed.");
                findings.push(Finding::cell(what, "", counted, &codes, sentence));
            }
        }
        for (codes, index, _, measure) in counted.large_sums(appetite) {
            if measure.nonzero < threshold.max(1) {
                let (nonzero, name) = (measure.nonzero, measure_name(counted, index));
                let sentence =
                    format!("{nonzero} subjects contribute to the sum of {name}, and at least {threshold} are needed.");
                findings.push(Finding::sum(what, "", counted, (codes, index), sentence));
            }
        }
        or_pass(findings, self.name(), "Every cell and every sum reaches the threshold.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::factory::{Table, floor, ids};
    use sluice_domain::grade::Grade;

    #[test]
    fn the_worked_example() {
        let table = Table::new(&[&["AA", "UA", "WN"]]).subjects(&[0], 10).subjects(&[1], 9);
        let findings = Threshold.run(&table.candidate(), &floor(Grade::Open));
        assert_eq!(ids(&findings), ["threshold:d0=UA", "threshold:d0=WN"]);

        let values: Vec<i64> = (0..12).map(|i| i64::from(i >= 3) * 7).collect();
        let table = Table::new(&[&["AA"]]).measure(-50, 50).values(&[0], &values);
        let findings = Threshold.run(&table.candidate(), &floor(Grade::Open));
        assert_eq!(ids(&findings), ["threshold:m0:d0=AA"]);
        assert!(findings.iter().all(|finding| finding.verdict() == Verdict::Suppress));
    }
}
