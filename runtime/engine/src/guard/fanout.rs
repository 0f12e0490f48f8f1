//! Fan-out: how many rows a row may meet in a join.
//!
//! A join that multiplies the rows of a subject who has a certain value is slow, or never ready, just because of that
//! value: an oracle by time. So wherever the subject is followed, a row of the side that goes on meets at most one row of
//! the other side, and this is proved from what is unique: what a dataset's registration declares and its snapshots were
//! checked for, and what DISTINCT and GROUP BY make so.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::common::{Column, DFSchema, JoinType, TableReference};
use datafusion::logical_expr::expr::TryCast;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator};

use super::total;
use crate::ask::TableSpec;

/// Sets of columns of a plan, each of which holds no combination of values twice. An empty set says that there is at most
/// one row.
#[derive(Clone, Default)]
pub(super) struct Unique(Vec<BTreeSet<Column>>);

impl Unique {
    /// What a table's registration declares, where all of it is granted.
    pub fn of_table(spec: &TableSpec, relation: &TableReference) -> Unique {
        if spec.unique.is_empty() || !spec.unique.iter().all(|name| spec.granted.contains(name)) {
            return Unique::default();
        }
        let here = |name: &String| Column::new(Some(relation.clone()), name.clone());
        Unique(vec![spec.unique.iter().map(here).collect()])
    }

    /// The same with one set more.
    pub fn and(mut self, columns: impl IntoIterator<Item = Column>) -> Unique {
        self.0.push(columns.into_iter().collect());
        self
    }

    /// The same under other names. A set is lost where one of its columns is.
    pub fn renamed(&self, name: impl Fn(&Column) -> Option<Column>) -> Unique {
        let sets = self.0.iter().map(|set| set.iter().map(&name).collect::<Option<BTreeSet<Column>>>());
        Unique(sets.flatten().collect())
    }

    /// What is left of it above a projection.
    pub fn projected(&self, exprs: &[Expr]) -> Unique {
        let mut names: BTreeMap<&Column, Column> = BTreeMap::new();
        for expr in exprs {
            match expr {
                Expr::Column(column) => {
                    names.entry(column).or_insert_with(|| column.clone());
                }
                Expr::Alias(alias) => {
                    if let Expr::Column(column) = alias.expr.as_ref() {
                        names.entry(column).or_insert_with(|| Column::new(alias.relation.clone(), alias.name.clone()));
                    }
                }
                _ => {}
            }
        }
        self.renamed(|column| names.get(column).cloned())
    }

    /// Whether values for these columns leave at most one row.
    fn is_covered_by(&self, fixed: &BTreeSet<Column>) -> bool {
        self.0.iter().any(|set| set.is_subset(fixed))
    }
}

/// What a join does to the number of rows.
pub(super) struct Fanout {
    /// A row of the left side meets at most one of the right side.
    pub right_once: bool,
    /// A row of the right side meets at most one of the left side.
    pub left_once: bool,
}

impl Fanout {
    /// Reads it off the equalities that the join requires.
    pub fn of(
        on: &[(Expr, Expr)],
        filter: Option<&Expr>,
        (left, left_unique): (&LogicalPlan, &Unique),
        (right, right_unique): (&LogicalPlan, &Unique),
    ) -> Fanout {
        let mut pairs: Vec<(&Expr, &Expr)> = on.iter().map(|(left, right)| (left, right)).collect();
        for condition in filter.into_iter().flat_map(split_conjunction) {
            if let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition {
                pairs.push((left, right));
            }
        }
        let (left, right) = (left.schema(), right.schema());
        Fanout {
            right_once: right_unique.is_covered_by(&fixed(&pairs, right, left)),
            left_once: left_unique.is_covered_by(&fixed(&pairs, left, right)),
        }
    }

    /// What is unique in the joined rows.
    pub fn unique(&self, kind: JoinType, left: Unique, right: Unique) -> Unique {
        let (goes_on_left, goes_on_right) = match kind {
            JoinType::Inner => (self.right_once, self.left_once),
            JoinType::Left => (self.right_once, false),
            JoinType::Right => (false, self.left_once),
            JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => (true, false),
            JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => (false, true),
            JoinType::Full => (false, false),
        };
        match (goes_on_left, goes_on_right) {
            (true, true) => Unique(left.0.into_iter().chain(right.0).collect()),
            (true, false) => left,
            (false, true) => right,
            (false, false) if kind == JoinType::Inner => {
                let both = left.0.iter().zip(&right.0).map(|(left, right)| left.union(right).cloned().collect());
                Unique(both.collect())
            }
            (false, false) => Unique::default(),
        }
    }
}

/// The columns of one side whose value a row of the other side gives, by the equalities of the join.
fn fixed(pairs: &[(&Expr, &Expr)], side: &DFSchema, other: &DFSchema) -> BTreeSet<Column> {
    let (here, there): (BTreeSet<Column>, BTreeSet<Column>) =
        (side.columns().into_iter().collect(), other.columns().into_iter().collect());
    let given = |expr: &Expr| expr.column_refs().into_iter().all(|column| there.contains(column));
    let both = pairs.iter().flat_map(|(a, b)| [(*a, *b), (*b, *a)]);
    both.filter_map(|(column, value)| Some((one_to_one(column, side)?, value)))
        .filter(|(column, value)| here.contains(*column) && given(value))
        .map(|(column, _)| column.clone())
        .collect()
}

/// The column that an expression gives back one to one: itself, or in a type that holds all its values.
fn one_to_one<'a>(expr: &'a Expr, schema: &DFSchema) -> Option<&'a Column> {
    match expr {
        Expr::Column(column) => Some(column),
        Expr::TryCast(TryCast { expr, field }) => {
            let Expr::Column(column) = expr.as_ref() else { return None };
            let from = expr.get_type(schema).ok()?;
            let to = field.data_type();
            let holds_all = (total::is_integer(&from) && to == &datafusion::arrow::datatypes::DataType::Int64)
                || (from.is_string() && to.is_string());
            holds_all.then_some(column)
        }
        _ => None,
    }
}
