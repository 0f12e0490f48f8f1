//! The arena: the columns of one call, as the WIT file lays them out.

use crate::Column;

/// Words before the first column's entry.
pub(crate) const HEADER: usize = 5;
/// Words of one column's entry.
pub(crate) const ENTRY: usize = 5;
/// The only layout there is.
pub(crate) const VERSION: u64 = 1;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A bitmap.
    Bool = 1,
    /// 32-bit integers.
    Int32 = 2,
    /// 64-bit integers.
    Int64 = 3,
    /// 64-bit floats.
    Float64 = 4,
    /// Text.
    Utf8 = 5,
    /// Days since 1970-01-01.
    Date32 = 6,
    /// Instants since 1970-01-01 UTC, in the column's unit.
    Timestamp = 7,
    /// 128-bit integers with the column's scale.
    Decimal128 = 8,
}

impl Kind {
    fn of(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Bool,
            2 => Self::Int32,
            3 => Self::Int64,
            4 => Self::Float64,
            5 => Self::Utf8,
            6 => Self::Date32,
            7 => Self::Timestamp,
            8 => Self::Decimal128,
            _ => return None,
        })
    }
}

/// Rows as the host hands them over: one subject's in lane `tabulate`, one batch in lane `report`.
///
/// Columns are found by position, in the order of the contract's SELECT. A column that isn't there, or whose entry
/// doesn't fit the arena, reads as null in every row.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    words: &'a [u64],
    rows: usize,
    columns: usize,
}

impl<'a> Rows<'a> {
    /// Reads an arena's header. `None` where it isn't an arena of this layout or is shorter than its header says.
    #[must_use]
    pub fn new(words: &'a [u64]) -> Option<Self> {
        if *words.first()? != VERSION {
            return None;
        }
        let rows = usize::try_from(*words.get(1)?).ok()?;
        let columns = usize::try_from(*words.get(2)?).ok()?;
        words.get(..columns.checked_mul(ENTRY)?.checked_add(HEADER)?)?;
        Some(Self { words, rows, columns })
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// How many columns there are.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The constants that `describe` returned, word by word.
    #[must_use]
    pub fn constants(&self) -> &'a [u64] {
        let part = || {
            let start = usize::try_from(*self.words.get(3)?).ok()?;
            let length = usize::try_from(*self.words.get(4)?).ok()?;
            self.words.get(start..start.checked_add(length)?)
        };
        part().unwrap_or(&[])
    }

    /// One constant; zero where there is none at that position.
    #[must_use]
    pub fn constant(&self, position: usize) -> u64 {
        self.constants().get(position).copied().unwrap_or(0)
    }

    /// The column at a position.
    #[must_use]
    pub fn column(&self, position: usize) -> Column<'a> {
        self.entry(position).unwrap_or_else(|| Column::absent(self.rows))
    }

    fn entry(&self, position: usize) -> Option<Column<'a>> {
        if position >= self.columns {
            return None;
        }
        let start = HEADER + ENTRY * position;
        let [kind, validity, offsets, values, length] = *self.words.get(start..start + ENTRY)? else {
            return None;
        };
        let bitmap = self.rows.div_ceil(8);
        Some(Column {
            rows: self.rows,
            kind: Some(Kind::of(kind as u8)?),
            unit: (kind >> 8) as u8,
            validity: if validity == 0 { None } else { Some(self.bytes(validity, bitmap)?) },
            offsets: if offsets == 0 { &[] } else { self.bytes(offsets, self.rows.checked_add(1)?.checked_mul(4)?)? },
            values: self.bytes(values, usize::try_from(length).ok()?)?,
        })
    }

    /// `length` bytes from a word on; `None` where they aren't all there.
    fn bytes(&self, word: u64, length: usize) -> Option<&'a [u8]> {
        bytes_of(self.words.get(usize::try_from(word).ok()?..)?).get(..length)
    }
}

/// The words' bytes, in place.
#[allow(unsafe_code)]
fn bytes_of(words: &[u64]) -> &[u8] {
    // SAFETY: every u64 is eight initialised bytes, u8 has no alignment to keep, and the lifetime stays the same.
    unsafe { core::slice::from_raw_parts(words.as_ptr().cast(), core::mem::size_of_val(words)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ArenaBuilder;

    #[test]
    fn refuses_what_is_no_arena() {
        for words in
            [&[][..], &[1], &[1, 0], &[1, 0, 0, 0], &[2, 0, 0, 5, 0], &[1, 0, 1, 10, 0], &[1, 0, u64::MAX, 0, 0]]
        {
            assert!(Rows::new(words).is_none(), "{words:?}");
        }
        assert!(Rows::new(&[1, 0, 0, 5, 0]).is_some());
    }

    #[test]
    fn reads_constants_only_where_they_are() {
        let words = ArenaBuilder::new(0).constants(&[7, 9]).build();
        let rows = Rows::new(&words).expect("the builder makes arenas");
        assert_eq!(rows.constants(), [7, 9]);
        assert_eq!((rows.constant(1), rows.constant(2)), (9, 0));
        assert!(Rows::new(&[1, 0, 0, 4, 2]).expect("a whole header").constants().is_empty());
        assert!(Rows::new(&[1, 0, 0, u64::MAX, 2]).expect("a whole header").constants().is_empty());
    }

    /// Every word of a good arena is replaced by every odd value in turn: reading stays inside and doesn't panic.
    #[test]
    fn survives_every_broken_word() {
        let good = ArenaBuilder::new(3)
            .i32(&[Some(1), None, Some(3)])
            .utf8(&[Some("a"), Some("long text that takes more than one word"), None])
            .bool(&[Some(true), None, Some(false)])
            .decimal(&[Some(1), Some(-2), None], 2)
            .constants(&[5])
            .build();
        for place in 0..good.len() {
            for odd in [0, 1, 2, 5, 255, 1 << 20, u64::from(u32::MAX), 1 << 32, u64::MAX / 8, u64::MAX] {
                let mut words = good.clone();
                words[place] = odd;
                for keep in [words.len(), place + 1, place] {
                    let Some(rows) = Rows::new(&words[..keep]) else {
                        continue;
                    };
                    let _ = rows.constants();
                    for column in (0..rows.columns().min(9)).map(|c| rows.column(c)) {
                        for row in (0..rows.len().min(9)).chain([usize::MAX, usize::MAX / 4]) {
                            let _ = (column.i32(row), column.i64(row), column.f64(row), column.str(row));
                            let _ = (column.bool(row), column.date(row), column.timestamp(row), column.decimal(row));
                        }
                    }
                }
            }
        }
    }
}
