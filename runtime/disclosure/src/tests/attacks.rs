//! Attacks of the list that this crate stands against, seen to fail.

use sluice_domain::grade::Grade;

use super::factory::{Table, assess, floor, ids, report, written};
use crate::appetite::Appetite;
use crate::assessment::{Route, assess_with};
use crate::candidate::{Candidate, Mismatch, ReportFault};
use crate::checks::{CHECKS, Check};
use crate::context::Context;
use crate::csv::to_csv;
use crate::finding::{CheckName, Finding, Verdict};
use crate::table::ReleaseTable;

fn csv(table: &ReleaseTable) -> String {
    String::from_utf8(to_csv(table)).expect("CSV is UTF-8")
}

#[test]
fn attack_01_copied_rows_do_not_fit_the_contract() {
    // A table of 336,776 flights in a report of at most 100 rows; ids that are no label and no number of the grid.
    assert_eq!(written(vec![vec![0, 5]; 336_776], None).err(), Some(Mismatch::Rows));
    let candidate = report(vec![vec![14_228, 1_545], vec![24_211, 1_714]], None);
    assert_eq!(csv(assess(&candidate, &floor(Grade::Open)).table()), "class,delay\r\n");
}

#[test]
fn attack_02_a_small_cell_is_not_published() {
    let candidate = Table::new(&[&["AA", "UA", "WN"]]).subjects(&[0], 10).subjects(&[1], 9).candidate();
    let assessment = assess(&candidate, &floor(Grade::Open));
    assert_eq!(csv(assessment.table()), "d0,subjects\r\nAA,10\r\nUA,c\r\nWN,c\r\n");
}

#[test]
fn attack_03_a_dominated_cell_is_withheld_and_reviewers_see_why() {
    let mut values = vec![1_000];
    values.extend([1; 20]);
    let candidate = Table::new(&[&["AA"]]).measure(0, 1_000).margins(&[&[]]).values(&[0], &values).candidate();
    let assessment = assess(&candidate, &floor(Grade::Open));
    let ids = ids(assessment.findings());
    assert!(ids.contains(&"dominance:2,90:m0:d0=AA".to_owned()));
    assert!(ids.contains(&"p_percent:10,100:m0:d0=AA".to_owned()));
    assert!(ids.contains(&"dominance:2,90:m0:d0=*".to_owned()));
    assert_eq!(csv(assessment.table()), "d0,subjects,m0\r\nAA,21,c\r\n*,21,c\r\n");
    assert_eq!(assessment.verdict(), Verdict::Refer);
}

#[test]
fn attack_03_a_margin_is_dominated_though_its_cells_are_not() {
    // One subject brings 45 of 99 to each of three cells, two others 45 and 9: nobody else is in two of them.
    let mut table = Table::new(&[&["AA", "UA", "WN"]]).measure(0, 100).margins(&[&[]]);
    table.contract.cells_per_subject = 3;
    let appetite = floor(Grade::Restricted);
    for code in 0..3 {
        table = table.same_subject(&[code], 0, &[60]);
        for subject in 1..=40 {
            table = table.same_subject(&[code], 40 * code + subject, &[1]);
        }
    }
    let assessment = assess(&table.candidate(), &appetite);
    // 60 of 100 three times: 60 % is under 65 %, in the cells and in the total alike.
    assert_eq!(assessment.table().suppressed_values(), 0);
    let strict = appetite
        .tightened(&crate::appetite::Overrides {
            dominance: vec![crate::appetite::Dominance { n: 2, k_percent: 61 }],
            ..Default::default()
        })
        .expect("tighter");
    // Cells: 61 of 100. The total: 181 of 300 is less than 61 %.
    let shown = csv(assess(&table.candidate(), &strict).table());
    assert_eq!(shown, "d0,subjects,m0\r\nAA,40,c\r\nUA,40,c\r\nWN,40,c\r\n*,120,c\r\n");
}

#[test]
fn attack_04_totals_do_not_give_the_suppressed_cell_back() {
    let shown = |small: usize| {
        let table = Table::new(&[&["AA", "UA", "WN"]]).margins(&[&[]]);
        let candidate = table.subjects(&[0], 40).subjects(&[1], small).subjects(&[2], 30).candidate();
        csv(assess(&candidate, &floor(Grade::Open)).table())
    };
    assert_eq!(shown(7), "d0,subjects\r\nAA,40\r\nUA,c\r\nWN,30\r\n*,70\r\n");
    for small in 0..10 {
        assert_eq!(shown(small), shown(7), "the table says nothing of a small cell");
    }
}

#[test]
fn attack_06_a_one_hot_mask_has_one_contributor() {
    let mut values = vec![0; 500];
    values[17] = 48_300;
    let candidate = Table::new(&[&["AA"]]).measure(0, 100_000).values(&[0], &values).candidate();
    assert_eq!(csv(assess(&candidate, &floor(Grade::Open)).table()), "d0,subjects,m0\r\nAA,500,c\r\n");
}

#[test]
fn attack_11_labels_outside_of_the_codebook_do_not_fit() {
    let table = Table::new(&[&["AA", "UA"]]).subjects(&[0x4e59], 50);
    assert_eq!(table.built(&table.entries()).err(), Some(Mismatch::Code));
    // In a report the row goes, and reviewers are told.
    let candidate = report(vec![vec![0, 5], vec![0x4e59, 5]], None);
    let assessment = assess(&candidate, &floor(Grade::Open));
    assert_eq!(csv(assessment.table()), "class,delay\r\nlow,5\r\n");
    assert!(ids(assessment.findings()).contains(&"defaults:dropped_rows".to_owned()));
}

#[test]
fn attack_12_neither_row_order_nor_row_count_carries_anything() {
    let one = report(vec![vec![0, 5], vec![1, 10], vec![0, 0]], None);
    let other = report(vec![vec![1, 10], vec![0, 0], vec![0, 5]], None);
    assert!(one.to_inside_bytes() == other.to_inside_bytes());
    let rows = |candidate: Candidate| assess(&candidate, &floor(Grade::Open)).table().rows().len();
    let table = || Table::new(&[&["AA", "UA", "WN"], &["x", "y"]]).margins(&[&[0], &[]]);
    assert_eq!(rows(table().candidate()), 10);
    assert_eq!(rows(table().subjects(&[1, 0], 500).candidate()), 10);
}

#[test]
fn attack_13_digits_below_the_grid_do_not_leave() {
    let (one, other) = (report(vec![vec![0, 52]], None), report(vec![vec![0, 48]], None));
    let table = |candidate: &Candidate| csv(assess(candidate, &floor(Grade::Open)).table());
    assert_eq!(table(&one), table(&other));
}

/// A check that always says the same.
struct Always(Option<Verdict>);

impl Check for Always {
    fn name(&self) -> CheckName {
        CheckName::Unchecked
    }

    fn run(&self, _: &Candidate, _: &Appetite) -> Vec<Finding> {
        let finding = |verdict| Finding::whole(self.name(), verdict, "injected", "Injected.".to_owned());
        self.0.map(finding).into_iter().collect()
    }
}

#[test]
fn attack_32_one_failing_check_blocks_the_release() {
    let candidate = Table::new(&[&["AA"]]).subjects(&[0], 500).candidate();
    for position in 0..=CHECKS.len() {
        let mut checks = CHECKS.to_vec();
        checks.insert(position, &Always(Some(Verdict::Refuse)));
        let assessment = assess_with(&checks, &candidate, &floor(Grade::Open), &Context::default());
        assert!(assessment.is_refused());
        assert!(assessment.table().rows().is_empty());
    }
    let withheld =
        assess_with(&[&Always(Some(Verdict::Suppress))], &candidate, &floor(Grade::Open), &Context::default());
    assert!(withheld.table().rows().is_empty(), "the whole is withheld");
}

#[test]
fn attack_32_silence_is_not_consent() {
    let candidate = Table::new(&[&["AA"]]).subjects(&[0], 500).candidate();
    let none = assess_with(&[], &candidate, &floor(Grade::Open), &Context::default());
    assert!(none.is_refused() && none.table().rows().is_empty());
    let silent = assess_with(&[&Always(None)], &candidate, &floor(Grade::Open), &Context::default());
    assert_eq!(silent.verdict(), Verdict::Refer);
    // Even where the threshold's check is left out, the table keeps to the threshold.
    let candidate = Table::new(&[&["AA"]]).subjects(&[0], 9).candidate();
    let lost = assess_with(&[&Always(Some(Verdict::Pass))], &candidate, &floor(Grade::Open), &Context::default());
    assert_eq!(csv(lost.table()), "d0,subjects\r\nAA,c\r\n");
}

#[test]
fn attack_36_what_is_true_of_all_is_withheld() {
    let table = Table::new(&[&["yes", "no"]]).measure(0, 1).margins(&[&[]]).values(&[0], &[1; 60]);
    let assessment = assess(&table.candidate(), &floor(Grade::Open));
    let found = ids(assessment.findings());
    assert!(found.contains(&"class:all_equal:m0:d0=yes".to_owned()));
    assert!(found.contains(&"class:margin:d0:d0=yes".to_owned()));
    assert_eq!(csv(assessment.table()), "d0,subjects,m0\r\nyes,c,c\r\nno,c,c\r\n*,c,c\r\n");
}

#[test]
fn attack_36_extremes_do_not_leave() {
    let mut contract = super::factory::reporting();
    contract.columns[1].name = "max_delay".to_owned();
    let raw = crate::candidate::Raw::Rows { rows: vec![vec![0, 95]], fault: None, facts: Default::default() };
    let contract = sluice_domain::contract::Contract::Report(contract);
    let candidate = Candidate::new(contract, raw, &Default::default()).expect("it fits");
    let assessment = assess(&candidate, &floor(Grade::Open));
    assert!(assessment.is_refused() && assessment.table().rows().is_empty());
    assert!(ids(assessment.findings()).contains(&"extremes:max_delay".to_owned()));
}

#[test]
fn attack_45_a_fleet_does_not_carry_a_cell() {
    // Thirty aircraft, of which 25 are one operator's; and the same thirty of thirty operators.
    let made = |grouped: bool| {
        let values: Vec<i64> = (0..30).map(|i| 50 + i % 7).collect();
        let table = Table::new(&[&["AA"]]).measure(0, 1_000).margins(&[&[]]).values(&[0], &values);
        let table = if grouped { table.grouped(|subject| u64::from(subject).saturating_sub(24)) } else { table };
        csv(assess(&table.candidate(), &floor(Grade::Open)).table())
    };
    assert_eq!(made(true), "d0,subjects,m0\r\nAA,c,c\r\n*,c,c\r\n");
    assert_eq!(made(false), "d0,subjects,m0\r\nAA,30,1585\r\n*,30,1585\r\n");
}

#[test]
fn attack_46_the_complement_of_a_bounded_measure_does_not_leave() {
    let mut values = [100; 12];
    values[0] = 40;
    let table = Table::new(&[&["AA"]]).measure(0, 100).values(&[0], &values);
    assert_eq!(csv(assess(&table.candidate(), &floor(Grade::Open)).table()), "d0,subjects,m0\r\nAA,12,c\r\n");
}

#[test]
fn attack_40_counted_evidence_alone_has_no_route_but_reviewers() {
    let candidate = Table::new(&[&["AA", "UA"]]).subjects(&[0], 5_000).subjects(&[1], 5_000).candidate();
    for grade in [Grade::Open, Grade::Conditional, Grade::Restricted, Grade::Special] {
        let assessment = assess(&candidate, &floor(grade));
        assert_eq!(assessment.route(), Route::Reviewers);
        assert_eq!(assessment.verdict(), Verdict::Refer);
        assert!(ids(assessment.findings()).contains(&"family:none".to_owned()));
    }
}

#[test]
fn attack_42_a_fault_leaves_an_empty_table_and_the_same_record() {
    let appetite = floor(Grade::Open);
    let trapped = assess(&report(vec![vec![1, 95]; 7], Some(ReportFault::Trapped)), &appetite);
    let starved = assess(&report(Vec::new(), Some(ReportFault::OutOfMemory)), &appetite);
    assert!(trapped.is_refused() && trapped.table().rows().is_empty());
    assert!(trapped.table().canonical_bytes() == starved.table().canonical_bytes());
    assert_eq!(trapped.record(), starved.record());
    assert_eq!(trapped.route(), Route::Reviewers);
}

#[test]
fn attack_44_a_guess_at_the_candidate_is_not_confirmed() {
    let bytes = Table::new(&[&["AA"]]).subjects(&[0], 7).candidate().to_inside_bytes();
    let committed = sluice_domain::digest::Commitment::new(&[1; 32], &bytes);
    assert_ne!(committed.as_str(), sluice_domain::digest::sha256_hex(&bytes));
    assert_ne!(committed, sluice_domain::digest::Commitment::new(&[2; 32], &bytes));
}

#[test]
fn the_record_says_nothing_that_the_table_does_not() {
    // Too few contributors, dominated, given away or all the same: the same released table has the same record.
    let appetite = floor(Grade::Restricted);
    let made = |values: &[i64], clamped: u64| {
        let mut table = Table::new(&[&["AA", "UA"]]).measure(0, 100).values(&[0], values);
        table.facts.clamped = clamped;
        assess(&table.candidate(), &appetite)
    };
    let mut few = [0; 21];
    few[..9].fill(50);
    let mut dominated = [1; 21];
    dominated[..2].copy_from_slice(&[100, 91]);
    let first = made(&[10; 21], 0);
    assert_eq!(csv(first.table()), "d0,subjects,m0\r\nAA,20,c\r\nUA,c,c\r\n");
    for other in [made(&few, 0), made(&dominated, 0), made(&dominated, 1)] {
        assert!(first.table() == other.table());
        assert_eq!(first.record(), other.record());
    }
}

#[test]
fn every_check_runs() {
    use CheckName::*;
    let all = [
        Labels,
        Fault,
        Threshold,
        Groups,
        Zeros,
        Dominance,
        PPercent,
        Class,
        Complements,
        Records,
        Freedom,
        Ratios,
        Relations,
        Extremes,
        Quantiles,
        Histograms,
        Padding,
        Truncation,
        Defaults,
        ReportBits,
        Remedies,
        Family,
        Unchecked,
        History,
    ];
    assert!(CHECKS.iter().map(|check| check.name()).chain([History]).eq(all));
    let assessment = assess(&Table::new(&[&["AA"]]).subjects(&[0], 12).candidate(), &floor(Grade::Open));
    for check in all {
        assert!(assessment.findings().iter().any(|finding| finding.check() == check), "{}", check.as_str());
    }
    assert!(assessment.record().checks.iter().map(|line| line.check).eq(all));
}
