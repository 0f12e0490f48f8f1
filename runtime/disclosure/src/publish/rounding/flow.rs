//! Exact rounding of two laminar families, as a circulation.
//!
//! Each cell is a node. An atom is an arc from the least cell of the first family that has it to the least of the
//! second; within the first family arcs lead from a cell to those directly below it, within the second upwards; one
//! root closes the circle. The residues are a circulation; as long as an arc's flow isn't a multiple of the base, there
//! is a cycle of such arcs, and flow is pushed around it until one of them is a multiple. No flow ever passes a
//! multiple, so each ends at one of the two that it began between.

use super::families::Families;

/// An arc with its flow modulo the base, 0 if there is nothing to decide.
struct Arc {
    from: u32,
    to: u32,
    flow: i128,
}

struct Network {
    arcs: Vec<Arc>,
    /// By node: its arcs. Those that are done are dropped from the end when they are met.
    at: Vec<Vec<u32>>,
    base: i128,
}

/// For each atom whether it goes up, so that every set of the families goes to an adjacent multiple.
pub(super) fn round(families: &Families, residues: &[i128], base: i128) -> Vec<bool> {
    let mut network = Network::of(families, residues, base);
    let mut place = vec![None; network.at.len()];
    for node in 0..network.at.len() {
        network.settle(node as u32, &mut place);
    }
    let mut arcs = network.arcs.iter();
    residues.iter().map(|_| arcs.next().is_some_and(|arc| arc.flow == base)).collect()
}

impl Network {
    /// The first arcs are the atoms'.
    fn of(families: &Families, residues: &[i128], base: i128) -> Network {
        let mut arcs: Vec<Arc> = residues.iter().map(|residue| Arc { from: 0, to: 0, flow: *residue }).collect();
        let mut nodes = 1_u32;
        for (upper, family) in [(true, &families.first), (false, &families.second)] {
            for set in family {
                let node = nodes;
                nodes += 1;
                let mut above = 0;
                let mut flow = 0_i128;
                for atom in set {
                    let Some(arc) = arcs.get_mut(*atom as usize) else { continue };
                    let end = if upper { &mut arc.from } else { &mut arc.to };
                    above = std::mem::replace(end, node);
                    flow = (flow + arc.flow).rem_euclid(base);
                }
                let (from, to) = if upper { (above, node) } else { (node, above) };
                arcs.push(Arc { from, to, flow });
            }
        }
        let mut at = vec![Vec::new(); nodes as usize];
        for (number, arc) in (0_u32..).zip(&arcs).filter(|(_, arc)| arc.flow != 0) {
            for node in [arc.from, arc.to] {
                if let Some(list) = at.get_mut(node as usize) {
                    list.push(number);
                }
            }
        }
        Network { arcs, at, base }
    }

    fn is_open(&self, arc: u32) -> bool {
        self.arcs.get(arc as usize).is_some_and(|arc| arc.flow != 0 && arc.flow != self.base)
    }

    /// An open arc at a node other than the one by which it was reached.
    fn next(&mut self, node: u32, reached_by: Option<u32>) -> Option<u32> {
        let mut list = self.at.get_mut(node as usize).map(std::mem::take)?;
        let drop_done = |list: &mut Vec<u32>| {
            while list.last().is_some_and(|arc| !self.is_open(*arc)) {
                list.pop();
            }
            list.last().copied()
        };
        let mut found = drop_done(&mut list);
        if found.is_some() && found == reached_by {
            let kept = list.pop();
            found = drop_done(&mut list);
            list.extend(kept);
        }
        if let Some(slot) = self.at.get_mut(node as usize) {
            *slot = list;
        }
        found
    }

    /// Walks from a node along open arcs, and pushes around each cycle that closes, until the node has none.
    ///
    /// The walk ends where it began: the flows at a node add up to a multiple of the base, so where one arc is open
    /// there is another. `place` holds where in the walk a node is, and is empty before and after.
    fn settle(&mut self, start: u32, place: &mut [Option<usize>]) {
        let mut path: Vec<Step> = Vec::new();
        let mut node = start;
        mark(place, node, Some(0));
        while let Some(number) = self.next(node, path.last().map(|step| step.arc)) {
            let Some(arc) = self.arcs.get(number as usize) else { break };
            let forward = arc.from == node;
            let other = if forward { arc.to } else { arc.from };
            path.push(Step { arc: number, forward, from: node });
            node = other;
            match place.get(other as usize).copied().flatten() {
                None => mark(place, other, Some(path.len())),
                Some(begin) => {
                    let cycle = path.split_off(begin);
                    for step in cycle.iter().skip(1) {
                        mark(place, step.from, None);
                    }
                    self.push_around(&cycle);
                }
            }
        }
        mark(place, start, None);
    }

    /// Pushes flow around a cycle in the direction in which less is needed; along its first arc if both are equal.
    fn push_around(&mut self, cycle: &[Step]) {
        let base = self.base;
        let room = |network: &Network, along: bool| {
            let rooms = cycle.iter().filter_map(|step| {
                let flow = network.arcs.get(step.arc as usize)?.flow;
                Some(if step.forward == along { base - flow } else { flow })
            });
            rooms.min().unwrap_or(0)
        };
        let (along, against) = (room(self, true), room(self, false));
        let push = if along <= against { along } else { -against };
        for step in cycle {
            if let Some(arc) = self.arcs.get_mut(step.arc as usize) {
                arc.flow += if step.forward { push } else { -push };
            }
        }
    }
}

/// A step of a walk.
struct Step {
    arc: u32,
    /// Whether it goes the arc's way.
    forward: bool,
    from: u32,
}

fn mark(place: &mut [Option<usize>], node: u32, at: Option<usize>) {
    if let Some(slot) = place.get_mut(node as usize) {
        *slot = at;
    }
}
