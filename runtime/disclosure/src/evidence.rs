//! Evidence: what the host knows of the units behind one published figure.
//!
//! It is collected from one contribution per subject and cell, the same for an inner cell, a margin, a node of a
//! hierarchy and the *difference* of two releases: each of them is a figure that somebody can read, so each undergoes
//! the same rules. Subjects of one legal entity are merged into a group, and the rules hold on both levels.
//!
//! # Guarantees
//! Exact integers; the order in which units come doesn't matter.
//!
//! # Does not guarantee
//! That a group is one in the world: groups are what the dataset's group column says.

use std::collections::BTreeMap;

/// How many of the largest contributors are kept for each quantity.
pub const TOP: usize = 3;

/// How one quantity is shared out among the units of a figure.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Shares {
    /// The sum of the contributions.
    pub sum: i128,
    /// The sum of their absolute values.
    pub sum_abs: i128,
    /// All units of the figure.
    pub units: u64,
    /// Units whose contribution isn't 0.
    pub nonzero: u64,
    /// Contributions that are largest in absolute value, signed, largest first, at most [`TOP`], none of them 0.
    pub top: Vec<i128>,
    /// The largest contributions, signed, largest first, at most [`TOP`].
    pub highest: Vec<i128>,
    /// The least contributions, signed, least first, at most [`TOP`].
    pub lowest: Vec<i128>,
    /// How many units share the most frequent contribution.
    pub common: u64,
}

/// One quantity by subject and by group.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Spread {
    /// By subject.
    pub subjects: Shares,
    /// By group; as by subject where no groups are declared.
    pub groups: Shares,
}

/// What stands behind one figure.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Distinct subjects.
    pub subjects: u64,
    /// Distinct groups.
    pub groups: u64,
    /// Subjects of the largest group.
    pub largest_group: u64,
    /// Records.
    pub records: Spread,
    /// The measures, in the contract's order, then whatever is derived from them.
    pub measures: Vec<Spread>,
}

/// One subject's contribution to a figure.
#[derive(Clone, Copy)]
pub struct Unit<'a> {
    /// The subject's ordinal in its domain.
    pub subject: u32,
    /// The group's number; subjects of one number are one group.
    pub group: u64,
    /// Its records; of a difference of two releases, signed.
    pub records: i128,
    /// Its contribution to each measure.
    pub values: &'a [i128],
}

/// Collects the evidence of one figure. A subject may come in several parts; they are added up.
#[derive(Default)]
pub struct Collector {
    subjects: BTreeMap<u32, (u64, Vec<i128>)>,
    width: usize,
}

impl Collector {
    /// For so many measures.
    #[must_use]
    pub fn new(measures: usize) -> Collector {
        Collector { subjects: BTreeMap::new(), width: measures }
    }

    /// Adds a part of a subject's contribution. Sums saturate: no figure that is counted comes near.
    pub fn add(&mut self, unit: Unit<'_>) {
        let width = self.width;
        let (_, held) = self.subjects.entry(unit.subject).or_insert_with(|| (unit.group, vec![0; width + 1]));
        for (slot, value) in held.iter_mut().zip(std::iter::once(&unit.records).chain(unit.values)) {
            *slot = slot.saturating_add(*value);
        }
    }

    /// The evidence.
    #[must_use]
    pub fn finish(self) -> Evidence {
        let mut groups: BTreeMap<u64, (u64, Vec<i128>)> = BTreeMap::new();
        for (group, values) in self.subjects.values() {
            let (members, held) = groups.entry(*group).or_insert_with(|| (0, vec![0; self.width + 1]));
            *members += 1;
            for (slot, value) in held.iter_mut().zip(values) {
                *slot = slot.saturating_add(*value);
            }
        }
        let spread = |index: usize| Spread {
            subjects: Shares::of(self.subjects.values().filter_map(|(_, values)| values.get(index).copied())),
            groups: Shares::of(groups.values().filter_map(|(_, values)| values.get(index).copied())),
        };
        Evidence {
            subjects: self.subjects.len() as u64,
            groups: groups.len() as u64,
            largest_group: groups.values().map(|(members, _)| *members).max().unwrap_or(0),
            records: spread(0),
            measures: (1..=self.width).map(spread).collect(),
        }
    }
}

impl Evidence {
    /// The evidence of both figures together, where no subject and no group is in both.
    pub(crate) fn joined(&self, other: &Evidence) -> Evidence {
        let spread = |(one, two): (&Spread, &Spread)| Spread {
            subjects: one.subjects.joined(&two.subjects),
            groups: one.groups.joined(&two.groups),
        };
        Evidence {
            subjects: self.subjects.saturating_add(other.subjects),
            groups: self.groups.saturating_add(other.groups),
            largest_group: self.largest_group.max(other.largest_group),
            records: spread((&self.records, &other.records)),
            measures: self.measures.iter().zip(&other.measures).map(spread).collect(),
        }
    }
}

impl Shares {
    /// The shares of these contributions, one a unit.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = i128>) -> Shares {
        Shares::of_scratch(&mut values.into_iter().collect::<Vec<i128>>())
    }

    /// The same of a buffer that the caller uses again; it is sorted afterwards.
    pub(crate) fn of_scratch(values: &mut [i128]) -> Shares {
        values.sort_unstable();
        let values = &*values;
        Shares {
            sum: values.iter().fold(0, |sum: i128, value| sum.saturating_add(*value)),
            sum_abs: values.iter().fold(0, |sum: i128, value| sum.saturating_add(value.saturating_abs())),
            units: values.len() as u64,
            nonzero: values.iter().filter(|value| **value != 0).count() as u64,
            common: values.chunk_by(|a, b| a == b).map(<[i128]>::len).max().unwrap_or(0) as u64,
            highest: values.iter().rev().take(TOP).copied().collect(),
            lowest: values.iter().take(TOP).copied().collect(),
            top: largest(values),
        }
    }

    /// Whether all units contribute the same.
    #[must_use]
    pub fn all_equal(&self) -> bool {
        self.units > 0 && self.lowest.first() == self.highest.first()
    }

    /// The shares of both, where no unit is in both: all fields are exact but `common`, which is then a lower bound.
    #[must_use]
    pub fn joined(&self, other: &Shares) -> Shares {
        let kept =
            |one: &[i128], two: &[i128], order: fn(&i128) -> (std::cmp::Reverse<u128>, std::cmp::Reverse<i128>)| {
                let mut values: Vec<i128> = one.iter().chain(two).copied().collect();
                values.sort_by_key(order);
                values.truncate(TOP);
                values
            };
        let mut joined = Shares {
            sum: self.sum.saturating_add(other.sum),
            sum_abs: self.sum_abs.saturating_add(other.sum_abs),
            units: self.units.saturating_add(other.units),
            nonzero: self.nonzero.saturating_add(other.nonzero),
            top: kept(&self.top, &other.top, |value| {
                (std::cmp::Reverse(value.unsigned_abs()), std::cmp::Reverse(*value))
            }),
            highest: kept(&self.highest, &other.highest, |value| (std::cmp::Reverse(0), std::cmp::Reverse(*value))),
            lowest: kept(&self.lowest, &other.lowest, |value| {
                (std::cmp::Reverse(0), std::cmp::Reverse(value.saturating_neg()))
            }),
            common: self.common.max(other.common),
        };
        if joined.all_equal() {
            joined.common = joined.units;
        }
        joined
    }
}

/// The largest of sorted values by absolute value, at most [`TOP`], without zeros: they are at the two ends.
fn largest(sorted: &[i128]) -> Vec<i128> {
    let mut ends = sorted.iter();
    let mut top = Vec::with_capacity(TOP);
    while top.len() < TOP {
        let rest = ends.as_slice();
        let (Some(low), Some(high)) = (rest.first(), rest.last()) else { break };
        let next = if high.unsigned_abs() >= low.unsigned_abs() { ends.next_back() } else { ends.next() };
        match next {
            Some(value) if *value != 0 => top.push(*value),
            _ => break,
        }
    }
    top
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_merged_into_groups_and_parts_into_subjects() {
        let mut collector = Collector::new(1);
        for (subject, group, value) in [(1, 7, 5), (2, 7, -2), (1, 7, 1), (3, 8, 0)] {
            collector.add(Unit { subject, group, records: 1, values: &[value] });
        }
        let evidence = collector.finish();
        assert_eq!((evidence.subjects, evidence.groups, evidence.largest_group), (3, 2, 2));
        let [sum] = evidence.measures.as_slice() else { panic!("one measure") };
        assert_eq!((sum.subjects.sum, sum.subjects.sum_abs, sum.subjects.nonzero), (4, 8, 2));
        assert_eq!(sum.subjects.top, [6, -2]);
        assert_eq!(
            (sum.subjects.highest.as_slice(), sum.subjects.lowest.as_slice()),
            (&[6, 0, -2][..], &[-2, 0, 6][..])
        );
        assert_eq!((sum.groups.top.as_slice(), sum.groups.units), (&[4][..], 2));
        assert_eq!((evidence.records.subjects.sum, evidence.records.groups.top.as_slice()), (4, &[3, 1][..]));
        assert_eq!(evidence.records.subjects.common, 2);
    }

    #[test]
    fn joining_is_collecting_at_once() {
        let (one, two) = ([5, -9, 0, 5, 2], [7, -9, 0, 1]);
        let joined = Shares::of(one).joined(&Shares::of(two));
        let whole = Shares::of(one.into_iter().chain(two));
        // Twice 5 on one side, and two each of 0 and -9 in all: here the bound is exact.
        assert!(joined == whole);
        assert_eq!((joined.top.as_slice(), joined.lowest.as_slice()), (&[-9, -9, 7][..], &[-9, -9, 0][..]));
        let same = Shares::of([4, 4]).joined(&Shares::of([4]));
        assert_eq!((same.all_equal(), same.common), (true, 3));
        assert!(!Shares::of([]).all_equal());
    }
}
