//! Holders: who is alone in an inner cell, and therefore knows what it holds.
//!
//! Protection against insiders asks whether two cells have the same holder, and nothing else. So only that is kept:
//! holders are numbered as they first occur in the order of cells, and the numbers say nothing about who they are.
//!
//! # Guarantees
//! Two cells have the same number if and only if the same group is alone in both (a subject, where no groups are
//! declared). The numbers don't depend on the order of contributions.
//!
//! # Example
//! Subject 7 alone in cells 0 and 2, subject 3 alone in cell 3, two subjects in cell 1: 0, none, 0 and 1.

use std::collections::BTreeMap;

use super::{Contributions, Groups, Plane};

/// For each inner cell that isn't empty, in their order, the number of the group that is alone in it.
pub(super) fn holders(contributions: &Contributions, groups: &Groups) -> Vec<Option<u32>> {
    // Of each cell that has an entry, the group, as long as there is one alone.
    let mut alone: Vec<Option<Option<u64>>> = Vec::new();
    let mut last: Option<(u32, u64)> = None;
    for entry in contributions.iter() {
        let group = match last {
            Some((subject, group)) if subject == entry.subject => group,
            _ => groups.number(entry.subject),
        };
        last = Some((entry.subject, group));
        let cell = entry.cell as usize;
        if cell >= alone.len() {
            alone.resize(cell + 1, None);
        }
        if let Some(slot) = alone.get_mut(cell) {
            *slot = Some(slot.unwrap_or(Some(group)).filter(|held| *held == group));
        }
    }
    numbered(alone.into_iter().flatten())
}

/// Numbers in place of groups, as they first occur.
fn numbered(groups: impl Iterator<Item = Option<u64>>) -> Vec<Option<u32>> {
    let mut numbers: BTreeMap<u64, u32> = BTreeMap::new();
    let number = |group: u64| {
        let next = numbers.len() as u32;
        *numbers.entry(group).or_insert(next)
    };
    let mut number = number;
    groups.map(|group| group.map(&mut number)).collect()
}

/// Whether holders that were read back fit the inner cells.
pub(super) fn fit(holders: &[Option<u32>], inner: &Plane, distinct: bool) -> bool {
    let alone = inner.cells.values().map(|cell| cell.groups == 1);
    let once = numbered(holders.iter().map(|holder| holder.map(u64::from)));
    let count = holders.iter().flatten().count();
    let most = holders.iter().flatten().max().map_or(0, |most| *most as usize + 1);
    holders.len() == inner.cells.len()
        && holders.iter().map(Option::is_some).eq(alone)
        && once == holders
        && (!distinct || most == count)
}

#[cfg(test)]
mod tests {
    use super::super::Contribution;
    use super::*;

    fn of(pairs: &[(u32, u32)]) -> Contributions {
        let entry =
            |(subject, cell): &(u32, u32)| Contribution { subject: *subject, cell: *cell, records: 1, values: &[] };
        Contributions::new(0, pairs.iter().map(entry)).unwrap_or_else(|_| panic!("each pair once"))
    }

    #[test]
    fn the_worked_example() {
        let contributions = of(&[(7, 0), (7, 2), (3, 3), (1, 1), (2, 1)]);
        assert_eq!(holders(&contributions, &Groups::none()), [Some(0), None, Some(0), Some(1)]);
    }

    #[test]
    fn a_group_is_alone_where_only_its_members_are() {
        let Ok(groups) = Groups::new([(1, 50), (2, 50), (3, 50)]) else { panic!("one group") };
        let contributions = of(&[(1, 0), (2, 0), (3, 4), (9, 5)]);
        assert_eq!(holders(&contributions, &groups), [Some(0), Some(0), Some(1)]);
        assert_eq!(holders(&contributions, &Groups::none()), [None, Some(0), Some(1)]);
    }
}
