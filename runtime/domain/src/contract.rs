//! The contract: what a job says it will compute, before any data is seen.
//!
//! A contract is pinned when the job is admitted; whatever doesn't fit it never leaves. It comes from a module's
//! `describe`, which runs without data, or, for a job without a module, from the job's own request and the
//! dictionaries. Its bounds and labels are therefore public.

use serde::{Deserialize, Serialize};

use crate::grade::Lane;
use crate::limits::Limits;
use crate::refusal::Refusal;

/// A dimension of the table and its closed code list; a code is a position in `labels`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dimension {
    /// The column's name in the release.
    pub name: String,
    /// The closed list of labels, in the order in which they are published.
    pub labels: Vec<String>,
}

/// A quantity that the host adds up.
///
/// A value is an integer multiple of `10^-scale` of the unit; `lower` and `upper` are such integers, and every
/// contribution is clamped to them before it is added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// The column's name in the release.
    pub name: String,
    /// The unit, in words.
    pub unit: String,
    /// The least contribution of one subject to one cell.
    pub lower: i64,
    /// The largest contribution of one subject to one cell.
    pub upper: i64,
    /// Decimal places of one step.
    pub scale: u8,
}

/// A ratio of two published sums, worked out from what is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ratio {
    /// The column's name in the release.
    pub name: String,
    /// Position of the measure above the line.
    pub numerator: u32,
    /// Position of the measure below the line.
    pub denominator: u32,
    /// Decimal places of the ratio, rounded half to even.
    pub scale: u8,
}

/// What is published for each cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// Distinct subjects.
    Subjects,
    /// Contributions before they are merged per subject.
    Records,
    /// The sum of a measure, by its position.
    Sum(u32),
    /// A ratio of two sums.
    Ratio(Ratio),
}

/// The contract of lane `tabulate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tabulation {
    /// The input query: one SELECT over the granted tables.
    pub sql: String,
    /// The dimensions of the table.
    pub dimensions: Vec<Dimension>,
    /// The quantities.
    pub measures: Vec<Measure>,
    /// What is published for each cell.
    pub statistics: Vec<Statistic>,
    /// Totals: each entry lists the dimensions that are kept; an empty entry is the grand total.
    pub margins: Vec<Vec<u32>>,
    /// How many cells one subject may touch.
    pub cells_per_subject: u32,
    /// How many input rows of one subject are looked at.
    pub rows_per_subject: u32,
    /// Handed to the module with every call.
    #[serde(default)]
    pub constants: Vec<u64>,
}

/// What a value of a report's column may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ValueDomain {
    /// A closed list of labels; a value is a position in it.
    Labels(Vec<String>),
    /// An integer within bounds, in steps, in units of `10^-scale`.
    Number {
        /// The unit, in words.
        unit: String,
        /// The least value.
        lower: i64,
        /// The largest value.
        upper: i64,
        /// The grid: values are rounded to `lower + k * step`.
        step: i64,
        /// Decimal places.
        scale: u8,
    },
}

/// A column of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportColumn {
    /// The column's name in the release.
    pub name: String,
    /// What its values may be.
    pub domain: ValueDomain,
}

/// The contract of lane `report`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reporting {
    /// The input queries, fixed before any data is read.
    pub inputs: Vec<String>,
    /// The table's columns.
    pub columns: Vec<ReportColumn>,
    /// The most rows that the table may have.
    pub rows: u32,
    /// Handed to the module's `run`.
    #[serde(default)]
    pub constants: Vec<u64>,
}

/// A contract of any lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "lane", rename_all = "snake_case")]
pub enum Contract {
    /// Counted by the host.
    Tabulate(Tabulation),
    /// Read by people.
    Report(Reporting),
}

impl Contract {
    /// The lane that this contract belongs to.
    #[must_use]
    pub fn lane(&self) -> Lane {
        match self {
            Contract::Tabulate(_) => Lane::Tabulate,
            Contract::Report(_) => Lane::Report,
        }
    }

    /// The queries that the contract reads, in order.
    #[must_use]
    pub fn queries(&self) -> Vec<&str> {
        match self {
            Contract::Tabulate(tabulation) => vec![tabulation.sql.as_str()],
            Contract::Report(reporting) => reporting.inputs.iter().map(String::as_str).collect(),
        }
    }

    /// The plain digest of the contract. Contracts are public, so the digest hides nothing and gives nothing away.
    #[must_use]
    pub fn digest(&self) -> String {
        let text = serde_json::to_vec(self).expect("a contract holds only strings and integers");
        crate::digest::sha256_hex(&text)
    }

    /// Checks everything that can be said of a contract without data.
    ///
    /// # Errors
    /// The first rule that the contract breaks, in words that name the rule.
    pub fn check(&self, limits: &Limits) -> Result<(), Refusal> {
        match self {
            Contract::Tabulate(tabulation) => tabulation.check(limits),
            Contract::Report(reporting) => reporting.check(limits),
        }
    }
}

impl Tabulation {
    /// Cells of the inner table: the product of the code lists' lengths, saturating.
    #[must_use]
    pub fn cells(&self) -> u64 {
        self.dimensions.iter().fold(1_u64, |product, dimension| product.saturating_mul(dimension.labels.len() as u64))
    }

    /// The most rows that a release under this contract may have, margins included.
    #[must_use]
    pub fn published_rows(&self) -> u64 {
        let margins = self.margins.iter().map(|kept| {
            kept.iter().fold(1_u64, |product, index| {
                let labels = self.dimensions.get(*index as usize).map_or(0, |dimension| dimension.labels.len());
                product.saturating_mul(labels as u64)
            })
        });
        margins.fold(self.cells(), u64::saturating_add)
    }

    fn check(&self, limits: &Limits) -> Result<(), Refusal> {
        check_sql(&self.sql, limits)?;
        if self.dimensions.len() > limits.dimensions_max {
            return Err(Refusal::contract(format!("more than {} dimensions", limits.dimensions_max)));
        }
        if self.measures.len() > limits.measures_max {
            return Err(Refusal::contract(format!("more than {} measures", limits.measures_max)));
        }
        let mut names = Names::default();
        for dimension in &self.dimensions {
            names.take(&dimension.name)?;
            check_labels(&dimension.name, &dimension.labels, limits)?;
        }
        if self.cells() > limits.cells_max || self.published_rows() > limits.cells_max {
            return Err(Refusal::contract(format!("more than {} cells, margins included", limits.cells_max)));
        }
        for measure in &self.measures {
            names.take(&measure.name)?;
            measure.check(limits)?;
        }
        self.check_statistics(limits, &mut names)?;
        self.check_margins(limits)?;
        if self.cells_per_subject == 0 || self.cells_per_subject > limits.cells_per_subject_max {
            return Err(Refusal::contract(format!(
                "cells_per_subject must be between 1 and {}",
                limits.cells_per_subject_max
            )));
        }
        if self.rows_per_subject == 0 || self.rows_per_subject > limits.rows_per_subject_max {
            return Err(Refusal::contract(format!(
                "rows_per_subject must be between 1 and {}",
                limits.rows_per_subject_max
            )));
        }
        check_constants(&self.constants, limits)
    }

    fn check_statistics(&self, limits: &Limits, names: &mut Names) -> Result<(), Refusal> {
        if self.statistics.is_empty() || self.statistics.len() > limits.statistics_max {
            return Err(Refusal::contract(format!("between 1 and {} statistics", limits.statistics_max)));
        }
        let known = |index: u32| (index as usize) < self.measures.len();
        for (position, statistic) in self.statistics.iter().enumerate() {
            let earlier = self.statistics.iter().take(position);
            if earlier.into_iter().any(|other| other == statistic) {
                return Err(Refusal::contract("a statistic is listed twice".to_owned()));
            }
            match statistic {
                Statistic::Subjects => names.take("subjects")?,
                Statistic::Records => names.take("records")?,
                Statistic::Sum(index) if !known(*index) => {
                    return Err(Refusal::contract("a sum names a measure that isn't declared".to_owned()));
                }
                Statistic::Sum(_) => {}
                Statistic::Ratio(ratio) => {
                    names.take(&ratio.name)?;
                    if !known(ratio.numerator) || !known(ratio.denominator) {
                        return Err(Refusal::contract("a ratio names a measure that isn't declared".to_owned()));
                    }
                    let published = |index: u32| self.statistics.contains(&Statistic::Sum(index));
                    if !published(ratio.numerator) || !published(ratio.denominator) {
                        return Err(Refusal::contract(
                            "a ratio is worked out from published sums: list both of them as statistics".to_owned(),
                        ));
                    }
                    if ratio.scale > limits.scale_max {
                        return Err(Refusal::contract(format!("a scale over {}", limits.scale_max)));
                    }
                }
            }
        }
        Ok(())
    }

    fn check_margins(&self, limits: &Limits) -> Result<(), Refusal> {
        if self.margins.len() > limits.margins_max {
            return Err(Refusal::contract(format!("more than {} margins", limits.margins_max)));
        }
        for (position, kept) in self.margins.iter().enumerate() {
            let rising = kept.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
            let known = kept.iter().all(|index| (*index as usize) < self.dimensions.len());
            if !rising || !known || kept.len() >= self.dimensions.len().max(1) {
                return Err(Refusal::contract(
                    "a margin lists, in rising order, fewer dimensions than the table has".to_owned(),
                ));
            }
            if self.margins.iter().take(position).any(|other| other == kept) {
                return Err(Refusal::contract("a margin is listed twice".to_owned()));
            }
        }
        Ok(())
    }
}

impl Measure {
    fn check(&self, limits: &Limits) -> Result<(), Refusal> {
        check_text("unit", &self.unit, limits)?;
        if self.lower > self.upper {
            return Err(Refusal::contract("a measure's lower bound is above its upper bound".to_owned()));
        }
        let widest = self.lower.unsigned_abs().max(self.upper.unsigned_abs());
        if widest > limits.bound_max {
            return Err(Refusal::contract(format!("a measure's bound is beyond {}", limits.bound_max)));
        }
        if self.scale > limits.scale_max {
            return Err(Refusal::contract(format!("a scale over {}", limits.scale_max)));
        }
        Ok(())
    }
}

impl Reporting {
    fn check(&self, limits: &Limits) -> Result<(), Refusal> {
        if self.inputs.is_empty() || self.inputs.len() > limits.inputs_max {
            return Err(Refusal::contract(format!("between 1 and {} input queries", limits.inputs_max)));
        }
        for sql in &self.inputs {
            check_sql(sql, limits)?;
        }
        if self.columns.is_empty() || self.columns.len() > limits.report_columns_max {
            return Err(Refusal::contract(format!("between 1 and {} columns", limits.report_columns_max)));
        }
        if self.rows == 0 || self.rows > limits.report_rows_max {
            return Err(Refusal::contract(format!("between 1 and {} rows", limits.report_rows_max)));
        }
        let mut names = Names::default();
        for column in &self.columns {
            names.take(&column.name)?;
            match &column.domain {
                ValueDomain::Labels(labels) => check_labels(&column.name, labels, limits)?,
                ValueDomain::Number { unit, lower, upper, step, scale } => {
                    check_text("unit", unit, limits)?;
                    let widest = lower.unsigned_abs().max(upper.unsigned_abs());
                    if lower > upper || *step < 1 || widest > limits.bound_max || *scale > limits.scale_max {
                        return Err(Refusal::contract(
                            "a column of numbers needs lower <= upper, a step of at least 1 and bounds in range"
                                .to_owned(),
                        ));
                    }
                }
            }
        }
        check_constants(&self.constants, limits)
    }

    /// The most bits that a table under this contract can carry, rounded up: the sum over rows and columns of the
    /// logarithm of the number of values that a column may take, and one bit a row for its presence.
    #[must_use]
    pub fn bits_max(&self) -> u64 {
        let row: u64 = self.columns.iter().map(|column| column.domain.bits()).sum();
        u64::from(self.rows).saturating_mul(row.saturating_add(1))
    }
}

impl ValueDomain {
    /// Bits that one value can carry, rounded up.
    #[must_use]
    pub fn bits(&self) -> u64 {
        let values = match self {
            ValueDomain::Labels(labels) => labels.len() as u128,
            ValueDomain::Number { lower, upper, step, .. } => {
                let width = i128::from(*upper) - i128::from(*lower);
                (width / i128::from((*step).max(1))).unsigned_abs() + 1
            }
        };
        u64::from(u128::BITS - values.saturating_sub(1).leading_zeros())
    }
}

/// Names in use in one contract.
#[derive(Default)]
struct Names(std::collections::BTreeSet<String>);

impl Names {
    fn take(&mut self, name: &str) -> Result<(), Refusal> {
        if !crate::id::is_name(name) {
            return Err(Refusal::contract(
                "names are lower-case letters, digits and underscores, at most 48, and start with a letter".to_owned(),
            ));
        }
        if !self.0.insert(name.to_owned()) {
            return Err(Refusal::contract("two columns have the same name".to_owned()));
        }
        Ok(())
    }
}

fn check_sql(sql: &str, limits: &Limits) -> Result<(), Refusal> {
    if sql.trim().is_empty() || sql.len() > limits.sql_bytes_max {
        return Err(Refusal::contract(format!("a query has between 1 and {} bytes", limits.sql_bytes_max)));
    }
    Ok(())
}

fn check_constants(constants: &[u64], limits: &Limits) -> Result<(), Refusal> {
    if constants.len() > limits.constants_max {
        return Err(Refusal::contract(format!("more than {} constants", limits.constants_max)));
    }
    Ok(())
}

fn check_text(what: &str, text: &str, limits: &Limits) -> Result<(), Refusal> {
    let plain = text.chars().all(|c| !c.is_control());
    if text.len() > limits.label_bytes_max || !plain {
        return Err(Refusal::contract(format!(
            "a {what} has at most {} bytes and no control characters",
            limits.label_bytes_max
        )));
    }
    Ok(())
}

fn check_labels(name: &str, labels: &[String], limits: &Limits) -> Result<(), Refusal> {
    if labels.is_empty() || labels.len() as u64 > limits.labels_max {
        return Err(Refusal::contract(format!(
            "`{name}` needs a closed list of between 1 and {} labels",
            limits.labels_max
        )));
    }
    let mut seen = std::collections::BTreeSet::new();
    for label in labels {
        check_text("label", label, limits)?;
        if label.is_empty() || !seen.insert(label) {
            return Err(Refusal::contract(format!("`{name}` has an empty or repeated label")));
        }
    }
    Ok(())
}
