//! The modules that the demo submits, built from source like any author's.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::super::failure::{Answer, Failure};
use super::super::{author, say};

/// Each module: its name, its folder, what it says that it does.
const MODULES: [(&str, &str, &str); 8] = [
    ("delays", "examples/delays", "Departure delays by carrier, origin and month"),
    ("punctuality", "examples/punctuality", "The share of flights that departed on time, by carrier"),
    ("fleet", "examples/fleet", "Flights by carrier and age of the aircraft, from flights and the register"),
    ("monthly_report", "examples/monthly_report", "Flights and their mean departure delay by month"),
    ("refused", "examples/refused", "An innocent count by quarter, or so it says"),
    ("emit_rows", "tests/guests/emit_rows", "A count by parity, or so it says"),
    ("spin_map", "tests/guests/spin_map", "A count, or so it says"),
    ("memory_4gib", "tests/guests/memory_4gib", "A count, or so it says"),
];

/// The built modules.
pub struct Guests(Vec<Guest>);

/// A built module.
pub struct Guest {
    /// Its name.
    pub name: &'static str,
    /// What it says that it does.
    pub statement: &'static str,
    /// The component.
    pub path: PathBuf,
}

impl Guests {
    /// The module of that name.
    ///
    /// # Errors
    /// None of them.
    pub fn get(&self, name: &str) -> Answer<&Guest> {
        let found = self.0.iter().find(|guest| guest.name == name);
        found.ok_or_else(|| Failure::Fault(format!("the demo has no module {name}")))
    }
}

/// Builds them all.
///
/// # Errors
/// One that doesn't build, or no compiler for it.
pub fn build(sources: &Path, work: &Path) -> Answer<Guests> {
    say::out("1. Modules are built from source")?;
    let folder = work.join("modules");
    std::fs::create_dir_all(&folder).map_err(|error| Failure::file("make", &folder, &error))?;
    let mut guests = Vec::new();
    for (name, source, statement) in MODULES {
        let begun = Instant::now();
        let path = folder.join(format!("{name}.wasm"));
        let built = author::build(&sources.join(source), Some(&path))?;
        let seconds = begun.elapsed().as_secs_f32();
        say::out(format_args!("   {source}: {} bytes, {seconds:.1} s", built.bytes))?;
        guests.push(Guest { name, statement, path });
    }
    Ok(Guests(guests))
}
