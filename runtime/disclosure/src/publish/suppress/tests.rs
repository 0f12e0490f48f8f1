//! What becomes of a table that can't be protected, and of one that can.

use sluice_domain::grade::Grade;

use super::*;
use crate::finding::Scope;
use crate::publish::{Method, counted as tables};
use crate::table::Value;
use crate::tests::factory::{Table, counted, floor, ids};

/// The worked example of the module.
fn table() -> Table {
    let rows = [[4, 20, 30], [25, 35, 45], [40, 50, 60]];
    let mut table = Table::new(&[&["a", "b", "c"], &["x", "y", "z"]]).margins(&[&[0], &[1], &[]]);
    for (row, columns) in (0..).zip(rows) {
        for (column, subjects) in (0..).zip(columns) {
            table = table.subjects(&[row, column], subjects);
        }
    }
    table
}

/// A pattern with a protection that fails on systems of more than so many cells.
fn limited(candidate: &Candidate, cells_max: usize) -> Pattern {
    let protect = move |problem: &Problem<'_>| match problem.system.cells().len() > cells_max {
        true => Err(Unprotected { cells: problem.primary.to_vec() }),
        false => pattern::protect(problem),
    };
    let appetite = floor(Grade::Open);
    pattern_with(&protect, candidate, (counted(candidate), &appetite), &Withheld::default())
}

fn shown(candidate: &Candidate, pattern: &Pattern) -> Vec<i128> {
    let table = tables::protected(counted(candidate), &floor(Grade::Open), Method::Suppress, Some(pattern));
    let value = |row: &Vec<Value>| match row.last() {
        Some(Value::Integer(value)) => *value,
        _ => -1,
    };
    table.rows().iter().map(value).collect()
}

#[test]
fn the_worked_example() {
    let candidate = table().candidate();
    let pattern = limited(&candidate, usize::MAX);
    assert_eq!(pattern.extent, Extent::Whole);
    let expected = [-1, -1, 30, -1, -1, 45, 40, 50, 60, 54, 105, 150, 69, 105, 135, 309];
    assert_eq!(shown(&candidate, &pattern), expected);
    let found = pattern.findings(counted(&candidate));
    assert_eq!(ids(&found), ["secondary:d0=a/d1=y", "secondary:d0=b/d1=x", "secondary:d0=b/d1=y"]);
    assert!(found.iter().all(|f| f.verdict() == Verdict::Suppress && matches!(f.scope(), Scope::Cell(_))));
    assert_eq!([0, 1, 2].map(|place| pattern.is_primary(place)), [true, false, false]);
}

#[test]
fn what_cannot_be_protected_with_its_totals_loses_them() {
    let candidate = table().candidate();
    let pattern = limited(&candidate, 9);
    assert_eq!(pattern.extent, Extent::Inner);
    // Alone, no inner cell follows from the others: only the 4 is withheld.
    let mut expected = vec![-1, 20, 30, 25, 35, 45, 40, 50, 60];
    expected.extend([-1; 7]);
    assert_eq!(shown(&candidate, &pattern), expected);
    let found = pattern.findings(counted(&candidate));
    assert_eq!(ids(&found)[..2], ["secondary:unprotected", "secondary:d0=a/d1=*"]);
    assert_eq!((found[0].verdict(), found.len()), (Verdict::Refer, 8));
}

#[test]
fn what_cannot_be_protected_at_all_is_not_shown() {
    let candidate = table().candidate();
    let pattern = limited(&candidate, 0);
    assert_eq!(pattern.extent, Extent::Nothing);
    assert_eq!(shown(&candidate, &pattern), [-1; 16]);
    let found = pattern.findings(counted(&candidate));
    assert_eq!((found[0].id(), found[0].verdict(), found.len()), ("secondary:unprotected", Verdict::Refer, 16));
    let nothing = tables::protected(counted(&candidate), &floor(Grade::Open), Method::Suppress, None);
    assert_eq!(nothing.suppressed_values(), 16);
}

#[test]
fn a_pattern_that_shows_a_primary_is_not_believed() {
    let candidate = table().candidate();
    let all = |problem: &Problem<'_>| {
        let unprotected =
            Problem { primary: &[], order: &(0..problem.system.cells().len()).collect::<Vec<_>>(), ..*problem };
        pattern::protect(&unprotected)
    };
    let appetite = floor(Grade::Open);
    let pattern = pattern_with(&all, &candidate, (counted(&candidate), &appetite), &Withheld::default());
    assert_eq!(shown(&candidate, &pattern)[..3], [-1, 20, 30]);
}

#[test]
fn whatever_a_finding_withholds_of_a_cell_closes_it() {
    let candidate = table().candidate();
    let appetite = floor(Grade::Open);
    let mut withheld = Withheld::default();
    // Of a sum that isn't published: the count is withheld all the same, and so is what would give it away.
    withheld.figures.entry(vec![Some(2), Some(2)]).or_default().insert(Quantity::Sum(7));
    let pattern = pattern_with(&pattern::protect, &candidate, (counted(&candidate), &appetite), &withheld);
    assert!(pattern.is_primary(8) && !pattern.shows(8) && !pattern.is_primary(7));
    let shown = shown(&candidate, &pattern);
    assert!((6..8).any(|place| shown[place] == -1) && [2, 5].iter().any(|place| shown[*place] == -1));
    assert_eq!(shown[9..], [54, 105, 150, 69, 105, 135, 309]);
}

#[test]
fn what_is_known_beforehand_holds_of_the_truth() {
    let mut table = Table::new(&[&["a", "b"]]).measure(-20, 100).margins(&[&[]]);
    table.contract.statistics.push(sluice_domain::contract::Statistic::Records);
    let table = table.values(&[0], &[-20; 3]).values(&[1], &[100; 12]);
    let candidate = table.candidate();
    let appetite = floor(Grade::Open);
    let (_, cells) = cells(counted(&candidate), |_| false);
    let attempt = Attempt {
        protect: &pattern::protect,
        counted: counted(&candidate),
        appetite: &appetite,
        quantities: &[],
        truth: &[],
        counts_max: counts_max(&candidate, counted(&candidate)),
    };
    for (quantity, truth, bounds) in [
        (Quantity::Subjects, [3, 12], [(1, 15), (1, 15)]),
        (Quantity::Sum(0), [-60, 1200], [(-60, 300), (-240, 1200)]),
        (Quantity::Records, [4, 16], [(1, 150), (1, 150)]),
    ] {
        let figure = attempt.figure(&cells, quantity, &truth);
        assert_eq!(figure.bounds, bounds);
        assert_eq!(figure.protection.len(), 3);
        let known = counted(&candidate).inner().values().map(|evidence| value(evidence, quantity));
        assert_eq!(known.collect::<Vec<i128>>(), truth);
    }
}
