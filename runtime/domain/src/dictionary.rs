//! Dictionaries: what a dataset's columns are, in public.
//!
//! A dictionary is published with the catalogue, so it may hold nothing that was counted from the data: a draft is
//! widened to round bounds and stripped of rare codes, and a custodian confirms it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::grade::Grade;
use crate::refusal::{Code, Refusal};
use crate::relation::{self, ColumnRelation};

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

/// How a coarser level of a hierarchy (a province of counties, a section of divisions) follows from a finer one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollUp {
    /// The column with the finer codes.
    pub from: String,
    /// For each of its codes the coarser one.
    pub codes: BTreeMap<String, String>,
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
    /// The finer column that it follows from, where it is a level of a hierarchy: it isn't in data files, and is
    /// computed when a snapshot is sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolls_up: Option<RollUp>,
    /// Whether each subject has one value, and no more: snapshots that don't hold to it aren't sealed, and counts of
    /// subjects over such columns add up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub per_subject: bool,
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
            rolls_up: None,
            per_subject: false,
        }
    }
}

/// The columns of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dictionary {
    /// The columns, in order.
    pub columns: Vec<Column>,
    /// What follows from sums of its columns though it isn't published: linear relations between them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relations: Vec<ColumnRelation>,
}

impl Dictionary {
    /// A dictionary of these columns, without relations.
    #[must_use]
    pub fn of(columns: Vec<Column>) -> Dictionary {
        Dictionary { columns, relations: Vec::new() }
    }

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
        self.columns.iter().try_for_each(|column| self.check_level(column))?;
        relation::check(self)
    }

    /// Whether a column's values follow from another's: each code of the finer column has one coarser code.
    fn check_level(&self, column: &Column) -> Result<(), Refusal> {
        let Some(rolls_up) = &column.rolls_up else { return Ok(()) };
        let broken = |text: &str| {
            let (name, from) = (&column.name, &rolls_up.from);
            Err(Refusal::with(Code::Malformed, format!("`{name}` can't roll up from `{from}`: {text}")))
        };
        let Some(finer) = self.column(&rolls_up.from) else { return broken("there is no such column") };
        if column.kind != ColumnKind::Utf8 || finer.kind != ColumnKind::Utf8 {
            return broken("both are text");
        }
        if finer.codes.is_empty() || finer.codes.iter().collect::<BTreeSet<_>>() != rolls_up.codes.keys().collect() {
            return broken("each of the finer column's codes, and nothing else, is listed once");
        }
        if !rolls_up.codes.values().all(|code| column.codes.contains(code)) {
            return broken("a coarser code isn't among the column's codes");
        }
        if self.finest(&column.name).is_none() {
            return broken("the levels run in a circle");
        }
        Ok(())
    }

    /// The column at the bottom of a column's hierarchy, which may be the column itself; none where there is no such
    /// column, or the levels run in a circle.
    #[must_use]
    pub fn finest(&self, name: &str) -> Option<&Column> {
        let mut column = self.column(name)?;
        for _ in 0..self.columns.len() {
            match &column.rolls_up {
                None => return Some(column),
                Some(rolls_up) => column = self.column(&rolls_up.from)?,
            }
        }
        None
    }

    /// The code of a column, given that of another below it in its hierarchy.
    #[must_use]
    pub fn rolled_up<'a>(&'a self, name: &str, from: &str, code: &'a str) -> Option<&'a str> {
        if name == from {
            return Some(code);
        }
        let rolls_up = self.column(name)?.rolls_up.as_ref()?;
        let finer = self.rolled_up(&rolls_up.from, from, code)?;
        rolls_up.codes.get(finer).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coded(name: &str, codes: &[&str]) -> Column {
        Column { codes: codes.iter().map(|code| (*code).to_owned()).collect(), ..Column::new(name, ColumnKind::Utf8) }
    }

    fn level(name: &str, codes: &[&str], from: &str, map: &[(&str, &str)]) -> Column {
        let codes_of = map.iter().map(|(finer, coarser)| ((*finer).to_owned(), (*coarser).to_owned())).collect();
        Column { rolls_up: Some(RollUp { from: from.to_owned(), codes: codes_of }), ..coded(name, codes) }
    }

    #[test]
    fn a_level_follows_from_a_finer_one() {
        let county = coded("county", &["a1", "a2", "b1"]);
        let city = level("city", &["a", "b"], "county", &[("a1", "a"), ("a2", "a"), ("b1", "b")]);
        let province = level("province", &["p"], "city", &[("a", "p"), ("b", "p")]);
        let dictionary = Dictionary::of(vec![province.clone(), county.clone(), city.clone()]);
        assert_eq!(dictionary.check(), Ok(()));
        assert_eq!(dictionary.finest("province").map(|column| column.name.as_str()), Some("county"));
        assert_eq!(dictionary.rolled_up("province", "county", "b1"), Some("p"));
        assert_eq!(dictionary.rolled_up("city", "county", "b1"), Some("b"));
        assert_eq!(dictionary.rolled_up("county", "city", "b"), None);

        let half = level("city", &["a", "b"], "county", &[("a1", "a"), ("a2", "a")]);
        let unknown = level("city", &["a"], "county", &[("a1", "a"), ("a2", "a"), ("b1", "b")]);
        let circle = level("city", &["a"], "city", &[("a", "a")]);
        for wrong in [half, unknown, circle] {
            assert!(Dictionary::of(vec![county.clone(), wrong]).check().is_err());
        }
    }
}
