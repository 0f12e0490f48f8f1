//! Datasets and their snapshots.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sluice_domain::dataset::{DatasetState, SubjectKey};
use sluice_domain::dictionary::Dictionary;
use sluice_domain::grade::Grade;
use utoipa::ToSchema;

/// Registers a dataset, for the caller's own agency.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterDataset {
    /// Its name, which is also its table's name in queries.
    pub name: String,
    /// What it is, in words.
    pub title: String,
    /// The agency's own code for the item; its name where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_code: Option<String>,
    /// Whom its records are about (`column`, `domain`); none for a public lookup table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub subject: Option<SubjectKey>,
    /// The columns whose values together occur in one row only, and are never missing: what other tables join by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unique: Vec<String>,
    /// The column whose value groups subjects into one legal entity or household.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// `open`, `conditional`, `restricted`, `special` or `secret`.
    #[schema(value_type = String)]
    pub grade: Grade,
    /// The number of subjects that the agency declares in public; 0 for a lookup table.
    #[serde(default)]
    pub n_public: u64,
    /// Its columns.
    #[schema(value_type = Object)]
    pub dictionary: Dictionary,
    /// When the registration lapses; in a year where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lapses_at_ms: Option<i64>,
}

/// A dataset, as the catalogue shows it. Nothing in it was counted from the data.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DatasetView {
    /// Its name, which is also its table's name in queries.
    pub name: String,
    /// What it is, in words.
    pub title: String,
    /// The agency that is its source.
    pub agency: String,
    /// The agency's own code for the item.
    pub item_code: String,
    /// Whom its records are about.
    #[schema(value_type = Option<Object>)]
    pub subject: Option<SubjectKey>,
    /// The columns whose values together occur in one row only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unique: Vec<String>,
    /// The column that groups subjects.
    pub group: Option<String>,
    /// How sensitive it is.
    #[schema(value_type = String)]
    pub grade: Grade,
    /// The declared number of subjects.
    pub n_public: u64,
    /// Its columns.
    #[schema(value_type = Object)]
    pub dictionary: Dictionary,
    /// `registered` or `withdrawn`.
    #[schema(value_type = String)]
    pub state: DatasetState,
    /// When it was registered.
    pub registered_at_ms: i64,
    /// When the registration lapses.
    pub lapses_at_ms: i64,
}

/// A drafted dictionary, for the custodian's eyes only.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DraftedDictionary {
    /// The columns, with bounds widened to 1-2-5 steps and rare codes left out.
    #[schema(value_type = Object)]
    pub dictionary: Dictionary,
    /// The number of subjects, rounded up to a 1-2-5 step.
    pub n_public: u64,
    /// What the custodian should look at before they confirm it.
    pub remarks: Vec<String>,
}

/// A snapshot. Neither its size nor a plain digest of it is shown to anyone.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SnapshotView {
    /// Its name.
    pub id: String,
    /// The dataset that it is a copy of.
    pub dataset: String,
    /// When it was sealed.
    pub sealed_at_ms: i64,
    /// Keyed commitment to its content, in hexadecimal.
    pub content: String,
}

/// A snapshot that was just sealed.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct SealedSnapshot {
    /// The snapshot.
    pub snapshot: SnapshotView,
    /// What was taken in, for custodians of the agency. A repeated request is answered without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<SnapshotReport>,
}

/// What was taken in. It stays inside: only custodians of the agency see it.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct SnapshotReport {
    /// Rows in all.
    pub rows: u64,
    /// Distinct subjects.
    pub subjects: u64,
    /// Rows without a subject key.
    pub rows_without_subject: u64,
    /// Per column: values that don't fit the dictionary's codes or bounds.
    pub misfits: BTreeMap<String, u64>,
    /// Per column: nulls.
    pub nulls: BTreeMap<String, u64>,
    /// Why the dataset's vetted families aren't answered from this snapshot, where they aren't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub families_not_sealed: Option<String>,
}
