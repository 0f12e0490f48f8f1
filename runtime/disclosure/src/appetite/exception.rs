//! Exceptions: one named rule of one request, loosened where enough people ask for it, and marked on the release.
//!
//! # Guarantees
//! - Nothing but a request's exceptions that hold loosens a rule: [`sluice_domain::exception`] says when one does.
//! - An exception loosens nothing but its rule, and never below the least that holds whatever anybody writes.
//! - The release carries the rule and its number. Neither who asked nor why is known here.
//!
//! # Does not guarantee
//! That the people exist or may ask: the server knows them.
//!
//! # Example
//! Threshold 10, asked 5, by two people: 5 holds. Asked 2: refused, since 3 is the least. Asked 10: refused, since
//! nothing is loosened.

use sluice_domain::exception::{ExceptionMark, RuleName};
use sluice_domain::refusal::{Code, Refusal};
use sluice_domain::review::ReleaseRequest;

use super::{Appetite, Dominance, PriorPosterior, Rules};

/// What holds whatever anybody writes.
const THRESHOLD_MIN: u64 = 3;
const DIFFERENCE_MIN: u64 = 3;
const ROUNDING_BASE_MIN: u64 = 1;
const P_PERCENT_MIN: u64 = 5;
const DOMINANCE_PERCENT_MAX: u64 = 95;
const CLASS_GROUP_MIN: u64 = 1;
const DEGREES_OF_FREEDOM_MIN: u64 = 2;

impl Appetite {
    /// The same appetite, looser where the request has exceptions that hold.
    ///
    /// Exceptions come last: after the grant and the request have tightened, and after several datasets' rules became
    /// one.
    ///
    /// # Errors
    /// A refusal if an exception loosens nothing, goes below the least, or is the second of its rule.
    pub fn with_exceptions(self, request: &ReleaseRequest) -> Result<Appetite, Refusal> {
        let mut marks: Vec<ExceptionMark> = request.exceptions_in_force().map(|exception| exception.mark).collect();
        marks.sort_unstable();
        marks.into_iter().try_fold(self, Appetite::loosened)
    }

    /// Whether an exception may be asked for.
    ///
    /// # Errors
    /// As [`Appetite::with_exceptions`].
    pub fn may_loosen(&self, mark: ExceptionMark) -> Result<(), Refusal> {
        self.clone().loosened(mark).map(drop)
    }

    /// The exceptions under which it stands.
    #[must_use]
    pub fn exceptions(&self) -> &[ExceptionMark] {
        &self.exceptions
    }

    pub(crate) fn loosened(mut self, mark: ExceptionMark) -> Result<Appetite, Refusal> {
        if self.exceptions.iter().any(|other| other.rule == mark.rule) {
            return Err(Refusal::with(Code::Malformed, "one exception a rule"));
        }
        self.rules.loosen(mark)?;
        self.exceptions.push(mark);
        Ok(self)
    }
}

impl Rules {
    fn loosen(&mut self, mark: ExceptionMark) -> Result<(), Refusal> {
        let asked = mark.asked;
        match mark.rule {
            RuleName::Threshold => lower("threshold", &mut self.threshold, asked, THRESHOLD_MIN),
            RuleName::RoundingBase => lower("rounding_base", &mut self.rounding_base, asked, ROUNDING_BASE_MIN),
            RuleName::ClassGroup => lower("class_group", &mut self.class_group, asked, CLASS_GROUP_MIN),
            RuleName::Difference => lower("difference", &mut self.difference, asked, DIFFERENCE_MIN),
            RuleName::DegreesOfFreedom => {
                lower("degrees_of_freedom", &mut self.degrees_of_freedom, asked, DEGREES_OF_FREEDOM_MIN)
            }
            RuleName::PPercent => percent("p_percent", &mut self.p_percent, asked),
            RuleName::PriorPosterior => match &mut self.prior_posterior {
                Some(PriorPosterior { p_percent, .. }) => percent("prior_posterior", p_percent, asked),
                None => Err(nothing("prior_posterior")),
            },
            RuleName::Dominance { n } => match self.dominance.iter_mut().find(|rule| rule.n == n) {
                Some(Dominance { k_percent, .. }) => raise_share(k_percent, asked),
                None => Err(nothing("dominance")),
            },
        }
    }
}

fn lower(name: &str, rule: &mut u64, asked: u64, least: u64) -> Result<(), Refusal> {
    if asked >= *rule {
        return Err(nothing(name));
    }
    if asked < least {
        return Err(below(name, least));
    }
    *rule = asked;
    Ok(())
}

fn percent(name: &str, rule: &mut u32, asked: u64) -> Result<(), Refusal> {
    let mut held = u64::from(*rule);
    lower(name, &mut held, asked, P_PERCENT_MIN)?;
    *rule = u32::try_from(held).map_err(|_| nothing(name))?;
    Ok(())
}

fn raise_share(rule: &mut u32, asked: u64) -> Result<(), Refusal> {
    if asked <= u64::from(*rule) {
        return Err(nothing("dominance"));
    }
    if asked > DOMINANCE_PERCENT_MAX {
        return Err(below("dominance", DOMINANCE_PERCENT_MAX));
    }
    *rule = u32::try_from(asked).map_err(|_| nothing("dominance"))?;
    Ok(())
}

fn nothing(name: &str) -> Refusal {
    Refusal::with(Code::Malformed, format!("the exception doesn't loosen `{name}`"))
}

fn below(name: &str, least: u64) -> Refusal {
    Refusal::with(Code::GradeForbids, format!("`{name}` can't go beyond {least}, whoever asks"))
}

#[cfg(test)]
mod tests {
    use sluice_domain::digest::Commitment;
    use sluice_domain::exception::{Backer, Exception};
    use sluice_domain::grade::Grade;
    use sluice_domain::grant::Tightening;
    use sluice_domain::id::{JobId, RequestId};
    use sluice_domain::review::RequestState;

    use super::*;
    use crate::tests::factory::{Table, assess, floor};

    fn mark(rule: RuleName, asked: u64) -> ExceptionMark {
        ExceptionMark { rule, asked }
    }

    /// A request in which these people ask for each of these.
    fn request(people: &[&str], marks: &[ExceptionMark]) -> ReleaseRequest {
        let backer = |person: &&str| Backer {
            person: (*person).to_owned(),
            agency: "agency".to_owned(),
            reason: Commitment::new(&[0; 32], b"A law asks for it."),
            round: 1,
            at_ms: 0,
        };
        let exception = |mark: &ExceptionMark| Exception { mark: *mark, by: people.iter().map(backer).collect() };
        ReleaseRequest {
            id: RequestId::new([0; 16]),
            job: JobId::new([0; 16]),
            owners: vec!["agency".to_owned()],
            organisation: "operator".to_owned(),
            candidate: Commitment::new(&[0; 32], b""),
            assessment: Commitment::new(&[0; 32], b""),
            tightening: Tightening::default(),
            exceptions: marks.iter().map(exception).collect(),
            round: 1,
            reviewers: 2,
            state: RequestState::Voting,
            votes: Vec::new(),
        }
    }

    fn loose(people: &[&str], marks: &[ExceptionMark]) -> Result<Appetite, Refusal> {
        floor(Grade::Restricted).with_exceptions(&request(people, marks))
    }

    fn refused(rule: RuleName, asked: u64) -> Option<Code> {
        floor(Grade::Restricted).may_loosen(mark(rule, asked)).err().map(|refusal| refusal.code)
    }

    #[test]
    fn the_worked_example() {
        let five = [mark(RuleName::Threshold, 5)];
        let loose = loose(&["ana", "ben"], &five).expect("two people");
        let expected = Rules { threshold: 5, ..floor(Grade::Restricted).rules().clone() };
        assert_eq!((loose.rules(), loose.exceptions()), (&expected, &five[..]));
        assert_eq!(refused(RuleName::Threshold, 2), Some(Code::GradeForbids));
        assert_eq!(refused(RuleName::Threshold, 10), Some(Code::Malformed));
    }

    #[test]
    fn what_one_person_asks_for_loosens_nothing() {
        let asked = [mark(RuleName::Threshold, 5), mark(RuleName::PPercent, 5)];
        assert_eq!(loose(&["ana"], &asked), Ok(floor(Grade::Restricted)));
        // Nor does what may never be asked for, as long as it doesn't hold.
        assert_eq!(loose(&["ana"], &[mark(RuleName::Threshold, 1)]), Ok(floor(Grade::Restricted)));
        let below = loose(&["ana", "ben"], &[mark(RuleName::Threshold, 1)]).map_err(|refusal| refusal.code);
        assert_eq!(below, Err(Code::GradeForbids));
    }

    #[test]
    fn every_rule_has_a_least_and_is_loosened_alone() {
        let cases = [
            (RuleName::Threshold, 3, 2),
            (RuleName::RoundingBase, 1, 0),
            (RuleName::Dominance { n: 1 }, 95, 96),
            (RuleName::Dominance { n: 2 }, 95, 96),
            (RuleName::PPercent, 5, 4),
            (RuleName::PriorPosterior, 5, 4),
            (RuleName::ClassGroup, 1, 0),
            (RuleName::DegreesOfFreedom, 2, 1),
            (RuleName::Difference, 3, 2),
        ];
        for (rule, least, beyond) in cases {
            assert_eq!(refused(rule, beyond), Some(Code::GradeForbids), "{rule:?}");
            assert_eq!(refused(rule, least), None, "{rule:?}");
        }
        let all: Vec<ExceptionMark> = cases.iter().map(|(rule, least, _)| mark(*rule, *least)).collect();
        let loose = loose(&["ana", "ben"], &all).expect("each at its least");
        let rules = loose.rules();
        assert_eq!((rules.threshold, rules.rounding_base, rules.class_group, rules.difference), (3, 1, 1, 3));
        assert_eq!(rules.dominance, [Dominance { n: 1, k_percent: 95 }, Dominance { n: 2, k_percent: 95 }]);
        assert_eq!((rules.p_percent, rules.degrees_of_freedom), (5, 2));
        assert_eq!(rules.prior_posterior, Some(PriorPosterior { p_percent: 5, q_percent: 80 }));
        assert_eq!(refused(RuleName::Dominance { n: 3 }, 90), Some(Code::Malformed));
    }

    #[test]
    fn what_holds_already_is_no_exception() {
        // The floor of `restricted`, and one step beyond it.
        let cases = [
            (RuleName::RoundingBase, 5, 4),
            (RuleName::Dominance { n: 1 }, 65, 66),
            (RuleName::Dominance { n: 2 }, 80, 81),
            (RuleName::PPercent, 15, 14),
            (RuleName::PriorPosterior, 15, 14),
            (RuleName::ClassGroup, 3, 2),
            (RuleName::DegreesOfFreedom, 10, 9),
            (RuleName::Difference, 10, 9),
        ];
        for (rule, held, looser) in cases {
            assert_eq!(refused(rule, held), Some(Code::Malformed), "{rule:?}");
            assert_eq!(refused(rule, looser), None, "{rule:?}");
        }
    }

    #[test]
    fn a_rule_has_one_exception() {
        let twice = loose(&["ana", "ben"], &[mark(RuleName::Threshold, 5), mark(RuleName::Threshold, 4)]);
        assert_eq!(twice.map_err(|refusal| refusal.code), Err(Code::Malformed));
    }

    #[test]
    fn the_release_is_marked_and_tells_neither_who_nor_why() {
        let candidate = Table::new(&[&["AA"]]).subjects(&[0], 7).candidate();
        let five = mark(RuleName::Threshold, 5);
        let loose = loose(&["ana", "ben"], &[five]).expect("two people");
        let (before, after) = (assess(&candidate, &floor(Grade::Restricted)), assess(&candidate, &loose));
        assert_eq!((before.table().suppressed_values(), after.table().suppressed_values()), (1, 0));
        assert!(before.record().exceptions.is_empty());
        assert_eq!(after.record().exceptions, [five]);
        let json = String::from_utf8(after.record().to_json()).expect("JSON");
        assert!(!json.contains("A law") && !json.contains("ana"), "{json}");
        assert!(json.contains(r#""exceptions":[{"rule":"threshold","asked":5}]"#), "{json}");
        assert!(after.table().notes().iter().any(|note| note.contains("by exception: threshold 5")));
        assert!(!before.table().notes().iter().any(|note| note.contains("exception")));
    }
}
