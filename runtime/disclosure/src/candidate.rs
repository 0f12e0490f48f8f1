//! The candidate: what the host counted, or what a report wrote, checked against its contract.
//!
//! It exists so that everything downstream can rely on codes in range, sums that the bounds allow and contributors
//! that add up, whatever the engine or a damaged file says.
//!
//! # Guarantees
//! A [`Candidate`] can't be built from contributions that contradict their contract. It has no `Debug`, no `Display`
//! and no serde: the one way to write it down is [`Candidate::to_inside_bytes`], and contributions aren't in it. Every
//! published cell, margins included, has its own evidence of distinct subjects and groups.
//!
//! # Does not guarantee
//! That the contributions are true: wrong but consistent ones pass. The engine's own tests answer for that.

mod contributions;
mod counted;
mod groups;
mod holders;
mod inside;
mod look_ups;
mod mismatch;
mod relation;
mod screen;
mod sweep;
mod validate;

use serde::{Deserialize, Serialize};
use sluice_domain::contract::{Contract, Reporting};
use sluice_domain::limits::Limits;

use crate::publish::cell_key::Secret;

pub use contributions::{Contribution, Contributions};
pub use counted::{CellCount, Counted, Figure, Node, Plane};
pub(crate) use counted::{LargeSum, node, planes};
pub use groups::Groups;
pub use mismatch::Mismatch;
pub(crate) use relation::ratios;
pub use relation::{Derived, Relation};
pub use screen::Screen;
pub(crate) use sweep::fold;

pub use crate::evidence::TOP;

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
        /// What each subject brought to each inner cell.
        contributions: Contributions,
        /// Which subjects are one unit.
        groups: Groups,
        /// What the agency declares of the measures.
        relations: Vec<Relation>,
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
        Candidate::keyed(contract, raw, limits, None)
    }

    /// The same; with the dataset's secret for cell keys, so that counts can have noise ([`crate::Method::CellKey`]).
    /// What each count's noise is looked up by is kept with it; the secret isn't.
    ///
    /// # Errors
    /// As [`Candidate::new`].
    pub fn keyed(
        contract: Contract,
        raw: Raw,
        limits: &Limits,
        secret: Option<&Secret>,
    ) -> Result<Candidate, Mismatch> {
        contract.check(limits).map_err(|_| Mismatch::Contract)?;
        match (contract, raw) {
            (Contract::Tabulate(contract), Raw::Cells { contributions, groups, relations, facts }) => {
                validate::facts(&facts)?;
                validate::contributions(&contract, &contributions, &facts)?;
                let counted = Counted::new(contract, relations, (&contributions, &groups), secret)?;
                validate::ranges(&counted)?;
                Ok(Candidate { body: Body::Counted(counted), facts })
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

#[cfg(test)]
impl Candidate {
    /// Of which the contract keeps so many labels a column and the least number: what no constructor lets through, for
    /// the check that stands behind them.
    pub(crate) fn with_domains_cut(mut self, labels: usize) -> Candidate {
        use sluice_domain::contract::ValueDomain;
        match &mut self.body {
            Body::Counted(counted) => {
                counted.contract.dimensions.iter_mut().for_each(|dimension| dimension.labels.truncate(labels));
            }
            Body::Written(written) => {
                written.contract.columns.iter_mut().for_each(|column| match &mut column.domain {
                    ValueDomain::Labels(all) => all.truncate(labels),
                    ValueDomain::Number { lower, upper, .. } => *upper = *lower,
                });
            }
        }
        self
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
