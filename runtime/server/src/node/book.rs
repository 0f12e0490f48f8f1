//! The book: the state, how many events it adds up, and what is looked up in them.
//!
//! A book is never changed: a new one takes its place when an event is in the ledger, so that a reader sees all of a
//! change or nothing of it.

use std::collections::BTreeMap;

use sluice_domain::event::{Event, Happening, IncidentKind};
use sluice_domain::id::{JobId, ReleaseId, RequestId, TokenId};
use sluice_domain::job::{Job, JobState};
use sluice_domain::review::ReleaseRequest;
use sluice_domain::state::{DocumentKey, State, Unsound};

/// An attempt, as the events tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its number, from 1.
    pub attempt: u32,
    /// When it was started.
    pub started_at_ms: i64,
    /// The fences that were in force.
    pub protections: Vec<String>,
    /// How and when it failed as a whole, if it did.
    pub failed: Option<(IncidentKind, i64)>,
}

/// The state and its indexes.
#[derive(Debug, Clone, Default)]
pub struct Book {
    /// The state.
    pub state: State,
    /// Events so far.
    pub size: u64,
    /// The last event's time.
    pub at_ms: i64,
    /// Tokens by the digest of their secret.
    pub tokens: BTreeMap<String, TokenId>,
    /// Where a release's event is in the ledger.
    pub receipts: BTreeMap<ReleaseId, u64>,
    /// A job's attempts, in order.
    pub attempts: BTreeMap<JobId, Vec<Attempt>>,
    /// A job's request.
    pub requests: BTreeMap<JobId, RequestId>,
    /// A job's release.
    pub releases: BTreeMap<JobId, ReleaseId>,
}

impl Book {
    /// Applies the next event, and says which documents it changed.
    ///
    /// # Errors
    /// An event that doesn't follow from the state: the book is then to be thrown away.
    pub fn apply(&mut self, event: &Event) -> Result<Vec<DocumentKey>, Unsound> {
        let keys = self.state.apply(event)?;
        match &event.happening {
            Happening::TokenIssued { token } => {
                self.tokens.insert(token.sha256.clone(), token.id.clone());
            }
            Happening::AttemptStarted { job, attempt, protections } => {
                let (attempt, protections) = (*attempt, protections.clone());
                let started = Attempt { attempt, started_at_ms: event.at_ms, protections, failed: None };
                self.attempts.entry(job.clone()).or_default().push(started);
            }
            Happening::AttemptFailed { job, attempt, incident } => {
                let of_job = self.attempts.entry(job.clone()).or_default();
                if let Some(entry) = of_job.iter_mut().find(|entry| entry.attempt == *attempt) {
                    entry.failed = Some((*incident, event.at_ms));
                }
            }
            Happening::ReviewOpened { request } => {
                self.requests.insert(request.job.clone(), request.id.clone());
            }
            Happening::ReleaseSealed { release } => {
                self.receipts.insert(release.id.clone(), self.size);
                self.releases.insert(release.job.clone(), release.id.clone());
            }
            _ => {}
        }
        self.size = self.size.saturating_add(1);
        self.at_ms = self.at_ms.max(event.at_ms);
        Ok(keys)
    }

    /// A job's attempts, in order.
    #[must_use]
    pub fn attempts(&self, job: &JobId) -> &[Attempt] {
        self.attempts.get(job).map_or(&[], Vec::as_slice)
    }

    /// The request that came of a job.
    #[must_use]
    pub fn request_of(&self, job: &JobId) -> Option<&ReleaseRequest> {
        self.requests.get(job).and_then(|id| self.state.requests.get(id))
    }

    /// Whether the node has stopped trying to run the job: too many attempts failed by themselves, or the node was
    /// stopped during so many that the job may be the reason.
    #[must_use]
    pub fn is_given_up(&self, job: &Job, attempts_max: u32) -> bool {
        let failed = |stopped: bool| {
            let of_job = self.attempts(&job.id).iter();
            of_job
                .filter(|entry| entry.failed.is_some_and(|(kind, _)| (kind == IncidentKind::NodeStopped) == stopped))
                .count()
        };
        let attempts_max = attempts_max.max(1) as usize;
        job.state == JobState::Admitted && (failed(false) >= attempts_max || failed(true) >= attempts_max * 4)
    }

    /// Jobs that wait to be run, in the order of their admission.
    #[must_use]
    pub fn waiting(&self) -> Vec<&Job> {
        let mut waiting: Vec<&Job> = self.state.jobs.values().filter(|job| job.state == JobState::Admitted).collect();
        waiting.sort_by_key(|job| (job.admitted_at_ms, job.id.clone()));
        waiting
    }
}
