//! Goldens of the primary rules on one figure.

use super::*;
use crate::primary::{Quantity, Rule, broken, protection};

fn contributions(golden: &Golden) -> Vec<i128> {
    numbers(golden.input("contributions"))
}

fn dominated(values: &[i128], rules: &Rules) -> bool {
    broken(&evidence(values), Quantity::Sum(0), None, rules).iter().any(|rule| matches!(rule, Rule::Dominance { .. }))
}

fn given_away(values: &[i128], rules: &Rules) -> bool {
    let broken = broken(&evidence(values), Quantity::Sum(0), None, rules);
    broken.iter().any(|rule| matches!(rule, Rule::PriorPosterior { .. }))
}

fn dominance(n: u32, k: u32) -> Rules {
    let none = Golden(Value::Null).rules();
    Rules { dominance: vec![Dominance { n, k_percent: k }], ..none }
}

fn p_percent(p: u32) -> Rules {
    Rules { p_percent: p, ..Golden(Value::Null).rules() }
}

#[test]
fn golden_threshold_marital_status() {
    let golden = Golden::read("threshold-marital-status");
    let unsafe_at = |threshold: &Value| -> Vec<&str> {
        let rules = Rules { threshold: number(threshold) as u64, ..golden.rules() };
        let few = |cell: &&Value| {
            let figure = evidence(&vec![1; number(&cell["subjects"]) as usize]);
            broken(&figure, Quantity::Subjects, None, &rules).contains(&Rule::Threshold)
        };
        items(golden.input("cells")).iter().filter(few).map(|cell| text(&cell["name"])).collect()
    };
    assert_eq!(unsafe_at(golden.parameter("threshold")), texts(golden.expected("unsafe")));
    let stricter = golden.expected("at_the_floor");
    assert_eq!(number(&stricter["threshold"]), i128::from(floor(Grade::Open).rules().threshold));
    assert_eq!(unsafe_at(&stricter["threshold"]), texts(&stricter["unsafe"]));
}

#[test]
fn golden_threshold_acro_synthetic() {
    let golden = Golden::read("threshold-acro-synthetic");
    let rules = golden.rules();
    let broken = |cell: &Value| broken(&evidence(&numbers(&cell["values"])), Quantity::Sum(0), None, &rules);
    let cells = items(golden.input("cells")).iter();
    let failing: Vec<&str> = cells.filter(|cell| !broken(cell).is_empty()).map(|cell| text(&cell["name"])).collect();
    assert_eq!(failing, texts(golden.expected("unsafe")));
    let dominated = broken(golden.input("dominated"));
    let rules = [Rule::Threshold, Rule::Dominance { n: 2, k: 90 }, Rule::PriorPosterior { p: 10, q: 100 }];
    assert!(rules.iter().all(|rule| dominated.contains(rule)), "{dominated:?}");
}

#[test]
fn golden_dominance_one_is_not_enough() {
    let golden = Golden::read("dominance-one-is-not-enough");
    let values = contributions(&golden);
    assert_eq!(values.iter().sum::<i128>(), number(golden.input("total")));
    assert_eq!(number(golden.input("total")) - values[1], number(golden.expected("estimate_of_largest")));
    assert_eq!(dominated(&values, &golden.rules()), flag(golden.expected("dominance_unsafe")));
    assert_eq!(given_away(&values, &golden.rules()), flag(golden.expected("p_percent_unsafe")));
}

#[test]
fn golden_p_percent_and_dominance_disagree() {
    let golden = Golden::read("p-percent-and-dominance-disagree");
    let values = contributions(&golden);
    let estimate = number(golden.input("total")) - values[1];
    assert_eq!(values.iter().sum::<i128>(), number(golden.input("total")));
    assert_eq!(estimate, number(golden.expected("estimate_of_largest")));
    let permille = (2 * 1000 * (estimate - values[0]) + values[0]) / (2 * values[0]);
    assert_eq!(permille, number(golden.expected("overestimated_by_permille")));
    assert_eq!(values[0] + values[1], number(golden.expected("pair")));
    assert_eq!(given_away(&values, &golden.rules()), flag(golden.expected("p_percent_unsafe")));
    for k in ["k_below", "k_above"] {
        let rules = dominance(2, small(golden.parameter(k)));
        assert_eq!(dominated(&values, &rules), flag(golden.expected("dominance_unsafe")), "{k}");
    }
    // Where both rules are set, both hold.
    let both = Rules { p_percent: 10, ..dominance(2, 90) };
    assert!(dominated(&values, &both) && !given_away(&values, &both));
}

#[test]
fn golden_dominance_at_the_limit() {
    let golden = Golden::read("dominance-at-the-limit");
    let (values, rules) = (contributions(&golden), golden.rules());
    let Dominance { n, k_percent } = rules.dominance[0];
    let (held, total) = (values[..n as usize].iter().sum::<i128>(), values.iter().sum::<i128>());
    assert_eq!(held * 100, i128::from(k_percent) * total, "the example is at the limit");
    assert_eq!(held * 100 > i128::from(k_percent) * total, flag(golden.expected("source_unsafe")));
    assert_eq!(dominated(&values, &rules), flag(golden.expected("sluice_unsafe")));
    assert!(!dominated(&values, &dominance(n, k_percent + 1)));
}

#[test]
fn golden_p_percent_at_the_limit() {
    let golden = Golden::read("p-percent-at-the-limit");
    let rules = golden.rules();
    assert_eq!(flag(golden.expected("source_unsafe")), flag(golden.expected("sluice_unsafe")));
    assert_eq!(given_away(&contributions(&golden), &rules), flag(golden.expected("sluice_unsafe")));
    let below = numbers(golden.expected("just_below"));
    assert_eq!(given_away(&below, &rules), flag(golden.expected("just_below_unsafe")));
}

#[test]
fn golden_pq_from_p() {
    let golden = Golden::read("pq-from-p");
    let (p, q) = (small(golden.parameter("p")), small(golden.parameter("q")));
    let star = small(golden.parameter("p_star"));
    assert_eq!(100 * p, q * star);
    let values = contributions(&golden);
    assert_eq!(given_away(&values, &p_percent(p)), flag(golden.expected("p_percent_at_p_unsafe")));
    assert_eq!(given_away(&values, &with_pq(p_percent(0), p, q)), flag(golden.expected("pq_unsafe")));
    assert_eq!(given_away(&values, &p_percent(star)), flag(golden.expected("p_star_unsafe")));
    for rules in [with_pq(p_percent(0), p, q), p_percent(star)] {
        let level = protection(&evidence(&values), Quantity::Sum(0), &rules);
        assert_eq!(level, number(golden.expected("protection")));
    }
}

#[test]
fn golden_protection_level() {
    let golden = Golden::read("protection-level");
    let (values, rules) = (contributions(&golden), golden.rules());
    let total = number(golden.input("total"));
    assert_eq!(values.iter().sum::<i128>(), total);
    assert_eq!(dominated(&values, &rules), flag(golden.expected("unsafe")));
    let level = protection(&evidence(&values), Quantity::Sum(0), &rules);
    assert_eq!(level, number(golden.expected("protection")));
    // The least whole step at which the source's bound is reached.
    let bound = number(golden.expected("published_bound_hundredths"));
    assert!((total + level) * 100 >= bound && (total + level - 1) * 100 < bound);
}

#[test]
fn golden_negative_contributions() {
    let golden = Golden::read("negative-contributions");
    let rules = golden.rules();
    assert_eq!(given_away(&contributions(&golden), &rules), flag(golden.expected("unsafe")));
    let other = numbers(golden.expected("positive_rest"));
    assert_eq!(given_away(&other, &rules), flag(golden.expected("positive_rest_unsafe")));
}

#[test]
fn golden_holdings() {
    let golden = Golden::read("holdings");
    let rules = golden.rules();
    let figure = |margin: &Value, grouped: bool| {
        let mut collector = Collector::new(1);
        for (place, record) in items(golden.input("records")).iter().enumerate() {
            let within = |key: &str, at: usize| margin[key].is_null() || margin[key] == record[at];
            if within("sector", 0) && within("geo", 1) {
                let company = u64::from(text(&record[2]).as_bytes()[0]);
                let group = if grouped { company } else { place as u64 };
                collector.add(Unit { subject: place as u32, group, records: 1, values: &[number(&record[3])] });
            }
        }
        collector.finish()
    };
    let dominated = |evidence: &Evidence| {
        let broken = broken(evidence, Quantity::Sum(0), None, &rules);
        broken.iter().any(|rule| matches!(rule, Rule::Dominance { .. }))
    };
    for margin in items(golden.expected("margins")) {
        let evidence = figure(margin, true);
        assert_eq!(evidence.measures[0].subjects.sum, number(&margin["value"]), "{margin}");
        assert_eq!(i128::from(evidence.groups), number(&margin["companies"]), "{margin}");
        if !margin["unsafe"].is_null() {
            assert_eq!(dominated(&evidence), flag(&margin["unsafe"]), "{margin}");
        }
    }
    let agriculture = &golden.expected("margins")[0];
    assert!(dominated(&figure(agriculture, true)) && !dominated(&figure(agriculture, false)));
}
