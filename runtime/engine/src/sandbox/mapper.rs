//! Lane `tabulate`: one subject, one instance.

use std::sync::Arc;

use super::{Allowance, Clock, Guest, GuestStop, Inner, stop};

/// Maps subjects on one thread.
pub struct Mapper {
    inner: Arc<Inner>,
    words_max: usize,
    /// The tick at which the attempt is over.
    ends_at: u64,
    has_clock: bool,
}

impl Guest {
    /// A mapper for one thread of one attempt, whose time starts now. No answer may have more than `words_max` words.
    #[must_use]
    pub fn mapper(&self, words_max: usize) -> Mapper {
        let inner = Arc::clone(&self.inner);
        let has_clock = inner.clock.start(&inner.engine);
        let ends_at = inner.clock.now().saturating_add(Clock::ticks(inner.limits.attempt_ms_max));
        Mapper { inner, words_max, ends_at, has_clock }
    }
}

impl Mapper {
    /// Maps one subject in an instance that is made for it and gone afterwards. `out` holds the contributions, and
    /// nothing where the call fails.
    ///
    /// # Errors
    /// How the guest stopped.
    pub fn map(&mut self, arena: &[u64], out: &mut Vec<u64>) -> Result<(), GuestStop> {
        out.clear();
        let ticks = self.ends_at.saturating_sub(self.inner.clock.now());
        if ticks == 0 || !self.has_clock {
            return Err(GuestStop::Deadline);
        }
        let mut store = self.inner.store(Allowance {
            fuel: self.inner.limits.fuel_per_subject,
            ticks,
            answer_bytes: self.words_max.saturating_mul(8),
            next: None,
        })?;
        let outcome = self.inner.pre.instantiate(&mut store).and_then(|instance| {
            let map = instance.get_typed_func::<(&[u64],), (Vec<u64>,)>(&mut store, self.inner.work)?;
            // The words are copied out before the guest's clean-up code runs, which may write over them.
            map.call(&mut store, (arena,))
        });
        match outcome {
            Ok((words,)) if words.len() <= self.words_max => {
                *out = words;
                Ok(())
            }
            Ok(_) => Err(GuestStop::BrokenContract),
            Err(error) => Err(stop(&error, &store.data().bounds)),
        }
    }
}
