//! The functions that a query may call: an explicit list, each total on the types that it is listed for.
//!
//! "Immutable" isn't "total": DataFusion marks functions as immutable that fail on some values. A function is here
//! because its source was read and no argument makes it fail; where that holds for some argument types or literals
//! only, [`check`] says so.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::{AggregateUDF, Expr, ScalarUDF};
use datafusion::scalar::ScalarValue;
use sluice_domain::grade::Lane;

/// Scalar functions: names that may be called.
const SCALAR: &[&str] = &[
    "coalesce",
    "nullif",
    "lower",
    "upper",
    "btrim",
    "ltrim",
    "rtrim",
    "character_length",
    "starts_with",
    "ends_with",
    "date_part",
];

/// Aggregates that may be called in the subject lanes, inside one subject. Sums are the host's.
const SUBJECT_AGGREGATES: &[&str] = &["count", "min", "max"];

/// Aggregates that may be called in lane `report`, whose output people read.
const REPORT_AGGREGATES: &[&str] = &["count", "min", "max", "sum", "avg"];

/// Parts of a date that `date_part` gives as integers without failing.
const DATE_PARTS: &[&str] = &["year", "quarter", "month", "week", "day", "hour", "minute", "second", "dow", "doy"];

/// The scalar functions that a session knows.
#[must_use]
pub fn scalar() -> Vec<Arc<ScalarUDF>> {
    let all = SessionStateDefaults::default_scalar_functions();
    all.into_iter().filter(|function| SCALAR.contains(&function.name())).collect()
}

/// The aggregates that a session knows.
#[must_use]
pub fn aggregate() -> Vec<Arc<AggregateUDF>> {
    let all = SessionStateDefaults::default_aggregate_functions();
    all.into_iter().filter(|function| REPORT_AGGREGATES.contains(&function.name())).collect()
}

/// Whether a scalar function may be called with these arguments; if not, the rule that it breaks.
///
/// # Errors
/// The rule, in words that name the function.
pub fn check(name: &str, args: &[Expr], types: &[DataType]) -> Result<(), String> {
    if name.starts_with(super::total::PREFIX) {
        return Ok(());
    }
    if !SCALAR.contains(&name) {
        return Err(format!("the function {name} isn't on the list of total functions"));
    }
    if !types.iter().all(super::exprs::is_plain) {
        return Err(format!("the function {name} isn't listed for these types"));
    }
    if name == "date_part" {
        let part = args.first().and_then(|expr| match expr {
            Expr::Literal(ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)), _) => Some(text.as_str()),
            _ => None,
        });
        let listed = part.is_some_and(|part| DATE_PARTS.contains(&part.to_ascii_lowercase().as_str()));
        if !listed {
            return Err(format!("date_part takes one of {}", DATE_PARTS.join(", ")));
        }
        if !matches!(types.get(1), Some(DataType::Date32 | DataType::Timestamp(_, None))) {
            return Err("date_part takes a date or a timestamp".to_owned());
        }
    }
    Ok(())
}

/// Whether an aggregate may be called in this lane.
///
/// # Errors
/// The rule, in words that name the function.
pub fn check_aggregate(name: &str, lane: Lane) -> Result<(), String> {
    let listed = match lane {
        Lane::Tabulate => SUBJECT_AGGREGATES,
        Lane::Report => REPORT_AGGREGATES,
    };
    if listed.contains(&name) {
        return Ok(());
    }
    if lane == Lane::Tabulate && REPORT_AGGREGATES.contains(&name) {
        return Err(format!("{name} isn't for queries of this lane: declare a measure, and the host adds up"));
    }
    Err(format!("the aggregate {name} isn't on the list"))
}
