//! Combinations that nobody may work out of one figure, beside the cells that publish it.
//!
//! Most cells publish all figures or none, and are protected together. Here a figure has cells of its own that may not
//! follow: a cell that is out with other figures and doesn't show this one, or a sum of cells that no table has.
//!
//! # Guarantees
//! As [`protect`](super::protect) gives them: elimination first, then an audit of the final pattern. Only cells that
//! publish the figure count as known. A cell that is out with other figures, and would show this one from now on, is
//! withheld in this figure alone.
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
    /// For each cell whether this figure may be taken out of it by itself, though the cell is out.
    pub added: Vec<bool>,
    /// For each cell whether it is out, and doesn't show this figure.
    pub hidden: Vec<bool>,
    /// The cells that publish it and may be withheld, in it or as a whole, the most wanted first.
    pub order: Vec<usize>,
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

    fn sub(&self, system: &System, (published, shown): (&[bool], &[bool])) -> Result<Sub, Unprotected> {
        let shown = shown.iter().zip(published).enumerate();
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
        released: &[bool],
        holders: &[Option<u64>],
        (published, shown): (&mut [bool], &mut [bool]),
    ) -> Result<(), Unprotected> {
        let sub = self.sub(system, (published, shown))?;
        let number = |cell: &usize| sub.cells.binary_search(cell).ok();
        let order: Vec<usize> = self.order.iter().filter_map(number).collect();
        let is_out = |cell: &usize| self.stays(*cell, released);
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
            self.withhold(*cell, published, shown);
        }
        Ok(())
    }

    /// Which cells count as known where all figures are looked at together: as elsewhere, all that are published, but for
    /// those that go without this figure.
    pub(super) fn known(&self, published: &[bool], shown: &[bool]) -> Vec<bool> {
        let gone = shown.iter().zip(&self.added).zip(&self.hidden);
        let gone = gone.map(|((shown, added), hidden)| *hidden || (*added && !shown));
        published.iter().zip(gone).map(|(published, gone)| *published && !gone).collect()
    }

    /// What it costs to withhold each cell, or this figure of it; none where it stays.
    pub(super) fn costs(&self, prices: &[u64], released: &[bool]) -> Vec<Option<u64>> {
        prices.iter().enumerate().map(|(cell, price)| (!self.stays(cell, released)).then_some(*price)).collect()
    }

    /// Withholds these cells, or this figure of them.
    pub(super) fn withhold_all(&self, cells: &[usize], published: &mut [bool], shown: &mut [bool]) {
        cells.iter().for_each(|cell| self.withhold(*cell, published, shown));
    }

    /// Whether a cell goes on showing this figure, whatever follows.
    fn stays(&self, cell: usize, released: &[bool]) -> bool {
        released.get(cell).copied().unwrap_or(false) && !self.is_added(cell)
    }

    fn is_added(&self, cell: usize) -> bool {
        self.added.get(cell).copied().unwrap_or(false)
    }

    /// Withholds a cell, or this figure of it.
    fn withhold(&self, cell: usize, published: &mut [bool], shown: &mut [bool]) {
        let flags = if self.is_added(cell) { shown } else { published };
        flags.get_mut(cell).into_iter().for_each(|slot| *slot = false);
    }

    /// Withholds cells until the audit finds every combination far enough from its value.
    pub(super) fn repair(
        &self,
        system: &System,
        figure: &Figure,
        (prices, released, insiders): (&[u64], &[bool], &[bool]),
        (published, shown): (&mut [bool], &mut [bool]),
    ) -> Result<(), Unprotected> {
        let sub = self.sub(system, (published, shown))?;
        let (cells, all) = (sub.cells.len(), sub.system.cells().len());
        let far = std::iter::repeat_n(0, cells).chain(self.combinations.iter().map(|combination| combination.far));
        let (truth, bounds) = (figure.truth.clone(), figure.bounds.clone());
        let own = Figure { truth, bounds, protection: far.collect() };
        let costs = self.costs(prices, released);
        let costs: Vec<Option<u64>> = sub.cells.iter().map(|cell| costs.get(*cell).copied().flatten()).collect();
        let costs: Vec<Option<u64>> = costs.into_iter().chain(std::iter::repeat_n(None, all - cells)).collect();
        let (kept, primary) = (flags(all, 0..cells), flags(all, cells..all));
        let targets = own.targets(&sub.system, &primary, &kept);
        let audited = own.audit(&sub.system, &kept, &targets, insiders);
        let repaired = repair(&repair::Task { audit: audited, costs: &costs, spare: &[], hints: &[] });
        if !repaired.unprotected.is_empty() {
            return Err(Unprotected { cells: repaired.unprotected });
        }
        let withheld: Vec<usize> =
            repaired.withheld.iter().filter_map(|number| sub.cells.get(*number).copied()).collect();
        self.withhold_all(&withheld, published, shown);
        Ok(())
    }
}
