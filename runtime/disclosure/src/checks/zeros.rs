//! Zeros.
//!
//! **Claim**: a cell without any subject is withheld like one with 1 to t-1, in the same way and with the same symbol: a
//! shown zero would say of everyone that they aren't there. **Limits**: structural zeros, which no subject can be in,
//! can't be declared yet, so they are withheld too. **Source**: disclosure.md, section 2 ("zeros and 1..t-1 are
//! suppressed alike unless structurally zero"); ACRO 1.0.2, `zeros_are_disclosive`. **Example**: of two cells the second
//! is empty: suppressed.

use super::{Check, not_applicable, or_pass};
use crate::appetite::Appetite;
use crate::candidate::{Body, Candidate};
use crate::finding::{CheckName, Finding, Verdict};

/// The check.
pub struct Zeros;

impl Check for Zeros {
    fn name(&self) -> CheckName {
        CheckName::Zeros
    }

    fn run(&self, candidate: &Candidate, _appetite: &Appetite) -> Vec<Finding> {
        let Body::Counted(counted) = candidate.body() else {
            return not_applicable(self.name());
        };
        let what = (self.name(), Verdict::Suppress);
        let empty = counted.figures().filter(|figure| figure.evidence.is_none());
        let findings = empty.map(|figure| Finding::cell(what, "", counted, &figure.node, "No subjects.".to_owned()));
        or_pass(findings.collect(), self.name(), "No cell is empty.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::factory::{Table, floor, ids};
    use sluice_domain::grade::Grade;

    #[test]
    fn the_worked_example() {
        let table = Table::new(&[&["AA", "UA"]]).subjects(&[0], 12).margins(&[&[]]);
        let findings = Zeros.run(&table.candidate(), &floor(Grade::Open));
        assert_eq!(ids(&findings), ["zeros:d0=UA"]);
        assert_eq!(findings[0].verdict(), Verdict::Suppress);
        let nobody = Table::new(&[&["AA"]]).margins(&[&[]]);
        assert_eq!(ids(&Zeros.run(&nobody.candidate(), &floor(Grade::Open))), ["zeros:d0=AA", "zeros:d0=*"]);
    }
}
