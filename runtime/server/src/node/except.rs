//! Exceptions: people of the owning agencies have one rule loosened for a candidate that waits for its reviewers.
//!
//! # Guarantees
//! - Nothing changes until enough people of *each* owning agency have asked for the same number of the same rule, each
//!   with a reason. The last of them has the candidate assessed again, compared with what is out again (more of it would
//!   be shown), and every vote before it is void.
//! - A rule gives no further than `sluice_disclosure::appetite` lets it, and that is said to the first who asks.
//! - Reasons are kept as notes of votes are: under a key of their own, and on record as a commitment. They are shown to
//!   people of the owning agencies and to nobody else.
//! - Its operator sees nothing of it until the request is decided. A release is marked with rule and number.
//!
//! # Does not guarantee
//! That a reason is read. Who asked for what holds has no vote, so that others look at what comes of it.

use sluice_disclosure::assess;
use sluice_domain::digest::Commitment;
use sluice_domain::event::Happening;
use sluice_domain::exception::{Backer, ExceptionMark, check_reason};
use sluice_domain::people::Actor;
use sluice_domain::permission::{Act, require};
use sluice_domain::policy;
use sluice_domain::refusal::Code;
use sluice_domain::review::ReleaseRequest;

use super::book::Book;
use super::desk::{Once, Sitting};
use super::history::Comparison;
use super::inside::{self, Inside, Loaded};
use super::stop::{Done, Fault, Stop, off};
use super::{Node, review, show};
use crate::api::types::{AskException, RequestView};

fn may_ask<'a>(book: &'a Book, actor: &Actor, id: &str, mark: ExceptionMark, now_ms: i64) -> Done<&'a ReleaseRequest> {
    let request = review::find(&book.state, actor, id)?;
    policy::may_ask_exception(&book.state, actor, request, mark, now_ms)?;
    Ok(request)
}

impl Node {
    /// Asks for an exception of a request. Where enough people have, its candidate is assessed again under the looser
    /// rule, and the votes so far are void.
    ///
    /// # Errors
    /// Another agency's request, one that is decided, a report, a number that loosens nothing or too much, no reason,
    /// the same person twice.
    pub async fn ask_exception(
        &self,
        actor: &Actor,
        id: &str,
        ask: AskException,
        once: Option<&Once>,
    ) -> Done<RequestView> {
        require(actor, Act::AskException)?;
        let book = self.desk().again(once).await?;
        check_reason(&ask.reason)?;
        let mark = ExceptionMark { rule: ask.rule, asked: ask.asked };
        let request = may_ask(&book, actor, id, mark, self.desk().now_ms())?;
        appetite(&book, request)?.may_loosen(mark)?;
        let reason = self.keep_reason(request, ask.reason).await?;
        let mut after = request.clone();
        let (person, agency, round) = (actor.person.clone(), actor.organisation.clone(), request.round);
        let backer = Backer { person, agency, reason: reason.clone(), round, at_ms: self.desk().now_ms() };
        let holds = after.back(mark, backer).map_err(|why| Fault::new("ask for an exception", why))?;
        let assessment = match holds {
            true => Some(self.loosened(&book, request, &after).await?),
            false => None,
        };
        let sitting = self.desk().sit(once).await.and_then(|sitting| {
            let now = may_ask(&sitting.book, actor, id, mark, sitting.now_ms)?;
            if (now.round, &now.exceptions) == (request.round, &request.exceptions) {
                return Ok(sitting);
            }
            Err(Stop::with(Code::WrongState, "the candidate, or what is asked for, has just changed; look again"))
        });
        let sitting = match sitting {
            Ok(sitting) => sitting,
            Err(stop) => {
                let inside = Inside::at(self.desk().home.request(&request.id));
                inside.forget_reason(request.round, &reason);
                assessment.iter().for_each(|assessment| inside.forget(assessment));
                return Err(stop);
            }
        };
        let happening = Happening::ExceptionAsked { request: request.id.clone(), mark, reason, assessment };
        answered(sitting, actor, request, happening, once).await
    }

    async fn keep_reason(&self, request: &ReleaseRequest, reason: String) -> Done<Commitment> {
        let (key, round) = (self.desk().random()?, request.round);
        let inside = Inside::at(self.desk().home.request(&request.id));
        off(move || inside.keep_reason(round, &key, &reason)).await
    }

    /// Assesses the candidate of `request` as `after` has it: the same request, with exceptions that hold now.
    async fn loosened(&self, book: &Book, request: &ReleaseRequest, after: &ReleaseRequest) -> Done<Commitment> {
        let (before, looser) = (appetite(book, request)?, appetite(book, after)?);
        let comparison = self.comparison(&book.state, &request.job)?;
        let inside = Inside::at(self.desk().home.request(&request.id));
        let (on_record, limits, fresh) = (request.clone(), self.settings().limits.clone(), self.desk().random()?);
        off(move || {
            let Loaded { candidate, context, .. } = inside.load(&on_record, &before, &limits)?;
            // More would be shown, and nobody has compared that yet.
            let (context, compared) = Comparison::first(comparison.as_ref(), &candidate, &looser, context)?;
            inside.keep_again(&assess(&candidate, &looser, &context), &fresh, &context, compared)
        })
        .await
    }

    /// Adds to a view why its exceptions were asked for, for people of the owning agencies who have no part in the job.
    pub(super) async fn with_reasons(
        &self,
        book: &Book,
        actor: &Actor,
        request: &ReleaseRequest,
        mut view: RequestView,
    ) -> Done<RequestView> {
        if request.exceptions.is_empty() || policy::may_review(&book.state, actor, request).is_err() {
            return Ok(view);
        }
        let inside = Inside::at(self.desk().home.request(&request.id));
        let exceptions = request.exceptions.clone();
        let reason = move |backer: &Backer| inside.reason(backer.round, &backer.reason);
        let reasons = off(move || {
            exceptions.iter().flat_map(|exception| &exception.by).map(reason).collect::<Done<Vec<String>>>()
        });
        let shown = view.exceptions.iter_mut().flat_map(|exception| &mut exception.by);
        shown.zip(reasons.await?).for_each(|(backer, reason)| backer.reason = Some(reason));
        Ok(view)
    }
}

fn appetite(book: &Book, request: &ReleaseRequest) -> Done<sluice_disclosure::Appetite> {
    let job = book.state.jobs.get(&request.job).ok_or_else(|| Stop::of(Code::NotFound))?;
    let grant = book.state.grants.get(&job.grant).ok_or_else(|| Stop::of(Code::NotFound))?;
    Ok(inside::appetite(&book.state, grant, request)?)
}

async fn answered(
    sitting: Sitting,
    actor: &Actor,
    request: &ReleaseRequest,
    happening: Happening,
    once: Option<&Once>,
) -> Done<RequestView> {
    let role = actor.role.ok_or_else(|| Stop::of(Code::Forbidden))?;
    let shown = |book: &Book| {
        let request = book.state.requests.get(&request.id);
        request.map(|request| show::request(book, actor, role, request))
    };
    // After a fault it may be on record nevertheless, so what was kept for it stays.
    let view = sitting.commit(actor, vec![happening], once, shown).await?;
    view.ok_or_else(|| Stop::of(Code::NotFound))
}
