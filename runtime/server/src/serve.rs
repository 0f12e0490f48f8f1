//! The life of the process: take the home folder, bind, serve, and stop without losing anything.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::api;
use crate::node::clock::{Clock, SystemClock, ahead_ms};
use crate::node::{Node, OpenError, Parts};
use crate::settings::{Settings, SettingsError};

/// How long open requests may take to end when the node stops.
const DRAIN: Duration = Duration::from_secs(10);

/// How a node is started; what is given here goes before the settings' file.
#[derive(Debug, Clone)]
pub struct Options {
    /// The program that workers are started from: it has the hidden subcommands `worker` and `compile`.
    pub exe: PathBuf,
    /// Where to listen.
    pub listen: Option<SocketAddr>,
    /// The length of a slot.
    pub slot_ms: Option<i64>,
    /// How many slots a `report` waits before it is shown as under review.
    pub report_slots: Option<u32>,
    /// Whether a node that is made now gets the starter organisations, people and tokens.
    pub starter: bool,
}

impl Options {
    /// Nothing but the program that workers are started from.
    #[must_use]
    pub fn new(exe: PathBuf) -> Options {
        Options { exe, listen: None, slot_ms: None, report_slots: None, starter: false }
    }
}

/// Why a node doesn't start. Each is one plain sentence.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The settings can't be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The node can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Someone else listens there.
    #[error("failed to listen on {0}: the port is taken; stop the other program or choose another with --listen")]
    Taken(SocketAddr),
    /// The address can't be bound for another reason.
    #[error("failed to listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The server ended by itself.
    #[error("failed to go on serving: {0}")]
    Serve(#[source] std::io::Error),
}

/// A node that serves.
pub struct Serving {
    address: SocketAddr,
    node: Node,
    server: JoinHandle<std::io::Result<()>>,
}

/// Starts a node on a home folder, which is made where there is none, and serves it.
///
/// # Errors
/// Settings, home folder, ledger or port that can't be used.
pub async fn serve(home: &Path, options: Options) -> Result<Serving, ServeError> {
    let mut settings = Settings::load(home)?;
    settings.listen = options.listen.unwrap_or(settings.listen);
    settings.slot_ms = options.slot_ms.unwrap_or(settings.slot_ms);
    settings.report_slots = options.report_slots.unwrap_or(settings.report_slots);
    settings.check()?;
    // The port comes first: a node that can't serve shouldn't begin to run jobs.
    let listener = bind(settings.listen).await?;
    let address = listener.local_addr().map_err(|source| ServeError::Bind { address: settings.listen, source })?;
    let node = Node::open(home, settings, Parts::new(options.exe), options.starter).await?;
    warn_if_ahead(&node);
    let app = api::router(&node).into_make_service_with_connect_info::<SocketAddr>();
    let stopping = node.clone();
    let until = async move { stopping.until_stopping().await };
    let server = tokio::spawn(async move { axum::serve(listener, app).with_graceful_shutdown(until).await });
    node.start_runs();
    tracing::info!(%address, "the node serves");
    Ok(Serving { address, node, server })
}

/// Tells whoever starts the node of a ledger that lies ahead: its time runs slowly until the clock has caught up.
fn warn_if_ahead(node: &Node) {
    if let Some(ahead_ms) = ahead_ms(node.desk().book().at_ms, SystemClock.read_ms()) {
        tracing::warn!(
            "the ledger's last event lies {} s ahead of this machine's clock: set the clock right if it is wrong. \
             If it was wrong before, tokens and grants have ended early and time runs at half speed until the clock \
             has caught up; `sluice token issue --offline` lets people in again",
            ahead_ms / 1_000
        );
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => ServeError::Taken(address),
        _ => ServeError::Bind { address, source },
    })
}

impl Serving {
    /// Where it listens; the port is the real one where 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The node.
    #[must_use]
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Serves until SIGINT or SIGTERM, then stops.
    ///
    /// # Errors
    /// The server ended by itself.
    pub async fn until_signalled(mut self) -> Result<(), ServeError> {
        tokio::select! {
            () = signalled() => self.stop().await,
            ended = &mut self.server => flat(ended),
        }
    }

    /// Stops: no new requests, open ones end, runs are cancelled and their jobs wait for the next start.
    ///
    /// # Errors
    /// The server had ended by itself.
    pub async fn stop(self) -> Result<(), ServeError> {
        self.node.stop().await;
        let abort = self.server.abort_handle();
        match tokio::time::timeout(DRAIN, self.server).await {
            Ok(ended) => flat(ended)?,
            Err(_) => abort.abort(),
        }
        self.node.close().await;
        tracing::info!("the node has stopped");
        Ok(())
    }
}

fn flat(ended: Result<std::io::Result<()>, tokio::task::JoinError>) -> Result<(), ServeError> {
    ended.map_err(std::io::Error::other).and_then(|served| served).map_err(ServeError::Serve)
}

async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};
    let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    match (interrupt, terminate) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        _ => std::future::pending().await,
    }
}
