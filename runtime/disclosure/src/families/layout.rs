//! The layout: what the families of one dataset publish, as tables and cells over common atoms, and what follows from it.
//!
//! # Guarantees
//! A figure that relations of the dictionary give away is named with each table in which it may be worked out: where all
//! its terms are published, in that table or in finer ones ([`Table::implied`]). The same of nodes that no family has for
//! a table ([`Layout::nodes`]): whatever cells add up to, at any levels.
//!
//! # Does not guarantee
//! That a term is known there: a finer table may withhold what it would take. It errs to the safe side.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sluice_domain::dictionary::Dictionary;
use sluice_domain::family::{Family, FamilyMeasure, FamilyState, method_together};
use sluice_domain::method::Method;
use sluice_domain::relation::{self, Following};

use crate::candidate::Derived;
use crate::primary::Quantity;

/// A code that a record doesn't have, or that isn't declared.
pub const NO_CODE: u32 = u32::MAX;

/// The most nodes that aren't published.
const NODES_MAX: usize = 256;

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// The column.
    pub column: String,
    /// Its declared codes.
    pub codes: Vec<String>,
    /// The atoms' column that it follows from.
    from: usize,
    /// For each code of that column, the code here.
    rolled: Vec<u32>,
    /// The dearest cost that a family sets on it.
    pub cost: u32,
}

/// A table: the columns that it keeps, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The columns.
    pub kept: Vec<Kept>,
    /// What it publishes of each cell.
    pub quantities: BTreeSet<Quantity>,
    /// What follows from published figures, by its place in [`Layout::derived`].
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub implied: BTreeSet<usize>,
}

/// The tables of all families of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// The columns whose codes make an atom.
    pub columns: Vec<String>,
    /// The declared codes of each.
    pub codes: Vec<Vec<String>>,
    /// The measures, with the bounds of one record in steps.
    pub measures: Vec<(FamilyMeasure, (i64, i64))>,
    /// What follows from measures by relations of the dictionary.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub derived: Vec<Derived>,
    /// The tables, in the order of the columns that they keep.
    pub tables: Vec<Table>,
    /// Coarser tables that nobody publishes, though their cells are sums of published ones: with what may be known of
    /// them. A family that publishes all its margins adds none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<Table>,
    /// How figures are rounded: what the families that aren't withdrawn say.
    pub method: Method,
}

/// A measure is published with two different numbers of decimal places, two methods are named, or a column is gone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the families don't fit together: {0}")]
pub struct Misfit(pub String);

impl Layout {
    /// Lays out the tables of these families, which have passed their checks against the dictionary.
    ///
    /// # Errors
    /// Two families that publish one measure on different grids, or name different methods; columns that are gone.
    pub fn new<'a>(
        dictionary: &Dictionary,
        families: impl IntoIterator<Item = &'a Family> + Clone,
    ) -> Result<Layout, Misfit> {
        let columns = atom_columns(dictionary, families.clone());
        let codes_of = |name: &str| dictionary.column(name).map(|column| column.codes.clone());
        let gone = |name: &str| Misfit(format!("`{name}` is gone"));
        let codes = columns.iter().map(|name| codes_of(name).ok_or_else(|| gone(name))).collect::<Result<_, _>>()?;
        let in_force = families.clone().into_iter().filter(|family| family.state != FamilyState::Withdrawn);
        let method = method_together(in_force.map(|family| &family.terms));
        let method = method.map_err(|refusal| Misfit(refusal.detail.unwrap_or(refusal.sentence)))?;
        let mut layout = Layout {
            columns,
            codes,
            measures: Vec::new(),
            derived: Vec::new(),
            tables: Vec::new(),
            nodes: Vec::new(),
            method,
        };
        for family in families.clone() {
            layout.add_measures(dictionary, family)?;
        }
        layout.derived = layout.follows(dictionary);
        let mut tables: BTreeMap<BTreeSet<String>, BTreeSet<Quantity>> = BTreeMap::new();
        let mut costs: BTreeMap<String, u32> = BTreeMap::new();
        for family in families {
            let quantities = layout.quantities(family);
            for kept in family.terms.tables() {
                tables.entry(kept).or_default().extend(quantities.iter().copied());
            }
            for dimension in &family.terms.dimensions {
                for level in &dimension.levels {
                    let cost = costs.entry(level.clone()).or_default();
                    *cost = dimension.cost.max(*cost);
                }
            }
        }
        for (names, quantities) in tables {
            let kept = names.iter().map(|name| layout.kept(dictionary, name, &costs));
            let kept = kept.collect::<Result<Vec<Kept>, Misfit>>()?;
            layout.tables.push(Table { kept, quantities, implied: BTreeSet::new() });
        }
        let implied: Vec<BTreeSet<usize>> = layout.tables.iter().map(|table| layout.implied(table)).collect();
        layout.tables.iter_mut().zip(implied).for_each(|(table, implied)| table.implied = implied);
        layout.nodes = layout.unpublished()?;
        Ok(layout)
    }

    /// What of a cell's figures somebody may know, published or not; [`Quantity::Sum`] by the place in an entry's values.
    #[must_use]
    pub fn known(&self, table: &Table) -> BTreeSet<Quantity> {
        let derived = table.implied.iter().map(|place| Quantity::Sum(self.measures.len() + place));
        table.quantities.iter().copied().chain(derived).collect()
    }

    /// The derived figure that is at this place of an entry's values.
    #[must_use]
    pub fn derived_at(&self, place: usize) -> Option<&Derived> {
        self.derived.get(place.checked_sub(self.measures.len())?)
    }

    /// What each value of an entry lies between for one record.
    #[must_use]
    pub fn bounds_at(&self, place: usize) -> (i128, i128) {
        let wide = |(lower, upper): (i64, i64)| (i128::from(lower), i128::from(upper));
        let measure = |place: usize| self.measures.get(place).map_or((0, 0), |(_, bounds)| wide(*bounds));
        let Some(derived) = self.derived_at(place) else { return measure(place) };
        let (least, most) = derived.terms.iter().fold((0_i128, 0_i128), |(least, most), (place, factor)| {
            let (lower, upper) = measure(*place);
            let (a, b) = (factor.saturating_mul(lower), factor.saturating_mul(upper));
            (a.min(b).saturating_add(least), a.max(b).saturating_add(most))
        });
        let (lower, upper) = derived.bounds.unwrap_or((least, most));
        (least.max(lower), most.min(upper))
    }

    /// The values whose distances to declared bounds are figures as well, with the bounds: measures, and what is derived
    /// and is a column that has some.
    pub fn bounded(&self) -> impl Iterator<Item = (usize, (i128, i128))> + '_ {
        let wide = |(_, (lower, upper)): &(FamilyMeasure, (i64, i64))| Some((i128::from(*lower), i128::from(*upper)));
        let declared = self.measures.iter().map(wide).chain(self.derived.iter().map(|derived| derived.bounds));
        declared.enumerate().filter_map(|(place, bounds)| Some((place, bounds?)))
    }

    /// The figures that follow by relations of the dictionary.
    fn follows(&self, dictionary: &Dictionary) -> Vec<Derived> {
        let place = |column: &str| self.measure(column).and_then(|place| u32::try_from(place).ok());
        let scale = |place: u32| self.measures.get(place as usize).map_or(0, |(measure, _)| u32::from(measure.scale));
        let declared = |(column, times): (String, i32), finest: u32| {
            let bounds = dictionary.column(&column)?.bounds?;
            let steps = 10_i128.checked_pow(finest)?.checked_mul(i128::from(times))?;
            Some((i128::from(bounds.lower).checked_mul(steps)?, i128::from(bounds.upper).checked_mul(steps)?))
        };
        let of = |Following { relation, column }: Following| {
            let finest = relation.terms.iter().map(|(place, _)| scale(*place)).max().unwrap_or(0);
            let bounds = column.and_then(|column| declared(column, finest));
            Derived { residual: relation.residual, bounds, ..Derived::new(relation.name, &relation.terms, scale) }
        };
        relation::among(dictionary, place, &mut BTreeSet::new()).into_iter().map(of).collect()
    }

    /// The tables whose cells add up to those of this one, itself among them.
    pub fn finer<'a>(&'a self, table: &'a Table) -> impl Iterator<Item = &'a Table> + 'a {
        self.tables.iter().filter(|other| table.follows_from(other))
    }

    /// The derived figures of which every term is published in a table or in finer ones.
    fn implied(&self, table: &Table) -> BTreeSet<usize> {
        let finer: Vec<&Table> = self.finer(table).collect();
        let known = |measure: usize| finer.iter().any(|other| other.quantities.contains(&Quantity::Sum(measure)));
        let whole = |derived: &Derived| derived.terms.iter().all(|(measure, _)| known(*measure));
        self.derived.iter().enumerate().filter(|(_, derived)| whole(derived)).map(|(place, _)| place).collect()
    }

    /// Every combination of columns that tables keep, or coarser levels of them, and that no table has.
    fn unpublished(&self) -> Result<Vec<Table>, Misfit> {
        let levels: BTreeMap<&String, &Kept> =
            self.tables.iter().flat_map(|table| &table.kept).map(|kept| (&kept.column, kept)).collect();
        let mut seen: BTreeSet<Vec<&String>> =
            self.tables.iter().map(|table| table.kept.iter().map(|kept| &kept.column).collect()).collect();
        let mut open: Vec<Vec<&String>> = seen.iter().cloned().collect();
        let mut nodes = BTreeSet::new();
        while let Some(columns) = open.pop() {
            for (place, column) in columns.iter().enumerate() {
                let own = levels.get(column);
                let coarser = levels.iter().filter(|(name, level)| {
                    *name != column && own.is_some_and(|own| level.follows_from(own) && !own.follows_from(level))
                });
                for instead in coarser.map(|(name, _)| Some(*name)).chain([None]) {
                    let mut node = columns.clone();
                    node.remove(place);
                    node.extend(instead);
                    node.sort_unstable();
                    node.dedup();
                    if seen.insert(node.clone()) {
                        open.push(node.clone());
                        nodes.insert(node);
                    }
                }
            }
        }
        if nodes.len() > NODES_MAX {
            return Err(Misfit(format!(
                "{} combinations of their columns are no table of any; publish more margins, or take fewer levels",
                nodes.len()
            )));
        }
        let table = |columns: &Vec<&String>| {
            let kept = columns.iter().filter_map(|column| levels.get(column).map(|kept| (*kept).clone())).collect();
            let mut node = Table { kept, quantities: BTreeSet::new(), implied: BTreeSet::new() };
            node.quantities = self.finer(&node).flat_map(|table| table.quantities.iter().copied()).collect();
            node.implied = self.implied(&node);
            node
        };
        Ok(nodes.iter().map(table).collect())
    }

    /// The table that keeps these columns.
    #[must_use]
    pub fn table(&self, columns: &BTreeSet<String>) -> Option<usize> {
        self.tables.iter().position(|table| table.kept.iter().map(|kept| &kept.column).eq(columns))
    }

    /// The place of a measure.
    #[must_use]
    pub fn measure(&self, column: &str) -> Option<usize> {
        self.measures.iter().position(|(measure, _)| measure.column == column)
    }

    /// What a family publishes of each cell.
    #[must_use]
    pub fn quantities(&self, family: &Family) -> BTreeSet<Quantity> {
        let mut quantities = BTreeSet::new();
        if family.terms.subjects {
            quantities.insert(Quantity::Subjects);
        }
        if family.terms.records {
            quantities.insert(Quantity::Records);
        }
        let sums = family.terms.measures.iter().filter_map(|measure| self.measure(&measure.column));
        quantities.extend(sums.map(Quantity::Sum));
        quantities
    }

    fn add_measures(&mut self, dictionary: &Dictionary, family: &Family) -> Result<(), Misfit> {
        for measure in &family.terms.measures {
            match self.measures.iter().find(|(known, _)| known.column == measure.column) {
                Some((known, _)) if known == measure => {}
                Some(_) => {
                    return Err(Misfit(format!("`{}` has two numbers of decimal places", measure.column)));
                }
                None => {
                    let bounds = dictionary.column(&measure.column).and_then(|column| column.bounds);
                    let factor = 10_i64.checked_pow(u32::from(measure.scale));
                    let steps = bounds.zip(factor).and_then(|(bounds, factor)| {
                        Some((bounds.lower.checked_mul(factor)?, bounds.upper.checked_mul(factor)?))
                    });
                    let steps = steps.ok_or_else(|| Misfit(format!("`{}` has no bounds", measure.column)))?;
                    self.measures.push((measure.clone(), steps));
                }
            }
        }
        Ok(())
    }

    fn kept(&self, dictionary: &Dictionary, name: &str, costs: &BTreeMap<String, u32>) -> Result<Kept, Misfit> {
        let gone = || Misfit(format!("`{name}` is gone"));
        let codes = dictionary.column(name).map(|column| column.codes.clone()).ok_or_else(gone)?;
        let places: BTreeMap<&str, u32> = codes.iter().map(String::as_str).zip(0..).collect();
        let follows = |(from, (column, finer)): (usize, (&String, &Vec<String>))| {
            let rolled = finer.iter().map(|code| {
                let code = dictionary.rolled_up(name, column, code)?;
                places.get(code).copied()
            });
            rolled.collect::<Option<Vec<u32>>>().map(|rolled| (from, rolled))
        };
        let (from, rolled) = self.columns.iter().zip(&self.codes).enumerate().find_map(follows).ok_or_else(gone)?;
        Ok(Kept { column: name.to_owned(), codes, from, rolled, cost: costs.get(name).copied().unwrap_or(1) })
    }
}

impl Kept {
    /// Whether a code of the other says which code this column has.
    fn follows_from(&self, other: &Kept) -> bool {
        let mut codes = BTreeMap::new();
        self.from == other.from
            && other.rolled.iter().zip(&self.rolled).all(|(finer, code)| codes.entry(finer).or_insert(code) == &code)
    }
}

impl Table {
    /// Whether its cells are unions of the other's.
    fn follows_from(&self, other: &Table) -> bool {
        self.kept.iter().all(|kept| other.kept.iter().any(|finer| kept.follows_from(finer)))
    }

    /// The codes here of an atom; [`NO_CODE`] where it has none.
    pub fn codes_of<'a>(&'a self, atom: &'a [u32]) -> impl Iterator<Item = u32> + 'a {
        self.kept.iter().map(|kept| {
            let code = atom.get(kept.from).copied().unwrap_or(NO_CODE);
            kept.rolled.get(code as usize).copied().unwrap_or(NO_CODE)
        })
    }
}

/// The columns that the families use and that don't roll up from another column which they use.
fn atom_columns<'a>(dictionary: &Dictionary, families: impl IntoIterator<Item = &'a Family>) -> Vec<String> {
    let used: BTreeSet<String> =
        families.into_iter().flat_map(|family| family.terms.columns().map(str::to_owned)).collect();
    let follows = |name: &str, from: &str| {
        let code = dictionary.column(from).and_then(|column| column.codes.first());
        name != from && code.is_some_and(|code| dictionary.rolled_up(name, from, code).is_some())
    };
    used.iter().filter(|name| !used.iter().any(|from| follows(name, from))).cloned().collect()
}
