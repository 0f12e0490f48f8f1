//! The findings of the structural check, kind by kind.

use std::collections::BTreeMap;

use super::super::difference::Difference;
use super::super::figure::{Figure, Kind, Standing};
use super::super::near::Other;
use super::super::report::{Books, HistoryFinding};
use super::super::triple::{Triples, canonical};
use super::classes::{Classes, Entry};
use super::judge::{CLASSES_MAX, Coefficients, FRACTION_MAX, Judge, coefficients};
use super::pool::{Pool, Pooled};
use super::prime::Prime;
use super::search::{Field, Left};
use super::space::{Row, Space, Spent, Work};
use super::withheld::Members;
use super::words::{self, Terms};
use super::{FIGURES_MAX, FOUND_MAX, WITHHELD_MAX};

/// What pooling one contribution costs, in multiplications.
const CONTRIBUTION_COST: usize = 16;

/// Fewer figures than these aren't looked at instead of more.
const FIGURES_LEAST: usize = 16;

/// What is found of all kinds.
pub(super) struct Report<'a> {
    triples: &'a Triples,
    books: &'a Books<'a>,
    prime: &'a Prime,
    work: Work,
    found: BTreeMap<String, HistoryFinding>,
    tally: Tally,
}

/// What is said of all kinds together.
#[derive(Clone, Copy, Default)]
struct Tally {
    out_already: bool,
    left_out: bool,
    lost: bool,
    cut: bool,
}

/// One kind's pool, with what follows from the archive's part of it alone and from all of it.
struct Both<'a> {
    pool: &'a Pool<'a>,
    field: &'a Field<'a>,
    judge: &'a Judge<'a>,
    before: Space<'a>,
    with: Space<'a>,
}

/// A combination that says too much of some.
struct Unsafe {
    left: Vec<Left>,
    coefficients: Option<Coefficients>,
    difference: Difference,
}

impl<'a> Report<'a> {
    pub(super) fn new(triples: &'a Triples, books: &'a Books<'a>, prime: &'a Prime, work: Work) -> Report<'a> {
        Report { triples, books, prime, work, found: BTreeMap::new(), tally: Tally::default() }
    }

    pub(super) fn finish(mut self) -> Vec<HistoryFinding> {
        let Tally { out_already, left_out, lost, cut } = self.tally;
        if out_already {
            self.push(words::out_already());
        }
        if left_out || lost || cut {
            self.push(words::unchecked(left_out, lost, cut));
        }
        self.found.into_values().collect()
    }

    fn push(&mut self, finding: HistoryFinding) {
        self.found.insert(finding.id.clone(), finding);
    }

    /// Looks at the figures of one kind together; at fewer of them, where all are too much work.
    pub(super) fn look_at(&mut self, kind: Kind) {
        let mut most = FIGURES_MAX;
        loop {
            let mut pool = Pool::of(self.books, kind, most);
            let entries = std::mem::take(&mut pool.entries);
            most = pool.figures.len() / 4;
            let is_last = most < FIGURES_LEAST;
            let set_aside = if is_last { 0 } else { self.work.0 / 2 };
            let known = self.tally;
            self.work.0 -= set_aside;
            let looked_at = self.look_at_pool(kind, &pool, entries);
            self.work.0 += set_aside;
            if looked_at.is_ok() || is_last {
                self.tally.cut |= looked_at.is_err();
                self.tally.left_out |= pool.left_out > 0;
                self.tally.lost |= pool.lost > 0;
                return;
            }
            self.tally = known;
        }
    }

    fn look_at_pool(&mut self, kind: Kind, pool: &Pool<'_>, entries: Vec<Entry>) -> Result<(), Spent> {
        let width = pool.figures.len();
        self.work.spend(entries.len().saturating_mul(CONTRIBUTION_COST))?;
        let classes = Classes::of(entries, width);
        let judge = Judge { domain: self.books.domain, rules: self.books.rules, kind };
        let is_large = |class| classes.get(class).is_some_and(|class| judge.is_large(class));
        let field = Field::new(self.prime, &classes, width, is_large);
        let own = pool.figures.iter().filter(|pooled| pooled.is_own()).count();
        let before = field.eliminate(own..width, &mut self.work)?;
        let with = field.eliminate(0..width, &mut self.work)?;
        let both = Both { pool, field: &field, judge: &judge, before, with };
        self.isolated(&both)?;
        self.withheld(&both, kind)
    }

    /// Combinations that say too much of some with the candidate, and how many do without it.
    fn isolated(&mut self, both: &Both<'_>) -> Result<(), Spent> {
        both.field.reduced(&both.before, 1, &mut self.work, |row, work| {
            self.tally.out_already |= both.judged(row, work)?.is_some();
            Ok(())
        })?;
        let mut found: BTreeMap<Vec<u32>, (Terms<'_>, Difference)> = BTreeMap::new();
        let bases = self.books.rules.threshold.max(self.books.rules.difference).div_ceil(2);
        let searched = both.field.reduced(&both.with, bases, &mut self.work, |row, work| {
            let Some(judged) = both.judged(row, work)? else { return Ok(()) };
            let classes: Vec<u32> = judged.left.iter().map(|(class, _)| *class).collect();
            let terms = both.terms(&row.numbers, judged.coefficients.as_ref());
            let is_known = !both.has_own(row) || found.contains_key(&classes) || is_reported(self.triples, &terms);
            if is_known || both.field.combination(&both.before, &judged.left, work)?.is_some() {
                return Ok(());
            }
            if found.len() < FOUND_MAX {
                found.insert(classes, (places(&terms), judged.difference));
            } else {
                self.tally.cut = true;
            }
            Ok(())
        });
        for (terms, difference) in found.into_values() {
            self.push(words::isolates(&terms, &difference));
        }
        searched
    }

    /// Withheld figures that follow with the candidate and not without it.
    fn withheld(&mut self, both: &Both<'_>, kind: Kind) -> Result<(), Spent> {
        let is_withheld = |figure: &Figure| figure.standing == Standing::Protected && figure.kind == kind;
        let of = |figures: &'a [Figure]| figures.iter().enumerate().filter(move |(_, figure)| is_withheld(figure));
        let own = of(self.books.candidate).map(|(place, figure)| Pooled { figure, other: Other::Own(place) });
        let others =
            of(self.books.archive).rev().map(|(place, figure)| Pooled { figure, other: Other::Archive(place) });
        let mut figures: Vec<Pooled<'_>> = own.chain(others).collect();
        self.tally.left_out |= figures.len() > WITHHELD_MAX;
        figures.truncate(WITHHELD_MAX);
        if figures.is_empty() {
            return Ok(());
        }
        let members = Members::of(both.field.classes);
        for withheld in figures {
            let Some(kept) = (self.books.kept)(&withheld.figure.place) else {
                self.tally.lost = true;
                continue;
            };
            self.work.spend(kept.as_slice().len().saturating_mul(CONTRIBUTION_COST))?;
            let Some(wanted) = members.express(both.field.classes, self.prime, &kept) else { continue };
            let Some(numbers) = both.field.combination(&both.with, &wanted, &mut self.work)? else { continue };
            if both.field.combination(&both.before, &wanted, &mut self.work)?.is_some() {
                continue;
            }
            let coefficients = coefficients(both.field, &numbers, &wanted, &mut self.work)?;
            let mut terms = both.terms(&numbers, coefficients.as_ref());
            let times = coefficients.and_then(|held| times(self.prime, &numbers, &held)).unwrap_or(0);
            terms.push((-times, withheld));
            if !is_reported(self.triples, &terms) {
                self.push(words::follows(&places(&terms)));
            }
        }
        Ok(())
    }
}

/// Figures and their coefficients, 0 where they aren't known.
type Combination<'a> = Vec<(i32, Pooled<'a>)>;

impl<'a> Both<'a> {
    fn has_own(&self, row: &Row) -> bool {
        self.pool.figures.iter().zip(&row.numbers).any(|(pooled, number)| pooled.is_own() && *number != 0)
    }

    /// A combination of more than two figures, if it says too much of some.
    fn judged(&self, row: &Row, work: &mut Work) -> Result<Option<Unsafe>, Spent> {
        if is_pair(self.field.prime, &row.numbers) {
            return Ok(None);
        }
        let Some(left) = self.field.left(&row.numbers, CLASSES_MAX, work)? else { return Ok(None) };
        let coefficients = coefficients(self.field, &row.numbers, &left, work)?;
        let difference = self.judge.judge(self.field, &left, coefficients.as_ref(), work)?;
        Ok(difference.is_unsafe().then_some(Unsafe { left, coefficients, difference }))
    }

    fn terms(&self, numbers: &[u64], coefficients: Option<&Coefficients>) -> Combination<'a> {
        let of = |(figure, coefficient): (usize, i32)| Some((coefficient, *self.pool.figures.get(figure)?));
        match coefficients {
            Some(coefficients) => coefficients.iter().copied().filter_map(of).collect(),
            None => {
                let figures = numbers.iter().enumerate().filter(|(_, number)| **number != 0);
                figures.filter_map(|(figure, _)| of((figure, 0))).collect()
            }
        }
    }
}

/// Whether it is one figure, or two that are added or taken off each other: pairs are searched in full elsewhere.
fn is_pair(prime: &Prime, numbers: &[u64]) -> bool {
    let mut numbers = numbers.iter().copied().filter(|number| *number != 0);
    match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(a), Some(b), None) => a == b || a == prime.negative(b),
        (_, second, _) => second.is_none(),
    }
}

/// Whether it is a pair, or a triple that was found.
fn is_reported(triples: &Triples, terms: &Combination<'_>) -> bool {
    if terms.iter().any(|(coefficient, _)| coefficient.abs() != 1) {
        return false;
    }
    let terms: Vec<(Other, i32)> = terms.iter().map(|(coefficient, pooled)| (pooled.other, *coefficient)).collect();
    let few = terms.len() < 3;
    let Ok(terms) = <[(Other, i32); 3]>::try_from(terms) else { return few };
    let terms = canonical(terms);
    triples.found.binary_search_by(|triple| triple.terms.cmp(&terms)).is_ok()
}

/// How often a combination with these whole coefficients is the one with these numbers.
fn times(prime: &Prime, numbers: &[u64], coefficients: &Coefficients) -> Option<i32> {
    let (figure, coefficient) = coefficients.first()?;
    let number = prime.inverse(*numbers.get(*figure)?);
    match prime.fraction(prime.mul(prime.whole(i64::from(*coefficient)), number), FRACTION_MAX)? {
        (times, 1) => i32::try_from(times).ok(),
        _ => None,
    }
}

fn places<'a>(terms: &Combination<'a>) -> Terms<'a> {
    terms.iter().map(|(coefficient, pooled)| (*coefficient, &pooled.figure.place)).collect()
}
