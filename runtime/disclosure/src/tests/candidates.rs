//! What a candidate refuses, and its codec.

use sluice_domain::contract::Contract;
use sluice_domain::limits::Limits;

use super::factory::{Table, random, report, written};
use crate::candidate::{Candidate, Cells, MeasureEvidence, Mismatch, Raw, ReportFault, RunFacts};

fn table() -> Table {
    Table::new(&[&["AA", "UA"]]).measure(-20, 20).values(&[0], &[9, -7, 3, 2, 0]).values(&[1], &[1; 12])
}

fn refused(change: impl FnOnce(&mut Cells)) -> Option<Mismatch> {
    let table = table();
    let mut cells = table.cells();
    change(&mut cells);
    table.built(cells).err()
}

fn with_measure(change: impl FnOnce(&mut MeasureEvidence)) -> Option<Mismatch> {
    refused(|cells| change(&mut cells.get_mut(&vec![0]).expect("there").measures[0]))
}

#[test]
fn evidence_that_contradicts_itself_is_refused() {
    assert_eq!(refused(|_| {}), None);
    let cell = table().cells().remove(&vec![1]).expect("there");
    assert_eq!(refused(|cells| drop(cells.insert(vec![2], cell.clone()))), Some(Mismatch::Code));
    assert_eq!(refused(|cells| drop(cells.insert(vec![0, 0], cell))), Some(Mismatch::Arity));
    assert_eq!(refused(|cells| cells.get_mut(&vec![0]).expect("there").subjects = 0), Some(Mismatch::Empty));
    assert_eq!(refused(|cells| cells.get_mut(&vec![0]).expect("there").records = 4), Some(Mismatch::Records));
    assert_eq!(refused(|cells| cells.get_mut(&vec![1]).expect("there").subjects = 18), Some(Mismatch::Records));
    assert_eq!(refused(|cells| cells.get_mut(&vec![0]).expect("there").measures.clear()), Some(Mismatch::Arity));
}

#[test]
fn sums_that_the_contributors_do_not_allow_are_refused() {
    type Change = fn(&mut MeasureEvidence);
    let cases: [(Change, Mismatch); 14] = [
        (|m| m.max = 21, Mismatch::Bounds),
        (|m| m.min = -21, Mismatch::Bounds),
        (|m| m.sum = 46, Mismatch::Bounds),
        (|m| m.sum = 8, Mismatch::Contributors),
        (|m| m.sum = 23, Mismatch::Contributors),
        (|m| m.nonzero = 6, Mismatch::Contributors),
        (|m| m.nonzero = 3, Mismatch::Top),
        (|m| m.nonzero = 0, Mismatch::Contributors),
        (|m| m.sum_abs = 31, Mismatch::Top),
        (|m| m.sum_abs = -1, Mismatch::Range),
        (|m| m.sum_abs = i128::MAX, Mismatch::Range),
        (|m| m.top = vec![9, 3, -7], Mismatch::Top),
        (|m| m.top = vec![9, -7], Mismatch::Top),
        (|m| m.top = vec![8, -7, 3], Mismatch::Top),
    ];
    for (position, (change, mismatch)) in cases.into_iter().enumerate() {
        assert_eq!(with_measure(change), Some(mismatch), "case {position}");
    }
    // Zeros at the end of `top` are taken off.
    let table = Table::new(&[&["AA"]]).measure(-20, 20).values(&[0], &[9, 0, 0]);
    let mut cells = table.cells();
    cells.get_mut(&vec![0]).expect("there").measures[0].top = vec![9, 0, 0];
    assert!(table.built(cells).is_ok_and(|candidate| candidate == table.candidate()));
}

#[test]
fn more_subjects_than_the_contract_allows_are_refused() {
    let table = table();
    let contract = Contract::Tabulate(table.contract.clone());
    let facts = RunFacts { subjects: 16, ..RunFacts::default() };
    let raw = Raw::Cells { cells: table.cells(), facts };
    assert_eq!(Candidate::new(contract.clone(), raw, &Limits::default()).err(), Some(Mismatch::Subjects));
    let facts = RunFacts { truncated_subjects: 18, ..table.facts() };
    let raw = Raw::Cells { cells: table.cells(), facts };
    assert_eq!(Candidate::new(contract.clone(), raw, &Limits::default()).err(), Some(Mismatch::Facts));
    let raw = Raw::Rows { rows: Vec::new(), fault: None, facts: RunFacts::default() };
    assert_eq!(Candidate::new(contract, raw, &Limits::default()).err(), Some(Mismatch::Lane));
}

#[test]
fn a_report_is_put_on_its_grid() {
    let candidate = report(vec![vec![1, 98], vec![0, 7], vec![0, 8], vec![0, 101], vec![2, 5]], None);
    assert!(
        candidate == {
            let crate::candidate::Body::Written(written) = candidate.body() else { panic!("a report") };
            assert_eq!(written.rows(), [[0, 5], [0, 10], [1, 100]]);
            assert_eq!((written.dropped_rows(), written.rounded_values()), (2, 3));
            candidate.clone()
        }
    );
    assert_eq!(written(vec![vec![0]], None).err(), Some(Mismatch::Arity));
    assert_eq!(written(vec![vec![0, 5]; 101], None).err(), Some(Mismatch::Rows));
}

#[test]
fn the_inside_bytes_are_canonical() {
    let limits = Limits::default();
    let tables = (1..30).map(|seed| random(seed, -50).candidate());
    let reports = [
        report(vec![vec![1, 98], vec![0, 7], vec![9, 9]], None),
        report(vec![vec![1, 98]], Some(ReportFault::OutOfFuel)),
    ];
    for candidate in tables.chain(reports) {
        let bytes = candidate.to_inside_bytes();
        assert!(Candidate::from_inside_bytes(&bytes, &limits).is_ok_and(|read| read == candidate));
        let mut spaced = bytes.clone();
        spaced.push(b' ');
        assert_eq!(Candidate::from_inside_bytes(&spaced, &limits).err(), Some(Mismatch::Bytes));
        assert!(Candidate::from_inside_bytes(&bytes[..bytes.len() - 1], &limits).is_err());
    }
}
