//! Where the demo finds its sources, and where its node lives.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use sluice_server::files::{Home, HomeFault};
use tempfile::TempDir;

use super::super::failure::{Answer, Failure};
use super::super::say;

/// What a folder has that the demo can be played from.
const MARK: &str = "examples/data/flights.dictionary.json";

/// The folder with the examples: this one or one above it, or one above this program.
///
/// # Errors
/// None of them.
pub fn sources() -> Answer<PathBuf> {
    let here = std::env::current_dir().ok();
    let program = std::env::current_exe().ok();
    // Cargo says where the package is that it runs.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let starts = [here, package, program];
    let found = starts.iter().flatten().flat_map(|start| start.ancestors()).find(|folder| folder.join(MARK).is_file());
    let none = || Failure::Usage("the demo needs the repository's examples: run it from the repository".to_owned());
    found.map(Path::to_path_buf).ok_or_else(none)
}

/// Whether somebody else listens there: better said before the modules are built than after.
///
/// # Errors
/// The port is taken.
pub fn is_free(listen: SocketAddr) -> Answer {
    match TcpListener::bind(listen) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => Err(Failure::Usage(format!(
            "the port of {listen} is taken: stop the other program or choose another --listen"
        ))),
        // Anything else is the node's to say.
        _ => Ok(()),
    }
}

/// The node's folder: a given one, or a temporary one.
pub enum Place {
    /// It was asked for, and stays.
    Given(PathBuf),
    /// It goes when the demo ends well.
    Temporary(TempDir),
    /// It was temporary, but its node goes on.
    Kept(PathBuf),
}

impl Place {
    /// Chooses a folder without a node in it. An earlier demo's folder is moved aside, never changed.
    ///
    /// # Errors
    /// A folder that holds something else, or whose node is running.
    pub fn choose(home: Option<&Path>, keep: bool) -> Answer<Place> {
        let Some(home) = home else {
            let made = tempfile::Builder::new().prefix("sluice-demo-").tempdir();
            let made = made.map_err(|error| Failure::Usage(format!("failed to make a temporary folder: {error}")))?;
            return Ok(if keep { Place::Kept(made.keep()) } else { Place::Temporary(made) });
        };
        if holds_something(home) {
            move_aside(home)?;
        }
        std::fs::create_dir_all(home).map_err(|error| Failure::file("make", home, &error))?;
        let home = home.canonicalize().map_err(|error| Failure::file("use", home, &error))?;
        Ok(Place::Given(home))
    }

    /// The node's folder.
    pub fn home(&self) -> &Path {
        match self {
            Place::Given(home) | Place::Kept(home) => home,
            Place::Temporary(home) => home.path(),
        }
    }

    /// Where the demo puts what it builds and fetches.
    pub fn work(&self) -> PathBuf {
        self.home().join("demo")
    }

    /// Says where everything is, where it stays.
    ///
    /// # Errors
    /// As [`say::out`].
    pub fn done(self) -> Answer {
        match self {
            Place::Temporary(_) => Ok(()),
            Place::Given(home) | Place::Kept(home) => {
                let work = home.join("demo");
                say::out(format_args!(
                    "The node's folder is {}; what was fetched is in {}.",
                    home.display(),
                    work.display()
                ))
            }
        }
    }

    /// Keeps the folder after a failure, and says where it is.
    pub fn leave(self) {
        let home = match self {
            Place::Given(home) | Place::Kept(home) => home,
            Place::Temporary(home) => home.keep(),
        };
        say::note(format_args!("what there is of it is in {}", home.display()));
    }
}

fn holds_something(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

fn move_aside(home: &Path) -> Answer {
    let shown = home.display();
    if !home.join("state.db").is_file() {
        return Err(Failure::Usage(format!("{shown} holds something that isn't a node: choose another --home")));
    }
    let lock = Home::open(home).and_then(|home| home.lock());
    match lock {
        Ok(lock) => drop(lock),
        Err(HomeFault::Taken) => {
            return Err(Failure::Usage(format!("a node is running in {shown}: stop it, or choose another --home")));
        }
        Err(fault) => return Err(Failure::Usage(fault.to_string())),
    }
    let aside = (1..=999).map(|number| beside(home, number)).find(|path| !path.exists());
    let aside = aside.ok_or_else(|| Failure::Usage(format!("{shown} and 999 copies of it are there: remove some")))?;
    std::fs::rename(home, &aside).map_err(|error| Failure::file("move aside", home, &error))?;
    say::note(format_args!("{shown} holds an earlier node: it was moved to {}, unchanged", aside.display()));
    Ok(())
}

fn beside(home: &Path, number: u32) -> PathBuf {
    // `./x/` and `.` have no name of their own to put a number behind.
    let plain: PathBuf = home.canonicalize().unwrap_or_else(|_| home.to_path_buf());
    let mut name = plain.into_os_string();
    name.push(format!(".{number}"));
    PathBuf::from(name)
}
