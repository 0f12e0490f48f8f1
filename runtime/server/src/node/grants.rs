//! Grants: drafted, signed by several people, suspended, resumed, revoked.

use sluice_disclosure::{Appetite, Overrides};
use sluice_domain::event::Happening;
use sluice_domain::grant::{Grant, GrantState, Tightening};
use sluice_domain::id::GrantId;
use sluice_domain::people::{Actor, OrganisationKind, Role};
use sluice_domain::permission::{Act, require};
use sluice_domain::policy;
use sluice_domain::refusal::{Code, Refusal};
use sluice_domain::state::State;

use super::book::Book;
use super::desk::{Once, Sitting};
use super::stop::{Done, Stop};
use super::{Node, show};
use crate::api::types::{DraftGrant, GrantView};

/// The appetite of a grant: its grade's floor, tightened where it says so.
///
/// # Errors
/// Secret data, or a tightening that would loosen.
pub(super) fn appetite(state: &State, grant: &Grant) -> Result<Appetite, Refusal> {
    let grade = policy::grade_of_grant(state, grant)?;
    let Tightening { threshold, rounding } = grant.terms.tightening;
    Appetite::floor(grade)?.tightened(&Overrides { threshold, rounding_base: rounding, ..Overrides::default() })
}

/// Whether the actor's organisation may see the grant.
fn sees_grant(state: &State, actor: &Actor, grant: &Grant) -> bool {
    match state.organisations.get(&actor.organisation).map(|organisation| organisation.kind) {
        Some(OrganisationKind::Operator) => grant.terms.operator == actor.organisation,
        Some(OrganisationKind::Agency) => grant.owners.contains(&actor.organisation),
        Some(OrganisationKind::Authority) => true,
        Some(OrganisationKind::Node) | None => false,
    }
}

fn find<'a>(state: &'a State, actor: &Actor, id: &str) -> Done<&'a Grant> {
    let grant = GrantId::parse(id).and_then(|id| state.grants.get(&id));
    let seen = grant.filter(|grant| sees_grant(state, actor, grant));
    seen.ok_or_else(|| Stop::of(Code::NotFound))
}

impl Node {
    /// Drafts a grant.
    ///
    /// # Errors
    /// Terms that break a rule or loosen a floor, data that can't be granted.
    pub async fn draft_grant(&self, actor: &Actor, ask: DraftGrant, once: Option<&Once>) -> Done<GrantView> {
        require(actor, Act::DraftGrant)?;
        self.desk().again(once).await?;
        let id = GrantId::new(self.desk().random()?);
        let sitting = self.desk().sit().await?;
        let (state, now_ms) = (&sitting.book.state, sitting.now_ms);
        let owners = policy::may_draft(state, actor, &ask.terms, now_ms)?;
        let grant = Grant {
            id,
            terms: ask.terms,
            owners,
            drafted_by: actor.person.clone(),
            state: GrantState::Draft,
            signatures: Vec::new(),
            jobs_admitted: 0,
            report_bits: 0,
        };
        appetite(state, &grant)?;
        let view = show::grant(&grant, now_ms);
        let happened = vec![Happening::GrantDrafted { grant: Box::new(grant) }];
        sitting.commit(actor, happened, once, |_| view).await
    }

    /// The grants that the actor may see, in the order of their names.
    ///
    /// # Errors
    /// Another role.
    pub fn grants(&self, actor: &Actor) -> Done<Vec<GrantView>> {
        require(actor, Act::ReadGrants)?;
        let (book, now_ms) = (self.desk().book(), self.desk().now_ms());
        let seen = book.state.grants.values().filter(|grant| sees_grant(&book.state, actor, grant));
        Ok(seen.map(|grant| show::grant(grant, now_ms)).collect())
    }

    /// One grant.
    ///
    /// # Errors
    /// None that the actor may see.
    pub fn grant(&self, actor: &Actor, id: &str) -> Done<GrantView> {
        require(actor, Act::ReadGrants)?;
        let (book, now_ms) = (self.desk().book(), self.desk().now_ms());
        find(&book.state, actor, id).map(|grant| show::grant(grant, now_ms))
    }

    /// Signs a grant for the actor's agency.
    ///
    /// # Errors
    /// Another agency, a second signature, a grant that isn't a draft.
    pub async fn sign_grant(&self, actor: &Actor, id: &str, once: Option<&Once>) -> Done<GrantView> {
        require(actor, Act::SignGrant)?;
        self.desk().again(once).await?;
        let sitting = self.desk().sit().await?;
        let grant = find(&sitting.book.state, actor, id)?;
        policy::may_sign(grant, actor)?;
        let happening = Happening::GrantSigned { grant: grant.id.clone(), agency: actor.organisation.clone() };
        turn(sitting, actor, happening, id, once).await
    }

    /// Pauses a grant: its jobs stop, its requests are frozen.
    ///
    /// # Errors
    /// A grant that isn't in force.
    pub async fn suspend_grant(&self, actor: &Actor, id: &str, once: Option<&Once>) -> Done<GrantView> {
        let from = &[GrantState::InForce];
        let view = self.end_grant(actor, id, from, |grant| Happening::GrantSuspended { grant }, once).await?;
        self.stop_ended().await?;
        Ok(view)
    }

    /// Resumes a grant that is paused. What was stopped stays stopped.
    ///
    /// # Errors
    /// A grant that isn't paused.
    pub async fn resume_grant(&self, actor: &Actor, id: &str, once: Option<&Once>) -> Done<GrantView> {
        // Whoever supervises may stop, not decide: resuming is for the agencies that own the data.
        if !actor.is(Role::Custodian) {
            return Err(Stop::of(Code::Forbidden));
        }
        let from = &[GrantState::Suspended];
        self.end_grant(actor, id, from, |grant| Happening::GrantResumed { grant }, once).await
    }

    /// Ends a grant for good: its jobs stop, its requests are frozen.
    ///
    /// # Errors
    /// A grant that has ended.
    pub async fn revoke_grant(&self, actor: &Actor, id: &str, once: Option<&Once>) -> Done<GrantView> {
        let from = &[GrantState::Draft, GrantState::InForce, GrantState::Suspended];
        let view = self.end_grant(actor, id, from, |grant| Happening::GrantRevoked { grant }, once).await?;
        self.stop_ended().await?;
        Ok(view)
    }

    async fn end_grant(
        &self,
        actor: &Actor,
        id: &str,
        from: &[GrantState],
        happening: impl FnOnce(GrantId) -> Happening,
        once: Option<&Once>,
    ) -> Done<GrantView> {
        require(actor, Act::EndGrant)?;
        self.desk().again(once).await?;
        let sitting = self.desk().sit().await?;
        let grant = find(&sitting.book.state, actor, id)?;
        policy::may_end_grant(grant, actor, actor.is(Role::Regulator))?;
        if !from.contains(&grant.state) {
            return Err(Stop::of(Code::WrongState));
        }
        let happening = happening(grant.id.clone());
        turn(sitting, actor, happening, id, once).await
    }
}

async fn turn(sitting: Sitting, actor: &Actor, happening: Happening, id: &str, once: Option<&Once>) -> Done<GrantView> {
    let now_ms = sitting.now_ms;
    let view = |book: &Book| {
        let grant = GrantId::parse(id).and_then(|id| book.state.grants.get(&id));
        grant.map(|grant| show::grant(grant, now_ms))
    };
    let view = sitting.commit(actor, vec![happening], once, view).await?;
    view.ok_or_else(|| Stop::of(Code::NotFound))
}
