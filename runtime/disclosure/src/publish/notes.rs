//! What the reader of a counted table is told: what was done to its figures, and what that means.
//!
//! # Guarantees
//! Everything follows from contract, appetite and method alone. No number in it was worked out from what was counted:
//! how far a figure is off is told as a bound that holds for every table of the contract.

use sluice_domain::contract::{Statistic, Tabulation};

use super::{Method, cell_key, perturbed};
use crate::appetite::Appetite;
use crate::table::TOTAL;

pub(super) fn notes(contract: &Tabulation, appetite: &Appetite, method: Method) -> Vec<String> {
    let mut notes = of_figures(contract, appetite, method);
    let marks: Vec<String> = appetite.exceptions().iter().map(ToString::to_string).collect();
    if !marks.is_empty() {
        notes.push(format!(
            "Rules that are stricter elsewhere were loosened for this table by exception: {}.",
            marks.join(", ")
        ));
    }
    notes
}

fn of_figures(contract: &Tabulation, appetite: &Appetite, method: Method) -> Vec<String> {
    let rules = appetite.rules();
    let (threshold, base) = (rules.threshold, rules.rounding_base);
    let mut notes = vec![format!("Cells with fewer than {threshold} subjects, empty ones included, are withheld.")];
    notes.push("Figures that one or two contributors dominate, or that say the same of all, are withheld.".to_owned());
    if method == Method::CellKey {
        notes.extend(cell_key::notes(perturbed::shape(rules)));
        return notes;
    }
    let has = |wanted: fn(&Statistic) -> bool| contract.statistics.iter().any(wanted);
    if has(|statistic| matches!(statistic, Statistic::Sum(_))) {
        notes.push(format!("A sum to which fewer than {threshold} subjects contribute other than 0 is withheld."));
        notes.push("Each subject's contribution to a cell is held within the declared bounds.".to_owned());
    }
    if method.has_pattern() {
        notes.push(
            "A cell is shown with all its figures or with none. Further cells are withheld so that nobody can work those \
             out; there is one sign for all, and it doesn't say that a cell is small."
                .to_owned(),
        );
    }
    notes.extend(rounding(contract, base, method));
    if has(|statistic| matches!(statistic, Statistic::Ratio(_))) {
        notes.push("Ratios are worked out from the sums shown here.".to_owned());
    }
    if !contract.margins.is_empty() {
        notes.push(match method {
            Method::RedactThenRound => {
                format!("Totals (`{TOTAL}`) are sums of what is shown here, not of the whole population.")
            }
            Method::Suppress | Method::ControlledRounding | Method::CellKey => {
                format!("Totals (`{TOTAL}`) are of all that was counted, withheld cells included.")
            }
        });
        if contract.cells_per_subject > 1 {
            notes.push("A total counts a subject once for each cell that it is in.".to_owned());
        }
    }
    notes
}

fn rounding(contract: &Tabulation, base: u64, method: Method) -> Vec<String> {
    match method {
        _ if base <= 1 => vec!["Nothing is rounded.".to_owned()],
        Method::RedactThenRound => vec![format!(
            "Counts are rounded to multiples of {base}, sums to multiples of {base} steps, halves away from 0."
        )],
        Method::CellKey => Vec::new(),
        Method::Suppress => vec![format!(
            "Each figure is rounded by itself to multiples of {base} (sums: of {base} steps), halves away from 0: parts may \
             not add up to their total."
        )],
        Method::ControlledRounding => {
            let distance = if is_two_way(contract) {
                format!("Every figure, totals included, is less than {base} from its value before rounding.")
            } else {
                format!(
                    "Every inner figure is less than {base} from its value before rounding; a total may be off by as \
                     much as {} for each inner cell that it adds up.",
                    base - 1
                )
            };
            vec![
                format!(
                    "Figures are multiples of {base} (sums: of {base} steps) by controlled rounding: an inner figure \
                     goes to one of the two multiples next to it, not always to the nearer one, and a total whose parts \
                     are all shown is their sum. How figures are rounded follows from what is shown alone."
                ),
                distance,
                "A zero may be a small figure that was rounded down; a multiple may be exact.".to_owned(),
            ]
        }
    }
}

/// Whether controlled rounding keeps every cell of every table of this contract within a base: of no three of its
/// planes one is coarser than another, so that cells fall into two families ([`super::rounding`]). The inner cells are
/// finer than any margin. A dimension of one label divides nothing.
pub(super) fn is_two_way(contract: &Tabulation) -> bool {
    let divides = |index: &&u32| contract.dimensions.get(**index as usize).is_some_and(|d| d.labels.len() > 1);
    let margins: Vec<Vec<u32>> =
        contract.margins.iter().map(|kept| kept.iter().filter(divides).copied().collect()).collect();
    let within = |one: &Vec<u32>, other: &Vec<u32>| one.iter().all(|index| other.contains(index));
    let apart = |one: &Vec<u32>, other: &Vec<u32>| !within(one, other) && !within(other, one);
    let after = |place: usize| margins.iter().enumerate().skip(place + 1);
    !margins.iter().enumerate().any(|(first, one)| {
        after(first).any(|(second, two)| {
            apart(one, two) && after(second).any(|(_, three)| apart(one, three) && apart(two, three))
        })
    })
}
