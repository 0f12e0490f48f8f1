//! Methods side by side: what each shows of the same table, and what stays true of all.

mod keys;
mod speed;
mod told;

use std::collections::BTreeMap;

use sluice_domain::contract::Statistic;
use sluice_domain::grade::Grade;

use super::factory::{Random, Table, assess_by, counted, floor, ids, random, report};
use crate::Method;
use crate::assessment::Assessment;
use crate::candidate::{Body, Candidate};
use crate::csv::to_csv;
use crate::finding::{CheckName, Verdict};
use crate::protect::eliminate::spans;
use crate::protect::system::System;
use crate::review::{ReviewView, Status};
use crate::table::{TOTAL, Value};

const SEEDS: u64 = 150;
const PATTERNS: [Method; 2] = [Method::Suppress, Method::ControlledRounding];

fn csv(assessment: &Assessment) -> String {
    String::from_utf8(to_csv(assessment.table())).expect("UTF-8").replace("\r\n", "\n")
}

/// Three rows by three columns with all totals, of which one cell is small.
fn three_by_three(rows: [[usize; 3]; 3]) -> Table {
    let mut table = Table::new(&[&["a", "b", "c"], &["x", "y", "z"]]).margins(&[&[0], &[1], &[]]);
    for (row, columns) in (0..).zip(rows) {
        for (column, subjects) in (0..).zip(columns) {
            table = table.subjects(&[row, column], subjects);
        }
    }
    table
}

fn view(candidate: &Candidate, assessment: &Assessment) -> ReviewView {
    ReviewView::new(candidate, assessment).unwrap_or_else(|_| panic!("its own"))
}

/// For each row of the table the inner cells that it adds up, of those that aren't empty; worked out from labels alone.
fn system(table: &Table, assessment: &Assessment) -> (System, Vec<Vec<u32>>) {
    let dimensions = table.contract.dimensions.len();
    let rows = assessment.table().rows();
    let inner = table.contract.cells() as usize;
    let keys: Vec<Vec<u32>> = crate::table::every_code(&table.contract.dimensions).collect();
    let occupied: Vec<usize> =
        (0..inner).filter(|place| table.contributions.get(&keys[*place]).is_some_and(|c| !c.is_empty())).collect();
    let within = |total: &[Value], place: usize| {
        let pairs = rows[place].iter().zip(total).take(dimensions);
        pairs.into_iter().all(|(label, kept)| *kept == Value::Label(TOTAL.to_owned()) || label == kept)
    };
    let sums: Vec<Vec<u32>> = rows
        .iter()
        .map(|row| (0_u32..).zip(&occupied).filter(|(_, place)| within(row, **place)).map(|(atom, _)| atom).collect())
        .collect();
    (System::of_sums(occupied.len(), sums.clone()).expect("sorted"), sums)
}

/// The true value of each statistic of each row, ratios left out.
fn truths(table: &Table, assessment: &Assessment) -> Vec<Vec<Option<i128>>> {
    let (_, sums) = system(table, assessment);
    let cells: Vec<&Vec<Vec<i64>>> = table.contributions.values().filter(|subjects| !subjects.is_empty()).collect();
    let of = |subjects: &Vec<Vec<i64>>, statistic: &Statistic| match statistic {
        Statistic::Subjects => Some(subjects.len() as i128),
        // Every third subject of a cell has two records.
        Statistic::Records => Some((subjects.len() + subjects.len() / 3) as i128),
        Statistic::Sum(index) => Some(subjects.iter().map(|values| i128::from(values[*index as usize])).sum()),
        Statistic::Ratio(_) => None,
    };
    let row = |atoms: &Vec<u32>| {
        let sum = |statistic| atoms.iter().map(|atom| of(cells[*atom as usize], statistic)).sum::<Option<i128>>();
        table.contract.statistics.iter().map(sum).collect()
    };
    sums.iter().map(row).collect()
}

#[test]
fn the_same_table_by_each_method() {
    let candidate = three_by_three([[4, 22, 31], [27, 36, 48], [41, 53, 62]]).candidate();
    let by = |method, grade| csv(&assess_by(method, &candidate, &floor(grade)));
    assert_eq!(
        by(Method::RedactThenRound, Grade::Open),
        "d0,d1,subjects\na,x,c\na,y,22\na,z,31\nb,x,27\nb,y,36\nb,z,48\nc,x,41\nc,y,53\nc,z,62\n\
         a,*,53\nb,*,111\nc,*,156\n*,x,68\n*,y,111\n*,z,141\n*,*,320\n"
    );
    let suppressed = "d0,d1,subjects\na,x,c\na,y,c\na,z,31\nb,x,c\nb,y,c\nb,z,48\nc,x,41\nc,y,53\nc,z,62\n\
         a,*,57\nb,*,111\nc,*,156\n*,x,72\n*,y,111\n*,z,141\n*,*,324\n";
    assert_eq!(by(Method::Suppress, Grade::Open), suppressed);
    // To base 1 nothing is rounded.
    assert_eq!(by(Method::ControlledRounding, Grade::Open), suppressed);
    // To base 5 each by itself: c has 40 + 55 + 60, and its total is 155; a 30 and 55, b 50 and 110.
    assert_eq!(
        by(Method::Suppress, Grade::Conditional),
        "d0,d1,subjects\na,x,c\na,y,c\na,z,30\nb,x,c\nb,y,c\nb,z,50\nc,x,40\nc,y,55\nc,z,60\n\
         a,*,55\nb,*,110\nc,*,155\n*,x,70\n*,y,110\n*,z,140\n*,*,325\n"
    );
    let controlled = assess_by(Method::ControlledRounding, &candidate, &floor(Grade::Conditional));
    let shown: Vec<i128> = integers(&controlled);
    // Column z and row c are shown in full, so they add up, and so do the totals.
    assert_eq!(shown[2] + shown[5] + shown[8], shown[14]);
    assert_eq!(shown[6] + shown[7] + shown[8], shown[11]);
    assert_eq!(shown[9] + shown[10] + shown[11], shown[15]);
    assert_eq!(shown[12] + shown[13] + shown[14], shown[15]);
}

/// The last column; -1 for what is withheld.
fn integers(assessment: &Assessment) -> Vec<i128> {
    let value = |row: &Vec<Value>| match row.last() {
        Some(Value::Integer(value)) => *value,
        _ => -1,
    };
    assessment.table().rows().iter().map(value).collect()
}

#[test]
fn what_is_shown_is_true_totals_included() {
    let (mut inner, mut totals) = (0, 0);
    for seed in 1..SEEDS {
        let table = random(seed, -100);
        let assessment = assess_by(Method::Suppress, &table.candidate(), &floor(Grade::Open));
        let dimensions = table.contract.dimensions.len();
        let cells = table.contract.cells() as usize;
        for (place, (row, truth)) in assessment.table().rows().iter().zip(truths(&table, &assessment)).enumerate() {
            let figures = &row[dimensions..];
            let pairs: Vec<(&Value, i128)> =
                figures.iter().zip(truth).filter_map(|(value, truth)| Some((value, truth?))).collect();
            let withheld = pairs.iter().filter(|(value, _)| **value == Value::Suppressed).count();
            assert!(withheld == 0 || withheld == pairs.len(), "seed {seed}, row {place}: all or none");
            assert!(withheld > 0 || pairs.iter().all(|(value, truth)| **value == Value::Integer(*truth)), "{seed}");
            if withheld == 0 {
                *(if place < cells { &mut inner } else { &mut totals }) += 1;
            }
        }
    }
    assert!(inner > 300 && totals > 200, "{inner} and {totals}");
}

#[test]
fn nothing_that_a_rule_catches_follows_from_what_is_shown() {
    let mut primaries = 0;
    for seed in 1..SEEDS {
        let table = random(seed, -100);
        let table = if seed % 2 == 0 { table } else { table.grouped(|subject| u64::from(subject / 3)) };
        let candidate = table.candidate();
        for method in PATTERNS {
            let assessment = assess_by(method, &candidate, &floor(Grade::Open));
            let (system, sums) = system(&table, &assessment);
            let seen = view(&candidate, &assessment);
            let of = |status: Status| {
                let is = |place: &usize| seen.cells[*place].figures[0].status == status && !sums[*place].is_empty();
                (0..sums.len()).filter(is).collect::<Vec<usize>>()
            };
            let (published, primary) = (of(Status::Published), of(Status::Primary));
            let targets: Vec<_> = primary.iter().map(|cell| system.cell(*cell).to_vec()).collect();
            assert_eq!(spans(&system, &published, &targets), [0_usize; 0], "seed {seed}");
            primaries += targets.len();
        }
    }
    assert!(primaries > 1_000, "{primaries}");
}

#[test]
fn the_order_of_contributions_and_a_rerun_change_nothing() {
    for seed in 1..60 {
        let table = random(seed, -100).grouped(|subject| u64::from(subject / 4));
        let mut entries = table.entries();
        let mut dice = Random(seed);
        for position in (1..entries.len()).rev() {
            entries.swap(position, dice.below(position as u64 + 1) as usize);
        }
        let (one, two) = (table.candidate(), table.built(&entries).unwrap_or_else(|_| panic!("the same entries")));
        for method in PATTERNS {
            let appetite = floor(Grade::Restricted);
            let (a, b) = (assess_by(method, &one, &appetite), assess_by(method, &two, &appetite));
            assert!(a.canonical_bytes() == b.canonical_bytes(), "seed {seed}");
            assert!(a.canonical_bytes() == assess_by(method, &one, &appetite).canonical_bytes(), "seed {seed}");
            assert!(view(&one, &a) == view(&two, &b), "seed {seed}");
        }
    }
}

#[test]
fn the_view_the_findings_and_the_table_say_the_same() {
    let mut secondary = 0;
    for seed in 1..SEEDS {
        let candidate = random(seed, -100).grouped(|subject| u64::from(subject / 2)).candidate();
        for method in PATTERNS {
            let assessment = assess_by(method, &candidate, &floor(Grade::Conditional));
            let seen = view(&candidate, &assessment);
            let figures = seen.cells.iter().flat_map(|cell| &cell.figures);
            let withheld = figures.clone().filter(|figure| figure.status != Status::Published).count() as u64;
            assert_eq!(withheld, assessment.table().suppressed_values(), "seed {seed}");
            for cell in &seen.cells {
                let own: Vec<&String> = cell.findings.iter().filter(|id| id.starts_with("secondary:")).collect();
                let is_secondary = cell.figures[0].status == Status::Secondary;
                assert_eq!(own.len(), usize::from(is_secondary), "seed {seed}");
                let breaks = cell.figures.iter().any(|figure| !figure.rules.is_empty());
                assert!(!breaks || cell.figures.iter().all(|figure| figure.status == Status::Primary), "seed {seed}");
                secondary += own.len();
            }
            let ids: std::collections::BTreeSet<_> = seen.findings.iter().map(|finding| &finding.id).collect();
            assert_eq!(ids.len(), seen.findings.len(), "ids are unique");
        }
    }
    assert!(secondary > 200, "{secondary}");
}

#[test]
fn what_a_rule_catches_stays_caught_under_stricter_rules() {
    // More than that isn't true: another primary may need other cells withheld with it, and fewer of the old ones.
    let tight = floor(Grade::Open)
        .tightened(&crate::Overrides { threshold: Some(15), p_percent: Some(30), ..Default::default() })
        .expect("tighter");
    for seed in 1..60 {
        let candidate = random(seed, 0).candidate();
        let before = view(&candidate, &assess_by(Method::Suppress, &candidate, &floor(Grade::Open)));
        let after = view(&candidate, &assess_by(Method::Suppress, &candidate, &tight));
        for (one, two) in before.cells.iter().zip(&after.cells) {
            assert!(one.figures[0].status != Status::Primary || two.figures[0].status == Status::Primary, "{seed}");
        }
    }
}

#[test]
fn a_total_counts_a_subject_once_for_each_cell_that_it_is_in() {
    let mut table = Table::new(&[&["a", "b"]]).margins(&[&[]]);
    table.contract.cells_per_subject = 2;
    let table = table.same_subjects(&[0], 0, 30).same_subjects(&[1], 20, 30);
    let candidate = table.candidate();
    let assessment = assess_by(Method::Suppress, &candidate, &floor(Grade::Open));
    assert_eq!(csv(&assessment), "d0,subjects\na,30\nb,30\n*,60\n");
    assert_eq!(view(&candidate, &assessment).cells[2].subjects, 50);
    let notes = assessment.table().notes().join(" ");
    assert!(notes.contains("A total counts a subject once for each cell that it is in."), "{notes}");
}

#[test]
fn one_firm_behind_a_cell_takes_another_cell_with_it() {
    // Twelve vehicles in each, those of the first all of one firm.
    let firms = |subject: u32| if subject < 12 { 0 } else { u64::from(subject) };
    let table = Table::new(&[&["a", "b", "c"]]).margins(&[&[]]).grouped(firms);
    let candidate = table.subjects(&[0], 12).subjects(&[1], 12).subjects(&[2], 40).candidate();
    let assessment = assess_by(Method::Suppress, &candidate, &floor(Grade::Open));
    assert_eq!(csv(&assessment), "d0,subjects\na,c\nb,c\nc,40\n*,64\n");
    let Body::Counted(counted) = candidate.body() else { panic!("it is counted") };
    assert_eq!(counted.holders(), [Some(0), None, None]);
    assert!(ids(assessment.findings()).contains(&"secondary:d0=b".to_owned()));
}

#[test]
fn a_finding_about_one_figure_closes_its_cell() {
    let mut values: Vec<i64> = (0..20).map(|i| 40 + i).collect();
    values[0] = 90_000;
    let others: Vec<i64> = (0..20).map(|i| 40 + i).collect();
    let table = Table::new(&[&["a", "b", "c"]]).measure(0, 100_000).margins(&[&[]]);
    let table = table.values(&[0], &values).values(&[1], &others).values(&[2], &others);
    let candidate = table.candidate();
    let assessment = assess_by(Method::Suppress, &candidate, &floor(Grade::Open));
    // The total is dominated as well, so that nothing follows from it. The count of a goes with its sum.
    assert_eq!(csv(&assessment), "d0,subjects,m0\na,c,c\nb,20,990\nc,20,990\n*,c,c\n");
    let seen = view(&candidate, &assessment);
    assert_eq!(seen.cells[0].figures[0].status, Status::Primary);
    assert!(seen.cells[0].figures[0].rules.is_empty() && !seen.cells[0].figures[1].rules.is_empty());
}

#[test]
fn ratios_come_from_the_sums_that_are_shown() {
    let table = Table::new(&[&["a", "b", "c"]]).measure(0, 100).measure(0, 100).ratio(0, 1).margins(&[&[]]);
    let mut table = table;
    for (code, subjects) in [(0, 5), (1, 20), (2, 30)] {
        let values = (0..subjects).map(|i| vec![10 + i % 7, 50 + 3 * (i % 5)]).collect();
        table.contributions.insert(vec![code], values);
    }
    let assessment = assess_by(Method::Suppress, &table.candidate(), &floor(Grade::Open));
    let rows = assessment.table().rows();
    let (Value::Integer(above), Value::Integer(below)) = (&rows[3][2], &rows[3][3]) else { panic!("totals are shown") };
    assert_eq!((*above, *below), (702, 3080));
    assert!(rows[3][4] == Value::Integer(23) && rows[0][4] == Value::Suppressed);
}

#[test]
fn a_refused_candidate_has_no_pattern() {
    let candidate = three_by_three([[4, 22, 31], [27, 36, 48], [41, 53, 62]]).candidate();
    let refuses = crate::OutsideFinding {
        id: "history:x".to_owned(),
        check: CheckName::History,
        verdict: Verdict::Refuse,
        node: None,
        sentence: "No.".to_owned(),
    };
    let context = crate::Context { history: Some(vec![refuses]), method: Method::Suppress };
    let assessment = crate::assess(&candidate, &floor(Grade::Open), &context);
    assert!(assessment.is_refused() && assessment.table().rows().is_empty());
    assert!(!ids(assessment.findings()).iter().any(|id| id.starts_with("secondary")));
    assert!(view(&candidate, &assessment).cells.iter().all(|cell| cell.published.is_empty()));
}
