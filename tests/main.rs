//! The tests that need the whole house: one binary, so that DataFusion and wasmtime are linked once.
//!
//! `guard` is the plan guard as a table; `laws` holds what must be true of every count; the other files are journeys
//! through the real commands and attacks that are seen to fail.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "tests")]

mod acro;
mod api;
mod claims;
mod crashes;
mod duties;
mod ended;
mod exceptions;
mod families;
mod faults;
mod files;
mod guard;
mod hostile;
mod journey;
mod laws;
mod linker;
mod people;
mod rates;
mod relations;
mod releases;
mod repeats;
mod reports;
mod routes;
mod snapshots;
mod support;
mod tighten;
mod tokens;
mod uploads;
