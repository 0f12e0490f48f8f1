//! Jobs: watched, withdrawn by their operator, ended from inside. How they are admitted is in [`super::admit`], how
//! they run in [`super::runs`].

use sluice_domain::event::{Happening, StopReason};
use sluice_domain::id::JobId;
use sluice_domain::job::{Job, Visible};
use sluice_domain::people::Actor;
use sluice_domain::permission::{Act, require};
use sluice_domain::policy;
use sluice_domain::refusal::Code;
use sluice_domain::state::State;

use super::book::Book;
use super::desk::{Once, Sitting};
use super::stop::{Done, Stop};
use super::{Node, show};
use crate::api::types::JobView;

impl Node {
    /// The jobs that the actor may see, oldest first.
    ///
    /// # Errors
    /// Another role.
    pub fn jobs(&self, actor: &Actor) -> Done<Vec<JobView>> {
        require(actor, Act::ReadJobs)?;
        let (book, now_ms) = (self.desk().book(), self.desk().now_ms());
        let mut seen: Vec<&Job> =
            book.state.jobs.values().filter(|job| policy::sees_job(&book.state, actor, job)).collect();
        seen.sort_by_key(|job| (job.admitted_at_ms, job.id.clone()));
        let attempts_max = self.settings().limits.attempts_max;
        Ok(seen.into_iter().map(|job| show::job(&book, actor, job, attempts_max, now_ms)).collect())
    }

    /// One job.
    ///
    /// # Errors
    /// None that the actor may see.
    pub fn job(&self, actor: &Actor, id: &str) -> Done<JobView> {
        require(actor, Act::ReadJobs)?;
        let (book, now_ms) = (self.desk().book(), self.desk().now_ms());
        let job = find(&book.state, actor, id)?;
        Ok(show::job(&book, actor, job, self.settings().limits.attempts_max, now_ms))
    }

    /// What an operator sees of a job now, and when that can next change by itself.
    ///
    /// # Errors
    /// None that the actor may see.
    pub fn visible(&self, actor: &Actor, id: &str) -> Done<(Visible, i64)> {
        require(actor, Act::ReadJobs)?;
        let (book, now_ms) = (self.desk().book(), self.desk().now_ms());
        let job = find(&book.state, actor, id)?;
        Ok((job.visible(now_ms), job.slot_end(now_ms).saturating_sub(now_ms)))
    }

    /// Withdraws a job. Where it was decided and its operator can't know yet, nothing in the answer or after it says so
    /// before the decision shows.
    ///
    /// # Errors
    /// Another organisation's job, or one that has ended in the operator's sight.
    pub async fn cancel_job(&self, actor: &Actor, id: &str, once: Option<&Once>) -> Done<JobView> {
        require(actor, Act::CancelJob)?;
        self.desk().again(once).await?;
        let sitting = self.desk().sit(once).await?;
        let job = find(&sitting.book.state, actor, id)?;
        policy::may_cancel(actor, job, sitting.now_ms)?;
        // Decided or not, it is the same: the same answer under the same key, and one event. What was decided stays so.
        let happening = Happening::JobCancelled { job: job.id.clone() };
        self.turn_job(sitting, actor, happening, once).await
    }

    /// Ends a job that isn't ready, after an incident.
    ///
    /// # Errors
    /// Another agency's job, or one that isn't waiting to be run.
    pub async fn end_job(&self, actor: &Actor, id: &str, once: Option<&Once>) -> Done<JobView> {
        require(actor, Act::EndJob)?;
        self.desk().again(once).await?;
        let sitting = self.desk().sit(once).await?;
        let job = find(&sitting.book.state, actor, id)?;
        policy::may_end_job(&sitting.book.state, actor, job)?;
        let happening = Happening::JobStopped { job: job.id.clone(), reason: StopReason::Incident };
        self.turn_job(sitting, actor, happening, once).await
    }

    async fn turn_job(
        &self,
        sitting: Sitting,
        actor: &Actor,
        happening: Happening,
        once: Option<&Once>,
    ) -> Done<JobView> {
        let id = match &happening {
            Happening::JobCancelled { job } | Happening::JobStopped { job, .. } => job.clone(),
            _ => return Err(Stop::of(Code::WrongState)),
        };
        let (now_ms, attempts_max) = (sitting.now_ms, self.settings().limits.attempts_max);
        let view = |book: &Book| book.state.jobs.get(&id).map(|job| show::job(book, actor, job, attempts_max, now_ms));
        let view = sitting.commit(actor, vec![happening], once, view).await?;
        self.cancel_ended();
        view.ok_or_else(|| Stop::of(Code::NotFound))
    }
}

pub(super) fn find<'a>(state: &'a State, actor: &Actor, id: &str) -> Done<&'a Job> {
    let job = JobId::parse(id).and_then(|id| state.jobs.get(&id));
    let seen = job.filter(|job| policy::sees_job(state, actor, job));
    seen.ok_or_else(|| Stop::of(Code::NotFound))
}
