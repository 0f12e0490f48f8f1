//! Sources: which output column of a query is a bare column of a dataset, read off the plan.
//!
//! # Guarantees
//! A column has a [`Source`] only if each of its values is the column's own value in a row of the table, or missing
//! together with that row. Two columns of the same read have their values from the same rows.
//!
//! # Does not guarantee
//! That it recognises all of them: whatever isn't a bare column at each step (a cast, an aggregate, a union) has none,
//! and nothing is guessed.
//!
//! # Example
//! Of `SELECT revenue AS r, cost + 1 AS c FROM firms`, `r` is `firms.revenue` and `c` is nothing.

use datafusion::common::{Column, JoinType};
use datafusion::logical_expr::{Aggregate, Distinct, Expr, Join, LogicalPlan};
use sluice_domain::relation::Source;

/// The source of an output column.
pub(crate) fn source(plan: &LogicalPlan, name: &str) -> Option<Source> {
    let place = plan.schema().fields().iter().position(|field| field.name() == name)?;
    let mut source = below(plan, place)?;
    source.read.reverse();
    Some(source)
}

/// The source of a plan's column. The steps of the read are the sides of the joins that it is in, the last first.
fn below(plan: &LogicalPlan, place: usize) -> Option<Source> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            let column = scan.projected_schema.fields().get(place)?.name().clone();
            Some(Source { read: Vec::new(), dataset: scan.table_name.table().to_owned(), column })
        }
        LogicalPlan::Projection(node) => column_below(&node.input, node.expr.get(place)?),
        LogicalPlan::Filter(node) => below(&node.input, place),
        LogicalPlan::Sort(node) => below(&node.input, place),
        LogicalPlan::SubqueryAlias(node) => below(&node.input, place),
        LogicalPlan::Distinct(Distinct::All(input)) => below(input, place),
        LogicalPlan::Aggregate(node) => of_group(node, place),
        LogicalPlan::Join(node) => of_join(node, place),
        _ => None,
    }
}

fn column_below(input: &LogicalPlan, expr: &Expr) -> Option<Source> {
    below(input, input.schema().maybe_index_of_column(bare(expr)?)?)
}

/// The column that an expression is, under names alone.
fn bare(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Column(column) => Some(column),
        Expr::Alias(alias) => bare(&alias.expr),
        _ => None,
    }
}

/// What a query groups by is a value of each row of the group. What it works out of a group is no column; nor is a
/// column that grouping sets leave out of some rows.
fn of_group(node: &Aggregate, place: usize) -> Option<Source> {
    if node.group_expr.iter().any(|expr| matches!(expr, Expr::GroupingSet(_))) {
        return None;
    }
    column_below(&node.input, node.group_expr.get(place)?)
}

fn of_join(node: &Join, place: usize) -> Option<Source> {
    let left = node.left.schema().fields().len();
    let (input, place, step) = match node.join_type {
        JoinType::LeftSemi | JoinType::LeftAnti => (&node.left, place, 0),
        JoinType::RightSemi | JoinType::RightAnti => (&node.right, place, 1),
        JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => match place.checked_sub(left) {
            None => (&node.left, place, 0),
            Some(place) => (&node.right, place, 1),
        },
        JoinType::LeftMark | JoinType::RightMark => return None,
    };
    let mut source = below(input, place)?;
    source.read.push(step);
    Some(source)
}

#[cfg(test)]
mod tests {
    use sluice_domain::dataset::SubjectKey;
    use sluice_domain::dictionary::{Column, ColumnKind};
    use sluice_domain::grade::Lane;
    use sluice_domain::limits::Limits;

    use super::*;
    use crate::admit::prepare;
    use crate::ask::TableSpec;
    use crate::session::SessionSettings;

    fn table(name: &str, unique: &[&str]) -> TableSpec {
        let number = |name: &str| Column::new(name, ColumnKind::Int64);
        let columns = vec![Column::new("id", ColumnKind::Utf8), number("revenue"), number("cost")];
        TableSpec {
            name: name.to_owned(),
            granted: columns.iter().map(|column| column.name.clone()).collect(),
            columns,
            row_filter: Some("cost > 3".to_owned()),
            subject: Some(SubjectKey { column: "id".to_owned(), domain: "firms".to_owned() }),
            unique: unique.iter().map(|name| (*name).to_owned()).collect(),
            snapshot: None,
        }
    }

    /// The sources of `r` and `c` in a query over `firms` and `others`.
    async fn sources(sql: &str) -> [Option<Source>; 2] {
        let (tables, limits) = ([table("firms", &[]), table("others", &["id"])], Limits::default());
        let prepared = prepare(&tables, Lane::Tabulate, &limits, &SessionSettings::planning()).expect("tables");
        let guarded = prepared.guard(sql, &limits).await.unwrap_or_else(|refusal| panic!("{sql}: {refusal}"));
        ["r", "c"].map(|name| source(&guarded.plan, name))
    }

    fn named(source: &Option<Source>) -> String {
        source.as_ref().map_or_else(String::new, |source| format!("{}.{}", source.dataset, source.column))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn columns_of_one_read_are_followed_through_the_plan() {
        for sql in [
            "SELECT revenue AS r, cost AS c FROM firms",
            "SELECT revenue AS r, cost AS c FROM firms WHERE revenue > 5 OR id = 'a' ORDER BY cost",
            "SELECT DISTINCT r, c FROM (SELECT cost AS c, revenue AS r FROM firms) AS x",
            "SELECT f.revenue AS r, f.cost AS c FROM others o JOIN firms f ON o.id = f.id",
            "WITH f AS (SELECT * FROM firms) SELECT f.revenue AS r, f.cost AS c FROM f LEFT JOIN others o ON f.id = o.id",
            "SELECT id, revenue AS r, cost AS c FROM firms GROUP BY id, revenue, cost HAVING count(*) > 2",
        ] {
            let [r, c] = sources(sql).await;
            assert_eq!((named(&r), named(&c)), ("firms.revenue".to_owned(), "firms.cost".to_owned()), "{sql}");
            assert_eq!(r.map(|source| source.read), c.map(|source| source.read), "{sql}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_reads_are_not_one() {
        for sql in [
            "SELECT f.revenue AS r, g.cost AS c FROM firms f JOIN others g ON f.id = g.id",
            "SELECT f.revenue AS r, g.cost AS c FROM others f JOIN others g ON f.id = g.id",
        ] {
            let [r, c] = sources(sql).await.map(|source| source.expect("a bare column").read);
            assert_ne!(r, c, "{sql}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_worked_out_has_no_source() {
        for made in [
            "revenue + cost",
            "-revenue",
            "CAST(revenue AS INT)",
            "CASE WHEN cost > 5 THEN revenue END",
            "coalesce(revenue, 0)",
            "nullif(revenue, 5)",
        ] {
            let [r, c] = sources(&format!("SELECT {made} AS r, cost AS c FROM firms")).await;
            assert_eq!((r, named(&c)), (None, "firms.cost".to_owned()), "{made}");
        }
        let [r, c] = sources("SELECT id, max(revenue) AS r, cost AS c FROM firms GROUP BY id, cost").await;
        assert_eq!((r, named(&c)), (None, "firms.cost".to_owned()));
        let union = "SELECT revenue AS r, cost AS c FROM firms UNION ALL SELECT cost, revenue FROM firms";
        assert_eq!(sources(union).await, [None, None]);
    }
}
