//! Groups: which subjects are one unit, such as the vehicles of one enterprise or the members of one household.
//!
//! # Guarantees
//! A subject that is in no declared group is a group of its own, and shares its number with nobody.
//!
//! # Does not guarantee
//! That groups are complete: they are what the dataset's group column says.
//!
//! # Example
//! Subjects 1 and 2 in group 900, subject 5 in none: numbers 0, 0 and 2^32 + 5.

use super::Mismatch;

/// The group of each subject.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Groups {
    declared: bool,
    /// Subjects with their group's rank, sorted by subject. Ranks fit 32 bits, since subjects do.
    ranks: Vec<(u32, u32)>,
}

impl Groups {
    /// No group column: every subject is a group of its own.
    #[must_use]
    pub fn none() -> Groups {
        Groups::default()
    }

    /// The groups of a dataset that declares them: subjects with the number of their group.
    ///
    /// # Errors
    /// [`Mismatch::Group`] if a subject is in two groups.
    pub fn new(pairs: impl IntoIterator<Item = (u32, u64)>) -> Result<Groups, Mismatch> {
        let mut pairs: Vec<(u32, u64)> = pairs.into_iter().collect();
        pairs.sort_unstable();
        pairs.dedup();
        if pairs.windows(2).any(|pair| matches!(pair, [(a, _), (b, _)] if a == b)) {
            return Err(Mismatch::Group);
        }
        let mut numbers: Vec<u64> = pairs.iter().map(|(_, group)| *group).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let rank = |group: &u64| numbers.binary_search(group).map_or(u32::MAX, |place| place as u32);
        Ok(Groups { declared: true, ranks: pairs.iter().map(|(subject, group)| (*subject, rank(group))).collect() })
    }

    /// Whether the dataset declares groups at all.
    #[must_use]
    pub fn declared(&self) -> bool {
        self.declared
    }

    /// The group's number: equal for two subjects if and only if they are in one group.
    #[must_use]
    pub fn number(&self, subject: u32) -> u64 {
        let place = self.ranks.binary_search_by_key(&subject, |(subject, _)| *subject);
        let rank = place.ok().and_then(|place| self.ranks.get(place));
        rank.map_or((1 << 32) | u64::from(subject), |(_, rank)| u64::from(*rank))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worked_example() {
        let Ok(groups) = Groups::new([(2, 900), (1, 900), (3, u64::MAX), (2, 900)]) else { panic!("one group each") };
        assert_eq!([1, 2, 3, 5].map(|subject| groups.number(subject)), [0, 0, 1, (1 << 32) + 5]);
        assert!(groups.declared() && !Groups::none().declared());
        assert_eq!(Groups::none().number(7), (1 << 32) + 7);
        assert_eq!(Groups::new([(1, 1), (1, 2)]).err(), Some(Mismatch::Group));
    }
}
