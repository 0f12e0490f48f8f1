//! Faults: what went wrong on our side.

/// Something of ours failed. Its text may name paths and system errors, so it goes to the custodian's log and nowhere
/// else; outside, a fault is an opaque id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(String);

impl Fault {
    /// A fault with its text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Fault {
        Fault(text.into())
    }

    /// What was being done when `error` came up.
    pub(crate) fn while_doing(what: &str, error: impl std::fmt::Display) -> Fault {
        Fault(format!("{what}: {error}"))
    }
}
