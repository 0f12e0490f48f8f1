//! Memory for one short call.
//!
//! A module of lane `tabulate` lives for one subject, mostly microseconds. The standard allocator asks for pages from
//! the first byte on, and each page that a memory grows by is a call to the kernel, before the subject and after it.
//! So the first bytes come from a region that is part of the module's initial memory, handed out from one end to the
//! other; what doesn't fit there comes from the standard allocator.
//!
//! *Guarantees:* alignment and lifetime as [`GlobalAlloc`] asks. *Does not guarantee* that a freed block is used again:
//! only the last one is, and all of them once none is left. A module has one thread.
#![allow(unsafe_code)]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::{Cell, UnsafeCell};
use std::alloc::System;

#[cfg(all(target_arch = "wasm32", target_feature = "atomics"))]
compile_error!("a module has one thread; turn the feature `allocator` off for another target");

/// Bytes of the region: pages that aren't touched cost nothing.
const REGION_BYTES: usize = 256 * 1024;

/// The allocator; [`crate::wire`] makes it the module's.
pub struct Region {
    bytes: UnsafeCell<[u8; REGION_BYTES]>,
    /// Bytes handed out, from the start.
    used: Cell<usize>,
    /// Blocks handed out and not returned.
    live: Cell<usize>,
}

// SAFETY: a module has one thread; on any other target the type is used by one test at a time.
unsafe impl Sync for Region {}

impl Region {
    /// An empty region.
    pub const fn new() -> Self {
        Self { bytes: UnsafeCell::new([0; REGION_BYTES]), used: Cell::new(0), live: Cell::new(0) }
    }

    fn start(&self) -> *mut u8 {
        self.bytes.get().cast()
    }

    /// Where a block lies in the region; `None` where it came from the standard allocator.
    fn place(&self, block: *mut u8) -> Option<usize> {
        let place = (block as usize).checked_sub(self.start() as usize)?;
        (place < REGION_BYTES).then_some(place)
    }

    /// Takes a block from the region.
    fn take(&self, layout: Layout) -> Option<*mut u8> {
        let base = self.start() as usize;
        let from = base.checked_add(self.used.get())?.checked_next_multiple_of(layout.align())? - base;
        let end = from.checked_add(layout.size())?;
        if end > REGION_BYTES {
            return None;
        }
        self.used.set(end);
        self.live.set(self.live.get() + 1);
        Some(self.start().wrapping_add(from))
    }
}

// SAFETY: a block of the region is aligned by `take`, ends before the next one starts (`used` only grows past live
// blocks: `dealloc` and `realloc` move it back or on for the last block alone, or to zero when no block is live), and
// stays valid as long as the static does. All other blocks are the standard allocator's, told apart by address.
unsafe impl GlobalAlloc for Region {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.take(layout) {
            Some(block) => block,
            // SAFETY: the caller's promise about `layout` is passed on.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(place) = self.place(block) else {
            // SAFETY: it isn't of the region, so it came from there, with this layout.
            return unsafe { System.dealloc(block, layout) };
        };
        self.live.set(self.live.get() - 1);
        if self.live.get() == 0 {
            self.used.set(0);
        } else if place + layout.size() == self.used.get() {
            self.used.set(place);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        match self.place(block) {
            // SAFETY: it isn't of the region, so it came from there, with this layout.
            None => return unsafe { System.realloc(block, layout, size) },
            // The last block grows where it is.
            Some(place) if place + layout.size() == self.used.get() && size <= REGION_BYTES - place => {
                self.used.set(place + size);
                return block;
            }
            Some(_) => {}
        }
        // SAFETY: the caller promises that `size`, rounded up to this alignment, doesn't overflow; the new block has at
        // least the smaller of both sizes, and the two don't overlap, since the old one is still live.
        unsafe {
            let grown = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !grown.is_null() {
                core::ptr::copy_nonoverlapping(block, grown, layout.size().min(size));
                self.dealloc(block, layout);
            }
            grown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).expect("a small layout")
    }

    #[test]
    fn blocks_are_aligned_apart_and_reused_from_the_end() {
        let region = Box::new(Region::new());
        // SAFETY: every block is returned with the layout that it was taken with, and used within its size.
        unsafe {
            let a = region.alloc(layout(3, 1));
            let b = region.alloc(layout(16, 8));
            assert_eq!(b as usize % 8, 0);
            assert!(b as usize >= a as usize + 3);
            b.write_bytes(7, 16);
            let grown = region.realloc(b, layout(16, 8), 64);
            assert_eq!(grown, b, "the last block grows where it is");
            region.dealloc(grown, layout(64, 8));
            assert_eq!(region.alloc(layout(16, 8)), b, "the last block is used again");
            let moved = region.realloc(a, layout(3, 1), 100);
            assert_ne!(moved, a, "a block in the middle moves");
            region.dealloc(b, layout(16, 8));
            region.dealloc(moved, layout(100, 1));
            assert_eq!(region.used.get(), 0, "nothing live: all of it is free");
        }
    }

    #[test]
    fn what_does_not_fit_comes_from_the_standard_allocator_and_goes_back_there() {
        let region = Box::new(Region::new());
        // SAFETY: as above.
        unsafe {
            let small = region.alloc(layout(8, 8));
            small.write_bytes(9, 8);
            let large = region.alloc(layout(REGION_BYTES, 8));
            assert_eq!(region.place(large), None);
            let grown = region.realloc(small, layout(8, 8), 2 * REGION_BYTES);
            assert_eq!(region.place(grown), None);
            assert_eq!(core::slice::from_raw_parts(grown, 8), [9; 8]);
            region.dealloc(large, layout(REGION_BYTES, 8));
            region.dealloc(grown, layout(2 * REGION_BYTES, 8));
            assert_eq!((region.live.get(), region.used.get()), (0, 0));
        }
    }
}
