//! The allow-list of plan nodes, before optimisation and after.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result as PlanResult};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Distinct, LogicalPlan};
use datafusion::physical_plan::ExecutionPlan;
use sluice_domain::grade::Lane;
use sluice_domain::refusal::{Code, Refusal};

use super::exprs;
use crate::provider::GrantedTable;

/// Tables that a query may read, each counted as often as it is read: a union gives its rows as often as it has parts, and
/// a WITH clause is written out wherever it is used.
const SCANS_MAX: usize = 64;

/// Checks every node of an analysed plan and every expression in it.
///
/// # Errors
/// The first rule that it breaks.
pub fn check(plan: &LogicalPlan, lane: Lane, tables: &[Arc<GrantedTable>]) -> Result<(), Refusal> {
    let mut broken: Option<Refusal> = None;
    let mut scans = 0;
    let walk = plan.apply_with_subqueries(|node| {
        scans += usize::from(matches!(node, LogicalPlan::TableScan(_)));
        let verdict = check_node(node, lane, tables).and_then(|()| check_exprs(node, lane));
        let verdict = match verdict {
            Ok(()) if scans > SCANS_MAX => Err(Refusal::plan(format!("a query reads at most {SCANS_MAX} tables"))),
            verdict => verdict,
        };
        if let Err(refusal) = verdict {
            broken = Some(refusal);
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    });
    match (broken, walk) {
        (Some(refusal), _) => Err(refusal),
        (None, Ok(_)) => Ok(()),
        (None, Err(_)) => Err(Refusal::plan("it can't be read")),
    }
}

/// Matched without `_` on purpose, as in [`exprs`].
fn check_node(node: &LogicalPlan, lane: Lane, tables: &[Arc<GrantedTable>]) -> Result<(), Refusal> {
    let subject_lane = lane == Lane::Tabulate;
    match node {
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Aggregate(_)
        | LogicalPlan::Join(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Distinct(Distinct::All(_)) => Ok(()),
        LogicalPlan::TableScan(scan) => {
            let known = tables.iter().any(|table| table.name() == scan.table_name.table());
            if known && scan.fetch.is_none() { Ok(()) } else { Err(Refusal::of(Code::Scope)) }
        }
        LogicalPlan::Sort(sort) if subject_lane && sort.fetch.is_some() => {
            Err(Refusal::plan("LIMIT isn't allowed in this lane: it picks subjects"))
        }
        LogicalPlan::Sort(_) => Ok(()),
        LogicalPlan::Limit(_) if subject_lane => {
            Err(Refusal::plan("LIMIT and OFFSET aren't allowed in this lane: they pick subjects"))
        }
        LogicalPlan::Limit(_) => Ok(()),
        LogicalPlan::Window(_) => Err(Refusal::plan("window functions aren't allowed")),
        LogicalPlan::Distinct(Distinct::On(_)) => Err(Refusal::plan("DISTINCT ON isn't allowed")),
        LogicalPlan::Repartition(_) => Err(Refusal::plan("repartitioning isn't a query's business")),
        LogicalPlan::EmptyRelation(_) | LogicalPlan::Values(_) => {
            Err(Refusal::plan("a query reads from granted tables only"))
        }
        LogicalPlan::Subquery(_) => Err(Refusal::plan("correlated subqueries aren't allowed")),
        LogicalPlan::Statement(_)
        | LogicalPlan::Explain(_)
        | LogicalPlan::Analyze(_)
        | LogicalPlan::Dml(_)
        | LogicalPlan::Ddl(_)
        | LogicalPlan::Copy(_)
        | LogicalPlan::DescribeTable(_) => Err(Refusal::plan("only SELECT is allowed")),
        LogicalPlan::Unnest(_) => Err(Refusal::plan("UNNEST isn't allowed")),
        LogicalPlan::RecursiveQuery(_) => Err(Refusal::plan("recursive queries aren't allowed")),
        LogicalPlan::Extension(_) => Err(Refusal::plan("extension nodes aren't allowed")),
    }
}

fn check_exprs(node: &LogicalPlan, lane: Lane) -> Result<(), Refusal> {
    let schema = input_schema(node);
    let mut verdict = Ok(());
    let walk = node.apply_expressions(|expr| {
        verdict = exprs::check(expr, &schema, lane);
        Ok(if verdict.is_err() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    verdict?;
    walk.map(|_| ()).map_err(|_| Refusal::plan("it can't be read"))
}

/// The schema that a node's expressions refer to.
fn input_schema(node: &LogicalPlan) -> DFSchema {
    match node {
        LogicalPlan::TableScan(scan) => scan.projected_schema.as_ref().clone(),
        _ => merge_schema(&node.inputs()),
    }
}

/// Rewrites every expression of a checked plan into a total one, keeping the names of columns.
///
/// # Errors
/// An expression that can't be typed.
pub fn make_total(plan: LogicalPlan) -> PlanResult<LogicalPlan> {
    let total = plan.transform_up(|node| {
        let schema = input_schema(&node);
        let names = NamePreserver::new(&node);
        let rewritten = node.map_expressions(|expr| {
            let name = names.save(&expr);
            let total = exprs::make_total(expr, &schema)?;
            Ok(if total.transformed { Transformed::yes(name.restore(total.data)) } else { total })
        })?;
        // A new type below may be a new type above.
        let data = rewritten.data.recompute_schema()?;
        Ok(Transformed::yes(data))
    })?;
    Ok(total.data)
}

/// The nodes that a physical plan may have; a scan stands behind a gate, which shows no children.
const PHYSICAL: &[&str] = &[
    "GrantGateExec",
    "SubjectMapExec",
    "FilterExec",
    "ProjectionExec",
    "AggregateExec",
    "SortExec",
    "PartialSortExec",
    "SortPreservingMergeExec",
    "RepartitionExec",
    "CoalescePartitionsExec",
    "CoalesceBatchesExec",
    "HashJoinExec",
    "SortMergeJoinExec",
    "CrossJoinExec",
    "NestedLoopJoinExec",
    "PiecewiseMergeJoinExec",
    "UnionExec",
    "InterleaveExec",
    "CooperativeExec",
    "EmptyExec",
    // One row that is read from nowhere: what an aggregate over an empty public table becomes.
    "PlaceholderRowExec",
    "GlobalLimitExec",
    "LocalLimitExec",
    "BufferExec",
    "OutputRequirementExec",
];

/// Checks what the optimizer made of a plan.
///
/// # Errors
/// The name of a node that isn't listed: ours to look at, not an operator's fault.
pub fn check_physical(plan: &Arc<dyn ExecutionPlan>) -> Result<(), String> {
    // A node may say more of itself in brackets.
    let name = plan.name().split('(').next().unwrap_or_default();
    if !PHYSICAL.contains(&name) {
        return Err(format!("the physical node {name} isn't on the list"));
    }
    plan.children().into_iter().try_for_each(check_physical)
}
