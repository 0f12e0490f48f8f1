//! The desk of vetted families, and what it would be without the union's protection.

use std::collections::{BTreeMap, BTreeSet};

use sluice_domain::dictionary::{Column as DictionaryColumn, ColumnKind, Dictionary, RollUp};
use sluice_domain::family::{Family, FamilyDimension, FamilyTerms};

use super::methods;
use super::notebook::{Notebook, isolated};
use super::query::{Answer, Column, Desk, Measure, Query, Table, Tweak};
use super::town::{AGES, CITIES, CITIES_PER_REGION, Town};
use crate::families::layout::Layout;
use crate::families::microdata::{Line, Microdata};
use crate::families::seal::{Sealing, seal};
use crate::families::sealed::{SealedTables, Status};
use crate::families::tests::{family as vetted, rules};

const COLUMNS: [(Column, &str, u32); 5] = [
    (Column::Region, "region", CITIES / CITIES_PER_REGION),
    (Column::City, "city", CITIES),
    (Column::Age, "age", AGES),
    (Column::Sex, "sex", 2),
    (Column::Ill, "ill", 2),
];

fn dictionary() -> Dictionary {
    let codes = |count: u32| (0..count).map(|code| code.to_string()).collect::<Vec<String>>();
    let column = |(_, name, count): &(Column, &str, u32)| {
        let rolled = (0..CITIES).map(|city| (city.to_string(), (city / CITIES_PER_REGION).to_string())).collect();
        DictionaryColumn {
            codes: codes(*count),
            per_subject: true,
            rolls_up: (*name == "region").then(|| RollUp { from: "city".to_owned(), codes: rolled }),
            ..DictionaryColumn::new(name, ColumnKind::Utf8)
        }
    };
    Dictionary::of(COLUMNS.iter().map(column).collect())
}

/// Counts by city, age and illness, and by city, sex and illness, with every margin.
fn families() -> Vec<Family> {
    let family = |name: &str, columns: [&[&str]; 3]| {
        let dimensions: Vec<FamilyDimension> = columns
            .iter()
            .map(|levels| FamilyDimension { levels: levels.iter().map(|level| (*level).to_owned()).collect(), cost: 1 })
            .collect();
        let mut margins = vec![BTreeSet::new()];
        for levels in columns {
            let more: Vec<_> = margins
                .iter()
                .flat_map(|kept: &BTreeSet<String>| {
                    levels.iter().map(move |level| kept.iter().cloned().chain([(*level).to_owned()]).collect())
                })
                .collect();
            margins.extend(more);
        }
        let like = vetted();
        let terms = FamilyTerms {
            name: name.to_owned(),
            title: name.to_owned(),
            dimensions,
            measures: Vec::new(),
            margins,
            ..like.terms
        };
        Family { terms, ..like }
    };
    vec![
        family("ages", [&["city", "region"], &["age"], &["ill"]]),
        family("sexes", [&["city", "region"], &["sex"], &["ill"]]),
    ]
}

/// Answers what is a node of the families, and nothing else.
struct Vetted {
    sealed: SealedTables,
    /// Where the union isn't protected: the figures of at least as many people as the threshold.
    unprotected: Option<(Layout, Microdata)>,
    answered: usize,
}

impl Vetted {
    fn of(town: &Town, protected: bool) -> Vetted {
        let layout = Layout::new(&dictionary(), &families()).expect("they fit together");
        let line = |subject: u32| -> Line {
            let person = town.person(subject);
            let code = |name: &String| {
                let column = COLUMNS.iter().find(|(_, other, _)| other == name).expect("it is listed");
                person.code(column.0)
            };
            (subject, u64::from(subject), layout.columns.iter().map(code).collect(), 1, Vec::new())
        };
        let microdata = Microdata::new(&layout, town.ordinals().map(line)).expect("it is of this layout");
        let rules = rules();
        let sealing = Sealing {
            layout: &layout,
            microdata: &microdata,
            as_of_ms: 0,
            rules: &rules,
            before: &[],
            held: &BTreeSet::new(),
        };
        let sealed = seal(&sealing).unwrap_or_else(|why| panic!("{why}"));
        let unprotected = (!protected).then_some((layout, microdata));
        Vetted { sealed, unprotected, answered: 0 }
    }

    /// What is shown of a cell.
    fn figure(&self, columns: &BTreeSet<String>, labels: &[String]) -> Option<Option<i128>> {
        let cell = self.sealed.table(columns)?.cells.get(labels);
        if let Some((layout, microdata)) = &self.unprotected {
            // Primary cells are withheld, and nothing else is.
            let shown = cell.filter(|cell| !matches!(cell.status, Status::Primary(_)));
            let count = shown.map(|_| count(layout, microdata, columns, labels));
            return Some(count);
        }
        Some(cell.and_then(|cell| cell.values.first()?.parse().ok()))
    }
}

fn count(layout: &Layout, microdata: &Microdata, columns: &BTreeSet<String>, labels: &[String]) -> i128 {
    let table = layout.table(columns).and_then(|place| layout.tables.get(place)).expect("it is a table");
    let is = |atom: &Vec<u32>| {
        table
            .codes_of(atom)
            .zip(&table.kept)
            .zip(labels)
            .all(|((code, kept), label)| &kept.codes[code as usize] == label)
    };
    let atoms: Vec<bool> = microdata.atoms.iter().map(is).collect();
    microdata.entries.iter().filter(|entry| atoms[entry.atom as usize]).count() as i128
}

impl Desk for Vetted {
    fn ask(&mut self, _operator: usize, query: &Query) -> Answer {
        let name = |column: Column| COLUMNS.iter().find(|(other, _, _)| *other == column).map(|(_, name, _)| *name);
        let plain = query.exclude.is_empty() && query.measure == Measure::Subjects && query.tweak == Tweak::AsIs;
        let mut fixed: BTreeMap<&str, u32> = BTreeMap::new();
        for (column, codes) in &query.filter {
            // A condition is one code of one column; nothing else is a node of a hierarchy.
            let (Some(name), [code]) = (name(*column), codes.as_slice()) else { return Answer::Outside };
            if fixed.insert(name, *code).is_some_and(|other| other != *code) {
                return Answer::Outside;
            }
        }
        let by: Option<Vec<&str>> = query.by.iter().map(|column| name(*column)).collect();
        let (true, Some(by)) = (plain, by) else { return Answer::Outside };
        let columns: BTreeSet<String> = by.iter().chain(fixed.keys()).map(|name| (*name).to_owned()).collect();
        let Some(table) = self.sealed.table(&columns) else { return Answer::Outside };
        let mut rows = Vec::new();
        let cells: Vec<Vec<String>> = table.cells.keys().cloned().collect();
        for labels in cells {
            let of: BTreeMap<&str, u32> = columns
                .iter()
                .map(String::as_str)
                .zip(labels.iter().map(|label| label.parse().expect("a code")))
                .collect();
            if fixed.iter().any(|(name, code)| of[name] != *code) {
                continue;
            }
            let codes = by.iter().map(|name| of[name]).collect();
            let Some(figure) = self.figure(&columns, &labels) else { return Answer::Outside };
            rows.push((codes, figure));
        }
        self.answered += 1;
        Answer::Released(Table { rows, base: 1 })
    }
}

#[test]
fn attack_41_everything_together_isolates_nobody_on_the_automatic_path_and_somebody_without_the_union() {
    let town = Town::of(7, 300);
    let public = town.public();
    let mut desk = Vetted::of(&town, true);
    let mut notebook = Notebook::new(&mut desk, &public);
    let claims = methods::everything(&mut notebook);
    assert!(notebook.asked > 300, "{} questions", notebook.asked);
    assert_eq!(isolated(&town, &claims), 0);
    assert!(desk.answered > 10, "{} of them were answered", desk.answered);

    let mut open = Vetted::of(&town, false);
    let claims = methods::everything(&mut Notebook::new(&mut open, &public));
    assert!(isolated(&town, &claims) > 0, "the attacker works where the tables aren't protected together");
}
