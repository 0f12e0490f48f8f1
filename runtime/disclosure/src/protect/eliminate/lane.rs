//! One run of the elimination: modulo one prime, and from the view of one attacker.

use super::super::field::Field;
use super::super::system::{Entry, System};
use super::space::{Space, Term, terms};
use super::targets::Targets;
use super::turns::Turns;
use super::{Exposed, Task};

/// The attacker's view: what is published modulo one prime, and what must not follow from it.
pub(super) struct Lane<'a, F> {
    system: &'a System,
    turns: &'a Turns,
    space: Space<F>,
    targets: Targets<F>,
    /// What follows from the released cells.
    pub(super) exposed: Vec<Exposed>,
}

/// What a cell would mean to the attacker.
pub(super) enum Meaning {
    /// It follows from what is published.
    Implied,
    /// It would give a target away.
    Fatal,
    /// Neither; with its reduced form, and the atom of it to bind.
    News(Vec<Term>, Term),
}

impl<'a, F: Field> Lane<'a, F> {
    /// Publishes what is released, to somebody who knows these atoms, and takes the rest of the primaries as targets.
    /// What such a person knows without anything published is no target and not exposed. Holders are watched one by one
    /// if they are named by atom.
    pub(super) fn new(task: &Task<'a>, known: &[bool], holders: &[Option<u64>], turns: &'a Turns) -> Lane<'a, F> {
        let atoms = task.system.atoms();
        let mut lane = Lane {
            system: task.system,
            turns,
            space: Space::new(atoms, known),
            targets: Targets::new(atoms),
            exposed: Vec::new(),
        };
        let primary = task.primary.iter().map(|cell| (Exposed::Primary(*cell), task.system.cell(*cell)));
        let imaginary = task.imaginary.iter().enumerate();
        let imaginary = imaginary.map(|(place, entries)| (Exposed::Imaginary(place), entries.as_slice()));
        let mut wanted: Vec<_> = primary.chain(imaginary).collect();
        if !known.is_empty() {
            wanted.retain(|(_, entries)| !lane.space.reduce(&terms::<F>(entries)).is_empty());
        }
        for cell in task.released {
            let reduced = lane.space.reduce(&terms::<F>(task.system.cell(*cell)));
            if let Some(pivot) = lane.pivot(*cell, &reduced) {
                lane.space.publish(&reduced, pivot);
            }
        }
        for (name, entries) in wanted {
            let reduced = lane.space.reduce(&terms::<F>(entries));
            if !lane.targets.add(reduced, alone(entries, holders)) {
                lane.exposed.push(name);
            }
        }
        lane
    }

    /// What a cell would mean if it were published now.
    pub(super) fn ask(&mut self, cell: usize) -> Meaning {
        let reduced = self.space.reduce(&terms::<F>(self.system.cell(cell)));
        let Some(pivot) = self.pivot(cell, &reduced) else { return Meaning::Implied };
        if self.targets.given_away_by(&reduced) || self.targets.betrayed_by(&reduced, pivot) {
            Meaning::Fatal
        } else {
            Meaning::News(reduced, pivot)
        }
    }

    /// Publishes a cell by what it was just said to mean; nothing else may have been published since.
    pub(super) fn publish(&mut self, meaning: Meaning) {
        if let Meaning::News(reduced, pivot) = meaning {
            self.targets.publish(&reduced, pivot);
            self.space.publish(&reduced, pivot);
        }
    }

    /// The atom to bind; there is none where nothing is left. It is one in as few targets as possible, so that these stay short. For a sum it is then the
    /// first: of the sums that cross in a table, those bind the same few atoms over and over, namely such as have the
    /// first code of some dimension, and combinations stay short. Once single atoms follow from one another that helps
    /// no more; then few rules should be put out of date, and the one bound should be needed as late as can be.
    fn pivot(&self, cell: usize, reduced: &[Term]) -> Option<Term> {
        let single = self.system.cell(cell).len() == 1;
        let cost = |term: &&Term| {
            let targets = self.targets.with(term.0);
            if single {
                (targets + self.space.uses(term.0), std::cmp::Reverse(self.turns.wanted(term.0)), 0)
            } else {
                (targets, std::cmp::Reverse(0), self.turns.first(term.0))
            }
        };
        reduced.iter().min_by_key(cost).copied()
    }
}

/// The one holder of all atoms of a cell, if there is one.
fn alone(entries: &[Entry], holders: &[Option<u64>]) -> Option<u64> {
    let mut each = entries.iter().map(|(atom, _)| holders.get(*atom as usize).copied().flatten());
    let first = each.next()??;
    each.all(|holder| holder == Some(first)).then_some(first)
}
