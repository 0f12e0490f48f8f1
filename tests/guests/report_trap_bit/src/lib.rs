//! Lane report: traps exactly where bit `bit` of the departure delay of the first row of `tailnum` is set.

use sluice_guest::{Inputs, Params, Report, ReportContract, Table, export_report};

struct Guest;

impl Report for Guest {
    fn describe(params: &Params) -> Result<ReportContract, String> {
        let tail = params.get("tailnum").unwrap_or("N14228");
        let bit = params.integer("bit", 0, 0..=31)?;
        Ok(ReportContract::new(1)
            .input("SELECT tailnum, dep_delay FROM flights")
            .number("rows", "rows", 0..=1_000_000, 1000, 0)
            .constant(word(tail))
            .constant(bit as u64))
    }

    fn run(inputs: &mut Inputs, constants: &[u64]) -> Table {
        let &[target, bit] = constants else { std::process::abort() };
        let (mut seen, mut found) = (0, false);
        while let Some(batch) = inputs.next(0) {
            let rows = batch.rows();
            for row in 0..rows.len() {
                seen += 1;
                if !found && rows.column(0).str(row).map(word) == Some(target) {
                    found = true;
                    if rows.column(1).i64(row).unwrap_or(0) >> bit & 1 == 1 {
                        std::process::abort();
                    }
                }
            }
        }
        let mut table = Table::new();
        table.row(&[seen / 1000 * 1000]);
        table
    }
}

/// A tail number is at most eight bytes.
fn word(text: &str) -> u64 {
    text.bytes().take(8).fold(0, |word, byte| word << 8 | u64::from(byte))
}

export_report!(Guest);
