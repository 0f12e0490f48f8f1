//! Where random bytes come from.
//!
//! The ledger needs them for salts and for a new key. They come in from outside, so that a test can fix them and a
//! deployment can name its source.

/// The source of random bytes had none to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("The source of random bytes failed.")]
pub struct EntropyFault;

/// A source of random bytes.
///
/// The contract: `fill` writes every byte of `out`, or fails; bytes are unpredictable to anyone who has seen all the
/// earlier ones. A salt that can be guessed lets a reader of one leaf hash guess the event behind it.
pub trait Entropy: Send + Sync {
    /// Fills `out`.
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyFault>;
}

/// The operating system's source.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyFault> {
        getrandom::fill(out).map_err(|_| EntropyFault)
    }
}
