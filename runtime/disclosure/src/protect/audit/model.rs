//! The linear program of one side of one target: the atoms that hang together with it, as differences from the truth.
//!
//! # Guarantees
//! A solution in whole numbers, times `unit`, is a move within bounds that keeps every published cell. (Nobody relies on
//! it: whatever comes back is checked by exact sums over the whole system.)
//!
//! # Does not guarantee
//! Where `exact` is false, coarser units or cut-off bounds may have lost solutions.

use std::collections::BTreeSet;

use super::pool::Exact;
use super::{Limit, Target};
use crate::protect::moves::{Barred, Move, Side, Slack};

/// Needs above this are measured in coarser units, so that a solver in floating point keeps its digits.
const NEED_MAX: i128 = 1 << 20;

/// No atom moves by more units than this.
const ROOM_MAX: i128 = 1 << 26;

/// A program: raise `goal` as far as it goes, or to `need`, while every row stays 0.
#[derive(Debug, Clone)]
pub(super) struct Model {
    atoms: Vec<u32>,
    pub(super) bounds: Vec<(i32, i32)>,
    pub(super) rows: Vec<Vec<(usize, i32)>>,
    pub(super) goal: Vec<(usize, i32)>,
    pub(super) need: Option<i64>,
    unit: i128,
    pub(super) exact: bool,
}

impl Model {
    /// The program of one side of a target, without the atoms that are barred.
    pub(super) fn of(
        exact: &Exact<'_>,
        slack: &Slack,
        barred: Barred<'_>,
        (target, side): (Target, Side),
        need: Option<i128>,
    ) -> Result<Model, Limit> {
        let parts = Parts { exact, slack, barred };
        let (atoms, cells) = parts.component(target.cell)?;
        let place = |atom: &u32| atoms.binary_search(atom).ok();
        let unit = need.map_or(1, |need| need.saturating_add(NEED_MAX - 1) / NEED_MAX).max(1);
        let mut whole = unit == 1;
        let mut bounds = Vec::with_capacity(atoms.len());
        for atom in &atoms {
            let (down, up) = parts.room(*atom);
            whole &= down.max(up) <= ROOM_MAX;
            let units = |room: i128| i32::try_from((room / unit).min(ROOM_MAX)).unwrap_or(0);
            bounds.push((-units(down), units(up)));
        }
        let mut seen = BTreeSet::new();
        for cell in cells {
            let entries = exact.audit.system.cell(cell).iter();
            let row: Vec<(usize, i32)> = entries.filter_map(|(atom, c)| Some((place(atom)?, *c))).collect();
            seen.insert(row);
        }
        seen.remove(&Vec::new());
        if seen.len() > exact.audit.limits.constraints_max {
            return Err(Limit::Constraints);
        }
        let sign = if side == Side::Lower { -1 } else { 1 };
        let entries = exact.audit.system.cell(target.cell).iter();
        let goal = entries.filter_map(|(atom, c)| Some((place(atom)?, c.checked_mul(sign)?))).collect();
        let need = need.map(|need| i64::try_from((need + unit - 1) / unit).unwrap_or(i64::MAX));
        Ok(Model { atoms, bounds, rows: seen.into_iter().collect(), goal, need, unit, exact: whole })
    }

    /// The move that these values of the variables stand for.
    pub(super) fn step(&self, values: &[i64]) -> Option<Move> {
        let changes: Option<Vec<(u32, i128)>> = self
            .atoms
            .iter()
            .zip(values)
            .map(|(atom, value)| Some((*atom, i128::from(*value).checked_mul(self.unit)?)))
            .collect();
        changes.and_then(Move::of)
    }
}

/// What a component is made from.
struct Parts<'p, 'a> {
    exact: &'p Exact<'a>,
    slack: &'p Slack,
    barred: Barred<'p>,
}

impl Parts<'_, '_> {
    /// How far an atom can go down and up.
    fn room(&self, atom: u32) -> (i128, i128) {
        if self.barred.has(atom) { (0, 0) } else { self.slack.room(atom) }
    }

    fn movable(&self, atom: u32) -> bool {
        self.room(atom) != (0, 0)
    }

    /// The movable atoms that published cells link to the target's, sorted, and those cells.
    fn component(&self, target: usize) -> Result<(Vec<u32>, Vec<usize>), Limit> {
        let entries = |cell: usize| self.exact.audit.system.cell(cell).iter().map(|(atom, _)| *atom);
        let mut reached = vec![false; self.exact.audit.system.atoms()];
        let mut seen = vec![false; self.exact.audit.system.cells().len()];
        let (mut atoms, mut cells) = (Vec::new(), Vec::new());
        let mut waiting: Vec<u32> = entries(target).collect();
        while let Some(atom) = waiting.pop() {
            let Some(slot) = reached.get_mut(atom as usize).filter(|slot| !**slot) else { continue };
            *slot = true;
            if !self.movable(atom) {
                continue;
            }
            atoms.push(atom);
            if atoms.len() > self.exact.audit.limits.variables_max {
                return Err(Limit::Variables);
            }
            for cell in self.exact.published_with(atom) {
                if let Some(slot) = seen.get_mut(cell).filter(|slot| !**slot) {
                    *slot = true;
                    cells.push(cell);
                    waiting.extend(entries(cell));
                }
            }
        }
        atoms.sort_unstable();
        cells.sort_unstable();
        Ok((atoms, cells))
    }
}
