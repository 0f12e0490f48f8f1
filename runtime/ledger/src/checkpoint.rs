//! A checkpoint: how many events there are, what they hash to, and the node's signature on both.
//!
//! It is a C2SP tlog-checkpoint in a signed note, three lines, an empty one and one signature:
//!
//! ```text
//! ledger.example/main
//! 42
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//! — ledger.example/main Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
//! ```
//!
//! # Guarantees
//! - A text that verifies is, byte for byte, the text that was signed and its signature: nothing can be added to it.
//! - The origin is the key's name, so one ledger's checkpoint isn't another's.
//!
//! # Does not guarantee
//! - That there is no second checkpoint of the same size and another root. Whoever holds two has the proof of it.
//! - The time. A checkpoint says what, not when.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::key::{SigningKey, VerifierKey};
use crate::merkle::{Hash, MAX_SIZE};

/// The longest text that is looked at, in bytes.
pub const MAX_NOTE_BYTES: usize = 1024;

/// Why a checkpoint isn't believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointFault {
    /// Not three lines, an empty line and one signature line, in their one spelling.
    #[error("The checkpoint is not in the form of a checkpoint with one signature.")]
    Form,
    /// The origin or the key's name is another one.
    #[error("The checkpoint belongs to another ledger than the key.")]
    OtherOrigin,
    /// Signed by another key of the same name.
    #[error("The checkpoint is signed by another key.")]
    OtherKey,
    /// The signature doesn't fit the text.
    #[error("The checkpoint's signature is wrong.")]
    Signature,
}

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which ledger.
    pub origin: String,
    /// How many events.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Hash,
}

impl Checkpoint {
    /// The note that says "the ledger of this key has `size` events with this root".
    pub fn sign(size: u64, root: Hash, key: &SigningKey) -> String {
        let said = Self { origin: key.name().to_owned(), size, root };
        let text = said.text();
        said.note(&key.verifier(), &key.sign(text.as_bytes()))
    }

    /// Reads a note and verifies it with `key`.
    pub fn verify(note: &str, key: &VerifierKey) -> Result<Self, CheckpointFault> {
        let (said, signer, id, signature) = parse(note).ok_or(CheckpointFault::Form)?;
        if said.origin != key.name() || signer != key.name() {
            return Err(CheckpointFault::OtherOrigin);
        }
        if id != key.id() {
            return Err(CheckpointFault::OtherKey);
        }
        // One checkpoint, one text.
        if said.note(key, &signature) != note {
            return Err(CheckpointFault::Form);
        }
        if !key.verify(said.text().as_bytes(), &signature) {
            return Err(CheckpointFault::Signature);
        }
        Ok(said)
    }

    fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root.bytes()))
    }

    fn note(&self, key: &VerifierKey, signature: &[u8; 64]) -> String {
        let signature = STANDARD.encode([key.id().as_slice(), signature].concat());
        format!("{}\n\u{2014} {} {signature}\n", self.text(), key.name())
    }
}

type Parsed<'a> = (Checkpoint, &'a str, [u8; 4], [u8; 64]);

fn parse(note: &str) -> Option<Parsed<'_>> {
    if note.len() > MAX_NOTE_BYTES {
        return None;
    }
    let lines: Vec<&str> = note.split('\n').collect();
    let [origin, size, root, "", signature, ""] = lines.as_slice() else {
        return None;
    };
    let size = size.parse().ok().filter(|size| *size <= MAX_SIZE)?;
    let root: [u8; 32] = STANDARD.decode(root).ok()?.try_into().ok()?;
    let (signer, signature) = signature.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let signature = STANDARD.decode(signature).ok()?;
    let (id, signature) = signature.split_first_chunk()?;
    let said = Checkpoint { origin: (*origin).to_owned(), size, root: Hash::from_bytes(root) };
    Some((said, signer, *id, signature.try_into().ok()?))
}
