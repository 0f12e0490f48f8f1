//! Properties over seeded random pools, against an attacker who tries every set of classes by fractions.

use std::collections::BTreeMap;

use super::super::difference::{Difference, Term};
use super::super::report::Topic;
use super::super::{Contributions, Domain};
use super::tests::{COUNT, Desk, SUM};
use super::*;
use crate::tests::factory::Random;

/// The rank of integer vectors, by fraction-free elimination (Bareiss).
fn rank(mut rows: Vec<Vec<i128>>) -> usize {
    let width = rows.first().map_or(0, Vec::len);
    let (mut rank, mut divisor) = (0, 1);
    for column in 0..width {
        let Some(pivot) = (rank..rows.len()).find(|row| rows[*row][column] != 0) else { continue };
        rows.swap(rank, pivot);
        for row in rank + 1..rows.len() {
            for other in (0..width).rev().filter(|other| *other != column) {
                let product = rows[row][other] * rows[rank][column] - rows[row][column] * rows[rank][other];
                rows[row][other] = product / divisor;
            }
            rows[row][column] = 0;
        }
        divisor = rows[rank][column];
        rank += 1;
    }
    rank
}

/// A pool of few figures over few subjects.
fn pool(seed: u64) -> Desk {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let (atoms, threshold) = (4 + random.below(6), 2 + random.below(3));
    // Some parts are large and some are one subject.
    let sizes: Vec<u64> = (0..atoms).map(|_| if random.below(3) == 0 { 1 } else { 1 + random.below(6) }).collect();
    let subjects: u64 = sizes.iter().sum();
    let atom_of: Vec<usize> =
        sizes.iter().enumerate().flat_map(|(atom, size)| std::iter::repeat_n(atom, *size as usize)).collect();
    let mut desk = Desk::new(Domain::ungrouped(subjects as u32));
    (desk.rules.threshold, desk.rules.difference) = (threshold, threshold);
    let sums = random.below(2) == 0;
    for figure in 0..3 + random.below(5) {
        let held: Vec<i128> = (0..atoms).map(|_| i128::from(random.below(2))).collect();
        let changed = if sums && random.below(4) == 0 { random.below(subjects) } else { u64::MAX };
        let values = (0..).zip(&atom_of).map(|(subject, atom)| {
            let base = if sums { 1 + i128::from(subject % 3) } else { 1 };
            (subject, held[*atom] * (base + i128::from(u64::from(subject) == changed)))
        });
        let values: Vec<(u32, i128)> = values.filter(|(_, value)| *value != 0).collect();
        let (what, cell) = (if sums { SUM } else { COUNT }, figure.to_string());
        if random.below(3) == 0 {
            desk.asked(&cell, what, Contributions::of(values));
        } else {
            desk.out(("R", &cell), what, Contributions::of(values));
        }
    }
    desk
}

/// The subjects' vectors over these figures, a row a figure.
fn vectors(desk: &Desk, figures: &[&Figure]) -> Vec<Vec<i128>> {
    let subjects = desk.kept.values().flat_map(|kept| kept.as_slice()).map(|(subject, _)| *subject + 1).max();
    let row = |figure: &&Figure| {
        let mut row = vec![0; subjects.unwrap_or(0) as usize];
        for (subject, value) in desk.kept[figure.place()].as_slice() {
            row[*subject as usize] = *value;
        }
        row
    };
    figures.iter().map(row).collect()
}

/// How many dimensions the combinations have that leave nobody but those whom the set has.
fn left_within(rows: &[Vec<i128>], set: &[bool]) -> usize {
    let outside =
        |row: &Vec<i128>| row.iter().zip(set).filter(|(_, within)| !**within).map(|(value, _)| *value).collect();
    rank(rows.to_vec()) - rank(rows.iter().map(outside).collect())
}

/// Whether an attacker gains a combination that leaves fewer than the threshold: every set of so few subjects.
fn gains(desk: &Desk) -> bool {
    let archive: Vec<&Figure> = desk.archive.iter().collect();
    let all: Vec<&Figure> = desk.archive.iter().chain(&desk.candidate).collect();
    let (archive, all) = (vectors(desk, &archive), vectors(desk, &all));
    let subjects = all.first().map_or(0, Vec::len);
    let most = desk.rules.threshold as usize - 1;
    let mut sets = vec![Vec::new()];
    for _ in 0..most {
        let longer = |set: &Vec<usize>| {
            (set.last().map_or(0, |last| last + 1)..subjects)
                .map(|next| [set.as_slice(), &[next]].concat())
                .collect::<Vec<_>>()
        };
        sets = sets.iter().flat_map(longer).collect();
        let found = sets.iter().any(|set| {
            let within: Vec<bool> = (0..subjects).map(|subject| set.contains(&subject)).collect();
            left_within(&all, &within) > left_within(&archive, &within)
        });
        if found {
            return true;
        }
    }
    false
}

/// Whether a figure of the candidate by itself, or with another, leaves fewer than the threshold.
fn single_or_pair(desk: &Desk) -> bool {
    let kept = |figure: &Figure| desk.kept[figure.place()].clone();
    let few = |terms: &[(i128, &Figure)]| {
        let mut sum: BTreeMap<u32, i128> = BTreeMap::new();
        for (sign, figure) in terms {
            kept(figure)
                .as_slice()
                .iter()
                .for_each(|(subject, value)| *sum.entry(*subject).or_default() += sign * value);
        }
        let left = sum.values().filter(|value| **value != 0).count() as u64;
        left > 0 && left < desk.rules.threshold
    };
    let others = desk.archive.iter().chain(&desk.candidate);
    desk.candidate.iter().any(|own| {
        few(&[(1, own)]) || others.clone().any(|other| few(&[(1, own), (-1, other)]) || few(&[(1, own), (1, other)]))
    })
}

#[test]
fn what_every_attacker_could_gain_is_found_and_nothing_else() {
    let (mut gained, mut none, mut many) = (0, 0, 0);
    for seed in 0..600 {
        let desk = pool(seed);
        let found = desk.found();
        let few =
            |finding: &&HistoryFinding| finding.topic == Topic::Structure && finding.subjects < desk.rules.threshold;
        let few: Vec<&HistoryFinding> = found.iter().filter(few).collect();
        if gains(&desk) {
            gained += 1;
            many += usize::from(!few.is_empty());
            assert!(!few.is_empty() || single_or_pair(&desk), "seed {seed} is missed");
        } else {
            none += 1;
            assert!(few.is_empty(), "seed {seed}: {}", few[0].id);
        }
    }
    assert!(gained > 150 && none > 150 && many > 100, "{gained} gained, {many} by many figures, {none} not");
}

#[test]
fn every_finding_is_true_by_its_own_coefficients() {
    let mut seen = 0;
    for seed in 0..600 {
        let desk = pool(seed);
        for finding in desk.found().into_iter().filter(|finding| finding.topic == Topic::Structure) {
            let kind = desk.candidate[0].kind();
            let terms: Vec<Term<'_>> = finding
                .terms
                .iter()
                .map(|(coefficient, place)| Term { coefficient: *coefficient, kind, contributions: &desk.kept[place] })
                .collect();
            let difference = Difference::of(&terms, desk.keys.domain(), &desk.rules);
            assert_eq!(difference.contributors, finding.subjects, "seed {seed}: {}", finding.id);
            assert!(difference.is_unsafe() && finding.terms[0].0 > 0 && finding.terms.len() > 1);
            seen += 1;
        }
    }
    assert!(seen > 150, "{seen}");
}

#[test]
fn rank_is_that_of_fractions() {
    assert_eq!(rank(vec![vec![1, 2, 3], vec![2, 4, 6], vec![0, 1, 1]]), 2);
    assert_eq!(rank(vec![vec![0, 2, 3], vec![2, 4, 7], vec![3, 1, 1], vec![5, 7, 11]]), 3);
    assert_eq!(rank(vec![vec![], vec![]]), 0);
}
