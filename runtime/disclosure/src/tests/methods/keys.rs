//! Counts with cell-key noise.

use super::*;
use crate::tests::factory::perturbed;

/// A candidate with the keys of a secret.
fn keyed(table: &Table, entries: &[crate::tests::factory::Entry], secret: u8) -> Candidate {
    let raw = table.raw(entries).unwrap_or_else(|_| panic!("entries"));
    let contract = sluice_domain::contract::Contract::Tabulate(table.contract.clone());
    let secret = crate::publish::cell_key::Secret::new([secret; 32]);
    Candidate::keyed(contract, raw, &Default::default(), Some(&secret)).unwrap_or_else(|_| panic!("it fits"))
}

#[test]
fn noise_of_a_count_depends_on_who_is_counted_and_on_nothing_else() {
    let mut table = Table::new(&[&["a", "b"], &["x", "y"]]).margins(&[&[0], &[]]);
    table.contract.cells_per_subject = 2;
    // Forty in a, twenty of them in both cells of it; four in b.
    let table = table.same_subjects(&[0, 0], 0, 30).same_subjects(&[0, 1], 10, 30).same_subjects(&[1, 1], 90, 4);
    let candidate = keyed(&table, &table.entries(), 7);
    let noisy = {
        use crate::publish::cell_key::{PTable, Secret, Shape};
        let shape = Shape { noise_max: 5, variance_milli: 5000, least_shown: 1 };
        let (secret, table) = (Secret::new([7; 32]), PTable::new(shape).expect("it is possible"));
        move |subjects: &[u32]| perturbed(&secret, &table, subjects) as i128
    };
    let from_to = |from: u32, to: u32| noisy(&(from..to).collect::<Vec<u32>>());
    let shown = integers(&assess_by(Method::CellKey, &candidate, &floor(Grade::Open)));
    // Two inner cells, two withheld ones, a, b (of four), and all: a subject in two cells counts once in a total.
    assert_eq!(shown[..2], [from_to(0, 30), from_to(10, 40)]);
    assert_eq!((shown[4], shown[2], shown[3], shown[5]), (from_to(0, 40), -1, -1, -1));
    let everybody: Vec<u32> = (0..40).chain(90..94).collect();
    assert_eq!(shown[6], noisy(&everybody));
    let mut reversed = table.entries();
    reversed.reverse();
    assert!(keyed(&table, &reversed, 7).to_inside_bytes() == candidate.to_inside_bytes());
    let others = (1..60).filter(|secret| {
        integers(&assess_by(Method::CellKey, &keyed(&table, &table.entries(), *secret), &floor(Grade::Open))) != shown
    });
    assert!(others.count() > 50);
}

#[test]
fn perturbed_tables_withhold_what_a_rule_catches_and_all_that_is_no_count_of_subjects() {
    let (mut shown, mut off) = (0, 0);
    for seed in 1..60 {
        let table = random(seed, -100);
        let candidate = keyed(&table, &table.entries(), seed as u8);
        let bytes = candidate.to_inside_bytes();
        assert!(Candidate::from_inside_bytes(&bytes, &Default::default()).is_ok_and(|read| read == candidate));
        let assessment = assess_by(Method::CellKey, &candidate, &floor(Grade::Special));
        let seen = view(&candidate, &assessment);
        for (cell, figure) in seen.cells.iter().zip(counted(&candidate).figures()) {
            let [subjects, others @ ..] = cell.figures.as_slice() else { panic!("subjects come first") };
            assert!(others.iter().all(|figure| figure.published.as_deref() == Some("c")), "seed {seed}");
            let Some(published) = subjects.published.as_ref().filter(|text| *text != "c") else { continue };
            let truth = figure.evidence.expect("an empty cell isn't shown").subjects as i64;
            let noise = published.parse::<i64>().expect("a count") - truth;
            assert!(truth >= 20 && noise.abs() <= 10 && subjects.rules.is_empty(), "seed {seed}: {truth} {noise}");
            shown += 1;
            off += u32::from(noise != 0);
        }
    }
    assert!(shown > 200 && off > shown / 2, "{off} of {shown}");
}

#[test]
fn without_keys_there_is_no_noise_and_no_table() {
    let table = three_by_three([[4, 22, 31], [27, 36, 48], [41, 53, 62]]);
    let without = assess_by(Method::CellKey, &table.candidate(), &floor(Grade::Open));
    assert!(without.is_refused() && without.table().rows().is_empty());
    assert!(ids(without.findings()).contains(&"cell_key:no_key".to_owned()));
    let candidate = keyed(&table, &table.entries(), 1);
    let with = assess_by(Method::CellKey, &candidate, &floor(Grade::Open));
    assert!(with.verdict() == Verdict::Refer || with.verdict() == Verdict::Suppress);
    assert!(ids(with.findings()).contains(&"cell_key:limit".to_owned()));
    assert!(with.record().notes.iter().any(|note| note == crate::publish::cell_key::LIMIT));
    assert!(with.record().checks.iter().any(|line| line.check == CheckName::CellKey));
    // Keys change nothing by any other method.
    for method in [Method::RedactThenRound, Method::Suppress] {
        let plain = assess_by(method, &table.candidate(), &floor(Grade::Open));
        assert!(plain.table() == assess_by(method, &candidate, &floor(Grade::Open)).table());
    }
    // And what was read back has as many as there are cells.
    let text = String::from_utf8(candidate.to_inside_bytes()).expect("JSON");
    let short = text.replacen("\"look_ups\":[[", "\"look_ups\":[[1,", 1);
    let read = Candidate::from_inside_bytes(short.as_bytes(), &Default::default());
    assert_eq!(read.err(), Some(crate::Mismatch::Arity));
}
