//! The compiler: a process of its own, for Cranelift can't be interrupted and hostile bytes shouldn't be parsed by the
//! server.
//!
//! In: the limits and the module, one frame each. Out: what the module is or why it isn't one, and then the artefact. The
//! process opens no file, starts no thread, has an end to its memory and its time, and is killed and reaped by whoever
//! started it.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sluice_domain::limits::Limits;
use sluice_domain::refusal::{Code, Refusal};
use wasmtime::Engine;

use crate::examine::{ModuleReport, examine};
use crate::fault::Fault;
use crate::fence;
use crate::fleet::Spawner;
use crate::frame;
use crate::sandbox::{compiling, engine_digest, shown};

/// Memory that a compilation may use: a generous multiple of what the largest module needs.
const MEMORY_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// An artefact is larger than its module, but not without end.
pub(crate) const ARTEFACT_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// How long the process may take to end after its answer.
const GRACE: Duration = Duration::from_millis(250);
/// The hidden subcommand.
pub(crate) const SUBCOMMAND: &str = "compile";

/// The answer, before the artefact.
#[derive(Serialize, Deserialize)]
enum Verdict {
    /// The artefact follows; it is for the engine of this digest.
    Module(ModuleReport, String),
    /// Nothing follows.
    Refused(Refusal),
}

/// The hidden subcommand `compile`.
#[must_use]
pub fn main() -> ExitCode {
    fence::quiet_panics("compile");
    let mut from = io::stdin().lock();
    let mut to = io::stdout().lock();
    match work(&mut from, &mut to) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            fence::last_words(&fault);
            ExitCode::FAILURE
        }
    }
}

fn work(from: &mut impl Read, to: &mut impl Write) -> Result<(), Fault> {
    let piped = |error: io::Error| Fault::while_doing("talking to the server", error);
    fence::privileges()?;
    let limits: Limits = frame::receive(from).map_err(piped)?;
    fence::compiler_limits(MEMORY_BYTES_MAX, Duration::from_millis(limits.compile_ms_max))?;
    fence::files(&fence::Paths::default())?;
    fence::calls()?;
    let module = frame::read(from, limits.module_bytes_max as u64).map_err(piped)?;
    let report = match examine(&module, &limits) {
        Ok(report) => report,
        Err(refusal) => return frame::send(to, &Verdict::Refused(refusal)).map_err(piped),
    };
    let engine = Engine::new(&compiling()).map_err(|error| Fault::while_doing("setting Cranelift up", error))?;
    match engine.precompile_component(&module) {
        Ok(artefact) => {
            frame::send(to, &Verdict::Module(report, engine_digest(&engine))).map_err(piped)?;
            frame::write(to, &artefact).map_err(piped)
        }
        Err(error) => {
            let detail = format!("it can't be compiled: {}", shown(&format!("{error:#}")));
            frame::send(to, &Verdict::Refused(Refusal::with(Code::Module, detail))).map_err(piped)
        }
    }
}

/// What came of a compilation.
pub(crate) enum Compiled {
    /// A module, its artefact and the digest of the engine that it is for.
    Module { report: ModuleReport, engine: String, artefact: Vec<u8> },
    /// It isn't acceptable.
    Refused(Refusal),
}

/// Has a module compiled.
///
/// # Errors
/// The process couldn't be started, or failed for a reason that isn't the module's.
pub(crate) async fn compile(spawner: &Spawner, exe: &Path, wasm: &[u8], limits: &Limits) -> Result<Compiled, Fault> {
    // The process would say so too, but needn't be started for it.
    if wasm.len() > limits.module_bytes_max {
        return Ok(Compiled::Refused(Refusal::with(
            Code::Module,
            format!("it has {} bytes; at most {} are accepted", wasm.len(), limits.module_bytes_max),
        )));
    }
    let mut child = spawner.compiler(exe).await?;
    let mut to = child.stdin().ok_or_else(|| Fault::new("the compiler has no stdin"))?;
    let mut from = child.stdout().ok_or_else(|| Fault::new("the compiler has no stdout"))?;
    let dialogue = async {
        frame::send_async(&mut to, limits).await?;
        frame::write_async(&mut to, wasm).await?;
        drop(to);
        match frame::receive_async(&mut from).await? {
            Verdict::Refused(refusal) => Ok::<Compiled, io::Error>(Compiled::Refused(refusal)),
            Verdict::Module(report, engine) => {
                let artefact = frame::read_async(&mut from, ARTEFACT_BYTES_MAX).await?;
                Ok(Compiled::Module { report, engine, artefact })
            }
        }
    };
    let outcome = tokio::time::timeout(Duration::from_millis(limits.compile_ms_max), dialogue).await;
    let end = child.end(GRACE).await;
    match outcome {
        Ok(Ok(compiled)) => Ok(compiled),
        Err(_) => Ok(Compiled::Refused(Refusal::with(
            Code::Module,
            format!("compiling it takes longer than {} ms", limits.compile_ms_max),
        ))),
        // Killed by one of its own limits: a signal for time or memory, not an exit of its own.
        Ok(Err(_)) if end.by_signal => Ok(Compiled::Refused(Refusal::with(
            Code::Module,
            "compiling it needs more time or memory than this node gives".to_owned(),
        ))),
        Ok(Err(error)) => Err(Fault::new(format!("the compiler failed: {error}; {end}"))),
    }
}
