//! What can be done in a home folder while its node doesn't run.
//!
//! Whoever can open the folder has the database and the ledger's key, so nobody is asked to log in. What changes something
//! goes on record as the node's own act; an export changes nothing.

use std::path::Path;
use std::sync::Arc;

use sluice_domain::people::Actor;
use sluice_domain::refusal::Refusal;
use sluice_ledger::OsEntropy;

use super::desk::{Desk, OpenError};
use super::people::issue;
use super::stop::{Fault, Stop};
use super::{Node, SystemClock};
use crate::api::types::{IssueToken, IssuedToken};
use crate::files::{Home, HomeFault};

/// Why nothing is done in a home folder. Each is one plain sentence for whoever asks.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// Nobody made a node there.
    #[error("there is no node in this folder")]
    NoNode,
    /// The folder is in use.
    #[error("a node is running on this folder: ask it, or stop it first")]
    Running,
    /// No such person, a role that they don't have, a life out of range.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The home folder or its ledger can't be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The token can't be drawn or written, the ledger can't be read.
    #[error(transparent)]
    Fault(#[from] Fault),
}

async fn open(home: &Path) -> Result<Arc<Desk>, OfflineError> {
    if !Home::holds_node(home) {
        return Err(OfflineError::NoNode);
    }
    let home = Home::open(home).map_err(OpenError::from)?;
    // The ledger has its name from its key, which is there.
    match Desk::open(home, "", Box::new(SystemClock), Arc::new(OsEntropy)).await {
        Err(OpenError::Home(HomeFault::Taken)) => Err(OfflineError::Running),
        opened => Ok(opened?),
    }
}

impl Node {
    /// Issues a token, so that people whose tokens have all died can get in again.
    ///
    /// # Errors
    /// As [`OfflineError`] says. Where there is no node, none is made.
    pub async fn issue_token_offline(home: &Path, ask: IssueToken) -> Result<IssuedToken, OfflineError> {
        let desk = open(home).await?;
        issue(&desk, &Actor::node(), ask, None).await.map_err(|stop| match stop {
            Stop::Refused(refusal) => OfflineError::Refused(refusal),
            Stop::Fault(fault) => OfflineError::Fault(fault),
            Stop::Again(_) => OfflineError::Fault(Fault::new("issue a token", "it was issued before")),
        })
    }

    /// Writes the whole ledger.
    ///
    /// # Errors
    /// As [`OfflineError`] says.
    pub async fn export_offline(
        home: &Path,
        writer: &mut (impl tokio::io::AsyncWrite + Unpin),
    ) -> Result<(), OfflineError> {
        let desk = open(home).await?;
        let written = sluice_ledger::export(&desk.store, writer).await;
        written.map(|_| ()).map_err(|fault| OfflineError::Fault(Fault::new("export the ledger", fault)))
    }
}
