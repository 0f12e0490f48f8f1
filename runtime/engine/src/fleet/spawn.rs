//! The thread that starts processes.
//!
//! The kernel kills a process of ours when the *thread* that started it ends, so all of them are started by one thread
//! that lives as long as the fleet. It keeps a number of workers ready and starts the next as soon as one is taken.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use sluice_domain::limits::Limits;
use tokio::net::UnixStream;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::process::Process;
use crate::fault::Fault;
use crate::worker::{Hello, Prelude};
use crate::{compile, frame, worker};

/// How long a worker may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// How long to wait before the next try where one failed.
const BREATH: Duration = Duration::from_millis(250);
/// Threads of a worker; more is of no use to one query.
const THREADS_MAX: usize = 64;

/// A worker that waits for its order.
pub(super) struct Spare {
    pub(super) process: Process,
    pub(super) socket: UnixStream,
}

/// Asks the thread for compilers.
pub(crate) struct Spawner {
    compilers: mpsc::Sender<(PathBuf, oneshot::Sender<Result<Process, Fault>>)>,
}

/// Workers that are ready, in the order in which they were started.
pub(super) type Spares = mpsc::Receiver<Result<Spare, Fault>>;

enum Next<'a> {
    Spare(mpsc::Permit<'a, Result<Spare, Fault>>),
    Compiler(PathBuf, oneshot::Sender<Result<Process, Fault>>),
    Over,
}

impl Spawner {
    /// Starts the thread and the first worker, and waits until that one is ready. Inside a runtime.
    pub(super) fn start(exe: PathBuf, limits: &Limits, spare: usize) -> Result<(Spawner, Spares, Hello), Fault> {
        let handle = Handle::try_current().map_err(|_| Fault::new("a fleet is started inside a runtime"))?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
        let prelude = Prelude { limits: limits.clone(), threads: u32::try_from(threads).unwrap_or(1) };
        let (ready, spares) = mpsc::channel(spare.max(1));
        let (compilers, wanted) = mpsc::channel(1);
        let (first, hello) = std::sync::mpsc::channel();
        std::thread::Builder::new()
            .name("sluice-spawner".to_owned())
            .spawn(move || {
                let outcome = start_worker(&handle, &exe, &prelude);
                let (hello, spare) = match outcome {
                    Ok((spare, hello)) => (Ok(hello), Some(spare)),
                    Err(fault) => (Err(fault), None),
                };
                let engine = hello.as_ref().map(|hello| hello.engine.clone()).ok();
                // Nobody listens any more where the fleet's start has given up.
                if first.send(hello).is_err() {
                    return;
                }
                if let (Some(spare), Some(engine)) = (spare, engine) {
                    // The channel is new: there is room.
                    let _room = ready.try_send(Ok(spare));
                    serve(&handle, &Workers { exe, prelude, engine }, &ready, wanted);
                }
            })
            .map_err(|error| Fault::while_doing("starting the thread that starts workers", error))?;
        let hello = hello.recv().map_err(|_| Fault::new("the thread that starts workers has ended"))??;
        Ok((Spawner { compilers }, spares, hello))
    }

    /// A new compiler.
    ///
    /// # Errors
    /// It can't be started.
    pub(crate) async fn compiler(&self, exe: &Path) -> Result<Process, Fault> {
        let over = || Fault::new("the thread that starts processes has ended");
        let (answer, started) = oneshot::channel();
        self.compilers.send((exe.to_owned(), answer)).await.map_err(|_| over())?;
        started.await.map_err(|_| over())?
    }
}

/// What every worker has in common.
struct Workers {
    exe: PathBuf,
    prelude: Prelude,
    engine: String,
}

impl Workers {
    /// The next worker. It has to be of the same build as the first: the program may have been replaced meanwhile.
    fn start(&self, handle: &Handle) -> Result<Spare, Fault> {
        let (spare, hello) = start_worker(handle, &self.exe, &self.prelude)?;
        if hello.engine == self.engine {
            Ok(spare)
        } else {
            Err(Fault::new("the program was replaced by another build while the node runs: start the node again"))
        }
    }
}

fn serve(
    handle: &Handle,
    workers: &Workers,
    ready: &mpsc::Sender<Result<Spare, Fault>>,
    mut wanted: mpsc::Receiver<(PathBuf, oneshot::Sender<Result<Process, Fault>>)>,
) {
    loop {
        let next = handle.block_on(async {
            tokio::select! {
                // Somebody waits for a compiler; a spare worker can wait.
                biased;
                request = wanted.recv() => match request {
                    Some((exe, answer)) => Next::Compiler(exe, answer),
                    None => Next::Over,
                },
                permit = ready.reserve() => permit.map_or(Next::Over, Next::Spare),
            }
        });
        match next {
            Next::Spare(permit) => {
                let outcome = workers.start(handle);
                let failed = outcome.is_err();
                permit.send(outcome);
                if failed {
                    std::thread::sleep(BREATH);
                }
            }
            Next::Compiler(exe, answer) => {
                let _inside = handle.enter();
                // Whoever asked may have gone; then it is dropped, and so killed.
                let _sent = answer.send(Process::start(&exe, compile::SUBCOMMAND, Stdio::piped(), Stdio::piped()));
            }
            Next::Over => break,
        }
    }
}

fn start_worker(handle: &Handle, exe: &Path, prelude: &Prelude) -> Result<(Spare, Hello), Fault> {
    let fault = |error: std::io::Error| Fault::while_doing("starting a worker", error);
    let (mut ours, theirs) = StdUnixStream::pair().map_err(fault)?;
    let _inside = handle.enter();
    let process = Process::start(exe, worker::SUBCOMMAND, Stdio::from(OwnedFd::from(theirs)), Stdio::null())?;
    ours.set_read_timeout(Some(READY_WITHIN)).map_err(fault)?;
    let hello = frame::send(&mut ours, prelude).and_then(|()| frame::receive::<Hello>(&mut ours));
    let hello = match hello {
        Ok(hello) => hello,
        Err(error) => {
            let end = process.end_here(Duration::from_secs(1));
            return Err(Fault::new(format!("a worker didn't get ready: {error}; {end}")));
        }
    };
    ours.set_nonblocking(true).map_err(fault)?;
    let socket = UnixStream::from_std(ours).map_err(fault)?;
    Ok((Spare { process, socket }, hello))
}
