//! Never returns from `map`: only fuel ends it.

use sluice_guest::{Contract, Contributions, Params, Rows, Tabulate, export_tabulate};

struct Guest;

impl Tabulate for Guest {
    fn describe(_: &Params) -> Result<Contract, String> {
        Ok(Contract::new("SELECT month FROM flights").dimension("bit", ["0", "1"]).subjects().sum(
            "value",
            "units",
            0..=1,
            0,
        ))
    }

    fn map(subject: &Rows<'_>, out: &mut Contributions) {
        // The guard keeps the loop from being compiled away; it is never true.
        while std::hint::black_box(subject.constant(0)) != 1 {}
        out.add(&[0], &[1]);
    }
}

export_tabulate!(Guest);
