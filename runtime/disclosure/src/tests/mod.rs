//! Tests that cross files: attacks seen to fail, and properties over random tables.

mod attacks;
mod candidates;
pub(crate) mod factory;
mod properties;
