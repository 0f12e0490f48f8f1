//! Made-up rows for rehearsals: from the published schema and dictionary, and from nothing else.
//!
//! The rows have the dictionary's types, codes and bounds, and some nulls. Their figures mean nothing.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::compute::{cast, filter_record_batch};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use sluice_domain::dataset::Dataset;
use sluice_domain::dictionary::{Column, ColumnKind};

use crate::ingest::{Row, Unique};
use crate::provider::data_type;

/// Writes `rows` made-up rows of a dataset as a Parquet file, or as many of them as its unique columns allow. The same
/// seed gives the same rows.
///
/// # Errors
/// A file that can't be written.
pub fn write(dataset: &Dataset, rows: usize, seed: u64, path: &Path) -> Result<(), ParquetError> {
    let mut draw = Draw(seed | 1);
    let subjects = dataset.n_public.clamp(1, (rows as u64).div_ceil(10).max(1));
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for column in &dataset.dictionary.columns {
        let key = dataset.subject.as_ref().filter(|subject| subject.column == column.name);
        let values = match key {
            // Keys of one domain are the same in all its datasets, so that joins meet.
            Some(key) => texts((0..rows).map(|_| Some(format!("{}-{}", key.domain, draw.below(subjects))))),
            None => made_up(column, rows, &mut draw)?,
        };
        let kind = data_type(column.kind);
        columns.push(cast(&values, &kind)?);
        fields.push(Field::new(&column.name, kind, true));
    }
    let schema = Arc::new(Schema::new(fields));
    let unique = match Unique::of(dataset)? {
        Some(mut unique) => Some(unique.rows(&columns)?),
        None => None,
    };
    let mut batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    if let Some(rows) = unique {
        // What was drawn twice is left out.
        let kept: BooleanArray = rows.into_iter().map(|row| Some(row == Row::New)).collect();
        batch = filter_record_batch(&batch, &kept)?;
    }
    let mut writer = ArrowWriter::try_new(File::create(path)?, schema, None)?;
    writer.write(&batch)?;
    writer.close()?;
    Ok(())
}

fn texts(values: impl Iterator<Item = Option<String>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn made_up(column: &Column, rows: usize, draw: &mut Draw) -> Result<ArrayRef, ArrowError> {
    if !column.codes.is_empty() {
        let codes = &column.codes;
        let code = |draw: &mut Draw| codes.get(draw.below(codes.len() as u64) as usize).cloned();
        return Ok(texts((0..rows).map(|_| draw.present().then(|| code(draw)).flatten())));
    }
    let within = |draw: &mut Draw, lower: i64, upper: i64| -> ArrayRef {
        let width = upper.saturating_sub(lower).unsigned_abs().saturating_add(1);
        let value = |draw: &mut Draw| lower.saturating_add_unsigned(draw.below(width));
        Arc::new((0..rows).map(|_| draw.present().then(|| value(draw))).collect::<Int64Array>())
    };
    Ok(match column.kind {
        ColumnKind::Bool => Arc::new((0..rows).map(|_| Some(draw.below(2) == 1)).collect::<BooleanArray>()),
        ColumnKind::Utf8 => texts((0..rows).map(|_| draw.present().then(|| format!("text-{}", draw.below(50))))),
        ColumnKind::Int32 | ColumnKind::Int64 | ColumnKind::Float64 | ColumnKind::Decimal { .. } => {
            let (lower, upper) = column.bounds.map_or((0, 1_000), |bounds| (bounds.lower, bounds.upper));
            within(draw, lower, upper)
        }
        // Days of 2020 to 2024, and moments of 2024.
        ColumnKind::Date32 => cast(&within(draw, 18_262, 20_088), &DataType::Int32)?,
        ColumnKind::Timestamp => within(draw, 1_704_067_200_000_000, 1_735_689_599_000_000),
    })
}

/// A small generator: rehearsals need rows that vary, not rows that can't be guessed.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// One value in fifty is missing.
    fn present(&mut self) -> bool {
        self.below(50) != 0
    }
}
