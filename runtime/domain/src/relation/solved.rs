//! Relations solved for what isn't published: rows of whole numbers, and Gauss's elimination without fractions.
//!
//! # Example
//! `gross - revenue + cost = 0` and `net - gross + tax = 0`, with revenue, cost and tax published, become
//! `gross = revenue - cost` and `net = revenue - cost - tax`.

use std::collections::{BTreeMap, BTreeSet};

use super::{ColumnRelation, Following, Relation};
use crate::id::NAME_BYTES_MAX;

/// What a name of a residual ends with.
const RESIDUAL: &str = "_residual";

/// A quantity: a column, or the sum of a relation that is no column, by the relation's place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Quantity<'a> {
    Column(&'a str),
    Sum(usize),
}

/// An equation: what the unknown and the published quantities add up to is 0.
#[derive(Clone, Default)]
struct Row<'a> {
    unknown: BTreeMap<Quantity<'a>, i128>,
    published: BTreeMap<u32, i128>,
}

impl<'a> Row<'a> {
    fn of(relation: &'a ColumnRelation, place: usize, measure: &impl Fn(&str) -> Option<u32>) -> Row<'a> {
        let mut row = Row::default();
        let whole = relation.equals.as_deref().map(|column| (column, -1));
        let terms = relation.terms.iter().map(|(column, factor)| (column.as_str(), i128::from(*factor)));
        for (column, factor) in terms.chain(whole) {
            match measure(column) {
                Some(place) => row.published.insert(place, factor),
                None => row.unknown.insert(Quantity::Column(column), factor),
            };
        }
        if whole.is_none() {
            row.unknown.insert(Quantity::Sum(place), -1);
        }
        row
    }

    /// Takes a quantity out by another row that has it; none where the numbers get too large.
    fn without(&self, quantity: Quantity<'a>, other: &Row<'a>) -> Option<Row<'a>> {
        let Some(own) = self.unknown.get(&quantity) else { return Some(self.clone()) };
        let theirs = other.unknown.get(&quantity)?;
        let row = Row {
            unknown: combined(&self.unknown, *theirs, &other.unknown, own.checked_neg()?)?,
            published: combined(&self.published, *theirs, &other.published, own.checked_neg()?)?,
        };
        Some(row.reduced())
    }

    /// The same equation in the least whole numbers.
    fn reduced(mut self) -> Row<'a> {
        let divisor =
            self.unknown.values().chain(self.published.values()).fold(0, |divisor, factor| gcd(*factor, divisor));
        if divisor > 1 {
            self.unknown.values_mut().chain(self.published.values_mut()).for_each(|factor| *factor /= divisor);
        }
        self
    }

    /// The published quantities, so many times.
    fn terms(&self, sign: i128) -> Option<Vec<(u32, i32)>> {
        let term = |(place, factor): (&u32, &i128)| Some((*place, i32::try_from(factor.checked_mul(sign)?).ok()?));
        self.published.iter().map(term).collect()
    }
}

/// What follows from what is published, each unknown quantity and each residual once.
pub(super) fn following(relations: &[ColumnRelation], measure: &impl Fn(&str) -> Option<u32>) -> Vec<Following> {
    let mut rows: Vec<Option<Row<'_>>> =
        relations.iter().enumerate().map(|(place, relation)| Some(Row::of(relation, place, measure))).collect();
    let unknown: BTreeSet<Quantity<'_>> = rows.iter().flatten().flat_map(|row| row.unknown.keys().copied()).collect();
    let mut solved = BTreeSet::new();
    for quantity in unknown {
        let has = |(place, row): (usize, &Option<Row<'_>>)| {
            (!solved.contains(&place) && row.as_ref()?.unknown.contains_key(&quantity)).then_some(place)
        };
        let Some(place) = rows.iter().enumerate().find_map(has) else { continue };
        solved.insert(place);
        let Some(by) = rows.get(place).cloned().flatten() else { continue };
        for (_, row) in rows.iter_mut().enumerate().filter(|(other, _)| *other != place) {
            *row = row.take().and_then(|row| row.without(quantity, &by));
        }
    }
    let of = |(row, relation): (&Option<Row<'_>>, &ColumnRelation)| named(row.as_ref()?, relation, relations);
    rows.iter().zip(relations).filter_map(of).collect()
}

/// What an equation says; none where it leaves two unknown quantities, or says that one is a multiple of a published one.
fn named(row: &Row<'_>, relation: &ColumnRelation, relations: &[ColumnRelation]) -> Option<Following> {
    let mut unknown = row.unknown.iter();
    let (first, more) = (unknown.next(), unknown.next());
    if row.published.len() < 2 || more.is_some() {
        return None;
    }
    let figure = |name: String, sign: i128, residual: bool| {
        Some(Relation { name, terms: row.terms(sign)?, equals: None, residual })
    };
    match first {
        None => {
            let kept = relation.name.len().min(NAME_BYTES_MAX - RESIDUAL.len());
            let name = format!("{}{RESIDUAL}", relation.name.get(..kept)?);
            // It is the same whichever way round.
            let sign = row.published.values().next()?.signum();
            Some(Following { relation: figure(name, sign, true)?, column: None })
        }
        Some((quantity, factor)) => {
            let times = i32::try_from(factor.checked_abs()?).ok()?;
            let (name, column) = match quantity {
                Quantity::Column(column) => ((*column).to_owned(), Some(((*column).to_owned(), times))),
                Quantity::Sum(place) => (relations.get(*place)?.name.clone(), None),
            };
            Some(Following { relation: figure(name, -factor.signum(), false)?, column })
        }
    }
}

/// `a` of these and `b` of those, without what comes to 0.
fn combined<K: Copy + Ord>(
    these: &BTreeMap<K, i128>,
    a: i128,
    those: &BTreeMap<K, i128>,
    b: i128,
) -> Option<BTreeMap<K, i128>> {
    let mut sums = BTreeMap::new();
    for (factors, times) in [(these, a), (those, b)] {
        for (key, factor) in factors {
            let sum: &mut i128 = sums.entry(*key).or_default();
            *sum = sum.checked_add(factor.checked_mul(times)?)?;
        }
    }
    sums.retain(|_, sum| *sum != 0);
    Some(sums)
}

/// Euclid's.
fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    i128::try_from(a).unwrap_or(1)
}
