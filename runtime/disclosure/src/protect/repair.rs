//! Repair: what to withhold besides, so that no target can be known too closely.
//!
//! For each target that the audit finds unsafe the cheapest move through it is looked for ([`super::moves`]): a change of
//! atoms as large as the target needs, there and back, that leaves alone what stays published. The published cells that
//! it changes are withheld. The move is then the witness for both sides, by construction, and the audit sees it.
//!
//! # Guarantees
//! Deterministic; cells that are out already are never withheld. What is returned as protected was audited with exactly
//! the cells that are returned as published.
//!
//! # Does not guarantee
//! The least cost over all targets: each is repaired by itself, in their order. Where no move is found within the limits,
//! the cells over the target are withheld one by one, which may be more than it takes.
//!
//! # Example
//! In a 3 x 3 table with margins of which one cell is withheld, 3 more are, at the corners of a rectangle with it: those
//! of the cheapest rectangle whose corners are large enough.
//!
//! Source: the hypercube method (Giessing and Repsilber 2002; tau-Argus manual), on systems instead of tables.

use std::collections::BTreeSet;

use super::audit::{Audit, Outcome, audit};
use super::moves::{Aim, Ground, Price, Searcher};

/// How often everything is audited and repaired before it counts as impossible.
const ROUNDS: usize = 64;
/// Steps of one search: more than the audit's own, since cells can be paid for.
const STEPS_MAX: u64 = 20_000;

/// What came of a repair.
pub struct Repaired {
    /// Per cell, whether it stays published.
    pub published: Vec<bool>,
    /// The verdict on each target, with what stays published.
    pub outcomes: Vec<Outcome>,
}

impl Repaired {
    /// The targets that aren't safe, by their cells.
    #[must_use]
    pub fn unprotected(&self, audited: &Audit<'_>) -> Vec<usize> {
        let pairs = audited.targets.iter().zip(&self.outcomes);
        pairs.filter(|(_, outcome)| !outcome.is_safe()).map(|(target, _)| target.cell).collect()
    }
}

/// Withholds published cells until every target is safe, or nothing more can be done. `costs` says what it costs to
/// withhold each cell, and `released` which are out whatever follows.
pub fn repair(audited: &Audit<'_>, costs: &[u64], released: &[bool]) -> Repaired {
    let mut published = audited.published.to_vec();
    let Some(slack) = audited.slack() else {
        return Repaired { published, outcomes: audit(audited) };
    };
    let room = |room: &[i128], atom: u32| room.get(atom as usize).copied().unwrap_or(0) > 0;
    let ground = Ground::new(audited.system, |atom| room(&slack.down, atom) || room(&slack.up, atom));
    let mut searcher = Searcher::new(&ground, STEPS_MAX, audited.limits.corners_max);
    let price = |published: &[bool], cell: usize| match published.get(cell) {
        Some(false) => Price::Free,
        _ if released.get(cell).copied().unwrap_or(true) => Price::Never,
        _ => Price::At(costs.get(cell).copied().unwrap_or(u64::MAX)),
    };
    let mut outcomes = Vec::new();
    for _ in 0..ROUNDS {
        outcomes = audit(&Audit { published: &published, ..*audited });
        let mut withheld = false;
        for (target, outcome) in audited.targets.iter().zip(&outcomes) {
            if outcome.is_safe() {
                continue;
            }
            let Some(value) = audited.system.value(target.cell, audited.truth) else { continue };
            let (rise, fall) = (target.upper.saturating_sub(value).max(0), value.saturating_sub(target.lower).max(0));
            let prices: Vec<Price> = (0..published.len()).map(|cell| price(&published, cell)).collect();
            let barred = audited.insiders_against(*target);
            // One move there and back; else one for each side; where an insider is in the way of all, without regard to
            // insiders: then the audit has the last word on each of them.
            let ways: [&[(i128, i128)]; 2] = [&[(rise, fall)], &[(rise, 0), (0, fall)]];
            let found = [barred.as_slice(), &[]].into_iter().find_map(|barred| {
                ways.into_iter().find_map(|way| {
                    let mut paid = Vec::new();
                    for (rise, fall) in way.iter().filter(|(rise, fall)| *rise > 0 || *fall > 0) {
                        let aim = Aim { cell: target.cell, rise: *rise, fall: *fall };
                        paid.extend(searcher.find(&prices, &slack, barred, aim)?.paid);
                    }
                    Some(paid)
                })
            });
            // Where there is no such move, what lies over the target goes, the cheapest first, until there is one.
            let found = found.unwrap_or_else(|| over(audited, target.cell, &published, released, costs));
            for cell in found {
                if let Some(slot) = published.get_mut(cell as usize) {
                    withheld |= std::mem::replace(slot, false);
                }
            }
        }
        if !withheld {
            break;
        }
    }
    if outcomes.iter().any(|outcome| !outcome.is_safe()) {
        outcomes = audit(&Audit { published: &published, ..*audited });
    }
    Repaired { published, outcomes }
}

/// The cheapest published cell that has an atom of the target, if one can be withheld.
fn over(audited: &Audit<'_>, target: usize, published: &[bool], released: &[bool], costs: &[u64]) -> Vec<u32> {
    let own: BTreeSet<u32> = audited.system.cell(target).iter().map(|(atom, _)| *atom).collect();
    let open = |cell: &usize| {
        let withheld = !published.get(*cell).copied().unwrap_or(false);
        !withheld
            && !released.get(*cell).copied().unwrap_or(true)
            && audited.system.cell(*cell).iter().any(|(atom, _)| own.contains(atom))
    };
    let cost = |cell: &usize| (costs.get(*cell).copied().unwrap_or(u64::MAX), *cell);
    let cheapest = (0..published.len()).filter(open).min_by_key(cost);
    cheapest.and_then(|cell| u32::try_from(cell).ok()).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::audit::{Limits, Target, fits};
    use super::*;
    use crate::tests::brute::{self, Numbers};

    #[test]
    fn a_lone_primary_takes_the_cheapest_rectangle_that_is_large_enough() {
        let system = brute::table(&[3, 3], &[0, 0]);
        let truth = [3, 20, 2, 20, 20, 20, 2, 20, 1];
        let inner = |atom: u32| system.cells().iter().position(|cell| cell[..] == [(atom, 1)]).expect("it is there");
        let mut published = vec![true; system.cells().len()];
        published[inner(0)] = false;
        let released = vec![false; published.len()];
        let costs: Vec<u64> = system
            .cells()
            .iter()
            .map(|cell| if cell.len() == 1 { truth[cell[0].0 as usize] as u64 } else { 1_000 })
            .collect();
        let targets = [Target { cell: inner(0), lower: 0, upper: 6 }];
        let audited = Audit {
            system: &system,
            truth: &truth,
            bounds: &[(0, 1_000); 9],
            published: &published,
            targets: &targets,
            insiders: &[],
            limits: Limits::default(),
        };
        let repaired = repair(&audited, &costs, &released);
        assert!(repaired.unprotected(&audited).is_empty());
        // The corner of 1 is the cheapest, and too small to lose 3.
        let withheld: Vec<usize> = (0..9).filter(|atom| !repaired.published[inner(*atom as u32)]).collect();
        assert_eq!(withheld.len(), 4, "{withheld:?}");
        assert!(repaired.published[inner(8)], "{withheld:?}");
        // What is out already can't be part of it.
        let all = vec![true; published.len()];
        assert_eq!(repair(&audited, &costs, &all).unprotected(&audited), [inner(0)]);
    }

    #[test]
    fn what_is_repaired_is_truly_safe() {
        let mut repaired_at_all = 0;
        for seed in 0..40 {
            let mut numbers = Numbers::new(seed);
            let system = brute::table(
                if seed % 2 == 0 { &[3, 4] } else { &[2, 2, 3] },
                &[0, 0, 0][..if seed % 2 == 0 { 2 } else { 3 }],
            );
            let truth: Vec<i128> = (0..system.atoms()).map(|_| i128::from(numbers.below(5)) + 1).collect();
            let bounds: Vec<(i128, i128)> = truth.iter().map(|value| (0, value + 3)).collect();
            let primary = numbers.below(system.atoms() as u64) as u32;
            let cell = system.cells().iter().position(|cell| cell[..] == [(primary, 1)]).expect("it is there");
            let mut published = vec![true; system.cells().len()];
            published[cell] = false;
            let value = truth[primary as usize];
            let targets = [Target { cell, lower: value - 1, upper: value + 1 }];
            let audited = Audit {
                system: &system,
                truth: &truth,
                bounds: &bounds,
                published: &published,
                targets: &targets,
                insiders: &[],
                limits: Limits::default(),
            };
            let released = vec![false; published.len()];
            let repaired = repair(&audited, &vec![1; published.len()], &released);
            if !repaired.unprotected(&audited).is_empty() {
                continue;
            }
            repaired_at_all += 1;
            let known = vec![false; system.atoms()];
            let found = brute::intervals(&system, &truth, &bounds, &repaired.published, &known);
            let (lower, upper) = found[cell];
            assert!(lower < value && upper > value, "seed {seed}: {lower}..{upper} of {value}");
            assert!(fits(&system, &truth, &repaired.published, &bounds, &truth));
        }
        assert!(repaired_at_all > 30, "{repaired_at_all}");
    }
}
