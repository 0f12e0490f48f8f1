//! The columns that a registration declares unique, looked at row by row.

use std::collections::HashSet;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::row::{RowConverter, SortField};
use sha2::{Digest, Sha256};
use sluice_domain::dataset::Dataset;
use sluice_domain::refusal::{Code, Refusal};

use crate::provider::data_type;

/// Rows of a table with unique columns: each of them is remembered while the file is read.
const ROWS_MAX: usize = 50_000_000;
/// Bytes that are remembered of a row: two rows that differ don't agree in as many bytes of a digest.
const MARK_BYTES: usize = 16;

/// What a row's unique columns say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Row {
    /// They hold values that no row before had.
    New,
    /// One of them holds nothing.
    Missing,
    /// A row before had the same.
    Again,
}

/// The unique columns of a dataset, and what was seen of them.
pub(crate) struct Unique {
    names: String,
    places: Vec<usize>,
    converter: RowConverter,
    seen: HashSet<[u8; MARK_BYTES]>,
}

impl Unique {
    /// Of a dataset that declares some.
    ///
    /// # Errors
    /// Columns that can't be compared.
    pub(crate) fn of(dataset: &Dataset) -> Result<Option<Unique>, ArrowError> {
        let columns = &dataset.dictionary.columns;
        let place = |name: &String| columns.iter().position(|column| column.name == *name);
        let places: Vec<usize> = dataset.unique.iter().filter_map(place).collect();
        if places.is_empty() {
            return Ok(None);
        }
        let field = |place: &usize| columns.get(*place).map(|column| SortField::new(data_type(column.kind)));
        let converter = RowConverter::new(places.iter().filter_map(field).collect())?;
        Ok(Some(Unique { names: dataset.unique.join(", "), places, converter, seen: HashSet::new() }))
    }

    /// Looks at the next rows, given all of the dictionary's columns in its types.
    ///
    /// # Errors
    /// Columns of other types.
    pub(crate) fn rows(&mut self, columns: &[ArrayRef]) -> Result<Vec<Row>, ArrowError> {
        let own: Vec<ArrayRef> = self.places.iter().filter_map(|place| columns.get(*place).cloned()).collect();
        let rows = self.converter.convert_columns(&own)?;
        let seen = &mut self.seen;
        let looked_at = rows.iter().enumerate().map(|(index, row)| {
            if own.iter().any(|column| column.is_null(index)) {
                return Row::Missing;
            }
            let mut mark = [0; MARK_BYTES];
            mark.copy_from_slice(&Sha256::digest(row.as_ref())[..MARK_BYTES]);
            if seen.insert(mark) { Row::New } else { Row::Again }
        });
        Ok(looked_at.collect())
    }

    /// Holds a file's rows to the declaration.
    ///
    /// # Errors
    /// A row that breaks it, in words for custodians.
    pub(crate) fn check(&mut self, columns: &[ArrayRef]) -> Result<(), Refusal> {
        let broken = |text: String| Err(Refusal::with(Code::Ingest, text));
        let rows =
            self.rows(columns).map_err(|_| Refusal::with(Code::Ingest, "the unique columns can't be compared"))?;
        if self.seen.len() > ROWS_MAX {
            return broken(format!("a table with unique columns has at most {ROWS_MAX} rows"));
        }
        match rows.into_iter().find(|row| *row != Row::New) {
            None | Some(Row::New) => Ok(()),
            Some(Row::Missing) => {
                broken(format!("declared unique: {}; a row has no value there, or one that doesn't fit", self.names))
            }
            Some(Row::Again) => broken(format!("declared unique: {}; two rows have the same there", self.names)),
        }
    }
}
