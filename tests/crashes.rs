//! Power cuts: a worker or the node is killed while a job runs. Nothing leaves, nothing is lost, the ledger verifies.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sluice_domain::people::{Actor, OrganisationKind, Role};
use sluice_domain::refusal::Code;
use sluice_server::api::types::{AddOrganisation, AddPerson, IssueToken};
use sluice_server::node::{Clock, Node, Parts, Stop};
use sluice_server::settings::Settings;

use crate::support::acts::{count, terms};
use crate::support::guests::guest;
use crate::support::node::{Child, Place, SLUICE, folder, kill, processes, until};
use crate::support::shared::dictionary;

/// Aircraft whose instances burn all their fuel: the job takes some seconds.
const AIRCRAFT: usize = 800;

/// A node with a few flights and a grant of them.
pub fn node() -> (Child, String) {
    let node = Child::start();
    let mut entry = dictionary("flights");
    let columns = entry["dictionary"]["columns"].as_array_mut().expect("columns");
    columns.retain(|column| ["month", "tailnum"].contains(&column["name"].as_str().unwrap()));
    node.place.register(&entry);
    let rows: String = (0..AIRCRAFT * 2).map(|n| format!("N{},{}\n", n % AIRCRAFT, n % 12 + 1)).collect();
    node.place.seal("flights", "csv", format!("tailnum,month\n{rows}").as_bytes());
    let grant = node.place.grant(&terms(json!([{ "dataset": "flights", "columns": ["month", "tailnum"] }])));
    (node, grant)
}

pub fn attempts(place: &Place, job: &str) -> Vec<Value> {
    place.inside(job)["attempts"].as_array().expect("attempts").clone()
}

/// The spinning job's result: every instance counted for nothing.
pub fn ends_under_review(place: &Place, job: &str) {
    let reviewed = place.reviewed(job);
    let run = &reviewed.candidate["run"];
    assert_eq!((&run["subjects"], &run["defaulted_subjects"]), (&json!(AIRCRAFT), &json!(AIRCRAFT)), "{run}");
}

#[test]
fn a_job_whose_worker_is_killed_is_run_again_and_its_operator_sees_nothing_of_it() {
    let (node, grant) = node();
    let place = &node.place;
    let job = place.work(&grant, &guest("spin_map"), &json!({}));
    until("it runs", || (attempts(place, &job).len() == 1).then_some(()));
    let before = place.seen(&job);
    // Spare workers die with it, and are replaced.
    until("its worker is gone", || {
        node.workers().into_iter().for_each(kill);
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(2) {
            if place.inside(&job)["incidents"] == 1 {
                return Some(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    });
    assert_eq!(attempts(place, &job)[0]["incident"], "worker_died");
    assert_eq!(place.seen(&job), before, "not a byte of what its operator sees has changed");
    ends_under_review(place, &job);
    assert_eq!(attempts(place, &job).len(), 2);
    assert!(!place.seen(&job).contains("incident"));
    place.lives();
    place.verified();
}

/// All that can be listed, but for jobs that aren't done.
pub fn listed(place: &Place, running: &str) -> Vec<Value> {
    let abel = place.client("abel");
    let list = |list: &str| {
        let page = abel.get(&format!("/v1/{list}?limit=500")).ok();
        page["items"].as_array().expect("items").clone()
    };
    let datasets = list("datasets");
    let snapshots = datasets.iter().flat_map(|dataset| {
        let name = dataset["name"].as_str().expect("a dataset has a name");
        list(&format!("datasets/{name}/snapshots"))
    });
    let snapshots: Vec<Value> = snapshots.collect();
    let others = ["grants", "modules", "requests", "releases", "jobs"].into_iter().flat_map(list);
    let items = datasets.into_iter().chain(snapshots).chain(others);
    items.filter(|item| item["id"] != running && item["job"] != running).collect()
}

#[test]
fn a_node_that_is_killed_comes_back_as_it_was_and_finishes_its_jobs() {
    let (mut node, grant) = node();
    let done = node.place.reviewed(&node.place.plan(&grant, &count("SELECT month FROM flights", "month")));
    let release = node.place.release(&done);
    let csv = node.place.fetch(&release, "csv");
    let job = node.place.work(&grant, &guest("spin_map"), &json!({}));
    until("it runs", || (attempts(&node.place, &job).len() == 1).then_some(()));
    let (before, events) = (listed(&node.place, &job), node.place.verified());
    let workers = node.workers();
    assert!(!workers.is_empty());
    node.kill();
    until("its workers end with it", || {
        let alive = processes().into_iter().filter(|(pid, fields, _)| workers.contains(pid) && fields[0] != "Z");
        (alive.count() == 0).then_some(())
    });
    node.restart();
    let place = &node.place;
    assert_eq!(listed(place, &job), before, "the state is what the events say");
    assert!(place.verified() >= events, "no event is lost");
    ends_under_review(place, &job);
    let incidents: Vec<Value> = attempts(place, &job).iter().map(|attempt| attempt["incident"].clone()).collect();
    assert_eq!(incidents, [json!("node_stopped"), Value::Null]);
    assert_eq!(place.fetch(&release, "csv"), csv);
    place.verified();
}

#[test]
fn a_node_that_is_killed_again_and_again_loses_nothing() {
    let (mut node, grant) = node();
    let mut answered = Vec::new();
    for round in 0..4 {
        // Whatever was answered is there afterwards; the kill comes at once.
        let plan = count("SELECT month FROM flights", "month");
        answered.push(node.place.plan(&grant, &plan));
        if round % 2 == 0 {
            std::thread::sleep(Duration::from_millis(30 * round));
        }
        node.kill();
        node.restart();
        let jobs = node.place.client("olga").get("/v1/jobs?limit=500").ok();
        let jobs: Vec<&str> = jobs["items"].as_array().unwrap().iter().filter_map(|job| job["id"].as_str()).collect();
        assert!(answered.iter().all(|job| jobs.contains(&job.as_str())), "round {round}");
        node.place.verified();
    }
    for job in &answered {
        node.place.reviewed(job);
    }
}

/// The names in a folder of a home.
fn names(home: &Path, folder: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(home.join(folder)).expect("it is there").flatten();
    entries.map(|entry| entry.file_name().into_string().expect("a plain name")).collect()
}

#[test]
fn what_a_killed_node_left_half_done_is_gone_at_the_next_start() {
    let (mut node, grant) = node();
    let home = node.place.home.clone();
    let done = node.place.reviewed(&node.place.plan(&grant, &count("SELECT month FROM flights", "month")));
    let vote = json!({ "verdict": "approve", "reason": "fits", "note": "Let it out" });
    node.place.client("rosa").post(&format!("/v1/requests/{}/votes", done.request), &vote).ok();
    node.place.vote(&done.request, "ravi", "approve", "fits");
    let release = until("the operator sees the release", || {
        node.place.client("olga").get(&format!("/v1/jobs/{}", done.job)).ok()["release"].as_str().map(str::to_owned)
    });
    let csv = node.place.fetch(&release, "csv");
    let job = node.place.work(&grant, &guest("spin_map"), &json!({}));
    let cut_off = home.join(format!("jobs/{job}/attempt-1"));
    until("it runs", || cut_off.is_dir().then_some(()));
    node.kill();
    assert!(cut_off.is_dir());
    let (of_job, of_request) = (format!("jobs/{}", done.job), format!("inside/requests/{}", done.request));
    let of_release = format!("releases/{release}");
    let kept = ["snapshots", "inside/snapshots", "modules", "jobs", "inside/requests", "releases"].into_iter().chain([
        of_job.as_str(),
        of_request.as_str(),
        of_release.as_str(),
    ]);
    let before: Vec<(String, BTreeSet<String>)> =
        kept.map(|folder| (folder.to_owned(), names(&home, folder))).collect();
    assert_eq!(names(&home, &of_job), BTreeSet::from(["attempt-1", "work.json"].map(str::to_owned)));
    assert!(names(&home, &of_request).contains("note-1-rosa.json"));
    let (id, digest) = ("0".repeat(32), "0".repeat(64));
    let left = [
        "uploads/half".to_owned(),
        format!("snapshots/snap_{id}/rows"),
        format!("inside/snapshots/snap_{id}.json"),
        format!("modules/{digest}.wasm"),
        "modules/.writing-half".to_owned(),
        format!("jobs/job_{id}/work.json"),
        format!("{of_job}/attempt-2/rows"),
        format!("{of_job}/rerun-0123456789abcdef/rows"),
        format!("inside/requests/req_{id}/candidate.json"),
        format!("{of_request}/.writing-half"),
        format!("{of_request}/note-1-rita.json"),
        format!("releases/rel_{id}/data.csv"),
        format!("{of_release}/.writing-half"),
    ];
    for path in &left {
        let path = home.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).unwrap();
        std::fs::write(path, b"half").unwrap();
    }
    node.restart();
    assert!(!cut_off.exists(), "raw rows of an attempt that was cut off");
    for path in &left {
        assert!(!home.join(path).exists(), "{path}");
    }
    assert_eq!(names(&home, "uploads"), BTreeSet::new());
    for (folder, before) in before {
        assert_eq!(names(&home, &folder), before, "{folder}: what is on record stays, and nothing else");
    }
    let place = &node.place;
    assert_eq!(place.fetch(&release, "csv"), csv);
    let candidate = place.client("rita").get(&format!("/v1/requests/{}/candidate", done.request)).ok();
    assert_eq!(candidate["cells_total"], done.candidate["cells_total"]);
    let equal = place.client("carol").act(&format!("/v1/jobs/{}/rerun", done.job)).ok();
    assert_eq!(equal["equal"], true);
    ends_under_review(place, &job);
    place.verified();
}

/// A clock that a test sets.
struct Hand(Arc<AtomicI64>);

impl Clock for Hand {
    fn read_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    /// No time passes but what the test sets.
    fn steady_ms(&self) -> i64 {
        0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_turns_no_time_back() {
    let folder = folder();
    let hand = Arc::new(AtomicI64::new(1_700_000_000_000));
    let parts = Parts { clock: Box::new(Hand(Arc::clone(&hand))), ..Parts::new(SLUICE.into()) };
    let node = Node::open(folder.path(), Settings::default(), parts, true).await.expect("a node");
    let actor = |person: &str, organisation: &str, role| Actor {
        person: person.to_owned(),
        organisation: organisation.to_owned(),
        role: Some(role),
    };
    let admin = actor("admin", "node", Role::Administrator);
    let add = async |id: &str| {
        let (id, title) = (id.to_owned(), "An agency".to_owned());
        let ask = AddOrganisation { id, title, kind: OrganisationKind::Agency, legal_group: None };
        node.add_organisation(&admin, ask, None).await.expect("it is added");
    };
    let secret = std::fs::read_to_string(folder.path().join("tokens/admin")).unwrap();
    let year_ms = 366 * 86_400_000;
    for (id, jump_ms) in [("first", 0), ("back", -year_ms), ("still-back", 5), ("forth", year_ms + 1_000)] {
        hand.fetch_add(jump_ms, Ordering::SeqCst);
        add(id).await;
    }
    assert!(node.authenticate(secret.trim()).is_some());
    // Far ahead, tokens have died; back again, the node doesn't believe it, and they stay dead.
    hand.fetch_add(10 * year_ms, Ordering::SeqCst);
    assert!(node.authenticate(secret.trim()).is_none());
    hand.fetch_add(-10 * year_ms, Ordering::SeqCst);
    assert!(node.authenticate(secret.trim()).is_none(), "what had expired doesn't come to life again");
    let person = AddPerson {
        id: "late".to_owned(),
        title: "Late".to_owned(),
        organisation: "first".to_owned(),
        roles: [Role::Custodian].into(),
    };
    node.add_person(&admin, person, None).await.expect("they are added");
    let none = IssueToken { person: "nobody".to_owned(), role: Role::Custodian, days: None };
    let refused = node.issue_token(&admin, none, None).await;
    assert!(matches!(refused, Err(Stop::Refused(refusal)) if refusal.code == Code::NotFound));
    let mut ledger = Vec::new();
    node.export(&mut ledger).await.expect("it can be read");
    let times: Vec<i64> = String::from_utf8(ledger.clone())
        .unwrap()
        .lines()
        .filter(|line| line.starts_with("{\"seq\":"))
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["at_ms"].as_i64().unwrap())
        .collect();
    assert!(times.len() > 20 && times.is_sorted(), "{times:?}");
    assert_eq!(times.last().unwrap() - times[0], 10 * year_ms + 1_005, "the furthest that the clock ever said");
    sluice_ledger::verify(ledger.as_slice(), None).expect("it verifies");
}
