//! What the API does with requests that are wrong: each gets a fixed sentence, and none gets anything else.

use std::process::Command;

use serde_json::{Value, json};
use sluice_domain::refusal::Code;

use crate::support::acts::{terms, text};
use crate::support::client::Client;
use crate::support::node::{SLUICE, folder};
use crate::support::shared::{flights, shared};

#[test]
fn tokens_that_are_none_are_nobody() {
    let place = &shared().place;
    let good = std::fs::read_to_string(place.home.join("tokens/carol")).unwrap().trim().to_owned();
    let bad = [
        String::new(),
        "sluice_".to_owned(),
        good.to_uppercase(),
        good[..good.len() - 1].to_owned(),
        format!("{good}0"),
        format!("x{good}"),
        "sluice_".to_owned() + &"f".repeat(64),
        "a".repeat(7_000),
    ];
    for secret in bad {
        let reply = Client::new(&place.url, Some(secret)).get("/v1/me");
        reply.refused(Code::Unauthenticated);
        assert_eq!(reply.headers.get("www-authenticate").unwrap(), "Bearer");
    }
    let headers = [format!("Basic {good}"), good.clone(), format!("Bearer{good}")];
    for header in headers {
        place.anybody().call("GET", "/v1/me", &[("authorization", &header)], None).refused(Code::Unauthenticated);
    }
    assert_eq!(place.client("carol").get("/v1/me").ok()["person"], "carol");
    // Only the digest is kept, and the ledger has that.
    let kept = [place.ledger(), std::fs::read(place.home.join("state.db")).unwrap()];
    let holds = |bytes: &Vec<u8>| bytes.windows(good.len()).any(|window| window == good.as_bytes());
    assert!(!kept.iter().any(holds), "the secret is kept nowhere");
}

#[test]
fn bodies_that_are_wrong_are_refused_in_words() {
    let place = &shared().place;
    let carol = place.client("carol");
    let send = |body: &[u8]| carol.call("POST", "/v1/grants", &[("content-type", "application/json")], Some(body));
    for (body, words) in [
        (&b""[..], "body"),
        (b"{", "body"),
        (b"[]", "body"),
        (b"{\"terms\":{}}", "missing field"),
        (b"\xff\xfe", "body"),
        (b"{\"terms\":null,\"terms\":null}", "body"),
    ] {
        let detail = send(body).refused(Code::Malformed);
        assert!(detail.contains(words), "{detail}");
    }
    let mut unknown = json!({ "terms": terms(flights(None)), "budget": 5 });
    assert!(send(unknown.to_string().as_bytes()).refused(Code::Malformed).contains("unknown field `budget`"));
    unknown["terms"]["signature"] = json!(0);
    unknown.as_object_mut().unwrap().remove("budget");
    assert!(send(unknown.to_string().as_bytes()).refused(Code::Malformed).contains("unknown field `signature`"));
    let deep = "[".repeat(100_000);
    send(deep.as_bytes()).refused(Code::Malformed);
    let long = json!({ "terms": "x".repeat(600_000) });
    assert!(send(long.to_string().as_bytes()).refused(Code::TooLarge).contains("524288"));
    // What a sender wrote comes back short and without control characters.
    let name = format!("{{\"\\u001b[31m{}\":1}}", "y".repeat(1_000));
    let detail = send(name.as_bytes()).refused(Code::Malformed);
    assert!(detail.len() < 400 && !detail.chars().any(char::is_control), "{detail}");
    for query in ["?limit=x", "?limit=0", "?limit=501", "?cursor=nowhere", "?page=2", "?limit=1&limit=2"] {
        carol.get(&format!("/v1/grants{query}")).refused(Code::Malformed);
    }
    place.lives();
}

#[test]
fn the_same_key_and_request_get_the_same_answer() {
    let place = &shared().place;
    let admin = place.client("admin");
    let send = |path: &str, key: &str, body: &Value| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        admin.call("POST", path, &headers, Some(body.to_string().as_bytes()))
    };
    let body = json!({ "id": "twice", "title": "Once and for all", "kind": "agency" });
    let first = send("/v1/organisations", "key-1", &body);
    let second = send("/v1/organisations", "key-1", &body);
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(first.text(), second.text(), "byte for byte");
    let other = json!({ "id": "thrice", "title": "Another", "kind": "agency" });
    send("/v1/organisations", "key-1", &other).refused(Code::KeyReused);
    send("/v1/people", "key-1", &json!({ "id": "p", "title": "P", "organisation": "twice", "roles": ["custodian"] }))
        .refused(Code::KeyReused);
    send("/v1/organisations", "key-2", &body).refused(Code::Exists);
    // Keys belong to whoever sends them.
    let headers = [("content-type", "application/json"), ("idempotency-key", "key-1")];
    let draft = json!({ "terms": terms(flights(None)) }).to_string();
    let drafts = [(); 2].map(|()| {
        let reply = place.client("carol").call("POST", "/v1/grants", &headers, Some(draft.as_bytes()));
        text(&reply.ok()["id"])
    });
    assert_eq!(drafts[0], drafts[1], "one grant was drafted, not two");
    // A secret is shown once.
    let ask = json!({ "person": "rita", "role": "reviewer" });
    let (first, second) = (send("/v1/tokens", "key-3", &ask).ok(), send("/v1/tokens", "key-3", &ask).ok());
    assert_eq!(first["id"], second["id"]);
    assert!(first["secret"].is_string() && second.get("secret").is_none());
    for key in ["", &"k".repeat(201), "\u{e4}"] {
        let reply = send("/v1/organisations", key, &other);
        assert!(reply.refused(Code::Malformed).contains("idempotency key"));
    }
    place.verified();
}

#[test]
fn pages_add_up_to_the_list() {
    let place = &shared().place;
    let carol = place.client("carol");
    let mut mine: Vec<String> =
        (0..5).map(|_| text(&carol.post("/v1/grants", &json!({ "terms": terms(flights(None)) })).ok()["id"])).collect();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = carol.get(&format!("/v1/grants?limit=2{cursor}")).ok();
        let items = page["items"].as_array().unwrap();
        assert!((1..=2).contains(&items.len()), "{page}");
        seen.extend(items.iter().map(|item| text(&item["id"])));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    // Other tests draft grants meanwhile; these five are each there once, in the list's order.
    mine.sort();
    let found: Vec<String> = seen.iter().filter(|id| mine.contains(id)).cloned().collect();
    assert_eq!(found, mine);
    assert!(seen.is_sorted());
}

#[test]
fn every_answer_forbids_what_a_browser_might_do_with_it() {
    let place = &shared().place;
    for reply in [place.anybody().get("/healthz"), place.anybody().get("/v1/me"), place.client("olga").get("/v1/jobs")]
    {
        let header = |name: &str| reply.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert!(header("content-security-policy").contains("default-src 'none'"));
        assert_eq!(header("server"), "");
    }
}

#[test]
fn a_node_binds_to_loopback_only() {
    let folder = folder();
    let home = folder.path().join("home");
    let serve = |listen: &str| {
        let mut command = Command::new(SLUICE);
        command.args(["serve", "--listen", listen, "--home"]).arg(&home).env_remove("SLUICE_URL");
        command.output().expect("the program starts")
    };
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:7380", "[2001:db8::1]:7380"] {
        let output = serve(listen);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{listen}: {said}");
        assert!(said.contains("loopback"), "{listen}: {said}");
        assert!(!home.join("state.db").exists(), "no node was made");
    }
    std::fs::create_dir_all(&home).unwrap();
    std::fs::write(home.join("sluice.toml"), "listen = \"0.0.0.0:7380\"\n").unwrap();
    let output = Command::new(SLUICE).args(["serve", "--home"]).arg(&home).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(2), "the settings' file is no way round");
    // A port that is taken is said so.
    std::fs::remove_file(home.join("sluice.toml")).unwrap();
    let output = serve(shared().place.url.trim_start_matches("http://"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("taken"), "{said}");
}
