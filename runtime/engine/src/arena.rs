//! The arena: one subject's columns (or one batch of a report) as words, in the layout of `sdk/wit/sluice.wit`.

use datafusion::arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, RecordBatch, StringArray,
};
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

/// Which rows of a batch cross, in which order.
#[derive(Debug, Clone, Copy)]
pub enum Picked<'a> {
    /// The first so many, as they lie: copied in whole runs.
    First(usize),
    /// These.
    Rows(&'a [u32]),
}

impl Picked<'_> {
    fn len(self) -> usize {
        match self {
            Picked::First(length) => length,
            Picked::Rows(rows) => rows.len(),
        }
    }

    fn row(self, place: usize) -> usize {
        match self {
            Picked::First(_) => place,
            Picked::Rows(rows) => rows[place] as usize,
        }
    }
}

/// Writes arenas into one reused buffer.
pub struct ArenaWriter {
    words: Vec<u64>,
    bytes: Vec<u8>,
    constants: Vec<u64>,
}

impl ArenaWriter {
    /// A writer that puts these constants into every arena.
    #[must_use]
    pub fn new(constants: Vec<u64>) -> ArenaWriter {
        ArenaWriter { words: Vec::new(), bytes: Vec::new(), constants }
    }

    /// The arena of the picked rows.
    ///
    /// # Errors
    /// Columns that [`crossing_columns`] didn't make.
    pub fn write(&mut self, columns: &[ArrayRef], rows: Picked<'_>) -> Result<&[u64]> {
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

    /// The arena that was written last, for good.
    #[must_use]
    pub fn take(&mut self) -> Vec<u64> {
        let next = Vec::with_capacity(self.words.len());
        std::mem::replace(&mut self.words, next)
    }

    fn column(&mut self, column: &ArrayRef, rows: Picked<'_>) -> Result<[u64; COLUMN]> {
        let validity = self.validity(column, rows);
        let mut offsets = 0;
        let values = self.words.len();
        let (kind, length) = match column.data_type() {
            DataType::Boolean => {
                let array = column.as_boolean();
                self.bitmap(rows, |row| array.is_valid(row) && array.value(row));
                (1, rows.len().div_ceil(8))
            }
            DataType::Int32 => (2, self.narrow(column.as_primitive::<Int32Type>(), rows)),
            DataType::Int64 => (3, self.wide(column.as_primitive::<Int64Type>(), rows, i64::cast_unsigned)),
            DataType::Float64 => (4, self.wide(column.as_primitive::<Float64Type>(), rows, canonical)),
            DataType::Utf8 => {
                let array = column.as_string::<i32>();
                let bytes = self.texts(array, rows);
                offsets = values;
                let values = self.words.len();
                self.words.extend(self.bytes.chunks(8).map(|chunk| {
                    let mut word = [0_u8; 8];
                    word[..chunk.len()].copy_from_slice(chunk);
                    u64::from_le_bytes(word)
                }));
                return Ok([5, validity as u64, offsets as u64, values as u64, bytes as u64]);
            }
            DataType::Date32 => (6, self.narrow(column.as_primitive::<Date32Type>(), rows)),
            DataType::Timestamp(TimeUnit::Microsecond, None) => {
                let array = column.as_primitive::<TimestampMicrosecondType>();
                (7 | (2 << 8), self.wide(array, rows, i64::cast_unsigned))
            }
            DataType::Decimal128(_, scale) => {
                let array = column.as_primitive::<Decimal128Type>();
                for place in 0..rows.len() {
                    let row = rows.row(place);
                    let value = if array.is_valid(row) { array.value(row).cast_unsigned() } else { 0 };
                    self.words.push(value as u64);
                    self.words.push((value >> 64) as u64);
                }
                (8 | (u64::from(scale.unsigned_abs()) << 8), rows.len() * 16)
            }
            _ => return exec_err!("a column of this type doesn't cross"),
        };
        Ok([kind, validity as u64, offsets as u64, values as u64, length as u64])
    }

    /// Writes the offsets, leaves the texts in `self.bytes`, and gives their length.
    fn texts(&mut self, array: &StringArray, rows: Picked<'_>) -> usize {
        self.bytes.clear();
        let mut pending = Some(0_u32);
        for place in 0..rows.len() {
            let row = rows.row(place);
            if array.is_valid(row) {
                self.bytes.extend_from_slice(array.value(row).as_bytes());
            }
            // The row's end; two of them to a word.
            let end = self.bytes.len() as u32;
            pending = match pending {
                Some(low) => {
                    self.words.push(pack(low, end));
                    None
                }
                None => Some(end),
            };
        }
        if let Some(low) = pending {
            self.words.push(pack(low, 0));
        }
        self.bytes.len()
    }

    fn validity(&mut self, column: &ArrayRef, rows: Picked<'_>) -> usize {
        let all_valid = match rows {
            _ if column.null_count() == 0 => true,
            Picked::First(length) => (0..length).all(|row| column.is_valid(row)),
            Picked::Rows(rows) => rows.iter().all(|row| column.is_valid(*row as usize)),
        };
        if all_valid {
            return 0;
        }
        let at = self.words.len();
        self.bitmap(rows, |row| column.is_valid(row));
        at
    }

    fn bitmap(&mut self, rows: Picked<'_>, bit: impl Fn(usize) -> bool) {
        for from in (0..rows.len()).step_by(64) {
            let places = from..rows.len().min(from + 64);
            let set = places.filter(|place| bit(rows.row(*place)));
            self.words.push(set.fold(0, |word, place| word | (1 << (place - from))));
        }
    }

    fn narrow<T: ArrowPrimitiveType<Native = i32>>(&mut self, array: &PrimitiveArray<T>, rows: Picked<'_>) -> usize {
        let word = |low: i32, high: i32| pack(low.cast_unsigned(), high.cast_unsigned());
        match rows {
            Picked::First(length) if array.null_count() == 0 => {
                let (pairs, last) = array.values()[..length].as_chunks::<2>();
                self.words.extend(pairs.iter().map(|[low, high]| word(*low, *high)));
                self.words.extend(last.iter().map(|low| word(*low, 0)));
            }
            _ => {
                let of = |place: usize| {
                    let row = rows.row(place);
                    if array.is_valid(row) { array.value(row) } else { 0 }
                };
                let pairs = (0..rows.len()).step_by(2);
                self.words.extend(pairs.map(|at| word(of(at), if at + 1 < rows.len() { of(at + 1) } else { 0 })));
            }
        }
        rows.len() * 4
    }

    fn wide<T: ArrowPrimitiveType>(
        &mut self,
        array: &PrimitiveArray<T>,
        rows: Picked<'_>,
        word: impl Fn(T::Native) -> u64,
    ) -> usize {
        match rows {
            Picked::First(length) if array.null_count() == 0 => {
                self.words.extend(array.values()[..length].iter().map(|value| word(*value)));
            }
            _ => self.words.extend((0..rows.len()).map(|place| {
                let row = rows.row(place);
                if array.is_valid(row) { word(array.value(row)) } else { 0 }
            })),
        }
        rows.len() * 8
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
        let arena = writer.write(&columns, Picked::Rows(&[2, 0, 1])).expect("all four kinds cross").to_vec();
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

    #[test]
    fn rows_as_they_lie_and_the_same_rows_picked_give_the_same_words() {
        for length in [0, 1, 2, 3, 64, 65, 200] {
            let some = |nulls: bool, row: usize| !nulls || row % 3 != 1;
            for nulls in [false, true] {
                let of = |row: usize| some(nulls, row).then_some(row);
                let columns: Vec<ArrayRef> = vec![
                    Arc::new((0..length).map(|row| of(row).map(|row| row as i32 - 7)).collect::<Int32Array>()),
                    Arc::new((0..length).map(|row| of(row).map(|row| row as f64 / 4.0)).collect::<Float64Array>()),
                    Arc::new((0..length).map(|row| of(row).map(|row| "x".repeat(row % 11))).collect::<StringArray>()),
                    Arc::new((0..length).map(|row| of(row).map(|row| row % 2 == 0)).collect::<BooleanArray>()),
                ];
                let picked: Vec<u32> = (0..length as u32).collect();
                let as_they_lie =
                    ArenaWriter::new(vec![1]).write(&columns, Picked::First(length)).expect("all cross").to_vec();
                let mut writer = ArenaWriter::new(vec![1]);
                assert_eq!(writer.write(&columns, Picked::Rows(&picked)).expect("all cross"), as_they_lie);
            }
        }
    }
}
