//! Traps in `describe`: no data is there yet, so the operator may see it in full.

use sluice_guest::{Contract, Contributions, Params, Rows, Tabulate, export_tabulate};

struct Guest;

impl Tabulate for Guest {
    fn describe(_: &Params) -> Result<Contract, String> {
        std::process::abort()
    }

    fn map(_: &Rows<'_>, out: &mut Contributions) {
        out.add(&[0], &[1]);
    }
}

export_tabulate!(Guest);
