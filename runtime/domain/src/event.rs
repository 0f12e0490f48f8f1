//! Events: everything that happens, as it is written into the ledger.
//!
//! An event holds what is needed to rebuild the state and no more. It never holds a row, a count of rows, or a plain
//! digest of something that stays inside.

use serde::{Deserialize, Serialize};

use crate::dataset::{Dataset, Snapshot};
use crate::digest::Commitment;
use crate::exception::ExceptionMark;
use crate::family::{Family, FamilySeal};
use crate::grade::Lane;
use crate::grant::{Grant, Tightening};
use crate::id::{GrantId, JobId, ReleaseId, RequestId, SnapshotId, TokenId};
use crate::job::Job;
use crate::module::Module;
use crate::people::{Actor, Organisation, Person, Token};
use crate::refusal::Code;
use crate::release::ReleaseEntry;
use crate::review::{ReleaseRequest, Vote};

/// Why a job or a grant was ended from inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The grant was suspended, revoked or ran out.
    GrantEnded,
    /// The module was revoked.
    ModuleRevoked,
    /// A custodian ended it after an incident.
    Incident,
}

/// How an attempt failed as a whole. For custodians only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentKind {
    /// The worker process died.
    WorkerDied,
    /// The attempt took longer than an attempt may.
    AttemptTimedOut,
    /// The query or the host failed.
    AttemptFailed,
    /// The node was stopped while it ran.
    NodeStopped,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[allow(missing_docs, reason = "the fields are the nouns that they are named after")]
pub enum Happening {
    /// An organisation was added.
    OrganisationAdded { organisation: Organisation },
    /// A person was added.
    PersonAdded { person: Person },
    /// A token was issued.
    TokenIssued { token: Token },
    /// A token was revoked.
    TokenRevoked { token: TokenId },
    /// A dataset was registered.
    DatasetRegistered { dataset: Box<Dataset> },
    /// A dataset was withdrawn.
    DatasetWithdrawn { dataset: String },
    /// A snapshot was sealed.
    SnapshotSealed { snapshot: Snapshot },
    /// A family was proposed.
    FamilyProposed { family: Box<Family> },
    /// A person vetted a family.
    FamilyVetted { family: String },
    /// A family was withdrawn.
    FamilyWithdrawn { family: String },
    /// The vetted families of a dataset were protected together over a snapshot, and are answered from it.
    FamiliesSealed { seal: FamilySeal },
    /// A grant was drafted.
    GrantDrafted { grant: Box<Grant> },
    /// A grant was signed.
    GrantSigned { grant: GrantId, agency: String },
    /// The actor's organisation suspended a grant.
    GrantSuspended { grant: GrantId },
    /// The actor's organisation ended its own suspension of a grant.
    GrantResumed { grant: GrantId },
    /// A grant was revoked.
    GrantRevoked { grant: GrantId },
    /// A module was submitted.
    ModuleSubmitted { module: Box<Module> },
    /// A module was revoked, as it was submitted for each of these organisations.
    ModuleRevoked { module: String, organisations: Vec<String> },
    /// A job was refused on static grounds.
    JobRefused { grant: Option<GrantId>, lane: Option<Lane>, code: Code },
    /// A job was admitted; a grant's quota and bits are charged here, before it runs.
    JobAdmitted { job: Box<Job>, report_bits: u64 },
    /// An attempt began; `protections` says which fences the kernel gave.
    AttemptStarted { job: JobId, attempt: u32, protections: Vec<String> },
    /// An attempt failed as a whole.
    AttemptFailed { job: JobId, attempt: u32, incident: IncidentKind },
    /// A job's operator withdrew it. Where it had been decided or withdrawn before, and that didn't show yet, nothing
    /// changes: the event is written all the same, so that the ledger's size doesn't tell the two apart.
    JobCancelled { job: JobId },
    /// A job was ended from inside.
    JobStopped { job: JobId, reason: StopReason },
    /// A candidate came before the reviewers.
    ReviewOpened { request: Box<ReleaseRequest> },
    /// What stands before the reviewers was replaced, and the votes are void: a custodian had the candidate assessed
    /// again under stricter rules. `tightening` is all that the request asks for beyond its grant.
    CandidateReplaced {
        request: RequestId,
        candidate: Commitment,
        assessment: Commitment,
        #[serde(default, skip_serializing_if = "Tightening::is_empty")]
        tightening: Tightening,
    },
    /// The actor asked for an exception, for a reason that stays inside. `assessment` is the one under the looser rule,
    /// due where the exception holds now: what stands before the reviewers is then replaced, and the votes are void.
    ExceptionAsked {
        request: RequestId,
        mark: ExceptionMark,
        reason: Commitment,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        assessment: Option<Commitment>,
    },
    /// A reviewer looked at a candidate.
    CandidateViewed { request: RequestId },
    /// A reviewer voted.
    VoteCast { request: RequestId, vote: Vote },
    /// A release was sealed.
    ReleaseSealed {
        #[serde(flatten)]
        release: Box<ReleaseEntry>,
    },
    /// A release was fetched.
    ReleaseFetched { release: ReleaseId, format: String },
    /// An agency ran a job again, inside, and compared.
    JobRerun { job: JobId, equal: bool },
    /// An old snapshot's files were removed.
    SnapshotRemoved { snapshot: SnapshotId },
}

impl Happening {
    /// The event's kind, as it is written.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Happening::OrganisationAdded { .. } => "organisation_added",
            Happening::PersonAdded { .. } => "person_added",
            Happening::TokenIssued { .. } => "token_issued",
            Happening::TokenRevoked { .. } => "token_revoked",
            Happening::DatasetRegistered { .. } => "dataset_registered",
            Happening::DatasetWithdrawn { .. } => "dataset_withdrawn",
            Happening::SnapshotSealed { .. } => "snapshot_sealed",
            Happening::FamilyProposed { .. } => "family_proposed",
            Happening::FamilyVetted { .. } => "family_vetted",
            Happening::FamilyWithdrawn { .. } => "family_withdrawn",
            Happening::FamiliesSealed { .. } => "families_sealed",
            Happening::GrantDrafted { .. } => "grant_drafted",
            Happening::GrantSigned { .. } => "grant_signed",
            Happening::GrantSuspended { .. } => "grant_suspended",
            Happening::GrantResumed { .. } => "grant_resumed",
            Happening::GrantRevoked { .. } => "grant_revoked",
            Happening::ModuleSubmitted { .. } => "module_submitted",
            Happening::ModuleRevoked { .. } => "module_revoked",
            Happening::JobRefused { .. } => "job_refused",
            Happening::JobAdmitted { .. } => "job_admitted",
            Happening::AttemptStarted { .. } => "attempt_started",
            Happening::AttemptFailed { .. } => "attempt_failed",
            Happening::JobCancelled { .. } => "job_cancelled",
            Happening::JobStopped { .. } => "job_stopped",
            Happening::ReviewOpened { .. } => "review_opened",
            Happening::CandidateReplaced { .. } => "candidate_replaced",
            Happening::ExceptionAsked { .. } => "exception_asked",
            Happening::CandidateViewed { .. } => "candidate_viewed",
            Happening::VoteCast { .. } => "vote_cast",
            Happening::ReleaseSealed { .. } => "release_sealed",
            Happening::ReleaseFetched { .. } => "release_fetched",
            Happening::JobRerun { .. } => "job_rerun",
            Happening::SnapshotRemoved { .. } => "snapshot_removed",
        }
    }
}

/// An event: what happened, who did it, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Who did it.
    pub actor: Actor,
    /// When, in milliseconds since 1970 by the node's clock, never earlier than the event before.
    pub at_ms: i64,
    /// What happened.
    #[serde(flatten)]
    pub happening: Happening,
}
