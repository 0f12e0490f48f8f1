//! Sealing a snapshot: a data file becomes sorted Parquet parts in the dictionary's types.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, UInt32Array};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, SchemaRef, UInt32Type};
use datafusion::common::{DataFusionError, Result as PlanResult, exec_datafusion_err};
use datafusion::execution::TaskContext;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_expr::expressions::Column as PhysicalColumn;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use datafusion::prelude::SessionConfig;
use futures::StreamExt;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use sha2::{Digest, Sha256};
use sluice_domain::dataset::Dataset;
use sluice_domain::limits::Limits;
use sluice_domain::refusal::{Code, Refusal};

use crate::ask::{Ingest, Ingested};
use crate::provider::schema_of;
use crate::reading::{Opened, check_unpacked, open, unreadable};
use crate::snapshot::{Manifest, Part, SUBJECT};

/// Parts that a snapshot is cut into, where it has rows enough: partitions are made of whole parts.
const PARTS: u64 = 64;
/// Rows of a part, at least and at most.
const PART_ROWS: (u64, u64) = (4_096, 524_288);

/// Seals a snapshot.
///
/// # Errors
/// A file that can't be read or doesn't have the dictionary's columns. The text is for custodians.
pub async fn ingest(ask: &Ingest, limits: &Limits) -> Result<Ingested, Refusal> {
    let ask = ask.clone();
    let limits = limits.clone();
    // A reader that panics on a corrupt file is a file that can't be read.
    let sealed = tokio::spawn(async move { seal(&ask, &limits).await }).await;
    sealed.unwrap_or_else(|_| Err(Refusal::with(Code::Ingest, "the file can't be read: it is corrupt")))
}

async fn seal(ask: &Ingest, limits: &Limits) -> Result<Ingested, Refusal> {
    let dataset = &ask.dataset;
    let opened = open(&ask.file, ask.format, ask.format == crate::ask::Format::Csv)?;
    let length = std::fs::metadata(&ask.file).map_err(unreadable)?.len();
    let schema = stored_schema(dataset);
    let ordinals = match &dataset.subject {
        Some(subject) => Some(Ordinals::read(&ask.domains, &subject.domain)?),
        None => None,
    };
    let tally = Arc::new(Mutex::new(Tally { ordinals, length, ..Tally::default() }));
    let conform = Conform::new(dataset, &opened, Arc::clone(&schema), Arc::clone(&tally))?;
    std::fs::create_dir_all(&ask.folder).map_err(unreadable)?;
    let sorted = sort(conform, opened, &schema, &ask.folder, limits)?;
    let manifest = write_parts(sorted, &ask.folder, &tally).await?;
    manifest.write(&ask.folder).map_err(unreadable)?;
    sync(&ask.folder.join("manifest.json")).and_then(|()| sync(&ask.folder)).map_err(unreadable)?;
    let mut tally = tally.lock().map_err(|_| unreadable("a reader failed"))?;
    if let (Some(ordinals), Some(subject)) = (&tally.ordinals, &dataset.subject) {
        ordinals.write(&ask.domains, &subject.domain)?;
    }
    let content = digest(&manifest, &ask.folder).map_err(unreadable)?;
    Ok(Ingested {
        rows: tally.rows,
        subjects: tally.subjects.len() as u64,
        rows_without_subject: tally.rows_without_subject,
        misfits: std::mem::take(&mut tally.misfits),
        nulls: std::mem::take(&mut tally.nulls),
        content,
    })
}

fn stored_schema(dataset: &Dataset) -> SchemaRef {
    let mut fields = schema_of(&dataset.dictionary.columns).fields().to_vec();
    if dataset.subject.is_some() {
        fields.push(Arc::new(Field::new(SUBJECT, DataType::UInt32, true)));
    }
    Arc::new(Schema::new(fields))
}

/// What is counted while a file is read.
#[derive(Default)]
struct Tally {
    rows: u64,
    rows_without_subject: u64,
    subjects: BTreeSet<u32>,
    misfits: BTreeMap<String, u64>,
    nulls: BTreeMap<String, u64>,
    ordinals: Option<Ordinals>,
    length: u64,
    unpacked: u64,
}

/// Makes the file's batches conform to the dictionary.
struct Conform {
    dataset: Dataset,
    schema: SchemaRef,
    /// Where each of the dictionary's columns is in the file.
    places: Vec<usize>,
    tally: Arc<Mutex<Tally>>,
}

impl Conform {
    fn new(
        dataset: &Dataset,
        opened: &Opened,
        schema: SchemaRef,
        tally: Arc<Mutex<Tally>>,
    ) -> Result<Conform, Refusal> {
        let place = |name: &str| {
            opened
                .schema
                .index_of(name)
                .map_err(|_| Refusal::with(Code::Ingest, format!("the file has no column `{name}`")))
        };
        let places: Result<Vec<usize>, Refusal> =
            dataset.dictionary.columns.iter().map(|column| place(&column.name)).collect();
        Ok(Conform { dataset: dataset.clone(), schema, places: places?, tally })
    }

    fn batch(&self, batch: &RecordBatch) -> PlanResult<RecordBatch> {
        let mut tally = self.tally.lock().map_err(|_| exec_datafusion_err!("a reader failed"))?;
        tally.rows += batch.num_rows() as u64;
        tally.unpacked += batch.get_array_memory_size() as u64;
        let (unpacked, length) = (tally.unpacked, tally.length);
        check_unpacked(unpacked, length).map_err(|refusal| DataFusionError::External(Box::new(refusal)))?;
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.places.len() + 1);
        for ((column, field), place) in
            self.dataset.dictionary.columns.iter().zip(self.schema.fields()).zip(&self.places)
        {
            let array = blank_as_null(batch.column(*place))?;
            let cast = cast_with_options(&array, field.data_type(), &CastOptions { safe: true, ..Default::default() })?;
            let cast = plain_floats(cast);
            let lost = cast.null_count().saturating_sub(array.null_count()) as u64;
            let misfits = lost + outside(&cast, column);
            *tally.nulls.entry(column.name.clone()).or_default() += array.null_count() as u64;
            *tally.misfits.entry(column.name.clone()).or_default() += misfits;
            columns.push(cast);
        }
        if let Some(subject) = &self.dataset.subject {
            let place = self.schema.index_of(&subject.column)?;
            let keys = cast_with_options(&columns[place], &DataType::Utf8, &CastOptions::default())?;
            columns.push(Arc::new(tally.ordinals_of(keys.as_string())?));
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

impl Tally {
    fn ordinals_of(&mut self, keys: &StringArray) -> PlanResult<UInt32Array> {
        let Some(ordinals) = &mut self.ordinals else { return Ok(UInt32Array::new_null(keys.len())) };
        let mut column = Vec::with_capacity(keys.len());
        for key in keys {
            let ordinal = match key.filter(|key| !key.is_empty()) {
                Some(key) => Some(ordinals.of(key).ok_or_else(|| exec_datafusion_err!("too many subjects"))?),
                None => None,
            };
            match ordinal {
                Some(ordinal) => {
                    self.subjects.insert(ordinal);
                }
                None => self.rows_without_subject += 1,
            }
            column.push(ordinal);
        }
        Ok(column.into())
    }
}

/// Text that is empty or says `NA` is missing, however the file encodes it.
fn blank_as_null(array: &ArrayRef) -> PlanResult<ArrayRef> {
    let values = match array.data_type() {
        DataType::Dictionary(_, values) => values.as_ref(),
        kind => kind,
    };
    if !values.is_string() {
        return Ok(ArrayRef::clone(array));
    }
    let texts = cast_with_options(array, &DataType::Utf8, &CastOptions::default())?;
    let texts = texts.as_string::<i32>().iter();
    let kept: StringArray = texts.map(|text| text.filter(|text| !text.is_empty() && *text != "NA")).collect();
    Ok(Arc::new(kept))
}

/// Floats in one form: not-a-number is missing, zero has no sign.
fn plain_floats(array: ArrayRef) -> ArrayRef {
    if array.data_type() != &DataType::Float64 {
        return array;
    }
    let values = array.as_primitive::<Float64Type>().iter();
    let plain: Float64Array =
        values.map(|value| value.filter(|value| !value.is_nan()).map(|value| value + 0.0)).collect();
    Arc::new(plain)
}

/// Values that aren't among the column's codes, or are outside its bounds.
fn outside(array: &ArrayRef, column: &sluice_domain::dictionary::Column) -> u64 {
    let mut count = 0;
    if !column.codes.is_empty()
        && let Ok(texts) = cast_with_options(array, &DataType::Utf8, &CastOptions::default())
    {
        let codes: BTreeSet<&str> = column.codes.iter().map(String::as_str).collect();
        count += texts.as_string::<i32>().iter().flatten().filter(|text| !codes.contains(text)).count() as u64;
    }
    if let Some(bounds) = column.bounds
        && let Ok(values) = cast_with_options(array, &DataType::Int64, &CastOptions::default())
    {
        let values = values.as_primitive::<Int64Type>().iter().flatten();
        count += values.filter(|value| *value < bounds.lower || *value > bounds.upper).count() as u64;
    }
    count
}

/// The ordinals of a subject domain: one for each key that any dataset of the domain has ever had. Inside only.
struct Ordinals(HashMap<String, u32>);

impl Ordinals {
    fn path(domains: &Path, domain: &str) -> PathBuf {
        domains.join(format!("{domain}.keys"))
    }

    fn read(domains: &Path, domain: &str) -> Result<Ordinals, Refusal> {
        let path = Ordinals::path(domains, domain);
        if !path.exists() {
            return Ok(Ordinals(HashMap::new()));
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let keys: Result<Vec<String>, _> = serde_json::from_str(&text);
        let keys = keys.map_err(unreadable)?;
        Ok(Ordinals(keys.into_iter().enumerate().map(|(ordinal, key)| (key, ordinal as u32)).collect()))
    }

    fn of(&mut self, key: &str) -> Option<u32> {
        if let Some(ordinal) = self.0.get(key) {
            return Some(*ordinal);
        }
        let ordinal = u32::try_from(self.0.len()).ok().filter(|ordinal| *ordinal < u32::MAX)?;
        self.0.insert(key.to_owned(), ordinal);
        Some(ordinal)
    }

    fn write(&self, domains: &Path, domain: &str) -> Result<(), Refusal> {
        let mut keys: Vec<(&String, &u32)> = self.0.iter().collect();
        keys.sort_unstable_by_key(|(_, ordinal)| **ordinal);
        let keys: Vec<&String> = keys.into_iter().map(|(key, _)| key).collect();
        let text = serde_json::to_vec(&keys).map_err(unreadable)?;
        let path = Ordinals::path(domains, domain);
        let fresh = path.with_extension("fresh");
        std::fs::create_dir_all(domains).map_err(unreadable)?;
        std::fs::write(&fresh, text).map_err(unreadable)?;
        sync(&fresh).map_err(unreadable)?;
        std::fs::rename(fresh, path).map_err(unreadable)?;
        sync(domains).map_err(unreadable)
    }
}

/// The file's batches as a stream that is read once.
struct FileStream {
    schema: SchemaRef,
    source: Mutex<Option<(Conform, Opened)>>,
}

impl std::fmt::Debug for FileStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileStream")
    }
}

impl PartitionStream for FileStream {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let taken = self.source.lock().ok().and_then(|mut source| source.take());
        let batches = taken.into_iter().flat_map(|(conform, opened)| {
            opened.batches.map(move |batch| conform.batch(&batch.map_err(DataFusionError::from)?))
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), futures::stream::iter(batches)))
    }
}

fn sort(
    conform: Conform,
    opened: Opened,
    schema: &SchemaRef,
    folder: &Path,
    limits: &Limits,
) -> Result<SendableRecordBatchStream, Refusal> {
    let build = || -> PlanResult<SendableRecordBatchStream> {
        let stream = FileStream { schema: Arc::clone(schema), source: Mutex::new(Some((conform, opened))) };
        let input: Arc<dyn ExecutionPlan> =
            Arc::new(StreamingTableExec::try_new(Arc::clone(schema), vec![Arc::new(stream)], None, [], false, None)?);
        // By subject alone: keys of one word keep the merge of spilled runs small. What counts doesn't depend on the
        // order of a subject's rows, and where a module sees them they are sorted again.
        let options = datafusion::arrow::compute::SortOptions { descending: false, nulls_first: false };
        let by = match PhysicalColumn::new_with_schema(SUBJECT, schema) {
            Ok(subject) => LexOrdering::new([PhysicalSortExpr::new(Arc::new(subject), options)]),
            Err(_) => None,
        };
        let memory = usize::try_from(limits.query_memory_bytes).unwrap_or(usize::MAX);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(GreedyMemoryPool::new(memory)))
            .with_disk_manager_builder(
                DiskManagerBuilder::default()
                    .with_mode(DiskManagerMode::Directories(vec![folder.to_path_buf()]))
                    .with_max_temp_directory_size(limits.spill_bytes_max),
            )
            .build_arc()?;
        let mut config = SessionConfig::new().with_batch_size(8_192);
        // Kept free for the merge of spilled runs.
        config.options_mut().execution.sort_spill_reservation_bytes = memory / 4;
        let context = Arc::new(TaskContext::default().with_session_config(config).with_runtime(runtime));
        match by {
            Some(by) => SortExec::new(by, input).execute(0, context),
            None => input.execute(0, context),
        }
    };
    build().map_err(unreadable)
}

async fn write_parts(
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
            parts.write(&batch.slice(from, run), here, share).map_err(unreadable)?;
            from += run;
        }
    }
    parts.close().map_err(unreadable)?;
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
fn sync(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}

fn digest(manifest: &Manifest, folder: &Path) -> std::io::Result<String> {
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
