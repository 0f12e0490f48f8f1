//! The bytes of a release: the same table gives the same bytes, in every format.
//!
//! Labels are Utf8, integers are decimals with the scale of their column, and what is withheld is null, which is
//! Parquet's and Arrow's own word for "not here"; CSV writes `c`, which is disclosure's matter.
//!
//! # Guarantees
//! - Nothing but the table is in the bytes: no statistics, no page index, no compression, no key-value metadata but
//!   what the Arrow schema itself needs, one fixed name of the writer, rows in the table's own order.
//! - A buffer holds nothing where a value is withheld but zeros: arrays are built from values, never sliced.
//!
//! # Does not guarantee
//! The same bytes from another version of the parquet or arrow crates.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use sluice_disclosure::{ColumnKind, ReleaseTable, TableColumn, Value};

/// Digits of a decimal: as many as 128 bits hold.
const PRECISION: u8 = 38;
/// The name of the writer, in every file.
const CREATED_BY: &str = "sluice";

/// The formats of a release's data.
pub const FORMATS: [&str; 3] = ["csv", "parquet", "arrow"];

/// A table that a format can't hold. It says nothing of the values.
#[derive(Debug, thiserror::Error)]
pub enum RenderFault {
    /// A sum beyond 38 digits.
    #[error("a value has more digits than a decimal column holds")]
    Digits,
    /// A column holds another kind of value than it says.
    #[error("a value isn't of its column's kind")]
    Kind,
    /// The writer failed.
    #[error("the writer failed")]
    Writer,
}

impl From<ArrowError> for RenderFault {
    fn from(_: ArrowError) -> RenderFault {
        RenderFault::Writer
    }
}

impl From<ParquetError> for RenderFault {
    fn from(_: ParquetError) -> RenderFault {
        RenderFault::Writer
    }
}

/// The table in all formats, in the order of [`FORMATS`].
///
/// # Errors
/// A table that a format can't hold.
pub fn all(table: &ReleaseTable) -> Result<Vec<(&'static str, Vec<u8>)>, RenderFault> {
    let batch = batch(table)?;
    Ok(vec![
        ("csv", sluice_disclosure::csv::to_csv(table)),
        ("parquet", to_parquet(&batch)?),
        ("arrow", to_arrow(&batch)?),
    ])
}

/// The table as one batch.
///
/// # Errors
/// A value that isn't of its column's kind, or is too long.
pub fn batch(table: &ReleaseTable) -> Result<RecordBatch, RenderFault> {
    let fields: Vec<Field> = table.columns().iter().map(field).collect();
    let columns = table.columns().iter().enumerate().map(|(position, column)| {
        let values = table.rows().iter().map(move |row| row.get(position).ok_or(RenderFault::Kind));
        array(column, values)
    });
    let columns = columns.collect::<Result<Vec<ArrayRef>, RenderFault>>()?;
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

fn field(column: &TableColumn) -> Field {
    let kind = match &column.kind {
        ColumnKind::Label => DataType::Utf8,
        ColumnKind::Integer { scale, .. } => DataType::Decimal128(PRECISION, i8::try_from(*scale).unwrap_or(i8::MAX)),
    };
    Field::new(&column.name, kind, true)
}

fn array<'a>(
    column: &TableColumn,
    values: impl Iterator<Item = Result<&'a Value, RenderFault>>,
) -> Result<ArrayRef, RenderFault> {
    match &column.kind {
        ColumnKind::Label => {
            let labels = values.map(|value| match value? {
                Value::Label(label) => Ok(Some(label.as_str())),
                Value::Suppressed => Ok(None),
                Value::Integer(_) => Err(RenderFault::Kind),
            });
            Ok(Arc::new(labels.collect::<Result<StringArray, RenderFault>>()?))
        }
        ColumnKind::Integer { scale, .. } => {
            let integers = values.map(|value| match value? {
                Value::Integer(integer) => Ok(Some(*integer)),
                Value::Suppressed => Ok(None),
                Value::Label(_) => Err(RenderFault::Kind),
            });
            let integers = integers.collect::<Result<Decimal128Array, RenderFault>>()?;
            let scale = i8::try_from(*scale).map_err(|_| RenderFault::Digits)?;
            let decimals = integers.with_precision_and_scale(PRECISION, scale)?;
            decimals.validate_decimal_precision(PRECISION).map_err(|_| RenderFault::Digits)?;
            Ok(Arc::new(decimals))
        }
    }
}

fn to_parquet(batch: &RecordBatch) -> Result<Vec<u8>, RenderFault> {
    let properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::UNCOMPRESSED)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_dictionary_enabled(false)
        .set_bloom_filter_enabled(false)
        .set_created_by(CREATED_BY.to_owned())
        .set_key_value_metadata(None)
        .build();
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), batch.schema(), options)?;
    writer.write(batch)?;
    Ok(writer.into_inner()?)
}

fn to_arrow(batch: &RecordBatch) -> Result<Vec<u8>, RenderFault> {
    let mut writer = arrow::ipc::writer::FileWriter::try_new(Vec::new(), &batch.schema())?;
    writer.write(batch)?;
    writer.finish()?;
    Ok(writer.into_inner()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Array;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use sluice_disclosure::candidate::{Contribution, Contributions, Groups, Raw, RunFacts};
    use sluice_disclosure::{Appetite, Candidate, Context, assess};
    use sluice_domain::contract::{Contract, Dimension, Measure, Statistic, Tabulation};
    use sluice_domain::grade::Grade;
    use sluice_domain::limits::Limits;

    /// Two cells, of which the second has too few subjects.
    fn files() -> Vec<(&'static str, Vec<u8>)> {
        let contract = Tabulation {
            sql: "SELECT carrier, delay FROM flights".to_owned(),
            dimensions: vec![Dimension { name: "carrier".to_owned(), labels: vec!["AA".to_owned(), "=UA".to_owned()] }],
            measures: vec![Measure {
                name: "delay".to_owned(),
                unit: "min".to_owned(),
                lower: -100,
                upper: 100,
                scale: 1,
            }],
            statistics: vec![Statistic::Subjects, Statistic::Sum(0)],
            margins: Vec::new(),
            cells_per_subject: 2,
            rows_per_subject: 10,
            constants: Vec::new(),
        };
        // Not all the same, which would be withheld; 50 in all.
        let values: Vec<[i64; 1]> = (0..53).map(|subject| [[0, 1, 2][subject % 3]]).collect();
        let entry = |subject: u32| Contribution {
            subject,
            cell: u32::from(subject >= 50),
            records: 1,
            values: &values[subject as usize],
        };
        let contributions = Contributions::new(1, (0..53).map(entry)).expect("each comes once");
        let facts = RunFacts { subjects: 53, ..RunFacts::default() };
        let raw = Raw::Cells { contributions, groups: Groups::none(), relations: Vec::new(), facts };
        let candidate = Candidate::new(Contract::Tabulate(contract), raw, &Limits::default()).expect("it fits");
        let appetite = Appetite::floor(Grade::Open).expect("open data has a floor");
        all(assess(&candidate, &appetite, &Context::default()).table()).expect("every format holds it")
    }

    #[test]
    fn the_same_table_gives_the_same_bytes() {
        assert_eq!(files(), files());
        assert_eq!(files().iter().map(|(format, _)| *format).collect::<Vec<_>>(), FORMATS);
    }

    #[test]
    fn attack_12_a_file_says_nothing_but_its_table() {
        let files = files();
        let (_, parquet) = files.get(1).expect("there are three");
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes(parquet)).expect("it is Parquet");
        let meta = reader.metadata().clone();
        assert!(meta.file_metadata().key_value_metadata().is_none());
        let chunks = meta.row_groups().iter().flat_map(|group| group.columns());
        assert!(chunks.clone().count() == 3 && chunks.clone().all(|chunk| chunk.statistics().is_none()));
        let batch = reader.build().expect("it opens").next().expect("it has rows").expect("they can be read");
        let delay = batch.column_by_name("delay").expect("it is a column");
        let delay = delay.as_any().downcast_ref::<Decimal128Array>().expect("it is a decimal");
        assert_eq!((delay.value(0), delay.is_null(1), delay.scale()), (49, true, 1));
        assert_eq!(delay.value(1), 0, "a null slot holds zeros");
    }

    /// The reader takes a file or its own kind of bytes.
    fn bytes(content: &[u8]) -> std::fs::File {
        use std::io::{Seek, Write};
        let mut file = tempfile::tempfile().expect("a temporary file");
        file.write_all(content).and_then(|()| file.rewind()).expect("it can be written");
        file
    }
}
