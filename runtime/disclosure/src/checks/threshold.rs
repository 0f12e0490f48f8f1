//! The threshold on distinct subjects.
//!
//! **Claim**: no statistic of a cell, margins included, is shown unless at least `t` distinct subjects stand behind
//! it, and no sum unless at least `t` subjects, and `t` groups, contribute something other than 0 to it. Cells
//! without any subject are the matter of [`super::zeros`]. **Limits**: a hostile module can pad a cell with subjects
//! that it knows. **Source**: disclosure.md, section 2 (threshold; untrusted-mapper trap). **Example**, t = 10: cells
//! with 10 and 9 subjects: the second is suppressed. A cell of 12 subjects of whom 9 contribute something: its sum is
//! suppressed, its count isn't.

use super::{Check, not_applicable, or_pass};
use crate::appetite::{Appetite, Rules};
use crate::candidate::{Body, Candidate};
use crate::evidence::{Evidence, Spread};
use crate::finding::{CheckName, Finding, Verdict, measure_name};

/// The check.
pub struct Threshold;

/// Unsafe iff `N < t`; at least one subject, whatever the appetite says.
pub(crate) fn too_few_subjects(evidence: &Evidence, rules: &Rules) -> bool {
    evidence.subjects < rules.threshold.max(1)
}

/// Unsafe iff fewer than `t` subjects or groups contribute other than 0.
pub(crate) fn too_few_contributors(spread: &Spread, rules: &Rules) -> bool {
    spread.subjects.nonzero.min(spread.groups.nonzero) < rules.threshold.max(1)
}

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
        for figure in counted.figures() {
            let Some(evidence) = figure.evidence.filter(|evidence| too_few_subjects(evidence, appetite.rules())) else {
                continue;
            };
            let sentence = format!("{} subjects, and at least {threshold} are needed.", evidence.subjects);
            findings.push(Finding::cell(what, "", counted, &figure.node, sentence));
        }
        for sum in counted.large_sums(appetite) {
            let Some(spread) = sum.evidence.measures.get(sum.index) else { continue };
            if too_few_contributors(spread, appetite.rules()) {
                let (nonzero, name) = (spread.subjects.nonzero, measure_name(counted, sum.index));
                let groups =
                    if counted.grouped() { format!(" in {} groups", spread.groups.nonzero) } else { String::new() };
                let sentence = format!(
                    "{nonzero} subjects{groups} contribute to the sum of {name}, and at least {threshold} are needed."
                );
                findings.push(Finding::figure(what, "", counted, (&sum.node, sum.quantity()), sentence));
            }
        }
        or_pass(findings, self.name(), "Every cell and every sum that isn't empty reaches the threshold.")
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
        assert_eq!(ids(&findings), ["threshold:d0=UA"]);

        let values: Vec<i64> = (0..12).map(|i| i64::from(i >= 3) * 7).collect();
        let table = Table::new(&[&["AA"]]).measure(-50, 50).values(&[0], &values);
        let findings = Threshold.run(&table.candidate(), &floor(Grade::Open));
        assert_eq!(ids(&findings), ["threshold:m0:d0=AA"]);
        assert!(findings.iter().all(|finding| finding.verdict() == Verdict::Suppress));
        assert_eq!(findings[0].sentence(), "9 subjects contribute to the sum of m0, and at least 10 are needed.");
    }

    #[test]
    fn contributors_are_counted_by_group_too() {
        // Four of one group, and so many more by themselves.
        let found = |alone: usize| {
            let table = Table::new(&[&["AA"]]).measure(0, 50).values(&[0], &vec![7; 4 + alone]);
            Threshold.run(&table.grouped(|subject| u64::from(subject.max(3))).candidate(), &floor(Grade::Open))
        };
        assert_eq!(ids(&found(8)), ["threshold:m0:d0=AA"]);
        assert_eq!(
            found(8)[0].sentence(),
            "12 subjects in 9 groups contribute to the sum of m0, and at least 10 are needed."
        );
        assert_eq!(ids(&found(9)), ["threshold:all"]);
    }

    #[test]
    fn a_margin_counts_a_subject_once() {
        // Five subjects, each in both cells: ten contributions, and five subjects in the total.
        let mut table = Table::new(&[&["AA", "UA"]]).margins(&[&[]]);
        table.contract.cells_per_subject = 2;
        let table = table.same_subjects(&[0], 0, 5).same_subjects(&[1], 0, 5);
        let findings = Threshold.run(&table.candidate(), &floor(Grade::Open));
        assert_eq!(ids(&findings), ["threshold:d0=AA", "threshold:d0=UA", "threshold:d0=*"]);
        assert_eq!(findings[2].sentence(), "5 subjects, and at least 10 are needed.");
    }
}
