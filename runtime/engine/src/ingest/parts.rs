//! A snapshot's files: Parquet parts of whole subjects, in the order of their ordinals.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::UInt32Type;
use datafusion::common::{DataFusionError, Result as PlanResult};
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::StreamExt;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use sha2::{Digest, Sha256};
use sluice_domain::refusal::Refusal;

use super::Tally;
use crate::reading::{unkept, unreadable};
use crate::snapshot::{Manifest, Part, SUBJECT};

/// Parts that a snapshot is cut into, where it has rows enough: partitions are made of whole parts.
const PARTS: u64 = 64;
/// Rows of a part, at least and at most.
const PART_ROWS: (u64, u64) = (4_096, 524_288);

/// Writes sorted batches as parts.
///
/// # Errors
/// What reading the file came upon; a folder that can't be written.
pub(super) async fn write_parts(
    mut sorted: SendableRecordBatchStream,
    folder: &Path,
    tally: &Mutex<Tally>,
) -> Result<Manifest, Refusal> {
    let mut parts = Parts { folder: folder.to_path_buf(), open: None, manifest: Manifest { parts: Vec::new() } };
    let subject = sorted.schema().index_of(SUBJECT).ok();
    while let Some(batch) = sorted.next().await {
        let batch = batch.map_err(|error| match error.find_root() {
            DataFusionError::External(inner) => match inner.downcast_ref::<Refusal>() {
                Some(refusal) => refusal.clone(),
                None => unreadable(&error),
            },
            _ => unreadable(&error),
        })?;
        // A sort has seen all rows before it gives the first; without one this is the rows so far.
        let rows = tally.lock().map_err(|_| unreadable("a reader failed"))?.rows;
        let share = rows.div_ceil(PARTS).clamp(PART_ROWS.0, PART_ROWS.1);
        let owned: Vec<Option<u32>> = match subject {
            Some(place) => batch.column(place).as_primitive::<UInt32Type>().iter().collect(),
            None => vec![None; batch.num_rows()],
        };
        let mut from = 0;
        while from < owned.len() {
            let here = owned.get(from).copied().flatten();
            let run = owned.iter().skip(from).take_while(|other| **other == here).count();
            // Public tables and rows without a subject may be cut anywhere.
            let run = if here.is_none() { run.min(usize::try_from(share).unwrap_or(run)) } else { run };
            parts.write(&batch.slice(from, run), here, share).map_err(unkept)?;
            from += run;
        }
    }
    parts.close().map_err(unkept)?;
    Ok(parts.manifest)
}

/// The parts as they are written.
struct Parts {
    folder: PathBuf,
    open: Option<(ArrowWriter<File>, Part, Option<u32>)>,
    manifest: Manifest,
}

impl Parts {
    fn write(&mut self, rows: &RecordBatch, subject: Option<u32>, share: u64) -> PlanResult<()> {
        let next_part = self.open.as_ref().is_some_and(|(_, part, last)| {
            let breaks_subject = subject.is_some() && *last == subject;
            let other_kind = last.is_some() != subject.is_some();
            other_kind || (part.rows >= share && !breaks_subject)
        });
        if next_part {
            self.close()?;
        }
        if self.open.is_none() {
            let file = format!("part-{:05}.parquet", self.manifest.parts.len());
            let properties = WriterProperties::builder()
                .set_compression(Compression::SNAPPY)
                .set_statistics_enabled(EnabledStatistics::None)
                .set_created_by("sluice".to_owned())
                .build();
            let target = File::create(self.folder.join(&file))?;
            let writer = ArrowWriter::try_new(target, rows.schema(), Some(properties))?;
            self.open = Some((writer, Part { file, bytes: 0, rows: 0, first: subject }, subject));
        }
        if let Some((writer, part, last)) = &mut self.open {
            writer.write(rows)?;
            part.rows += rows.num_rows() as u64;
            *last = subject;
        }
        Ok(())
    }

    fn close(&mut self) -> PlanResult<()> {
        if let Some((writer, mut part, _)) = self.open.take() {
            writer.close()?;
            sync(&self.folder.join(&part.file))?;
            part.bytes = std::fs::metadata(self.folder.join(&part.file))?.len();
            self.manifest.parts.push(part);
        }
        Ok(())
    }
}

/// Makes a file, or a folder's list of files, outlast a power cut: the event that names it will.
pub(super) fn sync(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}

/// SHA-256 over all parts and their lengths, in hexadecimal.
pub(super) fn digest(manifest: &Manifest, folder: &Path) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    for part in &manifest.parts {
        hash.update(part.bytes.to_le_bytes());
        let mut file = File::open(folder.join(&part.file))?;
        let mut chunk = vec![0; 1 << 20];
        loop {
            let read = std::io::Read::read(&mut file, &mut chunk)?;
            if read == 0 {
                break;
            }
            hash.update(chunk.get(..read).unwrap_or_default());
        }
    }
    Ok(hex::encode(hash.finalize()))
}
