//! Protection of tables that are published as they are: which cells are withheld, and the proof that it is enough.
//!
//! - [`system`]: cells as sums over atoms. Several tables, their margins and hierarchies are one system.
//! - [`moves`]: what can change unseen.
//! - [`audit`]: how closely an attacker can work out what is withheld; [`repair`]: what to withhold until that is far enough.
//! - [`pattern`]: all of it together.
//! - [`eliminate`]: which cells are withheld besides the primary ones, by elimination modulo two primes.
//!
//! A cell is *primary* if a rule says so, and *secondary* if it is withheld so that no primary can be worked out.

pub mod audit;
pub mod eliminate;
pub(crate) mod field;
pub mod moves;
pub mod pattern;
pub mod repair;
pub mod system;
