//! Who sees what: from the nouns to what crosses the API. Pure functions, so that the rule is in one place.

use std::collections::BTreeMap;

use sluice_domain::dataset::{Dataset, Snapshot};
use sluice_domain::exception::{Backer, Exception, ExceptionMark};
use sluice_domain::family::{Family, FamilyState};
use sluice_domain::grant::Grant;
use sluice_domain::job::{Job, Visible};
use sluice_domain::module::Module;
use sluice_domain::people::{Actor, Organisation, Person, Role, Token};
use sluice_domain::permission::{Act, permits};
use sluice_domain::release::{Basis, ReleaseEntry};
use sluice_domain::review::{ReleaseRequest, Verdict};
use sluice_domain::state::State;

use super::book::Book;
use crate::api::types::{
    ArtefactView, AttemptView, BackerView, DatasetView, ExceptionView, FamilyView, GrantView, JobInside, JobView,
    ModuleView, OrganisationView, PersonView, ReleaseView, RequestView, SnapshotView, TokenView, VoteView,
};

pub(super) fn organisation(organisation: &Organisation) -> OrganisationView {
    OrganisationView {
        id: organisation.id.clone(),
        title: organisation.title.clone(),
        kind: organisation.kind,
        legal_group: organisation.legal_group.clone(),
    }
}

pub(super) fn person(person: &Person) -> PersonView {
    PersonView {
        id: person.id.clone(),
        title: person.title.clone(),
        organisation: person.organisation.clone(),
        roles: person.roles.clone(),
    }
}

pub(super) fn token(token: &Token) -> TokenView {
    TokenView {
        id: token.id.to_string(),
        person: token.person.clone(),
        role: token.role,
        expires_at_ms: token.expires_at_ms,
        revoked: token.revoked,
    }
}

pub(super) fn dataset(dataset: &Dataset) -> DatasetView {
    DatasetView {
        name: dataset.name.clone(),
        title: dataset.title.clone(),
        agency: dataset.agency.clone(),
        item_code: dataset.item_code.clone(),
        subject: dataset.subject.clone(),
        unique: dataset.unique.clone(),
        group: dataset.group.clone(),
        grade: dataset.grade,
        n_public: dataset.n_public,
        dictionary: dataset.dictionary.clone(),
        state: dataset.state,
        registered_at_ms: dataset.registered_at_ms,
        lapses_at_ms: dataset.lapses_at_ms,
    }
}

pub(super) fn family(family: &Family, state: &State) -> FamilyView {
    let key = family.key();
    let newest = state.newest_snapshot(&family.terms.dataset);
    let seal = newest.and_then(|snapshot| state.seals.get(&snapshot.id)).filter(|seal| seal.families.contains(&key));
    FamilyView {
        sealed_snapshot: seal.filter(|_| family.state == FamilyState::Vetted).map(|seal| seal.snapshot.to_string()),
        key,
        terms: family.terms.clone(),
        agency: family.agency.clone(),
        proposed_by: family.proposed_by.clone(),
        proposed_at_ms: family.proposed_at_ms,
        vets: family.vets.clone(),
        state: family.state,
    }
}

pub(super) fn snapshot(snapshot: &Snapshot) -> SnapshotView {
    SnapshotView {
        id: snapshot.id.to_string(),
        dataset: snapshot.dataset.clone(),
        sealed_at_ms: snapshot.sealed_at_ms,
        content: snapshot.content.as_str().to_owned(),
    }
}

pub(super) fn grant(grant: &Grant, now_ms: i64) -> GrantView {
    GrantView {
        id: grant.id.to_string(),
        state: grant.state,
        in_force: grant.in_force(now_ms),
        terms: grant.terms.clone(),
        owners: grant.owners.clone(),
        drafted_by: grant.drafted_by.clone(),
        signatures: grant.signatures.clone(),
        suspended_by: grant.suspended_by.iter().cloned().collect(),
        jobs_admitted: grant.jobs_admitted,
        report_bits: grant.report_bits,
    }
}

pub(super) fn module(module: &Module) -> ModuleView {
    ModuleView {
        digest: module.digest.clone(),
        lane: module.lane,
        bytes: module.bytes,
        functions: module.functions,
        imports: module.imports.clone(),
        exports: module.exports.clone(),
        statement: module.statement.clone(),
        organisation: module.organisation.clone(),
        submitted_at_ms: module.submitted_at_ms,
        state: module.state,
        revoked_by: module.revoked_by.iter().cloned().collect(),
    }
}

fn ids<K: ToString, V: ToString>(map: &BTreeMap<K, V>) -> BTreeMap<String, String> {
    map.iter().map(|(name, id)| (name.to_string(), id.to_string())).collect()
}

fn links<const N: usize>(pairs: [(&str, String); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(name, path)| (name.to_owned(), path)).collect()
}

/// A job. What follows from its real state goes into `inside`, and only for roles that read incidents; everything
/// else is decided on [`Job::visible`], for everyone.
pub(super) fn job(book: &Book, actor: &Actor, job: &Job, attempts_max: u32, now_ms: i64) -> JobView {
    let visible = job.visible(now_ms);
    let mut at = links([("self", format!("/v1/jobs/{}", job.id)), ("events", format!("/v1/jobs/{}/events", job.id))]);
    let released = book.releases.get(&job.id);
    let release = released.filter(|_| visible == Visible::Released).map(ToString::to_string);
    if let Some(id) = &release {
        at.insert("release".to_owned(), format!("/v1/releases/{id}"));
    }
    let request = book.request_of(&job.id);
    let inside = actor.role.is_some_and(|role| permits(role, Act::ReadIncidents));
    JobView {
        id: job.id.to_string(),
        grant: job.grant.to_string(),
        organisation: job.organisation.clone(),
        person: job.person.clone(),
        lane: job.lane,
        module: job.module.clone(),
        params: job.params.clone(),
        contract: job.contract.clone(),
        contract_sha256: job.contract.digest(),
        snapshots: ids(&job.snapshots),
        admitted_at_ms: job.admitted_at_ms,
        slot_ms: job.slot_ms,
        fixed_slot_at_ms: job.fixed_slot_at_ms,
        route: job.route.clone(),
        state: visible,
        reasons: request.map_or_else(Vec::new, |request| reasons(request, visible)),
        release,
        links: at,
        inside: inside.then(|| JobInside {
            state: job.state,
            state_at_ms: job.state_at_ms,
            attempts: attempts(book, job),
            incidents: job.incidents,
            waits_for_custodian: book.is_given_up(job, attempts_max),
            request: request.map(|request| request.id.to_string()),
        }),
    }
}

fn attempts(book: &Book, job: &Job) -> Vec<AttemptView> {
    let view = |entry: &super::book::Attempt| AttemptView {
        attempt: entry.attempt,
        started_at_ms: entry.started_at_ms,
        protections: entry.protections.clone(),
        incident: entry.failed.map(|(incident, _)| incident),
        failed_at_ms: entry.failed.map(|(_, at_ms)| at_ms),
    };
    book.attempts(&job.id).iter().map(view).collect()
}

/// The reasons of the votes that decided against the candidate, as fixed sentences, once the decision shows.
fn reasons(request: &ReleaseRequest, visible: Visible) -> Vec<String> {
    let verdict = match visible {
        Visible::NotReleased => Verdict::Reject,
        Visible::ChangesRequested => Verdict::RequestChanges,
        Visible::Accepted | Visible::UnderReview | Visible::Released | Visible::Cancelled | Visible::Stopped => {
            return Vec::new();
        }
    };
    let deciding = request.votes.iter().filter(|vote| vote.verdict == verdict);
    let reasons: std::collections::BTreeSet<_> = deciding.map(|vote| vote.reason).collect();
    reasons.into_iter().map(|reason| reason.sentence().to_owned()).collect()
}

/// A request, with the votes that the caller may see.
pub(super) fn request(book: &Book, actor: &Actor, role: Role, request: &ReleaseRequest) -> RequestView {
    let job = book.state.jobs.get(&request.job);
    let votes = request.votes_seen_by(&actor.person, role);
    let vote = |vote: &sluice_domain::review::Vote| VoteView {
        person: vote.person.clone(),
        agency: vote.agency.clone(),
        verdict: vote.verdict,
        reason: vote.reason,
        at_ms: vote.at_ms,
    };
    RequestView {
        id: request.id.to_string(),
        job: request.job.to_string(),
        grant: job.map_or_else(String::new, |job| job.grant.to_string()),
        lane: job.map_or(sluice_domain::grade::Lane::Tabulate, |job| job.lane),
        module: job.and_then(|job| job.module.clone()),
        organisation: request.organisation.clone(),
        owners: request.owners.clone(),
        state: request.state,
        tightening: request.tightening.clone(),
        exceptions: request.exceptions.iter().map(|asked| exception(asked, &request.owners)).collect(),
        round: request.round,
        reviewers: request.reviewers,
        voted: request.votes.iter().any(|vote| vote.person == actor.person),
        votes: votes.into_iter().map(vote).collect(),
        candidate: request.candidate.as_str().to_owned(),
        assessment: request.assessment.as_str().to_owned(),
    }
}

/// An exception, without anybody's words.
fn exception(exception: &Exception, owners: &[String]) -> ExceptionView {
    let backer = |backer: &Backer| BackerView {
        person: backer.person.clone(),
        agency: backer.agency.clone(),
        at_ms: backer.at_ms,
        reason: None,
    };
    ExceptionView {
        rule: exception.mark.rule,
        asked: exception.mark.asked,
        in_force: exception.holds(owners),
        by: exception.by.iter().map(backer).collect(),
    }
}

/// The exceptions under which a release was let out: what its record says as well.
fn marks(state: &State, release: &ReleaseEntry) -> Vec<ExceptionMark> {
    let Basis::Reviewed { request, .. } = &release.basis else { return Vec::new() };
    let request = state.requests.get(request);
    let mut marks: Vec<ExceptionMark> =
        request.into_iter().flat_map(ReleaseRequest::exceptions_in_force).map(|exception| exception.mark).collect();
    marks.sort_unstable();
    marks
}

/// A release.
pub(super) fn release(state: &State, release: &ReleaseEntry) -> ReleaseView {
    let path = format!("/v1/releases/{}", release.id);
    let artefact = |artefact: &sluice_domain::release::Artefact| ArtefactView {
        format: artefact.format.clone(),
        sha256: artefact.sha256.clone(),
        bytes: artefact.bytes,
    };
    ReleaseView {
        id: release.id.to_string(),
        job: release.job.to_string(),
        grant: release.grant.to_string(),
        organisation: release.organisation.clone(),
        lane: release.lane,
        module: release.module.clone(),
        contract_sha256: release.contract.clone(),
        snapshots: ids(&release.snapshots),
        basis: release.basis.clone(),
        exceptions: marks(state, release),
        artefacts: release.artefacts.iter().map(artefact).collect(),
        sealed_at_ms: release.sealed_at_ms,
        links: links([
            ("self", path.clone()),
            ("data", format!("{path}/data?format=csv")),
            ("record", format!("{path}/record")),
            ("receipt", format!("{path}/receipt")),
        ]),
    }
}
