//! Contributions: what each subject of a figure contributes, exactly.
//!
//! Kept with the archive so that whatever a sketch can't clear is worked out in full.
//!
//! # Guarantees
//! Sorted by subject, each once; the order in which parts come doesn't matter. A subject that contributes 0 is in.

/// One contribution a subject, in the order of subjects. No `Debug`: it holds rows.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Contributions(Vec<(u32, i128)>);

impl Contributions {
    /// Of these parts; the parts of one subject are added up. Sums saturate: no figure that is counted comes near.
    #[must_use]
    pub fn of(parts: impl IntoIterator<Item = (u32, i128)>) -> Contributions {
        let mut parts: Vec<(u32, i128)> = parts.into_iter().collect();
        if !parts.is_sorted_by_key(|(subject, _)| *subject) {
            parts.sort_unstable_by_key(|(subject, _)| *subject);
        }
        parts.dedup_by(|part, kept| {
            let same = part.0 == kept.0;
            if same {
                kept.1 = kept.1.saturating_add(part.1);
            }
            same
        });
        Contributions(parts)
    }

    /// A count of these subjects: each contributes 1, however often it is named.
    #[must_use]
    pub fn counting(subjects: impl IntoIterator<Item = u32>) -> Contributions {
        let mut subjects: Vec<u32> = subjects.into_iter().collect();
        subjects.sort_unstable();
        subjects.dedup();
        Contributions(subjects.into_iter().map(|subject| (subject, 1)).collect())
    }

    /// Subject and contribution, sorted by subject.
    #[must_use]
    pub fn as_slice(&self) -> &[(u32, i128)] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_added_up_in_any_order_and_zeros_stay() {
        let one = Contributions::of([(9, 1), (2, 5), (9, -1), (4, 0)]);
        assert_eq!(one.as_slice(), [(2, 5), (4, 0), (9, 0)]);
        assert!(one == Contributions::of([(4, 0), (9, -1), (9, 1), (2, 5)]));
        assert_eq!(Contributions::counting([3, 1, 3]).as_slice(), [(1, 1), (3, 1)]);
    }
}
