//! What is asked: the caller, the body, the query, the key under which a request may be sent again. Everything that
//! axum could reject is mapped to a refusal with a fixed sentence.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use futures::StreamExt;
use serde::de::DeserializeOwned;
use sluice_domain::refusal::{Code, Refusal};

use super::problem;
use crate::node::{Caller, Done, Node, Once, Stop, Upload};

/// The header with the key under which a request may be sent again.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
const KEY_BYTES_MAX: usize = 200;
/// How much of what a reader of JSON says is told.
const WHY_BYTES_MAX: usize = 300;

/// A response that ends the request early.
pub type Rejection = Box<Response>;

fn rejected(code: Code, detail: impl Into<String>) -> Rejection {
    Box::new(problem::refusal(&Refusal::with(code, detail)))
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Caller, Response> {
        let caller = parts.extensions.get::<Caller>().cloned();
        caller.ok_or_else(|| problem::refusal(&Refusal::of(Code::Unauthenticated)))
    }
}

/// A name or an identifier in the path.
pub struct Id(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Id, Response> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(id)) => Ok(Id(id)),
            Err(_) => Err(problem::refusal(&Refusal::of(Code::NotFound))),
        }
    }
}

/// A query.
pub struct Asking<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Asking<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Asking<T>, Response> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(query)) => Ok(Asking(query)),
            Err(error) => Err(*rejected(Code::Malformed, format!("the query: {}", plain(&error.body_text())))),
        }
    }
}

/// A request with a body of JSON.
pub struct Asked<T> {
    /// Who asks.
    pub caller: Caller,
    /// What.
    pub value: T,
    /// The key under which it may be sent again.
    pub once: Option<Once>,
}

impl<T: DeserializeOwned> FromRequest<Node> for Asked<T> {
    type Rejection = Response;

    async fn from_request(request: Request, node: &Node) -> Result<Asked<T>, Response> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, node).await?;
        let body = bytes(body, node.settings().body_bytes_max).await.map_err(|response| *response)?;
        still(node, &caller).map_err(|refusal| problem::refusal(&refusal))?;
        let value = serde_json::from_slice(&body)
            .map_err(|error| *rejected(Code::Malformed, format!("the body: {}", plain(&error.to_string()))))?;
        let once = once(node, &caller, &parts.headers, &what(&parts.method, &parts.uri), &body).map_err(|r| *r)?;
        Ok(Asked { caller, value, once })
    }
}

/// A request to do something, whose body says nothing.
pub struct Told {
    /// Who asks.
    pub caller: Caller,
    /// The key under which it may be sent again.
    pub once: Option<Once>,
}

impl FromRequest<Node> for Told {
    type Rejection = Response;

    async fn from_request(request: Request, node: &Node) -> Result<Told, Response> {
        let (mut parts, _) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, node).await?;
        let once = once(node, &caller, &parts.headers, &what(&parts.method, &parts.uri), b"").map_err(|r| *r)?;
        Ok(Told { caller, once })
    }
}

/// A request whose body is bytes; they are read only once the caller is known to be allowed to send them.
pub struct Sent {
    /// Who asks.
    pub caller: Caller,
    what: String,
    headers: HeaderMap,
    body: Body,
}

impl FromRequest<Node> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, node: &Node) -> Result<Sent, Response> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, node).await?;
        Ok(Sent { caller, what: what(&parts.method, &parts.uri), headers: parts.headers, body })
    }
}

impl Sent {
    /// All of the body, in memory.
    ///
    /// # Errors
    /// A body that is longer, or one that ends too early.
    pub async fn whole(self, node: &Node, bytes_max: usize) -> Result<(Vec<u8>, Option<Once>), Rejection> {
        let body = bytes(self.body, bytes_max).await?;
        still(node, &self.caller).map_err(|refusal| Box::new(problem::refusal(&refusal)))?;
        let once = once(node, &self.caller, &self.headers, &self.what, &body)?;
        Ok((body, once))
    }

    /// All of the body, in a file inside.
    ///
    /// # Errors
    /// A body that is longer than it may be, or one that ends too early.
    pub async fn kept(self, node: &Node) -> Done<(Upload, Option<Once>)> {
        let mut upload = node.upload().await?;
        let mut pieces = self.body.into_data_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|_| Stop::with(Code::Malformed, "the body ended too early"))?;
            upload.write(&piece).await?;
        }
        still(node, &self.caller)?;
        let digest = upload.finish().await?;
        let key = key(&self.headers).map_err(Stop::Refused)?;
        let once = key.map(|key| named(node, &self.caller, key, &self.what, digest.as_bytes()));
        Ok((upload, once))
    }
}

/// Whether the caller's token still lives: a body may take so long to come that it died meanwhile.
fn still(node: &Node, caller: &Caller) -> Result<(), Refusal> {
    node.caller(&caller.token).map(drop).ok_or_else(|| Refusal::of(Code::Unauthenticated))
}

fn what(method: &Method, uri: &Uri) -> String {
    format!("{method} {}", uri.path_and_query().map_or("/", |path| path.as_str()))
}

async fn bytes(body: Body, bytes_max: usize) -> Result<Vec<u8>, Rejection> {
    let mut read = Vec::new();
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| rejected(Code::Malformed, "the body ended too early"))?;
        if read.len().saturating_add(piece.len()) > bytes_max {
            return Err(rejected(Code::TooLarge, format!("the body may have {bytes_max} bytes")));
        }
        read.extend_from_slice(&piece);
    }
    Ok(read)
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let text = key.to_str().ok().filter(|key| !key.is_empty() && key.len() <= KEY_BYTES_MAX);
    let rule = "an idempotency key has between 1 and 200 printable ASCII characters";
    text.map(|key| Some(key.to_owned())).ok_or_else(|| Refusal::with(Code::Malformed, rule))
}

fn once(node: &Node, caller: &Caller, headers: &HeaderMap, what: &str, body: &[u8]) -> Result<Option<Once>, Rejection> {
    let key = key(headers).map_err(|refusal| Box::new(problem::refusal(&refusal)))?;
    Ok(key.map(|key| named(node, caller, key, what, body)))
}

fn named(node: &Node, caller: &Caller, key: String, what: &str, body: &[u8]) -> Once {
    let role = caller.actor.role.map_or("none", sluice_domain::people::Role::as_str);
    let actor = format!("{}/{role}", caller.actor.person);
    let request = node.request_digest(&[what.as_bytes(), b"\n", body].concat());
    Once { actor, key, request }
}

/// What a reader says of the caller's own text, cut and without control characters.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(WHY_BYTES_MAX).collect()
}
