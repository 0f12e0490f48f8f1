//! Lane report: values out of their domain and off their step, a row that isn't whole, and more rows than declared.

use sluice_guest::{Inputs, Params, Report, ReportContract, Table, export_report};

struct Guest;

impl Report for Guest {
    fn describe(_: &Params) -> Result<ReportContract, String> {
        Ok(ReportContract::new(4).input("SELECT tailnum, flight FROM flights").labels("month", ["Jan", "Feb"]).number(
            "flights",
            "flights",
            0..=1000,
            100,
            0,
        ))
    }

    fn run(inputs: &mut Inputs, _: &[u64]) -> Table {
        let mut table = Table::new();
        while let Some(batch) = inputs.next(0) {
            let rows = batch.rows();
            for row in 0..rows.len() {
                let tail = rows.column(0).str(row).unwrap_or_default().bytes().fold(0i64, |n, b| n << 8 | i64::from(b));
                table.row(&[tail, rows.column(1).i64(row).unwrap_or(i64::MIN)]);
            }
        }
        table.row(&[1]);
        table
    }
}

export_report!(Guest);
