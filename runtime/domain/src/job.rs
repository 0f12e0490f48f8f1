//! Jobs, and the little that their operators see of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::contract::Contract;
use crate::grade::Lane;
use crate::id::{GrantId, JobId, SnapshotId};

/// Where a job stands, for those inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Admitted, waiting for a worker or running, or waiting to be run again.
    Admitted,
    /// Its candidate is before the reviewers.
    UnderReview,
    /// Let out.
    Released,
    /// Not let out.
    NotReleased,
    /// The reviewers ask for another job.
    ChangesRequested,
    /// Withdrawn by its operator.
    Cancelled,
    /// Ended from inside: the grant ended, or a custodian ended it.
    Stopped,
}

impl JobState {
    /// Every state, for tables and tests.
    pub const ALL: [JobState; 7] = [
        JobState::Admitted,
        JobState::UnderReview,
        JobState::Released,
        JobState::NotReleased,
        JobState::ChangesRequested,
        JobState::Cancelled,
        JobState::Stopped,
    ];

    /// The states that may follow this one.
    #[must_use]
    pub fn next(self) -> &'static [JobState] {
        match self {
            JobState::Admitted => &[JobState::UnderReview, JobState::Cancelled, JobState::Stopped],
            JobState::UnderReview => &[
                JobState::Released,
                JobState::NotReleased,
                JobState::ChangesRequested,
                JobState::Cancelled,
                JobState::Stopped,
            ],
            JobState::Released
            | JobState::NotReleased
            | JobState::ChangesRequested
            | JobState::Cancelled
            | JobState::Stopped => &[],
        }
    }

    /// Whether nothing follows.
    #[must_use]
    pub fn is_final(self) -> bool {
        self.next().is_empty()
    }
}

/// What an operator sees of a job: a closed list, and each change only at the end of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visible {
    /// Not ready yet, whatever the reason.
    Accepted,
    /// Before the reviewers.
    UnderReview,
    /// Let out: there is a release to fetch.
    Released,
    /// Not let out.
    NotReleased,
    /// The reviewers ask for another job.
    ChangesRequested,
    /// Withdrawn by its operator.
    Cancelled,
    /// Ended by the agency.
    Stopped,
}

/// A job: one run of a plan or a module over pinned snapshots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// The grant under which it runs.
    pub grant: GrantId,
    /// The organisation that asked.
    pub organisation: String,
    /// The person who asked.
    pub person: String,
    /// The lane.
    pub lane: Lane,
    /// The digest of its module, if it has one.
    pub module: Option<String>,
    /// The parameters, as the operator gave them.
    pub params: BTreeMap<String, String>,
    /// The contract, pinned.
    pub contract: Contract,
    /// The snapshot of each dataset that it reads, pinned.
    pub snapshots: BTreeMap<String, SnapshotId>,
    /// When it was admitted.
    pub admitted_at_ms: i64,
    /// The length of a slot.
    pub slot_ms: i64,
    /// For lane `report`: when the operator sees `under_review`, whatever the run does.
    pub fixed_slot_at_ms: Option<i64>,
    /// Where it stands.
    pub state: JobState,
    /// When it came to stand there.
    pub state_at_ms: i64,
    /// Attempts that were started.
    pub attempts: u32,
    /// Attempts that failed as a whole. Custodians see them; operators don't.
    pub incidents: u32,
}

impl Job {
    /// The end of the slot that holds `at_ms`, counted from the admission.
    #[must_use]
    pub fn slot_end(&self, at_ms: i64) -> i64 {
        let slot_ms = self.slot_ms.max(1);
        let since = at_ms.saturating_sub(self.admitted_at_ms).max(0);
        let slots = since.div_euclid(slot_ms).saturating_add(1);
        self.admitted_at_ms.saturating_add(slots.saturating_mul(slot_ms))
    }

    /// What the operator sees at `now_ms`.
    ///
    /// In lane `report` the change to `under_review` is fixed by the contract: it comes at `fixed_slot_at_ms`,
    /// neither earlier nor later, whatever the run does. Elsewhere a change shows at the end of the slot in which
    /// it happened. What the operator or a person did (cancel, stop) shows at once.
    #[must_use]
    pub fn visible(&self, now_ms: i64) -> Visible {
        let due = |at_ms: i64| now_ms >= self.slot_end(at_ms);
        let fixed = self.fixed_slot_at_ms;
        let review_due = match fixed {
            Some(at_ms) => now_ms >= at_ms,
            None => self.state != JobState::Admitted && (self.state != JobState::UnderReview || due(self.state_at_ms)),
        };
        let before_decision = if review_due { Visible::UnderReview } else { Visible::Accepted };
        match self.state {
            JobState::Cancelled => Visible::Cancelled,
            JobState::Stopped => Visible::Stopped,
            JobState::Admitted | JobState::UnderReview => before_decision,
            JobState::Released if review_due && due(self.state_at_ms) => Visible::Released,
            JobState::NotReleased if review_due && due(self.state_at_ms) => Visible::NotReleased,
            JobState::ChangesRequested if review_due && due(self.state_at_ms) => Visible::ChangesRequested,
            JobState::Released | JobState::NotReleased | JobState::ChangesRequested => before_decision,
        }
    }
}
