//! Sealed snapshots on disk: Parquet parts sorted by subject ordinal, and a manifest.
//!
//! Each part holds whole subjects, so a partition is a run of parts and every subject is in one partition: no
//! repartitioning and no sort stands between the scan and the map. Rows without a subject are in parts of their own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use datafusion::common::{DataFusionError, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The hidden column with a subject's ordinal in its domain. Queries can't name it.
pub const SUBJECT: &str = "__sluice_subject";

/// Names that start like this are the host's.
pub const HIDDEN: &str = "__sluice";

/// The file with the group of each subject, where a dataset declares groups: pairs of ordinal and number.
pub const GROUPS: &str = "groups.bin";

/// Reads the groups of a snapshot's subjects; none where the dataset declares none.
///
/// # Errors
/// A file that can't be read or isn't pairs.
pub fn groups(folder: &Path) -> std::io::Result<Option<Vec<(u32, u64)>>> {
    let bytes = match std::fs::read(folder.join(GROUPS)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes?,
    };
    let pair = |pair: &[u8]| {
        let (subject, group) = pair.split_first_chunk::<4>()?;
        Some((u32::from_le_bytes(*subject), u64::from_le_bytes(*group.first_chunk()?)))
    };
    let pairs: Option<Vec<(u32, u64)>> = bytes.chunks(12).map(pair).collect();
    pairs.map(Some).ok_or_else(|| std::io::Error::other("the groups aren't pairs"))
}

/// The groups that several snapshots declare of the subjects of one domain; none where none of them declares any. Two
/// datasets may group a subject differently: then the group of the least number counts.
///
/// # Errors
/// As [`groups`].
pub fn merged_groups(folders: &[PathBuf]) -> std::io::Result<Option<BTreeMap<u32, u64>>> {
    let mut merged: Option<BTreeMap<u32, u64>> = None;
    for folder in folders {
        let Some(pairs) = groups(folder)? else { continue };
        let merged = merged.get_or_insert_default();
        for (subject, group) in pairs {
            merged.entry(subject).and_modify(|known| *known = group.min(*known)).or_insert(group);
        }
    }
    Ok(merged)
}

/// The group of a subject that is in none.
#[must_use]
pub fn alone(subject: u32) -> u64 {
    number("alone", &subject.to_le_bytes())
}

/// The number of a value: the first bytes of its digest, behind a word that keeps kinds apart.
pub(crate) fn number(kind: &str, value: &[u8]) -> u64 {
    let digest = Sha256::new().chain_update(kind).chain_update([0]).chain_update(value).finalize();
    digest.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// One Parquet file of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its name in the snapshot's folder.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// Its rows.
    pub rows: u64,
    /// The first subject's ordinal; none for rows without a subject, and in public tables.
    pub first: Option<u32>,
}

/// What a snapshot is made of. It holds counts and stays inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The parts, in order of ordinals; those without a subject last.
    pub parts: Vec<Part>,
}

impl Manifest {
    /// Reads the manifest of a snapshot's folder.
    ///
    /// # Errors
    /// A manifest that is missing or isn't one.
    pub fn read(folder: &Path) -> Result<Manifest> {
        let text = std::fs::read(folder.join("manifest.json"))?;
        serde_json::from_slice(&text).map_err(|error| DataFusionError::External(Box::new(error)))
    }

    /// Writes the manifest.
    ///
    /// # Errors
    /// A folder that can't be written.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        let text = serde_json::to_vec_pretty(self)?;
        std::fs::write(folder.join("manifest.json"), text)
    }
}
