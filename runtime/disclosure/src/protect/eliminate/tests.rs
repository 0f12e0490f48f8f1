//! The elimination on tables.

use super::super::field::Below;
use super::*;
use crate::tests::factory::Random;

/// A table of so many codes a dimension, all of its margins, and its values.
struct Cube {
    system: System,
    values: Vec<i128>,
}

fn cube(lengths: &[usize], atoms: Vec<i128>) -> Cube {
    let count: usize = lengths.iter().product();
    let mut cells: Vec<Vec<u32>> = Vec::new();
    for margin in 0..1_usize << lengths.len() {
        let kept = |dimension: usize| margin >> dimension & 1 == 0;
        let shape: usize = (0..lengths.len()).filter(|d| kept(*d)).map(|d| lengths[d]).product();
        let mut sums = vec![Vec::new(); shape];
        for atom in 0..count {
            let (mut rest, mut place, mut stride) = (atom, 0, 1);
            for d in (0..lengths.len()).rev() {
                if kept(d) {
                    place += rest % lengths[d] * stride;
                    stride *= lengths[d];
                }
                rest /= lengths[d];
            }
            sums[place].push(atom as u32);
        }
        cells.append(&mut sums);
    }
    let system = System::of_sums(count, cells).expect("it is sound");
    let values = (0..system.cells().len()).map(|cell| system.value(cell, &atoms).expect("small")).collect();
    Cube { system, values }
}

/// Of each twenty inner cells one has a value from 1 to 9, the others more.
fn sparse_cube(lengths: &[usize], seed: u64) -> Cube {
    let mut random = Random(seed);
    let atoms = (0..lengths.iter().product()).map(|_: usize| {
        let small = random.below(20) == 0;
        i128::from(if small { random.within(1, 9) } else { random.within(10, 1_000) })
    });
    let atoms = atoms.collect();
    cube(lengths, atoms)
}

/// The cells from 1 to 9, and all others, the largest first.
fn small_and_others(values: &[i128]) -> (Vec<usize>, Vec<usize>) {
    let (primary, mut order): (Vec<usize>, Vec<usize>) =
        (0..values.len()).partition(|cell| (1..10).contains(&values[*cell]));
    order.sort_by_key(|cell| (std::cmp::Reverse(values[*cell]), *cell));
    (primary, order)
}

fn task<'a>(system: &'a System, primary: &'a [usize], order: &'a [usize]) -> Task<'a> {
    Task { system, primary, imaginary: &[], released: &[], order, known: &[] }
}

fn entries(system: &System, cells: &[usize]) -> Vec<Vec<Entry>> {
    cells.iter().map(|cell| system.cell(*cell).to_vec()).collect()
}

#[test]
fn in_a_table_of_three_by_three_a_primary_takes_a_rectangle() {
    // Inner cells 0 to 8 by rows, sums of columns 9 to 11, of rows 12 to 14, the total 15.
    let cube = cube(&[3, 3], vec![5; 9]);
    let margins_first: Vec<usize> = (9..16).rev().chain(1..9).collect();
    let pattern = eliminate(&task(&cube.system, &[0], &margins_first)).expect("it is sound");
    assert_eq!(pattern.secondary, [2, 6, 8]);
    assert_eq!((pattern.published.len(), pattern.exposed), (12, vec![]));
    // Inner cells first: the margins of the primary are given up, and the total with them.
    let margins_last: Vec<usize> = (1..16).collect();
    let pattern = eliminate(&task(&cube.system, &[0], &margins_last)).expect("it is sound");
    assert_eq!(pattern.secondary, [9, 12, 15]);
}

#[test]
fn equal_cells_share_their_fate_and_empty_ones_are_zero_for_everybody() {
    let cells = vec![vec![0], vec![0], vec![1], vec![0, 1], vec![]];
    let system = System::of_sums(2, cells).expect("it is sound");
    let pattern = eliminate(&task(&system, &[0], &[4, 3, 2, 1])).expect("it is sound");
    assert_eq!((pattern.secondary, pattern.published), (vec![1, 2], vec![3, 4]));
    let pattern = eliminate(&task(&system, &[4], &[0, 1, 2, 3])).expect("it is sound");
    assert_eq!((pattern.published.len(), pattern.exposed), (4, vec![Exposed::Primary(4)]));
}

#[test]
fn a_task_that_makes_no_sense_is_refused() {
    let system = System::of_sums(2, vec![vec![0], vec![1], vec![0, 1]]).expect("it is sound");
    for order in [&[2][..], &[1, 1, 2], &[0, 1, 2], &[1, 2, 3]] {
        assert_eq!(eliminate(&task(&system, &[0], order)), Err(Unsound::Order));
    }
    let sound = task(&system, &[0], &[1, 2]);
    assert_eq!(eliminate(&Task { known: &[true], ..sound }), Err(Unsound::Known));
    assert_eq!(eliminate(&Task { imaginary: &[vec![(2, 1)]], ..sound }), Err(Unsound::Imaginary));
    assert_eq!(eliminate(&Task { primary: &[3], ..sound }), Err(Unsound::Order));
    assert_eq!(eliminate(&sound).map(|pattern| pattern.secondary), Ok(vec![2]));
}

#[test]
fn what_is_released_is_out_and_its_victims_are_named() {
    // Two parts, their total, and a third cell.
    let system = System::of_sums(3, vec![vec![0], vec![1], vec![0, 1], vec![2]]).expect("it is sound");
    let imaginary = [vec![(0, 1), (1, -1)], vec![(1, 1), (2, 1)]];
    let asked = Task { released: &[2, 1], imaginary: &imaginary, ..task(&system, &[0], &[3]) };
    let pattern = eliminate(&asked).expect("it is sound");
    assert_eq!(pattern.exposed, [Exposed::Primary(0), Exposed::Imaginary(0)]);
    assert_eq!((pattern.published, pattern.secondary), (vec![1, 2], vec![3]), "the second sum still holds");
    let itself = Task { released: &[0], ..task(&system, &[0], &[1, 2, 3]) };
    assert_eq!(eliminate(&itself).map(|pattern| pattern.exposed), Ok(vec![Exposed::Primary(0)]));
}

#[test]
fn a_singleton_subtracts_what_it_knows() {
    // Four cells and their total; the first is primary, the second a singleton and primary, the fourth wanted least.
    let system = System::of_sums(4, vec![vec![0], vec![1], vec![2], vec![3], vec![0, 1, 2, 3]]).expect("it is sound");
    let plain = task(&system, &[0, 1], &[4, 2, 3]);
    let pattern = eliminate(&plain).expect("it is sound");
    assert!(pattern.secondary.is_empty(), "for everybody else two unknown cells are enough");
    let with_its_own = [pattern.published.as_slice(), &[1]].concat();
    assert_eq!(spans(&system, &with_its_own, &entries(&system, &[0])), [0]);

    let pooled = Task { known: &[false, true, false, false], ..plain };
    assert_eq!(eliminate(&pooled).map(|pattern| pattern.secondary), Ok(vec![3]));
    let sum = [vec![(0, 1), (1, 1)]];
    assert_eq!(eliminate(&Task { imaginary: &sum, ..plain }).map(|pattern| pattern.secondary), Ok(vec![3]));
    let holders = [None, Some(4), None, None];
    let protected = protect(&plain, &holders).expect("it comes to an end");
    assert_eq!((protected.pattern.secondary, protected.imaginary), (vec![3], vec![]));
}

#[test]
fn two_singletons_and_one_holder_of_two_cells_are_found_out() {
    let system = System::of_sums(4, vec![vec![0], vec![1], vec![2], vec![3], vec![0, 1, 2, 3]]).expect("it is sound");
    let plain = task(&system, &[0, 1], &[4, 2, 3]);
    let pooled = Task { known: &[true, true, false, false], ..plain };
    assert_eq!(
        eliminate(&pooled).map(|pattern| pattern.secondary),
        Ok(vec![]),
        "both are known, so neither is asked for"
    );
    for holders in [[Some(1), Some(2), None, None], [Some(1), Some(1), None, None]] {
        let protected = protect(&plain, &holders).expect("it comes to an end");
        assert_eq!(protected.pattern.secondary, [3], "{holders:?}");
    }
    // The total and the two others are out: nothing can mend it, and the sum is named.
    let late = Task { released: &[2, 3, 4], order: &[], ..plain };
    let protected = protect(&late, &[Some(1), None, None, None]).expect("it comes to an end");
    assert_eq!(protected.pattern.exposed, [Exposed::Primary(1), Exposed::Imaginary(0)]);
    assert_eq!(protected.imaginary, [vec![(0, 1), (1, 1)]]);
}

#[test]
fn two_primes_catch_what_one_gets_wrong() {
    type Five = Below<3, 3>;
    // Modulo 5 the second cell is twice the first; over the rationals both together give each atom away.
    let cells = vec![vec![(0, 1), (1, 2)], vec![(0, 2), (1, -1)], vec![(0, 1)]];
    let system = System::new(2, cells).expect("it is sound");
    let asked = task(&system, &[2], &[0, 1]);
    let wrong = eliminate_modulo::<Five, Five>(&asked, &[]).expect("it is sound");
    assert_eq!(
        (wrong.published.as_slice(), spans(&system, &wrong.published, &entries(&system, &[2]))),
        (&[0, 1][..], vec![0])
    );
    for right in
        [eliminate(&asked), eliminate_modulo::<Five, Second>(&asked, &[]), eliminate_modulo::<First, Five>(&asked, &[])]
    {
        assert_eq!(right.map(|pattern| pattern.secondary), Ok(vec![1]));
    }
    // Nothing is at stake, and still they disagree on whether the second says anything new.
    let harmless = task(&system, &[], &[0, 1, 2]);
    assert_eq!(eliminate(&harmless).map(|pattern| pattern.secondary), Ok(vec![]));
    assert_eq!(eliminate_modulo::<Five, Second>(&harmless, &[]).map(|pattern| pattern.secondary), Ok(vec![1]));
    // Exposed modulo either prime is exposed: 5 times an atom is 0 modulo 5.
    let system = System::new(1, vec![vec![(0, 5)]]).expect("it is sound");
    let asked = task(&system, &[0], &[]);
    assert_eq!(eliminate(&asked).map(|pattern| pattern.exposed), Ok(vec![]));
    assert_eq!(
        eliminate_modulo::<First, Five>(&asked, &[]).map(|pattern| pattern.exposed),
        Ok(vec![Exposed::Primary(0)])
    );
}

/// The elimination goes on until hardly anything is open, and then any unknown cell follows from any other: somebody
/// who is alone in one has them all, though no row or column shows it.
#[test]
fn in_three_dimensions_one_singleton_would_have_nearly_all() {
    let cube = sparse_cube(&[10, 10, 10], 7);
    let (primary, order) = small_and_others(&cube.values);
    let plain = task(&cube.system, &primary, &order);
    let holders: Vec<Option<u64>> = (0..1_000).map(|atom| (cube.values[atom] == 1).then_some(atom as u64)).collect();
    let alone = holders.iter().flatten().count();
    let knows = |published: &[usize], holder: u64| {
        let knows = [published, &[holder as usize]].concat();
        spans(&cube.system, &knows, &entries(&cube.system, &primary)).len() - 1
    };
    let open = eliminate(&plain).expect("it is sound");
    let had: Vec<usize> = holders.iter().flatten().map(|holder| knows(&open.published, *holder)).collect();
    assert_eq!(had, vec![primary.len() - 1; alone], "beside his own");
    let protected = protect(&plain, &holders).expect("it comes to an end");
    assert!(holders.iter().flatten().all(|holder| knows(&protected.pattern.published, *holder) == 0));
    assert_eq!((alone, open.secondary.len(), protected.pattern.secondary.len()), (6, 127, 136));
}

/// By how many columns, primaries and secondaries the sizes of disclosure.md come out; run it alone, in release, to
/// measure.
#[test]
#[ignore = "takes a while without optimisation"]
fn tables_of_ten_thousand_cells_are_protected() {
    let sizes: [(&[usize], _); 4] = [
        (&[20, 50], (1_071, 49, 23)),
        (&[10, 10, 10], (1_331, 49, 127)),
        (&[30, 30, 10], (10_571, 458, 451)),
        (&[20, 20, 20], (9_261, 408, 486)),
    ];
    for (lengths, size) in sizes {
        let cube = sparse_cube(lengths, 7);
        let (primary, order) = small_and_others(&cube.values);
        let pattern = eliminate(&task(&cube.system, &primary, &order)).expect("it is sound");
        assert_eq!((cube.values.len(), primary.len(), pattern.secondary.len()), size);
        assert_eq!(pattern.published.len() + pattern.secondary.len() + primary.len(), cube.values.len());
    }
}

#[test]
fn twenty_by_fifty_with_margins_loses_a_cell_for_every_other_primary() {
    let cube = sparse_cube(&[20, 50], 7);
    let (primary, order) = small_and_others(&cube.values);
    let pattern = eliminate(&task(&cube.system, &primary, &order)).expect("it is sound");
    assert_eq!((cube.values.len(), primary.len(), pattern.secondary.len()), (1_071, 49, 23));
    assert!(spans(&cube.system, &pattern.published, &entries(&cube.system, &primary)).is_empty());
}
