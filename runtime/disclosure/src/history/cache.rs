//! Cache keys: two requests are the same if the same was asked of the same snapshots under the same policy.
//!
//! # Guarantees
//! Static: made of what was asked, never of what was counted. "The same subjects" would tell the second operator what
//! the first had learnt. No two different requests share the text that is hashed: every part carries its length.
//!
//! # Does not guarantee
//! That plans which mean the same are found to be the same: the caller hands over a canonical plan.

use sha2::{Digest, Sha256};

/// The key of a request: its canonical plan, its parameters, the snapshots in the order in which the plan reads them,
/// and the policy's version. Lower-case hexadecimal.
#[must_use]
pub fn cache_key(plan: &[u8], params: &[u8], snapshots: &[&str], policy: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(b"sluice cache key 1\0");
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(policy.as_bytes());
    part(plan);
    part(params);
    part(&(snapshots.len() as u64).to_be_bytes());
    for snapshot in snapshots {
        part(snapshot.as_bytes());
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_counts_and_none_runs_into_the_next() {
        let key = cache_key(b"plan", b"p", &["2024-01", "2024-02"], "sluice-sdc/0.1");
        assert_eq!(key, cache_key(b"plan", b"p", &["2024-01", "2024-02"], "sluice-sdc/0.1"));
        assert_eq!(key.len(), 64);
        let others = [
            cache_key(b"planp", b"", &["2024-01", "2024-02"], "sluice-sdc/0.1"),
            cache_key(b"plan", b"q", &["2024-01", "2024-02"], "sluice-sdc/0.1"),
            cache_key(b"plan", b"p", &["2024-02", "2024-01"], "sluice-sdc/0.1"),
            cache_key(b"plan", b"p", &["2024-012024-02"], "sluice-sdc/0.1"),
            cache_key(b"plan", b"p", &["2024-01", "2024-02"], "sluice-sdc/0.2"),
        ];
        assert!(others.iter().all(|other| *other != key));
    }
}
