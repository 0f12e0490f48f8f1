//! What people end: grants that are suspended, modules that are revoked, and who has a hold on whose.

use serde_json::{Value, json};
use sluice_domain::people::Role;
use sluice_domain::refusal::Code;

use crate::duties::{drafted, entry};
use crate::people::added;
use crate::support::acts::{count, terms, text};
use crate::support::client::Client;
use crate::support::guests::guest;
use crate::support::node::Place;
use crate::support::shared::{flights, shared};

/// The jobs that were stopped in the very commit of an event, by whoever caused it.
pub fn stopped_with(place: &Place, person: &str, event: impl Fn(&Value) -> bool) -> Vec<String> {
    let ledger = String::from_utf8(place.ledger()).unwrap();
    let lines: Vec<Value> = ledger.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let at = lines.iter().position(|line| event(&line["body"])).expect("it is on record");
    // A checkpoint closes each commit.
    let with = lines[at..].iter().take_while(|line| line.get("checkpoint").is_none());
    let bodies: Vec<&Value> = with.map(|line| &line["body"]).collect();
    assert!(bodies.iter().all(|body| body["actor"]["person"] == person), "{bodies:?}");
    assert!(bodies[1..].iter().all(|body| body["kind"] == "job_stopped"), "{bodies:?}");
    bodies[1..].iter().map(|body| text(&body["job"])).collect()
}

#[test]
fn policy_p10_a_suspension_is_ended_by_whoever_made_it() {
    let place = &shared().place;
    let grant = place.grant(&terms(flights(Some("carrier = 'F9'"))));
    let act = |who: &str, act: &str| place.client(who).act(&format!("/v1/grants/{grant}/{act}"));
    let ask = json!({ "grant": grant, "lane": "tabulate", "plan": count("SELECT origin FROM flights", "origin") });
    let waiting = place.reviewed(&place.plan(&grant, &count("SELECT origin FROM flights", "origin")));
    let suspended = act("rex", "suspend").ok();
    assert_eq!((&suspended["state"], &suspended["suspended_by"]), (&json!("suspended"), &json!(["authority"])));
    let event = |body: &Value| body["kind"] == "grant_suspended" && body["grant"] == grant.as_str();
    assert_eq!(stopped_with(place, "rex", event), std::slice::from_ref(&waiting.job));
    let detail = act("carol", "resume").refused(Code::Forbidden);
    assert!(detail.contains("by the organisation that made it"), "{detail}");
    assert_eq!(act("cyrus", "suspend").ok()["suspended_by"], json!(["agency", "authority"]));
    act("carol", "suspend").refused(Code::WrongState);
    let left = act("rex", "resume").ok();
    assert_eq!((&left["state"], &left["suspended_by"]), (&json!("suspended"), &json!(["agency"])));
    act("rex", "resume").refused(Code::Forbidden);
    place.client("olga").post("/v1/jobs", &ask).refused(Code::GrantNotInForce);
    let resumed = act("carol", "resume").ok();
    assert_eq!((&resumed["in_force"], &resumed["suspended_by"]), (&json!(true), &json!([])));
    place.client("olga").post("/v1/jobs", &ask).ok();
    place.shows_stopped(&waiting.job);
    act("carol", "resume").refused(Code::WrongState);
}

/// A module's bytes with a section that means nothing, so that the digest is a test's own.
fn marked(name: &str, mark: &str) -> Vec<u8> {
    let length = u8::try_from(mark.len()).unwrap();
    [guest(name).as_slice(), &[0, length + 1, length], mark.as_bytes()].concat()
}

/// Whose entries of these bytes somebody is shown, page after page.
fn organisations(client: &Client, digest: &str) -> Vec<String> {
    let (mut organisations, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/v1/modules?limit=2{cursor}")).ok();
        let modules = page["items"].as_array().unwrap().iter();
        organisations.extend(modules.filter(|module| module["digest"] == digest).map(|m| text(&m["organisation"])));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return organisations,
        }
    }
}

#[test]
fn whoever_submits_the_same_module_learns_of_nobody_else_and_agencies_revoke_it_for_their_own_operators() {
    let shared = shared();
    let place = &shared.place;
    let admin = place.client("admin");
    for (id, kind) in [("rival", "operator"), ("bureau", "agency")] {
        admin.post("/v1/organisations", &json!({ "id": id, "title": id, "kind": kind })).ok();
    }
    let (ruth, bert) = (added(place, "ruth", "rival", Role::Operator), added(place, "bert", "bureau", Role::Custodian));
    let (olga, carol) = (place.client("olga"), place.client("carol"));
    let bytes = marked("punctuality", "of two organisations");
    let ours = place.module(&bytes);
    let digest = text(&ours["digest"]);
    let path = format!("/v1/modules/{digest}");
    ruth.get(&path).refused(Code::NotFound);
    let theirs = ruth.send("/v1/modules?statement=Ours", &bytes).ok();
    assert_eq!(
        (&theirs["digest"], &theirs["organisation"], &theirs["statement"]),
        (&ours["digest"], &json!("rival"), &json!("Ours"))
    );
    assert_eq!((olga.get(&path).ok(), ruth.get(&path).ok()), (ours.clone(), theirs.clone()));
    // The agency has granted data to one of them; the authority sees all; another agency has no hold on either, and
    // a draft of its own gives it none.
    bert.post("/v1/datasets", &entry("bureau_things")).ok();
    let draft = text(&bert.post("/v1/grants", &drafted("bureau_things")).ok()["id"]);
    bert.act(&format!("/v1/grants/{draft}/sign")).ok();
    let sees = |client: &Client| organisations(client, &digest);
    assert_eq!([sees(&olga), sees(&carol)], [["operator"], ["operator"]]);
    assert_eq!(
        (sees(&ruth), sees(&place.client("abel"))),
        (vec!["rival".to_owned()], vec!["operator".to_owned(), "rival".to_owned()])
    );
    assert_eq!(sees(&bert), Vec::<String>::new());
    bert.get(&path).refused(Code::NotFound);
    bert.act(&format!("{path}/revoke")).refused(Code::NotFound);
    // Revoked by the agency: for its own data, whose jobs with it stop in the same commit.
    let ask = json!({ "grant": shared.narrow, "lane": ours["lane"], "module": digest, "params": {} });
    let waiting = place.reviewed(&text(&olga.post("/v1/jobs", &ask).ok()["id"]));
    let revoked = carol.act(&format!("{path}/revoke")).ok();
    assert_eq!((&revoked["organisation"], &revoked["revoked_by"]), (&json!("operator"), &json!(["agency"])));
    assert_eq!(revoked["state"], "accepted", "other agencies decide for their own data");
    let event = |body: &Value| body["kind"] == "module_revoked" && body["module"] == digest.as_str();
    assert_eq!(stopped_with(place, "carol", event), std::slice::from_ref(&waiting.job));
    place.shows_stopped(&waiting.job);
    carol.act(&format!("{path}/revoke")).refused(Code::WrongState);
    assert_eq!(olga.send("/v1/modules", &bytes).ok(), revoked, "sending it again mends nothing");
    olga.post("/v1/jobs", &ask).refused(Code::Module);
    assert_eq!(ruth.get(&path).ok(), theirs, "the other's is as it was");
    // By a regulator: of whoever has it, for good.
    place.client("rex").act(&format!("{path}/revoke")).ok();
    assert_eq!([&olga, &ruth].map(|client| text(&client.get(&path).ok()["state"])), ["revoked", "revoked"]);
    olga.send("/v1/modules", &bytes).refused(Code::Module);
    place.client("rex").act(&format!("{path}/revoke")).refused(Code::WrongState);
}

#[test]
fn a_row_filter_that_the_guard_refuses_is_not_drafted() {
    let place = &shared().place;
    let carol = place.client("carol");
    let draft = |filter: &str| {
        let mut terms = terms(flights(Some(filter)));
        terms["purpose"] = json!("A filter of its own");
        carol.post("/v1/grants", &json!({ "terms": terms }))
    };
    for filter in ["carrier = ", "carrier", "no_such = 1", "count(*) > 1", "random() > 0.5", "carrier IN (SELECT 'F9')"]
    {
        let detail = draft(filter).refused(Code::Plan);
        assert!(detail.starts_with("row filter: "), "{filter}: {detail}");
    }
    let drafted = || {
        let grants = carol.get("/v1/grants?limit=500").ok();
        let of_test = |grant: &&Value| grant["terms"]["purpose"] == "A filter of its own";
        grants["items"].as_array().unwrap().iter().filter(of_test).count()
    };
    assert_eq!(drafted(), 0);
    draft("carrier = 'F9' AND month < 7").ok();
    assert_eq!(drafted(), 1);
}
