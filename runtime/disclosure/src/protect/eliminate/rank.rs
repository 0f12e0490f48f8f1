//! Whether anything follows from what is published, asked again by other and simpler code.
//!
//! # Guarantees
//! The code shares nothing with the elimination but the arithmetic of the second prime.
//!
//! # Does not guarantee
//! Speed: forms aren't kept short. It is for tests, and for a last look at a pattern of some ten thousand cells.

use std::collections::BTreeMap;

use super::super::field::{Field, Second};
use super::super::system::{Entry, System};

/// Which of the targets are in the span of the published cells, by their places. A cell that isn't there spans nothing.
///
/// # Example
/// The total and one of two parts span the other part, and any multiple of it, but no third.
#[must_use]
pub fn spans(system: &System, published: &[usize], targets: &[Vec<Entry>]) -> Vec<usize> {
    let mut cells: Vec<usize> = published.to_vec();
    cells.sort_by_key(|cell| (system.cell(*cell).len(), *cell));
    let mut echelon = Echelon::default();
    for cell in cells {
        echelon.put(system.cell(cell));
    }
    let spanned = |entries: &Vec<Entry>| echelon.rest(entries).is_empty();
    targets.iter().enumerate().filter(|(_, entries)| spanned(entries)).map(|(place, _)| place).collect()
}

/// Vectors, by the first atom of each; no two have the same.
#[derive(Default)]
struct Echelon(BTreeMap<u32, Vec<(u32, u64)>>);

impl Echelon {
    /// Puts in what is new of a vector, in such a multiple that its first coefficient is 1.
    fn put(&mut self, entries: &[Entry]) {
        let rest = self.rest(entries);
        if let Some((first, value)) = rest.first_key_value() {
            let inverse = Second::inverse(*value);
            let scaled = rest.iter().map(|(atom, value)| (*atom, Second::mul(*value, inverse)));
            self.0.insert(*first, scaled.collect());
        }
    }

    /// The vector without its first atom, as often as a vector that starts with that atom is there.
    fn rest(&self, entries: &[Entry]) -> BTreeMap<u32, u64> {
        let mut rest: BTreeMap<u32, u64> =
            entries.iter().map(|(atom, coefficient)| (*atom, Second::of(*coefficient))).collect();
        while let Some((first, value)) = rest.first_key_value().map(|(atom, value)| (*atom, *value)) {
            let Some(vector) = self.0.get(&first) else { break };
            let factor = Second::negative(value);
            for (atom, coefficient) in vector {
                let held = rest.get(atom).copied().unwrap_or(0);
                match Second::add(held, Second::mul(*coefficient, factor)) {
                    0 => rest.remove(atom),
                    value => rest.insert(*atom, value),
                };
            }
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_and_one_part_span_the_other() {
        let system = System::of_sums(3, vec![vec![0, 1], vec![0], vec![2]]).expect("it is sound");
        let targets = [vec![(1, 1)], vec![(1, -7)], vec![(2, 1)], vec![(1, 1), (2, 1)], vec![(0, 1), (1, 2)], vec![]];
        assert_eq!(spans(&system, &[0, 1], &targets), [0, 1, 4, 5]);
        assert_eq!(spans(&system, &[0], &targets), [5]);
        assert_eq!(spans(&system, &[2, 1, 0, 1, 9], &targets), [0, 1, 2, 3, 4, 5]);
    }
}
