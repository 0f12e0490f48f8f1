//! One attempt at a job, from pinned snapshots to a request before the reviewers; and the agency's own rerun.

use std::path::PathBuf;
use std::time::Duration;

use sluice_disclosure::Context;
use sluice_disclosure::candidate::ReportFault;
use sluice_domain::event::{Happening, IncidentKind};
use sluice_domain::grade::Lane;
use sluice_domain::grant::Tightening;
use sluice_domain::id::{JobId, RequestId};
use sluice_domain::job::{Job, JobState};
use sluice_domain::method::Method;
use sluice_domain::people::Actor;
use sluice_domain::permission::{Act, require};
use sluice_domain::policy;
use sluice_domain::refusal::Code;
use sluice_domain::review::{ReleaseRequest, RequestState};
use sluice_domain::state::State;
use sluice_engine::ask::Run;
use sluice_engine::fleet::{Cancel, RunStop};
use sluice_engine::raw::{Kept, RawOutput};

use super::desk::Once;
use super::history::Comparison;
use super::inside::{Committed, Fresh, Inside};
use super::stop::{Done, Fault, Stop, off};
use super::{Node, admit, grants, jobs};
use crate::api::types::RerunAnswer;

/// How often a rerun looks whether a grant has run out.
const LOOK: Duration = Duration::from_secs(1);

/// What an attempt came to.
enum Came {
    /// Raw output, and the fences that were in force.
    Output(RawOutput, Vec<String>),
    /// It was cancelled.
    Cancelled,
    /// It failed as a whole; the text is for the log.
    Failed(IncidentKind, String),
}

impl Node {
    /// Runs a job once.
    pub(super) async fn attempt(&self, id: &JobId, cancel: &Cancel) -> Done<()> {
        let sitting = self.desk().sit(None).await?;
        let job = sitting.book.state.jobs.get(id).filter(|job| job.state == JobState::Admitted);
        let Some(job) = job.cloned() else { return Ok(()) };
        let attempt = job.attempts.saturating_add(1);
        let protections = self.fleet().protections();
        let started = Happening::AttemptStarted { job: id.clone(), attempt, protections };
        // If this can't be written, the job isn't tried again at once.
        self.back_off(id, 0);
        sitting.commit(&Actor::node(), vec![started], None, |_| ()).await?;
        let folder = self.desk().home.job(id).join(folder_name(attempt));
        let came = match self.run(&job, folder.clone(), cancel).await {
            Ok(came) => came,
            Err(stop) => Came::Failed(IncidentKind::AttemptFailed, text(&stop)),
        };
        let last = attempt >= self.settings().limits.attempts_max;
        let done = match came {
            Came::Output(raw, protections) => self.present(&job, raw, folder.clone(), protections).await,
            Came::Cancelled => Ok(false),
            // A report that never ends is its module's doing: the reviewers see that, and the slot holds.
            Came::Failed(IncidentKind::AttemptTimedOut, _) if job.lane == Lane::Report && last => {
                let raw = RawOutput::written(&[], Some(ReportFault::TimedOut));
                self.present(&job, raw, folder.clone(), Vec::new()).await
            }
            Came::Failed(incident, why) => {
                remove(folder).await;
                return self.fail(&job, attempt, incident, &why).await;
            }
        };
        match done {
            Ok(true) => Ok(()),
            // Withdrawn or stopped meanwhile.
            Ok(false) => {
                remove(folder).await;
                Ok(())
            }
            Err(stop) => {
                // Where memory and ledger may have come apart, the ledger may say that it was put before the reviewers:
                // what is kept for them is for the next start to judge.
                if self.desk().is_sound().await {
                    remove(folder).await;
                }
                self.fail(&job, attempt, IncidentKind::AttemptFailed, &text(&stop)).await
            }
        }
    }

    async fn run(&self, job: &Job, folder: PathBuf, cancel: &Cancel) -> Done<Came> {
        let book = self.desk().book();
        let grant = book.state.grants.get(&job.grant).ok_or_else(|| Stop::of(Code::NotFound))?;
        let home = &self.desk().home;
        let tables = admit::tables(&book.state, grant, |name| job.snapshots.get(name).map(|id| home.snapshot(id)))?;
        let work = self.work_of(&job.id).await?;
        self.compiled(&work).await?;
        let made = folder.clone();
        off(move || crate::files::folder(&made).map_err(Stop::fault("make a job's folder"))).await?;
        let run = Run {
            tables,
            work,
            contract: job.contract.clone(),
            partitions: self.settings().partitions(),
            folder,
            bound_key: self.bound_key(job)?,
        };
        Ok(match self.fleet().run(run, cancel).await {
            Ok(ran) => Came::Output(ran.raw, ran.protections),
            Err(RunStop::Cancelled) => Came::Cancelled,
            Err(RunStop::Died(why)) => Came::Failed(IncidentKind::WorkerDied, why),
            Err(RunStop::TimedOut) => Came::Failed(IncidentKind::AttemptTimedOut, "it took too long".to_owned()),
            Err(RunStop::Failed(why)) => Came::Failed(IncidentKind::AttemptFailed, why),
            Err(RunStop::Refused(refusal)) => Came::Failed(IncidentKind::AttemptFailed, refusal.to_string()),
        })
    }

    /// Waits until a job's run may not read data any more, and says why.
    async fn until_ended(&self, job: &Job) -> Stop {
        let mut books = self.desk().watch();
        loop {
            if let Err(refusal) = policy::may_read_data(&self.desk().book().state, job, self.desk().now_ms()) {
                return refusal.into();
            }
            // A grant that runs out makes no event.
            let _ = tokio::time::timeout(LOOK, books.changed()).await;
        }
    }

    /// The key of the order in which cells over the contribution bound are dropped: the same for the same contract
    /// and snapshots, so that a rerun gives the same bytes.
    fn bound_key(&self, job: &Job) -> Done<[u8; 32]> {
        let mut text = format!("bound\n{}\n", job.contract.digest());
        for (dataset, snapshot) in &job.snapshots {
            text.push_str(&format!("{dataset} {snapshot}\n"));
        }
        self.desk().derived(&text)
    }

    /// The secret of cell keys of a job's subject domain: the same for all its tables, so that the same people have the
    /// same noise wherever they are counted.
    fn cell_key(&self, state: &State, job: &Job) -> Done<[u8; 32]> {
        let (domain, _) = super::archive::domain_of(state, job).ok_or_else(|| Stop::of(Code::NotFound))?;
        self.desk().derived(&format!("cell key\n{domain}"))
    }

    /// Puts raw output before the reviewers, if its job still waits for it.
    async fn present(&self, job: &Job, raw: RawOutput, folder: PathBuf, protections: Vec<String>) -> Done<bool> {
        let book = self.desk().book();
        let grant = book.state.grants.get(&job.grant).ok_or_else(|| Stop::of(Code::NotFound))?;
        let appetite = grants::appetite(&book.state, grant)?;
        let (owners, reviewers) = (grant.owners.clone(), grant.terms.reviewers);
        let id = RequestId::new(self.desk().random()?);
        let fresh =
            Fresh { candidate: self.desk().random()?, assessment: self.desk().random()?, raw: self.desk().random()? };
        let inside = Inside::at(self.desk().home.request(&id));
        let (contract, relations, limits) =
            (job.contract.clone(), job.relations.clone(), self.settings().limits.clone());
        let snapshots: Vec<PathBuf> = job.snapshots.values().map(|id| self.desk().home.snapshot(id)).collect();
        let context = Context { method: grant.terms.method, ..Context::default() };
        let cell_key = match grant.terms.method {
            Method::CellKey => Some(self.cell_key(&book.state, job)?),
            _ => None,
        };
        let comparison = Comparison::of(self, &book.state, job, folder.clone())?;
        let kept = off(move || {
            let mut kept = Kept::read(&contract, &folder, &snapshots).map_err(Stop::fault("read what a run kept"))?;
            (kept.relations, kept.cell_key) = (relations, cell_key);
            let candidate = raw.candidate(&contract, kept, &limits);
            let candidate = candidate.map_err(|mismatch| Fault::new("decode a run's output", mismatch))?;
            let (context, compared) = Comparison::first(comparison.as_ref(), &candidate, &appetite, context)?;
            inside.keep(&raw, &candidate, (&appetite, &context, compared), &fresh, protections)
        });
        let Committed { candidate, assessment } = kept.await?;
        let request = ReleaseRequest {
            id: id.clone(),
            job: job.id.clone(),
            owners,
            organisation: job.organisation.clone(),
            candidate,
            assessment,
            tightening: Tightening::default(),
            exceptions: Vec::new(),
            round: 1,
            reviewers,
            state: RequestState::Voting,
            votes: Vec::new(),
        };
        let sitting = self.desk().sit(None).await?;
        if sitting.book.state.jobs.get(&job.id).is_none_or(|job| job.state != JobState::Admitted) {
            // Withdrawn or stopped meanwhile: nobody is to look at it.
            remove(self.desk().home.request(&id)).await;
            return Ok(false);
        }
        let opened = vec![Happening::ReviewOpened { request: Box::new(request) }];
        let committed = sitting.commit(&Actor::node(), opened, None, |_| true).await;
        // Not on record, and so nobody's; a fault leaves that open.
        if let Err(Stop::Refused(_)) = committed {
            remove(self.desk().home.request(&id)).await;
        }
        committed
    }

    /// Runs a job again, inside, and says whether the output was the same, byte for byte.
    ///
    /// # Errors
    /// Another agency's job, one that has no output yet, one whose grant or module has ended (before the run or in the
    /// middle of it), or a run that fails.
    pub async fn rerun(&self, actor: &Actor, id: &str, once: Option<&Once>) -> Done<RerunAnswer> {
        require(actor, Act::RerunJob)?;
        self.desk().again(once).await?;
        let book = self.desk().book();
        let job = jobs::find(&book.state, actor, id)?;
        let Some(request) = book.request_of(&job.id) else {
            return Err(Stop::with(Code::WrongState, "the job has no output yet"));
        };
        policy::may_read_data(&book.state, job, self.desk().now_ms())?;
        let mark = hex::encode(self.desk().random::<8>()?);
        let folder = self.desk().home.job(&job.id).join(format!("rerun-{mark}"));
        let _turn = self.runs().admission().await?;
        // Hanging up drops the run, which ends its worker; so does the end of what it stands on.
        let cancel = Cancel::default();
        let came = tokio::select! {
            came = self.run(job, folder.clone(), &cancel) => came,
            ended = self.until_ended(job) => Err(ended),
        };
        remove(folder).await;
        let equal = match came? {
            Came::Output(raw, _) => {
                let inside = Inside::at(self.desk().home.request(&request.id));
                off(move || inside.is_same(&raw)).await?
            }
            Came::Cancelled => return Err(Stop::of(Code::Unavailable)),
            Came::Failed(_, why) => return Err(Fault::new("run a job again", why).into()),
        };
        let answer = RerunAnswer { job: job.id.to_string(), equal };
        let happened = vec![Happening::JobRerun { job: job.id.clone(), equal }];
        self.desk().sit(once).await?.commit(actor, happened, once, |_| answer).await
    }
}

/// The name of an attempt's folder in its job's.
pub(super) fn folder_name(attempt: u32) -> String {
    format!("attempt-{attempt}")
}

/// Removes a folder with raw rows in it. What can't be removed now is worth a word in the log.
async fn remove(folder: PathBuf) {
    match tokio::fs::remove_dir_all(&folder).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::error!(fault = %error, "a job's folder couldn't be removed");
        }
        _ => {}
    }
}

fn text(stop: &Stop) -> String {
    match stop {
        Stop::Refused(refusal) => refusal.to_string(),
        Stop::Fault(fault) => fault.to_string(),
        Stop::Again(_) => "it was done before".to_owned(),
    }
}
