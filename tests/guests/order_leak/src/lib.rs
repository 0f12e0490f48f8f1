//! Adds a hash of the order in which its rows came: a result that depends on the run, unless the host fixes the order.

use sluice_guest::{Contract, Contributions, Params, Rows, Tabulate, export_tabulate};

struct Guest;

impl Tabulate for Guest {
    fn describe(_: &Params) -> Result<Contract, String> {
        Ok(Contract::new("SELECT month, day, flight FROM flights").dimension("bit", ["0", "1"]).subjects().sum(
            "order",
            "units",
            0..=65_535,
            0,
        ))
    }

    fn map(subject: &Rows<'_>, out: &mut Contributions) {
        let columns = [0, 1, 2].map(|position| subject.column(position));
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for row in 0..subject.len() {
            for column in columns {
                hash = (hash ^ column.i64(row).unwrap_or(-1) as u64).wrapping_mul(0x0100_0000_01b3);
            }
        }
        out.add(&[0], &[(hash >> 48) as i64]);
    }
}

export_tabulate!(Guest);
