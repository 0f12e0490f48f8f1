//! What follows from published sums by a relation of the dictionary is a figure as well: profit is revenue less cost.

use sluice_domain::relation::ColumnRelation;

use super::*;
use crate::primary::Quantity;

/// Firms by place, and by size in each place; revenue, cost and profit, all of one grid but for cost, in tenths.
fn made(relations: bool) -> Dictionary {
    let bounded = |name: &str, lower: i64| Column {
        bounds: Some(Bounds { lower, upper: 1_000 }),
        ..Column::new(name, ColumnKind::Int64)
    };
    let county = RollUp {
        from: "place".to_owned(),
        codes: ["a", "b", "c"].map(|place| (place.to_owned(), "county".to_owned())).into(),
    };
    let mut dictionary = Dictionary::of(vec![
        Column::new("id", ColumnKind::Utf8),
        coded("place", &["a", "b", "c"]),
        Column { rolls_up: Some(county), ..coded("county", &["county"]) },
        coded("size", &["small", "large"]),
        bounded("revenue", 0),
        bounded("cost", 0),
        bounded("profit", -1_000),
    ]);
    if relations {
        dictionary.relations = vec![ColumnRelation {
            name: "profit".to_owned(),
            terms: [("revenue".to_owned(), 1), ("cost".to_owned(), -1)].into(),
            equals: Some("profit".to_owned()),
        }];
    }
    assert_eq!(dictionary.check(), Ok(()));
    dictionary
}

fn publishing(name: &str, dimensions: &[&[&str]], measures: &[(&str, u8)], margins: &[&[&str]]) -> Family {
    let mut family = family();
    let measure = |(column, scale): &(&str, u8)| FamilyMeasure { column: (*column).to_owned(), scale: *scale };
    let dimension = |levels: &&[&str]| FamilyDimension {
        levels: levels.iter().map(|level| (*level).to_owned()).collect(),
        cost: 1,
    };
    family.terms.name = name.to_owned();
    family.terms.dimensions = dimensions.iter().map(dimension).collect();
    family.terms.measures = measures.iter().map(measure).collect();
    family.terms.margins = margins.iter().map(|margin| set(margin)).collect();
    family
}

/// Ninety firms: place, revenue and profit of each, of which one may be told.
fn firms(of: impl Fn(u32) -> (u32, i64, i64)) -> Vec<(u32, i64, i64)> {
    (0..90).map(of).collect()
}

fn counted(layout: &Layout, firms: &[(u32, i64, i64)]) -> Microdata {
    let lines = (0_u32..).zip(firms).map(|(firm, (place, revenue, profit))| {
        let values = layout.measures.iter().map(|(measure, _)| match measure.column.as_str() {
            "revenue" => *revenue,
            "cost" => 10 * (revenue - profit),
            _ => *profit,
        });
        (firm, u64::from(firm), vec![*place], 1, values.collect())
    });
    Microdata::new(layout, lines).expect("it is of this layout")
}

fn told(layout: &Layout, firms: &[(u32, i64, i64)], as_of_ms: i64, before: &[Moment]) -> SealedTables {
    let (rules, held, microdata) = (rules(), BTreeSet::new(), counted(layout, firms));
    let sealing = Sealing { layout, microdata: &microdata, as_of_ms, rules: &rules, before, held: &held };
    seal(&sealing).unwrap_or_else(|why| panic!("{why}"))
}

fn by_place(sealed: &SealedTables) -> Vec<Status> {
    ["a", "b", "c"].map(|place| sealed.tables[0].cells[&vec![place.to_owned()]].status.clone()).to_vec()
}

/// Revenues that nobody dominates; profits of one firm in the first place, of all in the others.
fn concentrated(firm: u32) -> (u32, i64, i64) {
    let (place, own) = (firm / 30, i64::from(firm % 30));
    (place, 400 + own, if place == 0 { 90 * i64::from(own == 3) } else { spread(own) })
}

/// Values that are no two alike, and in another order than those that they come from.
fn spread(own: i64) -> i64 {
    20 + 11 * own % 30
}

const RELATION: &str = "what follows from it by a declared relation breaks a rule";

#[test]
fn attack_46_what_two_sums_of_a_family_give_away_together_is_withheld() {
    let sums = |measures: &[(&str, u8)]| publishing("f", &[&["place"]], measures, &[]);
    let of = |relations, measures: &[(&str, u8)]| {
        let layout = Layout::new(&made(relations), [&sums(measures)]).expect("one family");
        by_place(&told(&layout, &firms(concentrated), 0, &[]))
    };
    let related = Status::Primary(vec![RELATION.to_owned()]);
    let shown = Status::Published;
    assert_eq!(of(true, &[("revenue", 0), ("cost", 1)]), [related, shown.clone(), shown.clone()]);
    assert_eq!(of(false, &[("revenue", 0), ("cost", 1)]), vec![shown.clone(); 3], "nobody has said what follows");
    assert_eq!(of(true, &[("revenue", 0)]), vec![shown; 3], "one sum alone gives no other away");
}

#[test]
fn attack_46_the_term_that_a_family_does_not_publish_is_the_figure_that_follows() {
    // Costs are one firm's; revenue and profit are published, and whoever takes one off the other has them.
    let free = |firm: u32| {
        let own = i64::from(firm % 30);
        (firm / 30, 400 + own, 400 + own - if firm < 30 { 300 * i64::from(own == 3) } else { spread(own) })
    };
    let family = publishing("f", &[&["place"]], &[("profit", 0), ("revenue", 0)], &[]);
    let layout = Layout::new(&made(true), [&family]).expect("one family");
    assert_eq!(layout.derived.iter().map(|derived| derived.name.as_str()).collect::<Vec<_>>(), ["cost"]);
    let statuses = by_place(&told(&layout, &firms(free), 0, &[]));
    assert_eq!(statuses, [Status::Primary(vec![RELATION.to_owned()]), Status::Published, Status::Published]);
}

#[test]
fn a_figure_follows_wherever_all_its_terms_may_be_known() {
    let families = [
        publishing("revenues", &[&["place"], &["size"]], &[("revenue", 0)], &[&["place"]]),
        publishing("costs", &[&["place", "county"]], &[("cost", 1)], &[&["county"]]),
        publishing("sizes", &[&["size"]], &[("cost", 1)], &[]),
    ];
    let layout = Layout::new(&made(true), &families).expect("they fit together");
    let implied =
        |columns: &[&str]| !layout.tables[layout.table(&set(columns)).expect("it is there")].implied.is_empty();
    // Revenue of a county is the sum of its places', and of a size that of all places.
    assert_eq!([&["place"][..], &["county"], &["size"]].map(implied), [true; 3]);
    assert!(!implied(&["place", "size"]), "costs aren't published so finely");
    let places = layout.table(&set(&["place"])).expect("it is there");
    assert_eq!(layout.known(&layout.tables[places]).last(), Some(&Quantity::Sum(2)));
    // A unit of revenue is ten steps of cost.
    assert_eq!((layout.derived[0].of(&[7, 3]), layout.bounds_at(2)), (67, (-10_000, 10_000)));
}

#[test]
fn attack_46_a_change_of_what_follows_isolates_nobody_either() {
    let family = publishing("f", &[&["place"]], &[("revenue", 0), ("cost", 1)], &[]);
    let layout = Layout::new(&made(true), [&family]).expect("one family");
    let shared = |firm: u32| (firm / 30, 400 + i64::from(firm % 30), spread(i64::from(firm % 30)));
    let first = firms(shared);
    // All of one place sell and spend more, but one of them earns it; in another all earn it.
    let second: Vec<_> = (0..90)
        .map(|firm| {
            let (place, revenue, profit) = shared(firm);
            match place {
                0 => (place, revenue + 50 + i64::from(firm), profit + 40 * i64::from(firm == 7)),
                1 => (place, revenue + 50 + i64::from(firm), profit + 20 + i64::from(firm % 7)),
                _ => (place, revenue, profit),
            }
        })
        .collect();
    let before = told(&layout, &first, 1_000, &[]);
    assert_eq!(by_place(&before), vec![Status::Published; 3]);
    let moment = Moment { sealed: before, microdata: counted(&layout, &first) };
    let after = by_place(&told(&layout, &second, 2_000, &[moment]));
    assert_eq!(after, [Status::Carried, Status::Published, Status::Published]);
}

#[test]
fn what_is_derived_is_counted_again_and_not_kept() {
    let family = publishing("f", &[&["place"]], &[("revenue", 0), ("cost", 1)], &[]);
    let layout = Layout::new(&made(true), [&family]).expect("one family");
    let microdata = counted(&layout, &firms(concentrated));
    assert_eq!(microdata.entries[3].values, [403, 3_130, 900]);
    let mut bytes = Vec::new();
    microdata.write(&layout, &mut bytes);
    assert!(Microdata::read(&layout, &bytes).is_ok_and(|read| read == microdata));
}
