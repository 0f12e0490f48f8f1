//! Which node, and as whom: from the options and the node's home folder.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sluice_server::api::types::Health;
use sluice_server::settings::Settings;

use super::failure::{Answer, Failure};
use super::node::Node;
use super::say;

/// The name of the file in a home folder that says where its node listens.
pub const NODE_FILE: &str = "node.json";
/// A node that was just started gets this long to answer.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);

/// Where a node listens, as `serve` writes it into the home folder.
#[derive(Debug, Serialize, Deserialize)]
pub struct NodeFile {
    /// The address.
    pub listen: SocketAddr,
}

/// Which node, and as whom.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The node's folder.
    pub home: PathBuf,
    /// The node's address, where it is given.
    pub url: Option<String>,
    /// The name of a token in the home folder.
    pub name: Option<String>,
    /// A token's secret.
    pub token: Option<String>,
}

impl Caller {
    /// Reaches the node.
    ///
    /// # Errors
    /// No token of that name, or a node that doesn't answer within a few seconds.
    pub fn connect(&self) -> Answer<Node> {
        let begun = Instant::now();
        let mut told = false;
        while let Err(failure) = self.reach() {
            if !matches!(failure, Failure::Unreachable(_)) || begun.elapsed() > PATIENCE {
                return Err(failure);
            }
            if !told && begun.elapsed() > Duration::from_secs(1) {
                say::note("waiting for the node to answer");
                told = true;
            }
            std::thread::sleep(PAUSE);
        }
        Ok(Node::at(self.base()?, self.secret()?))
    }

    fn reach(&self) -> Answer {
        Node::at(self.base()?, None).get::<Health>("/healthz").map(drop)
    }

    fn base(&self) -> Answer<String> {
        if let Some(url) = &self.url {
            return Ok(url.trim_end_matches('/').to_owned());
        }
        let path = self.home.join(NODE_FILE);
        let listen = match std::fs::read(&path) {
            Ok(bytes) => {
                serde_json::from_slice::<NodeFile>(&bytes).map_err(|e| Failure::file("read", &path, &e))?.listen
            }
            Err(_) => Settings::default().listen,
        };
        Ok(format!("http://{listen}"))
    }

    fn secret(&self) -> Answer<Option<String>> {
        let Some(name) = &self.name else { return Ok(self.token.clone()) };
        if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(Failure::Usage("--as takes the name of a token, such as one of HOME/tokens".to_owned()));
        }
        let path = self.home.join("tokens").join(name);
        let text = std::fs::read_to_string(&path).map_err(|error| Failure::file("read the token", &path, &error))?;
        Ok(Some(text.trim().to_owned()))
    }
}
