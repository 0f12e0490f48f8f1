//! Lane `report`: one instance for the whole run, which asks the host for batches.

use super::{Allowance, Clock, Guest, GuestStop, NextBatch, stop};

impl Guest {
    /// Runs a report. `next` gives the next batch of an input, an empty list after the last one; where it fails, the run
    /// ends with [`GuestStop::Deadline`] and is run again.
    ///
    /// # Errors
    /// How the guest stopped.
    pub fn report(&self, constants: &[u64], next: NextBatch, words_max: usize) -> Result<Vec<u64>, GuestStop> {
        let inner = &*self.inner;
        if !inner.clock.start(&inner.engine) {
            return Err(GuestStop::Deadline);
        }
        let mut store = inner.store(Allowance {
            fuel: inner.limits.fuel_report,
            ticks: Clock::ticks(inner.limits.attempt_ms_max),
            answer_bytes: words_max.saturating_mul(8),
            next: Some(next),
        })?;
        let outcome = inner.pre.instantiate(&mut store).and_then(|instance| {
            let run = instance.get_typed_func::<(&[u64],), (Vec<u64>,)>(&mut store, inner.work)?;
            run.call(&mut store, (constants,))
        });
        match outcome {
            Ok((words,)) if words.len() <= words_max => Ok(words),
            Ok(_) => Err(GuestStop::BrokenContract),
            Err(error) => Err(stop(&error, &store.data().bounds)),
        }
    }
}
