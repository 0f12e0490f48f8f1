//! Tightening: a custodian has a candidate that waits for its reviewers assessed again, under stricter rules than its
//! grant's.
//!
//! # Guarantees
//! - The candidate stays the one that is kept, and so does its commitment: whoever reads the ledger sees that nothing
//!   but the rules changed. The assessment gets a commitment of its own.
//! - Rules become stricter and never looser, and something does become stricter.
//! - Every vote before it is void; who votes afterwards has to name the round.
//! - Its operator sees nothing of it until the request is decided. A release's record states the rules in the end.
//!
//! # Does not guarantee
//! That nobody tightens to be rid of a vote. It is on record who did, and a request has a bounded number of rounds.

use sluice_disclosure::assess;
use sluice_domain::event::Happening;
use sluice_domain::exception::RuleName;
use sluice_domain::grant::Tightening;
use sluice_domain::people::Actor;
use sluice_domain::permission::{Act, require};
use sluice_domain::policy;
use sluice_domain::refusal::Code;
use sluice_domain::review::ReleaseRequest;

use super::book::Book;
use super::desk::Once;
use super::inside::{self, Inside, Loaded};
use super::stop::{Done, Stop, off};
use super::{Node, review, show};
use crate::api::types::{RequestView, TightenRequest};

fn may_tighten<'a>(book: &'a Book, actor: &Actor, id: &str, now_ms: i64) -> Done<&'a ReleaseRequest> {
    let request = review::find(&book.state, actor, id)?;
    policy::may_tighten(&book.state, actor, request, now_ms)?;
    Ok(request)
}

/// Whether none of the rules that are to be tightened has an exception: that one would hold all the same.
fn may_name(request: &ReleaseRequest, asked: &Tightening) -> Done<()> {
    let named = [(RuleName::Threshold, asked.threshold), (RuleName::RoundingBase, asked.rounding)];
    let excepted = |rule: RuleName| request.exceptions_in_force().any(|exception| exception.mark.rule == rule);
    if named.into_iter().any(|(rule, number)| number.is_some() && excepted(rule)) {
        return Err(Stop::with(
            Code::WrongState,
            "an exception of this rule is in force; reject the candidate instead",
        ));
    }
    Ok(())
}

impl Node {
    /// Has a request's candidate assessed again under stricter rules. The votes so far are void.
    ///
    /// # Errors
    /// Another agency's request, one that is decided, rules that aren't stricter than those in force or have an
    /// exception.
    pub async fn tighten(
        &self,
        actor: &Actor,
        id: &str,
        ask: &TightenRequest,
        once: Option<&Once>,
    ) -> Done<RequestView> {
        require(actor, Act::TightenRequest)?;
        let role = actor.role.ok_or_else(|| Stop::of(Code::Forbidden))?;
        let book = self.desk().again(once).await?;
        let request = may_tighten(&book, actor, id, self.desk().now_ms())?;
        let asked = Tightening { threshold: ask.threshold, rounding: ask.rounding };
        may_name(request, &asked)?;
        let assessment = self.reassess(&book, request, &asked).await?;
        let inside = Inside::at(self.desk().home.request(&request.id));
        let forgotten = |stop: Stop| {
            inside.forget(&assessment);
            stop
        };
        let sitting = self.desk().sit(once).await.map_err(forgotten)?;
        let now = may_tighten(&sitting.book, actor, id, sitting.now_ms).map_err(forgotten)?;
        if now.round != request.round {
            return Err(forgotten(Stop::with(Code::WrongState, "the candidate has just changed; look again")));
        }
        let happened = vec![Happening::CandidateReplaced {
            request: request.id.clone(),
            candidate: request.candidate.clone(),
            assessment: assessment.clone(),
            tightening: request.tightening.with(&asked),
        }];
        let shown = |book: &Book| {
            let request = book.state.requests.get(&request.id);
            request.map(|request| show::request(book, actor, role, request))
        };
        // After a fault it may be on record nevertheless, so its key stays.
        let view = sitting.commit(actor, happened, once, shown).await?;
        view.ok_or_else(|| Stop::of(Code::NotFound))
    }

    async fn reassess(
        &self,
        book: &Book,
        request: &ReleaseRequest,
        asked: &Tightening,
    ) -> Done<sluice_domain::digest::Commitment> {
        let job = book.state.jobs.get(&request.job).ok_or_else(|| Stop::of(Code::NotFound))?;
        let grant = book.state.grants.get(&job.grant).ok_or_else(|| Stop::of(Code::NotFound))?;
        let appetite = inside::appetite(&book.state, grant, request)?;
        let stricter = inside::tightened(appetite.clone(), asked)?;
        if stricter == appetite {
            return Err(Stop::with(Code::Malformed, "no rule would be stricter than it is"));
        }
        let inside = Inside::at(self.desk().home.request(&request.id));
        let (on_record, limits) = (request.clone(), self.settings().limits.clone());
        let fresh = self.desk().random()?;
        off(move || {
            let Loaded { candidate, context, compared, .. } = inside.load(&on_record, &appetite, &limits)?;
            inside.keep_again(&assess(&candidate, &stricter, &context), &fresh, &context, compared)
        })
        .await
    }
}
