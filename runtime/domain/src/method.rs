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
    /// As [`Method::Suppress`], but figures are rounded together, so that totals are sums of rounded figures. Without a
    /// base to round to it is the same.
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

    /// What a family is protected by if it doesn't say.
    #[must_use]
    pub fn suppress() -> Method {
        Method::Suppress
    }

    /// Whether it is what a family is protected by if it doesn't say.
    #[must_use]
    pub fn is_suppress(&self) -> bool {
        *self == Method::Suppress
    }

    /// Whether families can be protected by it. A cell of a vetted family has one value, whoever asks and whichever
    /// table it is looked up in, and nobody looks at an answer before it leaves.
    ///
    /// # Errors
    /// Why not, for the agency.
    pub fn check_for_families(self) -> Result<(), &'static str> {
        match self {
            Method::Suppress | Method::ControlledRounding => Ok(()),
            Method::RedactThenRound => {
                Err("`redact_then_round` isn't for families: a total that adds up what is shown \
                would have another value for each table that it can be added up from, and a cell of vetted families has \
                one value; take `suppress` without margins, whose cells can be added up by whoever asks")
            }
            Method::CellKey => {
                Err("`cell_key` isn't for families: its noise can be averaged away by asking often, and \
                families are answered without anybody looking; take `suppress` or `controlled_rounding`")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_protected_by_methods_that_give_a_cell_one_value() {
        for (method, refused) in [
            (Method::Suppress, None),
            (Method::ControlledRounding, None),
            (Method::RedactThenRound, Some("has one value")),
            (Method::CellKey, Some("averaged away")),
        ] {
            let why = method.check_for_families().err();
            assert_eq!(why.is_some(), refused.is_some(), "{method:?}");
            assert!(why.is_none_or(|why| refused.is_some_and(|part| why.contains(part))), "{why:?}");
        }
    }
}
