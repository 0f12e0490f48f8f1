//! What `describe` takes and returns, as `sluice.wit` has it. wasmtime compares these types with the module's own.

use sluice_domain::contract as ours;
use wasmtime::component::{ComponentType, Lift, Lower};

/// One parameter of the job.
#[derive(ComponentType, Lower)]
#[component(record)]
pub(super) struct Param {
    pub(super) name: String,
    pub(super) value: String,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct Dimension {
    name: String,
    labels: Vec<String>,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct Measure {
    name: String,
    unit: String,
    lower: i64,
    upper: i64,
    scale: u8,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct Ratio {
    name: String,
    numerator: u32,
    denominator: u32,
    scale: u8,
}

#[derive(ComponentType, Lift)]
#[component(variant)]
pub(super) enum Statistic {
    #[component(name = "subjects")]
    Subjects,
    #[component(name = "records")]
    Records,
    #[component(name = "sum")]
    Sum(u32),
    #[component(name = "ratio")]
    Ratio(Ratio),
}

/// `tabulate.contract`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct Tabulation {
    sql: String,
    dimensions: Vec<Dimension>,
    measures: Vec<Measure>,
    statistics: Vec<Statistic>,
    margins: Vec<Vec<u32>>,
    #[component(name = "cells-per-subject")]
    cells_per_subject: u32,
    #[component(name = "rows-per-subject")]
    rows_per_subject: u32,
    constants: Vec<u64>,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct Number {
    unit: String,
    lower: i64,
    upper: i64,
    step: i64,
    scale: u8,
}

#[derive(ComponentType, Lift)]
#[component(variant)]
pub(super) enum Domain {
    #[component(name = "labels")]
    Labels(Vec<String>),
    #[component(name = "number")]
    Number(Number),
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct Column {
    name: String,
    domain: Domain,
}

/// `report.contract`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct Reporting {
    inputs: Vec<String>,
    columns: Vec<Column>,
    rows: u32,
    constants: Vec<u64>,
}

impl From<Tabulation> for ours::Contract {
    fn from(theirs: Tabulation) -> ours::Contract {
        let dimension = |d: Dimension| ours::Dimension { name: d.name, labels: d.labels };
        let measure =
            |m: Measure| ours::Measure { name: m.name, unit: m.unit, lower: m.lower, upper: m.upper, scale: m.scale };
        let statistic = |statistic| match statistic {
            Statistic::Subjects => ours::Statistic::Subjects,
            Statistic::Records => ours::Statistic::Records,
            Statistic::Sum(measure) => ours::Statistic::Sum(measure),
            Statistic::Ratio(r) => ours::Statistic::Ratio(ours::Ratio {
                name: r.name,
                numerator: r.numerator,
                denominator: r.denominator,
                scale: r.scale,
            }),
        };
        ours::Contract::Tabulate(ours::Tabulation {
            sql: theirs.sql,
            dimensions: theirs.dimensions.into_iter().map(dimension).collect(),
            measures: theirs.measures.into_iter().map(measure).collect(),
            statistics: theirs.statistics.into_iter().map(statistic).collect(),
            margins: theirs.margins,
            cells_per_subject: theirs.cells_per_subject,
            rows_per_subject: theirs.rows_per_subject,
            constants: theirs.constants,
        })
    }
}

impl From<Reporting> for ours::Contract {
    fn from(theirs: Reporting) -> ours::Contract {
        let domain = |domain| match domain {
            Domain::Labels(labels) => ours::ValueDomain::Labels(labels),
            Domain::Number(n) => {
                ours::ValueDomain::Number { unit: n.unit, lower: n.lower, upper: n.upper, step: n.step, scale: n.scale }
            }
        };
        let column = |c: Column| ours::ReportColumn { name: c.name, domain: domain(c.domain) };
        ours::Contract::Report(ours::Reporting {
            inputs: theirs.inputs,
            columns: theirs.columns.into_iter().map(column).collect(),
            rows: theirs.rows,
            constants: theirs.constants,
        })
    }
}
