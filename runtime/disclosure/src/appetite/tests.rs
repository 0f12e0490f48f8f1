//! What a grant may ask for, at the limits of each rule.

use sluice_domain::grade::Grade;
use sluice_domain::refusal::Code;

use super::*;
use crate::tests::factory::floor;

/// The rules after a step from the floor of `restricted`, or why it is refused.
fn asked(overrides: Overrides) -> Result<Rules, Code> {
    let tightened = floor(Grade::Restricted).tightened(&overrides);
    tightened.map(|appetite| appetite.rules().clone()).map_err(|refusal| refusal.code)
}

fn dominance(n: u32, k_percent: u32) -> Result<Vec<(u32, u32)>, Code> {
    let rules = asked(Overrides { dominance: vec![Dominance { n, k_percent }], ..Overrides::default() })?;
    Ok(rules.dominance.iter().map(|rule| (rule.n, rule.k_percent)).collect())
}

fn prior_posterior(p_percent: u32, q_percent: u32) -> Result<Option<PriorPosterior>, Code> {
    let rule = Some(PriorPosterior { p_percent, q_percent });
    asked(Overrides { prior_posterior: rule, ..Overrides::default() }).map(|rules| rules.prior_posterior)
}

#[test]
fn dominance_is_of_one_to_three_and_of_one_to_a_hundred_percent() {
    assert_eq!(dominance(1, 1), Ok(vec![(1, 1), (2, 80)]));
    assert_eq!(dominance(3, 100), Ok(vec![(1, 65), (2, 80), (3, 100)]));
    for (n, k) in [(0, 50), (4, 50), (3, 0), (3, 101)] {
        assert_eq!(dominance(n, k), Err(Code::Malformed), "{n}, {k}");
    }
    assert_eq!(dominance(2, 80), Ok(vec![(1, 65), (2, 80)]));
    assert_eq!(dominance(2, 79), Ok(vec![(1, 65), (2, 79)]));
    assert_eq!(dominance(2, 81), Err(Code::GradeForbids));
}

#[test]
fn p_is_at_most_a_hundred_percent() {
    let p = |p| asked(Overrides { p_percent: Some(p), ..Overrides::default() }).map(|rules| rules.p_percent);
    assert_eq!([p(15), p(16), p(100)], [Ok(15), Ok(16), Ok(100)]);
    assert_eq!([p(14), p(101)], [Err(Code::GradeForbids), Err(Code::Malformed)]);
}

#[test]
fn pq_is_compared_as_a_share_and_p_is_below_q() {
    let held = |p_percent, q_percent| Ok(Some(PriorPosterior { p_percent, q_percent }));
    // 15 of 80 is 3 of 16; 30 of 100 is more, 18 of 100 is less.
    for (p, q) in [(15, 80), (3, 16), (30, 100), (99, 100), (1, 2)] {
        assert_eq!(prior_posterior(p, q), held(p, q));
    }
    assert_eq!(prior_posterior(18, 100), Err(Code::GradeForbids));
    for (p, q) in [(0, 80), (80, 80), (81, 80), (90, 101)] {
        assert_eq!(prior_posterior(p, q), Err(Code::Malformed), "{p}, {q}");
    }
}

#[test]
fn the_strictest_of_two_has_the_larger_share_of_either() {
    let with = |p_percent, q_percent| {
        let prior_posterior = Some(PriorPosterior { p_percent, q_percent });
        floor(Grade::Open).tightened(&Overrides { prior_posterior, ..Overrides::default() }).expect("it has none")
    };
    let pq = |one: &Appetite, two: &Appetite| one.clone().strictest(two).rules().prior_posterior;
    let (loose, strict) = (with(15, 80), with(20, 60));
    assert_eq!(pq(&loose, &strict), strict.rules().prior_posterior);
    assert_eq!(pq(&strict, &loose), strict.rules().prior_posterior);
    assert_eq!(pq(&floor(Grade::Open), &loose), loose.rules().prior_posterior);
    assert_eq!(pq(&loose, &floor(Grade::Open)), loose.rules().prior_posterior);
    assert_eq!(pq(&floor(Grade::Open), &floor(Grade::Open)), None);
}

#[test]
fn holdings_stay_asked_for_whatever_comes_next() {
    let level = |one: Grade, two: Grade| floor(one).strictest(&floor(two)).rules().holding_level;
    assert!(level(Grade::Special, Grade::Open) && level(Grade::Open, Grade::Special));
    assert!(level(Grade::Special, Grade::Special) && !level(Grade::Open, Grade::Restricted));
}
