//! Never returns from `describe`.

use sluice_guest::{Contract, Contributions, Params, Rows, Tabulate, export_tabulate};

struct Guest;

impl Tabulate for Guest {
    fn describe(_: &Params) -> Result<Contract, String> {
        while std::hint::black_box(true) {}
        Err("it never gets here".into())
    }

    fn map(_: &Rows<'_>, out: &mut Contributions) {
        out.add(&[0], &[1]);
    }
}

export_tabulate!(Guest);
