//! Cells as a snapshot holds them: one form for what is missing and for floats, and no text without end.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, StringArray};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::Result as PlanResult;
use sluice_domain::limits::Limits;
use sluice_domain::refusal::{Code, Refusal};

use crate::session::BATCH_ROWS;

/// Beyond this a batch of texts can have more bytes than 32-bit offsets count once `upper` has made each three times as
/// long, and a cast of it panics: a run would fail by its rows.
const TEXT_BYTES_BEYOND: usize = i32::MAX as usize / (BATCH_ROWS * 3);

/// Bytes that a text of a snapshot may have.
pub(super) fn text_bytes_max(limits: &Limits) -> usize {
    limits.text_bytes_max.min(TEXT_BYTES_BEYOND)
}

/// Checks that no text of a column is too long.
///
/// # Errors
/// The column and the limit, for custodians.
pub(super) fn check_texts(array: &ArrayRef, column: &str, bytes_max: usize) -> Result<(), Refusal> {
    if longest(array) > bytes_max {
        return Err(Refusal::with(Code::Ingest, format!("`{column}`: a text has at most {bytes_max} bytes")));
    }
    Ok(())
}

/// Bytes of the longest text of an array; 0 where it holds no texts.
fn longest(array: &dyn Array) -> usize {
    fn of<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> usize {
        texts.flatten().map(str::len).max().unwrap_or(0)
    }
    match array.data_type() {
        DataType::Utf8 => of(array.as_string::<i32>().iter()),
        DataType::LargeUtf8 => of(array.as_string::<i64>().iter()),
        DataType::Utf8View => of(array.as_string_view().iter()),
        DataType::Dictionary(_, _) => array.as_any_dictionary_opt().map_or(0, |texts| longest(texts.values())),
        _ => 0,
    }
}

/// Text that is empty or says `NA` is missing, however the file encodes it.
pub(super) fn blank_as_null(array: &ArrayRef) -> PlanResult<ArrayRef> {
    let values = match array.data_type() {
        DataType::Dictionary(_, values) => values.as_ref(),
        kind => kind,
    };
    if !values.is_string() {
        return Ok(ArrayRef::clone(array));
    }
    let texts = cast_with_options(array, &DataType::Utf8, &CastOptions::default())?;
    let texts = texts.as_string::<i32>().iter();
    let kept: StringArray = texts.map(|text| text.filter(|text| !text.is_empty() && *text != "NA")).collect();
    Ok(Arc::new(kept))
}

/// Floats in one form: not-a-number is missing, zero has no sign.
pub(super) fn plain_floats(array: ArrayRef) -> ArrayRef {
    if array.data_type() != &DataType::Float64 {
        return array;
    }
    let values = array.as_primitive::<Float64Type>().iter();
    let plain: Float64Array =
        values.map(|value| value.filter(|value| !value.is_nan()).map(|value| value + 0.0)).collect();
    Arc::new(plain)
}

/// Values that aren't among the column's codes, or are outside its bounds.
pub(super) fn outside(array: &ArrayRef, column: &sluice_domain::dictionary::Column) -> u64 {
    let mut count = 0;
    if !column.codes.is_empty()
        && let Ok(texts) = cast_with_options(array, &DataType::Utf8, &CastOptions::default())
    {
        let codes: BTreeSet<&str> = column.codes.iter().map(String::as_str).collect();
        count += texts.as_string::<i32>().iter().flatten().filter(|text| !codes.contains(text)).count() as u64;
    }
    if let Some(bounds) = column.bounds
        && let Ok(values) = cast_with_options(array, &DataType::Int64, &CastOptions::default())
    {
        let values = values.as_primitive::<Int64Type>().iter().flatten();
        count += values.filter(|value| *value < bounds.lower || *value > bounds.upper).count() as u64;
    }
    count
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{DictionaryArray, Int32Array, StringViewArray};
    use datafusion::arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn attack_28_a_text_is_bounded_however_the_file_encodes_it() {
        let (short, long) = ("x".repeat(9), "x".repeat(10));
        let texts = [Some(short.as_str()), None, Some(long.as_str())];
        let coded: DictionaryArray<Int32Type> = texts.into_iter().collect();
        let arrays: [ArrayRef; 4] = [
            Arc::new(StringArray::from_iter(texts)),
            Arc::new(datafusion::arrow::array::LargeStringArray::from_iter(texts)),
            Arc::new(StringViewArray::from_iter(texts)),
            Arc::new(coded),
        ];
        for array in arrays {
            check_texts(&array, "note", 10).expect("ten bytes are allowed");
            let refusal = check_texts(&array, "note", 9).expect_err("nine are allowed");
            assert_eq!(
                (refusal.code, refusal.detail.as_deref()),
                (Code::Ingest, Some("`note`: a text has at most 9 bytes"))
            );
        }
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![1, 2]));
        check_texts(&numbers, "n", 0).expect("numbers aren't texts");
        let limits = Limits { text_bytes_max: usize::MAX, ..Limits::default() };
        assert_eq!(text_bytes_max(&limits), TEXT_BYTES_BEYOND);
        assert_eq!(text_bytes_max(&Limits::default()), 64 * 1024);
    }
}
