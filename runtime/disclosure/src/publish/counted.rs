//! The table of counted cells: inner cells first, then each margin in the contract's order.

use std::collections::BTreeMap;

use sluice_domain::contract::{Ratio, Statistic, Tabulation};

use super::notes::notes;
use super::suppress::Pattern;
use super::{Method, Withheld, broken, quotient, rounded, rounding};
use crate::appetite::Appetite;
use crate::candidate::{Counted, Figure};
use crate::checks::relations;
use crate::primary::{self, Quantity};
use crate::table::{ColumnKind, ReleaseTable, TOTAL, TableColumn, Value};

/// The shown value of each statistic; `None` is withheld. Ratios are worked out from the others.
type Shown = Vec<Option<i128>>;

/// The table whose totals are sums of what is shown.
pub(super) fn table(counted: &Counted, appetite: &Appetite, withheld: &Withheld) -> ReleaseTable {
    let contract = counted.contract();
    let (inner, margins): (Vec<Figure<'_>>, Vec<Figure<'_>>) = counted.figures().partition(|figure| figure.plane == 0);
    let shown: Vec<(Vec<u32>, Shown)> = inner
        .iter()
        .map(|figure| (figure.node.iter().flatten().copied().collect(), cell(counted, appetite, withheld, figure)))
        .collect();
    let mut rows = Vec::new();
    for (figure, (_, shown)) in inner.iter().zip(&shown) {
        rows.push(row(contract, &figure.node, ratios(contract, shown, &[])));
    }
    let mut margins = margins.iter().peekable();
    for (place, kept) in (1..).zip(&contract.margins) {
        let totals = totals(contract, kept, &shown);
        while let Some(figure) = margins.next_if(|figure| figure.plane == place) {
            let key: Vec<u32> = figure.node.iter().flatten().copied().collect();
            let closed = closed(counted, appetite, withheld, figure);
            rows.push(row(contract, &figure.node, total(contract, totals.get(&key), &closed)));
        }
    }
    ReleaseTable::new(columns(contract), rows, notes(contract, appetite, Method::RedactThenRound))
}

/// The table of a pattern, whose totals are of everything counted; without a pattern all of it is withheld.
pub(super) fn protected(
    counted: &Counted,
    appetite: &Appetite,
    method: Method,
    pattern: Option<&Pattern>,
) -> ReleaseTable {
    let contract = counted.contract();
    let base = appetite.rules().rounding_base;
    let additive = method == Method::ControlledRounding && base > 1;
    let figures: Vec<(Quantity, Vec<Option<i128>>)> = pattern.map_or_else(Vec::new, |pattern| {
        let of = |(quantity, truth): (Quantity, &[i128])| match additive {
            true => (quantity, together(pattern, truth, base)),
            false => (quantity, exact(pattern, truth).into_iter().map(|value| Some(rounded(value?, base))).collect()),
        };
        pattern.figures().map(of).collect()
    });
    let value = |number: usize, statistic: &Statistic| {
        let (_, cells) = figures.iter().find(|(own, _)| quantity(statistic) == Some(*own))?;
        cells.get(number).copied().flatten()
    };
    let shown = |place: usize| -> Shown {
        let number = pattern.filter(|pattern| pattern.shows(place)).and_then(|pattern| pattern.number(place));
        contract.statistics.iter().map(|statistic| value(number?, statistic)).collect()
    };
    let figures = counted.figures().enumerate();
    let rows = figures.map(|(place, figure)| row(contract, &figure.node, ratios(contract, &shown(place), &[])));
    ReleaseTable::new(columns(contract), rows.collect(), notes(contract, appetite, method))
}

/// The figures of the cells that are shown, by their numbers; none of those that are withheld.
fn exact(pattern: &Pattern, truth: &[i128]) -> Vec<Option<i128>> {
    let value = |number: usize| pattern.shows_number(number).then(|| pattern.system.value(number, truth)).flatten();
    (0..pattern.system.cells().len()).map(value).collect()
}

/// The same, rounded together. Where they can't be, none is shown.
fn together(pattern: &Pattern, truth: &[i128], base: u64) -> Vec<Option<i128>> {
    let shown =
        exact(pattern, truth).into_iter().map(|exact| Some(rounding::shown::Figure { exact: exact?, kept: None }));
    rounding::shown::of_shown(&pattern.system, &shown.collect::<Vec<_>>(), base).unwrap_or_default()
}

/// For each statistic whether it is withheld in this cell: by a finding, by a primary rule that is asked once more, or
/// since it follows from one that is.
fn closed(counted: &Counted, appetite: &Appetite, withheld: &Withheld, figure: &Figure<'_>) -> Vec<bool> {
    let statistics = &counted.contract().statistics;
    let shut = |statistic: &Statistic| {
        let quantity = quantity(statistic)?;
        Some(withheld.names(&figure.node, quantity) || !broken(counted, figure, quantity, appetite).is_empty())
    };
    let mut closed: Vec<bool> = statistics.iter().map(|statistic| shut(statistic).unwrap_or(false)).collect();
    let together = relations::bound_together(counted);
    let sums = |statistic: &Statistic, measures: &[usize]| matches!(statistic, Statistic::Sum(index) if measures.contains(&(*index as usize)));
    // One relation may close a measure of another; there are no more rounds than relations.
    for measures in together.iter().flat_map(|_| &together) {
        let mut pairs = statistics.iter().zip(&closed);
        if pairs.any(|(statistic, closed)| *closed && sums(statistic, measures)) {
            let of_relation = statistics.iter().zip(&mut closed).filter(|(statistic, _)| sums(statistic, measures));
            of_relation.for_each(|(_, closed)| *closed = true);
        }
    }
    closed
}

/// What a statistic says of a cell by itself; nothing of a ratio, which follows from two sums.
pub(crate) fn quantity(statistic: &Statistic) -> Option<Quantity> {
    match statistic {
        Statistic::Subjects => Some(Quantity::Subjects),
        Statistic::Records => Some(Quantity::Records),
        Statistic::Sum(index) => Some(Quantity::Sum(*index as usize)),
        Statistic::Ratio(_) => None,
    }
}

/// The shown counts and sums of one inner cell.
fn cell(counted: &Counted, appetite: &Appetite, withheld: &Withheld, figure: &Figure<'_>) -> Shown {
    let base = appetite.rules().rounding_base;
    let closed = closed(counted, appetite, withheld, figure);
    let value = |statistic: &Statistic| match (quantity(statistic)?, figure.evidence?) {
        (Quantity::Subjects, evidence) => Some(i128::from(evidence.subjects)),
        (quantity, evidence) => primary::spread(evidence, quantity).map(|spread| spread.subjects.sum),
    };
    let pairs = counted.contract().statistics.iter().zip(closed);
    pairs.map(|(statistic, closed)| value(statistic).filter(|_| !closed).map(|value| rounded(value, base))).collect()
}

/// A total under construction.
struct Total {
    /// For each statistic the sum of what is shown, or `None` until something is, and whether it overflowed.
    sums: Vec<(Option<i128>, bool)>,
    /// For each statistic whether it is a ratio whose two sums aren't shown in the same cells.
    uneven: Vec<bool>,
}

/// The totals of one margin: sums over the inner cells of what is shown in them, and of nothing else.
fn totals(contract: &Tabulation, margin: &[u32], inner: &[(Vec<u32>, Shown)]) -> BTreeMap<Vec<u32>, Total> {
    let statistics = contract.statistics.len();
    let mut totals: BTreeMap<Vec<u32>, Total> = BTreeMap::new();
    for (codes, shown) in inner {
        let key: Vec<u32> = margin.iter().filter_map(|index| codes.get(*index as usize).copied()).collect();
        let fresh = || Total { sums: vec![(None, false); statistics], uneven: vec![false; statistics] };
        let total = totals.entry(key).or_insert_with(fresh);
        for ((sum, spoiled), value) in total.sums.iter_mut().zip(shown) {
            let Some(value) = value else { continue };
            match sum.unwrap_or(0).checked_add(*value) {
                Some(added) => *sum = Some(added),
                None => *spoiled = true,
            }
        }
        for (uneven, statistic) in total.uneven.iter_mut().zip(&contract.statistics) {
            if let Statistic::Ratio(ratio) = statistic {
                let [above, below] = parts(contract, ratio, shown);
                *uneven |= above.is_some() != below.is_some();
            }
        }
    }
    totals
}

/// What is shown of one total, whose own figures undergo the rules too.
fn total(contract: &Tabulation, total: Option<&Total>, closed: &[bool]) -> Shown {
    let Some(total) = total else { return vec![None; contract.statistics.len()] };
    let sums = total.sums.iter().zip(closed);
    let shown: Shown = sums.map(|((sum, spoiled), closed)| sum.filter(|_| !spoiled && !closed)).collect();
    ratios(contract, &shown, &total.uneven)
}

/// `shown` with its ratios, each from the two shown sums; withheld if either is, or if they aren't of the same cells.
pub(crate) fn ratios(contract: &Tabulation, shown: &[Option<i128>], uneven: &[bool]) -> Shown {
    let statistics = contract.statistics.iter().enumerate();
    let value = |(position, statistic): (usize, &Statistic)| match statistic {
        Statistic::Ratio(_) if uneven.get(position).copied().unwrap_or(false) => None,
        Statistic::Ratio(ratio) => {
            let [above, below] = parts(contract, ratio, shown);
            let scale = |index: u32| contract.measures.get(index as usize).map(|measure| u32::from(measure.scale));
            let up = scale(ratio.denominator)? + u32::from(ratio.scale);
            quotient(above?, below?, up, scale(ratio.numerator)?)
        }
        _ => shown.get(position).copied().flatten(),
    };
    statistics.map(value).collect()
}

/// The shown sums above and below the line.
fn parts(contract: &Tabulation, ratio: &Ratio, shown: &[Option<i128>]) -> [Option<i128>; 2] {
    let sum_of = |index: u32| {
        let position = contract.statistics.iter().position(|statistic| *statistic == Statistic::Sum(index))?;
        shown.get(position).copied().flatten()
    };
    [sum_of(ratio.numerator), sum_of(ratio.denominator)]
}

pub(crate) fn row(contract: &Tabulation, kept: &[Option<u32>], shown: Shown) -> Vec<Value> {
    let labels = kept.iter().zip(&contract.dimensions).map(|(code, dimension)| match code {
        None => Value::Label(TOTAL.to_owned()),
        Some(code) => {
            dimension.labels.get(*code as usize).map_or(Value::Suppressed, |label| Value::Label(label.clone()))
        }
    });
    labels.chain(shown.into_iter().map(|value| value.map_or(Value::Suppressed, Value::Integer))).collect()
}

pub(crate) fn columns(contract: &Tabulation) -> Vec<TableColumn> {
    let labels = contract.dimensions.iter().map(|d| TableColumn { name: d.name.clone(), kind: ColumnKind::Label });
    let integer = |name: &str, scale: u8, unit: &str| TableColumn {
        name: name.to_owned(),
        kind: ColumnKind::Integer { scale, unit: unit.to_owned() },
    };
    let measure = |index: u32| contract.measures.get(index as usize);
    let statistics = contract.statistics.iter().map(|statistic| match statistic {
        Statistic::Subjects => integer("subjects", 0, "subjects"),
        Statistic::Records => integer("records", 0, "records"),
        Statistic::Sum(index) => {
            measure(*index).map_or_else(|| integer("?", 0, ""), |m| integer(&m.name, m.scale, &m.unit))
        }
        Statistic::Ratio(ratio) => {
            let unit = |index: u32| measure(index).map_or("", |measure| measure.unit.as_str());
            let unit = format!("{} per {}", unit(ratio.numerator), unit(ratio.denominator));
            integer(&ratio.name, ratio.scale, &unit)
        }
    });
    labels.chain(statistics).collect()
}
