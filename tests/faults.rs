//! A disk that is full, and folders that are gone: what can't be written is refused in fixed words, and nothing that
//! was answered before is lost.
//!
//! The disk is filled by a limit on the length of the node's files, which can be set and lifted while it runs: a write
//! beyond it fails as one on a full disk does. That the database's own "full" is told apart is tested in the ledger.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::crashes;
use crate::duties::entry;
use crate::support::acts::{Reviewed, count, terms, text};
use crate::support::client::Reply;
use crate::support::guests::guest;
use crate::support::node::{Child, Hosted, Place, until};

/// One page of the database: nothing more goes into the ledger, while small files still fit.
const FULL: u64 = 4_096;
/// More writes than the ledger has connections.
const AGAIN: usize = 6;
const CSV: &str = "/v1/datasets/things/snapshots?format=csv";

/// Registers and seals a small table: 60 people are `x`, 45 `y` and 15 `z`. A grant of it.
pub fn things(place: &Place) -> String {
    let mut things = entry("things");
    things["dictionary"]["columns"][1]["codes"] = json!(["x", "y", "z"]);
    place.register(&things);
    place.seal("things", "csv", rows().as_bytes());
    place.grant(&terms(json!([{ "dataset": "things", "columns": ["id", "kind"] }])))
}

fn rows() -> String {
    let kind = |n| match n {
        0..60 => "x",
        60..105 => "y",
        _ => "z",
    };
    let rows: String = (0..120).map(|n| format!("p{n},{}\n", kind(n))).collect();
    format!("id,kind\n{rows}")
}

/// How many things are of each kind.
pub fn by_kind() -> Value {
    count("SELECT kind FROM things", "kind")
}

fn approve() -> Value {
    json!({ "verdict": "approve", "reason": "fits" })
}

fn submit(place: &Place, grant: &str) -> Reply {
    let ask = json!({ "grant": grant, "lane": "tabulate", "plan": by_kind() });
    place.client("olga").post("/v1/jobs", &ask)
}

/// The names in a folder of the home.
fn names(place: &Place, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(place.home.join(folder)).expect("a folder").flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// That the node says it failed, or that it can't just now, and not a word more.
fn failed(what: &str, reply: &Reply) {
    let (code, detail) = reply.problem();
    assert!(["fault", "unavailable"].contains(&code.as_str()), "{what}: {}", reply.text());
    assert_eq!(detail, "", "{what}");
}

#[test]
fn attack_22_a_full_disk_is_said_in_fixed_words_and_loses_nothing() {
    let mut node = Child::start();
    let place = node.place.clone();
    let grant = things(&place);
    let release = place.release(&place.reviewed(&place.plan(&grant, &by_kind())));
    let csv = place.fetch(&release, "csv");
    let Reviewed { job, request, .. } = place.reviewed(&place.plan(&grant, &by_kind()));
    place.vote(&request, "rosa", "approve", "fits");
    let (before, events) = (crashes::listed(&place, ""), place.verified());

    node.cap_files(Some(FULL));
    let [carol, olga, admin] = ["carol", "olga", "admin"].map(|name| place.client(name));
    let terms = json!({ "terms": terms(json!([{ "dataset": "things", "columns": ["kind"] }])) });
    let agency = json!({ "id": "another", "title": "Another", "kind": "agency" });
    failed("a grant", &carol.post("/v1/grants", &terms));
    // A worker that was started on the full disk says that it can't write the snapshot.
    let (code, _) = carol.send(CSV, rows().as_bytes()).problem();
    assert!(["fault", "unavailable", "ingest"].contains(&code.as_str()), "a snapshot: {code}");
    failed("an organisation", &admin.post("/v1/organisations", &agency));
    failed("a job", &submit(&place, &grant));
    failed("a withdrawal", &olga.act(&format!("/v1/jobs/{job}/cancel")));
    failed("the vote that decides", &place.client("ravi").post(&format!("/v1/requests/{request}/votes"), &approve()));
    // What has to be on record before it is shown isn't shown.
    failed("a look", &place.client("rita").get(&format!("/v1/requests/{request}/candidate")));
    failed("a fetch", &olga.get(&format!("/v1/releases/{release}/data?format=csv")));
    assert_eq!(crashes::listed(&place, ""), before, "whoever reads is served, and nothing has changed");
    assert_eq!(place.verified(), events, "nothing is half written");

    node.kill();
    node.restart();
    let place = &node.place;
    assert_eq!(crashes::listed(place, ""), before);
    assert_eq!(place.verified(), events);
    assert_eq!(names(place, "releases"), [release.as_str()], "bytes that no event names are swept");
    assert_eq!(place.fetch(&release, "csv"), csv);
    place.vote(&request, "ravi", "approve", "fits");
    let second = until("the operator sees the release", || {
        place.client("olga").get(&format!("/v1/jobs/{job}")).ok()["release"].as_str().map(str::to_owned)
    });
    assert_eq!(place.fetch(&second, "csv"), csv);
    place.verified();
}

#[test]
fn a_disk_that_has_room_again_needs_no_restart() {
    let (node, grant) = crashes::node();
    let place = &node.place;
    let job = place.work(&grant, &guest("spin_map"), &json!({}));
    let folder = place.home.join(format!("jobs/{job}/attempt-1"));
    // One that runs, and two spare ones that were started while there was room.
    until("it runs", || (folder.exists() && node.workers().len() >= 3).then_some(()));
    let (seen, events) = (place.seen(&job), place.verified());
    node.cap_files(Some(FULL));
    let agency = json!({ "id": "another", "title": "Another", "kind": "agency" });
    for _ in 0..AGAIN {
        failed("an organisation", &place.client("admin").post("/v1/organisations", &agency));
    }
    // The run ends meanwhile: its output can't be put before anybody, nor that it failed on record.
    until("its output is thrown away", || (!folder.exists()).then_some(()));
    assert_eq!((place.verified(), place.seen(&job)), (events, seen));
    node.cap_files(None);
    place.client("admin").post("/v1/organisations", &agency).ok();
    crashes::ends_under_review(place, &job);
    let attempts = crashes::attempts(place, &job);
    assert!(
        attempts.len() >= 2 && attempts[0]["incident"] == Value::Null,
        "the first one's end was lost: {attempts:?}"
    );
    place.lives();
    place.verified();
}

#[test]
fn attack_22_an_upload_that_outgrows_the_disk_is_gone_and_the_rest_goes_on() {
    let node = Child::start();
    let place = &node.place;
    let grant = things(place);
    let room = 8 * 1024 * 1024;
    node.cap_files(Some(room));
    let before = place.client("carol").get("/v1/datasets/things/snapshots").ok();
    // It crosses the limit with its last bytes, so that all of it is sent before the answer comes.
    let long = vec![b'\n'; usize::try_from(room).unwrap() + 10];
    failed("a snapshot", &place.client("carol").send(CSV, &long));
    until("it is gone", || names(place, "uploads").is_empty().then_some(()));
    assert_eq!(place.client("carol").get("/v1/datasets/things/snapshots").ok(), before);
    place.seal("things", "csv", rows().as_bytes());
    place.reviewed(&place.plan(&grant, &by_kind()));
    place.verified();
}

/// Does something while a folder of the home can't be entered, as one whose volume is gone.
fn without<T>(place: &Place, folder: &str, act: impl FnOnce() -> T) -> T {
    let (path, aside) = (place.home.join(folder), place.home.join("aside"));
    fs::rename(&path, &aside).expect("it is there");
    fs::write(&path, b"no folder").expect("a file in its place");
    let done = act();
    fs::remove_file(&path).expect("the file is there");
    fs::rename(&aside, &path).expect("it is put back");
    done
}

#[test]
fn a_folder_that_is_gone_stops_what_needs_it_and_nothing_else() {
    let node = Hosted::start();
    let place = &node.place;
    let grant = things(place);
    let waiting = place.reviewed(&place.plan(&grant, &by_kind()));
    place.vote(&waiting.request, "rosa", "approve", "fits");
    let before = crashes::listed(place, "");
    let module = guest("spin_map");
    let decide = || place.client("ravi").post(&format!("/v1/requests/{}/votes", waiting.request), &approve());
    let seal = || place.client("carol").send(CSV, rows().as_bytes());
    let send = || place.client("olga").send("/v1/modules", &module);
    let ask = || submit(place, &grant);
    let acts: [(&str, &dyn Fn() -> Reply); 4] =
        [("releases", &decide), ("uploads", &seal), ("modules", &send), ("jobs", &ask)];
    for (folder, act) in acts {
        let (reply, lives) = without(place, folder, || (act(), place.anybody().get("/readyz").status));
        assert_eq!((reply.problem().0.as_str(), lives), ("fault", 200), "{folder}");
        assert_eq!(crashes::listed(place, ""), before, "{folder}: nothing came of it");
    }
    for (folder, act) in acts {
        let reply = act();
        assert!((200..300).contains(&reply.status), "{folder}: {}", reply.text());
    }
    let release = until("the operator sees the release", || {
        place.client("olga").get(&format!("/v1/jobs/{}", waiting.job)).ok()["release"].as_str().map(str::to_owned)
    });
    assert_eq!(place.rows(&release)[1..], [["x", "60"], ["y", "45"], ["z", "15"]]);
    place.verified();
}

#[test]
fn attack_14_output_that_cannot_be_kept_waits_for_a_custodian_and_its_operator_sees_nothing() {
    let node = Hosted::start();
    let place = &node.place;
    let grant = things(place);
    let requests = Path::new("inside").join("requests");
    let (job, seen) = without(place, requests.to_str().unwrap(), || {
        let job = text(&submit(place, &grant).ok()["id"]);
        let seen = place.seen(&job);
        until("the node gives it up", || (place.inside(&job)["waits_for_custodian"] == true).then_some(()));
        (job, seen)
    });
    let incidents: Vec<Value> =
        crashes::attempts(place, &job).iter().map(|attempt| attempt["incident"].clone()).collect();
    assert_eq!(incidents, vec![json!("attempt_failed"); 3]);
    assert_eq!(place.seen(&job), seen, "not a byte of what its operator sees has changed");
    let left = names(place, &format!("jobs/{job}"));
    assert!(!left.iter().any(|name| name.starts_with("attempt")), "no attempt leaves its rows behind: {left:?}");
    place.client("carol").act(&format!("/v1/jobs/{job}/end")).ok();
    place.shows_stopped(&job);
    // The next one is none the worse for it.
    place.reviewed(&text(&submit(place, &grant).ok()["id"]));
    place.verified();
}
