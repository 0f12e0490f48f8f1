//! What a candidate refuses, and its codec.

use sluice_domain::contract::Contract;
use sluice_domain::limits::Limits;

use super::factory::{Entry, Table, counted, random, report, written};
use crate::candidate::{Candidate, Mismatch, Raw, Relation, ReportFault, RunFacts};

fn table() -> Table {
    Table::new(&[&["AA", "UA"]]).measure(-20, 20).values(&[0], &[9, -7, 3, 2, 0]).values(&[1], &[1; 12])
}

fn refused(change: impl FnOnce(&mut Vec<Entry>)) -> Option<Mismatch> {
    let table = table();
    let mut entries = table.entries();
    change(&mut entries);
    table.built(&entries).err()
}

#[test]
fn contributions_that_contradict_the_contract_are_refused() {
    assert_eq!(refused(|_| {}), None);
    assert_eq!(refused(|entries| entries[0].1 = 2), Some(Mismatch::Code));
    assert_eq!(refused(|entries| entries[0].2 = 0), Some(Mismatch::Records));
    assert_eq!(refused(|entries| entries[0].2 = u64::MAX), Some(Mismatch::Range));
    assert_eq!(refused(|entries| entries[0].3 = vec![21]), Some(Mismatch::Bounds));
    assert_eq!(refused(|entries| entries[0].3 = vec![-21]), Some(Mismatch::Bounds));
    assert_eq!(refused(|entries| entries[0].3.clear()), Some(Mismatch::Arity));
    assert_eq!(refused(|entries| entries.push(entries[0].clone())), Some(Mismatch::Duplicate));
    // In a second cell, where the contract allows one; and one subject more than the run saw.
    assert_eq!(refused(|entries| entries.push((0, 1, 1, vec![1]))), Some(Mismatch::Subjects));
    assert_eq!(refused(|entries| entries.push((99, 1, 1, vec![1]))), Some(Mismatch::Subjects));
}

#[test]
fn facts_and_lanes_that_do_not_fit_are_refused() {
    let table = table();
    let contract = Contract::Tabulate(table.contract.clone());
    let with = |facts: RunFacts| {
        let Ok(Raw::Cells { contributions, groups, relations, .. }) = table.raw(&table.entries()) else {
            panic!("counted")
        };
        let raw = Raw::Cells { contributions, groups, relations, facts };
        Candidate::new(contract.clone(), raw, &Limits::default()).err()
    };
    assert_eq!(with(RunFacts { subjects: 16, ..RunFacts::default() }), Some(Mismatch::Subjects));
    assert_eq!(with(RunFacts { truncated_subjects: 18, ..table.facts() }), Some(Mismatch::Facts));
    assert_eq!(with(table.facts()), None);
    let raw = Raw::Rows { rows: Vec::new(), fault: None, facts: RunFacts::default() };
    assert_eq!(Candidate::new(contract.clone(), raw, &Limits::default()).err(), Some(Mismatch::Lane));
}

#[test]
fn a_margin_merges_a_subject_over_its_cells() {
    let mut table = Table::new(&[&["a", "b"], &["x", "y"]]).measure(-20, 20).margins(&[&[0], &[]]);
    table.contract.cells_per_subject = 3;
    let table = table
        .same_subject(&[0, 0], 7, &[5])
        .same_subject(&[0, 1], 7, &[-5])
        .same_subject(&[1, 1], 7, &[2])
        .same_subject(&[0, 1], 9, &[4])
        .grouped(|_| 3);
    let candidate = table.candidate();
    let counted = counted(&candidate);
    let found = |node: &[Option<u32>]| counted.figures().find(|figure| figure.node == node)?.evidence;
    let evidence = |node: &[Option<u32>]| found(node).expect("it isn't empty");
    let row = evidence(&[Some(0), None]);
    assert_eq!((row.subjects, row.groups, row.largest_group, row.records.subjects.sum), (2, 1, 2, 3));
    let sum = &row.measures[0].subjects;
    assert_eq!((sum.sum, sum.sum_abs, sum.nonzero, sum.lowest.clone()), (4, 4, 1, vec![0, 4]));
    let all = &evidence(&[None, None]).measures[0];
    assert_eq!((all.subjects.highest.clone(), all.groups.top.clone()), (vec![4, 2], vec![6]));
    assert!(found(&[Some(1), Some(0)]).is_none() && found(&[None, Some(1)]).is_none());
    let cells: Vec<_> = counted.cells().map(|(codes, cell)| (codes.to_vec(), cell.subjects, cell.sums)).collect();
    assert_eq!(cells, [(vec![0, 0], 1, vec![5]), (vec![0, 1], 2, vec![-1]), (vec![1, 1], 1, vec![2])]);
}

#[test]
fn sums_that_could_saturate_are_refused() {
    let mut table = Table::new(&[&["AA"]]).measure(0, 1_000_000_000_000_000).measure(0, 9).ratio(0, 1);
    table.contract.measures[1].scale = 9;
    table.relations =
        vec![Relation { name: "sum".to_owned(), terms: vec![(0, 1), (1, 1)], equals: None, residual: false }];
    table.contributions.insert(vec![0], vec![vec![1_000_000_000_000_000, 9]; 12]);
    assert!(table.built(&table.entries()).is_ok());
    table.relations[0].terms[0].1 = i32::MAX;
    assert_eq!(table.built(&table.entries()).err(), Some(Mismatch::Range));
}

/// The inside bytes with a text replaced, read again.
fn damaged(candidate: &Candidate, from: &str, to: &str) -> Option<Mismatch> {
    let text = String::from_utf8(candidate.to_inside_bytes()).expect("JSON");
    assert!(text.contains(from), "{from} isn't in {text}");
    Candidate::from_inside_bytes(text.replacen(from, to, 1).as_bytes(), &Limits::default()).err()
}

#[test]
fn evidence_that_contradicts_itself_is_not_read() {
    let candidate = table().margins(&[&[]]).candidate();
    // Cell 0: five subjects, 6 records; 9, -7, 3, 2, 0. Cell 1: twelve, 16 records; twelve times 1. Then the total.
    let cell = "[[0],5,5,1,[[6,6,5,[2,1,1],[2,1,1],[1,1,1],4],null],[[[7,21,4,[9,-7,3],[9,3,2],[-7,0,2],1],null]]]";
    assert_eq!(damaged(&candidate, cell, cell), None);
    let cases = [
        ("[0],5,5,1", "[2],5,5,1", Mismatch::Code),
        ("[0],5,5,1", "[0,0],5,5,1", Mismatch::Arity),
        ("[0],5,5,1", "[0],0,0,1", Mismatch::Empty),
        ("[0],5,5,1", "[0],5,4,1", Mismatch::Group),
        ("[0],5,5,1", "[0],5,5,2", Mismatch::Group),
        ("[0],5,5,1", "[0],18,18,1", Mismatch::Subjects),
        ("[6,6,5,[2,1,1],[2,1,1],[1,1,1],4]", "[5,5,4,[2,1,1],[2,1,1],[0,1,1],3]", Mismatch::Records),
        ("[7,21,4,", "[8,21,4,", Mismatch::Contributors),
        ("[7,21,4,", "[23,21,4,", Mismatch::Contributors),
        ("[7,21,4,", "[7,-21,4,", Mismatch::Range),
        ("[7,21,4,", "[7,31,4,", Mismatch::Top),
        ("[7,21,4,", "[7,21,3,", Mismatch::Contributors),
        ("[7,21,4,", "[7,21,6,", Mismatch::Contributors),
        ("[7,21,4,", "[7,21,0,", Mismatch::Contributors),
        ("[9,-7,3],[9,3,2]", "[21,-7,3],[21,3,2]", Mismatch::Top),
        ("[9,-7,3],[9,3,2]", "[9,3,-7],[9,3,2]", Mismatch::Top),
        ("[9,-7,3],[9,3,2]", "[9,-7],[9,3,2]", Mismatch::Top),
        ("[9,-7,3],[9,3,2]", "[9,-7,3],[9,3]", Mismatch::Bounds),
        ("[-7,0,2],1]", "[-7,2,0],1]", Mismatch::Bounds),
        ("[-7,0,2],1]", "[-7,0,2],5]", Mismatch::Contributors),
        (",null],[[[7", ",[6,6,5,[2,1,1],[2,1,1],[1,1,1],4]],[[[7", Mismatch::Group),
        // The total: one subject fewer, and another sum than the inner cells have.
        ("[[],17,17,1", "[[],16,16,1", Mismatch::Contributors),
        ("[19,33,16,", "[18,32,16,", Mismatch::Margin),
        ("\"screens\":[[17,", "\"screens\":[[18,", Mismatch::Subjects),
    ];
    for (from, to, mismatch) in cases {
        assert_eq!(damaged(&candidate, from, to), Some(mismatch), "{from} to {to}");
    }
}

#[test]
fn holders_that_do_not_fit_the_cells_are_not_read() {
    // Subject 7 alone in the first and the third cell, five in the second, subject 9 alone in the last.
    let mut table = Table::new(&[&["a", "b", "c", "d"]]);
    table.contract.cells_per_subject = 2;
    let table = table.subjects(&[1], 5).same_subjects(&[0], 7, 1).same_subjects(&[2], 7, 1).same_subjects(&[3], 9, 1);
    let candidate = table.candidate();
    let holders = "\"holders\":[0,null,0,1]";
    assert_eq!(damaged(&candidate, holders, holders), None);
    // One too few, one where five are, none where one is, numbers that are skipped or come in another order.
    for wrong in ["[0,null,0]", "[0,1,0,2]", "[0,null,0,null]", "[0,null,0,2]", "[1,null,1,0]"] {
        let wrong = format!("\"holders\":{wrong}");
        assert_eq!(damaged(&candidate, holders, &wrong), Some(Mismatch::Group), "{wrong}");
    }
    // Where a subject is in one cell nobody is alone in two.
    let once = Table::new(&[&["a", "b"]]).subjects(&[0], 1).subjects(&[1], 1).candidate();
    assert_eq!(damaged(&once, "\"holders\":[0,1]", "\"holders\":[0,0]"), Some(Mismatch::Group));
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
    let tables = (1..60).map(|seed| {
        let table = random(seed, -50);
        if seed % 2 == 0 { table.grouped(|subject| u64::from(subject / 3)).candidate() } else { table.candidate() }
    });
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
