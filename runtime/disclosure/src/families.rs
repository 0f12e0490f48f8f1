//! Vetted families: tables that are protected together before anybody asks, and answers that are looked up in them.
//!
//! - [`layout`]: the tables of all families of a dataset, their cells, and the columns whose finest codes make atoms.
//! - [`microdata`]: what the host counted, by subject and atom.
//! - [`seal`]: which cells are published, given what was published before.
//! - [`sealed`]: the tables as they are kept, inside, and their codec.
//! - [`matching`]: whether a job asks for nothing but nodes of a family, on static grounds.
//! - [`answer`]: the part of a sealed table that a job asks for; the only thing that leaves without people.
//! - [`behind`]: what sealed tables leave in the history that later candidates are compared with.
//!
//! # Guarantees
//! An [`answer::FamilyAnswer`] can be made only from a [`matching::LookUp`], which only the static comparison makes,
//! and from sealed tables. It is the same for everyone who asks the same.
//!
//! # Does not guarantee
//! What an attacker learns from other sources, or that tables which people released beforehand are among what was
//! published: those that are no node of a family aren't.

pub mod answer;
pub mod behind;
pub mod layout;
pub mod matching;
pub mod microdata;
pub mod seal;
pub mod sealed;
#[cfg(test)]
pub(crate) mod tests;
