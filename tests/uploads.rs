//! Modules that never get as far as a job: what a node says of their bytes, and what it makes of its own cache.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use sluice_domain::refusal::Code;

use crate::support::acts::text;
use crate::support::guests::{core, guest};
use crate::support::node::Place;
use crate::support::shared::shared;

/// What the cache holds of a module: the artefact and the MAC beside it.
fn cached(place: &Place, digest: &str) -> (PathBuf, PathBuf) {
    let entries = fs::read_dir(place.home.join("cache")).expect("the cache").flatten().map(|entry| entry.path());
    let of_module = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(digest));
    let paths: Vec<PathBuf> = entries.filter(of_module).collect();
    let ending = |path: &Path, ending: &str| path.extension().is_some_and(|end| end == ending);
    let with = |end: &str| paths.iter().find(|path| ending(path, end)).expect("it was compiled").clone();
    (with("cwasm"), with("mac"))
}

#[test]
fn modules_that_are_none_are_refused_by_name() {
    let place = &shared().place;
    let whole = guest("emit_garbage");
    let cases: [(&str, Vec<u8>, &str); 8] = [
        ("nothing", Vec::new(), "isn't WebAssembly"),
        ("no wasm", b"PK\x03\x04 and so on".to_vec(), "isn't WebAssembly"),
        ("a core module", core("spin_start"), "a core module and not a component"),
        ("cut in the middle", whole[..whole.len() / 2].to_vec(), "isn't a valid component"),
        ("cut at the end", whole[..whole.len() - 1].to_vec(), "isn't a valid component"),
        ("something behind it", [whole.as_slice(), b"rows"].concat(), "isn't a valid component"),
        ("another world", guest("wrong_world").to_vec(), "export"),
        ("an import of its own", guest("extra_import").to_vec(), "evil:host/clock"),
    ];
    let before = place.client("abel").get("/v1/modules?limit=500").ok();
    for (what, bytes, words) in cases {
        let detail = place.client("olga").send("/v1/modules", &bytes).refused(Code::Module);
        assert!(detail.contains(words), "{what}: {detail}");
        let digest = sluice_domain::digest::sha256_hex(&bytes);
        place.client("olga").get(&format!("/v1/modules/{digest}")).refused(Code::NotFound);
        assert!(!place.home.join(format!("modules/{digest}.wasm")).exists(), "{what}: its bytes aren't kept");
    }
    assert!(before["items"].is_array());
    place.lives();
}

#[test]
fn attack_22_a_module_longer_than_the_limit_is_cut_off() {
    let place = &shared().place;
    let detail = place.client("olga").send("/v1/modules", &vec![0; 8 * 1024 * 1024 + 1]).refused(Code::TooLarge);
    assert!(detail.contains("8388608"), "{detail}");
    place.lives();
}

#[test]
fn attack_26_a_precompiled_module_is_not_taken() {
    let place = &shared().place;
    let module = place.module(&guest("emit_rows"));
    let (artefact, _) = cached(place, &text(&module["digest"]));
    let detail = place.client("olga").send("/v1/modules", &fs::read(artefact).unwrap()).refused(Code::Module);
    assert!(detail.contains("compiled already"), "{detail}");
}

#[test]
fn attack_26_what_others_wrote_into_the_cache_is_not_loaded() {
    let shared = shared();
    let place = &shared.place;
    let bytes = guest("punctuality");
    let digest = text(&place.module(&bytes)["digest"]);
    let other = text(&place.module(&guest("emit_rows"))["digest"]);
    let (artefact, mac) = cached(place, &digest);
    let (other_artefact, other_mac) = cached(place, &other);
    let good = fs::read(&artefact).unwrap();
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let honest = |what: &str| {
        let candidate = place.reviewed(&place.work(&shared.main, &bytes, &json!({}))).candidate;
        let (run, cells) = (&candidate["run"], &candidate["cells"]);
        assert_eq!(run["defaulted_subjects"], 0, "{what}: {run}");
        assert!(run["subjects"].as_u64().unwrap() > 200, "{what}: {run}");
        assert_eq!(candidate["columns"][0], "carrier", "{what}");
        cells.clone()
    };
    let expected = honest("as it was compiled");
    fs::write(&artefact, &flipped).unwrap();
    assert_eq!(honest("one bit changed"), expected);
    assert_ne!(fs::read(&artefact).unwrap(), flipped, "it was compiled anew");
    // Another module's artefact, with the MAC that this node itself made of it.
    fs::copy(&other_artefact, &artefact).unwrap();
    fs::copy(&other_mac, &mac).unwrap();
    assert_eq!(honest("another module in its place"), expected);
    fs::write(&mac, "00".repeat(32)).unwrap();
    assert_eq!(honest("another MAC"), expected);
    fs::remove_file(&artefact).unwrap();
    assert_eq!(honest("no artefact"), expected);
}

#[test]
fn attack_31_a_module_whose_bytes_changed_on_the_disk_never_runs() {
    let shared = shared();
    let place = &shared.place;
    let digest = text(&place.module(&guest("delays"))["digest"]);
    let (artefact, _) = cached(place, &digest);
    fs::write(place.home.join(format!("modules/{digest}.wasm")), guest("emit_rows").as_slice()).unwrap();
    fs::remove_file(artefact).unwrap();
    let ask = json!({ "grant": shared.main, "lane": "tabulate", "module": digest, "params": {} });
    let (code, detail) = place.client("olga").post("/v1/jobs", &ask).problem();
    assert_eq!((code.as_str(), detail.as_str()), ("fault", ""), "it is ours to look into, and nobody else's");
    let jobs = place.client("abel").get("/v1/jobs?limit=500").ok();
    let of_module = |job: &&serde_json::Value| job["module"] == json!(digest);
    assert_eq!(jobs["items"].as_array().unwrap().iter().find(of_module), None, "no job came of it");
    place.lives();
}
