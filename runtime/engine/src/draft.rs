//! Drafting a dictionary from a data file, for the custodian's eyes only.
//!
//! A dictionary is published, so a draft gives away as little of the data as it can: bounds are widened to 1-2-5
//! steps, codes that fewer subjects than the threshold have are left out, and the number of subjects is rounded up.
//! A custodian reads it, mends it and registers it; nothing of it is public before that.

use std::collections::{BTreeMap, HashSet};

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use sluice_domain::dictionary::{Bounds, Column, ColumnKind, Dictionary};
use sluice_domain::limits::Limits;
use sluice_domain::refusal::{Code, Refusal};

use crate::ask::{Draft, Drafted};
use crate::reading::{kind_of, open, unreadable};

/// A column with more distinct values than this gets no codes.
const CODES_MAX: usize = 500;
/// A column of integers with more distinct values than this gets no codes.
const INTEGER_CODES_MAX: usize = 60;

/// Drafts a dictionary.
///
/// # Errors
/// A file that can't be read, or that has no such subject column.
pub async fn draft(ask: &Draft, _limits: &Limits) -> Result<Drafted, Refusal> {
    let ask = ask.clone();
    let drafted = tokio::task::spawn_blocking(move || read(&ask)).await;
    drafted.unwrap_or_else(|_| Err(Refusal::with(Code::Ingest, "the file can't be read: it is corrupt")))
}

fn read(ask: &Draft) -> Result<Drafted, Refusal> {
    let opened = open(&ask.file, ask.format, false)?;
    let subject = match &ask.subject {
        Some(name) => {
            let place = opened.schema.index_of(name);
            Some(place.map_err(|_| Refusal::with(Code::Ingest, format!("the file has no column `{name}`")))?)
        }
        None => None,
    };
    let mut seen: Vec<Seen> = opened.schema.fields().iter().map(|_| Seen::default()).collect();
    let mut subjects: BTreeMap<String, u32> = BTreeMap::new();
    let mut row = 0_u32;
    for batch in opened.batches {
        let batch = batch.map_err(unreadable)?;
        let owners = owners(subject.map(|place| batch.column(place)), batch.num_rows(), &mut subjects, &mut row)?;
        for (seen, column) in seen.iter_mut().zip(batch.columns()) {
            seen.batch(column, &owners, ask.threshold)?;
        }
    }
    let mut remarks = Vec::new();
    let mut columns = Vec::new();
    for (index, (field, seen)) in opened.schema.fields().iter().zip(seen).enumerate() {
        let Some(kind) = kind_of(field.data_type()) else {
            remarks.push(format!("`{}` is of a type that isn't taken in; it is left out", field.name()));
            continue;
        };
        columns.push(column(field.name(), kind, seen, subject == Some(index), ask.threshold, &mut remarks));
    }
    if subject.is_none() {
        remarks.push(
            "private tables can join this one by columns that are listed in `unique`: those whose values together come in \
             one row only, and are never missing"
                .to_owned(),
        );
    }
    let counted = if subject.is_some() { subjects.len() as u64 } else { u64::from(row) };
    Ok(Drafted { dictionary: Dictionary::of(columns), n_public: step_up(counted.max(1)), remarks })
}

/// The subject of each row, by a number; rows without one have none. Without a subject column each row is its own.
fn owners(
    keys: Option<&ArrayRef>,
    rows: usize,
    subjects: &mut BTreeMap<String, u32>,
    row: &mut u32,
) -> Result<Vec<Option<u32>>, Refusal> {
    let Some(keys) = keys else {
        let first = *row;
        *row = row.saturating_add(rows as u32);
        return Ok((first..*row).map(Some).collect());
    };
    let keys = cast(keys, &DataType::Utf8).map_err(unreadable)?;
    let owners = keys.as_string::<i32>().iter().map(|key| {
        let key = key.filter(|key| !key.is_empty() && *key != "NA")?;
        if let Some(ordinal) = subjects.get(key) {
            return Some(*ordinal);
        }
        let ordinal = subjects.len() as u32;
        subjects.insert(key.to_owned(), ordinal);
        Some(ordinal)
    });
    Ok(owners.collect())
}

/// What a column holds.
#[derive(Default)]
struct Seen {
    /// For each value the subjects that have it, up to the threshold; none once there are too many values.
    codes: Option<BTreeMap<String, HashSet<u32>>>,
    too_many: bool,
    range: Option<(f64, f64)>,
}

impl Seen {
    fn batch(&mut self, column: &ArrayRef, owners: &[Option<u32>], threshold: u64) -> Result<(), Refusal> {
        if kind_of(column.data_type()).is_none_or(|kind| kind == ColumnKind::Timestamp) {
            self.too_many = true;
            return Ok(());
        }
        if column.data_type().is_numeric() {
            let values = cast(column, &DataType::Float64).map_err(unreadable)?;
            for value in values.as_primitive::<Float64Type>().iter().flatten().filter(|value| value.is_finite()) {
                let (low, high) = self.range.unwrap_or((value, value));
                self.range = Some((low.min(value), high.max(value)));
            }
        }
        if self.too_many {
            return Ok(());
        }
        let texts = cast(column, &DataType::Utf8).map_err(unreadable)?;
        let codes = self.codes.get_or_insert_default();
        for (text, owner) in texts.as_string::<i32>().iter().zip(owners) {
            let (Some(text), Some(owner)) = (text.filter(|text| !text.is_empty() && *text != "NA"), owner) else {
                continue;
            };
            if !codes.contains_key(text) {
                codes.insert(text.to_owned(), HashSet::new());
            }
            if let Some(having) = codes.get_mut(text)
                && (having.len() as u64) < threshold
            {
                having.insert(*owner);
            }
        }
        if codes.len() > CODES_MAX {
            self.too_many = true;
            self.codes = None;
        }
        Ok(())
    }
}

fn column(
    name: &str,
    kind: ColumnKind,
    seen: Seen,
    is_subject: bool,
    threshold: u64,
    remarks: &mut Vec<String>,
) -> Column {
    let integer = matches!(kind, ColumnKind::Int32 | ColumnKind::Int64);
    let coded = (kind == ColumnKind::Utf8 || integer) && !is_subject;
    let mut codes = Vec::new();
    if coded && let Some(found) = seen.codes {
        let few = !integer || found.len() <= INTEGER_CODES_MAX;
        let (kept, rare): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|(_, having)| having.len() as u64 >= threshold);
        if few && !rare.is_empty() {
            remarks.push(format!("`{name}`: codes that fewer than {threshold} subjects have are left out"));
        }
        if few {
            codes = kept.into_iter().map(|(code, _)| code).filter(|code| code.len() <= 200).collect();
        }
        if integer {
            codes.sort_by_key(|code| code.parse::<i64>().unwrap_or(0));
        }
    } else if coded && kind == ColumnKind::Utf8 {
        remarks.push(format!("`{name}` has too many values for codes; it can be filtered on, not tabulated by"));
    }
    let bounds = seen
        .range
        .filter(|_| !is_subject && kind.is_number())
        .map(|(low, high)| Bounds { lower: -outward(-low), upper: outward(high) });
    Column { codes, bounds, ..Column::new(name, kind) }
}

/// The least 1-2-5 step at or above a value; for a negative value the largest step below its distance from zero.
fn outward(value: f64) -> i64 {
    if value <= 0.0 {
        // The range doesn't reach this side of zero: zero is a bound that says nothing.
        return 0;
    }
    let capped = value.ceil().min(1e15);
    i64::try_from(step_up(capped as u64)).unwrap_or(i64::MAX)
}

/// The least of 1, 2, 5, 10, 20, 50, ... at or above `value`.
fn step_up(value: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for step in [1, 2, 5] {
            let candidate = power.saturating_mul(step);
            if candidate >= value {
                return candidate;
            }
        }
        power = power.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_35_bounds_and_sizes_are_widened_to_1_2_5_steps() {
        assert_eq!([1, 2, 3, 7, 11, 4_043].map(step_up), [1, 2, 5, 10, 20, 5_000]);
        assert_eq!((outward(1_301.0), -outward(43.0), outward(-3.0)), (2_000, -50, 0));
    }
}
