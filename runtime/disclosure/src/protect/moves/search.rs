//! The search for a move: depth first, shortest open equation first, bounded by the best price so far.
//!
//! Short moves are looked for before long ones. The last atom of a move has to balance everything that is open at once:
//! it is looked up by the sum of its cells' marks, random numbers of 64 bits, and then weighed like any other. On the way,
//! of a row of thousands only those atoms are looked at that disturb little and move far.

use super::ground::{Ground, Marks, marked};
use super::{Barred, Move, Room};
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

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// As [`Effort::Strict`], but in few steps, and through few atoms: what there is is mostly found so.
    Quick,
    /// Only the atoms that balance most others at once, which is what makes cycles and hypercubes.
    Strict,
    /// All atoms, the best few of each equation, for short moves first.
    Wide,
}

/// A move, what it costs, and the published cells that it changes.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) step: Move,
    pub(crate) paid: Vec<u32>,
}

/// The search's memory, used again from target to target; between searches all of it but prices and marks is clear.
pub(crate) struct Searcher {
    ground: Ground,
    prices: Vec<Price>,
    /// The marks of the published cells that other atoms may balance.
    marks: Marks,
    steps_max: u64,
    corners_max: usize,
    residual: Vec<i64>,
    /// The cells out of balance, the shortest first.
    open: Vec<(u32, u32)>,
    settled: Vec<bool>,
    taken: Vec<bool>,
    /// The ways on from all atoms chosen so far.
    ways: Vec<Way>,
}

/// A way on: by how much it changes all imbalances, what it costs, the atom, its sign.
type Way = (i64, u128, u32, i64);

/// How one pass of a search goes.
#[derive(Debug, Clone, Copy)]
struct Pass {
    /// Only the atoms that balance most are looked at.
    strict: bool,
    steps_max: u64,
    corners_max: usize,
    /// Cells of several atoms may be withheld.
    paying: bool,
}

/// One search.
struct Run<'s> {
    memory: &'s mut Searcher,
    room: &'s Room<'s>,
    barred: Barred<'s>,
    aim: Aim,
    pass: Pass,
    /// The least that it costs to withhold a cell of several atoms.
    cheapest: Option<u128>,
    steps: u64,
    corners: Vec<(u32, i64)>,
    /// The sum of the marks of what is out of balance.
    marks: u64,
    best: Option<(u128, Vec<(u32, i64)>)>,
}

/// How many ways on are looked at from one open equation in the wide pass.
const WIDTH_MAX: usize = 24;

/// By how much less a quick search does.
const QUICK: u64 = 8;

/// How many atoms of a row are looked at in one step.
const LONG: u64 = 256;

/// In longer rows the last atom is looked up by its marks.
const INDEXED: usize = 64;

/// How many atoms the first passes allow: cycles through four, hypercubes through eight.
const SHORT: [usize; 2] = [4, 8];

impl Searcher {
    /// A searcher that takes so many steps per pass, for moves of so many atoms. An atom moves as far as `reach` says at
    /// most; not at all, if that is 0.
    pub(crate) fn new(
        system: &System,
        prices: Vec<Price>,
        reach: impl Fn(u32) -> i128,
        steps_max: u64,
        corners_max: usize,
    ) -> Searcher {
        let published = |cell: u32| prices.get(cell as usize).is_some_and(|price| *price != Price::Free);
        let ground = Ground::new(system, reach, published);
        let marks = Marks::new(&ground, published);
        Searcher {
            steps_max,
            corners_max,
            residual: vec![0; ground.cells()],
            open: Vec::new(),
            settled: vec![false; ground.cells()],
            taken: vec![false; ground.atoms()],
            ways: Vec::new(),
            prices,
            marks,
            ground,
        }
    }

    /// Whether a cell is published and other atoms may balance it.
    fn balanced(&self, cell: u32) -> bool {
        !matches!(self.prices.get(cell as usize), Some(Price::Free) | None) && !self.ground.single(cell)
    }

    /// From here on this cell isn't published.
    pub(crate) fn free(&mut self, cell: u32) {
        let Some(price) = self.prices.get_mut(cell as usize).filter(|price| **price != Price::Free) else { return };
        *price = Price::Free;
        if !self.ground.single(cell) {
            self.marks.take_off(&self.ground, cell);
        }
    }

    /// The cheapest move that is found. Atoms that are barred don't move.
    ///
    /// Balancing comes first. Only where withholding a margin could be cheaper, or nothing is found, that is looked at.
    pub(crate) fn find(&mut self, room: &Room<'_>, barred: Barred<'_>, aim: Aim, effort: Effort) -> Option<Found> {
        let longest = self.corners_max;
        let (strict, cell) = (effort != Effort::Wide, u32::try_from(aim.cell).ok()?);
        let steps_max = if effort == Effort::Quick { self.steps_max / QUICK } else { self.steps_max };
        let pass = |corners_max: usize, paying: bool| {
            let corners_max = corners_max.min(longest);
            Pass { strict, steps_max, corners_max, paying }
        };
        let mut run = Run {
            pass: pass(longest, false),
            cheapest: None,
            memory: self,
            room,
            barred,
            aim,
            steps: 0,
            corners: Vec::new(),
            marks: 0,
            best: None,
        };
        if strict {
            for corners_max in SHORT {
                run.go(pass(corners_max, false));
            }
            if run.best.is_none() && longest > 8 && effort == Effort::Strict {
                run.go(pass(longest, false));
            }
        }
        // What costs nothing can't be had cheaper.
        if run.best.as_ref().is_none_or(|(best, _)| *best > 0) {
            run.cheapest = run.memory.cheapest();
        }
        if strict && run.cheapest.is_some_and(|price| run.best.as_ref().is_none_or(|(best, _)| price < *best)) {
            run.go(pass(longest, true));
        }
        for corners_max in SHORT.into_iter().chain([longest]).filter(|_| !strict) {
            if run.best.is_none() {
                run.go(pass(corners_max, true));
            }
        }
        let (_, corners) = run.best?;
        let step = Move::of(corners.iter().map(|(atom, sign)| (*atom, i128::from(*sign))))?;
        let paid = self.changed(cell, &corners);
        Some(Found { step, paid })
    }

    /// The least that it costs to withhold a cell of several atoms.
    fn cheapest(&self) -> Option<u128> {
        let several = (0_u32..).zip(&self.prices).filter(|(cell, _)| !self.ground.single(*cell));
        several.filter_map(|(_, price)| if let Price::At(price) = price { Some(worth(*price)) } else { None }).min()
    }

    /// The published cells that a move changes, in order.
    fn changed(&self, aim: u32, corners: &[(u32, i64)]) -> Vec<u32> {
        let mut sums = std::collections::BTreeMap::new();
        for (atom, sign) in corners {
            for (cell, coefficient) in self.ground.column(*atom) {
                *sums.entry(*cell).or_insert(0_i64) += i64::from(*coefficient) * sign;
            }
        }
        let published = |cell: u32| !matches!(self.prices.get(cell as usize), Some(Price::Free) | None);
        sums.into_iter().filter(|(cell, sum)| *sum != 0 && *cell != aim && published(*cell)).map(|(c, _)| c).collect()
    }
}

impl Run<'_> {
    /// Makes a pass; what costs as much as the best so far isn't looked at.
    fn go(&mut self, pass: Pass) {
        let aim = self.aim.cell;
        let unit = self.memory.ground.row(aim as u32).iter().map(|(_, c)| i64::from(c.unsigned_abs())).min();
        let (Some(unit), Some(residual)) = (unit, self.memory.residual.get_mut(aim)) else { return };
        *residual = -unit;
        self.memory.open.push((0, aim as u32));
        self.marks = if self.memory.balanced(aim as u32) { marked(aim as u32, -unit) } else { 0 };
        (self.pass, self.steps) = (pass, 0);
        self.step(0, unit);
        self.memory.residual.get_mut(aim).into_iter().for_each(|residual| *residual = 0);
        self.memory.open.clear();
    }

    /// Goes on from what is chosen so far, at this cost and with this sum of all imbalances.
    fn step(&mut self, cost: u128, imbalance: i64) {
        if self.steps >= self.pass.steps_max || self.best.as_ref().is_some_and(|(best, _)| cost >= *best) {
            return;
        }
        self.steps += 1;
        let Some((_, row)) = self.memory.open.first().copied() else {
            self.best = Some((cost, self.corners.clone()));
            return;
        };
        let left = self.pass.corners_max.saturating_sub(self.corners.len());
        let first = self.memory.ways.len();
        if left == 1 && !self.paying() {
            let last = self.closing(row, -imbalance);
            self.memory.ways.extend(last);
        } else if left > 0 {
            self.add_ways(row, -imbalance);
        }
        let last = self.memory.ways.len();
        for place in first..last {
            let Some((score, toll, atom, sign)) = self.memory.ways.get(place).copied() else { break };
            // What is out of balance after this atom has to be balanced by the rest, each of which has so many cells.
            let most = (left as i64 - 1).saturating_mul(self.memory.ground.widest());
            if imbalance + score > most && !self.paying() {
                continue;
            }
            self.push(atom, sign);
            self.step(cost.saturating_add(toll), imbalance + score);
            self.pop(atom, sign);
        }
        self.memory.ways.truncate(first);
        if let (true, Price::At(price)) = (self.paying() && row as usize != self.aim.cell, self.price(row)) {
            let residual = self.memory.residual.get(row as usize).copied().unwrap_or(0);
            self.settle(row, true);
            self.step(cost.saturating_add(worth(price)), imbalance - residual.abs());
            self.settle(row, false);
        }
    }

    /// Adds the atoms that bring the row nearer to balance, best first. All there is to balance scores so much.
    fn add_ways(&mut self, row: u32, all: i64) {
        let first = self.memory.ways.len();
        let mut ways = std::mem::take(&mut self.memory.ways);
        let likely = self.memory.ground.likely(row);
        // A step through a long row takes as long as some through a short one.
        self.steps += likely.len() as u64 / LONG;
        ways.extend(self.towards(row, likely).filter_map(|(atom, sign)| {
            let (score, toll) = self.weigh(atom, sign)?;
            Some((score, toll, atom, sign))
        }));
        if likely.len() < self.memory.ground.row(row).len() {
            ways.extend(self.closing(row, all));
        }
        let added = ways.get_mut(first..).unwrap_or_default();
        added.sort_unstable();
        let least = added.first().map_or(0, |way| way.0);
        let keep = if self.pass.strict { added.partition_point(|way| way.0 == least) } else { WIDTH_MAX };
        ways.truncate(first + keep);
        self.memory.ways = ways;
    }

    /// The cheapest atom of a row that balances everything at once.
    fn closing(&self, row: u32, score: i64) -> Option<Way> {
        let fits = |(atom, sign): (u32, i64)| {
            let marks = self.memory.marks.of(atom).wrapping_mul(sign.cast_unsigned());
            if self.marks.wrapping_add(marks) != 0 {
                return None;
            }
            let (own, toll) = self.weigh(atom, sign)?;
            (own == score).then_some((own, toll, atom, sign))
        };
        let entries = self.memory.ground.row(row);
        // The aim has no mark where it isn't published.
        if entries.len() <= INDEXED || row as usize == self.aim.cell {
            return self.towards(row, entries).filter_map(fits).min();
        }
        let marked = [1_i64, -1].into_iter().flat_map(|sign| {
            let atoms = self.memory.marks.with(self.marks.wrapping_mul((-sign).cast_unsigned()));
            atoms.map(move |atom| (atom, sign))
        });
        marked.filter(|(atom, sign)| !self.barred(*atom) && self.roomy(*atom, *sign)).filter_map(fits).min()
    }

    /// Those atoms of a row that can bring it nearer to balance, and their signs.
    fn towards<'e>(&'e self, row: u32, entries: &'e [Entry]) -> impl Iterator<Item = (u32, i64)> + 'e {
        let residual = self.memory.residual.get(row as usize).copied().unwrap_or(0);
        entries.iter().filter_map(move |(atom, coefficient)| {
            let sign = if (residual > 0) == (*coefficient > 0) { -1 } else { 1 };
            let over = i64::from(coefficient.unsigned_abs()) > residual.unsigned_abs().try_into().unwrap_or(i64::MAX);
            (!over && !self.barred(*atom) && self.roomy(*atom, sign)).then_some((*atom, sign))
        })
    }

    fn paying(&self) -> bool {
        self.pass.paying && self.cheapest.is_some()
    }

    fn barred(&self, atom: u32) -> bool {
        self.memory.taken.get(atom as usize).copied().unwrap_or(true) || self.barred.has(atom)
    }

    /// Whether the atom can go along as far as the aim needs, there and back.
    fn roomy(&self, atom: u32, sign: i64) -> bool {
        let (down, up) = self.room.of(atom);
        let (forth, back) = if sign > 0 { (up, down) } else { (down, up) };
        forth >= self.aim.rise && back >= self.aim.fall
    }

    fn price(&self, cell: u32) -> Price {
        self.memory.prices.get(cell as usize).copied().unwrap_or(Price::Never)
    }

    fn single(&self, cell: u32) -> bool {
        self.memory.ground.single(cell)
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
        let memory = &mut *self.memory;
        for (cell, coefficient) in memory.ground.column(atom) {
            let aim = *cell as usize == self.aim.cell;
            let balanced = memory.balanced(*cell);
            if !aim && !balanced {
                continue;
            }
            let Some(residual) = memory.residual.get_mut(*cell as usize) else { continue };
            let (before, change) = (*residual, i64::from(*coefficient) * sign);
            *residual += change;
            let after = *residual;
            if balanced {
                self.marks = self.marks.wrapping_add(marked(*cell, change));
            }
            if memory.settled.get(*cell as usize).copied().unwrap_or(false) {
                continue;
            }
            let key = (if aim { 0 } else { memory.ground.row(*cell).len() as u32 }, *cell);
            match (before != 0, after != 0) {
                (false, true) => insert(&mut memory.open, key),
                (true, false) => remove(&mut memory.open, key),
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
            remove(&mut self.memory.open, key);
        } else {
            insert(&mut self.memory.open, key);
        }
    }
}

/// Keeps a short list sorted.
fn insert(open: &mut Vec<(u32, u32)>, key: (u32, u32)) {
    if let Err(place) = open.binary_search(&key) {
        open.insert(place, key);
    }
}

fn remove(open: &mut Vec<(u32, u32)>, key: (u32, u32)) {
    if let Ok(place) = open.binary_search(&key) {
        open.remove(place);
    }
}

/// A cost such that among moves of the same cost the one through fewer cells is cheaper.
fn worth(price: u64) -> u128 {
    (u128::from(price) << 16) | 1
}
