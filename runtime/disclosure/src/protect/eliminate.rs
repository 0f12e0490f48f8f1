//! Secondary suppression by elimination: which cells may be published so that no primary follows from them.
//!
//! Cells are gone through in the order of how much they are wanted. One is published unless a primary is proportional
//! to it modulo what is published already, which is the one way in which it could give a primary away (Langsrud's
//! Gaussian elimination). What is decided depends on spans alone, and so on the order and on nothing else.
//!
//! # Guarantees
//! - No primary and no imaginary cell is in the rational span of the published cells, over all tables of the system,
//!   except those that are reported as exposed: what is released already gives them away.
//! - Everything is counted modulo two primes. A cell is withheld if it would give something away modulo either, or if
//!   the two disagree on whether it follows from what is published. What is published adds therefore the same rank
//!   modulo both. One prime that sees the rational rank is enough for a right answer, so a wrong one takes determinants
//!   that *both* primes divide: multiples of a number of 120 bits. Whatever was exposed modulo either is reported.
//! - Atoms that somebody knows who is alone in them are taken away from the others: where all of these people put
//!   together what they know and what is published, they still can't work out a primary, except one that consists of
//!   such atoms alone. That one is safe against everybody else only; for holders one by one see [`protect`]. What the
//!   released cells give to all of these people together counts as exposed as well.
//!
//! # Does not guarantee
//! - Intervals: a primary that can't be worked out exactly may still be known too closely. That is the audit's task.
//! - The least possible loss. No withheld cell could be published by itself, but another order may withhold fewer.
//! - Speed whatever the table. On one core, where 5 % of inner cells are primary: 99,631 cells of two dimensions 0.3 s,
//!   10,571 of three 0.4 s, 29,791 of three 8 s, 103,823 of three 570 s and 1 GB. In three dimensions nearly everything
//!   depends on everything before the last tenth of the order, and then time grows with the cube: bound the size.
//! - An empty cell is 0 for everybody. As a primary it counts as exposed: give it atoms if its emptiness is a secret.
//!
//! Source: O. Langsrud, "Secondary Cell Suppression by Gaussian Elimination", PSD 2024, and the R package
//! GaussSuppression; disclosure.md, section 2. Time and memory depend on how short combinations stay.
//!
//! # Example
//! A table of 3 by 3 with all margins, of which the first inner cell is primary. Margins are wanted most, then inner
//! cells by rows. Withheld are the last of its row, the last of its column, and the cell where these two meet.

use super::field::{Field, First, Second};
use super::system::{Entry, System};
use lane::{Lane, Meaning};
use turns::Turns;

mod lane;
#[cfg(test)]
mod properties;
mod rank;
mod space;
mod sums;
mod targets;
#[cfg(test)]
mod tests;
mod turns;

pub use rank::spans;
pub use sums::{Protected, protect};

/// What is to be decided.
#[derive(Clone, Copy)]
pub struct Task<'a> {
    /// The cells of all tables.
    pub system: &'a System,
    /// Cells that nobody may work out.
    pub primary: &'a [usize],
    /// Further combinations of atoms that nobody may work out, in the form of a cell's entries.
    pub imaginary: &'a [Vec<Entry>],
    /// Cells that are out already, whatever follows.
    pub released: &'a [usize],
    /// All cells that are neither primary nor released, each once, the most wanted first.
    pub order: &'a [usize],
    /// For each atom whether somebody is alone in it and therefore knows it; may be empty, for none.
    pub known: &'a [bool],
}

/// What was decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pattern {
    /// The cells that are withheld without being primary, sorted.
    pub secondary: Vec<usize>,
    /// The cells that are out, released ones included, sorted.
    pub published: Vec<usize>,
    /// What the released cells give away by themselves; nothing can mend it.
    pub exposed: Vec<Exposed>,
}

/// Something that nobody may work out, and that follows from what is released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exposed {
    /// A primary cell. For [`protect`] also one that a holder has by his own, or by which others have his own; of the
    /// two the later is named.
    Primary(usize),
    /// An imaginary one, by its place in the list.
    Imaginary(usize),
}

/// A task that makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsound {
    /// The order isn't one of all cells that are neither primary nor released, or a cell isn't there.
    #[error("the order doesn't name each cell once that is neither primary nor released")]
    Order,
    /// The entries of an imaginary cell aren't sorted by atom, are 0, or name an atom that isn't there.
    #[error("an imaginary cell isn't made of the system's atoms")]
    Imaginary,
    /// Neither empty nor of one place an atom.
    #[error("what is known isn't listed by atom")]
    Known,
    /// The sums that have to be protected didn't come to an end within the patterns that [`protect`] tries.
    #[error("protecting the sums that insiders could use came to no end")]
    Endless,
    /// A sum that has to be protected has coefficients beyond 32 bits.
    #[error("the coefficients of a sum that insiders could use are too large")]
    Coefficients,
}

/// Decides which cells are published.
///
/// # Errors
/// A task that makes no sense.
pub fn eliminate(task: &Task<'_>) -> Result<Pattern, Unsound> {
    eliminate_modulo::<First, Second>(task, &[])
}

/// As [`eliminate`], modulo the primes of choice: tests take small ones, which are wrong now and then. Where holders are
/// named by atom, no two targets may become proportional of which one is a holder's own and the other isn't: he would
/// have the other by his own.
fn eliminate_modulo<A: Field, B: Field>(task: &Task<'_>, holders: &[Option<u64>]) -> Result<Pattern, Unsound> {
    sound(task)?;
    let turns = Turns::new(task);
    let mut open = (Lane::<A>::new(task, &[], holders, &turns), Lane::<B>::new(task, &[], holders, &turns));
    let pooled = || (Lane::<A>::new(task, task.known, &[], &turns), Lane::<B>::new(task, task.known, &[], &turns));
    let mut pooled = task.known.contains(&true).then(pooled);

    let mut pattern = Pattern { published: task.released.to_vec(), ..Pattern::default() };
    for cell in task.order {
        let asked = (open.0.ask(*cell), open.1.ask(*cell));
        let fine = agreed(&asked.0, &asked.1);
        let beyond = pooled.as_mut().map(|(a, b)| (a.ask(*cell), b.ask(*cell)));
        if !fine || beyond.as_ref().is_some_and(|(a, b)| !agreed(a, b)) {
            pattern.secondary.push(*cell);
            continue;
        }
        pattern.published.push(*cell);
        open.0.publish(asked.0);
        open.1.publish(asked.1);
        if let (Some((a, b)), Some(asked)) = (&mut pooled, beyond) {
            a.publish(asked.0);
            b.publish(asked.1);
        }
    }
    pattern.secondary.sort_unstable();
    pattern.published.sort_unstable();
    pattern.published.dedup();
    pattern.exposed = open.0.exposed;
    pattern.exposed.extend(open.1.exposed);
    pattern.exposed.extend(pooled.into_iter().flat_map(|(a, b)| [a.exposed, b.exposed].concat()));
    pattern.exposed.sort_unstable();
    pattern.exposed.dedup();
    Ok(pattern)
}

/// Whether both primes say that a cell may be published, and both mean the same by it.
fn agreed(a: &Meaning, b: &Meaning) -> bool {
    matches!((a, b), (Meaning::Implied, Meaning::Implied) | (Meaning::News(..), Meaning::News(..)))
}

fn sound(task: &Task<'_>) -> Result<(), Unsound> {
    let mut taken = vec![false; task.system.cells().len()];
    for cell in task.primary.iter().chain(task.released) {
        *taken.get_mut(*cell).ok_or(Unsound::Order)? = true;
    }
    for cell in task.order {
        if std::mem::replace(taken.get_mut(*cell).ok_or(Unsound::Order)?, true) {
            return Err(Unsound::Order);
        }
    }
    if taken.contains(&false) {
        return Err(Unsound::Order);
    }
    if !task.known.is_empty() && task.known.len() != task.system.atoms() {
        return Err(Unsound::Known);
    }
    System::new(task.system.atoms(), task.imaginary.to_vec()).map_err(|_| Unsound::Imaginary)?;
    Ok(())
}
