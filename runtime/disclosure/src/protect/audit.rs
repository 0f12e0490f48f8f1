//! The attacker's audit: how closely can each target be worked out from what is published?
//!
//! It runs after suppression and shares neither code nor arithmetic with it. An attacker knows every published cell and
//! bounds of every atom; what they can exclude of a target is what no table that fits says. So a target is safe if two
//! tables are shown that fit, one as low as the target needs and one as high: *witnesses*.
//!
//! # Guarantees
//! - Nothing is [`Outcome::Safe`] without witnesses for either side of which exact integer sums say that they fit
//!   everything published and all bounds ([`fits`]), for every insider that has to be thought of. How a witness was found
//!   doesn't matter: searches and solvers only guess.
//! - Everything is deterministic; limits are sizes and steps, never clocks. Who reaches a limit is unsafe.
//!
//! # Does not guarantee
//! - That every safe target is found to be: the search may give up. It errs to the unsafe side.
//! - Anything about attackers who know more than published cells, bounds and one atom each (their own).
//!
//! # Insiders
//! Who is alone in an atom knows it. A target is safe if it is safe against each insider outside it: witnesses that move no
//! insider's atom do for all at once; else, for each insider, some witness for either side must leave that atom alone.
//!
//! # Example
//! A 3 x 3 table with margins, of which `[3, x, .; x, x, .; . . .]` (the first 2 x 2 block 3, 8; 7, 9) is withheld: what
//! fits differs by `k * [+1, -1; -1, +1]`, so the first cell lies in 3 - 3 ..= 3 + 7. A test repeats it.
//!
//! Source: disclosure.md, section 2, "auditor design"; Fischetti and Salazar 2001 for protection by witnesses.

mod bounds;
mod engine;
mod guess;
mod model;
mod pool;

#[cfg(test)]
mod tests;

use crate::protect::moves::{Move, Slack};
use crate::protect::system::System;

pub(crate) use engine::Engine;
pub(crate) use guess::Microlp;
pub(crate) use pool::{Exact, Pool};

/// What is audited.
#[derive(Debug, Clone, Copy)]
pub struct Audit<'a> {
    /// The equations.
    pub system: &'a System,
    /// The value of each atom.
    pub truth: &'a [i128],
    /// What the attacker knows of each atom beforehand, inclusive; the truth lies within.
    pub bounds: &'a [(i128, i128)],
    /// Per cell, whether it is published.
    pub published: &'a [bool],
    /// What must not become known, and how closely.
    pub targets: &'a [Target],
    /// Per atom, whether somebody is alone in it and so knows it; empty for nobody.
    pub insiders: &'a [bool],
    /// How much is tried.
    pub limits: Limits,
}

/// A cell that must not become known too closely: nobody may be able to exclude that it is `lower` or less, nor that it is
/// `upper` or more. The caller takes care that the bounds allow both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The cell.
    pub cell: usize,
    /// Some table that fits must have at most this.
    pub lower: i128,
    /// Some table that fits must have at least this.
    pub upper: i128,
}

/// Sizes and counts at which the audit gives up; never clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Atoms of a linear program.
    pub variables_max: usize,
    /// Equations of a linear program.
    pub constraints_max: usize,
    /// Branches of one search for integers in a linear program.
    pub nodes_max: u64,
    /// Linear programs in all.
    pub solves_max: usize,
    /// Steps of one search for a move.
    pub steps_max: u64,
    /// Atoms of one move.
    pub corners_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            variables_max: 1500,
            constraints_max: 1500,
            nodes_max: 100,
            solves_max: 400,
            steps_max: 4000,
            corners_max: 16,
        }
    }
}

/// Certified: some table that fits everything published has each of these values, so the attacker's interval is at least
/// this wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// The lowest.
    pub lower: i128,
    /// The highest.
    pub upper: i128,
}

/// Why a target isn't safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// The solver says that there are no such witnesses.
    Narrow,
    /// It wasn't found out.
    Undecided(Limit),
}

/// What stopped the audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// Too many atoms hang together.
    Variables,
    /// Too many equations hang together.
    Constraints,
    /// Too many branches.
    Nodes,
    /// Too many linear programs.
    Solves,
    /// The solver failed, or what it said didn't fit.
    Solver,
    /// The system, the truth, the bounds and the flags don't go together.
    Malformed,
}

/// What the audit says of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "an unsafe target that nobody looks at is published"]
pub enum Outcome {
    /// No attacker comes too close.
    Safe(Interval),
    /// One may.
    Unsafe(Interval, Why),
}

impl Outcome {
    /// Whether the target is safe.
    #[must_use]
    pub fn is_safe(&self) -> bool {
        matches!(self, Outcome::Safe(_))
    }

    /// What is certified all the same.
    #[must_use]
    pub fn interval(&self) -> Interval {
        match self {
            Outcome::Safe(interval) | Outcome::Unsafe(interval, _) => *interval,
        }
    }
}

/// A table: the value of each atom.
pub type Witness = [i128];

/// Whether a table fits: every published cell says what it says of the true table, and every atom is within its bounds.
#[must_use]
pub fn fits(system: &System, truth: &Witness, published: &[bool], bounds: &[(i128, i128)], witness: &Witness) -> bool {
    let sizes = [truth.len(), bounds.len(), witness.len()];
    if sizes.iter().any(|size| *size != system.atoms()) || published.len() != system.cells().len() {
        return false;
    }
    let within = witness.iter().zip(bounds).all(|(value, (lower, upper))| (lower..=upper).contains(&value));
    let equal = |cell: usize| match (system.value(cell, truth), system.value(cell, witness)) {
        (Some(told), Some(value)) => told == value,
        _ => false,
    };
    within && published.iter().enumerate().all(|(cell, published)| !published || equal(cell))
}

/// The verdict on each target, in the order of the targets.
pub fn audit(audit: &Audit<'_>) -> Vec<Outcome> {
    audit_with(audit, &[])
}

/// As [`audit()`], with hints: differences from the true table that may lead to witnesses. They are trusted as little as any
/// other guess; they only save the search.
pub fn audit_with(audit: &Audit<'_>, hints: &[Move]) -> Vec<Outcome> {
    witnessed(audit, hints).0
}

/// As [`audit_with`], with the differences from the true table of all witnesses that the verdicts rest on.
pub(crate) fn witnessed(audit: &Audit<'_>, hints: &[Move]) -> (Vec<Outcome>, Vec<Move>) {
    let Some(mut engine) = Engine::new(*audit, hints, Microlp) else {
        return (audit.targets.iter().map(|target| malformed(audit, *target)).collect(), Vec::new());
    };
    let outcomes = (0..audit.targets.len()).map(|place| engine.verdict(place)).collect();
    (outcomes, engine.into_pool().moves().to_vec())
}

/// The widest interval of a cell that could be certified: for a reviewer's screen. `None` if the parts of the audit don't go
/// together.
#[must_use]
pub fn interval(audit: &Audit<'_>, cell: usize) -> Option<Interval> {
    let target = Target { cell, lower: i128::MIN, upper: i128::MAX };
    let alone = Audit { targets: &[target], insiders: &[], ..*audit };
    let mut engine = Engine::new(alone, &[], Microlp)?;
    engine.widen(0);
    Some(engine.verdict_so_far(0).interval())
}

/// Nothing that doesn't go together is safe.
pub(crate) fn malformed(audit: &Audit<'_>, target: Target) -> Outcome {
    let value = audit.system.value(target.cell, audit.truth).unwrap_or(0);
    Outcome::Unsafe(Interval { lower: value, upper: value }, Why::Undecided(Limit::Malformed))
}

impl Audit<'_> {
    /// How far each atom is from its bounds; `None` where the parts don't go together or the truth is out of bounds.
    pub(crate) fn slack(&self) -> Option<Slack> {
        let atoms = self.system.atoms();
        let insiders = self.insiders.is_empty() || self.insiders.len() == atoms;
        let sound = self.truth.len() == atoms && self.bounds.len() == atoms && insiders;
        if !sound || self.published.len() != self.system.cells().len() {
            return None;
        }
        if self.targets.iter().any(|target| target.cell >= self.system.cells().len()) {
            return None;
        }
        let mut slack = Slack { down: Vec::with_capacity(atoms), up: Vec::with_capacity(atoms) };
        for (value, (lower, upper)) in self.truth.iter().zip(self.bounds) {
            if value < lower || upper < value {
                return None;
            }
            slack.down.push(value.saturating_sub(*lower));
            slack.up.push(upper.saturating_sub(*value));
        }
        Some(slack)
    }
}
