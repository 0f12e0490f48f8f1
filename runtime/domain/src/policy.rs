//! Policies: may this be done to this thing, in this state, by someone who stands there?
//!
//! Each function looks at the state and says yes or a [`Refusal`]. None of them changes anything.

use std::collections::BTreeSet;

use crate::contract::Contract;
use crate::dataset::Dataset;
use crate::grade::{Grade, Lane};
use crate::grant::{Grant, GrantState, Terms};
use crate::job::{Job, JobState};
use crate::module::ModuleState;
use crate::people::{Actor, OrganisationKind};
use crate::refusal::{Code, Refusal};
use crate::review::ReleaseRequest;
use crate::state::State;

type Answer = Result<(), Refusal>;

fn refuse(code: Code, detail: &str) -> Answer {
    Err(Refusal::with(code, detail))
}

/// Whether a dataset may be registered: once, by its own agency (P1, 一数一源).
///
/// # Errors
/// A malformed entry, a name or item that is taken, an agency that isn't the actor's.
pub fn may_register(state: &State, actor: &Actor, dataset: &Dataset) -> Answer {
    dataset.check()?;
    if dataset.agency != actor.organisation {
        return refuse(Code::Forbidden, "an agency registers its own data");
    }
    let same = |other: &&Dataset| other.agency == dataset.agency && other.item_code == dataset.item_code;
    if let Some(first) = state.datasets.values().find(same) {
        return Err(Refusal::with(Code::Exists, format!("the item is registered as `{}`", first.name)));
    }
    if state.datasets.contains_key(&dataset.name) {
        return refuse(Code::Exists, "the name is taken");
    }
    Ok(())
}

/// Whether a snapshot of the dataset may be sealed.
///
/// # Errors
/// Another agency's dataset, or one that isn't in force.
pub fn may_seal_snapshot(state: &State, actor: &Actor, dataset: &str, now_ms: i64) -> Answer {
    let dataset = own_dataset(state, actor, dataset)?;
    if !dataset.in_force(now_ms) {
        return refuse(Code::WrongState, "the registration has lapsed or was withdrawn");
    }
    Ok(())
}

/// The actor's agency's own dataset.
///
/// # Errors
/// [`Code::NotFound`] for anything else.
pub fn own_dataset<'a>(state: &'a State, actor: &Actor, dataset: &str) -> Result<&'a Dataset, Refusal> {
    let entry = state.datasets.get(dataset).filter(|entry| entry.agency == actor.organisation);
    entry.ok_or_else(|| Refusal::of(Code::NotFound))
}

/// Whether such a grant may be drafted, and which agencies own its data.
///
/// # Errors
/// Terms that break a rule, data that can't be granted, an operator that isn't one.
pub fn may_draft(state: &State, actor: &Actor, terms: &Terms, now_ms: i64) -> Result<Vec<String>, Refusal> {
    terms.check()?;
    let operator = state.organisations.get(&terms.operator);
    if operator.is_none_or(|organisation| organisation.kind != OrganisationKind::Operator) {
        return Err(Refusal::with(Code::Malformed, "the grant names no known operator"));
    }
    let mut owners = BTreeSet::new();
    for granted in &terms.datasets {
        let Some(dataset) = state.datasets.get(&granted.dataset) else {
            return Err(Refusal::with(Code::NotFound, format!("no dataset `{}`", granted.dataset)));
        };
        if !dataset.in_force(now_ms) {
            return Err(Refusal::with(Code::WrongState, format!("`{}` isn't registered in force", dataset.name)));
        }
        for column in &granted.columns {
            if dataset.dictionary.column(column).is_none() {
                return Err(Refusal::with(Code::Malformed, format!("`{}` has no column `{column}`", dataset.name)));
            }
            if dataset.grade_of(column) == Grade::Secret {
                return Err(Refusal::with(Code::GradeForbids, format!("`{column}` is secret and can't be granted")));
            }
        }
        let grade = granted_grade(dataset, &granted.columns);
        for lane in &terms.lanes {
            if !grade.permits(*lane) {
                return Err(Refusal::with(
                    Code::GradeForbids,
                    format!("lane {} isn't permitted for `{}`", lane.as_str(), dataset.name),
                ));
            }
            if terms.reviewers < grade.reviewers_min(*lane) {
                return Err(Refusal::with(
                    Code::GradeForbids,
                    format!("the grade asks for at least {} reviewers", grade.reviewers_min(*lane)),
                ));
            }
        }
        owners.insert(dataset.agency.clone());
    }
    if !owners.contains(&actor.organisation) {
        return Err(Refusal::with(Code::Forbidden, "an agency drafts grants of its own data"));
    }
    Ok(owners.into_iter().collect())
}

/// The highest grade among the granted columns, and the dataset's own.
#[must_use]
pub fn granted_grade(dataset: &Dataset, columns: &[String]) -> Grade {
    columns.iter().map(|column| dataset.grade_of(column)).max().unwrap_or(dataset.grade).max(dataset.grade)
}

/// The highest grade of everything that a grant covers: it sets the floor of every job under it.
///
/// # Errors
/// A dataset that is gone.
pub fn grade_of_grant(state: &State, grant: &Grant) -> Result<Grade, Refusal> {
    let mut grade = Grade::Open;
    for granted in &grant.terms.datasets {
        let dataset = state.datasets.get(&granted.dataset).ok_or_else(|| Refusal::of(Code::NotFound))?;
        grade = grade.max(granted_grade(dataset, &granted.columns));
    }
    Ok(grade)
}

/// Whether the actor may sign the grant (P11): a custodian of an owning agency, once.
///
/// # Errors
/// Any other agency, a second signature, a grant that isn't a draft.
pub fn may_sign(grant: &Grant, actor: &Actor) -> Answer {
    if !grant.owners.contains(&actor.organisation) {
        return refuse(Code::Forbidden, "only the agencies that own the data sign");
    }
    if grant.state != GrantState::Draft {
        return refuse(Code::WrongState, "the grant isn't a draft");
    }
    if grant.signatures.iter().any(|signature| signature.person == actor.person) {
        return refuse(Code::WrongState, "you have signed it; another person must");
    }
    Ok(())
}

/// Whether the actor may suspend, resume or revoke the grant.
///
/// # Errors
/// People of other agencies (supervisors excepted), or a grant that has ended.
pub fn may_end_grant(grant: &Grant, actor: &Actor, supervisor: bool) -> Answer {
    if !supervisor && !grant.owners.contains(&actor.organisation) {
        return refuse(Code::Forbidden, "only the agencies that own the data end a grant");
    }
    if grant.state == GrantState::Revoked {
        return refuse(Code::WrongState, "the grant has ended");
    }
    Ok(())
}

/// Whether a job may be put to the guard under this grant, now.
///
/// # Errors
/// Another operator's grant, a grant or dataset that isn't in force, a lane beyond it, a quota that is used up.
pub fn may_submit(state: &State, actor: &Actor, grant: &Grant, lane: Lane, now_ms: i64) -> Answer {
    if grant.terms.operator != actor.organisation {
        return Err(Refusal::of(Code::NotFound));
    }
    if !grant.in_force(now_ms) {
        return Err(Refusal::of(Code::GrantNotInForce));
    }
    if !grant.terms.lanes.contains(&lane) {
        return refuse(Code::Scope, "the grant doesn't name this lane");
    }
    if grant.jobs_admitted >= grant.terms.jobs_max {
        return refuse(Code::Quota, "all jobs of the grant have been admitted");
    }
    for granted in &grant.terms.datasets {
        let dataset = state.datasets.get(&granted.dataset);
        if dataset.is_none_or(|dataset| !dataset.in_force(now_ms)) {
            return refuse(Code::GrantNotInForce, "a dataset's registration isn't in force");
        }
    }
    Ok(())
}

/// What a contract charges to the grant, if there is enough left.
///
/// # Errors
/// [`Code::Quota`] where a `report` could carry more bits than the grant has left.
pub fn charge(grant: &Grant, contract: &Contract) -> Result<u64, Refusal> {
    let Contract::Report(reporting) = contract else { return Ok(0) };
    let bits = reporting.bits_max();
    if grant.report_bits.saturating_add(bits) > grant.terms.report_bits_max {
        return Err(Refusal::with(
            Code::Quota,
            format!(
                "the table could carry {bits} bits, and {} of the grant's {} are left",
                grant.terms.report_bits_max.saturating_sub(grant.report_bits),
                grant.terms.report_bits_max
            ),
        ));
    }
    Ok(bits)
}

/// Whether the actor's organisation may see the job.
#[must_use]
pub fn sees_job(state: &State, actor: &Actor, job: &Job) -> bool {
    match state.organisations.get(&actor.organisation).map(|organisation| organisation.kind) {
        Some(OrganisationKind::Operator) => job.organisation == actor.organisation,
        Some(OrganisationKind::Agency) => {
            state.grants.get(&job.grant).is_some_and(|grant| grant.owners.contains(&actor.organisation))
        }
        Some(OrganisationKind::Authority) => true,
        Some(OrganisationKind::Node) | None => false,
    }
}

/// Whether the operator may withdraw the job: as far as they can know. A job that is decided, though its operator
/// can't see it yet, may be withdrawn like any other; the withdrawal then changes nothing.
///
/// # Errors
/// Another organisation's job, or one that has ended in the operator's sight.
pub fn may_cancel(actor: &Actor, job: &Job, now_ms: i64) -> Answer {
    if job.organisation != actor.organisation {
        return Err(Refusal::of(Code::NotFound));
    }
    if job.visible(now_ms).is_final() {
        return refuse(Code::WrongState, "the job has ended");
    }
    Ok(())
}

/// Whether a custodian may end the job.
///
/// # Errors
/// A job under another agency's grant, or one that doesn't wait to be run.
pub fn may_end_job(state: &State, actor: &Actor, job: &Job) -> Answer {
    if !sees_job(state, actor, job) {
        return Err(Refusal::of(Code::NotFound));
    }
    if job.state != JobState::Admitted {
        return refuse(Code::WrongState, "only a job that isn't ready can be ended");
    }
    Ok(())
}

/// Whether the actor may look at, or vote on, the candidate: a reviewer of an owning agency who has no part in it.
///
/// # Errors
/// Another agency, the author, anyone of the author's organisation or legal group.
pub fn may_review(state: &State, actor: &Actor, request: &ReleaseRequest) -> Answer {
    let author = state.jobs.get(&request.job).map(|job| job.person.as_str());
    let group = |id: &str| state.organisations.get(id).map(|organisation| organisation.legal_group.clone());
    let own = actor.organisation == request.organisation
        || author == Some(actor.person.as_str())
        || group(&actor.organisation) == group(&request.organisation);
    if own {
        return Err(Refusal::of(Code::ConflictOfInterest));
    }
    if !request.owners.contains(&actor.organisation) {
        return Err(Refusal::of(Code::NotFound));
    }
    Ok(())
}

/// Whether the actor may vote now.
///
/// # Errors
/// As [`may_review`]; a request that is decided, a second vote, a grant that has ended.
pub fn may_vote(state: &State, actor: &Actor, request: &ReleaseRequest, now_ms: i64) -> Answer {
    may_review(state, actor, request)?;
    if !request.is_open() {
        return refuse(Code::WrongState, "the request is decided");
    }
    if request.votes.iter().any(|vote| vote.person == actor.person) {
        return refuse(Code::WrongState, "you have voted; another person must");
    }
    let job = state.jobs.get(&request.job);
    let module = job.and_then(|job| job.module.as_ref()).and_then(|digest| state.modules.get(digest));
    if module.is_some_and(|module| module.state == ModuleState::Revoked) {
        return refuse(Code::WrongState, "the module was revoked");
    }
    let grant = job.and_then(|job| state.grants.get(&job.grant));
    if grant.is_none_or(|grant| !grant.in_force(now_ms)) {
        return Err(Refusal::of(Code::GrantNotInForce));
    }
    Ok(())
}
