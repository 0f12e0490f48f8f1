//! What every request passes: who is it, how often, how long, and what every answer carries.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use sluice_domain::refusal::{Code, Refusal};

use super::problem;
use super::rate::{Key, Rate};
use crate::node::Node;

/// What the gate needs.
#[derive(Clone)]
pub struct Gate {
    /// The node.
    pub node: Node,
    /// The buckets.
    pub rate: Arc<Rate>,
}

/// The secret of a bearer token.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

/// Finds out who asks, once, and whether they may ask so often. A request with a dead token is one without.
pub async fn gate(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let caller = bearer(request.headers()).and_then(|secret| gate.node.authenticate(secret));
    let key = match &caller {
        Some(caller) => Key::Token(caller.token.clone()),
        None => Key::Address(address(&request)),
    };
    if !gate.rate.admits(&key, Instant::now()) {
        return problem::refusal(&Refusal::of(Code::TooMany));
    }
    if let Some(caller) = caller {
        request.extensions_mut().insert(caller);
    }
    next.run(request).await
}

fn address(request: &Request) -> IpAddr {
    let connected = request.extensions().get::<ConnectInfo<SocketAddr>>();
    connected.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip())
}

/// Ends a request that takes too long. What it had begun to write is finished or not there.
pub async fn within(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => problem::refusal(&Refusal::with(Code::Unavailable, "the request took too long")),
    }
}

/// Headers that every answer has: nothing is kept by a cache, guessed at, framed or run.
pub async fn finish(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (status, route) = (u64::from(response.status().as_u16()), route.as_deref().unwrap_or("none"));
    tracing::debug!(method = method.as_str(), route, status, elapsed_ms, "a request");
    response
}

/// There is no such route.
pub async fn no_route() -> Response {
    problem::refusal(&Refusal::with(Code::NotFound, "there is no such route; GET /v1/openapi.json lists them"))
}

/// The route doesn't take that method.
pub async fn no_method() -> Response {
    let refusal = Refusal::with(Code::Malformed, "this route doesn't take that method");
    problem::refusal_with(&refusal, StatusCode::METHOD_NOT_ALLOWED)
}
