//! Moves: small integer changes of atoms that leave everything published as it is.
//!
//! A table that fits what is published differs from the true one by a vector of the integer kernel of the published
//! equations. The short ones are alternating cycles in a two-way table, 2 x 2 x 2 hypercubes in a three-way one, and
//! their like in hierarchies and linked tables. They are found here from the equations alone: start at a target, and as
//! long as a published cell is out of balance, balance it by one more of its atoms, or *pay* for it, that is, withhold
//! it. The audit searches with nothing to pay with; repair searches for the cheapest move.
//!
//! # Guarantees
//! Deterministic: ties go to the lower number, and limits are counts of steps. A move that is found balances every
//! cell that it doesn't name as paid for.
//!
//! # Does not guarantee
//! That a move is found where there is one: whoever decides by this alone must take "none" as unsafe. Callers check
//! what is found by exact sums over the whole system.
//!
//! # Example
//! In a 2 x 2 table with both margins published, the move from the first cell is +1, -1, -1, +1; see the tests.
//!
//! Sources: the hypercube method (Giessing and Repsilber 2002, tau-Argus manual); Diaconis and Sturmfels 1998 for
//! moves; the choice of the shortest equation first is that of exact cover search (Knuth 2000).

mod ground;
mod search;

use super::system::Entry;

pub(crate) use search::{Aim, Effort, Price, Searcher};

/// Atoms and how much each changes: sorted by atom, none by 0.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Move(Vec<(u32, i128)>);

/// How far each atom is from its bounds, in the table that moves start from.
#[derive(Debug, Clone)]
pub(crate) struct Slack {
    pub(crate) down: Vec<i128>,
    pub(crate) up: Vec<i128>,
}

impl Slack {
    /// How far an atom can go down and up; nowhere, if it isn't there.
    pub(crate) fn room(&self, atom: u32) -> (i128, i128) {
        let at = |room: &[i128]| room.get(atom as usize).copied().unwrap_or(0);
        (at(&self.down), at(&self.up))
    }

    /// The farther of both.
    pub(crate) fn reach(&self, atom: u32) -> i128 {
        let (down, up) = self.room(atom);
        down.max(up)
    }
}

/// The lower or the upper side of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Lower,
    Upper,
}

/// What is left of the slack to one side once a move was made. To the lower side, moves are those to the upper side
/// backwards.
#[derive(Debug, Clone)]
pub(crate) struct Room<'a> {
    slack: &'a Slack,
    side: Side,
    made: Move,
}

impl<'a> Room<'a> {
    /// All of it, to one side.
    pub(crate) fn new(slack: &'a Slack, side: Side) -> Room<'a> {
        Room { slack, side, made: Move::default() }
    }

    /// All of it, to the other side.
    pub(crate) fn opposite(&self) -> Room<'a> {
        Room::new(self.slack, if self.side == Side::Lower { Side::Upper } else { Side::Lower })
    }

    /// How far an atom can go down and up; nowhere, if it isn't there.
    pub(crate) fn of(&self, atom: u32) -> (i128, i128) {
        let (down, up) = self.slack.room(atom);
        let (down, up) = if self.side == Side::Lower { (up, down) } else { (down, up) };
        let made = self.made.change(atom);
        (down.saturating_add(made), up.saturating_sub(made))
    }

    /// The move as far as it goes to this side and to the other, as changes of the table; without what changes nothing.
    pub(crate) fn ends(&self, step: &Move) -> impl Iterator<Item = Move> {
        let sign = if self.side == Side::Lower { -1 } else { 1 };
        let factors = [step.reach(self), -step.reach(&self.opposite())];
        factors.map(|factor| step.times(sign * factor)).into_iter().flatten().filter(|step| !step.changes().is_empty())
    }

    /// Takes a move from it; whether it was there.
    pub(crate) fn take(&mut self, step: &Move) -> bool {
        let Some(made) = self.made.plus(step) else { return false };
        self.made = made;
        let within = |atom: u32| {
            let (down, up) = self.of(atom);
            down >= 0 && up >= 0
        };
        step.changes().iter().all(|(atom, _)| within(*atom))
    }
}

/// Atoms that don't move: those that are flagged, but for a cell's own; or one alone.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Barred<'a> {
    None,
    One(u32),
    All { flags: &'a [bool], but: &'a [Entry] },
}

impl Barred<'_> {
    pub(crate) fn has(&self, atom: u32) -> bool {
        match self {
            Barred::None => false,
            Barred::One(one) => *one == atom,
            Barred::All { flags, but } => {
                flags.get(atom as usize).copied().unwrap_or(false)
                    && but.binary_search_by_key(&atom, |(own, _)| *own).is_err()
            }
        }
    }
}

impl Move {
    /// The move of these changes; of an atom that comes twice, the sum. `None` where that is too large.
    #[must_use]
    pub fn of(changes: impl IntoIterator<Item = (u32, i128)>) -> Option<Move> {
        let mut changes: Vec<(u32, i128)> = changes.into_iter().collect();
        changes.sort_unstable_by_key(|(atom, _)| *atom);
        let mut merged: Vec<(u32, i128)> = Vec::with_capacity(changes.len());
        for (atom, change) in changes {
            match merged.last_mut() {
                Some((last, sum)) if *last == atom => *sum = sum.checked_add(change)?,
                _ => merged.push((atom, change)),
            }
        }
        merged.retain(|(_, change)| *change != 0);
        Some(Move(merged))
    }

    /// The changes.
    #[must_use]
    pub fn changes(&self) -> &[(u32, i128)] {
        &self.0
    }

    /// The same move so many times; `None` where that is too large.
    #[must_use]
    pub fn times(&self, factor: i128) -> Option<Move> {
        let changes: Option<Vec<(u32, i128)>> =
            self.0.iter().map(|(atom, change)| Some((*atom, change.checked_mul(factor)?))).collect();
        changes.and_then(Move::of)
    }

    /// Both moves together; `None` where that is too large.
    #[must_use]
    pub fn plus(&self, other: &Move) -> Option<Move> {
        Move::of(self.0.iter().chain(&other.0).copied())
    }

    /// The least move in the same direction.
    #[must_use]
    pub fn primitive(&self) -> Move {
        let divisor = self.0.iter().fold(0, |divisor, (_, change)| gcd(divisor, change.unsigned_abs()));
        let divisor = i128::try_from(divisor).unwrap_or(1).max(1);
        Move(self.0.iter().map(|(atom, change)| (*atom, change / divisor)).collect())
    }

    /// By how much an atom changes.
    fn change(&self, atom: u32) -> i128 {
        let place = self.0.binary_search_by_key(&atom, |(own, _)| *own).ok();
        place.and_then(|place| self.0.get(place)).map_or(0, |(_, change)| *change)
    }

    /// How often the move can be made within the room, at most [`REACH_MAX`].
    pub(crate) fn reach(&self, room: &Room<'_>) -> i128 {
        let often = |(atom, change): &(u32, i128)| {
            let (down, up) = room.of(*atom);
            let room = if *change > 0 { up } else { down };
            room.max(0) / i128::try_from(change.unsigned_abs()).unwrap_or(i128::MAX).max(1)
        };
        self.0.iter().map(often).min().unwrap_or(0).min(REACH_MAX)
    }
}

/// Where nothing bounds an atom, moves stop here.
const REACH_MAX: i128 = 1 << 62;

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protect::system::System;

    fn two_by_two() -> System {
        let cells = vec![vec![0], vec![1], vec![2], vec![3], vec![0, 1], vec![2, 3], vec![0, 2], vec![1, 3]];
        System::of_sums(4, cells).expect("it is sound")
    }

    fn search(prices: Vec<Price>, slack: &Slack, rise: i128) -> Option<(Move, Vec<u32>)> {
        let system = two_by_two();
        let aim = Aim { cell: 0, rise, fall: 0 };
        let mut searcher = Searcher::new(&system, prices, |_| 1, 100, 16);
        let room = Room::new(slack, Side::Upper);
        let mut efforts = [Effort::Strict, Effort::Wide].into_iter();
        efforts.find_map(|effort| searcher.find(&room, Barred::None, aim, effort)).map(|found| (found.step, found.paid))
    }

    #[test]
    fn a_move_through_a_two_way_table_is_an_alternating_cycle() {
        let slack = Slack { down: vec![5; 4], up: vec![9; 4] };
        let mut prices = vec![Price::Free; 4];
        prices.extend([Price::Never; 4]);
        let cycle = Move::of([(0, 1), (1, -1), (2, -1), (3, 1)]).expect("it is small");
        assert_eq!(search(prices.clone(), &slack, 5), Some((cycle.clone(), vec![])));
        assert_eq!(search(prices.clone(), &slack, 6), None, "the corners are too small to lose 6");
        let room = Room::new(&slack, Side::Upper);
        assert_eq!((cycle.reach(&room), cycle.times(3).map(|m| m.primitive())), (5, Some(cycle.clone())));
        prices[3] = Price::Never;
        assert_eq!(search(prices.clone(), &slack, 5), None, "a corner can't be withheld");
        prices[3] = Price::At(7);
        assert_eq!(search(prices, &slack, 5), Some((cycle, vec![3])));
    }

    #[test]
    fn a_margin_is_withheld_where_that_is_cheaper_than_balancing_it() {
        let slack = Slack { down: vec![5; 4], up: vec![9; 4] };
        let mut prices = vec![Price::Free, Price::At(10), Price::At(10), Price::At(10)];
        prices.extend([Price::At(40), Price::Never, Price::Never, Price::Never]);
        let (cycle, paid) = search(prices.clone(), &slack, 3).expect("there is one");
        assert_eq!((cycle.changes().len(), paid), (4, vec![1, 2, 3]));
        for (cell, price) in [(4, 4), (6, 4)] {
            prices[cell] = Price::At(price);
        }
        let (alone, paid) = search(prices, &slack, 3).expect("there is one");
        assert_eq!((alone.changes(), paid), (&[(0, 1)][..], vec![4, 6]));
    }

    #[test]
    fn the_last_atom_of_a_long_row_is_found_among_all() {
        // One cell alone, and the total of five thousand atoms, of which each can fall by its number.
        let cells = vec![vec![0], (0..5_000).collect()];
        let system = System::of_sums(5_000, cells).expect("it is sound");
        let mut slack = Slack { down: (0..5_000).collect(), up: vec![0; 5_000] };
        slack.up[0] = 10_000;
        let room = Room::new(&slack, Side::Upper);
        let mut searcher = Searcher::new(&system, vec![Price::Free, Price::Never], |atom| slack.reach(atom), 1_000, 16);
        let mut find = |barred: Barred<'_>, rise| {
            let found = searcher.find(&room, barred, Aim { cell: 0, rise, fall: 0 }, Effort::Quick);
            found.map(|found| found.step.changes().to_vec())
        };
        assert_eq!(find(Barred::None, 40), Some(vec![(0, 1), (40, -1)]), "though others can fall farther");
        assert_eq!(find(Barred::One(40), 40), Some(vec![(0, 1), (41, -1)]));
        assert_eq!(find(Barred::None, 4_999), Some(vec![(0, 1), (4_999, -1)]));
        assert_eq!(find(Barred::None, 5_000), None, "none can fall so far");
        searcher.free(1);
        let found = searcher.find(&room, Barred::None, Aim { cell: 0, rise: 5_000, fall: 0 }, Effort::Quick);
        assert_eq!(found.map(|found| found.step.changes().to_vec()), Some(vec![(0, 1)]), "nothing is out of balance");
    }
}
