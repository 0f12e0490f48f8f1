//! A bounded search for what the exact step leaves: single atoms are turned to bring cells within a base.
//!
//! A walk over assignments: a cell that is off is taken in turn, and the atom of it is turned that costs the others
//! least; an atom rests for some steps after it was turned, so that the walk leaves local optima. The best assignment
//! that was seen is returned. All ties go by number and all limits are counts, so the walk is the same everywhere.

use std::collections::BTreeSet;

use super::families::Families;
use crate::protect::system::Entry;

/// How many entries of cells are looked at before the walk ends.
const LOOKS_MAX: usize = 60_000_000;
/// How many steps there are at most.
const STEPS_MAX: usize = 200_000;
/// For how many steps an atom rests.
const REST: usize = 12;
/// How many atoms of a large cell are tried at a step.
const TRIED_MAX: usize = 300;
/// How much more a total counts than another cell while walking.
const TOTAL_WEIGHT: u64 = 16;

/// An assignment at least as good as `ups`.
pub(super) fn improve(
    cells: &[Vec<Entry>],
    families: &Families,
    residues: &[i128],
    base: i128,
    ups: Vec<bool>,
) -> Vec<bool> {
    if families.complete {
        return ups;
    }
    let mut walk = Walk::new(cells, families, residues, base, ups);
    walk.run();
    walk.best
}

struct Cell {
    entries: Vec<Entry>,
    deviation: i128,
    /// Copies of a family's cells, which may not be off in the end.
    total: bool,
}

struct Walk {
    cells: Vec<Cell>,
    /// By atom: the cells that have it, with its coefficient.
    holders: Vec<Vec<Entry>>,
    ups: Vec<bool>,
    base: i128,
    /// The cells that are off.
    off: BTreeSet<u32>,
    /// The sum of squared excess of all cells that aren't copies.
    score: u64,
    totals_off: usize,
    best: Vec<bool>,
    best_score: u64,
    turned: Vec<Option<usize>>,
    looks: usize,
}

impl Walk {
    fn new(cells: &[Vec<Entry>], families: &Families, residues: &[i128], base: i128, ups: Vec<bool>) -> Walk {
        let decided = |atom: u32| residues.get(atom as usize).is_none_or(|residue| *residue == 0);
        let open =
            |cell: &Vec<Entry>| -> Vec<Entry> { cell.iter().copied().filter(|(atom, _)| !decided(*atom)).collect() };
        let totals =
            totals(families, residues.len()).into_iter().map(|set| set.iter().map(|atom| (*atom, 1)).collect());
        let ordinary = cells.iter().map(open).map(|entries| (entries, false));
        let all = ordinary.chain(totals.map(|entries: Vec<Entry>| (entries, true)));
        let moved = |atom: u32| match (residues.get(atom as usize), ups.get(atom as usize)) {
            (Some(residue), Some(true)) => base - residue,
            (Some(residue), _) => -residue,
            (None, _) => 0,
        };
        let deviation = |entries: &[Entry]| {
            entries.iter().fold(0_i128, |sum, (atom, coefficient)| {
                sum.saturating_add(moved(*atom).saturating_mul(i128::from(*coefficient)))
            })
        };
        let cells: Vec<Cell> =
            all.map(|(entries, total)| Cell { deviation: deviation(&entries), entries, total }).collect();
        let mut walk = Walk {
            holders: vec![Vec::new(); residues.len()],
            base,
            off: BTreeSet::new(),
            score: 0,
            totals_off: 0,
            best: ups.clone(),
            best_score: 0,
            turned: vec![None; residues.len()],
            looks: 0,
            ups,
            cells,
        };
        for (number, cell) in (0_u32..).zip(&walk.cells) {
            for (atom, coefficient) in &cell.entries {
                if let Some(holders) = walk.holders.get_mut(*atom as usize) {
                    holders.push((number, *coefficient));
                }
            }
            let excess = excess(cell.deviation, base);
            if excess > 0 {
                walk.off.insert(number);
                walk.score += if cell.total { 0 } else { excess };
            }
        }
        walk.best_score = walk.score;
        walk
    }

    fn run(&mut self) {
        let mut last = 0_u32;
        for step in 0..STEPS_MAX {
            if self.best_score == 0 || self.looks > LOOKS_MAX {
                return;
            }
            let turn = self.off.range(last.saturating_add(1)..).next().or_else(|| self.off.iter().next()).copied();
            let Some(cell) = turn else { return };
            last = cell;
            let Some(atom) = self.cheapest(cell, step) else { continue };
            self.turn(atom, step);
            if self.totals_off == 0 && self.score < self.best_score {
                self.best_score = self.score;
                self.best.clone_from(&self.ups);
            }
        }
    }

    /// The atom of a cell that is off whose turn brings it closer and costs the others least.
    fn cheapest(&mut self, cell: u32, step: usize) -> Option<u32> {
        let cell = self.cells.get(cell as usize)?;
        let too_high = cell.deviation > 0;
        let begin = if cell.entries.len() > TRIED_MAX { step.wrapping_mul(TRIED_MAX) % cell.entries.len() } else { 0 };
        let around = cell.entries.iter().skip(begin).chain(cell.entries.iter().take(begin));
        let mut best: Option<(bool, i64, Option<usize>, u32)> = None;
        let mut looks = 0;
        for (atom, coefficient) in around.take(TRIED_MAX) {
            let up = self.ups.get(*atom as usize).copied()?;
            looks += 1;
            // Going down lowers a cell in which the atom counts positively.
            if (up == (*coefficient > 0)) != too_high {
                continue;
            }
            let holders = self.holders.get(*atom as usize)?;
            looks += holders.len();
            let turned = self.turned.get(*atom as usize).copied().flatten();
            let rests = turned.is_some_and(|turned| step - turned < REST);
            let found = (rests, self.cost(holders, up), turned, *atom);
            if best.is_none_or(|best| found < best) {
                best = Some(found);
            }
        }
        self.looks += looks;
        best.map(|best| best.3)
    }

    /// What turning an atom adds to the weighted squared excess of the cells that have it.
    fn cost(&self, holders: &[Entry], up: bool) -> i64 {
        let by = if up { -self.base } else { self.base };
        let cells =
            holders.iter().filter_map(|(cell, coefficient)| Some((self.cells.get(*cell as usize)?, coefficient)));
        let costs = cells.map(|(cell, coefficient)| {
            let after = cell.deviation.saturating_add(by.saturating_mul(i128::from(*coefficient)));
            let weight = if cell.total { TOTAL_WEIGHT } else { 1 } as i64;
            let (before, after) = (excess(cell.deviation, self.base), excess(after, self.base));
            weight.saturating_mul(after as i64 - before as i64)
        });
        costs.fold(0, i64::saturating_add)
    }

    fn turn(&mut self, atom: u32, step: usize) {
        let Some(up) = self.ups.get_mut(atom as usize) else { return };
        let by = if *up { -self.base } else { self.base };
        *up = !*up;
        if let Some(turned) = self.turned.get_mut(atom as usize) {
            *turned = Some(step);
        }
        let holders = self.holders.get(atom as usize).map_or(&[][..], Vec::as_slice);
        for (number, coefficient) in holders {
            let Some(cell) = self.cells.get_mut(*number as usize) else { continue };
            let before = excess(cell.deviation, self.base);
            cell.deviation = cell.deviation.saturating_add(by.saturating_mul(i128::from(*coefficient)));
            let after = excess(cell.deviation, self.base);
            match (before > 0, after > 0) {
                (false, true) => {
                    self.off.insert(*number);
                    self.totals_off += usize::from(cell.total);
                }
                (true, false) => {
                    self.off.remove(number);
                    self.totals_off -= usize::from(cell.total);
                }
                _ => {}
            }
            if !cell.total {
                self.score = self.score.saturating_sub(before).saturating_add(after);
            }
        }
    }
}

/// How many whole bases a cell is off, squared.
fn excess(deviation: i128, base: i128) -> u64 {
    let bases = (deviation.unsigned_abs() / base.unsigned_abs().max(1)).min(1 << 20) as u64;
    bases * bases
}

/// Cells of the families that have no atom in common, the largest first: the total, where there is one.
fn totals(families: &Families, atoms: usize) -> Vec<&Vec<u32>> {
    let mut sets: Vec<&Vec<u32>> = families.first.iter().chain(&families.second).collect();
    sets.sort_by_key(|set| std::cmp::Reverse(set.len()));
    let mut taken = vec![false; atoms];
    sets.retain(|set| {
        let mut places = set.iter().filter_map(|atom| taken.get(*atom as usize));
        let free = !places.any(|taken| *taken);
        for atom in set.iter() {
            if let Some(taken) = taken.get_mut(*atom as usize) {
                *taken |= free;
            }
        }
        free
    });
    sets
}
