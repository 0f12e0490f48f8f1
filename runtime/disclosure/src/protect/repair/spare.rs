//! Publishes again what no proof needs.
//!
//! # Guarantees
//! Each side of each target that was certified stays so: the witnesses that are left fit the larger pattern.
//!
//! # Does not guarantee
//! That as much as possible is published: dearest cells first, once through.

use super::Repair;
use crate::protect::moves::{Price, Side};

impl Repair<'_> {
    /// Publishes the dearest cells again, one after another, as long as every target keeps its witnesses.
    pub(super) fn reopen(&mut self) {
        let moves = self.pool.moves().len();
        let mut counts = vec![true; moves];
        let mut users: Vec<Vec<usize>> = vec![Vec::new(); self.prices.len()];
        for (number, step) in self.pool.moves().iter().enumerate() {
            for cell in self.exact.changed(step).into_iter().flatten().map(|(cell, _)| cell) {
                users.get_mut(cell).into_iter().for_each(|users| users.push(number));
            }
        }
        let mut serves: Vec<Vec<(usize, Side)>> = vec![Vec::new(); moves];
        for place in 0..self.task.audit.targets.len() {
            for side in [Side::Lower, Side::Upper] {
                for number in self.pool.witnesses(place, side) {
                    serves.get_mut(number).into_iter().for_each(|serves| serves.push((place, side)));
                }
            }
        }
        for (cost, cell) in self.reopenable() {
            let counted = |number: &&usize| counts.get(**number).copied().unwrap_or(false);
            let users: Vec<usize> = users.get(cell).into_iter().flatten().filter(counted).copied().collect();
            users.iter().for_each(|number| set(&mut counts, *number, false));
            let mut served: Vec<(usize, Side)> =
                users.iter().flat_map(|number| serves.get(*number).into_iter().flatten()).copied().collect();
            served.sort_unstable();
            served.dedup();
            let counted = |number: usize| counts.get(number).copied().unwrap_or(false);
            let lost = |(place, side): &(usize, Side)| {
                self.pool.covered(*place, *side) && !self.pool.covered_by(*place, *side, counted)
            };
            if served.iter().any(lost) {
                users.iter().for_each(|number| set(&mut counts, *number, true));
            } else {
                let price = cost.map_or(Price::Never, Price::At);
                self.prices.get_mut(cell).into_iter().for_each(|slot| *slot = price);
            }
        }
    }

    /// The withheld cells that may be published, dearest first; what has no cost is dearest.
    fn reopenable(&self) -> Vec<(Option<u64>, usize)> {
        let spare = |cell: usize| {
            self.task.audit.published.get(cell).copied().unwrap_or(false)
                || self.task.spare.get(cell).copied().unwrap_or(false)
        };
        let mut target = vec![false; self.prices.len()];
        self.task.audit.targets.iter().for_each(|own| set(&mut target, own.cell, true));
        let target = |cell: usize| target.get(cell).copied().unwrap_or(true);
        let mut cells: Vec<(Option<u64>, usize)> = self
            .prices
            .iter()
            .zip(self.task.costs)
            .enumerate()
            .filter(|(cell, (price, _))| **price == Price::Free && spare(*cell) && !target(*cell))
            .map(|(cell, (_, cost))| (*cost, cell))
            .collect();
        cells.sort_unstable_by_key(|(cost, cell)| (cost.is_some(), std::cmp::Reverse(*cost), *cell));
        cells
    }
}

fn set(flags: &mut [bool], number: usize, value: bool) {
    flags.get_mut(number).into_iter().for_each(|flag| *flag = value);
}
