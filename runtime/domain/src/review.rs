//! Review: two people who don't see each other's votes decide whether a candidate leaves.

use serde::{Deserialize, Serialize};

use crate::digest::Commitment;
use crate::exception::Exception;
use crate::grant::Tightening;
use crate::id::{JobId, RequestId};
use crate::people::Role;

/// A request comes before its reviewers in at most so many rounds, so that votes can't be voided without end.
pub const ROUNDS_MAX: u32 = 16;

/// What a reviewer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Let it out.
    Approve,
    /// Not like this; another job might do.
    RequestChanges,
    /// No.
    Reject,
}

/// The reason for a vote, from a closed list; what an operator is told of a decision is one of these and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It fits the grant and gives nobody away.
    Fits,
    /// Use coarser codes or fewer dimensions.
    CoarserCodes,
    /// Drop margins.
    FewerMargins,
    /// It isn't what the grant is for.
    OutsidePurpose,
    /// The risk that it gives somebody away is too high.
    DisclosureRisk,
    /// The module or the query isn't explained well enough.
    Unexplained,
}

impl Reason {
    /// The fixed sentence that an operator may be shown.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Reason::Fits => "The reviewers let it out.",
            Reason::CoarserCodes => "Use coarser codes or fewer dimensions.",
            Reason::FewerMargins => "Ask for fewer totals.",
            Reason::OutsidePurpose => "The output isn't what the grant is for.",
            Reason::DisclosureRisk => "The reviewers didn't let it out.",
            Reason::Unexplained => "Explain what the module or the query does, and why.",
        }
    }
}

/// A vote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vote {
    /// Who.
    pub person: String,
    /// Of which agency.
    pub agency: String,
    /// What they say.
    pub verdict: Verdict,
    /// Why, from the closed list.
    pub reason: Reason,
    /// Commitment to their own words, which stay inside.
    pub note: Option<Commitment>,
    /// When.
    pub at_ms: i64,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestState {
    /// Waiting for votes; nobody sees another's.
    Voting,
    /// The votes differ: one more reviewer decides.
    Conflicted,
    /// Let out.
    Approved,
    /// Another job is asked for.
    ChangesRequested,
    /// Not let out.
    Rejected,
    /// Frozen: the grant ended or the job was withdrawn.
    Closed,
}

/// A request that a candidate be let out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRequest {
    /// Its name.
    pub id: RequestId,
    /// The job whose candidate it is.
    pub job: JobId,
    /// The agencies whose reviewers decide.
    pub owners: Vec<String>,
    /// The organisation that asked; its people are barred.
    pub organisation: String,
    /// The candidate.
    pub candidate: Commitment,
    /// The assessment.
    pub assessment: Commitment,
    /// Stricter rules than the grant's, where a custodian asked for them while the request was open. Whoever assesses
    /// the candidate has to take them in, or gets another assessment than the one on record.
    #[serde(default, skip_serializing_if = "Tightening::is_empty")]
    pub tightening: Tightening,
    /// Looser rules that people of the owning agencies asked for. Those that enough of them asked for hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<Exception>,
    /// Counts up when the candidate or its assessment changes; the votes before that are void.
    pub round: u32,
    /// Reviewers who must agree.
    pub reviewers: u32,
    /// Where it stands.
    pub state: RequestState,
    /// The votes of this round.
    pub votes: Vec<Vote>,
}

impl ReleaseRequest {
    /// Where the request stands after the votes that it has: a pure function of the votes.
    ///
    /// Until `reviewers` people have voted it is open. When they agree, that is the decision. When they differ, one
    /// more person votes; then `reviewers` approvals, one of each owning agency among them, let it out, else any
    /// rejection rejects it, else changes are asked for.
    #[must_use]
    pub fn tally(&self) -> RequestState {
        let needed = self.reviewers as usize;
        let count = |verdict: Verdict| self.votes.iter().filter(|vote| vote.verdict == verdict).count();
        let (approvals, changes, rejections) =
            (count(Verdict::Approve), count(Verdict::RequestChanges), count(Verdict::Reject));
        if self.votes.len() < needed {
            return RequestState::Voting;
        }
        let every_owner = |said: &dyn Fn(&Vote) -> bool| {
            self.owners.iter().all(|owner| self.votes.iter().any(|vote| &vote.agency == owner && said(vote)))
        };
        if !every_owner(&|_| true) {
            return RequestState::Voting;
        }
        if rejections == self.votes.len() {
            return RequestState::Rejected;
        }
        if changes == self.votes.len() {
            return RequestState::ChangesRequested;
        }
        // No agency's data leaves on the word of another's reviewers.
        let owners_approve = every_owner(&|vote| vote.verdict == Verdict::Approve);
        if approvals == self.votes.len() || (self.votes.len() > needed && approvals >= needed && owners_approve) {
            return RequestState::Approved;
        }
        if self.votes.len() <= needed {
            return RequestState::Conflicted;
        }
        if rejections > 0 { RequestState::Rejected } else { RequestState::ChangesRequested }
    }

    /// The votes that a person in a role may see: their own while the vote is blind, all of them afterwards.
    #[must_use]
    pub fn votes_seen_by(&self, person: &str, role: Role) -> Vec<&Vote> {
        let blind = matches!(self.state, RequestState::Voting);
        let inside = matches!(role, Role::Reviewer | Role::Custodian | Role::Auditor | Role::Regulator);
        self.votes.iter().filter(|vote| inside && (!blind || vote.person == person)).collect()
    }

    /// Begins a new round on another assessment: the votes before it are void.
    pub(crate) fn begin_round(&mut self, assessment: &Commitment) {
        self.assessment = assessment.clone();
        self.round = self.round.saturating_add(1);
        self.votes.clear();
        self.lapse_exceptions();
        self.state = RequestState::Voting;
    }

    /// Whether votes can still be cast.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.state, RequestState::Voting | RequestState::Conflicted)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::event::{Event, Happening};
    use crate::people::Actor;
    use crate::state::State;

    /// A request of these agencies with these votes, each `agency` and verdict.
    pub(crate) fn request(owners: &[&str], votes: &[(&str, Verdict)]) -> ReleaseRequest {
        let vote = |(place, (agency, verdict)): (usize, &(&str, Verdict))| Vote {
            person: format!("person-{place}"),
            agency: (*agency).to_owned(),
            verdict: *verdict,
            reason: Reason::Fits,
            note: None,
            at_ms: 0,
        };
        ReleaseRequest {
            id: RequestId::new([0; 16]),
            job: JobId::new([0; 16]),
            owners: owners.iter().map(|owner| (*owner).to_owned()).collect(),
            organisation: "operator".to_owned(),
            candidate: Commitment::new(&[0; 32], b""),
            assessment: Commitment::new(&[0; 32], b""),
            tightening: Tightening::default(),
            exceptions: Vec::new(),
            round: 1,
            reviewers: 2,
            state: RequestState::Voting,
            votes: votes.iter().enumerate().map(vote).collect(),
        }
    }

    /// An approval.
    pub(crate) fn approval(person: &str, agency: &str) -> Vote {
        let (person, agency, reason) = (person.to_owned(), agency.to_owned(), Reason::Fits);
        Vote { person, agency, verdict: Verdict::Approve, reason, note: None, at_ms: 0 }
    }

    fn tallied(owners: &[&str], votes: &[(&str, Verdict)]) -> RequestState {
        request(owners, votes).tally()
    }

    #[test]
    fn rules_of_a_request_only_become_stricter() {
        let before = request(&["a"], &[("a", Verdict::Approve)]);
        let mut state = State::default();
        state.requests.insert(before.id.clone(), before.clone());
        let rules = |threshold, rounding| Tightening { threshold, rounding };
        let steps = [
            (rules(Some(20), None), true),
            (rules(None, None), false),
            (rules(Some(19), Some(5)), false),
            (rules(Some(20), Some(5)), true),
            (rules(Some(21), None), false),
        ];
        let mut round = 1;
        for (tightening, follows) in steps {
            let happening = Happening::CandidateReplaced {
                request: before.id.clone(),
                candidate: before.candidate.clone(),
                assessment: Commitment::new(&[round; 32], b""),
                tightening: tightening.clone(),
            };
            let event = Event { actor: Actor::node(), at_ms: 0, happening };
            assert_eq!(state.apply(&event).is_ok(), follows, "{tightening:?}");
            round += u8::from(follows);
            let now = &state.requests[&before.id];
            assert_eq!((now.round, now.votes.len(), now.state), (u32::from(round), 0, RequestState::Voting));
        }
        assert_eq!(state.requests[&before.id].tightening, rules(Some(20), Some(5)));
    }

    #[test]
    fn policy_p17_no_agencys_data_leaves_on_the_word_of_anothers_reviewers() {
        use RequestState::{Approved, Conflicted, Rejected, Voting};
        use Verdict::{Approve, Reject};
        let both = ["a", "b"];
        assert_eq!(tallied(&both, &[("a", Approve), ("a", Approve)]), Voting);
        assert_eq!(tallied(&both, &[("a", Approve), ("b", Approve)]), Approved);
        assert_eq!(tallied(&both, &[("a", Approve), ("b", Reject)]), Conflicted);
        assert_eq!(tallied(&both, &[("a", Approve), ("b", Reject), ("a", Approve)]), Rejected);
        assert_eq!(tallied(&both, &[("a", Approve), ("b", Reject), ("b", Approve)]), Approved);
        assert_eq!(tallied(&both, &[("a", Approve), ("a", Approve), ("b", Reject)]), Rejected);
        assert_eq!(tallied(&["a"], &[("a", Approve), ("a", Reject), ("a", Approve)]), Approved);
        assert_eq!(tallied(&["a"], &[("a", Approve), ("a", Reject), ("a", Reject)]), Rejected);
    }

    #[test]
    fn only_an_approval_leads_to_approved() {
        let choices = [Verdict::Approve, Verdict::RequestChanges, Verdict::Reject];
        let mut open: Vec<Vec<(&str, Verdict)>> = vec![Vec::new()];
        for _ in 0..5 {
            let mut next = Vec::new();
            for votes in &open {
                for agency in ["a", "b"] {
                    for verdict in choices {
                        let mut more = votes.clone();
                        more.push((agency, verdict));
                        match tallied(&["a", "b"], &more) {
                            RequestState::Approved => assert_eq!(verdict, Verdict::Approve, "{more:?}"),
                            RequestState::Voting | RequestState::Conflicted => next.push(more),
                            _ => {}
                        }
                    }
                }
            }
            open = next;
        }
    }
}
