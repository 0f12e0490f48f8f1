//! Contributions for both tools: the flights by aircraft, made people, and a table of edges.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::sync::OnceLock;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{Contribution, Microdata};
use crate::support::data::examples;

/// The columns that are texts here, months included.
const TEXTS: [&str; 5] = ["tailnum", "month", "origin", "dest", "carrier"];
const NUMBERS: [&str; 2] = ["distance", "dep_delay"];

/// One flight: its texts in the order of [`TEXTS`], the distance, and the delay, 0 where it left early or not at all.
struct Flight {
    texts: [String; 5],
    values: [i64; 2],
}

/// The flights, collapsed by aircraft to these dimensions. Where aircraft are grouped, it is by their carrier, the
/// least where several flew one.
pub fn flights(name: &'static str, dimensions: &[&'static str], grouped: bool) -> Microdata {
    static FLIGHTS: OnceLock<Vec<Flight>> = OnceLock::new();
    let flights = FLIGHTS.get_or_init(read);
    let places: Vec<usize> =
        dimensions.iter().map(|name| TEXTS.iter().position(|text| text == name).expect("a column of texts")).collect();
    let tails: BTreeSet<&str> = flights.iter().map(|flight| flight.texts[0].as_str()).collect();
    let carriers: BTreeSet<&str> = flights.iter().map(|flight| flight.texts[4].as_str()).collect();
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    let mut parts: BTreeMap<(Vec<&str>, &str), [i64; 2]> = BTreeMap::new();
    for flight in flights {
        let [tail, .., carrier] = &flight.texts;
        let owner = owners.entry(tail).or_insert(carrier);
        *owner = (*owner).min(carrier);
        let codes = places.iter().map(|place| flight.texts[*place].as_str()).collect();
        let held = parts.entry((codes, tail)).or_default();
        held.iter_mut().zip(flight.values).for_each(|(held, value)| *held += value);
    }
    let ordinals = |names: BTreeSet<&'static str>| names.into_iter().zip(0_u32..).collect::<BTreeMap<_, _>>();
    let (units, groups) = (ordinals(tails), ordinals(carriers));
    let contributions = parts.iter().map(|((codes, tail), values)| Contribution {
        codes: codes.iter().map(|code| (*code).to_owned()).collect(),
        unit: units[tail],
        group: u64::from(if grouped { groups[owners[tail]] } else { units[tail] }),
        values: values.map(i128::from).to_vec(),
    });
    Microdata {
        name,
        dimensions: dimensions.to_vec(),
        measures: vec![("distance", None), ("delay", None)],
        contributions: contributions.collect(),
    }
}

fn read() -> Vec<Flight> {
    let path = examples().join("data/flights.parquet");
    let file = File::open(path).expect("the example data are there");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|builder| builder.build());
    reader.expect("it is Parquet").flat_map(|batch| flights_of(&batch.expect("it can be read"))).collect()
}

/// The flights of a batch whose aircraft is known.
fn flights_of(batch: &RecordBatch) -> Vec<Flight> {
    let column = |name: &str, kind: &DataType| {
        let column = batch.column_by_name(name).expect("the flights have it");
        cast(column, kind).expect("it has such values")
    };
    let texts = TEXTS.map(|name| column(name, &DataType::Utf8));
    let numbers = NUMBERS.map(|name| column(name, &DataType::Int64));
    let known = (0..batch.num_rows()).filter(|row| texts[0].is_valid(*row));
    let flight = |row: usize| Flight {
        texts: texts.each_ref().map(|column| column.as_string::<i32>().value(row).to_owned()),
        values: numbers.each_ref().map(|column| {
            let column = column.as_primitive::<Int64Type>();
            if column.is_valid(row) { column.value(row).max(0) } else { 0 }
        }),
    };
    known.map(flight).collect()
}

/// 5,000 made people by region, age and sex: their income, which has a heavy tail and many zeros, and their days at
/// work, of which nearly all have the most that there is. Regions differ in size, so that cells of few people occur.
pub fn people() -> Microdata {
    let mut draw = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |end: u64| {
        draw ^= draw << 13;
        draw ^= draw >> 7;
        draw ^= draw << 17;
        draw % end
    };
    let regions = ["north", "south", "east", "west", "coast", "hills", "isles", "fens"];
    let ages = ["00-14", "15-17", "18-29", "30-44", "45-59", "60-74", "75-"];
    let mut contributions = Vec::new();
    for unit in 0..5_000 {
        // The least of two draws: the first regions are the largest, the last has some eighty people.
        let region = next(8).min(next(8)) as usize;
        let age = next(7) as usize;
        let sex = ["f", "m"][next(2) as usize];
        // In how many of 100 cases somebody of this age earns, and in how many fewer than all days of the year.
        let (earns, absent) = [(0, 0), (15, 2), (80, 10), (90, 3), (85, 6), (30, 4), (5, 1)][age];
        let income = if next(100) < earns { (12_000_000_000 / (next(1_000_000) + 1)).min(100_000_000) } else { 0 };
        let days = if next(100) < absent { next(365) } else { 365 };
        contributions.push(Contribution {
            codes: [regions[region], ages[age], sex].map(str::to_owned).to_vec(),
            unit,
            group: u64::from(unit),
            values: vec![i128::from(income), i128::from(days)],
        });
    }
    Microdata {
        name: "people",
        dimensions: vec!["region", "age", "sex"],
        measures: vec![("income", Some((0, 100_000_000))), ("days", Some((0, 365)))],
        contributions,
    }
}

/// Cells at the very edge of a rule with its usual numbers: threshold 10, (2, 90 %), p = 10.
pub fn edges() -> Microdata {
    let ones = |count: usize| vec![1; count];
    let with = |first: &[i128], rest: Vec<i128>| first.iter().copied().chain(rest).collect::<Vec<i128>>();
    let cells: [(&str, &str, Vec<i128>); 9] = [
        ("ten", "units", vec![3, 4, 5, 3, 4, 5, 3, 4, 5, 3]),
        ("nine", "units", vec![3, 4, 5, 3, 4, 5, 3, 4, 5]),
        ("90", "of 100", with(&[80, 10], ones(10))),
        ("89", "of 100", with(&[80, 9], ones(11))),
        ("rest", "10 of 100", with(&[100, 2], ones(10))),
        ("rest", "9 of 100", with(&[100, 2], with(&[0], ones(9)))),
        ("all", "zero", vec![0; 12]),
        ("all", "seven", vec![7; 12]),
        ("one", "of 12", with(&[7], vec![0; 11])),
    ];
    let mut contributions = Vec::new();
    for (row, column, values) in cells {
        for value in values {
            let unit = contributions.len() as u32;
            let codes = vec![row.to_owned(), column.to_owned()];
            contributions.push(Contribution { codes, unit, group: u64::from(unit), values: vec![value] });
        }
    }
    Microdata { name: "edges", dimensions: vec!["row", "column"], measures: vec![("value", None)], contributions }
}
