//! How far a sum is from its declared bounds is a figure as well: whoever knows the number of records has it.

use super::*;

/// Two measures, of which the second lies between 50 and 100, by one column.
fn made() -> (Layout, Family) {
    let bounded = |name: &str, lower: i64, upper: i64| Column {
        bounds: Some(Bounds { lower, upper }),
        ..Column::new(name, ColumnKind::Int64)
    };
    let dictionary = Dictionary::of(vec![
        Column::new("id", ColumnKind::Utf8),
        coded("c", &["near the upper", "near the lower", "far from both"]),
        bounded("wide", 0, 1_000),
        bounded("narrow", 50, 100),
    ]);
    let mut family = family();
    let measure = |column: &str| FamilyMeasure { column: column.to_owned(), scale: 0 };
    family.terms.dimensions = vec![FamilyDimension { levels: vec!["c".to_owned()], cost: 1 }];
    family.terms.measures = vec![measure("wide"), measure("narrow")];
    family.terms.margins = Vec::new();
    (Layout::new(&dictionary, [&family]).expect("one family"), family)
}

/// Thirty people in each of three cells, of whom the values of one measure are these.
fn told(measure: usize, values: [&dyn Fn(u32) -> i64; 3]) -> Vec<Status> {
    let (layout, _) = made();
    let plain = [400, 70];
    let lines = (0..90_u32).map(|person| {
        let cell = person / 30;
        // Nobody dominates anything, and no two are alike.
        let mut own = plain.map(|value| value + i64::from(person % 30) - 15);
        own[measure] = values[cell as usize](person % 30);
        (person, u64::from(person), vec![cell], 1, own.to_vec())
    });
    let microdata = Microdata::new(&layout, lines).expect("it is of this layout");
    let (rules, held) = (rules(), BTreeSet::new());
    let sealing =
        Sealing { layout: &layout, microdata: &microdata, as_of_ms: 0, rules: &rules, before: &[], held: &held };
    let sealed = seal(&sealing).unwrap_or_else(|why| panic!("{why}"));
    ["near the upper", "near the lower", "far from both"]
        .map(|label| sealed.tables[0].cells[&vec![label.to_owned()]].status.clone())
        .to_vec()
}

#[test]
fn attack_46_a_sum_that_shows_one_persons_distance_to_a_bound_is_withheld() {
    let complement = Status::Primary(vec!["the distance to a declared bound is concentrated".to_owned()]);
    // All but one at the upper bound, then at the lower one; only of the second measure the lower bound isn't 0.
    let upper = |person: u32| if person == 0 { 60 } else { 100 };
    let lower = |person: u32| if person == 0 { 90 } else { 50 };
    let between = |person: u32| 60 + i64::from(person);
    assert_eq!(told(1, [&upper, &lower, &between]), [complement.clone(), complement.clone(), Status::Published]);
    let upper = |person: u32| if person == 0 { 700 } else { 1_000 };
    let far = |person: u32| 400 + i64::from(person);
    assert_eq!(told(0, [&upper, &far, &far]), [complement, Status::Published, Status::Published]);
}
