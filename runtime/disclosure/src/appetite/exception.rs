//! Exceptions: one named rule, loosened for a written reason that two people give, and marked on the release.
//!
//! # Guarantees
//! An exception loosens nothing but its rule, and never below the least that holds whatever anybody writes. The release
//! carries the rule and its number, not the reason: a person's free text never reaches an operator.
//!
//! # Does not guarantee
//! That the two people exist or may decide: the server knows them. That the reason is a good one.
//!
//! # Example
//! Threshold 10, asked 5, by two people: 5 holds. Asked 2: refused, since 3 is the least. Asked 10: refused, since
//! nothing is loosened.

use serde::{Deserialize, Serialize};
use sluice_domain::refusal::{Code, Refusal};

use super::{Appetite, Dominance, PriorPosterior, Rules};

/// The rule that an exception loosens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs, reason = "the same names as in `Rules`")]
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

/// What two people ask for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// Of which rule.
    pub rule: RuleName,
    /// The number that is to hold instead.
    pub asked: u64,
    /// Why, in words, for inside.
    pub reason: String,
    /// Who asks, by their short names.
    pub by: [String; 2],
}

/// What a release carries of an exception.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExceptionMark {
    /// Of which rule.
    pub rule: RuleName,
    /// The number that held instead.
    pub asked: u64,
}

/// The most bytes of a reason.
const REASON_BYTES_MAX: usize = 4_000;

/// What holds whatever anybody writes.
const THRESHOLD_MIN: u64 = 3;
const DIFFERENCE_MIN: u64 = 3;
const ROUNDING_BASE_MIN: u64 = 1;
const P_PERCENT_MIN: u64 = 5;
const DOMINANCE_PERCENT_MAX: u64 = 95;
const CLASS_GROUP_MIN: u64 = 1;
const DEGREES_OF_FREEDOM_MIN: u64 = 2;

impl Exception {
    /// What a release carries of it.
    #[must_use]
    pub fn mark(&self) -> ExceptionMark {
        ExceptionMark { rule: self.rule, asked: self.asked }
    }

    fn check(&self) -> Result<(), Refusal> {
        let [one, two] = &self.by;
        if one.trim().is_empty() || two.trim().is_empty() || one == two {
            return Err(Refusal::with(Code::Malformed, "an exception is asked by two people"));
        }
        if self.reason.trim().is_empty() || self.reason.len() > REASON_BYTES_MAX {
            return Err(Refusal::with(Code::Malformed, "an exception has a reason, in at most 4000 bytes"));
        }
        Ok(())
    }
}

impl Appetite {
    /// The same appetite, looser where two people each time say so and why.
    ///
    /// Exceptions come last: after the grant has tightened, and after several datasets' rules became one.
    ///
    /// # Errors
    /// A refusal if an exception isn't by two people, has no reason, loosens nothing, or goes below the least.
    pub fn with_exceptions(mut self, exceptions: &[Exception]) -> Result<Appetite, Refusal> {
        let mut sorted = exceptions.to_vec();
        sorted.sort();
        for exception in sorted {
            exception.check()?;
            if self.exceptions.iter().any(|other| other.rule == exception.rule) {
                return Err(Refusal::with(Code::Malformed, "one exception a rule"));
            }
            self.rules.loosen(&exception)?;
            self.exceptions.push(exception);
        }
        Ok(self)
    }

    /// The exceptions under which it stands, for inside.
    #[must_use]
    pub fn exceptions(&self) -> &[Exception] {
        &self.exceptions
    }
}

impl Rules {
    fn loosen(&mut self, exception: &Exception) -> Result<(), Refusal> {
        let asked = exception.asked;
        match exception.rule {
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
    use sluice_domain::grade::Grade;

    use super::*;
    use crate::tests::factory::floor;

    fn exception(rule: RuleName, asked: u64) -> Exception {
        let (reason, by) = ("A law asks for it.".to_owned(), ["ana".to_owned(), "ben".to_owned()]);
        Exception { rule, asked, reason, by }
    }

    fn refused(exceptions: &[Exception]) -> Option<Code> {
        floor(Grade::Restricted).with_exceptions(exceptions).err().map(|refusal| refusal.code)
    }

    #[test]
    fn the_worked_example() {
        let loose = floor(Grade::Restricted).with_exceptions(&[exception(RuleName::Threshold, 5)]).expect("two people");
        let expected = Rules { threshold: 5, ..floor(Grade::Restricted).rules().clone() };
        assert_eq!((loose.rules(), loose.exceptions().len()), (&expected, 1));
        assert_eq!(refused(&[exception(RuleName::Threshold, 2)]), Some(Code::GradeForbids));
        assert_eq!(refused(&[exception(RuleName::Threshold, 10)]), Some(Code::Malformed));
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
        let all: Vec<Exception> = cases.iter().map(|(rule, least, _)| exception(*rule, *least)).collect();
        for (rule, _, beyond) in cases {
            assert_eq!(refused(&[exception(rule, beyond)]), Some(Code::GradeForbids), "{rule:?}");
        }
        let loose = floor(Grade::Restricted).with_exceptions(&all).expect("each at its least");
        let rules = loose.rules();
        assert_eq!((rules.threshold, rules.rounding_base, rules.class_group, rules.difference), (3, 1, 1, 3));
        assert_eq!(rules.dominance, [Dominance { n: 1, k_percent: 95 }, Dominance { n: 2, k_percent: 95 }]);
        assert_eq!((rules.p_percent, rules.degrees_of_freedom), (5, 2));
        assert_eq!(rules.prior_posterior, Some(PriorPosterior { p_percent: 5, q_percent: 80 }));
        assert_eq!(refused(&[exception(RuleName::Dominance { n: 3 }, 90)]), Some(Code::Malformed));
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
            assert_eq!(refused(&[exception(rule, held)]), Some(Code::Malformed), "{rule:?}");
            assert_eq!(refused(&[exception(rule, looser)]), None, "{rule:?}");
        }
    }

    #[test]
    fn two_people_give_one_reason_for_one_rule() {
        let asked = exception(RuleName::Threshold, 5);
        let by = |one: &str, two: &str| Exception { by: [one.to_owned(), two.to_owned()], ..asked.clone() };
        for wrong in [by("ana", "ana"), by("ana", " "), Exception { reason: " \n".to_owned(), ..asked.clone() }] {
            assert_eq!(refused(&[wrong]), Some(Code::Malformed));
        }
        let reason = |bytes: usize| Exception { reason: "x".repeat(bytes), ..asked.clone() };
        assert_eq!(refused(&[by(" ", "ben")]), Some(Code::Malformed));
        assert_eq!((refused(&[reason(4_000)]), refused(&[reason(4_001)])), (None, Some(Code::Malformed)));
        let twice = [asked, exception(RuleName::Threshold, 4)];
        assert_eq!(refused(&twice), Some(Code::Malformed));
    }

    #[test]
    fn the_release_is_marked_without_the_reason() {
        use crate::tests::factory::{Table, assess};
        let candidate = Table::new(&[&["AA"]]).subjects(&[0], 7).candidate();
        let plain = floor(Grade::Restricted);
        let loose = plain.clone().with_exceptions(&[exception(RuleName::Threshold, 5)]).expect("two people");
        let (before, after) = (assess(&candidate, &plain), assess(&candidate, &loose));
        assert_eq!((before.table().suppressed_values(), after.table().suppressed_values()), (1, 0));
        assert!(before.record().exceptions.is_empty());
        assert_eq!(after.record().exceptions, [ExceptionMark { rule: RuleName::Threshold, asked: 5 }]);
        let json = String::from_utf8(after.record().to_json()).expect("JSON");
        assert!(!json.contains("A law") && !json.contains("ana") && json.contains("\"exceptions\":[{"));
    }
}
