//! Releases: their data, their SDC record, their receipt.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use sluice_ledger::Served;
use utoipa::IntoParams;

use super::asked::{Asking, Id};
use super::pages::{Paging, page};
use super::problem;
use super::types::{Binary, Page, ReleaseView};
use crate::node::{Caller, Done, Node};

/// In which format.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// `csv`, `parquet` or `arrow`.
    format: String,
}

/// The releases that the caller may see, oldest first.
#[utoipa::path(get, path = "/v1/releases", tag = "releases", params(Paging),
    responses((status = 200, body = Page<ReleaseView>)))]
pub async fn releases(State(node): State<Node>, caller: Caller, Asking(paging): Asking<Paging>) -> Response {
    let list = node.releases(&caller.actor);
    problem::ok(list.and_then(|items| page(items, &paging, |item: &ReleaseView| &item.id)))
}

/// One release.
#[utoipa::path(get, path = "/v1/releases/{id}", tag = "releases", params(("id" = String, Path)),
    responses((status = 200, body = ReleaseView)))]
pub async fn release(State(node): State<Node>, caller: Caller, Id(id): Id) -> Response {
    problem::ok(node.release(&caller.actor, &id))
}

/// A release's data. That it was fetched goes on record. Operators.
#[utoipa::path(get, path = "/v1/releases/{id}/data", tag = "releases", params(("id" = String, Path), Wanted),
    responses((status = 200, body = inline(Binary), content_type = "application/octet-stream")))]
pub async fn data(State(node): State<Node>, caller: Caller, Id(id): Id, Asking(wanted): Asking<Wanted>) -> Response {
    bytes(&id, node.fetch(&caller.actor, &id, &wanted.format).await)
}

/// A release's SDC record: how its table was protected.
#[utoipa::path(get, path = "/v1/releases/{id}/record", tag = "releases", params(("id" = String, Path)),
    responses((status = 200, body = Object, content_type = "application/json")))]
pub async fn record(State(node): State<Node>, caller: Caller, Id(id): Id) -> Response {
    bytes(&id, node.record(&caller.actor, &id).await)
}

/// A release's receipt, which verifies offline.
#[utoipa::path(get, path = "/v1/releases/{id}/receipt", tag = "releases", params(("id" = String, Path)),
    responses((status = 200, body = Object, content_type = "application/json")))]
pub async fn receipt(State(node): State<Node>, caller: Caller, Id(id): Id) -> Response {
    match node.receipt(&caller.actor, &id).await {
        Ok(receipt) => {
            (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], receipt.to_json()).into_response()
        }
        Err(stop) => problem::stop(&stop),
    }
}

fn bytes(id: &str, done: Done<Served>) -> Response {
    let served = match done {
        Ok(served) => served,
        Err(stop) => return problem::stop(&stop),
    };
    let (media, ending) = match served.format() {
        "csv" => ("text/csv; charset=utf-8; header=present", "csv"),
        "parquet" => ("application/vnd.apache.parquet", "parquet"),
        "arrow" => ("application/vnd.apache.arrow.file", "arrow"),
        _ => ("application/json", "json"),
    };
    let mut response = (StatusCode::OK, [(header::CONTENT_TYPE, media)], served.into_bytes()).into_response();
    // The id was found, so it has the form of one.
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{id}.{ending}\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    response
}
