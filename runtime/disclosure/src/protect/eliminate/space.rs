//! What the published cells leave open: atoms modulo the span of what was published, modulo one prime.
//!
//! Each atom is *open*, *settled* (what is published gives it), or *bound*: equal, modulo what is published, to a
//! combination of others. A cell is brought into this form by putting in the bound atoms' combinations. They are kept
//! as they were when the atom was bound, and brought up to date when they are next needed: most never are.
//!
//! # Guarantees
//! [`Space::reduce`] gives the same combination of open atoms for two cells if and only if they differ by published
//! ones, modulo the prime.
//!
//! # Does not guarantee
//! That combinations stay short. Which atom is bound is the caller's choice, and decides it.

use std::marker::PhantomData;

use super::super::field::Field;
use super::super::system::Entry;

/// An atom, and a coefficient other than 0 modulo the prime.
pub(super) type Term = (u32, u64);

/// Entries modulo the prime, without those that are 0 then.
pub(super) fn terms<F: Field>(entries: &[Entry]) -> Vec<Term> {
    let terms = entries.iter().map(|(atom, coefficient)| (*atom, F::of(*coefficient)));
    terms.filter(|(_, coefficient)| *coefficient != 0).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Settled,
    Bound(u32),
}

/// The combination that a bound atom is equal to.
struct Rule {
    terms: Vec<Term>,
    /// The version of the space for which no term is known to be out of date.
    version: u32,
}

/// The atoms, and what is known of them.
pub(super) struct Space<F> {
    states: Vec<State>,
    rules: Vec<Rule>,
    version: u32,
    sum: Sum<F>,
    stack: Vec<u32>,
    /// In how many rules an atom has a term.
    uses: Vec<u32>,
}

impl<F: Field> Space<F> {
    /// Where nothing is published, and the atoms of which `known` is true are settled.
    pub(super) fn new(atoms: usize, known: &[bool]) -> Space<F> {
        let settled = |atom| known.get(atom).copied().unwrap_or(false);
        let states = (0..atoms).map(|atom| if settled(atom) { State::Settled } else { State::Open }).collect();
        let (sum, uses) = (Sum::new(atoms), vec![0; atoms]);
        Space { states, rules: Vec::new(), version: 0, sum, stack: Vec::new(), uses }
    }

    /// The combination of open atoms that these terms come to, sorted by atom.
    #[allow(clippy::indexing_slicing, reason = "atoms are within the system, rules are named by states alone")]
    pub(super) fn reduce(&mut self, terms: &[Term]) -> Vec<Term> {
        for (atom, _) in terms {
            if let State::Bound(rule) = self.states[*atom as usize] {
                self.refresh(rule);
            }
        }
        for (atom, coefficient) in terms {
            self.put(*atom, *coefficient);
        }
        self.sum.drain(true)
    }

    /// Publishes a cell whose reduced form is `reduced`, by binding the atom `pivot` of it.
    #[allow(clippy::indexing_slicing, reason = "the pivot is an atom of the system")]
    pub(super) fn publish(&mut self, reduced: &[Term], pivot: Term) {
        self.version += 1;
        if reduced.len() == 1 {
            self.states[pivot.0 as usize] = State::Settled;
            return;
        }
        let factor = F::negative(F::inverse(pivot.1));
        let others = reduced.iter().filter(|(atom, _)| *atom != pivot.0);
        let terms: Vec<Term> = others.map(|(atom, coefficient)| (*atom, F::mul(*coefficient, factor))).collect();
        self.count(&terms);
        self.states[pivot.0 as usize] = State::Bound(self.rules.len() as u32);
        self.rules.push(Rule { terms, version: self.version });
    }

    /// Adds a term to the sum; a bound atom's rule must be up to date.
    #[allow(clippy::indexing_slicing, reason = "atoms are within the system, rules are named by states alone")]
    fn put(&mut self, atom: u32, coefficient: u64) {
        match self.states[atom as usize] {
            State::Open => self.sum.add(atom, coefficient),
            State::Settled => {}
            State::Bound(rule) => {
                for (other, factor) in &self.rules[rule as usize].terms {
                    self.sum.add(*other, F::mul(*factor, coefficient));
                }
            }
        }
    }

    /// Brings a rule up to date, and those that it needs before it. A rule only names atoms that were open when it was
    /// made, so there is no circle.
    #[allow(clippy::indexing_slicing, reason = "atoms are within the system, rules are named by states alone")]
    fn refresh(&mut self, rule: u32) {
        self.stack.push(rule);
        while let Some(top) = self.stack.last().copied() {
            let held = &self.rules[top as usize];
            if held.version == self.version {
                self.stack.pop();
                continue;
            }
            let (depth, mut old) = (self.stack.len(), false);
            for (atom, _) in &held.terms {
                match self.states[*atom as usize] {
                    State::Open => {}
                    State::Settled => old = true,
                    State::Bound(needed) => {
                        old = true;
                        if self.rules[needed as usize].version != self.version {
                            self.stack.push(needed);
                        }
                    }
                }
            }
            if self.stack.len() == depth {
                if old {
                    self.rebuild(top);
                }
                self.rules[top as usize].version = self.version;
                self.stack.pop();
            }
        }
    }

    #[allow(clippy::indexing_slicing, reason = "atoms are within the system, rules are named by states alone")]
    fn rebuild(&mut self, rule: u32) {
        let terms = std::mem::take(&mut self.rules[rule as usize].terms);
        for (atom, coefficient) in terms {
            self.uses[atom as usize] -= 1;
            self.put(atom, coefficient);
        }
        let terms = self.sum.drain(false);
        self.count(&terms);
        self.rules[rule as usize].terms = terms;
    }

    /// In how many rules an atom has a term: what binding it makes out of date.
    pub(super) fn uses(&self, atom: u32) -> usize {
        self.uses.get(atom as usize).map_or(0, |uses| *uses as usize)
    }

    #[allow(clippy::indexing_slicing, reason = "atoms are within the system")]
    fn count(&mut self, terms: &[Term]) {
        for (atom, _) in terms {
            self.uses[*atom as usize] += 1;
        }
    }
}

/// A sum of terms, collected in a place for each atom.
struct Sum<F> {
    values: Vec<u64>,
    touched: Vec<bool>,
    atoms: Vec<u32>,
    field: PhantomData<F>,
}

impl<F: Field> Sum<F> {
    fn new(atoms: usize) -> Sum<F> {
        Sum { values: vec![0; atoms], touched: vec![false; atoms], atoms: Vec::new(), field: PhantomData }
    }

    #[allow(clippy::indexing_slicing, reason = "atoms are within the system")]
    fn add(&mut self, atom: u32, value: u64) {
        let place = atom as usize;
        if !self.touched[place] {
            self.touched[place] = true;
            self.atoms.push(atom);
        }
        self.values[place] = F::add(self.values[place], value);
    }

    /// What it came to, sorted by atom if so wanted, and a new sum.
    #[allow(clippy::indexing_slicing, reason = "atoms are within the system")]
    fn drain(&mut self, sorted: bool) -> Vec<Term> {
        if sorted {
            self.atoms.sort_unstable();
        }
        let mut terms = Vec::with_capacity(self.atoms.len());
        for atom in self.atoms.drain(..) {
            let place = atom as usize;
            self.touched[place] = false;
            let value = std::mem::take(&mut self.values[place]);
            if value != 0 {
                terms.push((atom, value));
            }
        }
        terms
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::field::First;
    use super::*;

    #[test]
    fn a_total_and_one_part_leave_the_other_part_settled() {
        let mut space: Space<First> = Space::new(3, &[false, false, true]);
        let total = space.reduce(&[(0, 1), (1, 1), (2, 1)]);
        assert_eq!(total, [(0, 1), (1, 1)], "the third is known");
        space.publish(&total, (0, 1));
        assert_eq!(space.reduce(&[(0, 1)]), [(1, First::MODULUS - 1)]);
        assert_eq!(space.reduce(&[(0, 2), (1, 2)]), []);
        let part = space.reduce(&[(1, 5)]);
        space.publish(&part, (1, 5));
        assert_eq!(space.reduce(&[(0, 1)]), [], "an old rule is brought up to date");
    }
}
