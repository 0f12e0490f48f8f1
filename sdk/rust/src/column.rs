//! One column of an arena, typed at the moment of reading.

use crate::Kind;

/// One column. Every getter answers `None` for a null, for a row that isn't there and for a column of another kind,
/// so that a map over it is total.
#[derive(Clone, Copy)]
pub struct Column<'a> {
    pub(crate) rows: usize,
    pub(crate) kind: Option<Kind>,
    pub(crate) unit: u8,
    pub(crate) validity: Option<&'a [u8]>,
    pub(crate) offsets: &'a [u8],
    pub(crate) values: &'a [u8],
}

impl<'a> Column<'a> {
    /// A column of nulls.
    pub(crate) fn absent(rows: usize) -> Self {
        Self { rows, kind: None, unit: 0, validity: None, offsets: &[], values: &[] }
    }

    /// What it holds; `None` where the column isn't there.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        self.kind
    }

    /// A timestamp's unit: digits after the second (0, 3, 6 or 9).
    #[must_use]
    pub fn digits(&self) -> u32 {
        3 * u32::from(self.unit.min(3))
    }

    /// A decimal's scale.
    #[must_use]
    pub fn scale(&self) -> u8 {
        self.unit
    }

    /// Whether the row has a value.
    #[must_use]
    pub fn is_valid(&self, row: usize) -> bool {
        self.kind.is_some() && row < self.rows && self.validity.is_none_or(|bitmap| bit(bitmap, row) == Some(true))
    }

    /// A truth value.
    #[must_use]
    pub fn bool(&self, row: usize) -> Option<bool> {
        self.of(Kind::Bool, row)?;
        bit(self.values, row)
    }

    /// A 32-bit integer.
    #[must_use]
    pub fn i32(&self, row: usize) -> Option<i32> {
        self.of(Kind::Int32, row)?;
        self.fixed(row).map(i32::from_le_bytes)
    }

    /// An integer of either width.
    #[must_use]
    pub fn i64(&self, row: usize) -> Option<i64> {
        if self.kind == Some(Kind::Int32) {
            return self.i32(row).map(i64::from);
        }
        self.of(Kind::Int64, row)?;
        self.fixed(row).map(i64::from_le_bytes)
    }

    /// A float.
    #[must_use]
    pub fn f64(&self, row: usize) -> Option<f64> {
        self.of(Kind::Float64, row)?;
        self.fixed(row).map(f64::from_le_bytes)
    }

    /// Text.
    #[must_use]
    pub fn str(&self, row: usize) -> Option<&'a str> {
        self.of(Kind::Utf8, row)?;
        let start = u32::from_le_bytes(at(self.offsets, row)?) as usize;
        let end = u32::from_le_bytes(at(self.offsets, row.checked_add(1)?)?) as usize;
        core::str::from_utf8(self.values.get(start..end)?).ok()
    }

    /// A date, in days since 1970-01-01.
    #[must_use]
    pub fn date(&self, row: usize) -> Option<i32> {
        self.of(Kind::Date32, row)?;
        self.fixed(row).map(i32::from_le_bytes)
    }

    /// An instant since 1970-01-01 UTC; [`Self::digits`] says in which unit.
    #[must_use]
    pub fn timestamp(&self, row: usize) -> Option<i64> {
        self.of(Kind::Timestamp, row)?;
        self.fixed(row).map(i64::from_le_bytes)
    }

    /// A decimal's digits; [`Self::scale`] says how many stand after the point.
    #[must_use]
    pub fn decimal(&self, row: usize) -> Option<i128> {
        self.of(Kind::Decimal128, row)?;
        self.fixed(row).map(i128::from_le_bytes)
    }

    /// All 64-bit integers as they lie in the arena, for arithmetic over whole columns: behind a null is 0, and
    /// [`Self::is_valid`] tells the two apart. `None` for a column of another kind.
    #[must_use]
    pub fn int64s(&self) -> Option<&'a [i64]> {
        self.packed(Kind::Int64)
    }

    /// All 32-bit integers; as [`Self::int64s`].
    #[must_use]
    pub fn int32s(&self) -> Option<&'a [i32]> {
        self.packed(Kind::Int32)
    }

    /// All floats; as [`Self::int64s`].
    #[must_use]
    pub fn float64s(&self) -> Option<&'a [f64]> {
        self.packed(Kind::Float64)
    }

    /// Every row's integer, nulls as `None`.
    pub fn i64s(self) -> impl Iterator<Item = Option<i64>> + 'a {
        (0..self.rows).map(move |row| self.i64(row))
    }

    /// Every row's text, nulls as `None`.
    pub fn strs(self) -> impl Iterator<Item = Option<&'a str>> + 'a {
        (0..self.rows).map(move |row| self.str(row))
    }

    fn packed<T: Number>(&self, kind: Kind) -> Option<&'a [T]> {
        if self.kind != Some(kind) {
            return None;
        }
        T::packed(self.values)?.get(..self.rows)
    }

    fn of(&self, kind: Kind, row: usize) -> Option<()> {
        (self.kind == Some(kind) && self.is_valid(row)).then_some(())
    }

    fn fixed<const N: usize>(&self, row: usize) -> Option<[u8; N]> {
        at(self.values, row)
    }
}

/// A number of which every pattern of bits is one.
trait Number: Sized {
    /// The bytes as such numbers, in place; `None` where they don't lie on such a boundary.
    fn packed(bytes: &[u8]) -> Option<&[Self]>;
}

macro_rules! number {
    ($($kind:ty),*) => {$(
        impl Number for $kind {
            #[allow(unsafe_code)]
            fn packed(bytes: &[u8]) -> Option<&[Self]> {
                // SAFETY: every pattern of bits is a number of this kind, and `align_to` keeps to boundaries.
                let (before, numbers, _) = unsafe { bytes.align_to::<$kind>() };
                before.is_empty().then_some(numbers)
            }
        }
    )*};
}

number!(i32, i64, f64);

/// Element `row` of packed N-byte values.
fn at<const N: usize>(bytes: &[u8], row: usize) -> Option<[u8; N]> {
    let start = row.checked_mul(N)?;
    bytes.get(start..start.checked_add(N)?)?.try_into().ok()
}

/// Bit `row` of a bitmap, least significant first.
fn bit(bitmap: &[u8], row: usize) -> Option<bool> {
    Some(bitmap.get(row / 8)? >> (row % 8) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use crate::testing::ArenaBuilder;
    use crate::{Kind, Rows};

    #[test]
    fn reads_back_what_was_built() {
        let words = ArenaBuilder::new(2)
            .bool(&[Some(true), None])
            .i32(&[Some(-5), Some(6)])
            .i64(&[None, Some(i64::MIN)])
            .f64(&[Some(0.5), None])
            .utf8(&[Some("żaba"), Some("")])
            .date(&[Some(-1), None])
            .timestamp(&[Some(12), None], 9)
            .decimal(&[Some(-1234), None], 2)
            .build();
        let rows = Rows::new(&words).expect("the builder makes arenas");
        assert_eq!((rows.len(), rows.columns(), rows.is_empty()), (2, 8, false));
        assert_eq!([0, 1, 2].map(|row| rows.column(0).bool(row)), [Some(true), None, None]);
        assert_eq!([0, 1, 2].map(|row| rows.column(1).i32(row)), [Some(-5), Some(6), None]);
        assert_eq!(rows.column(1).i64s().collect::<Vec<_>>(), [Some(-5), Some(6)]);
        assert_eq!(rows.column(2).i64s().collect::<Vec<_>>(), [None, Some(i64::MIN)]);
        assert_eq!([0, 1].map(|row| rows.column(3).f64(row)), [Some(0.5), None]);
        assert_eq!(rows.column(4).strs().collect::<Vec<_>>(), [Some("żaba"), Some("")]);
        assert_eq!([0, 1].map(|row| rows.column(5).date(row)), [Some(-1), None]);
        assert_eq!((rows.column(6).timestamp(0), rows.column(6).digits()), (Some(12), 9));
        assert_eq!((rows.column(7).decimal(0), rows.column(7).scale()), (Some(-1234), 2));
    }

    #[test]
    fn whole_columns_are_read_in_place() {
        let words = ArenaBuilder::new(3)
            .i64(&[Some(-1), None, Some(3)])
            .i32(&[Some(4), Some(-5), None])
            .f64(&[Some(0.5), None, Some(-2.0)])
            .build();
        let rows = Rows::new(&words).expect("the builder makes arenas");
        assert_eq!(rows.column(0).int64s(), Some(&[-1, 0, 3][..]));
        assert_eq!(rows.column(1).int32s(), Some(&[4, -5, 0][..]));
        assert_eq!(rows.column(2).float64s(), Some(&[0.5, 0.0, -2.0][..]));
        assert_eq!((rows.column(0).int32s(), rows.column(3).int64s()), (None, None));
    }

    #[test]
    fn a_wrong_kind_or_a_missing_column_reads_as_null() {
        let words = ArenaBuilder::new(1).i64(&[Some(1)]).build();
        let rows = Rows::new(&words).expect("the builder makes arenas");
        assert_eq!(rows.column(0).kind(), Some(Kind::Int64));
        assert_eq!((rows.column(0).i32(0), rows.column(0).str(0), rows.column(0).f64(0)), (None, None, None));
        assert_eq!((rows.column(1).kind(), rows.column(1).i64(0), rows.column(1).is_valid(0)), (None, None, false));
    }
}
