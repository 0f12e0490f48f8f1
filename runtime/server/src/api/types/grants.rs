//! Grants and modules.

use serde::{Deserialize, Serialize};
use sluice_domain::grade::Lane;
use sluice_domain::grant::{GrantState, Signature, Terms};
use sluice_domain::module::ModuleState;
use utoipa::ToSchema;

/// Drafts a grant. It takes effect when every owning agency has signed it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftGrant {
    /// What it says.
    #[schema(value_type = Object)]
    pub terms: Terms,
}

/// A grant.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GrantView {
    /// Its name.
    pub id: String,
    /// `draft`, `in_force`, `suspended` or `revoked`.
    #[schema(value_type = String)]
    pub state: GrantState,
    /// Whether jobs may be submitted under it now.
    pub in_force: bool,
    /// What it says.
    #[schema(value_type = Object)]
    pub terms: Terms,
    /// The agencies that own the data, each of which must sign.
    pub owners: Vec<String>,
    /// Who drafted it.
    pub drafted_by: String,
    /// The signatures so far.
    #[schema(value_type = Vec<Object>)]
    pub signatures: Vec<Signature>,
    /// The organisations that have paused it; each ends its own pause.
    pub suspended_by: Vec<String>,
    /// Jobs admitted so far.
    pub jobs_admitted: u32,
    /// Bits charged to `report` so far.
    pub report_bits: u64,
}

/// A module.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ModuleView {
    /// SHA-256 of its bytes.
    pub digest: String,
    /// The lane whose world it exports.
    #[schema(value_type = String)]
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
    /// For which organisation it was submitted.
    pub organisation: String,
    /// When.
    pub submitted_at_ms: i64,
    /// `accepted`, or `revoked` by an authority.
    #[schema(value_type = String)]
    pub state: ModuleState,
    /// The agencies on whose data it may not run any more.
    pub revoked_by: Vec<String>,
}
