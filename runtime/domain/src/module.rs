//! Modules: what operators upload, known by who uploaded it and by its digest.

use serde::{Deserialize, Serialize};

use crate::grade::Lane;

/// Whether a module may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModuleState {
    /// It passed the static checks and may be named in jobs.
    Accepted,
    /// It may not run any more.
    Revoked,
}

/// A module. The record says nothing of what it does: it is treated as hostile whatever it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// SHA-256 of its bytes, which are the operator's own.
    pub digest: String,
    /// The lane whose world it exports.
    pub lane: Lane,
    /// Length of its bytes.
    pub bytes: u64,
    /// Functions that it defines.
    pub functions: u32,
    /// What it imports.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// What it does, in its author's words.
    pub statement: String,
    /// Who submitted it.
    pub person: String,
    /// For which organisation.
    pub organisation: String,
    /// When.
    pub submitted_at_ms: i64,
    /// Whether it may run.
    pub state: ModuleState,
}

impl Module {
    /// What it is kept under.
    #[must_use]
    pub fn key(&self) -> String {
        key(&self.organisation, &self.digest)
    }
}

/// What an organisation's module is kept under. Two organisations may submit the same bytes: each has an entry of its
/// own, and neither learns of the other's.
#[must_use]
pub fn key(organisation: &str, digest: &str) -> String {
    format!("{organisation}/{digest}")
}
