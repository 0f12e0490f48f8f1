//! Record counts by subject.
//!
//! **Claim**: a published record count never goes by as checked while nobody knows how many records each subject
//! brought. **Limits**: it is a check that can't be done yet: the evidence has no records by subject, so dominance of
//! a record count by one subject isn't seen, and every published record count is referred. **Source**: disclosure.md,
//! section 2: "record counts undergo n,k and p% by subject". **Example**: statistics subjects and records: refer;
//! subjects alone: pass.

use super::{Check, not_applicable, pass};
use crate::appetite::Appetite;
use crate::candidate::{Body, Candidate};
use crate::finding::{CheckName, Finding, Verdict};

/// The check.
pub struct Records;

impl Check for Records {
    fn name(&self) -> CheckName {
        CheckName::Records
    }

    fn run(&self, candidate: &Candidate, _appetite: &Appetite) -> Vec<Finding> {
        match candidate.body() {
            Body::Written(_) => not_applicable(self.name()),
            Body::Counted(counted) if !counted.publishes_records() => {
                pass(self.name(), "No record count is published.")
            }
            Body::Counted(_) => {
                let sentence = "Record counts are published, and records by subject aren't in the evidence: one subject \
                                may hold most of a cell's records.";
                vec![Finding::whole(self.name(), Verdict::Refer, "by_subject", sentence.to_owned())]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::factory::{Table, floor, worst};
    use sluice_domain::contract::Statistic;
    use sluice_domain::grade::Grade;

    #[test]
    fn the_worked_example() {
        let mut table = Table::new(&[&["AA"]]).subjects(&[0], 12);
        assert_eq!(worst(&Records.run(&table.candidate(), &floor(Grade::Open))), Verdict::Pass);
        table.contract.statistics.push(Statistic::Records);
        assert_eq!(worst(&Records.run(&table.candidate(), &floor(Grade::Open))), Verdict::Refer);
    }
}
