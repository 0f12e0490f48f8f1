//! Ratios and means.
//!
//! **Claim**: a ratio is worked out from two published sums, each of which undergoes every rule itself; so does what is
//! left of the denominator without the numerator, which everybody works out too: where it breaks a rule the numerator is
//! withheld, and the ratio with it. **Limits**: of other combinations of the two sums nothing is said. **Source**:
//! disclosure.md, section 2 ("numerator AND denominator cells AND (denominator - numerator) safe"). **Example**, t = 10: of
//! 30 flights 27 were late: 3 weren't, so the 27 are withheld. Of 30 flights 15: pass.

use super::{Check, not_applicable, or_pass};
use crate::appetite::Appetite;
use crate::candidate::{Body, Candidate, ratios};
use crate::finding::{CheckName, Finding, Verdict};
use crate::primary::{self, Quantity, Rule};

/// The check.
pub struct Ratios;

impl Check for Ratios {
    fn name(&self) -> CheckName {
        CheckName::Ratios
    }

    fn run(&self, candidate: &Candidate, appetite: &Appetite) -> Vec<Finding> {
        let Body::Counted(counted) = candidate.body() else {
            return not_applicable(self.name());
        };
        let contract = counted.contract();
        let what = (self.name(), Verdict::Suppress);
        let mut findings = Vec::new();
        for (figure, evidence) in counted.large(appetite) {
            for (ratio, rest) in ratios(contract).zip(contract.measures.len()..) {
                // A measure by itself is 1 whatever the data.
                if ratio.numerator == ratio.denominator {
                    continue;
                }
                let rules = primary::broken(evidence, Quantity::Sum(rest), None, appetite.rules());
                let names = named(&rules);
                if !names.is_empty() {
                    let sentence = format!("What {} leaves of its denominator breaks: {names}.", ratio.name);
                    let place = (&figure.node, Quantity::Sum(ratio.numerator as usize));
                    findings.push(Finding::figure(what, &ratio.name, counted, place, sentence));
                }
            }
        }
        or_pass(findings, self.name(), "Of every shown ratio numerator, denominator and their difference are safe.")
    }
}

/// The rules by name; groups are left out, since they catch the cell as a whole.
pub(super) fn named(rules: &[Rule]) -> String {
    let names = rules.iter().filter(|rule| **rule != Rule::Groups).map(ToString::to_string);
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Value;
    use crate::tests::factory::{Table, assess, floor, ids};
    use sluice_domain::grade::Grade;

    fn table(late: i64, scales: [u8; 2]) -> Table {
        let mut table = Table::new(&[&["AA"]]).measure(0, 100).measure(0, 100).ratio(0, 1);
        let steps = if scales[1] > scales[0] { 10 } else { 1 };
        table.contract.measures[0].scale = scales[0];
        table.contract.measures[1].scale = scales[1];
        table.contributions.insert(vec![0], (0..30).map(|i| vec![i64::from(i < late), steps]).collect());
        table
    }

    #[test]
    fn the_worked_example() {
        let found = |late: i64, scales| ids(&Ratios.run(&table(late, scales).candidate(), &floor(Grade::Open)));
        assert_eq!(found(27, [0, 0]), ["ratios:r:m0:d0=AA"]);
        assert_eq!(found(15, [0, 0]), ["ratios:all"]);
        // One step of the numerator is ten of the denominator.
        assert_eq!(found(27, [0, 1]), ["ratios:r:m0:d0=AA"]);
        assert_eq!(found(15, [0, 1]), ["ratios:all"]);
    }

    #[test]
    fn an_unsafe_rest_takes_numerator_and_ratio_with_it() {
        let mut table = table(27, [0, 0]);
        // Not all the same below the line, and of the same 27 above it.
        table.contributions.values_mut().flatten().take(12).for_each(|values| values.fill(2));
        let assessment = assess(&table.candidate(), &floor(Grade::Open));
        let [row] = assessment.table().rows() else { panic!("one row") };
        assert!(row[1] == Value::Integer(30) && row[2] == Value::Suppressed && row[4] == Value::Suppressed);
        assert!(row[3] == Value::Integer(42));
    }
}
