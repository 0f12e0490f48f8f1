//! Contracts: what a module wants to publish, said before any data is there.

use std::ops::RangeInclusive;

/// A dimension of the table and its closed code list. A code is a position in `labels`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Dimension {
    pub name: String,
    pub labels: Vec<String>,
}

/// A quantity: an integer multiple of 10^-scale of its unit, between bounds that are such integers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Measure {
    pub name: String,
    pub unit: String,
    pub lower: i64,
    pub upper: i64,
    pub scale: u8,
}

/// A ratio of two published sums, given by their measures' positions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Ratio {
    pub name: String,
    pub numerator: u32,
    pub denominator: u32,
    pub scale: u8,
}

/// What is published for each cell.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// The contract of a `tabulate` module. Made with [`Contract::new`] and the methods, which chain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Contract {
    pub sql: String,
    pub dimensions: Vec<Dimension>,
    pub measures: Vec<Measure>,
    pub statistics: Vec<Statistic>,
    pub margins: Vec<Vec<u32>>,
    pub cells_per_subject: u32,
    pub rows_per_subject: u32,
    pub constants: Vec<u64>,
}

impl Contract {
    /// A contract over one SELECT. One subject may touch 64 cells and has 4,096 rows looked at, unless said otherwise.
    #[must_use]
    pub fn new(sql: &str) -> Self {
        Self {
            sql: sql.into(),
            dimensions: Vec::new(),
            measures: Vec::new(),
            statistics: Vec::new(),
            margins: Vec::new(),
            cells_per_subject: 64,
            rows_per_subject: 4096,
            constants: Vec::new(),
        }
    }

    /// Adds a dimension with its labels.
    #[must_use]
    pub fn dimension<L: Into<String>>(mut self, name: &str, labels: impl IntoIterator<Item = L>) -> Self {
        self.dimensions.push(Dimension { name: name.into(), labels: labels.into_iter().map(Into::into).collect() });
        self
    }

    /// Adds a measure in multiples of 10^-scale of its unit, and publishes its sum.
    ///
    /// The bounds hold for all that one subject contributes to one cell, added up: what goes beyond is clamped.
    #[must_use]
    pub fn sum(mut self, name: &str, unit: &str, bounds: RangeInclusive<i64>, scale: u8) -> Self {
        let position = self.measures.len() as u32;
        let (lower, upper) = bounds.into_inner();
        self.measures.push(Measure { name: name.into(), unit: unit.into(), lower, upper, scale });
        self.statistics.push(Statistic::Sum(position));
        self
    }

    /// Publishes how many subjects stand behind a cell.
    #[must_use]
    pub fn subjects(mut self) -> Self {
        self.statistics.push(Statistic::Subjects);
        self
    }

    /// Publishes how many contributions a cell has.
    #[must_use]
    pub fn records(mut self) -> Self {
        self.statistics.push(Statistic::Records);
        self
    }

    /// Publishes a ratio of two sums with `scale` digits after the point.
    #[must_use]
    pub fn ratio(mut self, name: &str, numerator: u32, denominator: u32, scale: u8) -> Self {
        self.statistics.push(Statistic::Ratio(Ratio { name: name.into(), numerator, denominator, scale }));
        self
    }

    /// Adds totals that keep these dimensions; none of them is the grand total.
    #[must_use]
    pub fn margin(mut self, kept: &[u32]) -> Self {
        self.margins.push(kept.into());
        self
    }

    /// How many cells one subject may touch and how many of its rows are looked at.
    #[must_use]
    pub fn per_subject(mut self, cells: u32, rows: u32) -> Self {
        (self.cells_per_subject, self.rows_per_subject) = (cells, rows);
        self
    }

    /// Adds a word that `map` finds with every subject, at the next position.
    #[must_use]
    pub fn constant(mut self, word: u64) -> Self {
        self.constants.push(word);
        self
    }
}

/// What the values of a report's column may be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Domain {
    /// A closed list of labels; a value is a position in it.
    Labels(Vec<String>),
    /// Integers within bounds, in steps, in units of 10^-scale.
    Number { unit: String, lower: i64, upper: i64, step: i64, scale: u8 },
}

/// One column of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct ReportColumn {
    pub name: String,
    pub domain: Domain,
}

/// The contract of a `report` module.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct ReportContract {
    pub inputs: Vec<String>,
    pub columns: Vec<ReportColumn>,
    pub rows: u32,
    pub constants: Vec<u64>,
}

impl ReportContract {
    /// A contract for a table of at most so many rows.
    #[must_use]
    pub fn new(rows: u32) -> Self {
        Self { inputs: Vec::new(), columns: Vec::new(), rows, constants: Vec::new() }
    }

    /// Adds an input query; [`crate::Inputs::next`] asks for it by its position.
    #[must_use]
    pub fn input(mut self, sql: &str) -> Self {
        self.inputs.push(sql.into());
        self
    }

    /// Adds a column of labels.
    #[must_use]
    pub fn labels<L: Into<String>>(mut self, name: &str, labels: impl IntoIterator<Item = L>) -> Self {
        let domain = Domain::Labels(labels.into_iter().map(Into::into).collect());
        self.columns.push(ReportColumn { name: name.into(), domain });
        self
    }

    /// Adds a column of numbers in multiples of 10^-scale of the unit; the host rounds to `step`.
    #[must_use]
    pub fn number(mut self, name: &str, unit: &str, bounds: RangeInclusive<i64>, step: i64, scale: u8) -> Self {
        let (lower, upper) = bounds.into_inner();
        let domain = Domain::Number { unit: unit.into(), lower, upper, step, scale };
        self.columns.push(ReportColumn { name: name.into(), domain });
        self
    }

    /// Adds a word that `run` is given, at the next position.
    #[must_use]
    pub fn constant(mut self, word: u64) -> Self {
        self.constants.push(word);
        self
    }
}
