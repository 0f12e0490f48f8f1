//! Duties that the policy puts on the software, each as a person would run into it.

use serde_json::{Value, json};
use sluice_domain::people::Role;
use sluice_domain::refusal::Code;

use crate::ended::stopped_with;
use crate::people::added;
use crate::support::acts::{count, terms, text};
use crate::support::guests::guest;
use crate::support::node::{now_ms, until};
use crate::support::shared::{dictionary, flights, shared};

/// A small entry.
pub fn entry(name: &str) -> Value {
    json!({
        "name": name,
        "title": "Things",
        "item_code": name,
        "subject": { "column": "id", "domain": "things" },
        "grade": "open",
        "n_public": 100,
        "dictionary": { "columns": [
            { "name": "id", "kind": "utf8" },
            { "name": "kind", "kind": "utf8", "codes": ["x", "y"] },
        ]},
    })
}

/// A draft of a grant of it.
pub fn drafted(dataset: &str) -> Value {
    json!({ "terms": terms(json!([{ "dataset": dataset, "columns": ["id", "kind"] }])) })
}

#[test]
fn policy_p01_an_item_is_registered_once() {
    let place = &shared().place;
    let carol = place.client("carol");
    let mut again = dictionary("flights");
    again["name"] = json!("flights_again");
    let detail = carol.post("/v1/datasets", &again).refused(Code::Exists);
    assert!(detail.contains("`flights`"), "it points to the first: {detail}");
    let mut renamed = dictionary("flights");
    renamed["item_code"] = json!("another-item");
    assert!(carol.post("/v1/datasets", &renamed).refused(Code::Exists).contains("name is taken"));
    carol.get("/v1/datasets/flights_again").refused(Code::NotFound);
}

#[test]
fn policy_p02_what_has_lapsed_is_not_granted_and_not_used() {
    let place = &shared().place;
    let carol = place.client("carol");
    let mut lapsed = entry("lapsed");
    lapsed["lapses_at_ms"] = json!(now_ms() - 1);
    place.register(&lapsed);
    assert!(carol.post("/v1/grants", &drafted("lapsed")).refused(Code::WrongState).contains("`lapsed`"));
    carol.send("/v1/datasets/lapsed/snapshots?format=csv", b"id,kind\na,x\n").refused(Code::WrongState);
    carol.post("/v1/grants", &drafted("never_registered")).refused(Code::NotFound);
    // One that lapses under a grant in force takes the grant's use with it.
    let mut lapsing = entry("lapsing");
    let lapses_at_ms = now_ms() + 6_000;
    lapsing["lapses_at_ms"] = json!(lapses_at_ms);
    place.register(&lapsing);
    place.seal("lapsing", "csv", b"id,kind\na,x\nb,y\n");
    let grant = place.grant(&drafted("lapsing")["terms"]);
    place.plan(&grant, &count("SELECT kind FROM lapsing", "kind"));
    until("the registration lapses", || (now_ms() > lapses_at_ms).then_some(()));
    let ask = json!({ "grant": grant, "lane": "tabulate", "plan": count("SELECT kind FROM lapsing", "kind") });
    place.client("olga").post("/v1/jobs", &ask).refused(Code::GrantNotInForce);
}

#[test]
fn policy_p03_a_grade_forbids() {
    let place = &shared().place;
    let carol = place.client("carol");
    for (name, column, code) in
        [("top_secret", None, Code::GradeForbids), ("half_secret", Some("secret"), Code::GradeForbids)]
    {
        let mut entry = entry(name);
        match column {
            None => entry["grade"] = json!("secret"),
            Some(grade) => entry["dictionary"]["columns"][1]["grade"] = json!(grade),
        }
        place.register(&entry);
        assert!(carol.post("/v1/grants", &drafted(name)).refused(code).contains("secret"));
    }
    // The rest of it can be granted: the secret column is no part of that grant.
    let rest = json!({ "terms": terms(json!([{ "dataset": "half_secret", "columns": ["id"] }])) });
    carol.post("/v1/grants", &rest).ok();
    let mut special = entry("special_data");
    special["grade"] = json!("special");
    place.register(&special);
    assert!(carol.post("/v1/grants", &drafted("special_data")).refused(Code::GradeForbids).contains("lane report"));
    let mut alone = terms(flights(None));
    alone["reviewers"] = json!(1);
    carol.post("/v1/grants", &json!({ "terms": alone })).refused(Code::GradeForbids);
    let mut looser = terms(flights(None));
    looser["tightening"] = json!({ "threshold": 3 });
    carol.post("/v1/grants", &json!({ "terms": looser })).refused(Code::GradeForbids);
}

#[test]
fn policy_p10_a_grant_that_is_revoked_stops_what_runs_and_freezes_what_waits() {
    let place = &shared().place;
    let grant = place.grant(&terms(flights(None)));
    let waiting = place.reviewed(&place.plan(&grant, &count("SELECT origin FROM flights", "origin")));
    place.vote(&waiting.request, "rosa", "approve", "fits");
    // It burns all the fuel of some 260 aircraft: it still runs when the grant ends.
    let running = place.work(&grant, &guest("spin_map"), &json!({}));
    until("it runs", || (place.inside(&running)["attempts"].as_array().unwrap().len() == 1).then_some(()));
    let ended = place.client("rex").act(&format!("/v1/grants/{grant}/revoke")).ok();
    assert_eq!((&ended["state"], &ended["in_force"]), (&json!("revoked"), &json!(false)));
    for job in [&running, &waiting.job] {
        place.shows_stopped(job);
        assert_eq!(place.inside(job)["state"], "stopped");
    }
    let ended = |body: &Value| body["kind"] == "grant_revoked" && body["grant"] == grant.as_str();
    assert_eq!(stopped_with(place, "rex", ended), [running.clone(), waiting.job.clone()]);
    assert_eq!(place.inside(&running)["request"], Value::Null, "its output never came before anybody");
    until("its folder is gone with its worker", || {
        (!place.home.join(format!("jobs/{running}/attempt-1")).exists()).then_some(())
    });
    let request = place.client("ravi").get(&format!("/v1/requests/{}", waiting.request)).ok();
    assert_eq!(request["state"], "closed");
    let vote = json!({ "verdict": "approve", "reason": "fits" });
    let path = format!("/v1/requests/{}/votes", waiting.request);
    place.client("ravi").post(&path, &vote).refused(Code::WrongState);
    let ask = json!({ "grant": grant, "lane": "tabulate", "plan": count("SELECT origin FROM flights", "origin") });
    place.client("olga").post("/v1/jobs", &ask).refused(Code::GrantNotInForce);
    for act in ["resume", "suspend", "revoke", "sign"] {
        place.client("carol").act(&format!("/v1/grants/{grant}/{act}")).refused(Code::WrongState);
    }
    place.lives();
}

#[test]
fn policy_p10_a_token_that_is_revoked_is_dead_at_once() {
    let place = &shared().place;
    let admin = place.client("admin");
    let token = admin.post("/v1/tokens", &json!({ "person": "olga", "role": "operator" })).ok();
    let client = crate::support::client::Client::new(&place.url, Some(text(&token["secret"])));
    assert_eq!(client.get("/v1/me").ok()["person"], "olga");
    admin.act(&format!("/v1/tokens/{}/revoke", text(&token["id"]))).ok();
    client.get("/v1/me").refused(Code::Unauthenticated);
    assert_eq!(place.client("olga").get("/v1/me").ok()["person"], "olga", "her other token lives");
}

#[test]
fn policy_p11_a_grant_takes_two_people() {
    let place = &shared().place;
    let (carol, cyrus) = (place.client("carol"), place.client("cyrus"));
    let id = text(&carol.post("/v1/grants", &json!({ "terms": terms(flights(None)) })).ok()["id"]);
    let sign = format!("/v1/grants/{id}/sign");
    let ask = json!({ "grant": id, "lane": "tabulate", "plan": count("SELECT origin FROM flights", "origin") });
    place.client("olga").post("/v1/jobs", &ask).refused(Code::GrantNotInForce);
    assert_eq!(carol.act(&sign).ok()["in_force"], false);
    assert!(carol.act(&sign).refused(Code::WrongState).contains("another person must"));
    place.client("olga").post("/v1/jobs", &ask).refused(Code::GrantNotInForce);
    for other in ["rosa", "olga", "rex", "abel", "admin"] {
        place.client(other).act(&sign).refused(Code::Forbidden);
    }
    let signed = cyrus.act(&sign).ok();
    assert_eq!((&signed["in_force"], signed["signatures"].as_array().unwrap().len()), (&json!(true), 2));
    place.client("olga").post("/v1/jobs", &ask).ok();
    let mut one = terms(flights(None));
    one["signatures"] = json!(1);
    carol.post("/v1/grants", &json!({ "terms": one })).refused(Code::Malformed);
}

#[test]
fn policy_p17_every_owner_signs_the_grant_and_votes_on_the_release() {
    let place = &shared().place;
    let admin = place.client("admin");
    admin.post("/v1/organisations", &json!({ "id": "registry", "title": "The registry", "kind": "agency" })).ok();
    let custodians = ["gina", "gus"].map(|name| added(place, name, "registry", Role::Custodian));
    let reviewer = added(place, "greta", "registry", Role::Reviewer);
    let mut planes = dictionary("planes");
    planes["dictionary"]["columns"].as_array_mut().unwrap().truncate(3);
    custodians[0].post("/v1/datasets", &planes).ok();
    place.client("carol").get("/v1/datasets/planes").ok();
    place
        .client("carol")
        .send("/v1/datasets/planes/snapshots?format=csv", b"tailnum,year,type\n")
        .refused(Code::NotFound);
    let rows: String = shared().tails.iter().map(|tail| format!("{tail},2001,Fixed wing multi engine\n")).collect();
    let file = format!("tailnum,year,type\n{rows}");
    custodians[1].send("/v1/datasets/planes/snapshots?format=csv", file.as_bytes()).ok();
    let mut datasets = flights(Some("carrier = 'F9'"));
    datasets.as_array_mut().unwrap().push(json!({ "dataset": "planes", "columns": ["tailnum", "year"] }));
    let grant = place.client("carol").post("/v1/grants", &json!({ "terms": terms(datasets) })).ok();
    assert_eq!(grant["owners"], json!(["agency", "registry"]));
    let id = text(&grant["id"]);
    let sign = format!("/v1/grants/{id}/sign");
    for (who, in_force) in [
        (place.client("carol"), false),
        (place.client("cyrus"), false),
        (custodians[0].clone(), false),
        (custodians[1].clone(), true),
    ] {
        assert_eq!(who.act(&sign).ok()["in_force"], in_force);
    }
    let sql = "SELECT f.origin FROM flights f JOIN planes p ON f.tailnum = p.tailnum WHERE p.year > 2000";
    let reviewed = place.reviewed(&place.plan(&id, &count(sql, "origin")));
    assert_eq!(reviewed.candidate["run"]["subjects"], shared().tails.len());
    for name in ["rosa", "ravi"] {
        assert_eq!(
            place.vote(&reviewed.request, name, "approve", "fits")["state"],
            "voting",
            "one agency isn't enough"
        );
    }
    let vote = json!({ "verdict": "approve", "reason": "fits" });
    let path = format!("/v1/requests/{}/votes", reviewed.request);
    assert_eq!(reviewer.post(&path, &vote).ok()["state"], "approved");
    place.client("olga").states(&reviewed.job, |state| state == "released");
}

#[test]
fn policy_p19_roles_that_conflict_are_not_held_together() {
    let place = &shared().place;
    let admin = place.client("admin");
    let cases = [
        ("agency", json!(["custodian", "reviewer"])),
        ("authority", json!(["regulator", "auditor"])),
        ("agency", json!(["custodian", "operator"])),
        ("agency", json!(["auditor"])),
        ("operator", json!(["reviewer"])),
        ("operator", json!(["operator", "administrator"])),
        ("authority", json!(["custodian"])),
    ];
    for (organisation, roles) in cases {
        let person = json!({ "id": "janus", "title": "Janus", "organisation": organisation, "roles": roles });
        admin.post("/v1/people", &person).refused(Code::ConflictOfInterest);
    }
    // A token for a role that its person doesn't have is no way round.
    admin.post("/v1/tokens", &json!({ "person": "carol", "role": "reviewer" })).refused(Code::ConflictOfInterest);
    let second = json!({ "id": "carol", "title": "Carol", "organisation": "agency", "roles": ["reviewer"] });
    admin.post("/v1/people", &second).refused(Code::Exists);
}

#[test]
fn policy_p25_an_auditor_reads_everything_but_data_and_verifies_offline() {
    let place = &shared().place;
    let released = crate::releases::released();
    let abel = place.client("abel");
    for path in ["datasets", "grants", "modules", "jobs", "requests", "releases"] {
        abel.get(&format!("/v1/{path}?limit=1")).ok();
    }
    abel.get(&format!("/v1/jobs/{}", released.reviewed.job)).ok()["inside"]["attempts"].as_array().unwrap();
    abel.get(&format!("/v1/requests/{}/candidate", released.reviewed.request)).refused(Code::Forbidden);
    abel.get(&format!("/v1/releases/{}/data?format=csv", released.release)).refused(Code::Forbidden);
    abel.get(&format!("/v1/releases/{}/record", released.release)).ok();
    assert!(place.verified() > 20);
    // Every step of that release is on record.
    let ledger = String::from_utf8(place.ledger()).unwrap();
    for kind in [
        "job_admitted",
        "attempt_started",
        "review_opened",
        "candidate_viewed",
        "vote_cast",
        "release_sealed",
        "release_fetched",
    ] {
        let of = |line: &&str| line.contains(&format!("\"kind\":\"{kind}\""));
        let names = [&released.reviewed.job, &released.reviewed.request, &released.release];
        let named = |line: &&str| names.iter().any(|name| line.contains(name.as_str()));
        assert!(ledger.lines().filter(of).any(|line| named(&line)), "{kind}");
    }
}
