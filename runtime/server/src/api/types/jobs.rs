//! Jobs: what is asked, the little that operators see, and what those inside see besides.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sluice_domain::contract::Contract;
use sluice_domain::event::IncidentKind;
use sluice_domain::grade::Lane;
use sluice_domain::job::{JobState, Route, Visible};
use sluice_engine::ask::Plan;
use utoipa::ToSchema;

/// Asks for a job: a plan, or a module with its parameters.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitJob {
    /// The grant under which it runs.
    pub grant: String,
    /// `tabulate` or `report`.
    #[schema(value_type = String)]
    pub lane: Lane,
    /// SHA-256 of a module that was submitted; none for a job without a module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The module's parameters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// For a job without a module: the query and what is published of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub plan: Option<Plan>,
}

/// A job. Without `inside` this is all that an operator ever sees of it: nothing here depends on the data but
/// `state`, which changes only at the end of a slot, and what follows from it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct JobView {
    /// Its name.
    pub id: String,
    /// The grant under which it runs.
    pub grant: String,
    /// The organisation that asked.
    pub organisation: String,
    /// The person who asked.
    pub person: String,
    /// The lane.
    #[schema(value_type = String)]
    pub lane: Lane,
    /// The module's digest.
    pub module: Option<String>,
    /// The module's parameters.
    pub params: BTreeMap<String, String>,
    /// The contract, pinned.
    #[schema(value_type = Object)]
    pub contract: Contract,
    /// The contract's digest.
    pub contract_sha256: String,
    /// The snapshot of each dataset, pinned.
    pub snapshots: BTreeMap<String, String>,
    /// When it was admitted.
    pub admitted_at_ms: i64,
    /// The length of its slots.
    pub slot_ms: i64,
    /// For lane `report`: when it is shown as under review, whatever the run does.
    pub fixed_slot_at_ms: Option<i64>,
    /// How it comes out: looked up in a vetted family, or by people, and then which of its parts are outside.
    #[schema(value_type = Object)]
    pub route: Route,
    /// `accepted`, `under_review`, `released`, `not_released`, `changes_requested`, `cancelled` or `stopped`.
    #[schema(value_type = String)]
    pub state: Visible,
    /// Once people have decided: their reasons, as fixed sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// Once it is released: the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Where to go from here, by name.
    pub links: BTreeMap<String, String>,
    /// What only custodians, regulators and auditors see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<JobInside>,
}

/// What only those inside see of a job.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct JobInside {
    /// Where it really stands.
    #[schema(value_type = String)]
    pub state: JobState,
    /// Since when.
    pub state_at_ms: i64,
    /// Attempts, in order.
    pub attempts: Vec<AttemptView>,
    /// Attempts that failed as a whole.
    pub incidents: u32,
    /// Whether the node has stopped trying: a custodian looks at the log and can end it.
    pub waits_for_custodian: bool,
    /// The request that came of it.
    pub request: Option<String>,
}

/// An attempt.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AttemptView {
    /// Its number, from 1.
    pub attempt: u32,
    /// When it was started.
    pub started_at_ms: i64,
    /// The fences that were in force.
    pub protections: Vec<String>,
    /// How it failed as a whole, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub incident: Option<IncidentKind>,
    /// When it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_at_ms: Option<i64>,
}

/// One server-sent event of `GET /v1/jobs/{id}/events`: its name is `state`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobStateEvent {
    /// The job.
    pub job: String,
    /// What its operator sees now.
    #[schema(value_type = String)]
    pub state: Visible,
}

/// What came of running a job again, inside.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RerunAnswer {
    /// The job.
    pub job: String,
    /// Whether the output was the same, byte for byte.
    pub equal: bool,
}
