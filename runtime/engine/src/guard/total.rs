//! Total arithmetic: what may fail on a row becomes NULL on that row.
//!
//! In a subject lane a query that fails says that some subject has a certain value. DataFusion's integer `+ - *`
//! wrap in silence, `/` and `%` fail on zero, casts fail on what doesn't fit. Here `+ - * / %` on integers become
//! checked operations that give NULL, casts become `TRY_CAST`, and `||` is bounded. Operations on floats never fail.

use std::any::Any;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// How the names of the host's own functions start.
pub const PREFIX: &str = "__sluice_total_";

/// A checked integer operation: NULL where the result doesn't fit or isn't defined.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    operation: Operation,
    name: String,
    signature: Signature,
}

/// The operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Operation {
    fn of(operator: Operator) -> Option<Operation> {
        match operator {
            Operator::Plus => Some(Operation::Add),
            Operator::Minus => Some(Operation::Subtract),
            Operator::Multiply => Some(Operation::Multiply),
            Operator::Divide => Some(Operation::Divide),
            Operator::Modulo => Some(Operation::Remainder),
            _ => None,
        }
    }

    fn apply(self, left: i64, right: i64) -> Option<i64> {
        match self {
            Operation::Add => left.checked_add(right),
            Operation::Subtract => left.checked_sub(right),
            Operation::Multiply => left.checked_mul(right),
            Operation::Divide => left.checked_div(right),
            Operation::Remainder => left.checked_rem(right),
        }
    }
}

/// The checked function for an operator, if there is one.
#[must_use]
pub fn checked(operator: Operator) -> Option<Arc<ScalarUDF>> {
    let operation = Operation::of(operator)?;
    let name = format!("{PREFIX}{}", format!("{operation:?}").to_lowercase());
    let signature = Signature::any(2, Volatility::Immutable);
    Some(Arc::new(ScalarUDF::new_from_impl(Checked { operation, name, signature })))
}

/// Bytes that a concatenation may have: a text that doubles with every level of a query would swell without bound.
const CONCAT_BYTES_MAX: usize = 4_096;

/// A bounded concatenation: NULL where the text would be too long.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Concat {
    signature: Signature,
}

/// The bounded concatenation.
#[must_use]
pub fn concat() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::new_from_impl(Concat { signature: Signature::any(2, Volatility::Immutable) }))
}

impl ScalarUDFImpl for Concat {
    fn name(&self) -> &'static str {
        "__sluice_total_concat"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [left, right] = arrays.as_slice() else {
            return exec_err!("a concatenation takes two arguments");
        };
        let text = |array: &ArrayRef| cast(array, &DataType::Utf8);
        let (left, right) = (text(left)?, text(right)?);
        let pairs = left.as_string::<i32>().iter().zip(right.as_string::<i32>().iter());
        let joined = pairs.map(|(left, right)| {
            let (left, right) = (left?, right?);
            (left.len() + right.len() <= CONCAT_BYTES_MAX).then(|| format!("{left}{right}"))
        });
        Ok(ColumnarValue::Array(Arc::new(joined.collect::<StringArray>())))
    }
}

/// Whether a type is an integer that the checked functions take.
#[must_use]
pub fn is_integer(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
    )
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [left, right] = arrays.as_slice() else {
            return exec_err!("a checked operation takes two arguments");
        };
        let wide = |array: &ArrayRef| cast(array, &DataType::Int64);
        let (left, right) = (wide(left)?, wide(right)?);
        let pairs = left.as_primitive::<Int64Type>().iter().zip(right.as_primitive::<Int64Type>());
        let result: Int64Array = pairs.map(|(left, right)| self.operation.apply(left?, right?)).collect();
        Ok(ColumnarValue::Array(Arc::new(result)))
    }
}

/// Whether a function is one of ours.
#[must_use]
pub fn is_checked(function: &ScalarUDF) -> bool {
    let own = function.inner().as_ref() as &dyn Any;
    own.is::<Checked>() || own.is::<Concat>()
}
