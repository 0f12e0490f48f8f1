//! Classes: subjects that no combination of figures can tell apart.
//!
//! A subject's contributions to all pooled figures are a vector. Whole multiples of one vector stay together in every
//! combination: it leaves all of them or none. So the unknowns of the pool aren't its subjects but its classes: those of
//! one *primitive* vector, which has no common divisor and starts with a positive number.
//!
//! # Guarantees
//! Each subject that contributes to some figure is in one class; the classes with most subjects come first. The order
//! in which entries come doesn't matter.
//!
//! # Does not guarantee
//! Anything about a subject that contributes 0 throughout: it has no vector.
//!
//! Example: subjects with (2, 2, 0), (1, 1, 0), (-3, -3, 0) and (1, 2, 0) are two classes: (1, 1, 0), with the multiples 2, 1
//! and -3, and (1, 2, 0).

use std::cmp::Reverse;

/// One subject's contribution to one figure.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub subject: u32,
    pub figure: u32,
    pub value: i64,
}

/// Larger contributions aren't pooled.
pub(super) const VALUE_MAX: i128 = 1 << 62;

/// The subjects of one primitive vector.
pub(super) struct Class {
    /// The vector: figures and numbers other than 0, by figure.
    pub vector: Vec<(u32, i64)>,
    /// The subjects and their multiples.
    pub members: Vec<(u32, i64)>,
}

/// The classes of a pool.
pub(super) struct Classes {
    all: Vec<Class>,
    by_figure: Vec<Vec<u32>>,
}

impl Classes {
    /// Of these contributions, none of them 0, to so many figures.
    pub(super) fn of(mut entries: Vec<Entry>, figures: usize) -> Classes {
        entries.sort_by_key(|entry| (entry.subject, entry.figure));
        let mut vectors: Vec<(&[Entry], i64)> = entries
            .chunk_by_mut(|a, b| a.subject == b.subject)
            .map(|vector| {
                let multiple = make_primitive(vector);
                (&*vector, multiple)
            })
            .collect();
        let numbers = |vector: &'_ [Entry]| vector.iter().map(|entry| (entry.figure, entry.value)).collect::<Vec<_>>();
        let order = |a: &[Entry], b: &[Entry]| {
            let (a, b) = (a.iter().map(|entry| (entry.figure, entry.value)), b.iter());
            a.cmp(b.map(|entry| (entry.figure, entry.value)))
        };
        // Entries are by subject already, and a stable sort keeps that.
        vectors.sort_by(|(a, _), (b, _)| order(a, b));
        let alike = vectors.chunk_by(|(a, _), (b, _)| order(a, b).is_eq());
        let mut all: Vec<Class> = alike
            .filter_map(|alike| {
                let subject = |vector: &[Entry]| vector.first().map(|entry| entry.subject);
                let members = alike.iter().filter_map(|(vector, multiple)| Some((subject(vector)?, *multiple)));
                Some(Class { vector: numbers(alike.first()?.0), members: members.collect() })
            })
            .collect();
        all.sort_by_key(|class| Reverse(class.members.len()));
        let mut by_figure = vec![Vec::new(); figures];
        for (class, place) in all.iter().zip(0..) {
            for (figure, _) in &class.vector {
                if let Some(list) = by_figure.get_mut(*figure as usize) {
                    list.push(place);
                }
            }
        }
        Classes { all, by_figure }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn get(&self, class: u32) -> Option<&Class> {
        self.all.get(class as usize)
    }

    /// The classes that contribute to a figure.
    pub(super) fn of_figure(&self, figure: usize) -> &[u32] {
        self.by_figure.get(figure).map_or(&[], Vec::as_slice)
    }

    /// The vector of a class; empty where there is none.
    pub(super) fn vector(&self, class: u32) -> &[(u32, i64)] {
        self.get(class).map_or(&[], |class| &class.vector)
    }

    /// The subjects of a class and their multiples.
    pub(super) fn members(&self, class: u32) -> &[(u32, i64)] {
        self.get(class).map_or(&[], |class| &class.members)
    }
}

/// Divides by the greatest common divisor, with the sign of the first number, and says by what.
fn make_primitive(vector: &mut [Entry]) -> i64 {
    let divisor = vector.iter().fold(0, |divisor, entry| common_divisor(entry.value.unsigned_abs(), divisor));
    let negative = vector.first().is_some_and(|entry| entry.value < 0);
    let multiple = i64::try_from(divisor.max(1)).unwrap_or(i64::MAX) * if negative { -1 } else { 1 };
    for entry in vector {
        entry.value /= multiple;
    }
    multiple
}

/// Euclid's.
pub(super) fn common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(vectors: &[(u32, [i64; 3])]) -> Classes {
        let entries = vectors.iter().flat_map(|(subject, vector)| {
            (0..).zip(vector).map(|(figure, value)| Entry { subject: *subject, figure, value: *value })
        });
        Classes::of(entries.filter(|entry| entry.value != 0).collect(), 3)
    }

    #[test]
    fn multiples_of_one_vector_are_a_class() {
        let found = classes(&[(9, [1, 2, 0]), (4, [2, 2, 0]), (1, [1, 1, 0]), (5, [-3, -3, 0]), (7, [0, 0, 0])]);
        assert_eq!(found.len(), 2);
        assert_eq!((found.vector(0), found.members(0)), (&[(0, 1), (1, 1)][..], &[(1, 1), (4, 2), (5, -3)][..]));
        assert_eq!((found.vector(1), found.members(1)), (&[(0, 1), (1, 2)][..], &[(9, 1)][..]));
        assert_eq!((found.of_figure(1), found.of_figure(2)), (&[0, 1][..], &[][..]));
        assert!(found.vector(2).is_empty() && found.of_figure(3).is_empty());
    }

    #[test]
    fn the_largest_and_least_values_have_multiples_too() {
        let most = VALUE_MAX as i64;
        let found = classes(&[(1, [-most, most, 0]), (2, [most, most - 1, 0]), (3, [0, 0, -most])]);
        assert_eq!(found.len(), 3);
        let all: Vec<_> = (0..3).map(|class| (found.vector(class).to_vec(), found.members(class).to_vec())).collect();
        assert!(all.contains(&(vec![(0, 1), (1, -1)], vec![(1, -most)])));
        assert!(all.contains(&(vec![(0, most), (1, most - 1)], vec![(2, 1)])));
        assert!(all.contains(&(vec![(2, 1)], vec![(3, -most)])));
    }
}
