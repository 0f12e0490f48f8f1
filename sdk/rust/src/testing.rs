//! For a module's own unit tests: arenas without a host, and what `map` makes of them.

use crate::arena::{ENTRY, HEADER, VERSION};
use crate::{Contributions, Inputs, Kind, Report, Rows, Tabulate};

/// Builds an arena column by column, in the order of the contract's SELECT.
///
/// ```
/// use sluice_guest::{Rows, testing::ArenaBuilder};
///
/// let arena = ArenaBuilder::new(2).utf8(&[Some("AA"), None]).i32(&[Some(5), Some(-3)]).build();
/// let subject = Rows::new(&arena).unwrap();
/// assert_eq!(subject.column(1).i64(1), Some(-3));
/// ```
pub struct ArenaBuilder {
    rows: usize,
    columns: Vec<Built>,
    constants: Vec<u64>,
}

struct Built {
    kind: u64,
    validity: Option<Vec<u8>>,
    offsets: Option<Vec<u8>>,
    values: Vec<u8>,
}

impl ArenaBuilder {
    /// An arena of so many rows.
    #[must_use]
    pub fn new(rows: usize) -> Self {
        Self { rows, columns: Vec::new(), constants: Vec::new() }
    }

    /// The constants, as `describe` would return them.
    #[must_use]
    pub fn constants(mut self, words: &[u64]) -> Self {
        self.constants = words.into();
        self
    }

    /// Adds a column of truth values.
    #[must_use]
    pub fn bool(self, values: &[Option<bool>]) -> Self {
        let bits = bitmap(values.iter().map(|value| value.unwrap_or(false)));
        self.column(Kind::Bool, 0, values, None, bits)
    }

    /// Adds a column of 32-bit integers.
    #[must_use]
    pub fn i32(self, values: &[Option<i32>]) -> Self {
        self.fixed(Kind::Int32, 0, values, |value| value.to_le_bytes())
    }

    /// Adds a column of 64-bit integers.
    #[must_use]
    pub fn i64(self, values: &[Option<i64>]) -> Self {
        self.fixed(Kind::Int64, 0, values, |value| value.to_le_bytes())
    }

    /// Adds a column of floats.
    #[must_use]
    pub fn f64(self, values: &[Option<f64>]) -> Self {
        self.fixed(Kind::Float64, 0, values, |value| value.to_le_bytes())
    }

    /// Adds a column of text.
    #[must_use]
    pub fn utf8(self, values: &[Option<&str>]) -> Self {
        let (mut text, mut offsets) = (Vec::new(), 0u32.to_le_bytes().to_vec());
        for value in values {
            text.extend_from_slice(value.unwrap_or_default().as_bytes());
            offsets.extend_from_slice(&(text.len() as u32).to_le_bytes());
        }
        self.column(Kind::Utf8, 0, values, Some(offsets), text)
    }

    /// Adds a column of dates, in days since 1970-01-01.
    #[must_use]
    pub fn date(self, values: &[Option<i32>]) -> Self {
        self.fixed(Kind::Date32, 0, values, |value| value.to_le_bytes())
    }

    /// Adds a column of instants since 1970-01-01 UTC, with 0, 3, 6 or 9 digits after the second.
    #[must_use]
    pub fn timestamp(self, values: &[Option<i64>], digits: u8) -> Self {
        self.fixed(Kind::Timestamp, digits / 3, values, |value| value.to_le_bytes())
    }

    /// Adds a column of decimals of one scale.
    #[must_use]
    pub fn decimal(self, values: &[Option<i128>], scale: u8) -> Self {
        self.fixed(Kind::Decimal128, scale, values, |value| value.to_le_bytes())
    }

    fn fixed<T: Copy + Default, const N: usize>(
        self,
        kind: Kind,
        unit: u8,
        values: &[Option<T>],
        bytes: impl Fn(T) -> [u8; N],
    ) -> Self {
        let packed = values.iter().flat_map(|value| bytes(value.unwrap_or_default())).collect();
        self.column(kind, unit, values, None, packed)
    }

    fn column<T>(
        mut self,
        kind: Kind,
        unit: u8,
        rows: &[Option<T>],
        offsets: Option<Vec<u8>>,
        values: Vec<u8>,
    ) -> Self {
        assert_eq!(rows.len(), self.rows, "a column has as many values as the arena has rows");
        let validity = rows.iter().any(Option::is_none).then(|| bitmap(rows.iter().map(Option::is_some)));
        self.columns.push(Built { kind: kind as u64 | u64::from(unit) << 8, validity, offsets, values });
        self
    }

    /// The arena's words.
    #[must_use]
    pub fn build(self) -> Vec<u64> {
        let mut words = vec![VERSION, self.rows as u64, self.columns.len() as u64, 0, self.constants.len() as u64];
        words.resize(HEADER + ENTRY * self.columns.len(), 0);
        let mut entries = Vec::new();
        for column in &self.columns {
            let validity = column.validity.as_deref().map_or(0, |bytes| append(&mut words, bytes));
            let offsets = column.offsets.as_deref().map_or(0, |bytes| append(&mut words, bytes));
            let values = append(&mut words, &column.values);
            entries.extend([column.kind, validity, offsets, values, column.values.len() as u64]);
        }
        let constants = words.len() as u64;
        words.extend(&self.constants);
        for (place, word) in words.iter_mut().skip(HEADER).zip(entries) {
            *place = word;
        }
        if let Some(place) = words.get_mut(3) {
            *place = constants;
        }
        words
    }
}

/// Appends bytes from a word on and says from which.
fn append(words: &mut Vec<u64>, bytes: &[u8]) -> u64 {
    let start = words.len() as u64;
    words.extend(bytes.chunks(8).map(|chunk| chunk.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))));
    start
}

fn bitmap(bits: impl Iterator<Item = bool>) -> Vec<u8> {
    let bits: Vec<bool> = bits.collect();
    bits.chunks(8).map(|chunk| chunk.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit))).collect()
}

/// What a module makes of one subject: contributions, each with `width` words (dimensions and measures).
///
/// # Panics
/// Where the arena is none, or the words aren't a multiple of `width`.
#[must_use]
pub fn map<T: Tabulate>(arena: &[u64], width: usize) -> Vec<Vec<i64>> {
    let mut out = Contributions::new();
    T::map(&Rows::new(arena).expect("the test gives an arena"), &mut out);
    table(&out.into_words(), width)
}

/// What a report makes of the batches of its first input: rows of `width` values.
///
/// # Panics
/// Where the words aren't a multiple of `width`.
#[must_use]
pub fn run<T: Report>(batches: Vec<Vec<u64>>, constants: &[u64], width: usize) -> Vec<Vec<i64>> {
    let mut batches = batches.into_iter();
    let mut inputs = Inputs::new(move |input| if input == 0 { batches.next().unwrap_or_default() } else { Vec::new() });
    table(&T::run(&mut inputs, constants).into_words(), width)
}

fn table(words: &[u64], width: usize) -> Vec<Vec<i64>> {
    assert!(words.len().is_multiple_of(width), "every contribution has {width} words");
    words.chunks(width).map(|row| row.iter().map(|&word| word as i64).collect()).collect()
}
