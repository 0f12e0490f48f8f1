//! What nobody has checked yet.
//!
//! **Claim**: a check that isn't done is listed as such, with what a reviewer should look at instead, and never counts
//! as passed. **Limits**: it knows what this crate knows of. **Source**: attacks.md: "checks that always pass: ACRO's
//! linked-table check returns pass with a note. A check we can't do returns Refer". **Example**: a table with a ratio:
//! refer `unchecked:ratios`, besides those that every counted table has.

use sluice_domain::contract::Statistic;

use super::{Check, or_pass};
use crate::appetite::Appetite;
use crate::candidate::{Body, Candidate, Counted};
use crate::finding::{CheckName, Finding, Verdict};

/// The check.
pub struct Unchecked;

impl Check for Unchecked {
    fn name(&self) -> CheckName {
        CheckName::Unchecked
    }

    fn run(&self, candidate: &Candidate, _appetite: &Appetite) -> Vec<Finding> {
        let topics = match candidate.body() {
            Body::Counted(counted) => counted_topics(counted),
            Body::Written(_) => {
                vec![("content", "What the values stand for isn't checked: no counts of subjects are behind them.")]
            }
        };
        let refer =
            |(topic, sentence): (&str, &str)| Finding::whole(self.name(), Verdict::Refer, topic, sentence.to_owned());
        or_pass(topics.into_iter().map(refer).collect(), self.name(), "Nothing known is left unchecked.")
    }
}

fn counted_topics(counted: &Counted) -> Vec<(&'static str, &'static str)> {
    let mut topics = vec![
        ("history", "Earlier releases aren't compared: a difference between two tables may isolate someone."),
        ("linked", "Suppressed cells aren't audited against other tables or against what is known outside."),
        ("groups", "Subjects aren't merged into households or legal-person groups, nor is the largest group left out."),
        ("padding", "Whether a cell was padded with known subjects isn't checked: read the query and the module."),
    ];
    let statistics = &counted.contract().statistics;
    if statistics.iter().any(|statistic| matches!(statistic, Statistic::Sum(_))) {
        topics.push(("complements", "Sums of the distances to the declared bounds aren't checked."));
    }
    if counted.published_measures().count() > 1 {
        topics.push(("relations", "Linear relations between the measures aren't checked."));
    }
    if statistics.iter().any(|statistic| matches!(statistic, Statistic::Ratio(_))) {
        topics.push(("ratios", "The difference between a ratio's denominator and numerator isn't checked."));
    }
    topics
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::factory::{Table, floor, ids};
    use sluice_domain::contract::Ratio;
    use sluice_domain::grade::Grade;

    #[test]
    fn the_worked_example() {
        let mut table = Table::new(&[&["AA"]]).measure(0, 9).values(&[0], &[1; 12]);
        let ratio = Ratio { name: "r".to_owned(), numerator: 0, denominator: 0, scale: 2 };
        table.contract.statistics.push(Statistic::Ratio(ratio));
        let findings = Unchecked.run(&table.candidate(), &floor(Grade::Open));
        assert!(ids(&findings).contains(&"unchecked:ratios".to_owned()));
        assert!(findings.iter().all(|finding| finding.verdict() == Verdict::Refer));
    }
}
