//! The plan guard: from a query's text to a plan that is known to be harmless, or a refusal that names the rule.
//!
//! The query is parsed ([`syntax`]), planned and analysed by DataFusion over tables without data, walked against an
//! allow-list of nodes ([`nodes`]), expressions ([`exprs`]) and functions ([`functions`]), and made total
//! ([`total`]). For the subject lanes [`unit`] then proves that each row comes from one subject's rows and public
//! tables, by threading the hidden ordinal of the subject through the plan, and `fanout` that no join multiplies
//! rows. What can't be proved is refused.
//!
//! Guarantees: no row, in or out of the grant's scope, can make an admitted query of a subject lane fail; every row
//! of its result belongs to exactly one subject; of a subject it has at most as many rows as the private tables have, each
//! counted as often as the query reads it. Does not guarantee that a query is fast.

pub mod exprs;
mod fanout;
pub mod functions;
pub mod nodes;
mod source;
pub mod syntax;
pub mod total;
pub mod unit;

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{Column, DFSchema, Result as PlanResult};
use datafusion::execution::context::SQLOptions;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Projection};
use sluice_domain::grade::Lane;
use sluice_domain::limits::Limits;
use sluice_domain::refusal::{Code, Refusal};
use sluice_domain::relation::Source;

use crate::provider::GrantedTable;
use crate::snapshot::SUBJECT;

/// A query that passed the guard.
pub struct Guarded {
    /// The plan. In the subject lanes its first column is the subject's hidden ordinal.
    pub plan: LogicalPlan,
    /// The query's own output columns, by name.
    pub columns: Vec<String>,
}

impl Guarded {
    /// The column of a dataset that an output column is, where that can be read off the plan.
    #[must_use]
    pub fn source(&self, name: &str) -> Option<Source> {
        source::source(&self.plan, name)
    }

    /// The type of an output column.
    ///
    /// # Errors
    /// A column that the query doesn't give.
    pub fn kind(&self, name: &str) -> Result<DataType, Refusal> {
        let field = self.plan.schema().fields().iter().find(|field| field.name() == name);
        let missing = || Refusal::plan(format!("the query has no output column `{name}`"));
        Ok(field.ok_or_else(missing)?.data_type().clone())
    }
}

/// Puts a query to the guard.
///
/// # Errors
/// The rule that the query breaks.
pub async fn admit(
    state: &SessionState,
    tables: &[Arc<GrantedTable>],
    sql: &str,
    lane: Lane,
    limits: &Limits,
) -> Result<Guarded, Refusal> {
    let statement = syntax::parse(sql, limits)?;
    let planned = state.statement_to_plan(statement).await;
    let planned = planned.map_err(|error| about_plan(&error))?;
    // DataFusion's own switches first; what they let through, the allow-lists below don't.
    let only_queries = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    only_queries.verify_plan(&planned).map_err(|_| Refusal::plan("only SELECT is allowed"))?;
    let analysed = analyse(state, planned)?;
    nodes::check(&analysed, lane, tables)?;
    let columns: Vec<String> = analysed.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut names = std::collections::BTreeSet::new();
    if !columns.iter().all(|name| names.insert(name)) {
        return Err(Refusal::plan("two output columns have the same name"));
    }
    let total = nodes::make_total(analysed).map_err(|error| about_plan(&error))?;
    let plan = match lane {
        Lane::Report => total,
        Lane::Tabulate => unit::thread(total, tables)?,
    };
    Ok(Guarded { plan, columns })
}

/// Analyses a plan: types are coerced, so that hidden casts are seen.
fn analyse(state: &SessionState, plan: LogicalPlan) -> Result<LogicalPlan, Refusal> {
    let analysed = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {});
    analysed.map_err(|error| about_plan(&error))
}

/// The row filter of a grant as a total predicate over everything that the snapshot holds.
///
/// # Errors
/// A filter that can't be parsed, or that breaks a rule of the guard.
pub fn row_filter(state: &SessionState, table: &GrantedTable, filter: &str) -> Result<Expr, Refusal> {
    let broken =
        |refusal: Refusal| Refusal::with(Code::Plan, format!("row filter: {}", refusal.detail.unwrap_or_default()));
    let build = || -> PlanResult<LogicalPlan> {
        let schema = DFSchema::try_from(table.stored_schema())?;
        let predicate = state.create_logical_expr(filter, &schema)?;
        let empty = datafusion::catalog::default_table_source::provider_as_source(Arc::new(
            datafusion::catalog::empty::EmptyTable::new(table.stored_schema()),
        ));
        LogicalPlanBuilder::scan_with_filters(table.name(), empty, None, vec![])?.filter(predicate)?.build()
    };
    let plan = build().map_err(|error| broken(about_plan(&error)))?;
    let analysed = analyse(state, plan).map_err(broken)?;
    let LogicalPlan::Filter(found) = &analysed else {
        return Err(Refusal::plan("row filter: it isn't a predicate"));
    };
    exprs::check(&found.predicate, found.input.schema(), Lane::Tabulate).map_err(broken)?;
    let aggregates = found.predicate.exists(|expr| Ok(matches!(expr, Expr::AggregateFunction(_))));
    if !matches!(aggregates, Ok(false)) {
        return Err(Refusal::plan("row filter: it looks at one row at a time"));
    }
    let total = exprs::make_total(found.predicate.clone(), found.input.schema());
    total.map(|total| total.data).map_err(|error| broken(about_plan(&error)))
}

/// The subject's ordinal first, then the query's own columns.
pub(crate) fn key_first(plan: LogicalPlan, key: &Column, shown: &[Column]) -> PlanResult<LogicalPlan> {
    let mut exprs = vec![Expr::Column(key.clone()).alias(SUBJECT)];
    exprs.extend(shown.iter().map(|column| Expr::Column(column.clone()).alias(column.name.clone())));
    Ok(LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(plan))?))
}

/// A planner's complaint, which speaks of the query's text and the granted schema only: no data has been read.
fn about_plan(error: &datafusion::common::DataFusionError) -> Refusal {
    use datafusion::common::{DataFusionError, SchemaError};
    let root = error.find_root();
    if let DataFusionError::SchemaError(inner, _) = root
        && let SchemaError::FieldNotFound { field, .. } = inner.as_ref()
    {
        return Refusal::with(Code::Scope, format!("no column `{}` under this grant", field.name()));
    }
    if let DataFusionError::Plan(text) = root
        && text.contains("not found")
        && text.contains("able ")
    {
        return Refusal::with(Code::Scope, "a table that isn't under this grant");
    }
    Refusal::plan(format!("it can't be planned: {}", syntax::short(root)))
}
