//! The pattern: which cells are published so that no primary can be worked out, nor known too closely.
//!
//! Elimination ([`super::eliminate`]) says which cells must be withheld so that nothing follows *exactly*; the audit
//! ([`super::audit`]), which shares no code and no arithmetic with it, says how closely an attacker can come; repair
//! ([`super::repair`]) withholds more until the audit has nothing to say.
//!
//! # Guarantees
//! What is returned was audited, for every figure, as it is returned. Where anything can't be protected, or can't be
//! shown to be, there is no pattern at all.

mod apart;

pub use apart::{Apart, Combination};

use super::audit::{Audit, Limits, Target};
use super::eliminate::{self, Exposed, Task};
use super::moves::Move;
use super::repair::{self, repair};
use super::system::System;

/// One figure of all cells: a count or a sum.
pub struct Figure {
    /// The value of each atom.
    pub truth: Vec<i128>,
    /// What everybody knows of each atom beforehand.
    pub bounds: Vec<(i128, i128)>,
    /// How far from its value, to either side, an attacker must be kept from each cell if it is primary.
    pub protection: Vec<i128>,
}

/// What is to be protected.
pub struct Problem<'a> {
    /// The cells.
    pub system: &'a System,
    /// Cells that nobody may work out.
    pub primary: &'a [usize],
    /// Cells that are out, whatever follows.
    pub released: &'a [usize],
    /// The others, the most wanted first.
    pub order: &'a [usize],
    /// What it costs to withhold each cell.
    pub costs: &'a [u64],
    /// The figures that are published of each cell.
    pub figures: &'a [Figure],
    /// The group that is alone in each atom.
    pub holders: &'a [Option<u64>],
    /// What is kept apart of single figures, one for each of them at most.
    pub apart: &'a [Apart],
}

/// A pattern that protects.
pub struct Protected {
    /// For each cell whether it is published.
    pub published: Vec<bool>,
    /// Of figures that are kept apart, which cells publish them if they are published.
    shown: Vec<(usize, Vec<bool>)>,
    intervals: Vec<Vec<Option<(i128, i128)>>>,
}

/// Cells that can't be protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unprotected {
    /// The cells.
    pub cells: Vec<usize>,
}

impl Protected {
    /// Whether a cell is published with a figure.
    #[must_use]
    pub fn shows(&self, figure: usize, cell: usize) -> bool {
        let is = |flags: &Vec<bool>| flags.get(cell).copied().unwrap_or(false);
        is(&self.published) && self.shown.iter().all(|(of, shown)| *of != figure || is(shown))
    }

    /// What an attacker can't exclude of a withheld cell's figure, where it was worked out.
    #[must_use]
    pub fn interval(&self, figure: usize, cell: usize) -> Option<(i128, i128)> {
        self.intervals.get(figure)?.get(cell).copied().flatten()
    }
}

/// Finds a pattern.
///
/// # Errors
/// The cells that can't be protected beside what is released.
pub fn protect(problem: &Problem<'_>) -> Result<Protected, Unprotected> {
    let Problem { system, primary, released, order, costs, figures, holders, apart } = *problem;
    let all = || Unprotected { cells: primary.to_vec() };
    let task = Task { system, primary, imaginary: &[], released, order, known: &[] };
    let pattern = eliminate::protect(&task, holders).map_err(|_| all())?.pattern;
    if !pattern.exposed.is_empty() {
        let cells = pattern.exposed.iter().filter_map(|exposed| match exposed {
            Exposed::Primary(cell) => Some(*cell),
            Exposed::Imaginary(_) => None,
        });
        return Err(Unprotected { cells: cells.collect() });
    }
    let flags = |cells: &[usize]| flags(system.cells().len(), cells.iter().copied());
    let (mut published, out, protected) = (flags(&pattern.published), flags(released), flags(primary));
    let mut shown: Vec<Vec<bool>> = apart.iter().map(|apart| apart.shown.clone()).collect();
    for (apart, shown) in apart.iter().zip(&mut shown) {
        apart.eliminate(system, &out, holders, (&mut published, shown))?;
    }
    let prices = costs;
    let costs: Vec<Option<u64>> = prices.iter().zip(&out).map(|(cost, out)| (!out).then_some(*cost)).collect();
    let insiders: Vec<bool> = holders.iter().map(Option::is_some).collect();
    // What is withheld for one figure is withheld for all, which makes no other less safe; but what is returned was
    // audited as it is returned, so each is looked at until nothing changes.
    let mut intervals = Vec::new();
    // What kept one figure apart is tried for all.
    let mut witnesses: Vec<Vec<Move>> = vec![Vec::new(); figures.len()];
    for _ in 0..ROUNDS {
        let before = (published.clone(), shown.clone());
        intervals.clear();
        for (place, figure) in figures.iter().enumerate() {
            let hints = witnesses.concat();
            let apart = apart.iter().zip(&mut shown).find(|(apart, _)| apart.figure == place);
            // A cell that is out may go without a figure that is added to it.
            let (known, costs) = match &apart {
                Some((apart, shown)) => (apart.known(&published, shown), apart.costs(prices, &out)),
                None => (published.clone(), costs.clone()),
            };
            let targets = figure.targets(system, &protected, &known);
            let audited = figure.audit(system, &known, &targets, &insiders);
            let repaired = repair(&repair::Task { audit: audited, costs: &costs, spare: &[], hints: &hints });
            if !repaired.unprotected.is_empty() {
                return Err(Unprotected { cells: repaired.unprotected });
            }
            let mut of = vec![None; system.cells().len()];
            for (target, outcome) in targets.iter().zip(&repaired.outcomes) {
                if let Some(slot) = of.get_mut(target.cell) {
                    let interval = outcome.interval();
                    *slot = Some((interval.lower, interval.upper));
                }
            }
            intervals.push(of);
            witnesses.get_mut(place).into_iter().for_each(|own| own.clone_from(&repaired.witnesses));
            match apart {
                Some((apart, shown)) => apart.withhold_all(&repaired.withheld, &mut published, shown),
                None => published = repaired.published,
            }
        }
        for (apart, shown) in apart.iter().zip(&mut shown) {
            let figure = figures.get(apart.figure).ok_or_else(all)?;
            apart.repair(system, figure, (prices, &out, &insiders), (&mut published, shown))?;
        }
        if (&published, &shown) == (&before.0, &before.1) {
            let shown = apart.iter().map(|apart| apart.figure).zip(shown).collect();
            return Ok(Protected { published, intervals, shown });
        }
    }
    Err(all())
}

/// How often all figures are gone through. Each round that isn't the last withholds something.
const ROUNDS: usize = 64;

/// Which of so many cells these are.
fn flags(all: usize, cells: impl IntoIterator<Item = usize>) -> Vec<bool> {
    let mut flags = vec![false; all];
    for cell in cells {
        if let Some(slot) = flags.get_mut(cell) {
            *slot = true;
        }
    }
    flags
}

impl Figure {
    /// Every withheld cell: a primary one that must be kept apart from its value, another for what is certified of it.
    fn targets(&self, system: &System, primary: &[bool], published: &[bool]) -> Vec<Target> {
        let is_primary = |cell: usize| primary.get(cell).copied().unwrap_or(false);
        let withheld = published.iter().enumerate().filter(|(_, published)| !**published).map(|(cell, _)| cell);
        let target = |cell: usize| {
            let value = system.value(cell, &self.truth)?;
            let far = if is_primary(cell) { self.protection.get(cell).copied().unwrap_or(1) } else { 0 };
            let (least, most) = self.reach(system, cell);
            let (lower, upper) = (value.saturating_sub(far).max(least), value.saturating_add(far).min(most));
            Some(Target { cell, lower, upper })
        };
        withheld.filter(|cell| !system.cell(*cell).is_empty()).filter_map(target).collect()
    }

    /// Between what everybody knows that a cell lies.
    fn reach(&self, system: &System, cell: usize) -> (i128, i128) {
        system.cell(cell).iter().fold((0_i128, 0_i128), |(least, most), (atom, coefficient)| {
            let (lower, upper) = self.bounds.get(*atom as usize).copied().unwrap_or((0, 0));
            let times = |bound: i128| bound.saturating_mul(i128::from(*coefficient));
            let (lower, upper) =
                if *coefficient > 0 { (times(lower), times(upper)) } else { (times(upper), times(lower)) };
            (least.saturating_add(lower), most.saturating_add(upper))
        })
    }

    fn audit<'a>(
        &'a self,
        system: &'a System,
        published: &'a [bool],
        targets: &'a [Target],
        insiders: &'a [bool],
    ) -> Audit<'a> {
        let (truth, bounds) = (&self.truth, &self.bounds);
        Audit { system, truth, bounds, published, targets, insiders, limits: Limits::default() }
    }
}
