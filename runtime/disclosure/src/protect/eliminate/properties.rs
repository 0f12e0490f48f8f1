//! What holds of every table: random ones of up to three dimensions, with hierarchies, linked, with codes that don't
//! occur and equal cells.

use std::collections::BTreeSet;

use super::*;
use crate::tests::factory::Random;

/// A system, what is asked of it, and holders.
struct Case {
    system: System,
    primary: Vec<usize>,
    imaginary: Vec<Vec<Entry>>,
    released: Vec<usize>,
    order: Vec<usize>,
    known: Vec<bool>,
    holders: Vec<Option<u64>>,
}

impl Case {
    fn task(&self) -> Task<'_> {
        Task {
            system: &self.system,
            primary: &self.primary,
            imaginary: &self.imaginary,
            released: &self.released,
            order: &self.order,
            known: &[],
        }
    }

    /// The primaries' entries, then the imaginary ones.
    fn targets(&self) -> Vec<Vec<Entry>> {
        let primary = self.primary.iter().map(|cell| self.system.cell(*cell).to_vec());
        primary.chain(self.imaginary.iter().cloned()).collect()
    }

    fn named(&self, place: usize) -> Exposed {
        self.primary
            .get(place)
            .map_or_else(|| Exposed::Imaginary(place - self.primary.len()), |cell| Exposed::Primary(*cell))
    }
}

/// The nodes of a dimension: its codes, random groups of them, and all, each with the codes that it has.
fn nodes(length: u64, random: &mut Random) -> Vec<Vec<u64>> {
    let group: Vec<u64> = (0..length).map(|_| random.below(2)).collect();
    let of = |number: u64| (0..length).filter(|code| group[*code as usize] == number).collect();
    (0..length).map(|code| vec![code]).chain([of(0), of(1), (0..length).collect()]).collect()
}

fn product(dimensions: &[Vec<Vec<u64>>], lengths: &[u64], occurs: &[bool]) -> Vec<Vec<Entry>> {
    let mut cells: Vec<Vec<u64>> = vec![vec![0]];
    for (nodes, length) in dimensions.iter().zip(lengths) {
        let deeper = |atom: &u64, node: &[u64]| node.iter().map(|code| atom * length + code).collect::<Vec<u64>>();
        let by = |cell: &Vec<u64>, node: &Vec<u64>| cell.iter().flat_map(|atom| deeper(atom, node)).collect();
        cells = cells.iter().flat_map(|cell| nodes.iter().map(move |node| by(cell, node))).collect();
    }
    let entries = |cell: Vec<u64>| cell.into_iter().filter(|a| occurs[*a as usize]).map(|a| (a as u32, 1)).collect();
    cells.into_iter().map(entries).collect()
}

fn case(seed: u64) -> Case {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let lengths: Vec<u64> = (0..=random.below(3)).map(|_| 2 + random.below(3)).collect();
    let atoms = lengths.iter().product::<u64>() as usize;
    let occurs: Vec<bool> = (0..atoms).map(|_| random.below(8) != 0).collect();
    let mut cells = Vec::new();
    for _table in 0..=random.below(2) {
        let dimensions: Vec<_> = lengths.iter().map(|length| nodes(*length, &mut random)).collect();
        cells.extend(product(&dimensions, &lengths, &occurs));
    }
    cells.push((0..atoms as u32).map(|atom| (atom, if atom % 2 == 0 { 2 } else { -3 })).collect());
    let system = System::new(atoms, cells).expect("it is sound");
    let count = system.cells().len();
    let mut every: Vec<usize> = (0..count).collect();
    for place in (1..count).rev() {
        every.swap(place, random.below(place as u64 + 1) as usize);
    }
    // Sums before their parts, in every other case.
    if seed.is_multiple_of(2) {
        every.sort_by_key(|cell| std::cmp::Reverse(system.cell(*cell).len()));
    }
    let primary: Vec<usize> = every.iter().copied().filter(|_| random.below(12) == 0).collect();
    let released: Vec<usize> = every.iter().copied().filter(|_| random.below(20) == 0).collect();
    let order = every.into_iter().filter(|cell| !primary.contains(cell) && !released.contains(cell)).collect();
    let known = (0..atoms).map(|_| random.below(6) == 0).collect();
    let holders = (0..atoms).map(|_| (random.below(4) == 0).then(|| random.below(3))).collect();
    let imaginary = vec![vec![(0, 1), (1, -2)]];
    Case { system, primary, imaginary, released, order, known, holders }
}

const CASES: u64 = 150;

#[test]
fn nothing_follows_from_what_is_published_but_what_was_exposed_before() {
    let (mut withheld, mut exposed, mut safe) = (0, 0, 0);
    for case in (0..CASES).map(case) {
        let pattern = eliminate(&case.task()).expect("it is sound");
        let found = |cells: &[usize]| -> BTreeSet<Exposed> {
            spans(&case.system, cells, &case.targets()).into_iter().map(|place| case.named(place)).collect()
        };
        assert_eq!(found(&case.released), pattern.exposed.iter().copied().collect());
        assert_eq!(found(&pattern.published), pattern.exposed.iter().copied().collect());
        assert!(case.released.iter().all(|cell| pattern.published.contains(cell)));
        let every: BTreeSet<usize> = pattern.published.iter().chain(&pattern.secondary).copied().collect();
        assert_eq!(every.len(), pattern.published.len() + pattern.secondary.len());
        assert!((0..case.system.cells().len()).all(|cell| every.contains(&cell) || case.primary.contains(&cell)));
        // None is withheld for nothing.
        for cell in &pattern.secondary {
            let one_more = [pattern.published.as_slice(), &[*cell]].concat();
            assert!(found(&one_more).len() > pattern.exposed.len(), "{cell} could be published");
        }
        withheld += pattern.secondary.len();
        exposed += pattern.exposed.len();
        safe += case.targets().len() - pattern.exposed.len();
    }
    assert!(withheld > 500 && exposed > 50 && safe > 500, "{withheld} {exposed} {safe}");
}

#[test]
fn the_pattern_follows_the_cells_wherever_they_stand() {
    for seed in 0..CASES {
        let (case, mut random) = (case(seed), Random(seed + 1));
        let shuffled = |length: usize, random: &mut Random| {
            let mut places: Vec<usize> = (0..length).collect();
            (1..length).rev().for_each(|place| places.swap(place, random.below(place as u64 + 1) as usize));
            places
        };
        // Old to new.
        let atoms = shuffled(case.system.atoms(), &mut random);
        let cells = shuffled(case.system.cells().len(), &mut random);
        let entries = |old: &[Entry]| {
            let mut new: Vec<Entry> = old.iter().map(|(atom, value)| (atoms[*atom as usize] as u32, *value)).collect();
            new.sort_unstable();
            new
        };
        let mut moved = vec![Vec::new(); cells.len()];
        for (old, new) in cells.iter().enumerate() {
            moved[*new] = entries(case.system.cell(old));
        }
        let at = |old: &[usize]| old.iter().map(|cell| cells[*cell]).collect::<Vec<usize>>();
        let sorted = |mut cells: Vec<usize>| {
            cells.sort_unstable();
            cells
        };
        let other = Case {
            system: System::new(atoms.len(), moved).expect("it is sound"),
            primary: at(&case.primary),
            imaginary: case.imaginary.iter().map(|old| entries(old)).collect(),
            released: at(&case.released),
            order: at(&case.order),
            known: Vec::new(),
            holders: Vec::new(),
        };
        let (here, there) = (eliminate(&case.task()).expect("sound"), eliminate(&other.task()).expect("sound"));
        assert_eq!(sorted(at(&here.secondary)), there.secondary);
        assert_eq!(sorted(at(&here.published)), there.published);
        assert_eq!(here.exposed.len(), there.exposed.len());
        assert_eq!(eliminate(&case.task()), Ok(here), "again");
    }
}

#[test]
fn a_pattern_stays_when_its_own_cells_are_wanted_first() {
    for case in (0..CASES).map(case) {
        let pattern = eliminate(&case.task()).expect("it is sound");
        let fresh = pattern.published.iter().filter(|cell| !case.released.contains(cell));
        let order: Vec<usize> = fresh.chain(&pattern.secondary).copied().collect();
        assert_eq!(eliminate(&Task { order: &order, ..case.task() }), Ok(pattern));
    }
}

#[test]
fn who_knows_single_atoms_works_out_nothing_more() {
    let mut stricter = 0;
    for case in (0..CASES).map(case) {
        let task = Task { released: &[], order: &[case.released.as_slice(), &case.order].concat(), ..case.task() };
        let order: Vec<usize> = task.order.iter().copied().filter(|cell| !case.primary.contains(cell)).collect();
        let plain = eliminate(&Task { order: &order, ..task }).expect("it is sound");
        let pooled = eliminate(&Task { order: &order, known: &case.known, ..task }).expect("it is sound");
        // What is known enters as cells of single atoms.
        let known = case.known.iter().enumerate().filter(|(_, known)| **known).map(|(atom, _)| vec![(atom as u32, 1)]);
        let mut cells = case.system.cells().to_vec();
        let first = cells.len();
        cells.extend(known);
        let alone: Vec<usize> = (first..cells.len()).collect();
        let wider = System::new(case.system.atoms(), cells).expect("it is sound");
        let before = spans(&wider, &alone, &case.targets());
        let after = spans(&wider, &[pooled.published.as_slice(), &alone].concat(), &case.targets());
        assert_eq!(before, after);
        let own = pooled
            .exposed
            .iter()
            .all(|exposed| spans(&wider, &[], &case.targets()).iter().any(|place| case.named(*place) == *exposed));
        assert!(own, "nothing was released, so only empty cells are exposed");
        stricter += usize::from(pooled.secondary.len() > plain.secondary.len());
    }
    assert!(stricter > 20, "{stricter}");
}

#[test]
fn no_holder_works_out_a_primary_of_others() {
    let mut added = 0;
    for case in (0..CASES).map(case) {
        let order: Vec<usize> =
            (0..case.system.cells().len()).rev().filter(|cell| !case.primary.contains(cell)).collect();
        let task = Task { released: &[], order: &order, ..case.task() };
        let protected = protect(&task, &case.holders).expect("it comes to an end");
        added += protected.imaginary.len() - case.imaginary.len();
        let published = &protected.pattern.published;
        for holder in 0..3 {
            let his = |atom: usize| case.holders[atom] == Some(holder);
            let mut cells = case.system.cells().to_vec();
            let first = cells.len();
            cells.extend((0..case.system.atoms()).filter(|atom| his(*atom)).map(|atom| vec![(atom as u32, 1)]));
            let wider = System::new(case.system.atoms(), cells).expect("it is sound");
            let knows: Vec<usize> = published.iter().copied().chain(first..wider.cells().len()).collect();
            let of_others: Vec<Vec<Entry>> = case
                .primary
                .iter()
                .map(|cell| case.system.cell(*cell).to_vec())
                .filter(|entries| entries.iter().any(|(atom, _)| !his(*atom as usize)))
                .collect();
            assert_eq!(spans(&wider, &knows, &of_others), Vec::<usize>::new());
        }
    }
    assert!(added > 50, "{added}");
}
