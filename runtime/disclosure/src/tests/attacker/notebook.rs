//! What the attacker asked, and what it makes of the answers.

use std::collections::{BTreeMap, BTreeSet};

use super::elimination::Equations;
use super::query::{Answer, Column, Desk, Measure, Query, Tweak};
use super::town::{Public, Town};

/// How many operators collude.
pub(crate) const OPERATORS: usize = 5;

/// Something that the attacker is certain of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Claim {
    Ill(u32, bool),
    Income(u32, i128),
}

impl Claim {
    pub(crate) fn subject(self) -> u32 {
        match self {
            Claim::Ill(subject, _) | Claim::Income(subject, _) => subject,
        }
    }

    pub(crate) fn is_right(self, town: &Town) -> bool {
        match self {
            Claim::Ill(subject, ill) => town.person(subject).is_ill() == ill,
            Claim::Income(subject, income) => town.person(subject).income == income,
        }
    }
}

/// How many people claims are right about.
///
/// # Panics
/// If a claim is wrong: the attacker claims only what follows.
pub(crate) fn isolated(town: &Town, claims: &[Claim]) -> usize {
    for claim in claims {
        assert!(claim.is_right(town), "{claim:?} is wrong");
    }
    claims.iter().map(|claim| claim.subject()).collect::<BTreeSet<_>>().len()
}

/// An equation over people: its terms, and its value.
type Equation = (Vec<(u32, i64)>, i128);

/// Asks at a desk, as one operator after the other, and writes every exact figure down as an equation.
pub(crate) struct Notebook<'a> {
    desk: &'a mut dyn Desk,
    pub(crate) public: &'a Public,
    pub(crate) asked: usize,
    /// Of the numbers of ill people.
    pub(crate) illness: BTreeSet<Equation>,
    /// Of the sums of incomes.
    pub(crate) incomes: BTreeSet<Equation>,
}

impl<'a> Notebook<'a> {
    pub(crate) fn new(desk: &'a mut dyn Desk, public: &'a Public) -> Notebook<'a> {
        Notebook { desk, public, asked: 0, illness: BTreeSet::new(), incomes: BTreeSet::new() }
    }

    pub(crate) fn ask(&mut self, query: &Query) -> Answer {
        let answer = self.desk.ask(self.asked % OPERATORS, query);
        self.asked += 1;
        if let Answer::Released(table) = &answer
            && table.base <= 1
        {
            for (codes, figure) in &table.rows {
                if let Some(figure) = figure {
                    self.write_down(query, codes, *figure);
                }
            }
        }
        answer
    }

    /// The exact figure of a query that isn't grouped.
    pub(crate) fn figure(&mut self, query: &Query) -> Option<i128> {
        match self.ask(query) {
            Answer::Released(table) if table.base <= 1 => table.rows.first().and_then(|row| row.1),
            _ => None,
        }
    }

    /// The people that a figure is of, as far as that is public: illness isn't looked at.
    fn people(&self, query: &Query, codes: &[u32]) -> Vec<u32> {
        let cell: BTreeMap<Column, u32> = query.by.iter().copied().zip(codes.iter().copied()).collect();
        let is_in = |subject: &u32| {
            let columns = &self.public.codes[*subject as usize];
            let passes = columns.iter().all(|(column, code)| query.allowed(*column, *code));
            passes && columns.iter().all(|(column, code)| cell.get(column).is_none_or(|wanted| wanted == code))
        };
        self.public.ordinals().filter(|subject| !query.exclude.contains(subject) && is_in(subject)).collect()
    }

    fn write_down(&mut self, query: &Query, codes: &[u32], figure: i128) {
        let grouped = query.by.iter().position(|column| *column == Column::Ill).and_then(|place| codes.get(place));
        let may_be = |code: u32| query.allowed(Column::Ill, code) && grouped.is_none_or(|grouped| *grouped == code);
        let people = self.people(query, codes);
        let ones = |people: &[u32]| people.iter().map(|subject| (*subject, 1)).collect::<Vec<_>>();
        match (query.measure, may_be(0), may_be(1)) {
            (Measure::Subjects, false, true) => {
                self.illness.insert((ones(&people), figure));
            }
            (Measure::Subjects, true, false) => {
                self.illness.insert((ones(&people), people.len() as i128 - figure));
            }
            (Measure::Income, true, true) => {
                let coefficient = |subject: u32| match query.tweak {
                    Tweak::Twice(tweaked) if tweaked == subject => 2,
                    Tweak::Replaced(tweaked, _) if tweaked == subject => 0,
                    _ => 1,
                };
                let terms: Vec<_> = people.iter().map(|subject| (*subject, coefficient(*subject))).collect();
                let put_in = match query.tweak {
                    Tweak::Replaced(tweaked, income) if people.contains(&tweaked) => income,
                    _ => 0,
                };
                self.incomes.insert((terms.into_iter().filter(|term| term.1 != 0).collect(), figure - put_in));
            }
            // A number of people is public, and incomes of the ill aren't linear in what is unknown.
            _ => {}
        }
    }

    /// What follows from all figures together, by elimination: claims about people who aren't accomplices.
    pub(crate) fn solved(&self) -> Vec<Claim> {
        let solve = |equations: &BTreeSet<Equation>, known: &dyn Fn(&(bool, i128)) -> i128| {
            let mut system = Equations::new(self.public.codes.len());
            for (subject, facts) in &self.public.accomplices {
                system.add(&[(*subject, 1)], known(facts));
            }
            for (terms, value) in equations {
                system.add(terms, *value);
            }
            assert_eq!(system.contradictions, 0, "exact figures don't contradict one another");
            system.determined()
        };
        let is_target = |subject: &u32| !self.public.accomplices.contains_key(subject);
        let ill = solve(&self.illness, &|facts| facts.0.into())
            .into_iter()
            .map(|(subject, value)| Claim::Ill(subject, value == 1));
        let income = solve(&self.incomes, &|facts| facts.1)
            .into_iter()
            .map(|(subject, value)| Claim::Income(subject, value.into()));
        ill.chain(income).filter(|claim| is_target(&claim.subject())).collect()
    }
}
