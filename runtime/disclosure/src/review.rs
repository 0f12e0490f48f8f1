//! What a reviewer sees, **inside**: true counts beside what would be published, with the findings.
//!
//! It serialises, since reviewers get it through the API; it must never be served to anyone else, nor be logged,
//! which is why it has no `Debug`.
//!
//! # Guarantees
//! A view shows one candidate and the assessment of that same candidate.
//!
//! # Does not guarantee
//! Pages: a view of a large table is large, and the server cuts it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::assessment::Assessment;
use crate::candidate::{Body, Candidate, Counted, Mismatch, ReportFault};
use crate::finding::{CheckName, Finding, Scope, Verdict, measure_name};
use crate::record::SdcRecord;
use crate::table::{ReleaseTable, Value, every_code, render};

/// One finding, for reviewers.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as in `Finding`")]
pub struct FindingView {
    pub id: String,
    pub check: CheckName,
    pub verdict: Verdict,
    pub labels: Option<Vec<String>>,
    pub sentence: String,
}

/// The true figures of one measure in one cell.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasureView {
    /// The measure.
    pub name: String,
    /// The true sum, in steps, as text.
    pub sum: String,
    /// Subjects whose contribution isn't 0.
    pub contributors: u64,
}

/// One inner cell: what is true, what would be published, what the checks say.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellView {
    /// The labels, in the order of the dimensions.
    pub labels: Vec<String>,
    /// Distinct subjects, truly.
    pub subjects: u64,
    /// Records, truly.
    pub records: u64,
    /// Sums, truly.
    pub measures: Vec<MeasureView>,
    /// What would be published, one text for each statistic; empty if the whole is refused.
    pub published: Vec<String>,
    /// Ids of the findings about this cell.
    pub findings: Vec<String>,
}

/// What happened in the run.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as in `RunFacts` and `Written`")]
pub struct RunView {
    pub subjects: u64,
    pub truncated_subjects: u64,
    pub defaulted_subjects: u64,
    pub undeclared_codes: u64,
    pub clamped: u64,
    pub unattributed_rows: u64,
    pub fault: Option<ReportFault>,
    pub dropped_rows: u64,
    pub rounded_values: u64,
}

/// What a reviewer sees.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewView {
    /// The worst verdict.
    pub verdict: Verdict,
    /// The most bits that the table could carry.
    pub bits_max: u64,
    /// What happened in the run.
    pub run: RunView,
    /// Names of the table's columns.
    pub columns: Vec<String>,
    /// Every declared inner cell, in the contract's order; none for a report.
    pub cells: Vec<CellView>,
    /// The rows that would be published and aren't inner cells: totals, or a report's rows.
    pub rows: Vec<Vec<String>>,
    /// Every finding, passes included.
    pub findings: Vec<FindingView>,
    /// The record that would travel with the release.
    pub record: SdcRecord,
}

impl ReviewView {
    /// The view of a candidate and its assessment.
    ///
    /// # Errors
    /// [`Mismatch::OtherCandidate`] if the assessment is of another candidate.
    pub fn new(candidate: &Candidate, assessment: &Assessment) -> Result<ReviewView, Mismatch> {
        assessment.check_of(candidate)?;
        let table = assessment.table();
        let (cells, others) = match candidate.body() {
            Body::Counted(counted) => {
                let cells = cells(counted, table, assessment.findings());
                let inner = cells.len();
                (cells, table.rows().get(inner..).unwrap_or_default())
            }
            Body::Written(_) => (Vec::new(), table.rows()),
        };
        Ok(ReviewView {
            verdict: assessment.verdict(),
            bits_max: assessment.bits_max(),
            run: run(candidate),
            columns: table.columns().iter().map(|column| column.name.clone()).collect(),
            cells,
            rows: others.iter().map(|row| texts(row, table, 0)).collect(),
            findings: assessment.findings().iter().map(finding).collect(),
            record: assessment.record().clone(),
        })
    }
}

fn run(candidate: &Candidate) -> RunView {
    let facts = candidate.facts();
    let (fault, dropped_rows, rounded_values) = match candidate.body() {
        Body::Counted(_) => (None, 0, 0),
        Body::Written(written) => (written.fault(), written.dropped_rows(), written.rounded_values()),
    };
    RunView {
        subjects: facts.subjects,
        truncated_subjects: facts.truncated_subjects,
        defaulted_subjects: facts.defaulted_subjects,
        undeclared_codes: facts.undeclared_codes,
        clamped: facts.clamped,
        unattributed_rows: facts.unattributed_rows,
        fault,
        dropped_rows,
        rounded_values,
    }
}

fn finding(finding: &Finding) -> FindingView {
    FindingView {
        id: finding.id().to_owned(),
        check: finding.check(),
        verdict: finding.verdict(),
        labels: finding.labels().map(<[String]>::to_vec),
        sentence: finding.sentence().to_owned(),
    }
}

fn cells(counted: &Counted, table: &ReleaseTable, findings: &[Finding]) -> Vec<CellView> {
    let mut by_cell: BTreeMap<&[u32], Vec<String>> = BTreeMap::new();
    for finding in findings {
        if let Scope::Cell(codes) | Scope::Sum(codes, _) = finding.scope() {
            by_cell.entry(codes).or_default().push(finding.id().to_owned());
        }
    }
    let dimensions = &counted.contract().dimensions;
    let view = |(position, codes): (usize, Vec<u32>)| {
        let cell = counted.cells().get(&codes);
        let measures = cell.into_iter().flat_map(|cell| cell.measures.iter().enumerate());
        let row = table.rows().get(position);
        CellView {
            labels: crate::finding::labels(counted, &codes),
            subjects: cell.map_or(0, |cell| cell.subjects),
            records: cell.map_or(0, |cell| cell.records),
            measures: measures
                .map(|(index, measure)| MeasureView {
                    name: measure_name(counted, index).to_owned(),
                    sum: measure.sum.to_string(),
                    contributors: measure.nonzero,
                })
                .collect(),
            published: row.map_or_else(Vec::new, |row| texts(row, table, dimensions.len())),
            findings: by_cell.remove(codes.as_slice()).unwrap_or_default(),
        }
    };
    every_code(dimensions).enumerate().map(view).collect()
}

/// The values of a row after the first `skip`, as text.
fn texts(row: &[Value], table: &ReleaseTable, skip: usize) -> Vec<String> {
    let pairs = row.iter().zip(table.columns()).skip(skip);
    pairs.map(|(value, column)| render(value, &column.kind)).collect()
}
