//! What would have to change for less to be withheld.
//!
//! **Claim**: for each published margin, and for each dimension where it can be known exactly, reviewers see how many
//! figures would break a primary rule by themselves if it were dropped. Coarser codes lie between the two: a dimension
//! that is dropped is the coarsest of all. **Limits**: what the rules withhold, not what is withheld because of it;
//! without a dimension only where a subject is in one cell (else the host would merge and clamp anew), and, where groups
//! are declared, where the margin without it is published. **Source**: disclosure.md, section 2; issue 4, part 8.
//! **Example**, t = 10: cells with 12, 6 and 6 subjects in two labels by two: 3 of 4 figures withheld (one is empty);
//! without the second dimension 12 and 12: none of 2.

use std::collections::BTreeMap;

use sluice_domain::contract::Statistic;

use super::{Check, not_applicable, pass};
use crate::appetite::Appetite;
use crate::candidate::{Body, Candidate, Counted, Figure, Plane};
use crate::evidence::Evidence;
use crate::finding::{CheckName, Finding, Verdict};
use crate::publish;

/// The check.
pub struct Remedies;

/// What to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Don't publish this margin, by the dimensions that it keeps.
    DropMargin(Vec<u32>),
    /// Leave this dimension out of the inner table.
    DropDimension(u32),
}

/// A change and what it would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    /// Stable, such as `remedies:drop_dimension:carrier`.
    pub id: String,
    /// What to change.
    pub change: Change,
    /// Figures now: of the whole table for a margin, of the inner table for a dimension. Ratios aren't counted.
    pub figures: u64,
    /// How many of them break a rule.
    pub withheld: u64,
    /// Figures afterwards.
    pub figures_left: u64,
    /// How many of those would.
    pub withheld_left: u64,
}

impl Remedy {
    /// Whether a smaller part of the figures would be withheld.
    #[must_use]
    pub fn helps(&self) -> bool {
        let product = |a: u64, b: u64| u128::from(a) * u128::from(b);
        product(self.withheld_left, self.figures) < product(self.withheld, self.figures_left)
    }
}

/// What each change would do: margins first, in the contract's order, then dimensions.
#[must_use]
pub fn remedies(counted: &Counted, appetite: &Appetite) -> Vec<Remedy> {
    let planes = counted.planes();
    let counts: Vec<[u64; 2]> = (0..planes.len()).map(|place| plane_counts(counted, place, appetite)).collect();
    let all = counts.iter().fold([0, 0], |[f, w], [figures, withheld]| [f + figures, w + withheld]);
    let [figures, withheld] = all;
    let margins = planes.iter().zip(&counts).skip(1).map(|(plane, [here, closed])| Remedy {
        id: format!("{}:drop_margin:{}", CheckName::Remedies.as_str(), kept(counted, &plane.kept)),
        change: Change::DropMargin(plane.kept.clone()),
        figures,
        withheld,
        figures_left: figures - here,
        withheld_left: withheld - closed,
    });
    let mut remedies: Vec<Remedy> = margins.collect();
    let inner = counts.first().copied().unwrap_or_default();
    for (index, dimension) in (0_u32..).zip(&counted.contract().dimensions) {
        let [figures, withheld] = inner;
        let Some([figures_left, withheld_left]) = without(counted, index, appetite) else { continue };
        let id = format!("{}:drop_dimension:{}", CheckName::Remedies.as_str(), dimension.name);
        let change = Change::DropDimension(index);
        remedies.push(Remedy { id, change, figures, withheld, figures_left, withheld_left });
    }
    remedies
}

/// The names of the dimensions that a margin keeps.
fn kept(counted: &Counted, kept: &[u32]) -> String {
    let names = kept.iter().filter_map(|index| counted.contract().dimensions.get(*index as usize));
    let names: Vec<&str> = names.map(|dimension| dimension.name.as_str()).collect();
    if names.is_empty() { "total".to_owned() } else { names.join("+") }
}

/// Figures of a cell, and those that break a rule.
fn cell_counts(counted: &Counted, plane: usize, evidence: Option<&Evidence>, appetite: &Appetite) -> [u64; 2] {
    let figure = Figure { node: Vec::new(), plane, evidence };
    let quantities = counted.contract().statistics.iter().filter_map(publish::quantity);
    let counts =
        quantities.map(|quantity| [1, u64::from(!publish::broken(counted, &figure, quantity, appetite).is_empty())]);
    counts.fold([0, 0], |[f, w], [figures, withheld]| [f + figures, w + withheld])
}

/// Figures of a plane, and those that break a rule; in an empty cell all do.
fn plane_counts(counted: &Counted, place: usize, appetite: &Appetite) -> [u64; 2] {
    let Some(plane) = counted.planes().get(place) else { return [0, 0] };
    let cells = labels(counted, &plane.kept);
    counts_of(counted, place, &plane.cells, cells, appetite)
}

fn counts_of(
    counted: &Counted,
    plane: usize,
    cells: &BTreeMap<Vec<u32>, Evidence>,
    declared: u64,
    appetite: &Appetite,
) -> [u64; 2] {
    let a_cell = counted.contract().statistics.iter().filter(|s| !matches!(s, Statistic::Ratio(_))).count() as u64;
    let empty = declared.saturating_sub(cells.len() as u64).saturating_mul(a_cell);
    let full = cells.values().map(|evidence| cell_counts(counted, plane, Some(evidence), appetite));
    full.fold([empty, empty], |[f, w], [figures, withheld]| [f + figures, w + withheld])
}

/// How many cells keep these dimensions.
fn labels(counted: &Counted, kept: &[u32]) -> u64 {
    let lengths = kept.iter().filter_map(|index| counted.contract().dimensions.get(*index as usize));
    lengths.fold(1, |product, dimension| product.saturating_mul(dimension.labels.len() as u64))
}

/// The inner table without a dimension; `None` where the evidence doesn't say exactly.
fn without(counted: &Counted, index: u32, appetite: &Appetite) -> Option<[u64; 2]> {
    let contract = counted.contract();
    if contract.cells_per_subject > 1 {
        return None;
    }
    let kept: Vec<u32> = (0..contract.dimensions.len() as u32).filter(|other| *other != index).collect();
    if let Some(place) = counted.planes().iter().position(|plane: &Plane| plane.kept == kept) {
        return Some(plane_counts(counted, place, appetite));
    }
    if counted.grouped() {
        return None;
    }
    let mut merged: BTreeMap<Vec<u32>, Evidence> = BTreeMap::new();
    for (codes, cell) in counted.inner() {
        let key: Vec<u32> = kept.iter().filter_map(|index| codes.get(*index as usize).copied()).collect();
        match merged.get_mut(&key) {
            Some(held) => *held = held.joined(cell),
            None => drop(merged.insert(key, cell.clone())),
        }
    }
    Some(counts_of(counted, 0, &merged, labels(counted, &kept), appetite))
}

impl Check for Remedies {
    fn name(&self) -> CheckName {
        CheckName::Remedies
    }

    fn run(&self, candidate: &Candidate, appetite: &Appetite) -> Vec<Finding> {
        let Body::Counted(counted) = candidate.body() else {
            return not_applicable(self.name());
        };
        let remedies = remedies(counted, appetite);
        let helpful: Vec<&Remedy> = remedies.iter().filter(|remedy| remedy.helps()).collect();
        if helpful.is_empty() {
            return pass(
                self.name(),
                "Nothing that is known to help: no dropped margin or dimension leaves less withheld.",
            );
        }
        let finding = |remedy: &Remedy| {
            let Remedy { figures, withheld, figures_left, withheld_left, .. } = remedy;
            let sentence = format!(
                "{withheld} of {figures} figures break a rule; without it {withheld_left} of {figures_left} would."
            );
            Finding::outside(
                (self.name(), Verdict::Refer),
                remedy.id.clone(),
                (crate::finding::Scope::Whole, None),
                sentence,
            )
        };
        helpful.into_iter().map(finding).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::factory::{Table, counted, floor, ids, random};
    use sluice_domain::grade::Grade;

    #[test]
    fn the_worked_example() {
        let table =
            Table::new(&[&["a", "b"], &["x", "y"]]).subjects(&[0, 0], 12).subjects(&[1, 0], 6).subjects(&[1, 1], 6);
        let findings = Remedies.run(&table.candidate(), &floor(Grade::Open));
        assert_eq!(ids(&findings), ["remedies:drop_dimension:d0", "remedies:drop_dimension:d1"]);
        assert_eq!(findings[0].sentence(), "3 of 4 figures break a rule; without it 1 of 2 would.");
        assert_eq!(findings[1].sentence(), "3 of 4 figures break a rule; without it 0 of 2 would.");

        let table = Table::new(&[&["a", "b"]]).subjects(&[0], 12).subjects(&[1], 12).margins(&[&[]]);
        assert_eq!(ids(&Remedies.run(&table.candidate(), &floor(Grade::Open))), ["remedies:all"]);
    }

    #[test]
    fn a_margin_that_breaks_rules_may_be_dropped() {
        // Two subjects in both cells of ten: the total is as safe as they are; 9 in one and the total 18: not enough.
        let table =
            Table::new(&[&["a"], &["x", "y"]]).subjects(&[0, 0], 12).subjects(&[0, 1], 12).margins(&[&[1], &[]]);
        let tight = floor(Grade::Open)
            .tightened(&crate::Overrides { threshold: Some(13), ..Default::default() })
            .expect("tighter");
        let candidate = table.candidate();
        let found = remedies(counted(&candidate), &tight);
        let [by_y, total, d0, d1] = found.as_slice() else { panic!("two margins, two dimensions") };
        assert_eq!(
            (by_y.id.as_str(), by_y.withheld, by_y.withheld_left, by_y.figures_left),
            ("remedies:drop_margin:d1", 4, 2, 3)
        );
        assert_eq!((total.id.as_str(), total.withheld_left, total.helps()), ("remedies:drop_margin:total", 4, false));
        assert_eq!((d0.withheld_left, d1.withheld_left, d1.figures_left), (2, 0, 1));
    }

    #[test]
    fn merging_cells_is_counting_without_the_dimension() {
        for seed in 1..100 {
            let table = random(seed, -100);
            let dimensions = table.contract.dimensions.len();
            let candidate = table.candidate();
            for found in remedies(counted(&candidate), &floor(Grade::Restricted)) {
                let Change::DropDimension(index) = found.change else { continue };
                let mut coarse = random(seed, -100);
                coarse.contract.dimensions.remove(index as usize);
                coarse.contract.margins.clear();
                coarse.contributions.clear();
                for (mut codes, subjects) in table.contributions.clone() {
                    codes.remove(index as usize);
                    coarse.contributions.entry(codes).or_default().extend(subjects);
                }
                let mut entries = coarse.entries();
                // Records as in the finer table, whose places within cells they go by.
                let values = |entry: &crate::tests::factory::Entry| (entry.3.clone(), entry.2);
                let mut fine: BTreeMap<Vec<i64>, Vec<u64>> = BTreeMap::new();
                for (values, records) in table.entries().iter().map(values) {
                    fine.entry(values).or_default().push(records);
                }
                for entry in &mut entries {
                    entry.2 = fine.get_mut(&entry.3).and_then(Vec::pop).expect("it is there");
                }
                let coarse = coarse.built(&entries).expect("it fits");
                let expected = plane_counts(counted(&coarse), 0, &floor(Grade::Restricted));
                assert_eq!([found.figures_left, found.withheld_left], expected, "seed {seed}, {index} of {dimensions}");
            }
        }
    }
}
