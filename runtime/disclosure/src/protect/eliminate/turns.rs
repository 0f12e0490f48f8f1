//! The order of atoms by which the elimination chooses the one to bind. It decides what the elimination costs, not
//! what it finds.

use super::Task;

/// For each atom a place among all, and the place of its own cell in the order.
pub(super) struct Turns {
    first: Vec<u32>,
    wanted: Vec<u32>,
}

impl Turns {
    /// Atoms in the same large sums stand together, however they are numbered: they are sorted by the list of sums that
    /// they are in, the largest sum first. In a table this is the order of codes, dimension by dimension.
    pub(super) fn new(task: &Task<'_>) -> Turns {
        let atoms = task.system.atoms();
        let mut sums: Vec<usize> = (0..task.system.cells().len()).collect();
        sums.retain(|cell| task.system.cell(*cell).len() > 1);
        sums.sort_by_key(|cell| (std::cmp::Reverse(task.system.cell(*cell).len()), *cell));
        let mut lists = vec![Vec::new(); atoms];
        for (place, cell) in sums.into_iter().enumerate() {
            for (atom, _) in task.system.cell(cell) {
                if let Some(list) = lists.get_mut(*atom as usize) {
                    list.push(place as u32);
                }
            }
        }
        let mut sorted: Vec<(Vec<u32>, usize)> = lists.into_iter().zip(0..).collect();
        sorted.sort_unstable();
        let mut turns = Turns { first: vec![0; atoms], wanted: vec![u32::MAX; atoms] };
        for (place, (_, atom)) in sorted.into_iter().enumerate() {
            put(&mut turns.first, atom, place);
        }
        for (place, cell) in task.order.iter().enumerate() {
            if let [(atom, _)] = task.system.cell(*cell) {
                put(&mut turns.wanted, *atom as usize, place);
            }
        }
        turns
    }

    /// The atom's place among all.
    pub(super) fn first(&self, atom: u32) -> u32 {
        self.first.get(atom as usize).copied().unwrap_or(u32::MAX)
    }

    /// The place in the order of the cell that consists of the atom; the last, if none does.
    pub(super) fn wanted(&self, atom: u32) -> u32 {
        self.wanted.get(atom as usize).copied().unwrap_or(u32::MAX)
    }
}

fn put(places: &mut [u32], atom: usize, place: usize) {
    if let Some(held) = places.get_mut(atom) {
        *held = place as u32;
    }
}
