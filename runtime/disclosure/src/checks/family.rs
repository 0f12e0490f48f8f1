//! Counted evidence alone lets nothing out.
//!
//! **Claim**: every output has at least one finding that refers it, since no vetted family answers for it. **Limits**:
//! families come with the next issue; until then this check can't pass. **Source**: disclosure.md, "The rule that
//! shapes the product"; Kenthapadi, Mishra, Nissim (PODS 2005). **Example**: a table in which every other check
//! passes: refer.

use super::Check;
use crate::appetite::Appetite;
use crate::candidate::{Body, Candidate};
use crate::finding::{CheckName, Finding, Verdict};

/// The check: it always refers.
pub struct Family;

impl Check for Family {
    fn name(&self) -> CheckName {
        CheckName::Family
    }

    fn run(&self, candidate: &Candidate, _appetite: &Appetite) -> Vec<Finding> {
        let (topic, sentence) = match candidate.body() {
            Body::Counted(_) => {
                ("none", "No vetted family answers for this table: counted evidence alone lets nothing out.")
            }
            Body::Written(_) => {
                ("report", "A report always goes to reviewers: the machine can't vouch for what a module wrote.")
            }
        };
        vec![Finding::whole(self.name(), Verdict::Refer, topic, sentence.to_owned())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::factory::{Table, floor, report, worst};
    use sluice_domain::grade::Grade;

    #[test]
    fn the_worked_example() {
        let table = Table::new(&[&["AA"]]).subjects(&[0], 50).candidate();
        for candidate in [table, report(Vec::new(), None)] {
            assert_eq!(worst(&Family.run(&candidate, &floor(Grade::Open))), Verdict::Refer);
        }
    }
}
