//! The state: what the events add up to.
//!
//! [`State::apply`] is the only way to change it, it is the same code when an event is written and when the state is
//! rebuilt from the ledger, and it refuses an event that doesn't follow from the state. So "state without its event"
//! can't be written.

use std::collections::BTreeMap;

use crate::dataset::{Dataset, DatasetState, Snapshot};
use crate::digest::Commitment;
pub use crate::documents::DocumentKey;
use crate::event::{Event, Happening};
use crate::exception::{Backer, ExceptionMark};
use crate::family::{self, Family, FamilySeal, FamilyState};
use crate::grant::{Grant, GrantState, Signature};
use crate::id::{GrantId, JobId, ReleaseId, RequestId, SnapshotId, TokenId};
use crate::job::{Job, JobState};
use crate::module::{self, Module, ModuleState};
use crate::people::{Actor, Organisation, OrganisationKind, Person, Token};
use crate::release::{Basis, ReleaseEntry};
use crate::review::{ReleaseRequest, RequestState};

/// An event that doesn't follow from the state: ours to mend, never an operator's to see.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event `{kind}` doesn't follow from the state: {why}")]
pub struct Unsound {
    /// The event's kind.
    pub kind: &'static str,
    /// What is missing or in the way.
    pub why: &'static str,
}

/// All documents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "each field holds the noun that it is named after")]
pub struct State {
    pub organisations: BTreeMap<String, Organisation>,
    pub people: BTreeMap<String, Person>,
    pub tokens: BTreeMap<TokenId, Token>,
    pub datasets: BTreeMap<String, Dataset>,
    pub snapshots: BTreeMap<SnapshotId, Snapshot>,
    pub families: BTreeMap<String, Family>,
    pub seals: BTreeMap<SnapshotId, FamilySeal>,
    pub grants: BTreeMap<GrantId, Grant>,
    pub modules: BTreeMap<String, Module>,
    pub jobs: BTreeMap<JobId, Job>,
    pub requests: BTreeMap<RequestId, ReleaseRequest>,
    pub releases: BTreeMap<ReleaseId, ReleaseEntry>,
}

/// Inserts what must not be there yet.
fn put<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: V) -> Result<(), &'static str> {
    match map.entry(key) {
        std::collections::btree_map::Entry::Vacant(slot) => {
            slot.insert(value);
            Ok(())
        }
        std::collections::btree_map::Entry::Occupied(_) => Err("it exists already"),
    }
}

impl State {
    /// Applies an event and says which documents it changed.
    ///
    /// # Errors
    /// An event that doesn't follow from the state. The state is then to be thrown away, since an event may have
    /// been applied in part: callers apply to a clone or stop.
    pub fn apply(&mut self, event: &Event) -> Result<Vec<DocumentKey>, Unsound> {
        let kind = event.happening.kind();
        self.step(event).map_err(|why| Unsound { kind, why })
    }

    fn step(&mut self, event: &Event) -> Result<Vec<DocumentKey>, &'static str> {
        let at_ms = event.at_ms;
        let key = |noun: &'static str, id: &str| vec![DocumentKey { noun, id: id.to_owned() }];
        match &event.happening {
            Happening::OrganisationAdded { organisation } => {
                put(&mut self.organisations, organisation.id.clone(), organisation.clone())?;
                Ok(key("organisation", &organisation.id))
            }
            Happening::PersonAdded { person } => {
                put(&mut self.people, person.id.clone(), person.clone())?;
                Ok(key("person", &person.id))
            }
            Happening::TokenIssued { token } => {
                put(&mut self.tokens, token.id.clone(), token.clone())?;
                Ok(key("token", token.id.as_str()))
            }
            Happening::TokenRevoked { token } => {
                self.tokens.get_mut(token).ok_or("no such token")?.revoked = true;
                Ok(key("token", token.as_str()))
            }
            Happening::DatasetRegistered { dataset } => {
                put(&mut self.datasets, dataset.name.clone(), (**dataset).clone())?;
                Ok(key("dataset", &dataset.name))
            }
            Happening::DatasetWithdrawn { dataset } => {
                self.datasets.get_mut(dataset).ok_or("no such dataset")?.state = DatasetState::Withdrawn;
                Ok(key("dataset", dataset))
            }
            Happening::SnapshotSealed { snapshot } => {
                put(&mut self.snapshots, snapshot.id.clone(), snapshot.clone())?;
                Ok(key("snapshot", snapshot.id.as_str()))
            }
            Happening::SnapshotRemoved { snapshot } => Ok(key("snapshot", snapshot.as_str())),
            Happening::FamilyProposed { family } => {
                put(&mut self.families, family.key(), (**family).clone())?;
                Ok(key("family", &family.key()))
            }
            Happening::FamilyVetted { family } => self.vet(family, &event.actor, at_ms),
            Happening::FamilyWithdrawn { family } => {
                self.families.get_mut(family).ok_or("no such family")?.state = FamilyState::Withdrawn;
                Ok(key("family", family))
            }
            Happening::FamiliesSealed { seal } => self.seal_families(seal),
            Happening::GrantDrafted { grant } => {
                put(&mut self.grants, grant.id.clone(), (**grant).clone())?;
                Ok(key("grant", grant.id.as_str()))
            }
            Happening::GrantSigned { grant, agency } => self.sign(grant, agency, &event.actor.person, at_ms),
            Happening::GrantSuspended { grant } => self.suspend(grant, &event.actor.organisation),
            Happening::GrantResumed { grant } => self.resume(grant, &event.actor.organisation),
            Happening::GrantRevoked { grant } => {
                self.grants.get_mut(grant).ok_or("no such grant")?.state = GrantState::Revoked;
                Ok(key("grant", grant.as_str()))
            }
            Happening::ModuleSubmitted { module } => {
                put(&mut self.modules, module.key(), (**module).clone())?;
                Ok(key("module", &module.key()))
            }
            Happening::ModuleRevoked { module, organisations } => {
                self.revoke_module(module, organisations, &event.actor)
            }
            Happening::JobRefused { .. } | Happening::CandidateViewed { .. } => Ok(Vec::new()),
            Happening::ReleaseFetched { .. } | Happening::JobRerun { .. } => Ok(Vec::new()),
            Happening::JobAdmitted { job, report_bits } => self.admit(job, *report_bits),
            Happening::AttemptStarted { job, attempt, .. } => {
                let entry = self.jobs.get_mut(job).ok_or("no such job")?;
                if entry.state != JobState::Admitted {
                    return Err("the job isn't waiting to run");
                }
                entry.attempts = *attempt;
                Ok(key("job", job.as_str()))
            }
            Happening::AttemptFailed { job, .. } => {
                let entry = self.jobs.get_mut(job).ok_or("no such job")?;
                entry.incidents = entry.incidents.saturating_add(1);
                Ok(key("job", job.as_str()))
            }
            Happening::JobCancelled { job } => self.cancel_job(job, at_ms),
            Happening::JobStopped { job, .. } => self.end_job(job, JobState::Stopped, at_ms),
            Happening::ReviewOpened { request } => {
                let mut keys = self.turn_job(&request.job, JobState::UnderReview, at_ms)?;
                put(&mut self.requests, request.id.clone(), (**request).clone())?;
                keys.extend(key("request", request.id.as_str()));
                Ok(keys)
            }
            Happening::CandidateReplaced { request, candidate, assessment, tightening } => {
                let entry = self.requests.get_mut(request).ok_or("no such request")?;
                if !entry.is_open() {
                    return Err("the request is decided");
                }
                if !tightening.is_at_least(&entry.tightening) {
                    return Err("its rules would be loosened");
                }
                entry.tightening = tightening.clone();
                entry.candidate = candidate.clone();
                entry.begin_round(assessment);
                Ok(key("request", request.as_str()))
            }
            Happening::ExceptionAsked { request, mark, reason, assessment } => {
                self.ask_exception(request, *mark, (&event.actor, reason, at_ms), assessment.as_ref())
            }
            Happening::VoteCast { request, vote } => {
                let entry = self.requests.get_mut(request).ok_or("no such request")?;
                if !entry.is_open() {
                    return Err("the request is decided");
                }
                if entry.votes.iter().any(|other| other.person == vote.person) {
                    return Err("the person has voted");
                }
                if entry.loosened_by(&vote.person) {
                    return Err("the person asked for an exception that holds");
                }
                entry.votes.push(vote.clone());
                entry.state = entry.tally();
                let (state, job) = (entry.state, entry.job.clone());
                let mut keys = key("request", request.as_str());
                let ended = match state {
                    RequestState::Rejected => Some(JobState::NotReleased),
                    RequestState::ChangesRequested => Some(JobState::ChangesRequested),
                    _ => None,
                };
                if let Some(ended) = ended {
                    keys.extend(self.turn_job(&job, ended, at_ms)?);
                }
                Ok(keys)
            }
            Happening::ReleaseSealed { release } => self.seal_release(release, at_ms),
        }
    }

    fn ask_exception(
        &mut self,
        request: &RequestId,
        mark: ExceptionMark,
        (by, reason, at_ms): (&Actor, &Commitment, i64),
        assessment: Option<&Commitment>,
    ) -> Result<Vec<DocumentKey>, &'static str> {
        let entry = self.requests.get_mut(request).ok_or("no such request")?;
        if !entry.is_open() {
            return Err("the request is decided");
        }
        if !entry.owners.contains(&by.organisation) {
            return Err("not of an owning agency");
        }
        let (person, agency, reason) = (by.person.clone(), by.organisation.clone(), reason.clone());
        let holds = entry.back(mark, Backer { person, agency, reason, round: entry.round, at_ms })?;
        if holds != assessment.is_some() {
            return Err("an assessment is due exactly when it holds");
        }
        if let Some(assessment) = assessment {
            entry.begin_round(assessment);
        }
        Ok(vec![DocumentKey { noun: "request", id: request.as_str().to_owned() }])
    }

    fn sign(
        &mut self,
        grant: &GrantId,
        agency: &str,
        person: &str,
        at_ms: i64,
    ) -> Result<Vec<DocumentKey>, &'static str> {
        let entry = self.grants.get_mut(grant).ok_or("no such grant")?;
        if entry.state != GrantState::Draft {
            return Err("the grant isn't a draft");
        }
        if entry.signatures.iter().any(|signature| signature.person == person) {
            return Err("the person has signed");
        }
        entry.signatures.push(Signature { person: person.to_owned(), agency: agency.to_owned(), at_ms });
        if entry.is_signed() {
            entry.state = GrantState::InForce;
        }
        Ok(vec![DocumentKey { noun: "grant", id: grant.as_str().to_owned() }])
    }

    fn vet(&mut self, key: &str, by: &Actor, at_ms: i64) -> Result<Vec<DocumentKey>, &'static str> {
        let entry = self.families.get_mut(key).ok_or("no such family")?;
        if entry.state != FamilyState::Proposed {
            return Err("the family isn't proposed");
        }
        if entry.vets.iter().any(|vet| vet.person == by.person) {
            return Err("the person has vetted it");
        }
        entry.vets.push(Signature { person: by.person.clone(), agency: by.organisation.clone(), at_ms });
        if entry.vets.len() >= family::VETS {
            entry.state = FamilyState::Vetted;
        }
        Ok(vec![DocumentKey { noun: "family", id: key.to_owned() }])
    }

    /// The families of a snapshot may be sealed again: when another one was vetted. What the first seal published is
    /// in the second.
    fn seal_families(&mut self, seal: &FamilySeal) -> Result<Vec<DocumentKey>, &'static str> {
        if self.snapshots.get(&seal.snapshot).is_none_or(|snapshot| snapshot.dataset != seal.dataset) {
            return Err("no such snapshot");
        }
        let vetted = |key: &String| self.families.get(key).is_some_and(|family| family.state == FamilyState::Vetted);
        if !seal.families.iter().all(vetted) {
            return Err("a family isn't vetted");
        }
        self.seals.insert(seal.snapshot.clone(), seal.clone());
        Ok(vec![DocumentKey { noun: "seal", id: seal.snapshot.as_str().to_owned() }])
    }

    fn seal_release(&mut self, release: &ReleaseEntry, at_ms: i64) -> Result<Vec<DocumentKey>, &'static str> {
        let job = self.jobs.get(&release.job).ok_or("no such job")?;
        match &release.basis {
            Basis::Reviewed { request, candidate, assessment, .. } => {
                let request = self.requests.get(request).ok_or("no such request")?;
                if request.state != RequestState::Approved || request.job != release.job {
                    return Err("the request isn't approved");
                }
                if &request.candidate != candidate || &request.assessment != assessment {
                    return Err("what is sealed isn't what was approved");
                }
                if job.state != JobState::UnderReview {
                    return Err("the job isn't under review");
                }
            }
            Basis::Family { family, snapshot, content } => {
                let seal = self.seals.get(snapshot).ok_or("no such seal")?;
                if job.route.family() != Some(family) || !job.snapshots.values().any(|pinned| pinned == snapshot) {
                    return Err("the job isn't answered from that family");
                }
                if !seal.families.contains(family) || &seal.content != content {
                    return Err("what is let out isn't what was sealed");
                }
            }
        }
        let mut keys = self.turn_job(&release.job, JobState::Released, at_ms)?;
        put(&mut self.releases, release.id.clone(), release.clone())?;
        keys.push(DocumentKey { noun: "release", id: release.id.as_str().to_owned() });
        Ok(keys)
    }

    fn suspend(&mut self, grant: &GrantId, organisation: &str) -> Result<Vec<DocumentKey>, &'static str> {
        let entry = self.grants.get_mut(grant).ok_or("no such grant")?;
        if !matches!(entry.state, GrantState::InForce | GrantState::Suspended) {
            return Err("the grant isn't in that state");
        }
        if !entry.suspended_by.insert(organisation.to_owned()) {
            return Err("the organisation has suspended it");
        }
        entry.state = GrantState::Suspended;
        Ok(vec![DocumentKey { noun: "grant", id: grant.as_str().to_owned() }])
    }

    fn resume(&mut self, grant: &GrantId, organisation: &str) -> Result<Vec<DocumentKey>, &'static str> {
        let entry = self.grants.get_mut(grant).ok_or("no such grant")?;
        if entry.state != GrantState::Suspended || !entry.suspended_by.remove(organisation) {
            return Err("the organisation hasn't suspended it");
        }
        if entry.suspended_by.is_empty() {
            entry.state = GrantState::InForce;
        }
        Ok(vec![DocumentKey { noun: "grant", id: grant.as_str().to_owned() }])
    }

    /// For everyone by an authority, for its own data by an agency.
    fn revoke_module(
        &mut self,
        digest: &str,
        organisations: &[String],
        by: &Actor,
    ) -> Result<Vec<DocumentKey>, &'static str> {
        let kind = self.kind_of(&by.organisation);
        let mut keys = Vec::with_capacity(organisations.len());
        for organisation in organisations {
            let id = module::key(organisation, digest);
            let entry = self.modules.get_mut(&id).ok_or("no such module")?;
            match kind {
                Some(OrganisationKind::Authority) => entry.state = ModuleState::Revoked,
                _ => drop(entry.revoked_by.insert(by.organisation.clone())),
            }
            keys.push(DocumentKey { noun: "module", id });
        }
        Ok(keys)
    }

    fn admit(&mut self, job: &Job, report_bits: u64) -> Result<Vec<DocumentKey>, &'static str> {
        let grant = self.grants.get_mut(&job.grant).ok_or("no such grant")?;
        grant.jobs_admitted = grant.jobs_admitted.checked_add(1).ok_or("too many jobs")?;
        grant.report_bits = grant.report_bits.checked_add(report_bits).ok_or("too many bits")?;
        put(&mut self.jobs, job.id.clone(), job.clone())?;
        Ok(vec![
            DocumentKey { noun: "grant", id: job.grant.as_str().to_owned() },
            DocumentKey { noun: "job", id: job.id.as_str().to_owned() },
        ])
    }

    fn turn_job(&mut self, job: &JobId, to: JobState, at_ms: i64) -> Result<Vec<DocumentKey>, &'static str> {
        let entry = self.jobs.get_mut(job).ok_or("no such job")?;
        if !entry.state.next().contains(&to) {
            return Err("the job can't turn into that");
        }
        entry.state = to;
        entry.state_at_ms = at_ms;
        if to == JobState::UnderReview {
            entry.review_at_ms = Some(at_ms);
        }
        Ok(vec![DocumentKey { noun: "job", id: job.as_str().to_owned() }])
    }

    /// What is decided or has ended already stays as it is.
    fn cancel_job(&mut self, job: &JobId, at_ms: i64) -> Result<Vec<DocumentKey>, &'static str> {
        match self.jobs.get(job).ok_or("no such job")?.state {
            JobState::Released
            | JobState::NotReleased
            | JobState::ChangesRequested
            | JobState::Cancelled
            | JobState::Stopped => Ok(Vec::new()),
            JobState::Admitted | JobState::UnderReview => self.end_job(job, JobState::Cancelled, at_ms),
        }
    }

    fn end_job(&mut self, job: &JobId, to: JobState, at_ms: i64) -> Result<Vec<DocumentKey>, &'static str> {
        let mut keys = self.turn_job(job, to, at_ms)?;
        for request in self.requests.values_mut().filter(|request| &request.job == job) {
            if request.is_open() || request.state == RequestState::Approved {
                request.state = RequestState::Closed;
                keys.push(DocumentKey { noun: "request", id: request.id.as_str().to_owned() });
            }
        }
        Ok(keys)
    }

    /// An organisation's module.
    #[must_use]
    pub fn module(&self, organisation: &str, digest: &str) -> Option<&Module> {
        self.modules.get(&module::key(organisation, digest))
    }

    /// The module that a job runs, as its own organisation submitted it.
    #[must_use]
    pub fn module_of(&self, job: &Job) -> Option<&Module> {
        job.module.as_ref().and_then(|digest| self.module(&job.organisation, digest))
    }

    /// What kind an organisation is of; none where there is none of this name.
    #[must_use]
    pub fn kind_of(&self, organisation: &str) -> Option<OrganisationKind> {
        self.organisations.get(organisation).map(|organisation| organisation.kind)
    }

    /// The newest snapshot of a dataset.
    #[must_use]
    pub fn newest_snapshot(&self, dataset: &str) -> Option<&Snapshot> {
        let of = self.snapshots.values().filter(|snapshot| snapshot.dataset == dataset);
        of.max_by(|a, b| (a.sealed_at_ms, &a.id).cmp(&(b.sealed_at_ms, &b.id)))
    }
}
