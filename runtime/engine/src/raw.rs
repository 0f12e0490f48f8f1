//! Raw output: what a run counted or wrote, before anybody has looked at it.
//!
//! It has no `Serialize`, `Debug` or `Display`. It crosses from the worker to the server as one frame in the private
//! form below, whose bytes are canonical: the same counts give the same bytes, and the commitment covers them.

use std::io::Read;
use std::path::{Path, PathBuf};

use sluice_disclosure::Candidate;
use sluice_disclosure::candidate::{Body, Contributions, Groups, Mismatch, Raw, Relation, ReportFault, RunFacts};
use sluice_disclosure::publish::cell_key::Secret;
use sluice_domain::contract::{Contract, Tabulation};
use sluice_domain::digest::Commitment;
use sluice_domain::limits::Limits;

use crate::fold::{CellCount, Counts, Facts, MeasureCount, Shape, TOP};

/// What a run counted or wrote.
pub struct RawOutput {
    bytes: Vec<u8>,
}

/// What the name of a file of contributions begins with.
pub(crate) const KEPT: &str = "contributions-";

const COUNTED: u8 = 1;
const WRITTEN: u8 = 2;

impl RawOutput {
    /// Raw output of counts.
    #[must_use]
    pub fn counted(counts: &Counts) -> RawOutput {
        RawOutput { bytes: encode(counts) }
    }

    /// Raw output of a report: its rows, or the fault that ended it.
    #[must_use]
    pub fn written(rows: &[Vec<i64>], fault: Option<ReportFault>) -> RawOutput {
        let mut bytes = vec![WRITTEN, fault.map_or(0, fault_code)];
        bytes.extend((rows.len() as u32).to_le_bytes());
        bytes.extend((rows.first().map_or(0, Vec::len) as u32).to_le_bytes());
        for value in rows.iter().flatten() {
            bytes.extend(value.to_le_bytes());
        }
        RawOutput { bytes }
    }

    /// The frame in which it crosses to the server.
    #[must_use]
    pub(crate) fn into_frame(self) -> Vec<u8> {
        self.bytes
    }

    /// Takes the frame on the server's side. Nothing is trusted until [`RawOutput::candidate`].
    #[must_use]
    pub(crate) fn from_frame(bytes: Vec<u8>) -> RawOutput {
        RawOutput { bytes }
    }

    /// Commits to the canonical bytes.
    #[must_use]
    pub fn commitment(&self, key: &[u8; 32]) -> Commitment {
        Commitment::new(key, &self.bytes)
    }

    /// Whether two runs gave the same bytes.
    #[must_use]
    pub fn same_as(&self, other: &RawOutput) -> bool {
        self.bytes == other.bytes
    }

    /// Decodes it against the contract. Counts come with the contributions that they were made of, of which every figure's
    /// evidence is made; a report has none.
    ///
    /// # Errors
    /// Bytes that aren't well formed, counts that the contract doesn't allow, or contributions that don't add up to them.
    pub fn candidate(&self, contract: &Contract, kept: Kept, limits: &Limits) -> Result<Candidate, Mismatch> {
        match (contract, self.bytes.first()) {
            (Contract::Tabulate(tabulation), Some(&COUNTED)) => {
                let shape = Shape::new(tabulation, [0; 32]);
                let counts = decode(&self.bytes, &shape).ok_or(Mismatch::Bytes)?;
                let facts = facts(&counts);
                let Kept { contributions, groups, relations, cell_key } = kept;
                let raw = Raw::Cells { contributions, groups, relations, facts };
                let secret = cell_key.map(Secret::new);
                let candidate = Candidate::keyed(contract.clone(), raw, limits, secret.as_ref())?;
                check_same(&counts, &shape, &candidate)?;
                Ok(candidate)
            }
            (Contract::Report(_), Some(&WRITTEN)) => {
                let raw = decode_rows(&self.bytes).ok_or(Mismatch::Bytes)?;
                Candidate::new(contract.clone(), raw, limits)
            }
            _ => Err(Mismatch::Lane),
        }
    }
}

/// What a run keeps beside its counts.
pub struct Kept {
    /// What each subject brought to each cell.
    pub contributions: Contributions,
    /// Which subjects are one unit.
    pub groups: Groups,
    /// The relations between the contract's measures that are known: none, unless whoever opens it says so.
    pub relations: Vec<Relation>,
    /// The secret of cell keys, where counts are to be perturbed by them.
    pub cell_key: Option<[u8; 32]>,
}

impl Kept {
    /// What a run kept in its folder, with the groups of the snapshots that it read.
    ///
    /// # Errors
    /// Files that can't be read or aren't of the contract; for the custodian's log.
    pub fn read(contract: &Contract, folder: &Path, snapshots: &[PathBuf]) -> Result<Kept, KeptFault> {
        let Contract::Tabulate(tabulation) = contract else {
            let contributions = Contributions::read(&[], 0)?;
            return Ok(Kept { contributions, groups: Groups::none(), relations: Vec::new(), cell_key: None });
        };
        let contributions = Kept::contributions(tabulation, folder)?;
        let groups = match crate::snapshot::merged_groups(snapshots)? {
            Some(pairs) => Groups::new(pairs)?,
            None => Groups::none(),
        };
        Ok(Kept { contributions, groups, relations: Vec::new(), cell_key: None })
    }

    /// What each subject brought to each cell, as a run kept it in its folder.
    ///
    /// # Errors
    /// As [`Kept::read`].
    pub fn contributions(contract: &Tabulation, folder: &Path) -> Result<Contributions, KeptFault> {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
        files.retain(|file| file.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(KEPT)));
        files.sort();
        let lengths = files.iter().map(|file| std::fs::metadata(file).map(|metadata| metadata.len() as usize));
        let mut bytes = Vec::with_capacity(lengths.sum::<Result<usize, _>>()?);
        for file in files {
            std::fs::File::open(&file)?.read_to_end(&mut bytes)?;
        }
        Ok(Contributions::read(&bytes, contract.measures.len())?)
    }
}

/// What a run kept can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeptFault {
    /// A file can't be read.
    #[error("failed to read what a run kept: {0}")]
    File(#[from] std::io::Error),
    /// It isn't of the contract.
    #[error("what a run kept isn't of its contract: {0}")]
    Mismatch(#[from] Mismatch),
}

fn facts(counts: &Counts) -> RunFacts {
    RunFacts {
        subjects: counts.facts.subjects,
        truncated_subjects: counts.facts.truncated_subjects,
        defaulted_subjects: counts.facts.defaulted_subjects,
        undeclared_codes: counts.facts.undeclared_codes,
        clamped: counts.facts.clamped,
        unattributed_rows: 0,
    }
}

/// The counts and the contributions came by two ways: they must say the same.
fn check_same(counts: &Counts, shape: &Shape, candidate: &Candidate) -> Result<(), Mismatch> {
    let Body::Counted(counted) = candidate.body() else { return Err(Mismatch::Lane) };
    let full = counts.cells.iter().enumerate().filter(|(_, cell)| cell.subjects > 0);
    let mut made = counted.cells();
    for (index, cell) in full {
        let same = made.next().is_some_and(|(codes, other)| {
            codes == shape.codes_of(index as u32)
                && (other.subjects, other.records) == (cell.subjects, cell.records)
                && other.sums.iter().eq(cell.measures.iter().map(|measure| &measure.sum))
        });
        if !same {
            return Err(Mismatch::Contributors);
        }
    }
    if made.next().is_some() { Err(Mismatch::Contributors) } else { Ok(()) }
}

/// Bytes of the facts of a run, and the mark before them.
const HEAD_BYTES: u64 = 1 + 5 * 8;

/// Bytes that [`encode`] needs for so many cells, at most.
pub(crate) fn encoded_bytes(cells: u64, measures: u64) -> u64 {
    let measure = 2 * 16 + 3 * 8 + 1 + TOP as u64 * 8;
    let cell = (4 + 2 * 8_u64).saturating_add(measures.saturating_mul(measure));
    cells.saturating_mul(cell).saturating_add(HEAD_BYTES)
}

/// The canonical bytes of counts; also the form in which one partition's counts cross between processes.
pub(crate) fn encode(counts: &Counts) -> Vec<u8> {
    let full = counts.cells.iter().filter(|cell| cell.subjects > 0).count() as u64;
    let measures = counts.cells.first().map_or(0, |cell| cell.measures.len() as u64);
    // At once as long as it will be: growing takes twice the room.
    let mut bytes = Vec::with_capacity(usize::try_from(encoded_bytes(full, measures)).unwrap_or(0));
    bytes.push(COUNTED);
    let facts = &counts.facts;
    for fact in
        [facts.subjects, facts.truncated_subjects, facts.defaulted_subjects, facts.undeclared_codes, facts.clamped]
    {
        bytes.extend(fact.to_le_bytes());
    }
    for (index, cell) in counts.cells.iter().enumerate().filter(|(_, cell)| cell.subjects > 0) {
        bytes.extend((index as u32).to_le_bytes());
        bytes.extend(cell.subjects.to_le_bytes());
        bytes.extend(cell.records.to_le_bytes());
        for measure in &cell.measures {
            bytes.extend(measure.sum.to_le_bytes());
            bytes.extend(measure.sum_abs.to_le_bytes());
            bytes.extend(measure.nonzero.to_le_bytes());
            bytes.extend(measure.min.to_le_bytes());
            bytes.extend(measure.max.to_le_bytes());
            bytes.push(measure.top.len() as u8);
            for value in &measure.top {
                bytes.extend(value.to_le_bytes());
            }
        }
    }
    bytes
}

/// Reads what [`encode`] wrote; none if it isn't that.
pub(crate) fn decode(bytes: &[u8], shape: &Shape) -> Option<Counts> {
    let mut rest = Reader(bytes);
    if rest.take::<1>()? != [COUNTED] {
        return None;
    }
    let mut counts = Counts::new(shape);
    counts.facts = Facts {
        subjects: rest.u64()?,
        truncated_subjects: rest.u64()?,
        defaulted_subjects: rest.u64()?,
        undeclared_codes: rest.u64()?,
        clamped: rest.u64()?,
    };
    let mut last = None;
    while !rest.0.is_empty() {
        let index = u32::from_le_bytes(rest.take()?);
        if last.is_some_and(|last| last >= index) {
            return None;
        }
        last = Some(index);
        let slot = counts.cells.get_mut(index as usize)?;
        let (subjects, records) = (rest.u64()?, rest.u64()?);
        let measures: Option<Vec<_>> = shape.bounds.iter().map(|_| rest.measure()).collect();
        *slot = CellCount { subjects, records, measures: measures? };
    }
    Some(counts)
}

fn decode_rows(bytes: &[u8]) -> Option<Raw> {
    let mut rest = Reader(bytes);
    let [_, fault] = rest.take::<2>()?;
    let fault = match fault {
        0 => None,
        code => Some(*FAULTS.get(usize::from(code) - 1)?),
    };
    let rows = u32::from_le_bytes(rest.take()?) as usize;
    let width = u32::from_le_bytes(rest.take()?) as usize;
    if rest.0.len() != rows.checked_mul(width)?.checked_mul(8)? {
        return None;
    }
    let mut table = Vec::with_capacity(rows);
    for _ in 0..rows {
        let row: Option<Vec<i64>> = (0..width).map(|_| Some(i64::from_le_bytes(rest.take()?))).collect();
        table.push(row?);
    }
    Some(Raw::Rows { rows: table, fault, facts: RunFacts::default() })
}

const FAULTS: [ReportFault; 6] = [
    ReportFault::Trapped,
    ReportFault::OutOfFuel,
    ReportFault::OutOfMemory,
    ReportFault::BrokenContract,
    ReportFault::QueryFailed,
    ReportFault::TimedOut,
];

fn fault_code(fault: ReportFault) -> u8 {
    FAULTS.iter().position(|known| *known == fault).map_or(0, |place| place as u8 + 1)
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(*head)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.take().map(i64::from_le_bytes)
    }

    fn measure(&mut self) -> Option<MeasureCount> {
        let sum = i128::from_le_bytes(self.take()?);
        let sum_abs = i128::from_le_bytes(self.take()?);
        let (nonzero, min, max) = (self.u64()?, self.i64()?, self.i64()?);
        let [length] = self.take::<1>()?;
        let top: Option<Vec<i64>> = (0..length).map(|_| self.i64()).collect();
        Some(MeasureCount { sum, sum_abs, nonzero, top: top?, min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::Fold;

    #[test]
    fn bytes_come_back_and_garbage_does_not() {
        let shape = Shape {
            codes: vec![4],
            bounds: vec![(-5, 5), (0, 9)],
            cells_per_subject: 4,
            rows_per_subject: 9,
            bound_key: [0; 32],
        };
        let mut fold = Fold::new(shape.clone(), None);
        for subject in 0..9 {
            fold.contribute(Some(subject % 3), [i64::from(subject) - 4, i64::from(subject)]);
            fold.end_subject(subject).expect("nothing is written");
        }
        let counts = fold.finish().expect("nothing is written");
        let bytes = encode(&counts);
        let back = decode(&bytes, &shape).expect("it was just encoded");
        assert!(back.cells == counts.cells);
        for cut in 0..bytes.len() {
            let short = decode(&bytes[..cut], &shape);
            assert!(short.is_none_or(|short| encode(&short) == bytes[..cut]), "cut at {cut}");
        }
        let mut twice = bytes.clone();
        twice.extend(&bytes[41..]);
        assert!(decode(&twice, &shape).is_none(), "cells come once, in order");
    }
}
