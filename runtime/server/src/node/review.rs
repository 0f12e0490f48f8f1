//! Review: who may look, what they see, and their votes.

use std::sync::Arc;

use sluice_disclosure::ReviewView;
use sluice_domain::digest::Commitment;
use sluice_domain::event::Happening;
use sluice_domain::id::RequestId;
use sluice_domain::people::{Actor, OrganisationKind};
use sluice_domain::permission::{Act, require};
use sluice_domain::policy;
use sluice_domain::refusal::Code;
use sluice_domain::review::{ReleaseRequest, RequestState, Verdict, Vote};
use sluice_domain::state::State;

use super::book::Book;
use super::desk::{Once, Sitting};
use super::history::out;
use super::inside::{self, Inside, Loaded};
use super::seal::Sealed;
use super::stop::{Done, Fault, Stop, off};
use super::{Node, show};
use crate::api::types::{CandidateView, CastVote, RequestView};

const NOTE_BYTES_MAX: usize = 4_000;
/// How often a vote is put again when others vote at the same time.
const TRIES: usize = 8;

/// Whether the actor's organisation may see that there is a request.
fn sees_request(state: &State, actor: &Actor, request: &ReleaseRequest) -> bool {
    match state.kind_of(&actor.organisation) {
        Some(OrganisationKind::Agency) => request.owners.contains(&actor.organisation),
        Some(OrganisationKind::Authority) => true,
        Some(OrganisationKind::Operator | OrganisationKind::Node) | None => false,
    }
}

pub(super) fn find<'a>(state: &'a State, actor: &Actor, id: &str) -> Done<&'a ReleaseRequest> {
    let request = RequestId::parse(id).and_then(|id| state.requests.get(&id));
    let seen = request.filter(|request| sees_request(state, actor, request));
    seen.ok_or_else(|| Stop::of(Code::NotFound))
}

fn show_one(book: &Book, actor: &Actor, request: &ReleaseRequest) -> Done<RequestView> {
    let role = actor.role.ok_or_else(|| Stop::of(Code::Forbidden))?;
    Ok(show::request(book, actor, role, request))
}

impl Node {
    /// The requests that the actor may see, in the order of their jobs' admission.
    ///
    /// # Errors
    /// Another role.
    pub fn requests(&self, actor: &Actor) -> Done<Vec<RequestView>> {
        require(actor, Act::ReadRequests)?;
        let book = self.desk().book();
        let mut seen: Vec<&ReleaseRequest> =
            book.state.requests.values().filter(|request| sees_request(&book.state, actor, request)).collect();
        seen.sort_by_key(|request| {
            (book.state.jobs.get(&request.job).map_or(0, |job| job.admitted_at_ms), request.id.clone())
        });
        seen.into_iter().map(|request| show_one(&book, actor, request)).collect()
    }

    /// One request; for people of the owning agencies with the reasons of its exceptions.
    ///
    /// # Errors
    /// None that the actor may see.
    pub async fn request(&self, actor: &Actor, id: &str) -> Done<RequestView> {
        require(actor, Act::ReadRequests)?;
        let book = self.desk().book();
        let request = find(&book.state, actor, id)?;
        self.with_reasons(&book, actor, request, show_one(&book, actor, request)?).await
    }

    /// A request's candidate, with the inner cells from `from` on, at most `limit`. That it was looked at goes on
    /// record before it is shown.
    ///
    /// # Errors
    /// Another agency's request, one of the actor's own organisation, or files that aren't what is on record.
    pub async fn candidate(&self, actor: &Actor, id: &str, from: usize, limit: usize) -> Done<CandidateView> {
        require(actor, Act::ViewCandidate)?;
        let book = self.desk().book();
        let request = find(&book.state, actor, id)?;
        policy::may_review(&book.state, actor, request)?;
        // More may be out than when it was compared: then what is shown is a new assessment.
        let book = if self.refresh(&book, request).await? { self.desk().book() } else { book };
        let request = find(&book.state, actor, id)?;
        let view = self.view(&book, request, from, limit).await?;
        let happened = vec![Happening::CandidateViewed { request: request.id.clone() }];
        let sitting = self.desk().sit(None).await?;
        let now = sitting.book.state.requests.get(&request.id);
        if now.is_none_or(|now| now.round != view.round) {
            return Err(Stop::with(Code::WrongState, "the candidate has just changed; look again"));
        }
        sitting.commit(actor, happened, None, |_| ()).await?;
        Ok(view)
    }

    async fn view(&self, book: &Book, request: &ReleaseRequest, from: usize, limit: usize) -> Done<CandidateView> {
        let job = book.state.jobs.get(&request.job).ok_or_else(|| Stop::of(Code::NotFound))?;
        let grant = book.state.grants.get(&job.grant).ok_or_else(|| Stop::of(Code::NotFound))?;
        let appetite = inside::appetite(&book.state, grant, request)?;
        let inside = Inside::at(self.desk().home.request(&request.id));
        let (on_record, limits) = (request.clone(), self.settings().limits.clone());
        let view = off(move || {
            let Loaded { candidate, assessment, .. } = inside.load(&on_record, &appetite, &limits)?;
            Ok(ReviewView::new(&candidate, &assessment).map_err(|why| Fault::new("show a candidate", why))?)
        });
        let mut view = view.await?;
        let cells_total = view.cells.len() as u64;
        view.cells = view.cells.into_iter().skip(from).take(limit).collect();
        let module = book.state.module_of(job);
        Ok(CandidateView {
            request: request.id.to_string(),
            job: job.id.to_string(),
            round: request.round,
            purpose: grant.terms.purpose.clone(),
            contract: job.contract.clone(),
            statement: module.map(|module| module.statement.clone()),
            cells_total,
            view,
        })
    }

    /// Casts a vote. The vote that decides for the candidate seals the release in the same commit.
    ///
    /// # Errors
    /// Another agency's request, one that is decided, a second vote, a candidate that has changed since, or an
    /// approval of what the assessment refuses.
    pub async fn vote(&self, actor: &Actor, id: &str, ask: CastVote, once: Option<&Once>) -> Done<RequestView> {
        require(actor, Act::Vote)?;
        let mut book = self.desk().again(once).await?;
        if ask.note.as_ref().is_some_and(|note| note.len() > NOTE_BYTES_MAX) {
            return Err(Stop::with(Code::Malformed, "a note has at most 4000 bytes"));
        }
        for _ in 0..TRIES {
            let request = may_vote(&book, actor, id, &ask, self.desk().now_ms())?;
            if ask.verdict == Verdict::Approve && self.refresh(&book, request).await? {
                return Err(changed());
            }
            let seen = out(&book.state, &request.job);
            let sealed = match self.decides(&book, actor, request, &ask).await? {
                Some(deciding) => Some(self.prepare(&book, request, deciding).await?),
                None => None,
            };
            let stands = match self.desk().sit(once).await {
                Err(stop) => Err(stop),
                Ok(sitting) => match may_vote(&sitting.book, actor, id, &ask, sitting.now_ms)
                    .map(|now| now == request && (sealed.is_none() || out(&sitting.book.state, &now.job) == seen))
                {
                    Ok(true) => return self.cast(sitting, actor, request, &ask, sealed, once).await,
                    // Someone else voted, or something else came out, in between: decide again on what stands there now.
                    Ok(false) => Ok(Arc::clone(&sitting.book)),
                    Err(stop) => Err(stop),
                },
            };
            if let Some(sealed) = sealed {
                sealed.discard(&self.desk().home).await;
            }
            book = stands?;
        }
        Err(Stop::of(Code::Unavailable))
    }

    /// The vote, if it lets the candidate out; still without the time and the note that go on record with it.
    async fn decides(
        &self,
        book: &Book,
        actor: &Actor,
        request: &ReleaseRequest,
        ask: &CastVote,
    ) -> Done<Option<Vote>> {
        if ask.verdict != Verdict::Approve {
            return Ok(None);
        }
        if self.view(book, request, 0, 0).await?.view.verdict == sluice_disclosure::Verdict::Refuse {
            return Err(Stop::with(Code::WrongState, "the assessment refuses this output: it can't be approved"));
        }
        let deciding = Vote {
            person: actor.person.clone(),
            agency: actor.organisation.clone(),
            verdict: ask.verdict,
            reason: ask.reason,
            note: None,
            at_ms: 0,
        };
        let mut after = request.clone();
        after.votes.push(deciding.clone());
        Ok((after.tally() == RequestState::Approved).then_some(deciding))
    }

    async fn cast(
        &self,
        sitting: Sitting,
        actor: &Actor,
        request: &ReleaseRequest,
        ask: &CastVote,
        sealed: Option<Sealed>,
        once: Option<&Once>,
    ) -> Done<RequestView> {
        let role = actor.role.ok_or_else(|| Stop::of(Code::Forbidden))?;
        let note = self.keep_note(request, actor, ask).await?;
        let vote = Vote {
            person: actor.person.clone(),
            agency: actor.organisation.clone(),
            verdict: ask.verdict,
            reason: ask.reason,
            note,
            at_ms: sitting.now_ms,
        };
        let id = request.id.clone();
        let mut happened = vec![Happening::VoteCast { request: id.clone(), vote }];
        if let Some(sealed) = sealed {
            happened.push(Happening::ReleaseSealed { release: Box::new(sealed.entry(sitting.now_ms)) });
        }
        let view = |book: &Book| book.state.requests.get(&id).map(|request| show::request(book, actor, role, request));
        let view = sitting.commit(actor, happened, once, view).await?;
        view.ok_or_else(|| Stop::of(Code::NotFound))
    }

    async fn keep_note(&self, request: &ReleaseRequest, actor: &Actor, ask: &CastVote) -> Done<Option<Commitment>> {
        let Some(note) = ask.note.clone() else { return Ok(None) };
        let (key, round, person) = (self.desk().random::<32>()?, request.round, actor.person.clone());
        let inside = Inside::at(self.desk().home.request(&request.id));
        off(move || inside.keep_note(round, &person, &key, &note)).await.map(Some)
    }
}

fn changed() -> Stop {
    Stop::with(Code::WrongState, "the candidate has changed since; look at it again")
}

fn may_vote<'a>(book: &'a Book, actor: &Actor, id: &str, ask: &CastVote, now_ms: i64) -> Done<&'a ReleaseRequest> {
    let request = find(&book.state, actor, id)?;
    policy::may_vote(&book.state, actor, request, now_ms)?;
    // Who names no round has looked at the first one: a vote is never taken to be about what its voter hasn't seen.
    if ask.round.unwrap_or(1) != request.round {
        return Err(changed());
    }
    Ok(request)
}
