//! Grants.

use axum::extract::State;
use axum::response::Response;

use super::asked::{Asked, Asking, Id, Told};
use super::pages::{Paging, page};
use super::problem;
use super::types::{DraftGrant, GrantView, Page};
use crate::node::{Caller, Node};

/// The grants that the caller may see.
#[utoipa::path(get, path = "/v1/grants", tag = "grants", params(Paging),
    responses((status = 200, body = Page<GrantView>)))]
pub async fn grants(State(node): State<Node>, caller: Caller, Asking(paging): Asking<Paging>) -> Response {
    let list = node.grants(&caller.actor);
    problem::ok(list.and_then(|items| page(items, &paging, |item: &GrantView| &item.id)))
}

/// Drafts a grant. Custodians of an agency that owns some of the data.
#[utoipa::path(post, path = "/v1/grants", tag = "grants", request_body = DraftGrant,
    responses((status = 201, body = GrantView)))]
pub async fn draft(State(node): State<Node>, asked: Asked<DraftGrant>) -> Response {
    problem::created(node.draft_grant(&asked.caller.actor, asked.value, asked.once.as_ref()).await)
}

/// One grant.
#[utoipa::path(get, path = "/v1/grants/{id}", tag = "grants", params(("id" = String, Path)),
    responses((status = 200, body = GrantView)))]
pub async fn grant(State(node): State<Node>, caller: Caller, Id(id): Id) -> Response {
    problem::ok(node.grant(&caller.actor, &id))
}

/// Signs a grant for the caller's agency. Custodians, each once.
#[utoipa::path(post, path = "/v1/grants/{id}/sign", tag = "grants", params(("id" = String, Path)),
    responses((status = 200, body = GrantView)))]
pub async fn sign(State(node): State<Node>, Id(id): Id, told: Told) -> Response {
    problem::ok(node.sign_grant(&told.caller.actor, &id, told.once.as_ref()).await)
}

/// Pauses a grant: its jobs stop, its requests are frozen. Custodians and regulators, for their organisation.
#[utoipa::path(post, path = "/v1/grants/{id}/suspend", tag = "grants", params(("id" = String, Path)),
    responses((status = 200, body = GrantView)))]
pub async fn suspend(State(node): State<Node>, Id(id): Id, told: Told) -> Response {
    problem::ok(node.suspend_grant(&told.caller.actor, &id, told.once.as_ref()).await)
}

/// Ends the pause that the caller's organisation made, and no other's. Custodians and regulators.
#[utoipa::path(post, path = "/v1/grants/{id}/resume", tag = "grants", params(("id" = String, Path)),
    responses((status = 200, body = GrantView)))]
pub async fn resume(State(node): State<Node>, Id(id): Id, told: Told) -> Response {
    problem::ok(node.resume_grant(&told.caller.actor, &id, told.once.as_ref()).await)
}

/// Ends a grant for good: its jobs stop, its requests are frozen. Custodians and regulators.
#[utoipa::path(post, path = "/v1/grants/{id}/revoke", tag = "grants", params(("id" = String, Path)),
    responses((status = 200, body = GrantView)))]
pub async fn revoke(State(node): State<Node>, Id(id): Id, told: Told) -> Response {
    problem::ok(node.revoke_grant(&told.caller.actor, &id, told.once.as_ref()).await)
}
