//! The store: what goes in comes out, and what may not go in doesn't.

use super::{Place, change, exported, fault, grow, release, sound, trusted, vote};
use crate::append::{Append, DocumentWrite, IdempotencyWrite, MAX_EVENTS, MAX_TEXT_BYTES};
use crate::event::{BodyFault, MAX_BODY_BYTES, NewEvent};
use crate::fault::{Damage, StoreFault};
use crate::merkle::verify_consistency;
use crate::store::Store;

#[tokio::test]
async fn what_was_appended_comes_back() {
    let place = Place::new();
    let store = place.open().await;
    assert_eq!(store.size().await.unwrap(), 0);
    let appended = store.append(change(0, vec![vote(0), release()])).await.unwrap();
    assert_eq!((appended.first_seq, appended.size), (0, 2));
    assert_eq!(store.checkpoint().await.unwrap().1, appended.checkpoint);
    let events = store.events(0, 10).await.unwrap();
    assert_eq!(events.len(), 2);
    assert!(events[1].body == release().body && events[1].kind == "release_sealed" && events[1].seq == 1);
    assert!(store.event(1).await.unwrap() == events[1]);
    assert!(matches!(fault(store.event(2).await), StoreFault::NoSuchEvent(2)));
    assert!(matches!(fault(store.receipt(2).await), StoreFault::NoSuchEvent(2)));
    sound(&store).await;
}

#[tokio::test]
async fn documents_are_written_replaced_removed_and_listed() {
    let place = Place::new();
    let store = place.open().await;
    let write = |id: &str, body: Option<&str>| DocumentWrite {
        kind: "job".to_owned(),
        id: id.to_owned(),
        body: body.map(str::to_owned),
    };
    let first = vec![write("a", Some("1")), write("b", Some("2")), write("c", Some("3"))];
    store.append(Append { documents: first, ..change(0, vec![vote(0)]) }).await.unwrap();
    let second = vec![write("a", None), write("b", Some("4")), write("none", None)];
    store.append(Append { documents: second, ..change(1, vec![vote(1)]) }).await.unwrap();
    assert!(store.document("job", "a").await.unwrap().is_none());
    let changed = store.document("job", "b").await.unwrap().unwrap();
    assert_eq!((changed.body.as_str(), changed.seq), ("4", 1));
    let ids = |after, limit| {
        let store = &store;
        async move { store.documents("job", after, limit).await.unwrap().into_iter().map(|d| d.id).collect::<Vec<_>>() }
    };
    assert_eq!(ids("", 10).await, ["b", "c"]);
    assert_eq!(ids("b", 10).await, ["c"]);
    assert_eq!(ids("", 1).await, ["b"]);
}

#[tokio::test]
async fn a_request_is_answered_once() {
    let place = Place::new();
    let store = place.open().await;
    let answer = IdempotencyWrite {
        actor: "lin".to_owned(),
        key: "k1".to_owned(),
        request_sha256: "ab".to_owned(),
        response: "{}".to_owned(),
    };
    let request = |size| Append { idempotency: Some(answer.clone()), ..change(size, vec![vote(size)]) };
    store.append(request(0)).await.unwrap();
    assert!(matches!(fault(store.append(request(1)).await), StoreFault::AlreadyAnswered));
    assert_eq!(store.size().await.unwrap(), 1);
    let known = store.idempotency("lin", "k1").await.unwrap().unwrap();
    assert_eq!((known.request_sha256.as_str(), known.response.as_str()), ("ab", "{}"));
    assert!(store.idempotency("wang", "k1").await.unwrap().is_none());
    sound(&store).await;
}

#[tokio::test]
async fn what_the_ledger_does_not_take() {
    let place = Place::new();
    let store = place.open().await;
    let event = |kind: &str, body: &str| NewEvent { kind: kind.to_owned(), body: body.to_owned() };
    let long = format!(r#"{{"kind":"k","x":"{}"}}"#, "x".repeat(MAX_BODY_BYTES));
    let table = [
        (event("k", r#"{"kind":"other"}"#), BodyFault::OtherKind),
        (event("k", r#"{"kind":"k","kind":"k"}"#), BodyFault::OtherKind),
        (event("k", "{}"), BodyFault::OtherKind),
        (event("k", r#"["kind"]"#), BodyFault::NotAnObject),
        (event("k", "{\"kind\":\n\"k\"}"), BodyFault::NotAnObject),
        (event("k", r#" {"kind":"k"}"#), BodyFault::NotAnObject),
        (event("k", r#"{"kind":"k"}{}"#), BodyFault::NotAnObject),
        (event("k", r#"{"kind":"k""#), BodyFault::NotAnObject),
        (event("", r#"{"kind":""}"#), BodyFault::Kind),
        (event("K k", r#"{"kind":"K k"}"#), BodyFault::Kind),
        (event("k", &long), BodyFault::TooLong),
    ];
    for (event, expected) in table {
        let result = store.append(change(0, vec![vote(0), event])).await;
        assert!(matches!(result, Err(StoreFault::Body { index: 1, fault }) if fault == expected), "{expected:?}");
    }
    assert!(matches!(fault(store.append(change(0, vec![])).await), StoreFault::NoEvents));
    let many = (0..=MAX_EVENTS).map(|_| vote(0)).collect();
    assert!(matches!(fault(store.append(change(0, many)).await), StoreFault::TooLarge));
    let mut long = change(0, vec![vote(0)]);
    long.documents[0].body = Some("x".repeat(MAX_TEXT_BYTES + 1));
    assert!(matches!(fault(store.append(long).await), StoreFault::TooLarge));
    assert_eq!(sound(&store).await.size, 0);
}

#[tokio::test]
async fn later_checkpoints_extend_earlier_ones() {
    let place = Place::new();
    let store = place.open().await;
    grow(&store, 6).await;
    let all = store.checkpoints(0, 100).await.unwrap();
    let read = |note: &str| crate::checkpoint::Checkpoint::verify(note, &trusted()).unwrap();
    for (from, older) in &all {
        for (to, newer) in all.iter().filter(|(to, _)| to >= from) {
            let proof = store.consistency(*from, *to).await.unwrap();
            assert!(verify_consistency(&proof, (*from, read(older).root), (*to, read(newer).root)));
        }
    }
    assert!(matches!(fault(store.consistency(0, 13).await), StoreFault::NoSuchRange));
    assert!(matches!(fault(store.consistency(3, 2).await), StoreFault::NoSuchRange));
}

#[tokio::test]
async fn an_export_of_many_appends_has_them_all() {
    let place = Place::new();
    let store = place.open().await;
    for number in 0..6_u64 {
        store.append(change(number * 40, (0..40).map(vote).collect())).await.unwrap();
    }
    assert_eq!(sound(&store).await.size, 240);
}

async fn meddle(store: &Store, statements: &[&'static str]) {
    for statement in statements {
        sqlx::query(*statement).execute(&store.pool).await.unwrap();
    }
}

#[tokio::test]
async fn events_stay_unless_the_triggers_are_dropped() {
    let place = Place::new();
    let store = place.open().await;
    grow(&store, 2).await;
    for statement in
        ["UPDATE events SET at_ms = 0", "DELETE FROM events", "UPDATE hashes SET hash = ''", "DELETE FROM checkpoints"]
    {
        assert!(sqlx::query(statement).execute(&store.pool).await.is_err(), "{statement}");
    }
    meddle(
        &store,
        &[
            "DROP TRIGGER events_stay",
            "UPDATE events SET kind = 'other' WHERE seq = 2",
            "UPDATE events SET at_ms = 0 WHERE seq = 1",
        ],
    )
    .await;
    for seq in [1, 2] {
        assert!(matches!(fault(store.event(seq).await), StoreFault::Damaged(Damage::Event(at)) if at == seq));
        assert!(matches!(fault(store.receipt(seq).await), StoreFault::Damaged(Damage::Event(at)) if at == seq));
    }
    let mut file = Vec::new();
    assert!(crate::export::export(&store, &mut file).await.is_err());
}

#[tokio::test]
async fn nothing_is_signed_on_top_of_a_tree_that_was_meddled_with() {
    let place = Place::new();
    let store = place.open().await;
    grow(&store, 2).await;
    let zero = "UPDATE hashes SET hash = '0000000000000000000000000000000000000000000000000000000000000000'";
    meddle(&store, &["DROP TRIGGER hashes_stay", zero]).await;
    let size = store.size().await.unwrap();
    assert!(matches!(fault(store.append(change(size, vec![vote(9)])).await), StoreFault::Damaged(Damage::Root)));
    store.close().await;
    assert!(matches!(fault(place.try_open().await), StoreFault::Damaged(Damage::Root)));
}

#[tokio::test]
async fn two_exports_of_one_ledger_are_the_same() {
    let place = Place::new();
    let store = place.open().await;
    grow(&store, 3).await;
    let first = exported(&store).await;
    store.close().await;
    assert_eq!(exported(&place.open().await).await, first);
}
