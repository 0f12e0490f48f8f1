//! The appetite: how much risk of disclosure an agency takes, by the grade of its data.
//!
//! It exists so that a rule's numbers are data that a person can read, and so that a grant can make them stricter
//! without anyone being able to make them weaker.
//!
//! # Guarantees
//! An [`Appetite`] comes only from a grade's floor, from steps that tighten it, and from exceptions for which
//! people of every owning agency give a reason.
//!
//! # Does not guarantee
//! That a floor is right for a dataset: the numbers are usual ones in official statistics, not proofs.
//!
//! Source: disclosure.md, section 4, after ACRO's and tau-Argus's defaults and the handbooks that they cite.

mod exception;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use sluice_domain::grade::Grade;
use sluice_domain::refusal::{Code, Refusal};

pub use sluice_domain::exception::{ExceptionMark, RuleName};

use crate::evidence::TOP;

/// The version of the floors and of the list of checks. It changes when either does.
pub const POLICY_VERSION: &str = "sluice-sdc/0.2";

/// Unsafe if the `n` largest contributors hold at least `k_percent` of the total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dominance {
    /// How many contributors, 1 to 3.
    pub n: u32,
    /// Their share, in percent.
    pub k_percent: u32,
}

/// Unsafe if the rest, once known within `q` percent, gives the largest contributor away within `p` percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriorPosterior {
    /// How closely nobody may learn the largest contribution.
    pub p_percent: u32,
    /// How closely everybody knows the others beforehand.
    pub q_percent: u32,
}

/// The numbers of an appetite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// The grade whose floor they start from.
    pub grade: Grade,
    /// The least number of distinct subjects behind what is shown.
    pub threshold: u64,
    /// Counts are rounded to its multiples, sums to its multiples in steps of the measure; 1 is exact.
    pub rounding_base: u64,
    /// All of them must hold; in rising order of `n`.
    pub dominance: Vec<Dominance>,
    /// The p% rule.
    pub p_percent: u32,
    /// The pq rule, where there is one.
    pub prior_posterior: Option<PriorPosterior>,
    /// A group may not hold all but fewer than so many subjects of its margin.
    pub class_group: u64,
    /// The least degrees of freedom of a ratio.
    pub degrees_of_freedom: u64,
    /// The least difference between two releases, in subjects; for the history.
    pub difference: u64,
    /// Whether dominance is due at the level of holdings as well.
    pub holding_level: bool,
}

type Floor = (Grade, u64, u64, &'static [(u32, u32)], u32, Option<(u32, u32)>, u64, u64, u64, bool);

/// One line a grade: threshold, base, (n, k) rules, p, (p, q), class, degrees of freedom, difference, holdings.
const FLOORS: [Floor; 4] = [
    (Grade::Open, 10, 1, &[(2, 90)], 10, None, 2, 10, 10, false),
    (Grade::Conditional, 10, 5, &[(2, 85)], 10, None, 3, 10, 10, false),
    (Grade::Restricted, 10, 5, &[(1, 65), (2, 80)], 15, Some((15, 80)), 3, 10, 10, false),
    (Grade::Special, 20, 10, &[(1, 65), (2, 80)], 20, Some((20, 60)), 5, 20, 20, true),
];

/// What a grant asks for beyond the floor. What is left out stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs, reason = "the same names as in `Rules`")]
pub struct Overrides {
    pub threshold: Option<u64>,
    pub rounding_base: Option<u64>,
    pub dominance: Vec<Dominance>,
    pub p_percent: Option<u32>,
    pub prior_posterior: Option<PriorPosterior>,
    pub class_group: Option<u64>,
    pub degrees_of_freedom: Option<u64>,
    pub difference: Option<u64>,
}

/// Rules that are at least as strict as the floor of their grade, exceptions aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appetite {
    rules: Rules,
    /// Sorted; empty but for exceptions that hold.
    exceptions: Vec<ExceptionMark>,
}

impl Appetite {
    /// The floor of a grade.
    ///
    /// # Errors
    /// Secret data has no floor, since it can't be granted at all.
    pub fn floor(grade: Grade) -> Result<Appetite, Refusal> {
        let (
            grade,
            threshold,
            rounding_base,
            dominance,
            p_percent,
            pq,
            class_group,
            freedom,
            difference,
            holding_level,
        ) = *FLOORS.iter().find(|floor| floor.0 == grade).ok_or_else(|| Refusal::of(Code::GradeForbids))?;
        let rules = Rules {
            grade,
            threshold,
            rounding_base,
            dominance: dominance.iter().map(|(n, k_percent)| Dominance { n: *n, k_percent: *k_percent }).collect(),
            p_percent,
            prior_posterior: pq.map(|(p_percent, q_percent)| PriorPosterior { p_percent, q_percent }),
            class_group,
            degrees_of_freedom: freedom,
            difference,
            holding_level,
        };
        Ok(Appetite { rules, exceptions: Vec::new() })
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The same appetite, stricter where `overrides` says so.
    ///
    /// # Errors
    /// A refusal that names the rule which would be loosened, or which makes no sense.
    pub fn tightened(self, overrides: &Overrides) -> Result<Appetite, Refusal> {
        let Appetite { mut rules, exceptions } = self;
        raise("threshold", &mut rules.threshold, overrides.threshold)?;
        raise("rounding_base", &mut rules.rounding_base, overrides.rounding_base)?;
        raise("class_group", &mut rules.class_group, overrides.class_group)?;
        raise("degrees_of_freedom", &mut rules.degrees_of_freedom, overrides.degrees_of_freedom)?;
        raise("difference", &mut rules.difference, overrides.difference)?;
        if overrides.p_percent.is_some_and(|p| p > 100) {
            return Err(Refusal::with(Code::Malformed, "`p_percent` is at most 100"));
        }
        raise("p_percent", &mut rules.p_percent, overrides.p_percent)?;
        for rule in &overrides.dominance {
            rules.tighten_dominance(*rule)?;
        }
        if let Some(asked) = overrides.prior_posterior {
            rules.tighten_prior_posterior(asked)?;
        }
        Ok(Appetite { rules, exceptions })
    }

    /// The strictest of both in every rule: for a job that reads several datasets or stands on several grants. It is
    /// marked with the exceptions of both.
    #[must_use]
    pub fn strictest(self, other: &Appetite) -> Appetite {
        let Appetite { mut rules, mut exceptions } = self;
        exceptions.extend(&other.exceptions);
        exceptions.sort_unstable();
        exceptions.dedup();
        let other = &other.rules;
        rules.grade = rules.grade.max(other.grade);
        rules.threshold = rules.threshold.max(other.threshold);
        rules.rounding_base = rules.rounding_base.max(other.rounding_base);
        rules.p_percent = rules.p_percent.max(other.p_percent);
        rules.class_group = rules.class_group.max(other.class_group);
        rules.degrees_of_freedom = rules.degrees_of_freedom.max(other.degrees_of_freedom);
        rules.difference = rules.difference.max(other.difference);
        rules.holding_level |= other.holding_level;
        for rule in &other.dominance {
            rules.merge_dominance(*rule);
        }
        rules.prior_posterior = match (rules.prior_posterior, other.prior_posterior) {
            (Some(a), Some(b)) => Some(if b.is_looser_than(&a) { a } else { b }),
            (a, b) => a.or(b),
        };
        Appetite { rules, exceptions }
    }
}

impl Rules {
    fn tighten_dominance(&mut self, rule: Dominance) -> Result<(), Refusal> {
        if rule.n == 0 || rule.n as usize > TOP || rule.k_percent == 0 || rule.k_percent > 100 {
            return Err(Refusal::with(Code::Malformed, "`dominance` needs n from 1 to 3 and k from 1 to 100 percent"));
        }
        let present = self.dominance.iter().find(|other| other.n == rule.n);
        if let Some(present) = present.filter(|present| rule.k_percent > present.k_percent) {
            return Err(loosens(&format!("dominance of {}", rule.n), &present.k_percent, &rule.k_percent));
        }
        self.merge_dominance(rule);
        Ok(())
    }

    fn merge_dominance(&mut self, rule: Dominance) {
        match self.dominance.iter_mut().find(|other| other.n == rule.n) {
            Some(present) => present.k_percent = present.k_percent.min(rule.k_percent),
            None => self.dominance.push(rule),
        }
        self.dominance.sort_unstable();
    }

    fn tighten_prior_posterior(&mut self, asked: PriorPosterior) -> Result<(), Refusal> {
        if asked.p_percent == 0 || asked.p_percent >= asked.q_percent || asked.q_percent > 100 {
            return Err(Refusal::with(Code::Malformed, "`prior_posterior` needs 0 < p < q <= 100"));
        }
        if let Some(present) = self.prior_posterior.filter(|present| asked.is_looser_than(present)) {
            let text = |rule: &PriorPosterior| format!("{}/{}", rule.p_percent, rule.q_percent);
            return Err(loosens("prior_posterior", &text(&present), &text(&asked)));
        }
        self.prior_posterior = Some(asked);
        Ok(())
    }
}

impl PriorPosterior {
    fn is_looser_than(&self, other: &PriorPosterior) -> bool {
        let cross = |a: u32, b: u32| u64::from(a) * u64::from(b);
        cross(self.p_percent, other.q_percent) < cross(other.p_percent, self.q_percent)
    }
}

fn raise<T: PartialOrd + Copy + std::fmt::Display>(name: &str, rule: &mut T, asked: Option<T>) -> Result<(), Refusal> {
    match asked {
        Some(asked) if asked < *rule => Err(loosens(name, rule, &asked)),
        Some(asked) => {
            *rule = asked;
            Ok(())
        }
        None => Ok(()),
    }
}

fn loosens(name: &str, floor: &dyn std::fmt::Display, asked: &dyn std::fmt::Display) -> Refusal {
    Refusal::with(
        Code::GradeForbids,
        format!("`{name}` may be tightened, never loosened: {floor} holds, {asked} was asked"),
    )
}
