//! Answers: the part of a sealed table that a job asks for.
//!
//! # Guarantees
//! A [`FamilyAnswer`] is made of a [`LookUp`] and sealed tables, and of nothing else. Equal look-ups in equal tables give
//! equal bytes, whoever asks. There is a row for every declared cell and total, whatever the data.

use std::collections::{BTreeMap, BTreeSet};

use sluice_domain::contract::{Statistic, Tabulation};
use sluice_domain::method::Method;

use super::matching::LookUp;
use super::sealed::{SealedCell, SealedTables, Status};
use crate::publish::counted::{columns, ratios, row};
use crate::record::{CarriedCell, SdcRecord};
use crate::table::{ReleaseTable, Value, every_code};

/// What leaves without people.
#[must_use = "an answer that nobody seals answers nobody"]
pub struct FamilyAnswer {
    family: String,
    table: ReleaseTable,
    record: SdcRecord,
}

/// The tables don't have what was looked up: they are of other families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed tables aren't of that family")]
pub struct Absent;

impl FamilyAnswer {
    /// Looks a job's tables up.
    ///
    /// # Errors
    /// Tables that lack one that the look-up asks for.
    pub fn new(look_up: &LookUp, contract: &Tabulation, sealed: &SealedTables) -> Result<FamilyAnswer, Absent> {
        let looking = Looking { look_up, contract, sealed };
        let all: Vec<u32> = (0..).take(contract.dimensions.len()).collect();
        let mut rows = Vec::new();
        let mut carried = Vec::new();
        for kept in std::iter::once(&all).chain(&contract.margins) {
            looking.rows(kept, &mut rows, &mut carried)?;
        }
        let table = ReleaseTable::new(columns(contract), rows, looking.notes(!carried.is_empty()));
        let record = SdcRecord::of_family(look_up.family(), sealed, &table, carried);
        Ok(FamilyAnswer { family: look_up.family().to_owned(), table, record })
    }

    /// The family's key.
    #[must_use]
    pub fn family(&self) -> &str {
        &self.family
    }

    /// What leaves.
    #[must_use]
    pub fn table(&self) -> &ReleaseTable {
        &self.table
    }

    /// What travels with it.
    #[must_use]
    pub fn record(&self) -> &SdcRecord {
        &self.record
    }
}

struct Looking<'a> {
    look_up: &'a LookUp,
    contract: &'a Tabulation,
    sealed: &'a SealedTables,
}

impl Looking<'_> {
    /// The rows of the table that keeps these of the job's dimensions.
    fn rows(&self, kept: &[u32], rows: &mut Vec<Vec<Value>>, carried: &mut Vec<CarriedCell>) -> Result<(), Absent> {
        let names = kept.iter().filter_map(|place| self.look_up.columns().get(*place as usize));
        let columns: BTreeSet<String> = names.chain(self.look_up.conditions().keys()).cloned().collect();
        let table = self.sealed.table(&columns).ok_or(Absent)?;
        let places = self.statistics(&table.quantities)?;
        let dimensions = kept.iter().filter_map(|place| self.contract.dimensions.get(*place as usize));
        for codes in every_code(dimensions) {
            let mut of = vec![None; self.contract.dimensions.len()];
            let mut wanted: BTreeMap<&str, &str> =
                self.look_up.conditions().iter().map(|(column, code)| (column.as_str(), code.as_str())).collect();
            let mut met = true;
            for (place, code) in kept.iter().zip(&codes) {
                let place = *place as usize;
                let label = self.contract.dimensions.get(place).and_then(|d| d.labels.get(*code as usize));
                let column = self.look_up.columns().get(place);
                let (Some(label), Some(column), Some(slot)) = (label, column, of.get_mut(place)) else {
                    return Err(Absent);
                };
                *slot = Some(*code);
                // A dimension that a condition fixes has nothing but that code.
                met &= wanted.insert(column, label).is_none_or(|fixed| fixed == label);
            }
            let labels: Vec<String> = wanted.into_values().map(str::to_owned).collect();
            let cell = table.cells.get(&labels).filter(|cell| met && cell.is_published());
            let shown: Vec<Option<i128>> =
                places.iter().map(|place| cell?.values.get((*place)?)?.parse().ok()).collect();
            if let Some(cell) = cell.filter(|cell| cell.status == Status::Carried) {
                carried.push(carried_cell(cell, &labels));
            }
            rows.push(row(self.contract, &of, ratios(self.contract, &shown, &[])));
        }
        Ok(())
    }

    /// Where a cell's values have each of the job's statistics; ratios are worked out from the others.
    fn statistics(&self, quantities: &[String]) -> Result<Vec<Option<usize>>, Absent> {
        let place = |name: &str| quantities.iter().position(|quantity| quantity == name).ok_or(Absent).map(Some);
        let of = |statistic: &Statistic| match statistic {
            Statistic::Subjects => place("subjects"),
            Statistic::Records => place("records"),
            Statistic::Ratio(_) => Ok(None),
            Statistic::Sum(measure) => {
                let measure = self.contract.measures.get(*measure as usize).ok_or(Absent)?;
                place(self.look_up.source(&measure.name))
            }
        };
        self.contract.statistics.iter().map(of).collect()
    }

    /// What was done, from the family and the rules alone.
    fn notes(&self, carried: bool) -> Vec<String> {
        let (threshold, base) = (self.sealed.rules.threshold, self.sealed.rules.rounding_base);
        let mut notes = vec![
            "These figures are part of tables that were vetted, and protected together, before anybody asked."
                .to_owned(),
            format!(
                "Cells with fewer than {threshold} subjects, empty ones included, are withheld, and so are others that \
                 would give them away; there is one sign for all."
            ),
            "A record counts in a total even where its code of another column isn't declared; each record's value is \
             held within the declared bounds."
                .to_owned(),
        ];
        notes.extend(rounding(self.sealed.method, base));
        if carried {
            notes.push(
                "Some figures are of an earlier date, since what has changed can't be shown; the record lists them."
                    .to_owned(),
            );
        }
        notes
    }
}

/// How figures are rounded, and what that means for whoever adds them up.
fn rounding(method: Method, base: u64) -> Vec<String> {
    if base <= 1 {
        return vec!["Nothing is rounded.".to_owned()];
    }
    if method != Method::ControlledRounding {
        return vec![format!(
            "Each figure is rounded by itself to multiples of {base} (sums: of {base} steps), halves away from 0: parts may \
             not add up to their total."
        )];
    }
    vec![
        format!(
            "Figures are multiples of {base} (sums: of {base} steps) by controlled rounding: a figure goes to one of the \
             two multiples next to it, not always to the nearer one, and a total whose parts are all shown is their sum; \
             where tables of three or more columns leave no such choice, a total may be further off."
        ),
        "A figure that hasn't changed since an earlier snapshot stays as it was then, and totals may be off by it. How \
         figures are rounded follows from what is shown alone."
            .to_owned(),
    ]
}

fn carried_cell(cell: &SealedCell, labels: &[String]) -> CarriedCell {
    CarriedCell { labels: labels.to_vec(), as_of_ms: cell.as_of_ms }
}
