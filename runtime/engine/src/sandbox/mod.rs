//! The sandbox: a hostile module on this side of a wall.
//!
//! A module is a WebAssembly component. It gets a new store and a new instance for every subject, fuel and a deadline
//! before its first instruction, a fixed memory limit, and no import but [`imports`].
//!
//! *Guarantees*: nothing that a module does in one call is seen by the next; what it can spend is bounded and doesn't
//! depend on what else runs; the code that runs is code that this node compiled itself.
//!
//! *Doesn't guarantee*: anything against a bug in wasmtime or Cranelift (the worker's fences stand behind it), nor
//! against speculative reads inside the process; there is one module per process, and no clock in it.

mod clock;
mod config;
mod describe;
mod linker;
mod mapper;
mod reporter;
mod wire;

use std::sync::Arc;

use sluice_domain::grade::Lane;
use sluice_domain::limits::Limits;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre};
use wasmtime::{Engine, Store, Trap};

use crate::cache::Artefact;
use crate::fault::Fault;
use clock::Clock;
pub(crate) use config::{
    CORE_INSTANCES_PER_COMPONENT, MEMORIES_PER_COMPONENT, PAGE_BYTES, TABLES_PER_COMPONENT, compiling, engine_digest,
    memory_bytes_max, table_elements_max,
};
pub(crate) use describe::shown;
use linker::{Bounds, Held};
pub use linker::{NextBatch, export, imports};
pub use mapper::Mapper;

/// How a guest's call ended, other than well. Coarse on purpose: it is all that is ever kept of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuestStop {
    /// It trapped.
    Trapped,
    /// It used up its fuel.
    OutOfFuel,
    /// It trapped after it had asked for more memory than it may have.
    OutOfMemory,
    /// What it returned isn't what the interface says, or is longer than the contract allows.
    BrokenContract,
    /// Not the guest's doing alone: time ran out, the host ran short, the next batch couldn't be had. It ends the attempt,
    /// which is run again; it never stands for a subject.
    Deadline,
}

impl GuestStop {
    /// Whether the stop follows from the module and the subject alone, so that a rerun gives the same.
    #[must_use]
    pub fn is_deterministic(self) -> bool {
        self != GuestStop::Deadline
    }
}

/// wasmtime, set up for hostile modules.
pub struct Sandbox {
    engine: Engine,
    digest: String,
    limits: Limits,
    clock: Arc<Clock>,
}

/// A module that is ready to be instantiated.
#[derive(Clone)]
pub struct Guest {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    limits: Limits,
    clock: Arc<Clock>,
    lane: Lane,
    pre: InstancePre<Held>,
    describe: ComponentExportIndex,
    /// `map` or `run`.
    work: ComponentExportIndex,
}

impl Sandbox {
    /// Sets wasmtime up with room for `threads` calls at a time. Starts no thread: the clock starts with the first call.
    ///
    /// # Errors
    /// The pool's address space couldn't be had.
    pub fn new(limits: &Limits, threads: u32) -> Result<Sandbox, Fault> {
        let engine = Engine::new(&config::running(limits, threads))
            .map_err(|error| Fault::while_doing("setting wasmtime up", format!("{error:#}")))?;
        let digest = engine_digest(&engine);
        Ok(Sandbox { engine, digest, limits: limits.clone(), clock: Arc::default() })
    }

    /// What compiled modules depend on, in hexadecimal.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    /// Loads a module that this node compiled, and runs its start code once, without data.
    ///
    /// # Errors
    /// It is for another engine, or what it imports or exports isn't what its lane has.
    pub fn load(&self, artefact: &Artefact) -> Result<Guest, Fault> {
        let component = self.deserialize(artefact)?;
        component
            .initialize_copy_on_write_image()
            .map_err(|error| Fault::while_doing("preparing a module's memory image", error))?;
        let guest = self.link(&component)?;
        guest.inner.warm_up();
        Ok(guest)
    }

    /// The only place where bytes become machine code.
    #[allow(unsafe_code, reason = "wasmtime can't check that bytes are its own; the type of `artefact` says it")]
    fn deserialize(&self, artefact: &Artefact) -> Result<Component, Fault> {
        // SAFETY: `deserialize` needs bytes that `precompile_component` made and that nobody changed. An `Artefact` is
        // made in two places only. The cache makes one of bytes whose HMAC it has just compared, under a key that only
        // the server holds; the MAC is only ever made over what our own compiler process answered, together with the
        // digest of the engine's settings. A worker makes one of what its server, which took it from that cache, wrote
        // to their socket pair, which no third process holds. The bytes are in memory, so they can't change between
        // check and use; and that they are for this engine, wasmtime checks itself.
        unsafe { Component::deserialize(&self.engine, artefact.bytes()) }
            .map_err(|error| Fault::while_doing("loading a compiled module", format!("{error:#}")))
    }

    fn link(&self, component: &Component) -> Result<Guest, Fault> {
        let (lane, interface) = [Lane::Tabulate, Lane::Report]
            .into_iter()
            .find_map(|lane| Some((lane, component.get_export_index(None, export(lane))?)))
            .ok_or_else(|| Fault::new("a compiled module exports no lane's interface"))?;
        let kind = component.component_type();
        if let Some((name, _)) = kind.imports(&self.engine).find(|(name, _)| !imports(lane).contains(name)) {
            return Err(Fault::new(format!("a compiled module imports `{name}`")));
        }
        let function = |name: &str| {
            component
                .get_export_index(Some(&interface), name)
                .ok_or_else(|| Fault::new(format!("a compiled module has no `{name}`")))
        };
        let work = match lane {
            Lane::Tabulate => function("map")?,
            Lane::Report => function("run")?,
        };
        let describe = function("describe")?;
        let pre = linker::linker(&self.engine, lane)
            .and_then(|linker| linker.instantiate_pre(component))
            .map_err(|error| Fault::while_doing("linking a module", format!("{error:#}")))?;
        let inner = Inner {
            engine: self.engine.clone(),
            limits: self.limits.clone(),
            clock: Arc::clone(&self.clock),
            lane,
            pre,
            describe,
            work,
        };
        Ok(Guest { inner: Arc::new(inner) })
    }
}

impl Guest {
    /// The lane whose interface the module exports.
    #[must_use]
    pub fn lane(&self) -> Lane {
        self.inner.lane
    }
}

/// What one call may use.
struct Allowance {
    fuel: u64,
    ticks: u64,
    /// Bytes that may come back.
    answer_bytes: usize,
    next: Option<NextBatch>,
}

impl Inner {
    /// A new store, with its limits set before anything of the guest runs.
    fn store(&self, allowance: Allowance) -> Result<Store<Held>, GuestStop> {
        let bounds = Bounds {
            memory_bytes_max: memory_bytes_max(&self.limits),
            table_elements_max: table_elements_max(&self.limits),
            refused: false,
            host_failed: false,
        };
        let held = Held { bounds, next: allowance.next };
        let mut store = Store::try_new(&self.engine, held).map_err(|_| GuestStop::Deadline)?;
        store.limiter(|held| &mut held.bounds);
        store.set_fuel(allowance.fuel).map_err(|_| GuestStop::Deadline)?;
        store.set_epoch_deadline(allowance.ticks);
        store.set_hostcall_fuel(allowance.answer_bytes);
        Ok(store)
    }

    /// Makes the first subject as quick as the others: maps the pages, fills the caches. Its outcome doesn't matter here.
    fn warm_up(&self) {
        let allowance =
            Allowance { fuel: self.limits.fuel_per_subject, ticks: u64::from(u32::MAX), answer_bytes: 0, next: None };
        if let Ok(mut store) = self.store(allowance) {
            let _outcome = self.pre.instantiate(&mut store);
        }
    }
}

/// Why a call failed, as coarse as it may be kept.
fn stop(error: &wasmtime::Error, bounds: &Bounds) -> GuestStop {
    if bounds.host_failed || linker::is_of_the_system(error) {
        return GuestStop::Deadline;
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => GuestStop::OutOfFuel,
        Some(Trap::Interrupt) => GuestStop::Deadline,
        Some(_) if bounds.refused => GuestStop::OutOfMemory,
        Some(_) => GuestStop::Trapped,
        None => GuestStop::BrokenContract,
    }
}
