//! What `runtime/docs/breach.md` says of tests, held against the tree: a test that is named exists, and none is said
//! to be missing that is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::data::root;

fn page() -> String {
    fs::read_to_string(root().join("runtime/docs/breach.md")).expect("the page")
}

/// All Rust sources beneath, but for what was built.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if entry.file_type().expect("it is there").is_dir() {
            if name != "target" {
                sources(&path, found);
            }
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The names of the functions that are marked as tests.
fn tests() -> BTreeSet<String> {
    let mut paths = Vec::new();
    for folder in ["runtime", "sdk", "tests", "examples", "benches"] {
        sources(&root().join(folder), &mut paths);
    }
    let mut names = BTreeSet::new();
    for path in paths {
        let text = fs::read_to_string(&path).expect("a source");
        let mut marked = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with("#[") {
                marked |= line == "#[test]" || line.starts_with("#[tokio::test");
            } else if !line.starts_with("//") {
                let name = line.split_once("fn ").and_then(|(_, rest)| rest.split(['(', '<']).next());
                names.extend(name.filter(|_| marked).map(str::to_owned));
                marked = false;
            }
        }
    }
    names
}

/// What stands between backticks and reads like a test's name: words, at least four of them.
fn named(page: &str) -> Vec<&str> {
    let is_name = |text: &&str| text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    page.split('`').skip(1).step_by(2).filter(is_name).filter(|text| text.matches('_').count() >= 3).collect()
}

/// The rows of the table of attacks, each with its number.
fn attacks(page: &str) -> Vec<(u32, &str)> {
    let number = |line: &str| line.strip_prefix("| ")?.split(' ').next()?.parse().ok();
    page.lines().filter_map(|line| Some((number(line)?, line))).collect()
}

#[test]
fn a_test_that_the_page_names_is_in_the_tree() {
    let (page, tests) = (page(), tests());
    let missing: Vec<&str> = named(&page).into_iter().filter(|name| !tests.contains(*name)).collect();
    assert_eq!(missing, Vec::<&str>::new(), "runtime/docs/breach.md names tests that aren't there");
    let attacks = named(&page).into_iter().filter(|name| name.starts_with("attack_")).count();
    assert!(attacks > 30, "the page was read: {attacks}");
}

#[test]
fn a_row_names_tests_of_its_own_number() {
    let page = page();
    let rows = attacks(&page);
    assert_eq!(rows.iter().map(|(number, _)| *number).collect::<Vec<_>>(), (1..=48).collect::<Vec<_>>());
    for (number, row) in rows {
        let own = format!("attack_{number:02}_");
        let other = named(row).into_iter().find(|name| name.starts_with("attack_") && !name.starts_with(&own));
        assert_eq!(other, None, "row {number}");
    }
}

#[test]
fn no_test_is_said_to_come_that_has_come() {
    let (page, tests) = (page(), tests());
    for (number, row) in attacks(&page) {
        let own = format!("attack_{number:02}_");
        let come: Vec<&String> = tests.iter().filter(|name| name.starts_with(&own)).collect();
        let to_come = row.to_lowercase().contains("to come");
        assert!(!to_come || come.is_empty(), "row {number} says that its test is to come, and there are {come:?}");
    }
}
