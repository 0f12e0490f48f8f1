//! Requests, candidates and votes.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::asked::{Asked, Asking, Id};
use super::pages::{Paging, page};
use super::problem;
use super::types::{AskException, CandidateView, CastVote, Page, RequestView, TightenRequest};
use crate::node::{Caller, Node};

/// Inner cells that are shown at once, when nothing is said.
const CELLS: usize = 10_000;
const CELLS_MAX: usize = 100_000;

/// Which of a candidate's inner cells.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Cells {
    /// The first one, from 0.
    #[serde(default)]
    from: usize,
    /// How many; 10000 where it is left out.
    limit: Option<usize>,
}

/// The requests that the caller may see. Reviewers and custodians of the owning agencies, regulators, auditors.
#[utoipa::path(get, path = "/v1/requests", tag = "review", params(Paging),
    responses((status = 200, body = Page<RequestView>)))]
pub async fn requests(State(node): State<Node>, caller: Caller, Asking(paging): Asking<Paging>) -> Response {
    let list = node.requests(&caller.actor);
    problem::ok(list.and_then(|items| page(items, &paging, |item: &RequestView| &item.id)))
}

/// One request, with the votes that the caller may see; for people of the owning agencies with the reasons for which
/// exceptions were asked for.
#[utoipa::path(get, path = "/v1/requests/{id}", tag = "review", params(("id" = String, Path)),
    responses((status = 200, body = RequestView)))]
pub async fn request(State(node): State<Node>, caller: Caller, Id(id): Id) -> Response {
    problem::ok(node.request(&caller.actor, &id).await)
}

/// A candidate, with what is true beside what would be published. That it was looked at goes on record. Reviewers.
#[utoipa::path(get, path = "/v1/requests/{id}/candidate", tag = "review", params(("id" = String, Path), Cells),
    responses((status = 200, body = CandidateView)))]
pub async fn candidate(State(node): State<Node>, caller: Caller, Id(id): Id, Asking(cells): Asking<Cells>) -> Response {
    let limit = cells.limit.unwrap_or(CELLS).min(CELLS_MAX);
    problem::ok(node.candidate(&caller.actor, &id, cells.from, limit).await)
}

/// Casts a vote. The one that decides for the candidate seals the release. Reviewers, each once.
#[utoipa::path(post, path = "/v1/requests/{id}/votes", tag = "review", request_body = CastVote,
    params(("id" = String, Path)),
    responses((status = 201, body = RequestView)))]
pub async fn vote(State(node): State<Node>, Id(id): Id, asked: Asked<CastVote>) -> Response {
    problem::created(node.vote(&asked.caller.actor, &id, asked.value, asked.once.as_ref()).await)
}

/// Has a candidate assessed again under stricter rules, as long as nothing is decided. The votes so far are void, and
/// the round counts up. Custodians of the owning agencies.
#[utoipa::path(post, path = "/v1/requests/{id}/tighten", tag = "review", request_body = TightenRequest,
    params(("id" = String, Path)),
    responses((status = 200, body = RequestView)))]
pub async fn tighten(State(node): State<Node>, Id(id): Id, asked: Asked<TightenRequest>) -> Response {
    problem::ok(node.tighten(&asked.caller.actor, &id, &asked.value, asked.once.as_ref()).await)
}

/// Asks for an exception. Once two people of each owning agency have asked for the same, the candidate is assessed again
/// under the looser rule, the votes so far are void, and the round counts up. Whoever asked for what holds has no vote.
/// Custodians and reviewers of the owning agencies.
#[utoipa::path(post, path = "/v1/requests/{id}/exceptions", tag = "review", request_body = AskException,
    params(("id" = String, Path)),
    responses((status = 201, body = RequestView)))]
pub async fn ask_exception(State(node): State<Node>, Id(id): Id, asked: Asked<AskException>) -> Response {
    problem::created(node.ask_exception(&asked.caller.actor, &id, asked.value, asked.once.as_ref()).await)
}
