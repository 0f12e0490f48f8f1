//! Who decides: two people who don't see each other, none of them the author's, on what they looked at.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sluice_domain::contract::{Contract, Dimension, Statistic, Tabulation};
use sluice_domain::digest::Commitment;
use sluice_domain::event::{Event, Happening};
use sluice_domain::grade::Lane;
use sluice_domain::grant::{Grant, GrantState, Terms, Tightening};
use sluice_domain::id::{GrantId, JobId, ReleaseId, RequestId};
use sluice_domain::job::{Job, JobState, Route};
use sluice_domain::people::{Actor, Role};
use sluice_domain::policy;
use sluice_domain::refusal::Code;
use sluice_domain::release::{Basis, ReleaseEntry};
use sluice_domain::review::{Reason, ReleaseRequest, RequestState, Verdict, Vote};
use sluice_domain::state::State;

use crate::support::acts::{Reviewed, count, terms, text};
use crate::support::client::Client;
use crate::support::guests::guest;
use crate::support::node::{Place, until};
use crate::support::shared::{flights, shared};

fn commitment(text: &str) -> Commitment {
    Commitment::new(&[7; 32], text.as_bytes())
}

fn vote(person: &str, verdict: Verdict) -> Vote {
    let (agency, reason) = ("agency".to_owned(), Reason::Fits);
    Vote { person: person.to_owned(), agency, verdict, reason, note: None, at_ms: 0 }
}

/// A state with a job whose candidate is before the reviewers, and the way to add to it.
struct Desk {
    state: State,
    request: ReleaseRequest,
}

impl Desk {
    fn happens(&mut self, happening: Happening) -> Result<(), String> {
        let event = Event { actor: Actor::node(), at_ms: 0, happening };
        let mut next = self.state.clone();
        next.apply(&event).map_err(|unsound| unsound.to_string())?;
        self.state = next;
        Ok(())
    }

    fn now(&self) -> &ReleaseRequest {
        &self.state.requests[&self.request.id]
    }

    fn votes(&mut self, person: &str, verdict: Verdict) -> Result<(), String> {
        self.happens(Happening::VoteCast { request: self.request.id.clone(), vote: vote(person, verdict) })
    }

    fn seal(&mut self, candidate: &Commitment, assessment: &Commitment) -> Result<(), String> {
        let release = ReleaseEntry {
            id: ReleaseId::new([9; 16]),
            job: self.request.job.clone(),
            basis: Basis::Reviewed {
                request: self.request.id.clone(),
                candidate: candidate.clone(),
                assessment: assessment.clone(),
                approvals: 2,
            },
            grant: GrantId::new([1; 16]),
            organisation: "operator".to_owned(),
            lane: Lane::Tabulate,
            module: None,
            contract: String::new(),
            snapshots: BTreeMap::new(),
            artefacts: Vec::new(),
            sealed_at_ms: 0,
        };
        self.happens(Happening::ReleaseSealed { release: Box::new(release) })
    }
}

fn desk() -> Desk {
    let (grant, job) = (GrantId::new([1; 16]), JobId::new([2; 16]));
    let request = ReleaseRequest {
        id: RequestId::new([3; 16]),
        job: job.clone(),
        owners: vec!["agency".to_owned()],
        organisation: "operator".to_owned(),
        candidate: commitment("candidate"),
        assessment: commitment("assessment"),
        tightening: Tightening::default(),
        exceptions: Vec::new(),
        round: 1,
        reviewers: 2,
        state: RequestState::Voting,
        votes: Vec::new(),
    };
    let mut desk = Desk { state: State::default(), request: request.clone() };
    desk.state.grants.insert(grant.clone(), a_grant(&grant));
    desk.state.jobs.insert(job.clone(), a_job(&job, &grant));
    desk.happens(Happening::ReviewOpened { request: Box::new(request) }).expect("the job waits for it");
    desk
}

fn a_grant(id: &GrantId) -> Grant {
    let terms = Terms { tightening: Tightening::default(), ..serde_json::from_value(terms(flights(None))).unwrap() };
    let (owners, drafted_by) = (vec!["agency".to_owned()], "carol".to_owned());
    Grant {
        id: id.clone(),
        terms,
        owners,
        drafted_by,
        state: GrantState::InForce,
        signatures: Vec::new(),
        suspended_by: BTreeSet::new(),
        jobs_admitted: 1,
        report_bits: 0,
    }
}

fn a_job(id: &JobId, grant: &GrantId) -> Job {
    let contract = Contract::Tabulate(Tabulation {
        sql: "SELECT carrier FROM flights".to_owned(),
        dimensions: vec![Dimension { name: "carrier".to_owned(), labels: vec!["F9".to_owned()] }],
        measures: Vec::new(),
        statistics: vec![Statistic::Subjects],
        margins: Vec::new(),
        cells_per_subject: 1,
        rows_per_subject: 1,
        constants: Vec::new(),
    });
    Job {
        id: id.clone(),
        grant: grant.clone(),
        organisation: "operator".to_owned(),
        person: "olga".to_owned(),
        lane: Lane::Tabulate,
        module: None,
        params: BTreeMap::new(),
        contract,
        snapshots: BTreeMap::new(),
        route: Route::default(),
        relations: Vec::new(),
        admitted_at_ms: 0,
        slot_ms: 100,
        fixed_slot_at_ms: None,
        state: JobState::Admitted,
        state_at_ms: 0,
        review_at_ms: None,
        attempts: 1,
        incidents: 0,
    }
}

/// A small request about a dataset of its own.
pub fn waiting(dataset: &str) -> Reviewed {
    let place = &shared().place;
    let grant = shared().apart(dataset, Some("carrier = 'F9'"));
    place.reviewed(&place.plan(&grant, &count(&format!("SELECT month FROM {dataset}"), "month")))
}

#[test]
fn attack_31_a_candidate_that_changes_voids_the_votes() {
    let mut desk = desk();
    desk.votes("rosa", Verdict::Approve).unwrap();
    let (candidate, assessment) = (commitment("another candidate"), commitment("another assessment"));
    let request = desk.request.id.clone();
    let replaced = Happening::CandidateReplaced {
        request,
        candidate: candidate.clone(),
        assessment: assessment.clone(),
        tightening: Tightening::default(),
    };
    desk.happens(replaced).unwrap();
    let now = desk.now();
    assert_eq!((now.votes.len(), now.round, now.state), (0, 2, RequestState::Voting));
    // One more approval isn't the second: both have to look at the new one.
    desk.votes("ravi", Verdict::Approve).unwrap();
    assert_eq!(desk.now().state, RequestState::Voting);
    assert!(desk.seal(&candidate, &assessment).is_err(), "nothing is sealed before it is approved");
    desk.votes("rosa", Verdict::Approve).unwrap();
    assert_eq!(desk.now().state, RequestState::Approved);
    let old = desk.request.clone();
    assert!(desk.seal(&old.candidate, &old.assessment).is_err(), "what they had seen first isn't what was approved");
    assert!(desk.seal(&candidate, &old.assessment).is_err());
    desk.seal(&candidate, &assessment).unwrap();
}

#[test]
fn attack_31_a_vote_on_another_round_is_no_vote() {
    let place = &shared().place;
    let reviewed = waiting("rounds");
    let path = format!("/v1/requests/{}/votes", reviewed.request);
    let vote = |round: u32| json!({ "verdict": "approve", "reason": "fits", "round": round });
    let detail = place.client("rosa").post(&path, &vote(2)).refused(Code::WrongState);
    assert!(detail.contains("has changed since"), "{detail}");
    place.client("rosa").post(&path, &vote(1)).ok();
    assert_eq!(reviewed.candidate["round"], 1, "the round is in what reviewers look at");
}

#[test]
fn attack_31_votes_stand_until_what_has_come_out_shows_something_new() {
    let place = &shared().place;
    let grant = shared().apart("moving", None);
    let waits = place.reviewed(&place.plan(&grant, &count("SELECT origin FROM moving", "origin")));
    place.vote(&waits.request, "rosa", "approve", "fits");
    let seen = || {
        let candidate = place.client("ravi").get(&format!("/v1/requests/{}/candidate", waits.request)).ok();
        let history: Vec<String> = candidate["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding["check"] == "history")
            .map(|finding| text(&finding["id"]))
            .collect();
        let request = place.client("rosa").get(&format!("/v1/requests/{}", waits.request)).ok();
        (candidate["round"].clone(), history, request["votes"].as_array().unwrap().len())
    };
    let before = seen();
    assert_eq!((&before.0, before.2), (&json!(1), 1));
    // Something else comes out that shows nothing of this: nobody has to look again.
    let month = count("SELECT month FROM moving WHERE month = 1", "month");
    place.release(&place.reviewed(&place.plan(&grant, &month)));
    assert_eq!(seen(), before);
    // The same comes out of fewer rows.
    let fewer = count("SELECT origin FROM moving WHERE month > 1", "origin");
    place.release(&place.reviewed(&place.plan(&grant, &fewer)));
    let after = seen();
    assert_eq!((&after.0, after.2), (&json!(2), 0));
    assert!(after.1.len() > before.1.len(), "{after:?}");
}

#[test]
fn attack_32_a_module_that_was_approved_is_contained_like_any_other() {
    let shared = shared();
    let place = &shared.place;
    let first = place.reviewed(&place.work(&shared.narrow, &guest("punctuality"), &json!({})));
    place.release(&first);
    // The same module, the same question: again behind the fences, and again before people.
    let second = place.reviewed(&place.work(&shared.narrow, &guest("punctuality"), &json!({})));
    let fences = |job: &str| place.inside(job)["attempts"][0]["protections"].clone();
    assert_eq!(fences(&first.job), fences(&second.job));
    assert_eq!(fences(&second.job), place.anybody().get("/v1/node").ok()["protections"]);
    assert!(!fences(&second.job).as_array().unwrap().is_empty(), "this kernel gives fences");
    let request = place.client("rosa").get(&format!("/v1/requests/{}", second.request)).ok();
    assert_eq!((&request["state"], &request["votes"]), (&json!("voting"), &json!([])));
    assert_eq!(place.state(&second.job), "under_review");
}

#[test]
fn attack_32_a_rejection_blocks() {
    let place = &shared().place;
    let reviewed = place.reviewed(&place.plan(&shared().narrow, &count("SELECT origin FROM flights", "origin")));
    for reviewer in ["rosa", "ravi"] {
        place.vote(&reviewed.request, reviewer, "reject", "outside_purpose");
    }
    let states = place.client("olga").states(&reviewed.job, |state| state != "under_review");
    assert_eq!(states.last().unwrap().0, "not_released");
    let job: Value = serde_json::from_str(&place.seen(&reviewed.job)).unwrap();
    assert!(job.get("release").is_none(), "{job}");
    assert_eq!(job["reasons"], json!(["The output isn't what the grant is for."]), "a sentence from the closed list");
    let releases = place.client("abel").get("/v1/releases?limit=500").ok();
    assert!(releases["items"].as_array().unwrap().iter().all(|release| release["job"] != reviewed.job.as_str()));
    let late = json!({ "verdict": "approve", "reason": "fits" });
    place.client("rita").post(&format!("/v1/requests/{}/votes", reviewed.request), &late).refused(Code::WrongState);
}

#[test]
fn attack_33_reviewers_are_blind_until_both_have_voted_and_a_third_decides() {
    let place = &shared().place;
    let reviewed = waiting("blind");
    let path = format!("/v1/requests/{}", reviewed.request);
    let seen_by = |name: &str| place.client(name).get(&path).ok();
    let people = |request: &Value| -> Vec<String> {
        request["votes"].as_array().unwrap().iter().map(|vote| text(&vote["person"])).collect()
    };
    let vote = json!({ "verdict": "approve", "reason": "fits", "note": "Looks harmless to me: 4711" });
    place.client("rosa").post(&format!("{path}/votes"), &vote).ok();
    assert_eq!(people(&seen_by("rosa")), ["rosa"]);
    for other in ["ravi", "rita", "carol", "abel", "rex"] {
        let request = seen_by(other);
        assert_eq!((people(&request), &request["state"]), (Vec::new(), &json!("voting")), "{other}");
    }
    place.client("rosa").post(&format!("{path}/votes"), &vote).refused(Code::WrongState);
    place.vote(&reviewed.request, "ravi", "reject", "disclosure_risk");
    assert_eq!(seen_by("rita")["state"], "conflicted");
    assert_eq!(people(&seen_by("rita")), ["rosa", "ravi"]);
    assert_eq!(place.state(&reviewed.job), "under_review", "the operator sees nothing of a conflict");
    place.vote(&reviewed.request, "rita", "reject", "disclosure_risk");
    assert_eq!(seen_by("rosa")["state"], "rejected");
    place.client("olga").states(&reviewed.job, |state| state == "not_released");
    // A reviewer's own words are in nothing that leaves them, not even in the ledger.
    let ledger = String::from_utf8(place.ledger()).unwrap();
    assert!(!ledger.contains("4711 ") && !ledger.contains("Looks harmless"));
    assert!(!seen_by("abel").to_string().contains("Looks harmless"));
}

/// Adds someone, as the administrator, and gives their client.
pub fn added(place: &Place, id: &str, organisation: &str, role: Role) -> Client {
    let admin = place.client("admin");
    let person = json!({ "id": id, "title": id, "organisation": organisation, "roles": [role.as_str()] });
    admin.post("/v1/people", &person).ok();
    let token = admin.post("/v1/tokens", &json!({ "person": id, "role": role.as_str() })).ok();
    Client::new(&place.url, Some(text(&token["secret"])))
}

/// What an operator of the agency's own legal group has before the reviewers: at arm's length, and not far enough.
pub struct OwnSide {
    pub operator: Client,
    pub grant: String,
    pub job: String,
    pub request: String,
}

/// Adds such an operator, with one person, and waits until their job comes before the reviewers.
pub fn own_side(place: &Place, organisation: &str, person: &str) -> OwnSide {
    let own = json!({ "id": organisation, "title": "The agency's own", "kind": "operator", "legal_group": "agency" });
    place.client("admin").post("/v1/organisations", &own).ok();
    let operator = added(place, person, organisation, Role::Operator);
    let mut terms = terms(flights(Some("carrier = 'F9'")));
    terms["operator"] = json!(organisation);
    let grant = place.grant(&terms);
    let ask = json!({ "grant": grant, "lane": "tabulate", "plan": count("SELECT origin FROM flights", "origin") });
    let job = text(&operator.post("/v1/jobs", &ask).ok()["id"]);
    let request =
        until("the job comes before the reviewers", || place.inside(&job)["request"].as_str().map(str::to_owned));
    OwnSide { operator, grant, job, request }
}

#[test]
fn attack_33_nobody_of_the_authors_side_decides() {
    let place = &shared().place;
    let OwnSide { operator: otto, grant, job, request } = own_side(place, "arm", "otto");
    let vote = json!({ "verdict": "approve", "reason": "fits" });
    for reviewer in ["rosa", "ravi", "rita"].map(|name| place.client(name)) {
        reviewer.get(&format!("/v1/requests/{request}/candidate")).refused(Code::ConflictOfInterest);
        reviewer.post(&format!("/v1/requests/{request}/votes"), &vote).refused(Code::ConflictOfInterest);
    }
    for (who, code) in [(otto, Code::Forbidden), (place.client("carol"), Code::Forbidden)] {
        who.get(&format!("/v1/requests/{request}/candidate")).refused(code);
        who.post(&format!("/v1/requests/{request}/votes"), &vote).refused(code);
    }
    // Another operator sees neither job nor module nor grant of theirs.
    for path in [format!("/v1/jobs/{job}"), format!("/v1/grants/{grant}")] {
        place.client("olga").get(&path).refused(Code::NotFound);
    }
}

/// Somebody of an organisation, named after it.
fn of(organisation: &str, role: Role) -> Actor {
    Actor { person: format!("one-of-{organisation}"), organisation: organisation.to_owned(), role: Some(role) }
}

#[test]
fn a_grant_is_in_force_again_when_nobodys_suspension_is_left() {
    let id = GrantId::new([1; 16]);
    let owners = vec!["agency".to_owned(), "registry".to_owned()];
    let grant = Grant { owners, ..a_grant(&id) };
    let (from_ms, mut state, mut ledger) = (grant.terms.from_ms, State::default(), Vec::new());
    let mut happens = |state: &mut State, actor: &Actor, happening: Happening| {
        let event = Event { actor: actor.clone(), at_ms: from_ms, happening };
        let mut next = state.clone();
        next.apply(&event).map_err(|unsound| unsound.to_string())?;
        ledger.push(serde_json::to_string(&event).unwrap());
        *state = next;
        Ok::<(), String>(())
    };
    happens(&mut state, &Actor::node(), Happening::GrantDrafted { grant: Box::new(grant) }).unwrap();
    let (agency, registry) = (of("agency", Role::Custodian), of("registry", Role::Custodian));
    let (authority, council) = (of("authority", Role::Regulator), of("council", Role::Regulator));
    let stranger = of("bureau", Role::Custodian);
    let steps: [(&Actor, bool, Option<Code>, &[&str]); 16] = [
        (&agency, false, Some(Code::WrongState), &[]),
        (&authority, true, None, &["authority"]),
        (&agency, false, Some(Code::Forbidden), &["authority"]),
        (&council, false, Some(Code::Forbidden), &["authority"]),
        (&agency, true, None, &["agency", "authority"]),
        (&agency, true, Some(Code::WrongState), &["agency", "authority"]),
        (&registry, false, Some(Code::Forbidden), &["agency", "authority"]),
        (&stranger, true, Some(Code::Forbidden), &["agency", "authority"]),
        (&authority, false, None, &["agency"]),
        (&authority, false, Some(Code::Forbidden), &["agency"]),
        (&registry, true, None, &["agency", "registry"]),
        (&agency, false, None, &["registry"]),
        (&registry, false, None, &[]),
        (&authority, true, None, &["authority"]),
        (&council, true, None, &["authority", "council"]),
        (&authority, false, None, &["council"]),
    ];
    for (step, (actor, suspends, refused, left)) in steps.into_iter().enumerate() {
        let (may, happening) = match suspends {
            true => {
                (policy::may_suspend_grant(&state.grants[&id], actor), Happening::GrantSuspended { grant: id.clone() })
            }
            false => {
                (policy::may_resume_grant(&state.grants[&id], actor), Happening::GrantResumed { grant: id.clone() })
            }
        };
        assert_eq!(may.err().map(|refusal| refusal.code), refused, "step {step}");
        if refused.is_none() {
            happens(&mut state, actor, happening).unwrap();
        } else if !suspends {
            assert!(happens(&mut state, actor, happening).is_err(), "step {step}: nor does the state take it");
        }
        let grant = &state.grants[&id];
        assert_eq!(grant.suspended_by.iter().map(String::as_str).collect::<Vec<_>>(), left, "step {step}");
        assert_eq!(
            (grant.state == GrantState::Suspended, grant.in_force(from_ms)),
            (!left.is_empty(), left.is_empty())
        );
    }
    let mut rebuilt = State::default();
    for line in &ledger {
        rebuilt.apply(&serde_json::from_str(line).unwrap()).unwrap();
    }
    assert_eq!((ledger.len(), &rebuilt), (10, &state), "the events add up to the same");
}
