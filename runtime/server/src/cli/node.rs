//! A client of a node: HTTP without TLS, since a node listens on loopback only.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sluice_server::api::types::Problem;
use ureq::http::Response;
use ureq::{Agent, AsSendBody, Body};

use super::failure::{Answer, Failure};

/// The longest JSON answer that is read.
const ANSWER_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// A node that answers.
pub struct Node {
    agent: Agent,
    base: String,
    token: Option<String>,
}

impl Node {
    /// A node at this address.
    pub fn at(base: String, token: Option<String>) -> Node {
        Node { agent: agent(), base, token }
    }

    /// The address.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Reads something.
    ///
    /// # Errors
    /// A refusal, or a node that fails or can't be reached.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Answer<T> {
        parsed(self.fetch(path)?)
    }

    /// Opens a stream of bytes.
    ///
    /// # Errors
    /// As [`Node::get`].
    pub fn open(&self, path: &str) -> Answer<impl Read + use<>> {
        Ok(self.fetch(path)?.into_body().into_with_config().limit(u64::MAX).reader())
    }

    /// Reads bytes whole.
    ///
    /// # Errors
    /// As [`Node::get`].
    pub fn bytes(&self, path: &str) -> Answer<Vec<u8>> {
        let body = self.fetch(path)?.into_body();
        body.into_with_config().limit(ANSWER_BYTES_MAX).read_to_vec().map_err(|error| self.unreachable(&error))
    }

    /// Asks for something to be done, with a body of JSON.
    ///
    /// # Errors
    /// As [`Node::get`].
    pub fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Answer<T> {
        let bytes = serde_json::to_vec(body).map_err(|error| Failure::Fault(error.to_string()))?;
        parsed(self.send(path, &[("content-type", "application/json")], &bytes)?)
    }

    /// Asks for something to be done, without a body.
    ///
    /// # Errors
    /// As [`Node::get`].
    pub fn act<T: DeserializeOwned>(&self, path: &str) -> Answer<T> {
        parsed(self.send(path, &[], &[][..])?)
    }

    /// Uploads bytes, once the node has said that it will take them.
    ///
    /// # Errors
    /// As [`Node::get`].
    pub fn upload<T: DeserializeOwned>(&self, path: &str, media: &str, body: impl AsSendBody) -> Answer<T> {
        parsed(self.send(path, &[("content-type", media), ("expect", "100-continue")], body)?)
    }

    fn fetch(&self, path: &str) -> Answer<Response<Body>> {
        let request = self.agent.get(self.url(path));
        let request = match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        };
        self.checked(request.call())
    }

    fn send(&self, path: &str, headers: &[(&str, &str)], body: impl AsSendBody) -> Answer<Response<Body>> {
        let request = self.agent.post(self.url(path)).header("idempotency-key", idempotency_key()?);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let request = match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        };
        self.checked(request.send(body))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn checked(&self, answer: Result<Response<Body>, ureq::Error>) -> Answer<Response<Body>> {
        let answer = answer.map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = answer.into_body().into_with_config().limit(1024 * 1024).read_to_vec().unwrap_or_default();
        let problem = serde_json::from_slice(&text).unwrap_or_else(|_| Problem {
            kind: "about:blank".to_owned(),
            title: format!("Something that isn't a Sluice node answered with status {status}."),
            status: status.as_u16(),
            code: "unknown".to_owned(),
            detail: None,
            incident: None,
        });
        Err(Failure::problem(problem))
    }

    fn unreachable(&self, error: &ureq::Error) -> Failure {
        Failure::Unreachable(format!("no node answers at {} ({error}); start one with `sluice serve`", self.base))
    }
}

fn parsed<T: DeserializeOwned>(answer: Response<Body>) -> Answer<T> {
    let unread = |error: ureq::Error| Failure::Fault(format!("failed to understand the node's answer: {error}"));
    answer.into_body().into_with_config().limit(ANSWER_BYTES_MAX).read_json().map_err(unread)
}

/// Loopback is never reached through a proxy, and nothing is waited for without an end but the node's own work.
fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .max_redirects(0)
        .timeout_connect(Some(Duration::from_secs(5)))
        .timeout_recv_response(Some(Duration::from_secs(3_600)))
        .user_agent(concat!("sluice/", env!("CARGO_PKG_VERSION")))
        .build();
    Agent::new_with_config(config)
}

fn idempotency_key() -> Answer<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Failure::Fault(format!("failed to draw random bytes: {error}")))?;
    Ok(hex::encode(bytes))
}

/// A piece of a path: what a person typed can't name another route.
pub fn piece(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Reads a file.
///
/// # Errors
/// [`Failure::Usage`] where it can't be read.
pub fn read_file(path: &Path) -> Answer<Vec<u8>> {
    std::fs::read(path).map_err(|error| Failure::file("read", path, &error))
}

/// Writes a file.
///
/// # Errors
/// [`Failure::Usage`] where it can't be written.
pub fn write_file(path: &Path, bytes: &[u8]) -> Answer {
    std::fs::write(path, bytes).map_err(|error| Failure::file("write", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_of_a_path_stays_one() {
        assert_eq!(piece("grant_0a"), "grant_0a");
        assert_eq!(piece("../tokens?x=1"), "..%2Ftokens%3Fx%3D1");
    }
}
