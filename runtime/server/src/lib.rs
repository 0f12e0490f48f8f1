//! The node: one program that holds the desk, the workers and the API.
//!
//! Requests come in through [`api`], which knows HTTP and nothing else. They become verbs of the [`node::Node`], which
//! asks the domain's policies, lets the engine compute, and writes what happened into the ledger together with the
//! state that follows, in one transaction. [`files`] is the home folder, [`settings`] what can be set, [`render`] the
//! bytes of a release, [`log`] the node's own voice, [`mod@serve`] the life of the process.
//!
//! # Guarantees
//! - Nothing is answered before it is on the disk: an event, the documents that it changed, and the answer to a
//!   repeated request are one transaction.
//! - Three kinds of error never mix. A [`Refusal`](sluice_domain::refusal::Refusal) is shown in full; the guest's own
//!   faults reach reviewers and custodians; a [`Fault`](node::Fault) is logged, and outside it is an opaque name.
//! - What an operator sees of a job changes only at the end of a slot.
//!
//! # Does not guarantee
//! - Anything against the machine's administrator, who can read the home folder.
//! - TLS: the node binds to loopback and nothing else.

#![forbid(unsafe_code)]

pub mod api;
pub mod files;
pub mod log;
pub mod node;
pub mod render;
pub mod serve;
pub mod settings;
