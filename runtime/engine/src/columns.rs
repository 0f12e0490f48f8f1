//! Columns of a query as codes and fixed-point values, for jobs without a module.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use datafusion::common::{HashMap, Result, exec_err};

/// A code that isn't declared.
pub const NO_CODE: u32 = u32::MAX;

/// The closed code list of a dimension, to be looked up by value.
#[derive(Debug, Clone)]
pub struct Codebook {
    texts: HashMap<String, u32>,
    integers: HashMap<i64, u32>,
}

impl Codebook {
    /// The codes of these labels.
    #[must_use]
    pub fn new(labels: &[String]) -> Codebook {
        let numbered = || labels.iter().enumerate().map(|(code, label)| (label, code as u32));
        Codebook {
            texts: numbered().map(|(label, code)| (label.clone(), code)).collect(),
            integers: numbered().filter_map(|(label, code)| Some((label.parse().ok()?, code))).collect(),
        }
    }

    /// Writes the code of each row into `codes`.
    ///
    /// # Errors
    /// A column of a type that has no codes; admission has refused such queries.
    pub fn look_up(&self, column: &ArrayRef, codes: &mut Vec<u32>) -> Result<()> {
        codes.clear();
        match column.data_type() {
            DataType::Utf8 => self.texts_of(column.as_string::<i32>().iter(), codes),
            DataType::LargeUtf8 => self.texts_of(column.as_string::<i64>().iter(), codes),
            DataType::Utf8View => self.texts_of(column.as_string_view().iter(), codes),
            DataType::Boolean => {
                let text = |value: bool| if value { "true" } else { "false" };
                self.texts_of(column.as_boolean().iter().map(|value| value.map(text)), codes);
            }
            kind if kind.is_integer() => {
                let wide = cast(column, &DataType::Int64)?;
                let known = |value: i64| self.integers.get(&value).copied();
                let values = wide.as_primitive::<Int64Type>().iter();
                codes.extend(values.map(|value| value.and_then(known).unwrap_or(NO_CODE)));
            }
            _ => return exec_err!("a dimension of this type has no codes"),
        }
        Ok(())
    }

    fn texts_of<'a>(&self, values: impl Iterator<Item = Option<&'a str>>, codes: &mut Vec<u32>) {
        // Neighbouring rows often have the same value.
        let mut last: Option<(&str, u32)> = None;
        codes.extend(values.map(|value| {
            let Some(value) = value else { return NO_CODE };
            if let Some((text, code)) = last
                && text == value
            {
                return code;
            }
            let code = self.texts.get(value).copied().unwrap_or(NO_CODE);
            last = Some((value, code));
            code
        }));
    }
}

/// Whether a column of this type can be a dimension.
#[must_use]
pub fn has_codes(kind: &DataType) -> bool {
    kind.is_integer() || matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Boolean)
}

/// Whether a column of this type can be a measure.
#[must_use]
pub fn is_quantity(kind: &DataType) -> bool {
    kind.is_integer()
        || matches!(kind, DataType::Boolean | DataType::Float32 | DataType::Float64 | DataType::Decimal128(_, _))
}

/// A measure's column as integers in steps of `10^-scale`; null, not-a-number and what doesn't fit count as 0.
///
/// # Errors
/// A column of a type that isn't a quantity; admission has refused such queries.
pub fn fixed_point(column: &ArrayRef, scale: u8) -> Result<Vec<i64>> {
    let factor = 10_i64.pow(u32::from(scale));
    match column.data_type() {
        DataType::Float32 | DataType::Float64 => {
            let wide = cast(column, &DataType::Float64)?;
            let values = wide.as_primitive::<Float64Type>().iter();
            Ok(values.map(|value| value.map_or(0, |value| from_float(value, factor))).collect())
        }
        DataType::Decimal128(_, from) => {
            let from = i32::from(*from);
            let values = column.as_primitive::<Decimal128Type>().iter();
            Ok(values.map(|value| value.map_or(0, |value| rescale(value, from, i32::from(scale)))).collect())
        }
        kind if kind.is_integer() || kind == &DataType::Boolean => {
            let wide: Arc<dyn Array> = cast(column, &DataType::Int64)?;
            let values = wide.as_primitive::<Int64Type>().iter();
            Ok(values.map(|value| value.and_then(|value| value.checked_mul(factor)).unwrap_or(0)).collect())
        }
        _ => exec_err!("a column of this type isn't a quantity"),
    }
}

/// Beyond this a float has no exact integers any more.
const EXACT: f64 = 9_007_199_254_740_992.0;

fn from_float(value: f64, factor: i64) -> i64 {
    let scaled = (value * factor as f64).round_ties_even();
    if scaled.is_finite() && scaled.abs() <= EXACT { scaled as i64 } else { 0 }
}

fn rescale(value: i128, from: i32, to: i32) -> i64 {
    let scaled = if to >= from {
        10_i128.checked_pow((to - from).unsigned_abs()).and_then(|factor| value.checked_mul(factor))
    } else {
        10_i128.checked_pow((from - to).unsigned_abs()).map(|factor| half_even(value, factor))
    };
    scaled.and_then(|value| i64::try_from(value).ok()).unwrap_or(0)
}

fn half_even(value: i128, factor: i128) -> i128 {
    let (quotient, rest) = (value.div_euclid(factor), value.rem_euclid(factor));
    match (rest * 2).cmp(&factor) {
        std::cmp::Ordering::Less => quotient,
        std::cmp::Ordering::Greater => quotient + 1,
        std::cmp::Ordering::Equal => quotient + quotient.rem_euclid(2),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Decimal128Array, Float64Array, Int32Array, StringArray};

    use super::*;

    #[test]
    fn attack_11_only_declared_codes_are_known() {
        let book = Codebook::new(&["AA".to_owned(), "7".to_owned()]);
        let mut codes = Vec::new();
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("AA"), Some("aa"), None, Some("7")]));
        book.look_up(&texts, &mut codes).expect("texts have codes");
        assert_eq!(codes, [0, NO_CODE, NO_CODE, 1]);
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![Some(7), Some(8), None]));
        book.look_up(&numbers, &mut codes).expect("integers have codes");
        assert_eq!(codes, [1, NO_CODE, NO_CODE]);
    }

    #[test]
    fn attack_13_values_are_rounded_to_the_grid() {
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![
            Some(1.25),
            Some(1.35),
            Some(f64::NAN),
            Some(f64::INFINITY),
            None,
            Some(-0.0),
            Some(1e300),
        ]));
        assert_eq!(fixed_point(&floats, 1).expect("floats are quantities"), [12, 14, 0, 0, 0, 0, 0]);
        let decimals = Decimal128Array::from(vec![Some(125), Some(-135), None]).with_precision_and_scale(9, 2);
        let decimals: ArrayRef = Arc::new(decimals.expect("nine digits"));
        assert_eq!(fixed_point(&decimals, 1).expect("decimals are quantities"), [12, -14, 0]);
        assert_eq!(fixed_point(&decimals, 3).expect("decimals are quantities"), [1250, -1350, 0]);
    }
}
