//! The store: the ledger and the state that its events made, in one SQLite database.
//!
//! # Guarantees
//! - What [`Store::append`] returned is on the disk (WAL, `synchronous=FULL`), signed, and stays: nothing updates or
//!   deletes an event.
//! - An event and the state that it changes are written in one transaction, or neither is.
//! - Each append names the size that it was decided on; if the ledger has grown since, it is refused.
//! - A database that was put back to an older copy isn't opened; see [`crate::anchor`].
//! - An event that is read is compared with its leaf, a receipt verified before it is handed out.
//!
//! # Does not guarantee
//! - That the whole ledger is sound because it opened: opening looks at the tree's edge only. [`crate::export()`] and
//!   [`crate::verify()`] read everything.
//! - Secrecy. Bodies lie in the database as text; its folder's mode is the deployment's matter.
//!
//! Opening is in this file, reading in [`crate::read`], writing in [`crate::append`].

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{SqliteConnection, SqliteExecutor};

use crate::anchor;
use crate::checkpoint::Checkpoint;
use crate::entropy::Entropy;
use crate::fault::{Damage, StoreFault};
use crate::key::{SigningKey, VerifierKey};
use crate::merkle::{Hash, Hashes, Tree};
use crate::schema::{SCHEMA_VERSION, SQLITE};

const CONNECTIONS_MAX: u32 = 4;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The ledger and its state.
pub struct Store {
    pub(crate) pool: SqlitePool,
    /// A connection that nothing uses. While it is open, SQLite keeps its log and the index of it, which it couldn't make
    /// again on a disk that is full.
    keeper: tokio::sync::Mutex<SqliteConnection>,
    pub(crate) key: SigningKey,
    pub(crate) entropy: Box<dyn Entropy>,
    pub(crate) anchor: PathBuf,
    /// One append at a time in this process, so that anchors are written in order.
    pub(crate) writing: tokio::sync::Mutex<()>,
    #[cfg(test)]
    pub(crate) fail_at: std::sync::Mutex<Option<crate::append::FaultPoint>>,
}

impl Store {
    /// Opens the database, and makes it when there is none. The key's name is the ledger's origin.
    pub async fn open(
        path: &Path,
        anchor: &Path,
        key: SigningKey,
        entropy: Box<dyn Entropy>,
    ) -> Result<Self, StoreFault> {
        Self::open_with(path, anchor, key, entropy, |options| options).await
    }

    pub(crate) async fn open_with(
        path: &Path,
        anchor: &Path,
        key: SigningKey,
        entropy: Box<dyn Entropy>,
        tune: impl FnOnce(SqliteConnectOptions) -> SqliteConnectOptions,
    ) -> Result<Self, StoreFault> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .busy_timeout(BUSY_TIMEOUT)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true);
        let options = tune(options);
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            // SQLite ends a transaction itself when its commit fails (a full disk), and sqlx goes on counting it: such a
            // connection begins no other one and isn't used again.
            .after_release(|connection, _| {
                Box::pin(async move {
                    connection.ping().await?;
                    Ok(!connection.is_in_transaction())
                })
            })
            .connect_with(options.clone())
            .await?;
        let keeper = SqliteConnection::connect_with(&options).await?;
        let store = Self {
            pool,
            keeper: tokio::sync::Mutex::new(keeper),
            key,
            entropy,
            anchor: anchor.to_owned(),
            writing: tokio::sync::Mutex::default(),
            #[cfg(test)]
            fail_at: std::sync::Mutex::default(),
        };
        store.prepare().await?;
        store.check_anchor().await?;
        Ok(store)
    }

    /// Closes the database; what was appended is safe without it.
    pub async fn close(self) {
        self.pool.close().await;
        // What can't be tidied up on closing is tidied up on opening.
        let _ = self.keeper.into_inner().close().await;
    }

    /// The public half of the ledger's key.
    pub fn verifier(&self) -> VerifierKey {
        self.key.verifier()
    }

    /// Makes the tables and the checkpoint of the empty ledger.
    async fn prepare(&self) -> Result<(), StoreFault> {
        let mut writing = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        for statement in SQLITE {
            sqlx::query(*statement).execute(&mut *writing).await?;
        }
        let version: Option<(i64,)> =
            sqlx::query_as("SELECT schema_version FROM head WHERE id = 1").fetch_optional(&mut *writing).await?;
        match version {
            Some((SCHEMA_VERSION,)) => {}
            Some(_) => return Err(StoreFault::OtherVersion),
            None => {
                let note = Checkpoint::sign(0, Tree::empty().root(), &self.key);
                sqlx::query("INSERT INTO head (id, schema_version, size, checkpoint) VALUES (1, $1, 0, $2)")
                    .bind(SCHEMA_VERSION)
                    .bind(&note)
                    .execute(&mut *writing)
                    .await?;
                sqlx::query("INSERT INTO checkpoints (size, note) VALUES (0, $1)")
                    .bind(&note)
                    .execute(&mut *writing)
                    .await?;
            }
        }
        Ok(writing.commit().await?)
    }

    /// Compares head, tree and anchor; writes the anchor when it is behind.
    async fn check_anchor(&self) -> Result<(), StoreFault> {
        // The anchor first: another process may append in between, and then the head is ahead, never behind.
        let anchored = anchor::read(&self.anchor, &self.key.verifier());
        let mut reading = self.pool.acquire().await?;
        let (head, note) = self.head(&mut reading).await?;
        if root_at(&mut reading, head.size).await? != head.root {
            return Err(Damage::Root.into());
        }
        match anchored? {
            None if head.size > 0 => return Err(StoreFault::AnchorMissing),
            Some(anchored) if anchored.size > head.size => return Err(StoreFault::RolledBack),
            Some(anchored) if root_at(&mut reading, anchored.size).await? != anchored.root => {
                return Err(StoreFault::RolledBack);
            }
            Some(anchored) if anchored == head => return Ok(()),
            _ => {}
        }
        self.write_anchor(head.size, note).await
    }

    pub(crate) async fn write_anchor(&self, size: u64, note: String) -> Result<(), StoreFault> {
        let path = self.anchor.clone();
        let written = tokio::task::spawn_blocking(move || anchor::write(&path, &note)).await;
        match written {
            Ok(Ok(())) => Ok(()),
            _ => Err(StoreFault::AnchorNotWritten { size }),
        }
    }

    /// The head's checkpoint, verified, and its note.
    pub(crate) async fn head(&self, reading: &mut SqliteConnection) -> Result<(Checkpoint, String), StoreFault> {
        let (size, note): (i64, String) =
            sqlx::query_as("SELECT size, checkpoint FROM head WHERE id = 1").fetch_one(reading).await?;
        let said = Checkpoint::verify(&note, &self.key.verifier()).map_err(|_| StoreFault::OtherKey)?;
        if natural(size)? != said.size {
            return Err(Damage::Root.into());
        }
        Ok((said, note))
    }

    /// How many events there are; what the next append has to expect.
    pub async fn size(&self) -> Result<u64, StoreFault> {
        Ok(self.checkpoint().await?.0.size)
    }

    /// The last checkpoint, read and as the signed text.
    pub async fn checkpoint(&self) -> Result<(Checkpoint, String), StoreFault> {
        self.head(&mut *self.pool.acquire().await?).await
    }
}

/// The tree of the first `size` events, from its stored hashes.
pub(crate) async fn tree_at(reading: &mut SqliteConnection, size: u64) -> Result<Tree, StoreFault> {
    let stored = hashes(reading, &Tree::edge_positions(size)).await?;
    Ok(Tree::resume(size, &stored).ok_or(Damage::Hash)?)
}

async fn root_at(reading: &mut SqliteConnection, size: u64) -> Result<Hash, StoreFault> {
    Ok(tree_at(reading, size).await?.root())
}

pub(crate) async fn hashes(reading: &mut SqliteConnection, positions: &[u64]) -> Result<Hashes, StoreFault> {
    let mut found = Hashes::new();
    for position in positions {
        let (hash,) = one_hash(&mut *reading, integer(*position)?).await?.ok_or(Damage::Hash)?;
        found.insert(*position, Hash::parse(&hash).ok_or(Damage::Column)?);
    }
    Ok(found)
}

async fn one_hash(reading: impl SqliteExecutor<'_>, position: i64) -> Result<Option<(String,)>, sqlx::Error> {
    sqlx::query_as("SELECT hash FROM hashes WHERE position = $1").bind(position).fetch_optional(reading).await
}

pub(crate) fn natural(stored: i64) -> Result<u64, StoreFault> {
    u64::try_from(stored).map_err(|_| Damage::Column.into())
}

pub(crate) fn integer(number: u64) -> Result<i64, StoreFault> {
    i64::try_from(number).map_err(|_| StoreFault::NoSuchRange)
}
