//! A counted candidate: the evidence of every published cell.
//!
//! A *plane* is all cells that keep the same dimensions: the inner cells are one, and each margin is one. A *node* is
//! a cell of any plane, with `None` for a dimension that is added up.

use std::collections::BTreeMap;

use sluice_domain::contract::{Statistic, Tabulation};

use super::{Contributions, Derived, Groups, Mismatch, Relation, Screen, holders, look_ups, relation, screen, sweep};
use crate::appetite::Appetite;
use crate::evidence::Evidence;
use crate::primary::{Bounds, Quantity};
use crate::publish::cell_key::Secret;
use crate::table::every_code;

/// A published cell: for each dimension its code, or `None` where it is added up.
pub type Node = Vec<Option<u32>>;

/// All cells that keep the same dimensions.
#[derive(Clone, PartialEq, Eq)]
pub struct Plane {
    /// The positions of the dimensions that are kept, in rising order.
    pub kept: Vec<u32>,
    /// The cells that aren't empty, by the codes of those dimensions.
    pub cells: BTreeMap<Vec<u32>, Evidence>,
}

/// A counted candidate.
#[derive(Clone, PartialEq, Eq)]
pub struct Counted {
    pub(super) contract: Tabulation,
    pub(super) relations: Vec<Relation>,
    pub(super) derived: Vec<Derived>,
    pub(super) grouped: bool,
    /// Inner cells first, then the margins in the contract's order.
    pub(super) planes: Vec<Plane>,
    pub(super) screens: Vec<Screen>,
    /// By inner cell that isn't empty: see [`super::holders`].
    pub(super) holders: Vec<Option<u32>>,
    /// By plane and by cell that isn't empty, where there are keys: see [`super::look_ups`].
    pub(super) look_ups: Option<Vec<Vec<u64>>>,
}

/// What the host counted in one inner cell, to compare with other counts of the same.
#[derive(Clone, PartialEq, Eq)]
pub struct CellCount {
    /// Distinct subjects.
    pub subjects: u64,
    /// Records.
    pub records: u64,
    /// The sum of each measure.
    pub sums: Vec<i128>,
}

/// A published cell with its evidence; `None` if it is empty.
pub struct Figure<'a> {
    /// Where it is.
    pub node: Node,
    /// The plane's place in [`Counted::planes`].
    pub plane: usize,
    /// What stands behind it.
    pub evidence: Option<&'a Evidence>,
}

impl Counted {
    pub(super) fn new(
        contract: Tabulation,
        relations: Vec<Relation>,
        (contributions, groups): (&Contributions, &Groups),
        secret: Option<&Secret>,
    ) -> Result<Counted, Mismatch> {
        relation::check(&contract, &relations)?;
        let derived = relation::derived(&contract, &relations);
        let (planes, screens, holders) = std::thread::scope(|scope| {
            let beside = scope.spawn(|| (screen::screens(contributions), holders::holders(contributions, groups)));
            let planes = sweep::planes(&contract, contributions, groups, &derived);
            let (screens, holders) = beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            (planes, screens, holders)
        });
        let look_ups = secret.map(|secret| look_ups::look_ups(&contract, contributions, secret));
        Ok(Counted { contract, relations, derived, grouped: groups.declared(), planes, screens, holders, look_ups })
    }

    /// The contract.
    #[must_use]
    pub fn contract(&self) -> &Tabulation {
        &self.contract
    }

    /// The declared relations between measures.
    #[must_use]
    pub fn relations(&self) -> &[Relation] {
        &self.relations
    }

    /// What is derived from the measures: its spreads follow theirs in [`Evidence::measures`].
    #[must_use]
    pub fn derived(&self) -> &[Derived] {
        &self.derived
    }

    /// Whether the dataset declares groups.
    #[must_use]
    pub fn grouped(&self) -> bool {
        self.grouped
    }

    /// The inner cells, then each margin in the contract's order.
    #[must_use]
    pub fn planes(&self) -> &[Plane] {
        &self.planes
    }

    /// The inner cells that aren't empty.
    #[must_use]
    pub fn inner(&self) -> &BTreeMap<Vec<u32>, Evidence> {
        static NONE: BTreeMap<Vec<u32>, Evidence> = BTreeMap::new();
        self.planes.first().map_or(&NONE, |plane| &plane.cells)
    }

    /// One screen for each measure.
    #[must_use]
    pub fn screens(&self) -> &[Screen] {
        &self.screens
    }

    /// For each inner cell that isn't empty, in their order, a number for the group that is alone in it.
    #[must_use]
    pub fn holders(&self) -> &[Option<u32>] {
        &self.holders
    }

    /// For each plane what the noise of each cell's count is looked up by, for the cells that aren't empty, in their
    /// order; none where the candidate was made without keys.
    #[must_use]
    pub fn look_ups(&self) -> Option<&[Vec<u64>]> {
        self.look_ups.as_deref()
    }

    /// What was counted in each inner cell that isn't empty.
    pub fn cells(&self) -> impl Iterator<Item = (&[u32], CellCount)> {
        let measures = self.contract.measures.len();
        self.inner().iter().map(move |(codes, cell)| {
            let sums = cell.measures.iter().take(measures).map(|spread| spread.subjects.sum).collect();
            let records = u64::try_from(cell.records.subjects.sum).unwrap_or(u64::MAX);
            (codes.as_slice(), CellCount { subjects: cell.subjects, records, sums })
        })
    }

    /// Every published cell in the order of the table's rows, empty ones included.
    pub fn figures(&self) -> impl Iterator<Item = Figure<'_>> {
        let dimensions = &self.contract.dimensions;
        self.planes.iter().enumerate().flat_map(move |(place, plane)| {
            let kept = plane.kept.iter().filter_map(|index| dimensions.get(*index as usize));
            every_code(kept).map(move |codes| Figure {
                node: plane.node(&codes, dimensions.len()),
                plane: place,
                evidence: plane.cells.get(&codes),
            })
        })
    }

    /// Positions of the measures whose sums are published.
    pub fn published_measures(&self) -> impl Iterator<Item = usize> + '_ {
        self.contract.statistics.iter().filter_map(|statistic| match statistic {
            Statistic::Sum(index) => Some(*index as usize),
            _ => None,
        })
    }

    /// Whether record counts are published.
    #[must_use]
    pub fn publishes_records(&self) -> bool {
        self.contract.statistics.contains(&Statistic::Records)
    }

    /// The declared bounds of what one subject contributes to a figure of a plane.
    ///
    /// In a margin a subject is counted once for each inner cell that it is in, which widens them.
    #[must_use]
    pub fn bounds(&self, plane: usize, quantity: Quantity) -> Bounds {
        let Quantity::Sum(index) = quantity else { return None };
        let measure = self.contract.measures.get(index)?;
        let (lower, upper) = (i128::from(measure.lower), i128::from(measure.upper));
        let times = if plane == 0 { 1 } else { i128::from(self.contract.cells_per_subject) };
        Some((lower.min(lower * times), upper.max(upper * times)))
    }

    /// Every published cell that reaches the threshold on subjects.
    pub(crate) fn large(&self, appetite: &Appetite) -> impl Iterator<Item = (Figure<'_>, &Evidence)> {
        let threshold = appetite.rules().threshold.max(1);
        self.figures()
            .filter_map(move |figure| figure.evidence.filter(|e| e.subjects >= threshold).map(|e| (figure, e)))
    }

    /// The same, once for each published sum.
    pub(crate) fn large_sums(&self, appetite: &Appetite) -> impl Iterator<Item = LargeSum<'_>> {
        self.large(appetite).flat_map(|(figure, evidence)| {
            let Figure { node, plane, .. } = figure;
            self.published_measures().map(move |index| LargeSum { node: node.clone(), plane, index, evidence })
        })
    }
}

/// A published sum of a cell that reaches the threshold on subjects.
pub(crate) struct LargeSum<'a> {
    pub(crate) node: Node,
    pub(crate) plane: usize,
    pub(crate) index: usize,
    pub(crate) evidence: &'a Evidence,
}

impl LargeSum<'_> {
    pub(crate) fn quantity(&self) -> Quantity {
        Quantity::Sum(self.index)
    }
}

impl Plane {
    /// The node of codes of this plane, in a table of so many dimensions.
    #[must_use]
    pub fn node(&self, codes: &[u32], dimensions: usize) -> Node {
        node(&self.kept, codes, dimensions)
    }
}

/// The dimensions that each plane of a table keeps: all of them those of the inner cells, then each margin its own.
pub(crate) fn planes(contract: &Tabulation) -> impl Iterator<Item = Vec<u32>> + '_ {
    let inner = (0_u32..).take(contract.dimensions.len()).collect();
    std::iter::once(inner).chain(contract.margins.iter().cloned())
}

/// The node that has these codes in the dimensions that are kept, in a table of so many.
pub(crate) fn node(kept: &[u32], codes: &[u32], dimensions: usize) -> Node {
    let mut node = vec![None; dimensions];
    for (index, code) in kept.iter().zip(codes) {
        if let Some(place) = node.get_mut(*index as usize) {
            *place = Some(*code);
        }
    }
    node
}
