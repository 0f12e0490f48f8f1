//! The (n, k) dominance rule.
//!
//! **Claim**: a sum, of an inner cell or a margin, whose n largest subjects or groups hold k percent or more of it is
//! withheld, and reviewers see the figures. **Limits**: shares of mixed signs are shares of absolute contributions,
//! which reviewers are told; free values can be tuned to pass. **Source**: disclosure.md, section 2: unsafe iff
//! `100 * (x1 + .. + xn) >= k * X` with `x` absolute and `X` their sum (ACRO's `>=`; tau-Argus has `>`). **Example**,
//! (2, 90): 80, 10 and ten times 1 give 100 * 90 >= 90 * 100: suppressed. 79, 10 and eleven times 1: 8900 < 9000: pass.

use super::{Check, not_applicable, or_pass};
use crate::appetite::{Appetite, Dominance, Rules};
use crate::candidate::{Body, Candidate, Counted};
use crate::evidence::{Shares, Spread};
use crate::finding::{CheckName, Finding, Verdict, measure_name};

/// The check.
pub struct DominanceRule;

/// The rules that subjects or groups break.
pub(crate) fn broken<'a>(spread: &'a Spread, rules: &'a Rules) -> impl Iterator<Item = Dominance> + 'a {
    let unsafe_by = |rule: &&Dominance| dominated(&spread.subjects, **rule) || dominated(&spread.groups, **rule);
    rules.dominance.iter().filter(unsafe_by).copied()
}

/// Unsafe iff `100 * (x1 + ... + xn) >= k * X`; a sum of zeros has no largest contributor, the class rule catches it.
pub(crate) fn dominated(shares: &Shares, rule: Dominance) -> bool {
    let held = held(shares, rule.n);
    held > 0 && held.saturating_mul(100) >= shares.sum_abs.saturating_mul(i128::from(rule.k_percent))
}

fn held(shares: &Shares, n: u32) -> i128 {
    shares.top.iter().take(n as usize).fold(0, |sum: i128, value| sum.saturating_add(value.saturating_abs()))
}

impl Check for DominanceRule {
    fn name(&self) -> CheckName {
        CheckName::Dominance
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
                let topic = format!("{},{}", rule.n, rule.k_percent);
                let sentence = worded(spread, rule);
                findings.push(Finding::figure(what, &topic, counted, (&sum.node, sum.quantity()), sentence));
            }
        }
        findings.extend(negatives(counted, appetite));
        if appetite.rules().holding_level && !counted.grouped() && counted.published_measures().next().is_some() {
            let sentence = "This grade asks for dominance by holding, and the dataset declares no groups.".to_owned();
            findings.push(Finding::whole(self.name(), Verdict::Refer, "holdings", sentence));
        }
        or_pass(findings, self.name(), "No shown sum is dominated.")
    }
}

/// What a rule has to say of a spread, by subject where subjects already break it.
pub(crate) fn worded(spread: &Spread, rule: Dominance) -> String {
    let by_subject = dominated(&spread.subjects, rule);
    let (shares, units) = if by_subject { (&spread.subjects, "subjects") } else { (&spread.groups, "groups") };
    let (n, k, nonzero, held, total) = (rule.n, rule.k_percent, shares.nonzero, held(shares, rule.n), shares.sum_abs);
    format!("The {n} largest of {nonzero} contributing {units} hold {held} of {total}, {k} % or more.")
}

/// One finding for each published measure that has negative contributions in a shown cell.
fn negatives(counted: &Counted, appetite: &Appetite) -> Vec<Finding> {
    let negative = counted.large_sums(appetite).filter(|sum| {
        let lowest = sum.evidence.measures.get(sum.index).and_then(|spread| spread.subjects.lowest.first());
        lowest.is_some_and(|value| *value < 0)
    });
    let mut measures: Vec<usize> = negative.map(|sum| sum.index).collect();
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
        ids(&DominanceRule.run(&table.candidate(), &floor(Grade::Open)))
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
        // A contribution of 0 isn't negative, and shares are of absolute contributions: 30 of 45.
        assert_eq!(found(&[&[20, 10], [0; 3].as_slice(), &[1; 15]].concat()), ["dominance:all"]);
        let mixed = [&[-20, 10], [1; 15].as_slice()].concat();
        assert_eq!(found(&mixed), ["dominance:negative:m0"]);
        let table = Table::new(&[&["AA"]]).measure(-100, 100).values(&[0], &mixed);
        let findings = DominanceRule.run(&table.candidate(), &floor(Grade::Open));
        assert_eq!(
            findings[0].sentence(),
            "m0 has negative contributions: its shares are shares of absolute contributions."
        );
    }

    #[test]
    fn a_sum_of_zeros_has_no_largest_and_absolute_shares_are_said() {
        assert_eq!(found(&[0; 12]), ["dominance:all"]);
        let values = [&[-80, 10], [1; 10].as_slice()].concat();
        let table = Table::new(&[&["AA"]]).measure(-100, 100).values(&[0], &values);
        let findings = DominanceRule.run(&table.candidate(), &floor(Grade::Open));
        assert_eq!(findings[0].sentence(), "The 2 largest of 12 contributing subjects hold 90 of 100, 90 % or more.");
    }

    #[test]
    fn a_group_dominates_as_a_subject_does() {
        let table = Table::new(&[&["AA"]]).measure(0, 10).values(&[0], &[1; 40]);
        let table = table.grouped(|subject| u64::from(subject).saturating_sub(29));
        let findings = DominanceRule.run(&table.candidate(), &floor(Grade::Restricted));
        assert_eq!(ids(&findings), ["dominance:1,65:m0:d0=AA"]);
        assert_eq!(findings[0].sentence(), "The 1 largest of 11 contributing groups hold 30 of 40, 65 % or more.");
    }

    #[test]
    fn a_margin_is_dominated_by_whom_its_cells_share() {
        // 8 of 20 in each of three cells, and one subject has all three.
        let mut table = Table::new(&[&["AA", "UA", "WN"]]).measure(0, 10).margins(&[&[]]);
        table.contract.cells_per_subject = 3;
        for code in 0..3 {
            table = table.same_subject(&[code], 0, &[8]);
            for subject in 0..12 {
                table = table.same_subject(&[code], 1 + code * 12 + subject, &[1]);
            }
        }
        let tight = floor(Grade::Open)
            .tightened(&crate::appetite::Overrides {
                dominance: vec![Dominance { n: 1, k_percent: 40 }, Dominance { n: 2, k_percent: 46 }],
                ..Default::default()
            })
            .expect("tighter");
        let all: Vec<String> = ids(&DominanceRule.run(&table.candidate(), &tight));
        assert_eq!(
            all,
            ["dominance:1,40:m0:d0=AA", "dominance:1,40:m0:d0=UA", "dominance:1,40:m0:d0=WN", "dominance:1,40:m0:d0=*"]
        );
    }

    #[test]
    fn what_cannot_be_checked_is_referred() {
        let table = Table::new(&[&["AA"]]).measure(0, 10).values(&[0], &[1; 30]);
        let findings = DominanceRule.run(&table.candidate(), &floor(Grade::Special));
        assert_eq!(ids(&findings), ["dominance:holdings"]);
        assert!(findings.iter().all(|finding| finding.verdict() == Verdict::Refer));
    }
}
