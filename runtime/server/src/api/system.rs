//! The node itself: whether it lives, what it is, and the description of its API.

use std::sync::OnceLock;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sluice_domain::refusal::{Code, Refusal};

use super::problem;
use super::types::{Health, NodeView};
use crate::node::Node;

/// Whether the process lives.
#[utoipa::path(get, path = "/healthz", tag = "node", security(()), responses((status = 200, body = Health)))]
pub async fn healthz() -> Response {
    problem::ok(Ok(Health { status: "ok".to_owned() }))
}

/// Whether the node takes requests.
#[utoipa::path(get, path = "/readyz", tag = "node", security(()),
    responses((status = 200, body = Health)))]
pub async fn readyz(State(node): State<Node>) -> Response {
    if node.is_ready().await {
        return problem::ok(Ok(Health { status: "ok".to_owned() }));
    }
    problem::refusal(&Refusal::of(Code::Unavailable))
}

/// The API's description, OpenAPI 3.1.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "node", security(()),
    responses((status = 200, body = Object, content_type = "application/json")))]
pub async fn openapi_json() -> Response {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| super::openapi().to_json().unwrap_or_default());
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], text.as_str()).into_response()
}

/// What the node is: its ledger's name and key, and the fences that its kernel gives.
#[utoipa::path(get, path = "/v1/node", tag = "node", security(()), responses((status = 200, body = NodeView)))]
pub async fn node(State(node): State<Node>) -> Response {
    problem::ok(Ok(node.about()))
}
