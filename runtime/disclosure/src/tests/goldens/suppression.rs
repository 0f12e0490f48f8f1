//! Goldens of secondary suppression: what published patterns protect, and the pattern that elimination finds.
//!
//! A pattern isn't unique. Each golden's own pattern must hold by our arithmetic, and ours must hold as well; where the
//! two differ the file says so.

use super::*;
use crate::primary::{Quantity, Rule, broken};
use crate::protect::eliminate::{Exposed, Pattern, Task, eliminate, protect, spans};
use crate::protect::system::Entry;

fn targets(tables: &Tables, cells: &[usize]) -> Vec<Vec<Entry>> {
    cells.iter().map(|cell| tables.system.cell(*cell).to_vec()).collect()
}

/// The primaries that follow from what is published.
fn disclosed<'a>(tables: &'a Tables, published: &[usize], primary: &[usize]) -> Vec<&'a str> {
    let found = spans(&tables.system, published, &targets(tables, primary));
    found.into_iter().map(|place| tables.names[primary[place]].as_str()).collect()
}

/// The cells that aren't primary: empty ones first, which the R package doesn't withhold for others' sake; then by size,
/// largest first, ties by place.
fn by_size(tables: &Tables, primary: &[usize]) -> Vec<usize> {
    let mut order = tables.without(primary);
    order.sort_by_key(|cell| (tables.values[*cell] != 0, std::cmp::Reverse(tables.values[*cell]), *cell));
    order
}

fn task<'a>(tables: &'a Tables, primary: &'a [usize], order: &'a [usize], known: &'a [bool]) -> Task<'a> {
    Task { system: &tables.system, primary, imaginary: &[], released: &[], order, known }
}

/// What is exposed where only these cells are out and all others are primary or withheld.
fn exposed(tables: &Tables, primary: &[usize], released: &[usize], known: &[bool]) -> Pattern {
    let rest: Vec<usize> = tables.without(primary).into_iter().filter(|cell| !released.contains(cell)).collect();
    let task = Task { released, ..task(tables, primary, &rest, known) };
    eliminate(&task).expect("a sound task")
}

/// Of counts: the cells that are at most so large, without those that are zeros by structure.
fn small_counts(golden: &Golden, tables: &Tables) -> Vec<usize> {
    let most = number(golden.parameter("primary_at_most"));
    let structural = texts(golden.parameter("structural"));
    (0..tables.values.len())
        .filter(|cell| tables.values[*cell] <= most && !structural.contains(&tables.names[*cell].as_str()))
        .collect()
}

/// Checks the golden's primaries and its pattern; gives our pattern for the same primaries.
fn compared(name: &str) -> (Golden, Tables, Pattern) {
    let golden = Golden::read(name);
    let tables = Tables::of(&golden);
    let primary = tables.cells(golden.expected("primary"));
    let suppressed = tables.cells(golden.expected("suppressed"));
    assert!(primary.iter().all(|cell| suppressed.contains(cell)));
    if !golden.parameter("primary_at_most").is_null() {
        assert_eq!(small_counts(&golden, &tables), primary, "{name}");
    }
    assert_eq!(disclosed(&tables, &tables.without(&suppressed), &primary), [""; 0], "{name}: the published pattern");
    // With the primaries alone everything is open: this is why there are others.
    assert!(!disclosed(&tables, &tables.without(&primary), &primary).is_empty(), "{name}");

    let order = by_size(&tables, &primary);
    let pattern = eliminate(&task(&tables, &primary, &order, &[])).expect("a sound task");
    assert_eq!((pattern.exposed.as_slice(), disclosed(&tables, &pattern.published, &primary)), (&[][..], vec![]));
    let ours: Vec<&str> = tables.named(&pattern.secondary);
    let expected = golden.expected("sluice");
    assert_eq!(ours, texts(&expected["secondary"]), "{name}");
    let theirs: Vec<usize> = suppressed.into_iter().filter(|cell| !primary.contains(cell)).collect();
    assert_eq!(ours == tables.named(&theirs), flag(&expected["same"]), "{name}");
    (golden, tables, pattern)
}

#[test]
fn golden_suppression_subsectors() {
    let golden = Golden::read("suppression-subsectors");
    let tables = Tables::of(&golden);
    let primary = tables.cells(golden.parameter("primary"));
    let alone = exposed(&tables, &primary, &tables.without(&primary), &[]);
    assert_eq!(alone.exposed == [Exposed::Primary(primary[0])], flag(golden.expected("published_alone_discloses")));
    let order: Vec<usize> = texts(golden.parameter("order")).into_iter().map(|name| tables.cell(name)).collect();
    let pattern = eliminate(&task(&tables, &primary, &order, &[])).expect("a sound task");
    assert_eq!(tables.named(&pattern.secondary), texts(golden.expected("secondary")));
    assert!(pattern.exposed.is_empty());
}

#[test]
fn golden_suppression_small_counts() {
    compared("suppression-small-counts");
}

#[test]
fn golden_suppression_hierarchy() {
    compared("suppression-hierarchy");
}

#[test]
fn golden_suppression_structural_zeros() {
    let (golden, tables, pattern) = compared("suppression-structural-zeros");
    let structural = tables.cells(golden.parameter("structural"));
    assert!(structural.iter().all(|cell| pattern.published.contains(cell)));
}

fn magnitude_primaries(golden: &Golden, tables: &Tables, by: fn(&Rule) -> bool) -> Vec<usize> {
    let contributions: Vec<Vec<i128>> = items(golden.input("contributions")).iter().map(numbers).collect();
    let rules = golden.rules();
    let unsafe_cell = |cell: &usize| {
        let values: Vec<i128> =
            tables.system.cell(*cell).iter().flat_map(|(atom, _)| contributions[*atom as usize].clone()).collect();
        !values.is_empty() && broken(&evidence(&values), Quantity::Sum(0), None, &rules).iter().any(by)
    };
    for (atom, values) in contributions.iter().enumerate() {
        assert_eq!(values.iter().sum::<i128>(), tables.atoms[atom]);
    }
    (0..tables.names.len()).filter(unsafe_cell).collect()
}

/// Who is alone in an atom, each somebody else, as the source takes it.
fn holders(golden: &Golden) -> Vec<Option<u64>> {
    let alone = |(atom, values): (usize, &Value)| (items(values).len() == 1).then_some(atom as u64);
    items(golden.input("contributions")).iter().enumerate().map(alone).collect()
}

/// Our pattern that holds against each holder: the one that the source publishes.
fn with_holders(golden: &Golden, tables: &Tables, primary: &[usize]) -> Pattern {
    let order = by_size(tables, primary);
    let protected = protect(&task(tables, primary, &order, &[]), &holders(golden)).expect("a sound task");
    assert_eq!(tables.named(&protected.pattern.secondary), texts(&golden.expected("sluice")["with_holders"]));
    let suppressed = tables.cells(golden.expected("suppressed"));
    assert_eq!(protected.pattern.published, tables.without(&suppressed));
    protected.pattern
}

#[test]
fn golden_suppression_few_contributors() {
    let (golden, tables, _) = compared("suppression-few-contributors");
    let primary = tables.cells(golden.expected("primary"));
    assert_eq!(magnitude_primaries(&golden, &tables, |rule| *rule == Rule::Threshold), primary);

    // Without care for singletons one more cell is out, and who is alone in one primary works the other out.
    let suppressed = tables.cells(golden.expected("suppressed"));
    let spain = tables.cell("Industry:Spain");
    let insider = |extra: Option<usize>| {
        let mut published = tables.without(&suppressed);
        published.extend(extra.into_iter().chain([spain]));
        disclosed(&tables, &published, &[tables.cell("Entertainment:Iceland")]).len()
    };
    assert_eq!(insider(Some(tables.cell(text(golden.expected("without_singletons"))))), 1);
    assert_eq!(insider(None), 0);

    let pattern = with_holders(&golden, &tables, &primary);
    for (own, other) in [("Industry:Spain", "Entertainment:Iceland"), ("Entertainment:Iceland", "Industry:Spain")] {
        let mut published = pattern.published.clone();
        published.push(tables.cell(own));
        assert_eq!(disclosed(&tables, &published, &[tables.cell(other)]), [""; 0], "{own} has {other}");
    }
}

#[test]
fn golden_suppression_dominant_cells() {
    let (golden, tables, _) = compared("suppression-dominant-cells");
    let primary = tables.cells(golden.expected("primary"));
    assert_eq!(magnitude_primaries(&golden, &tables, |rule| matches!(rule, Rule::Dominance { .. })), primary);
    // The shares of the largest, which the source prints.
    let contributions: Vec<Vec<i128>> = items(golden.input("contributions")).iter().map(numbers).collect();
    for (name, share) in golden.expected("shares_millionths").as_object().expect("shares") {
        let cell = tables.cell(name);
        let atoms = tables.system.cell(cell).iter();
        let values: Vec<i128> = atoms.flat_map(|(atom, _)| contributions[*atom as usize].clone()).collect();
        let shares = &evidence(&values).measures[0].subjects;
        let millionths = (shares.top[0] * 2_000_000 + shares.sum) / (2 * shares.sum);
        assert_eq!(millionths, number(share), "{name}");
    }
    with_holders(&golden, &tables, &primary);
}

#[test]
fn golden_suppression_linked_tables() {
    let (golden, tables, _) = compared("suppression-linked-tables");
    let suppressed = tables.cells(golden.expected("suppressed"));
    // The remark after the source's table 2: with one table's cells the other's follows.
    let published = [tables.cell("Total/EU/2015"), tables.cell("Portugal/2015")];
    assert_eq!(disclosed(&tables, &published, &[tables.cell("Spain/2015")]), ["Spain/2015"]);
    // Cells of two tables that are of the same people share their fate.
    let same = |one: &str, two: &str| tables.system.cell(tables.cell(one)) == tables.system.cell(tables.cell(two));
    assert!(same("Total/nonEU/2015", "Iceland/2015") && same("young/Total/2015", "Iceland/2015"));
    let further = tables.cells(golden.expected("further_suppressed"));
    assert!(further.iter().all(|cell| !suppressed.contains(cell)));
}

#[test]
fn golden_linking_sex() {
    let golden = Golden::read("linking-sex");
    let tables = Tables::of(&golden);
    let primary = tables.cells(golden.expected("exposed"));
    let released = tables.cells(golden.expected("released"));
    assert_eq!(exposed(&tables, &primary, &released, &[]).exposed, [Exposed::Primary(primary[0])]);
    // Asked beforehand, elimination withholds the smaller of the two.
    let order = by_size(&tables, &primary);
    let pattern = eliminate(&task(&tables, &primary, &order, &[])).expect("a sound task");
    assert_eq!(tables.named(&pattern.secondary), [text(golden.expected("withheld_instead"))]);
}

#[test]
fn golden_differencing_hours() {
    let golden = Golden::read("differencing-hours");
    let tables = Tables::of(&golden);
    let primary = tables.cells(golden.expected("exposed"));
    let released = tables.cells(golden.expected("released"));
    assert_eq!(exposed(&tables, &primary, &released, &[]).exposed, [Exposed::Primary(primary[0])]);
    // Either banding by itself gives nothing away.
    for left in [["<25", "25-39"], ["<20", "20-39"]] {
        let one: Vec<usize> =
            released.iter().copied().filter(|cell| !left.contains(&tables.names[*cell].as_str())).collect();
        assert_eq!(disclosed(&tables, &one, &primary), [""; 0], "without {left:?}");
    }
}

#[test]
fn golden_interval_examples_follow_from_a_singleton_or_without_secondaries() {
    let golden = Golden::read("interval-geurts");
    let tables = Tables::of(&golden);
    let suppressed = tables.cells(golden.expected("suppressed"));
    let mut published = tables.without(&suppressed);
    let target = [tables.cell(text(golden.expected("singleton_has")))];
    assert_eq!(disclosed(&tables, &published, &target), [""; 0]);
    published.push(tables.cell(text(golden.expected("singleton"))));
    assert_eq!(disclosed(&tables, &published, &target), [text(golden.expected("singleton_has"))]);

    let golden = Golden::read("interval-investment");
    let tables = Tables::of(&golden);
    let primary = tables.cells(golden.parameter("primary"));
    let alone = disclosed(&tables, &tables.without(&primary), &primary);
    assert_eq!(alone == tables.named(&primary), flag(golden.expected("primary_alone_discloses")));
    let suppressed = tables.cells(golden.expected("suppressed"));
    assert_eq!(disclosed(&tables, &tables.without(&suppressed), &primary), [""; 0]);
    let order = by_size(&tables, &primary);
    let pattern = eliminate(&task(&tables, &primary, &order, &[])).expect("a sound task");
    assert_eq!(tables.named(&pattern.secondary), texts(golden.expected("sluice")));
}
