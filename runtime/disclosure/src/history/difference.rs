//! Differences: what a pair or a combination of figures says of the subjects that it leaves, worked out exactly.
//!
//! The difference of two releases is a figure that anybody can read, so it undergoes every primary rule, by subject and
//! by group. Its units are the subjects that differ: whose net contribution isn't 0, or who are counted a different
//! number of times (a subject with 0 that is left out is one more that has 0).
//!
//! Declared bounds hold of a difference where one term is a part of the other: then the difference is the sum of who is
//! left, as a table of them alone would show it, and whatever its bounds make unsafe in a table (distances, and the few
//! who have 0 of few values) is unsafe here. With people on both sides neither distances nor zeros can be read from it.
//!
//! # Guarantees
//! Exact, by merging the contributions of all terms; the order of terms doesn't matter.
//!
//! # Does not guarantee
//! - That a difference which passes is harmless: the rules assume that the others aren't known to the attacker.
//! - The rules of bounds where even one subject is on the other side, or in both with another value.
//!
//! Example: 40 subjects, less the same without one, is a figure of 1 subject, below every threshold.

use super::contributions::Contributions;
use super::figure::Kind;
use super::keys::Domain;
use crate::appetite::{PriorPosterior, Rules};
use crate::evidence::{Collector, Unit};
use crate::primary::{Bounds, Quantity, Rule, broken};

/// One term of a combination.
#[derive(Clone, Copy)]
pub struct Term<'a> {
    /// The coefficient, such as 1 or -1.
    pub coefficient: i32,
    /// What the figure adds up.
    pub kind: Kind,
    /// Its contributions.
    pub contributions: &'a Contributions,
}

/// What a combination leaves. No `Debug`: it is made from data.
#[derive(Clone, PartialEq, Eq)]
pub struct Difference {
    /// Subjects that differ.
    pub subjects: u64,
    /// Groups that they form.
    pub groups: u64,
    /// Subjects whose net contribution isn't 0.
    pub contributors: u64,
    /// Whether somebody differs, but fewer contribute than two releases must differ in.
    pub few: bool,
    /// The primary rules that it breaks as a figure of its own; none where nobody differs.
    pub broken: Vec<Rule>,
}

impl Difference {
    /// Whether nobody differs.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.subjects == 0
    }

    /// Whether it says too much of some.
    #[must_use]
    pub fn is_unsafe(&self) -> bool {
        self.few || !self.broken.is_empty()
    }

    /// What the sum of these terms leaves.
    #[must_use]
    pub fn of(terms: &[Term<'_>], domain: &Domain, rules: &Rules) -> Difference {
        harmless(terms, domain, rules).unwrap_or_else(|| Difference::in_full(terms, domain, rules))
    }

    fn in_full(terms: &[Term<'_>], domain: &Domain, rules: &Rules) -> Difference {
        let quantity = quantity(terms);
        let mut found = Found::new(quantity);
        merge(terms, |net| found.take(net, domain));
        let bounds = found.bounds(terms);
        let Found { collector, contributors, .. } = found;
        let evidence = collector.finish();
        let (subjects, groups) = (evidence.subjects, evidence.groups);
        let few = subjects > 0 && contributors < rules.difference;
        let broken = if subjects > 0 { broken(&evidence, quantity, bounds, rules) } else { Vec::new() };
        Difference { subjects, groups, contributors, few, broken }
    }
}

/// Figures of one kind leave a figure of that kind, and counts leave a count: that all are counted once says nothing.
/// Of other kinds it is a sum, for which all rules hold.
fn quantity(terms: &[Term<'_>]) -> Quantity {
    if terms.iter().all(|term| term.kind == Kind::Subjects) {
        Quantity::Subjects
    } else if terms.iter().all(|term| term.kind.is_count()) {
        Quantity::Records
    } else {
        Quantity::Sum(0)
    }
}

/// One subject's part in all terms.
struct Net {
    subject: u32,
    value: i128,
    /// How often it is counted, signed.
    counted: i64,
    /// In how many terms it is.
    terms: u32,
}

struct Found {
    collector: Collector,
    contributors: u64,
    is_sum: bool,
    /// Whether every subject that differs is in one term only, and on which side all of them are.
    single: bool,
    least: i64,
    most: i64,
}

impl Found {
    fn new(quantity: Quantity) -> Found {
        let is_sum = matches!(quantity, Quantity::Sum(_));
        let collector = Collector::new(usize::from(is_sum));
        Found { collector, contributors: 0, is_sum, single: true, least: i64::MAX, most: i64::MIN }
    }

    fn take(&mut self, net: Net, domain: &Domain) {
        if net.value == 0 && net.counted == 0 {
            return;
        }
        self.contributors += u64::from(net.value != 0);
        self.single &= net.terms == 1;
        self.least = self.least.min(net.counted);
        self.most = self.most.max(net.counted);
        // A subject that the domain doesn't have is a group of its own, out of the way of all that it has.
        let group = domain.group(net.subject).unwrap_or(u64::MAX - u64::from(net.subject));
        let (records, values) = if self.is_sum {
            (i128::from(net.counted), std::slice::from_ref(&net.value))
        } else {
            (net.value, &[][..])
        };
        self.collector.add(Unit { subject: net.subject, group, records, values });
    }

    /// The bounds of a contribution to the difference: those of the measure, where all who differ are in one term only
    /// and on one side. Else the distance to a bound is no figure that anybody can read.
    fn bounds(&self, terms: &[Term<'_>]) -> Bounds {
        let mut kinds = terms.iter().map(|term| term.kind);
        let Some(Kind::Sum(Some((lower, upper)))) = kinds.next() else { return None };
        if !self.single || kinds.any(|kind| kind != Kind::Sum(Some((lower, upper)))) {
            return None;
        }
        match (self.least, self.most) {
            (1, 1) => Some((lower, upper)),
            (-1, -1) => Some((upper.saturating_neg(), lower.saturating_neg())),
            _ => None,
        }
    }
}

/// Sums from here on are worked out in full, so that no product overflows.
const LARGE: i128 = 1 << 100;

/// What one pass tells of a difference that plainly breaks no rule; none where it isn't plain, or where there are groups.
/// Most differences that a sketch doesn't clear are such.
fn harmless(terms: &[Term<'_>], domain: &Domain, rules: &Rules) -> Option<Difference> {
    if domain.is_grouped() {
        return None;
    }
    let is_count = terms.iter().all(|term| term.kind == Kind::Subjects);
    let is_sum = !terms.iter().all(|term| term.kind.is_count());
    let (mut subjects, mut contributors, mut whole) = (0_u64, 0_u64, 0_i128);
    let (mut least, mut most, mut single) = (i64::MAX, i64::MIN, true);
    let (mut value, mut alike) = (None, true);
    let wanted = rules.dominance.iter().map(|rule| rule.n as usize).max().unwrap_or(0).max(2);
    // The largest, least of them first.
    let mut top: Vec<i128> = vec![0; wanted];
    merge(terms, |net| {
        if net.value == 0 && net.counted == 0 {
            return;
        }
        subjects += 1;
        single &= net.terms == 1;
        (least, most) = (least.min(net.counted), most.max(net.counted));
        if net.value == 0 {
            return;
        }
        contributors += 1;
        alike &= *value.get_or_insert(net.value) == net.value;
        let size = net.value.saturating_abs();
        whole = whole.saturating_add(size);
        if top.first().is_some_and(|least| size > *least) {
            top.extend([size]);
            top.sort_unstable();
            top.remove(0);
        }
    });
    // One more than each rule asks for: who is left without the largest group is one less.
    if contributors <= rules.threshold.max(rules.difference) || whole >= LARGE {
        return None;
    }
    let bounded = terms.first().is_some_and(|term| matches!(term.kind, Kind::Sum(Some(_)))) && single && least == most;
    if is_sum && (alike || bounded) {
        return None;
    }
    let held = |n: usize| top.iter().rev().take(n).sum::<i128>();
    let dominated = |n: usize, k: u32| held(n) * 100 >= whole * i128::from(k);
    let plain = PriorPosterior { p_percent: rules.p_percent, q_percent: 100 };
    let given_away =
        |rule: PriorPosterior| (whole - held(2)) * i128::from(rule.q_percent) < held(1) * i128::from(rule.p_percent);
    let spread_out = is_count
        || !rules.dominance.iter().any(|rule| dominated(rule.n as usize, rule.k_percent))
            && !std::iter::once(plain).chain(rules.prior_posterior).any(given_away);
    let (groups, broken) = (subjects, Vec::new());
    spread_out.then_some(Difference { subjects, groups, contributors, few: false, broken })
}

/// Hands over every subject of any term once, in order.
fn merge(terms: &[Term<'_>], mut take: impl FnMut(Net)) {
    let mut rests: Vec<(i32, &[(u32, i128)])> =
        terms.iter().map(|term| (term.coefficient, term.contributions.as_slice())).collect();
    while let Some(subject) = rests.iter().filter_map(|(_, rest)| rest.first()).map(|(subject, _)| *subject).min() {
        let mut net = Net { subject, value: 0, counted: 0, terms: 0 };
        for (coefficient, rest) in &mut rests {
            let Some(((_, value), tail)) = rest.split_first().filter(|((next, _), _)| *next == subject) else {
                continue;
            };
            *rest = tail;
            net.value = net.value.saturating_add(value.saturating_mul(i128::from(*coefficient)));
            net.counted += i64::from(*coefficient);
            net.terms += u32::from(*coefficient != 0);
        }
        take(net);
    }
}

#[cfg(test)]
mod tests {
    use sluice_domain::grade::Grade;

    use super::*;
    use crate::appetite::Appetite;

    fn difference(terms: &[(i32, Kind, &Contributions)]) -> Difference {
        let terms: Vec<Term<'_>> = terms
            .iter()
            .map(|(coefficient, kind, contributions)| Term { coefficient: *coefficient, kind: *kind, contributions })
            .collect();
        Difference::of(&terms, &Domain::ungrouped(1_000), Appetite::floor(Grade::Open).expect("it has a floor").rules())
    }

    #[test]
    fn the_example_of_the_page() {
        let (whole, without) = (Contributions::counting(0..40), Contributions::counting(1..40));
        let found = difference(&[(1, Kind::Subjects, &whole), (-1, Kind::Subjects, &without)]);
        assert_eq!((found.subjects, found.contributors, found.few), (1, 1, true));
        assert_eq!(found.broken, [Rule::Threshold, Rule::Groups]);
        let none = difference(&[(1, Kind::Subjects, &whole), (-1, Kind::Subjects, &whole)]);
        assert!(none.is_same() && !none.is_unsafe() && none.broken.is_empty());
    }

    #[test]
    fn one_pass_says_what_working_it_out_says() {
        let mut random = crate::tests::factory::Random(11);
        let domain = Domain::ungrouped(1_000);
        let (mut plain, mut harmful) = (0, 0);
        for round in 0..3_000_u32 {
            let kinds = [Kind::Subjects, Kind::Records, Kind::Sum(None), Kind::Sum(Some((-5, 40)))];
            let kind = kinds[random.below(4) as usize];
            let mut made = || {
                let (from, count) = (random.below(30) as u32, random.below(60) as u32);
                let largest = [1, 3, 40, 4_000][random.below(4) as usize];
                let sums = (from..from + count).map(|subject| match kind {
                    Kind::Subjects => (subject, 1),
                    Kind::Records => (subject, 1 + random.below(largest) as i128),
                    // Some are giants, so that dominance is now broken and now just isn't.
                    Kind::Sum(_) if subject % 23 == 0 => (subject, random.below(largest * 60) as i128),
                    Kind::Sum(_) => (subject, random.below(largest + 5) as i128 - 5),
                });
                Contributions::of(sums.collect::<Vec<_>>())
            };
            let (a, b) = (made(), made());
            let other = if round % 7 == 0 { Kind::Records } else { kind };
            let term = |coefficient, kind, contributions| Term { coefficient, kind, contributions };
            let terms = [term(1, kind, &a), term(-1, other, &b)];
            for grade in [Grade::Open, Grade::Restricted] {
                let floor = Appetite::floor(grade).expect("it has a floor");
                let whole = Difference::in_full(&terms, &domain, floor.rules());
                harmful += u32::from(whole.is_unsafe());
                if let Some(harmless) = harmless(&terms, &domain, floor.rules()) {
                    plain += 1;
                    assert!(harmless == whole, "{kind:?} {:?} {:?}", a.as_slice(), b.as_slice());
                }
            }
        }
        assert!(plain > 800 && harmful > 400, "{plain} are plain, {harmful} harmful");
    }

    #[test]
    fn who_is_left_out_with_0_is_left_all_the_same() {
        let sums =
            |range: std::ops::Range<u32>| Contributions::of(range.map(|subject| (subject, i128::from(subject % 2))));
        let found = difference(&[(1, Kind::Sum(None), &sums(0..100)), (-1, Kind::Sum(None), &sums(0..60))]);
        assert_eq!((found.subjects, found.contributors), (40, 20));
        assert_eq!(found.broken, []);
    }

    #[test]
    fn a_bound_holds_only_where_everybody_is_in_one_term() {
        let kind = Kind::Sum(Some((0, 100)));
        // One is far from the bound, five are close to it and the others at it.
        let a = Contributions::of(
            (0..40).map(|subject| (subject, if subject == 3 { 0 } else { 99 + i128::from(subject % 8 != 0) })),
        );
        let none = Contributions::default();
        assert_eq!(difference(&[(1, kind, &a), (-1, kind, &none)]).broken, [Rule::Complement]);
        assert_eq!(difference(&[(1, kind, &none), (-1, kind, &a)]).broken, [Rule::Complement]);
        // Counted once on the whole, but from three terms: 2a - a is a, yet nobody's distance can be read from it.
        assert_eq!(difference(&[(1, kind, &a), (1, kind, &a), (-1, kind, &a)]).broken, []);
        let other = Kind::Sum(Some((0, 200)));
        assert_eq!(difference(&[(1, kind, &a), (-1, other, &none)]).broken, []);
    }

    #[test]
    fn few_of_a_part_with_0_are_a_category_and_those_of_both_sides_are_not() {
        let kind = Kind::Sum(Some((0, 1)));
        let sums = |range: std::ops::Range<u32>| Contributions::of(range.map(|s| (s, i128::from(s % 6 != 0))));
        // Of the 30 that are left five have 0; of 66 it is eleven.
        assert_eq!(difference(&[(1, kind, &sums(0..90)), (-1, kind, &sums(0..60))]).broken, [Rule::Category]);
        assert_eq!(difference(&[(1, kind, &sums(0..60)), (-1, kind, &sums(0..90))]).broken, [Rule::Category]);
        assert_eq!(difference(&[(1, kind, &sums(0..126)), (-1, kind, &sums(0..60))]).broken, []);
        assert_eq!(difference(&[(1, kind, &sums(6..90)), (-1, kind, &sums(0..60))]).broken, []);
        let wide = Kind::Sum(Some((0, 19)));
        assert!(!difference(&[(1, wide, &sums(0..90)), (-1, wide, &sums(0..60))]).broken.contains(&Rule::Category));
    }

    #[test]
    fn counts_leave_a_count_and_other_kinds_that_are_mixed_a_sum() {
        // Two records of one subject and one of each other: records less subjects leave that one.
        let records = Contributions::of((0..50).map(|subject| (subject, 1 + i128::from(subject == 9))));
        let subjects = Contributions::counting(0..50);
        let found = difference(&[(1, Kind::Records, &records), (-1, Kind::Subjects, &subjects)]);
        assert_eq!((found.subjects, found.few), (1, true));
        assert!(found.broken.contains(&Rule::Threshold) && !found.broken.contains(&Rule::AllEqual));
        let found = difference(&[(1, Kind::Sum(None), &records), (-1, Kind::Subjects, &subjects)]);
        assert!(found.broken.contains(&Rule::Contributors) && found.broken.contains(&Rule::AllEqual));
        // Forty more are a count of forty, although each counts once; as a sum they all would be known.
        let more = Contributions::counting(0..90);
        assert_eq!(difference(&[(1, Kind::Records, &more), (-1, Kind::Subjects, &subjects)]).broken, []);
        assert_eq!(
            difference(&[(1, Kind::Sum(None), &more), (-1, Kind::Subjects, &subjects)]).broken,
            [Rule::AllEqual]
        );
    }
}
