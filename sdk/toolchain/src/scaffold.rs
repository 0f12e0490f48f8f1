//! What `sluice new` writes: a module that builds and tests at once, with the SDK beside it.
//!
//! The SDK's sources are embedded, so an author's machine needs this program, cargo and a registry, and the module
//! speaks the very contract that this program was built with.

use std::fs;
use std::path::{Path, PathBuf};

use crate::BuildError;
use crate::artefact::write_whole;

/// Which kind of module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// One subject at a time, added up by the host.
    Tabulate,
    /// One bounded table from all granted rows, read by two people.
    Report,
}

impl Lane {
    /// As the command line names it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Tabulate, Self::Report].into_iter().find(|lane| lane.name() == name)
    }

    /// The name that [`Self::from_name`] reads.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tabulate => "tabulate",
            Self::Report => "report",
        }
    }

    fn source(self) -> &'static str {
        match self {
            Self::Tabulate => include_str!("../templates/tabulate.rs.txt"),
            Self::Report => include_str!("../templates/report.rs.txt"),
        }
    }
}

/// Each file of the SDK, by its place in the vendored folder.
macro_rules! sdk {
    ($($path:literal),* $(,)?) => { &[$(($path, include_str!(concat!("../../rust/", $path)))),*] };
}

/// The SDK as it is in the repository.
const SDK: &[(&str, &str)] = sdk![
    "Cargo.toml",
    "src/allocator.rs",
    "src/arena.rs",
    "src/column.rs",
    "src/contract.rs",
    "src/lib.rs",
    "src/params.rs",
    "src/report.rs",
    "src/tabulate.rs",
    "src/testing.rs",
    "src/wire.rs",
    "wit/sluice.wit",
];

/// Lays out a new module in `dir`, which must be absent or empty, and returns the files that it wrote. The SDK goes
/// to `dir/sluice-guest`.
///
/// # Errors
/// Where the name is none that cargo takes, where the folder isn't empty, and where it can't be written.
pub fn new_project(dir: &Path, name: &str, lane: Lane) -> Result<Vec<PathBuf>, BuildError> {
    check_name(name)?;
    if dir.exists() && fs::read_dir(dir).map_err(BuildError::io(dir))?.next().is_some() {
        return Err(BuildError::Scaffold(format!("{} is not empty", dir.display())));
    }
    let fill = |text: &str| text.replace("{{name}}", name).replace("{{lane}}", lane.name());
    let mut files = vec![
        (PathBuf::from("Cargo.toml"), fill(include_str!("../templates/Cargo.toml.txt"))),
        (PathBuf::from("src/lib.rs"), fill(lane.source())),
        (PathBuf::from("README.md"), fill(include_str!("../templates/README.md.txt"))),
        (PathBuf::from(".gitignore"), "/target\n".to_owned()),
    ];
    files.extend(SDK.iter().map(|(path, text)| (Path::new("sluice-guest").join(path), (*text).to_owned())));
    files
        .into_iter()
        .map(|(path, text)| {
            let path = dir.join(path);
            write_whole(&path, text.as_bytes())?;
            Ok(path)
        })
        .collect()
}

/// What cargo takes as a package's name, less what would surprise: ASCII, a letter first.
fn check_name(name: &str) -> Result<(), BuildError> {
    let good = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.len() <= 64
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_');
    if !good {
        let rule = "a name has lower-case letters, digits, - and _, and starts with a letter";
        return Err(BuildError::Scaffold(format!("{name:?}: {rule}")));
    }
    if ["test", "core", "std", "alloc", "sluice-guest"].contains(&name) {
        return Err(BuildError::Scaffold(format!("{name:?} is taken: by Rust or by the SDK")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_sdk_is_embedded() {
        // From the package's folder, where tests start.
        let mut found: Vec<String> = fs::read_dir("../rust/src")
            .expect("the SDK is in the repository")
            .map(|entry| format!("src/{}", entry.expect("readable").file_name().to_string_lossy()))
            .collect();
        found.sort();
        let embedded: Vec<&str> = SDK.iter().map(|(path, _)| *path).filter(|path| path.ends_with(".rs")).collect();
        assert_eq!(found, embedded);
    }

    #[test]
    fn a_bad_name_or_a_full_folder_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["", "Upper", "1st", "a b", "../up", "test", "ünicode"] {
            assert!(matches!(new_project(folder.path(), name, Lane::Tabulate), Err(BuildError::Scaffold(_))), "{name}");
        }
        new_project(folder.path(), "first", Lane::Tabulate).expect("an empty folder");
        assert!(matches!(new_project(folder.path(), "second", Lane::Report), Err(BuildError::Scaffold(_))));
    }
}
