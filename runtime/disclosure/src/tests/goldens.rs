//! Goldens: the rules against examples that others published, one file each in `tests/golden/sdc`.
//!
//! A file states its source, the input as the source has it, the parameters, and what the source says of it. Where
//! Sluice says something else on purpose, the file has that as well, with the reason, and the test asserts both.
//!
//! # Does not guarantee
//! That the sources are right: `rounding-conventional` has a total that its source rounds against its own rule.

use std::path::Path;

use serde_json::Value;
use sluice_domain::grade::Grade;

use super::factory::floor;
use crate::appetite::{Dominance, PriorPosterior, Rules};
use crate::evidence::{Collector, Evidence, Unit};
use crate::protect::system::System;

mod audited;
mod intervals;
mod methods;
mod primary;
mod suppression;
mod whole;

/// Every golden, in the order of their names.
const NAMES: [&str; 30] = [
    "cell-key",
    "degrees-of-freedom",
    "differencing-areas",
    "differencing-hours",
    "dominance-at-the-limit",
    "dominance-one-is-not-enough",
    "group-attribute-disclosure",
    "holdings",
    "interval-geurts",
    "interval-investment",
    "linking-sex",
    "means-and-perturbed-counts",
    "negative-contributions",
    "p-percent-and-dominance-disagree",
    "p-percent-at-the-limit",
    "pq-from-p",
    "protection-level",
    "ratio-complement",
    "rounding-controlled",
    "rounding-conventional",
    "rounding-random",
    "suppression-dominant-cells",
    "suppression-few-contributors",
    "suppression-hierarchy",
    "suppression-linked-tables",
    "suppression-small-counts",
    "suppression-structural-zeros",
    "suppression-subsectors",
    "threshold-acro-synthetic",
    "threshold-marital-status",
];

/// From the package's folder, where tests start: what the compiler would say is another checkout's folder, when two of
/// them share a target folder.
fn folder() -> &'static Path {
    Path::new("../../tests/golden/sdc")
}

/// A golden file.
struct Golden(Value);

impl Golden {
    fn read(name: &str) -> Golden {
        let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).expect("the golden is there");
        Golden(serde_json::from_str(&text).expect("it is JSON"))
    }

    fn input(&self, key: &str) -> &Value {
        &self.0["input"][key]
    }

    fn parameter(&self, key: &str) -> &Value {
        &self.0["parameters"][key]
    }

    fn expected(&self, key: &str) -> &Value {
        &self.0["expected"][key]
    }

    /// The published parameters, which no grade's floor may be as loose as.
    fn rules(&self) -> Rules {
        let rules = floor(Grade::Open).rules().clone();
        let dominance = |pair: &Value| Dominance { n: small(&pair[0]), k_percent: small(&pair[1]) };
        Rules {
            threshold: self.parameter("threshold").as_u64().unwrap_or(1),
            dominance: items(self.parameter("dominance")).iter().map(dominance).collect(),
            p_percent: self.parameter("p_percent").as_u64().unwrap_or(0) as u32,
            prior_posterior: None,
            ..rules
        }
    }
}

/// A list; none where there isn't one.
fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn number(value: &Value) -> i128 {
    i128::from(value.as_i64().expect("a whole number"))
}

fn small(value: &Value) -> u32 {
    u32::try_from(number(value)).expect("a small number")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn flag(value: &Value) -> bool {
    value.as_bool().expect("yes or no")
}

fn numbers(value: &Value) -> Vec<i128> {
    items(value).iter().map(number).collect()
}

fn texts(value: &Value) -> Vec<&str> {
    items(value).iter().map(text).collect()
}

/// The evidence of a figure to which each subject contributes one of the values.
fn evidence(values: &[i128]) -> Evidence {
    let mut collector = Collector::new(1);
    for (subject, value) in values.iter().enumerate() {
        let (subject, values) = (subject as u32, std::slice::from_ref(value));
        collector.add(Unit { subject, group: u64::from(subject), records: 1, values });
    }
    collector.finish()
}

fn with_pq(rules: Rules, p: u32, q: u32) -> Rules {
    Rules { prior_posterior: Some(PriorPosterior { p_percent: p, q_percent: q }), ..rules }
}

/// The tables of a golden as one system.
struct Tables {
    names: Vec<String>,
    values: Vec<i128>,
    atoms: Vec<i128>,
    system: System,
}

impl Tables {
    /// Reads them, and checks that every cell's value is the sum that the source says it is.
    fn of(golden: &Golden) -> Tables {
        let cells = items(golden.input("cells"));
        let atoms = numbers(golden.input("values"));
        let entries = |cell: &Value| items(&cell["atoms"]).iter().map(small).collect();
        let system = System::of_sums(atoms.len(), cells.iter().map(entries).collect()).expect("sorted atoms");
        let values: Vec<i128> = cells.iter().map(|cell| number(&cell["value"])).collect();
        for (cell, value) in values.iter().enumerate() {
            assert_eq!(system.value(cell, &atoms), Some(*value), "{}", cells[cell]["name"]);
        }
        let names = cells.iter().map(|cell| text(&cell["name"]).to_owned()).collect();
        Tables { names, values, atoms, system }
    }

    fn cell(&self, name: &str) -> usize {
        self.names.iter().position(|other| other == name).unwrap_or_else(|| panic!("no cell {name}"))
    }

    /// The cells of these names, sorted.
    fn cells(&self, names: &Value) -> Vec<usize> {
        let mut cells: Vec<usize> = texts(names).into_iter().map(|name| self.cell(name)).collect();
        cells.sort_unstable();
        cells
    }

    /// All cells but these.
    fn without(&self, cells: &[usize]) -> Vec<usize> {
        (0..self.names.len()).filter(|cell| !cells.contains(cell)).collect()
    }

    fn named(&self, cells: &[usize]) -> Vec<&str> {
        cells.iter().map(|cell| self.names[*cell].as_str()).collect()
    }
}

#[test]
fn every_golden_is_listed_states_its_source_and_is_in_the_readme() {
    let mut found: Vec<String> = std::fs::read_dir(folder())
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be read").file_name().into_string().expect("a plain name"))
        .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
        .collect();
    found.sort_unstable();
    assert_eq!(found, NAMES);
    let readme = std::fs::read_to_string(folder().join("README.md")).expect("there is a README");
    for name in NAMES {
        let golden = Golden::read(name);
        let source = text(&golden.0["source"]);
        assert!(source.contains("https://") || source.contains("Management Science"), "{name}: {source}");
        assert!(["rule", "input", "parameters", "expected"].iter().all(|key| !golden.0[*key].is_null()), "{name}");
        assert!(readme.contains(&format!("`{name}`")), "{name} isn't in the README");
    }
}
