//! The ordinals of subject domains.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use sluice_domain::refusal::Refusal;

use super::parts::sync;
use crate::reading::unreadable;

/// The ordinals of a subject domain: one for each key that any dataset of the domain has ever had. Inside only.
pub(super) struct Ordinals(HashMap<String, u32>);

impl Ordinals {
    fn path(domains: &Path, domain: &str) -> PathBuf {
        domains.join(format!("{domain}.keys"))
    }

    pub(super) fn read(domains: &Path, domain: &str) -> Result<Ordinals, Refusal> {
        let path = Ordinals::path(domains, domain);
        if !path.exists() {
            return Ok(Ordinals(HashMap::new()));
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let keys: Result<Vec<String>, _> = serde_json::from_str(&text);
        let keys = keys.map_err(unreadable)?;
        Ok(Ordinals(keys.into_iter().enumerate().map(|(ordinal, key)| (key, ordinal as u32)).collect()))
    }

    pub(super) fn of(&mut self, key: &str) -> Option<u32> {
        if let Some(ordinal) = self.0.get(key) {
            return Some(*ordinal);
        }
        let ordinal = u32::try_from(self.0.len()).ok().filter(|ordinal| *ordinal < u32::MAX)?;
        self.0.insert(key.to_owned(), ordinal);
        Some(ordinal)
    }

    pub(super) fn write(&self, domains: &Path, domain: &str) -> Result<(), Refusal> {
        let mut keys: Vec<(&String, &u32)> = self.0.iter().collect();
        keys.sort_unstable_by_key(|(_, ordinal)| **ordinal);
        let keys: Vec<&String> = keys.into_iter().map(|(key, _)| key).collect();
        let text = serde_json::to_vec(&keys).map_err(unreadable)?;
        let path = Ordinals::path(domains, domain);
        let fresh = path.with_extension("fresh");
        std::fs::create_dir_all(domains).map_err(unreadable)?;
        std::fs::write(&fresh, text).map_err(unreadable)?;
        sync(&fresh).map_err(unreadable)?;
        std::fs::rename(fresh, path).map_err(unreadable)?;
        sync(domains).map_err(unreadable)
    }
}
