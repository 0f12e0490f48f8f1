//! `sluice serve`: run a node.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use sluice_server::serve::{Options, ServeError, Serving};
use tokio::runtime::Runtime;

use super::caller::{NODE_FILE, NodeFile};
use super::failure::{Answer, Failure};
use super::trust::KEY_FILE;
use super::{Common, example, say};

/// Run a node
///
/// It listens on loopback only, keeps everything in --home, and stops on SIGINT and SIGTERM without losing anything.
#[derive(Args)]
#[command(after_help = example!("sluice --home ./node serve --starter --slot-ms 1000"))]
pub struct Serve {
    /// Where to listen, on loopback [default: as sluice.toml in --home says]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Give a new node an agency, an operator and an authority with their people, and their tokens in HOME/tokens
    #[arg(long)]
    starter: bool,
    /// The length of a slot, in milliseconds: operators see changes only at the end of one
    #[arg(long, value_name = "N")]
    slot_ms: Option<i64>,
}

impl Serve {
    pub fn run(self, common: &Common) -> Answer {
        sluice_server::log::start(tracing::Level::INFO);
        let runtime = runtime()?;
        let (exe, home) = (own_program()?, common.home());
        let options =
            Options { listen: self.listen, slot_ms: self.slot_ms, starter: self.starter, ..Options::new(exe) };
        runtime.block_on(async {
            let serving = start(&home, options).await?;
            say::note(format_args!("the node listens on http://{}", serving.address()));
            let ended = serving.until_signalled().await;
            forget(&home);
            ended.map_err(|error| failure(&error))
        })
    }
}

/// A node that serves, with its address and its public key in its home folder.
///
/// # Errors
/// A node that can't be started; the text says why.
pub async fn start(home: &Path, options: Options) -> Answer<Serving> {
    let serving = sluice_server::serve::serve(home, options).await.map_err(|error| failure(&error))?;
    // The key first: whoever finds the address may look for it.
    let path = home.join(KEY_FILE);
    let key = format!("{}\n", serving.node().about().verifier_key);
    sluice_server::files::write(&path, key.as_bytes()).map_err(|error| Failure::file("write", &path, &error))?;
    let text = serde_json::to_vec(&NodeFile { listen: serving.address() });
    let text = text.map_err(|error| Failure::Fault(error.to_string()))?;
    let path = home.join(NODE_FILE);
    sluice_server::files::write(&path, &text).map_err(|error| Failure::file("write", &path, &error))?;
    Ok(serving)
}

/// Removes the address of a node that has stopped.
pub fn forget(home: &Path) {
    // A stale address is only a slower way to find out that no node answers.
    let _ = std::fs::remove_file(home.join(NODE_FILE));
}

/// The runtime that a node lives in.
pub fn runtime() -> Answer<Runtime> {
    Runtime::new().map_err(|error| Failure::Fault(format!("failed to start the runtime: {error}")))
}

/// This program, from which workers are started.
pub fn own_program() -> Answer<PathBuf> {
    std::env::current_exe().map_err(|error| Failure::Fault(format!("failed to find this program's own file: {error}")))
}

fn failure(error: &ServeError) -> Failure {
    match error {
        ServeError::Settings(_) | ServeError::Taken(_) | ServeError::Bind { .. } => Failure::Usage(error.to_string()),
        ServeError::Open(_) | ServeError::Serve(_) => Failure::Fault(error.to_string()),
    }
}
