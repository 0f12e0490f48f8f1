//! What a reviewer sees of each figure.

use sluice_domain::grade::Grade;

use super::factory::{Table, assess, floor, random};
use crate::review::{ReviewView, Status};

#[test]
fn a_reviewer_sees_what_becomes_of_every_figure_and_why() {
    let mut values: Vec<i64> = (0..30).map(|i| 40 + i).collect();
    values[0] = 100_000;
    let table = Table::new(&[&["AA", "UA"]]).measure(0, 100_000).measure(0, 100_000).ratio(0, 1).margins(&[&[]]);
    let mut table = table;
    let pairs = |values: &[i64]| values.iter().map(|value| vec![*value, 200_i64.max(*value) - 100]).collect();
    table.contributions.insert(vec![0], pairs(&values));
    table.contributions.insert(vec![1], pairs(&values[1..4]));
    let candidate = table.candidate();
    let assessment = assess(&candidate, &floor(Grade::Open));
    let Ok(view) = ReviewView::new(&candidate, &assessment) else { panic!("its own") };
    assert_eq!(view.cells.iter().map(|cell| cell.labels[0].as_str()).collect::<Vec<_>>(), ["AA", "UA", "*"]);
    assert!(view.rows.is_empty());
    let seen = |cell: usize, figure: usize| {
        let figure = &view.cells[cell].figures[figure];
        (figure.status, figure.rules.join(" "), figure.published.clone().unwrap_or_default())
    };
    let shown = |text: &str| (Status::Published, String::new(), text.to_owned());
    let primary = |rules: &str| (Status::Primary, rules.to_owned(), "c".to_owned());
    assert_eq!(seen(0, 0), shown("30"));
    assert_eq!(seen(0, 1), primary("dominance:2,90 p_percent:10,100 complement"));
    // The ratio breaks no rule itself; it follows from a sum that does.
    assert_eq!(seen(0, 3), (Status::Secondary, String::new(), "c".to_owned()));
    assert_eq!(seen(1, 0), primary("threshold groups"));
    assert_eq!(seen(2, 0), shown("30"));
    assert_eq!(view.cells[2].subjects, 33);
    assert_eq!(view.cells[0].figures[1].value.as_deref(), Some("101595"));
    assert!(view.cells[0].findings.contains(&"dominance:2,90:m0:d0=AA".to_owned()));
    assert!(view.cells.iter().flat_map(|cell| &cell.figures).all(|figure| figure.interval.is_none()));
}

#[test]
fn statuses_and_the_table_say_the_same() {
    for seed in 1..60 {
        let candidate = random(seed, -100).grouped(|subject| u64::from(subject / 2)).candidate();
        let assessment = assess(&candidate, &floor(Grade::Restricted));
        let Ok(view) = ReviewView::new(&candidate, &assessment) else { panic!("its own") };
        let figures = view.cells.iter().flat_map(|cell| &cell.figures);
        let withheld = figures.clone().filter(|figure| figure.status != Status::Published).count() as u64;
        assert_eq!(withheld, assessment.table().suppressed_values(), "seed {seed}");
        assert!(figures.clone().all(|figure| figure.rules.is_empty() || figure.status == Status::Primary));
        assert_eq!(figures.count(), view.cells.len() * view.columns.len().saturating_sub(view.cells[0].labels.len()));
    }
}
