//! Totals of what is shown: closed by themselves, and their ratios.

use sluice_domain::grade::Grade;

use super::factory::{Table, assess, floor};
use crate::assessment;
use crate::context::{Context, OutsideFinding};
use crate::csv::to_csv;
use crate::finding::{CheckName, Verdict};
use crate::table::ReleaseTable;

fn csv(table: &ReleaseTable) -> String {
    String::from_utf8(to_csv(table)).expect("UTF-8")
}

#[test]
fn a_total_is_withheld_by_itself_though_its_cells_are_shown() {
    let table = Table::new(&[&["AA", "UA"]]).subjects(&[0], 30).subjects(&[1], 31).margins(&[&[]]).candidate();
    let found = OutsideFinding {
        id: "history:total".to_owned(),
        check: CheckName::History,
        verdict: Verdict::Suppress,
        node: Some(vec![None]),
        sentence: "The totals of two releases differ by one subject.".to_owned(),
    };
    let context = Context { history: Some(vec![found]), ..Context::default() };
    let assessment = assessment::assess(&table, &floor(Grade::Open), &context);
    assert_eq!(csv(assessment.table()), "d0,subjects\r\nAA,30\r\nUA,31\r\n*,c\r\n");

    // 40 of the 41 are in a, in either row.
    let table = Table::new(&[&["a", "b"], &["x", "y"]]).margins(&[&[0], &[]]);
    let table = table.subjects(&[0, 0], 20).subjects(&[0, 1], 20).subjects(&[1, 0], 1).candidate();
    assert_eq!(
        csv(assess(&table, &floor(Grade::Open)).table()),
        "d0,d1,subjects\r\na,x,20\r\na,y,20\r\nb,x,c\r\nb,y,c\r\na,*,c\r\nb,*,c\r\n*,*,40\r\n"
    );
}

#[test]
fn a_total_has_its_ratio_where_both_sums_are_of_the_same_cells() {
    // Twelve subjects each, with 2 or 4 above the line and 10 or 30 below it: 36 of 240.
    let pairs = || (0..12).map(|i| if i % 2 == 0 { vec![2, 10] } else { vec![4, 30] }).collect::<Vec<_>>();
    let shown = |second: Vec<Vec<i64>>| {
        let mut table = Table::new(&[&["AA", "UA"]]).measure(0, 100).measure(0, 100).margins(&[&[]]).ratio(0, 1);
        table.contributions.insert(vec![0], pairs());
        table.contributions.insert(vec![1], second);
        csv(assess(&table.candidate(), &floor(Grade::Open)).table())
    };
    let head = "d0,subjects,m0,m1,r\r\nAA,12,36,240,0.15\r\n";
    assert_eq!(shown(pairs()), format!("{head}UA,12,36,240,0.15\r\n*,24,72,480,0.15\r\n"));
    // A cell without either sum is left out of both.
    assert_eq!(shown(pairs().split_off(9)), format!("{head}UA,c,c,c,c\r\n*,12,36,240,0.15\r\n"));
    // Nearly all above the line is of one subject: a total above it is of one cell, below it of two.
    let mut second = pairs();
    second.iter_mut().for_each(|pair| pair[0] = 0);
    second[0][0] = 9;
    assert_eq!(shown(second), format!("{head}UA,12,c,240,c\r\n*,24,36,480,c\r\n"));
}
