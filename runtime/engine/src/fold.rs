//! Counting: contributions of subjects folded into cells, exactly.
//!
//! A subject's contributions are merged per cell, clamped to the contract's bounds, cut to the contract's number of
//! cells by a keyed order, and only then added. All sums are integers, so they are the same in every order and on
//! every partition. For each cell the host keeps how many subjects stand behind it and what the largest of them
//! contribute: evidence that no module can write.

use std::io::Write;

use sha2::{Digest, Sha256};
use sluice_domain::contract::Tabulation;

/// Contributors that are kept per cell and measure, largest first.
pub const TOP: usize = 3;

/// What the fold needs of a contract.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Length of each dimension's code list.
    pub codes: Vec<u32>,
    /// Bounds of each measure's contribution.
    pub bounds: Vec<(i64, i64)>,
    /// Cells that one subject may touch.
    pub cells_per_subject: usize,
    /// Rows of one subject that are looked at.
    pub rows_per_subject: usize,
    /// Key of the order in which cells over the bound are dropped.
    pub bound_key: [u8; 32],
}

impl Shape {
    /// The shape of a contract that passed its checks.
    #[must_use]
    pub fn new(contract: &Tabulation, bound_key: [u8; 32]) -> Shape {
        let codes = contract.dimensions.iter().map(|dimension| dimension.labels.len() as u32).collect();
        Shape {
            codes,
            bounds: contract.measures.iter().map(|measure| (measure.lower, measure.upper)).collect(),
            cells_per_subject: contract.cells_per_subject as usize,
            rows_per_subject: contract.rows_per_subject as usize,
            bound_key,
        }
    }

    /// Cells of the inner table.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.codes.iter().map(|codes| *codes as usize).product()
    }

    /// The cell of a tuple of codes, or none if one of them isn't declared.
    #[must_use]
    pub fn cell(&self, codes: impl IntoIterator<Item = u64>) -> Option<u32> {
        let mut cell = 0_u64;
        for (length, code) in self.codes.iter().zip(codes) {
            if code >= u64::from(*length) {
                return None;
            }
            cell = cell * u64::from(*length) + code;
        }
        u32::try_from(cell).ok()
    }

    /// The codes of a cell.
    #[must_use]
    pub fn codes_of(&self, cell: u32) -> Vec<u32> {
        let mut rest = cell;
        let mut codes: Vec<u32> = self
            .codes
            .iter()
            .rev()
            .map(|length| {
                let code = rest % (*length).max(1);
                rest /= (*length).max(1);
                code
            })
            .collect();
        codes.reverse();
        codes
    }
}

/// What is counted about a run as a whole; for the agency's eyes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as in sluice_disclosure::RunFacts")]
pub struct Facts {
    pub subjects: u64,
    pub truncated_subjects: u64,
    pub defaulted_subjects: u64,
    pub undeclared_codes: u64,
    pub clamped: u64,
}

impl Facts {
    pub(crate) fn merge(&mut self, other: &Facts) {
        self.subjects += other.subjects;
        self.truncated_subjects += other.truncated_subjects;
        self.defaulted_subjects += other.defaulted_subjects;
        self.undeclared_codes += other.undeclared_codes;
        self.clamped += other.clamped;
    }
}

/// One measure of one cell.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct MeasureCount {
    pub sum: i128,
    pub sum_abs: i128,
    pub nonzero: u64,
    pub top: Vec<i64>,
    pub min: i64,
    pub max: i64,
}

impl MeasureCount {
    fn add(&mut self, value: i64, first: bool) {
        self.sum += i128::from(value);
        self.sum_abs += i128::from(value.unsigned_abs());
        self.min = if first { value } else { self.min.min(value) };
        self.max = if first { value } else { self.max.max(value) };
        if value != 0 {
            self.nonzero += 1;
            self.offer(value);
        }
    }

    fn offer(&mut self, value: i64) {
        let rank = |value: i64| (value.unsigned_abs(), value);
        if self.top.len() == TOP && self.top.last().is_some_and(|least| rank(*least) >= rank(value)) {
            return;
        }
        let place = self.top.partition_point(|kept| rank(*kept) >= rank(value));
        self.top.insert(place, value);
        self.top.truncate(TOP);
    }

    fn merge(&mut self, other: &MeasureCount, self_empty: bool) {
        self.sum += other.sum;
        self.sum_abs += other.sum_abs;
        self.nonzero += other.nonzero;
        for value in &other.top {
            self.offer(*value);
        }
        self.min = if self_empty { other.min } else { self.min.min(other.min) };
        self.max = if self_empty { other.max } else { self.max.max(other.max) };
    }
}

/// One cell.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct CellCount {
    pub subjects: u64,
    pub records: u64,
    pub measures: Vec<MeasureCount>,
}

/// All cells of a run, or of one partition of it.
pub struct Counts {
    pub(crate) cells: Vec<CellCount>,
    pub(crate) facts: Facts,
}

impl Counts {
    /// Counts of nothing.
    #[must_use]
    pub fn new(shape: &Shape) -> Counts {
        let empty = CellCount { measures: vec![MeasureCount::default(); shape.bounds.len()], ..Default::default() };
        Counts { cells: vec![empty; shape.cells()], facts: Facts::default() }
    }

    /// Adds the counts of another partition. Partitions hold disjoint subjects.
    pub fn merge(&mut self, other: &Counts) {
        self.facts.merge(&other.facts);
        for (mine, theirs) in self.cells.iter_mut().zip(&other.cells) {
            if theirs.subjects == 0 {
                continue;
            }
            let empty = mine.subjects == 0;
            mine.subjects += theirs.subjects;
            mine.records += theirs.records;
            for (mine, theirs) in mine.measures.iter_mut().zip(&theirs.measures) {
                mine.merge(theirs, empty);
            }
        }
    }
}

/// Folds subject after subject.
pub struct Fold {
    shape: Shape,
    counts: Counts,
    /// For each cell, the subject (counted from 1) that touched it last, and where.
    touched_by: Vec<(u64, u32)>,
    touched: Vec<(u32, u64)>,
    values: Vec<i128>,
    /// Where the cells of the present subject that count are in `touched`.
    order: Vec<usize>,
    /// What is kept of the present subject.
    line: Vec<u8>,
    subject: u64,
    /// Records of the present subject that a cell may count: never more than its rows.
    records_max: u64,
    kept: Option<Box<dyn Write + Send>>,
}

impl Fold {
    /// A fold that also writes each subject's kept contributions to `kept`, for later evidence.
    #[must_use]
    pub fn new(shape: Shape, kept: Option<Box<dyn Write + Send>>) -> Fold {
        Fold {
            counts: Counts::new(&shape),
            touched_by: vec![(0, 0); shape.cells()],
            touched: Vec::new(),
            values: Vec::new(),
            order: Vec::new(),
            line: Vec::new(),
            subject: 1,
            records_max: u64::MAX,
            shape,
            kept,
        }
    }

    /// The shape that it folds into.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// One contribution of the present subject to a cell; none stands for a code that isn't declared.
    pub fn contribute(&mut self, cell: Option<u32>, values: impl IntoIterator<Item = i64>) {
        let Some(cell) = cell else {
            self.counts.facts.undeclared_codes += 1;
            return;
        };
        let measures = self.shape.bounds.len();
        let (subject, place) = self.touched_by[cell as usize];
        let place = if subject == self.subject {
            place as usize
        } else {
            let place = self.touched.len();
            self.touched_by[cell as usize] = (self.subject, place as u32);
            self.touched.push((cell, 0));
            self.values.resize(self.values.len() + measures, 0);
            place
        };
        self.touched[place].1 += 1;
        let slots = &mut self.values[place * measures..(place + 1) * measures];
        for (slot, value) in slots.iter_mut().zip(values) {
            *slot += i128::from(value);
        }
    }

    /// Says how many rows the present subject had: a module may contribute several times for a row, but a row is one
    /// record.
    pub fn rows(&mut self, rows: u64) {
        self.records_max = rows;
    }

    /// Forgets what the present subject has contributed: its default contribution is nothing.
    pub fn default_subject(&mut self) {
        self.counts.facts.defaulted_subjects += 1;
        self.forget();
    }

    /// Leaves the present subject out because it has more rows than the contract looks at.
    pub fn truncate_subject(&mut self) {
        self.counts.facts.truncated_subjects += 1;
        self.forget();
    }

    fn forget(&mut self) {
        self.records_max = u64::MAX;
        self.touched.clear();
        self.values.clear();
    }

    /// Ends the present subject and folds its contributions in.
    ///
    /// # Errors
    /// The kept contributions can't be written.
    pub fn end_subject(&mut self, ordinal: u32) -> std::io::Result<()> {
        let measures = self.shape.bounds.len();
        self.counts.facts.subjects += 1;
        self.subject += 1;
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        order.extend(0..self.touched.len());
        if order.len() > self.shape.cells_per_subject {
            self.counts.facts.truncated_subjects += 1;
            let key = &self.shape.bound_key;
            order.sort_by_cached_key(|place| keyed_order(key, ordinal, self.touched[*place].0));
            order.truncate(self.shape.cells_per_subject);
        }
        // What is kept is sorted by subject and cell, so that reading it is merging the partitions' files.
        order.sort_unstable_by_key(|place| self.touched[*place].0);
        self.line.clear();
        for place in order.iter().copied() {
            let (cell, records) = self.touched[place];
            let count = &mut self.counts.cells[cell as usize];
            let first = count.subjects == 0;
            count.subjects += 1;
            count.records += records.min(self.records_max);
            self.line.extend(ordinal.to_le_bytes());
            self.line.extend(cell.to_le_bytes());
            self.line.extend(records.min(self.records_max).to_le_bytes());
            for (index, (lower, upper)) in self.shape.bounds.iter().enumerate() {
                let value = self.values[place * measures + index];
                let clamped = value.clamp(i128::from(*lower), i128::from(*upper));
                if clamped != value {
                    self.counts.facts.clamped += 1;
                }
                let value = i64::try_from(clamped).expect("a value between two 64-bit bounds fits in 64 bits");
                count.measures[index].add(value, first);
                self.line.extend(value.to_le_bytes());
            }
        }
        if let Some(kept) = &mut self.kept {
            kept.write_all(&self.line)?;
        }
        self.order = order;
        self.forget();
        Ok(())
    }

    /// The counts of all subjects so far.
    ///
    /// # Errors
    /// The kept contributions can't be written.
    pub fn finish(mut self) -> std::io::Result<Counts> {
        if let Some(kept) = &mut self.kept {
            kept.flush()?;
        }
        Ok(self.counts)
    }
}

/// The keyed order of cells: no value and no emission order decides which cells of a subject are kept.
fn keyed_order(key: &[u8; 32], ordinal: u32, cell: u32) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(key);
    hash.update(ordinal.to_le_bytes());
    hash.update(cell.to_le_bytes());
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape() -> Shape {
        Shape {
            codes: vec![2, 3],
            bounds: vec![(-10, 10)],
            cells_per_subject: 2,
            rows_per_subject: 100,
            bound_key: [7; 32],
        }
    }

    #[test]
    fn cells_and_codes_are_inverse() {
        let shape = shape();
        for cell in 0..6 {
            let codes = shape.codes_of(cell);
            assert_eq!(shape.cell(codes.iter().map(|code| u64::from(*code))), Some(cell));
        }
        assert_eq!(shape.cell([2, 0]), None);
    }

    #[test]
    fn contributions_are_merged_then_clamped() {
        let mut fold = Fold::new(shape(), None);
        fold.contribute(Some(1), [8]);
        fold.contribute(Some(1), [8]);
        fold.contribute(None, [1]);
        fold.end_subject(0).expect("nothing is written");
        let counts = fold.finish().expect("nothing is written");
        let cell = &counts.cells[1];
        assert_eq!((cell.subjects, cell.records, cell.measures[0].sum), (1, 2, 10));
        assert_eq!(counts.facts.clamped, 1);
        assert_eq!(counts.facts.undeclared_codes, 1);
    }

    #[test]
    fn attack_06_a_subject_touches_no_more_cells_than_declared() {
        let mut fold = Fold::new(shape(), None);
        for cell in 0..6 {
            fold.contribute(Some(cell), [1]);
        }
        fold.end_subject(5).expect("nothing is written");
        let counts = fold.finish().expect("nothing is written");
        assert_eq!(counts.cells.iter().map(|cell| cell.subjects).sum::<u64>(), 2);
        assert_eq!(counts.facts.truncated_subjects, 1);
    }

    #[test]
    fn merging_partitions_is_counting_at_once() {
        let mut whole = Fold::new(shape(), None);
        let mut parts = [Fold::new(shape(), None), Fold::new(shape(), None)];
        for subject in 0..40_u32 {
            let cell = Some(subject % 6);
            let value = i64::from(subject % 7) - 3;
            whole.contribute(cell, [value]);
            whole.end_subject(subject).expect("nothing is written");
            let part = &mut parts[(subject % 2) as usize];
            part.contribute(cell, [value]);
            part.end_subject(subject).expect("nothing is written");
        }
        let whole = whole.finish().expect("nothing is written");
        let [a, b] = parts.map(|part| part.finish().expect("nothing is written"));
        let mut merged = Counts::new(&shape());
        merged.merge(&b);
        merged.merge(&a);
        assert!(whole.cells == merged.cells);
        assert_eq!(whole.facts, merged.facts);
    }
}
