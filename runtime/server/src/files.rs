//! The home folder: what lies where, who may read it, and how a file comes to be whole or not at all.
//!
//! ```text
//! sluice.toml            settings, optional
//! lock                   held while a node runs
//! state.db, anchor       the ledger with its state, and how far it was
//! verifier.key           the ledger's public key, for whoever verifies; written at every start
//! keys/                  ledger, cache, master: 0600 in a folder that is 0700
//! tokens/                the starter tokens, 0600
//! modules/DIGEST.wasm    what operators uploaded
//! cache/                 modules that this node compiled
//! uploads/               data files on their way in; emptied at every start
//! snapshots/ID/          sealed snapshots, written by a worker
//! domains/               ordinals of the subject domains, written by a worker
//! jobs/ID/               what is asked, spill, kept contributions
//! inside/requests/ID/    candidate, keys of its commitments, reviewers' notes
//! inside/snapshots/      key and content of each snapshot's commitment, what was taken in
//! inside/families/       the sealed tables of families, each with the key of its commitment
//! inside/history/        what each release leaves behind, to compare later ones with
//! inside/tallies/        what is counted while families are sealed; emptied at every start
//! releases/ID/           the bytes of a release; served only with a receipt
//! ```
//!
//! # Guarantees
//! - One node at a time on one home.
//! - A file that [`write`] made is on the disk, whole, under its name, or its name isn't there.
//!
//! # Does not guarantee
//! - Secrecy from the machine's administrator or from other programs of the same user. The keys are in the clear.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sluice_domain::digest::Commitment;
use sluice_domain::id::{JobId, ReleaseId, RequestId, SnapshotId};
use sluice_ledger::Entropy;

/// Why the home folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeFault {
    /// Another node holds the lock.
    #[error("failed to take the home folder: another node is running on it")]
    Taken,
    /// A file can't be read or written.
    #[error("failed to use {what} in the home folder: {source}")]
    File {
        /// Which, relative to the home folder.
        what: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A key file that others may read, or that isn't a key.
    #[error("failed to use {0}: it must hold 64 hexadecimal digits and have mode 0600")]
    Key(String),
}

/// What the name of a file begins with while it is written.
pub(crate) const BEGUN: &str = ".writing-";

/// A 256-bit key.
pub type Key = [u8; 32];

/// The home folder.
#[derive(Debug, Clone)]
pub struct Home {
    root: PathBuf,
}

/// Held while a node runs on a home folder.
pub struct Lock {
    _file: File,
}

const FOLDERS: [&str; 14] = [
    "keys",
    "tokens",
    "modules",
    "cache",
    "uploads",
    "snapshots",
    "domains",
    "jobs",
    "inside/requests",
    "inside/snapshots",
    "inside/families",
    "inside/tallies",
    "inside/history",
    "releases",
];

impl Home {
    /// The home at `root`, whose folders are made where they are missing.
    ///
    /// # Errors
    /// A folder that can't be made.
    pub fn open(root: &Path) -> Result<Home, HomeFault> {
        let home = Home { root: root.to_owned() };
        for folder in [""].into_iter().chain(FOLDERS) {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(home.root.join(folder));
            made.map_err(|source| HomeFault::File { what: format!("{folder}/"), source })?;
        }
        let root = home.root.canonicalize().map_err(|source| HomeFault::File { what: "it".to_owned(), source })?;
        Ok(Home { root })
    }

    /// How far the node's time was, where it was ahead of the machine's.
    #[must_use]
    pub fn clock(&self) -> PathBuf {
        self.root.join("clock")
    }

    /// Whether somebody made a node at `root`.
    #[must_use]
    pub fn holds_node(root: &Path) -> bool {
        ["state.db", "keys/ledger.key"].iter().all(|file| root.join(file).is_file())
    }

    /// Takes the lock, which lasts until it is dropped or the process ends.
    ///
    /// # Errors
    /// [`HomeFault::Taken`] while another node runs.
    pub fn lock(&self) -> Result<Lock, HomeFault> {
        let fault = |source| HomeFault::File { what: "lock".to_owned(), source };
        let path = self.root.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path).map_err(fault)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(std::fs::TryLockError::WouldBlock) => Err(HomeFault::Taken),
            Err(std::fs::TryLockError::Error(source)) => Err(fault(source)),
        }
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.root.join("state.db")
    }

    /// The anchor.
    #[must_use]
    pub fn anchor(&self) -> PathBuf {
        self.root.join("anchor")
    }

    /// The ledger's key.
    #[must_use]
    pub fn ledger_key(&self) -> PathBuf {
        self.root.join("keys/ledger.key")
    }

    /// Compiled modules.
    #[must_use]
    pub fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    /// Ordinals of the subject domains.
    #[must_use]
    pub fn domains(&self) -> PathBuf {
        self.root.join("domains")
    }

    /// Data files on their way in.
    #[must_use]
    pub fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }

    /// Where starter tokens lie.
    #[must_use]
    pub fn token(&self, person: &str) -> PathBuf {
        self.root.join("tokens").join(person)
    }

    /// A module's bytes. `digest` is hexadecimal, which the caller has checked by finding it in the state.
    #[must_use]
    pub fn module(&self, digest: &str) -> PathBuf {
        self.root.join("modules").join(format!("{digest}.wasm"))
    }

    /// A snapshot's folder.
    #[must_use]
    pub fn snapshot(&self, id: &SnapshotId) -> PathBuf {
        self.root.join("snapshots").join(id.as_str())
    }

    /// What stays inside of a snapshot's sealing.
    #[must_use]
    pub fn snapshot_note(&self, id: &SnapshotId) -> PathBuf {
        self.root.join("inside/snapshots").join(format!("{id}.json"))
    }

    /// A job's folder.
    #[must_use]
    pub fn job(&self, id: &JobId) -> PathBuf {
        self.root.join("jobs").join(id.as_str())
    }

    /// What stays inside of a request.
    #[must_use]
    pub fn request(&self, id: &RequestId) -> PathBuf {
        self.root.join("inside/requests").join(id.as_str())
    }

    /// The sealed tables of families, by their commitment.
    #[must_use]
    pub fn seal(&self, content: &Commitment) -> PathBuf {
        self.root.join("inside/families").join(content.as_str())
    }

    /// What sealed tables leave behind in the history of their subject domain.
    #[must_use]
    pub fn seal_figures(&self, content: &Commitment) -> PathBuf {
        self.root.join("inside/families").join(format!("{}.figures", content.as_str()))
    }

    /// What was counted for sealed tables.
    #[must_use]
    pub fn seal_counts(&self, content: &Commitment) -> PathBuf {
        self.root.join("inside/families").join(format!("{}.counts", content.as_str()))
    }

    /// What a release leaves behind in the history of its subject domain.
    #[must_use]
    pub fn figures(&self, id: &ReleaseId) -> PathBuf {
        self.root.join("inside/history").join(format!("{id}.figures"))
    }

    /// Where a tally is written.
    #[must_use]
    pub fn tally(&self, mark: &str) -> PathBuf {
        self.root.join("inside/tallies").join(mark)
    }

    /// A release's folder.
    #[must_use]
    pub fn release(&self, id: &ReleaseId) -> PathBuf {
        self.root.join("releases").join(id.as_str())
    }

    /// The key of that name, made where there is none yet.
    ///
    /// # Errors
    /// A file that can't be read, that isn't a key, or that others may read.
    pub fn key(&self, name: &str, entropy: &dyn Entropy) -> Result<Key, HomeFault> {
        let what = format!("keys/{name}.key");
        let path = self.root.join(&what);
        let fault = |source| HomeFault::File { what: what.clone(), source };
        if !path.try_exists().map_err(fault)? {
            let key: Key = random(entropy).map_err(fault)?;
            write(&path, hex::encode(key).as_bytes()).map_err(fault)?;
        }
        let file = File::open(&path).map_err(fault)?;
        let mode = file.metadata().map_err(fault)?.permissions().mode();
        let mut text = String::new();
        file.take(1_024).read_to_string(&mut text).map_err(fault)?;
        let mut key = [0; 32];
        let read = hex::decode_to_slice(text.trim_end(), &mut key);
        if mode & 0o077 != 0 || read.is_err() {
            return Err(HomeFault::Key(what));
        }
        Ok(key)
    }

    /// Removes everything in a folder whose name isn't `known`.
    ///
    /// # Errors
    /// A folder that can't be read or removed.
    pub fn sweep(&self, folder: &str, known: impl Fn(&str) -> bool) -> std::io::Result<()> {
        for entry in std::fs::read_dir(self.root.join(folder))? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(&known) {
                continue;
            }
            match entry.file_type()?.is_dir() {
                true => std::fs::remove_dir_all(entry.path())?,
                false => std::fs::remove_file(entry.path())?,
            }
        }
        Ok(())
    }
}

/// Random bytes.
///
/// # Errors
/// No entropy.
pub fn random<const N: usize>(entropy: &dyn Entropy) -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(bytes)
}

/// Makes a folder that only its owner may enter.
///
/// # Errors
/// As the file system says.
pub fn folder(path: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a file that is whole or not there: to a name of its own, synced, renamed, and the folder synced. Mode 0600.
///
/// # Errors
/// As the file system says; then the name is as it was before.
pub fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let parent = path.parent().ok_or_else(|| std::io::Error::other("a file lies in a folder"))?;
    let mut file = tempfile::Builder::new().prefix(BEGUN).tempfile_in(parent)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(parent)?.sync_all()
}

/// Writes a folder of files that is there whole or not at all, as [`write`] does a file. The files are synced together, which
/// takes a disk as long as one. Mode 0700, and 0600 for the files.
///
/// # Errors
/// As the file system says, and where the folder is there already; then the name is as it was before.
pub fn write_folder(path: &Path, files: &[(String, &[u8])]) -> std::io::Result<()> {
    let parent = path.parent().ok_or_else(|| std::io::Error::other("a folder lies in a folder"))?;
    let made = tempfile::Builder::new().prefix(BEGUN).permissions(Permissions::from_mode(0o700)).tempdir_in(parent)?;
    let write = |(name, bytes): &(String, &[u8])| {
        let path = made.path().join(name);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    std::thread::scope(|scope| {
        let writing: Vec<_> = files.iter().map(|file| scope.spawn(move || write(file))).collect();
        let panicked = |_| Err(std::io::Error::other("the writer ended"));
        writing.into_iter().try_for_each(|written| written.join().unwrap_or_else(panicked))
    })?;
    File::open(made.path())?.sync_all()?;
    // A folder that holds something isn't replaced.
    std::fs::rename(made.path(), path)?;
    let _ = made.keep();
    File::open(parent)?.sync_all()
}

/// Reads a file of at most `bytes_max`.
///
/// # Errors
/// As the file system says, or a file that is longer.
pub fn read(path: &Path, bytes_max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(std::io::Error::other("the file is longer than it may be"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_ledger::OsEntropy;

    #[test]
    fn two_nodes_never_share_a_home() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = Home::open(folder.path()).expect("it can be made");
        let lock = home.lock().expect("it is free");
        assert!(matches!(home.lock(), Err(HomeFault::Taken)));
        drop(lock);
        home.lock().expect("it is free again");
    }

    #[test]
    fn a_key_stays_the_same_and_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = Home::open(folder.path()).expect("it can be made");
        let key = home.key("cache", &OsEntropy).expect("it is made");
        assert_eq!(home.key("cache", &OsEntropy).expect("it is read"), key);
        let path = home.root().join("keys/cache.key");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("it is ours");
        assert!(matches!(home.key("cache", &OsEntropy), Err(HomeFault::Key(_))));
    }

    #[test]
    fn a_folder_is_there_whole_or_not_at_all() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let path = home.path().join("rel_a");
        let files = [("one".to_owned(), &b"1"[..]), ("two".to_owned(), &b"22"[..])];
        write_folder(&path, &files).expect("it can be written");
        let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join("two"))), (0o700, 0o600));
        assert_eq!(read(&path.join("two"), 9).expect("it is there"), b"22");
        // It stays as it was where it is there already, or where a file of it can't be written.
        assert!(write_folder(&path, &[("three".to_owned(), b"3")]).is_err());
        assert!(write_folder(&home.path().join("rel_b"), &[("no/such".to_owned(), b"3")]).is_err());
        let names = |path: &Path| {
            let entries = std::fs::read_dir(path).expect("it is there");
            let mut names: Vec<_> = entries.map(|entry| entry.expect("it is there").file_name()).collect();
            names.sort();
            names
        };
        assert_eq!((names(&path), names(home.path())), (vec!["one".into(), "two".into()], vec!["rel_a".into()]));
    }

    #[test]
    fn a_sweep_keeps_what_is_known() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = Home::open(folder.path()).expect("it can be made");
        for name in ["rel_a", "rel_b"] {
            super::folder(&home.root().join("releases").join(name)).expect("it can be made");
        }
        home.sweep("releases", |name| name == "rel_a").expect("it can be swept");
        assert!(home.root().join("releases/rel_a").exists() && !home.root().join("releases/rel_b").exists());
    }
}
