//! Linear relations between measures: what follows from published sums though nobody published it.
//!
//! An agency lists them in a dataset's dictionary, by column: profit is revenue less cost. Where a job's contract
//! publishes sums of such columns, the same relations hold between its measures, by position, and the figure that
//! follows undergoes every rule as if it were published.
//!
//! # Guarantees
//! - [`between`] gives a relation only where each measure in it is, by what is known of the query, a bare column of one
//!   and the same read of one dataset: the rows behind all of them are the same ones.
//! - Every column that follows from published ones is named, whichever it is and through however many relations: of
//!   `profit = revenue - cost` that is profit where revenue and cost are published, and cost where revenue and profit are.
//! - Where all columns of a relation are published, what is left of it is a figure too: it is 0 but for those whose values
//!   were held within bounds, or are missing, and shows what was cut off.
//!
//! # Does not guarantee
//! That every relation is listed, or that the data hold to what is listed. That a measure which is worked out by a query
//! or a module is recognised: it has no column, and takes part in no relation. That a sum of several columns is seen which
//! no relation names. Where whole coefficients would need more than 32 bits, what follows isn't named.
//!
//! # Example
//! The dictionary says `{"name": "profit", "terms": {"revenue": 1, "cost": -1}, "equals": "profit"}`; the contract has
//! measures `r` (column revenue) and `cost`. Then the contract has the relation `profit`: 1 * measure 0 - 1 * measure 1.
//!
//! Source: disclosure.md, section 2 ("The dictionary lists linear relations between measures").

use std::collections::{BTreeMap, BTreeSet};

mod solved;

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
    /// Whether it is 0 for everybody whose values the dictionary describes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub residual: bool,
}

/// What follows from published measures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Following {
    /// The figure.
    pub relation: Relation,
    /// The column that it is, so many times; none of what has no column.
    pub column: Option<(String, i32)>,
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

    /// What all its terms add up to, where all are published.
    fn added_up(&self, measure: &impl Fn(&str) -> Option<u32>) -> Option<Following> {
        let terms = self.terms.iter().map(|(column, factor)| Some((measure(column)?, *factor)));
        let terms: Vec<(u32, i32)> = terms.collect::<Option<_>>()?;
        let equals = self.equals.as_deref().and_then(measure);
        // A multiple of one published figure is nothing new, unless it is said to be another one.
        (terms.len() + equals.iter().len() >= 2).then(|| Following {
            relation: Relation { name: self.name.clone(), terms, equals, residual: false },
            column: self.equals.clone().map(|column| (column, 1)),
        })
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
        let following = dictionary(dataset).into_iter().flat_map(|dictionary| among(dictionary, measure, &mut names));
        relations.extend(following.map(|following| following.relation));
    }
    relations
}

/// What follows from the measures that are columns of one dictionary, given the place of each; the names are others than
/// those that are taken, and are taken after it.
pub fn among(
    dictionary: &Dictionary,
    measure: impl Fn(&str) -> Option<u32>,
    taken: &mut BTreeSet<String>,
) -> Vec<Following> {
    let relations = &dictionary.relations;
    let mut found: Vec<Following> = relations.iter().filter_map(|relation| relation.added_up(&measure)).collect();
    let named: BTreeSet<String> = found
        .iter()
        .flat_map(|known| {
            [known.relation.name.clone()].into_iter().chain(known.column.clone().map(|(column, _)| column))
        })
        .collect();
    found.extend(solved::following(relations, &measure).into_iter().filter(|other| {
        let column = other.column.as_ref().map(|(column, _)| column);
        other.relation.residual || !named.contains(column.unwrap_or(&other.relation.name))
    }));
    for following in &mut found {
        let relation = &mut following.relation;
        relation.name = distinct(&relation.name, taken);
        taken.insert(relation.name.clone());
    }
    found
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
        let columns = ["revenue", "cost", "profit", "tax", "gross", "net"].map(number).into_iter();
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
        Relation { name: name.to_owned(), terms: terms.to_vec(), equals, residual: false }
    }

    fn residual(name: &str, terms: &[(u32, i32)]) -> Relation {
        Relation { residual: true, ..named(name, terms, None) }
    }

    #[test]
    fn the_worked_example() {
        let two = found(vec![profit()], &[(0, "revenue"), (0, "cost")]);
        assert_eq!(two, [named("profit", &[(1, -1), (0, 1)], None)]);
        let three = found(vec![profit()], &[(0, "profit"), (0, "revenue"), (0, "cost")]);
        let left = residual("profit_residual", &[(0, 1), (1, -1), (2, 1)]);
        assert_eq!(three, [named("profit", &[(2, -1), (1, 1)], Some(0)), left]);
    }

    #[test]
    fn attack_46_the_one_column_that_is_not_published_is_the_figure_that_follows() {
        let cost = found(vec![profit()], &[(0, "revenue"), (0, "profit")]);
        assert_eq!(cost, [named("cost", &[(0, 1), (1, -1)], None)], "revenue less profit is cost");
        assert_eq!(found(vec![profit()], &[(0, "cost")]), []);
        let double = relation("double", &[("tax", 2)], Some("cost"));
        assert_eq!(found(vec![double.clone()], &[(0, "tax")]), []);
        let both = [named("double", &[(0, 2)], Some(1)), residual("double_residual", &[(0, 2), (1, -1)])];
        assert_eq!(found(vec![double], &[(0, "tax"), (0, "cost")]), both);
        let bare = relation("margin", &[("revenue", 1), ("cost", -1), ("tax", -2)], None);
        assert_eq!(found(vec![bare.clone()], &[(0, "revenue"), (0, "cost")]), []);
        assert_eq!(found(vec![bare], &[(0, "revenue"), (0, "cost"), (0, "tax")]).len(), 1);
    }

    #[test]
    fn attack_46_what_follows_through_several_relations_is_named() {
        // Gross is revenue less cost, net is gross less tax; gross is no column that anybody has.
        let chain = || {
            let gross = relation("gross", &[("revenue", 1), ("cost", -1)], Some("gross"));
            vec![gross, relation("net", &[("gross", 1), ("tax", -2)], Some("net"))]
        };
        let of = |columns: &[&str]| {
            let columns: Vec<(u32, &str)> = columns.iter().map(|column| (0, *column)).collect();
            found(chain(), &columns)
        };
        let net = named("net", &[(0, 1), (1, -1), (2, -2)], None);
        assert_eq!(of(&["revenue", "cost", "tax"]), [named("gross", &[(1, -1), (0, 1)], None), net]);
        // From the other end, and in the middle.
        let (gross, cost) = (named("gross", &[(1, 2), (2, 1)], None), named("cost", &[(0, 1), (1, -2), (2, -1)], None));
        let seen = of(&["revenue", "tax", "net"]);
        assert_eq!((seen.len(), seen.contains(&gross), seen.contains(&cost)), (2, true, true));
        // Half of what follows twice: the coefficient stays whole, and says which column it is of.
        let dictionary = firms(chain());
        let place = |name: &str| ["revenue", "cost", "net"].iter().position(|known| *known == name).map(|at| at as u32);
        let following = among(&dictionary, place, &mut BTreeSet::new());
        let tax = following.iter().find(|following| following.relation.name == "tax").expect("it follows");
        assert_eq!(
            (tax.relation.terms.as_slice(), &tax.column),
            (&[(0, 1), (1, -1), (2, -1)][..], &Some(("tax".to_owned(), 2)))
        );
        assert_eq!(of(&["revenue", "net"]), [], "two are missing, and no combination of them has a name");
        let all = of(&["revenue", "cost", "tax", "gross", "net"]);
        let left = residual("net_residual", &[(2, 2), (3, -1), (4, 1)]);
        assert_eq!((all.len(), all.contains(&left)), (4, true), "{all:?}");
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
