//! Linear relations between measures.
//!
//! **Claim**: where all terms of a declared relation are published, what they add up to is published too, and undergoes
//! every rule: where it breaks one, the first term is withheld. Where the sum of the terms is a published measure itself,
//! all of them are withheld in a cell as soon as one is, since each follows from the others. What is left of a relation
//! of which all measures are published undergoes the rules too, where it isn't 0 for everybody: it shows whose values
//! were held within bounds, and by how much. **Limits**: relations are
//! what the agency declares; where it declares none and several measures are published, [`super::unchecked`] says so.
//! **Source**: disclosure.md, section 2 ("the dictionary lists linear relations between measures (profit = revenue -
//! cost)"); attacks.md, row 46. **Example**: revenue and cost of 20 firms, equal but for one firm with a profit: revenue
//! is withheld.

use super::{Check, not_applicable, or_pass, pass, ratios};
use crate::appetite::Appetite;
use crate::candidate::{Body, Candidate, Counted, Relation};
use crate::finding::{CheckName, Finding, Verdict};
use crate::primary::{self, Quantity};

/// The check.
pub struct Relations;

impl Check for Relations {
    fn name(&self) -> CheckName {
        CheckName::Relations
    }

    fn run(&self, candidate: &Candidate, appetite: &Appetite) -> Vec<Finding> {
        let Body::Counted(counted) = candidate.body() else {
            return not_applicable(self.name());
        };
        if counted.relations().is_empty() {
            return pass(self.name(), "No relation is declared.");
        }
        // Relations come last in the evidence, after measures and ratios.
        let first = counted.contract().measures.len() + counted.derived().len() - counted.relations().len();
        let what = (self.name(), Verdict::Suppress);
        let mut findings = Vec::new();
        for (figure, evidence) in counted.large(appetite) {
            for (relation, place) in counted.relations().iter().zip(first..) {
                let Some((term, _)) = relation.terms.first().filter(|_| shows_terms(counted, relation)) else {
                    continue;
                };
                if relation.residual && primary::is_nobodys(evidence, Quantity::Sum(place)) {
                    continue;
                }
                let rules = primary::broken(evidence, Quantity::Sum(place), None, appetite.rules());
                let names = ratios::named(&rules);
                if !names.is_empty() {
                    let sentence = format!("{} follows from what is published and breaks: {names}.", relation.name);
                    let place = (&figure.node, Quantity::Sum(*term as usize));
                    findings.push(Finding::figure(what, &relation.name, counted, place, sentence));
                }
            }
        }
        or_pass(findings, self.name(), "What follows from the declared relations is safe.")
    }
}

fn shows(counted: &Counted, measure: usize) -> bool {
    counted.published_measures().any(|published| published == measure)
}

fn shows_terms(counted: &Counted, relation: &Relation) -> bool {
    relation.terms.iter().all(|(measure, _)| shows(counted, *measure as usize))
}

/// The measures that follow from each other in one cell: those of a relation whose sum is a measure, all published.
pub(crate) fn bound_together(counted: &Counted) -> Vec<Vec<usize>> {
    let whole =
        |relation: &&Relation| relation.equals.is_some() && relation.measures().all(|measure| shows(counted, measure));
    counted.relations().iter().filter(whole).map(|relation| relation.measures().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Value;
    use crate::tests::factory::{Table, assess, counted, floor, ids};
    use sluice_domain::contract::Statistic;
    use sluice_domain::grade::Grade;

    fn firms(profits: [i64; 2], equals: Option<u32>) -> Table {
        let mut table = Table::new(&[&["x"]]).measure(0, 1_000).measure(0, 1_000).measure(-1_000, 1_000);
        if equals.is_none() {
            table.contract.statistics.pop();
        }
        table.relations =
            vec![Relation { name: "profit".to_owned(), terms: vec![(0, 1), (1, -1)], equals, residual: false }];
        let firm = |i: i64| {
            let profit = if i == 0 { profits[0] } else { profits[1] * (i % 3) };
            vec![200 + 7 * i + profit, 200 + 7 * i, profit]
        };
        table.contributions.insert(vec![0], (0..20).map(firm).collect());
        table
    }

    #[test]
    fn the_worked_example() {
        let found = |profits| ids(&Relations.run(&firms(profits, None).candidate(), &floor(Grade::Open)));
        assert_eq!(found([50, 0]), ["relations:profit:m0:d0=x"]);
        assert_eq!(found([50, 30]), ["relations:all"]);
    }

    #[test]
    fn attack_46_one_of_three_measures_does_not_follow_from_the_others() {
        let shown = |profits| {
            let assessment = assess(&firms(profits, Some(2)).candidate(), &floor(Grade::Open));
            let [row] = assessment.table().rows() else { panic!("one row") };
            row[2..].iter().map(|value| *value == Value::Suppressed).collect::<Vec<bool>>()
        };
        assert_eq!(shown([50, 30]), [false; 3]);
        // Profit is dominated, so revenue and cost go too.
        assert_eq!(shown([50, 0]), [true; 3]);
    }

    #[test]
    fn what_is_not_published_gives_nothing_away() {
        let sums = |published: &[u32], equals| {
            let mut table = firms([50, 0], equals);
            table.contract.statistics = std::iter::once(Statistic::Subjects)
                .chain(published.iter().map(|index| Statistic::Sum(*index)))
                .collect();
            table.candidate()
        };
        let found = |published: &[u32]| ids(&Relations.run(&sums(published, None), &floor(Grade::Open)));
        assert_eq!(found(&[0, 1]), ["relations:profit:m0:d0=x"]);
        assert_eq!(found(&[0]), ["relations:all"]);
        assert_eq!(found(&[1, 2]), ["relations:all"]);
        let together = |published: &[u32], equals| bound_together(counted(&sums(published, equals)));
        assert_eq!(together(&[0, 1, 2], Some(2)), [[0, 1, 2]]);
        assert_eq!(together(&[0, 1], Some(2)), Vec::<Vec<usize>>::new());
        assert_eq!(together(&[0, 1, 2], None), Vec::<Vec<usize>>::new());
    }

    #[test]
    fn the_difference_is_judged_and_no_measure_beside_it() {
        // Two measures alone, so that what is derived comes right after them.
        let mut table = Table::new(&[&["x"]]).measure(0, 1_000).measure(0, 1_000);
        table.relations =
            vec![Relation { name: "profit".to_owned(), terms: vec![(0, 1), (1, -1)], equals: None, residual: false }];
        let firm = |i: i64| vec![200 + 7 * i + i64::from(i == 0) * 50, 200 + 7 * i];
        table.contributions.insert(vec![0], (0..20).map(firm).collect());
        let findings = Relations.run(&table.candidate(), &floor(Grade::Open));
        assert_eq!(ids(&findings), ["relations:profit:m0:d0=x"]);
        assert_eq!(
            findings[0].sentence(),
            "profit follows from what is published and breaks: contributors, dominance:2,90, p_percent:10,100."
        );
    }

    #[test]
    fn a_relation_is_between_measures_of_the_contract() {
        let refused = |terms: &[(u32, i32)], equals| {
            let mut table = firms([50, 30], None);
            table.relations =
                vec![Relation { name: "profit".to_owned(), terms: terms.to_vec(), equals, residual: false }];
            table.built(&table.entries()).err()
        };
        assert_eq!(refused(&[(0, 1), (1, -1)], Some(2)), None);
        for terms in [&[][..], &[(3, 1)], &[(0, 0)], &[(0, 1), (0, 1)]] {
            assert_eq!(refused(terms, None), Some(crate::candidate::Mismatch::Relation));
        }
        assert_eq!(refused(&[(0, 1)], Some(0)), Some(crate::candidate::Mismatch::Relation));
        assert_eq!(refused(&[(0, 1)], Some(3)), Some(crate::candidate::Mismatch::Relation));
    }
}
