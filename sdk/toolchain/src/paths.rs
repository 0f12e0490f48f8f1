//! Paths that must not get into a module.
//!
//! A module carries source paths in its panic messages to the agency. The author's folders, and the mirror that the
//! dependencies came from, are none of the agency's business.

use std::path::PathBuf;
use std::{env, fs};

/// Flags that rename the home folder, cargo's folder and its registries, then `more`. Of several prefixes that fit
/// rustc takes the last.
pub(crate) fn remaps(more: impl IntoIterator<Item = (PathBuf, &'static str)>) -> Vec<String> {
    let home = env::var_os("HOME").map(PathBuf::from);
    let cargo = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(home.as_ref()?.join(".cargo")));
    let registries = cargo.as_ref().map(|cargo| fs::read_dir(cargo.join("registry/src")));
    let mut registries: Vec<PathBuf> =
        registries.into_iter().flatten().flatten().flatten().map(|entry| entry.path()).collect();
    registries.sort();
    home.into_iter()
        .map(|path| (path, "/home"))
        .chain(cargo.into_iter().map(|path| (path, "/cargo")))
        .chain(registries.into_iter().map(|path| (path, "/crates")))
        .chain(more)
        .map(|(path, name)| format!("--remap-path-prefix={}={name}", path.display()))
        .collect()
}
