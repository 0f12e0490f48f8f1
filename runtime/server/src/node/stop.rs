//! The three ways in which a verb doesn't do what it was asked.

use sluice_domain::refusal::{Code, Refusal};
use sluice_domain::state::Unsound;
use sluice_ledger::StoreFault;

/// Ours: for the node's log, and outside an opaque name.
///
/// It is built from texts that say what failed and never what was in it.
#[derive(Debug, thiserror::Error)]
#[error("failed to {what}: {why}")]
pub struct Fault {
    what: &'static str,
    why: String,
}

impl Fault {
    /// A fault in doing `what`.
    pub fn new(what: &'static str, why: impl std::fmt::Display) -> Fault {
        Fault { what, why: why.to_string() }
    }
}

/// Why a verb stopped.
#[derive(Debug)]
pub enum Stop {
    /// Expected: shown to whoever asked, in full.
    Refused(Refusal),
    /// The request had been answered before: this is that answer, as JSON.
    Again(String),
    /// Ours.
    Fault(Fault),
}

/// What a verb gives back.
pub type Done<T> = Result<T, Stop>;

impl Stop {
    /// A refusal without detail.
    #[must_use]
    pub fn of(code: Code) -> Stop {
        Stop::Refused(Refusal::of(code))
    }

    /// A refusal with a detail of static facts.
    #[must_use]
    pub fn with(code: Code, detail: impl Into<String>) -> Stop {
        Stop::Refused(Refusal::with(code, detail))
    }

    /// A fault in doing `what`, to be mapped over an error.
    pub fn fault<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> Stop {
        move |why| Stop::Fault(Fault::new(what, why))
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        Stop::Refused(refusal)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Stop {
        Stop::Fault(fault)
    }
}

impl From<Unsound> for Stop {
    fn from(unsound: Unsound) -> Stop {
        Stop::Fault(Fault::new("apply an event", unsound))
    }
}

impl From<StoreFault> for Stop {
    fn from(fault: StoreFault) -> Stop {
        match fault {
            StoreFault::Full | StoreFault::Busy => {
                tracing::error!(fault = %fault, "the ledger can't be written");
                Stop::of(Code::Unavailable)
            }
            other => Stop::Fault(Fault::new("use the ledger", other)),
        }
    }
}

impl From<sluice_engine::fleet::Stop> for Stop {
    fn from(stop: sluice_engine::fleet::Stop) -> Stop {
        match stop {
            sluice_engine::fleet::Stop::Refused(refusal) => Stop::Refused(refusal),
            sluice_engine::fleet::Stop::Fault(fault) => Stop::Fault(Fault::new("use a worker", fault)),
        }
    }
}

/// Runs what blocks (files, assessments) away from the tasks that serve.
///
/// # Errors
/// What the work gives, or a fault if it panicked.
pub async fn off<T: Send + 'static>(work: impl FnOnce() -> Done<T> + Send + 'static) -> Done<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(_) => Err(Stop::Fault(Fault::new("finish a piece of work", "it panicked"))),
    }
}
