//! What the kernel holds a worker to, once wasmtime's own walls have failed.
//!
//! *Guarantees*, where the kernel gives it, for the whole life of the work: no new privileges, no program started, no
//! socket but the one that was inherited, no file but those of the order, no page made executable, no look into another
//! process, no core dump. Each function says what is in force, so that nothing is claimed that isn't.
//!
//! *Doesn't guarantee*: anything about an escape before the calls are closed off, which no byte of data has met yet; nor, on a kernel
//! without landlock, that only the order's files can be opened.

mod calls;

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetStatus, Scope, path_beneath_rules,
};
use rustix::process::{DumpableBehavior, Resource, Rlimit, Signal};

use crate::fault::Fault;
pub(crate) use calls::calls;

/// Open files of a worker: parquet files of a snapshot, spill files of a sort.
const FILES_MAX: u64 = 1024;
/// Panics that are written down.
const PANICS_TOLD_MAX: u32 = 8;
/// The newest landlock that this was written against. Older kernels enforce what they know.
const LANDLOCK: ABI = ABI::V6;

/// What may be opened.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    /// Read-only.
    pub(crate) read: Vec<PathBuf>,
    /// Read, written, made and removed beneath.
    pub(crate) write: Vec<PathBuf>,
}

fn limit(resource: Resource, most: u64) -> Result<(), Fault> {
    let limit = Rlimit { current: Some(most), maximum: Some(most) };
    rustix::process::setrlimit(resource, limit).map_err(|error| Fault::while_doing("setting a resource limit", error))
}

/// What needs no order: no new privileges, no core dump, an end when the server ends.
///
/// # Errors
/// The kernel refuses.
pub(crate) fn privileges() -> Result<Vec<String>, Fault> {
    rustix::thread::set_no_new_privs(true).map_err(|error| Fault::while_doing("giving up new privileges", error))?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| Fault::while_doing("tying the process to its parent", error))?;
    limit(Resource::Core, 0)?;
    Ok(vec!["no new privileges".to_owned(), "killed with the server".to_owned(), "no core dump".to_owned()])
}

/// Nothing else may look into this process's memory. After wasmtime was set up, which looks into its own page map.
///
/// # Errors
/// The kernel refuses.
pub(crate) fn seclusion() -> Result<Vec<String>, Fault> {
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| Fault::while_doing("closing the process's memory to others", error))?;
    Ok(vec!["memory closed to other processes".to_owned()])
}

/// A worker's memory and files. The limit is on private writable memory: a pool's reserved addresses aren't counted.
///
/// # Errors
/// The kernel refuses.
pub(crate) fn worker_limits(memory_bytes: u64) -> Result<Vec<String>, Fault> {
    limit(Resource::Data, memory_bytes)?;
    limit(Resource::Nofile, FILES_MAX)?;
    Ok(vec![format!("at most {} MiB of memory", memory_bytes / (1024 * 1024)), format!("at most {FILES_MAX} files")])
}

/// A compiler's memory and time.
///
/// # Errors
/// The kernel refuses.
pub(crate) fn compiler_limits(memory_bytes: u64, time: Duration) -> Result<(), Fault> {
    limit(Resource::Data, memory_bytes)?;
    limit(Resource::Fsize, 0)?;
    limit(Resource::Nofile, 16)?;
    limit(Resource::Cpu, time.as_secs().saturating_add(1))
}

/// From here on this thread, and every thread that it starts, opens only what `paths` names (landlock). Paths that don't
/// exist are left out.
///
/// # Errors
/// The kernel knows landlock and refuses nevertheless.
pub(crate) fn files(paths: &Paths) -> Result<Vec<String>, Fault> {
    let fault = |error: landlock::RulesetError| Fault::while_doing("restricting files", error);
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write = read
        | AccessFs::WriteFile
        | AccessFs::RemoveDir
        | AccessFs::RemoveFile
        | AccessFs::MakeDir
        | AccessFs::MakeReg
        | AccessFs::Refer
        | AccessFs::Truncate;
    let status = ruleset(CompatLevel::BestEffort)
        .and_then(Ruleset::create)
        .and_then(|rules| rules.add_rules(path_beneath_rules(&paths.read, read)))
        .and_then(|rules| rules.add_rules(path_beneath_rules(&paths.write, write)))
        .and_then(landlock::RulesetCreated::restrict_self)
        .map_err(fault)?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => vec!["landlock: files, TCP, signals, abstract sockets".to_owned()],
        RulesetStatus::PartiallyEnforced => vec!["landlock: in part, as far as this kernel knows it".to_owned()],
        RulesetStatus::NotEnforced => vec!["landlock: NOT in force on this kernel".to_owned()],
    })
}

fn ruleset(level: CompatLevel) -> Result<Ruleset, landlock::RulesetError> {
    let network: BitFlags<AccessNet> = AccessNet::from_all(LANDLOCK);
    Ruleset::default()
        .set_compatibility(level)
        .handle_access(AccessFs::from_all(LANDLOCK))?
        .handle_access(network)?
        .scope(Scope::from_all(LANDLOCK))
}

/// What `files` and `calls` will say, as far as can be known beforehand.
pub(crate) fn forecast() -> Vec<String> {
    let complete = ruleset(CompatLevel::HardRequirement).and_then(Ruleset::create).is_ok();
    let some = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))
        .and_then(Ruleset::create)
        .is_ok();
    let landlock = match (complete, some) {
        (true, _) => "landlock: files, TCP, signals, abstract sockets",
        (false, true) => "landlock: in part, as far as this kernel knows it",
        (false, false) => "landlock: NOT in force on this kernel",
    };
    let seccomp = match rustix::thread::secure_computing_mode() {
        Ok(_) => calls::IN_FORCE,
        Err(_) => "seccomp: NOT in force on this kernel",
    };
    vec![landlock.to_owned(), seccomp.to_owned()]
}

/// A panic says where in our code, and not what about: its message may hold a value. Only the first few are told: nobody
/// reads along, and a full pipe would hold the process up.
pub(crate) fn quiet_panics(process: &'static str) {
    let told = AtomicU32::new(0);
    std::panic::set_hook(Box::new(move |panic| {
        if told.fetch_add(1, Ordering::Relaxed) >= PANICS_TOLD_MAX {
            return;
        }
        let place = panic.location().map(|place| format!("{}:{}", place.file(), place.line())).unwrap_or_default();
        // Nobody is left to tell if even this fails.
        let _told = writeln!(std::io::stderr(), "sluice {process}: panic at {place}");
    }));
}

/// What a process says before it ends, on its standard error, which only the custodian's log reads.
pub(crate) fn last_words(fault: &Fault) {
    // Nobody is left to tell if even this fails.
    let _told = writeln!(std::io::stderr(), "{fault}");
}
