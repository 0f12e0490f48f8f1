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
            let (v, w) = (rows.column(0).int64s().unwrap_or_default(), rows.column(1).int32s().unwrap_or_default());
            sum += v.iter().zip(w).map(|(v, w)| (v * 31 + i64::from(*w)) % 97).sum::<i64>();
        }
        let mut table = Table::new();
        table.row(&[sum]);
        table
    }
}

export_report!(Kernel);
