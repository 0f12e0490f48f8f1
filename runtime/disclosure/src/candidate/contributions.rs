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

/// Fewer entries aren't worth a thread of their own.
pub(super) const ALONE: usize = 1 << 15;

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

impl Contribution<'_> {
    fn write(&self, to: &mut Vec<u8>) {
        to.extend(self.subject.to_le_bytes());
        to.extend(self.cell.to_le_bytes());
        to.extend(self.records.to_le_bytes());
        to.extend(self.values.iter().flat_map(|value| value.to_le_bytes()));
    }
}

/// Entries in the file form, in any order.
#[derive(Clone, Copy)]
struct Written<'a> {
    bytes: &'a [u8],
    /// Words of an entry.
    width: usize,
}

/// A sorted stretch of entries, or what is left of it: from, to.
type Stretch = (usize, usize);

impl Written<'_> {
    fn len(self) -> usize {
        self.bytes.len() / (8 * self.width)
    }

    fn words(self, place: usize) -> impl Iterator<Item = u64> {
        let entry = self.bytes.get(8 * self.width * place..8 * self.width * (place + 1)).unwrap_or_default();
        entry.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word))
    }

    /// Subject and cell in one number. The ordinal is the lower half of the first word; it sorts before the cell.
    fn key(self, place: usize) -> u64 {
        self.words(place).next().map_or(u64::MAX, |word| word.rotate_left(32))
    }

    fn copy(self, place: usize, to: &mut [i64]) -> Result<(), Mismatch> {
        to.iter_mut().zip(self.words(place)).for_each(|(to, word)| *to = word.cast_signed());
        if let [key, records, ..] = to {
            *key = key.rotate_left(32);
            if *records < 0 {
                return Err(Mismatch::Range);
            }
        }
        Ok(())
    }

    /// The stretches that are sorted already: the engine's files are, each. One more than is merged, if there are more.
    fn runs(self) -> Vec<Stretch> {
        let mut runs = Vec::new();
        let (mut from, mut last) = (0, None);
        for place in 0..self.len() {
            let key = self.key(place);
            if last.is_some_and(|last| last >= key) {
                runs.push((from, place));
                from = place;
                if runs.len() > RUNS_MAX {
                    return runs;
                }
            }
            last = Some(key);
        }
        runs.push((from, self.len()));
        runs
    }

    /// Merges sorted stretches, the lower half of the subjects on another thread, but for fewer entries than `alone`.
    fn merge(self, runs: &[Stretch], to: &mut [i64], alone: usize) -> Result<(), Mismatch> {
        let longest = runs.iter().max_by_key(|(from, end)| end - from);
        let pivot = longest.map_or(0, |(from, end)| self.key(from + (end - from) / 2)) & !u64::from(u32::MAX);
        let halves = |(from, end): &Stretch| {
            let (mut low, mut high) = (*from, *end);
            while low < high {
                let middle = low + (high - low) / 2;
                if self.key(middle) < pivot { low = middle + 1 } else { high = middle }
            }
            ((*from, low), (low, *end))
        };
        let (lower, upper): (Vec<Stretch>, Vec<Stretch>) = runs.iter().map(halves).unzip();
        let entries: usize = lower.iter().map(|(from, end)| end - from).sum();
        let (low, high) = to.split_at_mut(entries * self.width);
        if low.is_empty() || self.len() < alone {
            return self.merge_part(&lower, low).and_then(|()| self.merge_part(&upper, high));
        }
        std::thread::scope(|scope| {
            let beside = scope.spawn(|| self.merge_part(&lower, low));
            let upper = self.merge_part(&upper, high);
            beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)).and(upper)
        })
    }

    fn merge_part(self, runs: &[Stretch], to: &mut [i64]) -> Result<(), Mismatch> {
        let mut heads: Vec<(u64, Stretch)> = runs.iter().map(|run| (self.key(run.0), *run)).collect();
        heads.retain(|(_, (place, end))| place < end);
        let mut last = None;
        for slot in to.chunks_exact_mut(self.width) {
            let Some((key, (place, end))) = heads.iter_mut().min_by_key(|(key, _)| *key) else { break };
            if last == Some(*key) {
                return Err(Mismatch::Duplicate);
            }
            last = Some(*key);
            self.copy(*place, slot)?;
            *place += 1;
            *key = self.key(*place);
            if place == end {
                heads.retain(|(_, (place, end))| place < end);
            }
        }
        Ok(())
    }

    fn sort(self, to: &mut [i64]) -> Result<(), Mismatch> {
        let mut order: Vec<(u64, u32)> = (0..self.len()).map(|place| self.key(place)).zip(0..).collect();
        order.sort_unstable();
        if order.windows(2).any(|pair| matches!(pair, [(one, _), (next, _)] if one == next)) {
            return Err(Mismatch::Duplicate);
        }
        to.chunks_exact_mut(self.width).zip(order).try_for_each(|(slot, (_, place))| self.copy(place as usize, slot))
    }
}

impl Contributions {
    /// Reads the engine's file form; files may be appended to each other.
    ///
    /// # Errors
    /// [`Mismatch::Bytes`] if the bytes don't divide into entries, [`Mismatch::Duplicate`] if one is there twice.
    pub fn read(bytes: &[u8], measures: usize) -> Result<Contributions, Mismatch> {
        let width = measures.checked_add(HEAD).ok_or(Mismatch::Range)?;
        let written = Written { bytes, width };
        if !bytes.len().is_multiple_of(width.checked_mul(8).ok_or(Mismatch::Range)?) {
            return Err(Mismatch::Bytes);
        }
        u32::try_from(written.len()).map_err(|_| Mismatch::Range)?;
        let mut words = vec![0; written.len() * width];
        let runs = written.runs();
        if runs.len() <= RUNS_MAX {
            written.merge(&runs, &mut words, ALONE)?;
        } else {
            written.sort(&mut words)?;
        }
        Ok(Contributions { measures, words })
    }

    /// Of entries in any order: subject, cell, records, values.
    ///
    /// # Errors
    /// [`Mismatch::Arity`] if an entry has another number of values, [`Mismatch::Duplicate`] as in reading.
    pub fn new<'a>(
        measures: usize,
        entries: impl IntoIterator<Item = Contribution<'a>>,
    ) -> Result<Contributions, Mismatch> {
        let mut bytes = Vec::new();
        for entry in entries {
            if entry.values.len() != measures {
                return Err(Mismatch::Arity);
            }
            entry.write(&mut bytes);
        }
        Contributions::read(&bytes, measures)
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
            entry.write(&mut bytes);
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

    #[test]
    fn halves_are_merged_as_the_whole_is() {
        let entry = |subject: u32, cell: u32| Contribution { subject, cell, records: 1, values: &[] };
        // One subject in both halves of the first stretch, and stretches that lie on one side of it.
        let stretches: [&[(u32, u32)]; 4] = [
            &[(1, 0), (5, 1), (5, 3), (5, 7), (9, 2)],
            &[(5, 0), (5, 2), (5, 9)],
            &[(0, 3), (2, 1)],
            &[(7, 1), (8, 0)],
        ];
        let mut bytes = Vec::new();
        stretches.iter().copied().flatten().for_each(|(subject, cell)| entry(*subject, *cell).write(&mut bytes));
        let merged = |bytes: &[u8], alone: usize| {
            let written = Written { bytes, width: HEAD };
            let mut words = vec![0; written.len() * HEAD];
            written.merge(&written.runs(), &mut words, alone).map(|()| words)
        };
        let (halves, whole) = (merged(&bytes, 0), merged(&bytes, ALONE));
        assert!(halves.is_ok() && halves == whole);
        let mut sorted: Vec<(u32, u32)> = stretches.concat();
        sorted.sort_unstable();
        let keys = sorted.iter().map(|(subject, cell)| (i64::from(*subject) << 32) | i64::from(*cell));
        assert!(whole.is_ok_and(|words| words.iter().copied().step_by(HEAD).eq(keys)));
        for twice in [(5, 2), (0, 3), (8, 0)] {
            let mut bytes = bytes.clone();
            entry(twice.0, twice.1).write(&mut bytes);
            assert_eq!([0, ALONE].map(|alone| merged(&bytes, alone).err()), [Some(Mismatch::Duplicate); 2]);
        }
    }

    #[test]
    fn more_records_than_are_counted_are_refused() {
        let mut bytes = Vec::new();
        Contribution { subject: 1, cell: 0, records: u64::MAX, values: &[] }.write(&mut bytes);
        assert_eq!(Contributions::read(&bytes, 0).err(), Some(Mismatch::Range));
    }
}
