//! An event as the ledger sees it: a number, a time and one line of JSON.
//!
//! The ledger doesn't know what events mean. It asks only that a body is one JSON object on one line whose `kind` is
//! the kind that it is filed under, so that the column a reader filters by can't say something else than the event.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::merkle::{Hash, Salt, leaf_hash};

/// The longest body, in bytes.
pub const MAX_BODY_BYTES: usize = 1 << 20;
/// The longest kind, in bytes.
pub const MAX_KIND_BYTES: usize = 64;

/// An event in the ledger.
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number; the first is 0 and there are no gaps.
    pub seq: u64,
    /// When, in milliseconds since 1970, by the clock of whoever appended it.
    pub at_ms: i64,
    /// What kind, as in the body.
    pub kind: String,
    /// The JSON text, byte for byte as appended.
    pub body: String,
}

/// An event to be appended.
#[derive(Clone)]
pub struct NewEvent {
    /// What kind; the body's `kind` has to be the same.
    pub kind: String,
    /// One JSON object on one line.
    pub body: String,
}

/// Why a body isn't taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// Longer than [`MAX_BODY_BYTES`].
    #[error("The event's body is too long.")]
    TooLong,
    /// The kind is empty, too long, or has other characters than `a-z`, `0-9` and `_`.
    #[error("The event's kind is not a short word of a-z, 0-9 and _.")]
    Kind,
    /// Not a JSON object on one line, or with space around it.
    #[error("The event's body is not one JSON object on one line.")]
    NotAnObject,
    /// The body names another kind, none, or two.
    #[error("The event's body does not name the kind that it is filed under.")]
    OtherKind,
}

#[derive(Deserialize)]
struct Kind {
    kind: String,
}

impl NewEvent {
    /// Checks that the ledger can take it.
    pub fn check(&self) -> Result<(), BodyFault> {
        let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if self.kind.is_empty() || self.kind.len() > MAX_KIND_BYTES || !self.kind.bytes().all(word) {
            return Err(BodyFault::Kind);
        }
        raw_body(&self.body)?;
        if kind_of(&self.body).as_deref() != Some(self.kind.as_str()) {
            return Err(BodyFault::OtherKind);
        }
        Ok(())
    }
}

/// The body as raw JSON, if it is one object on one line.
pub(crate) fn raw_body(body: &str) -> Result<&RawValue, BodyFault> {
    if body.len() > MAX_BODY_BYTES {
        return Err(BodyFault::TooLong);
    }
    let one_line = body.starts_with('{') && body.ends_with('}') && !body.bytes().any(|b| b < b' ');
    match serde_json::from_str(body) {
        Ok(raw) if one_line => Ok(raw),
        _ => Err(BodyFault::NotAnObject),
    }
}

/// The `kind` that a body names; `None` when it names none or two.
pub fn kind_of(body: &str) -> Option<String> {
    serde_json::from_str::<Kind>(body).ok().map(|named| named.kind)
}

/// The bytes that the leaf covers: number, time and body, in this order and spelling.
pub fn covered(seq: u64, at_ms: i64, body: &str) -> String {
    format!(r#"{{"seq":{seq},"at_ms":{at_ms},"body":{body}}}"#)
}

/// The leaf of an event.
pub fn leaf(seq: u64, at_ms: i64, body: &str, salt: &Salt) -> Hash {
    leaf_hash(salt, covered(seq, at_ms, body).as_bytes())
}
