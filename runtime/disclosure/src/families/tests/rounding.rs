//! Controlled rounding of families: the pattern stays, totals add up, and nothing that is withheld takes part.

use super::*;
use crate::families::sealed::{SealedCell, SealedTable};

const BASE: u64 = 5;

fn by(method: Method) -> Family {
    let family = family();
    Family { terms: FamilyTerms { method, ..family.terms }, ..family }
}

fn rules_to(base: u64) -> Rules {
    Rules { rounding_base: base, ..rules() }
}

/// Seals these families; moments are counted in their layout.
fn sealed_as(
    families: &[Family],
    base: u64,
    town: &BTreeMap<u32, Person>,
    before: &[(&BTreeMap<u32, Person>, &SealedTables)],
) -> SealedTables {
    let layout = layout(families);
    let (microdata, rules) = (tally(&layout, town), rules_to(base));
    let moment = |(town, sealed): &(&BTreeMap<u32, Person>, &SealedTables)| Moment {
        sealed: (*sealed).clone(),
        microdata: tally(&layout, town),
    };
    let before: Vec<Moment> = before.iter().map(moment).collect();
    let as_of_ms = 1_000 * (1 + before.len() as i64);
    seal(&Sealing {
        layout: &layout,
        microdata: &microdata,
        as_of_ms,
        rules: &rules,
        before: &before,
        held: &BTreeSet::new(),
    })
    .unwrap_or_else(|why| panic!("{why}"))
}

fn table<'a>(sealed: &'a SealedTables, columns: &[&str]) -> &'a SealedTable {
    sealed.table(&set(columns)).expect("it is a table")
}

fn number(text: &str) -> i128 {
    text.parse().expect("it is a number")
}

fn value(cell: &SealedCell, place: usize) -> Option<i128> {
    cell.values.get(place)?.parse().ok()
}

/// For each total whose parts in a finer table are all shown, what they are off by.
fn off_by(sealed: &SealedTables, total: &[&str], parts: &[&str]) -> Vec<i128> {
    let (total, parts) = (table(sealed, total), table(sealed, parts));
    let region = |label: &str| label[..1].to_owned();
    let within = |of: &[String], part: &[String]| {
        total.columns.iter().zip(of).all(|(column, label)| {
            match parts.columns.iter().position(|other| other == column) {
                Some(place) => &part[place] == label,
                None => {
                    let district = parts.columns.iter().position(|other| other == "district").expect("the finer level");
                    &region(&part[district]) == label
                }
            }
        })
    };
    let mut off = Vec::new();
    for (labels, cell) in &total.cells {
        for (place, quantity) in total.quantities.iter().enumerate() {
            let Some(other) = parts.quantities.iter().position(|name| name == quantity) else { continue };
            let own = parts.cells.iter().filter(|(part, _)| within(labels, part));
            let sum: Option<i128> = own.map(|(_, part)| value(part, other)).sum();
            off.extend(value(cell, place).zip(sum).map(|(total, sum)| (total - sum).abs()));
        }
    }
    off
}

/// All totals of the town's family by all tables that part them.
fn all_off_by(sealed: &SealedTables) -> Vec<i128> {
    [
        (&["region", "age"][..], &["district", "age"][..]),
        (&["age"], &["district", "age"]),
        (&["age"], &["region", "age"]),
        (&["region"], &["region", "age"]),
        (&["region"], &["district", "age"]),
        (&[], &["region"]),
        (&[], &["age"]),
        (&[], &["region", "age"]),
    ]
    .iter()
    .flat_map(|(total, parts)| off_by(sealed, total, parts))
    .collect()
}

/// A cell's labels, status and intervals: what doesn't depend on rounding.
type Mask = (Vec<String>, Status, Vec<(String, String)>);

fn masks(sealed: &SealedTables) -> Vec<Mask> {
    let cells = sealed.tables.iter().flat_map(|table| &table.cells);
    cells.map(|(labels, cell)| (labels.clone(), cell.status.clone(), cell.intervals.clone())).collect()
}

#[test]
fn totals_are_sums_of_their_parts_within_the_base_and_a_rerun_gives_the_same_bytes() {
    let (mut relations, mut off_each) = (0, 0);
    for seed in 1..6 {
        let town = town(seed, 400);
        let exact = sealed_as(&[by(Method::Suppress)], 1, &town, &[]);
        let each = sealed_as(&[by(Method::Suppress)], BASE, &town, &[]);
        let together = sealed_as(&[by(Method::ControlledRounding)], BASE, &town, &[]);
        assert_eq!((each.method, together.method), (Method::Suppress, Method::ControlledRounding));
        let off = all_off_by(&together);
        relations += off.len();
        assert!(off.iter().all(|off| *off == 0), "seed {seed}: {off:?}");
        off_each += all_off_by(&each).iter().filter(|off| **off > 0).count();
        for (exact, together) in exact.tables.iter().zip(&together.tables) {
            for (exact, together) in exact.cells.values().zip(together.cells.values()) {
                let pairs = exact.values.iter().zip(&together.values);
                for (exact, shown) in pairs.map(|(a, b)| (number(a), number(b))) {
                    assert!(shown % 5 == 0 && (shown - exact).abs() < 5, "{exact} became {shown}");
                }
            }
        }
        let again = sealed_as(&[by(Method::ControlledRounding)], BASE, &town, &[]);
        assert!(again.to_inside_bytes() == together.to_inside_bytes());
        assert_eq!(SealedTables::from_inside_bytes(&again.to_inside_bytes()), Some(together));
    }
    assert!(relations > 60, "{relations}");
    assert!(off_each > 10, "rounded by themselves, {off_each} don't add up");
}

#[test]
fn the_pattern_is_the_same_by_either_method_now_and_later() {
    for seed in 1..6 {
        let first_town = town(seed, 400);
        let mut second_town = first_town.clone();
        second_town.extend((0..12).map(|more| (9_000 + more, (0, 2, more % 2, 30_000 + i64::from(more) * 100))));
        second_town.insert(9_100, (3, 1, 0, 31_000));
        let of = |method: Method| {
            let families = [by(method)];
            let first = sealed_as(&families, BASE, &first_town, &[]);
            let second = sealed_as(&families, BASE, &second_town, &[(&first_town, &first)]);
            [masks(&first), masks(&second)]
        };
        let each = of(Method::Suppress);
        assert!(each == of(Method::ControlledRounding), "seed {seed}");
        assert!(each[1].iter().any(|(_, status, _)| *status == Status::Carried));
    }
}

#[test]
fn towns_with_the_same_exact_figures_are_rounded_alike() {
    let mut alike = 0;
    for seed in 1..16 {
        // Few incomes, so that two people can change places unseen.
        let mut town = town(seed, 400);
        for (subject, person) in &mut town {
            person.3 = 10_000 + i64::from(subject % 9) * 3_001;
        }
        let (suppress, together) = ([by(Method::Suppress)], [by(Method::ControlledRounding)]);
        let (exact, rounded) = (sealed_as(&suppress, 1, &town, &[]), sealed_as(&together, BASE, &town, &[]));
        for other in exchanged(&town, &exact).into_iter().take(2) {
            if statuses(&sealed_as(&suppress, 1, &other, &[])) == statuses(&exact) {
                assert_eq!(statuses(&sealed_as(&together, BASE, &other, &[])), statuses(&rounded), "seed {seed}");
                alike += 1;
            }
        }
    }
    assert!(alike > 5, "{alike}");
}

/// Towns in which two people of equal income have exchanged their ages, in cells that are all withheld.
fn exchanged(town: &BTreeMap<u32, Person>, exact: &SealedTables) -> Vec<BTreeMap<u32, Person>> {
    let table = table(exact, &["age", "district"]);
    let withheld = |district: u32, age: u32| {
        let labels = vec![AGES[age as usize].to_owned(), DISTRICTS[district as usize].to_owned()];
        table.cells.get(&labels).is_some_and(|cell| !cell.is_published())
    };
    let mut towns = Vec::new();
    for (one, first) in town {
        for (two, second) in town.range(one + 1..) {
            let [(d, a), (e, b)] = [first, second].map(|person| (person.0, person.1));
            let apart = d < e && a != b && first.3 == second.3 && d / 3 == e / 3;
            if apart && withheld(d, a) && withheld(d, b) && withheld(e, a) && withheld(e, b) {
                let mut other = town.clone();
                other.insert(*one, (d, b, first.2, first.3));
                other.insert(*two, (e, a, second.2, second.3));
                towns.push(other);
            }
        }
    }
    towns
}

#[test]
fn figures_that_are_out_and_those_that_are_carried_keep_their_bytes() {
    let first_town = town(3, 400);
    let families = [by(Method::ControlledRounding)];
    let first = sealed_as(&families, BASE, &first_town, &[]);
    let mut second_town = first_town.clone();
    // Many move in here and there, and one person where nobody else does.
    for (from, district, age) in [(9_000, 0, 2), (9_100, 1, 1), (9_200, 3, 1), (9_300, 4, 2)] {
        second_town
            .extend((0..40).map(|more| (from + more, (district, age, more % 2, 20_000 + i64::from(more) * 101))));
    }
    second_town.insert(9_400, (4, 1, 0, 31_000));
    let second = sealed_as(&families, BASE, &second_town, &[(&first_town, &first)]);
    let (before, after) = (statuses(&first), statuses(&second));
    let (mut carried, mut same, mut moved) = (0, 0, 0);
    let [exact_before, exact] =
        [&first_town, &second_town].map(|town| statuses(&sealed_as(&[by(Method::Suppress)], 1, town, &[])));
    for (cell, (status, values)) in &after {
        let unchanged = exact[cell].1 == exact_before[cell].1;
        match status {
            Status::Carried => carried += 1,
            Status::Published if unchanged => same += 1,
            Status::Published => {
                moved += 1;
                continue;
            }
            _ => continue,
        }
        assert_eq!(values, &before[cell].1, "{cell:?}");
    }
    assert!(carried > 0 && same > 5 && moved > 5, "{carried}, {same}, {moved}");
    // What stays fits what was rounded with it, and what has changed is fitted to it.
    let off = all_off_by(&second);
    assert!(off.len() > 20 && off.iter().all(|off| *off == 0), "{off:?}");
}

/// District by sex, with what the first family has of districts as a margin.
fn sexes() -> Family {
    let mut family = by(Method::ControlledRounding);
    family.terms.name = "sexes".to_owned();
    family.terms.dimensions[1].levels = vec!["sex".to_owned()];
    family.terms.margins = vec![set(&["region", "sex"]), set(&["region"]), set(&["sex"]), set(&[])];
    family
}

#[test]
fn tables_of_a_later_family_add_up_to_totals_that_are_out() {
    for seed in 1..6 {
        let town = town(seed, 1_200);
        let first = sealed_as(&[by(Method::ControlledRounding)], BASE, &town, &[]);
        let second = sealed_as(&[by(Method::ControlledRounding), sexes()], BASE, &town, &[(&town, &first)]);
        let (before, after) = (statuses(&first), statuses(&second));
        for (cell, (_, values)) in &before {
            assert_eq!(&after[cell].1, values, "{cell:?}");
        }
        let off = [
            off_by(&second, &["region", "sex"], &["district", "sex"]),
            off_by(&second, &["region"], &["region", "sex"]),
            off_by(&second, &["sex"], &["region", "sex"]),
            off_by(&second, &[], &["sex"]),
            all_off_by(&second),
        ];
        assert!(off.iter().flatten().count() > 15 && off.iter().flatten().all(|off| *off == 0), "seed {seed}: {off:?}");
    }
}

#[test]
fn carried_figures_are_read_by_name_where_a_table_publishes_more_than_before() {
    let first_town = town(3, 400);
    let first = sealed_as(&[by(Method::Suppress)], 1, &first_town, &[]);
    let mut records = by(Method::Suppress);
    records.terms.name = "records".to_owned();
    (records.terms.subjects, records.terms.records, records.terms.measures) = (false, true, Vec::new());
    let mut second_town = first_town.clone();
    second_town.insert(9_000, (0, 2, 0, 35_000));
    let second = sealed_as(&[by(Method::Suppress), records], 1, &second_town, &[(&first_town, &first)]);
    let (then, now) = (table(&first, &[]), table(&second, &[]));
    assert_eq!(
        (&then.quantities[..], &now.quantities[..]),
        (
            &["subjects".to_owned(), "income".to_owned()][..],
            &["subjects".to_owned(), "records".to_owned(), "income".to_owned()][..]
        )
    );
    let [then, now] = [then, now].map(|table| table.cells.values().next().expect("the grand total"));
    assert_eq!(now.status, Status::Carried);
    assert_eq!(now.values, [then.values[0].clone(), String::new(), then.values[1].clone()]);
}

#[test]
fn families_of_two_methods_are_not_laid_out_together() {
    let families = [by(Method::Suppress), sexes()];
    let misfit = Layout::new(&dictionary(), &families).expect_err("two methods");
    assert!(misfit.to_string().contains("`people` and `sexes` name two methods"), "{misfit}");
    let withdrawn = Family { state: FamilyState::Withdrawn, ..by(Method::Suppress) };
    let layout = layout(&[withdrawn, sexes()]);
    assert_eq!((layout.method, layout.tables.len()), (Method::ControlledRounding, 8));
}

#[test]
fn the_record_states_the_method_and_what_it_means() {
    let town = town(1, 400);
    let told = |method: Method, base: u64| {
        let sealed = sealed_as(&[by(method)], base, &town, &[]);
        let contract = contract(&["region", "age"], &[&[0], &[]]);
        let look_up = look_up(&["region", "age"], &[], &contract);
        let answer = FamilyAnswer::new(&look_up, &contract, &sealed).expect("the table is there");
        assert_eq!(answer.record().method, method);
        answer.record().notes.join("\n")
    };
    let each = told(Method::Suppress, BASE);
    assert!(each.contains("rounded by itself") && !each.contains("controlled"), "{each}");
    let together = told(Method::ControlledRounding, BASE);
    for words in ["multiples of 5", "controlled rounding", "is their sum", "stays as it was", "what is shown alone"] {
        assert!(together.contains(words), "{together}");
    }
    let exact = told(Method::ControlledRounding, 1);
    assert!(exact.contains("Nothing is rounded.") && !exact.contains("controlled"), "{exact}");
}
