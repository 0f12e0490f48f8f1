//! The p% rule, and pq where the appetite has it.
//!
//! **Claim**: a cell in which the second largest contributor, who knows their own, could estimate the largest to
//! within p percent is put before reviewers. **Limits**: one insider, not a coalition; absolute contributions; no
//! holdings. **Source**: disclosure.md, section 2: unsafe iff `q * (X - x1 - x2) < p * x1`, with q = 100 for p%.
//! **Example**, p = 10: 100, 50 and nine times 1 leave 9: 900 < 1000: refer. With ten times 1, 1000 < 1000 doesn't
//! hold: pass.

use super::{Check, not_applicable, or_pass};
use crate::appetite::{Appetite, PriorPosterior};
use crate::candidate::{Body, Candidate, MeasureEvidence};
use crate::finding::{CheckName, Finding, Verdict};

/// The check.
pub struct PPercent;

impl Check for PPercent {
    fn name(&self) -> CheckName {
        CheckName::PPercent
    }

    fn run(&self, candidate: &Candidate, appetite: &Appetite) -> Vec<Finding> {
        let Body::Counted(counted) = candidate.body() else {
            return not_applicable(self.name());
        };
        let plain = PriorPosterior { p_percent: appetite.rules().p_percent, q_percent: 100 };
        let mut findings = Vec::new();
        for (codes, index, _, measure) in counted.large_sums(appetite) {
            for rule in std::iter::once(plain).chain(appetite.rules().prior_posterior) {
                if let Some(sentence) = broken(measure, rule) {
                    let topic = format!("{},{}", rule.p_percent, rule.q_percent);
                    let what = (self.name(), Verdict::Refer);
                    findings.push(Finding::sum(what, &topic, counted, (codes, index), sentence));
                }
            }
        }
        or_pass(findings, self.name(), "No shown sum gives its largest contributor away.")
    }
}

fn broken(measure: &MeasureEvidence, rule: PriorPosterior) -> Option<String> {
    let mut top = measure.top.iter().map(|value| i128::from(value.unsigned_abs()));
    let (first, second) = (top.next().unwrap_or(0), top.next().unwrap_or(0));
    let rest = measure.sum_abs - first - second;
    if rest * i128::from(rule.q_percent) >= i128::from(rule.p_percent) * first {
        return None;
    }
    let p = rule.p_percent;
    Some(format!("Beside the two largest only {rest} steps are left: the largest, {first}, is known within {p} %."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::factory::{Table, floor, ids};
    use sluice_domain::grade::Grade;

    fn found(ones: usize, grade: Grade) -> Vec<String> {
        let mut values = vec![100, 50];
        values.extend(vec![1; ones]);
        let table = Table::new(&[&["AA"]]).measure(0, 100).values(&[0], &values);
        let findings = PPercent.run(&table.candidate(), &floor(grade));
        ids(&findings)
    }

    #[test]
    fn the_worked_example() {
        assert_eq!(found(9, Grade::Open), ["p_percent:10,100:m0:d0=AA"]);
        assert_eq!(found(10, Grade::Open), ["p_percent:all"]);
    }

    #[test]
    fn the_pq_rule_is_stricter_than_its_p() {
        // 15 % of 100 are 15; with q = 80 it takes 18.75.
        assert_eq!(found(15, Grade::Restricted), ["p_percent:15,80:m0:d0=AA"]);
        assert_eq!(found(19, Grade::Restricted), ["p_percent:all"]);
    }
}
