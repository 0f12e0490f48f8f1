//! The run loop: jobs that wait are run, a bounded number at a time, each in a worker of its own.
//!
//! # Guarantees
//! - A run that fails as a whole is run again under the same charge, after a pause that doubles, up to the limit; then
//!   it waits for a custodian. The operator sees none of it.
//! - A job whose grant has ended or whose module was revoked is stopped within a second, running or not.
//! - A result goes before the reviewers only if its job still waits for it.
//!
//! # Does not guarantee
//! That what a cancelled run had written to the job's folder is gone at once: it is removed when the worker has ended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sluice_domain::event::{Happening, IncidentKind, StopReason};
use sluice_domain::id::JobId;
use sluice_domain::job::{Job, JobState};
use sluice_domain::module::ModuleState;
use sluice_domain::people::Actor;
use sluice_engine::fleet::Cancel;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

use super::Node;
use super::start;
use super::stop::{Done, Stop};

const TICK: Duration = Duration::from_secs(1);
const BACKOFF_MS_MAX: i64 = 60_000;
/// Admissions at the same time: each takes a worker.
const ADMISSIONS: usize = 4;
/// Events of one sweep: the rest comes with the next tick.
const AT_ONCE: usize = 50;

/// What runs, and what waits to be run again.
pub(super) struct Runs {
    running: Mutex<BTreeMap<JobId, Cancel>>,
    /// When a job that failed may be run again.
    not_before_ms: Mutex<BTreeMap<JobId, i64>>,
    permits: Arc<Semaphore>,
    admissions: Arc<Semaphore>,
    wake: Notify,
    stopping: watch::Sender<bool>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Runs {
    pub fn new(runs_max: usize) -> Runs {
        Runs {
            running: Mutex::default(),
            not_before_ms: Mutex::default(),
            permits: Arc::new(Semaphore::new(runs_max)),
            admissions: Arc::new(Semaphore::new(ADMISSIONS)),
            wake: Notify::new(),
            stopping: watch::channel(false).0,
        }
    }

    /// A turn to admit or examine something.
    pub async fn admission(&self) -> Done<OwnedSemaphorePermit> {
        Arc::clone(&self.admissions).acquire_owned().await.map_err(Stop::fault("wait for a turn"))
    }

    /// Looks for jobs at once.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Cancels a job's run, if there is one.
    pub fn cancel(&self, job: &JobId) {
        if let Some(cancel) = held(&self.running).get(job) {
            cancel.cancel();
        }
    }

    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    pub async fn until_stopping(&self) {
        let mut stopping = self.stopping.subscribe();
        // It ends only when the node is gone, which is a stop as well.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }
}

impl Node {
    /// Begins to run jobs: those that were open when the node stopped come first.
    pub fn start_runs(&self) {
        let node = self.clone();
        tokio::spawn(async move {
            while let Err(stop) = start::recover(node.desk()).await {
                node.complain("take up the runs of the last time", &stop);
                tokio::time::sleep(TICK).await;
            }
            while !node.runs().is_stopping() {
                if let Err(stop) = node.stop_ended().await {
                    node.complain("stop jobs whose grants have ended", &stop);
                }
                node.pick();
                tokio::select! {
                    () = node.runs().wake.notified() => {}
                    () = tokio::time::sleep(TICK) => {}
                    () = node.runs().until_stopping() => {}
                }
            }
        });
    }

    /// Starts as many runs as there is room for.
    fn pick(&self) {
        let (book, now_ms) = (self.desk().book(), self.desk().now_ms());
        let attempts_max = self.settings().limits.attempts_max;
        for job in book.waiting() {
            let due = held(&self.runs().not_before_ms).get(&job.id).is_none_or(|at_ms| *at_ms <= now_ms);
            if !due || book.is_given_up(job, attempts_max) || held(&self.runs().running).contains_key(&job.id) {
                continue;
            }
            let Ok(permit) = Arc::clone(&self.runs().permits).try_acquire_owned() else { return };
            let cancel = Cancel::default();
            held(&self.runs().running).insert(job.id.clone(), cancel.clone());
            let (node, id) = (self.clone(), job.id.clone());
            tokio::spawn(async move {
                // A task of its own inside, so that a panic doesn't leave the job marked as running.
                let inner = node.clone();
                let job = id.clone();
                let run = tokio::spawn(async move { inner.attempt(&job, &cancel).await });
                match run.await {
                    Ok(Ok(())) => {}
                    Ok(Err(stop)) => node.complain("run a job", &stop),
                    Err(_) => tracing::error!(job = id.as_str(), "a run panicked"),
                }
                if node.desk().book().state.jobs.get(&id).is_none_or(|job| job.state != JobState::Admitted) {
                    held(&node.runs().not_before_ms).remove(&id);
                }
                drop(permit);
                held(&node.runs().running).remove(&id);
                node.runs().wake();
            });
        }
    }

    /// Notes that a job failed, and when it may be run again.
    pub(super) async fn fail(&self, job: &Job, attempt: u32, incident: IncidentKind, why: &str) -> Done<()> {
        tracing::warn!(job = job.id.as_str(), attempt, kind = ?incident, fault = why, "an attempt failed as a whole");
        self.back_off(&job.id, job.incidents);
        let sitting = self.desk().sit().await?;
        if sitting.book.state.jobs.get(&job.id).is_none_or(|job| job.state != JobState::Admitted) {
            return Ok(());
        }
        let failed = Happening::AttemptFailed { job: job.id.clone(), attempt, incident };
        sitting.commit(&Actor::node(), vec![failed], None, |_| ()).await
    }

    pub(super) fn back_off(&self, job: &JobId, incidents: u32) {
        let first_ms = i64::try_from(self.settings().backoff_ms).unwrap_or(BACKOFF_MS_MAX);
        let pause_ms = first_ms.saturating_mul(1_i64 << incidents.min(20)).min(BACKOFF_MS_MAX);
        let at_ms = self.desk().now_ms().saturating_add(pause_ms);
        held(&self.runs().not_before_ms).insert(job.clone(), at_ms);
    }

    /// Stops the jobs whose grant isn't in force any more or whose module was revoked, and freezes their requests.
    pub(super) async fn stop_ended(&self) -> Done<()> {
        loop {
            let (book, now_ms) = (self.desk().book(), self.desk().now_ms());
            if ended(&book.state, now_ms).is_empty() {
                return Ok(());
            }
            let sitting = self.desk().sit().await?;
            let happenings = ended(&sitting.book.state, sitting.now_ms);
            if happenings.is_empty() {
                return Ok(());
            }
            let jobs: Vec<JobId> = happenings.iter().filter_map(stopped).cloned().collect();
            sitting.commit(&Actor::node(), happenings, None, |_| ()).await?;
            jobs.iter().for_each(|job| self.runs().cancel(job));
        }
    }

    /// Takes no more requests and cancels the runs: their jobs are run again after the next start.
    pub async fn stop(&self) {
        self.runs().stopping.send_replace(true);
        held(&self.runs().running).values().for_each(Cancel::cancel);
        let all = u32::try_from(self.settings().runs_max).unwrap_or(u32::MAX);
        let ended = tokio::time::timeout(Duration::from_secs(10), self.runs().permits.acquire_many(all)).await;
        if ended.is_err() {
            tracing::warn!("a run didn't end in time");
        }
    }

    /// Waits until the writer's seat is free, so that the last commit is whole.
    pub async fn close(&self) {
        let _ = tokio::time::timeout(Duration::from_secs(10), self.desk().sit()).await;
    }

    fn complain(&self, what: &'static str, stop: &Stop) {
        match stop {
            Stop::Fault(fault) => tracing::error!(fault = %fault, "failed to {what}"),
            Stop::Refused(refusal) => tracing::warn!(code = refusal.code.as_str(), "failed to {what}"),
            Stop::Again(_) => {}
        }
    }
}

fn stopped(happening: &Happening) -> Option<&JobId> {
    match happening {
        Happening::JobStopped { job, .. } => Some(job),
        _ => None,
    }
}

/// The jobs that may not go on, at most [`AT_ONCE`].
fn ended(state: &sluice_domain::state::State, now_ms: i64) -> Vec<Happening> {
    let open = state.jobs.values().filter(|job| !job.state.is_final());
    let reason = |job: &Job| {
        if state.grants.get(&job.grant).is_none_or(|grant| !grant.in_force(now_ms)) {
            return Some(StopReason::GrantEnded);
        }
        let module = job.module.as_ref().and_then(|digest| state.modules.get(digest));
        module.filter(|module| module.state == ModuleState::Revoked).map(|_| StopReason::ModuleRevoked)
    };
    let stops = open.filter_map(|job| Some(Happening::JobStopped { job: job.id.clone(), reason: reason(job)? }));
    stops.take(AT_ONCE).collect()
}
