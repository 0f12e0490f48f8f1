//! `sluice ledger`: export and verify the ledger.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write, copy};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use sluice_ledger::{Bad, Summary, VerifierKey, Why};
use sluice_server::files::Home;
use sluice_server::node::{Fault, OfflineError};

use super::failure::{Answer, Failure};
use super::progress::Progress;
use super::trust::Trust;
use super::{Common, example, people, release, routes, say, serve};

/// Export and verify the ledger, and print its key.
#[derive(Subcommand)]
pub enum Ledger {
    /// Write the whole ledger into a file
    ///
    /// Asks the node; where the node of --home doesn't run, reads its folder.
    #[command(after_help = example!("sluice --as abel ledger export ledger.jsonl"))]
    Export {
        /// Where it goes
        file: PathBuf,
    },
    /// Verify an exported ledger, without any node
    ///
    /// Without a key the file only agrees with the key inside it, and shows nothing about who signed it.
    #[command(after_help = example!("sluice ledger verify ledger.jsonl --key-file agency.key"))]
    Verify {
        /// The exported ledger
        file: PathBuf,
        #[command(flatten)]
        trust: Trust,
    },
    /// Print the key that the ledger and its receipts verify with
    ///
    /// The agency gives it out once, by a way of its own: a key that comes along with a receipt vouches for nothing.
    #[command(after_help = example!("sluice ledger key --out agency.key"))]
    Key {
        /// Where it goes [default: stdout]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

impl Ledger {
    pub fn run(self, common: &Common) -> Answer {
        match self {
            Ledger::Export { file } => {
                let bytes = export(common, &file)?;
                match common.json {
                    true => say::json(&serde_json::json!({ "file": file, "bytes": bytes })),
                    false => say::out(format_args!("{}: {bytes} bytes", file.display())),
                }
            }
            Ledger::Verify { file, trust } => told(common, verify(&file, trust.given()?.as_ref())?),
            Ledger::Key { out } => print_key(common, out.as_deref()),
        }
    }
}

/// A verifier key, as the agency publishes it.
pub fn key(text: &str) -> Result<Box<VerifierKey>, String> {
    text.trim().parse().map(Box::new).map_err(|fault: sluice_ledger::KeyFault| fault.to_string())
}

fn print_key(common: &Common, out: Option<&Path>) -> Answer {
    let key = release::node_key(&common.connect()?)?.to_string();
    match out {
        Some(path) => {
            super::node::write_file(path, format!("{key}\n").as_bytes())?;
            say::out(format_args!("{}: the ledger's key", path.display()))
        }
        None if common.json => say::json(&serde_json::json!({ "key": key })),
        None => say::out(key),
    }
}

fn export(common: &Common, path: &Path) -> Answer<u64> {
    let home = common.home();
    if common.url.is_none() && Home::holds_node(&home) {
        match serve::runtime()?.block_on(export_offline(&home, path)) {
            Err(OfflineError::Running) => {}
            done => {
                let bytes = done.map_err(|error| people::unavailable(&home, &error))?;
                say::note(format_args!(
                    "the node of {} doesn't run: its ledger was read from the folder",
                    home.display()
                ));
                return Ok(bytes);
            }
        }
    }
    write(&common.connect()?, path)
}

/// Writes the ledger of a folder whose node doesn't run.
async fn export_offline(home: &Path, path: &Path) -> Result<u64, OfflineError> {
    let fault = |error: std::io::Error| OfflineError::Fault(Fault::new("write the ledger", error));
    let begun = path.with_added_extension("begun");
    let write = async {
        let mut options = tokio::fs::OpenOptions::new();
        // An export has what only auditors see.
        let opened = options.write(true).create(true).truncate(true).mode(0o600).open(&begun).await;
        let mut file = opened.map_err(fault)?;
        sluice_server::node::Node::export_offline(home, &mut file).await?;
        file.sync_all().await.map_err(fault)?;
        // Whole under its name, or not there.
        tokio::fs::rename(&begun, path).await.map_err(fault)?;
        tokio::fs::metadata(path).await.map(|about| about.len()).map_err(fault)
    };
    let written = write.await;
    if written.is_err() {
        // Only litter, if it stays; the fault that counts is the one above.
        let _ = std::fs::remove_file(&begun);
    }
    written
}

/// Writes the node's ledger into a file.
///
/// # Errors
/// A refusal, or a file that can't be written.
pub fn write(node: &super::node::Node, path: &Path) -> Answer<u64> {
    let mut ledger = routes::ledger(node)?;
    let unwritten = |error: std::io::Error| Failure::file("write", path, &error);
    let mut file = BufWriter::new(File::create(path).map_err(unwritten)?);
    let progress = Progress::spinner("exporting the ledger");
    let bytes = copy(&mut progress.reader(&mut ledger), &mut file).map_err(unwritten)?;
    file.flush().map_err(unwritten)?;
    Ok(bytes)
}

/// Verifies an exported ledger.
///
/// # Errors
/// A file that can't be opened. That it doesn't verify is an answer.
pub fn verify(path: &Path, key: Option<&VerifierKey>) -> Answer<Result<Summary, Bad>> {
    let file = File::open(path).map_err(|error| Failure::file("read", path, &error))?;
    let progress = Progress::bytes("verifying", file.metadata().map(|about| about.len()).unwrap_or(0));
    Ok(sluice_ledger::verify(BufReader::new(progress.reader(file)), key))
}

fn told(common: &Common, answer: Result<Summary, Bad>) -> Answer {
    match answer {
        Ok(summary) => {
            if common.json {
                return say::json(&serde_json::json!({
                    "verified": true,
                    "key_is_trusted": summary.key_is_trusted,
                    "key": summary.key.to_string(),
                    "events": summary.size,
                    "checkpoints": summary.checkpoints,
                    "root": summary.root.to_string(),
                }));
            }
            say::out(format_args!("ledger verified: {} events, {} checkpoints", summary.size, summary.checkpoints))?;
            unless_trusted(summary.key_is_trusted, &summary.key);
            Ok(())
        }
        Err(bad) => {
            let first = first_bad_event(&bad);
            if common.json {
                let (line, why) = (bad.line, bad.why.to_string());
                say::json(
                    &serde_json::json!({ "verified": false, "first_bad_event": first, "line": line, "why": why }),
                )?;
            } else if let Some(first) = first {
                say::out(format_args!("first bad event: {first}"))?;
            }
            Err(Failure::Negative(format!("the ledger doesn't verify. {bad}")))
        }
    }
}

/// The number of the first event that isn't as it was, as far as the file tells.
pub fn first_bad_event(bad: &Bad) -> Option<u64> {
    bad.event.or(match bad.why {
        Why::Interval { from, .. } | Why::Unsigned { from } => Some(from),
        _ => None,
    })
}

/// Says, where no key was given, what that means.
pub fn unless_trusted(trusted: bool, key: &VerifierKey) {
    if !trusted {
        say::note(format_args!(
            "no key was given: this agrees with the key inside it and no more. Compare it with the agency's: {key}"
        ));
    }
}
