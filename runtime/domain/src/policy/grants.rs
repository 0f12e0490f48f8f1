//! Policies of grants: drafted, signed, suspended, resumed, ended.

use std::collections::BTreeSet;

use super::{Answer, refuse};
use crate::dataset::Dataset;
use crate::grade::Grade;
use crate::grant::{Grant, GrantState, Terms};
use crate::people::{Actor, OrganisationKind, Role};
use crate::refusal::{Code, Refusal};
use crate::state::State;

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
        let grade = granted_grade(dataset, granted.columns.iter().map(String::as_str));
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
pub fn granted_grade<'a>(dataset: &Dataset, columns: impl IntoIterator<Item = &'a str>) -> Grade {
    columns.into_iter().map(|column| dataset.grade_of(column)).fold(dataset.grade, Grade::max)
}

/// The highest grade of everything that a grant covers: it sets the floor of every job under it.
///
/// # Errors
/// A dataset that is gone.
pub fn grade_of_grant(state: &State, grant: &Grant) -> Result<Grade, Refusal> {
    let mut grade = Grade::Open;
    for granted in &grant.terms.datasets {
        let dataset = state.datasets.get(&granted.dataset).ok_or_else(|| Refusal::of(Code::NotFound))?;
        grade = grade.max(granted_grade(dataset, granted.columns.iter().map(String::as_str)));
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

/// Whether the actor may suspend or revoke the grant.
///
/// # Errors
/// People of other agencies (regulators excepted), or a grant that has ended.
pub fn may_end_grant(grant: &Grant, actor: &Actor) -> Answer {
    if !actor.is(Role::Regulator) && !grant.owners.contains(&actor.organisation) {
        return refuse(Code::Forbidden, "only the agencies that own the data end a grant");
    }
    if grant.state == GrantState::Revoked {
        return refuse(Code::WrongState, "the grant has ended");
    }
    Ok(())
}

/// Whether the actor's organisation may suspend the grant, once, whoever else has.
///
/// # Errors
/// As [`may_end_grant`]; a draft, or a grant that the organisation has suspended.
pub fn may_suspend_grant(grant: &Grant, actor: &Actor) -> Answer {
    may_end_grant(grant, actor)?;
    if grant.state == GrantState::Draft {
        return refuse(Code::WrongState, "the grant is a draft");
    }
    if grant.suspended_by.contains(&actor.organisation) {
        return refuse(Code::WrongState, "your organisation has suspended it");
    }
    Ok(())
}

/// Whether the actor may end a suspension: that of their own organisation and no other. So no agency lifts what a
/// regulator stopped, and a regulator who lets go decides nothing for an agency.
///
/// # Errors
/// As [`may_end_grant`]; a grant that isn't suspended, or that others have suspended.
pub fn may_resume_grant(grant: &Grant, actor: &Actor) -> Answer {
    may_end_grant(grant, actor)?;
    if grant.state != GrantState::Suspended {
        return refuse(Code::WrongState, "the grant isn't suspended");
    }
    if !grant.suspended_by.contains(&actor.organisation) {
        return refuse(Code::Forbidden, "a suspension is ended by the organisation that made it");
    }
    Ok(())
}
