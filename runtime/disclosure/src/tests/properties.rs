//! Properties over seeded random tables.

use sluice_domain::contract::Statistic;
use sluice_domain::grade::Grade;
use sluice_domain::refusal::Code;

use super::factory::{Random, Table, assess, floor, random};
use crate::appetite::{Appetite, Dominance, Overrides, PriorPosterior};
use crate::candidate::{Mismatch, Relation};
use crate::csv::to_csv;
use crate::record::SdcRecord;
use crate::review::ReviewView;
use crate::table::Value;

const SEEDS: u64 = 300;

/// Whether contributions to a sum may be shown, worked out anew from the definitions, in rationals times 100.
fn plainly_safe(values: &[i64], bounds: Option<(i64, i64)>) -> bool {
    let concentrated = |values: Vec<i64>| {
        let mut sizes: Vec<i64> = values.iter().map(|value| value.abs()).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        let (total, two): (i64, i64) = (sizes.iter().sum(), sizes.iter().take(2).sum());
        (two > 0 && 100 * two >= 90 * total) || 100 * (total - two) < 10 * sizes.first().copied().unwrap_or(0)
    };
    let complements = bounds.is_some_and(|(lower, upper)| {
        concentrated(values.iter().map(|value| upper - value).collect())
            || concentrated(values.iter().map(|value| value - lower).collect())
    });
    values.iter().filter(|value| **value != 0).count() >= 10
        && values.iter().any(|value| *value != values[0])
        && !concentrated(values.to_vec())
        && !complements
}

/// Whether a published margin has all but fewer than 2 of its subjects in this cell.
fn speaks_of_a_class(table: &Table, codes: &[u32]) -> bool {
    let here = table.contributions[codes].len();
    table.contract.margins.iter().any(|kept| {
        let same = |other: &[u32]| kept.iter().all(|index| other[*index as usize] == codes[*index as usize]);
        let total: usize =
            table.contributions.iter().filter(|(other, _)| same(other)).map(|(_, subjects)| subjects.len()).sum();
        let gone = (0..codes.len() as u32).filter(|index| !kept.contains(index));
        let varies = gone.into_iter().any(|index| table.contract.dimensions[index as usize].labels.len() > 1);
        varies && total - here < 2
    })
}

#[test]
fn at_open_grade_what_is_shown_is_true_and_what_is_withheld_breaks_a_rule() {
    let (mut shown, mut withheld) = (0, 0);
    for seed in 1..SEEDS {
        let table = random(seed, -100);
        let assessment = assess(&table.candidate(), &floor(Grade::Open));
        let keys = crate::table::every_code(&table.contract.dimensions);
        for (codes, row) in keys.zip(assessment.table().rows()) {
            let subjects = &table.contributions[&codes];
            let column = |index: u32| subjects.iter().map(|values| values[index as usize]).collect::<Vec<i64>>();
            let closed = subjects.len() < 10 || speaks_of_a_class(&table, &codes);
            // The ratio's rest, 1 less 0, takes its numerator with it; so do too few degrees of freedom.
            let rest: Vec<i64> = subjects.iter().map(|values| values[1] - values[0]).collect();
            let ratio = !closed && subjects.len() > 10 && plainly_safe(&rest, None);
            for (statistic, value) in table.contract.statistics.iter().zip(&row[codes.len()..]) {
                let expected = match statistic {
                    Statistic::Subjects => (!closed).then_some(subjects.len() as i128),
                    Statistic::Records => (!closed).then_some((subjects.len() + subjects.len() / 3) as i128),
                    Statistic::Sum(index) => {
                        let open =
                            !closed && plainly_safe(&column(*index), Some((-100, 100))) && (*index == 1 || ratio);
                        open.then(|| column(*index).iter().map(|value| i128::from(*value)).sum())
                    }
                    Statistic::Ratio(_) => continue,
                };
                if expected.is_some() {
                    shown += 1
                } else {
                    withheld += 1
                }
                assert!(*value == expected.map_or(Value::Suppressed, Value::Integer), "seed {seed}");
            }
        }
    }
    assert!(shown > 1_000 && withheld > 1_000, "{shown} and {withheld}");
}

#[test]
fn totals_are_sums_of_what_is_shown() {
    let (mut totals, mut open) = (0, 0);
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
                // A total that breaks a rule itself is withheld; no other value may stand there.
                let value = &total[dimensions + position];
                let sum = Value::Integer(shown.iter().sum());
                assert!(*value == Value::Suppressed || (*value == sum && !shown.is_empty()), "seed {seed}");
                totals += 1;
                open += u32::from(*value != Value::Suppressed);
            }
        }
    }
    assert!(open > 500 && open < totals, "{open} of {totals}");
}

#[test]
fn the_order_of_rows_and_partitions_changes_nothing() {
    for seed in 1..SEEDS {
        let table = if seed % 2 == 0 { random(seed, -100) } else { random(seed, -100).grouped(|s| u64::from(s / 4)) };
        let candidate = table.candidate();
        let mut entries = table.entries();
        let mut dice = Random(seed);
        for position in (1..entries.len()).rev() {
            entries.swap(position, dice.below(position as u64 + 1) as usize);
        }
        let Ok(other) = table.built(&entries) else { panic!("the same entries") };
        assert!(candidate.to_inside_bytes() == other.to_inside_bytes());
        // Two partitions, each with its own file, appended in either order.
        let (one, two) = entries.split_at(dice.below(entries.len() as u64 + 1) as usize);
        let bytes = |part: &[super::factory::Entry]| {
            let Ok(crate::candidate::Raw::Cells { contributions, .. }) = table.raw(part) else { panic!("entries") };
            contributions.to_bytes()
        };
        let read = |parts: [Vec<u8>; 2]| crate::candidate::Contributions::read(&parts.concat(), 2);
        assert!(read([bytes(one), bytes(two)]).is_ok_and(|a| read([bytes(two), bytes(one)]).is_ok_and(|b| a == b)));
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
        Overrides { dominance: vec![Dominance { n: 3, k_percent: 40 }], ..Overrides::default() },
        Overrides { degrees_of_freedom: Some(20), ..Overrides::default() },
        Overrides { p_percent: Some(80), class_group: Some(15), threshold: Some(12), ..Overrides::default() },
    ]
}

#[test]
fn tightening_never_publishes_more() {
    for seed in 1..SEEDS {
        // Without negative values, so that no denominator cancels out to 0 at one base only.
        let table = random(seed, 0);
        let mut table = if seed % 2 == 0 { table } else { table.grouped(|subject| u64::from(subject / 3)) };
        if seed % 3 == 0 {
            table.relations =
                vec![Relation { name: "both".to_owned(), terms: vec![(1, 1)], equals: Some(0), residual: false }];
        }
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
    let alternating =
        |one: [i64; 2], two: [i64; 2]| (0..12).map(|i| if i % 2 == 0 { one } else { two }.to_vec()).collect();
    table.contributions.insert(vec![0], alternating([2, 6], [4, 8]));
    let mut second: Vec<Vec<i64>> = alternating([0, 4], [0, 6]);
    second[0][0] = 9;
    table.contributions.insert(vec![1], second);
    let candidate = table.candidate();
    // 36 and 84 become 35 and 85: 3.5 / 85 = 0.04. Above the line UA is withheld, so its ratio and the total's are.
    let text = String::from_utf8(to_csv(assess(&candidate, &floor(Grade::Conditional)).table())).expect("UTF-8");
    assert_eq!(text, "d0,subjects,m0,m1,r\r\nAA,10,3.5,85,0.04\r\nUA,10,c,60,c\r\n*,20,3.5,145,c\r\n");
}
