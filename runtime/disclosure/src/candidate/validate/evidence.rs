//! Whether evidence that was read back fits its contract and itself: a damaged file must not become a candidate.

use std::collections::BTreeMap;

use sluice_domain::contract::Tabulation;

use super::super::{Counted, Mismatch, Plane, RunFacts, holders};
use crate::evidence::{Evidence, Shares, Spread, TOP};

/// The largest absolute sum: totals over all cells and products with percentages stay exact.
const SUM_MAX: u128 = 1 << 110;

pub(in super::super) fn counted(counted: &Counted, facts: &RunFacts) -> Result<(), Mismatch> {
    if counted.screens.len() != counted.contract.measures.len() {
        return Err(Mismatch::Arity);
    }
    for (place, plane) in counted.planes.iter().enumerate() {
        for (codes, cell) in &plane.cells {
            keys(&counted.contract, plane, codes)?;
            evidence(counted, place, cell, facts)?;
        }
        margin(counted, plane)?;
    }
    // Where a subject is in one cell, and groups are none, nobody is alone in two.
    let distinct = !counted.grouped && counted.contract.cells_per_subject == 1;
    if !counted.planes.first().is_some_and(|inner| holders::fit(&counted.holders, inner, distinct)) {
        return Err(Mismatch::Group);
    }
    let keyed = |look_ups: &Vec<Vec<u64>>| {
        look_ups.iter().map(Vec::len).eq(counted.planes.iter().map(|plane| plane.cells.len()))
    };
    if !counted.look_ups.as_ref().is_none_or(keyed) {
        return Err(Mismatch::Arity);
    }
    let touched = counted.inner().values().map(|cell| u128::from(cell.subjects)).sum::<u128>();
    let allowed = u128::from(facts.subjects).saturating_mul(u128::from(counted.contract.cells_per_subject));
    let screened = |screen: &super::super::Screen| {
        u128::from(screen.contributions) == touched
            && screen.common <= screen.contributions
            && screen.subjects <= facts.subjects
            && screen.ordinals >= 0
            && screen.values >= 0
    };
    if touched > allowed || !counted.screens.iter().all(screened) {
        return Err(Mismatch::Subjects);
    }
    Ok(())
}

/// Whether every sum is far from where arithmetic would saturate: scales and relations multiply what was counted.
pub(in super::super) fn ranges(counted: &Counted) -> Result<(), Mismatch> {
    let cells = counted.planes.iter().flat_map(|plane| plane.cells.values());
    let mut spreads = cells.flat_map(|cell| std::iter::once(&cell.records).chain(&cell.measures));
    let inside = |shares: &Shares| shares.sum_abs.unsigned_abs() <= SUM_MAX;
    if spreads.all(|spread| inside(&spread.subjects) && inside(&spread.groups)) { Ok(()) } else { Err(Mismatch::Range) }
}

fn keys(contract: &Tabulation, plane: &Plane, codes: &[u32]) -> Result<(), Mismatch> {
    if codes.len() != plane.kept.len() {
        return Err(Mismatch::Arity);
    }
    let declared = |(code, index): (&u32, &u32)| {
        contract.dimensions.get(*index as usize).is_some_and(|d| d.labels.get(*code as usize).is_some())
    };
    if codes.iter().zip(&plane.kept).all(declared) { Ok(()) } else { Err(Mismatch::Code) }
}

fn evidence(counted: &Counted, plane: usize, cell: &Evidence, facts: &RunFacts) -> Result<(), Mismatch> {
    let contract = &counted.contract;
    if cell.measures.len() != contract.measures.len() + counted.derived.len() {
        return Err(Mismatch::Arity);
    }
    if cell.subjects == 0 {
        return Err(Mismatch::Empty);
    }
    if cell.subjects > facts.subjects {
        return Err(Mismatch::Subjects);
    }
    groups(counted.grouped, cell)?;
    spread(&cell.records)?;
    if cell.records.subjects.lowest.first().is_none_or(|least| *least < 1) {
        return Err(Mismatch::Records);
    }
    let times = if plane == 0 { 1 } else { i128::from(contract.cells_per_subject) };
    for (held, measure) in cell.measures.iter().zip(&contract.measures) {
        spread(held)?;
        let (lower, upper) = (i128::from(measure.lower), i128::from(measure.upper));
        let (least, most) = (lower.min(lower * times), upper.max(upper * times));
        let below = held.subjects.lowest.first().is_some_and(|value| *value < least);
        if below || held.subjects.highest.first().is_some_and(|value| *value > most) {
            return Err(Mismatch::Bounds);
        }
    }
    for (held, derived) in cell.measures.iter().skip(contract.measures.len()).zip(&counted.derived) {
        spread(held)?;
        let sum = derived.terms.iter().try_fold(0_i128, |sum, (index, factor)| {
            sum.checked_add(cell.measures.get(*index)?.subjects.sum.checked_mul(*factor)?)
        });
        if sum != Some(held.subjects.sum) {
            return Err(Mismatch::Relation);
        }
    }
    Ok(())
}

fn groups(grouped: bool, cell: &Evidence) -> Result<(), Mismatch> {
    let (subjects, groups, largest) = (cell.subjects, cell.groups, cell.largest_group);
    let fits = if grouped {
        groups >= 1 && groups <= subjects && largest >= subjects.div_ceil(groups) && largest <= subjects - groups + 1
    } else {
        groups == subjects && largest == 1
    };
    if fits { Ok(()) } else { Err(Mismatch::Group) }
}

fn spread(spread: &Spread) -> Result<(), Mismatch> {
    shares(&spread.subjects)?;
    shares(&spread.groups)?;
    // Within a group contributions of both signs cancel out.
    let merged = spread.groups.sum == spread.subjects.sum && spread.groups.sum_abs <= spread.subjects.sum_abs;
    if merged { Ok(()) } else { Err(Mismatch::Group) }
}

fn shares(shares: &Shares) -> Result<(), Mismatch> {
    let listed = shares.top.iter().chain(&shares.highest).chain(&shares.lowest);
    if shares.sum_abs < 0 || std::iter::once(&shares.sum_abs).chain(listed).any(|v| v.unsigned_abs() > SUM_MAX) {
        return Err(Mismatch::Range);
    }
    contributors(shares)?;
    extremes(shares)?;
    top(shares)
}

fn contributors(shares: &Shares) -> Result<(), Mismatch> {
    let fits = shares.nonzero <= shares.units
        && i128::from(shares.nonzero) <= shares.sum_abs
        && (shares.nonzero > 0 || shares.sum_abs == 0)
        && shares.sum.unsigned_abs() <= shares.sum_abs.unsigned_abs()
        && (shares.sum - shares.sum_abs) % 2 == 0
        && (1..=shares.units).contains(&shares.common)
        && (shares.common == shares.units) == shares.all_equal()
        && shares.common >= shares.units - shares.nonzero;
    if fits { Ok(()) } else { Err(Mismatch::Contributors) }
}

fn extremes(shares: &Shares) -> Result<(), Mismatch> {
    let expected = usize::try_from(shares.units).unwrap_or(usize::MAX).min(TOP);
    let (Some(least), Some(most)) = (shares.lowest.first(), shares.highest.first()) else {
        return Err(Mismatch::Bounds);
    };
    let sorted = shares.lowest.is_sorted() && shares.highest.iter().rev().is_sorted();
    let full = shares.lowest.len() == expected && shares.highest.len() == expected;
    let zero = shares.nonzero == shares.units || (*least <= 0 && *most >= 0);
    let signs = (*least < 0 || shares.sum == shares.sum_abs) && (*most > 0 || shares.sum == -shares.sum_abs);
    let sum = {
        let units = i128::from(shares.units);
        let span = |one: &i128| units.checked_mul(*one).ok_or(Mismatch::Range);
        (span(least)?..=span(most)?).contains(&shares.sum)
    };
    if !(sorted && full && least <= most && sum) {
        return Err(Mismatch::Bounds);
    }
    if zero && signs { Ok(()) } else { Err(Mismatch::Contributors) }
}

fn top(shares: &Shares) -> Result<(), Mismatch> {
    let (top, ends) = (&shares.top, shares.lowest.iter().chain(&shares.highest));
    let expected = usize::try_from(shares.nonzero).unwrap_or(usize::MAX).min(TOP);
    let falling = top.windows(2).all(|pair| {
        let key = |value: &i128| (value.unsigned_abs(), *value);
        matches!(pair, [a, b] if key(a) >= key(b))
    });
    let at_the_ends =
        top.iter().all(|value| *value != 0 && (shares.lowest.contains(value) || shares.highest.contains(value)));
    let widest = ends.map(|value| value.unsigned_abs()).max().unwrap_or(0);
    if top.len() != expected || !falling || !at_the_ends || top.first().map_or(0, |v| v.unsigned_abs()) != widest {
        return Err(Mismatch::Top);
    }
    let held: i128 = top.iter().map(|value| value.saturating_abs()).sum();
    let signed: i128 = top.iter().sum();
    let others = i128::from(shares.nonzero) - top.len() as i128;
    let least_of_top = top.last().map_or(0, |value| value.saturating_abs());
    let rest = shares.sum_abs - held;
    let rest_max = others.checked_mul(least_of_top).ok_or(Mismatch::Range)?;
    if rest < others || rest > rest_max || (shares.sum - signed).abs() > rest {
        return Err(Mismatch::Top);
    }
    Ok(())
}

/// What one cell of a margin gathers from the inner cells.
#[derive(Default)]
struct Gathered {
    largest: u64,
    subjects: u64,
    sums: Vec<i128>,
}

/// A margin has the sums of the inner cells, and as many subjects as they allow.
fn margin(counted: &Counted, plane: &Plane) -> Result<(), Mismatch> {
    let sums = |cell: &Evidence| -> Vec<i128> {
        std::iter::once(&cell.records).chain(&cell.measures).map(|spread| spread.subjects.sum).collect()
    };
    let mut gathered: BTreeMap<Vec<u32>, Gathered> = BTreeMap::new();
    for (codes, cell) in counted.inner() {
        let key = plane.kept.iter().filter_map(|index| codes.get(*index as usize).copied()).collect();
        let held = gathered.entry(key).or_default();
        held.largest = held.largest.max(cell.subjects);
        held.subjects = held.subjects.saturating_add(cell.subjects);
        held.sums.resize(cell.measures.len() + 1, 0);
        for (sum, value) in held.sums.iter_mut().zip(sums(cell)) {
            *sum = sum.checked_add(value).ok_or(Mismatch::Range)?;
        }
    }
    let once = counted.contract.cells_per_subject == 1;
    let fits = |held: &Gathered, cell: &Evidence| {
        let least = if once { held.subjects } else { held.largest };
        (least..=held.subjects).contains(&cell.subjects) && held.sums == sums(cell)
    };
    let mut pairs = gathered.iter().zip(&plane.cells);
    let all_fit = pairs.all(|((key, held), (codes, cell))| key == codes && fits(held, cell));
    if gathered.len() == plane.cells.len() && all_fit { Ok(()) } else { Err(Mismatch::Margin) }
}
