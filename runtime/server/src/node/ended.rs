//! Jobs that may not go on: their grant isn't in force any more, or their module was revoked.
//!
//! # Guarantees
//! - Whoever suspends or revokes writes the stops of the jobs that this ends in the same commit: no crash comes
//!   between.
//! - What ends by itself, because a grant runs out, is stopped within a second, and at every start.
//!
//! # Does not guarantee
//! That one commit holds the stops of more than [`AT_ONCE`] jobs. The others follow in commits of their own; meanwhile
//! nothing of them can be let out, since a vote asks for the grant and the module anew.

use serde::Serialize;
use sluice_domain::event::{Event, Happening, StopReason};
use sluice_domain::job::Job;
use sluice_domain::people::Actor;
use sluice_domain::policy;
use sluice_domain::state::State;

use super::Node;
use super::book::Book;
use super::desk::{Once, Sitting};
use super::stop::Done;

/// Stops of one commit: each changes a job and its request, and a commit holds so many documents.
const AT_ONCE: usize = 50;

impl Node {
    /// Writes what may end jobs, and with it their stops; then ends their runs.
    pub(super) async fn commit_with_stops<T: Serialize>(
        &self,
        sitting: Sitting,
        actor: &Actor,
        happening: Happening,
        once: Option<&Once>,
        answer: impl FnOnce(&Book) -> T,
    ) -> Done<T> {
        let stops = stops_of(&sitting, actor, &happening)?;
        let happened = std::iter::once(happening).chain(stops).collect();
        let answer = sitting.commit(actor, happened, once, answer).await?;
        self.cancel_ended();
        // It is done whether or not the rest can be written now; the run loop tries again every second.
        if let Err(stop) = self.stop_ended().await {
            self.complain("stop the jobs of what has ended", &stop);
        }
        Ok(answer)
    }

    /// Stops the jobs whose grant isn't in force any more or whose module was revoked, and freezes their requests.
    pub(super) async fn stop_ended(&self) -> Done<()> {
        loop {
            let (book, now_ms) = (self.desk().book(), self.desk().now_ms());
            if ended(&book.state, now_ms).is_empty() {
                return Ok(());
            }
            let sitting = self.desk().sit(None).await?;
            let mut stops = ended(&sitting.book.state, sitting.now_ms);
            if stops.is_empty() {
                return Ok(());
            }
            stops.truncate(AT_ONCE);
            sitting.commit(&Actor::node(), stops, None, |_| ()).await?;
            self.cancel_ended();
        }
    }
}

/// The stops that follow from `happening`, and from nothing before it: those are the node's to write.
fn stops_of(sitting: &Sitting, actor: &Actor, happening: &Happening) -> Done<Vec<Happening>> {
    let now_ms = sitting.now_ms;
    let before = ended(&sitting.book.state, now_ms);
    let mut after = sitting.book.state.clone();
    after.apply(&Event { actor: actor.clone(), at_ms: now_ms, happening: happening.clone() })?;
    let mut stops = ended(&after, now_ms);
    stops.retain(|stop| !before.contains(stop));
    stops.truncate(AT_ONCE);
    Ok(stops)
}

/// The stops of the jobs that may not go on; those that still read data come first.
fn ended(state: &State, now_ms: i64) -> Vec<Happening> {
    let open = state.jobs.values().filter(|job| !job.state.is_final());
    let mut ended: Vec<(&Job, StopReason)> =
        open.filter_map(|job| Some((job, policy::ended(state, job, now_ms)?))).collect();
    ended.sort_by_key(|(job, _)| job.state);
    ended.into_iter().map(|(job, reason)| Happening::JobStopped { job: job.id.clone(), reason }).collect()
}
