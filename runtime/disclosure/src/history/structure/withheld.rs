//! Withheld figures that follow from what is out, by combinations of three figures and more.
//!
//! A withheld figure is a sum over classes, or it doesn't follow: where it has some of a class and not the others, or
//! other multiples of them, no combination of figures is it.
//!
//! # Guarantees
//! A withheld figure that equals a combination of the pooled ones is found, whatever the coefficients.
//!
//! # Does not guarantee
//! Anything about one that follows nearly: intervals are the audit's matter.
//!
//! Example: of a withheld cell of 5 subjects, a total of 100 and two parts of 40 and 55, the cell is the total less both.

use super::super::contributions::Contributions;
use super::classes::Classes;
use super::prime::Prime;
use super::search::Left;

/// The subjects of all classes, to be looked up.
pub(super) struct Members(Vec<(u32, u32, i64)>);

impl Members {
    pub(super) fn of(classes: &Classes) -> Members {
        let classes = (0..classes.len() as u32).map(|class| (class, classes.members(class)));
        let mut all: Vec<(u32, u32, i64)> = classes
            .flat_map(|(class, members)| members.iter().map(move |(subject, multiple)| (*subject, class, *multiple)))
            .collect();
        all.sort_unstable();
        Members(all)
    }

    /// The sum over classes that a figure is, if it is one that says anything of anybody.
    pub(super) fn express(&self, classes: &Classes, prime: &Prime, figure: &Contributions) -> Option<Vec<Left>> {
        let parts = figure.as_slice().iter().filter(|(_, value)| *value != 0);
        let mut found: Vec<(u32, i128, i64)> = parts
            .map(|(subject, value)| {
                let place = self.0.binary_search_by_key(subject, |(subject, ..)| *subject).ok()?;
                let (_, class, multiple) = *self.0.get(place)?;
                Some((class, *value, multiple))
            })
            .collect::<Option<_>>()?;
        found.sort_unstable_by_key(|(class, ..)| *class);
        let alike = found.chunk_by(|a, b| a.0 == b.0).map(|alike| {
            let (class, value, multiple) = *alike.first()?;
            let same =
                alike.iter().all(|(_, other, times)| Some(true) == same_ratio((value, multiple), (*other, *times)));
            let complete = classes.members(class).len() == alike.len();
            let part = prime.mul(prime.whole(i64::try_from(value).ok()?), prime.inverse(prime.whole(multiple)));
            (same && complete).then_some((class, part))
        });
        let found: Vec<Left> = alike.collect::<Option<_>>()?;
        (!found.is_empty()).then_some(found)
    }
}

fn same_ratio(a: (i128, i64), b: (i128, i64)) -> Option<bool> {
    Some(a.0.checked_mul(i128::from(b.1))? == b.0.checked_mul(i128::from(a.1))?)
}

#[cfg(test)]
mod tests {
    use super::super::classes::Entry;
    use super::*;

    #[test]
    fn only_whole_classes_in_one_multiple_are_a_sum_over_classes() {
        let entries = [(1, 0, 2), (2, 0, 4), (3, 1, 5)];
        let entries = entries.map(|(subject, figure, value)| Entry { subject, figure, value }).to_vec();
        let (classes, prime) = (Classes::of(entries, 2), Prime::drawn(1));
        let members = Members::of(&classes);
        let express = |parts: &[(u32, i128)]| {
            let found = members.express(&classes, &prime, &Contributions::of(parts.iter().copied()))?;
            found.into_iter().map(|(class, part)| Some((class, prime.fraction(part, 100)?))).collect::<Option<Vec<_>>>()
        };
        assert_eq!(express(&[(1, 3), (2, 6), (9, 0)]), Some(vec![(0, (3, 2))]));
        assert_eq!(express(&[(1, 2), (2, 4), (3, 5)]), Some(vec![(0, (1, 1)), (1, (1, 1))]));
        for wrong in [&[(1, 2), (2, 5)][..], &[(1, 2)], &[(4, 1)], &[], &[(3, 0)], &[(1, 2), (2, 4), (3, 1 << 64)]] {
            assert_eq!(express(wrong), None);
        }
    }
}
