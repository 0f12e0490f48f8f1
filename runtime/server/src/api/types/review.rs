//! Requests, votes and releases.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sluice_disclosure::ReviewView;
use sluice_domain::contract::Contract;
use sluice_domain::exception::{ExceptionMark, RuleName};
use sluice_domain::grade::Lane;
use sluice_domain::grant::Tightening;
use sluice_domain::release::Basis;
use sluice_domain::review::{Reason, RequestState, Verdict};
use utoipa::ToSchema;

/// A request that a candidate be let out. People's own words in it stay inside.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct RequestView {
    /// Its name.
    pub id: String,
    /// The job whose candidate it is.
    pub job: String,
    /// The grant.
    pub grant: String,
    /// The lane.
    #[schema(value_type = String)]
    pub lane: Lane,
    /// The module's digest.
    pub module: Option<String>,
    /// The organisation that asked.
    pub organisation: String,
    /// The agencies whose reviewers decide.
    pub owners: Vec<String>,
    /// `voting`, `conflicted`, `approved`, `changes_requested`, `rejected` or `closed`.
    #[schema(value_type = String)]
    pub state: RequestState,
    /// Stricter rules than the grant's, `threshold` and `rounding`, where a custodian had it tightened.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub tightening: Tightening,
    /// Looser rules that people of the owning agencies asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<ExceptionView>,
    /// Counts up when the candidate or its assessment changes; the votes before that are void.
    pub round: u32,
    /// Reviewers who must agree.
    pub reviewers: u32,
    /// Whether the caller has voted in this round.
    pub voted: bool,
    /// Votes that the caller may see: their own until all have voted.
    pub votes: Vec<VoteView>,
    /// Keyed commitment to the candidate, in hexadecimal.
    pub candidate: String,
    /// Keyed commitment to the assessment, in hexadecimal.
    pub assessment: String,
}

/// An exception: one rule that is looser for this request, once two people of each owning agency have asked for it.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ExceptionView {
    /// The rule, as in the record of a release.
    #[schema(value_type = Object)]
    pub rule: RuleName,
    /// The number that is to hold instead.
    pub asked: u64,
    /// Whether it holds: enough people have asked for it.
    pub in_force: bool,
    /// Who has asked for it.
    pub by: Vec<BackerView>,
}

/// Somebody who asks for an exception.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct BackerView {
    /// Who.
    pub person: String,
    /// Of which agency.
    pub agency: String,
    /// When.
    pub at_ms: i64,
    /// Why, in their own words: for people of the owning agencies who ask for this one request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A candidate, as a reviewer sees it. Everything in it stays inside.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct CandidateView {
    /// The request.
    pub request: String,
    /// The job.
    pub job: String,
    /// The round: hand it back with the vote.
    pub round: u32,
    /// What it is a candidate for.
    pub purpose: String,
    /// The contract.
    #[schema(value_type = Object)]
    pub contract: Contract,
    /// What the module does, in its author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// Inner cells in all; `cells` holds those that were asked for.
    pub cells_total: u64,
    /// True counts beside what would be published, with the findings.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub view: ReviewView,
}

/// A vote.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct VoteView {
    /// Who.
    pub person: String,
    /// Of which agency.
    pub agency: String,
    /// `approve`, `request_changes` or `reject`.
    #[schema(value_type = String)]
    pub verdict: Verdict,
    /// Why, from the closed list.
    #[schema(value_type = String)]
    pub reason: Reason,
    /// When.
    pub at_ms: i64,
}

/// Casts a vote.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CastVote {
    /// `approve`, `request_changes` or `reject`.
    #[schema(value_type = String)]
    pub verdict: Verdict,
    /// `fits`, `coarser_codes`, `fewer_margins`, `outside_purpose`, `disclosure_risk` or `unexplained`.
    #[schema(value_type = String)]
    pub reason: Reason,
    /// The reviewer's own words. They stay inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The round that the reviewer looked at, the first where it is left out: the vote is refused if the candidate or
    /// its assessment has changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<u32>,
}

/// Stricter rules for a candidate that waits for its reviewers. What is left out stays as it is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TightenRequest {
    /// Distinct subjects that a cell needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<u64>,
    /// Rounding base of counts and sums.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounding: Option<u64>,
}

/// Asks for an exception: one rule that is to be looser for this request.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskException {
    /// `threshold`, `rounding_base`, `p_percent`, `prior_posterior`, `class_group`, `degrees_of_freedom`, `difference`,
    /// or `{"dominance": {"n": 1}}`.
    #[schema(value_type = Object)]
    pub rule: RuleName,
    /// The number that is to hold instead: whoever confirms an exception asks for the same.
    pub asked: u64,
    /// Why, in one's own words. They stay inside.
    pub reason: String,
}

/// A release.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ReleaseView {
    /// Its name.
    pub id: String,
    /// The job.
    pub job: String,
    /// The grant.
    pub grant: String,
    /// The organisation that may fetch it.
    pub organisation: String,
    /// The lane, and so the kind of evidence.
    #[schema(value_type = String)]
    pub lane: Lane,
    /// The module's digest.
    pub module: Option<String>,
    /// The contract's digest.
    pub contract_sha256: String,
    /// The snapshots that it was made from.
    pub snapshots: BTreeMap<String, String>,
    /// What let it out: people, or a vetted family.
    #[schema(value_type = Object)]
    pub basis: Basis,
    /// The rules that were loosened for it, each with the number that held instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub exceptions: Vec<ExceptionMark>,
    /// The bytes that left, by format.
    pub artefacts: Vec<ArtefactView>,
    /// When it was sealed.
    pub sealed_at_ms: i64,
    /// Where to go from here, by name.
    pub links: BTreeMap<String, String>,
}

/// The bytes of a release in one format.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ArtefactView {
    /// `csv`, `parquet`, `arrow` or `record`.
    pub format: String,
    /// SHA-256 of the bytes.
    pub sha256: String,
    /// Their length.
    pub bytes: u64,
}
