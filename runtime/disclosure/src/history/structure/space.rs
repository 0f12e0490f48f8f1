//! Combinations of figures, brought to where each leaves one class of a basis and no other of it.
//!
//! A combination is a number for each figure. At first there are the figures themselves. *Binding* a class takes it out
//! of all combinations but one, which is its own from then on. After all classes have been bound, each bound
//! combination leaves one class of the basis and some outside it, and the others leave nobody: they say how figures add
//! up. This is Gauss and Jordan's elimination by classes, which needs memory by figures alone, however many classes
//! there are, and ends as soon as every combination is bound.
//!
//! # Guarantees
//! - Every combination of the figures, as far as what it leaves goes, is one of the bound ones.
//! - A combination bound to a class leaves none of the classes that were tried before it, but for what is in no basis: where
//!   large classes come first, one that is bound to a small class leaves small ones only.
//!
//! # Does not guarantee
//! That combinations are the shortest: of several figures that say the same the one that was first is used.
//!
//! Source: reduced row echelon form, seen from its transformation matrix. Example: of figures {a, b}, {b, c} and {c},
//! binding a, b and c leaves 1 - 2 + 3, 2 - 3 and 3.

use super::prime::Prime;

/// The elimination was cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spent;

/// What may still be spent, in multiplications.
pub(super) struct Work(pub u64);

impl Work {
    pub(super) fn spend(&mut self, multiplications: usize) -> Result<(), Spent> {
        self.0 = self.0.checked_sub(multiplications as u64).ok_or(Spent)?;
        Ok(())
    }
}

/// A combination.
pub(super) struct Row {
    /// A number for each figure.
    pub numbers: Vec<u64>,
    /// How many of them aren't 0.
    weight: usize,
    /// The class that it is bound to.
    pub class: Option<u32>,
}

impl Row {
    pub(super) fn new(numbers: Vec<u64>) -> Row {
        let weight = numbers.iter().filter(|number| **number != 0).count();
        Row { numbers, weight, class: None }
    }
}

/// The combinations.
pub(super) struct Space<'a> {
    prime: &'a Prime,
    rows: Vec<Row>,
    open: usize,
}

impl<'a> Space<'a> {
    /// Spanned by these combinations, of which none follows from the others.
    pub(super) fn new(prime: &'a Prime, rows: Vec<Row>) -> Space<'a> {
        Space { prime, open: rows.len(), rows }
    }

    /// Spanned by these of so many figures.
    pub(super) fn of_figures(prime: &'a Prime, width: usize, figures: impl Iterator<Item = usize>) -> Space<'a> {
        let row = |figure| Row::new((0..width).map(|place| if place == figure { prime.one() } else { 0 }).collect());
        Space::new(prime, figures.map(row).collect())
    }

    /// The bound combinations, each with its class.
    pub(super) fn bound(&self) -> impl Iterator<Item = (u32, &Row)> {
        self.rows.iter().filter_map(|row| Some((row.class?, row)))
    }

    /// Whether all are bound, so that no further class can be.
    pub(super) fn is_exhausted(&self) -> bool {
        self.open == 0
    }

    /// Takes a class, given by its vector, out of all combinations but one; false where no open one has it.
    pub(super) fn bind(&mut self, class: u32, vector: &[(u32, i64)], work: &mut Work) -> Result<bool, Spent> {
        work.spend(self.open * vector.len())?;
        let mut parts: Vec<u64> = self
            .rows
            .iter()
            .map(|row| if row.class.is_none() { left(self.prime, &row.numbers, vector) } else { 0 })
            .collect();
        let with = self.rows.iter().zip(&parts).enumerate().filter(|(_, (_, part))| **part != 0);
        let Some((chosen, _)) = with.min_by_key(|(place, (row, _))| (row.weight, *place)) else { return Ok(false) };
        work.spend((self.rows.len() - self.open) * vector.len())?;
        for (part, row) in parts.iter_mut().zip(&self.rows).filter(|(_, row)| row.class.is_some()) {
            *part = left(self.prime, &row.numbers, vector);
        }
        self.clear(chosen, &parts, class, work)?;
        Ok(true)
    }

    /// Makes the class's part of the chosen row 1, and 0 of every other.
    #[allow(clippy::indexing_slicing, reason = "the chosen row is one of the rows, and has a part like each of them")]
    fn clear(&mut self, chosen: usize, parts: &[u64], class: u32, work: &mut Work) -> Result<(), Spent> {
        let prime = self.prime;
        let touched = parts.iter().filter(|part| **part != 0).count();
        work.spend(touched * self.rows[chosen].weight)?;
        let factor = prime.inverse(parts[chosen]);
        for number in self.rows[chosen].numbers.iter_mut().filter(|number| **number != 0) {
            *number = prime.mul(*number, factor);
        }
        self.rows[chosen].class = Some(class);
        self.open -= 1;
        let numbers = self.rows[chosen].numbers.iter().copied().enumerate();
        let own: Vec<(usize, u64)> = numbers.filter(|(_, number)| *number != 0).collect();
        for (place, row) in self.rows.iter_mut().enumerate().filter(|(place, _)| *place != chosen) {
            if parts[place] != 0 {
                row.add(prime, prime.negative(parts[place]), &own);
            }
        }
        Ok(())
    }
}

impl Row {
    /// Adds a multiple of another combination, given by its numbers other than 0.
    #[allow(clippy::indexing_slicing, reason = "all rows of a space have a number for each figure")]
    fn add(&mut self, prime: &Prime, factor: u64, other: &[(usize, u64)]) {
        for (figure, number) in other {
            let held = &mut self.numbers[*figure];
            let before = *held != 0;
            *held = prime.add(*held, prime.mul(factor, *number));
            self.weight = self.weight + usize::from(*held != 0) - usize::from(before);
        }
    }
}

/// What a combination leaves of a class.
#[inline]
pub(super) fn left(prime: &Prime, numbers: &[u64], vector: &[(u32, i64)]) -> u64 {
    vector.iter().fold(0, |sum, (figure, value)| match (numbers.get(*figure as usize), value) {
        (None | Some(0), _) => sum,
        (Some(number), 1) => prime.add(sum, *number),
        (Some(number), value) => prime.add(sum, prime.mul(*number, prime.whole(*value))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(figures: &[u32]) -> Vec<(u32, i64)> {
        figures.iter().map(|figure| (*figure, 1)).collect()
    }

    #[test]
    fn every_class_of_the_basis_is_left_by_one() {
        let prime = Prime::drawn(1);
        let mut space = Space::of_figures(&prime, 3, 0..3);
        let mut work = Work(1_000);
        // {a, b}, {b, c} and {c}.
        for (class, figures) in [&[0][..], &[0, 1], &[1, 2]].iter().enumerate() {
            assert!(!space.is_exhausted());
            assert_eq!(space.bind(class as u32, &vector(figures), &mut work), Ok(true));
        }
        assert!(space.is_exhausted());
        let signs = |numbers: &[u64]| -> Vec<i64> {
            numbers.iter().map(|number| prime.fraction(*number, 9).expect("it is small").0).collect()
        };
        let mut rows: Vec<(u32, Vec<i64>)> = space.bound().map(|(class, row)| (class, signs(&row.numbers))).collect();
        rows.sort_unstable();
        assert_eq!(rows, [(0, vec![1, -1, 1]), (1, vec![0, 1, -1]), (2, vec![0, 0, 1])]);
        assert!(space.bound().all(|(_, row)| row.weight == row.numbers.iter().filter(|number| **number != 0).count()));
        assert_eq!(space.bind(3, &vector(&[0, 2]), &mut work), Ok(false));
    }

    #[test]
    fn a_total_that_its_parts_say_stays_open_and_work_is_bounded() {
        let prime = Prime::drawn(2);
        let mut space = Space::of_figures(&prime, 3, 0..3);
        // Parts 0 and 1, total 2.
        assert_eq!(space.bind(0, &vector(&[0, 2]), &mut Work(100)), Ok(true));
        assert_eq!(space.bind(1, &vector(&[1, 2]), &mut Work(100)), Ok(true));
        assert!(!space.is_exhausted());
        assert_eq!(space.bind(2, &vector(&[0, 2]), &mut Work(100)), Ok(false));
        assert_eq!(space.bound().count(), 2);
        let mut space = Space::of_figures(&prime, 3, 0..3);
        assert_eq!(space.bind(0, &vector(&[0, 2]), &mut Work(5)), Err(Spent));
        assert_eq!(space.bind(0, &vector(&[0, 2]), &mut Work(8)), Ok(true));
    }
}
