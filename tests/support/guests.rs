//! The hostile modules and the examples, built from source as an author's are: each once in a run of the tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::data::{examples, root};

static BUILT: Mutex<BTreeMap<String, Arc<Vec<u8>>>> = Mutex::new(BTreeMap::new());

/// The folder of the hostile modules.
pub fn folder() -> PathBuf {
    root().join("tests/guests")
}

/// The names of the hostile modules.
pub fn names() -> Vec<String> {
    let entries = std::fs::read_dir(folder()).expect("the guests").flatten();
    let stems = entries.filter_map(|entry| {
        let path = entry.path();
        let is_guest = path.join("Cargo.toml").is_file() || path.extension().is_some_and(|ending| ending == "wat");
        is_guest.then(|| path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned))?
    });
    let mut names: Vec<String> = stems.collect();
    names.sort();
    names
}

/// A module's component: a hostile one's or an example's, by the name of its folder.
pub fn guest(name: &str) -> Arc<Vec<u8>> {
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(bytes) = built.get(name) {
        return Arc::clone(bytes);
    }
    let bytes = Arc::new(build(name));
    built.insert(name.to_owned(), Arc::clone(&bytes));
    bytes
}

fn build(name: &str) -> Vec<u8> {
    let text = folder().join(format!("{name}.wat"));
    if text.is_file() {
        return sluice_toolchain::componentize_core(&core(name), sluice_toolchain::Lane::Tabulate)
            .expect("it has the exports of its lane");
    }
    let hostile = folder().join(name);
    let project = if hostile.is_dir() { hostile } else { examples().join(name) };
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests").join(format!("{name}.wasm"));
    let mut lines = Vec::new();
    let built = sluice_toolchain::build(&project, Some(&out), &mut |line| lines.push(line.to_owned()));
    let built = built.unwrap_or_else(|error| panic!("{name}: {error}\n{}", lines.join("\n")));
    std::fs::read(built.path).expect("it was built")
}

/// The core module of a module that is written as text.
pub fn core(name: &str) -> Vec<u8> {
    let text = std::fs::read_to_string(folder().join(format!("{name}.wat"))).expect("it is there");
    wat::parse_str(text).expect("it is WebAssembly")
}
