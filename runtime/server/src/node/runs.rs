//! The run loop: jobs that wait are run, a bounded number at a time, each in a worker of its own.
//!
//! # Guarantees
//! - A run that fails as a whole is run again under the same charge, after a pause that doubles, up to the limit; then
//!   it waits for a custodian. The operator sees none of it.
//! - A job whose grant has ended or whose module was revoked is stopped, running or not ([`super::ended`]).
//! - A result goes before the reviewers only if its job still waits for it.
//!
//! # Does not guarantee
//! That what a cancelled run had written to the job's folder is gone at once: it is removed when the worker has ended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sluice_domain::event::{Happening, IncidentKind};
use sluice_domain::id::JobId;
use sluice_domain::job::{Job, JobState};
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
                if let Err(stop) = node.desk().keep_time().await {
                    node.complain("keep the time", &stop);
                }
                node.cancel_ended();
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

    /// Ends the runs of jobs that were withdrawn or stopped. Whoever does that calls it at once; the run loop does too,
    /// in case they went away before.
    pub(super) fn cancel_ended(&self) {
        let book = self.desk().book();
        let waits = |id: &JobId| book.state.jobs.get(id).is_some_and(|job| job.state == JobState::Admitted);
        held(&self.runs().running).iter().filter(|(id, _)| !waits(id)).for_each(|(_, cancel)| cancel.cancel());
    }

    /// Notes that a job failed, and when it may be run again.
    pub(super) async fn fail(&self, job: &Job, attempt: u32, incident: IncidentKind, why: &str) -> Done<()> {
        tracing::warn!(job = job.id.as_str(), attempt, kind = ?incident, fault = why, "an attempt failed as a whole");
        self.back_off(&job.id, job.incidents);
        let sitting = self.desk().sit(None).await?;
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
        let _ = tokio::time::timeout(Duration::from_secs(10), self.desk().sit(None)).await;
    }

    pub(super) fn complain(&self, what: &'static str, stop: &Stop) {
        match stop {
            Stop::Fault(fault) => tracing::error!(fault = %fault, "failed to {what}"),
            Stop::Refused(refusal) => tracing::warn!(code = refusal.code.as_str(), "failed to {what}"),
            Stop::Again(_) => {}
        }
    }
}
