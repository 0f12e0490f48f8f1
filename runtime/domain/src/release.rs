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

/// What the receipt says of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseEntry {
    /// Its name.
    pub id: ReleaseId,
    /// The job.
    pub job: JobId,
    /// The request that was approved.
    pub request: RequestId,
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
    /// What the reviewers approved.
    pub candidate: Commitment,
    /// What the machine found.
    pub assessment: Commitment,
    /// How many reviewers agreed.
    pub approvals: u32,
    /// The bytes that left.
    pub artefacts: Vec<Artefact>,
    /// When it was sealed.
    pub sealed_at_ms: i64,
}
