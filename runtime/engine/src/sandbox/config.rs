//! How wasmtime is set up: once for the process that compiles, once for the worker that runs.
//!
//! Both share [`compiling`], so that what one compiles the other accepts; the worker adds the pool. The settings are
//! part of a compiled module's identity: change one, and [`engine_digest`] changes and every module is compiled anew.

use sha2::{Digest, Sha256};
use sluice_domain::limits::Limits;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OperatorCost, OptLevel, PoolingAllocationConfig, Strategy,
    VariableOperatorCost,
};

/// Linear memories of one component.
pub(crate) const MEMORIES_PER_COMPONENT: u32 = 1;
/// Tables of one component: the module's own, and the one through which an import is reached.
pub(crate) const TABLES_PER_COMPONENT: u32 = 2;
/// Core instances of one component: a subject module is one; an import adds a shim and what fills its table.
pub(crate) const CORE_INSTANCES_PER_COMPONENT: u32 = 4;
/// What a WebAssembly page holds.
pub(crate) const PAGE_BYTES: u64 = 64 * 1024;

/// Stack of a guest: a depth that every native stack here can carry.
const GUEST_STACK_BYTES: usize = 512 * 1024;
/// Address space reserved per memory. With 4 GiB and a guard, no 32-bit access needs a bounds check.
const RESERVATION_BYTES: u64 = 1 << 32;
/// What stays mapped between two subjects where the kernel can tell which pages were written ...
const KEPT_WITH_SCAN_BYTES: usize = 4 * 1024 * 1024;
/// ... and where it can't, so that all of it is written with zeros after each subject.
const KEPT_WITHOUT_SCAN_BYTES: usize = 64 * 1024;
const KEPT_TABLE_BYTES: usize = 16 * 1024;

/// Elements that a table may have.
pub(crate) fn table_elements_max(limits: &Limits) -> usize {
    // A table of functions can't usefully hold more than there are functions.
    (limits.module_functions_max as usize).max(1024)
}

/// Bytes that a guest's memory may have: the limit, in whole pages.
pub(crate) fn memory_bytes_max(limits: &Limits) -> usize {
    let pages = limits.guest_memory_bytes_max / PAGE_BYTES;
    usize::try_from((pages * PAGE_BYTES).min(RESERVATION_BYTES)).unwrap_or(usize::MAX)
}

/// What the compiler and the runtime have in common.
pub(crate) fn compiling() -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_nan_canonicalization(true)
        .consume_fuel(true)
        .operator_cost(OperatorCost {
            // Free by default; the highest price that there is.
            variable: VariableOperatorCost { memory_grow_per_page: u8::MAX, ..VariableOperatorCost::new() },
            ..OperatorCost::new()
        })
        .epoch_interruption(true)
        .max_wasm_stack(GUEST_STACK_BYTES)
        .memory_reservation(RESERVATION_BYTES)
        .memory_may_move(false)
        .memory_init_cow(true)
        .wasm_backtrace_max_frames(None)
        .native_unwind_info(false)
        .generate_address_map(false)
        .shared_memory(false)
        .concurrency_support(false)
        .relaxed_simd_deterministic(true);
    // Off, whatever the defaults become. What the build leaves out (threads, gc, exceptions) can't be turned on.
    config
        .wasm_relaxed_simd(false)
        .wasm_tail_call(false)
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        .wasm_gc(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .wasm_stack_switching(false)
        .wasm_shared_everything_threads(false);
    config
}

/// The runtime: the same, with a pool of `2 x threads` slots.
pub(crate) fn running(limits: &Limits, threads: u32) -> Config {
    let scan = PoolingAllocationConfig::is_pagemap_scan_available();
    let slots = threads.clamp(1, 512).saturating_mul(2);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_core_instances(slots * CORE_INSTANCES_PER_COMPONENT)
        .total_memories(slots * MEMORIES_PER_COMPONENT)
        .total_tables(slots * TABLES_PER_COMPONENT)
        .max_core_instances_per_component(CORE_INSTANCES_PER_COMPONENT)
        .max_memories_per_component(MEMORIES_PER_COMPONENT)
        .max_tables_per_component(TABLES_PER_COMPONENT)
        .max_memory_size(memory_bytes_max(limits))
        .table_elements(table_elements_max(limits))
        .max_unused_warm_slots(slots)
        // A slot is reset before it is handed out again, not some time later.
        .decommit_batch_size(1)
        .linear_memory_keep_resident(if scan { KEPT_WITH_SCAN_BYTES } else { KEPT_WITHOUT_SCAN_BYTES })
        .table_keep_resident(KEPT_TABLE_BYTES)
        .pagemap_scan(Enabled::Auto);
    let mut config = compiling();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

/// What an engine's compiled code depends on, in hexadecimal: wasmtime's version, its settings, the processor.
pub(crate) fn engine_digest(engine: &Engine) -> String {
    use std::hash::Hash;
    let mut hasher = Sha256Hasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hex::encode(hasher.0.finalize())
}

/// Takes what is hashed as it comes: 256 bits instead of the 64 of a hash table.
struct Sha256Hasher(Sha256);

impl std::hash::Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_compiler_makes_the_runtime_takes() {
        let compiler = Engine::new(&compiling()).expect("the settings agree with each other");
        let runtime = Engine::new(&running(&Limits::default(), 2)).expect("the settings agree with each other");
        assert_eq!(engine_digest(&compiler), engine_digest(&runtime));
        assert_eq!(engine_digest(&compiler).len(), 64);
    }

    #[test]
    fn a_limit_is_rounded_down_to_whole_pages() {
        let limits = Limits { guest_memory_bytes_max: 3 * PAGE_BYTES + 1, ..Limits::default() };
        assert_eq!(memory_bytes_max(&limits) as u64, 3 * PAGE_BYTES);
    }
}
