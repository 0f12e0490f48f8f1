//! Counts with cell-key noise: what a rule catches is withheld, and every other count of subjects has noise.
//!
//! # Guarantees
//! Only counts of subjects are shown; records, sums and ratios are withheld, since noise for them would have to be in
//! proportion to their largest contributors. Without keys nothing is shown, and the whole is refused.
//!
//! # Does not guarantee
//! What [`LIMIT`](super::cell_key::LIMIT) says, which goes to reviewers as a finding and to readers as a note. That the
//! noise is the same under another threshold: it is as large as the distance that the rules ask for.

use std::collections::BTreeMap;

use sluice_domain::contract::Statistic;

use super::cell_key::{LIMIT, PTable, Shape};
use super::counted::{columns, row};
use super::notes::notes;
use super::{Method, Withheld, broken};
use crate::appetite::{Appetite, Rules};
use crate::candidate::{Counted, Figure};
use crate::finding::{CheckName, Finding, Verdict};
use crate::primary::Quantity;
use crate::table::ReleaseTable;

/// The noise under these rules: at most half the threshold, and 3 to 15; its variance is its largest value.
pub(super) fn shape(rules: &Rules) -> Shape {
    let noise_max = (rules.threshold / 2).clamp(3, u64::from(super::cell_key::ptable::NOISE_MAX));
    Shape { noise_max: noise_max as u32, variance_milli: noise_max * 1000, least_shown: 1 }
}

/// What reviewers are told of the method.
pub(super) fn findings(counted: &Counted) -> Vec<Finding> {
    let (verdict, topic, sentence) = match counted.look_ups() {
        Some(_) => (Verdict::Refer, "limit", LIMIT),
        None => (Verdict::Refuse, "no_key", "The dataset has no secret for keys, so no noise can be had."),
    };
    vec![Finding::whole(CheckName::CellKey, verdict, topic, sentence.to_owned())]
}

pub(super) fn table(counted: &Counted, appetite: &Appetite, withheld: &Withheld) -> ReleaseTable {
    let contract = counted.contract();
    let table = PTable::new(shape(appetite.rules())).expect("noise of 3 to 15 with its own value as variance");
    let look_ups = by_cell(counted);
    let shown = |figure: &Figure<'_>| -> Option<i128> {
        let count = figure.evidence?.subjects;
        let closed = withheld.names(&figure.node, Quantity::Subjects)
            || !broken(counted, figure, Quantity::Subjects, appetite).is_empty();
        let codes: Vec<u32> = figure.node.iter().flatten().copied().collect();
        let look_up = look_ups.get(figure.plane)?.get(&codes).filter(|_| !closed)?;
        Some(i128::from(table.shown(count, *look_up)))
    };
    let values = |figure: &Figure<'_>| {
        let count = shown(figure);
        contract.statistics.iter().map(|statistic| count.filter(|_| *statistic == Statistic::Subjects)).collect()
    };
    let rows = counted.figures().map(|figure| row(contract, &figure.node, values(&figure))).collect();
    ReleaseTable::new(columns(contract), rows, notes(contract, appetite, Method::CellKey))
}

/// For each plane the look-up of each cell by its codes.
fn by_cell(counted: &Counted) -> Vec<BTreeMap<Vec<u32>, u64>> {
    let planes = counted.planes().iter().zip(counted.look_ups().unwrap_or_default());
    planes.map(|(plane, look_ups)| plane.cells.keys().cloned().zip(look_ups.iter().copied()).collect()).collect()
}
