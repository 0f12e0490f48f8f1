//! Candidates for tests, made from microdata so that their evidence is consistent.

use std::collections::BTreeMap;

use sluice_domain::contract::{
    Contract, Dimension, Measure, ReportColumn, Reporting, Statistic, Tabulation, ValueDomain,
};
use sluice_domain::grade::Grade;
use sluice_domain::limits::Limits;

use crate::appetite::Appetite;
use crate::candidate::{Candidate, CellEvidence, Cells, MeasureEvidence, Mismatch, Raw, ReportFault, RunFacts, TOP};
use crate::finding::{Finding, Verdict};

/// A floor.
pub(crate) fn floor(grade: Grade) -> Appetite {
    Appetite::floor(grade).expect("every grade but secret has a floor")
}

pub(crate) fn ids(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|finding| finding.id().to_owned()).collect()
}

pub(crate) fn worst(findings: &[Finding]) -> Verdict {
    Verdict::worst(findings.iter().map(Finding::verdict))
}

/// A table under construction: contract, and contributions (one list per subject) by cell.
pub(crate) struct Table {
    pub(crate) contract: Tabulation,
    pub(crate) facts: RunFacts,
    pub(crate) contributions: BTreeMap<Vec<u32>, Vec<Vec<i64>>>,
}

impl Table {
    /// Dimensions `d0`, `d1`, ... with these labels; the statistic `subjects`.
    pub(crate) fn new(dimensions: &[&[&str]]) -> Table {
        let dimension = |(index, labels): (usize, &&[&str])| Dimension {
            name: format!("d{index}"),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        };
        let contract = Tabulation {
            sql: "select 1".to_owned(),
            dimensions: dimensions.iter().enumerate().map(dimension).collect(),
            measures: Vec::new(),
            statistics: vec![Statistic::Subjects],
            margins: Vec::new(),
            cells_per_subject: 1,
            rows_per_subject: 10,
            constants: Vec::new(),
        };
        Table { contract, facts: RunFacts::default(), contributions: BTreeMap::new() }
    }

    /// One more measure `m0`, `m1`, ... and its published sum.
    pub(crate) fn measure(mut self, lower: i64, upper: i64) -> Table {
        let index = self.contract.measures.len();
        let measure = Measure { name: format!("m{index}"), unit: "min".to_owned(), lower, upper, scale: 0 };
        self.contract.measures.push(measure);
        self.contract.statistics.push(Statistic::Sum(index as u32));
        self
    }

    pub(crate) fn margins(mut self, margins: &[&[u32]]) -> Table {
        self.contract.margins = margins.iter().map(|margin| margin.to_vec()).collect();
        self
    }

    /// So many subjects in a cell, for a contract without measures.
    pub(crate) fn subjects(mut self, codes: &[u32], subjects: usize) -> Table {
        self.contributions.insert(codes.to_vec(), vec![Vec::new(); subjects]);
        self
    }

    /// One subject for each value of the one measure.
    pub(crate) fn values(mut self, codes: &[u32], values: &[i64]) -> Table {
        self.contributions.insert(codes.to_vec(), values.iter().map(|value| vec![*value]).collect());
        self
    }

    pub(crate) fn cells(&self) -> Cells {
        let full = self.contributions.iter().filter(|(_, subjects)| !subjects.is_empty());
        full.map(|(codes, subjects)| (codes.clone(), evidence(subjects, self.contract.measures.len()))).collect()
    }

    pub(crate) fn facts(&self) -> RunFacts {
        let subjects = self.contributions.values().map(|subjects| subjects.len() as u64).sum();
        RunFacts { subjects, ..self.facts }
    }

    pub(crate) fn built(&self, cells: Cells) -> Result<Candidate, Mismatch> {
        let raw = Raw::Cells { cells, facts: self.facts() };
        Candidate::new(Contract::Tabulate(self.contract.clone()), raw, &Limits::default())
    }

    pub(crate) fn candidate(&self) -> Candidate {
        self.built(self.cells()).expect("the factory's evidence is consistent")
    }
}

/// Evidence of one cell from one list of contributions per subject.
pub(crate) fn evidence(subjects: &[Vec<i64>], measures: usize) -> CellEvidence {
    let measure = |index: usize| {
        let mut values: Vec<i64> = subjects.iter().map(|values| values[index]).collect();
        values.sort_by_key(|value| (std::cmp::Reverse(value.unsigned_abs()), *value));
        MeasureEvidence {
            sum: values.iter().map(|value| i128::from(*value)).sum(),
            sum_abs: values.iter().map(|value| i128::from(value.unsigned_abs())).sum(),
            nonzero: values.iter().filter(|value| **value != 0).count() as u64,
            top: values.iter().copied().filter(|value| *value != 0).take(TOP).collect(),
            min: values.iter().copied().min().unwrap_or(0),
            max: values.iter().copied().max().unwrap_or(0),
        }
    };
    let count = subjects.len() as u64;
    CellEvidence { subjects: count, records: count + count / 3, measures: (0..measures).map(measure).collect() }
}

/// The contract of [`report`]: a label out of two, and a number from 0 to 100 in steps of 5; at most 100 rows.
pub(crate) fn reporting() -> Reporting {
    let labels = ValueDomain::Labels(vec!["low".to_owned(), "high".to_owned()]);
    let number = ValueDomain::Number { unit: "min".to_owned(), lower: 0, upper: 100, step: 5, scale: 0 };
    Reporting {
        inputs: vec!["select 1".to_owned()],
        columns: vec![
            ReportColumn { name: "class".to_owned(), domain: labels },
            ReportColumn { name: "delay".to_owned(), domain: number },
        ],
        rows: 100,
        constants: Vec::new(),
    }
}

pub(crate) fn written(rows: Vec<Vec<i64>>, fault: Option<ReportFault>) -> Result<Candidate, Mismatch> {
    let raw = Raw::Rows { rows, fault, facts: RunFacts::default() };
    Candidate::new(Contract::Report(reporting()), raw, &Limits::default())
}

pub(crate) fn report(rows: Vec<Vec<i64>>, fault: Option<ReportFault>) -> Candidate {
    written(rows, fault).expect("rows of the right width")
}

/// A seeded xorshift, for random tables.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// Between both, both included.
    pub(crate) fn within(&mut self, lower: i64, upper: i64) -> i64 {
        lower + self.below((upper - lower + 1) as u64) as i64
    }
}

/// A random table of up to three dimensions with one measure, all statistics and some margins.
pub(crate) fn random(seed: u64, lower: i64) -> Table {
    const LABELS: [&str; 5] = ["a", "b", "c", "d", "e"];
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let lengths: Vec<usize> = (0..=random.below(3)).map(|_| 1 + random.below(5) as usize).collect();
    let dimensions: Vec<&[&str]> = lengths.iter().map(|length| &LABELS[..*length]).collect();
    let mut table = Table::new(&dimensions).measure(lower, 100).measure(lower, 100);
    table.contract.statistics.push(Statistic::Records);
    let ratio = sluice_domain::contract::Ratio { name: "r".to_owned(), numerator: 0, denominator: 1, scale: 3 };
    table.contract.statistics.push(Statistic::Ratio(ratio));
    let mut table = match lengths.len() {
        1 => table.margins(&[&[]]),
        2 => table.margins(&[&[0], &[1], &[]]),
        _ => table.margins(&[&[0], &[0, 2], &[]]),
    };
    for codes in crate::table::every_code(&table.contract.dimensions) {
        let subjects = random.below(28);
        let sparse = random.below(3) == 0;
        let mut value = || if sparse && random.below(2) == 0 { 0 } else { random.within(lower, 100) };
        let subjects = (0..subjects).map(|_| vec![value(), value()]).collect();
        table.contributions.insert(codes, subjects);
    }
    table
}
