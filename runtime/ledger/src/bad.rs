//! What can be wrong with an exported ledger, and where.
//!
//! Each is one plain sentence for an auditor; none quotes an event.

use std::fmt;

use crate::checkpoint::CheckpointFault;

/// Why a ledger doesn't verify, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    /// The number of the line, from 1.
    pub line: u64,
    /// The first bad event, where one event can be named.
    pub event: Option<u64>,
    /// What is wrong.
    pub why: Why,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.event {
            Some(event) => write!(f, "Line {}, event {event}: {}", self.line, self.why),
            None => write!(f, "Line {}: {}", self.line, self.why),
        }
    }
}

impl std::error::Error for Bad {}

/// What is wrong with a ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The file can't be read.
    #[error("The file cannot be read.")]
    Unreadable,
    /// The first line isn't an export's.
    #[error("The file does not begin like an exported ledger of a version that this program knows.")]
    Header,
    /// Another key than the trusted one.
    #[error("The ledger names another key than the trusted one.")]
    OtherKey,
    /// A line isn't in its one spelling, is too long, or of no known kind.
    #[error("The line is damaged.")]
    Line,
    /// An event is missing, or out of order.
    #[error("Event {found} stands where event {expected} belongs.")]
    Gap {
        /// The number that belongs there.
        expected: u64,
        /// The number that stands there.
        found: u64,
    },
    /// The event was altered.
    #[error("The event is not what its leaf covers.")]
    Leaf,
    /// More events than the first line says.
    #[error("There are more events than the first line says.")]
    TooMany,
    /// The checkpoint doesn't verify.
    #[error("The checkpoint does not verify: {0}")]
    Checkpoint(CheckpointFault),
    /// A checkpoint stands in the wrong place.
    #[error("The checkpoint does not cover the events before it.")]
    Misplaced,
    /// Events and their leaves were rewritten.
    #[error("The events from {from} to {last} are not those that the checkpoint was signed for.")]
    Interval {
        /// The first event after the last good checkpoint.
        from: u64,
        /// The last event that the bad checkpoint covers.
        last: u64,
    },
    /// The file ends too early.
    #[error("The file is cut off.")]
    Truncated,
    /// No checkpoint covers the last events.
    #[error("The events from {from} on are under no checkpoint.")]
    Unsigned {
        /// The first event that isn't covered.
        from: u64,
    },
    /// The last line comes too early, or gives another size than the first one.
    #[error("The ledger ends here with another size than the first line gives.")]
    End,
    /// Something follows the last line.
    #[error("Something follows the last line.")]
    Trailing,
}
