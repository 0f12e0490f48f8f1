//! One run over pinned snapshots.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::arrow::array::RecordBatch;
use datafusion::common::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::{collect_partitioned, execute_stream};
use futures::StreamExt;
use sluice_disclosure::candidate::ReportFault;
use sluice_domain::contract::{Contract, Reporting, Tabulation};
use sluice_domain::limits::Limits;
use tokio::sync::mpsc::Sender;

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
    let (next, failed) = batches(streams, &contract.constants);
    let width = contract.columns.len();
    let words_max = width * contract.rows as usize;
    let (constants, guest) = (contract.constants.clone(), guest.clone());
    let outcome = tokio::task::spawn_blocking(move || guest.report(&constants, next, words_max)).await;
    let outcome = outcome.map_err(|_| "the report's thread is gone".to_owned())?;
    let query_failed = failed.load(Ordering::Relaxed);
    written(outcome, query_failed, contract)
}

/// Arenas that are ready before the guest asks: while it reads one, the next are decoded and written.
const AHEAD: usize = 2;

/// What comes of an input next: an arena, or its end.
type Arena = Result<Option<Vec<u64>>, DataFusionError>;

/// Gives the inputs' batches as arenas, and tells whether a query failed.
fn batches(streams: Vec<SendableRecordBatchStream>, constants: &[u64]) -> (NextBatch, Arc<AtomicBool>) {
    let failed = Arc::new(AtomicBool::new(false));
    let handle = tokio::runtime::Handle::current();
    let told = Arc::clone(&failed);
    let start = |stream| {
        let (sender, receiver) = tokio::sync::mpsc::channel(AHEAD);
        (Some(fill(stream, ArenaWriter::new(constants.to_vec()), sender)), receiver, false)
    };
    let mut inputs: Vec<_> = streams.into_iter().map(start).collect();
    let next = move |input: u32| {
        let Some((fill, receiver, ended)) = inputs.get_mut(input as usize) else { return Ok(Vec::new()) };
        if *ended {
            return Ok(Vec::new());
        }
        if let Some(fill) = fill.take() {
            handle.spawn(fill);
        }
        match receiver.blocking_recv() {
            Some(Ok(Some(words))) => Ok(words),
            Some(Ok(None)) => {
                *ended = true;
                Ok(Vec::new())
            }
            // A query that failed, or whose task is gone: that is never an end.
            Some(Err(_)) | None => {
                told.store(true, Ordering::Relaxed);
                Err(())
            }
        }
    };
    (Box::new(next), failed)
}

async fn fill(mut stream: SendableRecordBatchStream, mut writer: ArenaWriter, sender: Sender<Arena>) {
    let mut arena = |batch: RecordBatch| {
        let columns = crossing_columns(&batch, 0)?;
        writer.write(&columns, Picked::First(batch.num_rows())).map(|words| Some(words.to_vec()))
    };
    while let Some(batch) = stream.next().await {
        if batch.as_ref().is_ok_and(|batch| batch.num_rows() == 0) {
            continue;
        }
        // Where nobody takes what comes, the guest is done.
        if sender.send(batch.and_then(&mut arena)).await.is_err() {
            return;
        }
    }
    // Nobody may be left to hear of the end either.
    let _ = sender.send(Ok(None)).await;
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
