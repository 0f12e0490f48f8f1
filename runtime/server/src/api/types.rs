//! What crosses the API: a type for every request and every answer.
//!
//! They exist apart from the nouns of the domain so that a noun can gain a field without it reaching an operator.
//! Names are snake_case, times are milliseconds since 1970 with `_ms` last, and a request with a field that isn't
//! known is refused.
//!
//! The routes that a name alone doesn't tell (all are in the API's description, `GET /v1/openapi.json`):
//! `POST /v1/dictionary-drafts?format=&subject=&threshold=`, `POST /v1/datasets/{name}/snapshots?format=` and
//! `POST /v1/modules?statement=` take bytes; `GET /v1/requests/{id}/candidate?from=&limit=` answers a
//! [`CandidateView`], a review view with what it is about; `GET /v1/releases/{id}/data?format=csv|parquet|arrow`,
//! `/record` and `/receipt` answer bytes; `GET /v1/ledger/checkpoint` answers a signed note. Where a body holds a noun whole (a dictionary, terms, a contract), it is the noun's own form,
//! and the API's description says so by its name.

mod catalogue;
mod families;
mod grants;
mod jobs;
mod people;
mod review;

pub use catalogue::{DatasetView, DraftedDictionary, RegisterDataset, SealedSnapshot, SnapshotReport, SnapshotView};
pub use families::{FamilyPreview, FamilyView, ProposeFamily, TablePreview, WithheldCell};
pub use grants::{DraftGrant, GrantView, ModuleView};
pub use jobs::{AttemptView, JobInside, JobStateEvent, JobView, RerunAnswer, SubmitJob};
pub use people::{AddOrganisation, AddPerson, IssueToken, IssuedToken, Me, OrganisationView, PersonView, TokenView};
pub use review::{
    ArtefactView, AskException, BackerView, CandidateView, CastVote, ExceptionView, ReleaseView, RequestView,
    TightenRequest, VoteView,
};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A page of a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items, in a fixed order.
    pub items: Vec<T>,
    /// Where the next page starts: hand it back as `cursor`. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What went wrong, as RFC 9457 has it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `urn:sluice:refusal:<code>`, or `urn:sluice:fault`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The fixed sentence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The closed code; `fault` where the node itself failed.
    pub code: String,
    /// What exactly broke the rule, from static facts only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Where the node itself failed: the name under which its custodians find it in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
}

/// The bytes of a file.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct Binary(#[allow(dead_code, reason = "it stands for bytes in the description only")] Vec<u8>);

/// Whether the node lives.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ok`, or `stopping`.
    pub status: String,
}

/// What the node is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NodeView {
    /// The ledger's name.
    pub origin: String,
    /// The key that checkpoints and receipts verify with: `name+hash+base64`.
    pub verifier_key: String,
    /// The fences that this machine's kernel gives to workers.
    pub protections: Vec<String>,
    /// The length of a slot: operators see changes only at the end of one.
    pub slot_ms: i64,
    /// How many slots after its admission a `report` job is shown as under review.
    pub report_slots: u32,
    /// The program's version.
    pub version: String,
}
