//! Grants: drafted, signed by several people, suspended, resumed, revoked.

use std::collections::BTreeSet;

use sluice_disclosure::{Appetite, Overrides};
use sluice_domain::event::Happening;
use sluice_domain::grant::{Grant, GrantState, Terms, Tightening};
use sluice_domain::id::GrantId;
use sluice_domain::job::Job;
use sluice_domain::people::{Actor, OrganisationKind};
use sluice_domain::permission::{Act, require};
use sluice_domain::policy;
use sluice_domain::refusal::{Code, Refusal};
use sluice_domain::state::State;
use sluice_engine::ask::TableSpec;

use super::book::Book;
use super::desk::{Once, Sitting};
use super::stop::{Done, Stop};
use super::{Node, admit, show};
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
    match state.kind_of(&actor.organisation) {
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

/// The draft, if it may be made of what stands in the catalogue now.
fn draft(state: &State, actor: &Actor, id: &GrantId, terms: Terms, now_ms: i64) -> Result<Grant, Refusal> {
    let grant = Grant {
        id: id.clone(),
        owners: policy::may_draft(state, actor, &terms, now_ms)?,
        terms,
        drafted_by: actor.person.clone(),
        state: GrantState::Draft,
        signatures: Vec::new(),
        suspended_by: BTreeSet::new(),
        jobs_admitted: 0,
        report_bits: 0,
    };
    appetite(state, &grant)?;
    Ok(grant)
}

impl Node {
    /// Drafts a grant.
    ///
    /// # Errors
    /// Terms that break a rule or loosen a floor, data that can't be granted, a row filter that the guard refuses.
    pub async fn draft_grant(&self, actor: &Actor, ask: DraftGrant, once: Option<&Once>) -> Done<GrantView> {
        require(actor, Act::DraftGrant)?;
        let book = self.desk().again(once).await?;
        let id = GrantId::new(self.desk().random()?);
        let drafted = draft(&book.state, actor, &id, ask.terms.clone(), self.desk().now_ms())?;
        self.check_filters(&book.state, &drafted).await?;
        let sitting = self.desk().sit(once).await?;
        let now_ms = sitting.now_ms;
        let grant = draft(&sitting.book.state, actor, &id, ask.terms, now_ms)?;
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
        let sitting = self.desk().sit(once).await?;
        let grant = find(&sitting.book.state, actor, id)?;
        policy::may_sign(grant, actor)?;
        let happening = Happening::GrantSigned { grant: grant.id.clone(), agency: actor.organisation.clone() };
        self.turn_grant(sitting, actor, happening, id, once).await
    }

    /// Pauses a grant for the actor's organisation: its jobs stop, its requests are frozen.
    ///
    /// # Errors
    /// A grant that isn't in force, or that the organisation has paused.
    pub async fn suspend_grant(&self, actor: &Actor, id: &str, once: Option<&Once>) -> Done<GrantView> {
        let suspended = |grant| Happening::GrantSuspended { grant };
        self.end_grant(actor, id, policy::may_suspend_grant, suspended, once).await
    }

    /// Ends the actor's organisation's own pause of a grant. It is in force again when nobody's is left. What was
    /// stopped stays stopped.
    ///
    /// # Errors
    /// A grant that the organisation hasn't paused.
    pub async fn resume_grant(&self, actor: &Actor, id: &str, once: Option<&Once>) -> Done<GrantView> {
        let resumed = |grant| Happening::GrantResumed { grant };
        self.end_grant(actor, id, policy::may_resume_grant, resumed, once).await
    }

    /// Ends a grant for good: its jobs stop, its requests are frozen.
    ///
    /// # Errors
    /// A grant that has ended.
    pub async fn revoke_grant(&self, actor: &Actor, id: &str, once: Option<&Once>) -> Done<GrantView> {
        let revoked = |grant| Happening::GrantRevoked { grant };
        self.end_grant(actor, id, policy::may_end_grant, revoked, once).await
    }

    async fn end_grant(
        &self,
        actor: &Actor,
        id: &str,
        may: fn(&Grant, &Actor) -> Result<(), Refusal>,
        happening: fn(GrantId) -> Happening,
        once: Option<&Once>,
    ) -> Done<GrantView> {
        require(actor, Act::EndGrant)?;
        self.desk().again(once).await?;
        let sitting = self.desk().sit(once).await?;
        let grant = find(&sitting.book.state, actor, id)?;
        may(grant, actor)?;
        let happening = happening(grant.id.clone());
        // Jobs beyond what one commit holds are stopped right after it: none of them may slip through.
        let open = |job: &Job| job.grant == grant.id && !job.state.is_final();
        if matches!(happening, Happening::GrantResumed { .. }) && sitting.book.state.jobs.values().any(open) {
            return Err(Stop::with(Code::WrongState, "its jobs are still being stopped; try again"));
        }
        self.turn_grant(sitting, actor, happening, id, once).await
    }

    async fn turn_grant(
        &self,
        sitting: Sitting,
        actor: &Actor,
        happening: Happening,
        id: &str,
        once: Option<&Once>,
    ) -> Done<GrantView> {
        let now_ms = sitting.now_ms;
        let view = |book: &Book| {
            let grant = GrantId::parse(id).and_then(|id| book.state.grants.get(&id));
            grant.map(|grant| show::grant(grant, now_ms))
        };
        let view = self.commit_with_stops(sitting, actor, happening, once, view).await?;
        view.ok_or_else(|| Stop::of(Code::NotFound))
    }

    /// Puts the row filters to the guard, as a job's admission will: one that it refuses would stand in the grant, and
    /// every job under it would fail.
    async fn check_filters(&self, state: &State, grant: &Grant) -> Done<()> {
        let filtered: Vec<TableSpec> =
            admit::tables(state, grant, |_| None)?.into_iter().filter(|table| table.row_filter.is_some()).collect();
        if filtered.is_empty() {
            return Ok(());
        }
        let _turn = self.runs().admission().await?;
        for table in filtered {
            self.fleet().check_filter(table).await?;
        }
        Ok(())
    }
}
