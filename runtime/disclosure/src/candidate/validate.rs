//! Whether raw evidence fits its contract and itself, in exact integers.

use sluice_domain::contract::{Measure, Reporting, Tabulation, ValueDomain};

use super::{CellEvidence, Cells, MeasureEvidence, Mismatch, RunFacts, TOP};

/// The most subjects that a run may count: far beyond any population, and sums stay exact.
const SUBJECTS_MAX: u64 = 1 << 48;

/// The largest absolute sum in a cell: totals over all cells and products with percentages stay exact.
const SUM_MAX: i128 = 1 << 100;

pub(super) fn facts(facts: &RunFacts) -> Result<(), Mismatch> {
    if facts.subjects > SUBJECTS_MAX {
        return Err(Mismatch::Range);
    }
    let fits = facts.truncated_subjects <= facts.subjects && facts.defaulted_subjects <= facts.subjects;
    if fits { Ok(()) } else { Err(Mismatch::Facts) }
}

pub(super) fn cells(contract: &Tabulation, cells: &mut Cells, facts: &RunFacts) -> Result<(), Mismatch> {
    let mut touched = 0_u128;
    for (codes, cell) in cells.iter_mut() {
        if codes.len() != contract.dimensions.len() || cell.measures.len() != contract.measures.len() {
            return Err(Mismatch::Arity);
        }
        let mut pairs = codes.iter().zip(&contract.dimensions);
        if pairs.any(|(code, dimension)| dimension.labels.get(*code as usize).is_none()) {
            return Err(Mismatch::Code);
        }
        counts(cell, facts)?;
        touched = touched.saturating_add(u128::from(cell.subjects));
        let subjects = cell.subjects;
        for (evidence, measure) in cell.measures.iter_mut().zip(&contract.measures) {
            // A cell with fewer than `TOP` contributors may come with zeros at the end.
            while evidence.top.last() == Some(&0) {
                evidence.top.pop();
            }
            bounds(evidence, measure, subjects)?;
            contributors(evidence, subjects)?;
            top(evidence)?;
        }
    }
    if touched > u128::from(facts.subjects).saturating_mul(u128::from(contract.cells_per_subject)) {
        return Err(Mismatch::Subjects);
    }
    Ok(())
}

fn counts(cell: &CellEvidence, facts: &RunFacts) -> Result<(), Mismatch> {
    if cell.subjects == 0 {
        return Err(Mismatch::Empty);
    }
    if cell.records < cell.subjects {
        return Err(Mismatch::Records);
    }
    if cell.subjects > facts.subjects {
        return Err(Mismatch::Subjects);
    }
    Ok(())
}

fn bounds(evidence: &MeasureEvidence, measure: &Measure, subjects: u64) -> Result<(), Mismatch> {
    if evidence.sum_abs > SUM_MAX || evidence.sum_abs < 0 || evidence.sum.unsigned_abs() > SUM_MAX.unsigned_abs() {
        return Err(Mismatch::Range);
    }
    if evidence.min < measure.lower || evidence.max > measure.upper || evidence.min > evidence.max {
        return Err(Mismatch::Bounds);
    }
    let least = times(subjects, evidence.min)?;
    let most = times(subjects, evidence.max)?;
    if evidence.sum < least || evidence.sum > most {
        return Err(Mismatch::Bounds);
    }
    Ok(())
}

fn contributors(evidence: &MeasureEvidence, subjects: u64) -> Result<(), Mismatch> {
    let some_zero = evidence.nonzero < subjects;
    let fits = evidence.nonzero <= subjects
        && i128::from(evidence.nonzero) <= evidence.sum_abs
        && (evidence.nonzero > 0 || evidence.sum_abs == 0)
        && (!some_zero || (evidence.min <= 0 && evidence.max >= 0))
        && evidence.sum.unsigned_abs() <= evidence.sum_abs.unsigned_abs()
        && (evidence.sum - evidence.sum_abs) % 2 == 0
        && (evidence.min < 0 || evidence.sum == evidence.sum_abs)
        && (evidence.max > 0 || evidence.sum == -evidence.sum_abs);
    if fits { Ok(()) } else { Err(Mismatch::Contributors) }
}

fn top(evidence: &MeasureEvidence) -> Result<(), Mismatch> {
    let top = &evidence.top;
    let expected = usize::try_from(evidence.nonzero).unwrap_or(usize::MAX).min(TOP);
    let falling = top.windows(2).all(|pair| matches!(pair, [a, b] if a.unsigned_abs() >= b.unsigned_abs()));
    let inside = top.iter().all(|value| *value != 0 && (evidence.min..=evidence.max).contains(value));
    let widest = evidence.min.unsigned_abs().max(evidence.max.unsigned_abs());
    if top.len() != expected || !falling || !inside || top.first().map_or(0, |value| value.unsigned_abs()) != widest {
        return Err(Mismatch::Top);
    }
    let held: i128 = top.iter().map(|value| i128::from(value.unsigned_abs())).sum();
    let signed: i128 = top.iter().map(|value| i128::from(*value)).sum();
    let others = evidence.nonzero - top.len() as u64;
    let least_of_top = top.last().map_or(0, |value| i128::from(value.unsigned_abs()));
    let rest = evidence.sum_abs - held;
    let rest_max = i128::from(others).checked_mul(least_of_top).ok_or(Mismatch::Range)?;
    if rest < i128::from(others) || rest > rest_max || (evidence.sum - signed).abs() > rest {
        return Err(Mismatch::Top);
    }
    Ok(())
}

fn times(subjects: u64, contribution: i64) -> Result<i128, Mismatch> {
    i128::from(subjects).checked_mul(i128::from(contribution)).ok_or(Mismatch::Range)
}

pub(super) struct Fitted {
    pub(super) rows: Vec<Vec<i64>>,
    pub(super) dropped_rows: u64,
    pub(super) rounded_values: u64,
}

pub(super) fn rows(contract: &Reporting, rows: Vec<Vec<i64>>) -> Result<Fitted, Mismatch> {
    if rows.len() > contract.rows as usize {
        return Err(Mismatch::Rows);
    }
    let mut fitted = Fitted { rows: Vec::with_capacity(rows.len()), dropped_rows: 0, rounded_values: 0 };
    for row in rows {
        if row.len() != contract.columns.len() {
            return Err(Mismatch::Arity);
        }
        let pairs = row.iter().zip(&contract.columns);
        let placed: Option<Vec<i64>> = pairs.map(|(value, column)| place(*value, &column.domain)).collect();
        match placed {
            Some(placed) => {
                let moved = placed.iter().zip(&row).filter(|(after, before)| after != before).count();
                fitted.rounded_values = fitted.rounded_values.saturating_add(moved as u64);
                fitted.rows.push(placed);
            }
            None => fitted.dropped_rows = fitted.dropped_rows.saturating_add(1),
        }
    }
    fitted.rows.sort_unstable();
    Ok(fitted)
}

/// The value on its column's grid, halves upwards; `None` outside of the domain.
fn place(value: i64, domain: &ValueDomain) -> Option<i64> {
    match domain {
        ValueDomain::Labels(labels) => {
            let position = usize::try_from(value).ok()?;
            labels.get(position).map(|_| value)
        }
        ValueDomain::Number { lower, upper, step, .. } => {
            if value < *lower || value > *upper {
                return None;
            }
            let (low, step) = (i128::from(*lower), i128::from((*step).max(1)));
            let nearest = (i128::from(value) - low + step / 2) / step;
            let last = (i128::from(*upper) - low) / step;
            i64::try_from(low + nearest.min(last) * step).ok()
        }
    }
}
