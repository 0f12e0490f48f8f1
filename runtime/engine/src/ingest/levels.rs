//! Coarser levels of hierarchies: columns that follow from a finer one by the dictionary's tables of codes.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, StringArray};
use datafusion::common::{Result as PlanResult, exec_datafusion_err};
use sluice_domain::dictionary::Dictionary;

/// For each level its place, the place of the column at the bottom, and the code of each of that one's codes.
pub(super) struct Levels(Vec<(usize, usize, HashMap<String, String>)>);

impl Levels {
    /// Of a dictionary that passed its checks.
    pub(super) fn of(dictionary: &Dictionary) -> Levels {
        let level = |(place, column): (usize, &sluice_domain::dictionary::Column)| {
            column.rolls_up.as_ref()?;
            let finest = dictionary.finest(&column.name)?;
            let from = dictionary.columns.iter().position(|other| other.name == finest.name)?;
            let codes = finest.codes.iter().filter_map(|code| {
                dictionary.rolled_up(&column.name, &finest.name, code).map(|coarser| (code.clone(), coarser.to_owned()))
            });
            Some((place, from, codes.collect()))
        };
        Levels(dictionary.columns.iter().enumerate().filter_map(level).collect())
    }

    /// Computes the levels, given all of the dictionary's columns, the levels empty. What has no declared code below has
    /// none above.
    pub(super) fn fill(&self, columns: &mut [ArrayRef]) -> PlanResult<()> {
        for (place, from, codes) in &self.0 {
            let missing = || exec_datafusion_err!("a level has no column below it");
            let finer = columns.get(*from).and_then(|column| column.as_string_opt::<i32>()).ok_or_else(missing)?;
            let coarser: StringArray =
                finer.iter().map(|code| code.and_then(|code| codes.get(code)).map(String::as_str)).collect();
            *columns.get_mut(*place).ok_or_else(missing)? = Arc::new(coarser);
        }
        Ok(())
    }
}
