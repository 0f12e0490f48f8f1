//! Policies: may this be done to this thing, in this state, by someone who stands there?
//!
//! Each function looks at the state and says yes or a [`Refusal`]. None of them changes anything.

mod families;
mod grants;

use crate::contract::Contract;
use crate::dataset::Dataset;
use crate::event::StopReason;
use crate::exception::ExceptionMark;
use crate::grade::Lane;
use crate::grant::Grant;
use crate::job::{Job, JobState};
use crate::module::Module;
use crate::people::{Actor, OrganisationKind};
use crate::refusal::{Code, Refusal};
use crate::review::{ROUNDS_MAX, ReleaseRequest};
use crate::state::State;

pub use families::{may_propose_family, may_vet_family, may_withdraw_family, own_family};
pub use grants::{
    grade_of_grant, granted_grade, may_draft, may_end_grant, may_resume_grant, may_sign, may_suspend_grant,
};

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

/// Whether the actor's organisation may see the module and so, where the role may, revoke it: an operator its own, an
/// authority all, an agency those of an operator to whom it has granted data, by a grant that was signed, whatever
/// became of it. A draft is one person's, and gives nobody a hold on others.
#[must_use]
pub fn sees_module(state: &State, actor: &Actor, module: &Module) -> bool {
    let grants = |grant: &Grant| {
        grant.is_signed() && grant.terms.operator == module.organisation && grant.owners.contains(&actor.organisation)
    };
    match state.kind_of(&actor.organisation) {
        Some(OrganisationKind::Operator) => module.organisation == actor.organisation,
        Some(OrganisationKind::Agency) => state.grants.values().any(grants),
        Some(OrganisationKind::Authority) => true,
        Some(OrganisationKind::Node) | None => false,
    }
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
    match state.kind_of(&actor.organisation) {
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
/// As [`may_review`]; a request that is decided, a second vote, somebody who asked for an exception that holds, a grant
/// that has ended.
pub fn may_vote(state: &State, actor: &Actor, request: &ReleaseRequest, now_ms: i64) -> Answer {
    may_review(state, actor, request)?;
    if !request.is_open() {
        return refuse(Code::WrongState, "the request is decided");
    }
    if request.votes.iter().any(|vote| vote.person == actor.person) {
        return refuse(Code::WrongState, "you have voted; another person must");
    }
    if request.loosened_by(&actor.person) {
        return refuse(Code::ConflictOfInterest, "you asked for an exception of this request; others decide");
    }
    may_be_decided(state, request, now_ms)
}

/// Whether a custodian may have the candidate assessed again under stricter rules: one of an owning agency, with no
/// part in the job. It voids votes, so whoever mayn't vote for their side mayn't do this either.
///
/// # Errors
/// As [`may_review`]; a request that is decided or has had all its rounds, a report, a grant that has ended.
pub fn may_tighten(state: &State, actor: &Actor, request: &ReleaseRequest, now_ms: i64) -> Answer {
    may_change_rules(state, actor, request, now_ms)
}

/// Whether the actor may ask for an exception: somebody of an owning agency, with no part in the job, who hasn't asked
/// for this one. How far the rule gives is for the rules to say.
///
/// # Errors
/// As [`may_tighten`]; a person who has asked for it, a rule that has an exception, too much that is asked for.
pub fn may_ask_exception(
    state: &State,
    actor: &Actor,
    request: &ReleaseRequest,
    mark: ExceptionMark,
    now_ms: i64,
) -> Answer {
    may_change_rules(state, actor, request, now_ms)?;
    request.may_back(mark, &actor.person).or_else(|why| refuse(Code::WrongState, why))
}

fn may_change_rules(state: &State, actor: &Actor, request: &ReleaseRequest, now_ms: i64) -> Answer {
    may_review(state, actor, request)?;
    if !request.is_open() {
        return refuse(Code::WrongState, "the request is decided");
    }
    if request.round >= ROUNDS_MAX {
        return refuse(Code::WrongState, "the request has had all its rounds");
    }
    if state.jobs.get(&request.job).is_none_or(|job| job.lane != Lane::Tabulate) {
        return refuse(Code::WrongState, "the host counts nothing in a report, so there is no rule to change");
    }
    may_be_decided(state, request, now_ms)
}

/// Whether what the request's job stands on still holds: its module and its grant.
fn may_be_decided(state: &State, request: &ReleaseRequest, now_ms: i64) -> Answer {
    let job = state.jobs.get(&request.job).ok_or_else(|| Refusal::of(Code::NotFound))?;
    may_read_data(state, job, now_ms)
}

/// Whether a job's run may read data, now: its grant is in force, and whoever may has not revoked its module.
///
/// # Errors
/// What has ended.
pub fn may_read_data(state: &State, job: &Job, now_ms: i64) -> Answer {
    match ended(state, job, now_ms) {
        None => Ok(()),
        Some(StopReason::ModuleRevoked) => refuse(Code::WrongState, "the module was revoked"),
        Some(StopReason::GrantEnded | StopReason::Incident) => Err(Refusal::of(Code::GrantNotInForce)),
    }
}

/// What a job stands on and is no more.
#[must_use]
pub fn ended(state: &State, job: &Job, now_ms: i64) -> Option<StopReason> {
    let Some(grant) = state.grants.get(&job.grant).filter(|grant| grant.in_force(now_ms)) else {
        return Some(StopReason::GrantEnded);
    };
    let revoked = state.module_of(job).is_some_and(|module| !module.may_run_under(grant));
    revoked.then_some(StopReason::ModuleRevoked)
}
