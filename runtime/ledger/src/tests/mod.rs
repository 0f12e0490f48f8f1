//! The crate's tests, and what they share: a seeded source of bytes, a place for files, and a few events.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod checkpoint;
mod export;
mod faults;
mod key;
mod merkle;
mod receipt;
mod release;
mod store;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::append::{Append, Appended, DocumentWrite};
use crate::entropy::{Entropy, EntropyFault};
use crate::event::NewEvent;
use crate::fault::StoreFault;
use crate::key::{SigningKey, VerifierKey};
use crate::store::Store;
use crate::verify::{Summary, verify};

/// xorshift64: the same bytes on every run.
pub(crate) struct Seeded(AtomicU64);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    pub(crate) fn next(&self) -> u64 {
        let mut x = self.0.load(Ordering::Relaxed);
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0.store(x, Ordering::Relaxed);
        x
    }

    pub(crate) fn below(&self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }
}

impl Entropy for Seeded {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyFault> {
        out.fill_with(|| self.next().to_be_bytes()[0]);
        Ok(())
    }
}

/// A folder with a database and an anchor.
pub(crate) struct Place {
    folder: TempDir,
}

pub(crate) const ORIGIN: &str = "ledger.example/main";

pub(crate) fn key() -> SigningKey {
    SigningKey::generate(ORIGIN, &Seeded::new(7)).unwrap()
}

pub(crate) fn trusted() -> VerifierKey {
    key().verifier()
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) async fn try_open(&self) -> Result<Store, StoreFault> {
        let entropy = Box::new(Seeded::new(99));
        Store::open(&self.path("ledger.db"), &self.path("anchor"), key(), entropy).await
    }

    pub(crate) async fn open(&self) -> Store {
        match self.try_open().await {
            Ok(store) => store,
            Err(fault) => panic!("opening failed: {fault}"),
        }
    }
}

/// The fault of something that has to fail; what it returns otherwise needs no `Debug`.
pub(crate) fn fault<T, E>(result: Result<T, E>) -> E {
    match result {
        Ok(_) => panic!("this has to fail"),
        Err(fault) => fault,
    }
}

pub(crate) const CSV: &[u8] = b"cell,subjects\na,12\n";

pub(crate) fn release() -> NewEvent {
    let digest = hex::encode(Sha256::digest(CSV));
    let body = format!(
        r#"{{"artefacts":[{{"bytes":{},"format":"csv","sha256":"{digest}"}}],"kind":"release_sealed"}}"#,
        CSV.len()
    );
    NewEvent { kind: "release_sealed".to_owned(), body }
}

pub(crate) fn vote(number: u64) -> NewEvent {
    let body = format!(r#"{{"kind":"vote_cast","number":{number},"words":"同意 \"{number}\""}}"#);
    NewEvent { kind: "vote_cast".to_owned(), body }
}

pub(crate) fn change(expected_size: u64, events: Vec<NewEvent>) -> Append {
    let document =
        DocumentWrite { kind: "job".to_owned(), id: "j1".to_owned(), body: Some(format!("{expected_size}")) };
    Append { expected_size, at_ms: 1_700_000_000_000, events, documents: vec![document], idempotency: None }
}

/// Appends 1, 2, 3, 1, 2, 3... votes.
pub(crate) async fn grow(store: &Store, appends: u64) -> Appended {
    let mut last = None;
    for number in 0..appends {
        let size = store.size().await.unwrap();
        let events = (0..=number % 3).map(|more| vote(size + more)).collect();
        last = Some(store.append(change(size, events)).await.unwrap());
    }
    last.unwrap()
}

pub(crate) async fn exported(store: &Store) -> Vec<u8> {
    let mut file = Vec::new();
    crate::export::export(store, &mut file).await.unwrap();
    file
}

/// The whole ledger verifies; the invariant after every fault.
pub(crate) async fn sound(store: &Store) -> Summary {
    let file = exported(store).await;
    let summary = verify(file.as_slice(), Some(&trusted())).unwrap();
    // Every receipt of a small ledger, a dozen or two of a larger one.
    for seq in (0..summary.size).step_by(usize::try_from(summary.size / 12 + 1).unwrap()) {
        store.receipt(seq).await.unwrap().verify(Some(&trusted())).map(|_| ()).unwrap();
    }
    summary
}
