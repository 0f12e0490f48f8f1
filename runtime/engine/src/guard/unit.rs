//! The privacy unit: the proof that each row of a query comes from one subject's rows and public tables.
//!
//! `SELECT carrier, delay` drops the key, and then nothing could be proved. So each scan of a private table gets the
//! hidden ordinal of its subject, and the ordinal is threaded upwards, node by node. A node for which no rule is
//! given here can't be threaded, and the query is refused. On the way `fanout` proves that no join multiplies
//! rows: of a subject a query gives at most as many rows as the private tables have, each counted as often as it is read.

mod join;

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::catalog::default_table_source::provider_as_source;
use datafusion::common::{Column, DataFusionError, TableReference};
use datafusion::logical_expr::logical_plan::TableScanBuilder;
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, Filter, LogicalPlan, Projection, Sort, SubqueryAlias, TableScan, Union,
};
use sluice_domain::refusal::{Code, Refusal};

use super::fanout::Unique;
use super::key_first;
use crate::provider::GrantedTable;
use crate::snapshot::SUBJECT;
use join::join_step;

/// A plan with what is known of its rows.
struct Threaded {
    plan: LogicalPlan,
    /// Where the subject's ordinal is; none if only public tables are below.
    key: Option<Key>,
    /// What its rows don't have twice.
    unique: Unique,
}

struct Key {
    ordinal: Column,
    domain: String,
    /// Columns that hold the subject's own key, as the data has it.
    copies: BTreeSet<Column>,
}

fn unit(rule: &str) -> Refusal {
    Refusal::with(Code::Unit, rule)
}

/// Threads the subject's ordinal through a total plan and puts it first.
///
/// # Errors
/// [`Code::Unit`] with the rule that the query breaks.
pub fn thread(plan: LogicalPlan, tables: &[Arc<GrantedTable>]) -> Result<LogicalPlan, Refusal> {
    let shown: Vec<Column> = plan.schema().columns();
    let threaded = step(plan, tables)?;
    let Some(key) = threaded.key else {
        return Err(unit("the query reads no table with subjects"));
    };
    key_first(threaded.plan, &key.ordinal, &shown).map_err(planned)
}

fn planned(_: DataFusionError) -> Refusal {
    unit("the subject can't be followed through this query")
}

fn step(plan: LogicalPlan, tables: &[Arc<GrantedTable>]) -> Result<Threaded, Refusal> {
    match plan {
        LogicalPlan::TableScan(scan) => scan_step(&scan, tables),
        LogicalPlan::SubqueryAlias(node) => {
            let input = step(Arc::unwrap_or_clone(node.input), tables)?;
            alias_step(input, &node.alias)
        }
        LogicalPlan::Projection(node) => {
            let input = step(Arc::unwrap_or_clone(node.input), tables)?;
            projection_step(node.expr, input)
        }
        LogicalPlan::Filter(node) => {
            let input = step(Arc::unwrap_or_clone(node.input), tables)?;
            let filter = Filter::try_new(node.predicate, Arc::new(input.plan)).map_err(planned)?;
            Ok(Threaded { plan: LogicalPlan::Filter(filter), ..input })
        }
        LogicalPlan::Sort(node) => {
            let input = step(Arc::unwrap_or_clone(node.input), tables)?;
            let sort = Sort { expr: node.expr, input: Arc::new(input.plan), fetch: None };
            Ok(Threaded { plan: LogicalPlan::Sort(sort), ..input })
        }
        LogicalPlan::Distinct(Distinct::All(input)) => {
            let input = step(Arc::unwrap_or_clone(input), tables)?;
            let unique = input.unique.and(input.plan.schema().columns());
            let plan = LogicalPlan::Distinct(Distinct::All(Arc::new(input.plan)));
            Ok(Threaded { plan, key: input.key, unique })
        }
        LogicalPlan::Aggregate(node) => {
            let input = step(Arc::unwrap_or_clone(node.input.clone()), tables)?;
            aggregate_step(node, input)
        }
        LogicalPlan::Join(node) => {
            let left = step(Arc::unwrap_or_clone(node.left.clone()), tables)?;
            let right = step(Arc::unwrap_or_clone(node.right.clone()), tables)?;
            join_step(&node, left, right)
        }
        LogicalPlan::Union(node) => {
            let inputs = node.inputs.into_iter().map(|input| {
                let shown = input.schema().columns();
                step(Arc::unwrap_or_clone(input), tables).map(|threaded| (threaded, shown))
            });
            union_step(inputs.collect::<Result<_, _>>()?)
        }
        _ => Err(unit("the subject can't be followed through this kind of node")),
    }
}

fn scan_step(scan: &TableScan, tables: &[Arc<GrantedTable>]) -> Result<Threaded, Refusal> {
    let table = tables.iter().find(|table| table.name() == scan.table_name.table());
    let table = table.ok_or_else(|| Refusal::of(Code::Scope))?;
    let unique = Unique::of_table(table.spec(), &scan.table_name);
    let Some(subject) = &table.spec().subject else {
        return Ok(Threaded { plan: LogicalPlan::TableScan(scan.clone()), key: None, unique });
    };
    let source = provider_as_source(Arc::new(table.keyed().map_err(planned)?));
    let keyed = TableScanBuilder::new(scan.table_name.clone(), source).build().map_err(planned)?;
    let here = |name: &str| Column::new(Some(scan.table_name.clone()), name);
    let key =
        Key { ordinal: here(SUBJECT), domain: subject.domain.clone(), copies: BTreeSet::from([here(&subject.column)]) };
    Ok(Threaded { plan: LogicalPlan::TableScan(keyed), key: Some(key), unique })
}

fn alias_step(input: Threaded, alias: &TableReference) -> Result<Threaded, Refusal> {
    let renamed = |column: &Column| Column::new(Some(alias.clone()), column.name.clone());
    let key = input.key.map(|key| Key {
        ordinal: renamed(&key.ordinal),
        domain: key.domain,
        copies: key.copies.iter().map(renamed).collect(),
    });
    let unique = input.unique.renamed(|column| Some(renamed(column)));
    let node = SubqueryAlias::try_new(Arc::new(input.plan), alias.clone()).map_err(planned)?;
    Ok(Threaded { plan: LogicalPlan::SubqueryAlias(node), key, unique })
}

fn projection_step(mut exprs: Vec<Expr>, input: Threaded) -> Result<Threaded, Refusal> {
    let key = input.key.map(|key| {
        let mut copies = BTreeSet::new();
        for expr in &exprs {
            let (inner, output) = match expr {
                Expr::Column(column) => (Some(column), column.clone()),
                Expr::Alias(alias) => match alias.expr.as_ref() {
                    Expr::Column(column) => (Some(column), Column::new(alias.relation.clone(), alias.name.clone())),
                    _ => (None, Column::new(alias.relation.clone(), alias.name.clone())),
                },
                _ => continue,
            };
            if inner.is_some_and(|column| key.copies.contains(column)) {
                copies.insert(output);
            }
        }
        exprs.push(Expr::Column(key.ordinal.clone()));
        Key { ordinal: key.ordinal, domain: key.domain, copies }
    });
    let unique = input.unique.projected(&exprs);
    let node = Projection::try_new(exprs, Arc::new(input.plan)).map_err(planned)?;
    Ok(Threaded { plan: LogicalPlan::Projection(node), key, unique })
}

fn aggregate_step(node: Aggregate, input: Threaded) -> Result<Threaded, Refusal> {
    let mut groups = node.group_expr;
    let key = input.key.map(|key| {
        let kept = groups.iter().filter_map(|expr| match expr {
            Expr::Column(column) if key.copies.contains(column) => Some(column.clone()),
            _ => None,
        });
        let copies = kept.collect();
        groups.push(Expr::Column(key.ordinal.clone()));
        Key { ordinal: key.ordinal, domain: key.domain, copies }
    });
    // What the author wrote must group by the key too: the host doesn't turn a total over all subjects into another
    // question silently.
    if let Some(key) = &key
        && key.copies.is_empty()
    {
        return Err(unit("an aggregate groups by the subject's key; totals over subjects are the host's"));
    }
    let length = groups.len();
    let node = Aggregate::try_new(Arc::new(input.plan), groups, node.aggr_expr).map_err(planned)?;
    let unique = Unique::default().and(node.schema.columns().into_iter().take(length));
    Ok(Threaded { plan: LogicalPlan::Aggregate(node), key, unique })
}

fn union_step(inputs: Vec<(Threaded, Vec<Column>)>) -> Result<Threaded, Refusal> {
    if inputs.iter().all(|(input, _)| input.key.is_none()) {
        let plans = inputs.into_iter().map(|(input, _)| Arc::new(input.plan)).collect();
        let union = Union::try_new_with_loose_types(plans).map_err(planned)?;
        return Ok(Threaded { plan: LogicalPlan::Union(union), key: None, unique: Unique::default() });
    }
    let mut domains = BTreeSet::new();
    let mut plans = Vec::new();
    for (input, shown) in inputs {
        let Some(key) = input.key else {
            return Err(unit("a union of a table with subjects and one without can't be attributed"));
        };
        domains.insert(key.domain.clone());
        let mut exprs: Vec<Expr> = shown.into_iter().map(Expr::Column).collect();
        exprs.push(Expr::Column(key.ordinal).alias(SUBJECT));
        plans.push(Arc::new(LogicalPlan::Projection(
            Projection::try_new(exprs, Arc::new(input.plan)).map_err(planned)?,
        )));
    }
    let (Some(domain), None) = (domains.pop_first(), domains.pop_first()) else {
        return Err(unit("a union stays within one subject domain"));
    };
    let union = Union::try_new_with_loose_types(plans).map_err(planned)?;
    let ordinal = union.schema.columns().into_iter().find(|column| column.name == SUBJECT);
    let ordinal = ordinal.ok_or_else(|| unit("the subject can't be followed through this union"))?;
    let key = Key { ordinal, domain, copies: BTreeSet::new() };
    Ok(Threaded { plan: LogicalPlan::Union(union), key: Some(key), unique: Unique::default() })
}
