//! Witnesses, shared: each that fits serves every target that it moves.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Audit, Interval, Target};
use crate::protect::moves::{Barred, Move, Side, Slack};

/// How many witnesses are remembered for one side of one target.
const KEPT_MAX: usize = 64;

/// What is known about one side of one target.
#[derive(Debug, Clone, Default)]
struct Cover {
    /// The insiders who know an atom that every witness so far moves; `None` as long as there is no witness.
    against: Option<Vec<u32>>,
    /// The witnesses that do, by number, each with the insiders whose atoms it moves.
    witnesses: Vec<(usize, Vec<u32>)>,
    /// Whether the true table does.
    by_truth: bool,
}

/// What is known about one target.
#[derive(Debug, Clone)]
struct Known {
    target: Target,
    /// Its true value; `None` where it is too large to add up.
    value: Option<i128>,
    /// What is certified.
    interval: Interval,
    /// The lower side, and the upper one.
    sides: [Cover; 2],
}

/// Moves that fit, as differences from the true table, and what they show of each target.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pool {
    moves: Vec<Move>,
    seen: HashSet<Move>,
    /// By target.
    known: Vec<Known>,
    of_cell: HashMap<usize, Vec<usize>>,
}

impl Pool {
    /// A pool for these targets in which the true table is the only witness.
    pub(crate) fn new(audit: &Audit<'_>) -> Pool {
        let mut pool = Pool::default();
        for (place, target) in audit.targets.iter().enumerate() {
            let value = audit.system.value(target.cell, audit.truth);
            let at = value.unwrap_or(0);
            let met = |met: bool| Cover { against: met.then(Vec::new), witnesses: Vec::new(), by_truth: met };
            let sides = [met(target.lower >= at), met(target.upper <= at)];
            let interval = Interval { lower: at, upper: at };
            pool.known.push(Known { target: *target, value, interval, sides });
            pool.of_cell.entry(target.cell).or_default().push(place);
        }
        pool
    }

    /// The moves.
    pub(crate) fn moves(&self) -> &[Move] {
        &self.moves
    }

    /// The witnesses for one side of a target, by number.
    pub(crate) fn witnesses(&self, place: usize, side: Side) -> impl Iterator<Item = usize> + '_ {
        self.cover(place, side).into_iter().flat_map(|cover| cover.witnesses.iter().map(|(number, _)| *number))
    }

    /// Whether one side of a target would be certified against everybody by these witnesses alone.
    pub(crate) fn covered_by(&self, place: usize, side: Side, counts: impl Fn(usize) -> bool) -> bool {
        let Some(cover) = self.cover(place, side) else { return false };
        let mut left: Option<Vec<u32>> = None;
        for (_, against) in cover.witnesses.iter().filter(|(number, _)| counts(*number)) {
            left = Some(match left {
                None => against.clone(),
                Some(left) => left.into_iter().filter(|atom| against.binary_search(atom).is_ok()).collect(),
            });
        }
        cover.by_truth || left.is_some_and(|left| left.is_empty())
    }

    /// Whether one side of a target is certified against everybody.
    pub(crate) fn covered(&self, place: usize, side: Side) -> bool {
        self.against(place, side).is_some_and(<[u32]>::is_empty)
    }

    /// The insiders against whom one side of a target isn't certified; `None` if it isn't against anybody.
    pub(crate) fn against(&self, place: usize, side: Side) -> Option<&[u32]> {
        self.cover(place, side).and_then(|cover| cover.against.as_deref())
    }

    /// What is certified of a target.
    pub(crate) fn interval(&self, place: usize) -> Interval {
        self.known.get(place).map_or(Interval { lower: 0, upper: 0 }, |known| known.interval)
    }

    fn cover(&self, place: usize, side: Side) -> Option<&Cover> {
        self.known.get(place).map(|Known { sides: [lower, upper], .. }| if side == Side::Lower { lower } else { upper })
    }

    /// Adds a move if the table that it leads to fits, exactly; whether it does.
    pub(crate) fn add(&mut self, ground: &Exact<'_>, step: Move) -> bool {
        // What fitted once fits still: cells are withheld, never published, while moves are gathered.
        if self.seen.contains(&step) {
            return true;
        }
        let Some(changed) = ground.fits(&step) else {
            return false;
        };
        let number = self.moves.len();
        let mut useful = false;
        for (cell, change) in changed {
            for place in self.of_cell.get(&cell).into_iter().flatten() {
                let known = self.known.get_mut(*place);
                useful |= known.is_some_and(|known| known.record(ground, number, change, &step));
            }
        }
        if useful {
            self.seen.insert(step.clone());
            self.moves.push(step);
        }
        true
    }
}

impl Known {
    /// Notes what a witness, a move that changes the target by `change`, shows of it; whether it may serve.
    fn record(&mut self, ground: &Exact<'_>, number: usize, change: i128, step: &Move) -> bool {
        let Some(value) = self.value.and_then(|value| value.checked_add(change)) else {
            return false;
        };
        let mut useful = value < self.interval.lower || value > self.interval.upper;
        self.interval.lower = self.interval.lower.min(value);
        self.interval.upper = self.interval.upper.max(value);
        let met = [value <= self.target.lower, value >= self.target.upper];
        for (cover, _) in self.sides.iter_mut().zip(met).filter(|(_, met)| *met) {
            let against = ground.insiders_moved(self.target, step);
            let left: Vec<u32> = match &cover.against {
                None => against.clone(),
                Some(left) => left.iter().copied().filter(|atom| against.binary_search(atom).is_ok()).collect(),
            };
            let closer = cover.against.as_ref().is_none_or(|before| left.len() < before.len());
            cover.against = Some(left);
            if closer || cover.witnesses.len() < KEPT_MAX {
                cover.witnesses.push((number, against));
                useful = true;
            }
        }
        useful
    }
}

/// Exact arithmetic on differences from the true table.
pub(crate) struct Exact<'a> {
    pub(crate) audit: Audit<'a>,
    published: Vec<bool>,
    slack: Slack,
    columns: Vec<Vec<(usize, i128)>>,
    /// How many atoms somebody knows.
    insiders: usize,
}

impl<'a> Exact<'a> {
    /// For an audit whose parts go together.
    pub(crate) fn new(audit: Audit<'a>) -> Option<Exact<'a>> {
        let slack = audit.slack()?;
        let mut columns = vec![Vec::new(); audit.system.atoms()];
        for (cell, entries) in audit.system.cells().iter().enumerate() {
            for (atom, coefficient) in entries {
                columns.get_mut(*atom as usize)?.push((cell, i128::from(*coefficient)));
            }
        }
        let insiders = audit.insiders.iter().filter(|insider| **insider).count();
        Some(Exact { audit, published: audit.published.to_vec(), slack, columns, insiders })
    }

    /// From here on this cell isn't published. Whatever fitted fits still.
    pub(crate) fn withhold(&mut self, cell: usize) {
        if let Some(slot) = self.published.get_mut(cell) {
            *slot = false;
        }
    }

    /// The slack of the given bounds.
    pub(crate) fn slack(&self) -> &Slack {
        &self.slack
    }

    /// The cells that a move changes, and by how much; `None` where it is too large to add up.
    pub(crate) fn changed(&self, step: &Move) -> Option<BTreeMap<usize, i128>> {
        let mut sums = BTreeMap::new();
        for (atom, change) in step.changes() {
            for (cell, coefficient) in self.columns.get(*atom as usize)? {
                let sum = sums.entry(*cell).or_insert(0_i128);
                *sum = sum.checked_add(change.checked_mul(*coefficient)?)?;
            }
        }
        sums.retain(|_, sum| *sum != 0);
        Some(sums)
    }

    /// The cells that a move changes, if the table that it leads to fits: [`super::fits`], of differences.
    pub(crate) fn fits(&self, step: &Move) -> Option<BTreeMap<usize, i128>> {
        for (atom, change) in step.changes() {
            let (truth, (lower, upper)) =
                (self.audit.truth.get(*atom as usize)?, self.audit.bounds.get(*atom as usize)?);
            if !(lower..=upper).contains(&&truth.checked_add(*change)?) {
                return None;
            }
        }
        let changed = self.changed(step)?;
        if changed.keys().any(|cell| self.published(*cell)) { None } else { Some(changed) }
    }

    /// The atoms that insiders know, without the target's own; `None` where there are none.
    pub(crate) fn insiders_against(&self, target: Target) -> Option<Barred<'a>> {
        let (flags, but) = (self.audit.insiders, self.audit.system.cell(target.cell));
        let own = but.iter().filter(|(atom, _)| flags.get(*atom as usize).copied().unwrap_or(false)).count();
        (self.insiders > own).then_some(Barred::All { flags, but })
    }

    /// The insiders outside the target whose atoms a move changes.
    pub(crate) fn insiders_moved(&self, target: Target, step: &Move) -> Vec<u32> {
        let insider = |atom: u32| self.audit.insiders.get(atom as usize).copied().unwrap_or(false);
        let own = |atom: u32| {
            let entries = self.audit.system.cell(target.cell);
            entries.binary_search_by_key(&atom, |(own, _)| *own).is_ok()
        };
        step.changes().iter().map(|(atom, _)| *atom).filter(|atom| insider(*atom) && !own(*atom)).collect()
    }
}

impl Exact<'_> {
    /// Whether a cell is published.
    pub(crate) fn published(&self, cell: usize) -> bool {
        self.published.get(cell).copied().unwrap_or(true)
    }

    /// The published cells that an atom enters.
    pub(crate) fn published_with(&self, atom: u32) -> impl Iterator<Item = usize> + '_ {
        let cells = self.columns.get(atom as usize).into_iter().flatten().map(|(cell, _)| *cell);
        cells.filter(|cell| self.published(*cell))
    }
}
