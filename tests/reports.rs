//! Hostile modules of lane `report`: whatever a run does, its operator sees the same at the same time.

use std::sync::OnceLock;

use serde_json::{Value, json};
use sluice_domain::refusal::Code;

use crate::support::acts::{Reviewed, nameless, terms};
use crate::support::guests::guest;
use crate::support::node::{REPORT_SLOTS, SLOT_MS};
use crate::support::shared::{flights, shared};

/// A job before its reviewers, and the states that its operator was told, with their times.
type Watched = (Reviewed, Vec<(String, i64)>);

/// The same module with the same parameters, where bit 1 of the target's delay is set and where it isn't.
fn both_bits() -> &'static [Watched; 2] {
    static BOTH: OnceLock<[Watched; 2]> = OnceLock::new();
    BOTH.get_or_init(|| {
        let place = &shared().place;
        let grants = ["dep_delay = 2", "dep_delay IN (0, 1, 4, 5)"]
            .map(|filter| place.grant(&terms(flights(Some(&format!("tailnum = 'N14228' AND {filter}"))))));
        let params = json!({ "tailnum": "N14228", "bit": "1" });
        grants.map(|grant| {
            let job = place.work(&grant, &guest("report_trap_bit"), &params);
            let stream = place.client("olga").states(&job, |state| state != "accepted");
            (place.reviewed(&job), stream)
        })
    })
}

#[test]
fn attack_15_a_report_changes_at_the_slot_that_its_contract_fixes() {
    for (reviewed, stream) in both_bits() {
        let states: Vec<&str> = stream.iter().map(|(state, _)| state.as_str()).collect();
        assert_eq!(states, ["accepted", "under_review"]);
        let seen: Value = serde_json::from_str(&reviewed.seen).unwrap();
        let (admitted, fixed) = (seen["admitted_at_ms"].as_i64().unwrap(), seen["fixed_slot_at_ms"].as_i64().unwrap());
        assert_eq!(fixed - admitted, SLOT_MS * REPORT_SLOTS);
        let late_ms = stream[1].1 - fixed;
        assert!((0..10_000).contains(&late_ms), "seen {late_ms} ms after the fixed slot");
    }
}

#[test]
fn attack_42_a_report_that_traps_looks_like_one_that_does_not() {
    let place = &shared().place;
    let [(set, _), (unset, _)] = both_bits();
    assert_eq!(set.candidate["run"]["fault"], "trapped", "the reviewers see what happened");
    assert_eq!(unset.candidate["run"]["fault"], Value::Null);
    assert_eq!(nameless(&set.seen), nameless(&unset.seen));
    // Nothing of a trapped run can be let out, however careless its reviewers are.
    let vote = json!({ "verdict": "approve", "reason": "fits" });
    let refused = place.client("rosa").post(&format!("/v1/requests/{}/votes", set.request), &vote);
    assert!(refused.refused(Code::WrongState).contains("refuses"));
    assert_eq!(set.candidate["rows"], json!([]));
    // Whether it is rejected for a fault or for its content isn't told either.
    for request in [&set.request, &unset.request] {
        for reviewer in ["rosa", "ravi"] {
            place.vote(request, reviewer, "reject", "disclosure_risk");
        }
    }
    let ended = [set, unset].map(|reviewed| {
        place.client("olga").states(&reviewed.job, |state| state == "not_released");
        nameless(&place.seen(&reviewed.job))
    });
    assert_eq!(ended[0], ended[1]);
}

#[test]
fn attack_01_a_report_holds_no_more_than_its_contract() {
    let shared = shared();
    let job = shared.place.work(&shared.narrow, &guest("report_overflow"), &json!({}));
    let reviewed = shared.place.reviewed(&job);
    let candidate = &reviewed.candidate;
    assert_eq!((&candidate["run"]["fault"], &candidate["verdict"]), (&json!("broken_contract"), &json!("refuse")));
    assert_eq!(candidate["rows"], json!([]), "not one of its rows is kept");
    let kept = candidate.to_string();
    assert_eq!(shared.tails.iter().find(|tail| kept.contains(*tail)), None);
    // No threshold stands behind a report, so none can be promised for it afterwards.
    let path = format!("/v1/requests/{}/tighten", reviewed.request);
    let refused = shared.place.client("carol").post(&path, &json!({ "threshold": 50 }));
    assert!(refused.refused(Code::WrongState).contains("counts nothing in a report"));
}

#[test]
fn attack_42_the_bits_of_a_report_are_charged_before_it_runs() {
    let place = &shared().place;
    // One row of a number of 1001 values: 10 bits, and one for its presence.
    let mut terms = terms(flights(Some("carrier = 'HA'")));
    terms["report_bits_max"] = json!(25);
    let grant = place.grant(&terms);
    let params = json!({ "bit": "31" });
    for _ in 0..2 {
        place.work(&grant, &guest("report_trap_bit"), &params);
    }
    let module = place.module(&guest("report_trap_bit"));
    let ask = json!({ "grant": grant, "lane": "report", "module": module["digest"], "params": params });
    let detail = place.client("olga").post("/v1/jobs", &ask).refused(Code::Quota);
    assert!(detail.contains("11 bits, and 3"), "{detail}");
    assert_eq!(place.client("olga").get(&format!("/v1/grants/{grant}")).ok()["report_bits"], 22);
}
