//! Families: the tables that an agency vets beforehand, and from which jobs are answered without anyone looking.
//!
//! A family is public, like the catalogue: what may be asked of it follows from it alone, and never from data.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::digest::Commitment;
use crate::grant::{Signature, Tightening};
use crate::id::SnapshotId;
use crate::method::Method;
use crate::refusal::{Code, Refusal};

mod together;

pub use together::{check_together, method_together};

/// Dimensions of a family, at most.
pub const DIMENSIONS_MAX: usize = 4;
/// Families of one dataset that are in force at a time, at most.
pub const FAMILIES_MAX: usize = 16;
/// Cells that the families of a dataset may publish together, at most, where they have two dimensions in all.
pub const CELLS_MAX: u64 = 100_000;
/// The same, where they have more: elimination over three dimensions costs far more than over two.
pub const CELLS_DEEP_MAX: u64 = 12_000;
/// Tables of one family, at most.
pub const TABLES_MAX: usize = 64;
/// People who must vet a family.
pub const VETS: usize = 2;

/// One dimension: a column, and the coarser columns that roll up from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FamilyDimension {
    /// The levels, finest first.
    pub levels: Vec<String>,
    /// How much the agency would regret to lose detail here: where cells have to be withheld besides those that break a
    /// rule, those of dear dimensions go last.
    #[serde(default = "one")]
    pub cost: u32,
}

fn one() -> u32 {
    1
}

/// A sum that a family publishes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FamilyMeasure {
    /// The column; each record's value is clamped to the dictionary's bounds.
    pub column: String,
    /// Decimal places that are kept.
    #[serde(default)]
    pub scale: u8,
}

/// What a family says. Primary and secondary cells are withheld; what is shown is rounded where the appetite has a base,
/// each figure by itself or all together, as the method says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FamilyTerms {
    /// The dataset.
    pub dataset: String,
    /// Its name within the dataset.
    pub name: String,
    /// What it is, in words.
    pub title: String,
    /// The dimensions.
    pub dimensions: Vec<FamilyDimension>,
    /// Whether counts of distinct subjects are published.
    #[serde(default)]
    pub subjects: bool,
    /// Whether counts of records are published.
    #[serde(default)]
    pub records: bool,
    /// The sums that are published.
    #[serde(default)]
    pub measures: Vec<FamilyMeasure>,
    /// The tables besides the finest one: the columns that each keeps, at most one of each dimension; none kept is the
    /// grand total.
    #[serde(default)]
    pub margins: Vec<BTreeSet<String>>,
    /// Stricter rules than the grade's floor.
    #[serde(default, skip_serializing_if = "Tightening::is_empty")]
    pub tightening: Tightening,
    /// How its figures are protected: the same for all families of a dataset that are in force, since a cell that is in
    /// tables of several has one value.
    #[serde(default = "Method::suppress", skip_serializing_if = "Method::is_suppress")]
    pub method: Method,
}

/// Where a family stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FamilyState {
    /// Written; people have yet to vet it.
    Proposed,
    /// Vetted: the next seal protects it, and answers jobs from it.
    Vetted,
    /// No longer offered. What it has published is out, and stays in every later protection.
    Withdrawn,
}

/// A family.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    /// What it says.
    pub terms: FamilyTerms,
    /// The agency.
    pub agency: String,
    /// Who proposed it.
    pub proposed_by: String,
    /// When.
    pub proposed_at_ms: i64,
    /// Who vetted it.
    pub vets: Vec<Signature>,
    /// Where it stands.
    pub state: FamilyState,
}

/// The families of a snapshot, as they were sealed together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FamilySeal {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// The dataset.
    pub dataset: String,
    /// The families that are answered from it.
    pub families: Vec<String>,
    /// Commitment to the sealed tables.
    pub content: Commitment,
    /// When it was sealed.
    pub sealed_at_ms: i64,
}

/// The key of a family: its dataset and name.
#[must_use]
pub fn key(dataset: &str, name: &str) -> String {
    format!("{dataset}.{name}")
}

impl Family {
    /// Its key.
    #[must_use]
    pub fn key(&self) -> String {
        key(&self.terms.dataset, &self.terms.name)
    }
}

impl FamilyTerms {
    /// The finest column of each dimension.
    pub fn finest(&self) -> impl Iterator<Item = &str> {
        self.dimensions.iter().filter_map(|dimension| dimension.levels.first().map(String::as_str))
    }

    /// Every column that the family may be asked by.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.dimensions.iter().flat_map(|dimension| dimension.levels.iter().map(String::as_str))
    }

    /// Every column of which it shows something: those that it may be asked by, and those that are added up.
    pub fn shown(&self) -> impl Iterator<Item = &str> {
        self.columns().chain(self.measures.iter().map(|measure| measure.column.as_str()))
    }

    /// Its tables, each by the columns that it keeps: the finest one first.
    #[must_use]
    pub fn tables(&self) -> Vec<BTreeSet<String>> {
        let mut tables = vec![self.finest().map(str::to_owned).collect()];
        for kept in &self.margins {
            if !tables.contains(kept) {
                tables.push(kept.clone());
            }
        }
        tables
    }

    /// Cells that it publishes, declared ones that are empty among them.
    #[must_use]
    pub fn cells(&self, dataset: &Dataset) -> u64 {
        let codes = |name: &String| dataset.dictionary.column(name).map_or(0, |column| column.codes.len() as u64);
        let table = |kept: &BTreeSet<String>| kept.iter().map(codes).fold(1_u64, u64::saturating_mul);
        self.tables().iter().map(table).fold(0_u64, u64::saturating_add)
    }

    /// Checks the terms against the dataset's entry, on static grounds.
    ///
    /// # Errors
    /// The first rule that they break, for the agency.
    pub fn check(&self, dataset: &Dataset) -> Result<(), Refusal> {
        let broken = |text: String| Err(Refusal::with(Code::Malformed, text));
        if !crate::id::is_name(&self.name) || self.title.trim().is_empty() || self.title.len() > 400 {
            return broken("a family has a plain lower-case name and a title of at most 400 bytes".to_owned());
        }
        if !dataset.is_private() {
            return broken("a family is of a dataset with subjects".to_owned());
        }
        if self.dimensions.is_empty() || self.dimensions.len() > DIMENSIONS_MAX {
            return broken(format!("a family has between 1 and {DIMENSIONS_MAX} dimensions"));
        }
        self.method.check_for_families().map_err(|why| Refusal::with(Code::Malformed, why))?;
        self.check_dimensions(dataset)?;
        self.check_figures(dataset)?;
        self.check_margins()?;
        check_together(dataset, [self])
    }

    fn check_dimensions(&self, dataset: &Dataset) -> Result<(), Refusal> {
        let broken = |text: String| Err(Refusal::with(Code::Malformed, text));
        let mut seen = BTreeSet::new();
        for dimension in &self.dimensions {
            let Some(finest) = dimension.levels.first() else {
                return broken("a dimension has a column".to_owned());
            };
            for level in &dimension.levels {
                let Some(column) = dataset.dictionary.column(level).filter(|column| !column.codes.is_empty()) else {
                    return broken(format!("`{level}` isn't a column with a closed list of codes"));
                };
                if dataset.group.as_ref() == Some(level) || subject_column(dataset) == Some(level) {
                    return broken(format!("`{level}` names subjects or their groups"));
                }
                if !seen.insert(level) {
                    return broken(format!("`{level}` is in two dimensions, or twice in one"));
                }
                if column.codes.iter().any(|code| code == "*") {
                    return broken(format!("`{level}` declares the label of totals"));
                }
            }
            for pair in dimension.levels.windows(2) {
                let [finer, coarser] = pair else { continue };
                let first = dataset.dictionary.column(finer).and_then(|column| column.codes.first());
                let rolls_up = first.and_then(|code| dataset.dictionary.rolled_up(coarser, finer, code));
                if rolls_up.is_none() {
                    return broken(format!("`{coarser}` doesn't roll up from `{finer}` in the dictionary"));
                }
            }
            // A finest level of another dimension that rolls up from this one's hierarchy is the same dimension.
            let bottom = dataset.dictionary.finest(finest).map(|column| column.name.as_str());
            let others = self.dimensions.iter().filter_map(|other| other.levels.first());
            let same = |other: &&String| dataset.dictionary.finest(other).map(|column| column.name.as_str()) == bottom;
            if others.filter(same).count() > 1 {
                return broken(format!("`{finest}` and another dimension are levels of one hierarchy"));
            }
        }
        Ok(())
    }

    fn check_figures(&self, dataset: &Dataset) -> Result<(), Refusal> {
        let broken = |text: String| Err(Refusal::with(Code::Malformed, text));
        if !self.subjects && !self.records && self.measures.is_empty() {
            return broken("a family publishes counts of subjects or records, or sums".to_owned());
        }
        let adds_up = |name: &str| {
            let column = dataset.dictionary.column(name);
            column.is_some_and(|column| column.per_subject)
                || dataset.dictionary.finest(name).is_some_and(|column| column.per_subject)
        };
        if let Some(name) = self.finest().find(|name| self.subjects && !adds_up(name)) {
            return broken(format!(
                "counts of subjects don't add up over `{name}`, of which a subject may have several values: publish \
                 counts of records, or declare the column `per_subject`"
            ));
        }
        let mut names = BTreeSet::new();
        for measure in &self.measures {
            let column = dataset.dictionary.column(&measure.column);
            let Some(bounds) = column.and_then(|column| column.bounds) else {
                return broken(format!("`{}` isn't a column with bounds", measure.column));
            };
            let wide = bounds.lower.unsigned_abs().max(bounds.upper.unsigned_abs());
            if measure.scale > 9 || wide.checked_mul(10_u64.pow(u32::from(measure.scale))).is_none() {
                return broken(format!("`{}` has too many decimal places for its bounds", measure.column));
            }
            if ["subjects", "records"].contains(&measure.column.as_str()) {
                return broken(format!(
                    "`{}` is what tables call a count: a sum of that name can't be told from it",
                    measure.column
                ));
            }
            if !names.insert(&measure.column) {
                return broken(format!("`{}` is listed twice", measure.column));
            }
        }
        Ok(())
    }

    fn check_margins(&self) -> Result<(), Refusal> {
        let broken = |text: &str| Err(Refusal::with(Code::Malformed, text.to_owned()));
        if self.tables().len() > TABLES_MAX {
            return broken("a family has at most 64 tables");
        }
        for kept in &self.margins {
            let mut of: BTreeMap<usize, u32> = BTreeMap::new();
            for name in kept {
                let Some(place) = self.dimensions.iter().position(|dimension| dimension.levels.contains(name)) else {
                    return broken("a margin keeps a column that is no level of the family");
                };
                *of.entry(place).or_default() += 1;
            }
            if of.values().any(|count| *count > 1) {
                return broken("a margin keeps at most one level of each dimension");
            }
        }
        Ok(())
    }
}

fn subject_column(dataset: &Dataset) -> Option<&String> {
    dataset.subject.as_ref().map(|subject| &subject.column)
}
