//! The node's clock: it may be wrong, but it never goes back.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A source of time. Two implementations: the machine's, and a test's.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970. It may jump in either direction.
    fn read_ms(&self) -> i64;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn read_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}

/// A clock that stands still instead of going back.
pub struct Monotone {
    clock: Box<dyn Clock>,
    last_ms: AtomicI64,
}

impl Monotone {
    /// Reads `clock`; never earlier than `not_before_ms`, which is the last event's time.
    #[must_use]
    pub fn new(clock: Box<dyn Clock>, not_before_ms: i64) -> Monotone {
        Monotone { clock, last_ms: AtomicI64::new(not_before_ms) }
    }

    /// Now, and never earlier than what was said before.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        let read = self.clock.read_ms();
        self.last_ms.fetch_max(read, Ordering::SeqCst).max(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    struct Hand(Arc<AtomicI64>);

    impl Clock for Hand {
        fn read_ms(&self) -> i64 {
            self.0.load(Ordering::SeqCst)
        }
    }

    #[test]
    fn a_clock_that_jumps_back_stands_still() {
        let hand = Arc::new(AtomicI64::new(50));
        let clock = Monotone::new(Box::new(Hand(Arc::clone(&hand))), 100);
        assert_eq!(clock.now_ms(), 100);
        for (read, told) in [(200, 200), (150, 200), (201, 201)] {
            hand.store(read, Ordering::SeqCst);
            assert_eq!(clock.now_ms(), told);
        }
    }
}
