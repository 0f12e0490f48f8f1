//! Write a Sluice module in Rust.
//!
//! A module never sees a data set whole and lets nothing out by itself. In lane `tabulate` it says what table it
//! wants ([`Tabulate::describe`], before any data is there) and then maps one subject's rows to contributions
//! ([`Tabulate::map`], in an instance made for that subject); the host clamps, adds up and decides what may leave.
//! In lane `report` it reads batches and returns one bounded table, which two people read.
//!
//! ```
//! use sluice_guest::{Contract, Contributions, Params, Rows, Tabulate, export_tabulate};
//!
//! struct Flights;
//!
//! impl Tabulate for Flights {
//!     fn describe(_: &Params) -> Result<Contract, String> {
//!         Ok(Contract::new("SELECT month FROM flights")
//!             .dimension("quarter", ["Q1", "Q2", "Q3", "Q4"])
//!             .subjects())
//!     }
//!
//!     fn map(subject: &Rows<'_>, out: &mut Contributions) {
//!         for month in subject.column(0).i64s().flatten() {
//!             out.add(&[(month - 1) / 3], &[]);
//!         }
//!     }
//! }
//!
//! export_tabulate!(Flights);
//! ```
//!
//! *Guarantees:* the reader never reads outside of the arena and never panics, whatever the arena holds. *Does not
//! guarantee* anything about disclosure: that is the host's part, and the host takes the module as hostile.
//!
//! The exports exist for `wasm32` only. Everything else compiles natively, so a module's logic is tested with
//! `cargo test`; [`testing`] makes the arenas.
//!
//! A module's memory is handed out by an allocator that is made for one short call (feature `allocator`, on by default;
//! a module that brings its own `#[global_allocator]` turns it off).

#![cfg_attr(test, allow(clippy::indexing_slicing))]

#[cfg(target_endian = "big")]
compile_error!("an arena is little-endian");

#[cfg(any(target_arch = "wasm32", test))]
mod allocator;
mod arena;
mod column;
mod contract;
mod params;
mod report;
mod tabulate;
pub mod testing;

#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod wire;

pub use arena::{Kind, Rows};
pub use column::Column;
pub use contract::{Contract, Dimension, Domain, Measure, Ratio, ReportColumn, ReportContract, Statistic};
pub use params::Params;
pub use report::{Batch, Inputs, Report, Table};
pub use tabulate::{Contributions, Tabulate, code};
