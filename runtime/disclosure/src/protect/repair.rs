//! Repair: withholds more cells until the audit says that every target is safe.
//!
//! A pattern from which no target follows exactly may still give it away within a narrow interval. For each target that
//! fails, the cheapest *move through published cells* is sought ([`super::moves`]): a change of the table, far enough
//! both ways, that keeps all published cells but those that will now be withheld. Such a move is its own proof. Only where
//! there is none, constraints are looked through for the first that makes the target narrow. At the end, cells that no
//! proof needs are published again.
//!
//! # Guarantees
//! - Whatever isn't in [`Repaired::unprotected`] was found safe by the audit on the final pattern, by witnesses.
//! - No cell without a cost is withheld. Only cells that repair withheld, and `spare` ones, are published again.
//! - Deterministic: targets in order of what they need, then of place; ties of cost go to fewer cells, then lower numbers.
//!
//! # Does not guarantee
//! - The least cost: targets are served one after another.
//! - Anything for withheld cells that are no targets: every cell that a rule protects must be one.
//!
//! # Example
//! In a 3 x 3 table with all margins published and only the first inner cell withheld, three corners of a block are
//! withheld besides it, of the cheapest of four blocks; a test repeats it.
//!
//! Sources: the hypercube method (Giessing and Repsilber 2002); `FixRiskyIntervals` of the R package GaussSuppression
//! (Langsrud) for the first constraint that makes a target narrow.

mod prefix;
mod spare;

#[cfg(test)]
mod tests;

use crate::protect::audit::{Audit, Exact, Limits, Outcome, Pool, Target, malformed, witnessed};
use crate::protect::moves::{Aim, Barred, Effort, Move, Price, Room, Searcher, Side};

/// What is to be repaired.
#[derive(Debug, Clone, Copy)]
pub struct Task<'a> {
    /// The system, the pattern so far and the targets.
    pub audit: Audit<'a>,
    /// Per cell, what it costs to withhold it; `None` if it can't be, for instance since it is out already.
    pub costs: &'a [Option<u64>],
    /// Per cell, whether it may be published again if it isn't needed: withheld cells that are not primary. Empty for none.
    pub spare: &'a [bool],
    /// Moves that may be witnesses. They are trusted as little as any other guess; they only save the search.
    pub hints: &'a [Move],
}

/// Steps of one search for a move. Like all limits here it is a count, never a clock.
const STEPS_MAX: u64 = 20_000;

/// Cells that are withheld in all since they are the first to make some target narrow.
const ROUNDS_MAX: usize = 200;

/// A repaired pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// Per cell, whether it is published.
    pub published: Vec<bool>,
    /// The cells that are newly withheld, in order.
    pub withheld: Vec<usize>,
    /// The spare cells that are published again, in order.
    pub reopened: Vec<usize>,
    /// The cells of targets that aren't safe, in order, each once. Where there are some, nothing may be published.
    pub unprotected: Vec<usize>,
    /// The audit's verdict on each target, in the order of the targets.
    pub outcomes: Vec<Outcome>,
    /// The differences from the true table of the witnesses that the verdicts rest on, for
    /// [`audit_with`](crate::protect::audit::audit_with). They must stay inside.
    pub witnesses: Vec<Move>,
}

/// Withholds more cells until every target is safe, as far as it goes.
#[must_use = "what isn't protected must not be published"]
pub fn repair(task: &Task<'_>) -> Repaired {
    let Some(mut repair) = Repair::new(*task) else {
        let outcomes: Vec<Outcome> = task.audit.targets.iter().map(|target| malformed(&task.audit, *target)).collect();
        return Repaired {
            published: task.audit.published.to_vec(),
            withheld: Vec::new(),
            reopened: Vec::new(),
            unprotected: unprotected(&task.audit, &outcomes),
            outcomes,
            witnesses: Vec::new(),
        };
    };
    repair.follow(task.hints);
    // What is safe already, and easily seen to be, costs nothing.
    repair.unsafe_now(Limits { solves_max: 0, ..task.audit.limits });
    repair.by_moves();
    repair.by_prefixes();
    repair.reopen();
    repair.finish()
}

/// A repair under way.
struct Repair<'a> {
    task: Task<'a>,
    exact: Exact<'a>,
    /// What each cell costs now; `Free` if it is withheld.
    prices: Vec<Price>,
    pool: Pool,
}

impl<'a> Repair<'a> {
    fn new(task: Task<'a>) -> Option<Repair<'a>> {
        let cells = task.audit.system.cells().len();
        let spare = task.spare.is_empty() || task.spare.len() == cells;
        if task.costs.len() != cells || !spare {
            return None;
        }
        let exact = Exact::new(task.audit)?;
        let price = |(published, cost): (&bool, &Option<u64>)| match (published, cost) {
            (false, _) => Price::Free,
            (true, Some(cost)) => Price::At(*cost),
            (true, None) => Price::Never,
        };
        let prices = task.audit.published.iter().zip(task.costs).map(price).collect();
        let mut repair = Repair { pool: Pool::new(&task.audit), exact, prices, task };
        for (place, target) in task.audit.targets.iter().enumerate() {
            let met = repair.pool.covered(place, Side::Lower) && repair.pool.covered(place, Side::Upper);
            if let (Some(Price::At(_)), false) = (repair.prices.get(target.cell), met) {
                repair.withhold(target.cell);
            }
        }
        Some(repair)
    }

    /// Keeps the hints that fit, each as far as it goes both ways.
    fn follow(&mut self, hints: &[Move]) {
        for hint in hints {
            self.pool.add(&self.exact, hint.clone());
            let room = Room::new(self.exact.slack(), Side::Upper);
            for way in room.ends(&hint.primitive()) {
                self.pool.add(&self.exact, way);
            }
        }
    }

    /// Serves the targets one after another, those that need most first.
    fn by_moves(&mut self) {
        let audit = self.task.audit;
        let mut searcher = self.searcher();
        let mut order: Vec<(i128, usize, Target)> = audit
            .targets
            .iter()
            .enumerate()
            .map(|(place, target)| (self.needs(*target).iter().copied().max().unwrap_or(0), place, *target))
            .collect();
        order.sort_unstable_by_key(|(need, place, _)| (std::cmp::Reverse(*need), *place));
        for (_, place, target) in order {
            self.serve(&mut searcher, place, target);
        }
    }

    /// A search among the atoms that may move at some cost.
    fn searcher(&self) -> Searcher {
        let Audit { system, limits, .. } = self.task.audit;
        let mut stays = vec![false; system.atoms()];
        for (entries, price) in system.cells().iter().zip(&self.prices) {
            if let ([(atom, _)], Price::Never) = (entries.as_slice(), price) {
                stays.get_mut(*atom as usize).into_iter().for_each(|slot| *slot = true);
            }
        }
        let reach = |atom: u32| match stays.get(atom as usize) {
            Some(false) => self.exact.slack().reach(atom),
            _ => 0,
        };
        Searcher::new(system, self.prices.clone(), reach, STEPS_MAX, limits.corners_max)
    }

    /// By how much a target must be able to fall and to rise.
    fn needs(&self, target: Target) -> [i128; 2] {
        let value = self.task.audit.system.value(target.cell, self.task.audit.truth).unwrap_or(0);
        [value.saturating_sub(target.lower).max(0), target.upper.saturating_sub(value).max(0)]
    }

    fn serve(&mut self, searcher: &mut Searcher, place: usize, target: Target) {
        let insiders = self.exact.insiders_against(target);
        let all = insiders.unwrap_or(Barred::None);
        let [fall, rise] = self.needs(target);
        if !self.pool.covered(place, Side::Lower) && !self.pool.covered(place, Side::Upper) {
            self.go(searcher, all, Aim { cell: target.cell, rise, fall }, Side::Upper);
        }
        for (side, need) in [(Side::Lower, fall), (Side::Upper, rise)] {
            let aim = Aim { cell: target.cell, rise: need, fall: 0 };
            if self.pool.covered(place, side) || self.go(searcher, all, aim, side) || insiders.is_none() {
                continue;
            }
            // No move avoids all insiders at once: then one move, and for each insider in its way another.
            if self.pool.against(place, side).is_none() {
                self.go(searcher, Barred::None, aim, side);
            }
            for atom in self.pool.against(place, side).unwrap_or_default().to_vec() {
                if self.pool.against(place, side).is_some_and(|left| left.contains(&atom)) {
                    self.go(searcher, Barred::One(atom), aim, side);
                }
            }
        }
    }

    /// Withholds what the cheapest move needs, and keeps the move; whether there is one.
    fn go(&mut self, searcher: &mut Searcher, barred: Barred<'_>, aim: Aim, side: Side) -> bool {
        let room = Room::new(self.exact.slack(), side);
        let mut efforts = [Effort::Strict, Effort::Wide].into_iter();
        let Some(found) = efforts.find_map(|effort| searcher.find(&room, barred, aim, effort)) else { return false };
        let ends: Vec<Move> = room.ends(&found.step).collect();
        for cell in found.paid {
            self.withhold(cell as usize);
            searcher.free(cell);
        }
        let mut kept = false;
        for step in ends {
            kept |= self.pool.add(&self.exact, step);
        }
        kept
    }

    fn withhold(&mut self, cell: usize) {
        self.exact.withhold(cell);
        self.prices.get_mut(cell).into_iter().for_each(|slot| *slot = Price::Free);
    }

    fn published(&self) -> Vec<bool> {
        self.prices.iter().map(|price| *price != Price::Free).collect()
    }

    /// The audit on the final pattern.
    fn finish(self) -> Repaired {
        let published = self.published();
        let audit = Audit { published: &published, ..self.task.audit };
        let (outcomes, witnesses) = witnessed(&audit, self.pool.moves());
        let differ = |now: bool| {
            let before = self.task.audit.published.iter();
            let both = before.zip(&published).enumerate();
            both.filter(|(_, (before, after))| before != after && **after == now).map(|(cell, _)| cell).collect()
        };
        let (withheld, reopened) = (differ(false), differ(true));
        let unprotected = unprotected(&audit, &outcomes);
        Repaired { withheld, reopened, unprotected, outcomes, published, witnesses }
    }
}

/// The cells of the targets that aren't safe.
fn unprotected(audit: &Audit<'_>, outcomes: &[Outcome]) -> Vec<usize> {
    let mut cells: Vec<usize> = audit
        .targets
        .iter()
        .zip(outcomes)
        .filter(|(_, found)| !found.is_safe())
        .map(|(target, _)| target.cell)
        .collect();
    cells.sort_unstable();
    cells.dedup();
    cells
}
