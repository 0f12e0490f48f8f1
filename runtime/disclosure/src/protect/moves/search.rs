//! The search for a move: depth first, shortest open equation first, bounded by the best price so far.

use std::collections::BTreeSet;

use super::{Move, Slack};
use crate::protect::system::{Entry, System};

/// What it takes to change a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Price {
    /// It isn't published.
    Free,
    /// It is published and can be withheld at this cost.
    At(u64),
    /// It is published and stays so.
    Never,
}

/// Where a move starts, and how often it must be possible upwards and downwards.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Aim {
    /// The target's cell.
    pub(crate) cell: usize,
    /// By how much the target has to rise.
    pub(crate) rise: i128,
    /// By how much it has to fall, by the same move backwards; 0 if it needn't.
    pub(crate) fall: i128,
}

/// A move, what it costs, and the published cells that it changes.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) step: Move,
    pub(crate) paid: Vec<u32>,
}

/// The equations, both ways, of the atoms that may move.
pub(crate) struct Ground {
    rows: Vec<Vec<Entry>>,
    columns: Vec<Vec<Entry>>,
    /// Cells of one atom: nothing balances them.
    single: Vec<bool>,
    /// The greatest sum of an atom's coefficients.
    widest: i64,
}

impl Ground {
    /// Of all cells, and the atoms of which `movable` says so.
    pub(crate) fn new(system: &System, movable: impl Fn(u32) -> bool) -> Ground {
        let mut columns = vec![Vec::new(); system.atoms()];
        let mut rows = Vec::with_capacity(system.cells().len());
        for (cell, entries) in (0_u32..).zip(system.cells()) {
            let row: Vec<Entry> = entries.iter().copied().filter(|(atom, _)| movable(*atom)).collect();
            for (atom, coefficient) in &row {
                if let Some(column) = columns.get_mut(*atom as usize) {
                    column.push((cell, *coefficient));
                }
            }
            rows.push(row);
        }
        let sum = |column: &Vec<Entry>| column.iter().map(|(_, c)| i64::from(c.unsigned_abs())).sum();
        let widest = columns.iter().map(sum).max().unwrap_or(0);
        Ground { rows, columns, widest, single: system.cells().iter().map(|entries| entries.len() == 1).collect() }
    }

    /// The atoms of a cell that may move.
    fn row(&self, cell: u32) -> &[Entry] {
        self.rows.get(cell as usize).map_or(&[], Vec::as_slice)
    }

    /// The cells of an atom.
    fn column(&self, atom: u32) -> &[Entry] {
        self.columns.get(atom as usize).map_or(&[], Vec::as_slice)
    }
}

/// The search's memory, used again from target to target; between searches all of it is clear.
pub(crate) struct Searcher<'a> {
    ground: &'a Ground,
    steps_max: u64,
    corners_max: usize,
    residual: Vec<i64>,
    open: BTreeSet<(u32, u32)>,
    settled: Vec<bool>,
    taken: Vec<bool>,
}

/// How one pass of a search goes.
#[derive(Debug, Clone, Copy)]
struct Pass {
    /// Only the atoms that balance most are looked at.
    strict: bool,
    corners_max: usize,
    /// Cells of several atoms may be withheld.
    paying: bool,
}

/// One search.
struct Run<'s, 'a> {
    memory: &'s mut Searcher<'a>,
    prices: &'s [Price],
    slack: &'s Slack,
    barred: &'s [bool],
    aim: Aim,
    pass: Pass,
    /// The least that it costs to withhold a cell of several atoms.
    cheapest: Option<u128>,
    steps: u64,
    corners: Vec<(u32, i64)>,
    best: Option<(u128, Vec<(u32, i64)>)>,
}

/// How many ways on are looked at from one open equation in the wide pass.
const WIDTH_MAX: usize = 24;

impl<'a> Searcher<'a> {
    /// A searcher that takes so many steps per pass, for moves of so many atoms.
    pub(crate) fn new(ground: &'a Ground, steps_max: u64, corners_max: usize) -> Searcher<'a> {
        Searcher {
            ground,
            steps_max,
            corners_max,
            residual: vec![0; ground.rows.len()],
            open: BTreeSet::new(),
            settled: vec![false; ground.rows.len()],
            taken: vec![false; ground.columns.len()],
        }
    }

    /// The cheapest move that is found. Atoms that are `barred` (none, if it is empty) don't move.
    ///
    /// The first passes balance an equation only by the atoms that balance most others at once, which is what makes
    /// hypercubes. Only where withholding a margin could be cheaper, or nothing is found, that is looked at; and only
    /// if still nothing is found, all atoms are, for short moves first.
    pub(crate) fn find(&mut self, prices: &[Price], slack: &Slack, barred: &[bool], aim: Aim) -> Option<Found> {
        let longest = self.corners_max;
        let strict = |corners_max: usize, paying: bool| Pass { strict: true, corners_max, paying };
        let wide = |corners_max: usize| Pass { strict: false, corners_max, paying: true };
        let cell = u32::try_from(aim.cell).ok()?;
        let mut run = Run {
            pass: strict(longest.min(8), false),
            cheapest: self.cheapest(prices),
            memory: self,
            prices,
            slack,
            barred,
            aim,
            steps: 0,
            corners: Vec::new(),
            best: None,
        };
        run.go(run.pass);
        if run.best.is_none() && longest > 8 {
            run.go(strict(longest, false));
        }
        if run.cheapest.is_some_and(|price| run.best.as_ref().is_none_or(|(best, _)| price < *best)) {
            run.go(strict(longest, true));
        }
        for corners_max in [4, 8, longest] {
            if run.best.is_none() {
                run.go(wide(corners_max.min(longest)));
            }
        }
        let (_, corners) = run.best?;
        let step = Move::of(corners.iter().map(|(atom, sign)| (*atom, i128::from(*sign))))?;
        let paid = self.changed(prices, cell, &corners);
        Some(Found { step, paid })
    }

    /// The least that it costs to withhold a cell of several atoms.
    fn cheapest(&self, prices: &[Price]) -> Option<u128> {
        let several = prices.iter().zip(&self.ground.single).filter(|(_, single)| !**single);
        several.filter_map(|(price, _)| if let Price::At(price) = price { Some(worth(*price)) } else { None }).min()
    }

    /// The published cells that a move changes, in order.
    fn changed(&self, prices: &[Price], aim: u32, corners: &[(u32, i64)]) -> Vec<u32> {
        let mut sums = std::collections::BTreeMap::new();
        for (atom, sign) in corners {
            for (cell, coefficient) in self.ground.column(*atom) {
                *sums.entry(*cell).or_insert(0_i64) += i64::from(*coefficient) * sign;
            }
        }
        let published = |cell: u32| !matches!(prices.get(cell as usize), Some(Price::Free) | None);
        sums.into_iter().filter(|(cell, sum)| *sum != 0 && *cell != aim && published(*cell)).map(|(c, _)| c).collect()
    }
}

impl Run<'_, '_> {
    /// Makes a pass; what costs as much as the best so far isn't looked at.
    fn go(&mut self, pass: Pass) {
        let aim = self.aim.cell;
        let unit = self.memory.ground.row(aim as u32).iter().map(|(_, c)| i64::from(c.unsigned_abs())).min();
        let (Some(unit), Some(residual)) = (unit, self.memory.residual.get_mut(aim)) else { return };
        *residual = -unit;
        self.memory.open.insert((0, aim as u32));
        (self.pass, self.steps) = (pass, 0);
        self.step(0, unit);
        self.memory.residual.get_mut(aim).into_iter().for_each(|residual| *residual = 0);
        self.memory.open.clear();
    }

    /// Goes on from what is chosen so far, at this cost and with this sum of all imbalances.
    fn step(&mut self, cost: u128, imbalance: i64) {
        if self.steps >= self.memory.steps_max || self.best.as_ref().is_some_and(|(best, _)| cost >= *best) {
            return;
        }
        self.steps += 1;
        let Some((_, row)) = self.memory.open.first().copied() else {
            self.best = Some((cost, self.corners.clone()));
            return;
        };
        let left = self.pass.corners_max.saturating_sub(self.corners.len());
        for (score, toll, atom, sign) in if left > 0 { self.ways(row) } else { Vec::new() } {
            // What is out of balance after this atom has to be balanced by the rest, each of which has so many cells.
            let most = (left as i64 - 1).saturating_mul(self.memory.ground.widest);
            if imbalance + score > most && !self.paying() {
                continue;
            }
            self.push(atom, sign);
            self.step(cost.saturating_add(toll), imbalance + score);
            self.pop(atom, sign);
        }
        if let (true, Price::At(price)) = (self.paying() && row as usize != self.aim.cell, self.price(row)) {
            let residual = self.memory.residual.get(row as usize).copied().unwrap_or(0);
            self.settle(row, true);
            self.step(cost.saturating_add(worth(price)), imbalance - residual.abs());
            self.settle(row, false);
        }
    }

    /// The atoms that bring the row nearer to balance, best first: by how much each changes all imbalances, what it costs, the atom, its sign.
    fn ways(&self, row: u32) -> Vec<(i64, u128, u32, i64)> {
        let residual = self.memory.residual.get(row as usize).copied().unwrap_or(0);
        let mut ways = Vec::new();
        for (atom, coefficient) in self.memory.ground.row(row) {
            let sign = if (residual > 0) == (*coefficient > 0) { -1 } else { 1 };
            let over = i64::from(coefficient.unsigned_abs()) > residual.unsigned_abs().try_into().unwrap_or(i64::MAX);
            if over || self.barred(*atom) || !self.roomy(*atom, sign) {
                continue;
            }
            if let Some((score, toll)) = self.weigh(*atom, sign) {
                ways.push((score, toll, *atom, sign));
            }
        }
        ways.sort_unstable();
        if self.pass.strict {
            let least = ways.first().map_or(0, |way| way.0);
            ways.retain(|way| way.0 == least);
        } else {
            ways.truncate(WIDTH_MAX);
        }
        ways
    }

    fn paying(&self) -> bool {
        self.pass.paying && self.cheapest.is_some()
    }

    fn barred(&self, atom: u32) -> bool {
        self.memory.taken.get(atom as usize).copied().unwrap_or(true)
            || self.barred.get(atom as usize).copied().unwrap_or(false)
    }

    /// Whether the atom can go along as far as the aim needs, there and back.
    fn roomy(&self, atom: u32, sign: i64) -> bool {
        let (down, up) = self.slack.room(atom);
        let (forth, back) = if sign > 0 { (up, down) } else { (down, up) };
        forth >= self.aim.rise && back >= self.aim.fall
    }

    fn price(&self, cell: u32) -> Price {
        self.prices.get(cell as usize).copied().unwrap_or(Price::Never)
    }

    fn single(&self, cell: u32) -> bool {
        self.memory.ground.single.get(cell as usize).copied().unwrap_or(false)
    }

    /// By how much the atom changes the sum of all imbalances, and what its own cells cost.
    fn weigh(&self, atom: u32, sign: i64) -> Option<(i64, u128)> {
        let (mut score, mut toll) = (0_i64, 0_u128);
        for (cell, coefficient) in self.memory.ground.column(atom) {
            let aim = *cell as usize == self.aim.cell;
            match self.price(*cell) {
                Price::Free if !aim => {}
                Price::Never if self.single(*cell) && !aim => return None,
                Price::At(price) if self.single(*cell) && !aim => toll = toll.saturating_add(worth(price)),
                _ if self.memory.settled.get(*cell as usize).copied().unwrap_or(false) => {}
                _ => {
                    let residual = self.memory.residual.get(*cell as usize).copied().unwrap_or(0);
                    score += (residual + i64::from(*coefficient) * sign).abs() - residual.abs();
                }
            }
        }
        Some((score, toll))
    }

    fn push(&mut self, atom: u32, sign: i64) {
        self.corners.push((atom, sign));
        self.shift(atom, sign, true);
    }

    fn pop(&mut self, atom: u32, sign: i64) {
        self.corners.pop();
        self.shift(atom, -sign, false);
    }

    fn shift(&mut self, atom: u32, sign: i64, taken: bool) {
        if let Some(slot) = self.memory.taken.get_mut(atom as usize) {
            *slot = taken;
        }
        let ground = self.memory.ground;
        for (cell, coefficient) in ground.column(atom) {
            let aim = *cell as usize == self.aim.cell;
            if !aim && (self.price(*cell) == Price::Free || self.single(*cell)) {
                continue;
            }
            let Some(residual) = self.memory.residual.get_mut(*cell as usize) else { continue };
            let before = *residual;
            *residual += i64::from(*coefficient) * sign;
            let after = *residual;
            if self.memory.settled.get(*cell as usize).copied().unwrap_or(false) {
                continue;
            }
            let key = (if aim { 0 } else { ground.row(*cell).len() as u32 }, *cell);
            match (before != 0, after != 0) {
                (false, true) => {
                    self.memory.open.insert(key);
                }
                (true, false) => {
                    self.memory.open.remove(&key);
                }
                _ => {}
            }
        }
    }

    /// Takes a cell that will be withheld out of the search, and puts it back.
    fn settle(&mut self, cell: u32, settled: bool) {
        if let Some(slot) = self.memory.settled.get_mut(cell as usize) {
            *slot = settled;
        }
        let key = (self.memory.ground.row(cell).len() as u32, cell);
        if settled {
            self.memory.open.remove(&key);
        } else {
            self.memory.open.insert(key);
        }
    }
}

/// A cost such that among moves of the same cost the one through fewer cells is cheaper.
fn worth(price: u64) -> u128 {
    (u128::from(price) << 16) | 1
}
