//! What readers are told of a method, and how far it holds; what it leaves alone.

use super::*;

#[test]
fn controlled_figures_add_up_and_stay_within_what_the_notes_say() {
    let mut two_way = 0;
    for seed in 1..SEEDS {
        let table = random(seed, -100);
        let assessment = assess_by(Method::ControlledRounding, &table.candidate(), &floor(Grade::Conditional));
        let notes = assessment.table().notes().join(" ");
        let close = notes.contains("Every figure, totals included, is less than 5");
        two_way += u32::from(close);
        let (_, sums) = system(&table, &assessment);
        let dimensions = table.contract.dimensions.len();
        let rows = assessment.table().rows();
        let by_atoms: BTreeMap<&Vec<u32>, usize> = sums.iter().enumerate().map(|(p, sum)| (sum, p)).rev().collect();
        for (place, truth) in truths(&table, &assessment).iter().enumerate() {
            for (column, truth) in truth.iter().enumerate() {
                let (Some(truth), Value::Integer(value)) = (truth, &rows[place][dimensions + column]) else { continue };
                let most = if close { 4 } else { 4 * sums[place].len() as i128 };
                assert!(value % 5 == 0 && (value - truth).abs() <= most, "seed {seed}, row {place}");
                let parts: Option<i128> = sums[place]
                    .iter()
                    .map(|atom| match rows[by_atoms[&vec![*atom]]][dimensions + column] {
                        Value::Integer(value) => Some(value),
                        _ => None,
                    })
                    .sum();
                assert!(parts.is_none_or(|sum| sum == *value), "seed {seed}, row {place}");
            }
        }
    }
    assert_eq!(two_way as u64, SEEDS - 1, "margins of the factory's tables nest in two ways");
}

#[test]
fn three_directions_are_not_kept_within_a_base() {
    let table = Table::new(&[&["a", "b"], &["x", "y"], &["m", "n"]]).margins(&[&[0], &[1], &[2]]);
    let mut table = table;
    for codes in crate::table::every_code(&table.contract.dimensions) {
        table.contributions.insert(codes, vec![Vec::new(); 33]);
    }
    let assessment = assess_by(Method::ControlledRounding, &table.candidate(), &floor(Grade::Conditional));
    let notes = assessment.table().notes().join(" ");
    assert!(notes.contains("as much as 4 for each inner cell that it adds up"), "{notes}");
    let one_label = {
        let mut table = Table::new(&[&["a", "b"], &["x", "y"], &["m"]]).margins(&[&[0], &[1], &[2]]);
        table.contributions.insert(vec![0, 0, 0], vec![Vec::new(); 33]);
        assess_by(Method::ControlledRounding, &table.candidate(), &floor(Grade::Conditional))
    };
    assert!(one_label.table().notes().join(" ").contains("totals included, is less than 5"));
}

#[test]
fn a_report_is_the_same_by_every_method() {
    let candidate = report(vec![vec![1, 98], vec![0, 7]], None);
    let plain = assess_by(Method::RedactThenRound, &candidate, &floor(Grade::Open));
    for method in PATTERNS.into_iter().chain([Method::CellKey]) {
        let other = assess_by(method, &candidate, &floor(Grade::Open));
        assert!(plain.table() == other.table() && plain.verdict() == other.verdict());
        assert_eq!(ids(plain.findings()), ids(other.findings()));
        assert_eq!(plain.record().checks, other.record().checks);
    }
}

#[test]
fn the_record_states_the_method_and_what_it_means() {
    let candidate = three_by_three([[4, 22, 31], [27, 36, 48], [41, 53, 62]]).candidate();
    let notes = |method, grade| {
        let assessment = assess_by(method, &candidate, &floor(grade));
        let record = assessment.record();
        assert_eq!(record.method, method);
        let listed = record.checks.iter().any(|line| line.check == CheckName::Secondary);
        assert_eq!(listed, method.has_pattern());
        record.notes.join("\n")
    };
    let plain = notes(Method::RedactThenRound, Grade::Conditional);
    assert!(plain.contains("sums of what is shown here") && !plain.contains("Further cells"), "{plain}");
    let suppressed = notes(Method::Suppress, Grade::Conditional);
    for words in ["withheld cells included", "Further cells are withheld", "parts may not add up to their total"] {
        assert!(suppressed.contains(words), "{suppressed}");
    }
    let controlled = notes(Method::ControlledRounding, Grade::Conditional);
    for words in ["controlled rounding", "less than 5 from its value", "withheld cells included"] {
        assert!(controlled.contains(words), "{controlled}");
    }
    let exact = notes(Method::ControlledRounding, Grade::Open);
    assert!(exact.contains("Nothing is rounded.") && !exact.contains("controlled"), "{exact}");
}
