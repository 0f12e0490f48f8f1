//! Why a module wasn't built.

use std::io;
use std::path::{Path, PathBuf};

/// Why a module wasn't built or laid out. The texts are for the author of the module, on the author's own machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A file or folder couldn't be read or written.
    #[error("failed to use {path}: {source}")]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A program couldn't be started.
    #[error("failed to start {program}: {source}")]
    Start {
        /// Which one.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// A program ran and failed.
    #[error("failed to {step}:\n{output}")]
    Step {
        /// What it was to do.
        step: String,
        /// The last lines that it wrote.
        output: String,
    },
    /// A program took longer than it may.
    #[error("failed to {step} within {seconds} s")]
    Slow {
        /// What it was to do.
        step: String,
        /// How long it had.
        seconds: u64,
    },
    /// The folder holds no module.
    #[error("{path} is no module: {why}")]
    NotAModule {
        /// The folder.
        path: PathBuf,
        /// What is missing, and what to do about it.
        why: String,
    },
    /// What was compiled can't be made a component.
    #[error("failed to make a component of the module: {0}")]
    Component(String),
    /// No way to a compiler for the target.
    #[error(
        "no compiler for wasm32-unknown-unknown. There are three ways to one:\n\
         1. the target is installed (as a package of the system, say): it is not\n\
         2. `rustup target add wasm32-unknown-unknown`: {rustup}\n\
         3. Debian's packages rustc-web and rust-web-src, unpacked into a cache folder: {debian}"
    )]
    NoToolchain {
        /// Why rustup couldn't.
        rustup: String,
        /// Why Debian's packages couldn't.
        debian: String,
    },
    /// A new project's name or folder won't do.
    #[error("failed to lay out a new module: {0}")]
    Scaffold(String),
}

impl BuildError {
    /// For `map_err` on anything that touches a path.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { path, source }
    }
}
