//! Properties over seeded random tables.

use std::collections::BTreeMap;

use sluice_domain::contract::{Contract, Statistic};
use sluice_domain::grade::Grade;
use sluice_domain::limits::Limits;
use sluice_domain::refusal::Code;

use super::factory::{Random, Table, evidence, floor, random};
use crate::appetite::{Appetite, Dominance, Overrides, PriorPosterior};
use crate::assessment::assess;
use crate::candidate::{Candidate, Mismatch, Raw};
use crate::csv::to_csv;
use crate::record::SdcRecord;
use crate::review::ReviewView;
use crate::table::Value;

const SEEDS: u64 = 300;

#[test]
fn at_open_grade_the_shown_cells_are_the_true_ones_and_the_withheld_those_under_the_threshold() {
    for seed in 1..SEEDS {
        let table = random(seed, -100);
        let assessment = assess(&table.candidate(), &floor(Grade::Open));
        let keys = crate::table::every_code(&table.contract.dimensions);
        for (codes, row) in keys.zip(assessment.table().rows()) {
            let subjects = &table.contributions[&codes];
            let sum = |index: usize| subjects.iter().map(|values| i128::from(values[index])).sum::<i128>();
            let contributors = |index: usize| subjects.iter().filter(|values| values[index] != 0).count();
            let small = subjects.len() < 10;
            for (statistic, value) in table.contract.statistics.iter().zip(&row[codes.len()..]) {
                let expected = match statistic {
                    Statistic::Subjects => (!small).then_some(subjects.len() as i128),
                    Statistic::Records => (!small).then_some((subjects.len() + subjects.len() / 3) as i128),
                    Statistic::Sum(index) => {
                        (!small && contributors(*index as usize) >= 10).then(|| sum(*index as usize))
                    }
                    Statistic::Ratio(_) => continue,
                };
                assert!(*value == expected.map_or(Value::Suppressed, Value::Integer), "seed {seed}");
            }
        }
    }
}

#[test]
fn totals_are_sums_of_what_is_shown() {
    for seed in 1..SEEDS {
        let table = random(seed, -100);
        let assessment = assess(&table.candidate(), &floor(Grade::Conditional));
        let (dimensions, rows) = (table.contract.dimensions.len(), assessment.table().rows());
        let inner = table.contract.cells() as usize;
        for total in &rows[inner..] {
            let below = rows[..inner].iter().filter(|row| {
                let pairs = row.iter().zip(total).take(dimensions);
                pairs.into_iter().all(|(label, kept)| *kept == Value::Label("*".to_owned()) || label == kept)
            });
            let below: Vec<_> = below.collect();
            for (position, statistic) in table.contract.statistics.iter().enumerate() {
                if matches!(statistic, Statistic::Ratio(_)) {
                    continue;
                }
                let shown: Vec<i128> = below
                    .iter()
                    .filter_map(|row| match row[dimensions + position] {
                        Value::Integer(value) => Some(value),
                        _ => None,
                    })
                    .collect();
                let expected = if shown.is_empty() { Value::Suppressed } else { Value::Integer(shown.iter().sum()) };
                assert!(total[dimensions + position] == expected, "seed {seed}");
            }
        }
    }
}

#[test]
fn the_order_of_subjects_and_cells_changes_nothing() {
    for seed in 1..SEEDS {
        let table = random(seed, -100);
        let mut shuffled = random(seed, -100);
        let mut dice = Random(seed);
        for subjects in shuffled.contributions.values_mut() {
            for position in (1..subjects.len()).rev() {
                subjects.swap(position, dice.below(position as u64 + 1) as usize);
            }
        }
        let mut cells: Vec<_> = shuffled
            .contributions
            .iter()
            .filter(|(_, subjects)| !subjects.is_empty())
            .map(|(codes, subjects)| (codes.clone(), evidence(subjects, 2)))
            .collect();
        cells.reverse();
        let Ok(other) = shuffled.built(cells.into_iter().collect::<BTreeMap<_, _>>()) else { panic!("consistent") };
        let candidate = table.candidate();
        assert!(candidate.to_inside_bytes() == other.to_inside_bytes());
        let appetite = floor(Grade::Restricted);
        let (one, two) = (assess(&candidate, &appetite), assess(&other, &appetite));
        assert!(one.canonical_bytes() == two.canonical_bytes());
        assert_eq!(one.commitment(&[3; 32]), two.commitment(&[3; 32]));
    }
}

/// Steps that only tighten.
fn steps() -> Vec<Overrides> {
    let threshold = |threshold| Overrides { threshold: Some(threshold), ..Overrides::default() };
    vec![
        threshold(11),
        threshold(20),
        threshold(u64::MAX),
        Overrides { rounding_base: Some(5), ..Overrides::default() },
        Overrides { rounding_base: Some(100), threshold: Some(15), ..Overrides::default() },
        Overrides { p_percent: Some(50), class_group: Some(9), ..Overrides::default() },
        Overrides { dominance: vec![Dominance { n: 1, k_percent: 1 }], ..Overrides::default() },
    ]
}

#[test]
fn tightening_never_publishes_more() {
    for seed in 1..SEEDS {
        // Without negative values, so that no denominator cancels out to 0 at one base only.
        let table = random(seed, 0);
        let candidate = table.candidate();
        let loose = floor(Grade::Open);
        let before = assess(&candidate, &loose);
        for step in steps() {
            let tight = loose.clone().tightened(&step).expect("it tightens");
            let after = assess(&candidate, &tight);
            let inner = table.contract.cells() as usize;
            let ratio = table.contract.dimensions.len() + table.contract.statistics.len() - 1;
            for (position, (one, two)) in before.table().rows().iter().zip(after.table().rows()).enumerate() {
                // A total's ratio is withheld where its parts are of different cells, which a stricter threshold can
                // mend; it is a quotient of two shown values, so that nothing more is known.
                let compared = if position < inner { one.len() } else { ratio };
                let mut pairs = one.iter().zip(two).take(compared);
                let opened = pairs.any(|(one, two)| *one == Value::Suppressed && *two != Value::Suppressed);
                assert!(!opened, "seed {seed}, row {position}");
            }
            assert!(after.verdict() >= before.verdict());
        }
    }
}

#[test]
fn an_appetite_tightens_and_never_loosens() {
    let loosen = |overrides: Overrides| {
        floor(Grade::Restricted)
            .tightened(&overrides)
            .err()
            .map(|refusal| (refusal.code, refusal.detail.unwrap_or_default()))
    };
    let cases = [
        ("threshold", Overrides { threshold: Some(9), ..Overrides::default() }),
        ("rounding_base", Overrides { rounding_base: Some(1), ..Overrides::default() }),
        ("p_percent", Overrides { p_percent: Some(14), ..Overrides::default() }),
        ("class_group", Overrides { class_group: Some(2), ..Overrides::default() }),
        ("degrees_of_freedom", Overrides { degrees_of_freedom: Some(9), ..Overrides::default() }),
        ("difference", Overrides { difference: Some(9), ..Overrides::default() }),
        ("dominance of 2", Overrides { dominance: vec![Dominance { n: 2, k_percent: 81 }], ..Overrides::default() }),
        (
            "prior_posterior",
            Overrides {
                prior_posterior: Some(PriorPosterior { p_percent: 15, q_percent: 81 }),
                ..Overrides::default()
            },
        ),
    ];
    for (name, overrides) in cases {
        let Some((code, detail)) = loosen(overrides) else { panic!("{name} was loosened") };
        assert_eq!(code, Code::GradeForbids);
        assert!(detail.starts_with(&format!("`{name}`")), "{detail}");
    }
    let wide = Overrides { dominance: vec![Dominance { n: 4, k_percent: 50 }], ..Overrides::default() };
    assert_eq!(loosen(wide).map(|(code, _)| code), Some(Code::Malformed));
    assert!(Appetite::floor(Grade::Secret).is_err());
    let both = floor(Grade::Open).strictest(&floor(Grade::Restricted));
    assert_eq!(both.rules().dominance, [Dominance { n: 1, k_percent: 65 }, Dominance { n: 2, k_percent: 80 }]);
    assert_eq!(both, floor(Grade::Restricted));
    assert_eq!(floor(Grade::Restricted).strictest(&floor(Grade::Open)), both);
}

#[test]
fn floors_rise_with_the_grade() {
    let grades = [Grade::Open, Grade::Conditional, Grade::Restricted, Grade::Special];
    for pair in grades.windows(2) {
        assert_eq!(floor(pair[0]).strictest(&floor(pair[1])), floor(pair[1]));
    }
}

#[test]
fn a_view_is_of_its_own_candidate() {
    let (one, other) = (random(3, 0).candidate(), random(4, 0).candidate());
    let assessment = assess(&one, &floor(Grade::Open));
    assert_eq!(ReviewView::new(&other, &assessment).err(), Some(Mismatch::OtherCandidate));
    let Ok(view) = ReviewView::new(&one, &assessment) else { panic!("its own") };
    let json = serde_json::to_vec(&view).expect("a view serialises");
    assert!(serde_json::from_slice::<ReviewView>(&json).is_ok_and(|read| read == view));
    let listed: usize = view.cells.iter().map(|cell| cell.findings.len()).sum();
    assert_eq!(listed, view.findings.iter().filter(|finding| finding.labels.is_some()).count());
    let ids: std::collections::BTreeSet<_> = view.findings.iter().map(|finding| &finding.id).collect();
    assert_eq!(ids.len(), view.findings.len(), "ids are unique");
}

#[test]
fn the_record_survives_json() {
    let assessment = assess(&random(5, 0).candidate(), &floor(Grade::Special));
    let record: SdcRecord = serde_json::from_slice(&assessment.record().to_json()).expect("it was written so");
    assert_eq!(record, *assessment.record());
    assert_eq!(record.suppressed_values, assessment.table().suppressed_values());
}

#[test]
fn ratios_come_from_shown_parts() {
    let mut table = Table::new(&[&["AA", "UA"]]).measure(0, 100).measure(0, 100).margins(&[&[]]);
    let ratio = sluice_domain::contract::Ratio { name: "r".to_owned(), numerator: 0, denominator: 1, scale: 2 };
    table.contract.statistics.push(Statistic::Ratio(ratio));
    table.contract.measures[0].scale = 1;
    table.contributions.insert(vec![0], vec![vec![3, 7]; 12]);
    let mut second = vec![vec![0, 5]; 12];
    second[0][0] = 9;
    table.contributions.insert(vec![1], second);
    let raw = Raw::Cells { cells: table.cells(), facts: table.facts() };
    let Ok(candidate) = Candidate::new(Contract::Tabulate(table.contract.clone()), raw, &Limits::default()) else {
        panic!("consistent")
    };
    // 36 and 84 become 35 and 85: 3.5 / 85 = 0.04. Above the line UA is withheld, so its ratio and the total's are.
    let text = String::from_utf8(to_csv(assess(&candidate, &floor(Grade::Conditional)).table())).expect("UTF-8");
    assert_eq!(text, "d0,subjects,m0,m1,r\r\nAA,10,3.5,85,0.04\r\nUA,10,c,60,c\r\n*,20,3.5,145,c\r\n");
}
