//! Sealing: from an approved candidate to the bytes of a release.
//!
//! # Guarantees
//! - The bytes are rendered from the candidate and assessment that the request on record commits to.
//! - They are on the disk, whole, before the event that names them is written, and each is named with its digest.

use sluice_disclosure::families::answer::FamilyAnswer;
use sluice_domain::family::FamilySeal;
use sluice_domain::id::ReleaseId;
use sluice_domain::job::Job;
use sluice_domain::release::ReleaseEntry;
use sluice_domain::review::{ReleaseRequest, Vote};
use sluice_ledger::release::RECORD;
use sluice_ledger::{Approval, Charge, Release};

use super::Node;
use super::book::Book;
use super::inside::{self, Inside, Loaded};
use super::stop::{Done, Fault, Stop, off};
use crate::files::{self, Home};
use crate::render;

/// A release whose bytes are written and whose event isn't yet.
pub(super) struct Sealed {
    release: Release,
}

/// The name of an artefact's file.
pub(super) fn file_name(format: &str) -> String {
    match format {
        RECORD => "record.json".to_owned(),
        format => format!("data.{format}"),
    }
}

impl Sealed {
    /// What goes on record.
    pub fn entry(&self, sealed_at_ms: i64) -> ReleaseEntry {
        self.release.entry(sealed_at_ms)
    }

    /// Removes the bytes: another vote came first.
    pub async fn discard(self, home: &Home) {
        // What can't be removed now is swept at the next start, and is never served.
        let _ = tokio::fs::remove_dir_all(home.release(self.release.id())).await;
        let _ = tokio::fs::remove_file(home.figures(self.release.id())).await;
    }
}

fn written(folder: &std::path::Path, release: &Release) -> Done<()> {
    let files: Vec<(String, &[u8])> =
        release.files().iter().map(|(format, bytes)| (file_name(format), bytes.as_slice())).collect();
    files::write_folder(folder, &files).map_err(Stop::fault("write a release"))
}

impl Node {
    /// Writes the bytes of the release that this vote lets out.
    pub(super) async fn prepare(&self, book: &Book, request: &ReleaseRequest, deciding: Vote) -> Done<Sealed> {
        let missing = || Stop::Fault(Fault::new("seal a release", "its job or grant is gone"));
        let job = book.state.jobs.get(&request.job).ok_or_else(missing)?;
        let grant = book.state.grants.get(&job.grant).ok_or_else(missing)?;
        let appetite = inside::appetite(&book.state, grant, request)?;
        let id = ReleaseId::new(self.desk().random()?);
        let folder = self.desk().home.release(&id);
        let inside = Inside::at(self.desk().home.request(&request.id));
        let (on_record, limits) = (request.clone(), self.settings().limits.clone());
        let approval = Approval::of(request, deciding).map_err(Stop::fault("seal a release"))?;
        let charge = Charge::of(job, grant).map_err(Stop::fault("seal a release"))?;
        let comparison = self.comparison(&book.state, &request.job)?;
        let release = off(move || {
            let Loaded { assessment, key, .. } = inside.load(&on_record, &appetite, &limits)?;
            let release = Release::seal(id, (&assessment, &key), &approval, &charge, |table| render::all(table).ok());
            let release = release.map_err(Stop::fault("seal a release"))?;
            if let Some(comparison) = comparison {
                comparison.leave(release.id(), assessment.table())?;
            }
            written(&folder, &release)?;
            Ok(release)
        });
        Ok(Sealed { release: release.await? })
    }

    /// Writes the bytes of an answer from a family.
    pub(super) async fn look_up(&self, job: &Job, answer: FamilyAnswer, seal: &FamilySeal) -> Done<Sealed> {
        let id = ReleaseId::new(self.desk().random()?);
        let folder = self.desk().home.release(&id);
        let (job, seal) = (job.clone(), seal.clone());
        let release = off(move || {
            let release = Release::look_up(id, &job, &answer, &seal, |table| render::all(table).ok());
            let release = release.map_err(Stop::fault("look a job up"))?;
            written(&folder, &release)?;
            Ok(release)
        });
        Ok(Sealed { release: release.await? })
    }
}
