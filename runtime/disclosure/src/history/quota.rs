//! Quotas: hard caps on how much is out, in all and for one legal entity.
//!
//! No check on single tables stops reconstruction from many (Dinur and Nissim, PODS 2003); a cap on how many
//! independent figures are out does, crudely. An entity's share lies inside the total, so that one operator can't use
//! up what is there for all.
//!
//! # Guarantees
//! Integers and public numbers only: `N_public` is declared, never counted. What has been used never shrinks.
//!
//! # Does not guarantee
//! That below the caps nothing can be reconstructed.
//!
//! Source: disclosure.md, section 3: ranks released are at most `0.1 * N_public / t`.
//!
//! Example: 100,000 declared subjects and a threshold of 10 allow for 1,000 independent figures; with a share of 25
//! percent an entity may have 250 of them.

use std::collections::BTreeMap;

/// What one legal entity has been given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Used {
    /// Figures.
    pub figures: u64,
    /// Independent ones among them: a total of others that are out as well brings nobody closer.
    pub rank: u64,
}

/// The caps of a subject domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Figures, in all.
    pub figures: u64,
    /// Independent figures, in all.
    pub rank: u64,
    /// What one entity may use of each, in percent.
    pub share_percent: u8,
}

/// A cap that a candidate would exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exceeded {
    /// Too many figures in all.
    Figures,
    /// Too many independent figures in all.
    Rank,
    /// Too many figures for this entity.
    EntityFigures,
    /// Too many independent figures for this entity.
    EntityRank,
}

impl Exceeded {
    /// In words, for reviewers.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Exceeded::Figures => "more figures of this subject domain would be out than its quota allows",
            Exceeded::Rank => "more independent figures of this subject domain would be out than its quota allows",
            Exceeded::EntityFigures => "this legal entity would have more figures than its share of the quota",
            Exceeded::EntityRank => "this legal entity would have more independent figures than its share of the quota",
        }
    }
}

impl Caps {
    /// The usual ones: the rank from the declared number of subjects and the threshold, and ten figures for each.
    #[must_use]
    pub fn of(n_public: u64, threshold: u64, share_percent: u8) -> Caps {
        let rank = n_public / threshold.max(1).saturating_mul(10);
        Caps { figures: rank.saturating_mul(10), rank, share_percent: share_percent.min(100) }
    }

    /// What `asked` would exceed for this entity, after what all have used. Sums that overflow exceed.
    #[must_use]
    pub fn exceeded(&self, used: &BTreeMap<String, Used>, entity: &str, asked: &Used) -> Vec<Exceeded> {
        let own = used.get(entity).cloned().unwrap_or_default();
        let all = |of: fn(&Used) -> u64| used.values().map(of).fold(of(asked), u64::saturating_add);
        let share = |cap: u64| u128::from(cap) * u128::from(self.share_percent.min(100)) / 100;
        let mut found = Vec::new();
        for (exceeds, what) in [
            (all(|used| used.figures) > self.figures, Exceeded::Figures),
            (all(|used| used.rank) > self.rank, Exceeded::Rank),
            (u128::from(own.figures) + u128::from(asked.figures) > share(self.figures), Exceeded::EntityFigures),
            (u128::from(own.rank) + u128::from(asked.rank) > share(self.rank), Exceeded::EntityRank),
        ] {
            if exceeds {
                found.push(what);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_page() {
        let caps = Caps::of(100_000, 10, 25);
        assert_eq!(caps, Caps { figures: 10_000, rank: 1_000, share_percent: 25 });
        let used = BTreeMap::from([
            ("airline".to_owned(), Used { figures: 500, rank: 200 }),
            ("airport".to_owned(), Used { figures: 900, rank: 240 }),
        ]);
        let ask = |entity: &str, rank| caps.exceeded(&used, entity, &Used { figures: 100, rank });
        assert_eq!(ask("airline", 50), []);
        assert_eq!(ask("airline", 51), [Exceeded::EntityRank]);
        assert_eq!(ask("newcomer", 250), [], "others' use doesn't touch an entity's share");
        assert_eq!(ask("newcomer", 561), [Exceeded::Rank, Exceeded::EntityRank]);
        assert_eq!(caps.exceeded(&used, "x", &Used { figures: u64::MAX, rank: 0 }).len(), 2);
    }
}
