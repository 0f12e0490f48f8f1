//! The allow-list of expressions, and their rewriting into total ones.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result as PlanResult, ScalarValue};
use datafusion::logical_expr::expr::{AggregateFunction, Cast, ScalarFunction, TryCast};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator};
use sluice_domain::grade::Lane;
use sluice_domain::refusal::Refusal;

use super::{functions, total};
use crate::snapshot::HIDDEN;

/// Bytes of a LIKE pattern: a pattern is compiled when the first row comes, and a compiler has limits.
const PATTERN_BYTES_MAX: usize = 256;

/// Whether a type is one that queries work with.
#[must_use]
pub fn is_plain(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Null
            | DataType::Boolean
            | DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::Float32
            | DataType::Float64
            | DataType::Utf8
            | DataType::Utf8View
            | DataType::LargeUtf8
            | DataType::Date32
            | DataType::Timestamp(_, None)
            | DataType::Decimal128(_, _)
    )
}

/// Checks every expression under `expr` against the allow-list. Matched without `_` on purpose: a kind of expression
/// that a new version of DataFusion brings doesn't compile until somebody has looked at it.
///
/// # Errors
/// The first rule that it breaks.
pub fn check(expr: &Expr, schema: &DFSchema, lane: Lane) -> Result<(), Refusal> {
    let mut broken = None;
    let walk = expr.apply(|expr| {
        if let Err(rule) = check_one(expr, schema, lane) {
            broken = Some(rule);
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    });
    if walk.is_err() {
        return Err(Refusal::plan("it can't be read"));
    }
    match broken {
        Some(rule) => Err(Refusal::plan(rule)),
        None => Ok(()),
    }
}

fn check_one(expr: &Expr, schema: &DFSchema, lane: Lane) -> Result<(), String> {
    let refuse = |rule: &str| Err(rule.to_owned());
    match expr {
        Expr::Alias(alias) if alias.name.starts_with(HIDDEN) => refuse("names that start with __sluice are the host's"),
        Expr::Column(column) if column.name.starts_with(HIDDEN) => {
            refuse("names that start with __sluice are the host's")
        }
        Expr::Alias(_)
        | Expr::Column(_)
        | Expr::Not(_)
        | Expr::IsNotNull(_)
        | Expr::IsNull(_)
        | Expr::IsTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNotFalse(_)
        | Expr::IsNotUnknown(_)
        | Expr::Between(_)
        | Expr::Case(_)
        | Expr::InList(_) => Ok(()),
        Expr::Literal(value, _) if is_plain(&value.data_type()) => Ok(()),
        Expr::Literal(_, _) => refuse("literals are text, numbers, dates, timestamps, true, false and NULL"),
        Expr::BinaryExpr(binary) => check_binary(binary, schema),
        Expr::Negative(inner) => check_number(inner, schema, "-"),
        Expr::Like(like) => match like.pattern.as_ref() {
            Expr::Literal(value, _) if value.to_string().len() <= PATTERN_BYTES_MAX => Ok(()),
            _ => refuse("LIKE takes a literal pattern of at most 256 bytes"),
        },
        Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field }) => {
            check_cast(expr, field.data_type(), schema)
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            let types: Result<Vec<DataType>, _> = args.iter().map(|arg| arg.get_type(schema)).collect();
            match types {
                Ok(types) if !func.name().starts_with(total::PREFIX) || total::is_checked(func) => {
                    functions::check(func.name(), args, &types)
                }
                _ => refuse("a function's arguments can't be typed"),
            }
        }
        Expr::AggregateFunction(AggregateFunction { func, params }) => {
            if !params.order_by.is_empty() || params.null_treatment.is_some() {
                return refuse("aggregates take no ORDER BY and no NULL treatment");
            }
            functions::check_aggregate(func.name(), lane)
        }
        Expr::SimilarTo(_) => refuse("SIMILAR TO isn't allowed"),
        Expr::ScalarVariable(_, _) => refuse("variables aren't allowed"),
        Expr::WindowFunction(_) => refuse("window functions aren't allowed"),
        Expr::Exists(_) | Expr::InSubquery(_) | Expr::ScalarSubquery(_) | Expr::SetComparison(_) => {
            refuse("subqueries in expressions aren't allowed; join instead")
        }
        #[expect(deprecated, reason = "matched so that the match is complete")]
        Expr::Wildcard { .. } => refuse("a wildcard is left in the plan"),
        Expr::GroupingSet(_) => refuse("grouping sets aren't allowed; list margins in the contract"),
        Expr::Placeholder(_) => refuse("placeholders aren't allowed"),
        Expr::OuterReferenceColumn(_, _) => refuse("correlated subqueries aren't allowed"),
        Expr::Unnest(_) => refuse("UNNEST isn't allowed"),
        Expr::HigherOrderFunction(_) | Expr::Lambda(_) | Expr::LambdaVariable(_) => refuse("lambdas aren't allowed"),
    }
}

fn check_binary(binary: &BinaryExpr, schema: &DFSchema) -> Result<(), String> {
    match binary.op {
        Operator::Eq
        | Operator::NotEq
        | Operator::Lt
        | Operator::LtEq
        | Operator::Gt
        | Operator::GtEq
        | Operator::And
        | Operator::Or
        | Operator::IsDistinctFrom
        | Operator::IsNotDistinctFrom => Ok(()),
        Operator::StringConcat => {
            let is_text = |expr: &Expr| expr.get_type(schema).is_ok_and(|kind| kind.is_string() || kind.is_null());
            if is_text(&binary.left) && is_text(&binary.right) {
                return Ok(());
            }
            Err("|| joins texts; cast numbers to VARCHAR first".to_owned())
        }
        Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide | Operator::Modulo => {
            check_number(&binary.left, schema, "arithmetic")?;
            check_number(&binary.right, schema, "arithmetic")
        }
        other => Err(format!("the operator {other} isn't allowed")),
    }
}

fn check_number(expr: &Expr, schema: &DFSchema, what: &str) -> Result<(), String> {
    match expr.get_type(schema) {
        Ok(DataType::Float32 | DataType::Float64 | DataType::Null) => Ok(()),
        Ok(kind) if total::is_integer(&kind) => Ok(()),
        Ok(kind) => Err(format!("{what} isn't defined here on {kind}; cast to BIGINT or DOUBLE first")),
        Err(_) => Err(format!("{what} on an expression that can't be typed")),
    }
}

fn check_cast(expr: &Expr, to: &DataType, schema: &DFSchema) -> Result<(), String> {
    let from = expr.get_type(schema).map_err(|_| "a cast of an expression that can't be typed".to_owned())?;
    // Arrow fails on moments beyond its calendar in these casts, TRY_CAST or not.
    let of_calendar = matches!(
        (&from, to),
        (DataType::Timestamp(_, _), DataType::Date32)
            | (DataType::Date32 | DataType::Timestamp(_, _), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
    );
    if of_calendar {
        return Err("dates and timestamps aren't cast to text, nor timestamps to dates; use date_part".to_owned());
    }
    if is_plain(&from) && is_plain(to) {
        return Ok(());
    }
    Err(format!("a cast from {from} to {to} isn't allowed"))
}

/// Rewrites an expression that passed [`check`] so that no row can make it fail.
///
/// # Errors
/// An expression that can't be typed.
pub fn make_total(expr: Expr, schema: &DFSchema) -> PlanResult<Transformed<Expr>> {
    expr.transform_up(|expr| match expr {
        Expr::BinaryExpr(binary) => total_binary(binary, schema),
        Expr::Negative(inner) => {
            if matches!(inner.get_type(schema)?, DataType::Float32 | DataType::Float64) {
                return Ok(Transformed::no(Expr::Negative(inner)));
            }
            let zero = Expr::Literal(ScalarValue::Int64(Some(0)), None);
            let binary = BinaryExpr::new(Box::new(zero), Operator::Minus, inner);
            total_binary(binary, schema)
        }
        Expr::Cast(Cast { expr, field }) => Ok(Transformed::yes(Expr::TryCast(TryCast { expr, field }))),
        other => Ok(Transformed::no(other)),
    })
}

fn total_binary(binary: BinaryExpr, schema: &DFSchema) -> PlanResult<Transformed<Expr>> {
    let integer = |expr: &Expr| -> PlanResult<bool> { Ok(total::is_integer(&expr.get_type(schema)?)) };
    if binary.op == Operator::StringConcat {
        let args = vec![*binary.left, *binary.right];
        return Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction { func: total::concat(), args })));
    }
    let Some(function) = total::checked(binary.op) else {
        return Ok(Transformed::no(Expr::BinaryExpr(binary)));
    };
    if !integer(&binary.left)? || !integer(&binary.right)? {
        return Ok(Transformed::no(Expr::BinaryExpr(binary)));
    }
    let args = vec![*binary.left, *binary.right];
    Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction { func: function, args })))
}
