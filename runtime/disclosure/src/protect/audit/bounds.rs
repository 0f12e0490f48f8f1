//! What the equations say of an atom's bounds: how far each can move at most, whatever the others do.
//!
//! # Guarantees
//! No table that fits is lost: each step follows from one published equation and the bounds so far.
//!
//! # Does not guarantee
//! That the bounds are as close as they could be.
//!
//! # Example
//! If `a + b` is published and `b` is known to be at most 2 above its value, `a` is at most 2 below its own.

use std::collections::VecDeque;

use super::pool::Exact;
use crate::protect::moves::Slack;
use crate::protect::system::Entry;

/// How often one equation is looked at.
const VISITS_MAX: u8 = 12;

/// Sums beyond this say nothing.
const LARGE: i128 = 1 << 100;

/// The slack of the given bounds that is left once each published equation was applied again and again.
pub(super) fn tightened(exact: &Exact<'_>) -> Slack {
    let (system, mut slack) = (exact.audit.system, exact.slack().clone());
    let mut visits = vec![0_u8; system.cells().len()];
    let mut waiting = vec![true; system.cells().len()];
    let mut queue: VecDeque<usize> = (0..system.cells().len()).filter(|cell| exact.published(*cell)).collect();
    while let Some(cell) = queue.pop_front() {
        if let Some(slot) = waiting.get_mut(cell) {
            *slot = false;
        }
        let Some(count) = visits.get_mut(cell).filter(|count| **count < VISITS_MAX) else { continue };
        *count += 1;
        for atom in apply(system.cell(cell), &mut slack) {
            for other in exact.published_with(atom) {
                if let Some(slot) = waiting.get_mut(other).filter(|slot| !**slot) {
                    *slot = true;
                    queue.push_back(other);
                }
            }
        }
    }
    slack
}

/// Applies one equation, of changes that add up to 0; the atoms whose slack it takes from.
fn apply(entries: &[Entry], slack: &mut Slack) -> Vec<u32> {
    // Of each term, how far it can go down and up.
    let span = |slack: &Slack, (atom, coefficient): &Entry| {
        let (down, up) = slack.room(*atom);
        let size = i128::from(coefficient.unsigned_abs());
        let (down, up) = (down.min(LARGE) * size, up.min(LARGE) * size);
        if *coefficient > 0 { (down, up) } else { (up, down) }
    };
    let (down, up) = entries.iter().fold((0_i128, 0_i128), |(down, up), entry| {
        let (below, above) = span(slack, entry);
        (down.saturating_add(below), up.saturating_add(above))
    });
    let mut changed = Vec::new();
    for entry in entries {
        let (atom, coefficient) = entry;
        let (below, above) = span(slack, entry);
        let size = i128::from(coefficient.unsigned_abs());
        // The term rises by no more than all the others can fall, and the other way round.
        let (rise, fall) = ((down - below) / size, (up - above) / size);
        let (rise, fall) = if *coefficient > 0 { (rise, fall) } else { (fall, rise) };
        let place = *atom as usize;
        let mut less = false;
        for (room, most) in [(slack.up.get_mut(place), rise), (slack.down.get_mut(place), fall)] {
            if let Some(room) = room.filter(|room| **room > most) {
                *room = most;
                less = true;
            }
        }
        if less {
            changed.push(*atom);
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protect::audit::{Audit, Limits};
    use crate::protect::system::System;

    #[test]
    fn an_atom_moves_no_further_than_the_others_allow() {
        let system = System::new(3, vec![vec![(0, 1), (1, 1)], vec![(1, 2), (2, -1)]]).expect("it is sound");
        let audit = Audit {
            system: &system,
            truth: &[0; 3],
            bounds: &[(-9, 9), (-9, 2), (-3, 9)],
            published: &[true, true],
            targets: &[],
            insiders: &[],
            limits: Limits::default(),
        };
        let slack = tightened(&Exact::new(audit).expect("it is sound"));
        assert_eq!((slack.down, slack.up), (vec![2, 1, 2], vec![1, 2, 4]));
    }
}
