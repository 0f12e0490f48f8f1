//! Lane report: reads a batch, then takes memory until there is none, and touches every page of it, and stops.
#![cfg(target_arch = "wasm32")]

use sluice_guest::{Inputs, Params, Report, ReportContract, Table, export_report};

const PAGE: usize = 65_536;

struct Guest;

impl Report for Guest {
    fn describe(_: &Params) -> Result<ReportContract, String> {
        Ok(ReportContract::new(1).input("SELECT tailnum FROM flights").number("rows", "rows", 0..=1_000_000, 1000, 0))
    }

    fn run(inputs: &mut Inputs, _: &[u64]) -> Table {
        drop(inputs.next(0));
        loop {
            let page = core::arch::wasm32::memory_grow(0, 1);
            if page == usize::MAX {
                std::process::abort();
            }
            // SAFETY: the page has just been granted, and nothing else is in it.
            unsafe { ((page * PAGE) as *mut u64).write_volatile(page as u64) };
        }
    }
}

export_report!(Guest);
