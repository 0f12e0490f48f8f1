//! Digests and keyed commitments.
//!
//! A plain digest of a small secret is the secret: it can be found by trying. So plain digests are only for bytes
//! that are public anyway; everything else gets a [`Commitment`] under a key that stays inside.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// SHA-256 of public bytes, in lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// HMAC-SHA-256 of something that must stay inside, under a fresh 256-bit key of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Commitment(String);

impl Commitment {
    /// Commits to `bytes` under `key`.
    #[must_use]
    pub fn new(key: &[u8; 32], bytes: &[u8]) -> Commitment {
        use hmac::{Hmac, KeyInit, Mac};
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
        mac.update(bytes);
        Commitment(hex::encode(mac.finalize().into_bytes()))
    }

    /// The commitment in hexadecimal.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
