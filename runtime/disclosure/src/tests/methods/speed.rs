//! How long an assessment takes.

use super::*;

#[test]
#[ignore = "measures a release build"]
#[allow(clippy::print_stderr, reason = "it says what it measured")]
fn a_thousand_cells_of_two_dimensions_and_of_three_are_assessed_at_once() {
    const LABELS: [&str; 50] = ["l"; 50];
    let names: Vec<String> = (0..50).map(|place| format!("l{place}")).collect();
    let of = |lengths: &[usize], margins: &[&[u32]]| {
        let plain: Vec<&[&str]> = lengths.iter().map(|length| &LABELS[..*length]).collect();
        let mut table = Table::new(&plain).measure(0, 1_000).margins(margins);
        for dimension in &mut table.contract.dimensions {
            let length = dimension.labels.len();
            dimension.labels = names[..length].to_vec();
        }
        let mut dice = Random(41);
        for codes in crate::table::every_code(&table.contract.dimensions) {
            let subjects = if dice.below(10) == 0 { 1 + dice.below(9) } else { 10 + dice.below(90) };
            table.contributions.insert(codes, (0..subjects).map(|_| vec![dice.within(1, 1_000)]).collect());
        }
        table.candidate()
    };
    let two = of(&[20, 50], &[&[0], &[1], &[]]);
    let three = of(&[10, 10, 10], &[&[0, 1], &[0, 2], &[1, 2], &[0], &[1], &[2], &[]]);
    for (name, candidate, seconds) in [("two", &two, 1), ("three", &three, 2)] {
        for method in [Method::RedactThenRound, Method::Suppress, Method::ControlledRounding] {
            let start = std::time::Instant::now();
            let assessment = assess_by(method, candidate, &floor(Grade::Conditional));
            let took = start.elapsed();
            let withheld = assessment.table().suppressed_values();
            eprintln!("{name} dimensions, {method:?}: {took:?}, {withheld} values withheld");
            assert!(took.as_secs() < seconds, "{took:?}");
        }
    }
}
