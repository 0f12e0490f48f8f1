//! Look-ups: by what the noise of each published count is looked up ([`crate::publish::cell_key`]).
//!
//! A cell's key comes from the keys of its contributors, who aren't kept. So it is made when the candidate is, from the
//! dataset's secret, and only what the secret makes of it is kept: the secret isn't, and noise can't be had for any other
//! set of subjects.
//!
//! # Guarantees
//! A subject counts once in each cell of each plane, however many inner cells of it the subject is in. The order of
//! contributions doesn't matter.

use std::collections::BTreeMap;

use sluice_domain::contract::Tabulation;

use super::{Contributions, sweep};
use crate::publish::cell_key::Secret;

/// For each plane the look-up of every cell that isn't empty, in their order.
pub(super) fn look_ups(contract: &Tabulation, contributions: &Contributions, secret: &Secret) -> Vec<Vec<u64>> {
    let inner: Vec<u32> = (0..contract.dimensions.len() as u32).collect();
    let kept = std::iter::once(&inner).chain(&contract.margins);
    let folds: Vec<Vec<u32>> = kept.map(|kept| sweep::fold(contract, kept)).collect();
    let mut sums: Vec<BTreeMap<u32, u64>> = vec![BTreeMap::new(); folds.len()];
    let mut add = |subject: u32, cells: &[u32]| {
        let key = secret.subject_key(subject);
        for (fold, sums) in folds.iter().zip(&mut sums) {
            let mut folded: Vec<u32> = cells.iter().filter_map(|cell| fold.get(*cell as usize).copied()).collect();
            folded.sort_unstable();
            folded.dedup();
            for cell in folded {
                let sum = sums.entry(cell).or_default();
                *sum = sum.wrapping_add(key);
            }
        }
    };
    let mut held: Option<(u32, Vec<u32>)> = None;
    for entry in contributions.iter() {
        match &mut held {
            Some((subject, cells)) if *subject == entry.subject => cells.push(entry.cell),
            _ => {
                if let Some((subject, cells)) = held.replace((entry.subject, vec![entry.cell])) {
                    add(subject, &cells);
                }
            }
        }
    }
    if let Some((subject, cells)) = held {
        add(subject, &cells);
    }
    sums.into_iter().map(|sums| sums.into_values().map(|sum| secret.look_up(sum)).collect()).collect()
}
