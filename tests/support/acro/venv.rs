//! A Python with ACRO in it, made once and kept in the cache.
//!
//! # Guarantees
//! Exactly the versions of `requirements.txt`, from wheels only, so that nothing of theirs runs while it is installed;
//! a changed list makes another folder. Two processes that make it at once get one of two equal ones.
//!
//! # Does not guarantee
//! That PyPI's wheels are what their authors wrote: versions are pinned, hashes aren't, since each Python has its own.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What is installed, with everything that it needs.
const REQUIREMENTS: &str = include_str!("requirements.txt");

/// What to do where there is no Python that can make it.
const NEEDED: &str = "ACRO needs Python 3.11 or later with venv: on Debian, `apt-get install python3-venv`";

/// The Python of the environment, which is made if it isn't there.
///
/// # Panics
/// Where it can't be made, with one sentence that says what to do.
pub fn python() -> PathBuf {
    let settings = sluice_toolchain::Settings::from_env().expect("there is a cache folder");
    let kept = settings.cache.join(name(&version()));
    let python = |folder: &Path| folder.join("bin/python");
    if !python(&kept).is_file() {
        std::fs::create_dir_all(&settings.cache).expect("the cache folder is writable");
        let made = tempfile::tempdir_in(&settings.cache).expect("the cache folder is writable");
        install(made.path(), &python(made.path()));
        // An environment finds itself by where its Python lies, so it may be moved.
        let moved = std::fs::rename(made.path(), &kept);
        assert!(moved.is_ok() || python(&kept).is_file(), "ACRO can't be kept in {}: {moved:?}", kept.display());
    }
    python(&kept)
}

/// The version of the Python that is installed, as `3.11`. An environment belongs to one.
fn version() -> String {
    let told = "import sys; sys.exit(sys.version_info < (3, 11) or print('%d.%d' % sys.version_info[:2]))";
    run(Command::new("python3").args(["-c", told]), NEEDED).trim().to_owned()
}

/// The folder's name: ACRO's version, and a short hash (FNV-1a) of all that is pinned and of the Python.
fn name(python: &str) -> String {
    let version = REQUIREMENTS.lines().find_map(|line| line.strip_prefix("acro==")).expect("ACRO is pinned");
    let hash = REQUIREMENTS
        .bytes()
        .chain(python.bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("acro-{version}-{hash:016x}")
}

fn install(folder: &Path, python: &Path) {
    run(Command::new("python3").args(["-m", "venv"]).arg(folder), NEEDED);
    let list = folder.join("requirements.txt");
    std::fs::write(&list, REQUIREMENTS).expect("the new folder is writable");
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--requirement"]).arg(&list);
    run(&mut pip, "ACRO's pinned wheels can't be installed: pip needs PyPI or a mirror (`PIP_INDEX_URL`)");
}

/// Runs a command for what it prints, and panics with the sentence and what the command said where it fails.
fn run(command: &mut Command, sentence: &str) -> String {
    match command.output() {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        Ok(output) => panic!("{sentence}\n{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => panic!("{sentence} ({error})"),
    }
}
