//! What can be said of a query's text alone: one SELECT, and nothing that the planner would silently ignore.

use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{Query, SetExpr, Statement as SqlStatement, TableFactor, Visit, Visitor};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use sluice_domain::limits::Limits;
use sluice_domain::refusal::Refusal;

/// The deepest nesting that the parser follows.
const DEPTH: usize = 48;

/// Parses one query, or says which rule it breaks.
///
/// # Errors
/// Anything but one plain SELECT. The parser's own words are shown: they speak of the query's text only.
pub fn parse(sql: &str, limits: &Limits) -> Result<Statement, Refusal> {
    if sql.len() > limits.sql_bytes_max {
        return Err(Refusal::plan(format!("a query has at most {} bytes", limits.sql_bytes_max)));
    }
    let dialect = GenericDialect {};
    let parser = DFParserBuilder::new(sql).with_dialect(&dialect).with_recursion_limit(DEPTH).build();
    let statements = parser.and_then(|mut parser| parser.parse_statements());
    let mut statements = statements.map_err(|error| Refusal::plan(format!("it can't be parsed: {}", short(&error))))?;
    let (Some(statement), true) = (statements.pop_front(), statements.is_empty()) else {
        return Err(Refusal::plan("a job has exactly one query"));
    };
    let Statement::Statement(inner) = &statement else {
        return Err(Refusal::plan("only SELECT is allowed"));
    };
    let SqlStatement::Query(query) = inner.as_ref() else {
        return Err(Refusal::plan("only SELECT is allowed"));
    };
    let mut rules = Rules { broken: None };
    let _ = query.visit(&mut rules);
    match rules.broken {
        Some(rule) => Err(Refusal::plan(rule)),
        None => Ok(statement),
    }
}

/// An error's text, cut to what a person reads.
pub(crate) fn short(error: &dyn std::fmt::Display) -> String {
    let text = error.to_string();
    let line: String = text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
    line.chars().take(300).collect()
}

struct Rules {
    broken: Option<&'static str>,
}

impl Rules {
    fn broken(&mut self, rule: &'static str) -> ControlFlow<()> {
        self.broken = Some(rule);
        ControlFlow::Break(())
    }
}

impl Visitor for Rules {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if query.with.as_ref().is_some_and(|with| with.recursive) {
            return self.broken("recursive queries aren't allowed");
        }
        if !query.locks.is_empty() || query.for_clause.is_some() {
            return self.broken("FOR clauses aren't allowed");
        }
        if query.settings.is_some() || query.format_clause.is_some() || !query.pipe_operators.is_empty() {
            return self.broken("SETTINGS, FORMAT and pipe operators aren't allowed");
        }
        match query.body.as_ref() {
            SetExpr::Select(select) => {
                if select.into.is_some() {
                    return self.broken("SELECT INTO isn't allowed");
                }
                if !select.lateral_views.is_empty() || !select.cluster_by.is_empty() || select.qualify.is_some() {
                    return self.broken("LATERAL VIEW, CLUSTER BY and QUALIFY aren't allowed");
                }
                ControlFlow::Continue(())
            }
            SetExpr::Query(_) | SetExpr::SetOperation { .. } => ControlFlow::Continue(()),
            _ => self.broken("only SELECT is allowed"),
        }
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { args, with_hints, version, sample, index_hints, json_path, partitions, .. } => {
                if args.is_some() {
                    return self.broken("table functions aren't allowed");
                }
                if sample.is_some() {
                    return self.broken("TABLESAMPLE isn't allowed");
                }
                if !with_hints.is_empty()
                    || version.is_some()
                    || !index_hints.is_empty()
                    || json_path.is_some()
                    || !partitions.is_empty()
                {
                    return self.broken("hints, versions and partitions of tables aren't allowed");
                }
                ControlFlow::Continue(())
            }
            TableFactor::Derived { lateral: false, sample: None, .. } | TableFactor::NestedJoin { .. } => {
                ControlFlow::Continue(())
            }
            _ => self.broken("only tables, subqueries and joins are allowed in FROM"),
        }
    }
}
