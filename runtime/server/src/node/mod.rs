//! The node: its desk, its workers, and the verbs that people put to it, a file for each group.
//!
//! A verb is the same from top to bottom: may this role do that ([`sluice_domain::permission`]), was it answered
//! before, what has to be computed without the seat, then the seat: may it be done to this thing now
//! ([`sluice_domain::policy`]), and one commit.
//!
//! # Does not guarantee
//! That a verb which is cut off (a caller hangs up, the machine stops) leaves no file behind. What no event names is
//! never served, and is swept at the next start.

mod admit;
mod archive;
mod attempt;
pub mod book;
pub mod clock;
mod datasets;
mod desk;
mod ended;
mod except;
mod families;
mod grants;
mod history;
mod inside;
mod jobs;
mod modules;
mod offline;
mod people;
mod rebuild;
mod releases;
mod remembered;
mod review;
mod runs;
mod seal;
mod show;
mod start;
mod stop;
mod sweep;
#[cfg(test)]
mod tests;
mod tighten;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sluice_domain::digest::Commitment;
use sluice_engine::fleet::{Fleet, FleetSettings};
use sluice_ledger::{Entropy, OsEntropy};

pub use clock::{Clock, SystemClock};
pub use datasets::Upload;
pub use desk::{Desk, Once, OpenError};
pub use offline::OfflineError;
pub use people::Caller;
pub use stop::{Done, Fault, Stop};

use crate::api::types::NodeView;
use crate::files::Home;
use crate::settings::Settings;
use runs::Runs;

/// What comes in from outside.
pub struct Parts {
    /// The program that workers are started from.
    pub exe: PathBuf,
    /// The clock.
    pub clock: Box<dyn Clock>,
    /// The source of random bytes.
    pub entropy: Arc<dyn Entropy>,
}

impl Parts {
    /// The machine's own clock and entropy.
    #[must_use]
    pub fn new(exe: PathBuf) -> Parts {
        Parts { exe, clock: Box::new(SystemClock), entropy: Arc::new(OsEntropy) }
    }
}

/// A node. Clones are the same node.
#[derive(Clone)]
pub struct Node(Arc<Inner>);

struct Inner {
    desk: Arc<Desk>,
    settings: Settings,
    fleet: Fleet,
    runs: Runs,
    /// Held while families or a snapshot of theirs are protected.
    families_turn: tokio::sync::Mutex<()>,
    opened: families::Opened,
    remembered: remembered::Remembered,
}

impl Node {
    /// Makes the home folder, the keys and the ledger with its first events, and starts no worker. Where there is a
    /// node already, nothing is changed.
    ///
    /// # Errors
    /// As [`OpenError`] says.
    pub async fn init(home: &Path, starter: bool) -> Result<(), OpenError> {
        let settings = Settings::load(home).map_err(|error| OpenError::Ready(error.to_string()))?;
        let home = Home::open(home)?;
        let desk = Desk::open(home, &settings.origin, Box::new(SystemClock), Arc::new(OsEntropy)).await?;
        start::bootstrap(&desk, starter).await
    }

    /// Opens the node of a home folder, which is made where there is none, and starts its workers. Runs begin with
    /// [`Node::start_runs`].
    ///
    /// # Errors
    /// As [`OpenError`] says.
    pub async fn open(home: &Path, settings: Settings, parts: Parts, starter: bool) -> Result<Node, OpenError> {
        let home = Home::open(home)?;
        let desk = Desk::open(home, &settings.origin, parts.clock, parts.entropy).await?;
        start::bootstrap(&desk, starter).await?;
        sweep::sweep(&desk)?;
        let cache_key = desk.home.key("cache", &*desk.entropy)?;
        let fleet = Fleet::start(FleetSettings {
            exe: parts.exe,
            limits: settings.limits.clone(),
            spare: settings.spare_workers,
            cache: desk.home.cache(),
            cache_key,
        });
        let fleet = fleet.map_err(|fault| OpenError::Ready(fault.to_string()))?;
        let runs = Runs::new(settings.runs_max);
        let (families_turn, opened, remembered) = Default::default();
        let node = Node(Arc::new(Inner { desk, settings, fleet, runs, families_turn, opened, remembered }));
        node.open_families().await;
        Ok(node)
    }

    /// The desk.
    #[must_use]
    pub fn desk(&self) -> &Arc<Desk> {
        &self.0.desk
    }

    /// What is set.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn fleet(&self) -> &Fleet {
        &self.0.fleet
    }

    pub(crate) async fn families_turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.families_turn.lock().await
    }

    fn opened(&self) -> &families::Opened {
        &self.0.opened
    }

    fn runs(&self) -> &Runs {
        &self.0.runs
    }

    /// A keyed digest of a request, for the record of what was answered. A plain one would give a small secret away.
    #[must_use]
    pub fn request_digest(&self, bytes: &[u8]) -> String {
        Commitment::new(&self.0.desk.master, bytes).as_str().to_owned()
    }

    /// Whether the node takes requests.
    pub async fn is_ready(&self) -> bool {
        !self.runs().is_stopping() && self.desk().is_sound().await
    }

    /// Returns once the node is asked to stop.
    pub async fn until_stopping(&self) {
        self.runs().until_stopping().await;
    }

    /// What the node is.
    #[must_use]
    pub fn about(&self) -> NodeView {
        let verifier = self.desk().store.verifier();
        NodeView {
            origin: verifier.name().to_owned(),
            verifier_key: verifier.to_string(),
            protections: self.fleet().protections(),
            slot_ms: self.settings().slot_ms,
            report_slots: self.settings().report_slots,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// The last checkpoint, as its signed text.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub async fn checkpoint(&self) -> Done<String> {
        Ok(self.desk().store.checkpoint().await?.1)
    }
}
