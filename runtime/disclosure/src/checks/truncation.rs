//! Truncation by the caps on cells and rows.
//!
//! **Claim**: counted figures from which a cap took something away are never shown without a person knowing it.
//! **Limits**: it says of how many subjects, not in which cells. **Source**: disclosure.md, section 2: "truncation by
//! L0 in a counted release is a finding (Refer)". **Example**: 1 truncated subject: refer; none: pass.

use super::{Check, pass};
use crate::appetite::Appetite;
use crate::candidate::Candidate;
use crate::finding::{CheckName, Finding, Verdict};

/// The check.
pub struct Truncation;

impl Check for Truncation {
    fn name(&self) -> CheckName {
        CheckName::Truncation
    }

    fn run(&self, candidate: &Candidate, _appetite: &Appetite) -> Vec<Finding> {
        let (truncated, subjects) = (candidate.facts().truncated_subjects, candidate.facts().subjects);
        if truncated == 0 {
            return pass(self.name(), "No cap took anything away.");
        }
        let sentence = format!("A cap took cells or rows away from {truncated} of {subjects} subjects.");
        vec![Finding::whole(self.name(), Verdict::Refer, "caps", sentence)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::factory::{Table, floor, worst};
    use sluice_domain::grade::Grade;

    #[test]
    fn the_worked_example() {
        let mut table = Table::new(&[&["AA"]]).subjects(&[0], 12);
        assert_eq!(worst(&Truncation.run(&table.candidate(), &floor(Grade::Open))), Verdict::Pass);
        table.facts.truncated_subjects = 1;
        let findings = Truncation.run(&table.candidate(), &floor(Grade::Open));
        assert_eq!(worst(&findings), Verdict::Refer);
        assert_eq!(findings[0].sentence(), "A cap took cells or rows away from 1 of 12 subjects.");
    }
}
