//! The demo's stage: the people with their tokens, the step that is played, and what was seen to hold.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use sluice_ledger::VerifierKey;
use sluice_server::api::types::Health;

use super::super::failure::{Answer, Failure};
use super::super::node::{Node, read_file};
use super::super::{release, routes, say};

/// The people of a starter node who play.
pub const CUSTODIANS: [&str; 2] = ["carol", "cyrus"];
/// The reviewers.
pub const REVIEWERS: [&str; 2] = ["rosa", "ravi"];
/// The operator.
pub const OPERATOR: &str = "olga";
/// An operator of another house, who comes later.
pub const OTHER_OPERATOR: &str = "otto";
/// The administrator.
pub const ADMINISTRATOR: &str = "admin";
/// The auditor.
pub const AUDITOR: &str = "abel";

/// The stage.
pub struct Stage {
    clients: BTreeMap<&'static str, Node>,
    anybody: Node,
    key: Option<VerifierKey>,
    work: PathBuf,
    step: u32,
    seen: Vec<String>,
}

impl Stage {
    /// Everybody, with the tokens that the starter node left in its folder.
    ///
    /// # Errors
    /// A token that isn't there.
    pub fn new(home: &Path, work: &Path, base: String) -> Answer<Stage> {
        let mut clients = BTreeMap::new();
        for name in CUSTODIANS.into_iter().chain(REVIEWERS).chain([OPERATOR, AUDITOR, ADMINISTRATOR]) {
            let secret = read_file(&home.join("tokens").join(name))?;
            let secret = String::from_utf8_lossy(&secret).trim().to_owned();
            clients.insert(name, Node::at(base.clone(), Some(secret)));
        }
        let (anybody, work) = (Node::at(base, None), work.to_owned());
        // The first step, building, comes before there is a stage.
        Ok(Stage { clients, anybody, key: None, work, step: 1, seen: Vec::new() })
    }

    /// Says where the node is, and remembers its key: from here on the node isn't asked for it again.
    ///
    /// # Errors
    /// A node that doesn't answer.
    pub fn open(&mut self) -> Answer {
        self.step("A node starts, with an agency, an operator and an authority")?;
        let view = routes::node(self.client(OPERATOR)?)?;
        self.key = Some(release::node_key(self.client(OPERATOR)?)?);
        self.line(format_args!("it listens on {}; its key is {}", self.anybody.base(), view.verifier_key))?;
        let fences = if view.protections.is_empty() { "none".to_owned() } else { view.protections.join(", ") };
        self.line(format_args!("each run gets a process of its own; fences that this kernel gives it: {fences}"))
    }

    /// Somebody comes, with the token that they were given.
    pub fn enters(&mut self, name: &'static str, secret: Option<String>) {
        let client = Node::at(self.anybody.base().to_owned(), secret);
        self.clients.insert(name, client);
    }

    /// Somebody's client.
    ///
    /// # Errors
    /// Nobody of that name plays.
    pub fn client(&self, name: &str) -> Answer<&Node> {
        self.clients.get(name).ok_or_else(|| Failure::Fault(format!("nobody called {name} plays in the demo")))
    }

    /// The node's key, as it was when the node started.
    pub fn key(&self) -> Option<&VerifierKey> {
        self.key.as_ref()
    }

    /// A file of the demo.
    pub fn file(&self, name: &str) -> PathBuf {
        self.work.join(name)
    }

    /// The next step begins.
    ///
    /// # Errors
    /// As [`say::out`].
    pub fn step(&mut self, title: impl Display) -> Answer {
        self.step += 1;
        say::out(format_args!("\n{}. {title}", self.step))
    }

    /// A line of the step.
    ///
    /// # Errors
    /// As [`say::out`].
    pub fn line(&self, line: impl Display) -> Answer {
        say::out(format!("   {line}"))
    }

    /// Text of several lines.
    ///
    /// # Errors
    /// As [`say::out`].
    pub fn block(&self, text: &str) -> Answer {
        text.lines().try_for_each(|line| self.line(line))
    }

    /// Something that was seen to hold, for the summary.
    pub fn saw(&mut self, line: impl Display) {
        self.seen.push(line.to_string());
    }

    /// Checks that the node still answers.
    ///
    /// # Errors
    /// It doesn't.
    pub fn node_lives(&self) -> Answer {
        let health: Health = self.anybody.get("/healthz")?;
        holds(health.status == "ok", "the node is well")
    }

    /// What was seen to hold.
    pub fn into_seen(self) -> Vec<String> {
        self.seen
    }
}

/// Checks a claim of the demo.
///
/// # Errors
/// It doesn't hold.
pub fn holds(holds: bool, claim: impl Display) -> Answer {
    if holds { Ok(()) } else { Err(Failure::Negative(format!("the demo claims that {claim}, and it doesn't hold"))) }
}
