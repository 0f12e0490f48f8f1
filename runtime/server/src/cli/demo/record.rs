//! The auditor's part: the ledger verifies offline, and an altered byte is found.

use std::path::Path;

use super::super::failure::{Answer, Failure};
use super::super::ledger;
use super::super::node::{read_file, write_file};
use super::stage::{AUDITOR, Stage, holds};

/// Exports the ledger, verifies it, alters one byte of a copy, and shows that the event is named.
///
/// # Errors
/// A refusal, or a claim that doesn't hold.
pub fn ledger(stage: &mut Stage) -> Answer {
    stage.step("The auditor exports the ledger and verifies it offline")?;
    let (whole, altered) = (stage.file("ledger.jsonl"), stage.file("ledger.altered.jsonl"));
    ledger::write(stage.client(AUDITOR)?, &whole)?;
    let summary = verified(stage, &whole)?;
    stage.line(format_args!(
        "{} events under {} signed checkpoints: ledger verified",
        summary.size, summary.checkpoints
    ))?;

    let event = summary.size / 2;
    write_file(&altered, &alter(&read_file(&whole)?, event)?)?;
    let Err(bad) = ledger::verify(&altered, stage.key())? else {
        return Err(Failure::Negative("an altered ledger verifies".to_owned()));
    };
    stage.line(format_args!("one byte of event {event} is altered in a copy; verifying says: {bad}"))?;
    holds(ledger::first_bad_event(&bad) == Some(event), format_args!("event {event} is named as the first bad one"))?;
    stage.saw(format_args!("the ledger verifies; with one byte of event {event} altered it fails, naming that event"));
    Ok(())
}

/// Verifies the ledger at the end, attacks included.
///
/// # Errors
/// It doesn't verify.
pub fn ledger_again(stage: &mut Stage) -> Answer {
    stage.step("After all of it the ledger still verifies")?;
    let path = stage.file("ledger.jsonl");
    ledger::write(stage.client(AUDITOR)?, &path)?;
    let summary = verified(stage, &path)?;
    stage.line(format_args!("{} events, refusals and rejections among them: ledger verified", summary.size))?;
    stage.saw(format_args!("{} events in the ledger at the end: verified", summary.size));
    Ok(())
}

fn verified(stage: &Stage, path: &Path) -> Answer<sluice_ledger::Summary> {
    let summary = ledger::verify(path, stage.key())?;
    let summary = summary.map_err(|bad| Failure::Negative(format!("the ledger doesn't verify. {bad}")))?;
    holds(summary.key_is_trusted, "the ledger is checked with the key that the node had at its start")?;
    Ok(summary)
}

/// The export with one letter of an event's body changed.
fn alter(export: &[u8], event: u64) -> Answer<Vec<u8>> {
    let missing = || Failure::Fault(format!("the export has no event {event}"));
    let mut bytes = export.to_vec();
    let start = position(&bytes, format!("\n{{\"seq\":{event},").as_bytes()).ok_or_else(missing)?;
    let kind = b"\"kind\":\"";
    let place = bytes.get(start..).and_then(|rest| position(rest, kind)).ok_or_else(missing)?;
    let letter = bytes.get_mut(start + place + kind.len()).ok_or_else(missing)?;
    *letter = if *letter == b'x' { b'y' } else { b'x' };
    Ok(bytes)
}

fn position(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len()).position(|window| window == pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_of_the_right_event_is_altered() {
        let export = b"{}\n{\"seq\":0,\"body\":{\"kind\":\"a\"}}\n{\"seq\":1,\"body\":{\"kind\":\"b\"}}\n";
        let altered = alter(export, 1).expect("it is there");
        let different: Vec<usize> = (0..export.len()).filter(|at| export[*at] != altered[*at]).collect();
        assert_eq!(different.len(), 1);
        assert!(different[0] > position(export, b"seq\":1").expect("it is there"));
        assert!(alter(export, 2).is_err());
    }
}
