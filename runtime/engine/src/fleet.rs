//! The fleet: what the server asks of the engine.
//!
//! Each request goes to a worker process of its own, which was started beforehand and is used once; the next is started
//! at once in its place. A request that is cancelled, or takes longer than its limit, ends with its process, which is
//! killed and reaped.
//!
//! *Guarantees*: no two requests share a process; nothing of a request outlives it but its answer; the server itself
//! parses no module, plans no query and opens no snapshot.
//!
//! *Doesn't guarantee*: that the answer is true. A worker whose sandbox was broken can lie about counts.

mod cancel;
mod dialogue;
mod process;
mod spawn;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sluice_domain::limits::Limits;
use sluice_domain::refusal::Refusal;
use tokio::sync::Mutex;

use crate::ask::{Admitted, Answer, Ask, Draft, Drafted, Ingest, Ingested, Run, TableSpec, Work};
use crate::cache::{Artefact, Cache};
use crate::compile::{self, Compiled};
use crate::raw::RawOutput;
use crate::tally::Tally;

pub use crate::examine::ModuleReport;
pub use crate::fault::Fault;
pub use cancel::Cancel;
use dialogue::Cut;
use spawn::Spares;
pub(crate) use spawn::Spawner;

/// What a request without data may take beside `describe`: planning, and loading the module.
const PLANNING: Duration = Duration::from_secs(10);

/// How a fleet is set up.
pub struct FleetSettings {
    /// The program that has the hidden subcommands `worker` and `compile`: this one.
    pub exe: PathBuf,
    /// The node's limits.
    pub limits: Limits,
    /// Workers that are kept ready; one more may be on its way.
    pub spare: usize,
    /// The folder of compiled modules.
    pub cache: PathBuf,
    /// The key of their MACs.
    pub cache_key: [u8; 32],
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Stop {
    /// On static grounds.
    Refused(Refusal),
    /// Something of ours failed.
    Fault(Fault),
}

/// Why a run gave no output. Only what needs no data may be told to an operator: see the variants.
#[derive(Debug)]
pub enum RunStop {
    /// It was ended from outside.
    Cancelled,
    /// The worker ended without an answer; for the custodian's log.
    Died(String),
    /// The attempt took too long.
    TimedOut,
    /// The attempt failed as a whole; for the custodian's log.
    Failed(String),
    /// It never started, on static grounds.
    Refused(Refusal),
}

/// What a run gave.
pub struct Ran {
    /// The output.
    pub raw: RawOutput,
    /// The fences that were in force.
    pub protections: Vec<String>,
}

/// Workers, a compiler and a cache. Clones share them.
#[derive(Clone)]
pub struct Fleet {
    inner: Arc<Inner>,
}

struct Inner {
    exe: PathBuf,
    limits: Limits,
    cache: Cache,
    engine: String,
    protections: Vec<String>,
    spawner: Spawner,
    spares: Mutex<Spares>,
    /// One snapshot is sealed at a time: two would give the same ordinal to different subjects of a domain.
    sealing: tokio::sync::Mutex<()>,
}

impl Fleet {
    /// Starts the workers and waits until the first is ready. Inside a runtime that drives I/O, time and processes.
    ///
    /// # Errors
    /// No worker can be started, or the cache's folder can't be made.
    pub fn start(settings: FleetSettings) -> Result<Fleet, Fault> {
        let (spawner, spares, hello) = Spawner::start(settings.exe.clone(), &settings.limits, settings.spare)?;
        let cache = Cache::open(settings.cache, settings.cache_key, hello.engine.clone())?;
        Ok(Fleet {
            inner: Arc::new(Inner {
                exe: settings.exe,
                limits: settings.limits,
                cache,
                engine: hello.engine,
                protections: hello.fences,
                spawner,
                spares: Mutex::new(spares),
                sealing: tokio::sync::Mutex::new(()),
            }),
        })
    }

    /// The fences that this kernel gives workers.
    #[must_use]
    pub fn protections(&self) -> Vec<String> {
        self.inner.protections.clone()
    }

    /// Whether the module's artefact is in the cache, for this engine, with the right MAC.
    #[must_use]
    pub fn is_compiled(&self, digest: &str) -> bool {
        self.inner.cache.has(digest)
    }

    /// A compiled module out of the cache, for those who load it in a process of their own: benchmarks.
    #[must_use]
    pub fn artefact(&self, digest: &str) -> Option<Artefact> {
        self.inner.cache.artefact(digest)
    }

    /// Reads a module and compiles it, bounded in size, memory and time, and keeps the artefact.
    ///
    /// # Errors
    /// Why it isn't acceptable, or what failed.
    pub async fn examine(&self, wasm: Vec<u8>) -> Result<ModuleReport, Stop> {
        let inner = &*self.inner;
        let compiled = compile::compile(&inner.spawner, &inner.exe, &wasm, &inner.limits).await.map_err(Stop::Fault)?;
        let (report, engine, artefact) = match compiled {
            Compiled::Module { report, engine, artefact } => (report, engine, artefact),
            Compiled::Refused(refusal) => return Err(Stop::Refused(refusal)),
        };
        if engine != inner.engine {
            return Err(Stop::Fault(Fault::new("the compiler and the workers are set up differently")));
        }
        // What the artefact is kept under is worked out here: the compiler has read hostile bytes.
        let digest = sluice_domain::digest::sha256_hex(&wasm);
        let shared = Arc::clone(&self.inner);
        let kept = tokio::task::spawn_blocking(move || shared.cache.keep(&digest, &artefact).map(|()| digest)).await;
        let digest = kept
            .map_err(|error| Stop::Fault(Fault::while_doing("keeping a compiled module", error)))?
            .map_err(Stop::Fault)?;
        Ok(ModuleReport { digest, bytes: wasm.len() as u64, ..report })
    }

    /// Fixes the contract and puts the plan to the guard, without data.
    ///
    /// # Errors
    /// Static grounds, or what failed.
    pub async fn admit(&self, tables: Vec<TableSpec>, work: Work) -> Result<Admitted, Stop> {
        let artefact = self.inner.artefact(&work).await.map_err(Stop::Refused)?;
        let within = Duration::from_millis(self.inner.limits.describe_ms_max).saturating_add(PLANNING);
        match self.inner.ask(Ask::Admit { tables, work }, artefact, within).await? {
            Answer::Admitted(admitted) => Ok(*admitted),
            other => Err(unexpected(other)),
        }
    }

    /// Puts a grant's row filter to the guard, without data: when the grant is drafted, so that a filter which no job
    /// could be admitted under never comes into force. Of `table` the name, the columns and the filter count; its snapshot
    /// isn't looked at.
    ///
    /// # Errors
    /// The rule that the filter breaks, in the words of a job's admission; or what failed.
    pub async fn check_filter(&self, table: TableSpec) -> Result<(), Stop> {
        match self.inner.ask(Ask::CheckFilter(table), None, PLANNING).await? {
            Answer::Passed => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// Runs. The output doesn't depend on how often or where it is run.
    ///
    /// # Errors
    /// How the attempt ended.
    pub async fn run(&self, run: Run, cancel: &Cancel) -> Result<Ran, RunStop> {
        let artefact = self.inner.artefact(&run.work).await.map_err(RunStop::Refused)?;
        let within = Duration::from_millis(self.inner.limits.attempt_ms_max);
        let told = self.inner.converse(Ask::Run(Box::new(run)), artefact, within, cancel).await;
        let told = told.map_err(|cut| match cut {
            Cut::Cancelled => RunStop::Cancelled,
            Cut::TimedOut => RunStop::TimedOut,
            Cut::Died(text) => RunStop::Died(text),
            Cut::Fault(fault) => RunStop::Failed(fault.to_string()),
        })?;
        match (told.answer, told.raw) {
            (Answer::Raw, Some(frame)) => Ok(Ran { raw: RawOutput::from_frame(frame), protections: told.fences }),
            (Answer::Failed(text), _) => Err(RunStop::Failed(text)),
            (_, _) => Err(RunStop::Failed("the worker answered something else".to_owned())),
        }
    }

    /// Seals a data file as a snapshot.
    ///
    /// # Errors
    /// What doesn't match the dictionary, for the custodian, or what failed.
    pub async fn ingest(&self, ingest: Ingest) -> Result<Ingested, Stop> {
        let within = Duration::from_millis(self.inner.limits.attempt_ms_max);
        let _alone = self.inner.sealing.lock().await;
        match self.inner.ask(Ask::Ingest(ingest), None, within).await? {
            Answer::Ingested(ingested) => Ok(ingested),
            other => Err(unexpected(other)),
        }
    }

    /// Tallies a snapshot for the families of its dataset.
    ///
    /// # Errors
    /// What failed.
    pub async fn tally(&self, tally: Tally) -> Result<(), Stop> {
        let within = Duration::from_millis(self.inner.limits.attempt_ms_max);
        match self.inner.ask(Ask::Tally(tally), None, within).await? {
            Answer::Tallied => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// Drafts a dictionary of a data file, for the custodian.
    ///
    /// # Errors
    /// Why the file can't be read, or what failed.
    pub async fn draft(&self, draft: Draft) -> Result<Drafted, Stop> {
        let within = Duration::from_millis(self.inner.limits.attempt_ms_max);
        match self.inner.ask(Ask::Draft(draft), None, within).await? {
            Answer::Drafted(drafted) => Ok(drafted),
            other => Err(unexpected(other)),
        }
    }
}

fn unexpected(answer: Answer) -> Stop {
    match answer {
        Answer::Refused(refusal) => Stop::Refused(refusal),
        Answer::Failed(text) => Stop::Fault(Fault::new(text)),
        Answer::Admitted(_)
        | Answer::Passed
        | Answer::Ingested(_)
        | Answer::Tallied
        | Answer::Drafted(_)
        | Answer::Raw => Stop::Fault(Fault::new("the worker answered something else")),
    }
}
