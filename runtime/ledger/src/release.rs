//! Releases: bytes that may leave, and the only parts that one can be made of.
//!
//! A [`Release`] is made by [`Release::seal`] from an assessment, an [`Approval`] and a [`Charge`] that are about the
//! same candidate and the same job, or by [`Release::look_up`] from an answer out of tables that were sealed beforehand; once it is in the ledger, its bytes become [`Served`] only with the receipt that
//! names their digest. Neither can be made in another way, so "released without a vote or a vetted family, or
//! without a receipt" doesn't compile.
//!
//! # Guarantees
//! - A release's files were rendered from the assessment that the reviewers' votes commit to.
//! - What is [`Served`] is, byte for byte, what an event of the ledger says left, under the key that the caller trusts.
//!
//! # Does not guarantee
//! That the votes were those of the right people: whether somebody may vote is a policy of the domain, and asked there.

use sluice_disclosure::families::answer::FamilyAnswer;
use sluice_disclosure::{Assessment, ReleaseTable};
use sluice_domain::contract::Contract;
use sluice_domain::digest::sha256_hex;
use sluice_domain::family::FamilySeal;
use sluice_domain::grant::Grant;
use sluice_domain::id::ReleaseId;
use sluice_domain::job::Job;
use sluice_domain::release::{Artefact, Basis, ReleaseEntry};
use sluice_domain::review::{ReleaseRequest, RequestState, Verdict, Vote};

use crate::key::VerifierKey;
use crate::receipt::{Receipt, ReceiptFault};

/// The name of the artefact that is the SDC record.
pub const RECORD: &str = "record";

/// Why something isn't sealed. It says nothing about data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsealed {
    /// The votes don't let it out.
    #[error("the votes don't let it out")]
    NotApproved,
    /// The job isn't charged to this grant.
    #[error("the job isn't charged to the grant")]
    NotCharged,
    /// The approval is another job's.
    #[error("the approval and the charge are of two jobs")]
    OtherJob,
    /// The votes are about another assessment.
    #[error("the assessment isn't the one that was approved")]
    OtherAssessment,
    /// The assessment refuses it.
    #[error("the assessment refuses it")]
    Refused,
    /// The table could carry more bits than were charged.
    #[error("the table could carry more bits than were charged")]
    BeyondCharge,
    /// The bytes couldn't be made.
    #[error("the table can't be rendered")]
    Render,
}

/// The votes that let a candidate out.
pub struct Approval {
    request: ReleaseRequest,
}

impl Approval {
    /// The request with the vote that decides it, if that vote lets it out.
    ///
    /// # Errors
    /// [`Unsealed::NotApproved`].
    pub fn of(request: &ReleaseRequest, deciding: Vote) -> Result<Approval, Unsealed> {
        let mut request = request.clone();
        request.votes.push(deciding);
        match request.tally() {
            RequestState::Approved => Ok(Approval { request }),
            _ => Err(Unsealed::NotApproved),
        }
    }
}

/// That a job was charged before it ran.
pub struct Charge {
    job: Job,
    bits: u64,
}

impl Charge {
    /// The charge of a job that was admitted under this grant.
    ///
    /// # Errors
    /// [`Unsealed::NotCharged`] for another grant's job, or where the grant's account can't hold its charge.
    pub fn of(job: &Job, grant: &Grant) -> Result<Charge, Unsealed> {
        let bits = match &job.contract {
            Contract::Report(reporting) => reporting.bits_max(),
            Contract::Tabulate(_) => 0,
        };
        let held = grant.jobs_admitted > 0 && grant.report_bits >= bits;
        if job.grant != grant.id || !held {
            return Err(Unsealed::NotCharged);
        }
        Ok(Charge { job: job.clone(), bits })
    }
}

/// Bytes that may leave once their event is in the ledger.
pub struct Release {
    entry: ReleaseEntry,
    files: Vec<(&'static str, Vec<u8>)>,
}

impl Release {
    /// Seals what was approved. `key` opens the commitment to the assessment; `render` gives each format's bytes, to
    /// which the SDC record is added.
    ///
    /// # Errors
    /// Parts that aren't about one candidate and one job, or a table that can't be rendered.
    pub fn seal(
        id: ReleaseId,
        (assessment, key): (&Assessment, &[u8; 32]),
        approval: &Approval,
        charge: &Charge,
        render: impl FnOnce(&ReleaseTable) -> Option<Vec<(&'static str, Vec<u8>)>>,
    ) -> Result<Release, Unsealed> {
        let Approval { request } = approval;
        let Charge { job, bits } = charge;
        if request.job != job.id || request.organisation != job.organisation {
            return Err(Unsealed::OtherJob);
        }
        if assessment.commitment(key) != request.assessment {
            return Err(Unsealed::OtherAssessment);
        }
        if assessment.is_refused() {
            return Err(Unsealed::Refused);
        }
        if matches!(job.contract, Contract::Report(_)) && assessment.bits_max() > *bits {
            return Err(Unsealed::BeyondCharge);
        }
        let mut files = render(assessment.table()).ok_or(Unsealed::Render)?;
        files.push((RECORD, assessment.record().to_json()));
        let approvals = request.votes.iter().filter(|vote| vote.verdict == Verdict::Approve).count();
        let basis = Basis::Reviewed {
            request: request.id.clone(),
            candidate: request.candidate.clone(),
            assessment: request.assessment.clone(),
            approvals: u32::try_from(approvals).unwrap_or(u32::MAX),
        };
        Ok(Release::of(id, job, basis, files))
    }

    /// Seals an answer from a family, for a job that was admitted as a look-up in it.
    ///
    /// # Errors
    /// A job of another route, or a seal that isn't of the job's snapshot and the answer's family.
    pub fn look_up(
        id: ReleaseId,
        job: &Job,
        answer: &FamilyAnswer,
        seal: &FamilySeal,
        render: impl FnOnce(&ReleaseTable) -> Option<Vec<(&'static str, Vec<u8>)>>,
    ) -> Result<Release, Unsealed> {
        let family = answer.family();
        let pinned = job.snapshots.get(&seal.dataset) == Some(&seal.snapshot);
        if job.route.family() != Some(family) || !seal.families.iter().any(|key| key == family) || !pinned {
            return Err(Unsealed::OtherJob);
        }
        let mut files = render(answer.table()).ok_or(Unsealed::Render)?;
        files.push((RECORD, answer.record().to_json()));
        let (snapshot, content) = (seal.snapshot.clone(), seal.content.clone());
        let basis = Basis::Family { family: family.to_owned(), snapshot, content };
        Ok(Release::of(id, job, basis, files))
    }

    fn of(id: ReleaseId, job: &Job, basis: Basis, files: Vec<(&'static str, Vec<u8>)>) -> Release {
        let artefact = |(format, bytes): &(&str, Vec<u8>)| Artefact {
            format: (*format).to_owned(),
            sha256: sha256_hex(bytes),
            bytes: bytes.len() as u64,
        };
        let entry = ReleaseEntry {
            id,
            job: job.id.clone(),
            basis,
            grant: job.grant.clone(),
            organisation: job.organisation.clone(),
            lane: job.lane,
            module: job.module.clone(),
            contract: job.contract.digest(),
            snapshots: job.snapshots.clone(),
            artefacts: files.iter().map(artefact).collect(),
            sealed_at_ms: 0,
        };
        Release { entry, files }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &ReleaseId {
        &self.entry.id
    }

    /// The files, by format: to be on the disk, whole, before the event is written.
    #[must_use]
    pub fn files(&self) -> &[(&'static str, Vec<u8>)] {
        &self.files
    }

    /// What goes on record.
    #[must_use]
    pub fn entry(&self, sealed_at_ms: i64) -> ReleaseEntry {
        ReleaseEntry { sealed_at_ms, ..self.entry.clone() }
    }
}

/// Bytes of a release that may be handed out.
pub struct Served {
    format: String,
    bytes: Vec<u8>,
}

impl Served {
    /// Bytes from wherever they are kept, if the receipt, under the trusted key, is this release's and names them.
    ///
    /// # Errors
    /// The receipt doesn't verify, is of another release, or names other bytes.
    pub fn new(
        receipt: &Receipt,
        trusted: &VerifierKey,
        release: &ReleaseId,
        format: &str,
        bytes: Vec<u8>,
    ) -> Result<Served, ReceiptFault> {
        let verified = receipt.verify(Some(trusted))?;
        let (named, _) = verified.names()?;
        if named != release.as_str() {
            return Err(ReceiptFault::OtherRelease);
        }
        verified.check_artefact(format, &bytes)?;
        Ok(Served { format: format.to_owned(), bytes })
    }

    /// `csv`, `parquet`, `arrow` or [`RECORD`].
    #[must_use]
    pub fn format(&self) -> &str {
        &self.format
    }

    /// The bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}
