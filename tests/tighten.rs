//! Stricter rules for what waits for its reviewers: the votes start again, the release follows, nothing gets looser.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};
use sluice_domain::refusal::Code;

use crate::faults::{by_kind, things};
use crate::people::{own_side, waiting};
use crate::releases::question;
use crate::support::acts::{figure, inner, text};
use crate::support::client::Reply;
use crate::support::node::{Hosted, Place, SLUICE, folder, until};
use crate::support::shared::shared;

fn tighten(place: &Place, request: &str, who: &str, rules: &Value) -> Reply {
    place.client(who).post(&format!("/v1/requests/{request}/tighten"), rules)
}

fn voted(place: &Place, request: &str, who: &str, verdict: &str, round: u32) -> Reply {
    let reason = if verdict == "approve" { "fits" } else { "disclosure_risk" };
    let vote = json!({ "verdict": verdict, "reason": reason, "round": round });
    place.client(who).post(&format!("/v1/requests/{request}/votes"), &vote)
}

/// The request, as the auditor sees it.
fn request(place: &Place, id: &str) -> Value {
    place.client("abel").get(&format!("/v1/requests/{id}")).ok()
}

fn released(place: &Place, job: &str) -> String {
    until("the operator sees the release", || {
        place.client("olga").get(&format!("/v1/jobs/{job}")).ok()["release"].as_str().map(str::to_owned)
    })
}

#[test]
fn attack_31_tightening_voids_the_votes_and_the_release_follows_it() {
    let place = &shared().place;
    let reviewed = place.reviewed(&place.plan(&shared().apart("voided", None), &question("voided")));
    let id = &reviewed.request;
    place.vote(id, "rosa", "approve", "fits");
    let before = request(place, id);
    tighten(place, id, "carol", &json!({ "threshold": 30, "rounding": 5 })).ok();
    let after = request(place, id);
    assert_eq!((&after["round"], &after["state"], &after["votes"]), (&json!(2), &json!("voting"), &json!([])));
    assert_eq!(after["tightening"], json!({ "threshold": 30, "rounding": 5 }));
    assert_eq!(after["candidate"], before["candidate"], "the ledger shows that only the rules changed");
    assert_ne!(after["assessment"], before["assessment"]);
    // Whoever votes on what they had looked at before, or doesn't say on what, doesn't vote.
    let nameless = json!({ "verdict": "approve", "reason": "fits" });
    let nameless = place.client("rosa").post(&format!("/v1/requests/{id}/votes"), &nameless);
    for reply in [nameless, voted(place, id, "ravi", "approve", 1), voted(place, id, "ravi", "approve", 3)] {
        assert!(reply.refused(Code::WrongState).contains("has changed since"));
    }
    let candidate = place.client("rita").get(&format!("/v1/requests/{id}/candidate")).ok();
    let rules = &candidate["record"]["rules"];
    assert_eq!((&candidate["round"], &rules["threshold"], &rules["rounding_base"]), (&json!(2), &json!(30), &json!(5)));
    voted(place, id, "rosa", "approve", 2).ok();
    assert_eq!(place.seen(&reviewed.job), reviewed.seen, "not a byte of what its operator sees has changed");
    voted(place, id, "ravi", "approve", 2).ok();

    let release = released(place, &reviewed.job);
    let rows = place.rows(&release);
    let shown: BTreeMap<&[String], &[String]> = rows[1..].iter().map(|row| row.split_at(2)).collect();
    let rounded = |value: &Value| ((value.as_u64().unwrap() + 2) / 5 * 5).to_string();
    let (mut closed, mut open) = (0, 0);
    for cell in inner(&reviewed.candidate) {
        let labels: Vec<String> = cell["labels"].as_array().unwrap().iter().map(text).collect();
        let (figures, subjects) = (shown[labels.as_slice()], cell["subjects"].as_u64().unwrap());
        if subjects < 30 {
            assert_eq!(figures, ["c", "c", "c"], "{labels:?} has {subjects} aircraft");
            closed += u32::from(subjects >= 10);
        } else {
            for (shown, name) in figures.iter().zip(["subjects", "records"]) {
                // A figure that gives somebody away for another reason is withheld for that.
                let withheld = shown == "c" && !(figure(cell, name).1 && subjects >= 60);
                assert!(withheld || *shown == rounded(&cell[name]), "{labels:?} {name}: {shown}");
                open += u32::from(!withheld);
            }
        }
    }
    assert!(closed > 0 && open > 0, "some cells close and some stay: {closed} {open}");
    let record = place.client("olga").get(&format!("/v1/releases/{release}/record")).json();
    assert_eq!(&record["rules"], rules, "the release says by which rules it left");
    let receipt = place.client("olga").get(&format!("/v1/releases/{release}/receipt")).body;
    let receipt = sluice_ledger::Receipt::parse(&receipt).unwrap().verify(Some(&place.key())).unwrap();
    let body: Value = serde_json::from_str(receipt.body()).unwrap();
    let body = &body["basis"]["reviewed"];
    assert_eq!((&body["candidate"], &body["assessment"]), (&after["candidate"], &after["assessment"]));
}

#[test]
fn attack_31_rules_are_tightened_and_never_loosened() {
    let place = &shared().place;
    let id = &waiting("stricter").request;
    let before = request(place, id);
    for (rules, code, words) in [
        (json!({ "threshold": 9 }), Code::GradeForbids, "`threshold` may be tightened, never loosened: 10 holds"),
        (
            json!({ "threshold": 40, "rounding": 0 }),
            Code::GradeForbids,
            "`rounding_base` may be tightened, never loosened",
        ),
        (json!({ "threshold": 10, "rounding": 1 }), Code::Malformed, "no rule would be stricter"),
        (json!({}), Code::Malformed, "no rule would be stricter"),
        (json!({ "p_percent": 50 }), Code::Malformed, "unknown field `p_percent`"),
    ] {
        let detail = tighten(place, id, "carol", &rules).refused(code);
        assert!(detail.contains(words), "{rules}: {detail}");
    }
    for who in ["rosa", "olga", "abel", "rex", "admin"] {
        tighten(place, id, who, &json!({ "threshold": 20 })).refused(Code::Forbidden);
    }
    assert_eq!(request(place, id), before);
    tighten(place, id, "carol", &json!({ "threshold": 20 })).ok();
    let detail = tighten(place, id, "cyrus", &json!({ "threshold": 15 })).refused(Code::GradeForbids);
    assert!(detail.contains("20 holds, 15 was asked"), "{detail}");
    // What isn't named stays as it was made.
    let view = tighten(place, id, "cyrus", &json!({ "rounding": 5 })).ok();
    assert_eq!((&view["tightening"], &view["round"]), (&json!({ "threshold": 20, "rounding": 5 }), &json!(3)));
    for reviewer in ["rosa", "ravi"] {
        voted(place, id, reviewer, "reject", 3).ok();
    }
    let detail = tighten(place, id, "carol", &json!({ "threshold": 50 })).refused(Code::WrongState);
    assert!(detail.contains("is decided"), "{detail}");
}

#[test]
fn the_same_tightening_sent_again_counts_once() {
    let place = &shared().place;
    let id = &waiting("once").request;
    let send = |threshold: u64| {
        let headers = [("content-type", "application/json"), ("idempotency-key", "tighten-once")];
        let body = json!({ "threshold": threshold }).to_string();
        place.client("carol").call("POST", &format!("/v1/requests/{id}/tighten"), &headers, Some(body.as_bytes()))
    };
    let (first, second) = (send(25), send(25));
    assert_eq!((first.status, first.text()), (200, second.text()), "byte for byte");
    send(26).refused(Code::KeyReused);
    assert_eq!(request(place, id)["round"], 2);
}

#[test]
fn the_command_tightens_by_the_name_of_the_job() {
    let place = &shared().place;
    let reviewed = waiting("command");
    let command = |rules: &[&str]| {
        let mut command = Command::new(SLUICE);
        command.arg("--home").arg(&place.home).args(["--url", &place.url, "--as", "carol", "--json"]);
        command.args(["review", "tighten", &reviewed.job]).args(rules).env_remove("SLUICE_URL");
        command.output().expect("the program starts")
    };
    let done = command(&["--threshold", "20", "--rounding", "5"]);
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    let view: Value = serde_json::from_slice(&done.stdout).expect("JSON for programs");
    assert_eq!((&view["id"], &view["round"]), (&json!(reviewed.request), &json!(2)));
    assert_eq!(command(&["--threshold", "15"]).status.code(), Some(3), "the node refuses to loosen");
    assert_eq!(command(&[]).status.code(), Some(2), "what to tighten has to be said");
}

#[test]
fn attack_33_votes_are_not_voided_without_end_nor_by_the_authors_side() {
    let place = &shared().place;
    let id = &waiting("endless").request;
    for round in 2..=16 {
        let view = tighten(place, id, "carol", &json!({ "threshold": 10 + round })).ok();
        assert_eq!(view["round"], round);
    }
    let detail = tighten(place, id, "carol", &json!({ "threshold": 100 })).refused(Code::WrongState);
    assert!(detail.contains("all its rounds"), "{detail}");
    voted(place, id, "rosa", "approve", 16).ok();
    // The agency's custodians decide nothing for an operator of the agency's own legal group.
    let own = own_side(place, "limb", "otis").request;
    tighten(place, &own, "carol", &json!({ "threshold": 20 })).refused(Code::ConflictOfInterest);
}

#[test]
fn a_tightened_request_is_rebuilt_from_its_events() {
    let folder = folder();
    let home = folder.path().join("home");
    let first = Hosted::at(&home);
    let grant = things(&first.place);
    let reviewed = first.place.reviewed(&first.place.plan(&grant, &by_kind()));
    let id = &reviewed.request;
    first.place.vote(id, "ravi", "reject", "disclosure_risk");
    tighten(&first.place, id, "carol", &json!({ "threshold": 50 })).ok();
    voted(&first.place, id, "rosa", "approve", 2).ok();
    let (before, events) = (request(&first.place, id), first.place.verified());
    drop(first);
    // A node compares what it keeps with what its events add up to, and doesn't start where they differ.
    let second = Hosted::at(&home);
    let place = &second.place;
    assert_eq!((request(place, id), place.verified()), (before, events));
    voted(place, id, "ravi", "approve", 2).ok();
    let release = released(place, &reviewed.job);
    assert_eq!(place.rows(&release)[1..], [["x", "60"], ["y", "c"], ["z", "c"]]);
    place.verified();
}
