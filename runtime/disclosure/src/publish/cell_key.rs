//! Cell-key perturbation of counts, for tables that people release.
//!
//! Each subject has a key from a secret. A cell's key is the sum, modulo 2^64, of the keys of those counted in it, and
//! the noise of its count is looked up by the true count and that key in a [perturbation table](ptable). So the same
//! people have the same noise wherever they are counted, and asking again tells nothing new.
//!
//! Only counts are perturbed. A sum of magnitudes needs noise in proportion to its largest contributors, which this
//! doesn't have: sums are suppressed or rounded.
//!
//! # Guarantees
//! - The same set of subjects gets the same noise under the same secret and table, whatever the query; another secret
//!   gives unrelated noise.
//! - An empty cell stays 0. No count is negative, and none is from 1 to below the least that is shown.
//! - Noise is never larger than the table's largest, and its expectation is 0 for every true count.
//! - No floating point anywhere.
//!
//! # Does not guarantee
//! Secrecy: see [`LIMIT`], which is printed with every release. Noise that is bounded and cancels on average can be
//! averaged away, and this is why the method is for tables that people release and never for answers by themselves.
//! Additivity is lost: totals are perturbed by themselves. That a subject counts once whose key is added twice.
//!
//! Source: G. Thompson, S. Broadfoot, D. Elazar, *Methodology for the automatic confidentialisation of statistical
//! outputs from remote servers at the Australian Bureau of Statistics* (UNECE work session on statistical data
//! confidentiality, 2013); S. Giessing, R. Tent (2019) and the R packages cellKey and ptable of the sdcTools project.
//! Differences: subject keys are not drawn once and stored but derived by HMAC-SHA256; and the sum of keys is sent
//! through HMAC once more before it is looked up, so that noise of a total has no relation to that of its parts.
//!
//! # Example
//! With noise of at most 2, variance 1 and no 1 or 2 shown, a count of 1 is shown as 0 in two of three cells and as
//! 3 in one: [`ptable`] has the table.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

pub mod ptable;

pub use ptable::{Impossible, PTable, Shape};

/// What every release of perturbed counts says of the method's limit.
pub const LIMIT: &str = "Known limit: this noise can be averaged away. The same count, added up from parts in many \
    different ways, has fresh noise each time, and the mean of a few hundred such answers is the true count (Asghar and \
    Kaafar, Averaging Attacks on Bounded Noise-based Disclosure Control Algorithms, arXiv 1902.06414). It is a \
    protection of the tables released here, not of a service that answers whatever it is asked.";

/// The secret from which keys come. It stays with the dataset, and nothing shows it.
pub struct Secret([u8; 32]);

impl Secret {
    /// From 256 bits that were drawn elsewhere.
    #[must_use]
    pub fn new(bits: [u8; 32]) -> Secret {
        Secret(bits)
    }

    /// A subject's key, by its ordinal in its domain.
    #[must_use]
    pub fn subject_key(&self, subject: u32) -> u64 {
        self.keyed(b"sluice cell key, subject\0", u64::from(subject))
    }

    /// By what a cell's noise is looked up, given its key.
    #[must_use]
    pub fn look_up(&self, cell_key: u64) -> u64 {
        self.keyed(b"sluice cell key, cell\0", cell_key)
    }

    fn keyed(&self, purpose: &[u8], number: u64) -> u64 {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(purpose);
        mac.update(&number.to_le_bytes());
        let bytes = mac.finalize().into_bytes();
        bytes.iter().take(8).rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

/// What the reader of a release with such noise is told.
#[must_use]
pub fn notes(Shape { noise_max, variance_milli, least_shown }: Shape) -> Vec<String> {
    let (whole, thousandths) = (variance_milli / 1000, variance_milli % 1000);
    let mut notes = vec![
        format!(
            "Counts have random noise of at most {noise_max} and of variance {whole}.{thousandths:03} (cell-key \
                 method); the same people always have the same noise."
        ),
        "Totals have noise of their own: figures don't add up to them, and differences of figures mean little."
            .to_owned(),
    ];
    if least_shown > 1 {
        notes.push(format!("A count is 0 or at least {least_shown}; a 0 may be a small count."));
    }
    notes.push("Only counts have noise: sums of amounts are withheld or rounded instead.".to_owned());
    notes.push(LIMIT.to_owned());
    notes
}

#[cfg(test)]
mod tests;
