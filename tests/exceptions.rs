//! Exceptions: two people loosen one rule for one request, others decide on what comes of it, and the release says so.

use std::process::Command;

use serde_json::{Value, json};
use sluice_domain::people::Role;
use sluice_domain::refusal::Code;

use crate::duties::entry;
use crate::people::{added, own_side};
use crate::support::acts::{Reviewed, count, figure, inner, terms, text};
use crate::support::client::{Client, Reply};
use crate::support::guests::guest;
use crate::support::node::{Hosted, Place, SLUICE, folder, until};
use crate::support::shared::shared;

/// What only people of the agency may read.
const WHY: &str = "The law on kinds asks for it, 4711 of them";

/// Registers and seals a small table of a domain of its own: 60 are `x` and 7 `y`. A grant of it.
fn kinds(place: &Place, name: &str) -> String {
    let mut kinds = entry(name);
    kinds["subject"]["domain"] = json!(name);
    place.register(&kinds);
    let rows: String = (0..67).map(|n| format!("p{n},{}\n", if n < 60 { "x" } else { "y" })).collect();
    place.seal(name, "csv", format!("id,kind\n{rows}").as_bytes());
    place.grant(&terms(json!([{ "dataset": name, "columns": ["id", "kind"] }])))
}

/// Its kinds, counted and before the reviewers.
fn waiting(place: &Place, name: &str) -> Reviewed {
    let grant = kinds(place, name);
    place.reviewed(&place.plan(&grant, &count(&format!("SELECT kind FROM {name}"), "kind")))
}

fn ask(client: &Client, request: &str, rule: &Value, asked: u64, reason: &str) -> Reply {
    let body = json!({ "rule": rule, "asked": asked, "reason": reason });
    client.post(&format!("/v1/requests/{request}/exceptions"), &body)
}

/// That somebody asks for a threshold.
fn asks(place: &Place, who: &str, request: &str, asked: u64) -> Value {
    ask(&place.client(who), request, &json!("threshold"), asked, WHY).ok()
}

fn request(place: &Place, who: &str, id: &str) -> Value {
    place.client(who).get(&format!("/v1/requests/{id}")).ok()
}

fn candidate(place: &Place, id: &str) -> Value {
    place.client("rita").get(&format!("/v1/requests/{id}/candidate")).ok()
}

fn voted(place: &Place, request: &str, who: &str, round: u64) -> Reply {
    let vote = json!({ "verdict": "approve", "reason": "fits", "round": round });
    place.client(who).post(&format!("/v1/requests/{request}/votes"), &vote)
}

fn released(place: &Place, job: &str) -> String {
    until("the operator sees the release", || {
        place.client("olga").get(&format!("/v1/jobs/{job}")).ok()["release"].as_str().map(str::to_owned)
    })
}

/// Each kind's number of subjects, and whether it would be published.
fn shown(candidate: &Value) -> Vec<(String, bool)> {
    inner(candidate).iter().map(|cell| figure(cell, "subjects")).collect()
}

#[test]
fn an_exception_by_two_people_voids_the_votes_and_marks_the_release() {
    let place = &shared().place;
    let reviewed = waiting(place, "excepted");
    let id = &reviewed.request;
    place.vote(id, "rosa", "approve", "fits");
    let before = request(place, "rosa", id);

    // One person alone changes nothing.
    let asked = asks(place, "carol", id, 5);
    assert_eq!((&asked["exceptions"][0]["in_force"], &asked["round"]), (&json!(false), &json!(1)));
    let alone = request(place, "rosa", id);
    for field in ["round", "state", "votes", "candidate", "assessment"] {
        assert_eq!(alone[field], before[field], "{field}");
    }
    let candidate_before = candidate(place, id);
    assert_eq!(shown(&candidate_before), [("60".to_owned(), true), ("7".to_owned(), false)]);
    assert_eq!(candidate_before["record"]["exceptions"], json!([]));

    let asked = asks(place, "cyrus", id, 5);
    assert_eq!((&asked["exceptions"][0]["in_force"], &asked["round"]), (&json!(true), &json!(2)));
    let after = request(place, "rosa", id);
    assert_eq!((&after["votes"], &after["state"]), (&json!([]), &json!("voting")));
    assert_eq!(after["candidate"], before["candidate"], "the ledger shows that only the rules changed");
    assert_ne!(after["assessment"], before["assessment"]);
    let candidate_after = candidate(place, id);
    let mark = json!([{ "rule": "threshold", "asked": 5 }]);
    assert_eq!(shown(&candidate_after), [("60".to_owned(), true), ("7".to_owned(), true)]);
    let record = &candidate_after["record"];
    assert_eq!((&record["exceptions"], &record["rules"]["threshold"]), (&mark, &json!(5)), "the voters see it");
    assert_eq!(place.seen(&reviewed.job), reviewed.seen, "not a byte of what its operator sees has changed");

    assert!(voted(place, id, "rosa", 1).refused(Code::WrongState).contains("has changed since"));
    voted(place, id, "rosa", 2).ok();
    voted(place, id, "ravi", 2).ok();
    let release = released(place, &reviewed.job);
    assert_eq!(place.rows(&release)[1..], [["x", "60"], ["y", "7"]]);
    let olga = place.client("olga");
    let [view, record, job] =
        [format!("releases/{release}"), format!("releases/{release}/record"), format!("jobs/{}", reviewed.job)]
            .map(|path| olga.get(&format!("/v1/{path}")).ok());
    assert_eq!((&view["exceptions"], &record["exceptions"]), (&mark, &mark), "the release is marked");
    let notes = record["notes"].as_array().unwrap().iter().map(text).collect::<String>();
    assert!(notes.contains("loosened for this table by exception: threshold 5"), "{notes}");
    let receipt = olga.get(&format!("/v1/releases/{release}/receipt")).body;
    let receipt = sluice_ledger::Receipt::parse(&receipt).unwrap().verify(Some(&place.key())).unwrap();
    let body: Value = serde_json::from_str(receipt.body()).unwrap();
    assert_eq!(body["basis"]["reviewed"]["assessment"], after["assessment"]);
    let told = [view, record, job].map(|value| value.to_string()).concat() + receipt.body();
    let ledger = String::from_utf8(place.ledger()).unwrap();
    for text in [&told, &ledger] {
        assert!(!text.contains("4711 ") && !text.contains("The law"), "nobody's words leave");
    }
    assert!(!told.contains("carol") && !told.contains("cyrus"), "an operator isn't told who asked");
    let detail = ask(&place.client("carol"), id, &json!("p_percent"), 6, WHY).refused(Code::WrongState);
    assert!(detail.contains("is decided"), "{detail}");
}

#[test]
fn attack_33_who_asked_for_an_exception_has_no_vote() {
    let place = &shared().place;
    let reviewed = waiting(place, "asked");
    let id = &reviewed.request;
    asks(place, "rosa", id, 5);
    let again = ask(&place.client("rosa"), id, &json!("threshold"), 5, "Once more").refused(Code::WrongState);
    assert!(again.contains("another person must"), "{again}");
    // Another number is another exception, and two halves are no whole.
    assert_eq!(asks(place, "carol", id, 6)["round"], 1);
    // Nothing is loosened yet, so whoever asked may vote.
    voted(place, id, "rosa", 1).ok();
    let view = asks(place, "carol", id, 5);
    assert_eq!(view["exceptions"].as_array().unwrap().len(), 1, "the other number has lapsed: {view}");
    let detail = voted(place, id, "rosa", 2).refused(Code::ConflictOfInterest);
    assert!(detail.contains("others decide"), "{detail}");
    let taken = ask(&place.client("ravi"), id, &json!("threshold"), 4, WHY).refused(Code::WrongState);
    assert!(taken.contains("in force already"), "{taken}");
    // A rule with an exception isn't tightened beside it.
    let tighten = json!({ "threshold": 50, "rounding": 5 });
    let detail = place.client("carol").post(&format!("/v1/requests/{id}/tighten"), &tighten).refused(Code::WrongState);
    assert!(detail.contains("an exception of this rule is in force"), "{detail}");
    voted(place, id, "ravi", 2).ok();
    voted(place, id, "rita", 2).ok();
    assert_eq!(place.rows(&released(place, &reviewed.job))[1..], [["x", "60"], ["y", "7"]]);
}

#[test]
fn what_was_only_asked_for_lapses_with_its_round() {
    let place = &shared().place;
    let id = &waiting(place, "only_asked").request;
    asks(place, "carol", id, 5);
    place.client("cyrus").post(&format!("/v1/requests/{id}/tighten"), &json!({ "threshold": 20 })).ok();
    assert!(request(place, "carol", id).get("exceptions").is_none(), "a stricter rule isn't loosened by old words");
    let view = asks(place, "cyrus", id, 5);
    assert_eq!((&view["round"], &view["exceptions"][0]["in_force"]), (&json!(2), &json!(false)));
    // What was tightened is loosened like any other rule.
    let view = asks(place, "carol", id, 5);
    assert_eq!((&view["round"], &view["exceptions"][0]["in_force"]), (&json!(3), &json!(true)));
    assert_eq!(candidate(place, id)["record"]["rules"]["threshold"], 5);
}

#[test]
fn an_exception_that_may_not_be_is_refused_to_the_first_who_asks() {
    let place = &shared().place;
    let id = &waiting(place, "unasked").request;
    let before = request(place, "carol", id);
    let carol = place.client("carol");
    for (rule, asked, reason, code, words) in [
        (json!("threshold"), 2, WHY, Code::GradeForbids, "`threshold` can't go beyond 3"),
        (json!("difference"), 1, WHY, Code::GradeForbids, "`difference` can't go beyond 3"),
        (json!({ "dominance": { "n": 2 } }), 96, WHY, Code::GradeForbids, "`dominance` can't go beyond 95"),
        (json!("threshold"), 10, WHY, Code::Malformed, "doesn't loosen `threshold`"),
        (json!("threshold"), 30, WHY, Code::Malformed, "doesn't loosen `threshold`"),
        (json!({ "dominance": { "n": 3 } }), 90, WHY, Code::Malformed, "doesn't loosen `dominance`"),
        (json!("prior_posterior"), 5, WHY, Code::Malformed, "doesn't loosen `prior_posterior`"),
        (json!("threshold"), 5, " \n", Code::Malformed, "has a reason"),
        (json!("grade"), 5, WHY, Code::Malformed, "unknown variant"),
    ] {
        let detail = ask(&carol, id, &rule, asked, reason).refused(code);
        assert!(detail.contains(words), "{rule} {asked}: {detail}");
    }
    ask(&carol, id, &json!("threshold"), 5, &"x".repeat(4_001)).refused(Code::Malformed);
    for who in ["olga", "abel", "rex", "admin"] {
        ask(&place.client(who), id, &json!("threshold"), 5, WHY).refused(Code::Forbidden);
    }
    // Another agency sees no such request.
    let agency = json!({ "id": "elsewhere", "title": "Another agency", "kind": "agency" });
    place.client("admin").post("/v1/organisations", &agency).ok();
    let ella = added(place, "ella", "elsewhere", Role::Custodian);
    ask(&ella, id, &json!("threshold"), 5, WHY).refused(Code::NotFound);
    assert_eq!(request(place, "carol", id), before);
    // The host counts nothing in a report, so there is nothing to loosen.
    let report = place.reviewed(&place.work(&shared().narrow, &guest("monthly_report"), &json!({})));
    let detail = ask(&carol, &report.request, &json!("threshold"), 5, WHY).refused(Code::WrongState);
    assert!(detail.contains("there is no rule to change"), "{detail}");
}

#[test]
fn attack_33_nobody_loosens_a_rule_for_their_own_side() {
    let place = &shared().place;
    let own = own_side(place, "leg", "oscar").request;
    for who in ["carol", "rosa"] {
        ask(&place.client(who), &own, &json!("threshold"), 5, WHY).refused(Code::ConflictOfInterest);
    }
}

#[test]
fn a_reason_is_read_by_people_of_the_agency_and_by_nobody_else() {
    let place = &shared().place;
    let id = &waiting(place, "reasons").request;
    let answer = asks(place, "carol", id, 5);
    assert!(answer["exceptions"][0]["by"][0].get("reason").is_none(), "an answer that is kept has no words: {answer}");
    for who in ["carol", "cyrus", "rosa", "ravi"] {
        let by = request(place, who, id)["exceptions"][0]["by"].clone();
        assert_eq!((&by[0]["person"], &by[0]["reason"]), (&json!("carol"), &json!(WHY)), "{who}");
    }
    for who in ["abel", "rex"] {
        let by = request(place, who, id)["exceptions"][0]["by"].clone();
        assert_eq!((&by[0]["person"], by[0].get("reason")), (&json!("carol"), None), "{who}");
    }
    place.client("olga").get(&format!("/v1/requests/{id}")).refused(Code::Forbidden);
    let list = place.client("carol").get("/v1/requests?limit=500").ok();
    assert!(!list.to_string().contains("The law"), "lists have no words");
}

#[test]
fn an_exception_counts_in_the_comparison_with_what_is_out_as_well() {
    let place = &shared().place;
    let grant = kinds(place, "compared");
    place.release(&place.reviewed(&place.plan(&grant, &count("SELECT kind FROM compared", "kind"))));
    // The same without five of the sixty.
    let fewer: Vec<String> = (0..5).map(|n| format!("id <> 'p{n}'")).collect();
    let fewer = format!("SELECT kind FROM compared WHERE {}", fewer.join(" AND "));
    let id = &place.reviewed(&place.plan(&grant, &count(&fewer, "kind"))).request;
    let five_of_x = || {
        let candidate = candidate(place, id);
        let findings = candidate["findings"].as_array().unwrap().iter();
        findings.filter(|one| one["check"] == "history" && one["labels"] == json!(["x"])).count()
    };
    assert!(five_of_x() > 0, "60 less 55 are fewer than ten");
    for (round, rule) in [(2, "threshold"), (3, "difference")] {
        assert!(five_of_x() > 0, "before {rule}");
        for who in ["carol", "cyrus"] {
            ask(&place.client(who), id, &json!(rule), 5, WHY).ok();
        }
        assert_eq!(request(place, "carol", id)["round"], round);
    }
    assert_eq!(five_of_x(), 0, "five are enough now");
    assert_eq!(request(place, "carol", id)["round"], 3, "to look doesn't begin another round");
}

#[test]
fn an_excepted_request_is_rebuilt_from_its_events() {
    let folder = folder();
    let home = folder.path().join("home");
    let first = Hosted::at(&home);
    let reviewed = waiting(&first.place, "rebuilt");
    let id = &reviewed.request;
    asks(&first.place, "carol", id, 5);
    asks(&first.place, "cyrus", id, 5);
    ask(&first.place.client("rosa"), id, &json!("p_percent"), 7, "Only asked for").ok();
    voted(&first.place, id, "ravi", 2).ok();
    let (before, events) = (request(&first.place, "carol", id), first.place.verified());
    drop(first);
    let second = Hosted::at(&home);
    let place = &second.place;
    assert_eq!((request(place, "carol", id), place.verified()), (before.clone(), events));
    assert_eq!(before["exceptions"][1]["by"][0]["reason"], "Only asked for");
    voted(place, id, "rita", 2).ok();
    assert_eq!(place.rows(&released(place, &reviewed.job))[1..], [["x", "60"], ["y", "7"]]);
    place.verified();
}

#[test]
fn the_same_asking_sent_again_counts_once() {
    let place = &shared().place;
    let id = &waiting(place, "asking").request;
    let send = |asked: u64| {
        let headers = [("content-type", "application/json"), ("idempotency-key", "except-once")];
        let body = json!({ "rule": "threshold", "asked": asked, "reason": WHY }).to_string();
        place.client("carol").call("POST", &format!("/v1/requests/{id}/exceptions"), &headers, Some(body.as_bytes()))
    };
    let (first, second) = (send(5), send(5));
    assert_eq!((first.status, first.text()), (201, second.text()), "byte for byte");
    send(6).refused(Code::KeyReused);
    assert_eq!(request(place, "abel", id)["exceptions"][0]["by"].as_array().unwrap().len(), 1);
}

#[test]
fn the_command_asks_and_shows_by_the_name_of_the_job() {
    let place = &shared().place;
    let reviewed = waiting(place, "commanded");
    let run = |who: &str, verb: &[&str]| {
        let mut command = Command::new(SLUICE);
        command.arg("--home").arg(&place.home).args(["--url", &place.url, "--as", who]);
        command.arg("review").args(verb).env_remove("SLUICE_URL");
        let done = command.output().expect("the program starts");
        (done.status.code(), String::from_utf8_lossy(&done.stdout).into_owned())
    };
    let except = |who: &str, rule: &str, asked: &str| {
        run(who, &["except", &reviewed.job, "--rule", rule, "--asked", asked, "--reason", WHY])
    };
    let (code, said) = except("carol", "dominance:2", "93");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("dominance:2 93: asked for, not in force"), "{said}");
    assert_eq!(except("carol", "threshold", "5").0, Some(0));
    let (code, said) = except("cyrus", "threshold", "5");
    assert!(code == Some(0) && said.contains("threshold 5: in force") && !said.contains("dominance"), "{said}");
    assert_eq!(except("cyrus", "p_percent", "1").0, Some(3), "the node refuses to go below the least");
    assert_eq!(except("cyrus", "nothing", "1").0, Some(2));
    let (code, said) = run("rosa", &["show", &reviewed.job]);
    assert!(code == Some(0) && said.contains(&format!("carol (agency): {WHY}")), "{said}");
}
