//! Keys: where a subject falls in a sketch, and the secret number that it carries.
//!
//! A contribution is hashed linearly: what subject `s` contributes is multiplied by `r(s)`, a number that only the
//! agency's key gives. So a sketch needs one keyed hash a *subject*, drawn once, and none a contribution; and the
//! sketch of a difference is the difference of the sketches.
//!
//! # Guarantees
//! The same secret, epoch and domain give the same numbers. All subjects of a group fall in the same row of buckets.
//!
//! # Does not guarantee
//! That a sketch hides its figure from who has the key: sketches are data and stay inside.
//!
//! Source: HMAC-SHA256 (RFC 2104) in counter mode as the pseudo-random function, four subjects a block.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::sketch::ROWS;

/// Subjects that one block of the pseudo-random function serves.
const SUBJECTS_PER_BLOCK: usize = 4;

/// The subjects of a domain, by ordinal, and their groups.
///
/// An ordinal means the same subject in every snapshot, or sketches of two snapshots can't be compared.
pub struct Domain {
    subjects: usize,
    groups: Option<Vec<u64>>,
}

impl Domain {
    /// So many subjects, each its own group.
    #[must_use]
    pub fn ungrouped(subjects: u32) -> Domain {
        Domain { subjects: subjects as usize, groups: None }
    }

    /// Subjects by their group, such as the legal entity that holds a vehicle.
    #[must_use]
    pub fn grouped(groups: Vec<u64>) -> Domain {
        Domain { subjects: groups.len(), groups: Some(groups) }
    }

    /// A subject's group; none of a subject that the domain doesn't have.
    #[must_use]
    pub fn group(&self, subject: u32) -> Option<u64> {
        match &self.groups {
            Some(groups) => groups.get(subject as usize).copied(),
            None => ((subject as usize) < self.subjects).then_some(u64::from(subject)),
        }
    }

    /// Whether groups are declared.
    #[must_use]
    pub fn is_grouped(&self) -> bool {
        self.groups.is_some()
    }
}

/// A contribution of a subject that the domain doesn't have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a contribution names a subject that the domain doesn't have")]
pub struct Stranger;

/// The secret numbers of a domain's subjects, 8 bytes a subject. No `Debug`: it holds a key's work.
pub struct Keys {
    domain: Domain,
    scheme: u64,
    words: Vec<u64>,
}

impl Keys {
    /// The numbers of this secret and epoch.
    ///
    /// The epoch must rise whenever a known subject changes its group: figures of two epochs are never taken to be
    /// proved apart, and their sketches have to be made anew from the kept contributions. New subjects need no new
    /// epoch.
    #[must_use]
    pub fn new(secret: &[u8; 32], domain: Domain, epoch: u64) -> Keys {
        let mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
        let mut words = Vec::with_capacity(domain.subjects);
        for block in 0..domain.subjects.div_ceil(SUBJECTS_PER_BLOCK) {
            words.extend(draw(&mac, "subject", epoch, block as u64));
        }
        words.truncate(domain.subjects);
        if let Some(groups) = &domain.groups {
            place_groups(&mac, epoch, groups, &mut words);
        }
        let [scheme, ..] = draw(&mac, "scheme", epoch, u64::from(domain.is_grouped()));
        Keys { domain, scheme, words }
    }

    /// The subjects.
    #[must_use]
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Tells apart figures of other secrets and epochs.
    #[must_use]
    pub fn scheme(&self) -> u64 {
        self.scheme
    }

    /// A subject's bucket and number: odd, and less than 2^56.
    pub(super) fn place(&self, subject: u32) -> Result<(usize, u64), Stranger> {
        let word = self.words.get(subject as usize).ok_or(Stranger)?;
        Ok(((word & 0xff) as usize, (word >> 8) | 1))
    }
}

/// Puts all subjects of a group into the row that its keyed hash names.
fn place_groups(mac: &Hmac<Sha256>, epoch: u64, groups: &[u64], words: &mut [u64]) {
    let mut rows: BTreeMap<u64, u64> = BTreeMap::new();
    for (word, group) in words.iter_mut().zip(groups) {
        let row = rows.entry(*group).or_insert_with(|| {
            let [row, ..] = draw(mac, "group", epoch, *group);
            row % ROWS as u64
        });
        *word = *word / ROWS as u64 * ROWS as u64 + *row;
    }
}

fn draw(mac: &Hmac<Sha256>, what: &str, epoch: u64, counter: u64) -> [u64; SUBJECTS_PER_BLOCK] {
    let mut mac = mac.clone();
    mac.update(b"sluice history\0");
    mac.update(what.as_bytes());
    mac.update(&epoch.to_be_bytes());
    mac.update(&counter.to_be_bytes());
    let bytes = mac.finalize().into_bytes();
    let mut words = [0; SUBJECTS_PER_BLOCK];
    for (word, part) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = part.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_stays_in_one_row_and_new_subjects_change_nothing() {
        let keys = Keys::new(&[7; 32], Domain::grouped(vec![5, 5, 9, 5, 9]), 0);
        let row = |keys: &Keys, subject| keys.place(subject).expect("it is there").0 % ROWS;
        assert_eq!(row(&keys, 0), row(&keys, 1));
        assert_eq!(row(&keys, 0), row(&keys, 3));
        assert_eq!(row(&keys, 2), row(&keys, 4));
        let more = Keys::new(&[7; 32], Domain::grouped(vec![5, 5, 9, 5, 9, 1, 2, 3]), 0);
        assert!((0..5).all(|subject| keys.place(subject) == more.place(subject)));
        assert_eq!(keys.scheme(), more.scheme());
        assert_eq!(keys.place(5), Err(Stranger));
    }

    #[test]
    fn other_secrets_and_epochs_are_other_schemes() {
        let scheme = |secret: u8, epoch| Keys::new(&[secret; 32], Domain::ungrouped(4), epoch).scheme();
        assert_ne!(scheme(1, 0), scheme(2, 0));
        assert_ne!(scheme(1, 0), scheme(1, 1));
        assert_ne!(scheme(1, 0), Keys::new(&[1; 32], Domain::grouped(vec![0, 1, 2, 3]), 0).scheme());
    }

    #[test]
    fn numbers_are_odd_below_the_modulus_and_spread_over_all_buckets() {
        let keys = Keys::new(&[3; 32], Domain::ungrouped(10_000), 0);
        let mut held = [0_u32; 256];
        for subject in 0..10_000 {
            let (bucket, number) = keys.place(subject).expect("it is there");
            assert!(number % 2 == 1 && number < 1 << 56);
            held[bucket] += 1;
        }
        // 39 on average, with a standard deviation of 6.2.
        assert!(held.iter().all(|count| (10..75).contains(count)), "{held:?}");
    }
}
