//! The build step itself.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::artefact::{Guest, Target};
use crate::command::{clean, run};
use crate::route::choose;
use crate::{BuildError, Route, Settings, TARGET, artefact, component, paths};

/// A built module.
#[derive(Clone, Debug)]
pub struct Built {
    /// Where the component is.
    pub path: PathBuf,
    /// Its SHA-256, in hexadecimal.
    pub digest: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Which compiler built it.
    pub route: Route,
}

/// Builds the module in `project` with the settings of the environment. The component goes to `out`, or to
/// `target/<package>.wasm` in the project's folder.
///
/// `progress` is told each step in a line.
///
/// # Errors
/// Where the folder holds no module, where no compiler is to be had, and where the module doesn't compile or isn't one.
pub fn build(project: &Path, out: Option<&Path>, progress: &mut dyn FnMut(&str)) -> Result<Built, BuildError> {
    build_with(&Settings::from_env()?, project, out, progress)
}

/// As [`build`], with settings.
///
/// # Errors
/// As [`build`].
pub fn build_with(
    settings: &Settings,
    project: &Path,
    out: Option<&Path>,
    progress: &mut dyn FnMut(&str),
) -> Result<Built, BuildError> {
    let guest = Guest::find(project)?;
    // First, so that the folders of the registries are there when their paths are renamed.
    let mut fetch = clean("cargo");
    fetch.args(["fetch", "--manifest-path"]).arg(guest.folder.join("Cargo.toml")).args(guest.locked());
    run("fetch the dependencies", fetch.current_dir(&guest.folder), None, progress)?;
    let toolchain = choose(settings, &guest.folder, progress)?;
    let module = {
        let target = Target::lock(settings.target())?;
        target.make_way(&guest)?;
        let outside = guest.outside.iter().map(|path| (path.clone(), "/path"));
        let flags = serde_json::json!(paths::remaps(outside));
        let mut cargo = clean("cargo");
        cargo
            .args(["build", "--release", "--target", TARGET, "--manifest-path"])
            .arg(guest.folder.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&target.folder)
            .arg("--config")
            .arg(format!("target.{TARGET}.rustflags={flags}"))
            .args(guest.locked())
            .current_dir(&guest.folder)
            .envs(toolchain.env);
        run(&format!("compile {}", guest.package), &mut cargo, None, progress)?;
        target.module(&guest)?
    };
    let component = component::componentize(&module)?;
    let path = out.map_or_else(|| guest.folder.join("target").join(format!("{}.wasm", guest.package)), PathBuf::from);
    artefact::write_whole(&path, &component)?;
    Ok(Built {
        path,
        digest: hex::encode(Sha256::digest(&component)),
        bytes: component.len() as u64,
        route: toolchain.route,
    })
}
