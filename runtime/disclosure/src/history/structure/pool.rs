//! Pools: the figures that are looked at together, and what subjects contribute to them.
//!
//! # Guarantees
//! Only figures that are out, or would be: a withheld one says nothing to anybody. Figures come in the order of their
//! places, the candidate's first, so what is found doesn't depend on the order of the archive unless that has more than
//! there is room for. Whatever isn't pooled is counted.
//!
//! # Does not guarantee
//! That the figures nearest to the candidate are pooled: those of the same quantity and snapshot come first, then those
//! of the same quantity, then others, later ones before earlier ones.

use std::collections::BTreeSet;

use super::super::contributions::Contributions;
use super::super::figure::{Figure, Kind, Standing};
use super::super::near::Other;
use super::super::report::Books;
use super::CONTRIBUTIONS_MAX;
use super::classes::{Entry, VALUE_MAX};

/// A figure of a pool.
#[derive(Clone, Copy)]
pub(super) struct Pooled<'a> {
    pub figure: &'a Figure,
    pub other: Other,
}

impl Pooled<'_> {
    pub(super) fn is_own(&self) -> bool {
        matches!(self.other, Other::Own(_))
    }
}

/// The figures of one kind that are looked at together.
#[derive(Default)]
pub(super) struct Pool<'a> {
    pub figures: Vec<Pooled<'a>>,
    pub entries: Vec<Entry>,
    /// Figures for which there was no room, or whose contributions are too large.
    pub left_out: usize,
    /// Figures whose contributions are lost.
    pub lost: usize,
}

impl<'a> Pool<'a> {
    /// Of this kind, at most so many figures.
    pub(super) fn of(books: &Books<'a>, kind: Kind, most: usize) -> Pool<'a> {
        let mut pool = Pool::default();
        let (mut own, mut others) = (of_kind(books.candidate, kind, Other::Own), archived(books, kind));
        let room = (most / 2).max(most.saturating_sub(others.len()));
        pool.left_out += own.len().saturating_sub(room);
        own.truncate(room);
        let room = most - own.len();
        pool.left_out += others.len().saturating_sub(room);
        others.truncate(room);
        let mut rest = CONTRIBUTIONS_MAX;
        for pooled in own.into_iter().chain(others) {
            if pooled.figure.subjects as usize > rest {
                pool.left_out += 1;
                continue;
            }
            match (books.kept)(&pooled.figure.place) {
                None => pool.lost += 1,
                Some(kept) if kept.as_slice().len() > rest || kept.as_slice().iter().any(is_large) => {
                    pool.left_out += 1;
                }
                Some(kept) => {
                    rest -= kept.as_slice().len();
                    pool.take(pooled, &kept);
                }
            }
        }
        pool.sort();
        pool
    }

    fn take(&mut self, pooled: Pooled<'a>, kept: &Contributions) {
        let figure = self.figures.len() as u32;
        self.figures.push(pooled);
        let parts = kept.as_slice().iter().filter(|(_, value)| *value != 0);
        self.entries.extend(parts.map(|(subject, value)| Entry { subject: *subject, figure, value: *value as i64 }));
    }

    /// Numbers the figures by their places.
    fn sort(&mut self) {
        let mut order: Vec<(u32, Pooled<'a>)> = (0..).zip(self.figures.drain(..)).collect();
        order.sort_by_key(|(_, pooled)| (!pooled.is_own(), &pooled.figure.place));
        let mut numbers: Vec<(u32, u32)> = (0..).zip(&order).map(|(number, (figure, _))| (*figure, number)).collect();
        numbers.sort_unstable();
        for entry in &mut self.entries {
            entry.figure = numbers.get(entry.figure as usize).map_or(0, |(_, number)| *number);
        }
        self.figures.extend(order.into_iter().map(|(_, pooled)| pooled));
    }
}

fn is_large((_, value): &(u32, i128)) -> bool {
    value.checked_abs().is_none_or(|size| size > VALUE_MAX)
}

fn of_kind(figures: &[Figure], kind: Kind, other: impl Fn(usize) -> Other) -> Vec<Pooled<'_>> {
    let out = figures.iter().enumerate().filter(|(_, figure)| figure.standing == Standing::Released);
    let alike = out.filter(|(_, figure)| figure.kind == kind);
    alike.map(|(place, figure)| Pooled { figure, other: other(place) }).collect()
}

/// The archive's figures of this kind, nearest first.
fn archived<'a>(books: &Books<'a>, kind: Kind) -> Vec<Pooled<'a>> {
    let own = books.candidate.iter().map(|figure| &figure.place);
    let snapshots: BTreeSet<(&str, &str)> = own.clone().map(|place| (&*place.quantity, &*place.snapshot)).collect();
    let quantities: BTreeSet<&str> = own.map(|place| &*place.quantity).collect();
    let far = |figure: &Figure| {
        let place = &figure.place;
        let same = snapshots.contains(&(&*place.quantity, &*place.snapshot));
        if same { 0 } else { 1 + u8::from(!quantities.contains(&*place.quantity)) }
    };
    let mut others = of_kind(books.archive, kind, Other::Archive);
    others.reverse();
    others.sort_by_key(|pooled| far(pooled.figure));
    others
}
