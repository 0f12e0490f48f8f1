//! What a node that was cut off left half done, removed before the next one runs.
//!
//! # Guarantees
//! - What an event names stays: snapshots, modules, releases, candidates, notes of votes that were cast, reasons of
//!   exceptions that were asked for, and of a job
//!   what it computes and the contributions behind its candidate.
//! - Whatever else lies in those folders goes: uploads, files that were begun, raw rows of attempts and reruns that
//!   came to nothing, candidates that never came before anybody.
//!
//! # Does not guarantee
//! - That an earlier round's notes and keys are those of its votes: the state holds the present round's only.
//! - Anything about the folder of compiled modules, which holds no data and may be emptied at any time.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use sluice_domain::id::{JobId, ReleaseId, RequestId, SnapshotId};
use sluice_domain::review::ReleaseRequest;
use sluice_domain::state::State;

use super::book::Book;
use super::desk::{Desk, OpenError};
use super::{admit, attempt};
use crate::files::Home;

/// How often, and how long apart, a folder is tried in which a dying worker still writes.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);

/// Removes what no event names.
pub(super) fn sweep(desk: &Desk) -> Result<(), OpenError> {
    let book = desk.book();
    let swept = folders(&desk.home, &book.state)
        .and_then(|()| in_jobs(&desk.home, &book))
        .and_then(|()| in_requests(&desk.home, &book.state))
        .and_then(|()| in_releases(&desk.home, &book.state));
    swept.map_err(|error| OpenError::Ready(error.to_string()))
}

fn folders(home: &Home, state: &State) -> io::Result<()> {
    let snapshot = |name: &str| SnapshotId::parse(name).is_some_and(|id| state.snapshots.contains_key(&id));
    let modules: BTreeSet<&str> = state.modules.values().map(|module| module.digest.as_str()).collect();
    clear(home, "uploads", |_| false)?;
    clear(home, "snapshots", snapshot)?;
    clear(home, "inside/snapshots", |name| name.strip_suffix(".json").is_some_and(snapshot))?;
    let sealed: BTreeSet<&str> = state.seals.values().map(|seal| seal.content.as_str()).collect();
    let release = |name: &str| ReleaseId::parse(name).is_some_and(|id| state.releases.contains_key(&id));
    clear(home, "inside/tallies", |_| false)?;
    clear(home, "inside/history", |name| name.strip_suffix(".figures").is_some_and(release))?;
    clear(home, "inside/families", |name| sealed.contains(name.split('.').next().unwrap_or(name)))?;
    clear(home, "modules", |name| name.strip_suffix(".wasm").is_some_and(|digest| modules.contains(digest)))?;
    clear(home, "jobs", |name| JobId::parse(name).is_some_and(|id| state.jobs.contains_key(&id)))?;
    clear(home, "inside/requests", |name| RequestId::parse(name).is_some_and(|id| state.requests.contains_key(&id)))?;
    clear(home, "releases", release)
}

/// Of a job stays what it computes and, once its candidate is before reviewers, the last attempt's folder: no attempt
/// follows that one. Before, every attempt that is there was cut off.
fn in_jobs(home: &Home, book: &Book) -> io::Result<()> {
    for job in book.state.jobs.values() {
        let kept = book.request_of(&job.id).map(|_| attempt::folder_name(job.attempts));
        clear(home, &format!("jobs/{}", job.id), |name| name == admit::WORK || kept.as_deref() == Some(name))?;
    }
    Ok(())
}

fn in_requests(home: &Home, state: &State) -> io::Result<()> {
    for request in state.requests.values() {
        let folder = format!("inside/requests/{}", request.id);
        clear(home, &folder, |name| {
            !is_begun(name) && !is_unvoted_note(request, name) && !is_unasked_reason(request, name)
        })?;
    }
    Ok(())
}

fn in_releases(home: &Home, state: &State) -> io::Result<()> {
    for release in state.releases.keys() {
        clear(home, &format!("releases/{release}"), |name| !is_begun(name))?;
    }
    Ok(())
}

/// Whether a file was begun and not finished.
fn is_begun(name: &str) -> bool {
    name.starts_with(crate::files::BEGUN)
}

/// Whether it is a note of somebody whose vote was cut off.
fn is_unvoted_note(request: &ReleaseRequest, name: &str) -> bool {
    let person = name.strip_prefix(&format!("note-{}-", request.round)).and_then(|rest| rest.strip_suffix(".json"));
    let noted = |person: &str| request.votes.iter().any(|vote| vote.person == person && vote.note.is_some());
    person.is_some_and(|person| !noted(person))
}

/// Whether it is a reason of somebody whose asking for an exception was cut off.
fn is_unasked_reason(request: &ReleaseRequest, name: &str) -> bool {
    let reason = name.strip_prefix(&format!("reason-{}-", request.round)).and_then(|rest| rest.strip_suffix(".json"));
    let mut backers = request.exceptions.iter().flat_map(|exception| &exception.by);
    reason.is_some_and(|reason| !backers.any(|backer| backer.reason.as_str() == reason))
}

/// Sweeps a folder, if it is there. The workers of a node that was killed end with it, but not at that very moment.
fn clear(home: &Home, folder: &str, known: impl Fn(&str) -> bool) -> io::Result<()> {
    if !home.root().join(folder).is_dir() {
        return Ok(());
    }
    for _ in 1..TRIES {
        match home.sweep(folder, &known) {
            Ok(()) => return Ok(()),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
    home.sweep(folder, &known)
}
