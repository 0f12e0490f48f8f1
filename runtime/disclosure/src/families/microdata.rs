//! Microdata: what the host counted, an entry for each subject and atom. It stays inside, and has no `Debug`.

use std::collections::BTreeMap;

use super::layout::Layout;

/// One subject's part of an atom.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The subject's ordinal.
    pub subject: u32,
    /// The group's number.
    pub group: u64,
    /// The atom.
    pub atom: u32,
    /// Records.
    pub records: i128,
    /// The sum of each measure, in steps, each record's value clamped; then whatever is derived from them.
    pub values: Vec<i128>,
}

impl Entry {
    /// The value at this place; 0 where there is none.
    #[must_use]
    pub fn value(&self, place: usize) -> i128 {
        self.values.get(place).copied().unwrap_or(0)
    }
}

/// Entries over atoms.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Microdata {
    /// The codes of each atom.
    pub atoms: Vec<Vec<u32>>,
    /// The entries, sorted by atom and subject.
    pub entries: Vec<Entry>,
}

/// Bytes that aren't what an engine counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the counts aren't of this layout")]
pub struct Garbled;

/// One line of what the engine counts: a subject, its group, codes, records, sums.
pub type Line = (u32, u64, Vec<u32>, u64, Vec<i64>);

impl Microdata {
    /// From lines in any order; lines of one subject and one atom are added up.
    ///
    /// # Errors
    /// A line of another layout, or a group that isn't the subject's own everywhere.
    pub fn new(layout: &Layout, lines: impl IntoIterator<Item = Line>) -> Result<Microdata, Garbled> {
        let mut atoms: BTreeMap<Vec<u32>, BTreeMap<u32, Entry>> = BTreeMap::new();
        for (subject, group, codes, records, values) in lines {
            if codes.len() != layout.columns.len() || values.len() != layout.measures.len() {
                return Err(Garbled);
            }
            let of_atom = atoms.entry(codes).or_default();
            let entry = of_atom.entry(subject).or_insert_with(|| Entry {
                subject,
                group,
                atom: 0,
                records: 0,
                values: vec![0; values.len()],
            });
            if entry.group != group {
                return Err(Garbled);
            }
            entry.records += i128::from(records);
            for (slot, value) in entry.values.iter_mut().zip(values) {
                *slot += i128::from(value);
            }
        }
        let mut microdata = Microdata::default();
        for (atom, (codes, of_atom)) in (0_u32..).zip(atoms) {
            microdata.atoms.push(codes);
            microdata.entries.extend(of_atom.into_values().map(|mut entry| {
                let derived: Vec<i128> = layout.derived.iter().map(|derived| derived.of(&entry.values)).collect();
                entry.values.extend(derived);
                Entry { atom, ..entry }
            }));
        }
        Ok(microdata)
    }

    /// Reads the engine's form: little-endian lines of subject, group, codes, records and sums.
    ///
    /// # Errors
    /// Bytes that aren't whole lines of the layout.
    pub fn read(layout: &Layout, bytes: &[u8]) -> Result<Microdata, Garbled> {
        let width = line_bytes(layout.columns.len(), layout.measures.len());
        if !bytes.len().is_multiple_of(width) {
            return Err(Garbled);
        }
        let lines = bytes.chunks_exact(width).map(|line| parse(line, layout.columns.len()).ok_or(Garbled));
        Microdata::new(layout, lines.collect::<Result<Vec<Line>, Garbled>>()?)
    }

    /// Writes what [`Microdata::read`] reads. Counts and sums beyond 64 bits are cut to the largest that fit: no engine
    /// counts any.
    pub fn write(&self, layout: &Layout, to: &mut Vec<u8>) {
        for entry in &self.entries {
            to.extend(entry.subject.to_le_bytes());
            to.extend(entry.group.to_le_bytes());
            let codes = self.atoms.get(entry.atom as usize).into_iter().flatten();
            to.extend(codes.flat_map(|code| code.to_le_bytes()));
            to.extend(u64::try_from(entry.records).unwrap_or(u64::MAX).to_le_bytes());
            let limited = |value: &i128| (*value).clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64;
            to.extend(entry.values.iter().take(layout.measures.len()).flat_map(|value| limited(value).to_le_bytes()));
        }
    }
}

/// Bytes of one line.
fn line_bytes(columns: usize, measures: usize) -> usize {
    4 + 8 + 4 * columns + 8 + 8 * measures
}

fn parse(line: &[u8], columns: usize) -> Option<Line> {
    let (subject, rest) = line.split_first_chunk::<4>()?;
    let (group, rest) = rest.split_first_chunk::<8>()?;
    let (codes, rest) = rest.split_at_checked(4 * columns)?;
    let (records, rest) = rest.split_first_chunk::<8>()?;
    let codes = codes.chunks_exact(4).filter_map(|code| Some(u32::from_le_bytes(*code.first_chunk()?)));
    let values = rest.chunks_exact(8).filter_map(|value| Some(i64::from_le_bytes(*value.first_chunk()?)));
    Some((
        u32::from_le_bytes(*subject),
        u64::from_le_bytes(*group),
        codes.collect(),
        u64::from_le_bytes(*records),
        values.collect(),
    ))
}
