//! Rank: how many independent figures are out.
//!
//! A table with margins publishes more figures than it says things: only independent ones bring an attacker closer.
//!
//! # Guarantees
//! Exact modulo `2^61 - 1`. That rank is never above the true one, and below it only if a minor that isn't 0 is a
//! multiple of that prime.
//!
//! # Does not guarantee
//! Speed on dense systems: elimination fills up.
//!
//! Example: of a, b and a + b two are independent.

use std::collections::BTreeMap;

use super::sketch::{add, multiply, subtract};
use crate::protect::system::Entry;

const MODULUS: u64 = (1 << 61) - 1;

/// The independent figures so far, by the first atom of each.
#[derive(Debug, Clone, Default)]
pub struct Rank {
    pivots: BTreeMap<u32, Vec<(u32, u64)>>,
}

impl Rank {
    /// Adds a figure as a combination of atoms, sorted by atom. Whether it is independent of those before.
    pub fn add(&mut self, entries: &[Entry]) -> bool {
        let residue = |coefficient: i32| i64::from(coefficient).rem_euclid(MODULUS as i64) as u64;
        let mut rest: Vec<(u32, u64)> =
            entries.iter().map(|(atom, coefficient)| (*atom, residue(*coefficient))).filter(|(_, r)| *r != 0).collect();
        while let Some((atom, factor)) = rest.first().copied() {
            let Some(pivot) = self.pivots.get(&atom) else {
                let inverse = power(factor, MODULUS - 2);
                rest.iter_mut().for_each(|(_, value)| *value = multiply(*value, inverse));
                self.pivots.insert(atom, rest);
                return true;
            };
            rest = less(&rest, pivot, factor);
        }
        false
    }

    /// How many there are.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.pivots.len() as u64
    }
}

/// `row - factor * pivot`, without zeros.
fn less(row: &[(u32, u64)], pivot: &[(u32, u64)], factor: u64) -> Vec<(u32, u64)> {
    let mut result = Vec::with_capacity(row.len() + pivot.len());
    let (mut row, mut pivot) = (row.iter().copied().peekable(), pivot.iter().copied().peekable());
    loop {
        let next = match (row.peek(), pivot.peek()) {
            (None, None) => return result,
            (Some((a, _)), Some((b, _))) => *a.min(b),
            (Some((a, _)), None) => *a,
            (None, Some((b, _))) => *b,
        };
        let held = row.next_if(|(atom, _)| *atom == next).map_or(0, |(_, value)| value);
        let gone = pivot.next_if(|(atom, _)| *atom == next).map_or(0, |(_, value)| multiply(value, factor));
        let value = subtract(held, gone);
        if value != 0 {
            result.push((next, value));
        }
    }
}

fn power(base: u64, exponent: u64) -> u64 {
    let (mut result, mut square, mut rest) = (1, base, exponent);
    while rest > 0 {
        if rest % 2 == 1 {
            result = multiply(result, square);
        }
        square = multiply(square, square);
        rest /= 2;
    }
    add(result, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(cells: &[&[Entry]]) -> u64 {
        let mut rank = Rank::default();
        for cell in cells {
            rank.add(cell);
        }
        rank.get()
    }

    #[test]
    fn the_example_of_the_page() {
        assert_eq!(rank(&[&[(0, 1)], &[(1, 1)], &[(0, 1), (1, 1)]]), 2);
    }

    #[test]
    fn a_table_with_margins_has_as_many_as_it_has_inner_cells() {
        let (rows, columns) = (6, 9);
        let mut held = Rank::default();
        let atom = |row: u32, column: u32| (row * columns + column, 1);
        assert!(held.add(&(0..rows * columns).map(|atom| (atom, 1)).collect::<Vec<_>>()));
        (0..rows).for_each(|row| _ = held.add(&(0..columns).map(|column| atom(row, column)).collect::<Vec<_>>()));
        assert_eq!(held.get(), u64::from(rows), "the last row follows from the total");
        (0..columns).for_each(|column| _ = held.add(&(0..rows).map(|row| atom(row, column)).collect::<Vec<_>>()));
        assert_eq!(held.get(), u64::from(rows + columns - 1));
        (0..rows * columns).for_each(|atom| _ = held.add(&[(atom, 1)]));
        assert_eq!(held.get(), u64::from(rows * columns));
    }

    #[test]
    fn signs_and_multiples_are_seen() {
        assert_eq!(rank(&[&[(0, 2), (1, -4)], &[(0, -1), (1, 2)], &[]]), 1);
        assert_eq!(rank(&[&[(0, 2), (1, -4)], &[(0, -1), (1, -2)]]), 2);
    }
}
