//! `sluice receipt`: verify receipts, without any node.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use sluice_ledger::Verified;

use super::failure::{Answer, Failure};
use super::node::read_file;
use super::trust::Trust;
use super::{Common, example, say};

/// Verify receipts.
#[derive(Subcommand)]
pub enum Receipt {
    /// Verify a receipt, and a file against it, without any node
    ///
    /// Without a key a receipt only agrees with the key inside it, and shows nothing about who signed it. The key comes
    /// from the agency: by --key or --key-file, or from the folder of its node, --home.
    #[command(after_help = example!("sluice receipt verify receipt.json --data result.csv --key-file agency.key"))]
    Verify {
        /// The receipt
        file: PathBuf,
        /// A released file: checks that these are the bytes that were let out
        #[arg(long, value_name = "FILE")]
        data: Option<PathBuf>,
        #[command(flatten)]
        trust: Trust,
    },
}

impl Receipt {
    pub fn run(self, common: &Common) -> Answer {
        let Receipt::Verify { file, data, trust } = self;
        let negative = |fault: sluice_ledger::ReceiptFault| Failure::Negative(fault.to_string());
        let receipt = sluice_ledger::Receipt::parse(&read_file(&file)?).map_err(negative)?;
        let key = trust.of_receipt(common, &receipt)?;
        let verified = receipt.verify(key.as_ref()).map_err(negative)?;
        let format = match &data {
            Some(path) => Some(format_of(&verified, path)?),
            None => None,
        };
        if common.json {
            return say::json(&serde_json::json!({
                "verified": verified.key_is_trusted(),
                "agrees_with_itself": true,
                "key_is_trusted": verified.key_is_trusted(),
                "key": verified.key().to_string(),
                "event": verified.seq(),
                "at_ms": verified.at_ms(),
                "checkpoint_size": verified.checkpoint().size,
                "data_format": format,
                "body": serde_json::from_str::<serde_json::Value>(verified.body()).ok(),
            }));
        }
        told(&verified)?;
        if let (Some(format), Some(path)) = (&format, &data) {
            say::out(format_args!("{} is what was let out as {format}", path.display()))?;
        }
        Ok(())
    }
}

/// What the receipt shows: "verified" is said only of a key that the caller has reason to trust.
fn told(verified: &Verified) -> Answer {
    let (heading, key) = match verified.key_is_trusted() {
        true => ("receipt verified", "key"),
        false => ("receipt agrees with itself", "key inside"),
    };
    say::out(heading)?;
    say::out(say::fields(&[
        ("event", format!("{} of {}", verified.seq(), verified.checkpoint().size)),
        ("ledger", verified.checkpoint().origin.clone()),
        ("sealed", say::moment(verified.at_ms())),
        (key, verified.key().to_string()),
    ]))?;
    if verified.key_is_trusted() {
        return Ok(());
    }
    say::out(
        "No trusted key was given: the receipt agrees only with the key inside it, and that shows nothing about who \
         signed it. Pass the agency's own key with --key or --key-file.",
    )
}

/// As which format these bytes were let out.
fn format_of(verified: &Verified, path: &Path) -> Answer<String> {
    let bytes = read_file(path)?;
    let artefacts = verified.artefacts().map_err(|fault| Failure::Negative(fault.to_string()))?;
    let found = artefacts.into_iter().find(|artefact| verified.check_artefact(&artefact.format, &bytes).is_ok());
    let not = || Failure::Negative(format!("{} is none of the files that were let out", path.display()));
    Ok(found.ok_or_else(not)?.format)
}
