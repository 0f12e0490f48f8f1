//! The candidate: what the host counted, or what a report wrote, checked against its contract.
//!
//! It exists so that everything downstream can rely on codes in range, sums that the bounds allow and contributors
//! that add up, whatever the engine or a damaged file says.
//!
//! # Guarantees
//! A [`Candidate`] can't be built from evidence that contradicts its contract or itself. It has no `Debug`, no
//! `Display` and no serde: the one way to write it down is [`Candidate::to_inside_bytes`].
//!
//! # Does not guarantee
//! That the evidence is true: a wrong but consistent sum passes. The engine's own tests answer for that.

mod inside;
mod mismatch;
mod validate;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sluice_domain::contract::{Contract, Reporting, Statistic, Tabulation};
use sluice_domain::limits::Limits;

pub use mismatch::Mismatch;

use crate::appetite::Appetite;

/// How many of the largest contributors the host keeps for each cell and measure.
pub const TOP: usize = 3;

/// Evidence for one measure in one cell, over one contribution per subject.
#[derive(Clone, PartialEq, Eq)]
pub struct MeasureEvidence {
    /// The sum, in steps.
    pub sum: i128,
    /// The sum of absolute contributions, in steps.
    pub sum_abs: i128,
    /// Subjects whose contribution isn't 0.
    pub nonzero: u64,
    /// The contributions that are largest in absolute value, largest first, at most [`TOP`], none of them 0.
    pub top: Vec<i64>,
    /// The least contribution.
    pub min: i64,
    /// The largest contribution.
    pub max: i64,
}

/// Evidence for one inner cell. Empty cells are absent, so `subjects` is at least 1.
#[derive(Clone, PartialEq, Eq)]
pub struct CellEvidence {
    /// Distinct subjects.
    pub subjects: u64,
    /// Contributions before they are merged per subject.
    pub records: u64,
    /// One entry for each measure of the contract.
    pub measures: Vec<MeasureEvidence>,
}

/// Cells by their codes, one code for each dimension.
pub type Cells = BTreeMap<Vec<u32>, CellEvidence>;

/// What happened in the run, for the agency only.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct RunFacts {
    /// Distinct subjects that were looked at.
    pub subjects: u64,
    /// Subjects from whom the cap on cells or rows took something away.
    pub truncated_subjects: u64,
    /// Subjects counted by default because their instance trapped, overran or broke the contract.
    pub defaulted_subjects: u64,
    /// Contributions dropped since their code isn't declared.
    pub undeclared_codes: u64,
    /// Contributions moved to a bound.
    pub clamped: u64,
    /// Rows without a subject.
    pub unattributed_rows: u64,
}

/// Why a report has no table: a closed list, for reviewers and custodian only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportFault {
    /// The module trapped.
    Trapped,
    /// The fuel ran out.
    OutOfFuel,
    /// The memory ran out.
    OutOfMemory,
    /// What the module wrote isn't a table of its contract.
    BrokenContract,
    /// An input query failed.
    QueryFailed,
    /// The backstop ended it.
    TimedOut,
}

/// What the engine hands over.
pub enum Raw {
    /// Counted by the host, for lane `tabulate`.
    Cells {
        /// The cells that aren't empty.
        cells: Cells,
        /// What happened in the run.
        facts: RunFacts,
    },
    /// Written by a module, for lane `report`.
    Rows {
        /// Rows of label positions or numbers, a value for each column.
        rows: Vec<Vec<i64>>,
        /// Why there is no table, where there is none.
        fault: Option<ReportFault>,
        /// What happened in the run.
        facts: RunFacts,
    },
}

/// A counted candidate.
#[derive(Clone, PartialEq, Eq)]
pub struct Counted {
    contract: Tabulation,
    cells: Cells,
}

/// A written candidate: rows in canonical order, every value in its column's domain and on its grid.
#[derive(Clone, PartialEq, Eq)]
pub struct Written {
    contract: Reporting,
    rows: Vec<Vec<i64>>,
    fault: Option<ReportFault>,
    dropped_rows: u64,
    rounded_values: u64,
}

/// What the candidate holds, by lane.
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    /// Counted by the host.
    Counted(Counted),
    /// Written by a module.
    Written(Written),
}

/// A raw output that fits its contract.
#[derive(Clone, PartialEq, Eq)]
pub struct Candidate {
    body: Body,
    facts: RunFacts,
}

impl Candidate {
    /// Checks `raw` against `contract`.
    ///
    /// In a report, numbers off the grid are rounded to it, a row with a value outside of its domain is dropped and
    /// counted, rows are sorted (their order would carry data), and a run with a fault keeps no row.
    ///
    /// # Errors
    /// The first [`Mismatch`], without any value.
    pub fn new(contract: Contract, raw: Raw, limits: &Limits) -> Result<Candidate, Mismatch> {
        contract.check(limits).map_err(|_| Mismatch::Contract)?;
        match (contract, raw) {
            (Contract::Tabulate(contract), Raw::Cells { mut cells, facts }) => {
                validate::facts(&facts)?;
                validate::cells(&contract, &mut cells, &facts)?;
                Ok(Candidate { body: Body::Counted(Counted { contract, cells }), facts })
            }
            (Contract::Report(contract), Raw::Rows { rows, fault, facts }) => {
                validate::facts(&facts)?;
                let rows = if fault.is_some() { Vec::new() } else { rows };
                let fitted = validate::rows(&contract, rows)?;
                let (dropped_rows, rounded_values) = (fitted.dropped_rows, fitted.rounded_values);
                let written = Written { contract, rows: fitted.rows, fault, dropped_rows, rounded_values };
                Ok(Candidate { body: Body::Written(written), facts })
            }
            _ => Err(Mismatch::Lane),
        }
    }

    /// What it holds, by lane.
    #[must_use]
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// What happened in the run, for the agency only.
    #[must_use]
    pub fn facts(&self) -> &RunFacts {
        &self.facts
    }
}

impl Counted {
    /// The contract.
    #[must_use]
    pub fn contract(&self) -> &Tabulation {
        &self.contract
    }

    /// The cells that aren't empty.
    #[must_use]
    pub fn cells(&self) -> &Cells {
        &self.cells
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

    /// Every published sum of a cell that reaches the threshold on subjects: codes, the measure's position, evidence.
    pub(crate) fn large_sums(
        &self,
        appetite: &Appetite,
    ) -> impl Iterator<Item = (&Vec<u32>, usize, &CellEvidence, &MeasureEvidence)> {
        let threshold = appetite.rules().threshold;
        let large = self.cells.iter().filter(move |(_, cell)| cell.subjects >= threshold);
        large.flat_map(move |(codes, cell)| {
            self.published_measures()
                .filter_map(move |index| cell.measures.get(index).map(|measure| (codes, index, cell, measure)))
        })
    }
}

impl Written {
    /// The contract.
    #[must_use]
    pub fn contract(&self) -> &Reporting {
        &self.contract
    }

    /// The rows, sorted.
    #[must_use]
    pub fn rows(&self) -> &[Vec<i64>] {
        &self.rows
    }

    /// Why there is no table.
    #[must_use]
    pub fn fault(&self) -> Option<ReportFault> {
        self.fault
    }

    /// Rows dropped since a value was outside of its domain.
    #[must_use]
    pub fn dropped_rows(&self) -> u64 {
        self.dropped_rows
    }

    /// Values that were moved to the grid.
    #[must_use]
    pub fn rounded_values(&self) -> u64 {
        self.rounded_values
    }
}
