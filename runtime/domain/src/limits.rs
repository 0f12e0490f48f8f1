//! A limit on everything, in one place.

use serde::{Deserialize, Serialize};

/// Bounds that hold for every contract, module and job of a node. Units come last in the names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs, reason = "each name says what it bounds, unit last")]
pub struct Limits {
    pub sql_bytes_max: usize,
    pub dimensions_max: usize,
    pub measures_max: usize,
    pub statistics_max: usize,
    pub margins_max: usize,
    pub labels_max: u64,
    pub label_bytes_max: usize,
    pub cells_max: u64,
    pub cells_per_subject_max: u32,
    pub rows_per_subject_max: u32,
    pub constants_max: usize,
    pub scale_max: u8,
    /// The largest absolute bound of a measure: with at most 2^32 subjects a sum stays far inside 128 bits.
    pub bound_max: u64,
    pub inputs_max: usize,
    pub report_columns_max: usize,
    pub report_rows_max: u32,
    pub params_max: usize,
    pub param_bytes_max: usize,
    pub module_bytes_max: usize,
    pub module_functions_max: u32,
    pub compile_ms_max: u64,
    pub describe_ms_max: u64,
    pub guest_memory_bytes_max: u64,
    pub fuel_per_subject: u64,
    pub fuel_report: u64,
    pub bytes_per_subject_max: u64,
    pub attempt_ms_max: u64,
    pub attempts_max: u32,
    pub raw_output_bytes_max: u64,
    pub query_memory_bytes: u64,
    pub spill_bytes_max: u64,
    /// Bytes of one text of a data file: a snapshot with a longer one isn't sealed.
    pub text_bytes_max: usize,
    /// Memory for the tables in which a run counts. A contract whose table doesn't fit is refused.
    pub count_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            sql_bytes_max: 16 * 1024,
            dimensions_max: 8,
            measures_max: 16,
            statistics_max: 24,
            margins_max: 32,
            labels_max: 10_000,
            label_bytes_max: 200,
            cells_max: 100_000,
            cells_per_subject_max: 4_096,
            rows_per_subject_max: 1_000_000,
            constants_max: 64,
            scale_max: 9,
            bound_max: 1_000_000_000_000_000,
            inputs_max: 8,
            report_columns_max: 32,
            report_rows_max: 5_000,
            params_max: 32,
            param_bytes_max: 4 * 1024,
            module_bytes_max: 8 * 1024 * 1024,
            module_functions_max: 20_000,
            compile_ms_max: 60_000,
            describe_ms_max: 5_000,
            guest_memory_bytes_max: 16 * 1024 * 1024,
            fuel_per_subject: 50_000_000,
            fuel_report: 200_000_000_000,
            bytes_per_subject_max: 8 * 1024 * 1024,
            attempt_ms_max: 600_000,
            attempts_max: 3,
            raw_output_bytes_max: 256 * 1024 * 1024,
            query_memory_bytes: 1024 * 1024 * 1024,
            spill_bytes_max: 16 * 1024 * 1024 * 1024,
            text_bytes_max: 64 * 1024,
            count_bytes_max: 1024 * 1024 * 1024,
        }
    }
}
