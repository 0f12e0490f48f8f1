//! What the desk promises, without workers. Journeys with workers are in the integration tests.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use sluice_domain::event::Happening;
use sluice_domain::people::{Actor, Organisation, OrganisationKind};
use sluice_domain::refusal::Code;
use sluice_ledger::{Append, DocumentWrite, NewEvent, OsEntropy, SigningKey, Store};

use super::desk::{Desk, Once, OpenError};
use super::{Node, Stop, SystemClock};
use crate::files::Home;

async fn open(folder: &Path) -> Result<Arc<Desk>, OpenError> {
    let home = Home::open(folder).expect("it can be made");
    Desk::open(home, "test.local/node", Box::new(SystemClock), Arc::new(OsEntropy)).await
}

fn added(id: &str) -> Happening {
    let (id, kind) = (id.to_owned(), OrganisationKind::Agency);
    Happening::OrganisationAdded { organisation: Organisation { legal_group: id.clone(), title: id.clone(), id, kind } }
}

fn once(request: &str) -> Once {
    Once { actor: "admin/administrator".to_owned(), key: "k".to_owned(), request: request.to_owned() }
}

#[tokio::test]
async fn a_node_is_made_once_and_is_the_same_when_it_is_opened_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    Node::init(folder.path(), true).await.expect("it is made");
    let (size, state) = {
        let desk = open(folder.path()).await.expect("it opens");
        (desk.book().size, desk.book().state.clone())
    };
    Node::init(folder.path(), true).await.expect("it is left as it is");
    let desk = open(folder.path()).await.expect("it opens");
    assert_eq!((desk.book().size, &desk.book().state), (size, &state));
    assert_eq!((state.organisations.len(), state.people.len(), state.tokens.len()), (4, 9, 9));
    for person in state.people.keys() {
        let mode = std::fs::metadata(desk.home.token(person)).expect("it has a token").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn two_nodes_never_share_a_ledger() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let _desk = open(folder.path()).await.expect("it opens");
    assert!(matches!(open(folder.path()).await, Err(OpenError::Home(_))));
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer_and_another_one_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let desk = open(folder.path()).await.expect("it opens");
    let sitting = desk.sit(None).await.expect("the seat is free");
    let answer = sitting.commit(&Actor::node(), vec![added("a")], Some(&once("r")), |book| book.size).await;
    assert_eq!(answer.expect("it is written"), 1);
    assert!(matches!(desk.again(Some(&once("r"))).await, Err(Stop::Again(text)) if text == "1"));
    let other = desk.again(Some(&once("s"))).await;
    assert!(matches!(other, Err(Stop::Refused(refusal)) if refusal.code == Code::KeyReused));
    // Nor does it get the seat: what it would decide on shows it as done.
    assert!(matches!(desk.sit(Some(&once("r"))).await, Err(Stop::Again(text)) if text == "1"));
    let other = desk.sit(Some(&once("s"))).await;
    assert!(matches!(other, Err(Stop::Refused(refusal)) if refusal.code == Code::KeyReused));
    let sitting = desk.sit(None).await.expect("the seat is free");
    let raced = sitting.commit(&Actor::node(), vec![added("b")], Some(&once("r")), |book| book.size).await;
    assert!(matches!(raced, Err(Stop::Again(text)) if text == "1"));
    assert_eq!((desk.book().size, desk.store.size().await.expect("it can be read")), (1, 1));
}

#[tokio::test]
async fn what_does_not_follow_is_not_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let desk = open(folder.path()).await.expect("it opens");
    for _ in 0..2 {
        let sitting = desk.sit(None).await.expect("the seat is free");
        let _ = sitting.commit(&Actor::node(), vec![added("a")], None, |_| ()).await;
    }
    assert_eq!((desk.book().size, desk.store.size().await.expect("it can be read")), (1, 1));
    let long = "x".repeat(2_000_000);
    let sitting = desk.sit(None).await.expect("the seat is free");
    let refused = sitting.commit(&Actor::node(), vec![added(&long)], None, |_| ()).await;
    assert!(matches!(refused, Err(Stop::Refused(refusal)) if refusal.code == Code::TooLarge));
    assert!(desk.is_sound().await);
}

#[tokio::test]
async fn a_document_that_its_events_do_not_say_stops_the_node() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    drop(open(folder.path()).await.expect("it opens"));
    let home = Home::open(folder.path()).expect("it is there");
    let key = SigningKey::load(&home.ledger_key()).expect("it is there");
    let store = Store::open(&home.database(), &home.anchor(), key, Box::new(OsEntropy)).await.expect("it opens");
    let event = sluice_domain::event::Event { actor: Actor::node(), at_ms: 5, happening: added("a") };
    let body = serde_json::to_string(&event).expect("it is JSON");
    let document = r#"{"id":"a","title":"a","kind":"operator","legal_group":"a"}"#.to_owned();
    let forged = Append {
        expected_size: 0,
        at_ms: 5,
        events: vec![NewEvent { kind: "organisation_added".to_owned(), body }],
        documents: vec![DocumentWrite { kind: "organisation".to_owned(), id: "a".to_owned(), body: Some(document) }],
        idempotency: None,
    };
    store.append(forged).await.expect("the ledger takes it");
    store.close().await;
    assert!(matches!(open(folder.path()).await, Err(OpenError::Rebuild(_))));
}

#[tokio::test]
async fn what_was_answered_is_in_no_book_that_a_request_is_decided_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let desk = open(folder.path()).await.expect("it opens");
    let request = once("r");
    let before = desk.again(Some(&request)).await.expect("nobody has asked that");
    let first = desk.sit(Some(&request)).await.expect("the seat is free");
    let write = async { first.commit(&Actor::node(), vec![added("a")], Some(&request), |book| book.size).await };
    let second = desk.sit(Some(&request));
    let (answer, waited) = tokio::join!(write, second);
    assert_eq!((answer.expect("it is written"), before.size), (1, 0));
    assert!(matches!(waited, Err(Stop::Again(text)) if text == "1"), "whoever waits for the seat is told");
}
