//! `sluice receipt`: verify receipts, without any node.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use sluice_ledger::{Verified, VerifierKey};

use super::failure::{Answer, Failure};
use super::node::read_file;
use super::{Common, example, ledger, release, say};

/// Verify receipts.
#[derive(Subcommand)]
pub enum Receipt {
    /// Verify a receipt, and a file against it, without any node
    #[command(after_help = example!("sluice receipt verify receipt.json --data result.csv"))]
    Verify {
        /// The receipt
        file: PathBuf,
        /// A released file: checks that these are the bytes that were let out
        #[arg(long, value_name = "FILE")]
        data: Option<PathBuf>,
        /// The key that the receipt must verify with; without it the receipt only agrees with itself
        #[arg(long, value_name = "VKEY", value_parser = ledger::key)]
        key: Option<Box<VerifierKey>>,
    },
}

impl Receipt {
    pub fn run(self, common: &Common) -> Answer {
        let Receipt::Verify { file, data, key } = self;
        let verified = release::checked(&read_file(&file)?, key.as_deref())?;
        let format = match &data {
            Some(path) => Some(format_of(&verified, path)?),
            None => None,
        };
        if common.json {
            return say::json(&serde_json::json!({
                "verified": true,
                "key_is_trusted": verified.key_is_trusted(),
                "key": verified.key().to_string(),
                "event": verified.seq(),
                "at_ms": verified.at_ms(),
                "checkpoint_size": verified.checkpoint().size,
                "data_format": format,
                "body": serde_json::from_str::<serde_json::Value>(verified.body()).ok(),
            }));
        }
        say::out("receipt verified")?;
        say::out(say::fields(&[
            ("event", format!("{} of {}", verified.seq(), verified.checkpoint().size)),
            ("ledger", verified.checkpoint().origin.clone()),
            ("sealed", say::moment(verified.at_ms())),
        ]))?;
        if let (Some(format), Some(path)) = (&format, &data) {
            say::out(format_args!("{} is what was let out as {format}", path.display()))?;
        }
        ledger::unless_trusted(verified.key_is_trusted(), verified.key());
        Ok(())
    }
}

/// As which format these bytes were let out.
fn format_of(verified: &Verified, path: &Path) -> Answer<String> {
    let bytes = read_file(path)?;
    let artefacts = verified.artefacts().map_err(|fault| Failure::Negative(fault.to_string()))?;
    let found = artefacts.into_iter().find(|artefact| verified.check_artefact(&artefact.format, &bytes).is_ok());
    let not = || Failure::Negative(format!("{} is none of the files that were let out", path.display()));
    Ok(found.ok_or_else(not)?.format)
}
