//! Whether a query is a plain selection: columns of one table under conditions `column = 'code'`, joined by AND.
//!
//! It looks at the text alone. What isn't recognised is outside: the query is written anew from what was understood, and
//! unless that is the same text as the parser's, it says more than that.

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Ident, ObjectName, Select, SelectItem, SetExpr, Statement as SqlStatement, TableFactor, Value,
};
use sluice_disclosure::families::matching::Selection;
use sluice_domain::limits::Limits;

use crate::ask::TableSpec;
use crate::guard::syntax::parse;

/// The selection that a query is, or the parts of it that are more than that, in words for its author.
///
/// # Errors
/// The parts.
pub fn selection(sql: &str, tables: &[TableSpec], limits: &Limits) -> Result<Selection, Vec<String>> {
    let one = |text: &str| vec![text.to_owned()];
    let statement = parse(sql, limits).map_err(|_| one("the query can't be parsed"))?;
    let Statement::Statement(statement) = &statement else { return Err(one("it isn't a query")) };
    let SqlStatement::Query(query) = statement.as_ref() else { return Err(one("it isn't a query")) };
    let SetExpr::Select(select) = query.body.as_ref() else {
        return Err(one("it isn't one SELECT"));
    };
    let mut reading = Reading { tables, table: None, alias: None, parts: Vec::new() };
    let selection = reading.select(select);
    if reading.parts.is_empty() && written(select) != query.to_string() {
        reading.parts.push("the query has a clause besides SELECT, FROM and WHERE".to_owned());
    }
    if reading.parts.is_empty() { Ok(selection) } else { Err(reading.parts) }
}

struct Reading<'a> {
    tables: &'a [TableSpec],
    table: Option<&'a TableSpec>,
    alias: Option<String>,
    parts: Vec<String>,
}

/// A name as the planner reads it: in lower case unless it is quoted.
fn normal(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

impl Reading<'_> {
    fn part(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.parts.contains(&text) {
            self.parts.push(text);
        }
    }

    fn select(&mut self, select: &Select) -> Selection {
        let mut selection = Selection::default();
        match select.from.as_slice() {
            [from] => {
                if !from.joins.is_empty() {
                    self.part("the query joins tables");
                }
                match &from.relation {
                    TableFactor::Table { name, alias, .. } => {
                        self.alias = alias.as_ref().map(|alias| normal(&alias.name));
                        self.of_table(name, &mut selection);
                    }
                    _ => self.part("the query reads a subquery"),
                }
            }
            _ => self.part("the query doesn't read one table"),
        }
        for item in &select.projection {
            let (expr, alias) = match item {
                SelectItem::UnnamedExpr(expr) => (expr, None),
                SelectItem::ExprWithAlias { expr, alias } => (expr, Some(normal(alias))),
                _ => {
                    self.part("`*` stands for columns that aren't named");
                    continue;
                }
            };
            match self.column(expr) {
                Some(column) => {
                    selection.columns.insert(alias.unwrap_or_else(|| column.clone()), column);
                }
                None => self.part("an output column is worked out, and not a column of the table"),
            }
        }
        if let Some(condition) = &select.selection {
            self.condition(condition, &mut selection.conditions);
        }
        selection
    }

    fn of_table(&mut self, name: &ObjectName, selection: &mut Selection) {
        let name = match name.0.as_slice() {
            [part] => part.as_ident().map(normal),
            _ => None,
        };
        self.table = name.as_ref().and_then(|name| self.tables.iter().find(|table| &table.name == name));
        match self.table {
            Some(table) => selection.table = table.name.clone(),
            None => self.part("the query reads something else than a granted table"),
        }
    }

    fn column(&self, expr: &Expr) -> Option<String> {
        let table = self.table?;
        let name = match expr {
            Expr::Identifier(ident) => normal(ident),
            Expr::CompoundIdentifier(idents) => match idents.as_slice() {
                [of, ident] if normal(of) == *self.alias.as_ref().unwrap_or(&table.name) => normal(ident),
                _ => return None,
            },
            _ => return None,
        };
        table.columns.iter().any(|column| column.name == name).then_some(name)
    }

    fn condition(&mut self, expr: &Expr, conditions: &mut Vec<(String, String)>) {
        match expr {
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                self.condition(left, conditions);
                self.condition(right, conditions);
            }
            Expr::Nested(inner) => self.condition(inner, conditions),
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
                let pair = match (self.column(left), self.column(right)) {
                    (Some(column), None) => code(right).map(|code| (column, code)),
                    (None, Some(column)) => code(left).map(|code| (column, code)),
                    _ => None,
                };
                match pair {
                    Some((column, code)) if self.declares(&column, &code) => conditions.push((column, code)),
                    Some((column, _)) => {
                        self.part(format!("a condition asks `{column}` for a code that isn't declared"))
                    }
                    None => self.part("a condition isn't of the form `column = 'code'`"),
                }
            }
            _ => self.part("a condition isn't of the form `column = 'code'`, joined by AND"),
        }
    }

    fn declares(&self, column: &str, code: &str) -> bool {
        let columns = self.table.map(|table| table.columns.as_slice()).unwrap_or_default();
        columns.iter().any(|known| known.name == column && known.codes.iter().any(|known| known == code))
    }
}

/// A literal as a code.
fn code(expr: &Expr) -> Option<String> {
    let Expr::Value(value) = expr else { return None };
    match &value.value {
        Value::SingleQuotedString(text) => Some(text.clone()),
        Value::Number(text, false) => Some(text.to_string()),
        Value::Boolean(value) => Some(value.to_string()),
        _ => None,
    }
}

/// The query as it reads when it has nothing but SELECT, FROM and WHERE.
fn written(select: &Select) -> String {
    let list = |items: Vec<String>| items.join(", ");
    let items = list(select.projection.iter().map(ToString::to_string).collect());
    let from = list(select.from.iter().map(ToString::to_string).collect());
    let mut text = format!("SELECT {items} FROM {from}");
    if let Some(condition) = &select.selection {
        text.push_str(&format!(" WHERE {condition}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use sluice_domain::dataset::SubjectKey;
    use sluice_domain::dictionary::{Column, ColumnKind};

    use super::*;

    fn read(sql: &str) -> Result<Selection, Vec<String>> {
        let coded = |name: &str, codes: &[&str]| Column {
            codes: codes.iter().map(|code| (*code).to_owned()).collect(),
            ..Column::new(name, ColumnKind::Utf8)
        };
        let columns = vec![coded("origin", &["EWR", "JFK"]), coded("carrier", &["AA"]), coded("month", &["1"])];
        let table = TableSpec {
            name: "flights".to_owned(),
            granted: columns.iter().map(|column| column.name.clone()).collect(),
            columns,
            row_filter: None,
            subject: Some(SubjectKey { column: "tail".to_owned(), domain: "aircraft".to_owned() }),
            unique: Vec::new(),
            snapshot: None,
        };
        selection(sql, &[table], &Limits::default())
    }

    #[test]
    fn a_selection_is_columns_of_one_table_under_codes() {
        let plain = read("select origin, F.carrier as who from flights f where 'EWR' = origin and (month = 1)");
        let plain = plain.expect("it is a selection");
        let columns = [("origin", "origin"), ("who", "carrier")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(plain.columns, BTreeMap::from(columns));
        let conditions = [("origin", "EWR"), ("month", "1")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!((plain.table.as_str(), plain.conditions.as_slice()), ("flights", &conditions[..]));
    }

    #[test]
    fn attack_39_whatever_is_more_than_that_is_outside() {
        for sql in [
            "SELECT origin FROM flights WHERE origin = 'EWR' OR carrier = 'AA'",
            "SELECT origin FROM flights WHERE origin IN ('EWR')",
            "SELECT origin FROM flights WHERE NOT origin = 'EWR'",
            "SELECT origin FROM flights WHERE origin <> 'EWR'",
            "SELECT origin FROM flights WHERE origin IS NULL",
            "SELECT origin FROM flights WHERE origin = carrier",
            "SELECT origin FROM flights WHERE origin = 'XXX'",
            "SELECT origin FROM flights WHERE month = 01",
            "SELECT origin FROM flights WHERE upper(origin) = 'EWR'",
            "SELECT upper(origin) AS origin FROM flights",
            "SELECT CASE WHEN carrier = 'AA' THEN 'EWR' ELSE 'JFK' END AS origin FROM flights",
            "SELECT DISTINCT origin FROM flights",
            "SELECT origin FROM flights GROUP BY origin",
            "SELECT origin FROM flights GROUP BY origin HAVING count(*) > 3",
            "SELECT origin FROM flights ORDER BY origin",
            "SELECT origin FROM flights LIMIT 3",
            "SELECT origin FROM flights UNION ALL SELECT origin FROM flights",
            "SELECT f.origin FROM flights f JOIN flights g ON f.tail = g.tail",
            "SELECT origin FROM (SELECT origin FROM flights WHERE carrier > 'A') flights",
            "WITH flights AS (SELECT origin FROM flights WHERE carrier > 'A') SELECT origin FROM flights",
            "SELECT * FROM flights",
        ] {
            assert!(read(sql).is_err_and(|parts| !parts.is_empty()), "{sql}");
        }
    }
}
