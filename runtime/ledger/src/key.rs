//! The node's signing key, and the public key that others verify with.
//!
//! Both have the text forms of the C2SP signed note, so that other tools read them: the public one is
//! `name+hash+base64`, the private one the same after `PRIVATE+KEY+`. The key's name is the ledger's *origin*: one
//! ledger, one name, and a checkpoint of another ledger can't be passed off as this one's.
//!
//! # Guarantees
//! - Ed25519, verified strictly (`verify_strict`): no weak keys, no second signature for the same text.
//! - Each key has one text: another case, padding or prefix is refused.
//! - A key file that others than its owner can read or write isn't loaded.
//!
//! # Does not guarantee
//! - That the key stays secret from whoever administers the machine. A node's operator can sign anything; what they
//!   can't do is show two people different ledgers who compare checkpoints.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer;
use sha2::{Digest, Sha256};

use crate::entropy::{Entropy, EntropyFault};

/// The longest name of a key, in bytes.
pub const MAX_NAME_BYTES: usize = 128;
const ED25519: u8 = 1;
const PRIVATE: &str = "PRIVATE+KEY+";
const MAX_FILE_BYTES: u64 = 1024;

/// Why a key can't be made, read or kept.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    /// A name has 1 to 128 printable ASCII characters, without space and plus.
    #[error("A key's name is 1 to 128 printable ASCII characters without space and plus.")]
    Name,
    /// The text isn't a key in the one form that it may have.
    #[error("This is not a key in the form name+hash+base64.")]
    Form,
    /// The key is of an algorithm that isn't known here.
    #[error("The key is not an Ed25519 key.")]
    Algorithm,
    /// Others than the owner may read or write the file.
    #[error("The key file can be read or written by others than its owner; its mode has to be 0600.")]
    Permissions,
    /// A key file is there already; it isn't overwritten.
    #[error("There is a key file already, and a key is never overwritten.")]
    Exists,
    /// The file can't be read or written.
    #[error("The key file cannot be read or written.")]
    File(#[source] std::io::Error),
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyFault),
}

/// The public half of a node's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key: ed25519_dalek::VerifyingKey,
}

impl VerifierKey {
    /// The name, which is the ledger's origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The four bytes that stand for name and key in a signature line.
    pub fn id(&self) -> [u8; 4] {
        id(&self.name, &self.encoded())
    }

    /// Whether `signature` is this key's on `text`.
    pub fn verify(&self, text: &[u8], signature: &[u8; 64]) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        self.key.verify_strict(text, &signature).is_ok()
    }

    fn encoded(&self) -> Vec<u8> {
        encoded(self.key.as_bytes())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.encoded();
        write!(f, "{}+{}+{}", self.name, hex::encode(id(&self.name, &key)), STANDARD.encode(key))
    }
}

impl FromStr for VerifierKey {
    type Err = KeyFault;

    fn from_str(text: &str) -> Result<Self, KeyFault> {
        let (name, bytes) = parse(text)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| KeyFault::Form)?;
        let key = Self { name, key };
        // One key, one text.
        if key.to_string() == text { Ok(key) } else { Err(KeyFault::Form) }
    }
}

/// A node's key. It has no `Debug` and no `Display`.
pub struct SigningKey {
    name: String,
    key: ed25519_dalek::SigningKey,
}

impl SigningKey {
    /// Makes a new key.
    pub fn generate(name: &str, entropy: &dyn Entropy) -> Result<Self, KeyFault> {
        if !is_name(name) {
            return Err(KeyFault::Name);
        }
        let mut seed = [0; 32];
        entropy.fill(&mut seed)?;
        Ok(Self { name: name.to_owned(), key: ed25519_dalek::SigningKey::from_bytes(&seed) })
    }

    /// Reads a key file.
    pub fn load(path: &Path) -> Result<Self, KeyFault> {
        let file = OpenOptions::new().read(true).open(path).map_err(KeyFault::File)?;
        // Asked of the open file, so that it can't be exchanged in between.
        let about = file.metadata().map_err(KeyFault::File)?;
        if about.permissions().mode() & 0o077 != 0 {
            return Err(KeyFault::Permissions);
        }
        let mut text = String::new();
        file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(KeyFault::File)?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let (name, seed) = parse(text.strip_prefix(PRIVATE).ok_or(KeyFault::Form)?)?;
        Ok(Self { name, key: ed25519_dalek::SigningKey::from_bytes(&seed) })
    }

    /// Writes a new key file with mode 0600; never over an old one, and never a part of one: the file has its name when
    /// it is on the disk, whole.
    pub fn save(&self, path: &Path) -> Result<(), KeyFault> {
        let begun = crate::anchor::beside(path);
        let key = encoded(self.key.as_bytes());
        let hash = hex::encode(id(&self.name, &key));
        let text = format!("{PRIVATE}{}+{hash}+{}\n", self.name, STANDARD.encode(key));
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&begun);
        let written = opened.and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::hard_link(&begun, path)
        });
        // Only litter, if it stays; the fault that counts is the one above.
        let _ = std::fs::remove_file(&begun);
        written.map_err(|fault| match fault.kind() {
            std::io::ErrorKind::AlreadyExists => KeyFault::Exists,
            _ => KeyFault::File(fault),
        })?;
        crate::anchor::sync_folder(path).map_err(KeyFault::File)
    }

    /// The name, which is the ledger's origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The public half.
    pub fn verifier(&self) -> VerifierKey {
        VerifierKey { name: self.name.clone(), key: self.key.verifying_key() }
    }

    /// Signs `text`.
    pub fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.key.sign(text).to_bytes()
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_graphic() && b != b'+';
    !name.is_empty() && name.len() <= MAX_NAME_BYTES && name.bytes().all(allowed)
}

fn encoded(key: &[u8; 32]) -> Vec<u8> {
    [&[ED25519], key.as_slice()].concat()
}

/// As the signed note has it: the first four bytes of `SHA-256(name || "\n" || algorithm || key)`.
fn id(name: &str, encoded: &[u8]) -> [u8; 4] {
    let digest: [u8; 32] = Sha256::new().chain_update(name).chain_update("\n").chain_update(encoded).finalize().into();
    let [a, b, c, d, ..] = digest;
    [a, b, c, d]
}

/// Reads `name+hash+base64`, for either half.
fn parse(text: &str) -> Result<(String, [u8; 32]), KeyFault> {
    let (name, rest) = text.split_once('+').ok_or(KeyFault::Form)?;
    let (hash, key) = rest.split_once('+').ok_or(KeyFault::Form)?;
    if !is_name(name) {
        return Err(KeyFault::Name);
    }
    let encoded = STANDARD.decode(key).map_err(|_| KeyFault::Form)?;
    if hash != hex::encode(id(name, &encoded)) {
        return Err(KeyFault::Form);
    }
    match encoded.split_first() {
        Some((&ED25519, key)) => Ok((name.to_owned(), key.try_into().map_err(|_| KeyFault::Form)?)),
        _ => Err(KeyFault::Algorithm),
    }
}
