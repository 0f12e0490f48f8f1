//! Disclosure control: from a contract and what the host counted to an assessment.
//!
//! The chapter in one breath: the engine hands over a [`Raw`](candidate::Raw) output, [`Candidate::new`] checks it
//! against the contract that was pinned before any data was read, [`assess`] runs the fixed list of
//! [checks](checks::CHECKS) under the agency's [`Appetite`] and writes the [`ReleaseTable`] that *would* be
//! published, and two people read the [`ReviewView`] before anything leaves.
//!
//! - [`candidate`]: the evidence, checked, and its one codec, which must stay inside.
//! - [`appetite`]: the floors by grade, which a grant may tighten and never loosen.
//! - [`context`]: what is known outside, above all the history of releases.
//! - [`evidence`]: what the host knows of the units behind one figure; [`primary`]: the rules on one figure.
//! - [`finding`]: what a check says; the order of verdicts; stable ids.
//! - [`checks`]: a file per check, each with its claim, its limits, its source and a worked example.
//! - [`publish`]: the table by each method: what is withheld, how figures are rounded, what a total is of.
//! - [`assessment`]: all of it together; the only maker of [`Assessment`].
//! - [`record`]: the SDC record that travels with the release.
//! - [`review`]: what a reviewer sees, inside.
//! - [`csv`]: the release as RFC 4180.
//!
//! # Guarantees
//! Everything here is a pure function of its arguments: no clock, no entropy, no I/O, no floating point, and the
//! result doesn't depend on the order in which contributions arrive. A check that can't be done refers, never passes. No
//! counted result is routed to anyone but reviewers.
//!
//! # Does not guarantee
//! No rule here is sound against a module whose values, keys or predicates are free: it can pad a cell with subjects
//! that it knows. That is why findings are evidence for people, not a gate that opens by itself.

#![forbid(unsafe_code)]
#![deny(missing_docs, clippy::float_arithmetic)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic))]

pub mod appetite;
pub mod assessment;
pub mod candidate;
pub mod checks;
pub mod context;
pub mod csv;
pub mod evidence;
pub mod families;
pub mod finding;
pub mod history;
pub mod primary;
pub mod protect;
pub mod publish;
pub mod record;
pub mod review;
mod table;

pub use appetite::{Appetite, Overrides};
pub use assessment::{Assessment, Route, assess};
pub use candidate::{Candidate, Mismatch};
pub use context::{Context, OutsideFinding};
pub use finding::{Finding, Verdict};
pub use publish::Method;
pub use record::SdcRecord;
pub use review::ReviewView;
pub use table::{ColumnKind, ReleaseTable, SUPPRESSED, TOTAL, TableColumn, Value, render};

#[cfg(test)]
mod tests;
