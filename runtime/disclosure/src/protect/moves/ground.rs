//! What a search for moves goes over: the equations, both ways, and the marks of what is out of balance.

use std::collections::{BTreeMap, BTreeSet};

use crate::protect::system::{Entry, System};

/// How many atoms of a row are looked at on the way, in longer rows: those that disturb the fewest published cells, and of
/// these the ones that move farthest. Which one closes a move is looked up among all ([`Marks::with`]).
const LIKELY_MAX: usize = 2_048;

/// The equations, both ways, of the atoms that may move.
pub(super) struct Ground {
    rows: Vec<Vec<Entry>>,
    columns: Vec<Vec<Entry>>,
    /// Cells of one atom: nothing balances them.
    single: Vec<bool>,
    /// The greatest sum of an atom's coefficients.
    widest: i64,
    /// Of each long row the atoms that are looked at.
    likely: BTreeMap<u32, Vec<Entry>>,
}

impl Ground {
    /// Of all cells, those that are published among them, and the atoms that reach somewhere.
    pub(super) fn new(system: &System, reach: impl Fn(u32) -> i128, published: impl Fn(u32) -> bool) -> Ground {
        let reaches: Vec<i128> = (0_u32..).take(system.atoms()).map(reach).collect();
        let reach = |atom: u32| reaches.get(atom as usize).copied().unwrap_or(0);
        let mut columns = vec![Vec::new(); system.atoms()];
        let mut disturbed = vec![0_u32; system.atoms()];
        let mut rows = Vec::with_capacity(system.cells().len());
        for (cell, entries) in (0_u32..).zip(system.cells()) {
            let row: Vec<Entry> = entries.iter().copied().filter(|(atom, _)| reach(*atom) > 0).collect();
            let balanced = entries.len() > 1 && published(cell);
            for (atom, coefficient) in &row {
                if let (Some(column), Some(disturbed)) =
                    (columns.get_mut(*atom as usize), disturbed.get_mut(*atom as usize))
                {
                    column.push((cell, *coefficient));
                    *disturbed += u32::from(balanced);
                }
            }
            rows.push(row);
        }
        let sum = |column: &Vec<Entry>| column.iter().map(|(_, c)| i64::from(c.unsigned_abs())).sum();
        let widest = columns.iter().map(sum).max().unwrap_or(0);
        let single = system.cells().iter().map(|entries| entries.len() == 1).collect();
        let long = (0_u32..).zip(&rows).filter(|(_, row)| row.len() > LIKELY_MAX);
        let best = |(cell, row): (u32, &Vec<Entry>)| {
            let mut row = row.clone();
            row.sort_by_key(|(atom, _)| (disturbed.get(*atom as usize), std::cmp::Reverse(reach(*atom)), *atom));
            row.truncate(LIKELY_MAX);
            (cell, row)
        };
        let likely = long.map(best).collect();
        Ground { rows, columns, single, widest, likely }
    }

    pub(super) fn cells(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn atoms(&self) -> usize {
        self.columns.len()
    }

    pub(super) fn widest(&self) -> i64 {
        self.widest
    }

    /// The atoms of a cell that may move.
    pub(super) fn row(&self, cell: u32) -> &[Entry] {
        self.rows.get(cell as usize).map_or(&[], Vec::as_slice)
    }

    /// The atoms of a cell that are looked at on the way: all, or those that are most likely to lead somewhere.
    pub(super) fn likely(&self, cell: u32) -> &[Entry] {
        self.likely.get(&cell).map_or_else(|| self.row(cell), Vec::as_slice)
    }

    /// The cells of an atom.
    pub(super) fn column(&self, atom: u32) -> &[Entry] {
        self.columns.get(atom as usize).map_or(&[], Vec::as_slice)
    }

    pub(super) fn single(&self, cell: u32) -> bool {
        self.single.get(cell as usize).copied().unwrap_or(false)
    }
}

/// Of each atom, the sum of the marks of its cells that are to be balanced; and the atoms by it.
pub(super) struct Marks {
    of: Vec<u64>,
    atoms: BTreeSet<(u64, u32)>,
}

impl Marks {
    pub(super) fn new(ground: &Ground, published: impl Fn(u32) -> bool) -> Marks {
        let mut of = vec![0_u64; ground.atoms()];
        for cell in (0_u32..).take(ground.cells()).filter(|cell| !ground.single(*cell) && published(*cell)) {
            for (atom, coefficient) in ground.row(cell) {
                if let Some(sum) = of.get_mut(*atom as usize) {
                    *sum = sum.wrapping_add(marked(cell, i64::from(*coefficient)));
                }
            }
        }
        let movable = of.iter().copied().zip(0_u32..).filter(|(_, atom)| !ground.column(*atom).is_empty());
        Marks { atoms: movable.collect(), of }
    }

    /// The sum of an atom's marks.
    pub(super) fn of(&self, atom: u32) -> u64 {
        self.of.get(atom as usize).copied().unwrap_or(0)
    }

    /// The atoms with this sum, in order.
    pub(super) fn with(&self, sum: u64) -> impl Iterator<Item = u32> + '_ {
        self.atoms.range((sum, 0)..=(sum, u32::MAX)).map(|(_, atom)| *atom)
    }

    /// From here on this cell isn't balanced any more.
    pub(super) fn take_off(&mut self, ground: &Ground, cell: u32) {
        for (atom, coefficient) in ground.row(cell) {
            let Some(sum) = self.of.get_mut(*atom as usize) else { continue };
            self.atoms.remove(&(*sum, *atom));
            *sum = sum.wrapping_sub(marked(cell, i64::from(*coefficient)));
            self.atoms.insert((*sum, *atom));
        }
    }
}

/// A number that stands for a cell in sums (SplitMix64).
fn mark(cell: u32) -> u64 {
    let mixed = (u64::from(cell) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The mark of a cell, so many times.
pub(super) fn marked(cell: u32, times: i64) -> u64 {
    mark(cell).wrapping_mul(times.cast_unsigned())
}
