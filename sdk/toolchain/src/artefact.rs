//! What is built and where it lands: the package, the shared target folder, the output file.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::{clean, run};
use crate::route::lock;
use crate::{BuildError, TARGET};

/// A cargo package that makes a module.
pub(crate) struct Guest {
    /// Its folder, absolute.
    pub(crate) folder: PathBuf,
    /// Its name.
    pub(crate) package: String,
    /// The compiled file's name, without the ending.
    file: String,
    /// Whether there is a lock file to keep to.
    locked: bool,
    /// The folders of the workspace's path dependencies outside of it: cargo compiles those by their absolute paths.
    pub(crate) outside: Vec<PathBuf>,
}

impl Guest {
    /// Asks cargo about the package in a folder.
    pub(crate) fn find(project: &Path) -> Result<Self, BuildError> {
        let no = |why: &str| BuildError::NotAModule { path: project.into(), why: why.into() };
        let folder = project.canonicalize().map_err(BuildError::io(project))?;
        let manifest = folder.join("Cargo.toml");
        if !manifest.is_file() {
            return Err(no("there is no Cargo.toml in it"));
        }
        let mut cargo = clean("cargo");
        cargo.args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"]).arg(&manifest);
        let answer = run("read the manifest", cargo.current_dir(&folder), None, &mut |_| {})?;
        let answer: Value = serde_json::from_str(&answer).map_err(|_| no("cargo gives no metadata"))?;
        let package = list(&answer["packages"])
            .find(|package| package["manifest_path"].as_str().is_some_and(|path| Path::new(path) == manifest))
            .ok_or_else(|| no("its Cargo.toml holds no package"))?;
        let target = list(&package["targets"])
            .find(|target| list(&target["crate_types"]).any(|kind| kind == "cdylib"))
            .ok_or_else(|| no("its library is no cdylib; add [lib] crate-type = [\"cdylib\", \"rlib\"]"))?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let root = PathBuf::from(text(&answer["workspace_root"]));
        let paths = list(&answer["packages"])
            .flat_map(|package| list(&package["dependencies"]))
            .filter_map(|dependency| dependency["path"].as_str().map(PathBuf::from));
        let outside: BTreeSet<PathBuf> = paths.filter(|path| !path.starts_with(&root)).collect();
        Ok(Self {
            package: text(&package["name"]),
            file: text(&target["name"]).replace('-', "_"),
            locked: root.join("Cargo.lock").is_file(),
            outside: outside.into_iter().collect(),
            folder,
        })
    }

    /// What to tell cargo about the lock file.
    pub(crate) fn locked(&self) -> Option<&'static str> {
        self.locked.then_some("--locked")
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The guests' target folder, held by this process until dropped.
pub(crate) struct Target {
    pub(crate) folder: PathBuf,
    _lock: File,
}

impl Target {
    pub(crate) fn lock(folder: PathBuf) -> Result<Self, BuildError> {
        let held = lock(&folder.join("sluice.lock"))?;
        Ok(Self { folder, _lock: held })
    }

    /// Removes another project's module of the same name. Cargo gives a cdylib's file no hash, so it would take that
    /// module, being newer than this project's sources, for an up-to-date build of this one.
    pub(crate) fn make_way(&self, guest: &Guest) -> Result<(), BuildError> {
        let owners = self.folder.join("owners");
        fs::create_dir_all(&owners).map_err(BuildError::io(&owners))?;
        let owner = owners.join(&guest.file);
        let mine = guest.folder.as_os_str().as_encoded_bytes();
        if fs::read(&owner).is_ok_and(|known| known == mine) {
            return Ok(());
        }
        for stale in
            [self.release().join("deps"), self.release()].map(|folder| folder.join(format!("{}.wasm", guest.file)))
        {
            if stale.exists() {
                fs::remove_file(&stale).map_err(BuildError::io(&stale))?;
            }
        }
        fs::write(&owner, mine).map_err(BuildError::io(&owner))
    }

    /// The compiled module.
    pub(crate) fn module(&self, guest: &Guest) -> Result<Vec<u8>, BuildError> {
        let path = self.release().join(format!("{}.wasm", guest.file));
        fs::read(&path).map_err(BuildError::io(&path))
    }

    fn release(&self) -> PathBuf {
        self.folder.join(TARGET).join("release")
    }
}

/// Writes a file whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(BuildError::io(folder))?;
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(format!(".{}.new", std::process::id()));
    let fresh = PathBuf::from(fresh);
    fs::write(&fresh, bytes).map_err(BuildError::io(&fresh))?;
    fs::rename(&fresh, path).map_err(BuildError::io(path))
}
