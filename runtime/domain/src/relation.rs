//! Linear relations between measures: what follows from published sums though nobody published it.
//!
//! An agency lists them in a dataset's dictionary, by column: profit is revenue less cost. Where a job's contract
//! publishes sums of such columns, the same relations hold between its measures, by position, and the figure that
//! follows undergoes every rule as if it were published.
//!
//! # Guarantees
//! - [`between`] gives a relation only where each measure in it is, by what is known of the query, a bare column of one
//!   and the same read of one dataset: the rows behind all of them are the same ones.
//! - Whichever single column of a relation isn't published, the figure that gives it away is named: of
//!   `profit = revenue - cost` that is profit where revenue and cost are published, and cost where revenue and profit are.
//!
//! # Does not guarantee
//! That every relation is listed, or that the data hold to what is listed. That a measure which is worked out by a query
//! or a module is recognised: it has no column, and takes part in no relation.
//!
//! # Example
//! The dictionary says `{"name": "profit", "terms": {"revenue": 1, "cost": -1}, "equals": "profit"}`; the contract has
//! measures `r` (column revenue) and `cost`. Then the contract has the relation `profit`: 1 * measure 0 - 1 * measure 1.
//!
//! Source: disclosure.md, section 2 ("The dictionary lists linear relations between measures").

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::dictionary::Dictionary;
use crate::refusal::{Code, Refusal};

/// The most relations that a dictionary lists.
pub const RELATIONS_MAX: usize = 16;
/// The most columns that are added up in one.
const TERMS_MAX: usize = 16;
/// The largest coefficient: sums are multiplied by it, and have to stay far inside 128 bits.
const COEFFICIENT_MAX: i32 = 1_000;

/// A relation between columns of a dataset: what the terms add up to is a quantity of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnRelation {
    /// What the sum of the terms is.
    pub name: String,
    /// Columns, each with its coefficient.
    pub terms: BTreeMap<String, i32>,
    /// The column that is that sum, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<String>,
}

/// A relation between measures of a contract: the sum of the terms is a figure with a meaning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relation {
    /// What the sum of the terms is.
    pub name: String,
    /// Measures, by position, each with its coefficient.
    pub terms: Vec<(u32, i32)>,
    /// The measure that is that sum, where the contract has it.
    pub equals: Option<u32>,
}

impl Relation {
    /// Every measure that takes part.
    pub fn measures(&self) -> impl Iterator<Item = usize> + '_ {
        self.terms.iter().map(|(measure, _)| *measure).chain(self.equals).map(|measure| measure as usize)
    }
}

/// The column that a measure is, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Which read of a table, and by which steps: where it is the same for two measures, so are the rows behind them.
    pub read: Vec<u32>,
    /// The dataset.
    pub dataset: String,
    /// The column.
    pub column: String,
}

impl ColumnRelation {
    /// Whether the relation is between quantities of the dictionary.
    pub(crate) fn check(&self, dictionary: &Dictionary) -> Result<(), Refusal> {
        let broken = |text: &str| {
            Err(Refusal::with(Code::Malformed, format!("the relation `{}` can't be declared: {text}", self.name)))
        };
        if !crate::id::is_name(&self.name) {
            return broken("its name isn't a plain lower-case name");
        }
        let quantity = |name: &String| dictionary.column(name).is_some_and(|column| column.kind.is_number());
        if !self.terms.keys().chain(&self.equals).all(quantity) {
            return broken("a column isn't in the dictionary, or isn't a number");
        }
        if self.terms.is_empty() || self.terms.len() > TERMS_MAX || self.terms.len() + self.equals.iter().len() < 2 {
            return broken("it is between at least 2 columns, and adds up at most 16");
        }
        if self.equals.as_ref().is_some_and(|column| self.terms.contains_key(column)) {
            return broken("what a sum equals isn't among its terms");
        }
        if self.terms.values().any(|factor| *factor == 0 || factor.unsigned_abs() > COEFFICIENT_MAX.unsigned_abs()) {
            return broken("a coefficient isn't 0, and is at most 1000");
        }
        Ok(())
    }

    /// The same between measures, by position; none where it gives no figure away that isn't published.
    fn measured(&self, measure: impl Fn(&str) -> Option<u32>) -> Option<Relation> {
        let known: Vec<(u32, i32)> =
            self.terms.iter().filter_map(|(column, factor)| Some((measure(column)?, *factor))).collect();
        let equals = self.equals.as_deref().and_then(&measure);
        // A multiple of one published figure is nothing new.
        if known.len() + equals.iter().len() < 2 {
            return None;
        }
        match (self.terms.len() - known.len(), equals) {
            (0, equals) => Some(Relation { name: self.name.clone(), terms: known, equals }),
            // The one term that isn't published follows from the sum and the other terms, up to its coefficient.
            (1, Some(whole)) => {
                let missing = self.terms.keys().find(|column| measure(column).is_none())?;
                let others = known.into_iter().map(|(place, factor)| (place, -factor));
                let terms = std::iter::once((whole, 1)).chain(others).collect();
                Some(Relation { name: missing.clone(), terms, equals: None })
            }
            _ => None,
        }
    }
}

/// The relations of a dictionary.
pub(crate) fn check(dictionary: &Dictionary) -> Result<(), Refusal> {
    let relations = &dictionary.relations;
    let names: BTreeSet<&str> = relations.iter().map(|relation| relation.name.as_str()).collect();
    if relations.len() > RELATIONS_MAX || names.len() != relations.len() {
        return Err(Refusal::with(
            Code::Malformed,
            "a dictionary lists at most 16 relations, each by a name of its own",
        ));
    }
    relations.iter().try_for_each(|relation| relation.check(dictionary))
}

/// The relations between measures, given the column that each of them is, where that is known. Of relations that would
/// have the same name the later ones get a number.
#[must_use]
pub fn between<'a>(sources: &[Option<Source>], dictionary: impl Fn(&str) -> Option<&'a Dictionary>) -> Vec<Relation> {
    let reads: BTreeSet<(&[u32], &str)> =
        sources.iter().flatten().map(|source| (source.read.as_slice(), source.dataset.as_str())).collect();
    let mut names = BTreeSet::new();
    let mut relations = Vec::new();
    for (read, dataset) in reads {
        let is = |source: &Option<Source>, column: &str| {
            source.as_ref().is_some_and(|source| {
                (source.read.as_slice(), source.dataset.as_str(), source.column.as_str()) == (read, dataset, column)
            })
        };
        let measure = |column: &str| sources.iter().position(|source| is(source, column)).map(|place| place as u32);
        relations.extend(dictionary(dataset).into_iter().flat_map(|dictionary| among(dictionary, measure, &mut names)));
    }
    relations
}

/// The relations of one dictionary between the measures that are columns of it, given the place of each; their names are
/// others than those that are taken, and are taken after it.
pub fn among(
    dictionary: &Dictionary,
    measure: impl Fn(&str) -> Option<u32>,
    taken: &mut BTreeSet<String>,
) -> Vec<Relation> {
    let found = dictionary.relations.iter().filter_map(|relation| relation.measured(&measure));
    let named = found.map(|relation| {
        let name = distinct(&relation.name, taken);
        taken.insert(name.clone());
        Relation { name, ..relation }
    });
    named.collect()
}

/// The name, or the same with the least number that makes it another.
fn distinct(name: &str, taken: &BTreeSet<String>) -> String {
    let numbered = |number: u32| {
        let number = number.to_string();
        let kept = name.len().min(crate::id::NAME_BYTES_MAX - number.len() - 1);
        format!("{}_{number}", &name[..kept])
    };
    let mut candidates = std::iter::once(name.to_owned()).chain((2..).map(numbered));
    candidates.find(|candidate| !taken.contains(candidate)).expect("there are more numbers than names")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dictionary::{Column, ColumnKind};

    fn relation(name: &str, terms: &[(&str, i32)], equals: Option<&str>) -> ColumnRelation {
        let terms = terms.iter().map(|(column, factor)| ((*column).to_owned(), *factor)).collect();
        ColumnRelation { name: name.to_owned(), terms, equals: equals.map(str::to_owned) }
    }

    fn profit() -> ColumnRelation {
        relation("profit", &[("revenue", 1), ("cost", -1)], Some("profit"))
    }

    fn firms(relations: Vec<ColumnRelation>) -> Dictionary {
        let number = |name: &str| Column::new(name, ColumnKind::Int64);
        let columns = ["revenue", "cost", "profit", "tax"].map(number).into_iter();
        Dictionary { columns: columns.chain([Column::new("place", ColumnKind::Utf8)]).collect(), relations }
    }

    /// Measures that are these columns, each by its read.
    fn sources(columns: &[(u32, &str)]) -> Vec<Option<Source>> {
        let source = |(read, column): &(u32, &str)| {
            let (dataset, column) = ("firms".to_owned(), (*column).to_owned());
            (!column.is_empty()).then_some(Source { read: vec![*read], dataset, column })
        };
        columns.iter().map(source).collect()
    }

    fn found(relations: Vec<ColumnRelation>, columns: &[(u32, &str)]) -> Vec<Relation> {
        let dictionary = firms(relations);
        assert_eq!(dictionary.check(), Ok(()));
        between(&sources(columns), |name| (name == "firms").then_some(&dictionary))
    }

    fn named(name: &str, terms: &[(u32, i32)], equals: Option<u32>) -> Relation {
        Relation { name: name.to_owned(), terms: terms.to_vec(), equals }
    }

    #[test]
    fn the_worked_example() {
        let two = found(vec![profit()], &[(0, "revenue"), (0, "cost")]);
        assert_eq!(two, [named("profit", &[(1, -1), (0, 1)], None)]);
        let three = found(vec![profit()], &[(0, "profit"), (0, "revenue"), (0, "cost")]);
        assert_eq!(three, [named("profit", &[(2, -1), (1, 1)], Some(0))]);
    }

    #[test]
    fn attack_46_the_one_column_that_is_not_published_is_the_figure_that_follows() {
        let cost = found(vec![profit()], &[(0, "revenue"), (0, "profit")]);
        assert_eq!(cost, [named("cost", &[(1, 1), (0, -1)], None)], "profit less revenue is minus cost");
        assert_eq!(found(vec![profit()], &[(0, "cost")]), []);
        let double = relation("double", &[("tax", 2)], Some("cost"));
        assert_eq!(found(vec![double.clone()], &[(0, "tax")]), []);
        assert_eq!(found(vec![double], &[(0, "tax"), (0, "cost")]), [named("double", &[(0, 2)], Some(1))]);
        let bare = relation("margin", &[("revenue", 1), ("cost", -1), ("tax", -2)], None);
        assert_eq!(found(vec![bare.clone()], &[(0, "revenue"), (0, "cost")]), []);
        assert_eq!(found(vec![bare], &[(0, "revenue"), (0, "cost"), (0, "tax")]).len(), 1);
    }

    #[test]
    fn what_is_not_read_together_or_not_known_is_in_no_relation() {
        assert_eq!(found(vec![profit()], &[(0, "revenue"), (1, "cost")]), []);
        assert_eq!(found(vec![profit()], &[(0, "revenue"), (0, "")]), []);
        // Read twice, each time as a whole: two relations, each by a name of its own.
        let twice = [(0, "revenue"), (1, "cost"), (0, "cost"), (1, "revenue")];
        let names: Vec<String> = found(vec![profit()], &twice).into_iter().map(|relation| relation.name).collect();
        assert_eq!(names, ["profit", "profit_2"]);
        assert_eq!(distinct(&"a".repeat(48), &BTreeSet::from(["a".repeat(48)])).len(), 48);
    }

    #[test]
    fn a_relation_is_between_quantities_of_the_dictionary() {
        let refused = |relations: Vec<ColumnRelation>| firms(relations).check().is_err();
        for wrong in [
            relation("Profit", &[("revenue", 1), ("cost", -1)], None),
            relation("profit", &[("revenue", 1), ("place", -1)], None),
            relation("profit", &[("revenue", 1), ("nothing", -1)], None),
            relation("profit", &[("revenue", 1), ("cost", 0)], None),
            relation("profit", &[("revenue", 1), ("cost", 1_001)], None),
            relation("profit", &[("revenue", 1), ("cost", i32::MIN)], None),
            relation("profit", &[("revenue", 1)], None),
            relation("profit", &[], Some("revenue")),
            relation("profit", &[("revenue", 1), ("cost", -1)], Some("cost")),
            relation("profit", &[("revenue", 1), ("cost", -1)], Some("place")),
        ] {
            assert!(refused(vec![wrong.clone()]), "{wrong:?}");
        }
        assert!(refused(vec![profit(), profit()]));
        let many = |count: usize| (0..count).map(|n| ColumnRelation { name: format!("r{n}"), ..profit() }).collect();
        assert!(!refused(many(16)) && refused(many(17)));
        assert!(!refused(vec![relation("gross", &[("revenue", -1_000)], Some("tax"))]));
    }
}
