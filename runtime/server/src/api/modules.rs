//! Modules.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::asked::{Asking, Id, Sent, Told};
use super::pages::{Paging, page};
use super::problem;
use super::types::{Binary, ModuleView, Page};
use crate::node::{Caller, Node};

/// What is said of a module.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Saying {
    /// What it does, in its author's words.
    #[serde(default)]
    statement: String,
}

/// The modules that the caller may see.
#[utoipa::path(get, path = "/v1/modules", tag = "modules", params(Paging),
    responses((status = 200, body = Page<ModuleView>)))]
pub async fn modules(State(node): State<Node>, caller: Caller, Asking(paging): Asking<Paging>) -> Response {
    let list = node.modules(&caller.actor);
    problem::ok(list.and_then(|items| page(items, &paging, |item: &ModuleView| &item.digest)))
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

/// One module.
#[utoipa::path(get, path = "/v1/modules/{digest}", tag = "modules", params(("digest" = String, Path)),
    responses((status = 200, body = ModuleView)))]
pub async fn module(State(node): State<Node>, caller: Caller, Id(digest): Id) -> Response {
    problem::ok(node.module(&caller.actor, &digest))
}

/// Revokes a module: it may not run any more, and its jobs stop. Custodians and regulators.
#[utoipa::path(post, path = "/v1/modules/{digest}/revoke", tag = "modules", params(("digest" = String, Path)),
    responses((status = 200, body = ModuleView)))]
pub async fn revoke(State(node): State<Node>, Id(digest): Id, told: Told) -> Response {
    problem::ok(node.revoke_module(&told.caller.actor, &digest, told.once.as_ref()).await)
}
