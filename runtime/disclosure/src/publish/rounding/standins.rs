//! Stand-ins: atoms that fit a set of figures, worked out from those figures and from nothing else.
//!
//! Rounding figures together needs a value of every atom, and who withholds an atom mustn't use its true value: which
//! way a total is rounded would tell of it. So some solution of the equations "a cell's atoms add up to its figure"
//! takes the place of the truth, always the same one for the same equations.
//!
//! Source: Gaussian elimination over the integers modulo a prime, as in [`crate::protect::eliminate`], whose arithmetic it
//! uses; the pivot with the fewest occurrences is Markowitz's rule, with rows taken in their order.
//!
//! # Guarantees
//! The result follows from the equations and their order alone. Every equation that is counted as met is met exactly: the
//! elimination runs modulo a prime, and what it finds is then checked in whole numbers.
//!
//! # Does not guarantee
//! That stand-ins look like counts: they may be negative, or fractions (of one small common denominator). That equations
//! which contradict each other are met: an earlier one goes first. That there is a result: see [`WORK_MAX`].
//!
//! # Example
//! Shown are a row's total 13 and its first part 6; two parts are withheld. The first of those stands for 7, the other
//! for 0.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::protect::field::{Field, First};
use crate::protect::system::{Entry, System};

/// Entries that are changed before the elimination gives up.
const WORK_MAX: u64 = 4_000_000_000;
/// The largest common denominator that is tried. Tables of two dimensions need none.
const DENOMINATOR_MAX: i128 = 60;

/// Values of all atoms, each over one common denominator.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StandIns {
    pub(super) numerators: Vec<i128>,
    pub(super) denominator: i128,
}

/// Atoms whose sums over the cells are these figures. Equations are taken in the order of `order`; one that contradicts
/// those before it is left out. None where there are none of a small denominator, or where looking takes too long.
pub(super) fn solve(system: &System, figures: &[i128], order: &[usize]) -> Option<StandIns> {
    let mut elimination = Elimination::new(system, order);
    let mut met = Vec::new();
    for cell in order {
        let right = remainder(*figures.get(*cell)?);
        if elimination.add(system.cell(*cell), right)? {
            met.push(*cell);
        }
    }
    let residues = elimination.solution();
    (1..=DENOMINATOR_MAX).find_map(|denominator| {
        let times = u64::try_from(denominator).ok()?;
        let numerators: Vec<i128> = residues.iter().map(|residue| centred(First::mul(*residue, times))).collect();
        let fits = |cell: &usize| {
            let wanted = figures.get(*cell).and_then(|figure| figure.checked_mul(denominator));
            wanted.is_some() && system.value(*cell, &numerators) == wanted
        };
        met.iter().all(fits).then_some(StandIns { numerators, denominator })
    })
}

fn remainder(value: i128) -> u64 {
    u64::try_from(value.rem_euclid(i128::from(First::MODULUS))).unwrap_or(0)
}

/// The number nearest to 0 of those that leave this remainder.
fn centred(residue: u64) -> i128 {
    let value = i128::from(residue);
    if residue > First::MODULUS / 2 { value - i128::from(First::MODULUS) } else { value }
}

/// An equation that is solved for its pivot: the pivot is `right` less its entries.
struct Row {
    pivot: u32,
    entries: Vec<(u32, u64)>,
    right: u64,
}

/// Rows in echelon form by the order in which they came: none has the pivot of an earlier one.
struct Elimination {
    rows: Vec<Row>,
    /// By atom: the row whose pivot it is.
    row_of: Vec<Option<u32>>,
    /// By atom: how many equations that are yet to come have it.
    to_come: Vec<u32>,
    /// The equation that is being added; all 0 in between.
    at_work: Vec<u64>,
    work: u64,
}

impl Elimination {
    fn new(system: &System, order: &[usize]) -> Elimination {
        let mut to_come = vec![0_u32; system.atoms()];
        for (atom, _) in order.iter().flat_map(|cell| system.cell(*cell)) {
            if let Some(count) = to_come.get_mut(*atom as usize) {
                *count += 1;
            }
        }
        let atoms = system.atoms();
        Elimination { rows: Vec::new(), row_of: vec![None; atoms], to_come, at_work: vec![0; atoms], work: 0 }
    }

    /// Adds an equation; false if it contradicts those before it, none if it took too long.
    fn add(&mut self, cell: &[Entry], right: u64) -> Option<bool> {
        let (entries, right) = self.reduced(cell, right)?;
        for (atom, _) in cell {
            if let Some(count) = self.to_come.get_mut(*atom as usize) {
                *count -= 1;
            }
        }
        // The atom that the fewest of the others have leads to the fewest changes.
        let fewest = |(atom, _): &&(u32, u64)| (self.to_come.get(*atom as usize).copied(), *atom);
        let Some((pivot, factor)) = entries.iter().min_by_key(fewest).copied() else { return Some(right == 0) };
        let inverse = First::inverse(factor);
        let others = entries.into_iter().filter(|(atom, _)| *atom != pivot);
        let row = Row {
            pivot,
            entries: others.map(|(atom, factor)| (atom, First::mul(factor, inverse))).collect(),
            right: First::mul(right, inverse),
        };
        *self.row_of.get_mut(pivot as usize)? = Some(u32::try_from(self.rows.len()).ok()?);
        self.rows.push(row);
        Some(true)
    }

    /// The equation without the pivots of the rows.
    fn reduced(&mut self, cell: &[Entry], mut right: u64) -> Option<(Vec<(u32, u64)>, u64)> {
        let mut touched: Vec<u32> = Vec::with_capacity(cell.len());
        let mut pivots = BinaryHeap::new();
        for (atom, coefficient) in cell {
            *self.at_work.get_mut(*atom as usize)? = First::of(*coefficient);
            touched.push(*atom);
            pivots.extend(self.row_of.get(*atom as usize).copied().flatten().map(Reverse));
        }
        // A row has no pivot of an earlier one, so each is met once.
        while let Some(Reverse(number)) = pivots.pop() {
            let row = self.rows.get(number as usize)?;
            let factor = First::negative(std::mem::take(self.at_work.get_mut(row.pivot as usize)?));
            if factor == 0 {
                continue;
            }
            self.work += row.entries.len() as u64;
            for (atom, value) in &row.entries {
                let slot = self.at_work.get_mut(*atom as usize)?;
                if *slot == 0 {
                    touched.push(*atom);
                    pivots.extend(self.row_of.get(*atom as usize).copied().flatten().map(Reverse));
                }
                *slot = First::add(*slot, First::mul(factor, *value));
            }
            right = First::add(right, First::mul(factor, row.right));
        }
        touched.sort_unstable();
        touched.dedup();
        let taken = |atom: u32| Some((atom, std::mem::take(self.at_work.get_mut(atom as usize)?)));
        let entries = touched.into_iter().filter_map(taken).filter(|(_, value)| *value != 0).collect();
        (self.work <= WORK_MAX).then_some((entries, right))
    }

    /// The solution in which every atom that is no pivot is 0.
    fn solution(&self) -> Vec<u64> {
        let mut values = vec![0_u64; self.row_of.len()];
        for row in self.rows.iter().rev() {
            let others = row.entries.iter().fold(0, |sum, (atom, factor)| {
                First::add(sum, First::mul(*factor, values.get(*atom as usize).copied().unwrap_or(0)))
            });
            if let Some(slot) = values.get_mut(row.pivot as usize) {
                *slot = First::add(row.right, First::negative(others));
            }
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_withheld_pair_stands_for_what_is_left_of_its_total() {
        let system = System::of_sums(3, vec![vec![0, 1, 2], vec![0]]).expect("sorted");
        let found = solve(&system, &[13, 6], &[1, 0]);
        assert_eq!(found, Some(StandIns { numerators: vec![6, 7, 0], denominator: 1 }));
    }

    #[test]
    fn of_equations_that_contradict_each_other_the_earlier_one_is_met() {
        let system = System::of_sums(2, vec![vec![0], vec![1], vec![0, 1]]).expect("sorted");
        let of = |order: &[usize]| solve(&system, &[4, 5, 10], order).map(|found| found.numerators);
        assert_eq!(of(&[0, 1, 2]), Some(vec![4, 5]), "the total is left out");
        assert_eq!(of(&[2, 0, 1]), Some(vec![4, 6]), "the second part is");
    }

    #[test]
    fn fractions_have_one_denominator_and_negative_figures_are_met() {
        // Each two of three parts are shown as a sum: half of 3 - 4 + 8.
        let system = System::of_sums(3, vec![vec![0, 1], vec![1, 2], vec![0, 2]]).expect("sorted");
        let found = solve(&system, &[3, -4, 8], &[0, 1, 2]);
        assert_eq!(found, Some(StandIns { numerators: vec![15, -9, 1], denominator: 2 }));
    }

    #[test]
    fn what_no_small_denominator_fits_has_no_stand_ins() {
        let system = System::new(1, vec![vec![(0, 61)]]).expect("sound");
        assert_eq!(solve(&system, &[1], &[0]), None);
        assert_eq!(solve(&system, &[i128::MAX], &[0]), None, "beyond what the prime tells apart");
    }
}
