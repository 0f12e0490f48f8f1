//! How often someone may ask: a bucket for each token, and one for each address without a token.
//!
//! The generic cell rate algorithm: a key has one number, the moment at which its bucket is full again.
//!
//! # Guarantees
//! At most so many requests in any minute, twice that across two; memory is bounded whatever the number of keys.
//!
//! # Does not guarantee
//! Fairness among addresses once there are more of them than are kept: then new ones wait.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sluice_domain::id::TokenId;

/// Keys that are kept at most.
const KEYS_MAX: usize = 10_000;
const MINUTE: Duration = Duration::from_secs(60);

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// Someone with a token.
    Token(TokenId),
    /// Someone without.
    Address(IpAddr),
}

/// The buckets.
pub struct Rate {
    token: Duration,
    address: Duration,
    full_at: Mutex<HashMap<Key, Instant>>,
}

impl Rate {
    /// So many requests per minute.
    #[must_use]
    pub fn new(token_per_minute: u32, address_per_minute: u32) -> Rate {
        Rate {
            token: MINUTE / token_per_minute.max(1),
            address: MINUTE / address_per_minute.max(1),
            full_at: Mutex::default(),
        }
    }

    /// Whether one more request may come now.
    pub fn admits(&self, key: &Key, now: Instant) -> bool {
        let step = match key {
            Key::Token(_) => self.token,
            Key::Address(_) => self.address,
        };
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if full_at.len() >= KEYS_MAX && !full_at.contains_key(key) {
            full_at.retain(|_, at| *at > now);
            if full_at.len() >= KEYS_MAX {
                return false;
            }
        }
        let at = full_at.get(key).copied().filter(|at| *at > now).unwrap_or(now) + step;
        let admitted = at.duration_since(now) <= MINUTE;
        if admitted {
            full_at.insert(key.clone(), at);
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let rate = Rate::new(600, 3);
        let key = Key::Address(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let now = Instant::now();
        let admitted = |at: Instant| rate.admits(&key, at);
        assert_eq!([admitted(now), admitted(now), admitted(now), admitted(now)], [true, true, true, false]);
        assert!(admitted(now + Duration::from_secs(21)));
        assert!(!admitted(now + Duration::from_secs(22)));
    }

    #[test]
    fn attack_22_many_addresses_take_no_more_memory() {
        let rate = Rate::new(1, 1);
        let now = Instant::now();
        let admitted = (0..20_000_u32).filter(|n| rate.admits(&Key::Address(IpAddr::V4(Ipv4Addr::from(*n))), now));
        assert_eq!(admitted.count(), KEYS_MAX);
    }
}
