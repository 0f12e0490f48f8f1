//! The nouns of Sluice.
//!
//! This crate says what the things are, which states they can be in, and who may do what to them in which state.
//! It reads no clock, draws no entropy, opens no file and knows neither Arrow nor SQL, so the rules can be read and
//! tested in seconds.
//!
//! - The nouns: [`people`], [`dataset`] with its [`dictionary`] and [`relation`]s, [`grant`], [`module`], [`contract`], [`job`],
//!   [`review`], [`exception`], [`release`].
//! - The rules: [`permission`] (may this role do this at all), [`policy`] (may it be done to this thing in this
//!   state), [`limits`] (a limit on everything), [`refusal`] (the closed list of expected errors, the only ones that
//!   an operator sees).
//! - What happens: [`event`], and [`state`], which is what the events add up to.

#![forbid(unsafe_code)]

pub mod contract;
pub mod dataset;
pub mod dictionary;
pub mod digest;
mod documents;
pub mod event;
pub mod exception;
pub mod family;
pub mod grade;
pub mod grant;
pub mod id;
pub mod job;
pub mod limits;
pub mod method;
pub mod module;
pub mod people;
pub mod permission;
pub mod policy;
pub mod refusal;
pub mod relation;
pub mod release;
pub mod review;
pub mod state;
