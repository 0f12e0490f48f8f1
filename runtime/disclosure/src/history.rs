//! Release history as evidence: what a candidate gives away together with everything that is out already.
//!
//! Two releases that are each harmless can differ in one subject. So every figure that was published, and every one
//! that was withheld, stays in the history of its subject domain, across operators, tables and snapshots, and a
//! candidate is held against all of it before two people decide. The steps, cheapest first:
//!
//! - [`keys`], [`sketch`]: 2 kB a figure that prove that many subjects differ, by subject and by group.
//! - [`outline`]: a few sums and names that prove that a difference isn't concentrated on some.
//! - [`figure`]: both, with where the figure stands; never removed.
//! - [`mod@near`]: the pairs (complements of a universe and the candidate's own among them) that neither clears.
//! - [`triple`]: combinations of three that few subjects are left of, such as a tracker's.
//! - [`contributions`], [`difference`]: those, worked out exactly, under every primary rule.
//! - [`mod@structure`]: combinations of any number of figures, by elimination over classes of subjects.
//! - [`report`]: in words for reviewers. No operator ever sees it: whether something was found is itself an answer.
//! - [`quota`]: how much is out, of whom and for whom.
//! - [`table`]: the figures of one table.
//! - [`codec`]: figures as bytes, to be kept inside.
//!
//! # Guarantees
//! A pair of figures whose difference breaks a primary rule is never missed, whatever the values; nor a combination of
//! three of the searched pool that fewer subjects are left of than must differ, or fewer groups (of which 16 suffice).
//! Pure: the secret, the contributions and the order of the archive come from outside.
//!
//! # Does not guarantee
//! - All combinations of four and more: of those, [`mod@structure`] finds what isolates one class of subjects, and most
//!   that leave few, in a bounded pool. Nor all dominance in combinations of three: no record of what is out stops
//!   reconstruction (Dinur and Nissim, PODS 2003). That is what the quotas and the budget of noise are for.
//! - That a verdict on history may steer an automatic release: released against held is an exact oracle (Kenthapadi,
//!   Mishra and Nissim, PODS 2005). It is evidence for people.
//!
//! Source: disclosure.md, section 3.
//!
//! Example: an operator's table of 40 aircraft, and another operator's with 39 of them, leave one finding of 1 subject.

pub mod codec;
pub mod contributions;
pub mod difference;
pub mod figure;
pub mod keys;
pub mod near;
pub mod outline;
pub mod quota;
pub mod report;
pub mod sketch;
pub mod structure;
pub mod table;
mod top;
pub mod triple;

pub use contributions::Contributions;
pub use difference::{Difference, Term};
pub use figure::{Figure, Kind, Place, Standing};
pub use keys::{Domain, Keys};
pub use near::{Bar, Near, Other, Search, near};
pub use sketch::Sketch;
pub use structure::structure;
pub use triple::{Triple, Triples, triples};

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod speed;
