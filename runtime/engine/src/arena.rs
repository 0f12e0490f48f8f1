//! The arena: one subject's columns (or one batch of a report) as words, in the layout of `sdk/wit/sluice.wit`.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use datafusion::common::{Result, exec_err};

/// Version of the layout, the arena's first word.
const VERSION: u64 = 1;
/// Words before the column table.
const HEADER: usize = 5;
/// Words of the column table for each column.
const COLUMN: usize = 5;

/// The Arrow type in which a column crosses, if its kind of values can cross at all.
#[must_use]
pub fn crossing_type(kind: &DataType) -> Option<DataType> {
    Some(match kind {
        DataType::Boolean => DataType::Boolean,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => DataType::Int32,
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => DataType::Int64,
        DataType::Float32 | DataType::Float64 => DataType::Float64,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::Date32 => DataType::Date32,
        DataType::Timestamp(_, None) => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Decimal128(precision, scale) if *scale >= 0 => DataType::Decimal128(*precision, *scale),
        _ => return None,
    })
}

/// Columns of a batch, in the types in which they cross.
///
/// # Errors
/// A column of a type that doesn't cross; admission has refused such queries.
pub fn crossing_columns(batch: &RecordBatch, skip: usize) -> Result<Vec<ArrayRef>> {
    batch
        .columns()
        .iter()
        .skip(skip)
        .map(|column| match crossing_type(column.data_type()) {
            Some(kind) if &kind == column.data_type() => Ok(ArrayRef::clone(column)),
            Some(kind) => Ok(cast(column, &kind)?),
            None => exec_err!("a column of this type doesn't cross"),
        })
        .collect()
}

/// Writes arenas into one reused buffer.
pub struct ArenaWriter {
    words: Vec<u64>,
    constants: Vec<u64>,
}

impl ArenaWriter {
    /// A writer that puts these constants into every arena.
    #[must_use]
    pub fn new(constants: Vec<u64>) -> ArenaWriter {
        ArenaWriter { words: Vec::new(), constants }
    }

    /// The arena of the given rows, in the given order.
    ///
    /// # Errors
    /// Columns that [`crossing_columns`] didn't make.
    pub fn write(&mut self, columns: &[ArrayRef], rows: &[u32]) -> Result<&[u64]> {
        self.words.clear();
        let table = HEADER + COLUMN * columns.len();
        self.words.resize(table, 0);
        self.words.extend_from_slice(&self.constants);
        for (place, value) in [VERSION, rows.len() as u64, columns.len() as u64, table as u64].into_iter().enumerate() {
            self.words[place] = value;
        }
        self.words[4] = self.constants.len() as u64;
        for (index, column) in columns.iter().enumerate() {
            let entry = self.column(column, rows)?;
            let at = HEADER + COLUMN * index;
            self.words[at..at + COLUMN].copy_from_slice(&entry);
        }
        Ok(&self.words)
    }

    fn column(&mut self, column: &ArrayRef, rows: &[u32]) -> Result<[u64; COLUMN]> {
        let validity = self.validity(column, rows);
        let mut offsets = 0;
        let values;
        let length;
        let kind = match column.data_type() {
            DataType::Boolean => {
                let array = column.as_boolean();
                (values, length) = self.bitmap(rows, |row| array.is_valid(row) && array.value(row));
                1
            }
            DataType::Int32 => {
                let array = column.as_primitive::<Int32Type>();
                (values, length) = self.narrow(rows, |row| if array.is_valid(row) { array.value(row) } else { 0 });
                2
            }
            DataType::Int64 => {
                let array = column.as_primitive::<Int64Type>();
                (values, length) =
                    self.wide(rows, |row| if array.is_valid(row) { array.value(row).cast_unsigned() } else { 0 });
                3
            }
            DataType::Float64 => {
                let array = column.as_primitive::<Float64Type>();
                (values, length) =
                    self.wide(rows, |row| if array.is_valid(row) { canonical(array.value(row)) } else { 0 });
                4
            }
            DataType::Utf8 => {
                let array = column.as_string::<i32>();
                let mut end = 0_u32;
                let mut ends = vec![0_u32];
                for row in rows {
                    let row = *row as usize;
                    end += if array.is_valid(row) { array.value(row).len() as u32 } else { 0 };
                    ends.push(end);
                }
                offsets = self.words.len();
                self.words.extend(ends.chunks(2).map(|pair| pack(pair[0], pair.get(1).copied().unwrap_or(0))));
                values = self.words.len();
                length = end as usize;
                let texts = rows.iter().filter(|row| array.is_valid(**row as usize));
                let bytes: Vec<u8> = texts.flat_map(|row| array.value(*row as usize).as_bytes()).copied().collect();
                self.words.extend(bytes.chunks(8).map(|chunk| {
                    let mut word = [0_u8; 8];
                    word[..chunk.len()].copy_from_slice(chunk);
                    u64::from_le_bytes(word)
                }));
                5
            }
            DataType::Date32 => {
                let array = column.as_primitive::<Date32Type>();
                (values, length) = self.narrow(rows, |row| if array.is_valid(row) { array.value(row) } else { 0 });
                6
            }
            DataType::Timestamp(TimeUnit::Microsecond, None) => {
                let array = column.as_primitive::<TimestampMicrosecondType>();
                (values, length) =
                    self.wide(rows, |row| if array.is_valid(row) { array.value(row).cast_unsigned() } else { 0 });
                7 | (2 << 8)
            }
            DataType::Decimal128(_, scale) => {
                let array = column.as_primitive::<Decimal128Type>();
                values = self.words.len();
                for row in rows {
                    let row = *row as usize;
                    let value = if array.is_valid(row) { array.value(row).cast_unsigned() } else { 0 };
                    self.words.push(value as u64);
                    self.words.push((value >> 64) as u64);
                }
                length = rows.len() * 16;
                8 | (u64::from(scale.unsigned_abs()) << 8)
            }
            _ => return exec_err!("a column of this type doesn't cross"),
        };
        Ok([kind, validity as u64, offsets as u64, values as u64, length as u64])
    }

    fn validity(&mut self, column: &ArrayRef, rows: &[u32]) -> usize {
        if column.null_count() == 0 || rows.iter().all(|row| column.is_valid(*row as usize)) {
            return 0;
        }
        self.bitmap(rows, |row| column.is_valid(row)).0
    }

    fn bitmap(&mut self, rows: &[u32], bit: impl Fn(usize) -> bool) -> (usize, usize) {
        let at = self.words.len();
        for chunk in rows.chunks(64) {
            let word = chunk.iter().enumerate().filter(|(_, row)| bit(**row as usize));
            self.words.push(word.fold(0, |word, (place, _)| word | (1 << place)));
        }
        (at, rows.len().div_ceil(8))
    }

    fn narrow(&mut self, rows: &[u32], value: impl Fn(usize) -> i32) -> (usize, usize) {
        let at = self.words.len();
        let of = |row: u32| value(row as usize).cast_unsigned();
        self.words.extend(rows.chunks(2).map(|pair| pack(of(pair[0]), pair.get(1).map_or(0, |row| of(*row)))));
        (at, rows.len() * 4)
    }

    fn wide(&mut self, rows: &[u32], value: impl Fn(usize) -> u64) -> (usize, usize) {
        let at = self.words.len();
        self.words.extend(rows.iter().map(|row| value(*row as usize)));
        (at, rows.len() * 8)
    }
}

fn pack(low: u32, high: u32) -> u64 {
    u64::from(low) | (u64::from(high) << 32)
}

/// One pattern of bits for each number: no payload in a NaN, no sign on zero.
fn canonical(value: f64) -> u64 {
    if value.is_nan() {
        return f64::NAN.to_bits();
    }
    if value == 0.0 { 0 } else { value.to_bits() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{BooleanArray, Float64Array, Int32Array, StringArray};

    use super::*;

    #[test]
    fn attack_13_the_bytes_behind_a_null_are_zero_and_floats_have_one_form() {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from(vec![Some(7), None, Some(-1)])),
            Arc::new(StringArray::from(vec![Some("ab"), None, Some("cdefghijk")])),
            Arc::new(Float64Array::from(vec![Some(-0.0), Some(f64::from_bits(0x7ff8_dead_beef_0001)), None])),
            Arc::new(BooleanArray::from(vec![true, false, true])),
        ];
        let mut writer = ArenaWriter::new(vec![42]);
        let arena = writer.write(&columns, &[2, 0, 1]).expect("all four kinds cross").to_vec();
        assert_eq!(&arena[..5], &[1, 3, 4, 25, 1]);
        assert_eq!(arena[25], 42);
        let entry = |column: usize| &arena[5 + 5 * column..10 + 5 * column];
        let at = |word: u64| arena[word as usize];
        assert_eq!((entry(0)[0], at(entry(0)[1]), at(entry(0)[3])), (2, 0b011, 0x0000_0007_ffff_ffff));
        assert_eq!(at(entry(0)[3] + 1), 0);
        assert_eq!((at(entry(1)[2]), at(entry(1)[2] + 1)), (9 << 32, 11 | (11 << 32)));
        assert_eq!(at(entry(1)[3]).to_le_bytes(), *b"cdefghij");
        assert_eq!((entry(2)[0], at(entry(2)[3]), at(entry(2)[3] + 1)), (4, 0, 0));
        assert_eq!(at(entry(2)[3] + 2), f64::NAN.to_bits());
        assert_eq!((entry(3)[0], entry(3)[1], at(entry(3)[3])), (1, 0, 0b011));
    }
}
