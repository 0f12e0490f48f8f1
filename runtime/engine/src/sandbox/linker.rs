//! What a guest may call: the whole list.
//!
//! The linker of a subject lane is empty, that of `report` holds one function of our own. There is no WASI: no clock, no
//! randomness, no file, no socket, no environment.

use sluice_domain::grade::Lane;
use wasmtime::component::Linker;
use wasmtime::{Engine, ResourceLimiter, StoreContextMut};

/// The interface that lane `tabulate` exports.
pub(crate) const TABULATE: &str = "sluice:guest/tabulate@0.1.0";
/// The interface that lane `report` exports.
pub(crate) const REPORT: &str = "sluice:guest/report@0.1.0";
/// The interface that lane `report` may import.
pub(crate) const ROWS: &str = "sluice:guest/rows@0.1.0";

/// The instances that a module of this lane may import, all told.
#[must_use]
pub fn imports(lane: Lane) -> &'static [&'static str] {
    match lane {
        Lane::Tabulate => &[],
        Lane::Report => &[ROWS],
    }
}

/// The interface that makes a module one of this lane.
#[must_use]
pub fn export(lane: Lane) -> &'static str {
    match lane {
        Lane::Tabulate => TABULATE,
        Lane::Report => REPORT,
    }
}

/// Gives the next batch of an input, or an empty list after the last one.
pub type NextBatch = Box<dyn FnMut(u32) -> Result<Vec<u64>, ()> + Send>;

/// What a store holds for one instance.
pub(crate) struct Held {
    pub(crate) bounds: Bounds,
    pub(crate) next: Option<NextBatch>,
}

/// What an instance may grow to, and how asking for more went.
pub(crate) struct Bounds {
    pub(crate) memory_bytes_max: usize,
    pub(crate) table_elements_max: usize,
    /// The guest asked for more than it may have, and got -1: a matter of the guest alone.
    pub(crate) refused: bool,
    /// The host failed: nothing that the guest may learn of, and the end of the attempt.
    pub(crate) host_failed: bool,
}

/// Why a host function gave up.
#[derive(Debug, thiserror::Error)]
#[error("the next batch couldn't be had")]
struct NoBatch;

impl Bounds {
    fn grow(&mut self, desired: usize, bound: usize, maximum: Option<usize>) -> bool {
        let fits = desired <= bound && maximum.is_none_or(|maximum| desired <= maximum);
        self.refused |= !fits;
        fits
    }

    /// Growth failed after all. An error of the kernel must not become a -1 that depends on the neighbours.
    fn failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        if is_of_the_system(&error) {
            self.host_failed = true;
            return Err(error);
        }
        self.refused = true;
        Ok(())
    }
}

/// Whether an error comes from the kernel, the pool or the allocator, and not from what the guest did.
pub(crate) fn is_of_the_system(error: &wasmtime::Error) -> bool {
    error.is::<std::io::Error>()
        || error.is::<rustix::io::Errno>()
        || error.is::<wasmtime::OutOfMemory>()
        || error.is::<wasmtime::PoolConcurrencyLimitError>()
        || error.is::<NoBatch>()
}

impl ResourceLimiter for Bounds {
    fn memory_growing(&mut self, _now: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(desired, self.memory_bytes_max, maximum))
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.failed(error)
    }

    fn table_growing(&mut self, _now: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(desired, self.table_elements_max, maximum))
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.failed(error)
    }
}

/// The linker of a lane.
pub(crate) fn linker(engine: &Engine, lane: Lane) -> wasmtime::Result<Linker<Held>> {
    let mut linker = Linker::new(engine);
    for name in imports(lane) {
        let mut instance = linker.instance(name)?;
        match *name {
            ROWS => instance.func_wrap("next", next)?,
            other => wasmtime::bail!("nothing is known of `{other}`"),
        }
    }
    Ok(linker)
}

fn next(mut store: StoreContextMut<'_, Held>, (input,): (u32,)) -> wasmtime::Result<(Vec<u64>,)> {
    let held = store.data_mut();
    let batch = held.next.as_mut().map_or(Ok(Vec::new()), |next| next(input));
    batch.map(|words| (words,)).map_err(|()| {
        held.bounds.host_failed = true;
        wasmtime::Error::from(NoBatch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_linker_holds_this_and_nothing_else() {
        assert_eq!(imports(Lane::Tabulate), [""; 0]);
        assert_eq!(imports(Lane::Report), ["sluice:guest/rows@0.1.0"]);
        let engine = Engine::new(&super::super::config::compiling()).expect("the settings agree with each other");
        for lane in [Lane::Tabulate, Lane::Report] {
            let mut linker = linker(&engine, lane).expect("every name of the list is defined");
            // A name that is taken can't be defined again; every other one can.
            let mut root = linker.root();
            assert_eq!(
                root.instance(ROWS).and_then(|mut rows| rows.func_wrap("next", next)).is_err(),
                lane == Lane::Report
            );
        }
    }

    #[test]
    fn growth_beyond_the_bound_is_the_guests_own_affair() {
        let mut bounds = Bounds { memory_bytes_max: 100, table_elements_max: 10, refused: false, host_failed: false };
        assert!(bounds.memory_growing(0, 100, None).expect("no error"));
        assert!(!bounds.refused);
        assert!(!bounds.memory_growing(0, 101, None).expect("no error"));
        assert!(bounds.refused && !bounds.host_failed);
        assert!(bounds.memory_grow_failed(wasmtime::Error::from(rustix::io::Errno::NOMEM)).is_err());
        assert!(bounds.host_failed);
    }
}
