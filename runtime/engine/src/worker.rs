//! The worker: one order, one answer, and an end.
//!
//! It is started before it is needed. What needs no order is done first, wasmtime's pool above all. Then comes the order:
//! the module is loaded, which is the last time that a page is made executable; the files are closed off, the calls are
//! closed off; and only then does a thread start and is a row read. So whatever a row can do happens behind the fences.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use sluice_domain::limits::Limits;

use crate::ask::{Answer, Ask, Order, TableSpec};
use crate::cache::Artefact;
use crate::compile::ARTEFACT_BYTES_MAX;
use crate::fault::Fault;
use crate::fence;
use crate::frame;
use crate::sandbox::{Guest, Sandbox};

/// The hidden subcommand.
pub(crate) const SUBCOMMAND: &str = "worker";
/// Stack of a thread: plans are walked recursively.
const THREAD_STACK_BYTES: usize = 8 * 1024 * 1024;
/// Threads that wait for files.
const WAITING_THREADS_MAX: usize = 32;
/// What a worker needs beside the pools that the limits speak of: code, stacks, batches on their way, the allocator.
const SLACK_BYTES: u64 = 3 * 1024 * 1024 * 1024;

/// What a worker is told when it starts.
#[derive(Serialize, Deserialize)]
pub(crate) struct Prelude {
    /// The node's limits.
    pub(crate) limits: Limits,
    /// Threads that compute.
    pub(crate) threads: u32,
}

/// What it says when it is ready.
#[derive(Serialize, Deserialize)]
pub(crate) struct Hello {
    /// The fences that will be in force.
    pub(crate) fences: Vec<String>,
    /// The digest of its engine: what compiled modules depend on.
    pub(crate) engine: String,
}

/// What it says before it touches the order's files: the fences that are in force now.
#[derive(Serialize, Deserialize)]
pub(crate) struct Fenced(pub(crate) Vec<String>);

/// The hidden subcommand `worker`. The exit code says whether it answered, and nothing else.
#[must_use]
pub fn main() -> ExitCode {
    fence::quiet_panics(SUBCOMMAND);
    match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            fence::last_words(&fault);
            ExitCode::FAILURE
        }
    }
}

fn work() -> Result<(), Fault> {
    let talking = |error: io::Error| Fault::while_doing("talking to the server", error);
    let mut fences = fence::privileges()?;
    let mut socket = inherited()?;
    let prelude: Prelude = frame::receive(&mut socket).map_err(talking)?;
    fences.extend(fence::worker_limits(memory_bytes(&prelude))?);
    let sandbox = Sandbox::new(&prelude.limits, prelude.threads)?;
    warm_up(&prelude.limits)?;
    fences.extend(fence::seclusion()?);
    let expected = fences.iter().cloned().chain(fence::forecast()).collect();
    let hello = Hello { fences: expected, engine: sandbox.digest().to_owned() };
    frame::send(&mut socket, &hello).map_err(talking)?;

    let order: Order = match frame::receive(&mut socket) {
        // The server has no use for it any more.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
        order => order.map_err(talking)?,
    };
    if order.limits != prelude.limits {
        return Err(Fault::new("the order has other limits than the worker was started with"));
    }
    let guest = if order.has_artefact {
        let bytes = frame::read(&mut socket, ARTEFACT_BYTES_MAX).map_err(talking)?;
        Some(sandbox.load(&Artefact::from_server(bytes))?)
    } else {
        None
    };
    fences.extend(fence::files(&paths(&order.ask)?)?);
    fences.extend(fence::calls()?);
    frame::send(&mut socket, &Fenced(fences)).map_err(talking)?;

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(prelude.threads.max(1) as usize)
        .max_blocking_threads(WAITING_THREADS_MAX)
        .thread_stack_size(THREAD_STACK_BYTES)
        // No input or output: files are read by waiting threads, and there is nothing else.
        .enable_time()
        .build()
        .map_err(|error| Fault::while_doing("starting threads", error))?;
    let (answer, raw) = runtime.block_on(answer(order, guest.as_ref()));
    frame::send(&mut socket, &answer).map_err(talking)?;
    if let Some(raw) = raw {
        frame::write(&mut socket, &raw).map_err(talking)?;
    }
    runtime.shutdown_background();
    Ok(())
}

/// Admits a query over a table without rows: the first plan of a process takes several times as long as the next, since its
/// code and tables have to be fetched. In this thread, for no other may start before the fences are up.
fn warm_up(limits: &Limits) -> Result<(), Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| Fault::while_doing("warming up", error))?;
    let (table, work) = crate::admit::sample();
    // Under odd limits it is refused. It has been looked at all the same.
    let _ = runtime.block_on(Box::pin(crate::admit::admit(&[table], &work, None, limits)));
    Ok(())
}

/// The socket that the server gave as standard input. As a file, so that it is read and written and never sent over.
fn inherited() -> Result<File, Fault> {
    let socket = io::stdin().as_fd().try_clone_to_owned();
    socket.map(File::from).map_err(|error| Fault::while_doing("taking the inherited socket", error))
}

/// Private writable memory that a worker may have.
fn memory_bytes(prelude: &Prelude) -> u64 {
    let limits = &prelude.limits;
    let guests = limits.guest_memory_bytes_max.saturating_mul(2 * u64::from(prelude.threads.max(1)));
    // Raw output: as it is gathered, as its frame, and while one becomes the other.
    let raw = limits.raw_output_bytes_max.saturating_mul(3);
    [guests, raw, limits.count_bytes_max, SLACK_BYTES].into_iter().fold(limits.query_memory_bytes, u64::saturating_add)
}

/// The files of an order. What is written to is made first, for it can't be named before it is there.
fn paths(ask: &Ask) -> Result<fence::Paths, Fault> {
    let snapshots = |tables: &[TableSpec]| tables.iter().filter_map(|table| table.snapshot.clone()).collect();
    let paths = match ask {
        Ask::Admit { tables, .. } => fence::Paths { read: snapshots(tables), write: Vec::new() },
        Ask::CheckFilter(_) => fence::Paths::default(),
        Ask::Run(run) => fence::Paths { read: snapshots(&run.tables), write: vec![run.folder.clone()] },
        Ask::Ingest(ingest) => {
            fence::Paths { read: vec![ingest.file.clone()], write: vec![ingest.folder.clone(), ingest.domains.clone()] }
        }
        Ask::Tally(tally) => fence::Paths { read: vec![tally.snapshot.clone()], write: vec![tally.folder.clone()] },
        Ask::Draft(draft) => fence::Paths { read: vec![draft.file.clone()], write: Vec::new() },
    };
    for folder in &paths.write {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| Fault::while_doing("making a folder of the order", error))?;
    }
    Ok(paths)
}

/// Does what is asked. Raw output goes beside the answer, in its own form.
async fn answer(order: Order, guest: Option<&Guest>) -> (Answer, Option<Vec<u8>>) {
    let limits = &order.limits;
    let answer = match order.ask {
        Ask::Admit { tables, work } => Box::pin(crate::admit::admit(&tables, &work, guest, limits))
            .await
            .map(|admitted| Answer::Admitted(Box::new(admitted))),
        Ask::CheckFilter(table) => crate::admit::check_filter(&table, limits).map(|()| Answer::Passed),
        Ask::Ingest(ingest) => Box::pin(crate::ingest::ingest(&ingest, limits)).await.map(Answer::Ingested),
        Ask::Tally(tally) => {
            let tallied = tokio::task::spawn_blocking(move || crate::tally::tally(&tally)).await;
            Ok(match tallied {
                Ok(Ok(())) => Answer::Tallied,
                Ok(Err(text)) => Answer::Failed(text),
                Err(_) => Answer::Failed("the tally's thread is gone".to_owned()),
            })
        }
        Ask::Draft(draft) => Box::pin(crate::draft::draft(&draft, limits)).await.map(Answer::Drafted),
        Ask::Run(run) => match Box::pin(crate::run::run(&run, guest, limits)).await {
            Ok(raw) => return (Answer::Raw, Some(raw.into_frame())),
            Err(text) => Ok(Answer::Failed(text)),
        },
    };
    (answer.unwrap_or_else(Answer::Refused), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_has_an_end_to_its_memory_whatever_the_limits_are() {
        let prelude = Prelude { limits: Limits::default(), threads: 4 };
        assert!(memory_bytes(&prelude) > prelude.limits.query_memory_bytes + prelude.limits.count_bytes_max);
        let limits = Limits { guest_memory_bytes_max: u64::MAX, ..Limits::default() };
        assert_eq!(memory_bytes(&Prelude { limits, threads: 64 }), u64::MAX);
    }
}
