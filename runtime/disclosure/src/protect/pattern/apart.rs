//! Combinations that nobody may work out of one figure, beside the cells that publish it.
//!
//! Most cells publish all figures or none, and are protected together. Here a figure has cells of its own that may not
//! follow: a cell that is out with other figures and doesn't show this one, or a sum of cells that no table has.
//!
//! # Guarantees
//! As [`protect`](super::protect) gives them: elimination first, then an audit of the final pattern. Only cells that
//! publish the figure count as known.
//!
//! # Does not guarantee
//! That what other figures say of this one is seen: it is looked at by itself.

use super::{Figure, Unprotected, flags};
use crate::protect::eliminate::{self, Exposed, Task};
use crate::protect::repair::{self, repair};
use crate::protect::system::{Entry, System};

/// What is kept apart of one figure.
pub struct Apart {
    /// The figure, by its place.
    pub figure: usize,
    /// For each cell whether it publishes this figure, if it is published at all.
    pub shown: Vec<bool>,
    /// What may not follow.
    pub combinations: Vec<Combination>,
}

/// A combination of atoms that may not follow.
pub struct Combination {
    /// In the form of a cell's entries.
    pub entries: Vec<Entry>,
    /// How far from its value an attacker must be kept, to either side.
    pub far: i128,
}

impl Combination {
    /// The sum of these atoms.
    #[must_use]
    pub fn of_sum(atoms: &[u32], far: i128) -> Combination {
        Combination { entries: atoms.iter().map(|atom| (*atom, 1)).collect(), far }
    }
}

/// The cells that publish the figure, and behind them what may not follow.
struct Sub {
    system: System,
    /// The number of each cell in the whole system.
    cells: Vec<usize>,
}

impl Apart {
    /// All of them, by their places behind the cells.
    fn all(&self) -> Unprotected {
        Unprotected { cells: (self.shown.len()..).take(self.combinations.len()).collect() }
    }

    fn sub(&self, system: &System, published: &[bool]) -> Result<Sub, Unprotected> {
        let shown = self.shown.iter().zip(published).enumerate();
        let cells: Vec<usize> = shown.filter(|(_, (shown, out))| **shown && **out).map(|(cell, _)| cell).collect();
        let entries = cells.iter().map(|cell| system.cell(*cell).to_vec());
        let entries = entries.chain(self.combinations.iter().map(|combination| combination.entries.clone()));
        let system = System::new(system.atoms(), entries.collect()).map_err(|_| self.all())?;
        Ok(Sub { system, cells })
    }

    /// Withholds cells until no combination follows exactly.
    pub(super) fn eliminate(
        &self,
        system: &System,
        (order, released): (&[usize], &[bool]),
        holders: &[Option<u64>],
        published: &mut [bool],
    ) -> Result<(), Unprotected> {
        let sub = self.sub(system, published)?;
        let number = |cell: &usize| sub.cells.binary_search(cell).ok();
        let order: Vec<usize> = order.iter().filter_map(number).collect();
        let is_out = |cell: &usize| released.get(*cell).copied().unwrap_or(false);
        let out: Vec<usize> = sub.cells.iter().filter(|cell| is_out(cell)).filter_map(number).collect();
        let primary: Vec<usize> = (sub.cells.len()..sub.system.cells().len()).collect();
        let task =
            Task { system: &sub.system, primary: &primary, imaginary: &[], released: &out, order: &order, known: &[] };
        let found = eliminate::protect(&task, holders).map_err(|_| self.all())?.pattern;
        if !found.exposed.is_empty() {
            let exposed = found.exposed.iter().map(|exposed| match exposed {
                Exposed::Primary(cell) | Exposed::Imaginary(cell) => *cell,
            });
            return Err(Unprotected { cells: exposed.collect() });
        }
        for cell in found.secondary.iter().filter_map(|number| sub.cells.get(*number)) {
            published.get_mut(*cell).into_iter().for_each(|slot| *slot = false);
        }
        Ok(())
    }

    /// Withholds cells until the audit finds every combination far enough from its value.
    pub(super) fn repair(
        &self,
        system: &System,
        figure: &Figure,
        (costs, insiders): (&[Option<u64>], &[bool]),
        published: &mut [bool],
    ) -> Result<(), Unprotected> {
        let sub = self.sub(system, published)?;
        let (cells, all) = (sub.cells.len(), sub.system.cells().len());
        let far = std::iter::repeat_n(0, cells).chain(self.combinations.iter().map(|combination| combination.far));
        let (truth, bounds) = (figure.truth.clone(), figure.bounds.clone());
        let own = Figure { truth, bounds, protection: far.collect() };
        let costs: Vec<Option<u64>> = sub.cells.iter().map(|cell| costs.get(*cell).copied().flatten()).collect();
        let costs: Vec<Option<u64>> = costs.into_iter().chain(std::iter::repeat_n(None, all - cells)).collect();
        let (kept, primary) = (flags(all, 0..cells), flags(all, cells..all));
        let targets = own.targets(&sub.system, &primary, &kept);
        let audited = own.audit(&sub.system, &kept, &targets, insiders);
        let repaired = repair(&repair::Task { audit: audited, costs: &costs, spare: &[], hints: &[] });
        if !repaired.unprotected.is_empty() {
            return Err(Unprotected { cells: repaired.unprotected });
        }
        for (cell, out) in sub.cells.iter().zip(&repaired.published) {
            published.get_mut(*cell).into_iter().for_each(|slot| *slot = *out);
        }
        Ok(())
    }
}
