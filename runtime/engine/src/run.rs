//! One run over pinned snapshots.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::common::{DataFusionError, exec_err};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::{collect_partitioned, execute_stream};
use futures::StreamExt;
use sluice_disclosure::candidate::ReportFault;
use sluice_domain::contract::{Contract, Reporting, Tabulation};
use sluice_domain::limits::Limits;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender};

use crate::admit::{Positions, Prepared, prepare, reporting};
use crate::arena::{ArenaWriter, Picked, crossing_columns};
use crate::ask::{Run, Work};
use crate::columns::Codebook;
use crate::fold::Shape;
use crate::guard;
use crate::mapping::{Contributions, Mapping};
use crate::provision::CountTables;
use crate::raw::RawOutput;
use crate::sandbox::{Guest, GuestStop, NextBatch};
use crate::session::SessionSettings;
use crate::subject_map::{SubjectMapNode, merge};

/// Runs a job.
///
/// # Errors
/// The attempt failed as a whole and is to be run again. The text is for the custodian's log: it may speak of data.
pub async fn run(run: &Run, guest: Option<&Guest>, limits: &Limits) -> Result<RawOutput, String> {
    match &run.contract {
        Contract::Tabulate(tabulation) => tabulate(run, tabulation, guest, limits).await,
        Contract::Report(_) => report(run, guest, limits).await,
    }
}

fn text(error: DataFusionError) -> String {
    error.to_string()
}

fn tables(run: &Run, limits: &Limits, partitions: usize) -> Result<Prepared, String> {
    let settings = SessionSettings { partitions, folder: Some(&run.folder), pushdown: false };
    prepare(&run.tables, run.contract.lane(), limits, &settings).map_err(|refusal| refusal.to_string())
}

async fn tabulate(
    run: &Run,
    tabulation: &Tabulation,
    guest: Option<&Guest>,
    limits: &Limits,
) -> Result<RawOutput, String> {
    let partitions = CountTables::of(tabulation).partitions(run.partitions, limits);
    let prepared = tables(run, limits, partitions)?;
    let guarded = prepared.guard(&tabulation.sql, limits).await.map_err(|refusal| refusal.to_string())?;
    let contributions = match (&run.work, guest) {
        (Work::Plan(plan), _) => {
            let Positions { dimensions, measures } = Positions::of(plan, &guarded).ok_or("a column is gone")?;
            let books = tabulation.dimensions.iter().map(|dimension| Codebook::new(&dimension.labels));
            Contributions::Columns { dimensions: dimensions.into_iter().zip(books).collect(), measures }
        }
        (Work::Module { .. }, Some(guest)) => Contributions::Module {
            guest: guest.clone(),
            constants: tabulation.constants.clone(),
            arena_bytes_max: limits.bytes_per_subject_max,
        },
        (Work::Module { .. }, None) => return Err("the module isn't loaded".to_owned()),
    };
    let mapping = Arc::new(Mapping {
        shape: Shape::new(tabulation, run.bound_key),
        contributions,
        kept: Some(run.folder.clone()),
    });
    let node = SubjectMapNode::over(guarded.plan, Arc::clone(&mapping)).map_err(text)?;
    let physical = prepared.state.create_physical_plan(&node).await.map_err(text)?;
    guard::nodes::check_physical(&physical)?;
    let partitions = collect_partitioned(physical, prepared.state.task_ctx()).await.map_err(text)?;
    let batches: Vec<_> = partitions.into_iter().flatten().collect();
    let counts = merge(&batches, &mapping).map_err(text)?;
    drop(batches);
    Ok(RawOutput::counted(&counts))
}

async fn report(run: &Run, guest: Option<&Guest>, limits: &Limits) -> Result<RawOutput, String> {
    let (Some(guest), Some(contract)) = (guest, reporting(&run.contract)) else {
        return Err("the module isn't loaded".to_owned());
    };
    let prepared = tables(run, limits, 1)?;
    let mut streams = Vec::new();
    for sql in &contract.inputs {
        let guarded = prepared.guard(sql, limits).await.map_err(|refusal| refusal.to_string())?;
        let physical = prepared.state.create_physical_plan(&guarded.plan).await.map_err(text)?;
        guard::nodes::check_physical(&physical)?;
        streams.push(execute_stream(physical, prepared.state.task_ctx()).map_err(text)?);
    }
    let (next, failed) = batches(streams, &contract.constants, limits.guest_memory_bytes_max);
    let width = contract.columns.len();
    let words_max = width * contract.rows as usize;
    let (constants, guest) = (contract.constants.clone(), guest.clone());
    let outcome = tokio::task::spawn_blocking(move || guest.report(&constants, next, words_max)).await;
    let outcome = outcome.map_err(|_| "the report's thread is gone".to_owned())?;
    let query_failed = failed.load(Ordering::Relaxed);
    written(outcome, query_failed, contract)
}

/// Gives the inputs' batches as arenas, and tells whether a query failed. An arena is never larger than a guest's
/// memory: a batch that would be fails its query.
fn batches(streams: Vec<SendableRecordBatchStream>, constants: &[u64], bytes_max: u64) -> (NextBatch, Arc<AtomicBool>) {
    let failed = Arc::new(AtomicBool::new(false));
    let handle = tokio::runtime::Handle::current();
    let told = Arc::clone(&failed);
    // Of several inputs none may run ahead: they share one memory pool, and which of them fits would depend on how far.
    let alone = streams.len() == 1;
    let input = |stream| {
        let source = Source { stream, writer: ArenaWriter::new(constants.to_vec()), bytes_max };
        if !alone {
            return Input::OnDemand(Box::new(source));
        }
        let (sender, receiver) = tokio::sync::mpsc::channel(AHEAD);
        handle.spawn(source.run_ahead(sender));
        Input::Ahead(receiver)
    };
    let mut inputs: Vec<Input> = streams.into_iter().map(input).collect();
    let next = move |input: u32| {
        let Some(input) = inputs.get_mut(input as usize) else { return Ok(Vec::new()) };
        input.next(&handle).map_err(|_| told.store(true, Ordering::Relaxed))
    };
    (Box::new(next), failed)
}

/// Arenas that are ready before the guest asks: while it reads one, the next are decoded and written.
const AHEAD: usize = 4;

/// What comes of an input next: an arena, or its end.
type Arena = Result<Option<Vec<u64>>, DataFusionError>;

/// An input's query, and what makes arenas of its batches.
struct Source {
    stream: SendableRecordBatchStream,
    writer: ArenaWriter,
    bytes_max: u64,
}

impl Source {
    async fn next(&mut self) -> Arena {
        while let Some(batch) = self.stream.next().await {
            let batch = batch?;
            if batch.num_rows() == 0 {
                continue;
            }
            let columns = crossing_columns(&batch, 0)?;
            let words = self.writer.write(&columns, Picked::First(batch.num_rows()))?;
            if words.len() as u64 > self.bytes_max / 8 {
                return exec_err!("a batch is larger than a module's memory");
            }
            return Ok(Some(self.writer.take()));
        }
        Ok(None)
    }

    /// Makes the next arena while the guest reads the one before.
    async fn run_ahead(mut self, sender: Sender<Arena>) {
        // Room comes first, so that no more than `AHEAD` wait. Where nobody takes what comes, the guest is done.
        while let Ok(room) = sender.reserve().await {
            let arena = self.next().await;
            let more = matches!(arena, Ok(Some(_)));
            room.send(arena);
            if !more {
                return;
            }
        }
    }
}

/// Where an input's arenas come from.
enum Input {
    OnDemand(Box<Source>),
    Ahead(Receiver<Arena>),
    Ended,
}

impl Input {
    /// The next arena, or an empty list from the end on.
    fn next(&mut self, handle: &Handle) -> Result<Vec<u64>, DataFusionError> {
        let arena = match self {
            Input::OnDemand(source) => handle.block_on(source.next())?,
            // A query whose task is gone has failed: that is never an end.
            Input::Ahead(receiver) => {
                receiver.blocking_recv().unwrap_or_else(|| exec_err!("a report's query is gone"))?
            }
            Input::Ended => None,
        };
        if arena.is_none() {
            *self = Input::Ended;
        }
        Ok(arena.unwrap_or_default())
    }
}

fn written(
    outcome: Result<Vec<u64>, GuestStop>,
    query_failed: bool,
    contract: &Reporting,
) -> Result<RawOutput, String> {
    let width = contract.columns.len();
    let fault = match outcome {
        Ok(words) if words.len().is_multiple_of(width) => {
            let rows: Vec<Vec<i64>> =
                words.chunks_exact(width).map(|row| row.iter().map(|word| word.cast_signed()).collect()).collect();
            return Ok(RawOutput::written(&rows, None));
        }
        Ok(_) | Err(GuestStop::BrokenContract) => ReportFault::BrokenContract,
        Err(GuestStop::Deadline) if query_failed => ReportFault::QueryFailed,
        Err(GuestStop::Deadline) => return Err("the attempt's time is over".to_owned()),
        Err(GuestStop::Trapped) => ReportFault::Trapped,
        Err(GuestStop::OutOfFuel) => ReportFault::OutOfFuel,
        Err(GuestStop::OutOfMemory) => ReportFault::OutOfMemory,
    };
    Ok(RawOutput::written(&[], Some(fault)))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Int64Array, RecordBatch};
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;

    use super::*;

    /// A stream of so many batches, and then what `last` does.
    fn stream(count: i64, last: fn() -> Option<DataFusionError>) -> SendableRecordBatchStream {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
        let of = Arc::clone(&schema);
        let batches = (0..=count).map_while(move |number| {
            if number == count {
                return last().map(Err);
            }
            let column = Arc::new(Int64Array::from(vec![number; 2]));
            Some(RecordBatch::try_new(Arc::clone(&of), vec![column]).map_err(DataFusionError::from))
        });
        Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::iter(batches)))
    }

    /// How many batches of each input come before it ends (`Ok`) or fails, and whether that was told.
    async fn read(streams: Vec<SendableRecordBatchStream>, bytes_max: u64) -> (Vec<Result<usize, usize>>, bool) {
        let inputs = streams.len() as u32;
        let (mut next, failed) = batches(streams, &[], bytes_max);
        let read = tokio::task::spawn_blocking(move || {
            let mut one = |input| {
                let mut count = 0;
                loop {
                    match next(input) {
                        Ok(words) if words.is_empty() => {
                            assert!(next(input).is_ok_and(|words| words.is_empty()), "an end stays one");
                            return Ok(count);
                        }
                        Ok(_) => count += 1,
                        Err(()) => return Err(count),
                    }
                }
            };
            (0..inputs).map(&mut one).collect()
        });
        (read.await.expect("reading doesn't panic"), failed.load(Ordering::Relaxed))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_query_that_fails_or_is_gone_is_never_taken_for_one_that_has_ended() {
        let ends = || None;
        let fails = || Some(DataFusionError::Execution("it failed".to_owned()));
        let panics = || panic!("a query's task panics");
        assert_eq!(read(vec![stream(5, ends)], 1 << 20).await, (vec![Ok(5)], false));
        assert_eq!(read(vec![stream(5, fails)], 1 << 20).await, (vec![Err(5)], true));
        assert_eq!(read(vec![stream(5, panics)], 1 << 20).await, (vec![Err(5)], true));
        assert_eq!(read(vec![stream(3, ends), stream(2, fails)], 1 << 20).await, (vec![Ok(3), Err(2)], true));
        assert_eq!(read(vec![stream(0, ends), stream(1, ends)], 1 << 20).await, (vec![Ok(0), Ok(1)], false));
        assert_eq!(read(vec![stream(5, ends)], 64).await, (vec![Err(0)], true), "larger than a module's memory");
    }
}
