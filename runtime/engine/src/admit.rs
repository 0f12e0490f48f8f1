//! Admission: the contract is fixed and the plan put to the guard, without data.

use std::sync::Arc;

use sluice_domain::contract::{Contract, Dimension, Measure, Ratio, Reporting, Statistic, Tabulation};
use sluice_domain::dataset::SubjectKey;
use sluice_domain::dictionary::{Bounds, Column, ColumnKind};
use sluice_domain::grade::Lane;
use sluice_domain::limits::Limits;
use sluice_domain::refusal::{Code, Refusal};

use crate::arena::crossing_type;
use crate::ask::{Admitted, Plan, PlanMeasure, PlanStatistic, TableSpec, Work};
use crate::columns::{has_codes, is_quantity};
use crate::guard::syntax::short;
use crate::guard::{self, Guarded};
use crate::provider::GrantedTable;
use crate::provision::CountTables;
use crate::sandbox::Guest;
use crate::selection::selection;
use crate::session::{SessionSettings, session};

/// How many records of one subject are looked at, where the job doesn't say.
const ROWS_PER_SUBJECT: u32 = 10_000;

/// Fixes a job's contract and proves its plan harmless, or refuses it on static grounds.
///
/// # Errors
/// The rule that the job breaks.
pub async fn admit(
    tables: &[TableSpec],
    work: &Work,
    guest: Option<&Guest>,
    limits: &Limits,
) -> Result<Admitted, Refusal> {
    let contract = match (work, guest) {
        (Work::Plan(plan), _) => Contract::Tabulate(of_plan(plan, tables, limits)?),
        (Work::Module { lane, params, .. }, Some(guest)) => {
            check_params(params, limits)?;
            if guest.lane() != *lane {
                return Err(Refusal::with(Code::Module, "the module is for another lane"));
            }
            guest.describe(params)?
        }
        (Work::Module { .. }, None) => return Err(Refusal::with(Code::Module, "the module isn't compiled")),
    };
    contract.check(limits)?;
    if let Contract::Tabulate(tabulation) = &contract {
        CountTables::of(tabulation).check(limits)?;
    }
    if sluice_disclosure::checks::labels::declares_reserved_label(&contract) {
        return Err(Refusal::contract("the label `*` stands for totals and can't be declared".to_owned()));
    }
    let prepared = prepare(tables, contract.lane(), limits, &SessionSettings::planning())?;
    let mut sources = Vec::new();
    for sql in contract.queries() {
        let guarded = prepared.admit(sql, limits).await?;
        if let Work::Plan(plan) = work {
            check_plan_columns(&guarded, plan)?;
            sources.extend(plan.measures.iter().map(|measure| guarded.source(&measure.column)));
        }
    }
    let selection = match work {
        Work::Plan(plan) => selection(&plan.sql, tables, limits),
        Work::Module { .. } => Err(vec!["a module makes the figures".to_owned()]),
    };
    Ok(Admitted { contract, selection, sources })
}

/// A table without rows and a plan over it that uses what plans use.
pub(crate) fn sample() -> (TableSpec, Work) {
    let columns = vec![
        Column::new("id", ColumnKind::Utf8),
        Column { codes: vec!["a".to_owned(), "b".to_owned()], ..Column::new("code", ColumnKind::Utf8) },
        Column { bounds: Some(Bounds { lower: 0, upper: 9 }), ..Column::new("amount", ColumnKind::Int64) },
    ];
    let table = TableSpec {
        name: "sample".to_owned(),
        granted: columns.iter().map(|column| column.name.clone()).collect(),
        columns,
        row_filter: Some("amount < 9".to_owned()),
        subject: Some(SubjectKey { column: "id".to_owned(), domain: "sample".to_owned() }),
        unique: Vec::new(),
        snapshot: None,
    };
    let plan = Plan {
        sql: "SELECT code, amount FROM sample WHERE code = 'a'".to_owned(),
        dimensions: vec!["code".to_owned()],
        measures: vec![PlanMeasure { column: "amount".to_owned(), scale: 0, lower: None, upper: None }],
        statistics: vec![PlanStatistic::Records, PlanStatistic::Sum("amount".to_owned())],
        margins: vec![Vec::new()],
        cells_per_subject: None,
        rows_per_subject: None,
    };
    (table, Work::Plan(plan))
}

/// Puts a contract's queries to the guard, whatever made the contract.
///
/// # Errors
/// The rule that a query breaks.
pub async fn admit_queries(tables: &[TableSpec], contract: &Contract, limits: &Limits) -> Result<(), Refusal> {
    let prepared = prepare(tables, contract.lane(), limits, &SessionSettings::planning())?;
    for sql in contract.queries() {
        prepared.admit(sql, limits).await?;
    }
    Ok(())
}

/// Puts a grant's row filter to the guard, by the very steps that a job's admission takes: what passes here is refused
/// at no admission, unless the dataset's columns change.
///
/// # Errors
/// The rule that the filter breaks.
pub fn check_filter(table: &TableSpec, limits: &Limits) -> Result<(), Refusal> {
    let schema_only = TableSpec { snapshot: None, ..table.clone() };
    prepare(&[schema_only], Lane::Tabulate, limits, &SessionSettings::planning()).map(|_| ())
}

fn check_params(params: &std::collections::BTreeMap<String, String>, limits: &Limits) -> Result<(), Refusal> {
    let bytes: usize = params.iter().map(|(name, value)| name.len() + value.len()).sum();
    if params.len() > limits.params_max || bytes > limits.param_bytes_max {
        return Err(Refusal::with(
            Code::Malformed,
            format!("at most {} parameters of {} bytes in all", limits.params_max, limits.param_bytes_max),
        ));
    }
    Ok(())
}

/// Tables and a session that queries are put to.
pub(crate) struct Prepared {
    pub tables: Vec<Arc<GrantedTable>>,
    pub state: datafusion::execution::session_state::SessionState,
    lane: Lane,
}

/// Opens the granted tables with their row filters made total.
///
/// # Errors
/// A row filter that the guard refuses; a snapshot that can't be opened.
pub(crate) fn prepare(
    specs: &[TableSpec],
    lane: Lane,
    limits: &Limits,
    settings: &SessionSettings<'_>,
) -> Result<Prepared, Refusal> {
    let unavailable = |_| Refusal::of(Code::Unavailable);
    let bare = session(limits, &[], &SessionSettings::planning());
    let bare = bare.map_err(unavailable)?;
    let mut tables = Vec::new();
    for spec in specs {
        let schema_only = TableSpec { snapshot: None, ..spec.clone() };
        let schema_only = GrantedTable::open(schema_only, false, None).map_err(unavailable)?;
        let filter = match &spec.row_filter {
            Some(filter) => Some(guard::row_filter(&bare, &schema_only, filter)?),
            None => None,
        };
        tables.push(Arc::new(GrantedTable::open(spec.clone(), false, filter).map_err(unavailable)?));
    }
    let state = session(limits, &tables, settings).map_err(unavailable)?;
    Ok(Prepared { tables, state, lane })
}

impl Prepared {
    pub(crate) async fn guard(&self, sql: &str, limits: &Limits) -> Result<Guarded, Refusal> {
        guard::admit(&self.state, &self.tables, sql, self.lane, limits).await
    }

    /// The guard, the types of the output, and the physical plan: what can't be planned is refused before any data
    /// is read.
    async fn admit(&self, sql: &str, limits: &Limits) -> Result<Guarded, Refusal> {
        let guarded = self.guard(sql, limits).await?;
        for name in &guarded.columns {
            if crossing_type(&guarded.kind(name)?).is_none() {
                return Err(Refusal::plan(format!("the output column `{name}` is of a type that doesn't cross")));
            }
        }
        let plan = self.state.create_physical_plan(&guarded.plan).await;
        let plan = plan.map_err(|error| Refusal::plan(format!("it can't be planned: {}", short(&error))))?;
        guard::nodes::check_physical(&plan).map_err(Refusal::plan)?;
        Ok(guarded)
    }
}

/// Whether the query's output columns can be what the plan makes of them.
fn check_plan_columns(guarded: &Guarded, plan: &Plan) -> Result<(), Refusal> {
    for name in &plan.dimensions {
        if !has_codes(&guarded.kind(name)?) {
            return Err(Refusal::plan(format!("`{name}` can't be a dimension: text, integers and booleans can")));
        }
    }
    for measure in &plan.measures {
        if !is_quantity(&guarded.kind(&measure.column)?) {
            return Err(Refusal::plan(format!("`{}` isn't a quantity", measure.column)));
        }
    }
    Ok(())
}

/// The contract of a job without a module: codes and bounds are the dictionary's.
fn of_plan(plan: &Plan, tables: &[TableSpec], limits: &Limits) -> Result<Tabulation, Refusal> {
    let rows_per_subject = plan.rows_per_subject.unwrap_or(ROWS_PER_SUBJECT).min(limits.rows_per_subject_max);
    let dimensions: Result<Vec<Dimension>, Refusal> =
        plan.dimensions.iter().map(|name| dimension(name, tables)).collect();
    let dimensions = dimensions?;
    let measures: Result<Vec<Measure>, Refusal> =
        plan.measures.iter().map(|measure| bounded(measure, tables, rows_per_subject)).collect();
    let position = |name: &str| {
        let place = plan.measures.iter().position(|measure| measure.column == name);
        place.map(|place| place as u32).ok_or_else(|| Refusal::contract(format!("no measure `{name}`")))
    };
    let statistics: Result<Vec<Statistic>, Refusal> = plan
        .statistics
        .iter()
        .map(|statistic| {
            Ok(match statistic {
                PlanStatistic::Subjects => Statistic::Subjects,
                PlanStatistic::Records => Statistic::Records,
                PlanStatistic::Sum(name) => Statistic::Sum(position(name)?),
                PlanStatistic::Ratio { name, numerator, denominator, scale } => Statistic::Ratio(Ratio {
                    name: name.clone(),
                    numerator: position(numerator)?,
                    denominator: position(denominator)?,
                    scale: *scale,
                }),
            })
        })
        .collect();
    let margins: Result<Vec<Vec<u32>>, Refusal> = plan
        .margins
        .iter()
        .map(|kept| {
            let mut places: Vec<u32> = Vec::new();
            for name in kept {
                let place = plan.dimensions.iter().position(|dimension| dimension == name);
                places.push(place.ok_or_else(|| Refusal::contract(format!("no dimension `{name}`")))? as u32);
            }
            places.sort_unstable();
            Ok(places)
        })
        .collect();
    let mut tabulation = Tabulation {
        sql: plan.sql.clone(),
        dimensions,
        measures: measures?,
        statistics: statistics?,
        margins: margins?,
        cells_per_subject: 1,
        rows_per_subject,
        constants: Vec::new(),
    };
    let all = u32::try_from(tabulation.cells()).unwrap_or(u32::MAX);
    tabulation.cells_per_subject = plan.cells_per_subject.unwrap_or(all.clamp(1, limits.cells_per_subject_max));
    Ok(tabulation)
}

fn granted<'a>(name: &str, tables: &'a [TableSpec]) -> Vec<&'a Column> {
    let of = |table: &'a TableSpec| table.columns.iter().filter(|column| table.granted.contains(&column.name));
    tables.iter().flat_map(of).filter(|column| column.name == name).collect()
}

fn dimension(name: &str, tables: &[TableSpec]) -> Result<Dimension, Refusal> {
    let columns = granted(name, tables);
    let coded = columns.iter().find(|column| !column.codes.is_empty());
    let Some(column) = coded else {
        return Err(Refusal::contract(format!(
            "`{name}` isn't a granted column with a closed list of codes in its dictionary"
        )));
    };
    if columns.iter().any(|other| !other.codes.is_empty() && other.codes != column.codes) {
        return Err(Refusal::contract(format!("`{name}` has different codes in two tables")));
    }
    Ok(Dimension { name: name.to_owned(), labels: column.codes.clone() })
}

/// A measure with bounds for one subject and cell: those of one record, as often as a subject may have records.
fn bounded(measure: &PlanMeasure, tables: &[TableSpec], rows_per_subject: u32) -> Result<Measure, Refusal> {
    let columns = granted(&measure.column, tables);
    let dictionary = columns.iter().find_map(|column| column.bounds.map(|bounds| (bounds, column.unit.clone())));
    let (lower, upper) = match (measure.lower, measure.upper, &dictionary) {
        (Some(lower), Some(upper), _) => (lower, upper),
        (None, None, Some((bounds, _))) => (bounds.lower, bounds.upper),
        _ => {
            return Err(Refusal::contract(format!(
                "`{}` needs bounds: neither the job nor the dictionary gives them",
                measure.column
            )));
        }
    };
    let beyond = || Refusal::contract(format!("the bounds of `{}` are too wide", measure.column));
    let scale = 10_i64.checked_pow(u32::from(measure.scale)).ok_or_else(beyond)?;
    let most = i64::from(rows_per_subject).checked_mul(scale).ok_or_else(beyond)?;
    Ok(Measure {
        name: measure.column.clone(),
        unit: dictionary.map(|(_, unit)| unit).unwrap_or_default(),
        lower: lower.min(0).checked_mul(most).ok_or_else(beyond)?,
        upper: upper.max(0).checked_mul(most).ok_or_else(beyond)?,
        scale: measure.scale,
    })
}

/// Where a job without a module finds its columns, by position behind the ordinal.
pub(crate) struct Positions {
    pub dimensions: Vec<usize>,
    /// Each measure's place and scale.
    pub measures: Vec<(usize, u8)>,
}

impl Positions {
    pub(crate) fn of(plan: &Plan, guarded: &Guarded) -> Option<Positions> {
        let place = |name: &str| guarded.columns.iter().position(|column| column == name).map(|place| place + 1);
        let dimensions: Option<Vec<usize>> = plan.dimensions.iter().map(|name| place(name)).collect();
        let measures: Option<Vec<(usize, u8)>> =
            plan.measures.iter().map(|measure| Some((place(&measure.column)?, measure.scale))).collect();
        Some(Positions { dimensions: dimensions?, measures: measures? })
    }
}

/// The reporting contract, if it is one.
pub(crate) fn reporting(contract: &Contract) -> Option<&Reporting> {
    match contract {
        Contract::Report(reporting) => Some(reporting),
        Contract::Tabulate(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::physical_plan::ExecutionPlan;

    fn table(name: &str, columns: &[&str], unique: &[&str], keyed: bool) -> TableSpec {
        TableSpec {
            name: name.to_owned(),
            columns: columns.iter().map(|name| Column::new(name, ColumnKind::Utf8)).collect(),
            granted: columns.iter().map(|name| (*name).to_owned()).collect(),
            row_filter: None,
            subject: keyed.then(|| SubjectKey { column: "pid".to_owned(), domain: "persons".to_owned() }),
            unique: unique.iter().map(|name| (*name).to_owned()).collect(),
            snapshot: None,
        }
    }

    #[tokio::test]
    async fn the_sample_gets_as_far_as_a_job_does() {
        let (table, work) = sample();
        assert!(admit(&[table], &work, None, &Limits::default()).await.is_ok());
    }

    /// The first join that a plan does: the one with no join below it.
    fn first_join(plan: &Arc<dyn ExecutionPlan>) -> Option<Arc<dyn ExecutionPlan>> {
        let below = plan.children().into_iter().find_map(first_join);
        below.or_else(|| plan.name().contains("Join").then(|| Arc::clone(plan)))
    }

    /// The proof that no join multiplies a subject's rows is about the plan as it was written; in another order, people
    /// would meet every town of a region before the second join cuts them back.
    #[tokio::test(flavor = "multi_thread")]
    async fn attack_43_joins_run_in_the_order_in_which_they_were_proved() {
        let people = table("people", &["pid", "town", "income"], &["pid"], true);
        let tables = [people, table("towns", &["town", "region"], &["town"], false)];
        let limits = Limits::default();
        let prepared = prepare(&tables, Lane::Tabulate, &limits, &SessionSettings::planning()).expect("tables");
        let sql = "SELECT p.town FROM people p JOIN (towns b JOIN towns a ON b.town = a.town) ON p.town = a.town \
                   AND CASE WHEN p.income = 'x' THEN 'north' ELSE '' END = b.region";
        let guarded = prepared.admit(sql, &limits).await.expect("each row of people meets one row at most");
        let plan = prepared.state.create_physical_plan(&guarded.plan).await.expect("it was planned before");
        let first = first_join(&plan).expect("there are two joins").schema();
        let fields: Vec<&str> = first.fields().iter().map(|field| field.name().as_str()).collect();
        assert!(fields.contains(&"region") && !fields.contains(&"income"), "the towns come first: {fields:?}");
    }
}
