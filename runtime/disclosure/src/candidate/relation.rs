//! Figures that follow from others: differences of a ratio's parts, and the relations between measures that an agency
//! declares.
//!
//! # Guarantees
//! What is derived is derived per subject, so that its contributors are known as those of any measure.
//!
//! # Does not guarantee
//! That every relation is declared: of which measures none is known, reviewers are told. Which there are between a
//! contract's measures is worked out in [`sluice_domain::relation`].
//!
//! # Example
//! Profit is revenue less cost. Where revenue and cost are published, profit is: `terms` 1 * revenue - 1 * cost. If
//! profit is a measure of the table too, `equals` names it.

use serde::{Deserialize, Serialize};
use sluice_domain::contract::{Ratio, Statistic, Tabulation};
pub use sluice_domain::relation::Relation;

use super::Mismatch;

/// The most relations of one table: those of 16 datasets, which is how many a grant may have, and what each leaves over.
const RELATIONS_MAX: usize = 2 * 16 * sluice_domain::relation::RELATIONS_MAX;

/// A combination of measures that is a figure of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Derived {
    /// Its name in findings.
    pub name: String,
    /// Measures, by position, each with its coefficient; scales are aligned.
    pub terms: Vec<(usize, i128)>,
    /// Whether it is 0 for everybody whose values the dictionary describes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub residual: bool,
    /// What it lies between for one record, by itself and not by its terms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<(i128, i128)>,
}

/// Whether the relations are of measures that the contract has.
pub(super) fn check(contract: &Tabulation, relations: &[Relation]) -> Result<(), Mismatch> {
    let known = |measure: u32| (measure as usize) < contract.measures.len();
    let sound = |relation: &Relation| {
        let mut measures: Vec<usize> = relation.measures().collect();
        let count = measures.len();
        measures.sort_unstable();
        measures.dedup();
        sluice_domain::id::is_name(&relation.name)
            && !relation.terms.is_empty()
            && measures.len() == count
            && relation.terms.iter().all(|(measure, factor)| known(*measure) && *factor != 0)
            && relation.equals.is_none_or(known)
    };
    let mut names: Vec<&str> = relations.iter().map(|relation| relation.name.as_str()).collect();
    names.sort_unstable();
    let distinct = names.windows(2).all(|pair| matches!(pair, [a, b] if a != b));
    let fits = relations.len() <= RELATIONS_MAX && distinct && relations.iter().all(sound);
    if fits { Ok(()) } else { Err(Mismatch::Relation) }
}

impl Derived {
    /// The combination of these measures, which are in steps of so many decimal places each.
    pub(crate) fn new(name: String, terms: &[(u32, i32)], scale: impl Fn(u32) -> u32) -> Derived {
        let finest = terms.iter().map(|(measure, _)| scale(*measure)).max().unwrap_or(0);
        let term = |(measure, factor): &(u32, i32)| {
            let steps = 10_i128.saturating_pow(finest - scale(*measure));
            (*measure as usize, steps.saturating_mul(i128::from(*factor)))
        };
        Derived { name, terms: terms.iter().map(term).collect(), residual: false, bounds: None }
    }

    /// What it comes to, given the measures.
    #[must_use]
    pub fn of<T: Copy + Into<i128>>(&self, values: &[T]) -> i128 {
        let value = |measure: &usize| values.get(*measure).map_or(0, |value| (*value).into());
        let terms = self.terms.iter().map(|(measure, factor)| factor.saturating_mul(value(measure)));
        terms.fold(0, i128::saturating_add)
    }
}

/// What is derived, in order: for each ratio the denominator less the numerator, then each relation.
pub(super) fn derived(contract: &Tabulation, relations: &[Relation]) -> Vec<Derived> {
    let scale = |measure: u32| contract.measures.get(measure as usize).map_or(0, |measure| u32::from(measure.scale));
    let ratios = ratios(contract).map(|ratio| {
        Derived::new(format!("{}_rest", ratio.name), &[(ratio.denominator, 1), (ratio.numerator, -1)], scale)
    });
    let declared = relations.iter().map(|relation| Derived {
        residual: relation.residual,
        ..Derived::new(relation.name.clone(), &relation.terms, scale)
    });
    ratios.chain(declared).collect()
}

/// The ratios of a contract, in the order of its statistics.
pub(crate) fn ratios(contract: &Tabulation) -> impl Iterator<Item = &Ratio> {
    contract.statistics.iter().filter_map(|statistic| match statistic {
        Statistic::Ratio(ratio) => Some(ratio),
        _ => None,
    })
}
