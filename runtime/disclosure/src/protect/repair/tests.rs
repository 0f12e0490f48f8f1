use super::*;
use crate::protect::audit::{Interval, audit, audit_with, fits};
use crate::protect::system::System;
use crate::tests::brute::{self, Numbers};

struct Case {
    system: System,
    truth: Vec<i128>,
    bounds: Vec<(i128, i128)>,
    published: Vec<bool>,
    targets: Vec<Target>,
    insiders: Vec<bool>,
    costs: Vec<Option<u64>>,
    spare: Vec<bool>,
}

impl Case {
    /// A table of which `share` in a hundred inner cells are 1 to 9 and withheld, others as large as `most`. Inner cells cost
    /// their value, margins much more.
    fn of(seed: u64, sizes: &[usize], groups: &[usize], share: u64, most: u64) -> Case {
        let mut numbers = Numbers::new(seed);
        let system = brute::table(sizes, groups);
        let truth: Vec<i128> = (0..system.atoms())
            .map(|_| {
                i128::from(if numbers.below(100) < share { 1 + numbers.below(9) } else { 10 + numbers.below(most) })
            })
            .collect();
        let value = |cell: usize| system.value(cell, &truth).expect("it is small");
        let small = |cell: &usize| value(*cell) < 10;
        let cells = system.cells().len();
        let published: Vec<bool> = (0..cells).map(|cell| !small(&cell)).collect();
        let targets = (0..cells)
            .filter(small)
            .map(|cell| Target { cell, lower: (value(cell) - 3).max(0), upper: value(cell) + 3 })
            .collect();
        let costs = (0..cells)
            .map(|cell| {
                let weight = if system.cell(cell).len() == 1 { 1 } else { 1000 };
                u64::try_from(value(cell)).ok().map(|value| value * weight)
            })
            .collect();
        let bounds = vec![(0, 1 << 40); system.atoms()];
        Case { system, truth, bounds, published, targets, insiders: vec![], costs, spare: vec![] }
    }

    fn task(&self) -> Task<'_> {
        let audit = Audit {
            system: &self.system,
            truth: &self.truth,
            bounds: &self.bounds,
            published: &self.published,
            targets: &self.targets,
            insiders: &self.insiders,
            limits: Limits::default(),
        };
        Task { audit, costs: &self.costs, spare: &self.spare, hints: &[] }
    }

    /// Whether all tables that fit leave the target its width, against everyone and against each insider.
    fn truly_safe(&self, target: Target, published: &[bool]) -> bool {
        let mut knowing = vec![Vec::new()];
        let own = |atom: usize| self.system.cell(target.cell).iter().any(|(own, _)| *own as usize == atom);
        for atom in (0..self.insiders.len()).filter(|atom| self.insiders[*atom] && !own(*atom)) {
            let mut known = vec![false; self.insiders.len()];
            known[atom] = true;
            knowing.push(known);
        }
        knowing.iter().all(|known| {
            let (lower, upper) =
                brute::intervals(&self.system, &self.truth, &self.bounds, published, known)[target.cell];
            lower <= target.lower && target.upper <= upper
        })
    }

    /// What must hold of whatever repair returns.
    fn check(&self, repaired: &Repaired) {
        let final_ = Audit { published: &repaired.published, ..self.task().audit };
        let again = audit(&final_);
        assert_eq!(audit_with(&final_, &repaired.witnesses), repaired.outcomes);
        for ((target, outcome), again) in self.targets.iter().zip(&repaired.outcomes).zip(&again) {
            assert_eq!(repaired.unprotected.contains(&target.cell), !outcome.is_safe());
            assert!(!outcome.is_safe() || again.is_safe(), "the audit by itself doesn't agree about {target:?}");
        }
        for (cell, cost) in self.costs.iter().enumerate() {
            let spare = self.spare.get(cell).copied().unwrap_or(false);
            assert!(!self.published[cell] || repaired.published[cell] || cost.is_some());
            assert!(self.published[cell] || !repaired.published[cell] || spare);
        }
    }
}

fn inner(system: &System, atom: u32) -> usize {
    system.cells().iter().position(|cell| cell[..] == [(atom, 1)]).expect("every inner cell is a node")
}

#[test]
fn hints_save_the_search_and_are_not_trusted() {
    let case = Case::of(5, &[6, 6], &[0, 0], 25, 90);
    let without = repair(&case.task());
    assert!(without.unprotected.is_empty() && !without.witnesses.is_empty());
    // The same pattern once more, which nothing may be withheld from: the verdicts rest on the hints.
    let never = vec![None; case.costs.len()];
    let limits = Limits { steps_max: 0, solves_max: 0, corners_max: 0, ..Limits::default() };
    let final_ = Audit { published: &without.published, limits, ..case.task().audit };
    let task = Task { audit: final_, costs: &never, ..case.task() };
    assert!(!repair(&task).unprotected.is_empty());
    assert!(repair(&Task { hints: &without.witnesses, ..task }).unprotected.is_empty());
    // A hint that changes what is published shows nothing.
    let wrong: Vec<Move> = (0..36).filter_map(|atom| Move::of([(atom, 1)])).collect();
    let repaired = repair(&Task { hints: &wrong, ..case.task() });
    case.check(&repaired);
    assert_eq!(repaired, without);
}

#[test]
fn the_worked_three_by_three_table() {
    let mut case = Case::of(1, &[3, 3], &[0, 0], 0, 1);
    case.truth = vec![3, 80, 20, 70, 90, 30, 40, 50, 65];
    let first = inner(&case.system, 0);
    case.published[first] = false;
    case.targets = vec![Target { cell: first, lower: 0, upper: 6 }];
    for atom in 0..9 {
        case.costs[inner(&case.system, atom)] = Some(case.truth[atom as usize] as u64);
    }
    let repaired = repair(&case.task());
    // The blocks through the first cell cost 80 + 70 + 90, 80 + 40 + 50, 20 + 40 + 65 and, the least, 20 + 70 + 30.
    let corners: Vec<usize> = [2, 3, 5].iter().map(|atom| inner(&case.system, *atom)).collect();
    let mut sorted = corners.clone();
    sorted.sort_unstable();
    assert_eq!(repaired.withheld, sorted);
    assert_eq!(repaired.outcomes, [Outcome::Safe(Interval { lower: 0, upper: 23 })]);
    assert!(repaired.unprotected.is_empty() && repaired.reopened.is_empty());
    // What is out already stays out: the other block is used, then margins.
    case.costs[corners[2]] = None;
    case.costs[corners[0]] = None;
    let repaired = repair(&case.task());
    assert!(repaired.unprotected.is_empty());
    assert!(repaired.published[corners[0]] && repaired.published[corners[2]]);
    case.check(&repaired);
    // Nothing can be withheld: nothing is protected, and repair says so.
    case.costs = vec![None; case.costs.len()];
    let repaired = repair(&case.task());
    assert_eq!((repaired.unprotected.clone(), repaired.withheld.clone()), (vec![first], vec![]));
    case.check(&repaired);
}

#[test]
fn a_target_that_is_published_is_withheld_first() {
    let mut case = Case::of(3, &[4, 4], &[0, 0], 10, 50);
    assert!(!case.targets.is_empty());
    case.published = vec![true; case.published.len()];
    let repaired = repair(&case.task());
    assert!(repaired.unprotected.is_empty());
    assert!(case.targets.iter().all(|target| repaired.withheld.contains(&target.cell)));
}

#[test]
fn random_tables_are_repaired_and_brute_force_agrees() {
    let shapes: [(&[usize], &[usize]); 4] =
        [(&[3, 3], &[0, 0]), (&[2, 4], &[0, 2]), (&[2, 2, 2], &[0, 0, 0]), (&[3, 4], &[0, 2])];
    let (mut safe, mut all) = (0, 0);
    for seed in 0..120 {
        let mut numbers = Numbers::new(seed);
        let (sizes, groups) = shapes[numbers.below(4) as usize];
        let mut case = Case::of(seed, sizes, groups, 20, 1);
        if numbers.below(4) == 0 {
            // Linked tables: margins over atoms that no table shows.
            let cells = case.system.cells().iter().filter(|cell| cell.len() > 1).cloned().collect();
            case.system = System::new(case.system.atoms(), cells).expect("it is sound");
            case.published.truncate(case.system.cells().len());
        }
        case.truth = (0..case.system.atoms()).map(|_| i128::from(numbers.below(5))).collect();
        case.bounds = case.truth.iter().map(|value| (0, (value + 1).max(2))).collect();
        case.published = vec![true; case.published.len()];
        case.targets = (0..3)
            .map(|_| numbers.below(case.published.len() as u64) as usize)
            .map(|cell| (cell, case.system.value(cell, &case.truth).expect("it is small")))
            .map(|(cell, value)| Target { cell, lower: (value - 1).max(0), upper: value + 1 })
            .collect();
        case.targets.iter().for_each(|target| case.published[target.cell] = false);
        case.costs = (0..case.published.len()).map(|_| Some(numbers.below(20))).collect();
        case.costs.iter_mut().for_each(|cost| {
            if numbers.below(6) == 0 {
                *cost = None;
            }
        });
        if seed % 2 == 0 {
            case.insiders = (0..case.system.atoms()).map(|_| numbers.below(5) == 0).collect();
        }
        let repaired = repair(&case.task());
        case.check(&repaired);
        for target in &case.targets {
            all += 1;
            if !repaired.unprotected.contains(&target.cell) {
                safe += 1;
                assert!(case.truly_safe(*target, &repaired.published), "seed {seed}: {target:?}");
            }
        }
    }
    assert!(safe * 10 > all * 6, "{safe} of {all} could be protected");
}

#[test]
fn what_elimination_withheld_in_vain_is_published_again() {
    let mut case = Case::of(5, &[6, 6], &[0, 0], 0, 90);
    let first = inner(&case.system, 0);
    case.truth[0] = 4;
    case.targets = vec![Target { cell: first, lower: 1, upper: 7 }];
    // The first three rows are withheld altogether.
    for atom in 0..18 {
        case.published[inner(&case.system, atom)] = false;
    }
    case.spare = (0..case.published.len()).map(|cell| !case.published[cell] && cell != first).collect();
    let repaired = repair(&case.task());
    assert!(repaired.unprotected.is_empty() && repaired.withheld.is_empty());
    assert_eq!(repaired.reopened.len(), 14, "18 withheld, of which a block of 4 is needed");
    case.check(&repaired);
}

#[test]
fn what_is_safe_by_several_moves_together_costs_nothing() {
    // Withheld in three rows of four: no rectangle is large enough for the first cell, two together are.
    let mut case = Case::of(13, &[3, 4], &[0, 0], 0, 90);
    case.truth = vec![9, 2, 2, 50, 2, 60, 60, 50, 50, 50, 50, 50];
    case.truth[4] = 9;
    let first = inner(&case.system, 0);
    for atom in [0, 1, 2, 4, 5, 6] {
        case.published[inner(&case.system, atom)] = false;
    }
    case.targets = vec![Target { cell: first, lower: 9, upper: 13 }];
    let repaired = repair(&case.task());
    assert_eq!((repaired.withheld.len(), repaired.unprotected.len()), (0, 0));
    assert_eq!(repaired.outcomes, [Outcome::Safe(Interval { lower: 0, upper: 13 })]);
    case.check(&repaired);
}

#[test]
fn insiders_are_kept_out_or_met_by_a_second_move() {
    let mut case = Case::of(7, &[4, 4], &[0, 0], 0, 90);
    let first = inner(&case.system, 0);
    case.truth[0] = 4;
    case.published[first] = false;
    case.targets = vec![Target { cell: first, lower: 1, upper: 7 }];
    // All but the first column's neighbours are known to somebody each.
    case.insiders = (0..16).map(|atom| atom % 4 == 1).collect();
    let repaired = repair(&case.task());
    assert!(repaired.unprotected.is_empty());
    let known = |cell: &usize| matches!(case.system.cell(*cell), [(atom, _)] if atom % 4 == 1);
    assert!(!repaired.withheld.iter().any(known), "another column does");
    case.check(&repaired);
    // A margin does at its price: then the cell alone moves. Where margins stay, two moves are needed.
    case.insiders = vec![true; 16];
    assert_eq!(repair(&case.task()).withheld.len(), 3);
    let margin = |cell: &usize| case.system.cell(*cell).len() > 1;
    (0..case.costs.len()).filter(margin).for_each(|cell| case.costs[cell] = None);
    let repaired = repair(&case.task());
    assert!(repaired.unprotected.is_empty(), "two blocks without a common corner");
    assert_eq!(repaired.withheld.len(), 6);
    case.check(&repaired);
}

#[test]
fn sums_of_large_amounts_and_weighted_cells_are_protected_alike() {
    let mut case = Case::of(9, &[5, 5], &[0, 0], 10, 90);
    let scale = 10_i128.pow(18);
    case.truth.iter_mut().for_each(|value| *value *= scale);
    case.bounds = vec![(0, i128::MAX); 25];
    case.targets.iter_mut().for_each(|target| {
        target.lower *= scale;
        target.upper *= scale;
    });
    let repaired = repair(&case.task());
    assert!(!case.targets.is_empty() && repaired.unprotected.is_empty());
    case.check(&repaired);
}

#[test]
fn repair_is_the_same_every_time_and_its_table_fits() {
    let case = Case::of(11, &[6, 6, 4], &[0, 3, 0], 5, 90);
    let repaired = repair(&case.task());
    assert_eq!(repaired, repair(&case.task()));
    assert!(repaired.unprotected.is_empty() && !repaired.withheld.is_empty());
    case.check(&repaired);
    assert!(fits(&case.system, &case.truth, &repaired.published, &case.bounds, &case.truth));
}

#[test]
#[ignore = "measures; run it in release"]
#[allow(clippy::print_stderr, reason = "it is run by hand, for its numbers")]
fn measure() {
    for (sizes, groups) in [
        (&[20, 50][..], &[0, 0][..]),
        (&[10, 10, 10], &[0, 0, 0]),
        (&[6, 6, 6, 6], &[0, 0, 0, 0]),
        (&[20, 20, 20], &[0, 0, 0]),
        (&[30, 30, 10], &[0, 5, 0]),
        (&[100, 100], &[0, 10]),
        (&[50, 50, 40], &[0, 10, 0]),
    ] {
        let case = Case::of(42, sizes, groups, 5, 90);
        let start = std::time::Instant::now();
        let repaired = repair(&case.task());
        let taken = start.elapsed();
        assert!(repaired.unprotected.is_empty(), "{sizes:?}");
        let pattern = Audit { published: &repaired.published, ..case.task().audit };
        let start = std::time::Instant::now();
        assert!(audit_with(&pattern, &repaired.witnesses).iter().all(Outcome::is_safe));
        eprintln!(
            "{sizes:?} {groups:?}: {} cells, {} targets, {} withheld in {taken:?}; audit with witnesses {:?}",
            case.published.len(),
            case.targets.len(),
            repaired.withheld.len(),
            start.elapsed(),
        );
        if case.published.len() < 2000 {
            let start = std::time::Instant::now();
            assert!(audit(&pattern).iter().all(Outcome::is_safe));
            eprintln!("    audit without {:?}", start.elapsed());
        }
    }
}
