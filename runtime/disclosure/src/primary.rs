//! The primary rules, on the evidence of one figure: may it be shown by itself?
//!
//! Every figure that somebody can read undergoes them: an inner cell, a margin, a node of a vetted family, a report's
//! difference from an earlier release. Each rule lives in its check's file under [`crate::checks`], with its source and
//! its worked example; this is the list that asks all of them.
//!
//! # Guarantees
//! Exact integers, no division. A figure of which nothing is known breaks the threshold.
//!
//! # Does not guarantee
//! Anything about other figures: see [`crate::protect`]. No rule is sound where contributors are known to the attacker.
//!
//! Source: disclosure.md, section 2, after the ESSnet handbook on statistical disclosure control.

use serde::{Deserialize, Serialize};

use crate::appetite::{PriorPosterior, Rules};
use crate::checks::{complements, dominance, groups, histograms, p_percent, threshold};
use crate::evidence::{Evidence, Spread};

/// What a figure says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Distinct subjects.
    Subjects,
    /// Records.
    Records,
    /// The sum of a measure, by its place in [`Evidence::measures`].
    Sum(usize),
}

/// A rule that a figure breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Too few subjects.
    Threshold,
    /// Too few subjects contribute other than 0.
    Contributors,
    /// Too few groups, or too few subjects without the largest group.
    Groups,
    /// The `n` largest hold at least `k` percent.
    Dominance {
        /// How many.
        n: u32,
        /// Their share, in percent.
        k: u32,
    },
    /// The largest is known within `p` percent by who knows the others within `q` percent.
    PriorPosterior {
        /// How closely it would be known.
        p: u32,
        /// How closely the others are.
        q: u32,
    },
    /// All contribute the same.
    AllEqual,
    /// The sum of the distances to a declared bound breaks dominance or the prior-posterior rule.
    Complement,
    /// The measure has few values, so it is a dimension, and too few subjects have the value 0.
    Category,
    /// What follows from published figures by a declared relation breaks one of the others.
    Relation,
    /// Together with what is out already it would break one of the others.
    History,
}

impl std::fmt::Display for Rule {
    /// The rule's name, such as `dominance:2,90`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Rule::Threshold => f.write_str("threshold"),
            Rule::Contributors => f.write_str("contributors"),
            Rule::Groups => f.write_str("groups"),
            Rule::Dominance { n, k } => write!(f, "dominance:{n},{k}"),
            Rule::PriorPosterior { p, q } => write!(f, "p_percent:{p},{q}"),
            Rule::AllEqual => f.write_str("all_equal"),
            Rule::Complement => f.write_str("complement"),
            Rule::Category => f.write_str("category"),
            Rule::Relation => f.write_str("relation"),
            Rule::History => f.write_str("history"),
        }
    }
}

/// The declared bounds of one subject's contribution, where the measure has some.
pub type Bounds = Option<(i128, i128)>;

/// The rules that the figure breaks, in a fixed order, each once.
#[must_use = "a broken rule that nobody reads blocks nothing"]
pub fn broken(evidence: &Evidence, quantity: Quantity, bounds: Bounds, rules: &Rules) -> Vec<Rule> {
    let mut found = Vec::new();
    if threshold::too_few_subjects(evidence, rules) {
        found.push(Rule::Threshold);
    }
    if groups::too_few(evidence, rules) {
        found.push(Rule::Groups);
    }
    let Some(spread) = spread(evidence, quantity) else {
        return found;
    };
    if threshold::too_few_contributors(spread, rules) {
        found.push(Rule::Contributors);
    }
    found.extend(concentrated(spread, rules));
    if matches!(quantity, Quantity::Sum(_)) {
        if spread.subjects.all_equal() {
            found.push(Rule::AllEqual);
        }
        if histograms::small_category(spread, bounds, rules) {
            found.push(Rule::Category);
        }
        if complements::broken(spread, bounds, rules) {
            found.push(Rule::Complement);
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether nobody contributes to a sum.
#[must_use]
pub fn is_nobodys(evidence: &Evidence, quantity: Quantity) -> bool {
    spread(evidence, quantity).is_some_and(|spread| spread.subjects.nonzero == 0)
}

/// The concentration rules that hold of contributors, by subject or by group: dominance, p% and pq.
pub(crate) fn concentrated(spread: &Spread, rules: &Rules) -> Vec<Rule> {
    let dominance = dominance::broken(spread, rules).map(|rule| Rule::Dominance { n: rule.n, k: rule.k_percent });
    let p_percent =
        p_percent::broken(spread, rules).map(|rule| Rule::PriorPosterior { p: rule.p_percent, q: rule.q_percent });
    dominance.chain(p_percent).collect()
}

/// The spread of what the figure says; none of a count of subjects, which each enter once.
#[must_use]
pub fn spread(evidence: &Evidence, quantity: Quantity) -> Option<&Spread> {
    match quantity {
        Quantity::Subjects => None,
        Quantity::Records => Some(&evidence.records),
        Quantity::Sum(index) => evidence.measures.get(index),
    }
}

/// How far from its value, to either side, an attacker must be kept from a figure that breaks these rules.
///
/// Of sums the upper protection level of the rule that asks for most, rounded up, and at least 1; of counts half the
/// threshold, and at least 3.
#[must_use]
pub fn protection(evidence: &Evidence, quantity: Quantity, rules: &Rules) -> i128 {
    let counts = i128::from(rules.threshold / 2).max(3);
    let Some(spread) = spread(evidence, quantity).filter(|_| matches!(quantity, Quantity::Sum(_))) else {
        return counts;
    };
    let mut widest = 1_i128;
    for shares in [&spread.subjects, &spread.groups] {
        let mut top = shares.top.iter().map(|value| value.saturating_abs());
        let (first, second) = (top.next().unwrap_or(0), top.next().unwrap_or(0));
        let rest = shares.sum_abs.saturating_sub(first).saturating_sub(second);
        let plain = PriorPosterior { p_percent: rules.p_percent, q_percent: 100 };
        for rule in std::iter::once(plain).chain(rules.prior_posterior) {
            let share = ceiling(first.saturating_mul(i128::from(rule.p_percent)), i128::from(rule.q_percent));
            widest = widest.max(share.saturating_sub(rest));
        }
        for rule in &rules.dominance {
            let held: i128 = shares.top.iter().take(rule.n as usize).map(|value| value.saturating_abs()).sum();
            let total = ceiling(held.saturating_mul(100), i128::from(rule.k_percent));
            widest = widest.max(total.saturating_sub(shares.sum_abs));
        }
    }
    widest
}

fn ceiling(above: i128, below: i128) -> i128 {
    let below = below.max(1);
    above.saturating_add(below - 1).div_euclid(below)
}

#[cfg(test)]
mod tests {
    use sluice_domain::grade::Grade;

    use super::*;
    use crate::appetite::Appetite;
    use crate::evidence::{Collector, Unit};

    fn of(values: &[i128], groups: impl Fn(usize) -> u64) -> Evidence {
        let mut collector = Collector::new(1);
        for (place, value) in values.iter().enumerate() {
            let values = std::slice::from_ref(value);
            collector.add(Unit { subject: place as u32, group: groups(place), records: 1, values });
        }
        collector.finish()
    }

    fn rules(grade: Grade) -> Rules {
        Appetite::floor(grade).expect("it has a floor").rules().clone()
    }

    #[test]
    fn attack_45_ten_vehicles_of_one_firm_are_not_ten_units() {
        let open = rules(Grade::Open);
        let alone = of(&[10; 12], |place| place as u64);
        assert_eq!(broken(&alone, Quantity::Subjects, None, &open), []);
        let fleet = of(&[10; 12], |place| u64::from(place >= 10));
        assert_eq!(broken(&fleet, Quantity::Subjects, None, &open), [Rule::Groups]);
        assert!(broken(&fleet, Quantity::Sum(0), None, &open).contains(&Rule::Dominance { n: 2, k: 90 }));
    }

    #[test]
    fn attack_46_the_distance_to_a_bound_is_a_figure_too() {
        let open = rules(Grade::Open);
        let mut values = vec![100; 12];
        values[0] = 0;
        let figure = of(&values, |place| place as u64);
        assert_eq!(broken(&figure, Quantity::Sum(0), None, &open), []);
        assert_eq!(broken(&figure, Quantity::Sum(0), Some((-1000, 100)), &open), [Rule::Complement]);
    }

    #[test]
    fn protection_is_the_widest_that_a_broken_rule_asks_for() {
        let open = rules(Grade::Open);
        let mut values = vec![100, 50];
        values.extend(vec![0; 10]);
        // p% = 10: 10 - 0; (2, 90): 150 / 0.9 - 150 = 17, rounded up.
        assert_eq!(protection(&of(&values, |place| place as u64), Quantity::Sum(0), &open), 17);
        assert_eq!(protection(&of(&values, |place| place as u64), Quantity::Subjects, &open), 5);
    }
}
