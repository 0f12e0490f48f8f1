//! Memory for the tables in which a run counts, worked out from the contract alone.
//!
//! A run that runs out of memory because many cells are full would say so about the data. So the tables are reckoned as if
//! every cell were full, a contract whose tables are too large is refused at admission, and what remains is part of a
//! worker's limit from its start. With large tables a run takes fewer partitions; its output doesn't depend on that.

use sluice_domain::contract::Tabulation;
use sluice_domain::limits::Limits;
use sluice_domain::refusal::Refusal;

use crate::fold::{CellCount, MeasureCount, TOP};
use crate::raw;

/// What an allocator keeps beside each allocation.
const ALLOCATION_BYTES: u64 = 16;
/// What a fold keeps for each cell that the present subject touches, twice over while it grows: the cell and its records,
/// its place in the order, and the order's keys.
const TOUCHED_BYTES: u64 = 2 * 16 + 8 + 48;
/// The same for each measure of it.
const TOUCHED_MEASURE_BYTES: u64 = 2 * 16;
/// For each cell, the subject that touched it last, and where.
const TOUCHED_BY_BYTES: u64 = 16;
/// Arrow counts the bytes of a column of answers in 32 bits.
const ANSWER_BYTES_MAX: u64 = i32::MAX as u64;

/// How large a contract's tables are at most.
pub(crate) struct CountTables {
    /// The counts of all cells.
    counts: u64,
    /// What a fold has beside them.
    fold: u64,
    /// Their canonical bytes.
    encoded: u64,
}

impl CountTables {
    pub(crate) fn of(contract: &Tabulation) -> CountTables {
        let measures = contract.measures.len() as u64;
        let cells = contract.cells();
        // A list of the largest contributions grows to the power of two above its length.
        let top = (TOP as u64 + 1).next_power_of_two() * 8 + ALLOCATION_BYTES;
        let measure = size_of::<MeasureCount>() as u64 + top;
        let cell = size_of::<CellCount>() as u64 + ALLOCATION_BYTES + measures.saturating_mul(measure);
        let touched = TOUCHED_BY_BYTES + TOUCHED_BYTES + measures.saturating_mul(TOUCHED_MEASURE_BYTES);
        CountTables {
            counts: cells.saturating_mul(cell),
            fold: cells.saturating_mul(touched),
            encoded: raw::encoded_bytes(cells, measures),
        }
    }

    /// Memory of a run with so many partitions: each partition's tables and its answer, which is copied once; and in the
    /// end the sum of all and one of them read back.
    fn bytes(&self, partitions: u64) -> u64 {
        let partition = self.encoded.saturating_mul(2).saturating_add(self.counts).saturating_add(self.fold);
        partition.saturating_mul(partitions).saturating_add(self.counts.saturating_mul(2))
    }

    /// Whether a run has room for them.
    ///
    /// # Errors
    /// The limit, from static facts.
    pub(crate) fn check(&self, limits: &Limits) -> Result<(), Refusal> {
        let (needed, most) = (self.bytes(1), limits.count_bytes_max);
        if needed > most {
            return Err(Refusal::contract(format!(
                "counting in a table of so many cells and measures takes up to {needed} bytes; this node sets {most} aside"
            )));
        }
        let (needed, most) = (self.encoded, limits.raw_output_bytes_max.min(ANSWER_BYTES_MAX));
        if needed > most {
            return Err(Refusal::contract(format!(
                "a table of so many cells and measures has up to {needed} bytes; this node takes {most}"
            )));
        }
        Ok(())
    }

    /// As many partitions as are wanted, or fewer so that their tables have room; one at least.
    pub(crate) fn partitions(&self, wanted: usize, limits: &Limits) -> usize {
        let fits = |partitions: &usize| self.bytes(*partitions as u64) <= limits.count_bytes_max;
        (1..=wanted.max(1)).rev().find(fits).unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use sluice_domain::contract::{Dimension, Measure, Statistic};

    use super::*;
    use crate::fold::{Fold, Shape};

    fn contract(cells: usize, measures: usize) -> Tabulation {
        let labels = (0..cells).map(|label| label.to_string()).collect();
        let measure = |n: usize| Measure { name: format!("m{n}"), unit: String::new(), lower: 0, upper: 9, scale: 0 };
        Tabulation {
            sql: String::new(),
            dimensions: vec![Dimension { name: "d".to_owned(), labels }],
            measures: (0..measures).map(measure).collect(),
            statistics: vec![Statistic::Subjects],
            margins: Vec::new(),
            cells_per_subject: 1,
            rows_per_subject: 1,
            constants: Vec::new(),
        }
    }

    #[test]
    fn attack_22_count_tables_have_room_or_are_refused() {
        let limits = Limits::default();
        // The largest contract that the limits allow has room, if not for many partitions.
        let largest = CountTables::of(&contract(limits.cells_max as usize, limits.measures_max));
        largest.check(&limits).expect("the limits agree with each other");
        assert!(largest.bytes(1) > 256 * 1024 * 1024, "it is large");
        assert_eq!(largest.partitions(64, &limits), 1);
        let small = CountTables::of(&contract(600, 2));
        assert_eq!((small.partitions(64, &limits), small.partitions(0, &limits)), (64, 1));
        for tight in [
            Limits { count_bytes_max: small.bytes(1) - 1, ..Limits::default() },
            Limits { raw_output_bytes_max: small.encoded - 1, ..Limits::default() },
        ] {
            let refusal = small.check(&tight).expect_err("there is no room");
            assert!(refusal.to_string().contains("so many cells and measures"), "{refusal}");
        }
        let just = Limits { count_bytes_max: small.bytes(3), ..Limits::default() };
        assert_eq!(small.partitions(8, &just), 3);
    }

    #[test]
    fn full_tables_are_encoded_in_no_more_bytes_than_were_reckoned() {
        let contract = contract(5, 3);
        let mut fold = Fold::new(Shape::new(&contract, [0; 32]), None);
        for subject in 0..40_u32 {
            fold.contribute(Some(subject % 5), [1, 2, 3]);
            fold.end_subject(subject).expect("nothing is written");
        }
        let encoded = raw::encode(&fold.finish().expect("nothing is written"));
        assert_eq!(encoded.len() as u64, CountTables::of(&contract).encoded);
    }
}
