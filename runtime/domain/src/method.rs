//! Methods: how counted figures are protected. An agency chooses one for each family and each grant.

use serde::{Deserialize, Serialize};

/// How counted figures are protected and published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// What a rule catches is withheld, what is shown is rounded, and totals are sums of what is shown.
    #[default]
    RedactThenRound,
    /// What a rule catches is withheld, and as many other cells as it takes that none can be worked out or known too
    /// closely; each figure is then rounded by itself. Totals are the population's.
    Suppress,
    /// As [`Method::Suppress`], but the inner figures are rounded so that totals are sums of rounded figures. Without
    /// a base to round to it is the same.
    ControlledRounding,
    /// What a rule catches is withheld, and every other count of subjects has noise that depends on who is counted;
    /// nothing else is shown. It can be averaged away, so it is for tables that people release.
    CellKey,
}

impl Method {
    /// Whether cells are withheld for the sake of others, so that totals can be those of everything counted.
    #[must_use]
    pub fn has_pattern(self) -> bool {
        match self {
            Method::RedactThenRound | Method::CellKey => false,
            Method::Suppress | Method::ControlledRounding => true,
        }
    }
}
