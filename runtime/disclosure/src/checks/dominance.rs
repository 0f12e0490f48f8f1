//! The (n, k) dominance rule.
//!
//! **Claim**: a cell whose n largest contributors hold k percent or more of a sum is put before reviewers with the
//! figures. **Limits**: contributors are subjects, not holdings; shares of mixed signs are shares of absolute
//! contributions, which reviewers are told; free values can be tuned to pass. **Source**: disclosure.md, section 2:
//! unsafe iff `100 * (x1 + .. + xn) >= k * X` with `x` absolute and `X` their sum (ACRO's `>=`; tau-Argus has `>`).
//! **Example**, (2, 90): 80, 10 and ten times 1 give 100 * 90 >= 90 * 100: refer. 79, 10 and eleven times 1:
//! 8900 < 9000: pass.

use super::{Check, not_applicable, or_pass};
use crate::appetite::{Appetite, Dominance};
use crate::candidate::{Body, Candidate, Counted, MeasureEvidence};
use crate::finding::{CheckName, Finding, Verdict, measure_name};

/// The check.
pub struct DominanceRule;

impl Check for DominanceRule {
    fn name(&self) -> CheckName {
        CheckName::Dominance
    }

    fn run(&self, candidate: &Candidate, appetite: &Appetite) -> Vec<Finding> {
        let Body::Counted(counted) = candidate.body() else {
            return not_applicable(self.name());
        };
        let what = (self.name(), Verdict::Refer);
        let mut findings = Vec::new();
        for (codes, index, _, measure) in counted.large_sums(appetite) {
            for rule in &appetite.rules().dominance {
                if let Some(sentence) = broken(measure, *rule) {
                    let topic = format!("{},{}", rule.n, rule.k_percent);
                    findings.push(Finding::sum(what, &topic, counted, (codes, index), sentence));
                }
            }
        }
        findings.extend(negatives(counted, appetite));
        if appetite.rules().holding_level && counted.published_measures().next().is_some() {
            let sentence = "This grade asks for dominance by holding, and holdings aren't in the evidence.".to_owned();
            findings.push(Finding::whole(self.name(), Verdict::Refer, "holdings", sentence));
        }
        or_pass(findings, self.name(), "No shown sum is dominated.")
    }
}

fn broken(measure: &MeasureEvidence, rule: Dominance) -> Option<String> {
    let n = rule.n as usize;
    let held: i128 = measure.top.iter().take(n).map(|value| i128::from(value.unsigned_abs())).sum();
    let total = measure.sum_abs;
    // A sum of zeros has no largest contributor; the class rule catches it.
    if total == 0 || held * 100 < i128::from(rule.k_percent) * total {
        return None;
    }
    let (n, k, nonzero) = (rule.n, rule.k_percent, measure.nonzero);
    Some(format!("The {n} largest of {nonzero} contributors hold {held} of {total} steps, {k} % or more."))
}

/// One finding for each published measure that has negative contributions in a shown cell.
fn negatives(counted: &Counted, appetite: &Appetite) -> Vec<Finding> {
    let mut measures: Vec<usize> = counted
        .large_sums(appetite)
        .filter(|(_, _, _, measure)| measure.min < 0)
        .map(|(_, index, _, _)| index)
        .collect();
    measures.sort_unstable();
    measures.dedup();
    let finding = |index: usize| {
        let name = measure_name(counted, index);
        let sentence = format!("{name} has negative contributions: its shares are shares of absolute contributions.");
        Finding::whole(CheckName::Dominance, Verdict::Refer, &format!("negative:{name}"), sentence)
    };
    measures.into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::factory::{Table, floor, ids};
    use sluice_domain::grade::Grade;

    fn found(values: &[i64]) -> Vec<String> {
        let table = Table::new(&[&["AA"]]).measure(-100, 100).values(&[0], values);
        let findings = DominanceRule.run(&table.candidate(), &floor(Grade::Open));
        ids(&findings)
    }

    #[test]
    fn the_worked_example() {
        let mut values = vec![80, 10];
        values.extend([1; 10]);
        assert_eq!(found(&values), ["dominance:2,90:m0:d0=AA"]);
        let mut values = vec![79, 10];
        values.extend([1; 11]);
        assert_eq!(found(&values), ["dominance:all"]);
    }

    #[test]
    fn negative_contributions_are_said() {
        let mut values = vec![-80, 10];
        values.extend([1; 10]);
        assert_eq!(found(&values), ["dominance:2,90:m0:d0=AA", "dominance:negative:m0"]);
    }

    #[test]
    fn what_cannot_be_checked_is_referred() {
        let table = Table::new(&[&["AA"]]).measure(0, 10).values(&[0], &[1; 30]);
        let findings = DominanceRule.run(&table.candidate(), &floor(Grade::Special));
        assert_eq!(ids(&findings), ["dominance:holdings"]);
        assert!(findings.iter().all(|finding| finding.verdict() == Verdict::Refer));
    }
}
