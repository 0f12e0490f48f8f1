//! The p% rule, and pq where the appetite has it.
//!
//! **Claim**: a sum, of an inner cell or a margin, in which the second largest subject or group, who knows their own,
//! could estimate the largest to within p percent is withheld. **Limits**: one insider, not a coalition; absolute
//! contributions. **Source**: disclosure.md, section 2: unsafe iff `q * (X - x1 - x2) < p * x1`, with q = 100 for p%.
//! **Example**, p = 10: 100, 50 and nine times 1 leave 9: 900 < 1000: suppressed. With ten times 1, 1000 < 1000
//! doesn't hold: pass.

use super::{Check, not_applicable, or_pass};
use crate::appetite::{Appetite, PriorPosterior, Rules};
use crate::candidate::{Body, Candidate};
use crate::evidence::{Shares, Spread};
use crate::finding::{CheckName, Finding, Verdict};

/// The check.
pub struct PPercent;

/// The rules that subjects or groups break.
pub(crate) fn broken<'a>(spread: &'a Spread, rules: &'a Rules) -> impl Iterator<Item = PriorPosterior> + 'a {
    let plain = PriorPosterior { p_percent: rules.p_percent, q_percent: 100 };
    let unsafe_by = |rule: &PriorPosterior| given_away(&spread.subjects, *rule) || given_away(&spread.groups, *rule);
    std::iter::once(plain).chain(rules.prior_posterior).filter(unsafe_by)
}

/// Unsafe iff `q * (X - x1 - x2) < p * x1`, of absolute contributions.
pub(crate) fn given_away(shares: &Shares, rule: PriorPosterior) -> bool {
    let (first, rest) = first_and_rest(shares);
    rest.saturating_mul(i128::from(rule.q_percent)) < first.saturating_mul(i128::from(rule.p_percent))
}

/// The largest, and what the two largest leave.
fn first_and_rest(shares: &Shares) -> (i128, i128) {
    let mut top = shares.top.iter().map(|value| value.saturating_abs());
    let (first, second) = (top.next().unwrap_or(0), top.next().unwrap_or(0));
    (first, shares.sum_abs.saturating_sub(first).saturating_sub(second))
}

impl Check for PPercent {
    fn name(&self) -> CheckName {
        CheckName::PPercent
    }

    fn run(&self, candidate: &Candidate, appetite: &Appetite) -> Vec<Finding> {
        let Body::Counted(counted) = candidate.body() else {
            return not_applicable(self.name());
        };
        let what = (self.name(), Verdict::Suppress);
        let mut findings = Vec::new();
        for sum in counted.large_sums(appetite) {
            let Some(spread) = sum.evidence.measures.get(sum.index) else { continue };
            for rule in broken(spread, appetite.rules()) {
                let topic = format!("{},{}", rule.p_percent, rule.q_percent);
                let sentence = worded(spread, rule);
                findings.push(Finding::figure(what, &topic, counted, (&sum.node, sum.quantity()), sentence));
            }
        }
        or_pass(findings, self.name(), "No shown sum gives its largest contributor away.")
    }
}

/// What a rule has to say of a spread, by subject where subjects already break it.
pub(crate) fn worded(spread: &Spread, rule: PriorPosterior) -> String {
    let by_subject = given_away(&spread.subjects, rule);
    let (shares, unit) = if by_subject { (&spread.subjects, "subject") } else { (&spread.groups, "group") };
    let ((first, rest), p) = (first_and_rest(shares), rule.p_percent);
    format!("Beside the two largest only {rest} is left: the largest {unit}, {first}, is known within {p} %.")
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
        ids(&PPercent.run(&table.candidate(), &floor(grade)))
    }

    #[test]
    fn the_worked_example() {
        assert_eq!(found(9, Grade::Open), ["p_percent:10,100:m0:d0=AA"]);
        assert_eq!(found(10, Grade::Open), ["p_percent:all"]);
        let table = Table::new(&[&["AA"]]).measure(-100, 100).values(&[0], &[&[-100, 50], [1; 9].as_slice()].concat());
        let findings = PPercent.run(&table.candidate(), &floor(Grade::Open));
        assert_eq!(
            findings[0].sentence(),
            "Beside the two largest only 9 is left: the largest subject, 100, is known within 10 %."
        );
    }

    #[test]
    fn the_pq_rule_is_stricter_than_its_p() {
        // 15 % of 100 are 15; with q = 80 it takes 18.75.
        assert_eq!(found(15, Grade::Restricted), ["p_percent:15,80:m0:d0=AA"]);
        assert_eq!(found(19, Grade::Restricted), ["p_percent:all"]);
    }

    #[test]
    fn a_group_is_given_away_as_a_subject_is() {
        let table = Table::new(&[&["AA"]]).measure(0, 10).values(&[0], &[[10; 9].as_slice(), &[1; 5]].concat());
        let single = ids(&PPercent.run(&table.candidate(), &floor(Grade::Open)));
        assert_eq!(single, ["p_percent:all"]);
        let grouped = table.grouped(|subject| if subject < 6 { 0 } else { u64::from(subject.min(9)) / 9 + 1 });
        let findings = PPercent.run(&grouped.candidate(), &floor(Grade::Open));
        // Groups: 60 of six, 30 of three, 5 of five: 5 * 100 < 10 * 60.
        assert_eq!(ids(&findings), ["p_percent:10,100:m0:d0=AA"]);
        assert!(findings[0].sentence().contains("the largest group, 60,"));
    }
}
