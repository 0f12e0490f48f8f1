//! Worked examples, and properties over random tables with withheld cells.

use super::*;
use crate::publish::rounding::tests::{table, values};
use crate::tests::factory::Random;

const BASE: u64 = 5;

fn exact(system: &System, truth: &[i128], is_shown: &[bool]) -> Vec<Option<Figure>> {
    let figure = |cell| Figure { exact: system.value(cell, truth).expect("small numbers"), kept: None };
    is_shown.iter().enumerate().map(|(cell, shown)| shown.then(|| figure(cell))).collect()
}

/// About so many of a hundred cells are withheld.
fn some(random: &mut Random, system: &System, withheld: u64) -> Vec<bool> {
    (0..system.cells().len()).map(|_| random.below(100) >= withheld).collect()
}

/// For each pair of a shown cell and shown cells that part it, what the parts are off by. A part has one level more.
fn off_by(system: &System, rounded: &[Option<i128>]) -> Vec<i128> {
    let sets: Vec<std::collections::BTreeSet<u32>> =
        system.cells().iter().map(|cell| cell.iter().map(|entry| entry.0).collect()).collect();
    let mut off = Vec::new();
    for (total, set) in sets.iter().enumerate().filter(|(total, _)| rounded[*total].is_some()) {
        // Greedily: the largest shown cells that are within and disjoint, from each of the cells on.
        let mut within: Vec<usize> = (0..sets.len())
            .filter(|cell| *cell != total && sets[*cell].len() < set.len() && sets[*cell].is_subset(set))
            .collect();
        within.sort_by_key(|cell| std::cmp::Reverse(sets[*cell].len()));
        for first in within.clone() {
            let (mut left, mut sum) = (set.clone(), 0);
            for part in std::iter::once(first).chain(within.iter().copied()) {
                if sets[part].is_subset(&left) && rounded[part].is_some() {
                    left = &left - &sets[part];
                    sum += rounded[part].unwrap_or(0);
                }
            }
            if left.is_empty() {
                off.push((rounded[total].unwrap_or(0) - sum).abs());
            }
        }
    }
    off
}

#[test]
fn the_example_is_rounded_alike_however_the_withheld_part_is_spread() {
    let system = System::of_sums(3, vec![vec![0], vec![1], vec![2], vec![0, 1, 2]]).expect("sorted");
    let is_shown = [true, false, false, true];
    for truth in [[6, 4, 3], [6, 1, 6], [6, 7, 0]] {
        let rounded = of_shown(&system, &exact(&system, &truth, &is_shown), BASE);
        assert_eq!(rounded, Some(vec![Some(5), None, None, Some(15)]), "{truth:?}");
    }
}

#[test]
fn every_table_that_fits_the_exact_figures_is_rounded_alike_and_true_atoms_would_tell_them_apart() {
    let system = table(&[3, 3], false);
    let mut random = Random(0xA1);
    let (mut tables, mut told) = (0, 0);
    for _ in 0..60 {
        let truth: Vec<i128> = (0..9).map(|_| i128::from(random.below(9))).collect();
        // Two rows and two columns of the inner table are withheld, and some totals.
        let inner = |cell: &usize| system.cell(*cell).len() == 1;
        let is_shown: Vec<bool> = (0..system.cells().len())
            .map(|cell| match system.cell(cell) {
                [(atom, _)] if inner(&cell) => atom % 3 == 2 || atom / 3 == 2,
                _ => random.below(5) > 0,
            })
            .collect();
        let of = |truth: &[i128]| of_shown(&system, &exact(&system, truth, &is_shown), BASE);
        let by_truth = |truth: &[i128]| {
            let atoms = controlled(&system, truth, BASE);
            let value = |(cell, shown): (usize, &bool)| shown.then(|| system.value(cell, &atoms)).flatten();
            is_shown.iter().enumerate().map(value).collect::<Vec<_>>()
        };
        let rounded = of(&truth);
        for by in -8..=8_i128 {
            let mut other = truth.clone();
            for (atom, sign) in [(0, 1), (1, -1), (3, -1), (4, 1)] {
                other[atom] += sign * by;
            }
            if other.iter().all(|value| *value >= 0) {
                assert_eq!(of(&other), rounded, "{truth:?} and {other:?}");
                tables += 1;
                told += usize::from(by_truth(&other) != by_truth(&truth));
            }
        }
    }
    assert!(tables > 300, "{tables}");
    assert!(told > 20, "rounding true atoms would tell {told} of them apart");
}

#[test]
fn two_way_figures_are_within_the_base_and_add_up() {
    let mut random = Random(0xB2);
    let mut relations = 0;
    for round in 0..80 {
        let lengths = [2 + random.below(6) as usize, 2 + random.below(5) as usize];
        let system = table(&lengths, round % 2 == 0);
        let truth = values(&mut random, system.atoms());
        let is_shown = some(&mut random, &system, [0, 20, 50][round % 3]);
        let shown = exact(&system, &truth, &is_shown);
        let rounded = of_shown(&system, &shown, BASE).expect("tables of two dimensions have stand-ins");
        for (figure, rounded) in shown.iter().zip(&rounded) {
            assert_eq!(figure.is_some(), rounded.is_some());
            let (Some(figure), Some(rounded)) = (figure, rounded) else { continue };
            assert!(rounded % 5 == 0 && (rounded - figure.exact).abs() < 5, "{figure:?} became {rounded}");
        }
        let off = off_by(&system, &rounded);
        relations += off.len();
        assert!(off.iter().all(|off| *off == 0), "{lengths:?}: {off:?}");
    }
    assert!(relations > 1_500, "{relations}");
}

#[test]
fn three_way_figures_add_up_and_hardly_one_is_a_base_off() {
    let mut random = Random(0xC3);
    let (mut cells, mut off_base, mut relations) = (0, 0, 0);
    for round in 0..40 {
        let lengths = [2 + random.below(3) as usize, 2 + random.below(3) as usize, 2 + random.below(3) as usize];
        let system = table(&lengths, round % 2 == 0);
        let truth = values(&mut random, system.atoms());
        let is_shown = some(&mut random, &system, [10, 40][round % 2]);
        let shown = exact(&system, &truth, &is_shown);
        let rounded = of_shown(&system, &shown, BASE).expect("stand-ins");
        let off = off_by(&system, &rounded);
        relations += off.len();
        assert!(off.iter().all(|off| *off == 0), "{lengths:?}: {off:?}");
        for (figure, rounded) in shown.iter().flatten().zip(rounded.iter().flatten()) {
            cells += 1;
            off_base += usize::from((rounded - figure.exact).abs() >= 5);
        }
    }
    assert!(cells > 2_000 && relations > 1_000, "{cells} and {relations}");
    // Measured: none of 2,465.
    assert!(off_base * 50 < cells, "{off_base} of {cells} are a base off or more");
}

#[test]
fn kept_figures_stay_and_others_add_up_with_them() {
    let system = table(&[4, 4], true);
    let mut random = Random(0xD4);
    let (mut relations, mut broken) = (0, 0);
    for _ in 0..60 {
        let truth = values(&mut random, system.atoms());
        let is_shown = some(&mut random, &system, 10);
        let mut shown = exact(&system, &truth, &is_shown);
        // What is published first: the totals over each dimension. The rest comes later, and has to fit them.
        let first: Vec<Option<Figure>> =
            shown.iter().enumerate().map(|(cell, figure)| figure.filter(|_| system.cell(cell).len() >= 4)).collect();
        let settled = of_shown(&system, &first, BASE).expect("stand-ins");
        for (figure, kept) in shown.iter_mut().zip(&settled) {
            if let Some(figure) = figure {
                figure.kept = *kept;
            }
        }
        let rounded = of_shown(&system, &shown, BASE).expect("stand-ins");
        for (rounded, kept) in rounded.iter().zip(&settled).filter(|(_, kept)| kept.is_some()) {
            assert_eq!(rounded, kept);
        }
        let off = off_by(&system, &rounded);
        relations += off.len();
        broken += off.iter().filter(|off| **off != 0).count();
    }
    // Measured: all do.
    assert!(relations > 500 && broken * 20 < relations, "{broken} of {relations} don't add up");
}

#[test]
fn bases_of_one_show_what_is_there_and_nothing_is_shown_of_what_has_no_stand_ins() {
    let system = System::of_sums(2, vec![vec![0], vec![0, 1]]).expect("sorted");
    let shown = [None, Some(Figure { exact: 13, kept: None })];
    assert_eq!(of_shown(&system, &shown, 1), Some(vec![None, Some(13)]));
    assert_eq!(of_shown(&system, &[None, None], BASE), Some(vec![None, None]));
    let odd = System::new(1, vec![vec![(0, 61)]]).expect("sound");
    assert_eq!(of_shown(&odd, &[Some(Figure { exact: 1, kept: None })], BASE), None);
}

#[test]
#[ignore = "measures; run it with --ignored --nocapture"]
#[allow(clippy::print_stderr, reason = "it says what it measured")]
fn how_long_large_tables_take() {
    for (lengths, coarser, withheld) in
        [(&[300, 300][..], true, 20), (&[300, 300], true, 60), (&[20, 20, 25], true, 20), (&[20, 20, 25], true, 50)]
    {
        let system = table(lengths, coarser);
        let mut random = Random(0xE5);
        let truth = values(&mut random, system.atoms());
        let is_shown: Vec<bool> = (0..system.cells().len())
            .map(|cell| random.below(100) >= if system.cell(cell).len() == 1 { withheld } else { withheld / 4 })
            .collect();
        let shown = exact(&system, &truth, &is_shown);
        let start = std::time::Instant::now();
        let rounded = of_shown(&system, &shown, BASE);
        let took = start.elapsed();
        let off = rounded.iter().flatten().zip(&shown).filter(|(rounded, figure)| {
            rounded.zip(**figure).is_some_and(|(rounded, figure)| (rounded - figure.exact).abs() >= 5)
        });
        eprintln!(
            "{lengths:?}, {withheld}% withheld, {} cells: {took:?}, {} off, {}",
            shown.len(),
            off.count(),
            rounded.is_some()
        );
        assert!(rounded.is_some());
    }
}
