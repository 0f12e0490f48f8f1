//! Matching: whether a job asks for nothing but nodes of a vetted family. It looks at the job's text, the contract and
//! the families, all of them public, and never at data.
//!
//! # Guarantees
//! A [`LookUp`] can be made only by [`find`], and only of a job each of whose cells is a node of the family.
//!
//! # Example
//! A family of `origin` x `carrier` with both margins answers `SELECT carrier FROM flights WHERE origin = 'EWR'` by
//! `carrier`: each of its cells is one of `origin` x `carrier`. With `WHERE origin <> 'EWR'` it answers nothing, and
//! the condition is named as the part that is outside.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sluice_domain::contract::{Statistic, Tabulation};
use sluice_domain::family::{Family, FamilyState};

/// A query over one table that selects columns under conditions, each on one column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// The table.
    pub table: String,
    /// The columns that are selected, by the name in the output.
    pub columns: BTreeMap<String, String>,
    /// Conditions `column = code`.
    pub conditions: Vec<(String, String)>,
}

/// What a job asks for.
pub struct Asked<'a> {
    /// Its query, or the parts of it that are more than a selection, in words.
    pub selection: Result<&'a Selection, &'a [String]>,
    /// Its contract.
    pub contract: &'a Tabulation,
    /// What the job sets of its own that no family has, in words: bounds, caps, a filter of its grant.
    pub own: &'a [String],
}

/// A part of a family, as a job asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookUp {
    family: String,
    dataset: String,
    /// The columns of the job's dimensions.
    columns: Vec<String>,
    conditions: BTreeMap<String, String>,
    /// The column of each output name.
    sources: BTreeMap<String, String>,
}

impl LookUp {
    /// The column that an output name stands for.
    #[must_use]
    pub fn source<'a>(&'a self, name: &'a str) -> &'a str {
        self.sources.get(name).map_or(name, String::as_str)
    }

    /// The family's key.
    #[must_use]
    pub fn family(&self) -> &str {
        &self.family
    }

    /// The dataset.
    #[must_use]
    pub fn dataset(&self) -> &str {
        &self.dataset
    }

    /// The column of each of the job's dimensions.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The code that each condition asks for, by its column.
    #[must_use]
    pub fn conditions(&self) -> &BTreeMap<String, String> {
        &self.conditions
    }
}

/// Why no family has what a job asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outside {
    /// The parts that are outside of the nearest family, or of any, in words for the operator.
    pub parts: Vec<String>,
    /// The family that comes nearest.
    pub nearest: Option<String>,
}

/// The vetted family that has all that the job asks for; of several the first by name.
///
/// # Errors
/// The parts that are outside of the family that comes nearest.
pub fn find<'a>(asked: &Asked<'_>, families: impl IntoIterator<Item = &'a Family>) -> Result<LookUp, Outside> {
    let mut outside = Outside { parts: asked.own.to_vec(), nearest: None };
    let selection = match asked.selection {
        Ok(selection) => selection,
        Err(parts) => {
            outside.parts.extend(parts.iter().cloned());
            return Err(outside);
        }
    };
    let mut best: Option<(usize, &str, Vec<String>)> = None;
    for family in families.into_iter().filter(|family| family.state == FamilyState::Vetted) {
        if family.terms.dataset != selection.table {
            continue;
        }
        let (columns, mut parts) = compare(selection, asked.contract, family);
        parts.extend(asked.own.iter().cloned());
        if parts.is_empty() {
            return Ok(LookUp {
                family: family.key(),
                dataset: family.terms.dataset.clone(),
                columns,
                conditions: selection.conditions.iter().cloned().collect(),
                sources: selection.columns.clone(),
            });
        }
        if best.as_ref().is_none_or(|(fewest, _, _)| parts.len() < *fewest) {
            best = Some((parts.len(), &family.terms.name, parts));
        }
    }
    match best {
        Some((_, name, parts)) => {
            Err(Outside { parts, nearest: Some(sluice_domain::family::key(&selection.table, name)) })
        }
        None => {
            outside.parts.push(format!("`{}` has no sealed family", selection.table));
            Err(outside)
        }
    }
}

/// The columns of the job's dimensions, and the parts that the family doesn't have.
fn compare(selection: &Selection, contract: &Tabulation, family: &Family) -> (Vec<String>, Vec<String>) {
    let terms = &family.terms;
    let mut parts = Vec::new();
    let levels: BTreeSet<&str> = terms.columns().collect();
    let columns: Vec<String> = contract
        .dimensions
        .iter()
        .map(|dimension| selection.columns.get(&dimension.name).unwrap_or(&dimension.name).clone())
        .collect();
    for column in columns.iter().filter(|column| !levels.contains(column.as_str())) {
        parts.push(format!("`{column}` is no dimension of it"));
    }
    let mut conditioned = BTreeSet::new();
    for (column, _) in &selection.conditions {
        if !levels.contains(column.as_str()) {
            parts.push(format!("the condition on `{column}`, which is no dimension of it"));
        }
        if !conditioned.insert(column.as_str()) {
            parts.push(format!("two conditions on `{column}`"));
        }
    }
    parts.extend(tables(&columns, &conditioned, contract, family));
    parts.extend(statistics(contract, family, selection));
    (columns, parts)
}

/// The tables of the job that aren't tables of the family.
fn tables(columns: &[String], conditioned: &BTreeSet<&str>, contract: &Tabulation, family: &Family) -> Vec<String> {
    let known = family.terms.tables();
    let all: Vec<u32> = (0..).take(columns.len()).collect();
    let mut parts = Vec::new();
    for kept in std::iter::once(&all).chain(&contract.margins) {
        let names = kept.iter().filter_map(|place| columns.get(*place as usize).map(String::as_str));
        let names: BTreeSet<String> = names.chain(conditioned.iter().copied()).map(str::to_owned).collect();
        if !known.contains(&names) {
            let names: Vec<String> = names.into_iter().collect();
            parts.push(if names.is_empty() {
                "its grand total".to_owned()
            } else {
                format!("the table by {}", names.join(", "))
            });
        }
    }
    parts
}

fn statistics(contract: &Tabulation, family: &Family, selection: &Selection) -> Vec<String> {
    let terms = &family.terms;
    let mut parts = Vec::new();
    for statistic in &contract.statistics {
        match statistic {
            Statistic::Subjects if !terms.subjects => parts.push("counts of subjects".to_owned()),
            Statistic::Records if !terms.records => parts.push("counts of records".to_owned()),
            Statistic::Subjects | Statistic::Records | Statistic::Ratio(_) => {}
            Statistic::Sum(place) => {
                let Some(measure) = contract.measures.get(*place as usize) else { continue };
                let column = selection.columns.get(&measure.name).unwrap_or(&measure.name);
                match terms.measures.iter().find(|known| &known.column == column) {
                    None => parts.push(format!("the sum of `{column}`")),
                    Some(known) if known.scale != measure.scale => {
                        parts.push(format!("`{column}` with other than {} decimal places", known.scale));
                    }
                    // The bounds of one record are the dictionary's: whoever sets others is outside by that.
                    Some(_) => {}
                }
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::families::tests::{contract, family};

    fn selection(columns: &[&str], conditions: &[(&str, &str)]) -> Selection {
        Selection {
            table: "town".to_owned(),
            columns: columns.iter().map(|name| ((*name).to_owned(), (*name).to_owned())).collect(),
            conditions: conditions.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
        }
    }

    fn asked(columns: &[&str], conditions: &[(&str, &str)], margins: &[&[u32]]) -> Result<LookUp, Outside> {
        let contract = contract(columns, margins);
        let selection = selection(columns, conditions);
        find(&Asked { selection: Ok(&selection), contract: &contract, own: &[] }, [&family()])
    }

    #[test]
    fn attack_39_nothing_but_nodes_of_a_family_is_looked_up() {
        let look_up = asked(&["age"], &[("district", "n1")], &[]).expect("district x age is its finest table");
        assert_eq!((look_up.family(), look_up.columns()), ("town.people", &["age".to_owned()][..]));
        assert!(asked(&["region", "age"], &[], &[&[0], &[1], &[]]).is_ok());
        assert!(asked(&["sex"], &[], &[]).is_err());
        assert!(asked(&["age"], &[("sex", "f")], &[]).is_err());
        assert!(asked(&["age"], &[("district", "n1"), ("district", "n2")], &[]).is_err());
        // A margin of a job with a condition keeps the condition's column.
        let outside = asked(&["district", "age"], &[], &[&[0]]).expect_err("no margin by district alone");
        assert_eq!(outside.parts, ["the table by district"]);
        assert_eq!(outside.nearest.as_deref(), Some("town.people"));
    }

    #[test]
    fn what_is_no_selection_and_what_a_job_sets_of_its_own_is_outside_by_name() {
        let contract = contract(&["age"], &[]);
        let parts = ["the condition isn't `column = 'code'`".to_owned()];
        let outside = find(&Asked { selection: Err(&parts), contract: &contract, own: &[] }, [&family()]);
        assert_eq!(outside.expect_err("it is no selection").parts, parts);
        let selection = selection(&["age"], &[]);
        let own = ["bounds of its own".to_owned()];
        let outside = find(&Asked { selection: Ok(&selection), contract: &contract, own: &own }, [&family()]);
        assert_eq!(outside.expect_err("it has bounds").parts, own);
    }

    #[test]
    fn what_a_family_does_not_publish_is_outside_by_name() {
        let selection = selection(&["age"], &[]);
        let parts = |statistics: &[Statistic], scale: u8, terms: &dyn Fn(&mut sluice_domain::family::FamilyTerms)| {
            let mut contract = contract(&["age"], &[]);
            contract.statistics = statistics.to_vec();
            contract.measures[0].scale = scale;
            let mut family = family();
            terms(&mut family.terms);
            let asked = Asked { selection: Ok(&selection), contract: &contract, own: &[] };
            find(&asked, [&family]).err().map(|outside| outside.parts)
        };
        let (subjects, records, sum) = (Statistic::Subjects, Statistic::Records, Statistic::Sum(0));
        let one = |part: &str| Some(vec![part.to_owned()]);
        // The family publishes people and incomes, and no records.
        assert_eq!(parts(&[subjects.clone(), sum.clone()], 0, &|_| {}), None);
        assert_eq!(parts(std::slice::from_ref(&records), 0, &|_| {}), one("counts of records"));
        assert_eq!(parts(&[records], 0, &|terms| terms.records = true), None);
        assert_eq!(parts(&[subjects], 0, &|terms| terms.subjects = false), one("counts of subjects"));
        assert_eq!(parts(std::slice::from_ref(&sum), 0, &|terms| terms.measures.clear()), one("the sum of `income`"));
        assert_eq!(parts(&[sum], 2, &|_| {}), one("`income` with other than 0 decimal places"));
    }

    #[test]
    fn the_nearest_family_has_the_fewest_parts_outside_and_of_equals_the_first() {
        let named = |name: &str, records: bool, subjects: bool| {
            let mut family = family();
            (family.terms.name, family.terms.records, family.terms.subjects) = (name.to_owned(), records, subjects);
            family
        };
        let mut contract = contract(&["age"], &[]);
        contract.statistics = vec![Statistic::Subjects, Statistic::Records];
        let selection = selection(&["age"], &[]);
        let nearest = |families: &[Family]| {
            let asked = Asked { selection: Ok(&selection), contract: &contract, own: &[] };
            let found = find(&asked, families);
            found.map(|look_up| look_up.family).map_err(|outside| (outside.parts.len(), outside.nearest))
        };
        let (far, one, other) = (named("a", false, false), named("b", false, true), named("c", true, false));
        assert_eq!(nearest(&[far.clone(), one.clone(), other.clone()]), Err((1, Some("town.b".to_owned()))));
        assert_eq!(nearest(&[far.clone(), other, one]), Err((1, Some("town.c".to_owned()))));
        assert_eq!(nearest(&[far, named("d", true, true)]), Ok("town.d".to_owned()));
    }

    #[test]
    fn a_family_that_is_not_vetted_answers_nothing() {
        let (contract, selection) = (contract(&["age"], &[]), selection(&["age"], &[]));
        let asked = Asked { selection: Ok(&selection), contract: &contract, own: &[] };
        for state in [FamilyState::Proposed, FamilyState::Withdrawn] {
            let outside = find(&asked, [&Family { state, ..family() }]).expect_err("it isn't vetted");
            assert_eq!(outside.parts, ["`town` has no sealed family"]);
        }
        assert!(find(&asked, [&family()]).is_ok());
    }
}
