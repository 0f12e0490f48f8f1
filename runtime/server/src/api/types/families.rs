//! Families.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sluice_disclosure::families::sealed::{SealedTable, SealedTables, Status};
use sluice_domain::family::{Family, FamilyState, FamilyTerms};
use sluice_domain::grant::Signature;
use sluice_domain::method::Method;
use utoipa::ToSchema;

/// Cells that are listed of a preview's table, at most.
const CELLS_SHOWN: usize = 200;

/// Proposes a family.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposeFamily {
    /// What it says: dataset, name, title, dimensions with their levels, figures, margins, and the method: `suppress`, or
    /// `controlled_rounding`, the same for all families of a dataset that are in force.
    #[schema(value_type = Object)]
    pub terms: FamilyTerms,
}

/// A family. It is public once it is vetted; nothing in it was counted from data.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FamilyView {
    /// Its key: `dataset.name`.
    pub key: String,
    /// What it says; without a method it is `suppress`.
    #[schema(value_type = Object)]
    pub terms: FamilyTerms,
    /// The agency.
    pub agency: String,
    /// Who proposed it.
    pub proposed_by: String,
    /// When.
    pub proposed_at_ms: i64,
    /// Who vetted it.
    #[schema(value_type = Vec<Object>)]
    pub vets: Vec<Signature>,
    /// `proposed`, `vetted` or `withdrawn`.
    #[schema(value_type = String)]
    pub state: FamilyState,
    /// The snapshot that jobs are answered from now; none where the newest one's tables couldn't be protected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_snapshot: Option<String>,
}

/// What would be published if a family were vetted beside those that are. **For the agency's eyes only.**
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct FamilyPreview {
    /// The family.
    pub key: String,
    /// How figures are rounded: `suppress`, each by itself, or `controlled_rounding`. The former as well where they can't be
    /// rounded together.
    #[schema(value_type = String)]
    pub method: Method,
    /// Combinations of codes that occur.
    pub atoms: u64,
    /// The family's tables.
    pub tables: Vec<TablePreview>,
}

/// What would be published of one table.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct TablePreview {
    /// The columns that it keeps; none of the grand total.
    pub columns: Vec<String>,
    /// Cells that occur.
    pub cells: u64,
    /// Cells that would be published.
    pub published: u64,
    /// Cells that a rule withholds, by the rule.
    pub primary: BTreeMap<String, u64>,
    /// Cells that would be withheld so that no other can be worked out.
    pub secondary: u64,
    /// Cells that would be published as they were before.
    pub carried: u64,
    /// Cells that are out already and wouldn't show all that the table publishes from now on.
    pub partly_withheld: u64,
    /// Cells that were withheld before and have changed too little to be published now.
    pub withheld_before: u64,
    /// The first cells that would be withheld.
    pub withheld: Vec<WithheldCell>,
}

/// A cell that would be withheld.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct WithheldCell {
    /// Its codes, in the order of the table's columns.
    pub labels: Vec<String>,
    /// Why, in words.
    pub why: String,
    /// For each figure the least and the largest value that an attacker can't exclude.
    #[schema(value_type = Vec<Vec<String>>)]
    pub intervals: Vec<(String, String)>,
}

impl FamilyPreview {
    /// Of sealed tables, those of this family.
    #[must_use]
    pub fn new(family: &Family, sealed: &SealedTables) -> FamilyPreview {
        let tables = family.terms.tables();
        let own = tables.iter().filter_map(|columns| sealed.table(columns));
        let tables = own.map(table).collect();
        FamilyPreview { key: family.key(), method: sealed.method, atoms: sealed.atoms, tables }
    }
}

fn table(table: &SealedTable) -> TablePreview {
    let mut preview = TablePreview {
        columns: table.columns.clone(),
        cells: table.cells.len() as u64,
        published: 0,
        primary: BTreeMap::new(),
        secondary: 0,
        carried: 0,
        partly_withheld: 0,
        withheld_before: 0,
        withheld: Vec::new(),
    };
    for (labels, cell) in &table.cells {
        let why = match &cell.status {
            Status::Published => {
                preview.published += 1;
                if !cell.values.iter().any(String::is_empty) {
                    continue;
                }
                preview.partly_withheld += 1;
                "it stays out, without what is added to it: that would give somebody away".to_owned()
            }
            Status::Carried => {
                preview.carried += 1;
                "its change would give somebody away: the earlier figure stays".to_owned()
            }
            Status::Primary(rules) => {
                for rule in rules {
                    *preview.primary.entry(rule.clone()).or_default() += 1;
                }
                rules.join("; ")
            }
            Status::Secondary => {
                preview.secondary += 1;
                "so that no other can be worked out".to_owned()
            }
            Status::WithheldBefore => {
                preview.withheld_before += 1;
                "it was withheld before, and has changed too little".to_owned()
            }
        };
        if preview.withheld.len() < CELLS_SHOWN {
            preview.withheld.push(WithheldCell { labels: labels.clone(), why, intervals: cell.intervals.clone() });
        }
    }
    preview
}
