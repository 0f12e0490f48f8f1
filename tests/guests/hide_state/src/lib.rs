//! Hides state wherever it can (a static, the heap, grown pages) and says 1 where an earlier subject left some.
#![cfg(target_arch = "wasm32")]

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use sluice_guest::{Contract, Contributions, Params, Rows, Tabulate, export_tabulate};

static CALLS: AtomicU64 = AtomicU64::new(0);

const PAGE: usize = 65_536;
/// Half of the mark: the whole never stands in the code, so only what `hide` wrote holds it.
const HALF: u64 = 0x5eed_c0de;

fn mark() -> u64 {
    std::hint::black_box(HALF) << 32 | HALF.rotate_left(7)
}

/// Leaves marks in a static, in the heap (freed at once) and in grown pages.
fn hide() {
    CALLS.fetch_add(1, Relaxed);
    drop(std::hint::black_box(vec![mark(); 4096]));
    let before = core::arch::wasm32::memory_grow(0, 4);
    if before != usize::MAX {
        for place in (before * PAGE..(before + 4) * PAGE).step_by(4096) {
            // SAFETY: the pages have just been granted, and nothing else is in them.
            unsafe { (place as *mut u64).write_volatile(mark()) };
        }
    }
}

/// Looks at every word of the memory.
fn pages_hold_mark() -> bool {
    let end = core::arch::wasm32::memory_size(0) * PAGE;
    // SAFETY: every word up to the memory's end may be read; the first page starts behind the null word.
    (8..end).step_by(8).any(|place| unsafe { (place as *const u64).read_volatile() } == mark())
}

struct Guest;

impl Tabulate for Guest {
    fn describe(_: &Params) -> Result<Contract, String> {
        // `describe` leaves its mark too: its instance may not be the one that data comes to.
        hide();
        Ok(Contract::new("SELECT month FROM flights").dimension("found", ["clean", "static", "page"]).subjects().sum(
            "marks",
            "marks",
            0..=1,
            0,
        ))
    }

    fn map(_: &Rows<'_>, out: &mut Contributions) {
        let (in_static, in_pages) = (CALLS.load(Relaxed) != 0, pages_hold_mark());
        hide();
        out.add(&[0], &[i64::from(in_static || in_pages)]);
        if in_static {
            out.add(&[1], &[1]);
        }
        if in_pages {
            out.add(&[2], &[1]);
        }
    }
}

export_tabulate!(Guest);
