//! Modules.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::asked::{Asking, Id, Sent, Told};
use super::pages::{Paging, page};
use super::problem;
use super::types::{Binary, ModuleView, Page};
use crate::node::{Caller, Done, Node};

/// What is said of a module.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Saying {
    /// What it does, in its author's words.
    #[serde(default)]
    statement: String,
}

/// A page. Two organisations may have submitted the same bytes, so a digest alone names no place in the list.
fn named(items: Vec<ModuleView>, paging: &Paging) -> Done<Page<ModuleView>> {
    let named = items.into_iter().map(|item| (format!("{}/{}", item.organisation, item.digest), item)).collect();
    let Page { items, next } = page(named, paging, |(name, _): &(String, ModuleView)| name)?;
    Ok(Page { items: items.into_iter().map(|(_, item)| item).collect(), next })
}

/// The modules that the caller may see.
#[utoipa::path(get, path = "/v1/modules", tag = "modules", params(Paging),
    responses((status = 200, body = Page<ModuleView>)))]
pub async fn modules(State(node): State<Node>, caller: Caller, Asking(paging): Asking<Paging>) -> Response {
    problem::ok(node.modules(&caller.actor).and_then(|items| named(items, &paging)))
}

/// Submits a module: it is examined and compiled, and not run. Operators.
#[utoipa::path(post, path = "/v1/modules", tag = "modules", params(Saying),
    request_body(content = inline(Binary), content_type = "application/wasm"),
    responses((status = 201, body = ModuleView)))]
pub async fn submit(State(node): State<Node>, Asking(saying): Asking<Saying>, sent: Sent) -> Response {
    let actor = sent.caller.actor.clone();
    if let Err(stop) = node.may_submit_module(&actor) {
        return problem::stop(&stop);
    }
    match sent.whole(&node, node.settings().limits.module_bytes_max).await {
        Ok((wasm, once)) => problem::created(node.submit_module(&actor, wasm, saying.statement, once.as_ref()).await),
        Err(rejection) => *rejection,
    }
}

/// One module; where several organisations submitted the same bytes, the first that isn't revoked.
#[utoipa::path(get, path = "/v1/modules/{digest}", tag = "modules", params(("digest" = String, Path)),
    responses((status = 200, body = ModuleView)))]
pub async fn module(State(node): State<Node>, caller: Caller, Id(digest): Id) -> Response {
    problem::ok(node.module(&caller.actor, &digest))
}

/// Revokes a module, of whomever the caller sees it: it may not run, and its jobs stop. Custodians and regulators.
#[utoipa::path(post, path = "/v1/modules/{digest}/revoke", tag = "modules", params(("digest" = String, Path)),
    responses((status = 200, body = ModuleView)))]
pub async fn revoke(State(node): State<Node>, Id(digest): Id, told: Told) -> Response {
    problem::ok(node.revoke_module(&told.caller.actor, &digest, told.once.as_ref()).await)
}
