//! Hostile modules, run for real: uploaded, submitted, and looked at as their reviewers see them. What lane `report` can
//! tell by failing is in `reports`.

use std::sync::OnceLock;

use serde_json::{Value, json};
use sluice_domain::refusal::Code;

use crate::support::acts::{Reviewed, inner, nameless, terms, text};
use crate::support::guests::{folder, guest, names};
use crate::support::node::{Hosted, REPORT_SLOTS, SLOT_MS};
use crate::support::shared::{Shared, dictionary, flights, shared};

/// Memory that one instance may have, in pages.
const PAGES_MAX: u64 = 256;

fn run(shared: &Shared, name: &str, params: &Value) -> Reviewed {
    let job = shared.place.work(&shared.narrow, &guest(name), params);
    shared.place.reviewed(&job)
}

/// `emit_rows` on the aircraft of one carrier.
fn emitted() -> &'static Reviewed {
    static EMITTED: OnceLock<Reviewed> = OnceLock::new();
    EMITTED.get_or_init(|| run(shared(), "emit_rows", &json!({})))
}

fn cells(candidate: &Value) -> Vec<&Value> {
    inner(candidate)
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no count"))
}

/// A measure's sum in one cell, or 0 where nobody is in the cell.
fn sum(cell: &Value, measure: usize) -> i128 {
    // Behind the counts.
    let sums: Vec<&Value> = cell["figures"].as_array().expect("a cell has figures").iter().collect();
    let sums: Vec<&&Value> =
        sums.iter().filter(|figure| figure["name"] != "subjects" && figure["name"] != "records").collect();
    sums[measure]["value"].as_str().map_or(0, |sum| sum.parse().expect("a sum is an integer"))
}

#[test]
fn attack_01_rows_do_not_come_out() {
    let shared = shared();
    let reviewed = emitted();
    assert!(number(&reviewed.candidate["run"]["subjects"]) == shared.tails.len() as u64, "every aircraft was mapped");
    // The reviewers are careless: still nothing of a row is in any byte that leaves.
    let release = shared.place.release(reviewed);
    let rows = shared.place.rows(&release);
    assert_eq!(rows[0], ["bit", "subjects", "records", "value"]);
    assert_eq!(rows.len(), 3, "as many rows as the contract declares");
    for row in &rows[1..] {
        assert!(["0", "1"].contains(&row[0].as_str()), "{row:?}");
        assert!(row[1..].iter().all(|figure| figure == "c" || figure.parse::<u32>().is_ok()), "{row:?}");
    }
    let olga = shared.place.client("olga");
    let mut left = vec![reviewed.seen.clone().into_bytes()];
    left.extend(["csv", "parquet", "arrow"].map(|format| shared.place.fetch(&release, format)));
    left.extend(["", "/record", "/receipt"].map(|part| olga.get(&format!("/v1/releases/{release}{part}")).body));
    for bytes in left {
        let holds = |tail: &&String| bytes.windows(tail.len()).any(|window| window == tail.as_bytes());
        assert_eq!(shared.tails.iter().find(holds), None, "a tail number left");
    }
}

#[test]
fn attack_06_a_subject_counts_once_in_a_cell_and_within_its_bounds() {
    // 26 aircraft, each with thousands of contributions of up to 2^44 to a measure whose bounds are 0 and 1.
    let candidate = &emitted().candidate;
    assert!(number(&candidate["run"]["clamped"]) > 0, "values were far out of bounds");
    for cell in cells(candidate) {
        let subjects = number(&cell["subjects"]);
        assert!(subjects <= shared().tails.len() as u64);
        assert!((0..=i128::from(subjects)).contains(&sum(cell, 0)), "{cell}");
    }
}

#[test]
fn attack_11_codes_that_are_not_declared_go_nowhere() {
    let candidate = &emitted().candidate;
    assert!(number(&candidate["run"]["undeclared_codes"]) > 0, "bytes came as codes");
    let labels: Vec<&Value> = cells(candidate).into_iter().map(|cell| &cell["labels"]).collect();
    assert_eq!(labels, [&json!(["0"]), &json!(["1"])]);
}

#[test]
fn attack_13_what_is_no_contribution_adds_nothing() {
    let reviewed = run(shared(), "emit_garbage", &json!({}));
    let run = &reviewed.candidate["run"];
    // Its answers aren't whole: each subject counts by default, NaN's bits and all.
    assert_eq!(number(&run["defaulted_subjects"]), shared().tails.len() as u64, "{run}");
    for cell in cells(&reviewed.candidate) {
        assert_eq!((number(&cell["subjects"]), sum(cell, 0)), (0, 0), "{cell}");
        assert!(cell["published"].as_array().unwrap().iter().all(|figure| figure == "c"), "{cell}");
    }
}

#[test]
fn attack_14_a_trap_on_the_target_changes_nothing_that_its_operator_sees() {
    let shared = shared();
    let target = &shared.tails[3];
    let without = format!("carrier = 'F9' AND tailnum <> '{target}'");
    let without = shared.place.grant(&terms(flights(Some(&without))));
    let params = json!({ "column": "tailnum", "value": target });
    let jobs = [&shared.narrow, &without].map(|grant| shared.place.work(grant, &guest("trap_on_target"), &params));
    let olga = shared.place.client("olga");
    let streams = jobs.each_ref().map(|job| olga.states(job, |state| state != "accepted"));
    let [with, without] = jobs.map(|job| shared.place.reviewed(&job));
    // It did trap, and exactly where the target is in the data.
    let defaulted = |reviewed: &Reviewed| number(&reviewed.candidate["run"]["defaulted_subjects"]);
    assert_eq!((defaulted(&with), defaulted(&without)), (1, 0));
    assert_eq!(nameless(&with.seen), nameless(&without.seen));
    // What can be watched: the same states, each at the end of a slot.
    for (stream, reviewed) in streams.iter().zip([&with, &without]) {
        let states: Vec<&str> = stream.iter().map(|(state, _)| state.as_str()).collect();
        assert!(states == ["accepted", "under_review"] || states == ["under_review"], "{states:?}");
        let seen: Value = serde_json::from_str(&reviewed.seen).unwrap();
        let (_, at_ms) = stream.last().expect("there was a state");
        assert!(at_ms - seen["admitted_at_ms"].as_i64().unwrap() >= SLOT_MS, "not before the first slot's end");
    }
}

#[test]
fn attack_16_no_state_survives_from_one_subject_to_the_next() {
    let shared = shared();
    let job = shared.place.work(&shared.main, &guest("hide_state"), &json!({}));
    let reviewed = shared.place.reviewed(&job);
    let run = &reviewed.candidate["run"];
    assert_eq!(run["defaulted_subjects"], 0, "{run}");
    assert!(number(&run["subjects"]) > 200, "far more subjects than slots in the pool: {run}");
    let cells = cells(&reviewed.candidate);
    assert_eq!(number(&cells[0]["subjects"]), number(&run["subjects"]), "every instance looked");
    assert_eq!(sum(cells[0], 0), 0, "none found anything");
    assert_eq!((number(&cells[1]["subjects"]), number(&cells[2]["subjects"])), (0, 0), "in statics, in pages");
}

#[test]
fn attack_22_a_map_that_never_returns_counts_for_nothing() {
    let reviewed = run(shared(), "spin_map", &json!({}));
    let run = &reviewed.candidate["run"];
    assert_eq!(number(&run["defaulted_subjects"]), shared().tails.len() as u64, "{run}");
    assert!(cells(&reviewed.candidate).iter().all(|cell| number(&cell["subjects"]) == 0));
    shared().place.lives();
}

#[test]
fn attack_22_a_guest_gets_its_memory_and_no_more() {
    let shared = shared();
    let reviewed = run(shared, "memory_4gib", &json!({}));
    let run = &reviewed.candidate["run"];
    let instances = number(&run["subjects"]) - number(&run["defaulted_subjects"]);
    assert_eq!(number(&run["subjects"]), shared.tails.len() as u64);
    let pages: i128 = cells(&reviewed.candidate).iter().map(|cell| sum(cell, 0)).sum();
    assert!(pages <= i128::from(instances * PAGES_MAX), "{pages} pages in {instances} instances");
    // In `describe` there is no data: it is refused in words, or comes to the same contract.
    let module = shared.place.module(&guest("memory_4gib"));
    let params = json!({ "place": "describe" });
    let ask = json!({ "grant": shared.narrow, "lane": "tabulate", "module": module["digest"], "params": params });
    let reply = shared.place.client("olga").post("/v1/jobs", &ask);
    if reply.status != 202 {
        assert!(reply.refused(Code::Describe).contains("memory"), "{}", reply.text());
    }
    shared.place.lives();
}

/// A node with limits of its own, a few flights, and a grant of them.
fn node(limits: &str) -> (Hosted, String) {
    let node = Hosted::with(limits);
    let mut entry = dictionary("flights");
    let columns = entry["dictionary"]["columns"].as_array_mut().expect("columns");
    columns.retain(|column| ["month", "tailnum"].contains(&column["name"].as_str().unwrap()));
    node.place.register(&entry);
    let rows: String = (0..300).map(|n| format!("N{},{}\n", n % 100, n % 12 + 1)).collect();
    node.place.seal("flights", "csv", format!("tailnum,month\n{rows}").as_bytes());
    let grant = node.place.grant(&terms(json!([{ "dataset": "flights", "columns": ["month", "tailnum"] }])));
    (node, grant)
}

/// Watches a report until its operator sees a change, which comes at the fixed slot, and tells nothing else.
fn changes_at_its_slot(node: &Hosted, job: &str) -> String {
    let stream = node.place.client("olga").states(job, |state| state != "accepted");
    let states: Vec<&str> = stream.iter().map(|(state, _)| state.as_str()).collect();
    assert_eq!(states, ["accepted", "under_review"]);
    let seen = node.place.seen(job);
    let view: Value = serde_json::from_str(&seen).unwrap();
    let fixed = view["fixed_slot_at_ms"].as_i64().expect("a report has a slot");
    assert_eq!(fixed - view["admitted_at_ms"].as_i64().unwrap(), SLOT_MS * REPORT_SLOTS);
    let late_ms = stream[1].1 - fixed;
    assert!((0..10_000).contains(&late_ms), "seen {late_ms} ms after the fixed slot");
    seen
}

#[test]
fn attack_22_a_report_that_spins_or_swallows_memory_is_under_review_at_its_slot() {
    let (node, grant) = node("limits.fuel_report = 1000000000\n");
    for (name, fault) in [("report_spin", "out_of_fuel"), ("report_swallow", "out_of_memory")] {
        let job = node.place.work(&grant, &guest(name), &json!({}));
        let seen = changes_at_its_slot(&node, &job);
        let reviewed = node.place.reviewed(&job);
        assert_eq!(reviewed.candidate["run"]["fault"], fault, "{name}: the reviewers see what happened");
        assert_eq!((&reviewed.candidate["rows"], &reviewed.candidate["verdict"]), (&json!([]), &json!("refuse")));
        assert_eq!(reviewed.seen, seen, "{name}: its operator sees no more once the run is over");
        assert!(!seen.contains(fault), "{seen}");
        assert_eq!(node.place.inside(&job)["attempts"].as_array().unwrap().len(), 1, "a rerun would end as it did");
    }
    node.place.lives();
}

#[test]
fn attack_22_a_report_that_outlasts_its_attempts_is_an_incident_inside_and_nothing_outside() {
    let (node, grant) = node("limits.attempt_ms_max = 4000\nlimits.attempts_max = 2\n");
    let job = node.place.work(&grant, &guest("report_spin"), &json!({}));
    let seen = changes_at_its_slot(&node, &job);
    assert_eq!(node.place.inside(&job)["state"], "admitted", "the run isn't over, whatever its operator is told");
    let reviewed = node.place.reviewed(&job);
    let inside = node.place.inside(&job);
    assert_eq!(inside["incidents"], 1, "{inside}");
    assert_eq!(inside["attempts"][0]["incident"], "attempt_timed_out", "{inside}");
    assert_eq!(inside["attempts"].as_array().unwrap().len(), 2, "{inside}");
    assert_eq!(reviewed.candidate["run"]["fault"], "timed_out");
    assert_eq!(reviewed.seen, seen);
    assert!(!seen.contains("incident"), "{seen}");
    node.place.lives();
}

#[test]
fn attack_22_a_module_that_fails_before_any_data_is_told_so_in_words() {
    let shared = shared();
    let cases = [
        ("spin_start", json!({}), Code::Describe, "didn't finish"),
        ("spin_ctor", json!({}), Code::Describe, "didn't finish"),
        ("describe_spins", json!({}), Code::Describe, "didn't finish"),
        ("describe_traps", json!({}), Code::Describe, "unreachable"),
        ("no_bounds", json!({ "way": "wide" }), Code::Contract, "bound"),
        ("no_bounds", json!({ "way": "crossed" }), Code::Contract, "lower bound is above"),
        ("no_bounds", json!({ "way": "scale" }), Code::Contract, "scale"),
        ("no_bounds", json!({ "way": "none" }), Code::Describe, "way is wide, crossed or scale"),
    ];
    for (name, params, code, words) in cases {
        let module = shared.place.module(&guest(name));
        let ask = json!({ "grant": shared.narrow, "lane": "tabulate", "module": module["digest"], "params": params });
        let detail = shared.place.client("olga").post("/v1/jobs", &ask).refused(code);
        assert!(detail.contains(words), "{name} {params}: {detail}");
    }
    shared.place.lives();
}

#[test]
fn attack_11_a_list_of_a_million_labels_is_not_a_closed_list() {
    let shared = shared();
    let module = shared.place.module(&guest("open_labels"));
    let ask = json!({ "grant": shared.narrow, "lane": "tabulate", "module": module["digest"], "params": {} });
    let (code, detail) = shared.place.client("olga").post("/v1/jobs", &ask).problem();
    assert!(["contract", "describe"].contains(&code.as_str()), "{code}: {detail}");
    let before = text(&shared.place.client("abel").get(&format!("/v1/grants/{}", shared.narrow)).ok()["state"]);
    assert_eq!(before, "in_force");
}

#[test]
fn attack_12_the_order_of_a_file_is_in_no_result() {
    let node = Hosted::start();
    let place = &node.place;
    let mut entry = dictionary("flights");
    let columns = entry["dictionary"]["columns"].as_array_mut().expect("columns");
    columns.retain(|column| ["month", "day", "flight", "tailnum"].contains(&column["name"].as_str().unwrap()));
    place.register(&entry);
    let rows: Vec<String> =
        (0..600).map(|n| format!("N{},{},{},{}", n * 7 % 31, n % 12 + 1, n % 28 + 1, n * 13 % 97 + 1)).collect();
    let columns = ["month", "day", "flight", "tailnum"];
    let file = |rows: Vec<&str>| format!("tailnum,month,day,flight\n{}\n", rows.join("\n")).into_bytes();
    let orders = [
        file(rows.iter().map(String::as_str).collect()),
        file(rows.iter().rev().map(String::as_str).collect()),
        file(rows.iter().skip(300).chain(rows.iter().take(300)).map(String::as_str).collect()),
    ];
    place.seal("flights", "csv", &orders[0]);
    let grant = place.grant(&terms(json!([{ "dataset": "flights", "columns": columns }])));
    let results = orders.map(|order| {
        place.seal("flights", "csv", &order);
        let job = place.work(&grant, &guest("order_leak"), &json!({}));
        let candidate = place.reviewed(&job).candidate;
        assert_eq!((&candidate["run"]["subjects"], &candidate["run"]["defaulted_subjects"]), (&json!(31), &json!(0)));
        (candidate["cells"].clone(), candidate["rows"].clone())
    });
    assert!(sum(&results[0].0[0], 0) > 0, "the module did hash its rows");
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0], results[2]);
}

#[test]
fn every_hostile_guest_has_its_test() {
    let tests = folder().parent().expect("a folder of tests").to_owned();
    let sources = std::fs::read_dir(tests).expect("the tests").flatten().map(|entry| entry.path());
    let sources = sources.filter(|path| path.extension().is_some_and(|ending| ending == "rs"));
    let text: String = sources.map(|path| std::fs::read_to_string(path).expect("a source")).collect();
    let missing: Vec<String> = names().into_iter().filter(|name| !text.contains(&format!("\"{name}\""))).collect();
    assert_eq!(missing, Vec::<String>::new());
}
