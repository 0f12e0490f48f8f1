//! Grades of data, and the lanes by which results come out.

use serde::{Deserialize, Serialize};

/// How sensitive a dataset or a column is. The order is from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Published, or fit to be: floor G1.
    Open,
    /// Usable under conditions: floor G2.
    Conditional,
    /// Personal or company data: floor G3.
    Restricted,
    /// Health, tax, minors: floor G4.
    Special,
    /// Can't be granted at all.
    Secret,
}

/// By what kind of evidence a result may come out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// The module maps one subject at a time and the host counts.
    Tabulate,
    /// One instance reads all granted rows and people read what it writes.
    Report,
}

impl Lane {
    /// The lane's name, as in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Lane::Tabulate => "tabulate",
            Lane::Report => "report",
        }
    }
}

impl Grade {
    /// Whether outputs of this lane may be asked for at this grade.
    #[must_use]
    pub fn permits(self, lane: Lane) -> bool {
        match (self, lane) {
            (Grade::Secret, _) | (Grade::Special, Lane::Report) => false,
            (_, Lane::Tabulate | Lane::Report) => true,
        }
    }

    /// The least number of reviewers who must agree before an output of this lane leaves.
    #[must_use]
    pub fn reviewers_min(self, _lane: Lane) -> u32 {
        2
    }
}
