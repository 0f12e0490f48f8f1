//! Datasets and their sealed snapshots.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::dictionary::Dictionary;
use crate::digest::Commitment;
use crate::grade::Grade;
use crate::id::SnapshotId;
use crate::refusal::{Code, Refusal};

/// Whom the records of a dataset are about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectKey {
    /// The column that holds the key.
    pub column: String,
    /// The kind of subject and key: private tables join only within one subject domain.
    pub domain: String,
}

/// Whether a dataset's registration is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatasetState {
    /// In force until it lapses.
    Registered,
    /// No longer offered.
    Withdrawn,
}

/// A dataset: registered once, by the agency that is its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// Its name, which is also its table's name in queries.
    pub name: String,
    /// What it is, in words.
    pub title: String,
    /// The agency that is its source.
    pub agency: String,
    /// The agency's own code for the item.
    pub item_code: String,
    /// Whom its records are about; none for a public lookup table.
    pub subject: Option<SubjectKey>,
    /// The columns whose values together occur in one row only, and are never missing; none where nothing is declared.
    /// A snapshot that doesn't hold to it isn't sealed, and joins may rely on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unique: Vec<String>,
    /// The column whose value groups subjects into one legal entity or household.
    pub group: Option<String>,
    /// How sensitive it is.
    pub grade: Grade,
    /// The number of subjects that the agency declares in public. Nothing that anyone can observe depends on the
    /// true number.
    pub n_public: u64,
    /// Its columns.
    pub dictionary: Dictionary,
    /// Whether it is in force.
    pub state: DatasetState,
    /// When it was registered.
    pub registered_at_ms: i64,
    /// When the registration lapses.
    pub lapses_at_ms: i64,
}

impl Dataset {
    /// Whether its subjects are of this domain.
    #[must_use]
    pub fn is_of(&self, domain: &str) -> bool {
        self.subject.as_ref().is_some_and(|subject| subject.domain == domain)
    }

    /// Whether the dataset holds records about subjects.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.subject.is_some()
    }

    /// The grade of one column: its own, or the dataset's, whichever is higher.
    #[must_use]
    pub fn grade_of(&self, column: &str) -> Grade {
        let own = self.dictionary.column(column).and_then(|column| column.grade);
        own.map_or(self.grade, |grade| grade.max(self.grade))
    }

    /// Whether it may be granted and used now.
    #[must_use]
    pub fn in_force(&self, now_ms: i64) -> bool {
        self.state == DatasetState::Registered && now_ms < self.lapses_at_ms
    }

    /// Checks that the entry is well formed.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check(&self) -> Result<(), Refusal> {
        let broken = |text: &str| Err(Refusal::with(Code::Malformed, text));
        if !crate::id::is_name(&self.name) {
            return broken("a dataset's name is a plain lower-case name");
        }
        if self.title.is_empty() || self.title.len() > 400 || self.item_code.is_empty() || self.item_code.len() > 100 {
            return broken("a dataset needs a title and the agency's item code");
        }
        self.dictionary.check()?;
        match &self.subject {
            Some(subject) => {
                if self.dictionary.column(&subject.column).is_none() {
                    return broken("the subject's column isn't in the dictionary");
                }
                if !crate::id::is_name(&subject.domain) {
                    return broken("a subject domain's name is a plain lower-case name");
                }
                if self.n_public == 0 {
                    return broken("n_public, the declared number of subjects, must be at least 1");
                }
            }
            None if self.grade != Grade::Open => {
                return broken("a dataset without a subject is a public lookup table and must be of open grade");
            }
            None => {}
        }
        if self.group.as_ref().is_some_and(|group| self.dictionary.column(group).is_none()) {
            return broken("the group's column isn't in the dictionary");
        }
        let mut unique = BTreeSet::new();
        if !self.unique.iter().all(|name| self.dictionary.column(name).is_some() && unique.insert(name)) {
            return broken("a unique column isn't in the dictionary, or is listed twice");
        }
        Ok(())
    }
}

/// A sealed copy of a dataset. What it holds stays inside: neither its size nor a plain digest is recorded here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// Its name.
    pub id: SnapshotId,
    /// The dataset that it is a copy of.
    pub dataset: String,
    /// When it was sealed.
    pub sealed_at_ms: i64,
    /// Commitment to its content.
    pub content: Commitment,
}
