//! Tests that cross files: attacks seen to fail, and properties over random tables.

mod assessments;
pub(crate) mod attacker;
mod attacks;
pub(crate) mod brute;
mod candidates;
pub(crate) mod factory;
mod goldens;
mod methods;
mod near_shares;
mod properties;
mod reviews;
mod totals;
