//! Debian's compiler: unpacked, never installed, since the packages conflict with rustup.
//!
//! `rustc-web` has no standard library for the target, but `rust-web-src` has its source. So the library is compiled
//! once and put where the compiler looks for it; from then on this is an ordinary compiler with the target installed,
//! and a guest takes no longer than with rustup.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{clean, run};
use crate::route::lock;
use crate::{BuildError, Settings, TARGET, paths};

/// In the compiler's folder once everything is in place.
const COMPLETE: &str = "complete";
/// The package that is compiled to have the standard library compiled.
const SEED_MANIFEST: &str = r#"[package]
name = "seed"
version = "0.0.0"
edition = "2024"

[workspace]

[profile.release]
codegen-units = 1
opt-level = "s"
panic = "abort"
"#;

/// Makes sure that the compiler is in the cache, and returns the environment that makes cargo use it.
pub(crate) fn prepare(
    settings: &Settings,
    sysroot: Option<&Path>,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<(OsString, OsString)>, BuildError> {
    let linker = linker(sysroot)?;
    let folder = settings.toolchain();
    let root = folder.join("debian");
    let _lock = lock(&folder.join("debian.lock"))?;
    if !root.join(COMPLETE).exists() {
        let fresh = folder.join("debian.new");
        for stale in [&root, &fresh] {
            if stale.exists() {
                fs::remove_dir_all(stale).map_err(BuildError::io(stale))?;
            }
        }
        unpack(&fresh, progress)?;
        compile_library(&fresh, &linker, progress)?;
        fs::rename(&fresh, &root).map_err(BuildError::io(&root))?;
    }
    environment(&root, &linker)
}

/// Fetches the packages and unpacks them into one root.
fn unpack(root: &Path, progress: &mut dyn FnMut(&str)) -> Result<(), BuildError> {
    let debs = root.join("debs");
    fs::create_dir_all(&debs).map_err(BuildError::io(&debs))?;
    progress("fetching Debian's compiler (about 140 MB, once)");
    // Without lists, or with stale ones, nothing is found: then they are fetched, and it is tried once more.
    let fetched = packages(progress).and_then(|names| download(&debs, &names, progress));
    if fetched.is_err() {
        run("update Debian's package lists", clean("apt-get").args(["-q", "update"]), None, progress)?;
        let names = packages(progress)?;
        download(&debs, &names, progress)?;
    }
    for entry in fs::read_dir(&debs).map_err(BuildError::io(&debs))?.flatten() {
        run("unpack a package", clean("dpkg").arg("-x").arg(entry.path()).arg(root), None, progress)?;
    }
    fs::remove_dir_all(&debs).map_err(BuildError::io(&debs))
}

/// The packages to fetch, each as apt names it. One version for all that are built from the compiler's source.
fn packages(progress: &mut dyn FnMut(&str)) -> Result<Vec<String>, BuildError> {
    let policy = run("ask for rustc-web", clean("apt-cache").args(["policy", "rustc-web"]), None, progress)?;
    let version = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate: "));
    let version = version.filter(|version| *version != "(none)").ok_or_else(|| missing("rustc-web"))?;
    let library = depends("libstd-rust-web-dev", version, "libstd-rust-web-", progress)?;
    let llvm = depends(&library, version, "libllvm", progress)?;
    let mut names: Vec<String> = ["rustc-web", "libstd-rust-web-dev", &library, "rust-web-src"]
        .iter()
        .map(|name| format!("{name}={version}"))
        .collect();
    names.push(llvm);
    Ok(names)
}

/// The package with this prefix that a package of that version depends on.
fn depends(name: &str, version: &str, prefix: &str, progress: &mut dyn FnMut(&str)) -> Result<String, BuildError> {
    let named = format!("{name}={version}");
    let listing = run("ask for dependencies", clean("apt-cache").args(["show", &named]), None, progress)?;
    let wanted = listing
        .lines()
        .filter_map(|line| line.strip_prefix("Depends: "))
        .flat_map(|line| line.split(','))
        .filter_map(|clause| clause.split_whitespace().next())
        .find(|package| package.starts_with(prefix));
    wanted.map(str::to_owned).ok_or_else(|| missing(prefix))
}

fn missing(what: &str) -> BuildError {
    BuildError::Step { step: "find Debian's compiler".into(), output: format!("there is no package {what}") }
}

fn download(into: &Path, names: &[String], progress: &mut dyn FnMut(&str)) -> Result<(), BuildError> {
    let mut apt = clean("apt-get");
    // The sandbox user may not write into a home folder; the download is verified all the same.
    apt.args(["-q", "-o", "APT::Sandbox::User=root", "download"]).args(names).current_dir(into);
    run("fetch Debian's compiler", &mut apt, None, progress).map(drop)
}

/// Compiles the standard library and puts it beside the compiler, with bitcode, since guests ask for LTO.
fn compile_library(root: &Path, linker: &Path, progress: &mut dyn FnMut(&str)) -> Result<(), BuildError> {
    progress("compiling the standard library for the target (about a minute, once)");
    let seed = root.join("seed");
    let source = seed.join("src");
    fs::create_dir_all(&source).map_err(BuildError::io(&source))?;
    fs::write(seed.join("Cargo.toml"), SEED_MANIFEST).map_err(BuildError::io(&seed))?;
    fs::write(source.join("lib.rs"), "#![no_std]\n").map_err(BuildError::io(&source))?;
    let mut flags = paths::remaps([(root.to_path_buf(), "/rust")]);
    flags.push("-Cembed-bitcode=yes".into());
    let mut cargo = clean("cargo");
    cargo
        .args(["build", "--release", "--target", TARGET, "-Zbuild-std=std,panic_abort", "--target-dir"])
        .arg(seed.join("target"))
        .current_dir(&seed)
        .envs(environment(root, linker)?)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    run("compile the standard library", &mut cargo, None, progress)?;

    let library = root.join("usr/lib/rustlib").join(TARGET).join("lib");
    fs::create_dir_all(&library).map_err(BuildError::io(&library))?;
    let built = seed.join("target").join(TARGET).join("release/deps");
    for entry in fs::read_dir(&built).map_err(BuildError::io(&built))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".rlib") && !name.starts_with("libseed-") {
            fs::copy(entry.path(), library.join(&name)).map_err(BuildError::io(&library))?;
        }
    }
    // The sources have done their part; they are more than half of what was unpacked.
    for done in [seed, root.join("usr/src"), root.join("usr/share")] {
        if done.exists() {
            fs::remove_dir_all(&done).map_err(BuildError::io(&done))?;
        }
    }
    fs::write(root.join(COMPLETE), "").map_err(BuildError::io(root))
}

fn environment(root: &Path, linker: &Path) -> Result<Vec<(OsString, OsString)>, BuildError> {
    let rustc = root.join("usr/bin/rustc");
    let lib = root.join("usr/lib");
    // The folder is named after the machine (x86_64-linux-gnu, say): it's the one with the compiler's own library.
    let libraries = fs::read_dir(&lib)
        .map_err(BuildError::io(&lib))?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            fs::read_dir(path).is_ok_and(|files| {
                files.flatten().any(|file| file.file_name().to_string_lossy().starts_with("librustc_driver"))
            })
        })
        .ok_or_else(|| missing("libstd-rust-web with the compiler's library"))?;
    Ok(vec![
        ("RUSTC".into(), rustc.into()),
        ("LD_LIBRARY_PATH".into(), libraries.into()),
        ("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER".into(), linker.into()),
    ])
}

/// A linker for the target: the one beside the compiler in use, else one on the search path.
fn linker(sysroot: Option<&Path>) -> Result<PathBuf, BuildError> {
    let beside = sysroot.map(|root| root.join("lib/rustlib")).and_then(|hosts| {
        let hosts = fs::read_dir(hosts).ok()?;
        hosts.flatten().map(|host| host.path().join("bin/rust-lld")).find(|path| path.is_file())
    });
    let on_path = || {
        let path = std::env::var_os("PATH")?;
        let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        ["rust-lld", "wasm-ld"]
            .iter()
            .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
            .find(|path| path.is_file())
    };
    beside.or_else(on_path).ok_or_else(|| BuildError::Step {
        step: "find a linker for the target".into(),
        output: "neither rust-lld nor wasm-ld is there; Debian's package lld has the latter".into(),
    })
}
