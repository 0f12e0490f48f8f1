//! The backstop against a guest that doesn't stop: a tick every 10 ms.
//!
//! Fuel is what ends a subject, and it is the same on every machine. A tick ends an attempt as a whole.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use wasmtime::Engine;

const TICK: Duration = Duration::from_millis(10);

/// Counts ticks since it was started.
#[derive(Default)]
pub(crate) struct Clock {
    ticks: AtomicU64,
    started: Mutex<bool>,
}

impl Clock {
    /// Starts the thread that ticks, if it isn't running: with the first call, so that it inherits the worker's fences.
    /// It ends with the engine. False where no thread can be had.
    pub(crate) fn start(self: &Arc<Clock>, engine: &Engine) -> bool {
        let Ok(mut started) = self.started.lock() else { return false };
        if !*started {
            let clock = Arc::downgrade(self);
            let engine = engine.weak();
            let ticker = std::thread::Builder::new().name("sluice-clock".to_owned()).spawn(move || {
                loop {
                    std::thread::sleep(TICK);
                    let (Some(clock), Some(engine)) = (clock.upgrade(), engine.upgrade()) else { break };
                    clock.ticks.fetch_add(1, Ordering::Relaxed);
                    engine.increment_epoch();
                }
            });
            *started = ticker.is_ok();
        }
        *started
    }

    /// Ticks so far.
    pub(crate) fn now(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }

    /// A number of milliseconds in ticks, rounded up.
    pub(crate) fn ticks(ms: u64) -> u64 {
        ms.div_ceil(TICK.as_millis() as u64).max(1)
    }
}
