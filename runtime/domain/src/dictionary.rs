//! Dictionaries: what a dataset's columns are, in public.
//!
//! A dictionary is published with the catalogue, so it may hold nothing that was counted from the data: a draft is
//! widened to round bounds and stripped of rare codes, and a custodian confirms it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::grade::Grade;
use crate::refusal::{Code, Refusal};

/// The type of a column. Timestamps are UTC, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// True or false.
    Bool,
    /// 32-bit integer.
    Int32,
    /// 64-bit integer.
    Int64,
    /// 64-bit float.
    Float64,
    /// Text.
    Utf8,
    /// A day.
    Date32,
    /// A moment in UTC, in microseconds.
    Timestamp,
    /// A decimal number.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: i8,
    },
}

impl ColumnKind {
    /// Whether sums of such a column make sense.
    #[must_use]
    pub fn is_number(self) -> bool {
        matches!(
            self,
            ColumnKind::Int32 | ColumnKind::Int64 | ColumnKind::Float64 | ColumnKind::Decimal { .. } | ColumnKind::Bool
        )
    }
}

/// Bounds of a numeric column, in whole units. A subject's contribution is clamped to what they allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// The least value of one record.
    pub lower: i64,
    /// The largest value of one record.
    pub upper: i64,
}

/// A column of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name in queries.
    pub name: String,
    /// What it is, in words.
    #[serde(default)]
    pub title: String,
    /// Its type.
    pub kind: ColumnKind,
    /// Its own grade, where it is above the dataset's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// The unit of a quantity.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// The closed list of codes, where there is one. Values outside it are data errors, and count nowhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<String>,
    /// Bounds of a quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<Bounds>,
}

impl Column {
    /// A column of which nothing but its name and type is known.
    #[must_use]
    pub fn new(name: &str, kind: ColumnKind) -> Column {
        Column {
            name: name.to_owned(),
            title: String::new(),
            kind,
            grade: None,
            unit: String::new(),
            codes: Vec::new(),
            bounds: None,
        }
    }
}

/// The columns of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dictionary {
    /// The columns, in order.
    pub columns: Vec<Column>,
}

impl Dictionary {
    /// The column of that name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Checks that the dictionary is well formed.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check(&self) -> Result<(), Refusal> {
        let broken = |text: String| Err(Refusal::with(Code::Malformed, text));
        if self.columns.is_empty() || self.columns.len() > 1_000 {
            return broken("a dictionary has between 1 and 1000 columns".to_owned());
        }
        let mut names = BTreeSet::new();
        for column in &self.columns {
            let name = &column.name;
            if !crate::id::is_name(name) || !names.insert(name) {
                return broken(format!("the column name `{name}` isn't a plain lower-case name, or is used twice"));
            }
            if column.title.len() > 400 || column.unit.len() > 100 {
                return broken(format!("the title or unit of `{name}` is too long"));
            }
            let mut codes = BTreeSet::new();
            let plain = |code: &String| !code.is_empty() && code.len() <= 200 && !code.chars().any(char::is_control);
            if !column.codes.iter().all(|code| plain(code) && codes.insert(code)) || codes.len() > 10_000 {
                return broken(format!("the codes of `{name}` must be distinct, plain and at most 10000"));
            }
            if let Some(bounds) = column.bounds
                && (bounds.lower > bounds.upper || !column.kind.is_number())
            {
                return broken(format!("the bounds of `{name}` don't fit it"));
            }
        }
        Ok(())
    }
}
