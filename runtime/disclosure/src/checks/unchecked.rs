//! What nobody has checked yet.
//!
//! **Claim**: a check that isn't done is listed as such, with what a reviewer should look at instead, and never counts
//! as passed. **Limits**: it knows what this crate knows of. **Source**: attacks.md: "checks that always pass: ACRO's
//! linked-table check returns pass with a note. A check we can't do returns Refer". **Example**: a table with two
//! published measures, one of which is in no declared relation: refer `unchecked:relations`, besides what every counted
//! table has.

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
    let mut topics = vec![(
        "linked",
        "Withheld cells are protected within this table, not against other tables or what is known outside.",
    )];
    let related = |measure: usize| counted.relations().iter().any(|relation| relation.measures().any(|m| m == measure));
    if counted.published_measures().count() > 1 && !counted.published_measures().all(related) {
        topics.push(("relations", "No linear relation is known of some of the measures, so none of those is checked."));
    }
    topics
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidate::Relation;
    use crate::tests::factory::{Table, floor, ids};
    use sluice_domain::grade::Grade;

    #[test]
    fn the_worked_example() {
        let table = Table::new(&[&["AA"]]).measure(0, 9).values(&[0], &[1; 12]);
        let findings = Unchecked.run(&table.candidate(), &floor(Grade::Open));
        assert_eq!(ids(&findings), ["unchecked:linked"]);
        let two = Table::new(&[&["AA"]]).measure(0, 9).measure(0, 9).same_subject(&[0], 0, &[1, 2]);
        let findings = Unchecked.run(&two.candidate(), &floor(Grade::Open));
        assert_eq!(ids(&findings), ["unchecked:linked", "unchecked:relations"]);
        assert!(findings.iter().all(|finding| finding.verdict() == Verdict::Refer));
    }

    #[test]
    fn a_relation_speaks_for_its_own_measures_alone() {
        let found = |published: u32, terms: &[(u32, i32)]| {
            let mut table = Table::new(&[&["AA"]]).same_subject(&[0], 0, &vec![1; published as usize]);
            table = (0..published).fold(table, |table, _| table.measure(0, 9));
            table.relations =
                vec![Relation { name: "sum".to_owned(), terms: terms.to_vec(), equals: None, residual: false }];
            ids(&Unchecked.run(&table.candidate(), &floor(Grade::Open)))
        };
        assert_eq!(found(2, &[(0, 1), (1, -1)]), ["unchecked:linked"]);
        assert_eq!(found(3, &[(0, 1), (1, -1)]), ["unchecked:linked", "unchecked:relations"]);
        assert_eq!(found(3, &[(0, 1), (1, -1), (2, 2)]), ["unchecked:linked"]);
    }
}
