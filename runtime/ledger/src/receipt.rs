//! A receipt: one event, and the proof that it is in the ledger, in a file that verifies offline.
//!
//! Whoever gets a release gets its receipt. With it and the ledger's public key anyone can check, without asking
//! anybody, that these bytes were let out, when by the node's clock, and under which conditions the event states.
//!
//! # Guarantees
//! - A receipt that verifies against a key that the caller trusts shows an event that the holder of the key put into a
//!   ledger of the stated size and root, at the stated number.
//! - [`Verified`] can't be made in any other way.
//!
//! # Does not guarantee
//! - Anything at all when no trusted key is given: then the receipt only agrees with the key inside it, and
//!   [`Verified::key_is_trusted`] is false.
//! - That the ledger which others see has the same root: compare checkpoints.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::checkpoint::{Checkpoint, CheckpointFault};
use crate::event::{MAX_BODY_BYTES, kind_of, leaf, raw_body};
use crate::key::VerifierKey;
use crate::merkle::{Hash, MAX_PROOF, parse_hex, verify_inclusion};

/// The name and version of the form.
pub const RECEIPT_FORMAT: &str = "sluice-receipt/1";
/// The longest receipt that is read, in bytes; escapes can make a body several times longer.
pub const MAX_RECEIPT_BYTES: usize = 8 * MAX_BODY_BYTES;
const RELEASE_SEALED: &str = "release_sealed";

/// Why a receipt isn't believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptFault {
    /// Longer than [`MAX_RECEIPT_BYTES`].
    #[error("The file is too long for a receipt.")]
    TooLong,
    /// Not the JSON of a receipt, or with a field too many or too few.
    #[error("The file is not a receipt.")]
    NotAReceipt,
    /// A receipt of another version.
    #[error("The receipt is of a version that this program does not know.")]
    Version,
    /// The key isn't one.
    #[error("The receipt's verifier key cannot be read.")]
    Key,
    /// The key isn't the one that the caller trusts.
    #[error("The receipt names another key than the trusted one.")]
    OtherKey,
    /// The salt isn't 32 hex digits.
    #[error("The receipt's salt is not 32 lower-case hex digits.")]
    Salt,
    /// A hash of the proof isn't 64 hex digits, or there are too many.
    #[error("The receipt's proof is not a short list of hashes.")]
    ProofForm,
    /// The body isn't an event.
    #[error("The receipt's event is not one JSON object on one line.")]
    NotAnEvent,
    /// The checkpoint doesn't verify.
    #[error("The receipt's checkpoint does not verify: {0}")]
    Checkpoint(#[from] CheckpointFault),
    /// The checkpoint is older than the event.
    #[error("The receipt's checkpoint does not reach as far as the event.")]
    BeyondCheckpoint,
    /// Event, time, number, salt or proof was altered.
    #[error("The event is not in the ledger that the checkpoint was signed for.")]
    NotIncluded,
    /// The event is of another kind.
    #[error("The receipt's event does not seal a release.")]
    NotARelease,
    /// The release is another one.
    #[error("The receipt is of another release.")]
    OtherRelease,
    /// What was released can't be read, or names one format twice.
    #[error("What the receipt says of the release cannot be read.")]
    Artefacts,
    /// No artefact of this format.
    #[error("The release has no file in this format.")]
    NoSuchFormat,
    /// The file has another length.
    #[error("The file does not have the length that was released.")]
    OtherLength,
    /// The file has another digest.
    #[error("The file is not the one that was released.")]
    OtherDigest,
}

/// One event with the proof that it is in the ledger.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// [`RECEIPT_FORMAT`].
    pub format: String,
    /// The event's number.
    pub seq: u64,
    /// The event's time, in milliseconds since 1970.
    pub at_ms: i64,
    /// The event's JSON text, byte for byte.
    pub body: String,
    /// The leaf's salt, in hex.
    pub salt: String,
    /// The inclusion proof, hashes in hex from the leaf upwards.
    pub proof: Vec<String>,
    /// The signed checkpoint.
    pub checkpoint: String,
    /// The key that signed it.
    pub verifier_key: String,
}

/// One released file, as the event states it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Artefact {
    /// `csv`, `json`, `parquet`.
    pub format: String,
    /// The SHA-256 of its bytes, in lower-case hex.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
}

#[derive(Deserialize)]
struct Named {
    id: String,
    job: String,
}

#[derive(Deserialize)]
struct Sealed {
    artefacts: Vec<Artefact>,
}

/// What a receipt that verified says.
pub struct Verified {
    seq: u64,
    at_ms: i64,
    body: String,
    checkpoint: Checkpoint,
    key: VerifierKey,
    trusted: bool,
}

impl Receipt {
    /// Reads a receipt; it isn't verified yet.
    pub fn parse(json: &[u8]) -> Result<Self, ReceiptFault> {
        if json.len() > MAX_RECEIPT_BYTES {
            return Err(ReceiptFault::TooLong);
        }
        serde_json::from_slice(json).map_err(|_| ReceiptFault::NotAReceipt)
    }

    /// The receipt as JSON, as it is handed out.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("numbers and strings always serialise")
    }

    /// Checks everything: the key, the checkpoint's signature, and that the event is under the checkpoint's root.
    ///
    /// With a trusted key, a receipt of any other key fails. Without one, the key in the receipt is used.
    pub fn verify(&self, trusted: Option<&VerifierKey>) -> Result<Verified, ReceiptFault> {
        if self.format != RECEIPT_FORMAT {
            return Err(ReceiptFault::Version);
        }
        let key: VerifierKey = self.verifier_key.parse().map_err(|_| ReceiptFault::Key)?;
        if trusted.is_some_and(|trusted| *trusted != key) {
            return Err(ReceiptFault::OtherKey);
        }
        let salt = parse_hex(&self.salt).ok_or(ReceiptFault::Salt)?;
        let proof = self.hashes().ok_or(ReceiptFault::ProofForm)?;
        raw_body(&self.body).map_err(|_| ReceiptFault::NotAnEvent)?;
        let checkpoint = Checkpoint::verify(&self.checkpoint, &key)?;
        if self.seq >= checkpoint.size {
            return Err(ReceiptFault::BeyondCheckpoint);
        }
        let leaf = leaf(self.seq, self.at_ms, &self.body, &salt);
        if !verify_inclusion(&proof, checkpoint.size, checkpoint.root, self.seq, leaf) {
            return Err(ReceiptFault::NotIncluded);
        }
        let trusted = trusted.is_some();
        Ok(Verified { seq: self.seq, at_ms: self.at_ms, body: self.body.clone(), checkpoint, key, trusted })
    }

    fn hashes(&self) -> Option<Vec<Hash>> {
        if self.proof.len() > MAX_PROOF {
            return None;
        }
        self.proof.iter().map(|hash| Hash::parse(hash)).collect()
    }
}

impl Verified {
    /// The event's number.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The event's time by the node's clock, in milliseconds since 1970.
    pub fn at_ms(&self) -> i64 {
        self.at_ms
    }

    /// The event's JSON text.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The checkpoint that the event is under.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The key that signed the checkpoint.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// Whether the caller gave this key as trusted. If not, the receipt only agrees with itself.
    pub fn key_is_trusted(&self) -> bool {
        self.trusted
    }

    /// The names of the release that the event seals and of the job that it came of.
    pub fn names(&self) -> Result<(String, String), ReceiptFault> {
        self.sealed::<Named>().map(|named| (named.id, named.job))
    }

    fn sealed<'a, T: Deserialize<'a>>(&'a self) -> Result<T, ReceiptFault> {
        if kind_of(&self.body).as_deref() != Some(RELEASE_SEALED) {
            return Err(ReceiptFault::NotARelease);
        }
        serde_json::from_str(&self.body).map_err(|_| ReceiptFault::Artefacts)
    }

    /// The files that the event let out.
    pub fn artefacts(&self) -> Result<Vec<Artefact>, ReceiptFault> {
        let sealed: Sealed = self.sealed()?;
        let mut formats: Vec<&str> = sealed.artefacts.iter().map(|artefact| artefact.format.as_str()).collect();
        formats.sort_unstable();
        formats.dedup();
        if formats.len() != sealed.artefacts.len() {
            return Err(ReceiptFault::Artefacts);
        }
        Ok(sealed.artefacts)
    }

    /// Checks that `bytes` is the file that was let out in this format.
    pub fn check_artefact(&self, format: &str, bytes: &[u8]) -> Result<(), ReceiptFault> {
        let artefacts = self.artefacts()?;
        let released = artefacts.iter().find(|artefact| artefact.format == format);
        let released = released.ok_or(ReceiptFault::NoSuchFormat)?;
        if u64::try_from(bytes.len()).ok() != Some(released.bytes) {
            return Err(ReceiptFault::OtherLength);
        }
        let digest: [u8; 32] = Sha256::digest(bytes).into();
        if hex::encode(digest) != released.sha256 {
            return Err(ReceiptFault::OtherDigest);
        }
        Ok(())
    }
}
