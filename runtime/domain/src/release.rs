//! Releases: what left.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Commitment;
use crate::grade::Lane;
use crate::id::{GrantId, JobId, ReleaseId, RequestId, SnapshotId};

/// The bytes of a release in one format. They are public, so their digest is a plain one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artefact {
    /// `csv`, `parquet`, `arrow` or `record`.
    pub format: String,
    /// SHA-256 of the bytes.
    pub sha256: String,
    /// Their length.
    pub bytes: u64,
}

/// What let a release out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Basis {
    /// People read it.
    Reviewed {
        /// The request that was approved.
        request: RequestId,
        /// What the reviewers approved.
        candidate: Commitment,
        /// What the machine found.
        assessment: Commitment,
        /// How many reviewers agreed.
        approvals: u32,
    },
    /// It is part of a table that was vetted and protected before anybody asked.
    Family {
        /// The family's key.
        family: String,
        /// The snapshot whose seal it is from.
        snapshot: SnapshotId,
        /// What was sealed.
        content: Commitment,
    },
}

/// What the receipt says of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseEntry {
    /// Its name.
    pub id: ReleaseId,
    /// The job.
    pub job: JobId,
    /// What let it out.
    pub basis: Basis,
    /// The grant.
    pub grant: GrantId,
    /// The organisation that may fetch it.
    pub organisation: String,
    /// The lane, and so the kind of evidence.
    pub lane: Lane,
    /// The module's digest.
    pub module: Option<String>,
    /// The contract's digest.
    pub contract: String,
    /// The snapshots that it was made from.
    pub snapshots: BTreeMap<String, SnapshotId>,
    /// The bytes that left.
    pub artefacts: Vec<Artefact>,
    /// When it was sealed.
    pub sealed_at_ms: i64,
}
