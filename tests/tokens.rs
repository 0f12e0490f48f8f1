//! Tokens: listed without their secrets, dead at once, and issued anew where none lives.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Output;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sluice_domain::digest::sha256_hex;
use sluice_domain::people::{Actor, OrganisationKind, Role};
use sluice_domain::refusal::Code;
use sluice_server::api::types::AddOrganisation;
use sluice_server::node::{Clock, Node, Parts};
use sluice_server::settings::Settings;

use crate::journey::{code, said, sluice};
use crate::support::acts::{count, text};
use crate::support::client::Client;
use crate::support::node::{Hosted, Place, SLUICE, folder, now_ms, until};
use crate::support::shared::shared;

/// Another token for somebody: its name and its secret.
fn issued(place: &Place, person: &str, role: Role) -> (String, String) {
    let token = place.client("admin").post("/v1/tokens", &json!({ "person": person, "role": role.as_str() })).ok();
    (text(&token["id"]), text(&token["secret"]))
}

fn revoke(place: &Place, token: &str) {
    place.client("admin").act(&format!("/v1/tokens/{token}/revoke")).ok();
}

#[test]
fn tokens_are_listed_without_their_secrets() {
    let place = &shared().place;
    let (id, secret) = issued(place, "rita", Role::Reviewer);
    revoke(place, &id);
    let admin = place.client("admin");
    let (mut tokens, mut cursor) = (Vec::new(), String::new());
    loop {
        let reply = admin.get(&format!("/v1/tokens?limit=4{cursor}"));
        let page = reply.ok();
        assert!(!reply.text().contains(&secret) && !reply.text().contains(&sha256_hex(secret.as_bytes())));
        let items = page["items"].as_array().unwrap();
        assert!((1..=4).contains(&items.len()), "{page}");
        tokens.extend(items.clone());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let shown = BTreeSet::from(["expires_at_ms", "id", "person", "revoked", "role"]);
    for token in &tokens {
        assert_eq!(token.as_object().unwrap().keys().map(String::as_str).collect::<BTreeSet<_>>(), shown);
    }
    assert!(tokens.is_sorted_by_key(|token| text(&token["person"])), "in the order of their people");
    let ours = tokens.iter().find(|token| token["id"] == id.as_str()).expect("dead ones are listed as well");
    assert_eq!((&ours["person"], &ours["role"], &ours["revoked"]), (&json!("rita"), &json!("reviewer"), &json!(true)));
    let life_ms = ours["expires_at_ms"].as_i64().unwrap() - now_ms();
    assert!((89 * 86_400_000..=90 * 86_400_000).contains(&life_ms), "{life_ms}");
    let living: BTreeSet<String> =
        tokens.iter().filter(|token| token["revoked"] == false).map(|token| text(&token["person"])).collect();
    for person in ["abel", "admin", "carol", "cyrus", "olga", "ravi", "rex", "rita", "rosa"] {
        assert!(living.contains(person), "{person}");
    }

    let home = place.home.to_str().unwrap();
    let listed = sluice(&["--home", home, "--url", &place.url, "--as", "admin", "token", "list"]);
    assert_eq!(code(&listed), 0, "{}", said(&listed));
    let row = said(&listed).lines().find(|line| line.contains(&id)).map(str::to_owned).expect("its row");
    assert!(row.contains("rita") && row.contains("reviewer") && row.contains("yes"), "{row}");
}

#[test]
fn a_stream_ends_with_its_token() {
    let place = &shared().place;
    let reviewed = place.reviewed(&place.plan(&shared().narrow, &count("SELECT origin FROM flights", "origin")));
    let (id, secret) = issued(place, "olga", Role::Operator);
    let (client, job) = (Client::new(&place.url, Some(secret)), reviewed.job.clone());
    let (heard, first) = mpsc::channel();
    let watching = std::thread::spawn(move || client.states(&job, |state| heard.send(state.to_owned()).is_err()));
    assert_eq!(first.recv_timeout(Duration::from_secs(60)).expect("the stream begins"), "under_review");
    std::thread::sleep(Duration::from_millis(500));
    assert!(!watching.is_finished(), "it goes on while the token lives");
    revoke(place, &id);
    let revoked = Instant::now();
    until("the stream ends", || watching.is_finished().then_some(()));
    assert!(revoked.elapsed() < Duration::from_secs(20), "it doesn't wait for anything else");
    let states = watching.join().expect("it ended as streams end");
    assert_eq!(states.iter().map(|(state, _)| state.as_str()).collect::<Vec<_>>(), ["under_review"]);
    assert_eq!(place.state(&reviewed.job), "under_review", "nothing else had ended it");
}

#[test]
fn a_body_that_outlives_its_token_does_nothing() {
    let place = &shared().place;
    let address = place.url.trim_start_matches("http://");
    let snapshots = || place.client("carol").get("/v1/datasets/flights/snapshots?limit=500").ok()["items"].clone();
    let before = snapshots();
    for (person, role, path) in [
        ("carol", Role::Custodian, "/v1/grants"),
        ("carol", Role::Custodian, "/v1/datasets/flights/snapshots?format=csv"),
        ("olga", Role::Operator, "/v1/modules?statement=x"),
    ] {
        let (id, secret) = issued(place, person, role);
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {secret}\r\ncontent-length: 2\r\n\
             content-type: application/json\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        answer.read_line(&mut line).expect("the node asks for the body, so it has let the token in");
        assert!(line.contains("100 Continue"), "{path}: {line}");
        revoke(place, &id);
        stream.write_all(b"{}").unwrap();
        let mut rest = String::new();
        answer.read_to_string(&mut rest).unwrap();
        assert!(rest.contains("HTTP/1.1 401") && rest.contains("\"unauthenticated\""), "{path}: {rest}");
    }
    assert_eq!(snapshots(), before);
}

/// This machine's clock, and how far it is ahead.
struct Ahead(i64);

impl Clock for Ahead {
    fn read_ms(&self) -> i64 {
        now_ms() + self.0
    }
}

/// Something happens at a node whose clock has jumped.
fn jump(home: &Path, ahead_ms: i64) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let settings = Settings::load(home).expect("settings");
        let parts = Parts { clock: Box::new(Ahead(ahead_ms)), ..Parts::new(SLUICE.into()) };
        let node = Node::open(home, settings, parts, true).await.expect("a node");
        let (person, organisation) = ("admin".to_owned(), "node".to_owned());
        let admin = Actor { person, organisation, role: Some(Role::Administrator) };
        let (id, title) = ("jumped".to_owned(), "Far ahead".to_owned());
        let ask = AddOrganisation { id, title, kind: OrganisationKind::Agency, legal_group: None };
        node.add_organisation(&admin, ask, None).await.expect("it is added");
        node.stop().await;
        node.close().await;
    });
}

fn offline(home: &Path, person: &str, role: &str) -> Output {
    let (home, out) = (home.to_str().unwrap(), home.join("tokens").join(person));
    let out = out.to_str().unwrap();
    sluice(&["--home", home, "token", "issue", person, "--role", role, "--offline", "--out", out])
}

/// The ledger's events of that kind.
fn events(place: &Place, kind: &str) -> Vec<Value> {
    let ledger = String::from_utf8(place.ledger()).expect("JSON is UTF-8");
    let lines = ledger.lines().filter(|line| line.starts_with("{\"seq\":"));
    let bodies = lines.map(|line| serde_json::from_str::<Value>(line).expect("an event")["body"].clone());
    bodies.filter(|body| body["kind"] == kind).collect()
}

#[test]
fn where_a_clock_has_killed_all_tokens_new_ones_are_issued_offline() {
    let folder = folder();
    let home = folder.path().join("home");
    drop(Hosted::at(&home));
    let ahead_ms = 400 * 86_400_000;
    jump(&home, ahead_ms);

    let hosted = Hosted::at(&home);
    for person in ["admin", "abel", "carol"] {
        hosted.place.client(person).get("/v1/me").refused(Code::Unauthenticated);
    }
    let running = offline(&home, "admin", "administrator");
    assert_eq!(code(&running), 2, "{}", said(&running));
    assert!(said(&running).contains("a node is running on this folder"), "{}", said(&running));
    drop(hosted);

    for (person, role, says) in [
        ("nobody", "administrator", "there is no such person"),
        ("admin", "custodian", "the person doesn't have that role"),
    ] {
        let refused = offline(&home, person, role);
        assert_eq!(code(&refused), 2, "{}", said(&refused));
        assert!(said(&refused).contains(says), "{}", said(&refused));
    }
    for (person, role) in [("admin", "administrator"), ("abel", "auditor")] {
        let issued = offline(&home, person, role);
        assert_eq!(code(&issued), 0, "{}", said(&issued));
    }

    let hosted = Hosted::at(&home);
    let place = &hosted.place;
    assert_eq!(place.client("admin").get("/v1/me").ok()["role"], "administrator");
    let (_, secret) = issued(place, "carol", Role::Custodian);
    assert_eq!(Client::new(&place.url, Some(secret)).get("/v1/me").ok()["person"], "carol");
    let tokens = events(place, "token_issued");
    let whom = |event: &Value| (text(&event["token"]["person"]), event["actor"].clone());
    let node = json!({ "person": "node", "organisation": "node", "role": null });
    let [.., first, second, third] = tokens.as_slice() else { panic!("{tokens:?}") };
    assert_eq!([whom(first), whom(second)], [("admin".to_owned(), node.clone()), ("abel".to_owned(), node)]);
    assert_eq!((text(&third["token"]["person"]), &third["actor"]["person"]), ("carol".to_owned(), &json!("admin")));
    // Time hasn't gone back, and it goes on: slots end, and jobs come to their ends.
    let at_ms = |event: &Value| event["at_ms"].as_i64().unwrap();
    let begun = at_ms(third);
    assert!(begun >= at_ms(second) && at_ms(second) >= at_ms(&events(place, "organisation_added")[4]));
    assert!(begun > now_ms() + ahead_ms - 600_000, "what was told isn't taken back");
    std::thread::sleep(Duration::from_millis(400));
    issued(place, "carol", Role::Custodian);
    let passed_ms = at_ms(events(place, "token_issued").last().unwrap()) - begun;
    assert!(passed_ms >= 150, "{passed_ms} ms");
    place.verified();
}

#[test]
fn no_node_is_made_by_asking_for_a_token() {
    let folder = folder();
    let home = folder.path().join("nothing");
    let refused = offline(&home, "admin", "administrator");
    assert_eq!(code(&refused), 2, "{}", said(&refused));
    assert!(said(&refused).contains("there is no node in this folder"), "{}", said(&refused));
    assert!(!home.exists());
}

#[test]
fn the_ledger_of_a_node_that_does_not_run_is_exported_from_its_folder() {
    let folder = folder();
    let (home, file) = (folder.path().join("home"), folder.path().join("ledger.jsonl"));
    let hosted = Hosted::at(&home);
    let (ledger, key) = (hosted.place.ledger(), hosted.place.key().to_string());
    drop(hosted);
    let (home, file) = (home.to_str().unwrap(), file.to_str().unwrap());
    let exported = sluice(&["--home", home, "ledger", "export", file]);
    assert_eq!(code(&exported), 0, "{}", said(&exported));
    assert_eq!(std::fs::read(file).unwrap(), ledger, "the same bytes as the node gave");
    assert_eq!(code(&sluice(&["ledger", "verify", file, "--key", &key])), 0);
    let nowhere = sluice(&["--home", home, "ledger", "export", "/nowhere/ledger.jsonl"]);
    assert_eq!(code(&nowhere), 5, "{}", said(&nowhere));
}
