//! Every route, for everybody: who may, who may not, and that nothing else is served.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sluice_domain::people::Role;
use sluice_domain::refusal::Code;

use crate::support::client::{Client, Reply};
use crate::support::data::root;
use crate::support::node::Place;
use crate::support::shared::shared;

/// Who may call a route.
enum May {
    /// Anybody, with a token or without.
    Anybody,
    /// Anybody of these roles.
    Only(&'static [Role]),
}

/// What a request to it carries.
enum Carries {
    Nothing,
    Json(Value),
    Bytes(&'static [u8]),
}

type Row = (&'static str, &'static str, May, Carries);

/// The routes, as the description names them. Whoever is added here can do more than before: think twice, and raise
/// [`ALLOWED_MAX`] by hand.
fn table() -> Vec<Row> {
    use Carries::{Bytes, Json, Nothing};
    use May::{Anybody, Only};
    use Role::{Administrator as Ad, Auditor as Au, Custodian as C, Operator as O, Regulator as Rg, Reviewer as Rv};
    const ALL: &[Role] = &[C, Rv, O, Rg, Au, Ad];
    const WORKING: &[Role] = &[C, Rv, O, Rg, Au];
    let plan = json!({ "sql": "SELECT 1", "dimensions": [], "statistics": ["subjects"] });
    let job = json!({ "grant": "grant_00000000000000000000000000000000", "lane": "tabulate", "plan": plan });
    let dataset = json!({ "name": "Not A Name", "title": "t", "grade": "open", "dictionary": { "columns": [] } });
    let family = json!({ "terms": { "dataset": "none", "name": "n", "title": "t", "dimensions": [] } });
    let terms = json!({ "terms": { "operator": "nobody", "purpose": "", "mode": "whole", "datasets": [], "lanes": [],
        "signatures": 2, "reviewers": 2, "from_ms": 0, "until_ms": 1, "jobs_max": 1, "report_bits_max": 0 } });
    vec![
        ("GET", "/healthz", Anybody, Nothing),
        ("GET", "/readyz", Anybody, Nothing),
        ("GET", "/v1/openapi.json", Anybody, Nothing),
        ("GET", "/v1/node", Anybody, Nothing),
        ("GET", "/v1/me", Only(ALL), Nothing),
        ("POST", "/v1/organisations", Only(&[Ad]), Json(json!({ "id": "Not A Name", "title": "t", "kind": "agency" }))),
        (
            "POST",
            "/v1/people",
            Only(&[Ad]),
            Json(json!({ "id": "x", "title": "t", "organisation": "no", "roles": [] })),
        ),
        ("GET", "/v1/tokens", Only(&[Ad]), Nothing),
        ("POST", "/v1/tokens", Only(&[Ad]), Json(json!({ "person": "nobody_here", "role": "custodian" }))),
        ("POST", "/v1/tokens/{id}/revoke", Only(&[Ad]), Nothing),
        ("GET", "/v1/datasets", Only(ALL), Nothing),
        ("POST", "/v1/datasets", Only(&[C]), Json(dataset)),
        ("GET", "/v1/datasets/{name}", Only(ALL), Nothing),
        ("POST", "/v1/dictionary-drafts?format=csv", Only(&[C]), Bytes(b"")),
        ("GET", "/v1/datasets/{name}/snapshots", Only(ALL), Nothing),
        ("POST", "/v1/datasets/{name}/snapshots?format=csv", Only(&[C]), Bytes(b"")),
        ("GET", "/v1/families", Only(ALL), Nothing),
        ("POST", "/v1/families", Only(&[C]), Json(family)),
        ("GET", "/v1/families/{key}", Only(ALL), Nothing),
        ("GET", "/v1/families/{key}/preview", Only(&[C, Rv]), Nothing),
        ("POST", "/v1/families/{key}/vet", Only(&[C, Rv]), Nothing),
        ("POST", "/v1/families/{key}/withdraw", Only(&[C]), Nothing),
        ("GET", "/v1/grants", Only(WORKING), Nothing),
        ("POST", "/v1/grants", Only(&[C]), Json(terms)),
        ("GET", "/v1/grants/{id}", Only(WORKING), Nothing),
        ("POST", "/v1/grants/{id}/sign", Only(&[C]), Nothing),
        ("POST", "/v1/grants/{id}/suspend", Only(&[C, Rg]), Nothing),
        ("POST", "/v1/grants/{id}/resume", Only(&[C, Rg]), Nothing),
        ("POST", "/v1/grants/{id}/revoke", Only(&[C, Rg]), Nothing),
        ("GET", "/v1/modules", Only(WORKING), Nothing),
        ("POST", "/v1/modules", Only(&[O]), Bytes(b"no wasm")),
        ("GET", "/v1/modules/{digest}", Only(WORKING), Nothing),
        ("POST", "/v1/modules/{digest}/revoke", Only(&[C, Rg]), Nothing),
        ("GET", "/v1/jobs", Only(WORKING), Nothing),
        ("POST", "/v1/jobs", Only(&[O]), Json(job)),
        ("GET", "/v1/jobs/{id}", Only(WORKING), Nothing),
        ("GET", "/v1/jobs/{id}/events", Only(WORKING), Nothing),
        ("POST", "/v1/jobs/{id}/cancel", Only(&[O]), Nothing),
        ("POST", "/v1/jobs/{id}/end", Only(&[C]), Nothing),
        ("POST", "/v1/jobs/{id}/rerun", Only(&[C]), Nothing),
        ("GET", "/v1/requests", Only(&[C, Rv, Rg, Au]), Nothing),
        ("GET", "/v1/requests/{id}", Only(&[C, Rv, Rg, Au]), Nothing),
        ("GET", "/v1/requests/{id}/candidate", Only(&[Rv]), Nothing),
        ("POST", "/v1/requests/{id}/votes", Only(&[Rv]), Json(json!({ "verdict": "approve", "reason": "fits" }))),
        ("POST", "/v1/requests/{id}/tighten", Only(&[C]), Json(json!({ "threshold": 20 }))),
        (
            "POST",
            "/v1/requests/{id}/exceptions",
            Only(&[C, Rv]),
            Json(json!({ "rule": "threshold", "asked": 5, "reason": "why" })),
        ),
        ("GET", "/v1/releases", Only(WORKING), Nothing),
        ("GET", "/v1/releases/{id}", Only(WORKING), Nothing),
        ("GET", "/v1/releases/{id}/data?format=csv", Only(&[O]), Nothing),
        ("GET", "/v1/releases/{id}/record", Only(WORKING), Nothing),
        ("GET", "/v1/releases/{id}/receipt", Only(WORKING), Nothing),
        ("GET", "/v1/ledger/export", Only(&[Rg, Au]), Nothing),
        ("GET", "/v1/ledger/checkpoint", Only(&[Rg, Au]), Nothing),
    ]
}

/// Pairs of route and role that are let in. It may only fall, but for: custodians tighten what waits for its reviewers,
/// they and reviewers ask for exceptions, of which one person's alone changes nothing,
/// regulators end their own suspensions, administrators list the tokens, since whoever revokes one has to find it.
const ALLOWED_MAX: usize = 138;

const PEOPLE: [(&str, Role); 6] = [
    ("carol", Role::Custodian),
    ("rosa", Role::Reviewer),
    ("olga", Role::Operator),
    ("rex", Role::Regulator),
    ("abel", Role::Auditor),
    ("admin", Role::Administrator),
];

/// A path of the description, with the placeholders filled in by names that nothing has.
fn filled(path: &str) -> String {
    path.replace("{id}", "none").replace("{name}", "none").replace("{digest}", &"0".repeat(64))
}

fn called(client: &Client, (method, path, _, carries): &Row) -> Reply {
    let path = filled(path);
    match carries {
        Carries::Nothing if *method == "GET" => client.get(&path),
        Carries::Nothing => client.act(&path),
        Carries::Json(body) => client.post(&path, body),
        Carries::Bytes(bytes) => client.send(&path, bytes),
    }
}

#[test]
fn the_table_names_every_route_that_is_described() {
    let described = shared().place.anybody().get("/v1/openapi.json").ok();
    let paths = described["paths"].as_object().expect("paths").iter();
    let operations = paths.flat_map(|(path, item)| {
        item.as_object().expect("an item").keys().map(move |method| (method.to_uppercase(), path.clone()))
    });
    let described: BTreeSet<(String, String)> = operations.collect();
    let plain = |path: &str| path.split('?').next().unwrap_or_default().to_owned();
    let listed: BTreeSet<(String, String)> =
        table().iter().map(|(method, path, ..)| ((*method).to_owned(), plain(path))).collect();
    assert_eq!(described, listed);
}

#[test]
fn everybody_may_do_what_the_table_says_and_nothing_else() {
    let place: &Place = &shared().place;
    let clients = PEOPLE.map(|(name, role)| (place.client(name), role));
    let mut allowed = 0;
    for row in &table() {
        let (method, path, may, _) = row;
        let nobody = called(&place.anybody(), row);
        let stranger = called(&Client::new(&place.url, Some(format!("sluice_{}", "0".repeat(64)))), row);
        for reply in [nobody, stranger] {
            match may {
                May::Anybody => assert_eq!(reply.status, 200, "{method} {path}"),
                May::Only(_) => drop(reply.refused(Code::Unauthenticated)),
            }
        }
        for (client, role) in &clients {
            let reply = called(client, row);
            let let_in = match may {
                May::Anybody => true,
                May::Only(roles) => roles.contains(role),
            };
            if !let_in {
                reply.refused(Code::Forbidden);
                continue;
            }
            allowed += usize::from(matches!(may, May::Only(_)));
            let told = reply.text();
            let is_kept_out =
                reply.status >= 400 && ["forbidden", "unauthenticated"].contains(&reply.problem().0.as_str());
            assert!(!is_kept_out && reply.status < 500, "{method} {path} as {role:?}: {} {told}", reply.status);
            // What has no such name isn't told apart from what may not be seen.
            if path.contains('{') && path != &"/v1/datasets/{name}/snapshots?format=csv" {
                reply.refused(Code::NotFound);
            }
        }
    }
    assert!(allowed <= ALLOWED_MAX, "{allowed} pairs of route and role are let in, and {ALLOWED_MAX} were");
}

#[test]
fn what_is_no_route_is_a_problem_like_any_other() {
    let place = &shared().place;
    for path in ["/", "/v1", "/v1/nothing", "/v1/jobs/a/b/c", "/v2/jobs", "/v1/../keys/ledger.key", "/etc/passwd"] {
        place.anybody().get(path).refused(Code::NotFound);
    }
    for (method, path) in [("DELETE", "/v1/grants"), ("PUT", "/v1/me"), ("PATCH", "/v1/jobs"), ("POST", "/v1/me")] {
        let body: Option<&[u8]> = if method == "DELETE" { None } else { Some(b"{}") };
        let reply = place.client("carol").call(method, path, &[], body);
        assert_eq!((reply.status, reply.problem().0.as_str()), (405, "malformed"), "{method} {path}");
    }
}

#[test]
fn the_description_is_the_golden_one() {
    let path = root().join("tests/golden/openapi.json");
    let described = shared().place.anybody().get("/v1/openapi.json").ok();
    assert_eq!(described["openapi"], "3.1.0");
    if std::env::var_os("SLUICE_BLESS").is_some() {
        std::fs::write(&path, serde_json::to_string_pretty(&described).unwrap() + "\n").unwrap();
    }
    let golden = std::fs::read(&path).expect("the golden description; SLUICE_BLESS=1 writes it");
    let golden: Value = serde_json::from_slice(&golden).expect("it is JSON");
    let names = ["paths", "components", "info", "security"];
    for name in names {
        assert!(
            described[name] == golden[name],
            "`{name}` isn't as in tests/golden/openapi.json; SLUICE_BLESS=1 writes it"
        );
    }
    assert!(described == golden);
}
