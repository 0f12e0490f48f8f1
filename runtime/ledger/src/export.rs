//! The ledger as a file that an auditor can keep and check: JSON, one line each.
//!
//! ```text
//! {"format":"sluice-ledger/1","origin":"ledger.example/main","size":2,"key":"ledger.example/main+..."}
//! {"checkpoint":0,"note":"ledger.example/main\n0\n..."}
//! {"seq":0,"at_ms":1700000000000,"salt":"...","leaf":"...","body":{"kind":"grant_opened",...}}
//! {"seq":1,"at_ms":1700000000000,"salt":"...","leaf":"...","body":{"kind":"job_admitted",...}}
//! {"checkpoint":2,"note":"ledger.example/main\n2\n..."}
//! {"end":2}
//! ```
//!
//! Every checkpoint stands right after the last event that it covers. Bodies are JSON in JSON, so that a reader needs
//! nothing but a JSON parser, and stay byte for byte as they were appended.
//!
//! # Does not guarantee
//! - Privacy: an export has every body and every salt. It is for the auditor.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::event::{MAX_BODY_BYTES, raw_body};
use crate::fault::{Damage, StoreFault};
use crate::merkle::Hash;
use crate::read::{MAX_PAGE, checked};
use crate::store::Store;

/// The name and version of the form.
pub const EXPORT_FORMAT: &str = "sluice-ledger/1";
/// The longest line: a body and what is around it.
pub const MAX_LINE_BYTES: usize = MAX_BODY_BYTES + 4096;
/// Events held at once: at most this many bodies are in memory.
const EVENTS_AT_ONCE: u32 = 16;

pub(crate) const EVENT_START: &str = r#"{"seq":"#;
pub(crate) const CHECKPOINT_START: &str = r#"{"checkpoint":"#;
pub(crate) const END_START: &str = r#"{"end":"#;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    pub format: String,
    pub origin: String,
    pub size: u64,
    pub key: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventLine<'a> {
    pub seq: u64,
    pub at_ms: i64,
    pub salt: String,
    pub leaf: String,
    #[serde(borrow)]
    pub body: &'a RawValue,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckpointLine {
    pub checkpoint: u64,
    pub note: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndLine {
    pub end: u64,
}

/// The one spelling of a line, without its newline.
pub(crate) fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("numbers, strings and raw JSON always serialise")
}

/// Why an export didn't finish.
#[derive(Debug, thiserror::Error)]
pub enum ExportFault {
    /// The ledger can't be read.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// The file can't be written.
    #[error("The export cannot be written.")]
    Write(#[from] std::io::Error),
}

/// Writes the ledger, as large as it is now, and returns how many events that is.
///
/// Events that are appended meanwhile aren't in it. Memory is bounded, whatever the ledger's size.
pub async fn export(store: &Store, writer: &mut (impl AsyncWrite + Unpin)) -> Result<u64, ExportFault> {
    let (head, _) = store.checkpoint().await?;
    let header = Header {
        format: EXPORT_FORMAT.to_owned(),
        origin: head.origin,
        size: head.size,
        key: store.verifier().to_string(),
    };
    put(writer, line(&header)).await?;
    let mut written = 0;
    let mut after = 0;
    loop {
        let checkpoints = store.checkpoints(after, MAX_PAGE).await?;
        for (size, note) in checkpoints.iter().filter(|(size, _)| *size <= head.size) {
            written = put_events(store, writer, written, *size).await?;
            put(writer, line(&CheckpointLine { checkpoint: *size, note: note.clone() })).await?;
        }
        match checkpoints.last() {
            Some((last, _)) if *last < head.size => after = last + 1,
            _ => break,
        }
    }
    if written != head.size {
        return Err(StoreFault::from(Damage::Root).into());
    }
    put(writer, line(&EndLine { end: head.size })).await?;
    writer.flush().await?;
    Ok(head.size)
}

/// Writes the events `from..to`.
async fn put_events(
    store: &Store,
    writer: &mut (impl AsyncWrite + Unpin),
    from: u64,
    to: u64,
) -> Result<u64, ExportFault> {
    let mut next = from;
    while next < to {
        let limit = u32::try_from(to - next).unwrap_or(u32::MAX).min(EVENTS_AT_ONCE);
        let rows = store.event_rows(next, limit).await?;
        if rows.is_empty() {
            return Err(StoreFault::from(Damage::Event(next)).into());
        }
        for row in rows {
            let (event, salt, leaf) = checked(row)?;
            if event.seq != next {
                return Err(StoreFault::from(Damage::Event(next)).into());
            }
            let body = raw_body(&event.body).map_err(|_| StoreFault::from(Damage::Event(next)))?;
            put(writer, line(&EventLine { seq: event.seq, at_ms: event.at_ms, salt, leaf, body })).await?;
            next += 1;
        }
    }
    Ok(next)
}

async fn put(writer: &mut (impl AsyncWrite + Unpin), mut line: String) -> Result<(), std::io::Error> {
    line.push('\n');
    writer.write_all(line.as_bytes()).await
}

/// An event's line as the file has it, with its leaf; the two are not compared here.
pub(crate) fn read_event(text: &str) -> Option<(EventLine<'_>, Hash, [u8; 16])> {
    let event: EventLine<'_> = serde_json::from_str(text).ok().filter(|event| line(event) == text)?;
    let leaf = Hash::parse(&event.leaf)?;
    let salt = crate::merkle::parse_hex(&event.salt)?;
    Some((event, leaf, salt))
}
