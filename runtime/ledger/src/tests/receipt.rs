//! Receipts: what a good one says, and each way in which one is bad.

use super::{CSV, Place, Seeded, change, fault, grow, key, release, trusted, vote};
use crate::checkpoint::{Checkpoint, CheckpointFault};
use crate::key::SigningKey;
use crate::merkle::Tree;
use crate::receipt::{MAX_RECEIPT_BYTES, Receipt, ReceiptFault};

/// A name, what is done to a good receipt, and the fault that it has then.
type Spoilt = (&'static str, fn(&mut Receipt), ReceiptFault);

async fn receipt() -> Receipt {
    let place = Place::new();
    let store = place.open().await;
    grow(&store, 3).await;
    let size = store.size().await.unwrap();
    let appended = store.append(change(size, vec![release()])).await.unwrap();
    grow(&store, 2).await;
    store.receipt(appended.first_seq).await.unwrap()
}

#[tokio::test]
async fn a_receipt_shows_the_event_and_checks_the_file() {
    let receipt = Receipt::parse(receipt().await.to_json().as_bytes()).unwrap();
    let verified = receipt.verify(Some(&trusted())).map_err(|fault| fault.to_string());
    let verified = verified.unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!((verified.seq(), verified.at_ms(), verified.checkpoint().size), (6, 1_700_000_000_000, 7));
    assert_eq!(verified.body(), release().body);
    assert!(verified.key_is_trusted());
    assert_eq!(verified.artefacts().unwrap().len(), 1);
    assert_eq!(verified.check_artefact("csv", CSV), Ok(()));
    assert_eq!(verified.check_artefact("json", CSV), Err(ReceiptFault::NoSuchFormat));
    assert_eq!(verified.check_artefact("csv", b"short"), Err(ReceiptFault::OtherLength));
    let mut other = CSV.to_vec();
    other[0] ^= 1;
    assert_eq!(verified.check_artefact("csv", &other), Err(ReceiptFault::OtherDigest));
}

#[tokio::test]
async fn a_receipt_stays_the_same_however_far_the_ledger_goes_on() {
    let place = Place::new();
    let store = place.open().await;
    grow(&store, 2).await;
    let at = store.size().await.unwrap();
    let appended = store.append(change(at, vec![vote(1), release(), vote(2)])).await.unwrap();
    let seq = appended.first_seq + 1;
    let first = store.receipt(seq).await.unwrap();
    assert!(first.verify(Some(&trusted())).is_ok_and(|verified| verified.checkpoint().size == at + 3));
    grow(&store, 5).await;
    assert_eq!(store.receipt(seq).await.unwrap().to_json(), first.to_json());
}

#[tokio::test]
async fn without_a_trusted_key_it_says_so() {
    let receipt = receipt().await;
    assert!(receipt.verify(None).is_ok_and(|verified| !verified.key_is_trusted()));
}

#[tokio::test]
async fn an_event_that_seals_nothing_has_no_artefacts() {
    let place = Place::new();
    let store = place.open().await;
    grow(&store, 1).await;
    let receipt = store.receipt(0).await.unwrap();
    let verified = receipt.verify(None).map_err(|fault| fault.to_string());
    assert!(verified.is_ok_and(|verified| verified.artefacts() == Err(ReceiptFault::NotARelease)));
}

#[tokio::test]
async fn an_artefact_that_is_named_twice_is_refused() {
    let place = Place::new();
    let store = place.open().await;
    let mut twice = release();
    let one = twice.body[14..].split(']').next().unwrap().to_owned();
    twice.body = twice.body.replace(&one, &format!("{one},{one}"));
    store.append(change(0, vec![twice])).await.unwrap();
    let receipt = store.receipt(0).await.unwrap();
    assert!(receipt.verify(None).is_ok_and(|verified| verified.artefacts() == Err(ReceiptFault::Artefacts)));
}

#[tokio::test]
async fn no_byte_can_be_changed() {
    let json = serde_json::to_string(&receipt().await).unwrap().into_bytes();
    // Every third byte: a signature is checked for most of them.
    for at in (0..json.len()).step_by(3) {
        let mut other = json.clone();
        other[at] ^= 1 << (at % 7);
        let verified = Receipt::parse(&other).and_then(|receipt| receipt.verify(Some(&trusted())).map(|_| ()));
        assert!(verified.is_err(), "byte {at}");
    }
}

#[tokio::test]
async fn every_fault_is_told_apart() {
    let good = receipt().await;
    let stranger = SigningKey::generate("ledger.example/stranger", &Seeded::new(3)).unwrap();
    let table: Vec<Spoilt> = vec![
        ("version", |r| r.format = "sluice-receipt/2".to_owned(), ReceiptFault::Version),
        ("key", |r| r.verifier_key.push('x'), ReceiptFault::Key),
        ("salt", |r| r.salt.make_ascii_uppercase(), ReceiptFault::Salt),
        ("proof digit", |r| r.proof[0].replace_range(..1, "g"), ReceiptFault::ProofForm),
        ("proof length", |r| r.proof = vec![r.proof[0].clone(); 200], ReceiptFault::ProofForm),
        ("body", |r| r.body = "[]".to_owned(), ReceiptFault::NotAnEvent),
        ("body altered", |r| r.body = r.body.replace("csv", "cvs"), ReceiptFault::NotIncluded),
        ("time", |r| r.at_ms += 1, ReceiptFault::NotIncluded),
        ("number", |r| r.seq -= 1, ReceiptFault::NotIncluded),
        ("number too large", |r| r.seq = 10, ReceiptFault::BeyondCheckpoint),
        ("proof cut", |r| drop(r.proof.pop()), ReceiptFault::NotIncluded),
        (
            "older checkpoint",
            |r| r.checkpoint = Checkpoint::sign(0, Tree::empty().root(), &key()),
            ReceiptFault::BeyondCheckpoint,
        ),
        (
            "other root",
            |r| r.checkpoint = Checkpoint::sign(10, Tree::empty().root(), &key()),
            ReceiptFault::NotIncluded,
        ),
        (
            "checkpoint size",
            |r| r.checkpoint = r.checkpoint.replace("\n7\n", "\n8\n"),
            ReceiptFault::Checkpoint(CheckpointFault::Signature),
        ),
    ];
    for (name, spoil, expected) in table {
        let mut bad = good.clone();
        spoil(&mut bad);
        assert_eq!(fault(bad.verify(Some(&trusted()))), expected, "{name}");
    }
    assert_eq!(fault(good.verify(Some(&stranger.verifier()))), ReceiptFault::OtherKey);
}

#[tokio::test]
async fn what_is_not_a_receipt_is_not_read() {
    let json = receipt().await.to_json();
    let more = json.replacen('{', r#"{"more":1,"#, 1);
    assert_eq!(fault(Receipt::parse(more.as_bytes())), ReceiptFault::NotAReceipt);
    assert_eq!(fault(Receipt::parse(b"")), ReceiptFault::NotAReceipt);
    assert_eq!(fault(Receipt::parse(&vec![b' '; MAX_RECEIPT_BYTES + 1])), ReceiptFault::TooLong);
}
