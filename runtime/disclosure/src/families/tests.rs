//! A small town, and what is published of it.

mod rounding;

use std::collections::{BTreeMap, BTreeSet};

use sluice_domain::contract::{Dimension, Measure, Statistic, Tabulation};
use sluice_domain::dictionary::{Bounds, Column, ColumnKind, Dictionary, RollUp};
use sluice_domain::family::{Family, FamilyDimension, FamilyMeasure, FamilyState, FamilyTerms};
use sluice_domain::grade::Grade;
use sluice_domain::grant::{Signature, Tightening};
use sluice_domain::method::Method;

use super::answer::FamilyAnswer;
use super::layout::Layout;
use super::matching::{Asked, LookUp, Selection, find};
use super::microdata::{Line, Microdata};
use super::seal::{Moment, Sealing, seal};
use super::sealed::{SealedTables, Status};
use crate::appetite::{Appetite, Rules};
use crate::tests::factory::Random;

mod beyond;
mod complements;
mod moments;
mod relations;

const DISTRICTS: [&str; 6] = ["n1", "n2", "n3", "s1", "s2", "s3"];
const AGES: [&str; 4] = ["child", "young", "middle", "old"];

fn coded(name: &str, codes: &[&str]) -> Column {
    let codes = codes.iter().map(|code| (*code).to_owned()).collect();
    Column { codes, per_subject: true, ..Column::new(name, ColumnKind::Utf8) }
}

/// District, region (a level of district), age, sex, income.
pub(crate) fn dictionary() -> Dictionary {
    let region = DISTRICTS.iter().map(|district| ((*district).to_owned(), district[..1].to_owned())).collect();
    let region = RollUp { from: "district".to_owned(), codes: region };
    Dictionary::of(vec![
        Column::new("id", ColumnKind::Utf8),
        coded("district", &DISTRICTS),
        Column { rolls_up: Some(region), ..coded("region", &["n", "s"]) },
        coded("age", &AGES),
        coded("sex", &["f", "m"]),
        Column { bounds: Some(Bounds { lower: 0, upper: 100_000 }), ..Column::new("income", ColumnKind::Int64) },
    ])
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// District x age, with region, and margins; counts of people and records.
pub(crate) fn family() -> Family {
    let levels = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let vet = |person: &str| Signature { person: person.to_owned(), agency: "agency".to_owned(), at_ms: 0 };
    Family {
        terms: FamilyTerms {
            dataset: "town".to_owned(),
            name: "people".to_owned(),
            title: "People by district and age".to_owned(),
            dimensions: vec![
                FamilyDimension { levels: levels(&["district", "region"]), cost: 1 },
                FamilyDimension { levels: levels(&["age"]), cost: 1 },
            ],
            subjects: true,
            records: false,
            measures: vec![FamilyMeasure { column: "income".to_owned(), scale: 0 }],
            margins: vec![set(&["region", "age"]), set(&["region"]), set(&["age"]), set(&[])],
            tightening: Tightening::default(),
            method: Method::Suppress,
        },
        agency: "agency".to_owned(),
        proposed_by: "carol".to_owned(),
        proposed_at_ms: 0,
        vets: vec![vet("cyrus"), vet("rosa")],
        state: FamilyState::Vetted,
    }
}

/// A job's contract: counts of people by these columns.
pub(crate) fn contract(columns: &[&str], margins: &[&[u32]]) -> Tabulation {
    let dictionary = dictionary();
    let dimension = |name: &&str| Dimension {
        name: (*name).to_owned(),
        labels: dictionary.column(name).map(|column| column.codes.clone()).unwrap_or_default(),
    };
    Tabulation {
        sql: "SELECT 1".to_owned(),
        dimensions: columns.iter().map(dimension).collect(),
        measures: vec![Measure { name: "income".to_owned(), unit: String::new(), lower: 0, upper: 1 << 40, scale: 0 }],
        statistics: vec![Statistic::Subjects, Statistic::Sum(0)],
        margins: margins.iter().map(|margin| margin.to_vec()).collect(),
        cells_per_subject: 1,
        rows_per_subject: 10,
        constants: Vec::new(),
    }
}

/// One person: district, age, sex, income.
pub(crate) type Person = (u32, u32, u32, i64);

/// So many people, some of whose cells are small.
pub(crate) fn town(seed: u64, people: u32) -> BTreeMap<u32, Person> {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let person = |_| {
        let district = [0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 3, 4, 4, 5][random.below(16) as usize];
        let age = [0, 0, 1, 1, 1, 2, 2, 2, 2, 3][random.below(10) as usize];
        (district, age, random.below(2) as u32, 10_000 + random.below(40_000) as i64)
    };
    (0..people).zip((0..people).map(person)).collect()
}

pub(crate) fn layout(families: &[Family]) -> Layout {
    Layout::new(&dictionary(), families).expect("the families fit together")
}

/// The town as the engine would tally it for this layout.
pub(crate) fn tally(layout: &Layout, town: &BTreeMap<u32, Person>) -> Microdata {
    let line = |(subject, person): (&u32, &Person)| -> Line {
        let (district, age, sex, income) = *person;
        let code = |name: &String| match name.as_str() {
            "district" => district,
            "age" => age,
            "sex" => sex,
            "region" => u32::from(district >= 3),
            other => panic!("no column {other}"),
        };
        (
            *subject,
            u64::from(*subject),
            layout.columns.iter().map(code).collect(),
            1,
            vec![income; layout.measures.len()],
        )
    };
    Microdata::new(layout, town.iter().map(line)).expect("it is of this layout")
}

pub(crate) fn rules() -> Rules {
    Appetite::floor(Grade::Open).expect("it has a floor").rules().clone()
}

pub(crate) fn sealed(town: &BTreeMap<u32, Person>, as_of_ms: i64, before: &[Moment]) -> SealedTables {
    let layout = layout(&[family()]);
    let microdata = tally(&layout, town);
    let rules = rules();
    let sealing =
        Sealing { layout: &layout, microdata: &microdata, as_of_ms, rules: &rules, before, held: &BTreeSet::new() };
    seal(&sealing).unwrap_or_else(|why| panic!("{why}"))
}

pub(crate) fn moment(town: &BTreeMap<u32, Person>, sealed: SealedTables) -> Moment {
    Moment { sealed, microdata: tally(&layout(&[family()]), town) }
}

fn look_up(columns: &[&str], conditions: &[(&str, &str)], contract: &Tabulation) -> LookUp {
    let selection = Selection {
        table: "town".to_owned(),
        columns: columns.iter().chain(&["income"]).map(|name| ((*name).to_owned(), (*name).to_owned())).collect(),
        conditions: conditions.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
    };
    find(&Asked { selection: Ok(&selection), contract, own: &[] }, [&family()]).expect("it is a look-up")
}

fn answer(columns: &[&str], conditions: &[(&str, &str)], margins: &[&[u32]], sealed: &SealedTables) -> Vec<String> {
    let contract = contract(columns, margins);
    let look_up = look_up(columns, conditions, &contract);
    let answer = FamilyAnswer::new(&look_up, &contract, sealed).expect("the table is there");
    let csv = crate::csv::to_csv(answer.table());
    String::from_utf8(csv).expect("it is text").lines().map(str::to_owned).collect()
}

#[test]
fn a_job_is_answered_with_what_was_sealed() {
    let town = town(1, 400);
    let sealed = sealed(&town, 1_000, &[]);
    let rows = answer(&["region", "age"], &[], &[&[0], &[]], &sealed);
    assert_eq!(rows.len(), 1 + 8 + 2 + 1);
    let people = town.len().to_string();
    let income: i64 = town.values().map(|person| person.3).sum();
    assert_eq!(rows.last(), Some(&format!("*,*,{people},{income}")));
    let north = town.values().filter(|person| person.0 < 3).count();
    assert!(rows[9].starts_with(&format!("n,*,{north},")), "{}", rows[9]);
    // A condition on a column of the family is another table of it.
    let only: Vec<String> = answer(&["age"], &[("district", "n1")], &[], &sealed);
    let full = answer(&["district", "age"], &[], &[], &sealed);
    for (row, full) in only[1..].iter().zip(&full[1..]) {
        assert_eq!(Some(row.as_str()), full.strip_prefix("n1,"));
    }
}

#[test]
fn cells_below_the_threshold_are_withheld_and_so_are_those_that_give_them_away() {
    let town = town(1, 400);
    let sealed = sealed(&town, 1_000, &[]);
    let mut secondary = 0;
    for table in &sealed.tables {
        for (labels, cell) in &table.cells {
            let place = |name: &str| table.columns.iter().position(|column| column == name).map(|place| &labels[place]);
            let is = |person: &&Person| {
                place("district").is_none_or(|label| label == DISTRICTS[person.0 as usize])
                    && place("region").is_none_or(|label| label == &DISTRICTS[person.0 as usize][..1])
                    && place("age").is_none_or(|label| label == AGES[person.1 as usize])
            };
            let people = town.values().filter(is).count();
            secondary += usize::from(cell.status == Status::Secondary);
            assert_eq!(people < 10, matches!(cell.status, Status::Primary(_)), "{labels:?} has {people}");
            assert!(cell.values.first().is_none_or(|value| value == &people.to_string()));
            // What the agency sees of a withheld cell: the truth lies within, of a primary not alone.
            let shown = matches!(cell.status, Status::Published);
            assert_eq!(cell.intervals.len(), if shown || people == 0 { 0 } else { table.quantities.len() });
            for (quantity, (lower, upper)) in table.quantities.iter().zip(&cell.intervals) {
                let [lower, upper] = [lower, upper].map(|bound| bound.parse::<i64>().expect("a whole number"));
                let is_sum = quantity == "income";
                let truth: i64 = town.values().filter(is).map(|person| if is_sum { person.3 } else { 1 }).sum();
                assert!((lower..=upper).contains(&truth), "{quantity} of {labels:?}: {truth} in {lower} ..= {upper}");
                assert!(cell.status == Status::Secondary || lower < upper, "{quantity} of {labels:?} is known");
            }
        }
    }
    assert!(secondary > 0);
}

#[test]
fn sealed_tables_come_back_and_garbage_does_not() {
    let sealed = sealed(&town(2, 300), 1_000, &[]);
    let bytes = sealed.to_inside_bytes();
    assert_eq!(SealedTables::from_inside_bytes(&bytes).as_ref(), Some(&sealed));
    assert_eq!(SealedTables::from_inside_bytes(&bytes[1..]), None);
    let mut longer = bytes.clone();
    longer.push(b' ');
    assert_eq!(SealedTables::from_inside_bytes(&longer), None, "there is one form");
}

/// By columns and labels, the status and what is shown.
type Statuses = BTreeMap<(Vec<String>, Vec<String>), (Status, Vec<String>)>;

fn statuses(sealed: &SealedTables) -> Statuses {
    let cells = sealed.tables.iter().flat_map(|table| {
        table
            .cells
            .iter()
            .map(|(labels, cell)| ((table.columns.clone(), labels.clone()), (cell.status.clone(), cell.values.clone())))
    });
    cells.collect()
}

#[test]
fn attack_05_a_new_snapshot_shows_no_change_that_isolates_somebody() {
    let before = town(3, 400);
    let first = sealed(&before, 1_000, &[]);
    // One person moves in; everybody knows that nothing else has changed.
    let mut after = before.clone();
    after.insert(9_000, (0, 2, 0, 99_000));
    let second = sealed(&after, 2_000, &[moment(&before, first.clone())]);
    let (first, second) = (statuses(&first), statuses(&second));
    let mut carried = 0;
    for (cell, (status, values)) in &second {
        let (_, old) = &first[cell];
        match status {
            Status::Carried => {
                carried += 1;
                assert_eq!(values, old, "{cell:?}");
            }
            Status::Published => assert_eq!(values, old, "{cell:?} has not changed"),
            _ => assert!(values.is_empty()),
        }
    }
    assert!(carried >= 4, "district x age, region x age, the margins: {carried}");
    // Many move in: what has changed by enough people is shown.
    let mut many = before.clone();
    many.extend((0..40).map(|more| (9_000 + more, (0, 2, more % 2, 20_000 + i64::from(more) * 100))));
    let third = sealed(&many, 3_000, &[moment(&before, sealed(&before, 1_000, &[]))]);
    let total = third.table(&Default::default()).expect("there is a grand total");
    let total = total.cells.values().next().expect("it has a cell");
    assert_eq!((&total.status, total.values[0].as_str()), (&Status::Published, "440"));
}

#[test]
fn attack_05_what_was_carried_is_compared_with_every_earlier_moment() {
    let first_town = town(4, 400);
    let first = sealed(&first_town, 1_000, &[]);
    let mut second_town = first_town.clone();
    second_town.extend((0..12).map(|more| (9_000 + more, (0, 2, more % 2, 30_000 + i64::from(more) * 100))));
    let one = moment(&first_town, first);
    let second = sealed(&second_town, 2_000, std::slice::from_ref(&one));
    // Eleven of the twelve leave again: safe against the second moment, and one person apart from the first.
    let mut third_town = second_town.clone();
    third_town.retain(|subject, _| *subject < 9_001);
    let moments = [one, moment(&second_town, second)];
    let third = sealed(&third_town, 3_000, &moments);
    let total = third.table(&Default::default()).and_then(|table| table.cells.values().next()).expect("a total");
    assert_eq!((&total.status, total.values[0].as_str(), total.as_of_ms), (&Status::Carried, "412", 2_000));
}

#[test]
fn a_second_family_binds_itself_to_what_the_first_has_published() {
    let town = town(5, 400);
    let first = sealed(&town, 1_000, &[]);
    let mut more = family();
    more.terms.name = "sexes".to_owned();
    more.terms.dimensions[1].levels = vec!["sex".to_owned()];
    more.terms.dimensions[0].levels = vec!["district".to_owned(), "region".to_owned()];
    more.terms.margins = vec![set(&["region", "sex"]), set(&["sex"])];
    let families = [family(), more];
    let layout = layout(&families);
    let microdata = tally(&layout, &town);
    let moment = Moment { sealed: first.clone(), microdata: tally(&layout, &town) };
    let rules = rules();
    let before = [moment];
    let sealing = Sealing {
        layout: &layout,
        microdata: &microdata,
        as_of_ms: 1_000,
        rules: &rules,
        before: &before,
        held: &BTreeSet::new(),
    };
    let second = seal(&sealing).unwrap_or_else(|why| panic!("{why}"));
    let (first, second) = (statuses(&first), statuses(&second));
    for (cell, (status, values)) in &first {
        let (now, shown) = &second[cell];
        assert_eq!(shown, values, "{cell:?} was {status:?} and is {now:?}");
    }
    assert!(second.len() > first.len());
}
