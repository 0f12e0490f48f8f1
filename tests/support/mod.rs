//! What several tests need.

pub mod data;
pub mod tables;
