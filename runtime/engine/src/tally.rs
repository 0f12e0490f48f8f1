//! The tally: what the sealing of families needs of a snapshot, an entry for each subject and combination of codes.
//!
//! A snapshot's parts are read in the order of subjects; each record's values are clamped to the dictionary's bounds and
//! added up. What comes out is a file of lines in the form of [`sluice_disclosure::families::microdata`].

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::UInt32Type;
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::{Deserialize, Serialize};

use crate::columns::{Codebook, NO_CODE, fixed_point};
use crate::session::BATCH_ROWS;
use crate::snapshot::{Manifest, SUBJECT, alone, groups};

/// The file that a tally writes.
pub const TALLY: &str = "tally.bin";

/// What is tallied.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tally {
    /// The snapshot's folder.
    pub snapshot: PathBuf,
    /// The columns whose codes make a combination, with their declared codes.
    pub columns: Vec<(String, Vec<String>)>,
    /// The columns that are added up: decimal places, and the bounds of one record in steps.
    pub measures: Vec<(String, u8, (i64, i64))>,
    /// Where the file goes.
    pub folder: PathBuf,
}

/// Tallies a snapshot.
///
/// # Errors
/// A snapshot that can't be read, or a file that can't be written; for the custodian's log.
pub fn tally(ask: &Tally) -> std::result::Result<(), String> {
    run(ask).map_err(|error| error.to_string())
}

struct Reading<'a> {
    ask: &'a Tally,
    books: Vec<Codebook>,
    groups: BTreeMap<u32, u64>,
    present: Option<u32>,
    held: BTreeMap<Vec<u32>, (u64, Vec<i64>)>,
    out: BufWriter<File>,
}

fn run(ask: &Tally) -> Result<()> {
    let manifest = Manifest::read(&ask.snapshot)?;
    let path = ask.folder.join(TALLY);
    let mut reading = Reading {
        books: ask.columns.iter().map(|(_, codes)| Codebook::new(codes)).collect(),
        groups: groups(&ask.snapshot)?.unwrap_or_default().into_iter().collect(),
        present: None,
        held: BTreeMap::new(),
        out: BufWriter::with_capacity(1 << 20, File::create(&path)?),
        ask,
    };
    for part in manifest.parts.iter().filter(|part| part.first.is_some()) {
        reading.part(&ask.snapshot.join(&part.file))?;
    }
    reading.end()?;
    reading.out.flush()?;
    Ok(())
}

impl Reading<'_> {
    fn part(&mut self, path: &Path) -> Result<()> {
        let reader =
            ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?.with_batch_size(BATCH_ROWS).build()?;
        for batch in reader {
            self.batch(&batch?)?;
        }
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let column = |name: &str| {
            batch.column_by_name(name).ok_or_else(|| exec_datafusion_err!("the snapshot has no column `{name}`"))
        };
        let Some(subjects) = column(SUBJECT)?.as_primitive_opt::<UInt32Type>().filter(|owned| owned.null_count() == 0)
        else {
            return exec_err!("a row has no subject");
        };
        let mut codes: Vec<Vec<u32>> = Vec::new();
        for ((name, _), book) in self.ask.columns.iter().zip(&self.books) {
            let mut of = Vec::new();
            book.look_up(column(name)?, &mut of)?;
            codes.push(of);
        }
        let mut values: Vec<Vec<i64>> = Vec::new();
        for (name, scale, (lower, upper)) in &self.ask.measures {
            let column = column(name)?;
            // What is missing counts as 0, and the rest is held within the bounds.
            let clamped = fixed_point(column, *scale)?.into_iter().enumerate().map(|(row, value)| {
                if column.is_null(row) { 0.clamp(*lower, *upper) } else { value.clamp(*lower, *upper) }
            });
            values.push(clamped.collect());
        }
        for (row, subject) in subjects.values().iter().enumerate() {
            if self.present != Some(*subject) {
                self.end()?;
                self.present = Some(*subject);
            }
            let of = codes.iter().map(|codes| codes.get(row).copied().unwrap_or(NO_CODE)).collect();
            let (records, sums) = self.held.entry(of).or_insert_with(|| (0, vec![0; values.len()]));
            *records += 1;
            for (sum, values) in sums.iter_mut().zip(&values) {
                let Some(added) = sum.checked_add(values.get(row).copied().unwrap_or(0)) else {
                    return exec_err!("a subject's sum is beyond what is counted exactly");
                };
                *sum = added;
            }
        }
        Ok(())
    }

    /// Writes the present subject's lines.
    fn end(&mut self) -> Result<()> {
        let Some(subject) = self.present.take() else { return Ok(()) };
        let group = self.groups.get(&subject).copied().unwrap_or_else(|| alone(subject));
        for (codes, (records, sums)) in std::mem::take(&mut self.held) {
            self.out.write_all(&subject.to_le_bytes())?;
            self.out.write_all(&group.to_le_bytes())?;
            for code in codes {
                self.out.write_all(&code.to_le_bytes())?;
            }
            self.out.write_all(&records.to_le_bytes())?;
            for sum in sums {
                self.out.write_all(&sum.to_le_bytes())?;
            }
        }
        Ok(())
    }
}
