//! Sealed tables: what the families of a dataset publish of one snapshot, cell by cell. **They stay inside**: withheld
//! cells are listed with the rule that caught them. What leaves is made by [`super::answer`].
//!
//! # Guarantees
//! A withheld cell has no values here. Equal seals give equal bytes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sluice_domain::digest::Commitment;
use sluice_domain::method::Method;

use crate::appetite::Rules;

const FORMAT: &str = "sluice.families.inside/1";

/// Why a cell isn't published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is published.
    Published,
    /// It is published as it was before: what has changed since would give somebody away.
    Carried,
    /// A rule says so; the rules, in words.
    Primary(Vec<String>),
    /// So that no other can be worked out.
    Secondary,
    /// It was withheld before, and what was published then still holds.
    WithheldBefore,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedCell {
    /// Whether it is published, and why not.
    pub status: Status,
    /// What is published, one value for each quantity of the table, as text; none where it is withheld. A value that
    /// isn't there, of a quantity that was added since the cell was first published, is an empty text.
    pub values: Vec<String>,
    /// Of which moment the values are, in milliseconds since 1970.
    pub as_of_ms: i64,
    /// For a withheld cell what an attacker can't exclude: for each quantity the least and the largest value that fit
    /// all that is published. For the agency's eyes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intervals: Vec<(String, String)>,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedTable {
    /// The columns that it keeps, in the order of their names.
    pub columns: Vec<String>,
    /// What it publishes: `subjects`, `records`, or the column of a sum.
    pub quantities: Vec<String>,
    /// The cells that occur, by their codes. A declared cell that isn't here is empty, and is shown as withheld.
    #[serde(with = "by_codes")]
    pub cells: BTreeMap<Vec<String>, SealedCell>,
}

/// All tables of a snapshot's families.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedTables {
    format: String,
    /// The version of floors and rules.
    pub policy_version: String,
    /// The rules.
    pub rules: Rules,
    /// How figures were rounded: together, or each by itself.
    #[serde(default = "Method::suppress", skip_serializing_if = "Method::is_suppress")]
    pub method: Method,
    /// When the snapshot was sealed, in milliseconds since 1970.
    pub as_of_ms: i64,
    /// Atoms that occur.
    pub atoms: u64,
    /// The tables.
    pub tables: Vec<SealedTable>,
}

impl SealedTables {
    pub(super) fn new(
        rules: &Rules,
        method: Method,
        as_of_ms: i64,
        atoms: u64,
        tables: Vec<SealedTable>,
    ) -> SealedTables {
        SealedTables {
            format: FORMAT.to_owned(),
            policy_version: crate::appetite::POLICY_VERSION.to_owned(),
            rules: rules.clone(),
            method,
            as_of_ms,
            atoms,
            tables,
        }
    }

    /// Canonical bytes, **for inside only**.
    #[must_use]
    pub fn to_inside_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts, integers and sequences always serialise")
    }

    /// Reads what [`SealedTables::to_inside_bytes`] wrote; none if the bytes are anything else.
    #[must_use]
    pub fn from_inside_bytes(bytes: &[u8]) -> Option<SealedTables> {
        let sealed: SealedTables = serde_json::from_slice(bytes).ok()?;
        (sealed.format == FORMAT && sealed.to_inside_bytes() == bytes).then_some(sealed)
    }

    /// A keyed commitment to the canonical bytes.
    #[must_use]
    pub fn commitment(&self, key: &[u8; 32]) -> Commitment {
        Commitment::new(key, &self.to_inside_bytes())
    }

    /// The table that keeps these columns.
    #[must_use]
    pub fn table(&self, columns: &BTreeSet<String>) -> Option<&SealedTable> {
        self.tables.iter().find(|table| table.columns.iter().eq(columns.iter()))
    }
}

impl SealedCell {
    /// Whether its values are out.
    #[must_use]
    pub fn is_published(&self) -> bool {
        matches!(self.status, Status::Published | Status::Carried)
    }
}

/// JSON has texts for keys; codes may hold any character, so cells are a list of pairs.
mod by_codes {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::SealedCell;

    pub fn serialize<S: Serializer>(cells: &BTreeMap<Vec<String>, SealedCell>, to: S) -> Result<S::Ok, S::Error> {
        cells.iter().collect::<Vec<_>>().serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<Vec<String>, SealedCell>, D::Error> {
        Ok(Vec::<(Vec<String>, SealedCell)>::deserialize(from)?.into_iter().collect())
    }
}
