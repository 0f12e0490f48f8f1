//! Systems: the cells of several tables as linear combinations of common atoms.
//!
//! An *atom* is a part that no table divides: a combination of the finest codes of all dimensions. A *cell* is what a
//! table publishes: an inner cell, a margin, a total, at any level of a hierarchy. What an attacker can work out from
//! published cells is what follows from these equations, so whatever protects a table protects the system.
//!
//! # Guarantees
//! The entries of a cell are sorted by atom, name each atom once, and have no coefficient of 0.
//!
//! # Does not guarantee
//! That the attacker knows no more equations: relations between measures must be put into the system.

/// An atom's place, and the coefficient with which it enters a cell.
pub type Entry = (u32, i32);

/// Cells over atoms. A cell's place in the system is its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    atoms: usize,
    cells: Vec<Vec<Entry>>,
}

/// Entries that don't make a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cell's entries aren't sorted by atom, are 0, or name an atom that isn't there")]
pub struct Malformed;

impl System {
    /// A system of these cells over so many atoms.
    ///
    /// # Errors
    /// A cell whose entries aren't sorted, distinct, other than 0 and within the atoms.
    pub fn new(atoms: usize, cells: Vec<Vec<Entry>>) -> Result<System, Malformed> {
        let sound = |entries: &Vec<Entry>| {
            let sorted = entries.windows(2).all(|pair| matches!(pair, [(a, _), (b, _)] if a < b));
            sorted && entries.iter().all(|(atom, coefficient)| (*atom as usize) < atoms && *coefficient != 0)
        };
        if cells.iter().all(sound) { Ok(System { atoms, cells }) } else { Err(Malformed) }
    }

    /// A system of cells that add up these atoms, each once.
    ///
    /// # Errors
    /// As [`System::new`].
    pub fn of_sums(atoms: usize, cells: Vec<Vec<u32>>) -> Result<System, Malformed> {
        System::new(atoms, cells.into_iter().map(|cell| cell.into_iter().map(|atom| (atom, 1)).collect()).collect())
    }

    /// How many atoms there are.
    #[must_use]
    pub fn atoms(&self) -> usize {
        self.atoms
    }

    /// The cells.
    #[must_use]
    pub fn cells(&self) -> &[Vec<Entry>] {
        &self.cells
    }

    /// The entries of a cell; none of one that isn't there.
    #[must_use]
    pub fn cell(&self, cell: usize) -> &[Entry] {
        self.cells.get(cell).map_or(&[], Vec::as_slice)
    }

    /// The value of a cell, given the atoms'; `None` where it is too large to add up.
    #[must_use]
    pub fn value(&self, cell: usize, atoms: &[i128]) -> Option<i128> {
        self.cell(cell).iter().try_fold(0_i128, |sum, (atom, coefficient)| {
            sum.checked_add(atoms.get(*atom as usize)?.checked_mul(i128::from(*coefficient))?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sorted_distinct_atoms_that_are_there_make_a_cell() {
        assert!(System::new(3, vec![vec![(0, 1), (2, -1)], vec![]]).is_ok());
        for wrong in [vec![(2, 1), (0, 1)], vec![(1, 1), (1, 1)], vec![(3, 1)], vec![(0, 0)]] {
            assert_eq!(System::new(3, vec![wrong]), Err(Malformed));
        }
    }

    #[test]
    fn a_cell_is_the_sum_of_its_atoms() {
        let system = System::new(3, vec![vec![(0, 1), (2, -2)]]).expect("it is sound");
        assert_eq!(system.value(0, &[5, 7, 1]), Some(3));
        assert_eq!(system.value(0, &[i128::MAX, 0, -1]), None);
        assert_eq!(system.value(0, &[1]), None);
    }
}
