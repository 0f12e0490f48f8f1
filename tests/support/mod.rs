//! What several tests need.

pub mod acro;
pub mod acts;
pub mod client;
pub mod data;
pub mod guests;
pub mod node;
pub mod shared;
pub mod tables;
