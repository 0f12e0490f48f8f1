//! What fuel and canonical NaNs cost: one `report` module over the same batches, compiled with and without them.
//!
//! The engine itself has one setting, with both on. This is wasmtime alone, so that the difference can be measured.

use std::sync::Arc;

use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Store, StoreContextMut};

/// What stops a module that doesn't stop by itself, and what keeps its floats the same everywhere.
#[derive(Clone, Copy)]
pub enum Metering {
    /// An epoch alone.
    Epoch,
    /// Epoch, fuel and canonical NaNs: what the engine has.
    All,
}

/// A module of lane `report`, ready to run over batches that are in memory.
pub struct Metered {
    engine: Engine,
    component: Component,
    arenas: Arc<Vec<Vec<u64>>>,
    fuel: bool,
}

impl Metered {
    /// Compiles a module.
    ///
    /// # Panics
    /// Where it isn't one.
    #[must_use]
    pub fn new(component: &[u8], metering: Metering, arenas: Arc<Vec<Vec<u64>>>) -> Metered {
        let fuel = matches!(metering, Metering::All);
        let mut config = Config::new();
        config
            .epoch_interruption(true)
            .consume_fuel(fuel)
            .cranelift_nan_canonicalization(fuel)
            .concurrency_support(false);
        let engine = Engine::new(&config).expect("the settings agree with each other");
        let component = Component::new(&engine, component).expect("a component");
        Metered { engine, component, arenas, fuel }
    }

    /// Runs it over all batches, and gives the number that it reports.
    ///
    /// # Panics
    /// Where the module traps.
    #[must_use]
    pub fn run(&self) -> i64 {
        let mut linker: Linker<usize> = Linker::new(&self.engine);
        let arenas = Arc::clone(&self.arenas);
        let next = move |mut store: StoreContextMut<'_, usize>, (_,): (u32,)| -> wasmtime::Result<(Vec<u64>,)> {
            let place = store.data_mut();
            *place += 1;
            Ok((arenas.get(*place - 1).cloned().unwrap_or_default(),))
        };
        let mut rows = linker.instance("sluice:guest/rows@0.1.0").expect("a name");
        rows.func_wrap("next", next).expect("a name");
        let mut store = Store::new(&self.engine, 0);
        store.set_epoch_deadline(u64::MAX / 2);
        if self.fuel {
            store.set_fuel(u64::MAX).expect("fuel is on");
        }
        let instance = linker.instantiate(&mut store, &self.component).expect("a report module");
        let report = self.component.get_export_index(None, "sluice:guest/report@0.1.0").expect("a report module");
        let run = self.component.get_export_index(Some(&report), "run").expect("a report module");
        let run = instance.get_typed_func::<(&[u64],), (Vec<u64>,)>(&mut store, run).expect("the interface's types");
        let (words,) = run.call(&mut store, (&[],)).expect("it doesn't trap");
        words.first().map_or(0, |word| word.cast_signed())
    }
}
