//! The pattern of a table whose totals are those of everything counted: which cells are withheld for others' sake.
//!
//! With true totals a withheld cell follows from its line unless something else in the line is withheld as well. The
//! inner cells that aren't empty are the atoms of a [`System`], and they and the cells of every margin are its cells. A
//! cell is *primary* if any of its published figures breaks a rule, or a finding withholds one; the others are wanted
//! in a fixed order, coarse margins first, then cells of many records, then by place. [`pattern::protect`] decides.
//!
//! # Guarantees
//! A cell is shown with all its figures or with none, so that none gives another away. A primary cell isn't shown. Where
//! the whole can't be protected, the margins are withheld and the inner table is tried alone; where that can't be
//! either, nothing is shown; reviewers are told. The pattern depends on what was counted and on the rules, not on the
//! order of anything.
//!
//! # Does not guarantee
//! That nobody learns that a cell is empty: a line whose total is the sum of its other cells tells. That figures of
//! one cell don't narrow each other down: intervals are worked out for one figure at a time.
//!
//! Source: disclosure.md, section 2; issue 4, parts 2 and 3. What an attacker is taken to know of a sum beforehand are
//! the declared bounds times the subjects of each inner cell, and of a count that it isn't 0.
//!
//! # Example
//! Threshold 10; three rows by three columns with all totals:
//!
//! |       | x  | y  | z  | total |
//! |-------|----|----|----|-------|
//! | a     | 4  | 20 | 30 | 54    |
//! | b     | 25 | 35 | 45 | 105   |
//! | c     | 40 | 50 | 60 | 150   |
//! | total | 69 |105 |135 | 309   |
//!
//! 4 is primary. Large cells are wanted more, so its row loses 20, its column 25, and 35 where these two meet. All
//! totals are shown as they are; redacting alone shows all but the 4, and totals without it: 50 and 65, and 305 in all.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Withheld, broken, quantity};
use crate::appetite::Appetite;
use crate::candidate::{Candidate, Counted, Figure, Node, Plane};
use crate::evidence::Evidence;
use crate::finding::{CheckName, Finding, Verdict};
use crate::primary::{self, Quantity};
use crate::protect::pattern::{self, Problem, Protected, Unprotected};
use crate::protect::system::System;

/// How much of the table could be protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Inner cells and margins.
    Whole,
    /// The inner cells; the margins are withheld.
    Inner,
    /// Nothing: all of it is withheld.
    Nothing,
}

/// Which cells are shown, and what stays open of the others.
pub(crate) struct Pattern {
    /// For each published cell, in the table's order, its number in the system; none of an empty one.
    numbers: Vec<Option<usize>>,
    /// By number.
    nodes: Vec<Node>,
    /// By number.
    primary: Vec<bool>,
    quantities: Vec<Quantity>,
    extent: Extent,
    protected: Option<Protected>,
    /// Inner cells and margins over the inner cells that aren't empty.
    pub(super) system: System,
    /// For each quantity the values of the atoms.
    truth: Vec<Vec<i128>>,
}

impl Pattern {
    /// Whether the cell of a row of the table is shown.
    pub(crate) fn shows(&self, place: usize) -> bool {
        self.number(place).is_some_and(|number| self.shows_number(number))
    }

    /// The same, by the cell's number.
    pub(super) fn shows_number(&self, number: usize) -> bool {
        self.protected.as_ref().is_some_and(|protected| protected.published.get(number) == Some(&true))
            && self.primary.get(number) == Some(&false)
    }

    /// Whether the cell of a row of the table is withheld for its own sake; an empty cell always is.
    pub(crate) fn is_primary(&self, place: usize) -> bool {
        self.number(place).is_none_or(|number| self.primary.get(number).copied().unwrap_or(true))
    }

    /// Between which values an attacker can put a withheld figure, where that was audited.
    pub(crate) fn interval(&self, place: usize, quantity: Quantity) -> Option<(i128, i128)> {
        let figure = self.quantities.iter().position(|other| *other == quantity)?;
        self.protected.as_ref()?.interval(figure, self.number(place)?)
    }

    pub(super) fn number(&self, place: usize) -> Option<usize> {
        self.numbers.get(place).copied().flatten()
    }

    /// What is published of a cell, each with the values of the atoms.
    pub(super) fn figures(&self) -> impl Iterator<Item = (Quantity, &[i128])> {
        self.quantities.iter().copied().zip(self.truth.iter().map(Vec::as_slice))
    }

    /// One finding for each cell that is withheld for the sake of others, and what couldn't be protected.
    pub(crate) fn findings(&self, counted: &Counted) -> Vec<Finding> {
        let whole =
            |verdict, topic, sentence: &str| Finding::whole(CheckName::Secondary, verdict, topic, sentence.to_owned());
        let (unprotected, reason) = match self.extent {
            Extent::Whole => (None, "It would help to work out a cell that is withheld."),
            Extent::Inner => (
                Some("The totals can't be protected together with the inner cells, so all totals are withheld."),
                "It would help to work out a cell that is withheld, or is a total of a table that can't have any.",
            ),
            Extent::Nothing => (Some("The table can't be protected, so nothing of it is shown."), "Nothing is shown."),
        };
        let unprotected = unprotected.map(|sentence| whole(Verdict::Refer, "unprotected", sentence));
        let withheld = |place: &usize| self.number(*place).is_some() && !self.shows(*place) && !self.is_primary(*place);
        let secondary =
            (0..self.numbers.len()).filter(withheld).filter_map(|place| self.nodes.get(self.number(place)?));
        let what = (CheckName::Secondary, Verdict::Suppress);
        let secondary = secondary.map(|node| Finding::cell(what, "", counted, node, reason.to_owned()));
        let mut findings: Vec<Finding> = unprotected.into_iter().chain(secondary).collect();
        if findings.is_empty() {
            findings = vec![whole(Verdict::Pass, "", "No cell has to be withheld for the sake of another.")];
        }
        findings
    }
}

/// A cell that isn't empty.
struct Cell<'a> {
    figure: Figure<'a>,
    evidence: &'a Evidence,
    atoms: Vec<u32>,
    is_primary: bool,
}

/// What finds a pattern: [`pattern::protect`].
type Protect = dyn Fn(&Problem<'_>) -> Result<Protected, Unprotected>;

/// What stays the same whether the whole is tried or the inner table alone.
struct Attempt<'a> {
    protect: &'a Protect,
    counted: &'a Counted,
    appetite: &'a Appetite,
    quantities: &'a [Quantity],
    truth: &'a [Vec<i128>],
    /// The most subjects, and the most records, that anybody would take an inner cell to hold.
    counts_max: [i128; 2],
}

/// Which cells of a counted candidate are shown; `withheld` is what the findings withhold.
pub(super) fn pattern(candidate: &Candidate, counted: &Counted, appetite: &Appetite, withheld: &Withheld) -> Pattern {
    pattern_with(&pattern::protect, candidate, (counted, appetite), withheld)
}

/// With a protection of one's own: tests inject failing ones here.
fn pattern_with(
    protect: &Protect,
    candidate: &Candidate,
    (counted, appetite): (&Counted, &Appetite),
    withheld: &Withheld,
) -> Pattern {
    let quantities: Vec<Quantity> = counted.contract().statistics.iter().filter_map(quantity).collect();
    let (numbers, cells) = cells(counted, |figure: &Figure<'_>| {
        let breaks = |quantity: &Quantity| !broken(counted, figure, *quantity, appetite).is_empty();
        withheld.names_any(&figure.node) || quantities.iter().any(breaks)
    });
    let truth: Vec<Vec<i128>> = quantities
        .iter()
        .map(|quantity| counted.inner().values().map(|evidence| value(evidence, *quantity)).collect())
        .collect();
    let attempt = Attempt {
        protect,
        counted,
        appetite,
        quantities: &quantities,
        truth: &truth,
        counts_max: counts_max(candidate, counted),
    };
    let inner = cells.iter().take_while(|cell| cell.figure.plane == 0).count();
    let whole = attempt.of(&cells).map(|protected| (Extent::Whole, protected));
    let alone = || attempt.of(cells.get(..inner)?).map(|protected| (Extent::Inner, protected));
    let (extent, protected) = match whole.or_else(alone) {
        Some((extent, protected)) => (extent, Some(protected)),
        None => (Extent::Nothing, None),
    };
    let system = system(counted, &cells);
    let primary = cells.iter().map(|cell| cell.is_primary).collect();
    let nodes = cells.into_iter().map(|cell| cell.figure.node).collect();
    Pattern { numbers, nodes, primary, quantities, extent, protected, system, truth }
}

/// The cells that aren't empty, and for each row of the table its cell's number.
fn cells<'a>(counted: &'a Counted, is_primary: impl Fn(&Figure<'_>) -> bool) -> (Vec<Option<usize>>, Vec<Cell<'a>>) {
    let mut atoms: Vec<BTreeMap<Vec<u32>, Vec<u32>>> =
        counted.planes().iter().map(|plane| atoms(counted, plane)).collect();
    let mut cells = Vec::new();
    let mut numbers = Vec::new();
    for figure in counted.figures() {
        let codes: Vec<u32> = figure.node.iter().flatten().copied().collect();
        let own = atoms.get_mut(figure.plane).and_then(|atoms| atoms.remove(&codes));
        let cell = figure.evidence.zip(own);
        numbers.push(cell.is_some().then_some(cells.len()));
        if let Some((evidence, atoms)) = cell {
            cells.push(Cell { is_primary: is_primary(&figure), figure, evidence, atoms });
        }
    }
    (numbers, cells)
}

/// The inner cells that each cell of a plane adds up, by the places of those that aren't empty.
fn atoms(counted: &Counted, plane: &Plane) -> BTreeMap<Vec<u32>, Vec<u32>> {
    let mut atoms: BTreeMap<Vec<u32>, Vec<u32>> = BTreeMap::new();
    for (atom, codes) in (0_u32..).zip(counted.inner().keys()) {
        let key = plane.kept.iter().filter_map(|index| codes.get(*index as usize).copied()).collect();
        atoms.entry(key).or_default().push(atom);
    }
    atoms
}

fn system(counted: &Counted, cells: &[Cell<'_>]) -> System {
    let sums = cells.iter().map(|cell| cell.atoms.clone()).collect();
    System::of_sums(counted.inner().len(), sums).expect("atoms are listed in rising order, each once")
}

/// What one inner cell says. A subject counts once in each.
fn value(evidence: &Evidence, quantity: Quantity) -> i128 {
    primary::spread(evidence, quantity).map_or(i128::from(evidence.subjects), |spread| spread.subjects.sum)
}

/// The run's subjects, and as many records as the contract lets them have, or as there are, if those are more.
fn counts_max(candidate: &Candidate, counted: &Counted) -> [i128; 2] {
    let subjects = i128::from(candidate.facts().subjects);
    let records = subjects.saturating_mul(i128::from(counted.contract().rows_per_subject));
    let here = counted.inner().values().map(|evidence| evidence.records.subjects.sum);
    [subjects, here.fold(0_i128, i128::saturating_add).max(records)]
}

impl Attempt<'_> {
    /// A pattern over these cells, if there is one.
    fn of(&self, cells: &[Cell<'_>]) -> Option<Protected> {
        let system = system(self.counted, cells);
        let primary: Vec<usize> =
            (0..).zip(cells).filter(|(_, cell)| cell.is_primary).map(|(place, _)| place).collect();
        let figures: Vec<pattern::Figure> = self
            .quantities
            .iter()
            .zip(self.truth)
            .map(|(quantity, truth)| self.figure(cells, *quantity, truth))
            .collect();
        let problem = Problem {
            system: &system,
            primary: &primary,
            released: &[],
            order: &order(cells),
            costs: &cells.iter().map(cost).collect::<Vec<u64>>(),
            figures: &figures,
            holders: &self.counted.holders().iter().map(|holder| holder.map(u64::from)).collect::<Vec<Option<u64>>>(),
            apart: &[],
        };
        (self.protect)(&problem).ok()
    }

    fn figure(&self, cells: &[Cell<'_>], quantity: Quantity, truth: &[i128]) -> pattern::Figure {
        let [subjects, records] = self.counts_max;
        let bounds = self.counted.inner().values().map(|evidence| match quantity {
            Quantity::Subjects => (1, subjects),
            Quantity::Records => (1, records),
            Quantity::Sum(_) => {
                let (lower, upper) = self.counted.bounds(0, quantity).unwrap_or((0, 0));
                let subjects = i128::from(evidence.subjects);
                (lower.saturating_mul(subjects), upper.saturating_mul(subjects))
            }
        });
        let rules = self.appetite.rules();
        let protection = cells.iter().map(|cell| primary::protection(cell.evidence, quantity, rules));
        pattern::Figure { truth: truth.to_vec(), bounds: bounds.collect(), protection: protection.collect() }
    }
}

/// The cells that aren't primary, the most wanted first: coarse ones, then those of many records, then by place.
fn order(cells: &[Cell<'_>]) -> Vec<usize> {
    let mut free: Vec<(u64, Reverse<i128>, usize)> = (0..)
        .zip(cells)
        .filter(|(_, cell)| !cell.is_primary)
        .map(|(place, cell)| (u64::MAX - cost(cell), Reverse(cell.evidence.records.subjects.sum), place))
        .collect();
    free.sort_unstable();
    free.into_iter().map(|(_, _, place)| place).collect()
}

/// What it costs to withhold a cell: the fewer dimensions it keeps, the more.
fn cost(cell: &Cell<'_>) -> u64 {
    let kept = cell.figure.node.iter().flatten().count() as u64;
    1 << (8_u64.saturating_sub(kept) * 4)
}

#[cfg(test)]
mod tests;
