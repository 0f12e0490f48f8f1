//! Families: tables that an agency vets beforehand, and from which jobs are answered at once.

use axum::extract::State;
use axum::response::Response;

use super::asked::{Asked, Asking, Id, Told};
use super::pages::{Paging, page};
use super::problem;
use super::types::{FamilyPreview, FamilyView, Page, ProposeFamily};
use crate::node::{Caller, Node};

/// The families that the caller may see: their own agency's, and those of others that are vetted.
#[utoipa::path(get, path = "/v1/families", tag = "families", params(Paging),
    responses((status = 200, body = Page<FamilyView>)))]
pub async fn families(State(node): State<Node>, caller: Caller, Asking(paging): Asking<Paging>) -> Response {
    let list = node.families(&caller.actor);
    problem::ok(list.and_then(|items| page(items, &paging, |item: &FamilyView| &item.key)))
}

/// Proposes a family. Custodians, for their own agency's dataset.
#[utoipa::path(post, path = "/v1/families", tag = "families", request_body = ProposeFamily,
    responses((status = 201, body = FamilyView)))]
pub async fn propose(State(node): State<Node>, asked: Asked<ProposeFamily>) -> Response {
    problem::created(node.propose_family(&asked.caller.actor, asked.value, asked.once.as_ref()).await)
}

/// One family.
#[utoipa::path(get, path = "/v1/families/{key}", tag = "families", params(("key" = String, Path)),
    responses((status = 200, body = FamilyView)))]
pub async fn family(State(node): State<Node>, caller: Caller, Id(key): Id) -> Response {
    problem::ok(node.family(&caller.actor, &key))
}

/// What would be withheld if the family were vetted. Custodians and reviewers of its agency.
#[utoipa::path(get, path = "/v1/families/{key}/preview", tag = "families", params(("key" = String, Path)),
    responses((status = 200, body = FamilyPreview)))]
pub async fn preview(State(node): State<Node>, caller: Caller, Id(key): Id) -> Response {
    problem::ok(node.preview_family(&caller.actor, &key).await)
}

/// Vets a family; the second person's word seals it. Custodians and reviewers of its agency, but not who proposed it.
#[utoipa::path(post, path = "/v1/families/{key}/vet", tag = "families", params(("key" = String, Path)),
    responses((status = 200, body = FamilyView)))]
pub async fn vet(State(node): State<Node>, Id(key): Id, told: Told) -> Response {
    problem::ok(node.vet_family(&told.caller.actor, &key, told.once.as_ref()).await)
}

/// Withdraws a family: nothing is answered from it any more. Custodians of its agency.
#[utoipa::path(post, path = "/v1/families/{key}/withdraw", tag = "families", params(("key" = String, Path)),
    responses((status = 200, body = FamilyView)))]
pub async fn withdraw(State(node): State<Node>, Id(key): Id, told: Told) -> Response {
    problem::ok(node.withdraw_family(&told.caller.actor, &key, told.once.as_ref()).await)
}
