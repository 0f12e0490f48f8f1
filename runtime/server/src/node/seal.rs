//! Sealing: from an approved candidate to the bytes of a release.
//!
//! # Guarantees
//! - The bytes are rendered from the candidate and assessment that the request on record commits to.
//! - They are on the disk, whole, before the event that names them is written, and each is named with its digest.

use sluice_domain::digest::sha256_hex;
use sluice_domain::id::ReleaseId;
use sluice_domain::release::{Artefact, ReleaseEntry};
use sluice_domain::review::{ReleaseRequest, Verdict};

use super::book::Book;
use super::inside::Inside;
use super::stop::{Done, Fault, Stop, off};
use super::{Node, grants};
use crate::files::{self, Home};
use crate::render;

/// A release whose bytes are written and whose event isn't yet.
pub(super) struct Sealed {
    entry: ReleaseEntry,
}

/// The name of an artefact's file.
pub(super) fn file_name(format: &str) -> String {
    match format {
        "record" => "record.json".to_owned(),
        format => format!("data.{format}"),
    }
}

impl Sealed {
    /// Its name.
    pub fn id(&self) -> ReleaseId {
        self.entry.id.clone()
    }

    /// What goes on record.
    pub fn entry(self, sealed_at_ms: i64) -> ReleaseEntry {
        ReleaseEntry { sealed_at_ms, ..self.entry }
    }

    /// Removes the bytes: another vote came first.
    pub async fn discard(self, home: &Home) {
        // What can't be removed now is swept at the next start, and is never served.
        let _ = tokio::fs::remove_dir_all(home.release(&self.entry.id)).await;
    }
}

impl Node {
    /// Writes the bytes of the release that the next approval lets out.
    pub(super) async fn prepare(&self, book: &Book, request: &ReleaseRequest) -> Done<Sealed> {
        let missing = || Stop::Fault(Fault::new("seal a release", "its job or grant is gone"));
        let job = book.state.jobs.get(&request.job).ok_or_else(missing)?;
        let grant = book.state.grants.get(&job.grant).ok_or_else(missing)?;
        let appetite = grants::appetite(&book.state, grant)?;
        let id = ReleaseId::new(self.desk().random()?);
        let folder = self.desk().home.release(&id);
        let inside = Inside::at(self.desk().home.request(&request.id));
        let (on_record, limits) = (request.clone(), self.settings().limits.clone());
        let artefacts = off(move || {
            let (_, assessment) = inside.load(&on_record, &appetite, &limits)?;
            if assessment.is_refused() {
                return Err(Stop::Fault(Fault::new("seal a release", "its assessment refuses it")));
            }
            let mut files = render::all(assessment.table()).map_err(Stop::fault("render a release"))?;
            files.push(("record", assessment.record().to_json()));
            files::folder(&folder).map_err(Stop::fault("write a release"))?;
            let mut artefacts = Vec::new();
            for (format, bytes) in files {
                files::write(&folder.join(file_name(format)), &bytes).map_err(Stop::fault("write a release"))?;
                let (sha256, length) = (sha256_hex(&bytes), bytes.len() as u64);
                artefacts.push(Artefact { format: format.to_owned(), sha256, bytes: length });
            }
            Ok(artefacts)
        });
        let earlier = request.votes.iter().filter(|vote| vote.verdict == Verdict::Approve).count();
        let entry = ReleaseEntry {
            id,
            job: job.id.clone(),
            request: request.id.clone(),
            grant: grant.id.clone(),
            organisation: job.organisation.clone(),
            lane: job.lane,
            module: job.module.clone(),
            contract: job.contract.digest(),
            snapshots: job.snapshots.clone(),
            candidate: request.candidate.clone(),
            assessment: request.assessment.clone(),
            // The vote that is about to be cast is one more.
            approvals: u32::try_from(earlier).unwrap_or(u32::MAX).saturating_add(1),
            artefacts: artefacts.await?,
            sealed_at_ms: 0,
        };
        Ok(Sealed { entry })
    }
}
