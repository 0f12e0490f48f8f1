//! Data files from outside: CSV, Parquet and Arrow IPC, read in a worker under limits.
//!
//! A file may be corrupt or made to hurt. Whatever reading it does to this process, only this process dies; and how
//! much it may unpack to is bounded before it is unpacked.

use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::csv::ReaderBuilder;
use datafusion::arrow::csv::reader::Format as CsvFormat;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::reader::FileReader;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sluice_domain::dictionary::ColumnKind;
use sluice_domain::refusal::{Code, Refusal};

use crate::ask::Format;
use crate::session::BATCH_ROWS;

/// Rows of a CSV file that are looked at to guess its types.
const GUESS_ROWS: usize = 200_000;

/// How many times larger than the file what it unpacks to may be, once it is beyond [`UNPACKED_FREE`] bytes.
const UNPACK_RATIO: u64 = 200;
/// Bytes that any file may unpack to.
const UNPACKED_FREE: u64 = 1 << 30;

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>;

/// An opened file.
pub struct Opened {
    /// Its columns, under plain names.
    pub schema: SchemaRef,
    /// Its batches, under the file's own names.
    pub batches: Batches,
}

/// What couldn't be written of what the file holds: that isn't the file's fault.
pub(crate) fn unkept(error: impl std::fmt::Display) -> Refusal {
    Refusal::with(Code::Ingest, format!("the snapshot can't be written: {}", crate::guard::syntax::short(&error)))
}

/// A file that can't be read: a sentence of ours, for custodians.
pub(crate) fn unreadable(error: impl std::fmt::Display) -> Refusal {
    Refusal::with(Code::Ingest, format!("the file can't be read: {}", crate::guard::syntax::short(&error)))
}

/// The plain name of a column: lower case, `_` for everything that isn't a letter or a digit.
#[must_use]
pub fn plain_name(header: &str) -> String {
    let mut name: String = header
        .trim()
        .trim_start_matches('\u{feff}')
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
        .take(48)
        .collect();
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        name.insert(0, 'c');
        name.truncate(48);
    }
    name
}

/// Opens a data file. `wanted` are the dictionary's columns, if there is one: a CSV file's columns are then read as
/// text, so that a value that doesn't fit is one value lost and not the file.
///
/// # Errors
/// A file that isn't of its format, or that unpacks to too much.
pub fn open(path: &Path, format: Format, as_text: bool) -> Result<Opened, Refusal> {
    let mut file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    match format {
        Format::Csv => {
            let guess = CsvFormat::default().with_header(true);
            let (schema, _) = guess.infer_schema(BufReader::new(&mut file), Some(GUESS_ROWS)).map_err(unreadable)?;
            file.rewind().map_err(unreadable)?;
            let schema = named(&schema, as_text)?;
            let reader = ReaderBuilder::new(Arc::clone(&schema)).with_header(true).with_batch_size(BATCH_ROWS);
            let reader = reader.build(BufReader::with_capacity(1 << 20, file)).map_err(unreadable)?;
            Ok(Opened { schema, batches: Box::new(reader) })
        }
        Format::Parquet => {
            let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(unreadable)?;
            let groups = builder.metadata().row_groups().iter();
            let unpacked: i64 = groups.map(parquet::file::metadata::RowGroupMetaData::total_byte_size).sum();
            check_unpacked(u64::try_from(unpacked).unwrap_or(u64::MAX), length)?;
            let schema = named(builder.schema(), false)?;
            let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(unreadable)?;
            Ok(Opened { schema, batches: Box::new(reader) })
        }
        Format::Arrow => {
            let reader = FileReader::try_new(BufReader::new(file), None).map_err(unreadable)?;
            let schema = named(&reader.schema(), false)?;
            Ok(Opened { schema, batches: Box::new(reader) })
        }
    }
}

/// Checks what a file unpacks to, before or while it is unpacked.
pub(crate) fn check_unpacked(unpacked: u64, length: u64) -> Result<(), Refusal> {
    if unpacked > UNPACKED_FREE && unpacked / UNPACK_RATIO > length {
        return Err(Refusal::with(Code::Ingest, "the file unpacks to far more than its size"));
    }
    Ok(())
}

fn named(schema: &Schema, as_text: bool) -> Result<SchemaRef, Refusal> {
    let mut names = std::collections::BTreeSet::new();
    let mut fields = Vec::new();
    for field in schema.fields() {
        let name = plain_name(field.name());
        if !names.insert(name.clone()) {
            return Err(Refusal::with(Code::Ingest, format!("two columns are named `{name}` once made plain")));
        }
        let kind = if as_text { DataType::Utf8 } else { field.data_type().clone() };
        fields.push(Field::new(name, kind, true));
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// The kind of a dictionary's column that holds values of this type.
#[must_use]
pub fn kind_of(data_type: &DataType) -> Option<ColumnKind> {
    Some(match data_type {
        DataType::Boolean => ColumnKind::Bool,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => ColumnKind::Int32,
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => ColumnKind::Int64,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => ColumnKind::Float64,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => ColumnKind::Utf8,
        DataType::Dictionary(_, values) => return kind_of(values),
        DataType::Date32 | DataType::Date64 => ColumnKind::Date32,
        DataType::Timestamp(
            TimeUnit::Second | TimeUnit::Millisecond | TimeUnit::Microsecond | TimeUnit::Nanosecond,
            _,
        ) => ColumnKind::Timestamp,
        DataType::Decimal128(precision, scale) => ColumnKind::Decimal { precision: *precision, scale: *scale },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_become_plain_names() {
        assert_eq!(plain_name("\u{feff}Tail Num"), "tail_num");
        assert_eq!(plain_name("2013"), "c2013");
        assert_eq!(plain_name("行政区划"), "c____");
        assert!(sluice_domain::id::is_name(&plain_name(&"x".repeat(400))));
    }

    #[test]
    fn attack_27_a_file_that_unpacks_to_far_more_is_refused() {
        assert!(check_unpacked(1 << 40, 1 << 20).is_err());
        assert!(check_unpacked(1 << 29, 10).is_ok());
        assert!(check_unpacked(1 << 40, 1 << 36).is_ok());
    }
}
