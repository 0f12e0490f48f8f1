//! Reading the store: events, documents, answers, receipts and proofs.
//!
//! Each event is compared with its leaf on the way out, and each receipt verified, so that damage in the database is
//! told as damage and never handed on as a fact. Lists come in pages; none grows with the ledger.

use crate::event::{Event, kind_of, leaf};
use crate::fault::{Damage, StoreFault};
use crate::merkle::{self, Hash, parse_hex};
use crate::receipt::{RECEIPT_FORMAT, Receipt};
use crate::store::{Store, hashes, integer, natural};

/// The most rows that one read returns.
pub const MAX_PAGE: u32 = 1000;

/// A document of the state, as the last event that wrote it left it.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    /// What kind.
    pub kind: String,
    /// Which one.
    pub id: String,
    /// The first event of the append that wrote it last.
    pub seq: u64,
    /// Its text.
    pub body: String,
}

/// The answer to a request that may be sent again.
#[derive(Clone, PartialEq, Eq)]
pub struct Answered {
    /// The digest of the request, so that another request under the same key is told apart.
    pub request_sha256: String,
    /// What was answered.
    pub response: String,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

pub(crate) type EventRow = (i64, i64, String, String, String, String);

impl Store {
    /// The signed checkpoints of sizes `from` and above, in order; at most `limit` and [`MAX_PAGE`].
    pub async fn checkpoints(&self, from: u64, limit: u32) -> Result<Vec<(u64, String)>, StoreFault> {
        let rows: Vec<(i64, String)> =
            sqlx::query_as("SELECT size, note FROM checkpoints WHERE size >= $1 ORDER BY size LIMIT $2")
                .bind(integer(from)?)
                .bind(i64::from(limit.min(MAX_PAGE)))
                .fetch_all(&self.pool)
                .await?;
        rows.into_iter().map(|(size, note)| Ok((natural(size)?, note))).collect()
    }

    /// The events from number `from` on, in order; at most `limit` and [`MAX_PAGE`].
    pub async fn events(&self, from: u64, limit: u32) -> Result<Vec<Event>, StoreFault> {
        let rows = self.event_rows(from, limit.min(MAX_PAGE)).await?;
        rows.into_iter().map(|row| checked(row).map(|(event, _, _)| event)).collect()
    }

    pub(crate) async fn event_rows(&self, from: u64, limit: u32) -> Result<Vec<EventRow>, StoreFault> {
        let rows = sqlx::query_as(
            "SELECT seq, at_ms, kind, body, salt, leaf FROM events WHERE seq >= $1 ORDER BY seq LIMIT $2",
        )
        .bind(integer(from)?)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }

    /// One event.
    pub async fn event(&self, seq: u64) -> Result<Event, StoreFault> {
        self.events(seq, 1).await?.pop().filter(|event| event.seq == seq).ok_or(StoreFault::NoSuchEvent(seq))
    }

    /// A document of the state.
    pub async fn document(&self, kind: &str, id: &str) -> Result<Option<Document>, StoreFault> {
        let row: Option<(String, String, i64, String)> =
            sqlx::query_as("SELECT kind, id, seq, body FROM documents WHERE kind = $1 AND id = $2")
                .bind(kind)
                .bind(id)
                .fetch_optional(&self.pool)
                .await?;
        row.map(document).transpose()
    }

    /// The documents of a kind whose id comes after `after` (from the first with an empty one), in the order of ids.
    pub async fn documents(&self, kind: &str, after: &str, limit: u32) -> Result<Vec<Document>, StoreFault> {
        let rows: Vec<(String, String, i64, String)> = sqlx::query_as(
            "SELECT kind, id, seq, body FROM documents WHERE kind = $1 AND id > $2 ORDER BY id LIMIT $3",
        )
        .bind(kind)
        .bind(after)
        .bind(i64::from(limit.min(MAX_PAGE)))
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(document).collect()
    }

    /// What was answered to a request before.
    pub async fn idempotency(&self, actor: &str, key: &str) -> Result<Option<Answered>, StoreFault> {
        let row: Option<(String, String, i64)> =
            sqlx::query_as("SELECT request_sha256, response, at_ms FROM idempotency WHERE actor = $1 AND key = $2")
                .bind(actor)
                .bind(key)
                .fetch_optional(&self.pool)
                .await?;
        Ok(row.map(|(request_sha256, response, at_ms)| Answered { request_sha256, response, at_ms }))
    }

    /// The receipt of an event, against the checkpoint of the append that wrote it: the same one whenever it is asked
    /// for, so that it doesn't tell how far the ledger is by then.
    pub async fn receipt(&self, seq: u64) -> Result<Receipt, StoreFault> {
        let own = self.checkpoints(seq.saturating_add(1), 1).await?.pop();
        let (size, checkpoint) = own.ok_or(StoreFault::NoSuchEvent(seq))?;
        let mut reading = self.pool.acquire().await?;
        let stored = hashes(&mut reading, &merkle::inclusion_positions(size, seq)).await?;
        let proof = merkle::prove_inclusion(size, seq, &stored).ok_or(Damage::Hash)?;
        drop(reading);
        let row = self.event_rows(seq, 1).await?.pop().ok_or(Damage::Event(seq))?;
        let (event, salt, _) = checked(row)?;
        let receipt = Receipt {
            format: RECEIPT_FORMAT.to_owned(),
            seq,
            at_ms: event.at_ms,
            body: event.body,
            salt,
            proof: proof.iter().map(Hash::to_string).collect(),
            checkpoint,
            verifier_key: self.key.verifier().to_string(),
        };
        receipt.verify(Some(&self.key.verifier())).map_err(|_| Damage::Event(seq))?;
        Ok(receipt)
    }

    /// The proof that the ledger of `to` events begins with that of `from`; see [`merkle::verify_consistency`].
    pub async fn consistency(&self, from: u64, to: u64) -> Result<Vec<Hash>, StoreFault> {
        let mut reading = self.pool.acquire().await?;
        let (head, _) = self.head(&mut reading).await?;
        if from > to || to > head.size {
            return Err(StoreFault::NoSuchRange);
        }
        if from == 0 {
            return Ok(Vec::new());
        }
        let stored = hashes(&mut reading, &merkle::consistency_positions(from, to)).await?;
        Ok(merkle::prove_consistency(from, to, &stored).ok_or(Damage::Hash)?)
    }
}

/// An event's row as an event, its salt and its leaf, if the leaf covers what the row says.
pub(crate) fn checked(row: EventRow) -> Result<(Event, String, String), StoreFault> {
    let (seq, at_ms, kind, body, salt, stored) = row;
    let seq = natural(seq)?;
    let bytes = parse_hex(&salt).ok_or(Damage::Column)?;
    // The column `kind` is outside the leaf; it may only repeat what the body says.
    let named = kind_of(&body).as_deref() == Some(kind.as_str());
    if !named || leaf(seq, at_ms, &body, &bytes).to_string() != stored {
        return Err(Damage::Event(seq).into());
    }
    Ok((Event { seq, at_ms, kind, body }, salt, stored))
}

fn document(row: (String, String, i64, String)) -> Result<Document, StoreFault> {
    let (kind, id, seq, body) = row;
    Ok(Document { kind, id, seq: natural(seq)?, body })
}
