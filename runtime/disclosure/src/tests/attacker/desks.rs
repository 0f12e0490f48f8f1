//! Two desks that the attacker beats.

use std::collections::{BTreeMap, BTreeSet};

use super::query::{Answer, Column, Desk, Measure, Query, Table, Tweak};
use super::town::Town;

/// The least number of people behind a figure.
pub(crate) const THRESHOLD: usize = 10;

/// Answers every query by itself, withholds figures of fewer people than the threshold, and remembers nothing.
pub(crate) struct Naive {
    pub(crate) town: Town,
}

/// As [`Naive`], and holds back whatever differs from something released by fewer people than the threshold.
pub(crate) struct Careful {
    town: Town,
    released: BTreeSet<(Measure, Vec<u32>)>,
}

impl Careful {
    pub(crate) fn new(town: Town) -> Careful {
        Careful { town, released: BTreeSet::new() }
    }
}

impl Desk for Naive {
    fn ask(&mut self, _operator: usize, query: &Query) -> Answer {
        answer(&self.town, query, &groups(&self.town, query))
    }
}

impl Desk for Careful {
    fn ask(&mut self, _operator: usize, query: &Query) -> Answer {
        let groups = groups(&self.town, query);
        let shown = || groups.values().filter(|people| people.len() >= THRESHOLD);
        let close = shown().any(|people| {
            let earlier = self.released.iter().filter(|(measure, _)| *measure == query.measure);
            let differing = |(_, other): &(Measure, Vec<u32>)| {
                let common = people.iter().filter(|subject| other.binary_search(subject).is_ok()).count();
                people.len() + other.len() - 2 * common
            };
            earlier.map(differing).any(|differing| (1..THRESHOLD).contains(&differing))
        });
        // It looks at the program, too: no income is tweaked here.
        if close || query.tweak != Tweak::AsIs {
            return Answer::Held;
        }
        let released: Vec<_> = shown().map(|people| (query.measure, people.clone())).collect();
        self.released.extend(released);
        answer(&self.town, query, &groups)
    }
}

/// The people of each cell that occurs, in rising order.
fn groups(town: &Town, query: &Query) -> BTreeMap<Vec<u32>, Vec<u32>> {
    const COLUMNS: [Column; 6] = [Column::Region, Column::City, Column::Age, Column::Sex, Column::Birth, Column::Ill];
    let mut groups = BTreeMap::<Vec<u32>, Vec<u32>>::new();
    for subject in town.ordinals().filter(|subject| !query.exclude.contains(subject)) {
        let person = town.person(subject);
        if COLUMNS.iter().all(|column| query.allowed(*column, person.code(*column))) {
            let codes = query.by.iter().map(|column| person.code(*column)).collect();
            groups.entry(codes).or_default().push(subject);
        }
    }
    groups
}

fn answer(town: &Town, query: &Query, groups: &BTreeMap<Vec<u32>, Vec<u32>>) -> Answer {
    let income = |subject: &u32| match query.tweak {
        Tweak::Twice(tweaked) if tweaked == *subject => 2 * town.person(*subject).income,
        Tweak::Replaced(tweaked, income) if tweaked == *subject => income,
        _ => town.person(*subject).income,
    };
    let figure = |people: &Vec<u32>| match query.measure {
        _ if people.len() < THRESHOLD => None,
        Measure::Subjects => Some(people.len() as i128),
        Measure::Income => Some(people.iter().map(income).sum()),
    };
    let rows: Vec<_> = groups.iter().map(|(codes, people)| (codes.clone(), figure(people))).collect();
    if rows.iter().all(|row| row.1.is_none()) { Answer::Held } else { Answer::Released(Table { rows, base: 1 }) }
}
