//! What can go wrong with the store.
//!
//! Each is one plain sentence. None carries an event's body, a document or the database's own message, which can quote
//! values.

use crate::entropy::EntropyFault;
use crate::event::BodyFault;

/// Why the store didn't do it.
///
/// After any fault of an append the caller reads the head again: [`AnchorNotWritten`](Self::AnchorNotWritten) and a
/// failure of the commit itself can mean that the events are in.
#[derive(Debug, thiserror::Error)]
pub enum StoreFault {
    /// Someone else appended first; look again and decide again. Nothing was written.
    #[error("The ledger has {head} events and not {expected}, as the append expected.")]
    Conflict {
        /// What the caller took the size to be.
        expected: u64,
        /// What it is.
        head: u64,
    },
    /// State doesn't change without an event.
    #[error("Nothing is written without an event.")]
    NoEvents,
    /// More than [`MAX_EVENTS`](crate::append::MAX_EVENTS) events or documents at once, or a text of more than
    /// [`MAX_TEXT_BYTES`](crate::append::MAX_TEXT_BYTES).
    #[error("The append is too large.")]
    TooLarge,
    /// An event isn't one that the ledger takes.
    #[error("Event {index} of the append is refused: {fault}")]
    Body {
        /// Which of the append's events, from 0.
        index: usize,
        /// Why.
        #[source]
        fault: BodyFault,
    },
    /// There is a response for this actor and key already. Nothing was written.
    #[error("A request with this idempotency key has been answered already.")]
    AlreadyAnswered,
    /// The disk, or the database's quota, is full. Nothing was written.
    #[error("There is no space left for the ledger.")]
    Full,
    /// Another process held the database for too long. Nothing was written.
    #[error("The database is busy.")]
    Busy,
    /// The database is older than the anchor, or has another history.
    #[error("The database has been rolled back or exchanged: it does not contain the last anchored checkpoint.")]
    RolledBack,
    /// There is a ledger and no anchor beside it.
    #[error("The anchor file is missing though the ledger is not empty.")]
    AnchorMissing,
    /// The anchor can't be read, or isn't a checkpoint of this key.
    #[error("The anchor file cannot be read or was not written with this key.")]
    AnchorUnreadable,
    /// The events are in; only the anchor stays behind until the next append.
    #[error("The events are in the ledger, which now has {size} events, but the anchor file could not be written.")]
    AnchorNotWritten {
        /// The size that was reached.
        size: u64,
    },
    /// The ledger was written with another key or name.
    #[error("The ledger was signed with another key.")]
    OtherKey,
    /// The tables are of another version.
    #[error("The database is of a version that this program does not know.")]
    OtherVersion,
    /// An event doesn't match its leaf, or a hash doesn't match the checkpoint.
    #[error("The database is damaged: {0}")]
    Damaged(Damage),
    /// No event with this number.
    #[error("There is no event {0}.")]
    NoSuchEvent(u64),
    /// A range of sizes that the ledger doesn't have.
    #[error("The ledger has no such range.")]
    NoSuchRange,
    /// No random bytes for a salt.
    #[error(transparent)]
    Entropy(#[from] EntropyFault),
    /// Anything else that the database reports, by its code.
    #[error("The database failed (code {code}).")]
    Database {
        /// SQLite's extended result code, or a word for what isn't SQLite's.
        code: String,
    },
}

/// What is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The event's text, time, number or salt is not what its leaf covers.
    #[error("event {0} is not what its leaf covers.")]
    Event(u64),
    /// A number, hash or salt is out of range or not hex.
    #[error("a column has a value that was never written.")]
    Column,
    /// A hash of the tree is missing.
    #[error("a hash of the tree is missing.")]
    Hash,
    /// The stored hashes don't add up to the signed root.
    #[error("the tree's hashes do not add up to the signed checkpoint.")]
    Root,
    /// The file isn't a database any more.
    #[error("the file is not a sound database.")]
    File,
}

impl From<Damage> for StoreFault {
    fn from(damage: Damage) -> Self {
        Self::Damaged(damage)
    }
}

impl From<sqlx::Error> for StoreFault {
    fn from(fault: sqlx::Error) -> Self {
        let word = |code: &str| Self::Database { code: code.to_owned() };
        match fault {
            sqlx::Error::Database(inner) => from_code(inner.code().as_deref().unwrap_or("none")),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Damage::Column.into(),
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::PoolClosed => word("closed"),
            sqlx::Error::Io(_) => word("io"),
            _ => word("other"),
        }
    }
}

/// The low byte of SQLite's code is the class of the error.
fn from_code(code: &str) -> StoreFault {
    match code.parse::<i32>().map(|code| code & 0xff) {
        Ok(5 | 6) => StoreFault::Busy,
        Ok(11 | 26) => Damage::File.into(),
        Ok(13) => StoreFault::Full,
        _ => StoreFault::Database { code: code.to_owned() },
    }
}
