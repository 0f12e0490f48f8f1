//! Contributions: what each subject brought to each inner cell, as the engine counted it.
//!
//! Evidence for a margin can't be made from the evidence of its inner cells: a subject may be in several of them. So
//! the candidate is made from contributions, and only the evidence is kept.
//!
//! # Guarantees
//! Entries are sorted by subject and cell, each pair once. What is read doesn't depend on the order of the file.
//!
//! # Does not guarantee
//! That values fit a contract: [`super::Candidate::new`] asks for that.
//!
//! # Example
//! With one measure an entry has 24 bytes, little-endian: ordinal `u32`, cell `u32`, records `u64`, value `i64`. A
//! cell's index is its place in the product of the code lists, the first dimension slowest.

use super::Mismatch;

/// Contributions by subject and inner cell, already merged and clamped.
#[derive(Clone, PartialEq, Eq)]
pub struct Contributions {
    measures: usize,
    /// For each entry its key, records and values, side by side: a pass in another order than this one then misses the
    /// cache once an entry. A key is subject and cell in one number, which sorts entries.
    words: Vec<i64>,
}

/// How many sorted stretches are merged; what has more is sorted.
const RUNS_MAX: usize = 16;

/// Words of an entry before its values.
const HEAD: usize = 2;

/// One subject's contribution to one inner cell.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Contribution<'a> {
    /// The subject's ordinal.
    pub subject: u32,
    /// The index of the inner cell.
    pub cell: u32,
    /// Contributions before they were merged.
    pub records: u64,
    /// One value for each measure.
    pub values: &'a [i64],
}

impl Contributions {
    /// Reads the engine's file form; files may be appended to each other.
    ///
    /// # Errors
    /// [`Mismatch::Bytes`] if the bytes don't divide into entries, [`Mismatch::Duplicate`] if one is there twice.
    pub fn read(bytes: &[u8], measures: usize) -> Result<Contributions, Mismatch> {
        let width = measures.checked_mul(8).and_then(|values| values.checked_add(16)).ok_or(Mismatch::Range)?;
        let entries = bytes.chunks_exact(width);
        if !entries.remainder().is_empty() {
            return Err(Mismatch::Bytes);
        }
        let mut read = Contributions::empty(measures, bytes.len() / width);
        for entry in entries {
            let mut words = entry.chunks_exact(8);
            let mut word = || words.next().and_then(|word| word.try_into().ok()).map_or(0, u64::from_le_bytes);
            let (head, records) = (word(), word());
            // The ordinal is the lower half of the first word; it sorts before the cell.
            read.words.extend([head.rotate_left(32).cast_signed(), counted(records)?]);
            read.words.extend((0..measures).map(|_| word().cast_signed()));
        }
        read.sorted()
    }

    /// Of entries in any order: subject, cell, records, values.
    ///
    /// # Errors
    /// [`Mismatch::Arity`] if an entry has another number of values, [`Mismatch::Duplicate`] as in reading.
    pub fn new<'a>(
        measures: usize,
        entries: impl IntoIterator<Item = Contribution<'a>>,
    ) -> Result<Contributions, Mismatch> {
        let mut made = Contributions::empty(measures, 0);
        for entry in entries {
            if entry.values.len() != measures {
                return Err(Mismatch::Arity);
            }
            let key = (u64::from(entry.subject) << 32) | u64::from(entry.cell);
            made.words.extend([key.cast_signed(), counted(entry.records)?]);
            made.words.extend(entry.values);
        }
        made.sorted()
    }

    fn empty(measures: usize, entries: usize) -> Contributions {
        Contributions { measures, words: Vec::with_capacity(entries.saturating_mul(HEAD + measures)) }
    }

    fn sorted(self) -> Result<Contributions, Mismatch> {
        u32::try_from(self.len()).map_err(|_| Mismatch::Range)?;
        let runs = self.runs();
        if runs.len() == 1 {
            return Ok(self);
        }
        if runs.len() <= RUNS_MAX {
            return self.merged(&runs);
        }
        let mut order: Vec<(u64, u32)> = self.keys().zip(0..).collect();
        order.sort_unstable();
        let mut sorted = Contributions::empty(self.measures, order.len());
        for (_, place) in order {
            sorted.words.extend(self.words_at(place as usize));
        }
        if sorted.is_rising() { Ok(sorted) } else { Err(Mismatch::Duplicate) }
    }

    /// Where the stretches begin that are sorted already: the engine's files are, each.
    fn runs(&self) -> Vec<usize> {
        let falls = (1..).zip(self.keys().zip(self.keys().skip(1))).filter(|(_, (one, next))| one >= next);
        std::iter::once(0).chain(falls.map(|(place, _)| place)).take(RUNS_MAX + 1).collect()
    }

    /// Of sorted stretches that begin at these places.
    fn merged(&self, runs: &[usize]) -> Result<Contributions, Mismatch> {
        let ends = runs.iter().skip(1).copied().chain([self.len()]);
        // Of each stretch the key at hand, its place, and the end.
        let mut heads: Vec<(u64, usize, usize)> =
            runs.iter().zip(ends).map(|(start, end)| (self.key_at(*start), *start, end)).collect();
        let mut merged = Contributions::empty(self.measures, self.len());
        let mut last = None;
        while let Some((key, place, end)) = heads.iter_mut().min_by_key(|(key, ..)| *key) {
            if last == Some(*key) {
                return Err(Mismatch::Duplicate);
            }
            last = Some(*key);
            merged.words.extend_from_slice(self.words_at(*place));
            *place += 1;
            *key = self.key_at(*place);
            if place == end {
                heads.retain(|(_, place, end)| place < end);
            }
        }
        Ok(merged)
    }

    fn keys(&self) -> impl Iterator<Item = u64> + '_ {
        self.words.iter().step_by(self.width()).map(|key| key.cast_unsigned())
    }

    fn is_rising(&self) -> bool {
        self.keys().zip(self.keys().skip(1)).all(|(one, next)| one < next)
    }

    /// Words of an entry.
    pub(super) fn width(&self) -> usize {
        HEAD + self.measures
    }

    /// An entry's key, records and values.
    pub(super) fn words_at(&self, place: usize) -> &[i64] {
        let width = self.width();
        self.words.get(place * width..(place + 1) * width).unwrap_or_default()
    }

    /// The file form, sorted.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.words.len() * 8);
        for entry in self.iter() {
            bytes.extend(entry.subject.to_le_bytes());
            bytes.extend(entry.cell.to_le_bytes());
            bytes.extend(entry.records.to_le_bytes());
            bytes.extend(entry.values.iter().flat_map(|value| value.to_le_bytes()));
        }
        bytes
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.len() / self.width()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// How many values an entry has.
    #[must_use]
    pub fn measures(&self) -> usize {
        self.measures
    }

    /// Every entry, by subject and then by cell.
    pub fn iter(&self) -> impl Iterator<Item = Contribution<'_>> {
        (0..self.len()).map(|place| Contribution {
            subject: self.subject_at(place),
            cell: self.cell_at(place),
            records: self.records_at(place),
            values: self.values_at(place),
        })
    }

    fn key_at(&self, place: usize) -> u64 {
        self.words_at(place).first().map_or(0, |key| key.cast_unsigned())
    }

    pub(crate) fn subject_at(&self, place: usize) -> u32 {
        (self.key_at(place) >> 32) as u32
    }

    pub(crate) fn cell_at(&self, place: usize) -> u32 {
        self.key_at(place) as u32
    }

    pub(crate) fn records_at(&self, place: usize) -> u64 {
        self.words_at(place).get(1).map_or(0, |records| records.cast_unsigned())
    }

    pub(crate) fn values_at(&self, place: usize) -> &[i64] {
        self.words_at(place).get(HEAD..).unwrap_or_default()
    }
}

/// A count of records as a word.
fn counted(records: u64) -> Result<i64, Mismatch> {
    i64::try_from(records).map_err(|_| Mismatch::Range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worked_example() {
        let entry = |subject: u32, cell: u32, records: u64, value: i64| {
            let mut bytes = subject.to_le_bytes().to_vec();
            bytes.extend(cell.to_le_bytes());
            bytes.extend(records.to_le_bytes());
            bytes.extend(value.to_le_bytes());
            bytes
        };
        let (one, two, three) = (entry(7, 1, 3, -5), entry(7, 0, 1, 9), entry(2, 4_000_000_000, 1, i64::MIN));
        let read = |parts: &[&Vec<u8>]| {
            let bytes: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
            Contributions::read(&bytes, 1)
        };
        let Ok(sorted) = read(&[&one, &two, &three]) else { panic!("three entries") };
        assert!(read(&[&three, &one, &two]).is_ok_and(|other| other == sorted));
        let listed: Vec<_> = sorted.iter().map(|e| (e.subject, e.cell, e.records, e.values.to_vec())).collect();
        assert_eq!(listed, [(2, 4_000_000_000, 1, vec![i64::MIN]), (7, 0, 1, vec![9]), (7, 1, 3, vec![-5])]);
        assert!(Contributions::read(&sorted.to_bytes(), 1).is_ok_and(|read| read == sorted));
        assert_eq!(read(&[&one, &two, &one]).err(), Some(Mismatch::Duplicate));
        assert_eq!(Contributions::read(&one, 2).err(), Some(Mismatch::Bytes));
    }

    #[test]
    fn what_is_read_does_not_depend_on_the_order_of_the_file() {
        let all: Vec<(u32, u32)> = (0..40).flat_map(|subject| (0..5).map(move |cell| (subject, cell * 3))).collect();
        let made = |pairs: &[(u32, u32)]| {
            let entry = |(subject, cell): &(u32, u32)| Contribution {
                subject: *subject,
                cell: *cell,
                records: u64::from(subject * 7 + cell),
                values: &[],
            };
            Contributions::new(0, pairs.iter().map(entry))
        };
        let Ok(sorted) = made(&all) else { panic!("each pair once") };
        // From two sorted stretches, as two partitions write them, to more than are merged.
        for stretches in [1, 2, 3, RUNS_MAX, RUNS_MAX + 1, all.len()] {
            let mut pairs: Vec<(u32, u32)> = (0..stretches)
                .rev()
                .flat_map(|first| all.iter().copied().skip(first).step_by(stretches).collect::<Vec<_>>())
                .collect();
            assert!(made(&pairs).is_ok_and(|made| made == sorted), "{stretches} stretches");
            pairs.push(pairs[all.len() / 2]);
            assert_eq!(made(&pairs).err(), Some(Mismatch::Duplicate), "{stretches} stretches");
        }
    }
}
