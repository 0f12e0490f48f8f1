//! Which compiler builds the guests.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::command::{clean, run};
use crate::{BuildError, Settings, TARGET, debian};

/// How long rustup may take: where it reaches a server it needs about two seconds.
const RUSTUP_LIMIT: Duration = Duration::from_secs(20);
/// How long a failure of rustup is remembered.
const RUSTUP_RETRY: Duration = Duration::from_secs(60 * 60);

/// The ways to a compiler, in the order in which they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// The target is installed beside the compiler in use.
    Installed,
    /// rustup has just added it.
    Rustup,
    /// Debian's compiler, unpacked into the cache, with a standard library compiled there once.
    Debian,
}

impl Route {
    /// As `SLUICE_TOOLCHAIN` names it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Installed, Self::Rustup, Self::Debian].into_iter().find(|route| route.name() == name)
    }

    /// The name that [`Self::from_name`] reads.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Rustup => "rustup",
            Self::Debian => "debian",
        }
    }
}

/// A compiler and how to call it.
pub(crate) struct Toolchain {
    pub(crate) route: Route,
    /// What cargo needs in its environment to use it.
    pub(crate) env: Vec<(OsString, OsString)>,
}

/// Finds the first route that works. `project` is where rustc is asked, since a project may pin its toolchain.
pub(crate) fn choose(
    settings: &Settings,
    project: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<Toolchain, BuildError> {
    let tries = |route| settings.route.is_none_or(|only| only == route);
    let plain = |route| Toolchain { route, env: Vec::new() };
    if tries(Route::Installed) && sysroot(project).is_some_and(|root| has_target(&root)) {
        return Ok(plain(Route::Installed));
    }
    let rustup = if tries(Route::Rustup) {
        match add_target(settings, project, progress) {
            Ok(()) => return Ok(plain(Route::Rustup)),
            Err(why) => why,
        }
    } else {
        "not tried, as SLUICE_TOOLCHAIN asks".into()
    };
    let debian = if tries(Route::Debian) {
        match debian::prepare(settings, sysroot(project).as_deref(), progress) {
            Ok(env) => {
                return Ok(Toolchain { route: Route::Debian, env });
            }
            Err(why) => why.to_string(),
        }
    } else {
        "not tried, as SLUICE_TOOLCHAIN asks".into()
    };
    Err(BuildError::NoToolchain { rustup, debian })
}

/// Opens a file and waits for its lock, which ends with the file's handle.
pub(crate) fn lock(path: &Path) -> Result<File, BuildError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(BuildError::io(folder))?;
    }
    let file = File::options().create(true).truncate(false).write(true).open(path).map_err(BuildError::io(path))?;
    file.lock().map_err(BuildError::io(path))?;
    Ok(file)
}

/// The root of the compiler in use; `None` where there is none.
fn sysroot(project: &Path) -> Option<PathBuf> {
    let mut rustc = clean("rustc");
    let output = run("ask rustc", rustc.args(["--print", "sysroot"]).current_dir(project), None, &mut |_| {}).ok()?;
    Some(PathBuf::from(output.trim()))
}

fn has_target(sysroot: &Path) -> bool {
    // An uninstalled target may leave its folder behind: only a core library makes it one.
    fs::read_dir(sysroot.join("lib/rustlib").join(TARGET).join("lib"))
        .is_ok_and(|files| files.flatten().any(|file| file.file_name().to_string_lossy().starts_with("libcore-")))
}

/// Asks rustup for the target, unless it failed within the last hour. An error is the reason, as text.
fn add_target(settings: &Settings, project: &Path, progress: &mut dyn FnMut(&str)) -> Result<(), String> {
    let folder = settings.toolchain();
    let _lock = lock(&folder.join("rustup.lock")).map_err(|error| error.to_string())?;
    if sysroot(project).is_some_and(|root| has_target(&root)) {
        return Ok(());
    }
    let failed = folder.join("rustup-failed");
    let age = fs::metadata(&failed).and_then(|file| file.modified()).ok().and_then(|time| time.elapsed().ok());
    if age.is_some_and(|age| age < RUSTUP_RETRY) {
        let why = fs::read_to_string(&failed).unwrap_or_default();
        return Err(format!("{} (remembered; remove {} to ask again)", why.trim(), failed.display()));
    }
    progress("asking rustup for the target");
    let mut rustup: Command = clean("rustup");
    let added = run(
        "add the target with rustup",
        rustup.args(["target", "add", TARGET]).current_dir(project),
        Some(RUSTUP_LIMIT),
        progress,
    );
    match added {
        Ok(_) if sysroot(project).is_some_and(|root| has_target(&root)) => {
            let _ = fs::remove_file(&failed);
            Ok(())
        }
        Ok(_) => Err("rustup added it to another toolchain than the one in use".into()),
        Err(error) => {
            let why = error.to_string().replace('\n', " ");
            // Where it can't be remembered the next guest asks again: slower, not wrong.
            let _ = fs::write(&failed, &why);
            Err(why)
        }
    }
}
