//! The bindings that `wit-bindgen` generates, and the way from them to the traits. Only a module has them.
#![allow(missing_docs, unsafe_code, clippy::all, clippy::indexing_slicing)]

use core::marker::PhantomData;

use crate::{Contributions, Domain, Inputs, Params, Report, Rows, Statistic, Tabulate};

#[cfg(feature = "allocator")]
#[global_allocator]
static REGION: crate::allocator::Region = crate::allocator::Region::new();

pub mod tabulate {
    wit_bindgen::generate!({
        path: "wit",
        world: "tabulate-module",
        pub_export_macro: true,
        export_macro_name: "export",
        default_bindings_module: "sluice_guest::wire::tabulate",
    });
}

pub mod report {
    wit_bindgen::generate!({
        path: "wit",
        world: "report-module",
        pub_export_macro: true,
        export_macro_name: "export",
        default_bindings_module: "sluice_guest::wire::report",
    });
}

use report::exports::sluice::guest::report as r;
use tabulate::exports::sluice::guest::tabulate as t;

pub struct TabulateModule<T>(PhantomData<T>);

impl<T: Tabulate> t::Guest for TabulateModule<T> {
    fn describe(params: Vec<t::Param>) -> Result<t::Contract, String> {
        let contract = T::describe(&Params::new(params.into_iter().map(|p| (p.name, p.value))))?;
        Ok(t::Contract {
            sql: contract.sql,
            dimensions: contract
                .dimensions
                .into_iter()
                .map(|d| t::Dimension { name: d.name, labels: d.labels })
                .collect(),
            measures: contract
                .measures
                .into_iter()
                .map(|m| t::Measure { name: m.name, unit: m.unit, lower: m.lower, upper: m.upper, scale: m.scale })
                .collect(),
            statistics: contract.statistics.into_iter().map(statistic).collect(),
            margins: contract.margins,
            cells_per_subject: contract.cells_per_subject,
            rows_per_subject: contract.rows_per_subject,
            constants: contract.constants,
        })
    }

    fn map(arena: Vec<u64>) -> Vec<u64> {
        // A host that sends no arena is a fault: a trap says so where an empty answer would hide it.
        let Some(subject) = Rows::new(&arena) else { std::process::abort() };
        let mut out = Contributions::new();
        T::map(&subject, &mut out);
        out.into_words()
    }
}

fn statistic(statistic: Statistic) -> t::Statistic {
    match statistic {
        Statistic::Subjects => t::Statistic::Subjects,
        Statistic::Records => t::Statistic::Records,
        Statistic::Sum(measure) => t::Statistic::Sum(measure),
        Statistic::Ratio(ratio) => t::Statistic::Ratio(t::Ratio {
            name: ratio.name,
            numerator: ratio.numerator,
            denominator: ratio.denominator,
            scale: ratio.scale,
        }),
    }
}

pub struct ReportModule<T>(PhantomData<T>);

impl<T: Report> r::Guest for ReportModule<T> {
    fn describe(params: Vec<r::Param>) -> Result<r::Contract, String> {
        let contract = T::describe(&Params::new(params.into_iter().map(|p| (p.name, p.value))))?;
        Ok(r::Contract {
            inputs: contract.inputs,
            columns: contract
                .columns
                .into_iter()
                .map(|column| r::Column { name: column.name, domain: domain(column.domain) })
                .collect(),
            rows: contract.rows,
            constants: contract.constants,
        })
    }

    fn run(constants: Vec<u64>) -> Vec<u64> {
        T::run(&mut Inputs::new(report::sluice::guest::rows::next), &constants).into_words()
    }
}

fn domain(domain: Domain) -> r::Domain {
    match domain {
        Domain::Labels(labels) => r::Domain::Labels(labels),
        Domain::Number { unit, lower, upper, step, scale } => {
            r::Domain::Number(r::Number { unit, lower, upper, step, scale })
        }
    }
}
