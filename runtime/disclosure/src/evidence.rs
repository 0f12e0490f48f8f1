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
    /// Of each part the subject, its group, and where its values begin.
    parts: Vec<(u32, u64, usize)>,
    /// Of each part its records and values.
    values: Vec<i128>,
    width: usize,
}

impl Collector {
    /// For so many measures.
    #[must_use]
    pub fn new(measures: usize) -> Collector {
        Collector { parts: Vec::new(), values: Vec::new(), width: measures + 1 }
    }

    /// Adds a part of a subject's contribution. Sums saturate: no figure that is counted comes near.
    pub fn add(&mut self, unit: Unit<'_>) {
        let place = self.values.len();
        self.parts.push((unit.subject, unit.group, place));
        self.values.extend(std::iter::once(&unit.records).chain(unit.values).take(self.width));
        self.values.resize(place + self.width, 0);
    }

    /// The evidence.
    #[must_use]
    pub fn finish(mut self) -> Evidence {
        // By subject in the order in which they came: the first part says the group.
        self.parts.sort_by_key(|(subject, ..)| *subject);
        let subjects: Vec<&[(u32, u64, usize)]> = self.parts.chunk_by(|a, b| a.0 == b.0).collect();
        let group = |parts: &[(u32, u64, usize)]| parts.first().map_or(0, |(_, group, _)| *group);
        let mut by_group: Vec<usize> = (0..subjects.len()).collect();
        let group_at = |place: &usize| subjects.get(*place).map_or(0, |parts| group(parts));
        by_group.sort_unstable_by_key(group_at);
        let groups = || by_group.chunk_by(|a, b| group_at(a) == group_at(b));
        let each_alone = groups().count() == subjects.len();
        let (mut merged, mut together) = (Vec::with_capacity(subjects.len()), Vec::new());
        let mut spread = |column: usize| {
            let value = |(_, _, place): &(u32, u64, usize)| self.values.get(place + column).copied().unwrap_or(0);
            merged.clear();
            merged.extend(subjects.iter().map(|parts| added(parts.iter().map(value))));
            together.clear();
            if !each_alone {
                let members = |group: &[usize]| added(group.iter().filter_map(|place| merged.get(*place).copied()));
                together.extend(groups().map(members));
            }
            let subjects = Shares::of_scratch(&mut merged);
            let groups = if each_alone { subjects.clone() } else { Shares::of_scratch(&mut together) };
            Spread { subjects, groups }
        };
        Evidence {
            subjects: subjects.len() as u64,
            groups: groups().count() as u64,
            largest_group: groups().map(|group| group.len() as u64).max().unwrap_or(0),
            records: spread(0),
            measures: (1..self.width).map(spread).collect(),
        }
    }
}

/// The sum, as far as it goes.
fn added(values: impl Iterator<Item = i128>) -> i128 {
    values.fold(0, i128::saturating_add)
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

    /// The same of a buffer that the caller uses again; its order changes.
    pub(crate) fn of_scratch<T: Copy + Ord + Into<i128>>(values: &mut [T]) -> Shares {
        let all = || values.iter().map(|value| -> i128 { (*value).into() });
        let (sum, sum_abs, nonzero) = all().fold((0_i128, 0_i128, 0), |(sum, sum_abs, nonzero), value| {
            let sum_abs = sum_abs.saturating_add(value.saturating_abs());
            (sum.saturating_add(value), sum_abs, nonzero + u64::from(value != 0))
        });
        let units = values.len() as u64;
        let common = most_common(values);
        let ends: Vec<i128> = ends(values).iter().map(|value| (*value).into()).collect();
        Shares {
            sum,
            sum_abs,
            units,
            nonzero,
            common,
            highest: ends.iter().rev().take(TOP).copied().collect(),
            lowest: ends.iter().take(TOP).copied().collect(),
            top: largest(&ends),
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

/// The least and the greatest of values, [`TOP`] of each, sorted; all of them where there are no more. Their order
/// changes.
fn ends<T: Copy + Ord>(values: &mut [T]) -> &[T] {
    let count = values.len();
    if count > 2 * TOP {
        // The least to the front, then the greatest behind them.
        values.select_nth_unstable(TOP - 1);
        let (_, rest) = values.split_at_mut(TOP);
        rest.select_nth_unstable_by(TOP - 1, |a, b| b.cmp(a));
    }
    let ends = values.get_mut(..count.min(2 * TOP)).unwrap_or_default();
    ends.sort_unstable();
    ends
}

/// How often the most frequent value occurs. The order of the values may change.
pub(crate) fn most_common<T: Copy + Ord + Into<i128>>(values: &mut [T]) -> u64 {
    let (Some(least), Some(greatest)) = (values.iter().min().copied(), values.iter().max().copied()) else { return 0 };
    let (least, greatest): (i128, i128) = (least.into(), greatest.into());
    // Where few values are possible, they are counted by value.
    match greatest.checked_sub(least).and_then(|width| usize::try_from(width).ok()) {
        Some(0) => values.len() as u64,
        Some(width) if width <= values.len() => {
            let mut counts = vec![0_u64; width + 1];
            for value in values.iter() {
                let place = usize::try_from((*value).into() - least).unwrap_or(0);
                counts.get_mut(place).into_iter().for_each(|count| *count += 1);
            }
            counts.into_iter().max().unwrap_or(0)
        }
        _ => {
            values.sort_unstable();
            values.chunk_by(|a, b| a == b).map(<[T]>::len).max().unwrap_or(0) as u64
        }
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
    fn however_values_are_counted_the_shares_are_the_same() {
        let mut draw = 1_u64;
        for round in 0..3_000_u64 {
            // From all the same to all different, with both signs, and lengths around twice the number that is kept.
            let width = [1, 2, 5, 12, 1 << 20, u64::MAX >> 20][round as usize % 6];
            let values: Vec<i128> = (0..round % 17)
                .map(|_| {
                    draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    i128::from((draw >> 20) % width) - i128::from(width / 2)
                })
                .collect();
            let shares = Shares::of(values.iter().copied());
            let mut sorted = values.clone();
            sorted.sort_unstable();
            let frequency = |value: &i128| values.iter().filter(|other| *other == value).count() as u64;
            assert_eq!(shares.common, values.iter().map(frequency).max().unwrap_or(0));
            assert_eq!(shares.lowest, sorted.iter().take(TOP).copied().collect::<Vec<_>>());
            assert_eq!(shares.highest, sorted.iter().rev().take(TOP).copied().collect::<Vec<_>>());
            sorted.sort_unstable_by_key(|value| (std::cmp::Reverse(value.abs()), std::cmp::Reverse(*value)));
            assert_eq!(shares.top, sorted.iter().filter(|value| **value != 0).take(TOP).copied().collect::<Vec<_>>());
            assert_eq!(shares.units, values.len() as u64);
            assert_eq!(shares.nonzero, values.iter().filter(|value| **value != 0).count() as u64);
            assert_eq!(
                (shares.sum, shares.sum_abs),
                (values.iter().sum(), values.iter().map(|value| value.abs()).sum())
            );
        }
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
