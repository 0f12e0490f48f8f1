//! The API: `/v1` over HTTP, a file for each group of routes. It knows HTTP and nothing else; what is done is in
//! [`crate::node`].
//!
//! # Guarantees
//! - Every answer that isn't a success is `application/problem+json` with a fixed sentence, also where axum would say
//!   something of its own. A fault is an opaque name.
//! - The routes and their description come from the same list, so a route that isn't described can't be served.
//! - Bodies, time and the number of requests are bounded on every route.
//!
//! # Does not guarantee
//! Confidentiality on the wire: the node binds to loopback only.

mod asked;
mod catalogue;
mod describe;
mod events;
mod families;
mod grants;
mod jobs;
mod layers;
mod ledger;
mod modules;
mod pages;
mod people;
mod problem;
mod rate;
mod releases;
mod review;
mod system;
pub mod types;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::node::Node;
use layers::{Gate, finish, gate, no_method, no_route, within};
use rate::Rate;

/// Routes whose answers come at once.
fn short() -> OpenApiRouter<Node> {
    OpenApiRouter::new()
        .routes(routes!(system::healthz))
        .routes(routes!(system::readyz))
        .routes(routes!(system::openapi_json))
        .routes(routes!(system::node))
        .routes(routes!(people::me))
        .routes(routes!(people::add_organisation))
        .routes(routes!(people::add_person))
        .routes(routes!(people::tokens, people::issue_token))
        .routes(routes!(people::revoke_token))
        .routes(routes!(catalogue::datasets, catalogue::register))
        .routes(routes!(catalogue::dataset))
        .routes(routes!(families::families, families::propose))
        .routes(routes!(families::family))
        .routes(routes!(families::withdraw))
        .routes(routes!(grants::grants, grants::draft))
        .routes(routes!(grants::grant))
        .routes(routes!(grants::sign))
        .routes(routes!(grants::suspend))
        .routes(routes!(grants::resume))
        .routes(routes!(grants::revoke))
        .routes(routes!(modules::module))
        .routes(routes!(modules::revoke))
        .routes(routes!(jobs::job))
        .routes(routes!(jobs::cancel))
        .routes(routes!(jobs::end))
        .routes(routes!(review::requests))
        .routes(routes!(review::request))
        .routes(routes!(releases::releases))
        .routes(routes!(releases::release))
        .routes(routes!(releases::receipt))
        .routes(routes!(ledger::checkpoint))
}

/// Routes that take bytes in, compute, or hand many bytes out.
fn long() -> OpenApiRouter<Node> {
    OpenApiRouter::new()
        .routes(routes!(catalogue::draft))
        .routes(routes!(catalogue::snapshots, catalogue::seal))
        .routes(routes!(families::preview))
        .routes(routes!(families::vet))
        .routes(routes!(modules::modules, modules::submit))
        .routes(routes!(jobs::jobs, jobs::submit))
        .routes(routes!(jobs::rerun))
        .routes(routes!(review::candidate))
        .routes(routes!(review::vote))
        .routes(routes!(review::tighten))
        .routes(routes!(review::ask_exception))
        .routes(routes!(releases::data))
        .routes(routes!(releases::record))
        .routes(routes!(ledger::export))
        .routes(routes!(events::events))
}

/// The API's description, OpenAPI 3.1.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    describe::complete(OpenApiRouter::with_openapi(describe::start()).merge(short()).merge(long()).into_openapi())
}

/// All routes with all their layers.
pub fn router(node: &Node) -> Router {
    let settings = node.settings();
    let rate = Rate::new(settings.token_requests_per_minute, settings.address_requests_per_minute);
    let gate_state = Gate { node: node.clone(), rate: Arc::new(rate) };
    let (short_ms, long_ms) = (settings.request_ms_max, settings.long_request_ms_max);
    let bounded = |routes: OpenApiRouter<Node>, ms: u64| {
        let (routes, _) = routes.split_for_parts();
        routes.layer(from_fn_with_state(Duration::from_millis(ms), within))
    };
    bounded(short(), short_ms)
        .merge(bounded(long(), long_ms))
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(from_fn_with_state(gate_state, gate))
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| problem::panicked()))
        .layer(from_fn(finish))
        .with_state(node.clone())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_description_is_complete() {
        let text = super::openapi().to_json().expect("it can be written");
        let value: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(value["openapi"], "3.1.0");
        let paths = value["paths"].as_object().expect("there are paths");
        assert!(paths.keys().all(|path| path.starts_with("/v1/") || path == "/healthz" || path == "/readyz"));
        let text_of = |operation: &serde_json::Value| operation["operationId"].to_string();
        let named: Vec<String> =
            paths.values().flat_map(|item| item.as_object()).flatten().map(|(_, o)| text_of(o)).collect();
        let distinct: std::collections::BTreeSet<&String> = named.iter().collect();
        assert_eq!(distinct.len(), named.len(), "{named:?}");
        let operations: usize = paths.values().map(|item| item.as_object().map_or(0, serde_json::Map::len)).sum();
        assert_eq!(operations, 53, "{:?}", paths.keys());
    }
}
