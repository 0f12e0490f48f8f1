//! Goldens of the attacker's audit: it certifies the intervals that sources print, no wider, and no narrower.

use super::*;
use crate::protect::audit::{Audit, Limits, Outcome, Target, audit, interval};
use crate::protect::repair::{Task, repair};

/// What an attacker knows who knows that nothing is negative.
struct Attacker {
    tables: Tables,
    bounds: Vec<(i128, i128)>,
    published: Vec<bool>,
}

impl Attacker {
    fn of(tables: Tables, suppressed: &[usize]) -> Attacker {
        let total = tables.values.iter().copied().max().unwrap_or(0);
        let bounds = vec![(0, total); tables.system.atoms()];
        let published = (0..tables.names.len()).map(|cell| !suppressed.contains(&cell)).collect();
        Attacker { tables, bounds, published }
    }

    fn audit<'a>(&'a self, targets: &'a [Target], insiders: &'a [bool]) -> Audit<'a> {
        Audit {
            system: &self.tables.system,
            truth: &self.tables.atoms,
            bounds: &self.bounds,
            published: &self.published,
            targets,
            insiders,
            limits: Limits::default(),
        }
    }

    /// Of each cell named: the interval that is certified is the one expected, and any wider target is unsafe.
    fn assert_intervals(&self, expected: &Value) {
        for (name, bounds) in expected.as_object().expect("intervals by name") {
            let cell = self.tables.cell(name);
            let found = interval(&self.audit(&[], &[]), cell).expect("the parts go together");
            assert_eq!(vec![found.lower, found.upper], numbers(bounds), "{name}");
            let target = |lower: i128, upper: i128| Target { cell, lower, upper };
            let [lower, upper] = numbers(bounds)[..] else { panic!("two bounds") };
            let targets = [target(lower, upper), target(lower - 1, upper), target(lower, upper + 1)];
            let safe: Vec<bool> = audit(&self.audit(&targets, &[])).iter().map(Outcome::is_safe).collect();
            assert_eq!(safe, [true, false, false], "{name}");
        }
    }
}

#[test]
fn golden_audit_geurts() {
    let golden = Golden::read("interval-geurts");
    let tables = Tables::of(&golden);
    let suppressed = tables.cells(golden.expected("suppressed"));
    let attacker = Attacker::of(tables, &suppressed);
    attacker.assert_intervals(golden.expected("intervals"));
    attacker.assert_intervals(golden.expected("intervals_by_hand"));

    // Who is alone in (1,2) has (1,1) exactly.
    let singleton = attacker.tables.cell(text(golden.expected("singleton")));
    let insiders: Vec<bool> = (0..attacker.tables.system.atoms()).map(|atom| atom == singleton).collect();
    let cell = attacker.tables.cell(text(golden.expected("singleton_has")));
    let value = attacker.tables.values[cell];
    let targets = [Target { cell, lower: value - 1, upper: value }, Target { cell, lower: value, upper: value + 1 }];
    assert!(audit(&attacker.audit(&targets, &[])).iter().all(Outcome::is_safe));
    assert!(!audit(&attacker.audit(&targets, &insiders)).iter().any(Outcome::is_safe));
}

#[test]
fn golden_audit_investment() {
    let golden = Golden::read("interval-investment");
    let tables = Tables::of(&golden);
    let (primary, suppressed) =
        (tables.cells(golden.parameter("primary")), tables.cells(golden.expected("suppressed")));
    let attacker = Attacker::of(tables, &suppressed);
    attacker.assert_intervals(golden.expected("intervals_by_hand"));
    // The primary alone is worked out.
    let alone = Attacker::of(Tables::of(&golden), &primary);
    let found = interval(&alone.audit(&[], &[]), primary[0]).expect("the parts go together");
    assert_eq!((found.lower, found.upper), (22, 22));
}

#[test]
fn golden_audit_linked_tables() {
    let golden = Golden::read("suppression-linked-tables");
    let tables = Tables::of(&golden);
    let suppressed = tables.cells(golden.expected("suppressed"));
    let further = [suppressed.clone(), tables.cells(golden.expected("further_suppressed"))].concat();
    let attacker = Attacker::of(tables, &suppressed);
    attacker.assert_intervals(golden.expected("intervals"));
    Attacker::of(Tables::of(&golden), &further).assert_intervals(golden.expected("further_intervals"));

    // Asked for an interval of 4 the source withholds two cells more; so does repair.
    let tables = &attacker.tables;
    let target = |name: &str| {
        let cell = tables.cell(name);
        Target { cell, lower: 0, upper: 4 }
    };
    let targets: Vec<Target> = texts(golden.expected("primary")).into_iter().map(target).collect();
    let unsafe_cells: Vec<&str> = audit(&attacker.audit(&targets, &[]))
        .iter()
        .zip(&targets)
        .filter(|(outcome, _)| !outcome.is_safe())
        .map(|(_, target)| tables.names[target.cell].as_str())
        .collect();
    assert_eq!(unsafe_cells, ["Portugal/2014", "Portugal/2016"]);
    let costs: Vec<Option<u64>> = tables.values.iter().map(|value| Some(*value as u64)).collect();
    let audited = attacker.audit(&targets, &[]);
    let task = Task { audit: audited, costs: &costs, spare: &[], hints: &[] };
    let repaired = repair(&task);
    assert_eq!(repaired.unprotected, [0; 0]);
    let kept = |cell: &usize| attacker.published[*cell] && !repaired.published[*cell];
    let withheld: Vec<usize> = (0..costs.len()).filter(kept).collect();
    assert_eq!(tables.named(&withheld), texts(golden.expected("further_suppressed")));
}
