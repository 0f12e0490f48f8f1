//! The audit's course: shared witnesses first, then short moves and sums of them, then linear programs.

use super::bounds::tightened;
use super::guess::{Answer, Ask, Solver};
use super::model::Model;
use super::pool::{Exact, Pool};
use super::{Audit, Limit, Outcome, Target, Why};
use crate::protect::moves::{Aim, Barred, Effort, Move, Price, Room, Searcher, Side, Slack};

/// How many moves are added up for one witness.
const SUM_MAX: usize = 12;

/// An audit under way.
pub(crate) struct Engine<'a, S> {
    exact: Exact<'a>,
    /// The slack that the published equations leave.
    slack: Slack,
    searcher: Searcher,
    pool: Pool,
    solver: S,
    solves: usize,
}

#[allow(private_bounds, reason = "the solver is the audit's own; tests inject one that lies")]
impl<'a, S: Solver> Engine<'a, S> {
    /// An audit that starts with these moves, as far as they fit.
    pub(crate) fn new(audit: Audit<'a>, start: &[Move], solver: S) -> Option<Engine<'a, S>> {
        let exact = Exact::new(audit)?;
        let slack = tightened(&exact);
        let prices = audit.published.iter().map(|out| if *out { Price::Never } else { Price::Free }).collect();
        let searcher = Searcher::new(
            audit.system,
            prices,
            |atom| slack.reach(atom),
            audit.limits.steps_max,
            audit.limits.corners_max,
        );
        let mut pool = Pool::new(&audit);
        for step in start {
            pool.add(&exact, step.clone());
        }
        Some(Engine { exact, slack, searcher, pool, solver, solves: 0 })
    }

    /// What was found.
    pub(crate) fn into_pool(self) -> Pool {
        self.pool
    }

    /// Whether a target is safe, with whatever it takes to find out.
    pub(crate) fn verdict(&mut self, place: usize) -> Outcome {
        let Some(target) = self.exact.audit.targets.get(place).copied() else {
            return self.verdict_so_far(place);
        };
        let mut why = None;
        for side in [Side::Lower, Side::Upper] {
            if why.is_none() && !self.pool.covered(place, side) {
                why = self.pursue(place, target, side).err();
            }
        }
        let interval = self.pool.interval(place);
        match why {
            Some(why) => Outcome::Unsafe(interval, why),
            None => self.verdict_so_far(place),
        }
    }

    /// The verdict on what is known already.
    pub(crate) fn verdict_so_far(&self, place: usize) -> Outcome {
        let interval = self.pool.interval(place);
        if self.pool.covered(place, Side::Lower) && self.pool.covered(place, Side::Upper) {
            Outcome::Safe(interval)
        } else {
            Outcome::Unsafe(interval, Why::Narrow)
        }
    }

    /// Finds witnesses for one side of a target that do for every insider.
    fn pursue(&mut self, place: usize, target: Target, side: Side) -> Result<(), Why> {
        let insiders = self.exact.insiders_against(target);
        let first = self.attempt(target, side, insiders.unwrap_or(Barred::None));
        if self.pool.covered(place, side) {
            return Ok(());
        }
        if insiders.is_none() {
            return Err(first.err().unwrap_or(Why::Undecided(Limit::Solver)));
        }
        if self.pool.against(place, side).is_none() {
            self.attempt(target, side, Barred::None)?;
        }
        for atom in self.pool.against(place, side).unwrap_or_default().to_vec() {
            if self.pool.against(place, side).is_some_and(|left| left.contains(&atom)) {
                self.attempt(target, side, Barred::One(atom))?;
            }
        }
        if self.pool.covered(place, side) { Ok(()) } else { Err(Why::Undecided(Limit::Solver)) }
    }

    /// Finds one witness for one side of a target that leaves the barred atoms alone.
    fn attempt(&mut self, target: Target, side: Side, barred: Barred<'_>) -> Result<(), Why> {
        let value = self.exact.audit.system.value(target.cell, self.exact.audit.truth);
        let need = value.and_then(|value| match side {
            Side::Lower => value.checked_sub(target.lower),
            Side::Upper => target.upper.checked_sub(value),
        });
        let need = need.ok_or(Why::Undecided(Limit::Malformed))?;
        if self.by_moves(target, side, need, barred) {
            return Ok(());
        }
        self.by_programs((target, side), need, barred)
    }

    /// Adds up moves, each as long as it can be, until the need is met; whether it is.
    fn by_moves(&mut self, target: Target, side: Side, need: i128, barred: Barred<'_>) -> bool {
        // Downwards is upwards backwards.
        let sign = if side == Side::Lower { -1 } else { 1 };
        let mut room = Room::new(&self.slack, side);
        let mut sum: Option<Move> = None;
        let (mut left, mut scale) = (need, need);
        for _ in 0..SUM_MAX {
            let Some(step) = longest(&mut self.searcher, &room, barred, target.cell, &mut scale) else { break };
            // The first is a witness both ways; the others are made in what it leaves.
            let ends: Vec<Move> = if sum.is_none() { room.ends(&step).collect() } else { Vec::new() };
            let often = step.reach(&room);
            let gain = self.exact.changed(&step).and_then(|changed| changed.get(&target.cell).copied()).unwrap_or(0);
            let Some(part) = step.times(often).filter(|part| gain > 0 && room.take(part)) else { break };
            for end in ends {
                self.pool.add(&self.exact, end);
            }
            sum = sum.map_or(Some(part.clone()), |sum| sum.plus(&part));
            left = left.saturating_sub(gain.saturating_mul(often));
            scale = scale.min(left);
            if left <= 0 {
                break;
            }
        }
        sum.and_then(|sum| sum.times(sign)).is_some_and(|step| self.pool.add(&self.exact, step)) && left <= 0
    }

    /// Asks the solver, first for real numbers, then for whole ones.
    fn by_programs(&mut self, goal: (Target, Side), need: i128, barred: Barred<'_>) -> Result<(), Why> {
        let limits = self.exact.audit.limits;
        let model = Model::of(&self.exact, &self.slack, barred, goal, Some(need)).map_err(Why::Undecided)?;
        if model.goal.is_empty() {
            return Err(Why::Narrow);
        }
        for ask in [Ask::Relaxed, Ask::Enough(limits.nodes_max)] {
            if self.solves >= limits.solves_max {
                return Err(Why::Undecided(Limit::Solves));
            }
            self.solves += 1;
            match self.solver.solve(&model, ask) {
                Answer::Guesses(guesses) => {
                    if self.offer(&model, &guesses, goal, need) {
                        return Ok(());
                    }
                }
                Answer::Impossible if model.exact => return Err(Why::Narrow),
                Answer::Impossible => return Err(Why::Undecided(Limit::Solver)),
                Answer::Failed(limit) if ask != Ask::Relaxed => return Err(Why::Undecided(limit)),
                Answer::Failed(_) => {}
            }
        }
        Err(Why::Undecided(Limit::Solver))
    }

    /// Adds guesses that fit, each as it is and as far as its direction goes; whether one meets the need.
    fn offer(&mut self, model: &Model, guesses: &[Vec<i64>], (target, side): (Target, Side), need: i128) -> bool {
        let mut met = false;
        for step in guesses.iter().filter_map(|values| model.step(values)) {
            let least = step.primitive();
            let ways = [Some(step), least.times(least.reach(&Room::new(self.exact.slack(), Side::Upper)))];
            for way in ways.into_iter().flatten() {
                let change =
                    self.exact.changed(&way).and_then(|changed| changed.get(&target.cell).copied()).unwrap_or(0);
                let gain = if side == Side::Lower { change.checked_neg() } else { Some(change) };
                met |= self.pool.add(&self.exact, way) && gain.is_some_and(|gain| gain >= need);
            }
        }
        met
    }

    /// Widens the certified interval of a target as far as the limits allow.
    pub(crate) fn widen(&mut self, place: usize) {
        let Some(target) = self.exact.audit.targets.get(place).copied() else { return };
        let limits = self.exact.audit.limits;
        for side in [Side::Lower, Side::Upper] {
            // A need that nothing meets adds up moves as long as there are some.
            self.by_moves(target, side, 1 << 62, Barred::None);
            let Ok(model) = Model::of(&self.exact, &self.slack, Barred::None, (target, side), None) else { continue };
            for ask in [Ask::Relaxed, Ask::Most(limits.nodes_max)] {
                if let Answer::Guesses(guesses) = self.solver.solve(&model, ask) {
                    self.offer(&model, &guesses, (target, side), 0);
                }
            }
        }
    }
}

/// A move that can be made `scale` times, or else one that can be made less often; sets `scale` to how often was asked.
/// More effort is made only where with less there is none, however rarely it can be made: most of the time would go into
/// looking in vain for moves that go far.
fn longest(
    searcher: &mut Searcher,
    room: &Room<'_>,
    barred: Barred<'_>,
    cell: usize,
    scale: &mut i128,
) -> Option<Move> {
    for effort in [Effort::Quick, Effort::Strict, Effort::Wide] {
        let mut rise = *scale;
        // What can't be made once can't be made often: that is found out first where looking takes long.
        let once = Aim { cell, rise: rise.min(1), fall: 0 };
        if effort != Effort::Quick && searcher.find(room, barred, once, effort).is_none() {
            continue;
        }
        loop {
            if let Some(found) = searcher.find(room, barred, Aim { cell, rise, fall: 0 }, effort) {
                *scale = rise;
                return Some(found.step);
            }
            if rise <= 1 {
                break;
            }
            rise = (rise / 4).max(1);
        }
    }
    None
}
