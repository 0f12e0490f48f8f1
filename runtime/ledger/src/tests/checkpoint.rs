//! Checkpoints: one text, one key, one ledger.

use super::{ORIGIN, Seeded, key, trusted};
use crate::checkpoint::{Checkpoint, CheckpointFault};
use crate::key::SigningKey;
use crate::merkle::{Tree, leaf_hash};

fn note() -> String {
    let mut tree = Tree::empty();
    tree.push(leaf_hash(&[1; 16], b"event"));
    Checkpoint::sign(1, tree.root(), &key())
}

#[test]
fn what_was_signed_comes_back() {
    let said = Checkpoint::verify(&note(), &trusted()).unwrap();
    assert_eq!((said.origin.as_str(), said.size), (ORIGIN, 1));
    assert_eq!(said.root, leaf_hash(&[1; 16], b"event"));
}

#[test]
fn other_implementations_read_it() {
    use signed_note::{Note, StandardVerifier, VerifierList};
    let verifier = StandardVerifier::new(&trusted().to_string()).unwrap();
    let theirs = Note::from_bytes(note().as_bytes()).unwrap();
    let (verified, unverified) = theirs.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
    assert_eq!((verified.len(), unverified.len()), (1, 0));
    let said = tlog_tiles::Checkpoint::from_bytes(theirs.text()).unwrap();
    assert_eq!((said.origin(), said.size()), (ORIGIN, 1));
    assert_eq!(&said.hash().0, leaf_hash(&[1; 16], b"event").bytes());
}

#[test]
fn no_byte_can_be_changed() {
    let note = note();
    for at in 0..note.len() {
        let mut other = note.clone().into_bytes();
        other[at] ^= 1 << (at % 8);
        let Ok(other) = String::from_utf8(other) else { continue };
        assert!(Checkpoint::verify(&other, &trusted()).is_err(), "byte {at}");
    }
}

#[test]
fn every_fault_is_told_apart() {
    let other_name = SigningKey::generate("ledger.example/other", &Seeded::new(7)).unwrap();
    let other_key = SigningKey::generate(ORIGIN, &Seeded::new(8)).unwrap();
    let note = note();
    let twice = format!("{note}{}\n", note.lines().last().unwrap());
    let table = [
        (Checkpoint::sign(1, Tree::empty().root(), &other_name), CheckpointFault::OtherOrigin),
        (Checkpoint::sign(1, Tree::empty().root(), &other_key), CheckpointFault::OtherKey),
        (note.replace("\n1\n", "\n2\n"), CheckpointFault::Signature),
        (note.replace("\n1\n", "\n01\n"), CheckpointFault::Form),
        (note.replace("\n1\n", "\n+1\n"), CheckpointFault::Form),
        (note.replace("\n1\n", "\n18446744073709551615\n"), CheckpointFault::Form),
        (note.replace("\n\n", "\nextension\n\n"), CheckpointFault::Form),
        (note.replace('\n', "\r\n"), CheckpointFault::Form),
        (note.trim_end().to_owned(), CheckpointFault::Form),
        (twice, CheckpointFault::Form),
        (format!("{note}\n"), CheckpointFault::Form),
        (String::new(), CheckpointFault::Form),
        ("x".repeat(5000), CheckpointFault::Form),
    ];
    for (text, expected) in table {
        assert_eq!(Checkpoint::verify(&text, &trusted()), Err(expected), "{text}");
    }
}
