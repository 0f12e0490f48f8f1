//! From guest source to component: the build step, with its fallback, and the scaffold of a new module.
//!
//! A guest is a Rust `cdylib` for `wasm32-unknown-unknown`. Where rustup can't reach a server that target isn't to be
//! had in the usual way, so the build step asks in this order ([`Route`]): is the target installed; can rustup add it,
//! within a short time; can Debian's packages supply a compiler. Whatever it finds out is kept in a cache folder
//! outside of `target/`, so that a clean checkout doesn't ask again.
//!
//! *Guarantees:* two processes may build at the same time; an output file is whole or not there; the component holds
//! no names, no producers and no path of the home folder. *Does not guarantee* the same bytes from two routes: they
//! are different compilers.

mod artefact;
mod build;
mod command;
mod component;
mod debian;
mod error;
mod paths;
mod route;
mod scaffold;
mod settings;

pub use build::{Built, build, build_with};
pub use component::{componentize, componentize_core};
pub use error::BuildError;
pub use route::Route;
pub use scaffold::{Lane, new_project};
pub use settings::Settings;

/// The target that guests are compiled for.
pub const TARGET: &str = "wasm32-unknown-unknown";
