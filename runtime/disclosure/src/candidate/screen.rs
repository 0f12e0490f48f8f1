//! What cheap screens for padding need to know of the contributions as a whole.
//!
//! # Guarantees
//! Exact integers. A subject's value is the sum over all cells.
//!
//! # Example
//! Subjects 1, 2, 3 contribute 10, 20, 20: doubled ranks less 4 are -2, 0, 2 and -2, 1, 1; their product 6, spreads 8
//! and 6, and the squared rank correlation 36 / 48.

use super::Contributions;
use crate::evidence::most_common;

/// One measure over the whole table.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Screen {
    /// Contributions: one a subject and inner cell.
    pub contributions: u64,
    /// How many of them share the most frequent value.
    pub common: u64,
    /// Subjects.
    pub subjects: u64,
    /// The product of the ranks of ordinal and value, both doubled and less their mean.
    pub product: i128,
    /// The sum of the squares of the ordinals' ranks.
    pub ordinals: i128,
    /// The sum of the squares of the values' ranks.
    pub values: i128,
}

/// One screen for each measure.
pub(super) fn screens(entries: &Contributions) -> Vec<Screen> {
    (0..entries.measures()).map(|measure| screen(entries, measure)).collect()
}

fn screen(entries: &Contributions, measure: usize) -> Screen {
    let value = |place: usize| entries.values_at(place).get(measure).copied().unwrap_or(0);
    let common = most_common(&mut (0..entries.len()).map(value).collect::<Vec<i64>>());
    let mut totals: Vec<(i64, u32)> = Vec::new();
    let mut last = None;
    for place in 0..entries.len() {
        let subject = entries.subject_at(place);
        match totals.last_mut().filter(|_| last == Some(subject)) {
            Some((total, _)) => *total = total.saturating_add(value(place)),
            None => totals.push((value(place), totals.len() as u32)),
        }
        last = Some(subject);
    }
    totals.sort_unstable();
    ranked(&totals, Screen { contributions: entries.len() as u64, common, ..Screen::default() })
}

/// Fills in the ranks of values that are sorted, each with the rank of its ordinal, from 0.
fn ranked(totals: &[(i64, u32)], screen: Screen) -> Screen {
    let count = totals.len() as i128;
    let mut ranked = Screen { subjects: totals.len() as u64, ..screen };
    let mut below = 0_i128;
    for tied in totals.chunk_by(|a, b| a.0 == b.0) {
        // Ranks from 1 on, doubled: those of a tie have their mean.
        let value = 2 * below + tied.len() as i128 - count;
        for (_, ordinal) in tied {
            let ordinal = 2 * i128::from(*ordinal) + 1 - count;
            ranked.product += ordinal * value;
            ranked.ordinals += ordinal * ordinal;
            ranked.values += value * value;
        }
        below += tied.len() as i128;
    }
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worked_example() {
        let screen = ranked(&[(10, 0), (20, 1), (20, 2)], Screen::default());
        assert_eq!((screen.subjects, screen.product, screen.ordinals, screen.values), (3, 6, 8, 6));
    }
}
