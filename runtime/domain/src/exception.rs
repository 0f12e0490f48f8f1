//! Exceptions: one rule of one release request, loosened for reasons that two people of each owning agency write.
//!
//! They exist because a floor is made for the usual case, and an agency may have to publish an unusual one. What is
//! loosened for one table stays loosened for that table alone.
//!
//! # Guarantees
//! - An exception holds once two different people of *each* agency that owns data of the request have asked for the
//!   same number of the same rule, each with a reason of their own.
//! - A rule has at most one exception that holds. What was asked for and doesn't hold lapses with its round.
//!
//! # Does not guarantee
//! That the number is one that may be asked for: which rules there are, and how far they give, is known in
//! `sluice_disclosure::appetite`. That a reason is a good one.
//!
//! # Example
//! Carol of an agency asks for a threshold of 5: nothing changes. Carol asks again: refused. Cyrus asks for 6: that is
//! another exception. Cyrus asks for 5: it holds, a new round begins, and the 6 has lapsed.

use serde::{Deserialize, Serialize};

use crate::digest::Commitment;
use crate::refusal::{Code, Refusal};
use crate::review::ReleaseRequest;

/// People of each owning agency who have to ask.
pub const PEOPLE: usize = 2;
/// What may be asked for at a time, in all.
pub const EXCEPTIONS_MAX: usize = 16;
/// The most bytes of a reason.
pub const REASON_BYTES_MAX: usize = 4_000;

/// A rule that an exception may loosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs, reason = "the same names as in the rules")]
pub enum RuleName {
    Threshold,
    RoundingBase,
    /// The share of the `n` largest, in percent.
    Dominance {
        n: u32,
    },
    PPercent,
    /// The `p` of the pq rule; its `q` stays.
    PriorPosterior,
    ClassGroup,
    DegreesOfFreedom,
    Difference,
}

impl std::fmt::Display for RuleName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RuleName::Threshold => f.write_str("threshold"),
            RuleName::RoundingBase => f.write_str("rounding_base"),
            RuleName::Dominance { n } => write!(f, "dominance:{n}"),
            RuleName::PPercent => f.write_str("p_percent"),
            RuleName::PriorPosterior => f.write_str("prior_posterior"),
            RuleName::ClassGroup => f.write_str("class_group"),
            RuleName::DegreesOfFreedom => f.write_str("degrees_of_freedom"),
            RuleName::Difference => f.write_str("difference"),
        }
    }
}

/// What is asked for, and what a release carries of it: the rule and the number, and nobody's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExceptionMark {
    /// Of which rule.
    pub rule: RuleName,
    /// The number that is to hold instead.
    pub asked: u64,
}

impl std::fmt::Display for ExceptionMark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.rule, self.asked)
    }
}

/// Somebody who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backer {
    /// Who.
    pub person: String,
    /// Of which agency.
    pub agency: String,
    /// Commitment to why, in their own words, which stay inside.
    pub reason: Commitment,
    /// In which round of the request.
    pub round: u32,
    /// When.
    pub at_ms: i64,
}

/// An exception, asked for by one person or more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// What is asked for.
    pub mark: ExceptionMark,
    /// Who asks, each once.
    pub by: Vec<Backer>,
}

impl Exception {
    /// Whether this person asks for it.
    #[must_use]
    pub fn is_backed_by(&self, person: &str) -> bool {
        self.by.iter().any(|backer| backer.person == person)
    }

    /// Whether enough people of each of these agencies ask for it.
    #[must_use]
    pub fn holds(&self, owners: &[String]) -> bool {
        let enough = |owner: &String| self.by.iter().filter(|backer| &backer.agency == owner).count() >= PEOPLE;
        !owners.is_empty() && owners.iter().all(enough)
    }
}

/// Whether these words can stand as a reason.
///
/// # Errors
/// None at all, or too many.
pub fn check_reason(text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() || text.len() > REASON_BYTES_MAX {
        return Err(Refusal::with(Code::Malformed, "an exception has a reason, in at most 4000 bytes"));
    }
    Ok(())
}

impl ReleaseRequest {
    /// The exceptions under which its candidate is assessed.
    pub fn exceptions_in_force(&self) -> impl Iterator<Item = &Exception> {
        self.exceptions.iter().filter(|exception| exception.holds(&self.owners))
    }

    /// Whether this person asked for an exception that holds: then others decide.
    #[must_use]
    pub fn loosened_by(&self, person: &str) -> bool {
        self.exceptions_in_force().any(|exception| exception.is_backed_by(person))
    }

    /// Whether this person may ask for it.
    ///
    /// # Errors
    /// What is in the way: another exception of the rule that holds, the same person twice, too many at a time.
    pub fn may_back(&self, mark: ExceptionMark, person: &str) -> Result<(), &'static str> {
        if self.exceptions_in_force().any(|exception| exception.mark.rule == mark.rule) {
            return Err("an exception of this rule is in force already");
        }
        match self.exceptions.iter().find(|exception| exception.mark == mark) {
            Some(exception) if exception.is_backed_by(person) => Err("you have asked for it; another person must"),
            None if self.exceptions.len() >= EXCEPTIONS_MAX => Err("too many exceptions are asked for at a time"),
            Some(_) | None => Ok(()),
        }
    }

    /// Adds somebody who asks, and says whether the exception holds now.
    ///
    /// # Errors
    /// As [`ReleaseRequest::may_back`].
    pub fn back(&mut self, mark: ExceptionMark, backer: Backer) -> Result<bool, &'static str> {
        self.may_back(mark, &backer.person)?;
        match self.exceptions.iter_mut().find(|exception| exception.mark == mark) {
            Some(exception) => exception.by.push(backer),
            None => self.exceptions.push(Exception { mark, by: vec![backer] }),
        }
        Ok(self.exceptions_in_force().any(|exception| exception.mark == mark))
    }

    /// What was asked for and doesn't hold lapses.
    pub(crate) fn lapse_exceptions(&mut self) {
        let owners = std::mem::take(&mut self.owners);
        self.exceptions.retain(|exception| exception.holds(&owners));
        self.owners = owners;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Happening};
    use crate::people::{Actor, Role};
    use crate::review::tests::{approval, request};
    use crate::review::{RequestState, Verdict};
    use crate::state::State;

    fn threshold(asked: u64) -> ExceptionMark {
        ExceptionMark { rule: RuleName::Threshold, asked }
    }

    fn actor(person: &str, agency: &str) -> Actor {
        Actor { person: person.to_owned(), organisation: agency.to_owned(), role: Some(Role::Custodian) }
    }

    /// A state with one request, and what was asked in it.
    struct Desk {
        state: State,
        id: crate::id::RequestId,
    }

    impl Desk {
        fn new(owners: &[&str]) -> Desk {
            let request = request(owners, &[("a", Verdict::Approve)]);
            let id = request.id.clone();
            let mut state = State::default();
            state.requests.insert(id.clone(), request);
            Desk { state, id }
        }

        fn happens(&mut self, by: (&str, &str), happening: Happening) -> Result<(), &'static str> {
            let event = Event { actor: actor(by.0, by.1), at_ms: 0, happening };
            let mut next = self.state.clone();
            next.apply(&event).map_err(|unsound| unsound.why)?;
            self.state = next;
            Ok(())
        }

        fn asks(&mut self, by: (&str, &str), mark: ExceptionMark, holds: bool) -> Result<(), &'static str> {
            let reason = Commitment::new(&[1; 32], b"why");
            let assessment = holds.then(|| Commitment::new(&[2; 32], b"looser"));
            let request = self.id.clone();
            self.happens(by, Happening::ExceptionAsked { request, mark, reason, assessment })
        }

        fn now(&self) -> &ReleaseRequest {
            &self.state.requests[&self.id]
        }

        fn stands(&self) -> (u32, usize, Vec<String>) {
            let held = self.now().exceptions_in_force().map(|exception| exception.mark.to_string()).collect();
            (self.now().round, self.now().votes.len(), held)
        }
    }

    #[test]
    fn the_worked_example() {
        let mut desk = Desk::new(&["a"]);
        let untouched = (1, 1, Vec::new());
        desk.asks(("carol", "a"), threshold(5), false).expect("one person may ask");
        assert_eq!(desk.stands(), untouched);
        assert_eq!(desk.asks(("carol", "a"), threshold(5), true), Err("you have asked for it; another person must"));
        desk.asks(("cyrus", "a"), threshold(6), false).expect("another number is another exception");
        assert_eq!(desk.stands(), untouched);
        desk.asks(("cyrus", "a"), threshold(5), true).expect("the second person");
        assert_eq!(desk.stands(), (2, 0, vec!["threshold 5".to_owned()]));
        assert_eq!((desk.now().state, desk.now().exceptions.len()), (RequestState::Voting, 1));
        assert_eq!(desk.now().assessment, Commitment::new(&[2; 32], b"looser"));
        let again = desk.asks(("rosa", "a"), threshold(4), false);
        assert_eq!(again, Err("an exception of this rule is in force already"));
    }

    #[test]
    fn it_takes_two_people_of_each_owning_agency() {
        let mut desk = Desk::new(&["a", "b"]);
        for (person, agency) in [("ana", "a"), ("abe", "a"), ("ada", "a"), ("ben", "b")] {
            desk.asks((person, agency), threshold(5), false).expect("not yet enough");
            assert_eq!(desk.stands().2, Vec::<String>::new(), "{person}");
        }
        assert_eq!(desk.asks(("eve", "c"), threshold(5), false), Err("not of an owning agency"));
        desk.asks(("bob", "b"), threshold(5), true).expect("two of each");
        assert_eq!(desk.stands(), (2, 0, vec!["threshold 5".to_owned()]));
        // None of these agencies' people stands for an agency that isn't there.
        assert!(!Exception { mark: threshold(5), by: desk.now().exceptions[0].by.clone() }.holds(&[]));
    }

    #[test]
    fn a_looser_assessment_comes_with_the_exception_that_holds_and_with_no_other() {
        let mut desk = Desk::new(&["a"]);
        assert_eq!(desk.asks(("ana", "a"), threshold(5), true), Err("an assessment is due exactly when it holds"));
        desk.asks(("ana", "a"), threshold(5), false).expect("one person");
        assert_eq!(desk.asks(("abe", "a"), threshold(5), false), Err("an assessment is due exactly when it holds"));
    }

    #[test]
    fn what_holds_outlives_a_round_and_what_was_only_asked_for_lapses() {
        let mut desk = Desk::new(&["a"]);
        desk.asks(("ana", "a"), threshold(5), false).expect("one");
        desk.asks(("abe", "a"), threshold(5), true).expect("two");
        let rounding = ExceptionMark { rule: RuleName::RoundingBase, asked: 1 };
        desk.asks(("ana", "a"), rounding, false).expect("one");
        let now = desk.now().clone();
        let replaced = Happening::CandidateReplaced {
            request: now.id,
            candidate: now.candidate,
            assessment: Commitment::new(&[3; 32], b"again"),
            tightening: now.tightening,
        };
        desk.happens(("carol", "a"), replaced).expect("it is open");
        assert_eq!(desk.stands(), (3, 0, vec!["threshold 5".to_owned()]));
        assert_eq!(desk.now().exceptions.len(), 1, "the other one has to be asked for again, by two");
    }

    #[test]
    fn who_asked_for_what_holds_has_no_vote() {
        let mut desk = Desk::new(&["a"]);
        desk.state.requests.values_mut().for_each(|request| request.votes.clear());
        desk.asks(("ana", "a"), threshold(5), false).expect("one");
        let vote = |person: &str| Happening::VoteCast { request: request(&["a"], &[]).id, vote: approval(person, "a") };
        desk.happens(("ana", "a"), vote("ana")).expect("nothing is loosened yet");
        desk.asks(("abe", "a"), threshold(5), true).expect("two");
        for person in ["ana", "abe"] {
            let refused = desk.happens((person, "a"), vote(person));
            assert_eq!(refused, Err("the person asked for an exception that holds"));
        }
        desk.happens(("ada", "a"), vote("ada")).expect("others decide");
    }

    #[test]
    fn there_is_a_bound_on_what_is_asked_for() {
        let mut desk = Desk::new(&["a"]);
        for asked in 0..16 {
            desk.asks(("ana", "a"), threshold(asked), false).expect("below the bound");
        }
        assert_eq!(desk.asks(("ana", "a"), threshold(16), false), Err("too many exceptions are asked for at a time"));
        assert!(check_reason(" \n").is_err() && check_reason(&"x".repeat(4_001)).is_err());
        assert!(check_reason("A law asks for it.").is_ok());
    }
}
