//! Which key a receipt has to verify with: one that was given, or the one in a node's folder. Without any, a receipt
//! shows nothing about who signed it.

use std::path::{Path, PathBuf};

use clap::Args;
use sluice_ledger::{Receipt, VerifierKey};

use super::failure::{Answer, Failure};
use super::node::read_file;
use super::{Common, ledger};

/// The name of the file in a home folder with its node's public key.
pub const KEY_FILE: &str = "verifier.key";

/// The key that something must verify with.
#[derive(Args)]
pub struct Trust {
    /// The key that it must verify with, as the agency gave it out
    #[arg(long, value_name = "VKEY", value_parser = ledger::key)]
    key: Option<Box<VerifierKey>>,
    /// A file with that key
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    key_file: Option<PathBuf>,
}

impl Trust {
    /// The key that was given, if one was.
    ///
    /// # Errors
    /// A file that holds no key.
    pub fn given(&self) -> Answer<Option<VerifierKey>> {
        match (&self.key, &self.key_file) {
            (Some(key), _) => Ok(Some((**key).clone())),
            (None, Some(path)) => read(path).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// The key that a receipt must verify with: the one that was given, else the one in the node's folder.
    ///
    /// A folder that was named is binding. The default one, which nobody named, vouches for its own node's receipts and
    /// has no say on others.
    ///
    /// # Errors
    /// A file that holds no key.
    pub fn of_receipt(&self, common: &Common, receipt: &Receipt) -> Answer<Option<VerifierKey>> {
        if let Some(key) = self.given()? {
            return Ok(Some(key));
        }
        let path = common.home().join(KEY_FILE);
        if !path.is_file() {
            return Ok(None);
        }
        let key = read(&path)?;
        let binds = common.home.is_some() || receipt.verifier_key == key.to_string();
        Ok(binds.then_some(key))
    }
}

fn read(path: &Path) -> Answer<VerifierKey> {
    let text = String::from_utf8(read_file(path)?).map_err(|error| Failure::file("read", path, &error))?;
    Ok(*ledger::key(&text).map_err(|why| Failure::file("read", path, &why))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_ledger::{OsEntropy, SigningKey};

    fn key() -> VerifierKey {
        SigningKey::generate("ledger.example/one", &OsEntropy).expect("there is entropy").verifier()
    }

    fn receipt_of(key: &VerifierKey) -> Receipt {
        Receipt {
            format: String::new(),
            seq: 0,
            at_ms: 0,
            body: String::new(),
            salt: String::new(),
            proof: Vec::new(),
            checkpoint: String::new(),
            verifier_key: key.to_string(),
        }
    }

    fn common(home: Option<&Path>) -> Common {
        Common { home: home.map(Path::to_path_buf), url: None, acting_as: None, token: None, json: false }
    }

    #[test]
    fn a_key_that_is_given_goes_before_the_folders_and_a_named_folder_is_binding() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (ours, given, others) = (key(), key(), key());
        let nothing = Trust { key: None, key_file: None };
        let named = common(Some(folder.path()));
        let chosen = |trust: &Trust, of: &VerifierKey| trust.of_receipt(&named, &receipt_of(of)).expect("it is read");
        assert_eq!(chosen(&nothing, &ours), None, "a folder without a key vouches for nothing");
        std::fs::write(folder.path().join(KEY_FILE), format!("{ours}\n")).expect("it can be written");
        assert_eq!(chosen(&nothing, &ours), Some(ours.clone()));
        assert_eq!(chosen(&nothing, &others), Some(ours.clone()), "another's receipt fails against it");
        assert_eq!(chosen(&Trust { key: Some(Box::new(given.clone())), key_file: None }, &ours), Some(given.clone()));
        let file = folder.path().join("given.key");
        std::fs::write(&file, given.to_string()).expect("it can be written");
        assert_eq!(chosen(&Trust { key: None, key_file: Some(file.clone()) }, &ours), Some(given));
        std::fs::write(&file, "no key").expect("it can be written");
        assert!(matches!(Trust { key: None, key_file: Some(file) }.given(), Err(Failure::Usage(_))));
    }
}
