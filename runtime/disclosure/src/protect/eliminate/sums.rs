//! Insiders: sums that give a primary away to somebody who knows a part of them.
//!
//! Who is alone in a suppressed cell knows it. Where published cells leave two suppressed ones open, one of them his,
//! he subtracts and has the other; where all that is left open is his, everybody has his sum. Two ways lead out:
//! - While cells are gone through, a primary that is one holder's own and one that isn't may not become proportional
//!   modulo what is published. This is exact for holders of one primary each, and asks for no second pattern.
//! - In the finished pattern, the combinations that follow from it are looked for that a holder of several atoms could
//!   use, or that are one holder's alone. Each is made an *imaginary* primary, and a new pattern is made, until there
//!   are none.
//!
//! This is asked of spans, not of rows and columns. It includes the sums of two that R's `sub2Sum` looks for in single
//! margins, sums of more, and differences. In three dimensions it has to: once elimination has published what it can,
//! hardly anything is open, and then each suppressed cell follows from any other, though no margin shows it.
//!
//! # Guarantees
//! Where [`protect`] gives a pattern, no holder can work out a primary that isn't made of his own atoms alone, and
//! nobody can work out a combination of one holder's suppressed atoms, except for what the pattern reports as exposed.
//! Holders are taken one by one.
//!
//! # Does not guarantee
//! - Holders who put together what they know: see [`super::Task::known`].
//! - A holder's part of an atom that he shares with others; there dominance and p% are the rules.
//! - More than one prime: a sum that is overlooked takes a determinant that `2^61 - 1` divides.
//!
//! Source: disclosure.md, section 2, point 6, after `sub2Sum` and `numFFT` in the R package GaussSuppression.
//!
//! # Example
//! A row of three with its total; the first two are primary, the first has one holder. The third and the total together
//! would give the second to that holder, so the one that is wanted less is withheld.

use std::collections::{BTreeMap, BTreeSet};

use super::super::field::{Field, First, Second};
use super::super::system::{Entry, System};
use super::space::{Space, Term, terms};
use super::{Pattern, Task, Unsound, eliminate_modulo};

/// How many patterns [`protect`] tries before it gives up.
const ROUNDS: usize = 64;

/// A pattern that holds against insiders, and the sums that it had to protect for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protected {
    /// The pattern.
    pub pattern: Pattern,
    /// The task's imaginary cells, and after them those that were added; what is exposed is named by its place here.
    pub imaginary: Vec<Vec<Entry>>,
}

/// As [`super::eliminate`], with sums added to the imaginary cells until no holder can work anything out. For each atom
/// `holders` has the one unit that stands in it, where there is one alone.
///
/// # Errors
/// A task that makes no sense, or one that comes to no end.
pub fn protect(task: &Task<'_>, holders: &[Option<u64>]) -> Result<Protected, Unsound> {
    let mut imaginary = task.imaginary.to_vec();
    for _ in 0..ROUNDS {
        let pattern = eliminate_modulo::<First, Second>(&Task { imaginary: &imaginary, ..*task }, holders)?;
        let known: BTreeSet<&Vec<Entry>> = imaginary.iter().collect();
        let mut sums = insider_sums(task.system, task.primary, &pattern.published, holders)?;
        sums.retain(|sum| !known.contains(sum));
        if sums.is_empty() {
            return Ok(Protected { pattern, imaginary });
        }
        imaginary.append(&mut sums);
    }
    Err(Unsound::Endless)
}

/// The combinations that follow from the published cells and that some holder could use, or that are his alone: each
/// once, divided by what its coefficients share, the first of them positive.
///
/// # Errors
/// A list of holders that isn't one by atom, or coefficients that are too large to write down.
fn insider_sums(
    system: &System,
    primary: &[usize],
    published: &[usize],
    holders: &[Option<u64>],
) -> Result<Vec<Vec<Entry>>, Unsound> {
    if holders.len() != system.atoms() {
        return Err(Unsound::Known);
    }
    let mut space = spanned(system, published);
    let mut by_first: BTreeMap<u32, Vec<(usize, Vec<Term>)>> = BTreeMap::new();
    for cell in primary {
        let reduced = space.reduce(&terms::<First>(system.cell(*cell)));
        if let Some((first, _)) = reduced.first() {
            by_first.entry(*first).or_default().push((*cell, reduced));
        }
    }
    let mut by_holder: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    for (atom, holder) in holders.iter().enumerate().filter_map(|(atom, holder)| Some((atom, (*holder)?))) {
        by_holder.entry(holder).or_default().push(atom as u32);
    }
    let mut found = BTreeSet::new();
    for atoms in by_holder.values() {
        let mut held = Held::default();
        for atom in atoms {
            let reduced = space.reduce(&[(*atom, 1)]);
            // An atom that is 0 here follows from what is published: it is no secret.
            if !reduced.is_empty() {
                found.extend(held.add(*atom, reduced).as_ref().map(written).transpose()?);
            }
        }
        let near = held.0.keys().filter_map(|first| by_first.get(first)).flatten();
        for (cell, reduced) in near {
            let others = system.cell(*cell).iter().any(|(atom, _)| atoms.binary_search(atom).is_err());
            if others && let Some(sum) = held.needed_for(reduced, system.cell(*cell)) {
                found.insert(written(&sum)?);
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// What the published cells leave open; single atoms first, since they make all the others shorter.
fn spanned(system: &System, published: &[usize]) -> Space<First> {
    let mut space = Space::new(system.atoms(), &[]);
    let mut cells = published.to_vec();
    cells.sort_by_key(|cell| (system.cell(*cell).len(), *cell));
    for cell in cells {
        let reduced = space.reduce(&terms::<First>(system.cell(cell)));
        let fewest = reduced.iter().min_by_key(|(atom, _)| (space.uses(*atom), *atom)).copied();
        if let Some(pivot) = fewest {
            space.publish(&reduced, pivot);
        }
    }
    space
}

/// A vector by atom.
type Vector = BTreeMap<u32, u64>;

/// What a holder knows, modulo what is published: by first atom a vector, and the combination of his atoms that it is.
#[derive(Default)]
struct Held(BTreeMap<u32, (Vec<Term>, Vector)>);

impl Held {
    /// Adds one of his atoms. Gives the combination of his atoms that follows from what is published, if this one
    /// makes one.
    fn add(&mut self, atom: u32, reduced: Vec<Term>) -> Option<Vector> {
        let (mut rest, mut sum) = (Vector::from_iter(reduced), Vector::from([(atom, 1)]));
        self.take_out(&mut rest, &mut sum);
        let Some((first, value)) = rest.first_key_value() else { return Some(sum) };
        let (first, inverse) = (*first, First::inverse(*value));
        let scaled = |vector: Vector| vector.into_iter().map(move |(atom, value)| (atom, First::mul(value, inverse)));
        self.0.insert(first, (scaled(rest).collect(), scaled(sum).collect()));
        None
    }

    /// The cell without a combination of his atoms, if that follows from what is published.
    fn needed_for(&self, reduced: &[Term], entries: &[Entry]) -> Option<Vector> {
        let mut rest: Vector = reduced.iter().copied().collect();
        let mut sum: Vector = terms::<First>(entries).into_iter().collect();
        self.take_out(&mut rest, &mut sum);
        rest.is_empty().then_some(sum)
    }

    /// Takes out first atoms as long as there is a vector for them, and keeps account of it in `sum`.
    fn take_out(&self, rest: &mut Vector, sum: &mut Vector) {
        while let Some((first, value)) = rest.first_key_value().map(|(atom, value)| (*atom, *value)) {
            let Some((vector, combination)) = self.0.get(&first) else { return };
            let factor = First::negative(value);
            add(rest, vector.iter().copied(), factor);
            add(sum, combination.iter().map(|(atom, value)| (*atom, *value)), factor);
        }
    }
}

fn add(vector: &mut Vector, terms: impl Iterator<Item = Term>, factor: u64) {
    for (atom, coefficient) in terms {
        let held = vector.get(&atom).copied().unwrap_or(0);
        match First::add(held, First::mul(coefficient, factor)) {
            0 => vector.remove(&atom),
            value => vector.insert(atom, value),
        };
    }
}

/// A combination modulo the prime in the smallest whole numbers.
fn written(sum: &Vector) -> Result<Vec<Entry>, Unsound> {
    let Some(first) = sum.values().next() else { return Ok(Vec::new()) };
    let inverse = First::inverse(*first);
    let fractions: Option<Vec<(u32, i64, i64)>> =
        sum.iter().map(|(atom, value)| fraction(First::mul(*value, inverse)).map(|(n, d)| (*atom, n, d))).collect();
    let fractions = fractions.ok_or(Unsound::Coefficients)?;
    let common = fractions.iter().try_fold(1_i64, |common, (_, _, d)| (common / divisor(common, *d)).checked_mul(*d));
    let common = common.ok_or(Unsound::Coefficients)?;
    let whole = |(atom, n, d): &(u32, i64, i64)| {
        let number = n.checked_mul(common / d)?;
        Some((*atom, i32::try_from(number).ok()?))
    };
    fractions.iter().map(|fraction| whole(fraction).ok_or(Unsound::Coefficients)).collect()
}

/// The fraction of small numbers that has this remainder (Wang's rational reconstruction).
fn fraction(value: u64) -> Option<(i64, i64)> {
    const BOUND: i64 = 1 << 29;
    let (mut high, mut low) = ((First::MODULUS as i64, 0_i64), (value as i64, 1_i64));
    while low.0 > BOUND {
        let quotient = high.0 / low.0;
        (high, low) = (low, (high.0 - quotient * low.0, high.1 - quotient * low.1));
    }
    let (numerator, denominator) = if low.1 < 0 { (-low.0, -low.1) } else { low };
    (denominator > 0 && denominator <= BOUND).then_some((numerator, denominator))
}

fn divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a.max(1) } else { divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_found_by_their_remainders() {
        for (numerator, denominator) in [(1, 1), (-1, 1), (3, 7), (-22, 7), (0, 1)] {
            let value = First::mul(First::of(numerator), First::inverse(First::of(denominator)));
            assert_eq!(fraction(value), Some((i64::from(numerator), i64::from(denominator))));
        }
        let sum = Vector::from([(1, First::of(4)), (2, First::of(-6)), (5, First::inverse(3))]);
        assert_eq!(written(&sum), Ok(vec![(1, 12), (2, -18), (5, 1)]));
        assert_eq!(written(&Vector::from([(1, 1), (2, 987_654_321_123_456_789)])), Err(Unsound::Coefficients));
    }

    #[test]
    fn a_total_of_two_gives_each_to_the_holder_of_the_other() {
        // A row of three and its total.
        let system = System::of_sums(3, vec![vec![0], vec![1], vec![2], vec![0, 1, 2]]).expect("it is sound");
        let sums = |published: &[usize], holders: &[Option<u64>]| insider_sums(&system, &[0, 1], published, holders);
        assert_eq!(sums(&[2, 3], &[Some(7), None, None]), Ok(vec![vec![(0, 1), (1, 1)]]));
        assert_eq!(sums(&[2, 3], &[Some(7), Some(7), None]), Ok(vec![vec![(0, 1), (1, 1)]]), "his own sum");
        assert_eq!(sums(&[2, 3], &[None, None, Some(7)]), Ok(vec![]), "he holds what is published");
        assert_eq!(sums(&[3], &[Some(7), None, None]), Ok(vec![]));
        assert_eq!(
            sums(&[3], &[Some(7), None, Some(7)]),
            Ok(vec![vec![(0, 1), (1, 1), (2, 1)]]),
            "his are two of three"
        );
        assert_eq!(sums(&[3], &[None]), Err(Unsound::Known));
    }
}
