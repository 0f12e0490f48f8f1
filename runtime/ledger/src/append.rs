//! Writing to the store: one verb, one transaction.
//!
//! The order is: look at the head, write everything, swap the head, commit, write the anchor. What each point of
//! failure leaves behind is a table in the tests:
//!
//! | fails | append returns | in the ledger | anchor |
//! |---|---|---|---|
//! | before the commit | the fault | nothing | as before |
//! | after the commit, before the anchor (a crash) | - | everything | behind, mended on opening |
//! | writing the anchor | `AnchorNotWritten` | everything | behind, mended by the next append or opening |
//! | another append came first | `Conflict` | the other's | the other's |

use sqlx::SqliteConnection;

use crate::checkpoint::Checkpoint;
use crate::event::{NewEvent, leaf};
use crate::fault::{Damage, StoreFault};
use crate::merkle::{SALT_BYTES, Tree};
use crate::store::{Store, integer, tree_at};

/// The most events, and the most documents, in one append.
pub const MAX_EVENTS: usize = 256;
/// The longest text of a document or an answer, in bytes.
pub const MAX_TEXT_BYTES: usize = 8 << 20;

/// One change: events and the state that they make.
#[derive(Clone)]
pub struct Append {
    /// The ledger's size when the change was decided on.
    pub expected_size: u64,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// At least one.
    pub events: Vec<NewEvent>,
    /// The documents that are written or removed with it.
    pub documents: Vec<DocumentWrite>,
    /// The answer to be given if the request comes again.
    pub idempotency: Option<IdempotencyWrite>,
}

/// A document to be written, or removed when `body` is `None`.
#[derive(Clone)]
pub struct DocumentWrite {
    /// What kind.
    pub kind: String,
    /// Which one.
    pub id: String,
    /// Its new text.
    pub body: Option<String>,
}

/// The answer to a request that may be sent again.
#[derive(Clone)]
pub struct IdempotencyWrite {
    /// Who asked.
    pub actor: String,
    /// The key that they gave.
    pub key: String,
    /// The digest of what they asked.
    pub request_sha256: String,
    /// What is answered.
    pub response: String,
}

/// What an append did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The number of the first of its events.
    pub first_seq: u64,
    /// The ledger's new size.
    pub size: u64,
    /// The new signed checkpoint.
    pub checkpoint: String,
}

/// Where a test makes an append fail.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultPoint {
    BeforeCommit,
    BeforeAnchor,
}

impl Store {
    /// Appends events and writes the state that they make, all or nothing.
    ///
    /// Fails with [`StoreFault::Conflict`] when the ledger isn't as large as the caller took it to be.
    pub async fn append(&self, append: Append) -> Result<Appended, StoreFault> {
        check(&append)?;
        let _one_at_a_time = self.writing.lock().await;
        // Dropped without a commit, it is rolled back.
        let mut writing = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let appended = self.write(&mut writing, &append).await?;
        #[cfg(test)]
        self.fault_point(FaultPoint::BeforeCommit)?;
        writing.commit().await?;
        #[cfg(test)]
        self.fault_point(FaultPoint::BeforeAnchor)?;
        self.write_anchor(appended.size, appended.checkpoint.clone()).await?;
        Ok(appended)
    }

    async fn write(&self, writing: &mut SqliteConnection, append: &Append) -> Result<Appended, StoreFault> {
        let (head, _) = self.head(writing).await?;
        if head.size != append.expected_size {
            return Err(StoreFault::Conflict { expected: append.expected_size, head: head.size });
        }
        let mut tree = tree_at(writing, head.size).await?;
        // Never sign on top of a tree that isn't the signed one.
        if tree.root() != head.root {
            return Err(Damage::Root.into());
        }
        for event in &append.events {
            self.write_event(writing, &mut tree, append.at_ms, event).await?;
        }
        for document in &append.documents {
            write_document(writing, head.size, document).await?;
        }
        if let Some(answer) = &append.idempotency {
            write_answer(writing, append.at_ms, answer).await?;
        }
        let checkpoint = Checkpoint::sign(tree.size(), tree.root(), &self.key);
        swap_head(writing, head.size, tree.size(), &checkpoint).await?;
        Ok(Appended { first_seq: head.size, size: tree.size(), checkpoint })
    }

    async fn write_event(
        &self,
        writing: &mut SqliteConnection,
        tree: &mut Tree,
        at_ms: i64,
        event: &NewEvent,
    ) -> Result<(), StoreFault> {
        let mut salt = [0; SALT_BYTES];
        self.entropy.fill(&mut salt)?;
        let seq = tree.size();
        let leaf = leaf(seq, at_ms, &event.body, &salt);
        sqlx::query("INSERT INTO events (seq, at_ms, kind, body, salt, leaf) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(integer(seq)?)
            .bind(at_ms)
            .bind(&event.kind)
            .bind(&event.body)
            .bind(hex::encode(salt))
            .bind(leaf.to_string())
            .execute(&mut *writing)
            .await?;
        for (position, hash) in tree.push(leaf) {
            sqlx::query("INSERT INTO hashes (position, hash) VALUES ($1, $2)")
                .bind(integer(position)?)
                .bind(hash.to_string())
                .execute(&mut *writing)
                .await?;
        }
        Ok(())
    }

    #[cfg(test)]
    fn fault_point(&self, here: FaultPoint) -> Result<(), StoreFault> {
        if *self.fail_at.lock().expect("no test panics while it holds this") == Some(here) {
            return Err(StoreFault::Database { code: "injected".to_owned() });
        }
        Ok(())
    }
}

fn check(append: &Append) -> Result<(), StoreFault> {
    if append.events.is_empty() {
        return Err(StoreFault::NoEvents);
    }
    if append.events.len() > MAX_EVENTS || append.documents.len() > MAX_EVENTS {
        return Err(StoreFault::TooLarge);
    }
    let documents = append.documents.iter().filter_map(|document| document.body.as_ref());
    let answers = append.idempotency.iter().map(|answer| &answer.response);
    if documents.chain(answers).any(|text| text.len() > MAX_TEXT_BYTES) {
        return Err(StoreFault::TooLarge);
    }
    for (index, event) in append.events.iter().enumerate() {
        event.check().map_err(|fault| StoreFault::Body { index, fault })?;
    }
    Ok(())
}

async fn write_document(writing: &mut SqliteConnection, seq: u64, document: &DocumentWrite) -> Result<(), StoreFault> {
    let query = match &document.body {
        None => {
            sqlx::query("DELETE FROM documents WHERE kind = $1 AND id = $2").bind(&document.kind).bind(&document.id)
        }
        Some(body) => sqlx::query(
            "INSERT INTO documents (kind, id, seq, body) VALUES ($1, $2, $3, $4)
             ON CONFLICT (kind, id) DO UPDATE SET seq = excluded.seq, body = excluded.body",
        )
        .bind(&document.kind)
        .bind(&document.id)
        .bind(integer(seq)?)
        .bind(body),
    };
    query.execute(writing).await?;
    Ok(())
}

async fn write_answer(writing: &mut SqliteConnection, at_ms: i64, answer: &IdempotencyWrite) -> Result<(), StoreFault> {
    let written = sqlx::query(
        "INSERT INTO idempotency (actor, key, request_sha256, response, at_ms) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (actor, key) DO NOTHING",
    )
    .bind(&answer.actor)
    .bind(&answer.key)
    .bind(&answer.request_sha256)
    .bind(&answer.response)
    .bind(at_ms)
    .execute(writing)
    .await?;
    if written.rows_affected() == 1 { Ok(()) } else { Err(StoreFault::AlreadyAnswered) }
}

/// The compare-and-swap. `BEGIN IMMEDIATE` makes it certain on SQLite; on PostgreSQL it is what decides.
async fn swap_head(writing: &mut SqliteConnection, from: u64, to: u64, note: &str) -> Result<(), StoreFault> {
    sqlx::query("INSERT INTO checkpoints (size, note) VALUES ($1, $2)")
        .bind(integer(to)?)
        .bind(note)
        .execute(&mut *writing)
        .await?;
    let swapped = sqlx::query("UPDATE head SET size = $1, checkpoint = $2 WHERE id = 1 AND size = $3")
        .bind(integer(to)?)
        .bind(note)
        .bind(integer(from)?)
        .execute(&mut *writing)
        .await?;
    if swapped.rows_affected() == 1 { Ok(()) } else { Err(StoreFault::Busy) }
}
