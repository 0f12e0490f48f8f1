//! Candidates for tests, made from microdata so that their evidence is consistent.

use std::collections::BTreeMap;

use sluice_domain::contract::{
    Contract, Dimension, Measure, ReportColumn, Reporting, Statistic, Tabulation, ValueDomain,
};
use sluice_domain::grade::Grade;
use sluice_domain::limits::Limits;

use crate::appetite::Appetite;
use crate::assessment::Assessment;
use crate::candidate::{
    Candidate, Contribution, Contributions, Counted, Groups, Mismatch, Raw, Relation, ReportFault, RunFacts,
};
use crate::context::Context;
use crate::finding::{Finding, Verdict};
use crate::publish::cell_key::{PTable, Secret};

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

/// Assesses without any context.
pub(crate) fn assess(candidate: &Candidate, appetite: &Appetite) -> Assessment {
    crate::assessment::assess(candidate, appetite, &Context::default())
}

/// Assesses by a method, with nothing found in earlier releases.
pub(crate) fn assess_by(method: crate::Method, candidate: &Candidate, appetite: &Appetite) -> Assessment {
    crate::assessment::assess(candidate, appetite, &Context { history: Some(Vec::new()), method })
}

/// What a candidate counted.
pub(crate) fn counted(candidate: &Candidate) -> &Counted {
    let crate::candidate::Body::Counted(counted) = candidate.body() else { panic!("it is counted") };
    counted
}

/// Subject, cell, records, values.
pub(crate) type Entry = (u32, u32, u64, Vec<i64>);

/// A table under construction: contract, and contributions (one list per subject) by cell.
pub(crate) struct Table {
    pub(crate) contract: Tabulation,
    pub(crate) facts: RunFacts,
    /// Each list is another subject's.
    pub(crate) contributions: BTreeMap<Vec<u32>, Vec<Vec<i64>>>,
    /// Contributions of subjects that are named, for subjects in several cells.
    pub(crate) shared: Vec<(Vec<u32>, u32, Vec<i64>)>,
    pub(crate) groups: Option<fn(u32) -> u64>,
    pub(crate) relations: Vec<Relation>,
    records: Option<Box<dyn Fn(u32) -> u64>>,
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
        let (facts, contributions, shared, relations) = Default::default();
        Table { contract, facts, contributions, shared, groups: None, relations, records: None }
    }

    /// One more measure `m0`, `m1`, ... and its published sum.
    pub(crate) fn measure(mut self, lower: i64, upper: i64) -> Table {
        let index = self.contract.measures.len();
        let measure = Measure { name: format!("m{index}"), unit: "min".to_owned(), lower, upper, scale: 0 };
        self.contract.measures.push(measure);
        self.contract.statistics.push(Statistic::Sum(index as u32));
        self
    }

    /// The ratio `r` of two measures.
    pub(crate) fn ratio(mut self, numerator: u32, denominator: u32) -> Table {
        let ratio = sluice_domain::contract::Ratio { name: "r".to_owned(), numerator, denominator, scale: 2 };
        self.contract.statistics.push(Statistic::Ratio(ratio));
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

    /// The subject with this ordinal, in one more cell.
    pub(crate) fn same_subject(mut self, codes: &[u32], subject: u32, values: &[i64]) -> Table {
        self.shared.push((codes.to_vec(), subject, values.to_vec()));
        self
    }

    /// So many subjects from an ordinal on, in one more cell, for a contract without measures.
    pub(crate) fn same_subjects(mut self, codes: &[u32], first: u32, subjects: u32) -> Table {
        self.shared.extend((first..first + subjects).map(|subject| (codes.to_vec(), subject, Vec::new())));
        self
    }

    /// A dataset that declares groups.
    pub(crate) fn grouped(mut self, groups: fn(u32) -> u64) -> Table {
        self.groups = Some(groups);
        self
    }

    /// So many records for a subject, in each of its cells.
    pub(crate) fn records(mut self, records: impl Fn(u32) -> u64 + 'static) -> Table {
        self.records = Some(Box::new(records));
        self
    }

    /// Every contribution; a third of a cell's subjects have two records where nothing else is said.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let mut next = 0;
        let mut entries = Vec::new();
        let cell = |codes: &[u32]| {
            let pairs = codes.iter().zip(&self.contract.dimensions);
            pairs.fold(0, |cell, (code, dimension)| cell * dimension.labels.len() as u32 + code)
        };
        let records = |subject: u32, place: usize| {
            self.records.as_ref().map_or(if place % 3 == 2 { 2 } else { 1 }, |records| records(subject))
        };
        for (codes, subjects) in &self.contributions {
            for (place, values) in subjects.iter().enumerate() {
                entries.push((next, cell(codes), records(next, place), values.clone()));
                next += 1;
            }
        }
        for (codes, subject, values) in &self.shared {
            entries.push((*subject, cell(codes), records(*subject, 0), values.clone()));
        }
        entries
    }

    pub(crate) fn facts(&self) -> RunFacts {
        let subjects: std::collections::BTreeSet<u32> = self.entries().iter().map(|entry| entry.0).collect();
        RunFacts { subjects: subjects.len() as u64, ..self.facts }
    }

    pub(crate) fn raw(&self, entries: &[Entry]) -> Result<Raw, Mismatch> {
        let made = entries.iter().map(|(subject, cell, records, values)| Contribution {
            subject: *subject,
            cell: *cell,
            records: *records,
            values,
        });
        let contributions = Contributions::new(self.contract.measures.len(), made)?;
        let subjects: std::collections::BTreeSet<u32> = entries.iter().map(|entry| entry.0).collect();
        let groups = match self.groups {
            None => Groups::none(),
            Some(group) => Groups::new(subjects.iter().map(|subject| (*subject, group(*subject))))?,
        };
        Ok(Raw::Cells { contributions, groups, relations: self.relations.clone(), facts: self.facts() })
    }

    pub(crate) fn built(&self, entries: &[Entry]) -> Result<Candidate, Mismatch> {
        Candidate::new(Contract::Tabulate(self.contract.clone()), self.raw(entries)?, &Limits::default())
    }

    pub(crate) fn candidate(&self) -> Candidate {
        self.built(&self.entries()).expect("the factory's contributions fit")
    }
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

/// A cell's key, from the keys of the distinct subjects in it, in any order.
pub(crate) fn cell_key(keys: impl IntoIterator<Item = u64>) -> u64 {
    keys.into_iter().fold(0, u64::wrapping_add)
}

/// What is shown of a cell in which these distinct subjects are counted.
pub(crate) fn perturbed(secret: &Secret, table: &PTable, subjects: &[u32]) -> u64 {
    let key = cell_key(subjects.iter().map(|subject| secret.subject_key(*subject)));
    table.shown(subjects.len() as u64, secret.look_up(key))
}
