//! The table of counted cells: inner cells first, then each margin in the contract's order.

use std::collections::BTreeMap;

use sluice_domain::contract::{Ratio, Statistic, Tabulation};

use super::{Withheld, quotient, rounded};
use crate::appetite::Appetite;
use crate::candidate::Counted;
use crate::table::{ColumnKind, ReleaseTable, TOTAL, TableColumn, Value, every_code};

/// The shown value of each statistic; `None` is withheld. Ratios are worked out from the others.
type Shown = Vec<Option<i128>>;

pub(super) fn table(counted: &Counted, appetite: &Appetite, withheld: &Withheld) -> ReleaseTable {
    let contract = counted.contract();
    let inner: Vec<(Vec<u32>, Shown)> = every_code(&contract.dimensions)
        .map(|codes| {
            let shown = cell(counted, appetite, withheld, &codes);
            (codes, shown)
        })
        .collect();
    let mut rows = Vec::new();
    for (codes, shown) in &inner {
        let kept: Vec<Option<u32>> = codes.iter().copied().map(Some).collect();
        rows.push(row(contract, &kept, ratios(contract, shown, &[])));
    }
    for margin in &contract.margins {
        rows.extend(totals(contract, margin, &inner));
    }
    ReleaseTable::new(columns(contract), rows, notes(contract, appetite))
}

/// The shown counts and sums of one inner cell.
fn cell(counted: &Counted, appetite: &Appetite, withheld: &Withheld, codes: &Vec<u32>) -> Shown {
    let rules = appetite.rules();
    let threshold = rules.threshold.max(1);
    let statistics = &counted.contract().statistics;
    // The threshold is asked once more here: a finding that got lost must not open a cell.
    let open = |cell: &&crate::candidate::CellEvidence| cell.subjects >= threshold && !withheld.cells.contains(codes);
    let Some(cell) = counted.cells().get(codes).filter(open) else {
        return vec![None; statistics.len()];
    };
    let shown = statistics.iter().map(|statistic| match statistic {
        Statistic::Subjects => Some(i128::from(cell.subjects)),
        Statistic::Records => Some(i128::from(cell.records)),
        Statistic::Sum(index) => {
            let measure = cell.measures.get(*index as usize)?;
            let closed = measure.nonzero < threshold || withheld.sums.contains(&(codes.clone(), *index as usize));
            (!closed).then_some(measure.sum)
        }
        Statistic::Ratio(_) => None,
    });
    shown.map(|value| value.map(|value| rounded(value, rules.rounding_base))).collect()
}

/// A total under construction.
struct Total {
    /// For each statistic the sum of what is shown, or `None` until something is, and whether it overflowed.
    sums: Vec<(Option<i128>, bool)>,
    /// For each statistic whether it is a ratio whose two sums aren't shown in the same cells.
    uneven: Vec<bool>,
}

/// The rows of one margin: sums over the inner cells of what is shown in them, and of nothing else.
fn totals(contract: &Tabulation, margin: &[u32], inner: &[(Vec<u32>, Shown)]) -> Vec<Vec<Value>> {
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
    let dimensions = margin.iter().filter_map(|index| contract.dimensions.get(*index as usize));
    every_code(dimensions)
        .map(|key| {
            let total = totals.get(&key);
            let shown: Shown = total.map_or_else(
                || vec![None; statistics],
                |total| total.sums.iter().map(|(sum, spoiled)| sum.filter(|_| !spoiled)).collect(),
            );
            let uneven = total.map_or(&[] as &[bool], |total| &total.uneven);
            let mut kept = vec![None; contract.dimensions.len()];
            for (index, code) in margin.iter().zip(&key) {
                if let Some(place) = kept.get_mut(*index as usize) {
                    *place = Some(*code);
                }
            }
            row(contract, &kept, ratios(contract, &shown, uneven))
        })
        .collect()
}

/// `shown` with its ratios, each from the two shown sums; withheld if either is, or if they aren't of the same cells.
fn ratios(contract: &Tabulation, shown: &[Option<i128>], uneven: &[bool]) -> Shown {
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

fn row(contract: &Tabulation, kept: &[Option<u32>], shown: Shown) -> Vec<Value> {
    let labels = kept.iter().zip(&contract.dimensions).map(|(code, dimension)| match code {
        None => Value::Label(TOTAL.to_owned()),
        Some(code) => {
            dimension.labels.get(*code as usize).map_or(Value::Suppressed, |label| Value::Label(label.clone()))
        }
    });
    labels.chain(shown.into_iter().map(|value| value.map_or(Value::Suppressed, Value::Integer))).collect()
}

fn columns(contract: &Tabulation) -> Vec<TableColumn> {
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

/// What was done, from contract and appetite alone.
fn notes(contract: &Tabulation, appetite: &Appetite) -> Vec<String> {
    let rules = appetite.rules();
    let (threshold, base) = (rules.threshold, rules.rounding_base);
    let mut notes = vec![format!("Cells with fewer than {threshold} subjects, empty ones included, are withheld.")];
    let has = |wanted: fn(&Statistic) -> bool| contract.statistics.iter().any(wanted);
    if has(|statistic| matches!(statistic, Statistic::Sum(_))) {
        notes.push(format!("A sum to which fewer than {threshold} subjects contribute other than 0 is withheld."));
        notes.push("Each subject's contribution to a cell is held within the declared bounds.".to_owned());
    }
    notes.push(if base <= 1 {
        "Nothing is rounded.".to_owned()
    } else {
        format!("Counts are rounded to multiples of {base}, sums to multiples of {base} steps, halves away from 0.")
    });
    if has(|statistic| matches!(statistic, Statistic::Ratio(_))) {
        notes.push("Ratios are worked out from the sums shown here.".to_owned());
    }
    if !contract.margins.is_empty() {
        notes.push(format!("Totals (`{TOTAL}`) are sums of what is shown here, not of the whole population."));
        if contract.cells_per_subject > 1 {
            notes.push("A total counts a subject once for each cell that it is in.".to_owned());
        }
    }
    notes
}
