//! The attacker's methods. Each asks, and returns what it is certain of about people who aren't accomplices.
//!
//! A method reads only what is public and what the desk answers, so at a desk that answers none of its questions it
//! claims nothing.

use super::notebook::{Claim, Notebook};
use super::query::{Answer, Column, Measure, Query, Tweak};
use crate::tests::factory::Random;

/// A method.
pub(crate) type Method = fn(&mut Notebook<'_>) -> Vec<Claim>;

/// All of them, by name.
pub(crate) const METHODS: [(&str, Method); 11] = [
    ("drop one", drop_one),
    ("duplicate one", duplicate_one),
    ("swap a value", swap_value),
    ("complement", complement),
    ("tracker", tracker),
    ("padding", padding),
    ("the threshold as an oracle", threshold_oracle),
    ("the history as an oracle", history_oracle),
    ("plain tables", plain_tables),
    ("random halves", random_halves),
    ("everything together", |notebook| notebook.solved()),
];

/// All methods in one notebook, the last of them over all that was released.
pub(crate) fn everything(notebook: &mut Notebook<'_>) -> Vec<Claim> {
    METHODS.iter().flat_map(|(_, method)| method(notebook)).collect()
}

/// The ill of a city, with and without one person.
pub(crate) fn drop_one(notebook: &mut Notebook<'_>) -> Vec<Claim> {
    each_target(notebook, |notebook, target| {
        let city = notebook.public.code(target, Column::City);
        let all = Query::ill().only(Column::City, [city]);
        let with = notebook.figure(&all)?;
        let without = notebook.figure(&all.without(target))?;
        Some(Claim::Ill(target, with - without == 1))
    })
}

/// The incomes of a city, once with one person's doubled.
pub(crate) fn duplicate_one(notebook: &mut Notebook<'_>) -> Vec<Claim> {
    each_target(notebook, |notebook, target| {
        let city = notebook.public.code(target, Column::City);
        let all = Query::of(Measure::Income).only(Column::City, [city]);
        let once = notebook.figure(&all)?;
        let twice = notebook.figure(&all.tweaked(Tweak::Twice(target)))?;
        Some(Claim::Income(target, twice - once))
    })
}

/// The incomes of a city, once with one person's replaced. The set of people is the same.
pub(crate) fn swap_value(notebook: &mut Notebook<'_>) -> Vec<Claim> {
    each_target(notebook, |notebook, target| {
        let city = notebook.public.code(target, Column::City);
        let all = Query::of(Measure::Income).only(Column::City, [city]);
        let before = notebook.figure(&all)?;
        let after = notebook.figure(&all.tweaked(Tweak::Replaced(target, 77)))?;
        Some(Claim::Income(target, before - after + 77))
    })
}

/// The incomes of a region, less those of all codes of birth but one.
pub(crate) fn complement(notebook: &mut Notebook<'_>) -> Vec<Claim> {
    let births = notebook.public.births();
    each_target(notebook, |notebook, target| {
        let region = notebook.public.code(target, Column::Region);
        let birth = notebook.public.code(target, Column::Birth);
        let all = Query::of(Measure::Income).only(Column::Region, [region]);
        let total = notebook.figure(&all)?;
        let others = births.iter().copied().filter(|other| *other != birth);
        let rest = notebook.figure(&all.only(Column::Birth, others))?;
        Some(Claim::Income(target, total - rest))
    })
}

/// The general tracker of Denning, Denning and Schwartz (1979): a set that is neither small nor nearly everybody pads a
/// forbidden query, and cancels out.
pub(crate) fn tracker(notebook: &mut Notebook<'_>) -> Vec<Claim> {
    let births = notebook.public.births();
    let (padding, rest) = births.split_at(births.len() / 2);
    each_target(notebook, |notebook, target| {
        let birth = notebook.public.code(target, Column::Birth);
        let (padding, rest) = if padding.contains(&birth) { (rest, padding) } else { (padding, rest) };
        let income = |codes: Vec<u32>| Query::of(Measure::Income).only(Column::Birth, codes);
        // q(C) = q(C or T) + q(C or not T) - q(T) - q(not T), and C lies in "not T".
        let with = notebook.figure(&income([padding, &[birth]].concat()))?;
        let without = notebook.figure(&income(padding.to_vec()))?;
        let outside = notebook.figure(&income(rest.to_vec()))?;
        let everybody = notebook.figure(&Query::of(Measure::Income))?;
        (without + outside == everybody).then_some(Claim::Income(target, with + outside - everybody))
    })
}

/// Nine accomplices and one target, chosen by an OR over codes: one query, and no history.
pub(crate) fn padding(notebook: &mut Notebook<'_>) -> Vec<Claim> {
    let accomplices = unique_accomplices(notebook, None);
    each_target(notebook, |notebook, target| {
        let nine = accomplices.iter().take(9);
        let known: i128 = nine.clone().map(|accomplice| notebook.public.accomplices[accomplice].1).sum();
        let people: Vec<u32> = nine.copied().chain([target]).collect();
        let births = births_of(notebook, &people);
        let sum = notebook.figure(&Query::of(Measure::Income).only(Column::Birth, births))?;
        (people.len() == 10).then_some(Claim::Income(target, sum - known))
    })
}

/// Nine ill accomplices and one target among the ill: whether there is a figure tells what the target is.
pub(crate) fn threshold_oracle(notebook: &mut Notebook<'_>) -> Vec<Claim> {
    let ill = unique_accomplices(notebook, Some(true));
    let healthy = unique_accomplices(notebook, Some(false));
    let (Some((nine, tenth)), Some(healthy)) = (ill.split_at_checked(9), healthy.first()) else {
        return Vec::new();
    };
    let Some(tenth) = tenth.first() else { return Vec::new() };
    oracle(notebook, nine, *tenth, *healthy)
}

/// Many, and then the same with one more: a desk that holds back close differences tells by that what the target is.
pub(crate) fn history_oracle(notebook: &mut Notebook<'_>) -> Vec<Claim> {
    let (ill, healthy) = (unique_accomplices(notebook, Some(true)), unique_accomplices(notebook, Some(false)));
    let (Some(ill), Some(healthy)) = (ill.first(), healthy.first()) else { return Vec::new() };
    let halves = |upper: bool| {
        let births = notebook.public.births();
        let middle = births.get(births.len() / 2).copied().unwrap_or(0);
        let is_in = |subject: &u32| (notebook.public.code(*subject, Column::Birth) >= middle) == upper;
        notebook.public.ordinals().filter(is_in).collect::<Vec<u32>>()
    };
    let mut claims = Vec::new();
    for half in [halves(false), halves(true)] {
        // The calibration must not be among those who are there anyway.
        let crowd: Vec<u32> = half.into_iter().filter(|subject| subject != ill && subject != healthy).collect();
        let births = births_of(notebook, &crowd);
        notebook.ask(&Query::ill().only(Column::Birth, births));
        claims.extend(oracle(notebook, &crowd, *ill, *healthy));
    }
    claims
}

/// Compares the verdict on a crowd and one more for targets with the verdicts for two people that are known.
fn oracle(notebook: &mut Notebook<'_>, crowd: &[u32], ill: u32, healthy: u32) -> Vec<Claim> {
    let shows = |notebook: &mut Notebook<'_>, one_more: u32| {
        let births = births_of(notebook, &[crowd, &[one_more]].concat());
        match notebook.ask(&Query::ill().only(Column::Birth, births)) {
            Answer::Released(table) => table.rows.iter().any(|row| row.1.is_some()),
            Answer::Held | Answer::Outside => false,
        }
    };
    let (if_healthy, if_ill) = (shows(notebook, healthy), shows(notebook, ill));
    if if_healthy == if_ill {
        return Vec::new();
    }
    let targets = notebook.public.targets().into_iter().filter(|target| !crowd.contains(target));
    let claims = targets.map(|target| Claim::Ill(target, shows(notebook, target) == if_ill));
    claims.collect()
}

/// Every table by up to four columns, as a statistical yearbook would have them, and what follows from all of them.
pub(crate) fn plain_tables(notebook: &mut Notebook<'_>) -> Vec<Claim> {
    const COLUMNS: [Column; 5] = [Column::Region, Column::City, Column::Age, Column::Sex, Column::Ill];
    for choice in 0_u32..1 << COLUMNS.len() {
        let by: Vec<Column> = COLUMNS
            .iter()
            .enumerate()
            .filter(|(place, _)| choice >> place & 1 == 1)
            .map(|(_, column)| *column)
            .collect();
        if by.starts_with(&[Column::Region, Column::City]) {
            continue;
        }
        notebook.ask(&Query::of(Measure::Subjects).by(&by));
        notebook.ask(&Query::of(Measure::Income).by(&by));
    }
    notebook.solved()
}

/// The ill among random halves of the people, none of which is close to another, and what follows from all of them.
pub(crate) fn random_halves(notebook: &mut Notebook<'_>) -> Vec<Claim> {
    let mut random = Random(0x41);
    let births = notebook.public.births();
    for _ in 0..400 {
        let half: Vec<u32> = births.iter().copied().filter(|_| random.below(2) == 0).collect();
        notebook.ask(&Query::ill().only(Column::Birth, half));
    }
    notebook.solved()
}

fn each_target(notebook: &mut Notebook<'_>, claim: impl Fn(&mut Notebook<'_>, u32) -> Option<Claim>) -> Vec<Claim> {
    let targets = notebook.public.targets();
    targets.into_iter().filter_map(|target| claim(notebook, target)).collect()
}

/// Accomplices who alone have their code of birth; all, or the ill or the healthy ones.
fn unique_accomplices(notebook: &Notebook<'_>, ill: Option<bool>) -> Vec<u32> {
    let accomplices = notebook.public.accomplices.iter();
    let wanted = accomplices.filter(|(_, facts)| ill.is_none_or(|ill| ill == facts.0));
    wanted.map(|(subject, _)| *subject).filter(|subject| notebook.public.is_unique(*subject)).collect()
}

fn births_of(notebook: &Notebook<'_>, people: &[u32]) -> Vec<u32> {
    people.iter().map(|subject| notebook.public.code(*subject, Column::Birth)).collect()
}
