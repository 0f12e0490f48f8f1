//! Degrees of freedom.
//!
//! **Claim**: a ratio or a mean over N subjects is published only if `N - 1` is at least the appetite's degrees of
//! freedom; else its numerator is withheld, since from both sums everybody works the ratio out. **Limits**: models have
//! their own degrees of freedom, and this lane publishes none. **Source**: disclosure.md, section 2 ("DoF: N - rank < 10;
//! tables: N - 1 < 10"), after SACRO's residual degrees of freedom. **Example**, 10: a ratio over 10 subjects: suppressed;
//! over 11: pass.

use super::{Check, not_applicable, or_pass};
use crate::appetite::Appetite;
use crate::candidate::{Body, Candidate, ratios};
use crate::finding::{CheckName, Finding, Verdict};
use crate::primary::Quantity;

/// The check.
pub struct Freedom;

impl Check for Freedom {
    fn name(&self) -> CheckName {
        CheckName::Freedom
    }

    fn run(&self, candidate: &Candidate, appetite: &Appetite) -> Vec<Finding> {
        let Body::Counted(counted) = candidate.body() else {
            return not_applicable(self.name());
        };
        let needed = appetite.rules().degrees_of_freedom;
        let what = (self.name(), Verdict::Suppress);
        let mut findings = Vec::new();
        for (figure, evidence) in counted.large(appetite) {
            let freedom = evidence.subjects.saturating_sub(1);
            for ratio in ratios(counted.contract()).filter(|_| freedom < needed) {
                let name = &ratio.name;
                let sentence = format!("{name} has {freedom} degrees of freedom, and at least {needed} are needed.");
                let place = (&figure.node, Quantity::Sum(ratio.numerator as usize));
                findings.push(Finding::figure(what, name, counted, place, sentence));
            }
        }
        or_pass(findings, self.name(), "Every shown ratio has the degrees of freedom that it needs.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::factory::{Table, floor, ids};
    use sluice_domain::grade::Grade;

    #[test]
    fn the_worked_example() {
        let found = |subjects: i64| {
            let mut table = Table::new(&[&["AA"]]).measure(0, 100).measure(0, 100).ratio(0, 1);
            table.contributions.insert(vec![0], (1..=subjects).map(|i| vec![i, 100 - i]).collect());
            ids(&Freedom.run(&table.candidate(), &floor(Grade::Open)))
        };
        assert_eq!(found(10), ["freedom:r:m0:d0=AA"]);
        assert_eq!(found(11), ["freedom:all"]);
    }
}
