//! A constructor that loops. It runs inside the first call, before the export's own code.
#![cfg(target_arch = "wasm32")]

use sluice_guest::{Contract, Contributions, Params, Rows, Tabulate, export_tabulate};

/// What `__wasm_call_ctors` calls, as C++'s static constructors are called.
#[used]
#[unsafe(link_section = ".init_array")]
static SPIN: extern "C" fn() = spin;

extern "C" fn spin() {
    while std::hint::black_box(true) {}
}

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
        out.add(&[0], &[1]);
    }
}

export_tabulate!(Guest);
