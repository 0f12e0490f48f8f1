//! A second auditor, slow and plain: it goes through every table that fits. And random small tables for it.
//!
//! It shares nothing with what it checks: no moves, no solver, no propagation beyond "what is left can't fill the gap".

use crate::protect::system::System;

/// The lowest and the highest value of each cell over all integer tables that fit. Atoms that are `known` keep their value.
pub(crate) fn intervals(
    system: &System,
    truth: &[i128],
    bounds: &[(i128, i128)],
    published: &[bool],
    known: &[bool],
) -> Vec<(i128, i128)> {
    let told: Vec<(usize, i128)> = (0..system.cells().len())
        .filter(|cell| published[*cell])
        .map(|cell| (cell, system.value(cell, truth).expect("it is small")))
        .collect();
    let bounds: Vec<(i128, i128)> = bounds
        .iter()
        .enumerate()
        .map(|(atom, bound)| if known.get(atom) == Some(&true) { (truth[atom], truth[atom]) } else { *bound })
        .collect();
    let mut found = vec![(i128::MAX, i128::MIN); system.cells().len()];
    go(system, &told, &bounds, &mut Vec::new(), &mut found);
    found
}

fn go(
    system: &System,
    told: &[(usize, i128)],
    bounds: &[(i128, i128)],
    chosen: &mut Vec<i128>,
    found: &mut Vec<(i128, i128)>,
) {
    for (cell, value) in told {
        let (mut least, mut most) = (0, 0);
        for (atom, coefficient) in system.cell(*cell) {
            let (lower, upper) = chosen.get(*atom as usize).map_or(bounds[*atom as usize], |chosen| (*chosen, *chosen));
            let ends = [lower * i128::from(*coefficient), upper * i128::from(*coefficient)];
            least += ends[0].min(ends[1]);
            most += ends[0].max(ends[1]);
        }
        if *value < least || most < *value {
            return;
        }
    }
    if chosen.len() == system.atoms() {
        for (cell, (lower, upper)) in found.iter_mut().enumerate() {
            let value = system.value(cell, chosen).expect("it is small");
            *lower = value.min(*lower);
            *upper = value.max(*upper);
        }
        return;
    }
    let (lower, upper) = bounds[chosen.len()];
    for value in lower..=upper {
        chosen.push(value);
        go(system, told, bounds, chosen, found);
        chosen.pop();
    }
}

/// A generator of numbers for tests; the same seed, the same numbers.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Numbers {
        Numbers(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `below`.
    pub(crate) fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below
    }
}

/// All nodes of a table with these dimensions: each dimension's codes, groups of codes (if any) and total, crossed.
///
/// `groups` gives, per dimension, how many codes are in one group; 0 for no groups.
pub(crate) fn table(sizes: &[usize], groups: &[usize]) -> System {
    let nodes: Vec<Vec<Vec<usize>>> = sizes
        .iter()
        .zip(groups)
        .map(|(size, group)| {
            let mut nodes: Vec<Vec<usize>> = (0..*size).map(|code| vec![code]).collect();
            if *group > 0 {
                nodes.extend((0..*size).collect::<Vec<_>>().chunks(*group).map(<[usize]>::to_vec));
            }
            nodes.push((0..*size).collect());
            nodes
        })
        .collect();
    let mut cells: Vec<Vec<u32>> = vec![vec![0]];
    for (dimension, size) in nodes.iter().zip(sizes) {
        cells = cells
            .iter()
            .flat_map(|cell| {
                dimension.iter().map(move |node| {
                    cell.iter()
                        .flat_map(|atom| node.iter().map(move |code| *atom * *size as u32 + *code as u32))
                        .collect()
                })
            })
            .collect();
    }
    System::of_sums(sizes.iter().product(), cells).expect("nodes are sorted sets of atoms")
}

#[test]
fn every_node_of_a_table_is_a_cell_and_every_table_that_fits_is_seen() {
    let system = table(&[2, 4], &[0, 2]);
    assert_eq!((system.atoms(), system.cells().len()), (8, 3 * 7));
    let system = table(&[2, 2], &[0, 0]);
    // 3 8 / 7 9 with its margins: what fits is 3 + k, 8 - k / 7 - k, 9 + k.
    let truth = [3, 8, 7, 9];
    let published: Vec<bool> = system.cells().iter().map(|cell| cell.len() > 1).collect();
    let found = intervals(&system, &truth, &[(0, 20); 4], &published, &[]);
    let inner: Vec<(i128, i128)> =
        found.iter().zip(system.cells()).filter(|(_, cell)| cell.len() == 1).map(|(found, _)| *found).collect();
    assert_eq!(inner, [(0, 10), (1, 11), (0, 10), (6, 16)]);
    let known = intervals(&system, &truth, &[(0, 20); 4], &published, &[false, true, false, false]);
    assert_eq!(known[0], (3, 3));
}
