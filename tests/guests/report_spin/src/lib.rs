//! Lane report: reads a batch and never returns from `run`. Only fuel or the attempt's time ends it.

use sluice_guest::{Inputs, Params, Report, ReportContract, Table, export_report};

struct Guest;

impl Report for Guest {
    fn describe(_: &Params) -> Result<ReportContract, String> {
        Ok(ReportContract::new(1).input("SELECT tailnum FROM flights").number("rows", "rows", 0..=1_000_000, 1000, 0))
    }

    fn run(inputs: &mut Inputs, _: &[u64]) -> Table {
        let rows = inputs.next(0).map_or(0, |batch| batch.rows().len() as i64);
        // The guard keeps the loop from being compiled away; it is never true.
        while std::hint::black_box(rows) >= 0 {}
        Table::new()
    }
}

export_report!(Guest);
