//! A client of a node, as blunt as a hostile one: it sends what it is told to, and reads whatever comes back.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use serde_json::Value;
use sluice_domain::refusal::Code;
use ureq::Agent;
use ureq::http::{HeaderMap, Request};

use super::node::now_ms;

/// No answer takes longer, and no stream.
const PATIENCE: Duration = Duration::from_secs(240);

/// Somebody with a token, or nobody.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    base: String,
    secret: Option<String>,
}

/// What came back.
pub struct Reply {
    /// What was asked, for messages.
    asked: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Client {
    /// A client of the node at `base`.
    pub fn new(base: &str, secret: Option<String>) -> Client {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .max_redirects(0)
            .timeout_global(Some(PATIENCE))
            .build();
        Client { agent: Agent::new_with_config(config), base: base.to_owned(), secret }
    }

    /// Sends anything.
    pub fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Reply {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(secret) = &self.secret {
            request = request.header("authorization", format!("Bearer {secret}"));
        }
        request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answered = match body {
            Some(body) => self.agent.run(request.body(body).unwrap()),
            None => self.agent.run(request.body(()).unwrap()),
        };
        let asked = format!("{method} {path}");
        let response = answered.unwrap_or_else(|error| panic!("{asked}: {error}"));
        let (parts, body) = response.into_parts();
        let body = body.into_with_config().limit(1 << 30).read_to_vec();
        let body = body.unwrap_or_else(|error| panic!("{asked}: {error}"));
        Reply { asked, status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// Reads.
    pub fn get(&self, path: &str) -> Reply {
        self.call("GET", path, &[], None)
    }

    /// Sends JSON.
    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.call("POST", path, &[("content-type", "application/json")], Some(body.to_string().as_bytes()))
    }

    /// Asks for something that needs no body.
    pub fn act(&self, path: &str) -> Reply {
        self.call("POST", path, &[], Some(&[]))
    }

    /// Sends bytes.
    pub fn send(&self, path: &str, body: &[u8]) -> Reply {
        self.call("POST", path, &[("content-type", "application/octet-stream")], Some(body))
    }

    /// The states of a job as its stream tells them, each with the time of its arrival, until `enough`.
    pub fn states(&self, job: &str, enough: impl Fn(&str) -> bool) -> Vec<(String, i64)> {
        let url = format!("{}/v1/jobs/{job}/events", self.base);
        let secret = self.secret.clone().unwrap_or_default();
        let response = self.agent.get(url).header("authorization", format!("Bearer {secret}")).call().unwrap();
        let mut lines = BufReader::new(response.into_body().into_reader());
        let mut states = Vec::new();
        let mut line = String::new();
        while lines.read_line(&mut line).expect("the stream goes on") > 0 {
            if let Some(data) = line.strip_prefix("data:") {
                let event: Value = serde_json::from_str(data.trim()).expect("an event is JSON");
                assert_eq!(event["job"], job, "a stream tells of its own job");
                let state = event["state"].as_str().expect("a state").to_owned();
                states.push((state.clone(), now_ms()));
                if enough(&state) {
                    break;
                }
            }
            line.clear();
        }
        states
    }
}

impl Reply {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}: not JSON: {}", self.asked, self.text()))
    }

    /// The media type.
    pub fn media(&self) -> &str {
        self.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body of a success.
    pub fn ok(&self) -> Value {
        assert!((200..300).contains(&self.status), "{}: {} {}", self.asked, self.status, self.text());
        self.json()
    }

    /// The detail of a refusal that is just this one. Every refusal is checked for its form.
    pub fn refused(&self, code: Code) -> String {
        let (is, detail) = self.problem();
        assert_eq!(is, code.as_str(), "{}: {}", self.asked, self.text());
        assert_eq!(self.status, code.status(), "{}: {}", self.asked, self.text());
        detail
    }

    /// The code and detail of a problem, whose form is checked: fixed texts from the closed list, and nothing else.
    pub fn problem(&self) -> (String, String) {
        assert!(self.status >= 400, "{}: {} isn't a refusal: {}", self.asked, self.status, self.text());
        assert_eq!(self.media(), "application/problem+json", "{}: {}", self.asked, self.text());
        let problem = self.json();
        let fields = problem.as_object().expect("a problem is an object");
        let known = ["type", "title", "status", "code", "detail", "incident"];
        assert!(fields.keys().all(|name| known.contains(&name.as_str())), "{}: {problem}", self.asked);
        assert_eq!(problem["status"], self.status, "{}: {problem}", self.asked);
        let code = problem["code"].as_str().expect("a problem has a code").to_owned();
        match Code::ALL.iter().find(|known| known.as_str() == code) {
            Some(known) => {
                assert_eq!(problem["title"], known.sentence(), "{}", self.asked);
                assert_eq!(problem["type"], format!("urn:sluice:refusal:{code}"), "{}", self.asked);
                assert!(problem.get("incident").is_none(), "{}: {problem}", self.asked);
            }
            None => {
                // A fault: an opaque name and nothing else.
                assert_eq!((code.as_str(), self.status), ("fault", 500), "{}: {problem}", self.asked);
                assert!(problem.get("detail").is_none(), "{}: {problem}", self.asked);
                assert!(problem["incident"].as_str().is_some_and(|name| name.len() == 20), "{problem}");
            }
        }
        (code, problem["detail"].as_str().unwrap_or_default().to_owned())
    }
}
