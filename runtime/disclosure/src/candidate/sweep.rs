//! From contributions to the evidence of every published cell: one pass a plane.
//!
//! Entries are sorted by subject once. For each plane a counting sort brings them together by cell and leaves them
//! sorted by subject within it, so that a subject's parts are neighbours and are merged as they are read.
//!
//! # Guarantees
//! Exact. Besides the entries it needs 4 bytes an entry (12 where groups are declared), and about 40 bytes for each
//! subject of the cell at hand.

use std::collections::BTreeMap;

use sluice_domain::contract::Tabulation;

use super::{Contributions, Derived, Groups, Plane};
use crate::evidence::{Evidence, Shares, Spread};
use crate::table::every_code;

/// The planes of a contract: the inner cells, then each margin.
pub(super) fn planes(
    contract: &Tabulation,
    entries: &Contributions,
    groups: &Groups,
    derived: &[Derived],
) -> Vec<Plane> {
    let mut sweep = Sweep { entries, groups: numbers(entries, groups), derived, ..Sweep::empty(entries, derived) };
    let inner: Vec<u32> = (0..contract.dimensions.len() as u32).collect();
    let kept = std::iter::once(&inner).chain(&contract.margins);
    kept.map(|kept| Plane { kept: kept.clone(), cells: sweep.plane(contract, kept) }).collect()
}

/// The group of each entry, where groups are declared.
fn numbers(entries: &Contributions, groups: &Groups) -> Option<Vec<u64>> {
    groups.declared().then(|| {
        let mut last = None;
        let number = |entry: super::Contribution<'_>| match last {
            Some((subject, number)) if subject == entry.subject => number,
            _ => {
                let number = groups.number(entry.subject);
                last = Some((entry.subject, number));
                number
            }
        };
        entries.iter().map(number).collect()
    })
}

/// What is added up.
#[derive(Clone, Copy)]
enum Column {
    Records,
    Measure(usize),
    Derived(usize),
}

struct Sweep<'a> {
    entries: &'a Contributions,
    groups: Option<Vec<u64>>,
    derived: &'a [Derived],
    /// For each subject of the cell at hand where its entries end in the order.
    ends: Vec<usize>,
    /// The groups of the cell at hand, each with one of its subjects' places in `ends`.
    members: Vec<(u64, u32)>,
    merged: Vec<i128>,
    by_group: Vec<i128>,
}

impl<'a> Sweep<'a> {
    fn empty(entries: &'a Contributions, derived: &'a [Derived]) -> Sweep<'a> {
        let (ends, members, merged, by_group) = Default::default();
        Sweep { entries, groups: None, derived, ends, members, merged, by_group }
    }

    fn plane(&mut self, contract: &Tabulation, kept: &[u32]) -> BTreeMap<Vec<u32>, Evidence> {
        let dimensions = || kept.iter().filter_map(|index| contract.dimensions.get(*index as usize));
        let fold = fold(contract, kept);
        let length = fold.iter().max().map_or(0, |last| *last as usize + 1);
        let (starts, order) = self.ordered(&fold, length);
        let mut cells = BTreeMap::new();
        for (codes, bounds) in every_code(dimensions()).zip(starts.windows(2)) {
            let [start, end] = bounds else { continue };
            let here = order.get(*start as usize..*end as usize).unwrap_or_default();
            if !here.is_empty() {
                cells.insert(codes, self.evidence(here));
            }
        }
        cells
    }

    /// The entries' places by cell of the plane, and where each cell starts.
    #[allow(clippy::indexing_slicing, reason = "cells are checked against the contract, whose cells `fold` lists")]
    fn ordered(&self, fold: &[u32], length: usize) -> (Vec<u32>, Vec<u32>) {
        let mut starts = vec![0_u32; length + 1];
        for place in 0..self.entries.len() {
            starts[fold[self.entries.cell_at(place) as usize] as usize + 1] += 1;
        }
        for cell in 0..length {
            starts[cell + 1] += starts[cell];
        }
        let mut next = starts.clone();
        let mut order = vec![0_u32; self.entries.len()];
        for place in 0..self.entries.len() {
            let slot = &mut next[fold[self.entries.cell_at(place) as usize] as usize];
            order[*slot as usize] = place as u32;
            *slot += 1;
        }
        (starts, order)
    }

    fn evidence(&mut self, here: &[u32]) -> Evidence {
        self.subjects(here);
        let measures = (0..self.entries.measures()).map(Column::Measure);
        let derived = (0..self.derived.len()).map(Column::Derived);
        let columns: Vec<Column> = measures.chain(derived).collect();
        let records = self.spread(here, Column::Records);
        let measures = columns.into_iter().map(|column| self.spread(here, column)).collect();
        let subjects = self.ends.len() as u64;
        let sizes = || self.members.chunk_by(|a, b| a.0 == b.0).map(|group| group.len() as u64);
        let (groups, largest_group) = match self.groups {
            None => (subjects, 1),
            Some(_) => (sizes().count() as u64, sizes().max().unwrap_or(0)),
        };
        Evidence { subjects, groups, largest_group, records, measures }
    }

    /// Finds the subjects of a cell, and their groups.
    fn subjects(&mut self, here: &[u32]) {
        self.ends.clear();
        self.members.clear();
        let mut end = 0;
        for same in here.chunk_by(|a, b| self.entries.subject_at(*a as usize) == self.entries.subject_at(*b as usize)) {
            if let (Some(groups), Some(first)) = (&self.groups, same.first()) {
                let group = groups.get(*first as usize).copied().unwrap_or(0);
                self.members.push((group, self.ends.len() as u32));
            }
            end += same.len();
            self.ends.push(end);
        }
        self.members.sort_unstable();
    }

    fn spread(&mut self, here: &[u32], column: Column) -> Spread {
        self.merged.clear();
        let mut start = 0;
        for end in &self.ends {
            let parts = here.get(start..*end).unwrap_or_default();
            let sum = parts.iter().fold(0_i128, |sum, place| sum.saturating_add(self.value(*place as usize, column)));
            self.merged.push(sum);
            start = *end;
        }
        let grouped = self.groups.is_some();
        self.by_group.clear();
        for group in self.members.chunk_by(|a, b| a.0 == b.0) {
            let parts = group.iter().filter_map(|(_, subject)| self.merged.get(*subject as usize));
            self.by_group.push(parts.fold(0_i128, |sum, value| sum.saturating_add(*value)));
        }
        let subjects = Shares::of_scratch(&mut self.merged);
        let groups = if grouped { Shares::of_scratch(&mut self.by_group) } else { subjects.clone() };
        Spread { subjects, groups }
    }

    fn value(&self, place: usize, column: Column) -> i128 {
        let measure = |index: usize| self.entries.values_at(place).get(index).map_or(0, |value| i128::from(*value));
        match column {
            Column::Records => i128::from(self.entries.records_at(place)),
            Column::Measure(index) => measure(index),
            Column::Derived(index) => {
                let terms = self.derived.get(index).map_or(&[] as &[_], |derived| &derived.terms);
                let sum = |sum: i128, (index, factor): &(usize, i128)| {
                    sum.saturating_add(measure(*index).saturating_mul(*factor))
                };
                terms.iter().fold(0, sum)
            }
        }
    }
}

/// For each inner cell the index of the plane's cell that holds it.
pub(crate) fn fold(contract: &Tabulation, kept: &[u32]) -> Vec<u32> {
    let length = |index: &u32| contract.dimensions.get(*index as usize).map_or(1, |d| d.labels.len() as u32);
    every_code(&contract.dimensions)
        .map(|codes| {
            let code = |index: &u32| codes.get(*index as usize).copied().unwrap_or(0);
            kept.iter().fold(0_u32, |cell, index| cell.saturating_mul(length(index)).saturating_add(code(index)))
        })
        .collect()
}
