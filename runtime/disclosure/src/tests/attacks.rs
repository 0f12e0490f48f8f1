//! Attacks of the list that this crate stands against, seen to fail.

use sluice_domain::contract::Statistic;
use sluice_domain::grade::Grade;

use super::factory::{Table, floor, ids, report, written};
use crate::appetite::Appetite;
use crate::assessment::{Route, assess, assess_with};
use crate::candidate::{Candidate, Mismatch, ReportFault};
use crate::checks::{CHECKS, Check};
use crate::csv::to_csv;
use crate::finding::{CheckName, Finding, Verdict};
use crate::table::{ReleaseTable, Value};

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
fn attack_03_a_dominated_cell_is_put_before_reviewers() {
    let mut values = vec![1_000];
    values.extend([1; 20]);
    let candidate = Table::new(&[&["AA"]]).measure(0, 1_000).values(&[0], &values).candidate();
    let assessment = assess(&candidate, &floor(Grade::Open));
    let ids = ids(assessment.findings());
    assert!(ids.contains(&"dominance:2,90:m0:d0=AA".to_owned()));
    assert!(ids.contains(&"p_percent:10,100:m0:d0=AA".to_owned()));
    assert_eq!(assessment.verdict(), Verdict::Refer);
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
    assert_eq!(table.built(table.cells()).err(), Some(Mismatch::Code));
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
        let assessment = assess_with(&checks, &candidate, &floor(Grade::Open));
        assert!(assessment.is_refused());
        assert!(assessment.table().rows().is_empty());
    }
    let withheld = assess_with(&[&Always(Some(Verdict::Suppress))], &candidate, &floor(Grade::Open));
    assert!(withheld.table().rows().is_empty(), "the whole is withheld");
}

#[test]
fn attack_32_silence_is_not_consent() {
    let candidate = Table::new(&[&["AA"]]).subjects(&[0], 500).candidate();
    let none = assess_with(&[], &candidate, &floor(Grade::Open));
    assert!(none.is_refused() && none.table().rows().is_empty());
    let silent = assess_with(&[&Always(None)], &candidate, &floor(Grade::Open));
    assert_eq!(silent.verdict(), Verdict::Refer);
    // Even where the threshold's check is left out, the table keeps to the threshold.
    let candidate = Table::new(&[&["AA"]]).subjects(&[0], 9).candidate();
    let lost = assess_with(&[&Always(Some(Verdict::Pass))], &candidate, &floor(Grade::Open));
    assert_eq!(csv(lost.table()), "d0,subjects\r\nAA,c\r\n");
}

#[test]
fn attack_36_what_is_true_of_all_is_put_before_reviewers() {
    let table = Table::new(&[&["yes", "no"]]).measure(0, 1).values(&[0], &[1; 60]);
    let found = ids(assess(&table.candidate(), &floor(Grade::Open)).findings());
    assert!(found.contains(&"class:all_equal:m0:d0=yes".to_owned()));
    assert!(found.contains(&"class:group:d0:d0=yes".to_owned()));
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
    // Dominated, clamped and truncated, or not: the same released table has the same record.
    let appetite = floor(Grade::Restricted);
    let mut even = Table::new(&[&["AA", "UA"]]).measure(0, 100).values(&[0], &[10; 21]);
    even.contract.statistics = vec![Statistic::Sum(0)];
    let mut values = vec![100, 91];
    values.extend([1; 19]);
    let mut uneven = Table::new(&[&["AA", "UA"]]).measure(0, 100).values(&[0], &values);
    uneven.contract.statistics = vec![Statistic::Sum(0)];
    uneven.facts.clamped = 1;
    uneven.facts.truncated_subjects = 2;
    let (even, uneven) = (assess(&even.candidate(), &appetite), assess(&uneven.candidate(), &appetite));
    assert!(even.table() == uneven.table());
    assert_eq!(even.record(), uneven.record());
    assert!(matches!(even.table().rows()[1][1], Value::Suppressed));
}

#[test]
fn every_check_runs() {
    use CheckName::*;
    let all = [
        Labels, Fault, Threshold, Dominance, PPercent, Class, Records, Truncation, Defaults, ReportBits, Family,
        Unchecked,
    ];
    assert!(CHECKS.iter().map(|check| check.name()).eq(all));
    let assessment = assess(&Table::new(&[&["AA"]]).subjects(&[0], 12).candidate(), &floor(Grade::Open));
    for check in all {
        assert!(assessment.findings().iter().any(|finding| finding.check() == check), "{}", check.as_str());
    }
    assert!(assessment.record().checks.iter().map(|line| line.check).eq(all));
}
