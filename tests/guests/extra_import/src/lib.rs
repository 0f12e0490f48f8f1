//! Imports a function of the host that no world has: a clock.
#![cfg(target_arch = "wasm32")]

use sluice_guest::{Contract, Contributions, Params, Rows, Tabulate, export_tabulate};

wit_bindgen::generate!({
    inline: "
        package evil:host@0.1.0;
        interface clock { now: func() -> u64; }
        world clocked { import clock; }
    ",
});

use evil::host::clock::now;

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

    fn map(_: &Rows<'_>, out: &mut Contributions) {
        out.add(&[now() as i64 & 1], &[1]);
    }
}

export_tabulate!(Guest);
