//! What nobody may work out, in reduced form, and the question whether a cell would give one of them away.
//!
//! A cell gives a target away if and only if their reduced forms are proportional: then, and only then, the target is
//! the cell times a number, plus published cells. Targets are kept reduced at all times, with a fingerprint that is
//! linear, so that proportional ones are found by look-up; a match is then confirmed term by term.
//!
//! # Guarantees
//! [`Targets::given_away_by`] is exact modulo the prime. No target is ever 0: none is put in as 0, and a cell that is
//! proportional to one is refused by the caller. [`Targets::betrayed_by`] is exact in the same way.
//!
//! # Does not guarantee
//! Anything of targets that were 0 from the start; [`Targets::add`] says so, and the caller reports them.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::marker::PhantomData;

use super::super::field::Field;
use super::space::Term;

/// The first atom, and the fingerprint of the terms once its coefficient is 1.
type Key = (u32, u64);

/// Without a random seed: only looked up, never walked through.
type Found<T> = HashMap<Key, Vec<T>, BuildHasherDefault<DefaultHasher>>;

struct Target {
    terms: Vec<Term>,
    print: u64,
    /// The one holder who knows it, if there is one.
    holder: Option<u64>,
}

/// The targets; of proportional ones only the first is kept, since they share their fate from then on.
pub(super) struct Targets<F> {
    held: Vec<Option<Target>>,
    /// Which targets have a term in an atom. It may name some that no longer do.
    by_atom: Vec<Vec<u32>>,
    by_key: Found<u32>,
    weights: Vec<u64>,
    /// Whether any target has a holder.
    watched: bool,
    field: PhantomData<F>,
}

impl<F: Field> Targets<F> {
    pub(super) fn new(atoms: usize) -> Targets<F> {
        let weights = (0..atoms as u64).map(|atom| mixed(atom) % F::MODULUS).collect();
        Targets {
            held: Vec::new(),
            by_atom: vec![Vec::new(); atoms],
            by_key: HashMap::default(),
            weights,
            watched: false,
            field: PhantomData,
        }
    }

    /// Adds a target in its reduced form; false if that is 0, or if a holder has it by what he knows already, or has
    /// another by it.
    #[allow(clippy::indexing_slicing, reason = "atoms are within the system")]
    pub(super) fn add(&mut self, terms: Vec<Term>, holder: Option<u64>) -> bool {
        let print = self.print(&terms);
        let Some(key) = self.key(&terms, print) else {
            return false;
        };
        if let Some(same) = self.find(key, &terms) {
            return self.holder(same) == holder;
        }
        let number = self.held.len() as u32;
        for (atom, _) in &terms {
            self.by_atom[*atom as usize].push(number);
        }
        self.by_key.entry(key).or_default().push(number);
        self.watched |= holder.is_some();
        self.held.push(Some(Target { terms, print, holder }));
        true
    }

    /// Whether a cell of this reduced form would give a target away.
    pub(super) fn given_away_by(&self, reduced: &[Term]) -> bool {
        let key = self.key(reduced, self.print(reduced));
        key.is_some_and(|key| self.find(key, reduced).is_some())
    }

    /// About how many targets have a term in an atom.
    pub(super) fn with(&self, atom: u32) -> usize {
        self.by_atom.get(atom as usize).map_or(0, Vec::len)
    }

    /// Whether, once the cell is published, two targets are proportional that don't have the same holder, or none: one
    /// who knows the first has the second then.
    #[allow(clippy::indexing_slicing, reason = "atoms are within the system, targets are named when they are put in")]
    pub(super) fn betrayed_by(&self, reduced: &[Term], pivot: Term) -> bool {
        if !self.watched {
            return false;
        }
        let (print, inverse) = (self.print(reduced), F::inverse(pivot.1));
        let mut fresh: Found<(Vec<Term>, Option<u64>)> = Found::default();
        for number in &self.by_atom[pivot.0 as usize] {
            let Some((target, factor)) = self.facing(*number, pivot.0, inverse) else { continue };
            let terms = combined::<F>(&target.terms, reduced, factor, |_| {});
            let Some(key) = self.key(&terms, F::add(target.print, F::mul(factor, print))) else { continue };
            // One that is changed itself has the pivot and is proportional to none that hasn't.
            if self.find(key, &terms).is_some_and(|same| self.holder(same) != target.holder) {
                return true;
            }
            let alike = fresh.entry(key).or_default();
            let other =
                |(others, holder): &(Vec<Term>, _)| *holder != target.holder && proportional::<F>(others, &terms);
            if alike.iter().any(other) {
                return true;
            }
            alike.push((terms, target.holder));
        }
        false
    }

    fn holder(&self, number: u32) -> Option<u64> {
        self.held.get(number as usize).and_then(Option::as_ref).and_then(|target| target.holder)
    }

    /// A target that has a term in the atom `pivot`, and how often a cell must be added to it to take that out. Of the
    /// cell's own coefficient there it takes the inverse.
    fn facing(&self, number: u32, pivot: u32, inverse: u64) -> Option<(&Target, u64)> {
        let target = self.held.get(number as usize)?.as_ref()?;
        let place = target.terms.binary_search_by_key(&pivot, |term| term.0).ok()?;
        let (_, coefficient) = target.terms.get(place)?;
        Some((target, F::negative(F::mul(*coefficient, inverse))))
    }

    /// Takes the atom `pivot` out of all targets by means of a published cell, which gives none of them away.
    #[allow(clippy::indexing_slicing, reason = "atoms are within the system, targets are named when they are put in")]
    pub(super) fn publish(&mut self, reduced: &[Term], pivot: Term) {
        let with = std::mem::take(&mut self.by_atom[pivot.0 as usize]);
        if with.is_empty() {
            return;
        }
        let (print, inverse) = (self.print(reduced), F::inverse(pivot.1));
        for number in with {
            let Some((target, factor)) = self.facing(number, pivot.0, inverse) else { continue };
            if let Some(old) = self.key(&target.terms, target.print) {
                self.forget(old, number);
            }
            self.replace(number, reduced, print, factor);
        }
    }

    /// Adds `factor` times the cell to a target that isn't in the look-up at the moment.
    #[allow(clippy::indexing_slicing, reason = "atoms are within the system, targets are named when they are put in")]
    fn replace(&mut self, number: u32, reduced: &[Term], print: u64, factor: u64) {
        let Some(mut target) = self.held[number as usize].take() else { return };
        let by_atom = &mut self.by_atom;
        target.terms = combined::<F>(&target.terms, reduced, factor, |atom| by_atom[atom as usize].push(number));
        target.print = F::add(target.print, F::mul(factor, print));
        let Some(key) = self.key(&target.terms, target.print) else { return };
        if self.find(key, &target.terms).is_none() {
            self.by_key.entry(key).or_default().push(number);
            self.held[number as usize] = Some(target);
        }
    }

    #[allow(clippy::indexing_slicing, reason = "atoms are within the system")]
    fn print(&self, terms: &[Term]) -> u64 {
        terms.iter().fold(0, |print, (atom, value)| F::add(print, F::mul(*value, self.weights[*atom as usize])))
    }

    fn key(&self, terms: &[Term], print: u64) -> Option<Key> {
        terms.first().map(|(atom, value)| (*atom, F::mul(print, F::inverse(*value))))
    }

    #[allow(clippy::indexing_slicing, reason = "targets are named when they are put in")]
    fn find(&self, key: Key, terms: &[Term]) -> Option<u32> {
        let numbers = self.by_key.get(&key)?;
        let same = |number: &&u32| {
            self.held[**number as usize].as_ref().is_some_and(|target| proportional::<F>(&target.terms, terms))
        };
        numbers.iter().find(same).copied()
    }

    fn forget(&mut self, key: Key, number: u32) {
        if let Some(numbers) = self.by_key.get_mut(&key) {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.by_key.remove(&key);
            }
        }
    }
}

/// `a + factor * b`, both sorted by atom. Tells which atoms it has that `a` didn't have.
fn combined<F: Field>(a: &[Term], b: &[Term], factor: u64, mut fresh: impl FnMut(u32)) -> Vec<Term> {
    let mut terms = Vec::with_capacity(a.len() + b.len());
    let mut rest = a.iter().copied().peekable();
    for (atom, value) in b.iter().copied() {
        while let Some(term) = rest.next_if(|term| term.0 < atom) {
            terms.push(term);
        }
        let added = F::mul(value, factor);
        match rest.next_if(|term| term.0 == atom) {
            Some((_, held)) => {
                let value = F::add(held, added);
                if value != 0 {
                    terms.push((atom, value));
                }
            }
            None => {
                terms.push((atom, added));
                fresh(atom);
            }
        }
    }
    terms.extend(rest);
    terms
}

/// Whether one is the other times a number, both sorted by atom and without terms that are 0.
fn proportional<F: Field>(a: &[Term], b: &[Term]) -> bool {
    let (Some((_, of_a)), Some((_, of_b))) = (a.first(), b.first()) else {
        return false;
    };
    let same = |(x, y): (&Term, &Term)| x.0 == y.0 && F::mul(x.1, *of_b) == F::mul(y.1, *of_a);
    a.len() == b.len() && a.iter().zip(b).all(same)
}

/// A fixed number for each atom that shows no pattern (Steele, Lea and Flood's splitmix64).
fn mixed(number: u64) -> u64 {
    let mut bits = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::super::super::field::First;
    use super::*;

    #[test]
    fn a_target_is_found_by_any_multiple_of_what_is_left_of_it() {
        let mut targets: Targets<First> = Targets::new(4);
        assert!(targets.add(vec![(0, 3), (2, 6)], None));
        assert!(!targets.add(vec![], None));
        assert!(targets.given_away_by(&[(0, 5), (2, 10)]));
        assert!(!targets.given_away_by(&[(0, 5), (2, 11)]) && !targets.given_away_by(&[(0, 1)]));
        // 2 of the third is minus the fourth: what is left is 3 of the first minus 3 of the fourth.
        targets.publish(&[(2, 2), (3, 1)], (2, 2));
        assert!(targets.given_away_by(&[(0, 1), (3, First::MODULUS - 1)]));
        assert!(!targets.given_away_by(&[(0, 5), (2, 10)]));
    }

    #[test]
    fn proportional_targets_are_one() {
        let mut targets: Targets<First> = Targets::new(2);
        assert!(
            targets.add(vec![(0, 1), (1, 1)], None)
                && targets.add(vec![(0, 2), (1, 2)], None)
                && targets.add(vec![(1, 1)], None)
        );
        assert_eq!((targets.with(0), targets.with(1)), (1, 2));
        targets.publish(&[(0, 1), (1, 7)], (0, 1));
        assert_eq!(targets.held.iter().flatten().count(), 1, "-6 of the second, and the second");
    }
}
