//! What happens to one partition: rows, subject after subject, into counts.

use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::UInt32Type;
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;

use crate::arena::{ArenaWriter, Picked, crossing_columns};
use crate::columns::{Codebook, NO_CODE, fixed_point};
use crate::fold::{Counts, Fold, Shape};
use crate::sandbox::{Guest, GuestStop, Mapper};

/// How rows become contributions.
pub enum Contributions {
    /// They are the rows' own columns, at these positions behind the ordinal.
    Columns {
        /// Each dimension's column and codes.
        dimensions: Vec<(usize, Codebook)>,
        /// Each measure's column and scale.
        measures: Vec<(usize, u8)>,
    },
    /// A module makes them.
    Module {
        /// The module.
        guest: Guest,
        /// The contract's constants.
        constants: Vec<u64>,
        /// Bytes of one subject's arena, at most.
        arena_bytes_max: u64,
    },
}

/// How one run maps subjects.
pub struct Mapping {
    /// What is counted.
    pub shape: Shape,
    /// How rows become contributions.
    pub contributions: Contributions,
    /// Where each subject's kept contributions are written, for later evidence.
    pub kept: Option<PathBuf>,
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mapping")
    }
}

impl Mapping {
    /// Words that one subject's contributions may have. What is beyond the declared number of cells is cut by the host,
    /// and several contributions of a row are merged by it, so a module may offer more than will be kept: several for
    /// each row and each cell.
    #[must_use]
    pub fn words_max(&self) -> usize {
        let width = self.shape.codes.len() + self.shape.bounds.len();
        let of_rows_and_cells = self.shape.cells_per_subject.max(self.shape.rows_per_subject).saturating_mul(4);
        width.saturating_mul(of_rows_and_cells.max(16_384))
    }

    fn fold(&self, partition: usize) -> Result<Fold> {
        let kept: Option<Box<dyn Write + Send>> = match &self.kept {
            Some(folder) => {
                let file = File::create(folder.join(format!("{}{partition}.bin", crate::raw::KEPT)))?;
                Some(Box::new(BufWriter::with_capacity(1 << 20, file)))
            }
            None => None,
        };
        Ok(Fold::new(self.shape.clone(), kept))
    }
}

/// Maps all subjects of one partition.
///
/// # Errors
/// The input failed, or a deadline passed: the attempt is over and is run again. A subject's own failure is never an
/// error: its contribution is its default.
pub async fn map_partition(
    mut input: SendableRecordBatchStream,
    mapping: &Mapping,
    partition: usize,
) -> Result<Counts> {
    let mut fold = mapping.fold(partition)?;
    let mut order = SubjectOrder::default();
    match &mapping.contributions {
        Contributions::Columns { dimensions, measures } => {
            let mut reader = RowReader::new(dimensions, measures);
            while let Some(batch) = input.next().await {
                reader.batch(&batch?, &mut fold, &mut order)?;
            }
            reader.end(&mut fold)?;
        }
        Contributions::Module { guest, constants, arena_bytes_max } => {
            let mut caller = ModuleCaller {
                mapper: guest.mapper(mapping.words_max()),
                arena: ArenaWriter::new(constants.clone()),
                arena_words_max: usize::try_from(arena_bytes_max / 8).unwrap_or(usize::MAX),
                held: None,
                answer: Vec::new(),
            };
            while let Some(batch) = input.next().await {
                caller.batch(batch?, &mut fold, &mut order)?;
            }
            caller.end(&mut fold)?;
        }
    }
    Ok(fold.finish()?)
}

/// Checks that a subject never reappears: then its rows would have been counted as two subjects.
#[derive(Default)]
struct SubjectOrder(Option<u32>);

impl SubjectOrder {
    fn next(&mut self, subject: u32) -> Result<()> {
        if self.0.is_some_and(|last| last >= subject) {
            return exec_err!("a subject reappears");
        }
        self.0 = Some(subject);
        Ok(())
    }
}

fn subjects(batch: &RecordBatch) -> Result<&[u32]> {
    let column = batch.column(0).as_primitive_opt::<UInt32Type>();
    match column {
        Some(column) if column.null_count() == 0 => Ok(column.values()),
        _ => exec_err!("a row has no subject"),
    }
}

/// Reads contributions off the rows.
struct RowReader<'a> {
    dimensions: &'a [(usize, Codebook)],
    measures: &'a [(usize, u8)],
    present: Option<(u32, usize)>,
    codes: Vec<u32>,
    cells: Vec<u64>,
}

/// A cell that isn't one.
const NO_CELL: u64 = u64::MAX;

impl<'a> RowReader<'a> {
    fn new(dimensions: &'a [(usize, Codebook)], measures: &'a [(usize, u8)]) -> RowReader<'a> {
        RowReader { dimensions, measures, present: None, codes: Vec::new(), cells: Vec::new() }
    }

    fn batch(&mut self, batch: &RecordBatch, fold: &mut Fold, order: &mut SubjectOrder) -> Result<()> {
        let subjects = subjects(batch)?;
        self.cells.clear();
        self.cells.resize(subjects.len(), 0);
        for ((column, codebook), length) in self.dimensions.iter().zip(fold.shape().codes.clone()) {
            codebook.look_up(batch.column(*column), &mut self.codes)?;
            for (cell, code) in self.cells.iter_mut().zip(&self.codes) {
                let known = *cell != NO_CELL && *code != NO_CODE;
                *cell = if known { *cell * u64::from(length) + u64::from(*code) } else { NO_CELL };
            }
        }
        let values: Result<Vec<Vec<i64>>> =
            self.measures.iter().map(|(column, scale)| fixed_point(batch.column(*column), *scale)).collect();
        let values = values?;
        for (row, subject) in subjects.iter().enumerate() {
            let rows = match self.present {
                Some((present, rows)) if present == *subject => rows + 1,
                _ => {
                    self.end(fold)?;
                    order.next(*subject)?;
                    1
                }
            };
            self.present = Some((*subject, rows));
            if rows <= fold.shape().rows_per_subject {
                let cell = u32::try_from(self.cells[row]).ok();
                fold.contribute(cell, values.iter().map(|column| column[row]));
            }
        }
        Ok(())
    }

    fn end(&mut self, fold: &mut Fold) -> Result<()> {
        if let Some((subject, rows)) = self.present.take() {
            if rows > fold.shape().rows_per_subject {
                fold.truncate_subject();
            }
            fold.end_subject(subject)?;
        }
        Ok(())
    }
}

/// Gives each subject's rows to an instance of its own.
struct ModuleCaller {
    mapper: Mapper,
    arena: ArenaWriter,
    arena_words_max: usize,
    /// The rows of the last subject so far, which may go on in the next batch; none of them once it has too many.
    held: Option<(u32, Option<RecordBatch>)>,
    answer: Vec<u64>,
}

impl ModuleCaller {
    fn batch(&mut self, batch: RecordBatch, fold: &mut Fold, order: &mut SubjectOrder) -> Result<()> {
        let batch = crossing_batch(&batch)?;
        let owned = subjects(&batch)?.to_vec();
        let (Some(first), Some(last)) = (owned.first().copied(), owned.last().copied()) else { return Ok(()) };
        if !owned.is_sorted() {
            return exec_err!("subjects aren't in order");
        }
        let mut from = 0;
        if let Some((held, rows)) = self.held.take() {
            if held == first {
                from = owned.partition_point(|subject| *subject <= first);
                let joined = self.join(rows, &batch.slice(0, from), fold)?;
                if from == owned.len() {
                    self.held = Some((held, joined));
                    return Ok(());
                }
                self.whole(held, joined, fold)?;
            } else {
                self.whole(held, rows, fold)?;
            }
        }
        // All subjects but the last are whole in this batch; the last may go on in the next.
        let tail = owned.partition_point(|subject| *subject < last);
        if from < tail {
            self.several(&batch.slice(from, tail - from), fold, order)?;
        }
        order.next(last)?;
        self.held = Some((last, Some(batch.slice(tail, owned.len() - tail))));
        Ok(())
    }

    /// Rows that one subject has in two batches, unless they are too many.
    fn join(&self, rows: Option<RecordBatch>, more: &RecordBatch, fold: &Fold) -> Result<Option<RecordBatch>> {
        let Some(rows) = rows else { return Ok(None) };
        if rows.num_rows() + more.num_rows() > fold.shape().rows_per_subject {
            return Ok(None);
        }
        let joined = concat_batches(&rows.schema(), [&rows, more])?;
        let bytes: usize = joined.columns().iter().skip(1).map(|column| column.get_array_memory_size()).sum();
        // Far beyond what an arena may have: its check at the call would leave the subject out too.
        let beyond = bytes > self.arena_words_max.saturating_mul(16).saturating_add(1 << 20);
        Ok((!beyond).then_some(joined))
    }

    fn whole(&mut self, subject: u32, rows: Option<RecordBatch>, fold: &mut Fold) -> Result<()> {
        match rows {
            Some(rows) => {
                let columns = crossing_columns(&rows, 1)?;
                let mut order: Vec<u32> = (0..rows.num_rows() as u32).collect();
                sort_rows(&columns, &mut [&mut order])?;
                self.call(subject, &columns, &order, fold)
            }
            None => {
                fold.truncate_subject();
                Ok(fold.end_subject(subject)?)
            }
        }
    }

    /// Subjects that are whole in one slice.
    fn several(&mut self, slice: &RecordBatch, fold: &mut Fold, order: &mut SubjectOrder) -> Result<()> {
        let owned = subjects(slice)?.to_vec();
        let columns = crossing_columns(slice, 1)?;
        let mut rows: Vec<u32> = (0..slice.num_rows() as u32).collect();
        let mut runs: Vec<(u32, usize)> = Vec::new();
        for subject in &owned {
            match runs.last_mut() {
                Some((present, length)) if present == subject => *length += 1,
                _ => runs.push((*subject, 1)),
            }
        }
        let mut rest = rows.as_mut_slice();
        let mut groups = Vec::with_capacity(runs.len());
        for (_, length) in &runs {
            let (group, tail) = rest.split_at_mut(*length);
            groups.push(group);
            rest = tail;
        }
        sort_rows(&columns, &mut groups)?;
        for ((subject, _), group) in runs.iter().zip(&groups) {
            order.next(*subject)?;
            self.call(*subject, &columns, group, fold)?;
        }
        Ok(())
    }

    fn call(&mut self, subject: u32, columns: &[ArrayRef], rows: &[u32], fold: &mut Fold) -> Result<()> {
        if rows.len() > fold.shape().rows_per_subject {
            fold.truncate_subject();
            return Ok(fold.end_subject(subject)?);
        }
        let arena = self.arena.write(columns, Picked::Rows(rows))?;
        if arena.len() > self.arena_words_max {
            fold.truncate_subject();
            return Ok(fold.end_subject(subject)?);
        }
        fold.rows(rows.len() as u64);
        let outcome = self.mapper.map(arena, &mut self.answer);
        let codes = fold.shape().codes.len();
        let width = codes + fold.shape().bounds.len();
        match outcome {
            Ok(()) if width > 0 && self.answer.len().is_multiple_of(width) => {
                for contribution in self.answer.chunks_exact(width) {
                    let (code, value) = contribution.split_at(codes);
                    let cell = fold.shape().cell(code.iter().copied());
                    fold.contribute(cell, value.iter().map(|word| word.cast_signed()));
                }
            }
            Ok(())
            | Err(GuestStop::Trapped | GuestStop::OutOfFuel | GuestStop::OutOfMemory | GuestStop::BrokenContract) => {
                fold.default_subject();
            }
            Err(GuestStop::Deadline) => return exec_err!("the attempt's time is over"),
        }
        Ok(fold.end_subject(subject)?)
    }

    fn end(&mut self, fold: &mut Fold) -> Result<()> {
        match self.held.take() {
            Some((subject, rows)) => self.whole(subject, rows, fold),
            None => Ok(()),
        }
    }
}

/// The batch in the types in which columns cross: a view of a text holds on to its neighbours' bytes, a text doesn't.
fn crossing_batch(batch: &RecordBatch) -> Result<RecordBatch> {
    let mut columns = vec![ArrayRef::clone(batch.column(0))];
    columns.extend(crossing_columns(batch, 1)?);
    let named = batch
        .schema()
        .fields()
        .iter()
        .zip(columns)
        .map(|(field, column)| (field.name().clone(), column, true))
        .collect::<Vec<_>>();
    Ok(RecordBatch::try_from_iter_with_nullable(named)?)
}

/// Sorts the rows of each group by every column, so that no order of arrival reaches a module.
fn sort_rows(columns: &[ArrayRef], groups: &mut [&mut [u32]]) -> Result<()> {
    if columns.is_empty() || groups.iter().all(|group| group.len() < 2) {
        return Ok(());
    }
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    let converter = RowConverter::new(fields)?;
    let rows = converter.convert_columns(columns).map_err(|_| exec_datafusion_err!("rows can't be sorted"))?;
    for group in groups.iter_mut().filter(|group| group.len() > 1) {
        group.sort_unstable_by(|a, b| rows.row(*a as usize).cmp(&rows.row(*b as usize)));
    }
    Ok(())
}
