//! Checking an exported ledger: every event, every checkpoint, in one pass and bounded memory.
//!
//! # Guarantees
//! - No byte of a file that verifies can be changed so that it still verifies with the same trusted key.
//! - A changed event is named by its number. Where event and leaf were both rewritten, the checkpoint that they no
//!   longer add up to names the interval, which is as long as one append.
//!
//! # Does not guarantee
//! - With no trusted key: that the file is anybody's. It then only agrees with the key in its first line.
//! - That the file isn't an older state: compare [`Summary::size`] with a later checkpoint.
//! - That no checkpoint was left out between the first and the last; the last has to cover everything.

use std::io::{BufRead, Read};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bad::{Bad, Why};
use crate::checkpoint::Checkpoint;
use crate::event::{leaf, raw_body};
use crate::export::{
    CHECKPOINT_START, CheckpointLine, END_START, EVENT_START, EXPORT_FORMAT, EndLine, Header, MAX_LINE_BYTES, line,
    read_event,
};
use crate::key::VerifierKey;
use crate::merkle::{Hash, MAX_SIZE, Tree};

/// What a ledger that verified is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The key that signed it; its name is the ledger's origin.
    pub key: VerifierKey,
    /// Whether the caller gave this key as trusted.
    pub key_is_trusted: bool,
    /// How many events.
    pub size: u64,
    /// How many checkpoints.
    pub checkpoints: u64,
    /// The root of the last checkpoint.
    pub root: Hash,
}

/// Checks an exported ledger.
pub fn verify(reader: impl BufRead, trusted: Option<&VerifierKey>) -> Result<Summary, Bad> {
    let mut lines = Lines { reader, number: 0 };
    let first = lines.next(None)?;
    let mut walk = Walk::begin(&first, trusted).map_err(|why| Bad { line: 1, event: None, why })?;
    loop {
        let text = lines.next(walk.expected())?;
        let kind = walk.kind(&text);
        let done = match kind {
            Kind::Event => walk.event(&text).map_err(|why| (Some(walk.tree.size()), why)),
            Kind::Checkpoint => walk.checkpoint(&text),
            Kind::End => walk.end(&text).map_err(|why| (walk.expected(), why)),
        };
        done.map_err(|(event, why)| Bad { line: lines.number, event, why })?;
        if matches!(kind, Kind::End) {
            lines.nothing_left()?;
            return Ok(walk.summary(trusted.is_some()));
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Event,
    Checkpoint,
    End,
}

struct Walk {
    key: VerifierKey,
    size: u64,
    tree: Tree,
    /// The size at the last checkpoint.
    signed: Option<u64>,
    /// How many checkpoints there were.
    checkpoints: u64,
}

type Where = (Option<u64>, Why);

impl Walk {
    fn begin(text: &[u8], trusted: Option<&VerifierKey>) -> Result<Self, Why> {
        let header: Header = spelled(text).ok_or(Why::Header)?;
        let key: VerifierKey = header.key.parse().map_err(|_| Why::Header)?;
        if header.format != EXPORT_FORMAT || header.origin != key.name() || header.size > MAX_SIZE {
            return Err(Why::Header);
        }
        if trusted.is_some_and(|trusted| *trusted != key) {
            return Err(Why::OtherKey);
        }
        Ok(Self { key, size: header.size, tree: Tree::empty(), signed: None, checkpoints: 0 })
    }

    /// The event that comes next, unless all are there.
    fn expected(&self) -> Option<u64> {
        Some(self.tree.size()).filter(|next| *next < self.size)
    }

    /// What a line is. One that is damaged at its beginning is still told by its end, so that the right thing is named.
    fn kind(&self, text: &[u8]) -> Kind {
        if text.starts_with(EVENT_START.as_bytes()) {
            Kind::Event
        } else if text.starts_with(CHECKPOINT_START.as_bytes()) || text.ends_with(br#"\n"}"#) {
            Kind::Checkpoint
        } else if text.starts_with(END_START.as_bytes()) || self.expected().is_none() {
            Kind::End
        } else {
            Kind::Event
        }
    }

    fn event(&mut self, text: &[u8]) -> Result<(), Why> {
        let text = str::from_utf8(text).map_err(|_| Why::Line)?;
        let (event, stored, salt) = read_event(text).ok_or(Why::Line)?;
        if self.tree.size() >= self.size {
            return Err(Why::TooMany);
        }
        if event.seq != self.tree.size() {
            return Err(Why::Gap { expected: self.tree.size(), found: event.seq });
        }
        let body = event.body.get();
        raw_body(body).map_err(|_| Why::Line)?;
        if leaf(event.seq, event.at_ms, body, &salt) != stored {
            return Err(Why::Leaf);
        }
        self.tree.push(stored);
        Ok(())
    }

    fn checkpoint(&mut self, text: &[u8]) -> Result<(), Where> {
        let found: CheckpointLine = spelled(text).ok_or((None, Why::Line))?;
        let said = Checkpoint::verify(&found.note, &self.key).map_err(|why| (None, Why::Checkpoint(why)))?;
        let here = self.tree.size();
        if found.checkpoint != said.size || said.size != here || self.signed == Some(here) {
            return Err((None, Why::Misplaced));
        }
        if said.root != self.tree.root() {
            let from = self.signed.unwrap_or(0);
            let last = here.saturating_sub(1);
            let event = Some(from).filter(|from| *from == last);
            return Err((event, Why::Interval { from, last }));
        }
        self.signed = Some(here);
        self.checkpoints += 1;
        Ok(())
    }

    fn end(&self, text: &[u8]) -> Result<(), Why> {
        let found: EndLine = spelled(text).ok_or(Why::Line)?;
        if found.end != self.size || self.tree.size() != self.size {
            return Err(Why::End);
        }
        if self.signed != Some(self.size) {
            return Err(Why::Unsigned { from: self.signed.unwrap_or(0) });
        }
        Ok(())
    }

    fn summary(self, key_is_trusted: bool) -> Summary {
        let root = self.tree.root();
        Summary { key: self.key, key_is_trusted, size: self.size, checkpoints: self.checkpoints, root }
    }
}

/// A line in its one spelling, or nothing.
fn spelled<T: Serialize + DeserializeOwned>(text: &[u8]) -> Option<T> {
    serde_json::from_slice(text).ok().filter(|value| line(value).as_bytes() == text)
}

struct Lines<R> {
    reader: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// The next line without its newline; `event` is what is to be named if there is none.
    fn next(&mut self, event: Option<u64>) -> Result<Vec<u8>, Bad> {
        self.number += 1;
        let line = self.number;
        let bad = |why| Bad { line, event, why };
        let limit = u64::try_from(MAX_LINE_BYTES).unwrap_or(u64::MAX);
        let mut text = Vec::new();
        let read = self.reader.by_ref().take(limit).read_until(b'\n', &mut text);
        read.map_err(|_| bad(Why::Unreadable))?;
        if text.pop_if(|last| *last == b'\n').is_none() {
            return Err(bad(if text.len() + 1 < MAX_LINE_BYTES { Why::Truncated } else { Why::Line }));
        }
        Ok(text)
    }

    fn nothing_left(&mut self) -> Result<(), Bad> {
        let line = self.number + 1;
        let rest = self.reader.fill_buf().map_err(|_| Bad { line, event: None, why: Why::Unreadable })?;
        if rest.is_empty() { Ok(()) } else { Err(Bad { line, event: None, why: Why::Trailing }) }
    }
}
