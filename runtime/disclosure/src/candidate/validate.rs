//! Whether what is handed over fits its contract and itself, in exact integers.

mod evidence;

use sluice_domain::contract::{Reporting, Tabulation, ValueDomain};

use super::{Contributions, Mismatch, RunFacts};

pub(super) use evidence::{counted, ranges};

/// The most subjects that a run may count: far beyond any population, and sums stay exact.
const SUBJECTS_MAX: u64 = 1 << 48;

/// The most records of a run.
const RECORDS_MAX: u64 = 1 << 62;

/// The largest absolute bound of a measure with which sums and products with percentages stay exact.
const BOUND_MAX: u64 = 1 << 62;

pub(super) fn facts(facts: &RunFacts) -> Result<(), Mismatch> {
    if facts.subjects > SUBJECTS_MAX {
        return Err(Mismatch::Range);
    }
    let fits = facts.truncated_subjects <= facts.subjects && facts.defaulted_subjects <= facts.subjects;
    if fits { Ok(()) } else { Err(Mismatch::Facts) }
}

pub(super) fn contributions(
    contract: &Tabulation,
    contributions: &Contributions,
    facts: &RunFacts,
) -> Result<(), Mismatch> {
    if contributions.measures() != contract.measures.len() {
        return Err(Mismatch::Arity);
    }
    let widest = contract.measures.iter().map(|m| m.lower.unsigned_abs().max(m.upper.unsigned_abs())).max();
    if widest.unwrap_or(0) > BOUND_MAX {
        return Err(Mismatch::Range);
    }
    let (mut subjects, mut here, mut last, mut records) = (0_u64, 0_u32, None, 0_u64);
    let cells = contract.cells();
    for entry in contributions.iter() {
        if u64::from(entry.cell) >= cells {
            return Err(Mismatch::Code);
        }
        if entry.records == 0 {
            return Err(Mismatch::Records);
        }
        records = records.checked_add(entry.records).filter(|all| *all <= RECORDS_MAX).ok_or(Mismatch::Range)?;
        if last != Some(entry.subject) {
            (last, here) = (Some(entry.subject), 0);
            subjects += 1;
        }
        here += 1;
        if here > contract.cells_per_subject {
            return Err(Mismatch::Subjects);
        }
        let mut pairs = entry.values.iter().zip(&contract.measures);
        if pairs.any(|(value, measure)| *value < measure.lower || *value > measure.upper) {
            return Err(Mismatch::Bounds);
        }
    }
    if subjects > facts.subjects { Err(Mismatch::Subjects) } else { Ok(()) }
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
