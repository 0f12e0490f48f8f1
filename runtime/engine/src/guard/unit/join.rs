//! Joins: which side has the subject, and that no row of it meets several rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::{Column, JoinType, Result as PlanResult};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Join, LogicalPlan, Operator, Projection};
use sluice_domain::refusal::Refusal;

use super::super::fanout::Fanout;
use super::{Key, Threaded, planned, unit};
use crate::snapshot::SUBJECT;

/// Why a join with a public table is refused.
const PUBLIC_ONCE: &str = "a public table is joined by equality on all the columns that its registration declares \
    unique (or that DISTINCT or GROUP BY makes so), so that each private row meets at most one public row";
/// Why a join of private tables is refused.
const PRIVATE_ONCE: &str = "of two private tables that are joined, one has at most one row for each row of the other: \
    by columns that its registration declares unique, or group one by the subject's key first";

/// Joins two threaded plans.
///
/// # Errors
/// The rule that the join breaks.
pub(super) fn join_step(node: &Join, left: Threaded, right: Threaded) -> Result<Threaded, Refusal> {
    let preserved = match node.join_type {
        JoinType::Inner => (true, true),
        JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => (true, false),
        JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => (false, true),
        JoinType::Full => (false, false),
    };
    let mut on = node.on.clone();
    let keyed = (left.key.is_some(), right.key.is_some());
    let key = match (left.key, right.key) {
        (None, None) => None,
        (Some(key), None) | (None, Some(key)) if preserved == (true, true) => Some(key),
        (Some(key), None) if preserved.0 => Some(key),
        (None, Some(key)) if preserved.1 => Some(key),
        (Some(_), None) | (None, Some(_)) => {
            return Err(unit("a join with a public table keeps the side that has subjects"));
        }
        (Some(left), Some(right)) => {
            if left.domain != right.domain {
                return Err(unit("private tables join only within one subject domain; else use lane report"));
            }
            let equal = equalities(node).iter().any(|(a, b)| left.copies.contains(a) && right.copies.contains(b));
            if !equal {
                return Err(unit("private tables join by equality on the subject's key"));
            }
            on.push((Expr::Column(left.ordinal.clone()), Expr::Column(right.ordinal.clone())));
            match preserved {
                (true, _) => Some(Key { copies: left.copies.union(&right.copies).cloned().collect(), ..left }),
                (_, true) => Some(right),
                _ => return Err(unit("a full join of private tables isn't allowed")),
            }
        }
    };
    let sides = ((&left.plan, &left.unique), (&right.plan, &right.unique));
    let fanout = Fanout::of(&on, node.filter.as_ref(), sides.0, sides.1);
    check_fanout(keyed, &fanout)?;
    let rebuilt = rebuild_join(node, on, left.plan, right.plan, key.as_ref().map(|key| &key.ordinal));
    let plan = rebuilt.map_err(planned)?;
    // One of two ordinals is gone.
    let columns: BTreeSet<Column> = plan.schema().columns().into_iter().collect();
    let unique = fanout.unique(node.join_type, left.unique, right.unique);
    let unique = unique.renamed(|column| columns.get(column).cloned());
    Ok(Threaded { plan, key, unique })
}

/// That no row of a subject meets several rows: how long a query takes would tell of the row.
fn check_fanout(keyed: (bool, bool), fanout: &Fanout) -> Result<(), Refusal> {
    match keyed {
        (true, false) if !fanout.right_once => Err(unit(PUBLIC_ONCE)),
        (false, true) if !fanout.left_once => Err(unit(PUBLIC_ONCE)),
        (true, true) if !fanout.right_once && !fanout.left_once => Err(unit(PRIVATE_ONCE)),
        _ => Ok(()),
    }
}

/// The pairs of columns, left and right in both orders, that a join requires to be equal.
fn equalities(node: &Join) -> Vec<(&Column, &Column)> {
    let mut pairs = Vec::new();
    for (left, right) in &node.on {
        if let (Expr::Column(left), Expr::Column(right)) = (left, right) {
            pairs.push((left, right));
        }
    }
    for condition in node.filter.iter().flat_map(split_conjunction) {
        if let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition
            && let (Expr::Column(left), Expr::Column(right)) = (left.as_ref(), right.as_ref())
        {
            pairs.extend([(left, right), (right, left)]);
        }
    }
    pairs
}

/// The join over threaded inputs, with one ordinal left.
fn rebuild_join(
    node: &Join,
    on: Vec<(Expr, Expr)>,
    left: LogicalPlan,
    right: LogicalPlan,
    ordinal: Option<&Column>,
) -> PlanResult<LogicalPlan> {
    let join = Join::try_new(
        Arc::new(left),
        Arc::new(right),
        on,
        node.filter.clone(),
        node.join_type,
        node.join_constraint,
        node.null_equality,
        node.null_aware,
    )?;
    let columns = join.schema.columns();
    let kept = columns.iter().filter(|column| column.name != SUBJECT || Some(*column) == ordinal);
    let exprs: Vec<Expr> = kept.cloned().map(Expr::Column).collect();
    let all = exprs.len() == columns.len();
    let plan = LogicalPlan::Join(join);
    if all {
        return Ok(plan);
    }
    Ok(LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(plan))?))
}
