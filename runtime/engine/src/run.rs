//! One run over pinned snapshots.

use std::sync::Arc;

use datafusion::common::DataFusionError;
use datafusion::physical_plan::{collect_partitioned, execute_stream};
use futures::StreamExt;
use sluice_disclosure::candidate::ReportFault;
use sluice_domain::contract::{Contract, Reporting, Tabulation};
use sluice_domain::limits::Limits;

use crate::admit::{Positions, Prepared, prepare, reporting};
use crate::arena::{ArenaWriter, crossing_columns};
use crate::ask::{Run, Work};
use crate::columns::Codebook;
use crate::fold::Shape;
use crate::guard;
use crate::mapping::{Contributions, Mapping};
use crate::raw::RawOutput;
use crate::sandbox::{Guest, GuestStop};
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
    let prepared = tables(run, limits, run.partitions)?;
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
    let failed = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let handle = tokio::runtime::Handle::current();
    let source_failed = Arc::clone(&failed);
    let mut writer = ArenaWriter::new(contract.constants.clone());
    let next = move |input: u32| -> Result<Vec<u64>, ()> {
        let Some(stream) = streams.get_mut(input as usize) else { return Ok(Vec::new()) };
        let broken = |_| source_failed.store(true, std::sync::atomic::Ordering::Relaxed);
        loop {
            match handle.block_on(stream.next()) {
                None => return Ok(Vec::new()),
                Some(batch) => {
                    let batch = batch.map_err(broken)?;
                    if batch.num_rows() == 0 {
                        continue;
                    }
                    let columns = crossing_columns(&batch, 0).map_err(broken)?;
                    let rows: Vec<u32> = (0..batch.num_rows() as u32).collect();
                    return writer.write(&columns, &rows).map(<[u64]>::to_vec).map_err(broken);
                }
            }
        }
    };
    let width = contract.columns.len();
    let words_max = width * contract.rows as usize;
    let (constants, guest) = (contract.constants.clone(), guest.clone());
    let outcome = tokio::task::spawn_blocking(move || guest.report(&constants, Box::new(next), words_max)).await;
    let outcome = outcome.map_err(|_| "the report's thread is gone".to_owned())?;
    let query_failed = failed.load(std::sync::atomic::Ordering::Relaxed);
    written(outcome, query_failed, contract)
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
