//! Goldens of intervals: how closely an attacker can work out what is withheld, counted out over all tables that fit.

use super::*;

/// The least and the largest value of each cell over all tables of whole numbers from 0 on that fit the published cells.
fn counted_out(tables: &Tables, published: &[usize]) -> Vec<(i128, i128)> {
    let equations: Vec<(Vec<usize>, i128)> = published
        .iter()
        .map(|cell| {
            let atoms = tables.system.cell(*cell).iter().map(|(atom, _)| *atom as usize).collect();
            (atoms, tables.values[*cell])
        })
        .collect();
    let mut found = vec![(i128::MAX, i128::MIN); tables.names.len()];
    search(tables, &equations, &mut Vec::new(), &mut found);
    found
}

fn search(tables: &Tables, equations: &[(Vec<usize>, i128)], held: &mut Vec<i128>, found: &mut Vec<(i128, i128)>) {
    let next = held.len();
    let left =
        |equation: &(Vec<usize>, i128)| equation.1 - equation.0.iter().filter_map(|atom| held.get(*atom)).sum::<i128>();
    let done = |equation: &(Vec<usize>, i128)| equation.0.last().is_none_or(|atom| *atom < next);
    if equations.iter().any(|equation| left(equation) < 0 || (done(equation) && left(equation) != 0)) {
        return;
    }
    if next == tables.system.atoms() {
        for (cell, (least, most)) in found.iter_mut().enumerate() {
            let value = tables.system.value(cell, held).expect("small");
            (*least, *most) = (value.min(*least), value.max(*most));
        }
        return;
    }
    let room = equations.iter().filter(|equation| equation.0.contains(&next)).map(left).min();
    for value in 0..=room.expect("every atom is in a published total") {
        held.push(value);
        search(tables, equations, held, found);
        held.pop();
    }
}

fn assert_intervals(tables: &Tables, found: &[(i128, i128)], expected: &Value) {
    for (name, bounds) in expected.as_object().expect("intervals by name") {
        let (least, most) = found[tables.cell(name)];
        assert_eq!(vec![least, most], numbers(bounds), "{name}");
    }
}

#[test]
fn golden_interval_geurts() {
    let golden = Golden::read("interval-geurts");
    let tables = Tables::of(&golden);
    let found = counted_out(&tables, &tables.without(&tables.cells(golden.expected("suppressed"))));
    assert_intervals(&tables, &found, golden.expected("intervals"));
    assert_intervals(&tables, &found, golden.expected("intervals_by_hand"));
}

#[test]
fn golden_interval_investment() {
    let golden = Golden::read("interval-investment");
    let tables = Tables::of(&golden);
    let found = counted_out(&tables, &tables.without(&tables.cells(golden.expected("suppressed"))));
    assert_intervals(&tables, &found, golden.expected("intervals_by_hand"));
}

#[test]
fn golden_interval_linked_tables() {
    let golden = Golden::read("suppression-linked-tables");
    let tables = Tables::of(&golden);
    let mut suppressed = tables.cells(golden.expected("suppressed"));
    let found = counted_out(&tables, &tables.without(&suppressed));
    assert_intervals(&tables, &found, golden.expected("intervals"));
    suppressed.extend(tables.cells(golden.expected("further_suppressed")));
    let found = counted_out(&tables, &tables.without(&suppressed));
    assert_intervals(&tables, &found, golden.expected("further_intervals"));
}
