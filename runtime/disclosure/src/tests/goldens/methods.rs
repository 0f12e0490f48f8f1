//! Goldens of the methods that change figures: rounding and cell keys; and of what means give away beside them.

use super::*;
use crate::publish::cell_key::{PTable, Shape};
use crate::publish::rounded;
use crate::publish::rounding::controlled;
use crate::tests::factory::cell_key;

/// A table of rows and columns: the inner cells by rows, then row totals, column totals, and the total.
fn two_way(rows: usize, columns: usize) -> System {
    let inner = |row: usize, column: usize| (row * columns + column) as u32;
    let mut cells: Vec<Vec<u32>> = (0..(rows * columns) as u32).map(|atom| vec![atom]).collect();
    cells.extend((0..rows).map(|row| (0..columns).map(|column| inner(row, column)).collect::<Vec<u32>>()));
    cells.extend((0..columns).map(|column| (0..rows).map(|row| inner(row, column)).collect::<Vec<u32>>()));
    cells.push((0..(rows * columns) as u32).collect());
    System::of_sums(rows * columns, cells).expect("sorted atoms")
}

fn counts(golden: &Golden) -> Vec<i128> {
    items(golden.input("rows")).iter().flat_map(|row| numbers(&row["counts"])).collect()
}

fn flat(rows: &Value) -> Vec<i128> {
    items(rows).iter().flat_map(numbers).collect()
}

#[test]
fn golden_rounding_controlled() {
    let golden = Golden::read("rounding-controlled");
    let (truth, base) = (counts(&golden), number(golden.parameter("base")));
    let system = two_way(3, 2);
    let value = |atoms: &[i128], cell: usize| system.value(cell, atoms).expect("small");
    let sound = |atoms: &[i128]| {
        (0..system.cells().len()).all(|cell| {
            let (was, is) = (value(&truth, cell), value(atoms, cell));
            is % base == 0 && (was - is).abs() < base && (was % base != 0 || was == is)
        })
    };
    let possible = flat(golden.expected("possible"));
    assert!(sound(&possible));
    let totals = golden.expected("possible_totals");
    let added: Vec<i128> = (6..12).map(|cell| value(&possible, cell)).collect();
    let listed = [numbers(&totals["rows"]), numbers(&totals["columns"]), vec![number(&totals["total"])]].concat();
    assert_eq!(added, listed);

    let ours = controlled(&system, &truth, base as u64);
    assert!(sound(&ours));
    assert_eq!(ours, flat(golden.expected("sluice")));
}

#[test]
fn golden_rounding_conventional() {
    let golden = Golden::read("rounding-conventional");
    let (truth, base) = (counts(&golden), number(golden.parameter("base")) as u64);
    let system = two_way(3, 2);
    let shown = |cells: std::ops::Range<usize>| -> Vec<i128> {
        cells.map(|cell| rounded(system.value(cell, &truth).expect("small"), base)).collect()
    };
    assert_eq!(shown(0..6), flat(golden.expected("cells")));
    assert_eq!(shown(9..11), numbers(golden.expected("columns")));
    assert_eq!(shown(11..12), [number(golden.expected("total"))]);
    let (ours, theirs) = (shown(6..9), numbers(golden.expected("rows")));
    assert_eq!(ours[..2], theirs[..2]);
    // The source's 35 is further from 32 than 30 is.
    let area_c = system.value(8, &truth).expect("small");
    assert_eq!(ours[2], number(golden.expected("row_total_of_area_c")));
    assert!((area_c - ours[2]).abs() < (area_c - theirs[2]).abs());
}

#[test]
fn golden_rounding_random() {
    let golden = Golden::read("rounding-random");
    let base = number(golden.parameter("base")) as u64;
    let values = numbers(golden.input("values"));
    for (value, outcome) in values.into_iter().zip(items(golden.expected("outcomes"))) {
        assert_eq!(number(&outcome["value"]), value);
        let thirds = outcome["thirds"].as_object().expect("outcomes");
        let chances: Vec<(i128, i128)> =
            thirds.iter().map(|(shown, third)| (shown.parse().expect("a number"), number(third))).collect();
        assert_eq!(chances.iter().map(|(shown, third)| shown * third).sum::<i128>(), 3 * value, "it is unbiased");
        let likeliest = chances.iter().max_by_key(|(_, third)| *third).expect("one").0;
        assert_eq!(rounded(value, base), likeliest);
        let alone = System::of_sums(1, vec![vec![0]]).expect("one atom");
        let ours = controlled(&alone, &[value], base)[0];
        assert!(chances.iter().any(|(shown, _)| *shown == ours), "{value} became {ours}");
    }
}

/// So many tenths of 2^64.
fn tenths(number: i128) -> u64 {
    (u64::MAX / 10).wrapping_mul(number as u64)
}

#[test]
fn golden_cell_key() {
    let golden = Golden::read("cell-key");
    let key = cell_key(numbers(golden.input("record_key_tenths")).into_iter().map(tenths));
    let nearest = (u128::from(key) * 10 + (1 << 63)) >> 64;
    assert_eq!(nearest as i128, number(golden.expected("cell_key_tenths")));

    let parameter = |name: &str| number(golden.parameter(name)) as u64;
    let shape = Shape {
        noise_max: parameter("noise_max") as u32,
        variance_milli: parameter("variance_milli"),
        least_shown: parameter("least_shown"),
    };
    let table = PTable::new(shape).expect("there is one");
    assert_eq!(i128::from(table.shown(3, key)), number(golden.expected("shown")));
    let same = numbers(golden.expected("same_rows"));
    for row in items(golden.input("p_table")) {
        let count = number(&row["count"]);
        let theirs: Vec<(i128, i128)> =
            items(&row["rows"]).iter().map(|row| (number(&row["shown"]), 100 * number(&row["tenths"]))).collect();
        let ours: Vec<(i128, i128)> = table
            .probabilities(count as u64)
            .into_iter()
            .map(|(noise, chance)| (count + i128::from(noise), ((chance * 1000 + (1 << 63)) >> 64) as i128))
            .collect();
        if same.contains(&count) {
            let near =
                ours.iter().zip(&theirs).all(|(ours, theirs)| ours.0 == theirs.0 && (ours.1 - theirs.1).abs() <= 2);
            assert!(near && ours.len() == theirs.len(), "{count}: {ours:?}");
        } else {
            let mean = |row: &[(i128, i128)]| row.iter().map(|(shown, chance)| (shown - count) * chance).sum::<i128>();
            assert_eq!((mean(&theirs), mean(&ours)), (200, 0));
            assert_eq!(ours, [(count, 1000)]);
        }
    }
}

/// Counts of two cells and their total that fit means `sums / counts`, each count from a range.
fn fitting(sums: &[i128], counts: &[i128], ranges: &[(i128, i128)]) -> (Vec<Vec<i128>>, Vec<Vec<i128>>) {
    let (mut candidates, mut consistent) = (Vec::new(), Vec::new());
    for one in ranges[0].0..=ranges[0].1 {
        for two in (ranges[1].0..=ranges[1].1).filter(|two| (ranges[2].0..=ranges[2].1).contains(&(one + two))) {
            let found = vec![one, two, one + two];
            // one * s0/c0 + two * s1/c1 = (one + two) * s2/c2, without fractions.
            let left = one * sums[0] * counts[1] * counts[2] + two * sums[1] * counts[0] * counts[2];
            if left == (one + two) * sums[2] * counts[0] * counts[1] {
                consistent.push(found.clone());
            }
            candidates.push(found);
        }
    }
    candidates.sort_by_key(|candidate| (candidate[2], candidate[0]));
    (candidates, consistent)
}

#[test]
fn golden_means_and_perturbed_counts() {
    let golden = Golden::read("means-and-perturbed-counts");
    let (counts, sums) = (numbers(golden.input("counts")), numbers(golden.input("sums")));
    let deviation = number(golden.input("deviation_max"));
    let perturbed = numbers(golden.input("perturbed"));
    let around = |count: &i128| (count - deviation, count + deviation);
    let ranges: Vec<(i128, i128)> = perturbed.iter().map(around).collect();
    let (candidates, consistent) = fitting(&sums, &counts, &ranges);
    assert_eq!(candidates, items(golden.expected("candidates")).iter().map(numbers).collect::<Vec<_>>());
    assert_eq!(consistent, items(golden.expected("consistent")).iter().map(numbers).collect::<Vec<_>>());

    // Means as quotients of what is shown don't single out the truth.
    let base = number(golden.parameter("base")) as u64;
    let shown = |values: &[i128]| -> Vec<i128> { values.iter().map(|value| rounded(*value, base)).collect() };
    let (shown_counts, shown_sums) = (shown(&counts), shown(&sums));
    let ranges: Vec<(i128, i128)> =
        shown_counts.iter().map(|count| (count - base as i128 / 2, count + base as i128 / 2)).collect();
    let (_, consistent) = fitting(&shown_sums, &shown_counts, &ranges);
    assert!(consistent.len() > 1 && !consistent.contains(&counts), "{consistent:?}");
}
