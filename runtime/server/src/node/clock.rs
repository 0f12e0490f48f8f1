//! The node's clock: it may be wrong, but it never goes back.
//!
//! A machine's clock that jumped ahead and was set right again lies behind what the node has told. Until the two meet,
//! the node's time goes on from what it told last, at half the speed of real time: if it stood still, no slot would
//! end and no operator would hear of a decision.

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// How far the ledger's last event may lie ahead of the machine's clock before whoever starts the node is told.
pub const AHEAD_MS_MAX: i64 = 5 * 60 * 1_000;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A source of time. Two implementations: the machine's, and a test's.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970. It may jump in either direction.
    fn read_ms(&self) -> i64;

    /// Milliseconds since some moment of this process. Unlike [`Clock::read_ms`] it never jumps.
    fn steady_ms(&self) -> i64 {
        i64::try_from(START.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
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

/// By how much the ledger's last event lies ahead of the machine's clock, where that is more than [`AHEAD_MS_MAX`].
#[must_use]
pub fn ahead_ms(last_event_ms: i64, read_ms: i64) -> Option<i64> {
    Some(last_event_ms.saturating_sub(read_ms)).filter(|ahead_ms| *ahead_ms > AHEAD_MS_MAX)
}

/// How far the mark lies ahead of what was told when it was written: more than passes until the next one.
const MARK_MS: i64 = 5_000;
/// A mark that is further than this beyond the last event isn't one.
const MARK_MS_MAX: i64 = 366 * 86_400_000;

/// From when on a node may tell time that starts on this ledger: no earlier than its last event, and, while that lies
/// ahead of the machine's clock, no earlier than the mark that the node wrote last.
#[must_use]
pub fn not_before_ms(last_event_ms: i64, mark_ms: Option<i64>, read_ms: i64) -> i64 {
    let sane = |mark_ms: &i64| (0..=MARK_MS_MAX).contains(&mark_ms.saturating_sub(last_event_ms));
    match mark_ms.filter(sane) {
        Some(mark_ms) if last_event_ms > read_ms => mark_ms,
        _ => last_event_ms,
    }
}

/// A clock that slows down instead of going back.
pub struct Monotone {
    clock: Box<dyn Clock>,
    told: Mutex<Told>,
}

/// What was told last, and up to where the steady clock was counted for it.
#[derive(Debug, Clone, Copy)]
struct Told {
    now_ms: i64,
    steady_ms: i64,
}

impl Told {
    fn next(self, read_ms: i64, steady_ms: i64) -> Told {
        if read_ms >= self.now_ms {
            return Told { now_ms: read_ms, steady_ms };
        }
        // What is left of an odd millisecond is counted the next time.
        let half_ms = steady_ms.saturating_sub(self.steady_ms).max(0) / 2;
        Told {
            now_ms: self.now_ms.saturating_add(half_ms),
            steady_ms: self.steady_ms.saturating_add(half_ms.saturating_mul(2)),
        }
    }
}

impl Monotone {
    /// Reads `clock`; never earlier than `not_before_ms`, which is the last event's time.
    #[must_use]
    pub fn new(clock: Box<dyn Clock>, not_before_ms: i64) -> Monotone {
        let told = Told { now_ms: not_before_ms, steady_ms: clock.steady_ms() };
        Monotone { clock, told: Mutex::new(told) }
    }

    /// What to write down for the next start, while the node's time is ahead of the machine's.
    #[must_use]
    pub fn mark_ms(&self) -> Option<i64> {
        let now_ms = self.now_ms();
        (self.clock.read_ms() < now_ms).then(|| now_ms.saturating_add(MARK_MS))
    }

    /// Now, and never earlier than what was said before.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        let (read_ms, steady_ms) = (self.clock.read_ms(), self.clock.steady_ms());
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        *told = told.next(read_ms, steady_ms);
        told.now_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    #[derive(Clone, Default)]
    struct Hand {
        read_ms: Arc<AtomicI64>,
        steady_ms: Arc<AtomicI64>,
    }

    impl Clock for Hand {
        fn read_ms(&self) -> i64 {
            self.read_ms.load(Ordering::SeqCst)
        }

        fn steady_ms(&self) -> i64 {
            self.steady_ms.load(Ordering::SeqCst)
        }
    }

    #[test]
    fn a_clock_that_jumps_back_turns_no_time_back() {
        let hand = Hand::default();
        hand.read_ms.store(50, Ordering::SeqCst);
        let clock = Monotone::new(Box::new(hand.clone()), 100);
        assert_eq!(clock.now_ms(), 100);
        for (read_ms, told_ms) in [(200, 200), (150, 200), (201, 201)] {
            hand.read_ms.store(read_ms, Ordering::SeqCst);
            assert_eq!(clock.now_ms(), told_ms);
        }
    }

    #[test]
    fn a_start_goes_on_from_the_mark_while_the_ledger_is_ahead_and_from_the_last_event_else() {
        let hand = Hand::default();
        hand.read_ms.store(10, Ordering::SeqCst);
        let clock = Monotone::new(Box::new(hand.clone()), 1_000);
        hand.steady_ms.store(400, Ordering::SeqCst);
        let mark_ms = clock.mark_ms();
        assert_eq!(mark_ms, Some(1_200 + MARK_MS));
        assert!(not_before_ms(1_000, mark_ms, 10) >= clock.now_ms(), "a restart turns no time back");
        assert_eq!(not_before_ms(1_000, mark_ms, 1_001), 1_000, "the ledger isn't ahead");
        assert_eq!(not_before_ms(1_000, None, 10), 1_000);
        assert_eq!(not_before_ms(1_000, Some(900), 10), 1_000, "an old mark");
        assert_eq!(not_before_ms(1_000, Some(i64::MAX), 10), 1_000, "a broken mark");
        hand.read_ms.store(2_000, Ordering::SeqCst);
        assert_eq!(clock.mark_ms(), None);
    }

    #[test]
    fn while_it_is_ahead_time_goes_on_at_half_speed_until_the_two_meet() {
        let hand = Hand::default();
        let clock = Monotone::new(Box::new(hand.clone()), 1_000);
        // Every millisecond is asked for, so that halves would be lost if they were rounded each time.
        let told: Vec<i64> = (0..=3_000)
            .map(|ms| {
                hand.read_ms.store(ms, Ordering::SeqCst);
                hand.steady_ms.store(ms, Ordering::SeqCst);
                clock.now_ms()
            })
            .collect();
        assert!(told.is_sorted());
        assert_eq!([0, 1, 2, 100, 1_996].map(|ms| told[ms]), [1_000, 1_000, 1_001, 1_050, 1_998]);
        assert_eq!([1_998, 1_999, 3_000].map(|ms| told[ms]), [1_998, 1_999, 3_000], "from there on they are one");
        // A jump that stays behind what was told is no time that has passed.
        hand.read_ms.store(500, Ordering::SeqCst);
        assert_eq!(clock.now_ms(), 3_000);
        hand.read_ms.store(2_900, Ordering::SeqCst);
        assert_eq!(clock.now_ms(), 3_000);
    }

    #[test]
    fn a_ledger_that_is_more_than_five_minutes_ahead_is_told() {
        let now_ms = 1_700_000_000_000;
        assert_eq!(ahead_ms(now_ms, now_ms), None);
        assert_eq!(ahead_ms(now_ms - 86_400_000, now_ms), None, "a ledger that rested is behind");
        assert_eq!(ahead_ms(now_ms + 300_000, now_ms), None);
        assert_eq!(ahead_ms(now_ms + 300_001, now_ms), Some(300_001));
        assert_eq!(ahead_ms(i64::MAX, -1), Some(i64::MAX));
        assert_eq!(ahead_ms(0, i64::MAX), None, "an empty ledger");
    }
}
