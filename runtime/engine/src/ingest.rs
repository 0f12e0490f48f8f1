//! Sealing a snapshot: a data file becomes sorted Parquet parts in the dictionary's types.

mod cells;
mod groups;
mod levels;
mod ordinals;
mod parts;
mod unique;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt32Array, new_null_array};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
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
use sluice_domain::dataset::Dataset;
use sluice_domain::limits::Limits;
use sluice_domain::refusal::{Code, Refusal};

use crate::ask::{Ingest, Ingested};
use crate::provider::schema_of;
use crate::reading::{Opened, check_unpacked, open, unkept, unreadable};
use crate::session::BATCH_ROWS;
use crate::snapshot::SUBJECT;
use cells::{blank_as_null, check_texts, outside, plain_floats, text_bytes_max};
use groups::{Fixed, GroupsOf};
use levels::Levels;
use ordinals::Ordinals;
use parts::{digest, sync, write_parts};
pub(crate) use unique::{Row, Unique};

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
    let unique = Unique::of(dataset).map_err(unreadable)?;
    let (groups, fixed) = (GroupsOf::of(dataset), Fixed::of(dataset));
    let tally = Arc::new(Mutex::new(Tally { ordinals, unique, groups, fixed, length, ..Tally::default() }));
    let conform = Conform::new(dataset, &opened, Arc::clone(&schema), Arc::clone(&tally), limits)?;
    std::fs::create_dir_all(&ask.folder).map_err(unkept)?;
    let sorted = sort(conform, opened, &schema, &ask.folder, limits)?;
    let manifest = write_parts(sorted, &ask.folder, &tally).await?;
    let mut tally = tally.lock().map_err(|_| unreadable("a reader failed"))?;
    if let Some(groups) = &tally.groups {
        groups.write(&ask.folder).map_err(unkept)?;
    }
    manifest.write(&ask.folder).map_err(unkept)?;
    sync(&ask.folder.join("manifest.json")).and_then(|()| sync(&ask.folder)).map_err(unkept)?;
    if let (Some(ordinals), Some(subject)) = (&tally.ordinals, &dataset.subject) {
        ordinals.write(&ask.domains, &subject.domain)?;
    }
    let content = digest(&manifest, &ask.folder).map_err(unkept)?;
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
    unique: Option<Unique>,
    groups: Option<GroupsOf>,
    fixed: Fixed,
    length: u64,
    unpacked: u64,
}

/// Makes the file's batches conform to the dictionary.
struct Conform {
    dataset: Dataset,
    schema: SchemaRef,
    /// Where each of the dictionary's columns is in the file; none of a level, which is computed.
    places: Vec<Option<usize>>,
    levels: Levels,
    text_bytes_max: usize,
    tally: Arc<Mutex<Tally>>,
}

fn refused(refusal: Refusal) -> DataFusionError {
    DataFusionError::External(Box::new(refusal))
}

impl Conform {
    fn new(
        dataset: &Dataset,
        opened: &Opened,
        schema: SchemaRef,
        tally: Arc<Mutex<Tally>>,
        limits: &Limits,
    ) -> Result<Conform, Refusal> {
        let place = |name: &str| {
            opened
                .schema
                .index_of(name)
                .map_err(|_| Refusal::with(Code::Ingest, format!("the file has no column `{name}`")))
        };
        let places: Result<Vec<Option<usize>>, Refusal> = dataset
            .dictionary
            .columns
            .iter()
            .map(|column| column.rolls_up.is_none().then(|| place(&column.name)).transpose())
            .collect();
        let text_bytes_max = text_bytes_max(limits);
        let levels = Levels::of(&dataset.dictionary);
        Ok(Conform { dataset: dataset.clone(), schema, places: places?, levels, text_bytes_max, tally })
    }

    fn tally(&self) -> PlanResult<MutexGuard<'_, Tally>> {
        self.tally.lock().map_err(|_| exec_datafusion_err!("a reader failed"))
    }

    /// Looks at the size of a batch as the file has it, before anything is made of it.
    fn check(&self, batch: &RecordBatch) -> PlanResult<()> {
        let mut tally = self.tally()?;
        tally.unpacked += batch.get_array_memory_size() as u64;
        check_unpacked(tally.unpacked, tally.length).map_err(refused)?;
        for (column, place) in self.dataset.dictionary.columns.iter().zip(&self.places) {
            let Some(place) = place else { continue };
            check_texts(batch.column(*place), &column.name, self.text_bytes_max).map_err(refused)?;
        }
        Ok(())
    }

    /// Makes some of a batch's rows conform.
    fn piece(&self, batch: &RecordBatch) -> PlanResult<RecordBatch> {
        let mut tally = self.tally()?;
        tally.rows += batch.num_rows() as u64;
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.places.len() + 1);
        for ((column, field), place) in
            self.dataset.dictionary.columns.iter().zip(self.schema.fields()).zip(&self.places)
        {
            let Some(place) = place else {
                columns.push(new_null_array(field.data_type(), batch.num_rows()));
                continue;
            };
            let array = blank_as_null(batch.column(*place))?;
            let cast = cast_with_options(&array, field.data_type(), &CastOptions { safe: true, ..Default::default() })?;
            let cast = plain_floats(cast);
            // What was no text in the file may have become a long one.
            check_texts(&cast, &column.name, self.text_bytes_max).map_err(refused)?;
            let lost = cast.null_count().saturating_sub(array.null_count()) as u64;
            let misfits = lost + outside(&cast, column);
            *tally.nulls.entry(column.name.clone()).or_default() += array.null_count() as u64;
            *tally.misfits.entry(column.name.clone()).or_default() += misfits;
            columns.push(cast);
        }
        self.levels.fill(&mut columns)?;
        if let Some(unique) = &mut tally.unique {
            unique.check(&columns).map_err(refused)?;
        }
        if let Some(subject) = &self.dataset.subject {
            let place = self.schema.index_of(&subject.column)?;
            let keys = cast_with_options(&columns[place], &DataType::Utf8, &CastOptions::default())?;
            let owned = tally.ordinals_of(keys.as_string())?;
            if let Some(groups) = &mut tally.groups {
                groups.note(&columns, &owned)?;
            }
            tally.fixed.check(&columns, &owned).map_err(refused)?;
            columns.push(Arc::new(owned));
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

type Pieces = Box<dyn Iterator<Item = PlanResult<RecordBatch>> + Send>;

/// A file's batch in pieces that conform: a file says how many rows its batches have, and a code that stands for a long
/// text in each of them takes no room there.
fn pieces(conform: &Arc<Conform>, batch: PlanResult<RecordBatch>) -> Pieces {
    let checked = batch.and_then(|batch| conform.check(&batch).map(|()| batch));
    match checked {
        Ok(batch) => {
            let (rows, conform) = (batch.num_rows(), Arc::clone(conform));
            let starts = (0..rows).step_by(BATCH_ROWS);
            Box::new(starts.map(move |start| conform.piece(&batch.slice(start, BATCH_ROWS.min(rows - start)))))
        }
        Err(error) => Box::new(std::iter::once(Err(error))),
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
            let conform = Arc::new(conform);
            opened.batches.flat_map(move |batch| pieces(&conform, batch.map_err(DataFusionError::from)))
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
        let mut config = SessionConfig::new().with_batch_size(BATCH_ROWS);
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
