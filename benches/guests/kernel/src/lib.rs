//! Arithmetic over batches: the report lane's time against the same kernel native.

use sluice_guest::{Inputs, Params, Report, ReportContract, Table, export_report};

/// The module.
pub struct Kernel;

impl Report for Kernel {
    fn describe(params: &Params) -> Result<ReportContract, String> {
        params.only(&[])?;
        Ok(ReportContract::new(1).input("SELECT v, w FROM made").number("sum", "", 0..=1_000_000_000_000, 1, 0))
    }

    fn run(inputs: &mut Inputs, _constants: &[u64]) -> Table {
        let mut sum = 0_i64;
        while let Some(batch) = inputs.next(0) {
            let rows = batch.rows();
            let (v, w) = (rows.column(0), rows.column(1));
            for row in 0..rows.len() {
                let (v, w) = (v.i64(row).unwrap_or(0), w.i64(row).unwrap_or(0));
                sum = sum.wrapping_add((v * 31 + w) % 97);
            }
        }
        let mut table = Table::new();
        table.row(&[sum]);
        table
    }
}

export_report!(Kernel);
