//! Goldens of the checks that look at a whole table, and of differences of tables.

use sluice_domain::exception::{ExceptionMark, RuleName};

use super::*;
use crate::appetite::{Appetite, Overrides};
use crate::checks::Check;
use crate::checks::class::Class;
use crate::checks::freedom::Freedom;
use crate::checks::ratios::Ratios;
use crate::checks::threshold::Threshold;
use crate::history::{Contributions, Difference, Domain, Kind, Term};
use crate::primary::Rule;
use crate::tests::factory::{Table, ids};

/// An appetite as loose as two people may make it.
fn loosened(rule: RuleName, asked: u64, appetite: Appetite) -> Appetite {
    appetite.loosened(ExceptionMark { rule, asked }).expect("it isn't below the least")
}

#[test]
fn golden_group_attribute_disclosure() {
    let golden = Golden::read("group-attribute-disclosure");
    let rows = items(golden.input("rows"));
    let names: Vec<&str> = rows.iter().map(|row| text(&row["name"])).collect();
    let columns = texts(golden.input("columns"));
    let mut table = Table::new(&[&names, &columns]).margins(&[&[0]]);
    for (row, counts) in rows.iter().enumerate() {
        for (column, count) in numbers(&counts["counts"]).into_iter().enumerate().filter(|(_, count)| *count > 0) {
            table = table.subjects(&[row as u32, column as u32], count as usize);
        }
    }
    let candidate = table.candidate();
    let name = |id: &str| {
        let (row, column) = id.split_once("d0=").and_then(|(_, node)| node.split_once("/d1=")).expect("a cell");
        format!("{row}: {column}").replace("%20", " ")
    };
    let threshold = number(golden.parameter("threshold")) as u64;
    for case in items(golden.expected("by_group")) {
        let asked = number(&case["class_group"]) as u64;
        let open = floor(Grade::Open);
        let appetite = if asked < open.rules().class_group {
            loosened(RuleName::ClassGroup, asked, open)
        } else {
            open.tightened(&Overrides { class_group: Some(asked), ..Overrides::default() }).expect("it is no looser")
        };
        let appetite = loosened(RuleName::Threshold, threshold, appetite);
        let found = ids(&Class.run(&candidate, &appetite));
        let found: Vec<String> =
            found.iter().filter(|id| id.starts_with("class:margin:d1")).map(|id| name(id)).collect();
        assert_eq!(found, texts(&case["classes"]), "{asked}");

        let few = ids(&Threshold.run(&candidate, &appetite));
        let few: Vec<String> = few.iter().filter(|id| !id.ends_with('*')).map(|id| name(id)).collect();
        assert_eq!(few, texts(golden.expected("below_threshold")));
    }

    // The same people as contributions of 1 (full time) or 0.
    let mut table = Table::new(&[&names]).measure(0, 1);
    for (row, counts) in rows.iter().enumerate() {
        let counts = numbers(&counts["counts"]);
        let values: Vec<i64> = (0..counts[0] + counts[1]).map(|person| i64::from(person < counts[0])).collect();
        table = table.values(&[row as u32], &values);
    }
    let appetite = loosened(RuleName::Threshold, threshold, floor(Grade::Open));
    let found = ids(&Class.run(&table.candidate(), &appetite));
    let equal: Vec<&str> = found.iter().filter_map(|id| id.strip_prefix("class:all_equal:m0:d0=")).collect();
    assert_eq!(equal, texts(golden.expected("all_equal")));
}

#[test]
fn golden_differencing_areas() {
    let golden = Golden::read("differencing-areas");
    let (inner, outer) = (numbers(golden.input("inner")), numbers(golden.input("outer")));
    let rules =
        Rules { difference: number(golden.parameter("difference")) as u64, ..floor(Grade::Open).rules().clone() };
    let expected = numbers(golden.expected("differences"));
    for ((inner, outer), expected) in inner.into_iter().zip(outer).zip(expected) {
        let of = |count: i128| Contributions::counting(0..count as u32);
        let (inner, outer) = (of(inner), of(outer));
        let term = |coefficient, contributions| Term { coefficient, kind: Kind::Subjects, contributions };
        let difference = Difference::of(&[term(1, &outer), term(-1, &inner)], &Domain::ungrouped(1_000), &rules);
        assert_eq!(i128::from(difference.subjects), expected);
        assert_eq!((difference.few, difference.is_unsafe()), (expected > 0, expected > 0));
        assert_eq!(difference.broken.contains(&Rule::Threshold), expected > 0);
    }
}

#[test]
fn golden_degrees_of_freedom() {
    let golden = Golden::read("degrees-of-freedom");
    let appetite = floor(Grade::Open);
    let needed = number(golden.parameter("degrees_of_freedom"));
    assert_eq!(needed, i128::from(appetite.rules().degrees_of_freedom));
    for model in items(golden.input("models")) {
        let freedom = number(&model["observations"]) - number(&model["rank"]);
        assert_eq!(freedom, number(&model["freedom"]));
        assert_eq!(freedom >= needed, flag(&model["passes"]));
    }
    for mean in items(golden.expected("means")) {
        let subjects = number(&mean["subjects"]) as i64;
        assert_eq!(number(&mean["freedom"]), i128::from(subjects) - 1);
        let mut table = Table::new(&[&["AA"]]).measure(0, 1_000).measure(0, 1_000).ratio(0, 1);
        table.contributions.insert(vec![0], (1..=subjects).map(|i| vec![i, 1_000 - i]).collect());
        let published = ids(&Freedom.run(&table.candidate(), &appetite)) == ["freedom:all"];
        assert_eq!(published, flag(&mean["published"]), "{subjects}");
    }
}

#[test]
fn golden_ratio_complement() {
    let golden = Golden::read("ratio-complement");
    let appetite = floor(Grade::Open);
    assert_eq!(number(golden.parameter("threshold")), i128::from(appetite.rules().threshold));
    for (place, ratio) in items(golden.input("ratios")).iter().enumerate() {
        let (above, below) = (number(&ratio["numerator"]), number(&ratio["denominator"]));
        assert_eq!(below - above, number(&golden.expected("rest")[place]));
        let mut table = Table::new(&[&["AA"]]).measure(0, 1).measure(0, 1).ratio(0, 1);
        table.contributions.insert(vec![0], (0..below).map(|i| vec![i64::from(i < above), 1]).collect());
        let withheld = ids(&Ratios.run(&table.candidate(), &appetite)) == ["ratios:r:m0:d0=AA"];
        assert_eq!(withheld, flag(&golden.expected("withheld")[place]));
    }
}
