//! What tables publish beyond what was looked at cell by cell: figures that are added to cells which are out, sums that no
//! table has, and what relations leave over.

use super::*;
use crate::primary::Quantity;

/// A firm: place, size, age, then revenue, cost and profit.
type Firm = ([u32; 3], [i64; 3]);

/// Firms by place, size and age; revenue, cost and profit, which the dictionary relates.
fn made() -> Dictionary {
    let bounded = |name: &str, lower: i64| Column {
        bounds: Some(Bounds { lower, upper: 1_000 }),
        ..Column::new(name, ColumnKind::Int64)
    };
    let mut dictionary = Dictionary::of(vec![
        Column::new("id", ColumnKind::Utf8),
        coded("place", &["a", "b", "c"]),
        coded("size", &["small", "large"]),
        coded("age", &["new", "old"]),
        bounded("revenue", 0),
        bounded("cost", 0),
        bounded("profit", -1_000),
    ]);
    dictionary.relations = vec![sluice_domain::relation::ColumnRelation {
        name: "profit".to_owned(),
        terms: [("revenue".to_owned(), 1), ("cost".to_owned(), -1)].into(),
        equals: Some("profit".to_owned()),
    }];
    assert_eq!(dictionary.check(), Ok(()));
    dictionary
}

fn publishing(name: &str, dimensions: &[&str], measures: &[&str], margins: &[&[&str]]) -> Family {
    let mut family = family();
    let dimension = |level: &&str| FamilyDimension { levels: vec![(*level).to_owned()], cost: 1 };
    family.terms.name = name.to_owned();
    family.terms.dimensions = dimensions.iter().map(dimension).collect();
    family.terms.measures =
        measures.iter().map(|column| FamilyMeasure { column: (*column).to_owned(), scale: 0 }).collect();
    family.terms.margins = margins.iter().map(|margin| set(margin)).collect();
    family
}

fn laid_out(families: &[Family]) -> Layout {
    Layout::new(&made(), families).expect("the families fit together")
}

fn counted(layout: &Layout, firms: &[Firm]) -> Microdata {
    let lines = (0_u32..).zip(firms).map(|(firm, (codes, values))| {
        let code =
            |column: &String| codes[["place", "size", "age"].iter().position(|name| name == column).expect("a code")];
        let value = |measure: &FamilyMeasure| {
            values[["revenue", "cost", "profit"].iter().position(|name| *name == measure.column).expect("a measure")]
        };
        let (codes, values) =
            (layout.columns.iter().map(code), layout.measures.iter().map(|(measure, _)| value(measure)));
        (firm, u64::from(firm), codes.collect(), 1, values.collect())
    });
    Microdata::new(layout, lines).expect("it is of this layout")
}

fn told(layout: &Layout, firms: &[Firm], before: &[Moment], held: &BTreeSet<(usize, Vec<u32>)>) -> SealedTables {
    let (rules, microdata) = (rules(), counted(layout, firms));
    let sealing = Sealing { layout, microdata: &microdata, as_of_ms: 2_000, rules: &rules, before, held };
    seal(&sealing).unwrap_or_else(|why| panic!("{why}"))
}

fn none() -> BTreeSet<(usize, Vec<u32>)> {
    BTreeSet::new()
}

/// What a table shows of each cell, the quantities in its order.
fn shown(sealed: &SealedTables, columns: &[&str]) -> Vec<(Status, Vec<String>)> {
    let table = sealed.table(&set(columns)).expect("it is a table");
    table.cells.values().map(|cell| (cell.status.clone(), cell.values.clone())).collect()
}

/// Values that are no two alike.
fn spread(own: i64) -> i64 {
    20 + 11 * own % 31
}

/// Thirty firms in each place, of both sizes and ages.
fn firms(of: impl Fn(u32, i64) -> [i64; 3]) -> Vec<Firm> {
    (0..90).map(|firm| ([firm / 30, firm % 2, firm / 2 % 2], of(firm / 30, i64::from(firm % 30)))).collect()
}

/// In the first place one firm has nearly all cost.
fn costly() -> Vec<Firm> {
    firms(|place, own| {
        let cost = if place == 0 { 900 * i64::from(own == 3) + own % 2 } else { spread(own) };
        [400 + own, cost, 400 + own - cost]
    })
}

#[test]
fn attack_46_a_sum_that_is_added_to_a_cell_that_is_out_undergoes_every_rule() {
    let revenues = publishing("revenues", &["place"], &["revenue"], &[]);
    let both = [revenues.clone(), publishing("costs", &["place"], &["cost"], &[])];
    let layout = laid_out(&both);
    let firms = costly();
    let first = told(&laid_out(&[revenues]), &firms, &[], &none());
    assert!(shown(&first, &["place"]).iter().all(|(status, _)| *status == Status::Published));
    let moment = Moment { sealed: first.clone(), microdata: counted(&layout, &firms) };
    let second = told(&layout, &firms, &[moment], &none());
    let sums = |place: i64, of: usize| {
        firms[place as usize * 30..][..30].iter().map(|firm| firm.1[of]).sum::<i64>().to_string()
    };
    let now = shown(&second, &["place"]);
    let of_revenue = second.tables[0].quantities.iter().position(|name| name == "revenue").expect("it is published");
    for (place, (status, values)) in (0_i64..).zip(&now) {
        assert_eq!((status, &values[of_revenue]), (&Status::Published, &sums(place, 0)), "what is out stays out");
    }
    let of_cost = second.tables[0].quantities.iter().position(|name| name == "cost").expect("it is published");
    assert_eq!(now[0].1[of_cost], "", "one firm has nearly all of it");
    // Two places are enough to keep it apart only if nothing adds them up.
    assert_eq!((&now[1].1[of_cost], &now[2].1[of_cost]), (&sums(1, 1), &sums(2, 1)));
    // What wasn't shown isn't shown by being sealed once more.
    let moments = [first, second].map(|sealed| Moment { sealed, microdata: counted(&layout, &firms) });
    let third = told(&layout, &firms, &moments, &none());
    assert_eq!(shown(&third, &["place"]), now);
}

#[test]
fn attack_46_what_follows_from_an_added_sum_and_one_that_is_out_is_kept_apart() {
    // Nobody dominates revenue or cost, and the profit of the first place is one firm's.
    let firms = firms(|place, own| {
        let profit = if place == 0 { 90 * i64::from(own == 3) } else { spread(own) };
        [400 + own, 400 + own - profit, profit]
    });
    let revenues = publishing("revenues", &["place"], &["revenue"], &[]);
    let first = told(&laid_out(std::slice::from_ref(&revenues)), &firms, &[], &none());
    for (costs, finer) in [
        (publishing("costs", &["place"], &["cost"], &[]), &["place"][..]),
        (publishing("costs", &["place", "size"], &["cost"], &[]), &["place", "size"][..]),
    ] {
        let layout = laid_out(&[revenues.clone(), costs]);
        let moment = Moment { sealed: first.clone(), microdata: counted(&layout, &firms) };
        let sealed = told(&layout, &firms, &[moment], &none());
        assert!(shown(&sealed, &["place"]).iter().all(|(status, _)| *status == Status::Published));
        let table = sealed.table(&set(finer)).expect("it is a table");
        let of_cost = table.quantities.iter().position(|name| name == "cost").expect("it is published");
        let of = |place: &str| {
            let cells = table.cells.iter().filter(move |(labels, _)| labels[0] == place);
            cells
                .map(|(_, cell)| cell.values.get(of_cost).is_some_and(|value| !value.is_empty()))
                .collect::<Vec<bool>>()
        };
        assert!(of("a").contains(&false), "the costs of the first place don't add up: {finer:?}");
        assert!(!of("b").contains(&false) && !of("c").contains(&false), "{finer:?}");
    }
}

#[test]
fn what_people_released_hides_an_added_sum_and_not_what_is_out() {
    let revenues = publishing("revenues", &["place"], &["revenue"], &[]);
    let layout = laid_out(&[revenues.clone(), publishing("costs", &["place"], &["cost"], &[])]);
    let firms = firms(|_, own| [400 + own, spread(own), 400 + own - spread(own)]);
    let first = told(&laid_out(&[revenues]), &firms, &[], &none());
    let before = [Moment { sealed: first, microdata: counted(&layout, &firms) }];
    let held = BTreeSet::from([(0, vec![1])]);
    let sealed = told(&layout, &firms, &before, &held);
    let table = &sealed.tables[0];
    let values = |quantity: &str| {
        let place = table.quantities.iter().position(|name| name == quantity).expect("it is published");
        table.cells.values().map(|cell| !cell.values[place].is_empty()).collect::<Vec<bool>>()
    };
    assert_eq!((values("revenue"), values("cost")), (vec![true; 3], vec![true, false, true]));
}

#[test]
fn attack_46_what_follows_where_no_table_is_does_not_follow() {
    // Revenue by place and size, cost by place and age: each adds up to places, which nobody publishes.
    let families = [
        publishing("revenues", &["place", "size"], &["revenue"], &[]),
        publishing("costs", &["place", "age"], &["cost"], &[]),
    ];
    let layout = laid_out(&families);
    let node = |columns: &[&str]| {
        let found = layout
            .nodes
            .iter()
            .find(|node| node.kept.iter().map(|kept| kept.column.as_str()).eq(columns.iter().copied()));
        !found.expect("it is a node").implied.is_empty()
    };
    assert!(node(&["place"]) && node(&[]) && !node(&["age"]) && !node(&["size"]));
    let of = |profit: fn(u32, i64) -> i64| {
        let firms = firms(|place, own| [400 + own, 400 + own - profit(place, own), profit(place, own)]);
        let sealed = told(&layout, &firms, &[], &none());
        let withheld = |columns: &[&str]| -> Vec<bool> {
            shown(&sealed, columns).iter().map(|(status, _)| *status != Status::Published).collect()
        };
        (withheld(&["place", "size"]), withheld(&["age", "place"]))
    };
    assert_eq!(of(|_, own| spread(own)), (vec![false; 6], vec![false; 6]));
    let (by_size, by_age) = of(|place, own| if place == 0 { 90 * i64::from(own == 3) } else { spread(own) });
    assert!(by_size[..2].contains(&true) || by_age[0] || by_age[3], "{by_size:?} {by_age:?}");
    assert!(!by_size[2..].contains(&true), "{by_size:?}");
}

#[test]
fn attack_05_changes_of_cells_do_not_add_up_to_one_of_a_single_person() {
    // Ages without a total: ten grow older, and one moves in.
    let mut ages = family();
    ages.terms.dimensions = vec![FamilyDimension { levels: vec!["age".to_owned()], cost: 1 }];
    ages.terms.measures = Vec::new();
    let seen = |margins: &[&[&str]], more: u32| {
        ages.terms.margins.clone_from(&margins.iter().map(|margin| set(margin)).collect());
        let layout = layout(&[ages.clone()]);
        let before: BTreeMap<u32, Person> = (0..120).map(|id| (id, (0, 1 + u32::from(id >= 60), 0, 0))).collect();
        let mut after = before.clone();
        (0..10).for_each(|id| {
            after.insert(id, (0, 2, 0, 0));
        });
        after.extend((0..more).map(|id| (9_000 + id, (0, 2, 0, 0))));
        let rules = rules();
        let of = |town: &BTreeMap<u32, Person>, before: &[Moment]| {
            let microdata = tally(&layout, town);
            let held = none();
            seal(&Sealing { layout: &layout, microdata: &microdata, as_of_ms: 0, rules: &rules, before, held: &held })
                .unwrap_or_else(|why| panic!("{why}"))
        };
        let first = of(&before, &[]);
        let moment = Moment { sealed: first, microdata: tally(&layout, &before) };
        let second = of(&after, &[moment]);
        shown(&second, &["age"]).into_iter().map(|(status, _)| status == Status::Published).collect::<Vec<bool>>()
    };
    let mut seen = seen;
    assert_eq!(seen(&[], 10), [true, true], "ten more tell nobody apart");
    assert!(seen(&[], 1).contains(&false), "the sum of both has changed by one person");
    assert!(seen(&[&[]], 1).contains(&false));
}

#[test]
fn attack_46_what_a_relation_leaves_over_shows_nobodys_values_that_were_cut_off() {
    let family = publishing("all", &["place"], &["revenue", "cost", "profit"], &[]);
    let layout = laid_out(&[family]);
    let names: Vec<(&str, bool)> =
        layout.derived.iter().map(|derived| (derived.name.as_str(), derived.residual)).collect();
    assert_eq!(names, [("profit", false), ("profit_residual", true)]);
    let of = |cut: bool| {
        let firms = firms(|place, own| {
            // Revenue of 1,300 and cost of 1,000 are held at 1,000 both; profit says 300.
            let profit = spread(own);
            if cut && place == 0 && own == 3 { [1_000, 1_000, 300] } else { [400 + own, 400 + own - profit, profit] }
        });
        let sealed = told(&layout, &firms, &[], &none());
        shown(&sealed, &["place"]).into_iter().map(|(status, _)| status).collect::<Vec<Status>>()
    };
    assert_eq!(of(false), vec![Status::Published; 3], "nothing is left over of anybody");
    let [first, others @ ..] = &of(true)[..] else { panic!("three places") };
    assert!(matches!(first, Status::Primary(_)), "{first:?}");
    assert_eq!(others, vec![Status::Published; 2]);
}

#[test]
fn attack_46_the_distance_to_the_bounds_of_what_follows_is_a_figure() {
    // Parts of at most 1,000 each, of a whole of at most 1,000: all have all of it but for one firm.
    let mut dictionary = made();
    dictionary.relations[0].terms.insert("cost".to_owned(), 1);
    let family = publishing("parts", &["place"], &["revenue", "cost"], &[]);
    let of = |upper: i64| {
        let mut dictionary = dictionary.clone();
        for column in dictionary.columns.iter_mut().filter(|column| column.name == "profit") {
            column.bounds = Some(Bounds { lower: 0, upper });
        }
        let layout = Layout::new(&dictionary, [&family]).expect("one family");
        let firms = firms(|place, own| {
            let missing = if place == 0 { 60 * i64::from(own == 3) } else { spread(own) };
            [500 + spread(own), 500 - spread(own) - missing, 1_000 - missing]
        });
        let sealed = told(&layout, &firms, &[], &none());
        shown(&sealed, &["place"]).into_iter().map(|(status, _)| status == Status::Published).collect::<Vec<bool>>()
    };
    assert_eq!(of(1_000), [false, true, true], "what is missing of the first place is one firm's");
    assert_eq!(of(5_000), [true; 3], "of a whole of at most 5,000 everybody misses something");
}

#[test]
fn the_bounds_of_what_follows_are_its_own_where_they_are_narrower() {
    let family = publishing("f", &["place"], &["revenue", "profit"], &[]);
    let layout = laid_out(&[family]);
    assert_eq!((layout.derived[0].name.as_str(), layout.derived[0].bounds), ("cost", Some((0, 1_000))));
    assert_eq!(layout.bounds_at(2), (0, 1_000), "and not from -1,000 to 2,000");
    let bounded: Vec<usize> = layout.bounded().map(|(place, _)| place).collect();
    assert_eq!(bounded, [0, 1, 2]);
    assert_eq!(layout.known(&layout.tables[0]).last(), Some(&Quantity::Sum(2)));
}

#[test]
fn families_without_margins_have_nodes_and_not_too_many() {
    let all: [&[&str]; 7] =
        [&["place", "size"], &["place", "age"], &["size", "age"], &["place"], &["size"], &["age"], &[]];
    let family = |margins: &[&[&str]]| publishing("f", &["place", "size", "age"], &["revenue"], margins);
    assert_eq!(laid_out(&[family(&all)]).nodes.len(), 0);
    assert_eq!(laid_out(&[family(&all[..3])]).nodes.len(), 4);
    assert_eq!(laid_out(&[family(&[])]).nodes.len(), 7);
    // Nine columns, each in a family with all others: 2^9 combinations less those that are tables.
    let names: Vec<String> = (0..9).map(|number| format!("c{number}")).collect();
    let dictionary = Dictionary::of(names.iter().map(|name| coded(name, &["x", "y"])).collect());
    let mut wide = publishing("f", &[], &[], &[]);
    wide.terms.subjects = true;
    wide.terms.dimensions = names.iter().map(|name| FamilyDimension { levels: vec![name.clone()], cost: 1 }).collect();
    let refused = Layout::new(&dictionary, [&wide]).expect_err("it has too many nodes");
    assert!(refused.to_string().contains("publish more margins"), "{refused}");
}

#[test]
fn a_sum_that_is_added_to_tables_that_are_out_goes_without_as_many_cells_as_it_takes() {
    let mut counts = family();
    counts.terms.measures = Vec::new();
    let mut incomes = family();
    (incomes.terms.name, incomes.terms.subjects) = ("incomes".to_owned(), false);
    // In one cell, with many people, one has nearly all income.
    let mut town = town(1, 400);
    let mut rich = true;
    for person in town.values_mut().filter(|person| (person.0, person.1) == (0, 1)) {
        person.3 = if std::mem::take(&mut rich) { 90_000 } else { 10 + person.3 % 7 };
    }
    let sealed_with = |families: &[Family], before: &[Moment]| {
        let (layout, rules, held) = (layout(families), rules(), none());
        let microdata = tally(&layout, &town);
        seal(&Sealing { layout: &layout, microdata: &microdata, as_of_ms: 0, rules: &rules, before, held: &held })
            .unwrap_or_else(|why| panic!("{why}"))
    };
    let both = [counts.clone(), incomes];
    let first = sealed_with(&[counts], &[]);
    let second = sealed_with(&both, &[Moment { sealed: first.clone(), microdata: tally(&layout(&both), &town) }]);
    let (mut alone, mut without) = (statuses(&first), BTreeSet::new());
    for table in &second.tables {
        let of_income = table.quantities.iter().position(|name| name == "income").expect("it is published");
        let of_subjects = table.quantities.iter().position(|name| name == "subjects").expect("it is published");
        for (labels, cell) in &table.cells {
            let (status, values) =
                alone.remove(&(table.columns.clone(), labels.clone())).expect("it was sealed before");
            if status != Status::Published {
                assert!(cell.values.is_empty(), "{labels:?}");
                continue;
            }
            assert_eq!((&cell.status, &cell.values[of_subjects]), (&Status::Published, &values[0]), "{labels:?}");
            let is = |name: &str, label: &str| {
                table.columns.iter().position(|column| column == name).is_none_or(|place| labels[place] == label)
            };
            let of = |person: &&Person| {
                is("district", DISTRICTS[person.0 as usize])
                    && is("region", &DISTRICTS[person.0 as usize][..1])
                    && is("age", AGES[person.1 as usize])
            };
            let income: i64 = town.values().filter(of).map(|person| person.3).sum();
            match cell.values[of_income].as_str() {
                "" => without.insert(labels.clone()),
                shown => {
                    assert_eq!(shown, income.to_string(), "{labels:?}");
                    false
                }
            };
        }
    }
    let cell = ["young", "n1"].map(str::to_owned).to_vec();
    assert!(without.contains(&cell), "{without:?}");
    // Districts have no total, and regions have one by age: another district of its region goes without it too.
    let others = without.iter().filter(|other| **other != cell && other[0] == "young" && other[1].starts_with('n'));
    assert!(others.count() > 0, "{without:?}");
    assert!(without.len() < 12, "{without:?}");
}
