//! Which cells of a system fall into two laminar families, and are therefore kept exactly.
//!
//! Two cells *cross* if they have atoms in common and neither contains the other. Cells fall into two laminar families
//! iff the graph of crossings has two colours, which a union-find with parities decides cell by cell.

use std::collections::BTreeSet;

use crate::protect::system::Entry;

/// How many times two cells are looked at for an atom that they share, before the rest is left to the search.
const LOOKS_MAX: usize = 200_000_000;

/// Two laminar families of sets of atoms, each largest first.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Families {
    pub(super) first: Vec<Vec<u32>>,
    pub(super) second: Vec<Vec<u32>>,
    /// Whether all cells are in them.
    pub(super) complete: bool,
}

/// Chooses cells by size, largest first, ties by their order, as long as they fall into two families.
///
/// Only atoms with a residue count. A cell of one such atom is always kept and needn't be in a family.
pub(super) fn choose(cells: &[Vec<Entry>], residues: &[i128]) -> Families {
    let (sets, plain) = sets(cells, residues);
    let mut chosen = Chosen::new(residues.len(), sets.len());
    let mut complete = plain;
    for set in &sets {
        complete &= chosen.add(set);
    }
    let mut families = Families { complete, ..Families::default() };
    let colours = chosen.colours();
    for (set, colour) in sets.into_iter().zip(colours) {
        match colour {
            Some(false) => families.first.push(set),
            Some(true) => families.second.push(set),
            None => {}
        }
    }
    families
}

/// The distinct sets of undecided atoms of plain sums, largest first, and whether there are no other cells.
fn sets(cells: &[Vec<Entry>], residues: &[i128]) -> (Vec<Vec<u32>>, bool) {
    let mut seen = BTreeSet::new();
    let mut sets = Vec::new();
    let mut plain = true;
    for cell in cells {
        let undecided = |atom: u32| residues.get(atom as usize).is_some_and(|residue| *residue != 0);
        let entries: Vec<Entry> = cell.iter().copied().filter(|(atom, _)| undecided(*atom)).collect();
        let sign = entries.first().map_or(1, |entry| entry.1);
        if sign.abs() != 1 || entries.iter().any(|entry| entry.1 != sign) {
            plain = false;
            continue;
        }
        let set: Vec<u32> = entries.into_iter().map(|entry| entry.0).collect();
        if set.len() > 1 && seen.insert(set.clone()) {
            sets.push(set);
        }
    }
    sets.sort_by_key(|set| std::cmp::Reverse(set.len()));
    (sets, plain)
}

/// The sets looked at so far, in order.
struct Chosen {
    /// By atom: the chosen sets that have it.
    holders: Vec<Vec<u32>>,
    /// By set: the set that it hangs from, and whether its colour is the other one; none of a set that isn't chosen.
    links: Vec<Option<(u32, bool)>>,
    looks: usize,
    /// By set: atoms in common with the one that is being added.
    common: Vec<u32>,
}

impl Chosen {
    fn new(atoms: usize, sets: usize) -> Chosen {
        Chosen { holders: vec![Vec::new(); atoms], links: Vec::new(), looks: 0, common: vec![0; sets] }
    }

    /// Adds the next set, if two families can hold it; sets come largest first.
    fn add(&mut self, set: &[u32]) -> bool {
        let place = self.links.len() as u32;
        let fits = self.crossing(set).and_then(|crossing| self.roots(&crossing));
        let Some(roots) = fits else {
            self.links.push(None);
            return false;
        };
        self.links.push(Some((place, false)));
        for (root, parity) in roots {
            // The new set's colour is the other one than that of the set that it crosses.
            if let Some(link) = self.links.get_mut(root as usize) {
                *link = Some((place, !parity));
            }
        }
        for atom in set {
            if let Some(holders) = self.holders.get_mut(*atom as usize) {
                holders.push(place);
            }
        }
        true
    }

    /// The chosen sets that the new one crosses; `None` if looking takes too long.
    fn crossing(&mut self, set: &[u32]) -> Option<Vec<u32>> {
        let mut touched = Vec::new();
        for atom in set {
            let holders = self.holders.get(*atom as usize).map_or(&[][..], Vec::as_slice);
            self.looks += holders.len();
            for holder in holders {
                if let Some(common) = self.common.get_mut(*holder as usize) {
                    if *common == 0 {
                        touched.push(*holder);
                    }
                    *common += 1;
                }
            }
        }
        touched.sort_unstable();
        let mut crossing = Vec::new();
        for other in touched {
            if let Some(common) = self.common.get_mut(other as usize) {
                if (*common as usize) < set.len() {
                    crossing.push(other);
                }
                *common = 0;
            }
        }
        (self.looks <= LOOKS_MAX).then_some(crossing)
    }

    /// The roots of these sets, with the sets' parity to them; `None` if two sets of one root differ.
    fn roots(&mut self, sets: &[u32]) -> Option<Vec<(u32, bool)>> {
        let mut roots: Vec<(u32, bool)> = sets.iter().map(|set| self.root(*set)).collect();
        roots.sort_unstable();
        roots.dedup();
        let clash = roots.windows(2).any(|pair| matches!(pair, [(a, _), (b, _)] if a == b));
        (!clash).then_some(roots)
    }

    /// The root of a set, and its parity to it; what is on the way is hung there directly.
    fn root(&mut self, set: u32) -> (u32, bool) {
        let mut way = vec![(set, false)];
        let mut at = set;
        while let Some(Some((next, flip))) = self.links.get(at as usize).copied() {
            if next == at {
                break;
            }
            way.push((next, flip));
            at = next;
        }
        let mut parity = false;
        for pair in way.windows(2).rev() {
            let [(below, _), (_, flip)] = pair else { continue };
            parity ^= flip;
            if let Some(link) = self.links.get_mut(*below as usize) {
                *link = Some((at, parity));
            }
        }
        (at, parity)
    }

    /// The colour of each set; none of a set that isn't chosen.
    fn colours(&mut self) -> Vec<Option<bool>> {
        let chosen: Vec<bool> = self.links.iter().map(Option::is_some).collect();
        (0_u32..).zip(chosen).map(|(set, chosen)| chosen.then(|| self.root(set).1)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(sets: &[&[u32]]) -> Vec<Vec<Entry>> {
        sets.iter().map(|set| set.iter().map(|atom| (*atom, 1)).collect()).collect()
    }

    #[test]
    fn rows_and_columns_are_two_families_and_a_third_direction_is_left_out() {
        let rows_and_columns = cells(&[&[0, 1], &[2, 3], &[0, 2], &[1, 3], &[0, 1, 2, 3], &[0]]);
        let families = choose(&rows_and_columns, &[1; 4]);
        assert!(families.complete);
        assert_eq!(families.first.len() + families.second.len(), 5);
        let with_diagonal = cells(&[&[0, 1], &[2, 3], &[0, 2], &[1, 3], &[0, 1, 2, 3], &[0, 3]]);
        let families = choose(&with_diagonal, &[1; 4]);
        assert!(!families.complete);
        assert_eq!(families.first.len() + families.second.len(), 5, "all but the diagonal");
        assert!(choose(&with_diagonal, &[1, 1, 1, 0]).complete, "an atom that is a multiple doesn't count");
    }

    #[test]
    fn a_set_joins_the_families_of_all_that_it_crosses() {
        // Two separate pairs that cross, and a set that crosses one of each.
        let sets = cells(&[&[0, 1, 2], &[2, 3, 4], &[5, 6, 7], &[7, 8, 9], &[0, 5], &[1, 6]]);
        let families = choose(&sets, &[1; 10]);
        assert!(families.complete);
        for family in [&families.first, &families.second] {
            for (place, a) in family.iter().enumerate() {
                for b in family.iter().skip(place + 1) {
                    let common = b.iter().filter(|atom| a.contains(atom)).count();
                    assert!(common == 0 || common == b.len(), "{a:?} and {b:?} cross");
                }
            }
        }
    }

    #[test]
    fn differences_are_in_no_family() {
        let difference = vec![vec![(0, 1), (1, -1)]];
        assert!(!choose(&difference, &[1; 2]).complete);
        assert!(choose(&[vec![(0, -1), (1, -1)]], &[1; 2]).complete);
    }
}
