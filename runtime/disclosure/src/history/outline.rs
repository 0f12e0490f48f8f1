//! Outlines: a few sums and the largest contributors of a figure, to prove that a difference isn't concentrated.
//!
//! A sketch proves that *many* differ; nine small firms and one giant are many. Dominance and the p% rule compare the
//! largest contributions with the whole, so clearing them needs a lower bound of the whole difference and upper bounds
//! of its largest parts, by subject and by group:
//!
//! ```text
//! sum over units |a - b|   >= sum over the 16 rows of |row of a - row of b|     a group lies in one row
//! a - b of one unit        is exact if both name it among their largest, else within a's value less b's unnamed
//! ```
//!
//! # Guarantees
//! One-sided: bounds are true bounds, of the difference of any two figures and of combinations of them. An outline
//! whose sums overflow bounds nothing.
//!
//! # Does not guarantee
//! Tightness: what can't be shown to be spread out is worked out exactly by [`super::difference`].
//!
//! Example: of two disjoint figures of 40 subjects with 10 each the largest part of the difference is at most 10; if
//! contributions may be negative it is at most 20, since neither names everybody.

use super::keys::{Keys, Stranger};
use super::sketch::ROWS;
use super::top::{Largest, Named, Span, Top};

/// Sums by row are less than this in absolute value, so that differences fit as well; larger ones bound nothing.
const ROW_LIMIT: i64 = 1 << 62;

/// The outline of one quantity of a figure. No `Debug`: it is made from data.
#[derive(Clone, PartialEq, Eq)]
pub struct Outline {
    /// Sums by row of buckets; none where they are too large.
    pub(super) rows: Option<[i64; ROWS]>,
    total: i128,
    /// What every subject and every group is within, and 0.
    span: Span,
    pub(super) subjects: Top,
    /// By group; none where each subject is its own.
    pub(super) groups: Option<Top>,
}

impl Outline {
    /// Of one contribution a subject.
    pub(super) fn of(keys: &Keys, contributions: &[(u32, i128)]) -> Result<Outline, Stranger> {
        let (mut rows, mut overflow) = ([0_i128; ROWS], false);
        for (subject, value) in contributions {
            let (bucket, _) = keys.place(*subject)?;
            if let Some(held) = rows.get_mut(bucket % ROWS) {
                let (sum, over) = held.overflowing_add(*value);
                (*held, overflow) = (sum, overflow | over);
            }
        }
        let rows = (!overflow).then(|| narrowed(rows.map(i64::try_from))).flatten();
        let subjects = Top::of(contributions.iter().map(|(subject, value)| (u64::from(*subject), *value)));
        let groups = keys.domain().is_grouped().then(|| by_group(keys, contributions));
        Ok(Outline::assembled(rows, subjects, groups))
    }

    pub(super) fn assembled(rows: Option<[i64; ROWS]>, subjects: Top, groups: Option<Top>) -> Outline {
        let rows = rows.filter(|rows| rows.iter().all(|row| row.saturating_abs() < ROW_LIMIT));
        let total = rows.iter().flatten().copied().map(i128::from).sum();
        let span = groups.as_ref().map_or(Span::default(), Top::span).with(subjects.span());
        Outline { rows, total, span, subjects, groups }
    }

    /// What it takes in memory, in bytes.
    pub(super) fn memory(&self) -> usize {
        let named = self.subjects.named.capacity() + self.groups.as_ref().map_or(0, |top| top.named.capacity());
        size_of::<Outline>() + named * size_of::<Named>()
    }

    /// The outline of this figure less another.
    pub(super) fn minus(&self, other: &Outline) -> Outline {
        let rows = self.row_differences(other);
        let groups = self.groups.as_ref().zip(other.groups.as_ref()).map(|(a, b)| a.minus(b));
        Outline::assembled(rows, self.subjects.minus(&other.subjects), groups)
    }

    /// What is known of the difference from another figure at no cost: a lower bound of the whole and an upper bound of
    /// its largest part. None where nothing is known.
    #[inline]
    pub(super) fn roughly(&self, other: &Outline) -> Option<(i128, i128)> {
        if self.rows.is_none() || other.rows.is_none() {
            return None;
        }
        Some(((self.total - other.total).abs(), self.span.minus(other.span).size()))
    }

    /// The differences by row.
    pub(super) fn row_differences(&self, other: &Outline) -> Option<[i64; ROWS]> {
        let (mut rows, theirs) = self.rows.zip(other.rows)?;
        for (row, theirs) in rows.iter_mut().zip(theirs) {
            *row -= theirs;
        }
        Some(rows)
    }

    /// Whether some rows are proved to differ to one side and some to the other.
    #[inline]
    pub(super) fn differs_to_both_sides(&self, other: &Outline) -> bool {
        let Some((ours, theirs)) = self.rows.as_ref().zip(other.rows.as_ref()) else { return false };
        let (mut more, mut less) = (false, false);
        for (a, b) in ours.iter().zip(theirs) {
            (more, less) = (more | (a > b), less | (a < b));
            if more && less {
                return true;
            }
        }
        false
    }

    /// In how many rows the sums differ.
    #[inline]
    pub(super) fn rows_that_differ(&self, other: &Outline) -> u32 {
        let Some((ours, theirs)) = self.rows.as_ref().zip(other.rows.as_ref()) else { return 0 };
        ours.iter().zip(theirs).map(|(a, b)| u32::from(a != b)).sum()
    }

    /// How many groups have a part of the difference that isn't 0, at least: of its `rows` and its `largest` groups.
    pub(super) fn groups_that_differ(&self, other: &Outline, rows: &[i64; ROWS], largest: Largest) -> u32 {
        let named = || self.groups.as_ref().zip(other.groups.as_ref()).map_or(0, |(a, b)| a.that_differ(b));
        parts_at_least(rows, largest).max(named())
    }

    /// Whether nobody contributes less than 0.
    pub(super) fn has_no_negative(&self) -> bool {
        self.span.low >= 0
    }

    /// Whether some two subjects who differ are proved to differ by different amounts. Who may not differ at all, such
    /// as one who is in both alike, is no evidence.
    pub(super) fn some_differ_otherwise(&self, other: &Outline) -> bool {
        let differing = self.subjects.against(&other.subjects).map(|named| named.span).filter(|span| span.is_not_0());
        let limits = differing.fold(None, |limits: Option<(i128, i128)>, span| {
            let (lowest_high, highest_low) = limits.unwrap_or((span.high, span.low));
            Some((lowest_high.min(span.high), highest_low.max(span.low)))
        });
        limits.is_some_and(|(lowest_high, highest_low)| lowest_high < highest_low)
    }

    /// The largest parts of the difference, by subject and, where there are groups, by group.
    pub(super) fn largest(&self, other: &Outline) -> [Option<Largest>; 2] {
        let groups = self.groups.as_ref().zip(other.groups.as_ref()).map(|(a, b)| a.largest(b));
        [Some(self.subjects.largest(&other.subjects)), groups]
    }
}

/// How many units have a part that isn't 0, at least, if each lies in one of these rows and the largest are at most
/// these: a row takes as many as the largest goes into it, and what the three largest leave takes more of the third.
fn parts_at_least(rows: &[i64; ROWS], [first, two, three]: Largest) -> u32 {
    let rows = rows.iter().map(|row| i128::from(row.unsigned_abs()));
    let by_row = rows.clone().filter_map(|row| ceiling(row, first)).fold(0, i128::saturating_add);
    let left = rows.sum::<i128>().saturating_sub(three);
    let more = ceiling(left, three.saturating_sub(two)).filter(|_| left > 0);
    u32::try_from(by_row.max(more.map_or(0, |more| more.saturating_add(3)))).unwrap_or(u32::MAX)
}

fn ceiling(above: i128, below: i128) -> Option<i128> {
    above.saturating_add(below.saturating_sub(1)).checked_div(below)
}

fn narrowed<E>(rows: [Result<i64, E>; ROWS]) -> Option<[i64; ROWS]> {
    let mut narrow = [0; ROWS];
    for (place, row) in narrow.iter_mut().zip(rows) {
        *place = row.ok()?;
    }
    Some(narrow)
}

fn by_group(keys: &Keys, contributions: &[(u32, i128)]) -> Top {
    let group = |subject| keys.domain().group(subject).unwrap_or_default();
    let mut parts: Vec<(u64, i128)> = contributions.iter().map(|(subject, value)| (group(*subject), *value)).collect();
    if !parts.is_sorted_by_key(|(group, _)| *group) {
        parts.sort_unstable_by_key(|(group, _)| *group);
    }
    let sum = |parts: &[(u64, i128)]| parts.iter().fold(0_i128, |sum, (_, value)| sum.saturating_add(*value));
    Top::of(parts.chunk_by(|a, b| a.0 == b.0).filter_map(|parts| Some((parts.first()?.0, sum(parts)))))
}

#[cfg(test)]
mod tests {
    use super::super::keys::Domain;
    use super::*;

    #[test]
    fn the_example_of_the_page() {
        let keys = Keys::new(&[1; 32], Domain::ungrouped(100), 0);
        let of = |range: std::ops::Range<u32>| {
            let contributions: Vec<_> = range.map(|subject| (subject, 10)).collect();
            Outline::of(&keys, &contributions).expect("they are there")
        };
        assert_eq!(of(0..40).largest(&of(40..80)), [Some([10, 20, 30]), None]);
        let signed =
            |from: u32| Top::of((0..40).map(|unit| (u64::from(from + unit), if unit < 20 { 10 } else { -10 })));
        assert_eq!(signed(0).largest(&signed(40)), [20, 40, 60]);
    }

    #[test]
    fn a_whole_takes_so_many_groups() {
        let rows = |values: &[i64]| {
            let mut rows = [0; ROWS];
            rows[..values.len()].copy_from_slice(values);
            rows
        };
        // 25 of at most 10 are three groups, and a row of 1 is one more.
        assert_eq!(parts_at_least(&rows(&[25, -1]), [10, 20, 30]), 4);
        // A giant of 1,000 and parts of at most 5: of 1,110 there are 1,010 for three, and 20 more for the rest.
        assert_eq!(parts_at_least(&rows(&[1_110]), [1_000, 1_005, 1_010]), 23);
        assert_eq!(parts_at_least(&rows(&[]), [0, 0, 0]), 0);
        assert_eq!(parts_at_least(&rows(&[7]), [i128::MAX; 3]), 1);
    }

    #[test]
    fn groups_that_are_named_are_proved_to_differ() {
        let keys = Keys::new(&[1; 32], Domain::grouped((0..60).map(|subject| subject / 3).collect()), 0);
        let of = |range: std::ops::Range<u32>| {
            Outline::of(&keys, &range.map(|subject| (subject, 1)).collect::<Vec<_>>()).expect("they are there")
        };
        let (a, b) = (of(0..24), of(21..45));
        let rows = a.row_differences(&b).expect("small sums");
        // Seven on either side, and one that both have alike.
        assert_eq!(a.groups_that_differ(&b, &rows, a.largest(&b)[1].expect("groups")), 14);
        assert_eq!(a.rows_that_differ(&a), 0);
    }

    #[test]
    fn sums_that_overflow_bound_nothing() {
        let keys = Keys::new(&[1; 32], Domain::ungrouped(100), 0);
        let large: Vec<(u32, i128)> = (0..64).map(|subject| (subject, i128::MAX / 2)).collect();
        let outline = Outline::of(&keys, &large).expect("they are there");
        assert!(outline.rows.is_none() && outline.roughly(&outline).is_none());
        assert!(outline.row_differences(&outline).is_none());
    }
}
