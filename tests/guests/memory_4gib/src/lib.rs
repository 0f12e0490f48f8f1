//! Grows its memory until that fails, and touches every page: in `map`, or with `place=describe` in `describe`.
#![cfg(target_arch = "wasm32")]

use sluice_guest::{Contract, Contributions, Params, Rows, Tabulate, export_tabulate};

const PAGE: usize = 65_536;

/// Takes 16 pages at a time, then one, until there are none; returns how many pages there are then.
fn swallow() -> i64 {
    for step in [16, 1] {
        loop {
            let before = core::arch::wasm32::memory_grow(0, step);
            if before == usize::MAX {
                break;
            }
            for page in before..before + step {
                // SAFETY: the page has just been granted, and nothing else is in it.
                unsafe { ((page * PAGE) as *mut u64).write_volatile(page as u64) };
            }
        }
    }
    core::arch::wasm32::memory_size(0) as i64
}

struct Guest;

impl Tabulate for Guest {
    fn describe(params: &Params) -> Result<Contract, String> {
        if params.get("place") == Some("describe") {
            swallow();
        }
        Ok(Contract::new("SELECT month FROM flights").dimension("bit", ["0", "1"]).subjects().sum(
            "pages",
            "pages",
            0..=65_536,
            0,
        ))
    }

    fn map(_: &Rows<'_>, out: &mut Contributions) {
        out.add(&[0], &[swallow()]);
    }
}

export_tabulate!(Guest);
