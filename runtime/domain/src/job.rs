//! Jobs, and the little that their operators see of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::contract::Contract;
use crate::grade::Lane;
use crate::id::{GrantId, JobId, SnapshotId};
use crate::relation::Relation;

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
            JobState::Admitted => &[JobState::UnderReview, JobState::Released, JobState::Cancelled, JobState::Stopped],
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

/// How a job comes out, settled on static grounds when it is admitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Route {
    /// It is looked up in the sealed tables of a vetted family.
    Family {
        /// The family's key.
        family: String,
    },
    /// People look at it.
    Reviewers {
        /// Which of its parts are outside of the nearest family, or of any, in words.
        outside: Vec<String>,
        /// The family that comes nearest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nearest: Option<String>,
    },
}

impl Default for Route {
    fn default() -> Route {
        Route::Reviewers { outside: Vec::new(), nearest: None }
    }
}

impl Route {
    /// The family that answers it.
    #[must_use]
    pub fn family(&self) -> Option<&str> {
        match self {
            Route::Family { family } => Some(family),
            Route::Reviewers { .. } => None,
        }
    }
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
    /// How it comes out.
    pub route: Route,
    /// What is known to follow from its measures, by the dictionaries of what it reads; pinned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relations: Vec<Relation>,
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
    /// When its candidate came before the reviewers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_at_ms: Option<i64>,
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
    /// neither earlier nor later, whatever the run does, and no end shows before it. Elsewhere a change shows at the
    /// end of the slot in which it happened, and never before the one that led to it. That holds for withdrawals and
    /// stops as well: they pass a job by that is decided, so one that showed earlier would tell that nobody had.
    ///
    /// An answer from a family shows at once: that there is one, and what it says, was settled before anybody asked.
    #[must_use]
    pub fn visible(&self, now_ms: i64) -> Visible {
        if self.route.family().is_some() && self.state == JobState::Released {
            return Visible::Released;
        }
        let due = |at_ms: i64| now_ms >= self.slot_end(at_ms);
        let review_due = match self.fixed_slot_at_ms {
            Some(at_ms) => now_ms >= at_ms,
            None => self.review_at_ms.is_some_and(due),
        };
        let decided = review_due && due(self.state_at_ms);
        let ended = due(self.state_at_ms) && (review_due || self.fixed_slot_at_ms.is_none());
        let before_decision = if review_due { Visible::UnderReview } else { Visible::Accepted };
        match self.state {
            JobState::Stopped if ended => Visible::Stopped,
            JobState::Cancelled if ended => Visible::Cancelled,
            JobState::Released if decided => Visible::Released,
            JobState::NotReleased if decided => Visible::NotReleased,
            JobState::ChangesRequested if decided => Visible::ChangesRequested,
            JobState::Admitted
            | JobState::UnderReview
            | JobState::Cancelled
            | JobState::Stopped
            | JobState::Released
            | JobState::NotReleased
            | JobState::ChangesRequested => before_decision,
        }
    }
}

impl Visible {
    /// Whether nothing follows.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Visible::Accepted | Visible::UnderReview)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Contract, Reporting};

    fn job(state: JobState, review_at_ms: Option<i64>, state_at_ms: i64, fixed: Option<i64>) -> Job {
        let nothing = Reporting { inputs: vec![], columns: vec![], rows: 0, constants: vec![] };
        Job {
            id: JobId::new([1; 16]),
            grant: GrantId::new([2; 16]),
            organisation: "operator".to_owned(),
            person: "olga".to_owned(),
            lane: Lane::Report,
            module: None,
            params: BTreeMap::new(),
            contract: Contract::Report(nothing),
            snapshots: BTreeMap::new(),
            route: Route::default(),
            relations: Vec::new(),
            admitted_at_ms: 1_000,
            slot_ms: 100,
            fixed_slot_at_ms: fixed,
            state,
            state_at_ms,
            review_at_ms,
            attempts: 1,
            incidents: 0,
        }
    }

    #[test]
    fn attack_15_a_change_shows_at_the_end_of_its_slot_and_never_before() {
        let under_review = job(JobState::UnderReview, Some(1_010), 1_010, None);
        assert_eq!(under_review.visible(1_099), Visible::Accepted);
        assert_eq!(under_review.visible(1_100), Visible::UnderReview);
        // Decided within the slot in which the review began: nothing shows before that slot ends.
        let quick = job(JobState::Released, Some(1_010), 1_050, None);
        assert_eq!(quick.visible(1_099), Visible::Accepted);
        assert_eq!(quick.visible(1_100), Visible::Released);
        let later = job(JobState::NotReleased, Some(1_010), 1_150, None);
        assert_eq!(
            [1_099, 1_100, 1_199, 1_200].map(|now| later.visible(now)),
            [Visible::Accepted, Visible::UnderReview, Visible::UnderReview, Visible::NotReleased]
        );
    }

    #[test]
    fn attack_15_an_end_shows_when_a_decision_would_have_shown() {
        for (end, shown) in [(JobState::Cancelled, Visible::Cancelled), (JobState::Stopped, Visible::Stopped)] {
            for fixed in [None, Some(1_300)] {
                for at_ms in [1_050, 1_150, 1_350] {
                    let ended = job(end, Some(1_010), at_ms, fixed);
                    let decided = job(JobState::NotReleased, Some(1_010), at_ms - 5, fixed);
                    for now_ms in (at_ms..1_600).step_by(10) {
                        let is = |visible: Visible| if visible.is_final() { None } else { Some(visible) };
                        let (ended, decided) = (ended.visible(now_ms), decided.visible(now_ms));
                        assert_eq!(is(ended), is(decided), "{end:?} at {at_ms}, seen at {now_ms}");
                        assert!(ended == shown || is(ended).is_some());
                    }
                }
            }
        }
    }

    #[test]
    fn attack_42_a_report_is_under_review_at_its_fixed_slot_whatever_the_run_does() {
        let cases = [
            job(JobState::Admitted, None, 1_000, Some(1_300)),
            job(JobState::UnderReview, Some(1_020), 1_020, Some(1_300)),
            job(JobState::UnderReview, Some(1_290), 1_290, Some(1_300)),
        ];
        for case in &cases {
            assert_eq!(
                [1_000, 1_299, 1_300, 9_000].map(|now| case.visible(now)),
                [Visible::Accepted, Visible::Accepted, Visible::UnderReview, Visible::UnderReview]
            );
        }
        let early = job(JobState::Released, Some(1_020), 1_030, Some(1_300));
        assert_eq!(early.visible(1_299), Visible::Accepted);
        assert_eq!(early.visible(1_300), Visible::Released);
    }
}
