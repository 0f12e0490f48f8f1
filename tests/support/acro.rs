//! ACRO as an oracle: what the tool of the British research environments masks of the same contributions.
//!
//! Source: <https://github.com/AI-SDC/ACRO>, from PyPI, in the version of `acro/requirements.txt`.

pub mod data;
mod venv;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::{Value, json};
use sluice_disclosure::appetite::Rules;
use sluice_disclosure::primary::Bounds;

use super::data::root;

/// What one unit contributes to one cell.
pub struct Contribution {
    /// The cell.
    pub codes: Vec<String>,
    /// The unit's ordinal.
    pub unit: u32,
    /// The legal entity that it belongs to; ACRO doesn't know of it.
    pub group: u64,
    /// One value for each measure.
    pub values: Vec<i128>,
}

/// What both tools are given: one contribution at most for each unit and cell.
pub struct Microdata {
    /// What the table of differences calls it.
    pub name: &'static str,
    /// Dimensions, in the codes' order.
    pub dimensions: Vec<&'static str>,
    /// Measures, in the values' order, each with its bounds by unit, where some are declared.
    pub measures: Vec<(&'static str, Bounds)>,
    /// The contributions.
    pub contributions: Vec<Contribution>,
}

/// One table to check.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Of what.
    pub data: &'a Microdata,
    /// The measure that is summed; none for the count of units.
    pub measure: Option<usize>,
    /// The appetite. ACRO has one (n,k) rule, which is the first of ours, and no pq rule.
    pub rules: &'a Rules,
    /// Whether its suppressed table is asked for as well; it takes seconds where there are many cells.
    pub suppress: bool,
}

/// What ACRO says of a cell.
#[derive(Deserialize)]
pub struct Cell {
    /// The cell.
    pub codes: Vec<String>,
    /// The count or sum; 0 for an empty cell.
    pub value: i128,
    /// The checks that it failed, by ACRO's names.
    pub failed: BTreeSet<String>,
    /// Whether the suppressed table withholds it.
    pub suppressed: Option<bool>,
}

/// ACRO's answer.
#[derive(Deserialize)]
pub struct Answer {
    /// The appetite that it has by default.
    pub defaults: Value,
    /// Every cell of each table, empty ones included.
    #[serde(rename = "answers")]
    pub tables: Vec<Vec<Cell>>,
}

/// The part of an appetite that ACRO has.
pub fn appetite(rules: &Rules) -> Value {
    let dominance = rules.dominance.first().expect("every floor has an (n,k) rule");
    json!({
        "threshold": rules.threshold,
        "n": dominance.n,
        "k_percent": dominance.k_percent,
        "p_percent": rules.p_percent,
    })
}

/// Asks ACRO.
pub fn ask(asked: &[Asked<'_>]) -> Answer {
    static PYTHON: OnceLock<std::path::PathBuf> = OnceLock::new();
    let python = PYTHON.get_or_init(venv::python);
    let folder = tempfile::tempdir().expect("a folder");
    let cases: Vec<Value> = asked.iter().map(|asked| case(asked, folder.path())).collect();
    let cases_file = folder.path().join("cases.json");
    std::fs::write(&cases_file, json!(cases).to_string()).expect("the folder is writable");
    let script = root().join("tests/support/acro/masks.py");
    let mut command = Command::new(python);
    // Neither a display nor anything in the home folder has to do with masks.
    command.arg("-I").arg(script).arg(&cases_file).env("MPLBACKEND", "Agg").env("MPLCONFIGDIR", folder.path());
    let output = command.output().expect("the environment's Python runs");
    assert!(output.status.success(), "ACRO failed\n{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the script prints its answers")
}

/// One case as the script reads it; its contributions are written once.
fn case(asked: &Asked<'_>, folder: &Path) -> Value {
    let data = asked.data;
    let file = folder.join(format!("{}.csv", data.name));
    if !file.exists() {
        write(data, &file);
    }
    json!({
        "file": file,
        "dimensions": data.dimensions,
        "measure": asked.measure.and_then(|index| data.measures.get(index)).map(|(name, _)| name),
        "appetite": appetite(asked.rules),
        "suppress": asked.suppress,
    })
}

fn write(data: &Microdata, file: &Path) {
    let mut writer = csv::Writer::from_writer(File::create(file).expect("the folder is writable"));
    let measures = data.measures.iter().map(|(name, _)| *name);
    writer.write_record(data.dimensions.iter().copied().chain(measures)).expect("the header is written");
    for part in &data.contributions {
        let values = part.values.iter().map(i128::to_string);
        writer.write_record(part.codes.iter().cloned().chain(values)).expect("a row is written");
    }
    writer.flush().expect("all is written");
}
