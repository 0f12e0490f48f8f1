//! What the server asks of a worker, and what a worker answers.
//!
//! These messages cross an inherited socket pair as length-prefixed JSON. Raw output never does: it crosses as one
//! frame of its own private form (see [`crate::raw`]).

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sluice_disclosure::families::matching::Selection;
use sluice_domain::contract::Contract;
use sluice_domain::dataset::{Dataset, SubjectKey};
use sluice_domain::dictionary::{Column, Dictionary};
use sluice_domain::grade::Lane;
use sluice_domain::limits::Limits;
use sluice_domain::refusal::Refusal;
use sluice_domain::relation::Source;

use crate::tally::Tally;

/// A table as a grant shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TableSpec {
    /// Its name in queries.
    pub name: String,
    /// The dataset's columns.
    pub columns: Vec<Column>,
    /// The columns that queries may name.
    pub granted: Vec<String>,
    /// The rows that exist under the grant.
    pub row_filter: Option<String>,
    /// Whom the records are about; none for a public lookup table.
    pub subject: Option<SubjectKey>,
    /// The columns that are unique together, by the dataset's registration; its snapshots were checked for it.
    #[serde(default)]
    pub unique: Vec<String>,
    /// The snapshot's folder; none when only the schema is needed.
    pub snapshot: Option<PathBuf>,
}

impl TableSpec {
    /// The whole of a dataset: every column and row.
    #[must_use]
    pub fn whole(dataset: &Dataset, snapshot: Option<PathBuf>) -> TableSpec {
        TableSpec {
            name: dataset.name.clone(),
            columns: dataset.dictionary.columns.clone(),
            granted: dataset.dictionary.columns.iter().map(|column| column.name.clone()).collect(),
            row_filter: None,
            subject: dataset.subject.clone(),
            unique: dataset.unique.clone(),
            snapshot,
        }
    }
}

/// A measure of a job without a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanMeasure {
    /// The query's output column.
    pub column: String,
    /// Decimal places that are kept.
    #[serde(default)]
    pub scale: u8,
    /// The least value of one record, in whole units; the dictionary's, where the column is one of its own.
    #[serde(default)]
    pub lower: Option<i64>,
    /// The largest value of one record, in whole units.
    #[serde(default)]
    pub upper: Option<i64>,
}

/// A statistic of a job without a module, by the measure's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanStatistic {
    /// Distinct subjects.
    Subjects,
    /// Records.
    Records,
    /// The sum of a measure.
    Sum(String),
    /// A ratio of two sums.
    Ratio {
        /// Its column's name.
        name: String,
        /// The measure above the line.
        numerator: String,
        /// The measure below the line.
        denominator: String,
        /// Decimal places.
        scale: u8,
    },
}

/// A job of lane `tabulate` without a module: the query's own columns are the contributions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// One SELECT whose output columns hold the dimensions and the measures.
    pub sql: String,
    /// The output columns that are dimensions; each is a dictionary column with codes.
    pub dimensions: Vec<String>,
    /// The output columns that are added up.
    #[serde(default)]
    pub measures: Vec<PlanMeasure>,
    /// What is published.
    pub statistics: Vec<PlanStatistic>,
    /// Totals: the dimensions that each keeps.
    #[serde(default)]
    pub margins: Vec<Vec<String>>,
    /// How many cells one subject may touch; by default as many as there are, up to the node's limit.
    #[serde(default)]
    pub cells_per_subject: Option<u32>,
    /// How many records of one subject are looked at.
    #[serde(default)]
    pub rows_per_subject: Option<u32>,
}

/// What computes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Work {
    /// The query alone.
    Plan(Plan),
    /// A module.
    Module {
        /// Its lane.
        lane: Lane,
        /// SHA-256 of its bytes.
        digest: String,
        /// The job's parameters.
        params: BTreeMap<String, String>,
    },
}

/// One run over pinned snapshots.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Run {
    /// The tables, with their snapshots.
    pub tables: Vec<TableSpec>,
    /// What computes.
    pub work: Work,
    /// The pinned contract.
    pub contract: Contract,
    /// Partitions to run with; the output doesn't depend on it.
    pub partitions: usize,
    /// The job's own folder, for spill and kept contributions.
    pub folder: PathBuf,
    /// Key of the order in which cells over the contribution bound are dropped: fixed per contract and snapshot, so
    /// that a rerun gives the same bytes.
    pub bound_key: [u8; 32],
}

/// The format of a data file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Comma-separated values with a header line.
    Csv,
    /// Apache Parquet.
    Parquet,
    /// Arrow IPC, file format.
    Arrow,
}

/// A data file to be sealed as a snapshot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ingest {
    /// The file, inside.
    pub file: PathBuf,
    /// Its format.
    pub format: Format,
    /// The dataset that it is a copy of.
    pub dataset: Box<Dataset>,
    /// The snapshot's folder, which is made for it.
    pub folder: PathBuf,
    /// The folder that holds the subject domains' ordinals.
    pub domains: PathBuf,
}

/// What was taken in. Counts stay inside: custodians see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ingested {
    /// Rows in all.
    pub rows: u64,
    /// Distinct subjects.
    pub subjects: u64,
    /// Rows without a subject key: kept for `report`, never part of a subject lane.
    pub rows_without_subject: u64,
    /// Per column: values that don't fit the dictionary's codes or bounds.
    pub misfits: BTreeMap<String, u64>,
    /// Per column: nulls.
    pub nulls: BTreeMap<String, u64>,
    /// SHA-256 over the snapshot's files, in hexadecimal. Stays inside; only a keyed commitment of it leaves.
    pub content: String,
}

/// A draft of a dictionary, for the custodian's eyes only.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Draft {
    /// The file, inside.
    pub file: PathBuf,
    /// Its format.
    pub format: Format,
    /// The column with the subject's key, where there is one.
    pub subject: Option<String>,
    /// Codes that fewer subjects have are left out.
    pub threshold: u64,
}

/// A drafted dictionary.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Drafted {
    /// The columns, with bounds widened to 1-2-5 steps and rare codes left out.
    pub dictionary: Dictionary,
    /// The number of subjects, rounded up to a 1-2-5 step.
    pub n_public: u64,
    /// What the custodian should look at.
    pub remarks: Vec<String>,
}

/// A job that passed the guard.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Admitted {
    /// Its contract.
    pub contract: Contract,
    /// Its query as a selection, or the parts of the job that are more than one, in words for its operator.
    pub selection: Result<Selection, Vec<String>>,
    /// The column that each measure of its contract is, where that can be read off the query.
    pub sources: Vec<Option<Source>>,
}

/// What is asked of a worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Ask {
    /// Fix the contract and put the plan to the guard, without data.
    Admit {
        /// The tables, without snapshots.
        tables: Vec<TableSpec>,
        /// What computes.
        work: Work,
    },
    /// Put a grant's row filter to the guard, without data.
    CheckFilter(TableSpec),
    /// Run.
    Run(Box<Run>),
    /// Seal a snapshot.
    Ingest(Ingest),
    /// Tally a snapshot for the families of its dataset.
    Tally(Tally),
    /// Draft a dictionary.
    Draft(Draft),
}

/// What a worker is told first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    /// What to do.
    pub ask: Ask,
    /// The node's limits.
    pub limits: Limits,
    /// Whether the module's compiled artefact follows as the next frame. The server has compared its MAC.
    pub has_artefact: bool,
}

/// What a worker answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Answer {
    /// The job passed the guard.
    Admitted(Box<Admitted>),
    /// Static grounds against it.
    Refused(Refusal),
    /// Nothing is against the row filter.
    Passed,
    /// A snapshot was sealed.
    Ingested(Ingested),
    /// A snapshot was tallied.
    Tallied,
    /// A dictionary was drafted.
    Drafted(Drafted),
    /// Raw output follows as the next frame.
    Raw,
    /// The attempt failed as a whole; the text is for the custodian's log only.
    Failed(String),
}
