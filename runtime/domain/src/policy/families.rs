//! Policies of families: proposed, vetted, withdrawn.

use super::{Answer, own_dataset, refuse};
use crate::family::{FAMILIES_MAX, Family, FamilyState, FamilyTerms};
use crate::grade::{Grade, Lane};
use crate::people::Actor;
use crate::refusal::{Code, Refusal};
use crate::state::State;

/// Whether such a family may be proposed: for the actor's agency's own dataset, within the bounds of what can be
/// protected together.
///
/// # Errors
/// Terms that break a rule, a name that is taken, secret columns, too many families, another method than that of those in
/// force.
pub fn may_propose_family(state: &State, actor: &Actor, terms: &FamilyTerms, now_ms: i64) -> Answer {
    let dataset = own_dataset(state, actor, &terms.dataset)?;
    if !dataset.in_force(now_ms) {
        return refuse(Code::WrongState, "the registration has lapsed or was withdrawn");
    }
    terms.check(dataset)?;
    for column in terms.shown() {
        let grade = dataset.grade_of(column);
        if grade == Grade::Secret || !grade.permits(Lane::Tabulate) {
            return Err(Refusal::with(Code::GradeForbids, format!("`{column}` can't be published")));
        }
    }
    if state.families.contains_key(&crate::family::key(&terms.dataset, &terms.name)) {
        return refuse(Code::Exists, "the name is taken, if by a family that was withdrawn");
    }
    let own = state.families.values().filter(|family| family.terms.dataset == terms.dataset);
    let in_force = own.filter(|family| family.state != FamilyState::Withdrawn).map(|family| &family.terms);
    if in_force.clone().count() >= FAMILIES_MAX {
        return refuse(Code::Quota, "the dataset has as many families as can be protected together");
    }
    crate::family::method_together(in_force.chain([terms]))?;
    // What was ever published stays among what is protected.
    let together = state.families.values().filter(|family| family.terms.dataset == terms.dataset);
    crate::family::check_together(dataset, together.map(|family| &family.terms).chain([terms]))
}

/// The actor's agency's own family.
///
/// # Errors
/// [`Code::NotFound`] for anything else.
pub fn own_family<'a>(state: &'a State, actor: &Actor, key: &str) -> Result<&'a Family, Refusal> {
    let family = state.families.get(key).filter(|family| family.agency == actor.organisation);
    family.ok_or_else(|| Refusal::of(Code::NotFound))
}

/// Whether the actor may vet the family: somebody of its agency, once, and not who proposed it.
///
/// # Errors
/// Another agency's family, one that isn't proposed, its author, a second time.
pub fn may_vet_family(state: &State, actor: &Actor, key: &str) -> Answer {
    let family = own_family(state, actor, key)?;
    if family.state != FamilyState::Proposed {
        return refuse(Code::WrongState, "the family isn't waiting to be vetted");
    }
    if family.proposed_by == actor.person {
        return Err(Refusal::with(Code::ConflictOfInterest, "you have proposed it; other people must vet it"));
    }
    if family.vets.iter().any(|vet| vet.person == actor.person) {
        return refuse(Code::WrongState, "you have vetted it; another person must");
    }
    Ok(())
}

/// Whether the actor may withdraw the family.
///
/// # Errors
/// Another agency's family, or one that is withdrawn.
pub fn may_withdraw_family(state: &State, actor: &Actor, key: &str) -> Answer {
    match own_family(state, actor, key)?.state {
        FamilyState::Withdrawn => refuse(Code::WrongState, "the family is withdrawn"),
        FamilyState::Proposed | FamilyState::Vetted => Ok(()),
    }
}
