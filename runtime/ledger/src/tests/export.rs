//! The auditor's file: whatever is done to it is found, and named as closely as it can be.

use super::{ORIGIN, Place, Seeded, exported, grow, key, trusted};
use crate::bad::{Bad, Why};
use crate::checkpoint::Checkpoint;
use crate::event::leaf;
use crate::export::{CheckpointLine, EndLine, MAX_LINE_BYTES, line, read_event};
use crate::key::SigningKey;
use crate::verify::verify;

async fn ledger(appends: u64) -> Vec<u8> {
    let place = Place::new();
    let store = place.open().await;
    if appends > 0 {
        grow(&store, appends).await;
    }
    exported(&store).await
}

fn lines(file: &[u8]) -> Vec<String> {
    str::from_utf8(file).unwrap().lines().map(str::to_owned).collect()
}

fn file(lines: &[String]) -> Vec<u8> {
    lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect()
}

fn bad(file: &[u8]) -> Bad {
    verify(file, Some(&trusted())).expect_err("a spoilt ledger doesn't verify")
}

/// The line of an event.
fn at(lines: &[String], seq: u64) -> usize {
    lines.iter().position(|line| line.starts_with(&format!("{{\"seq\":{seq},"))).unwrap()
}

#[tokio::test]
async fn a_good_ledger_verifies_with_and_without_a_trusted_key() {
    for (appends, size) in [(0, 0), (1, 1), (6, 12), (20, 39)] {
        let file = ledger(appends).await;
        let summary = verify(file.as_slice(), Some(&trusted())).unwrap();
        assert_eq!((summary.size, summary.checkpoints, summary.key_is_trusted), (size, appends + 1, true));
        assert!(!verify(file.as_slice(), None).unwrap().key_is_trusted);
    }
}

/// Every byte of every event's line, and a sample of all the others.
#[tokio::test]
async fn no_byte_can_be_changed_and_the_event_is_named() {
    let good = ledger(2).await;
    let random = Seeded::new(11);
    let mut start = 0;
    for text in lines(&good) {
        let event = text.starts_with("{\"seq\"").then(|| read_event(&text).unwrap().0.seq);
        for offset in 0..=text.len() {
            if event.is_none() && random.below(8) > 0 {
                continue;
            }
            let mut spoilt = good.clone();
            spoilt[start + offset] ^= 1 << random.below(8);
            let found = bad(&spoilt);
            if event.is_some() {
                assert_eq!(found.event, event, "byte {offset} of {text}: {found}");
            }
            if random.below(8) == 0 {
                assert!(verify(spoilt.as_slice(), None).is_err(), "byte {offset} of {text}, no key");
            }
        }
        start += text.len() + 1;
    }
}

#[tokio::test]
async fn a_file_that_is_cut_anywhere_is_found() {
    let good = ledger(3).await;
    let random = Seeded::new(12);
    let ends = (0..good.len()).filter(|at| good[*at] == b'\n');
    let lengths: Vec<usize> = ends.flat_map(|end| [end, end + 1]).filter(|end| *end < good.len()).collect();
    for length in lengths.into_iter().chain((0..40).map(|_| random.below(good.len()))) {
        assert!(verify(&good[..length], Some(&trusted())).is_err(), "cut to {length}");
    }
    assert_eq!(bad(&good[..good.len() - 1]).why, Why::Truncated);
}

#[tokio::test]
async fn an_event_that_is_taken_out_doubled_or_moved_is_named() {
    let good = lines(&ledger(6).await);
    for seq in 0..12 {
        let mut out = good.clone();
        out.remove(at(&good, seq));
        let found = bad(&file(&out));
        // Without the last event of an append, its checkpoint is what doesn't fit.
        let last_of_append = good[at(&good, seq) + 1].starts_with("{\"checkpoint\"");
        match found.why {
            Why::Gap { expected, found: next } => assert_eq!((expected, next), (seq, seq + 1)),
            why => assert!(last_of_append && why == Why::Misplaced, "{seq}: {why}"),
        }
        let mut twice = good.clone();
        twice.insert(at(&good, seq), good[at(&good, seq)].clone());
        let expected = Bad {
            line: u64::try_from(at(&good, seq)).unwrap() + 2,
            event: Some(seq + 1),
            why: Why::Gap { expected: seq + 1, found: seq },
        };
        if seq < 11 {
            assert_eq!(bad(&file(&twice)), expected);
        } else {
            assert_eq!(bad(&file(&twice)).why, Why::TooMany);
        }
    }
    let mut swapped = good.clone();
    swapped.swap(at(&good, 1), at(&good, 2));
    assert_eq!(bad(&file(&swapped)).why, Why::Gap { expected: 1, found: 2 });
}

/// Event and leaf rewritten together: the checkpoint after them is what they no longer add up to.
#[tokio::test]
async fn a_rewritten_event_is_found_at_its_checkpoint() {
    let good = lines(&ledger(6).await);
    for (seq, from, last) in [(0, 0, 0), (1, 1, 2), (2, 1, 2), (4, 3, 5), (6, 6, 6), (11, 9, 11)] {
        let mut spoilt = good.clone();
        let text = &good[at(&good, seq)];
        let (event, old, salt) = read_event(text).unwrap();
        let body = event.body.get().replace("同意", "反对");
        let new = leaf(seq, event.at_ms, &body, &salt);
        spoilt[at(&good, seq)] = text.replace("同意", "反对").replace(&old.to_string(), &new.to_string());
        let found = bad(&file(&spoilt));
        assert_eq!(found.why, Why::Interval { from, last }, "event {seq}");
        assert_eq!(found.event, (from == last).then_some(seq));
    }
}

#[tokio::test]
async fn a_tail_without_a_checkpoint_is_found() {
    let good = lines(&ledger(3).await);
    let mut tail = good.clone();
    tail.remove(good.len() - 2);
    assert_eq!(bad(&file(&tail)).why, Why::Unsigned { from: 3 });
}

#[tokio::test]
async fn a_shorter_ledger_has_to_be_signed_as_such() {
    let good = lines(&ledger(3).await);
    // Cut to the checkpoint at 3 and made to look complete: it is the older state, and verifies as that.
    let mut older: Vec<String> = good[..at(&good, 3)].to_vec();
    older[0] = older[0].replace("\"size\":6", "\"size\":3");
    older.push(line(&EndLine { end: 3 }));
    assert_eq!(verify(file(&older).as_slice(), Some(&trusted())).unwrap().size, 3);
    // Cut to where no append ended, it has no checkpoint to show.
    let mut between: Vec<String> = good[..at(&good, 4)].to_vec();
    between[0] = between[0].replace("\"size\":6", "\"size\":4");
    between.push(line(&EndLine { end: 4 }));
    assert_eq!(bad(&file(&between)).why, Why::Unsigned { from: 3 });
    // And with the end of another one, it doesn't match its first line.
    let mut early = good[..at(&good, 3)].to_vec();
    early.push(line(&EndLine { end: 6 }));
    assert_eq!(bad(&file(&early)), Bad { line: 8, event: Some(3), why: Why::End });
}

#[tokio::test]
async fn another_key_is_another_ledger() {
    let good = lines(&ledger(1).await);
    let forger = SigningKey::generate(ORIGIN, &Seeded::new(8)).unwrap();
    let forged: Vec<String> = good
        .iter()
        .map(|text| match serde_json::from_str::<CheckpointLine>(text) {
            Ok(found) => {
                let said = Checkpoint::verify(&found.note, &trusted()).unwrap();
                line(&CheckpointLine { note: Checkpoint::sign(said.size, said.root, &forger), ..found })
            }
            Err(_) => text.replace(&trusted().to_string(), &forger.verifier().to_string()),
        })
        .collect();
    assert_eq!(bad(&file(&forged)).why, Why::OtherKey);
    assert!(verify(file(&forged).as_slice(), None).is_ok_and(|summary| !summary.key_is_trusted));
}

#[tokio::test]
async fn what_stands_in_the_wrong_place_is_found() {
    let good = lines(&ledger(2).await);
    let mut trailing = good.clone();
    trailing.push(String::new());
    assert_eq!(bad(&file(&trailing)).why, Why::Trailing);
    let mut twice = good.clone();
    twice.insert(2, good[1].clone());
    assert_eq!(bad(&file(&twice)).why, Why::Misplaced);
    let mut early = good.clone();
    let note = Checkpoint::sign(9, leaf(0, 0, "{}", &[0; 16]), &key());
    early.insert(1, line(&CheckpointLine { checkpoint: 9, note }));
    assert_eq!(bad(&file(&early)).why, Why::Misplaced);
    let mut spaced = good.clone();
    spaced[2].insert(1, ' ');
    assert_eq!((bad(&file(&spaced)).event, bad(&file(&spaced)).why), (Some(0), Why::Line));
    assert_eq!(bad(b"{}\n").why, Why::Header);
    assert_eq!(bad(b"").why, Why::Truncated);
}

#[tokio::test]
async fn a_line_that_never_ends_is_not_read_to_its_end() {
    let mut good = lines(&ledger(1).await);
    good[2] = format!("{{\"seq\":0,{}", " ".repeat(2 * MAX_LINE_BYTES));
    assert_eq!(bad(&file(&good)), Bad { line: 3, event: Some(0), why: Why::Line });
}

#[test]
fn a_fault_reads_as_a_sentence() {
    let bad = Bad { line: 7, event: Some(3), why: Why::Gap { expected: 3, found: 4 } };
    assert_eq!(bad.to_string(), "Line 7, event 3: Event 4 stands where event 3 belongs.");
}
