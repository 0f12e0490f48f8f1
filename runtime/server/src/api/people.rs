//! Organisations, people and tokens.

use axum::extract::State;
use axum::response::Response;

use super::asked::{Asked, Asking, Id, Told};
use super::pages::{Paging, page};
use super::problem;
use super::types::{
    AddOrganisation, AddPerson, IssueToken, IssuedToken, Me, OrganisationView, Page, PersonView, TokenView,
};
use crate::node::{Caller, Node};

/// Who the caller is.
#[utoipa::path(get, path = "/v1/me", tag = "people",
    responses((status = 200, body = Me)))]
pub async fn me(State(node): State<Node>, caller: Caller) -> Response {
    problem::ok(node.me(&caller))
}

/// Adds an organisation. Administrators.
#[utoipa::path(post, path = "/v1/organisations", tag = "people", request_body = AddOrganisation,
    responses((status = 201, body = OrganisationView)))]
pub async fn add_organisation(State(node): State<Node>, asked: Asked<AddOrganisation>) -> Response {
    problem::created(node.add_organisation(&asked.caller.actor, asked.value, asked.once.as_ref()).await)
}

/// Adds a person. Administrators.
#[utoipa::path(post, path = "/v1/people", tag = "people", request_body = AddPerson,
    responses((status = 201, body = PersonView)))]
pub async fn add_person(State(node): State<Node>, asked: Asked<AddPerson>) -> Response {
    problem::created(node.add_person(&asked.caller.actor, asked.value, asked.once.as_ref()).await)
}

/// All tokens, dead ones among them, in the order of their people; no secret is shown, nor its digest. Administrators.
#[utoipa::path(get, path = "/v1/tokens", tag = "people", params(Paging),
    responses((status = 200, body = Page<TokenView>)))]
pub async fn tokens(State(node): State<Node>, caller: Caller, Asking(paging): Asking<Paging>) -> Response {
    let list = node.tokens(&caller.actor);
    problem::ok(list.and_then(|items| page(items, &paging, |item: &TokenView| &item.id)))
}

/// Issues a token, whose secret is shown this once. Administrators.
#[utoipa::path(post, path = "/v1/tokens", tag = "people", request_body = IssueToken,
    responses((status = 201, body = IssuedToken)))]
pub async fn issue_token(State(node): State<Node>, asked: Asked<IssueToken>) -> Response {
    problem::created(node.issue_token(&asked.caller.actor, asked.value, asked.once.as_ref()).await)
}

/// Revokes a token. Administrators.
#[utoipa::path(post, path = "/v1/tokens/{id}/revoke", tag = "people", params(("id" = String, Path)),
    responses((status = 200, body = TokenView)))]
pub async fn revoke_token(State(node): State<Node>, Id(id): Id, told: Told) -> Response {
    problem::ok(node.revoke_token(&told.caller.actor, &id, told.once.as_ref()).await)
}
