//! Sketches: 2 kB that prove that many subjects contribute differently to two figures.
//!
//! A sketch has 256 buckets, 16 rows by 16 columns. A subject's group names the row and the subject itself the column,
//! both by a keyed hash; a bucket holds the sum over its subjects of contribution times secret number, modulo
//! `2^61 - 1`. Two sketches differ in a bucket only if some subject of that bucket contributes differently:
//!
//! ```text
//! buckets that differ                     <= subjects that differ
//! buckets that differ outside a row       <= subjects that differ outside any one group of that row
//! rows that differ                        <= groups that differ
//! ```
//!
//! # Guarantees
//! One-sided and exact, whatever the key, the groups and the values: `t` buckets that differ prove `t` subjects, and
//! `t` of them outside the fullest row prove `t` subjects without the largest group; `t` rows prove `t` groups. So a pair of figures that differs
//! in fewer than `t` subjects is never cleared. Linear: a combination of sketches is the sketch of the combination.
//!
//! # Does not guarantee
//! The converse. Few buckets that differ, or none, may hide many subjects (256 buckets can't tell more than 256
//! subjects apart, and equal hashes cancel with a chance of about `2^-56`): such a pair is worked out exactly.
//!
//! Source: disclosure.md, section 3; the linear twin alone, since its test is the same as that of the hashed sketch.
//!
//! Example: a release of 40 subjects and the same without one differ in 1 bucket, and 40 others in many.

use super::keys::{Keys, Stranger};

/// Buckets of a sketch.
pub const BUCKETS: usize = 256;
/// Rows of buckets; a group falls in one row.
pub const ROWS: usize = 16;
/// Bytes of an encoded sketch.
pub const SKETCH_BYTES: usize = BUCKETS * 8;

/// The Mersenne prime `2^61 - 1`.
const MODULUS: u64 = (1 << 61) - 1;

/// The sketch of one figure, bucket `16 * column + row`. No `Debug`: it is made from data.
#[derive(Clone, PartialEq, Eq)]
pub struct Sketch([u64; BUCKETS]);

/// Bytes that aren't a sketch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("these bytes aren't a canonical encoding")]
pub struct Garbage;

/// What has to be proved: so many subjects, and so many without the largest group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enough {
    /// Subjects that differ.
    pub subjects: u32,
    /// Subjects that differ without the largest group; 0 where every subject is its own group.
    pub without_largest: u32,
    /// Groups that differ; 0 where every subject is its own group. Rows prove at most [`ROWS`] of them.
    pub groups: u32,
}

/// Buckets that differ.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(test, derive(Debug))]
pub struct Differing {
    /// All of them.
    pub buckets: u32,
    /// Those outside the row that has most of them.
    pub outside: u32,
    /// Rows that have one of them.
    pub rows: u32,
}

impl Differing {
    /// Whether so many subjects and groups are proved to differ.
    #[must_use]
    pub fn prove(self, enough: Enough) -> bool {
        self.prove_subjects(enough) && self.rows >= enough.groups
    }

    /// The same of subjects alone.
    #[must_use]
    pub fn prove_subjects(self, enough: Enough) -> bool {
        self.buckets >= enough.subjects && self.outside >= enough.without_largest
    }

    /// Whether nothing is left to be proved, or nothing that more buckets could prove.
    pub(super) fn is_exhausted(self, enough: Enough) -> bool {
        self.prove_subjects(enough) && self.rows >= enough.groups.min(ROWS as u32)
    }

    pub(super) fn of(rows: &[u32; ROWS]) -> Differing {
        let buckets = rows.iter().sum::<u32>();
        let fullest = rows.iter().copied().max().unwrap_or(0);
        let differing = rows.iter().filter(|row| **row > 0).count() as u32;
        Differing { buckets, outside: buckets - fullest, rows: differing }
    }
}

impl Sketch {
    /// The sketch of these contributions. Parts of one subject may come apart and in any order.
    ///
    /// # Errors
    /// A subject that the keys' domain doesn't have.
    pub fn of(keys: &Keys, contributions: impl IntoIterator<Item = (u32, i128)>) -> Result<Sketch, Stranger> {
        let mut sketch = Sketch([0; BUCKETS]);
        for (subject, value) in contributions {
            let (bucket, number) = keys.place(subject)?;
            if let Some(held) = sketch.0.get_mut(bucket) {
                *held = add(*held, multiply(residue(value), number));
            }
        }
        Ok(sketch)
    }

    /// The sketch of a combination of figures.
    #[must_use]
    pub fn combined(terms: &[(i32, &Sketch)]) -> Sketch {
        let mut sum = Sketch([0; BUCKETS]);
        for (coefficient, sketch) in terms {
            let factor = residue(i128::from(*coefficient));
            for (held, value) in sum.0.iter_mut().zip(&sketch.0) {
                *held = add(*held, multiply(*value, factor));
            }
        }
        sum
    }

    /// The buckets in which they differ. Stops as soon as enough is proved: what it says then is a lower bound.
    #[must_use]
    pub fn differing(&self, other: &Sketch, enough: Enough) -> Differing {
        let mut rows = [0_u32; ROWS];
        let mut found = Differing::default();
        for (ours, theirs) in self.0.chunks_exact(ROWS).zip(other.0.chunks_exact(ROWS)) {
            for ((row, a), b) in rows.iter_mut().zip(ours).zip(theirs) {
                *row += u32::from(a != b);
            }
            found = Differing::of(&rows);
            if found.is_exhausted(enough) {
                break;
            }
        }
        found
    }

    /// The buckets.
    pub(super) fn buckets(&self) -> &[u64; BUCKETS] {
        &self.0
    }

    /// The canonical encoding: each bucket's 8 bytes, the most significant first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|bucket| bucket.to_be_bytes()).collect()
    }

    /// What [`Sketch::to_bytes`] wrote.
    ///
    /// # Errors
    /// Any other length, and a bucket that is no residue.
    pub fn from_bytes(bytes: &[u8]) -> Result<Sketch, Garbage> {
        if bytes.len() != SKETCH_BYTES {
            return Err(Garbage);
        }
        let mut sketch = Sketch([0; BUCKETS]);
        for (bucket, part) in sketch.0.iter_mut().zip(bytes.chunks_exact(8)) {
            *bucket = part.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
            if *bucket >= MODULUS {
                return Err(Garbage);
            }
        }
        Ok(sketch)
    }
}

/// The sum of two residues.
pub(super) fn add(a: u64, b: u64) -> u64 {
    let sum = a + b;
    if sum >= MODULUS { sum - MODULUS } else { sum }
}

/// The difference of two residues.
pub(super) fn subtract(a: u64, b: u64) -> u64 {
    if a >= b { a - b } else { a + MODULUS - b }
}

/// The product of two residues: the high part weighs `2^61`, which is 1.
pub(super) fn multiply(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    add((product as u64) & MODULUS, (product >> 61) as u64)
}

/// The residue of a number. Division of 128 bits is slow, and hardly any contribution needs it.
fn residue(value: i128) -> u64 {
    match i64::try_from(value) {
        Ok(value) => value.rem_euclid(MODULUS as i64) as u64,
        Err(_) => value.rem_euclid(i128::from(MODULUS)) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::Domain;
    use super::*;

    const ALL: Enough = Enough { subjects: u32::MAX, without_largest: 0, groups: 0 };

    fn keys(secret: u8) -> Keys {
        Keys::new(&[secret; 32], Domain::ungrouped(1_000), 0)
    }

    fn sketch(contributions: impl IntoIterator<Item = (u32, i128)>) -> Sketch {
        Sketch::of(&keys(7), contributions).expect("all subjects are there")
    }

    #[test]
    fn the_example_of_the_page() {
        let whole = sketch((0..40).map(|subject| (subject, 1)));
        let without = sketch((0..39).map(|subject| (subject, 1)));
        let others = sketch((40..80).map(|subject| (subject, 1)));
        assert_eq!(whole.differing(&without, ALL).buckets, 1);
        assert!(whole.differing(&others, ALL).buckets > 60);
    }

    #[test]
    fn one_dropped_and_two_changed_are_three_that_differ() {
        let values = |subject: u32| i128::from(subject) * 3 + 1;
        let whole = sketch((0..500).map(|subject| (subject, values(subject))));
        let changed = |subject: u32| values(subject) + i128::from(subject == 100) - 2 * i128::from(subject == 200);
        let other = sketch((0..500).filter(|subject| *subject != 300).map(|subject| (subject, changed(subject))));
        assert_eq!(whole.differing(&other, ALL).buckets, 3);
    }

    #[test]
    fn order_and_parts_do_not_matter() {
        let forth = sketch((0..300).map(|subject| (subject, 10)));
        let back = sketch((0..300).rev().flat_map(|subject| [(subject, 7), (subject, 3)]));
        assert!(forth == back);
    }

    #[test]
    fn sketches_of_different_keys_are_unrelated() {
        let of = |secret| Sketch::of(&keys(secret), (0..1_000).map(|subject| (subject, 5))).expect("they are there");
        assert_eq!(of(7).differing(&of(8), ALL).buckets, 256);
    }

    #[test]
    fn a_combination_of_sketches_is_the_sketch_of_the_combination() {
        let (a, b) = (|s: u32| i128::from(s % 7) - 3, |s: u32| i128::MAX / 9 - i128::from(s));
        let combined = sketch((0..300).map(|s| (s, 2 * a(s) - 3 * b(s))));
        let (a, b) = (sketch((0..300).map(|s| (s, a(s)))), sketch((0..300).map(|s| (s, b(s)))));
        assert!(Sketch::combined(&[(2, &a), (-3, &b)]) == combined);
    }

    #[test]
    fn one_group_is_proved_to_be_one_row() {
        let groups: Vec<u64> = (0..200).map(|subject| u64::from(subject >= 100)).collect();
        let keys = Keys::new(&[1; 32], Domain::grouped(groups), 0);
        let of = |range: std::ops::Range<u32>| Sketch::of(&keys, range.map(|s| (s, 1))).expect("they are there");
        let found = of(0..200).differing(&of(100..200), ALL);
        assert!(found.buckets >= 12 && found.outside == 0 && found.rows == 1, "{found:?}");
        assert!(!found.prove(Enough { subjects: 10, without_largest: 10, groups: 0 }));
    }

    #[test]
    fn what_is_written_is_read_and_garbage_is_refused() {
        let whole = sketch((0..300).map(|subject| (subject, i128::from(subject) - 150)));
        let bytes = whole.to_bytes();
        assert_eq!(bytes.len(), SKETCH_BYTES);
        assert!(Sketch::from_bytes(&bytes) == Ok(whole));
        assert!(Sketch::from_bytes(&bytes[1..]) == Err(Garbage));
        assert!(Sketch::from_bytes(&[0xff; SKETCH_BYTES]) == Err(Garbage));
        let mut modulus = vec![0; SKETCH_BYTES];
        modulus[..8].copy_from_slice(&MODULUS.to_be_bytes());
        assert!(Sketch::from_bytes(&modulus) == Err(Garbage));
    }

    #[test]
    fn a_multiple_of_the_modulus_hides_and_so_counts_as_near() {
        let hidden = sketch([(5, i128::from(MODULUS))]);
        assert_eq!(hidden.differing(&Sketch([0; BUCKETS]), ALL).buckets, 0);
    }
}
