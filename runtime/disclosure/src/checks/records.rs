//! Record counts by subject.
//!
//! **Claim**: a record count to which one or two subjects or groups bring most, or to which too few groups bring any,
//! is withheld. **Limits**: what a record is is the query's choice. **Source**: disclosure.md, section 2: "record counts
//! undergo n,k and p% by subject". **Example**, (2, 90): eleven subjects with one record each and one with 98: 99 of
//! 109 is 90 % or more: suppressed. Eleven with one and one with 50: 51 of 61 isn't, and 10 are left beside the two
//! largest, 10 * 100 >= 10 * 50: pass.

use super::{Check, dominance, not_applicable, or_pass, p_percent, pass};
use crate::appetite::Appetite;
use crate::candidate::{Body, Candidate, Node};
use crate::finding::{CheckName, Finding, Verdict};
use crate::primary::Quantity;

/// The check.
pub struct Records;

impl Check for Records {
    fn name(&self) -> CheckName {
        CheckName::Records
    }

    fn run(&self, candidate: &Candidate, appetite: &Appetite) -> Vec<Finding> {
        let Body::Counted(counted) = candidate.body() else {
            return not_applicable(self.name());
        };
        if !counted.publishes_records() {
            return pass(self.name(), "No record count is published.");
        }
        let rules = appetite.rules();
        let what = (self.name(), Verdict::Suppress);
        let finding = |topic: &str, node: &Node, sentence| {
            Finding::figure(what, topic, counted, (node, Quantity::Records), sentence)
        };
        let mut findings = Vec::new();
        for (figure, evidence) in counted.large(appetite) {
            for rule in dominance::broken(&evidence.records, rules) {
                let topic = format!("dominance:{},{}", rule.n, rule.k_percent);
                findings.push(finding(&topic, &figure.node, dominance::worded(&evidence.records, rule)));
            }
            for rule in p_percent::broken(&evidence.records, rules) {
                let topic = format!("p_percent:{},{}", rule.p_percent, rule.q_percent);
                findings.push(finding(&topic, &figure.node, p_percent::worded(&evidence.records, rule)));
            }
        }
        or_pass(findings, self.name(), "No shown record count is dominated.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::factory::{Table, floor, ids};
    use sluice_domain::contract::Statistic;
    use sluice_domain::grade::Grade;

    #[test]
    fn the_worked_example() {
        let found = |most: u64, statistics: &[Statistic]| {
            let mut table =
                Table::new(&[&["AA"]]).subjects(&[0], 12).records(move |subject| if subject == 3 { most } else { 1 });
            table.contract.statistics = statistics.to_vec();
            ids(&Records.run(&table.candidate(), &floor(Grade::Open)))
        };
        let both = [Statistic::Subjects, Statistic::Records];
        assert_eq!(found(98, &both), ["records:dominance:2,90:records:d0=AA"]);
        assert_eq!(found(50, &both), ["records:all"]);
        assert_eq!(found(98, &[Statistic::Subjects]), ["records:all"]);
        assert_eq!(
            found(101, &both),
            ["records:dominance:2,90:records:d0=AA", "records:p_percent:10,100:records:d0=AA"]
        );
    }
}
