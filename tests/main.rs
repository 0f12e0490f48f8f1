//! The tests that need the whole house: one binary, so that DataFusion and wasmtime are linked once.
//!
//! `guard` is the plan guard as a table; `laws` holds what must be true of every count; the other files are journeys
//! through the real commands and attacks that are seen to fail.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "tests")]

mod api;
mod crashes;
mod duties;
mod files;
mod guard;
mod hostile;
mod journey;
mod laws;
mod linker;
mod people;
mod releases;
mod reports;
mod routes;
mod support;
mod uploads;
