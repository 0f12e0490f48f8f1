//! From a scaffold to a component, for real: slow the first time, when Debian's compiler has to be fetched.

use std::fs;
use std::path::Path;
use std::process::Command;

use sluice_toolchain::{Lane, Settings, build_with, new_project};
use wasmparser::{Parser, Payload};

/// The names that a component imports and exports, its nested ones' left aside.
fn interface(component: &[u8]) -> (Vec<String>, Vec<String>) {
    let (mut imports, mut exports, mut depth) = (Vec::new(), Vec::new(), 0);
    for payload in Parser::new(0).parse_all(component) {
        match payload.expect("the component was validated") {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                imports.extend(section.into_iter().map(|import| import.expect("validated").name.name.to_string()));
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                exports.extend(section.into_iter().map(|export| export.expect("validated").name.name.to_string()));
            }
            _ => {}
        }
    }
    (imports, exports)
}

fn scaffold_and_build(dir: &Path, name: &str, lane: Lane) -> Vec<u8> {
    new_project(dir, name, lane).expect("an empty folder");
    let settings = Settings::from_env().expect("a cache folder");
    let mut lines = Vec::new();
    let built = build_with(&settings, dir, None, &mut |line| lines.push(line.to_owned()))
        .unwrap_or_else(|error| panic!("{error}\n{}", lines.join("\n")));
    assert_eq!(built.path, dir.canonicalize().expect("it is there").join(format!("target/{name}.wasm")));
    let component = fs::read(&built.path).expect("it was built");
    assert_eq!(component.len() as u64, built.bytes);
    component
}

#[test]
fn a_new_tabulate_module_imports_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let component = scaffold_and_build(folder.path(), "hello", Lane::Tabulate);
    assert_eq!(interface(&component), (vec![], vec!["sluice:guest/tabulate@0.1.0".to_string()]));
    assert!(component.len() < 64 * 1024, "{} bytes", component.len());
}

#[test]
fn a_new_report_module_imports_its_rows_only() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let component = scaffold_and_build(folder.path(), "hello", Lane::Report);
    let rows = vec!["sluice:guest/rows@0.1.0".to_string()];
    assert_eq!(interface(&component), (rows, vec!["sluice:guest/report@0.1.0".to_string()]));
}

#[test]
fn two_modules_of_one_name_are_not_mixed_up() {
    let (one, two) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let first = scaffold_and_build(one.path(), "same", Lane::Tabulate);
    let second = scaffold_and_build(two.path(), "same", Lane::Report);
    assert_ne!(first, second);
    let settings = Settings::from_env().expect("a cache folder");
    let again = build_with(&settings, one.path(), None, &mut |_| {}).expect("it built before");
    assert_eq!(fs::read(again.path).expect("it was built"), first);
}

#[test]
fn a_component_names_neither_home_nor_tools() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let component = scaffold_and_build(folder.path(), "quiet", Lane::Tabulate);
    let home = std::env::var("HOME").expect("a home folder");
    let project = folder.path().to_string_lossy().into_owned();
    for word in ["producers", "processed-by", home.as_str(), project.as_str()] {
        assert!(!component.windows(word.len()).any(|window| window == word.as_bytes()), "{word} is in it");
    }
}

#[test]
fn a_new_module_passes_its_own_tests() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for lane in [Lane::Tabulate, Lane::Report] {
        let dir = folder.path().join(lane.name());
        new_project(&dir, "hello", lane).expect("an empty folder");
        let target = folder.path().join("target");
        let status = Command::new("cargo")
            .args(["test", "--quiet", "--lib", "--target-dir"])
            .arg(&target)
            .current_dir(&dir)
            .status()
            .expect("cargo starts");
        assert!(status.success(), "{}", lane.name());
    }
}
