//! Emits raw rows: the target's bytes as codes that aren't listed, values out of bounds, 10,000 contributions.

use sluice_guest::{Contract, Contributions, Params, Rows, Tabulate, export_tabulate};

struct Guest;

impl Tabulate for Guest {
    fn describe(_: &Params) -> Result<Contract, String> {
        Ok(Contract::new("SELECT tailnum, flight FROM flights")
            .dimension("bit", ["0", "1"])
            .subjects()
            .records()
            .sum("value", "units", 0..=1, 0)
            .per_subject(2, 1000))
    }

    fn map(subject: &Rows<'_>, out: &mut Contributions) {
        let (tail, flight) = (subject.column(0), subject.column(1));
        let mut row = 0;
        for sent in 0..10_000 {
            for byte in tail.str(row).unwrap_or("N12345").bytes() {
                // In turn: a byte as a code, a listed code with a value far out of bounds, a negative code.
                out.add(&[i64::from(byte)], &[1]);
                out.add(&[i64::from(byte) & 1], &[flight.i64(row).unwrap_or(0) << 32]);
                out.add(&[-i64::from(byte)], &[i64::MIN]);
            }
            row = (row + 1) % subject.len().max(1);
            if sent * 18 > 10_000 {
                break;
            }
        }
    }
}

export_tabulate!(Guest);
