//! What a reviewer sees, **inside**: true counts beside what would be published, with the findings.
//!
//! It serialises, since reviewers get it through the API; it must never be served to anyone else, nor be logged,
//! which is why it has no `Debug`.
//!
//! # Guarantees
//! Each figure's status follows from the table that would leave and from the rules, not from a copy of either.
//! A view shows one candidate and the assessment of that same candidate.
//!
//! # Does not guarantee
//! Pages: a view of a large table is large, and the server cuts it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::assessment::Assessment;
use sluice_domain::contract::Statistic;

use crate::candidate::{Body, Candidate, Counted, Figure, Mismatch, Node, ReportFault};
use crate::finding::{CheckName, Finding, Scope, Verdict};
use crate::primary::{self, Quantity};
use crate::publish;
use crate::record::SdcRecord;
use crate::table::{ReleaseTable, Value, render};

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

/// What becomes of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is shown.
    Published,
    /// It is withheld since it breaks a rule itself, or a finding says so; where a cell is shown as a whole or not at
    /// all, since that is so of one of its figures.
    Primary,
    /// It is withheld because of other figures: it would give them away, or it follows from them; or its method doesn't
    /// show such figures.
    Secondary,
}

/// One statistic of one published cell.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FigureView {
    /// The column's name.
    pub name: String,
    /// The true value, in steps, as text; of a ratio none.
    pub value: Option<String>,
    /// What would be published; `None` if the whole is refused.
    pub published: Option<String>,
    /// What becomes of it.
    pub status: Status,
    /// The names of the rules that it breaks; where it breaks none, of the checks that have it withheld.
    pub rules: Vec<String>,
    /// Between which values an attacker can put it, where that was audited.
    pub interval: Option<(String, String)>,
}

/// One published cell, inner or total: what is true, what would be published, what the checks say.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellView {
    /// The labels, in the order of the dimensions; `*` where it adds up.
    pub labels: Vec<String>,
    /// Distinct subjects, truly.
    pub subjects: u64,
    /// Distinct groups, truly.
    pub groups: u64,
    /// Subjects of the largest group.
    pub largest_group: u64,
    /// Records, truly.
    pub records: u64,
    /// One for each statistic.
    pub figures: Vec<FigureView>,
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
    /// Every published cell in the order of the table's rows, inner cells first, then totals; none for a report.
    pub cells: Vec<CellView>,
    /// The rows of a report that would be published; none for a counted table.
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
            Body::Counted(counted) => (cells(counted, assessment), &[] as &[Vec<Value>]),
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

fn cells(counted: &Counted, assessment: &Assessment) -> Vec<CellView> {
    let mut by_cell: BTreeMap<&Node, Vec<&Finding>> = BTreeMap::new();
    for finding in assessment.findings() {
        if let Scope::Cell(node) | Scope::Figure(node, _) = finding.scope() {
            by_cell.entry(node).or_default().push(finding);
        }
    }
    let table = assessment.table();
    let view = |(position, figure): (usize, Figure<'_>)| {
        let found = by_cell.remove(&figure.node).unwrap_or_default();
        let row = table.rows().get(position);
        let published = row.map_or_else(Vec::new, |row| texts(row, table, figure.node.len()));
        let counts = figure.evidence.cloned().unwrap_or_default();
        CellView {
            labels: crate::finding::labels(counted, &figure.node),
            subjects: counts.subjects,
            groups: counts.groups,
            largest_group: counts.largest_group,
            records: u64::try_from(counts.records.subjects.sum).unwrap_or(u64::MAX),
            figures: figures(counted, assessment, (position, &figure, row), &found),
            published,
            findings: found.iter().map(|finding| finding.id().to_owned()).collect(),
        }
    };
    counted.figures().enumerate().map(view).collect()
}

/// The figures of one cell, with its place, the table's row, if there is one, and the findings about it.
fn figures(
    counted: &Counted,
    assessment: &Assessment,
    (place, figure, row): (usize, &Figure<'_>, Option<&Vec<Value>>),
    found: &[&Finding],
) -> Vec<FigureView> {
    let (table, pattern) = (assessment.table(), assessment.pattern());
    let skip = figure.node.len();
    let view = |(position, statistic): (usize, &Statistic)| {
        let quantity = publish::quantity(statistic);
        let rules = quantity
            .map_or_else(Vec::new, |quantity| publish::broken(counted, figure, quantity, assessment.appetite()));
        let suppressing = found.iter().filter(|finding| {
            finding.verdict() == Verdict::Suppress
                && match finding.scope() {
                    Scope::Whole => false,
                    Scope::Cell(_) => true,
                    Scope::Figure(_, named) => Some(*named) == quantity,
                }
        });
        let mut rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
        // Where no rule of its own says so, a check does.
        let checks = suppressing.filter(|finding| finding.check() != CheckName::Secondary);
        let checks: BTreeSet<&str> = checks.filter_map(|finding| finding.id().split(':').next()).collect();
        if rules.is_empty() {
            rules.extend(checks.into_iter().map(str::to_owned));
        }
        let (value, column) = (row.and_then(|row| row.get(skip + position)), table.columns().get(skip + position));
        let by_itself = pattern.map(|pattern| pattern.is_primary(place));
        let status = match (value, by_itself) {
            (Some(value), _) if *value != Value::Suppressed => Status::Published,
            (_, Some(true)) => Status::Primary,
            (_, Some(false)) => Status::Secondary,
            _ if !rules.is_empty() => Status::Primary,
            _ => Status::Secondary,
        };
        let interval =
            pattern.filter(|_| status != Status::Published).and_then(|pattern| pattern.interval(place, quantity?));
        FigureView {
            name: column.map_or_else(String::new, |column| column.name.clone()),
            value: quantity.map(|quantity| truth(figure, quantity).to_string()),
            published: value.zip(column).map(|(value, column)| render(value, &column.kind)),
            status,
            rules,
            interval: interval.map(|(lower, upper)| (lower.to_string(), upper.to_string())),
        }
    };
    counted.contract().statistics.iter().enumerate().map(view).collect()
}

/// The true value of a quantity of a cell.
fn truth(figure: &Figure<'_>, quantity: Quantity) -> i128 {
    let Some(evidence) = figure.evidence else { return 0 };
    primary::spread(evidence, quantity).map_or(i128::from(evidence.subjects), |spread| spread.subjects.sum)
}

/// The values of a row after the first `skip`, as text.
fn texts(row: &[Value], table: &ReleaseTable, skip: usize) -> Vec<String> {
    let pairs = row.iter().zip(table.columns()).skip(skip);
    pairs.map(|(value, column)| render(value, &column.kind)).collect()
}
