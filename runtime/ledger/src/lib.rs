//! The ledger: what happened, in an order that nobody can change afterwards without being found out.
//!
//! A data agency that lets something out has to be able to show, years later and to people who don't trust it, what was
//! let out, on which grounds, and that nothing else is on record. So every step is an *event*; events are leaves of a
//! Merkle tree; after each append the tree's root is signed. From this follow the four things that leave the crate:
//!
//! - a [`Receipt`], one event with the proof that it is in the ledger, which goes along with a release and verifies
//!   offline;
//! - a [`Checkpoint`], the signed root, which anyone may keep, so that history can't be rewritten behind them;
//! - [`Served`] bytes: a [`Release`] can be made only from an assessment, an approval and a charge that agree, and be
//!   handed out only with its receipt;
//! - an export ([`fn@export`], [`fn@verify`]), the whole ledger in one file for an auditor.
//!
//! The [`Store`] holds the ledger and the state that events made in one SQLite database, and writes both in one
//! transaction.
//!
//! # Guarantees
//! - **Append only.** With the public key and any earlier checkpoint, a changed, missing or reordered event is found,
//!   and named as closely as the file allows.
//! - **No state without its event**, no event without its signature, and no append on a stale view.
//! - **A leaf tells nothing.** Each has 16 random bytes of salt, so a proof doesn't give away the events beside it.
//! - **No rollback by restoring a database**: the anchor outside of it remembers how far the ledger was.
//! - **Nothing is lost by a crash**: what an append returned is on the disk; each point of failure has its test.
//!
//! # Does not guarantee
//! - That events are *true*, or that their times are. The node says them; the ledger keeps it from saying something else
//!   later.
//! - That the node shows everyone the same ledger. Two checkpoints of one size with two roots are the proof that it
//!   didn't; somebody has to compare. There are no witnesses yet.
//! - Anything against a node that rewrites database, anchor and checkpoints when nobody outside holds a checkpoint.
//! - Secrecy of bodies: they lie in the database and in exports as text. What mustn't be known isn't put into an event.
//! - A change of key: one ledger, one key, so far.
//!
//! # Example
//! ```
//! use sluice_ledger::{Append, NewEvent, OsEntropy, SigningKey, Store};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! # let folder = std::env::temp_dir().join(format!("sluice-ledger-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder)?;
//! let key = SigningKey::generate("ledger.example/main", &OsEntropy)?;
//! let trusted = key.verifier();
//! let store = Store::open(&folder.join("ledger.db"), &folder.join("anchor"), key, Box::new(OsEntropy)).await?;
//!
//! let body = r#"{"kind":"release_sealed","artefacts":[]}"#.to_owned();
//! let appended = store
//!     .append(Append {
//!         expected_size: 0,
//!         at_ms: 1_700_000_000_000,
//!         events: vec![NewEvent { kind: "release_sealed".to_owned(), body }],
//!         documents: vec![],
//!         idempotency: None,
//!     })
//!     .await?;
//!
//! let receipt = store.receipt(appended.first_seq).await?;
//! let verified = receipt.verify(Some(&trusted))?;
//! assert!(verified.key_is_trusted());
//! # store.close().await;
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs, clippy::indexing_slicing, clippy::unwrap_used)]

pub mod anchor;
pub mod append;
pub mod bad;
pub mod checkpoint;
pub mod entropy;
pub mod event;
pub mod export;
pub mod fault;
pub mod key;
pub mod merkle;
pub mod read;
pub mod receipt;
pub mod release;
mod schema;
pub mod store;
pub mod verify;

pub use append::{Append, Appended, DocumentWrite, IdempotencyWrite};
pub use bad::{Bad, Why};
pub use checkpoint::{Checkpoint, CheckpointFault};
pub use entropy::{Entropy, EntropyFault, OsEntropy};
pub use event::{BodyFault, Event, NewEvent};
pub use export::{ExportFault, export};
pub use fault::{Damage, StoreFault};
pub use key::{KeyFault, SigningKey, VerifierKey};
pub use merkle::Hash;
pub use read::{Answered, Document};
pub use receipt::{Artefact, Receipt, ReceiptFault, Verified};
pub use release::{Approval, Charge, Release, Served, Unsealed};
pub use store::Store;
pub use verify::{Summary, verify};

#[cfg(test)]
mod tests;
