use super::guess::{Answer, Ask, Solver};
use super::model::Model;
use super::*;
use crate::protect::moves::{Barred, Side};
use crate::tests::brute::{self, Numbers};

/// A case: a system, its true table and what is known of it.
struct Case {
    system: System,
    truth: Vec<i128>,
    bounds: Vec<(i128, i128)>,
    published: Vec<bool>,
    targets: Vec<Target>,
    insiders: Vec<bool>,
}

impl Case {
    fn audit(&self) -> Audit<'_> {
        Audit {
            system: &self.system,
            truth: &self.truth,
            bounds: &self.bounds,
            published: &self.published,
            targets: &self.targets,
            insiders: &self.insiders,
            limits: Limits::default(),
        }
    }

    /// Whether all tables that fit leave the target its width, against everyone and against each insider.
    fn truly_safe(&self, target: Target) -> bool {
        let mut knowing = vec![Vec::new()];
        let own = |atom: usize| self.system.cell(target.cell).iter().any(|(own, _)| *own as usize == atom);
        for atom in (0..self.insiders.len()).filter(|atom| self.insiders[*atom] && !own(*atom)) {
            let mut known = vec![false; self.insiders.len()];
            known[atom] = true;
            knowing.push(known);
        }
        knowing.iter().all(|known| {
            let found = brute::intervals(&self.system, &self.truth, &self.bounds, &self.published, known);
            let (lower, upper) = found[target.cell];
            lower <= target.lower && target.upper <= upper
        })
    }
}

/// A random small table: nodes are withheld at random, each withheld one is a target.
fn random(seed: u64, insiders: bool) -> Case {
    let mut numbers = Numbers::new(seed);
    let shapes: [(&[usize], &[usize]); 5] = [
        (&[3, 3], &[0, 0]),
        (&[2, 4], &[0, 2]),
        (&[2, 2, 2], &[0, 0, 0]),
        (&[3, 4], &[0, 2]),
        (&[2, 2, 3], &[0, 0, 0]),
    ];
    let (sizes, groups) = shapes[numbers.below(5) as usize];
    let mut system = brute::table(sizes, groups);
    if numbers.below(4) == 0 {
        // Linked tables: margins over atoms that no table shows.
        let cells = system.cells().iter().filter(|cell| cell.len() > 1).cloned().collect();
        system = System::new(system.atoms(), cells).expect("it is sound");
    }
    let truth: Vec<i128> = (0..system.atoms()).map(|_| i128::from(numbers.below(5))).collect();
    let bounds = truth.iter().map(|value| (0, (value + i128::from(numbers.below(3))).max(1))).collect();
    let inner = 3 + numbers.below(7);
    let published: Vec<bool> = system
        .cells()
        .iter()
        .map(|cell| numbers.below(10) >= if cell.len() == 1 { inner } else { inner / 4 })
        .collect();
    let mut targets = Vec::new();
    for cell in (0..published.len()).filter(|cell| !published[*cell]) {
        let value = system.value(cell, &truth).expect("it is small");
        let width = i128::from(numbers.below(2)) + 1;
        targets.push(Target { cell, lower: (value - width).max(0), upper: value + i128::from(numbers.below(2)) });
    }
    let insiders = if insiders { (0..system.atoms()).map(|_| numbers.below(4) == 0).collect() } else { Vec::new() };
    Case { system, truth, bounds, published, targets, insiders }
}

fn three_by_three() -> Case {
    let system = brute::table(&[3, 3], &[0, 0]);
    let truth = vec![3, 8, 20, 7, 9, 30, 40, 50, 60];
    let published = system.cells().iter().map(|cell| !matches!(cell[..], [(0 | 1 | 3 | 4, _)])).collect();
    let cell = system.cells().iter().position(|cell| cell[..] == [(0, 1)]).expect("it is there");
    let targets = vec![Target { cell, lower: 0, upper: 6 }];
    Case { system, truth, bounds: vec![(0, 1000); 9], published, targets, insiders: Vec::new() }
}

#[test]
fn the_worked_three_by_three_table() {
    let mut case = three_by_three();
    assert_eq!(audit(&case.audit()), [Outcome::Safe(Interval { lower: 0, upper: 10 })]);
    let cell = case.targets[0].cell;
    assert_eq!(interval(&case.audit(), cell), Some(Interval { lower: 0, upper: 10 }));
    case.targets[0].upper = 11;
    assert_eq!(audit(&case.audit()), [Outcome::Unsafe(Interval { lower: 0, upper: 10 }, Why::Narrow)]);
    case.targets[0].upper = 6;
    let published = case.system.cells().iter().position(|cell| cell[..] == [(4, 1)]).expect("it is there");
    case.published[published] = true;
    assert_eq!(audit(&case.audit()), [Outcome::Unsafe(Interval { lower: 3, upper: 3 }, Why::Narrow)]);
}

#[test]
fn what_the_attacker_knows_beforehand_narrows() {
    let mut case = three_by_three();
    case.bounds[4] = (7, 10);
    let found = audit(&case.audit());
    assert_eq!(found, [Outcome::Unsafe(Interval { lower: 1, upper: 4 }, Why::Narrow)]);
    case.bounds[4] = (10, 12);
    let malformed = Outcome::Unsafe(Interval { lower: 3, upper: 3 }, Why::Undecided(Limit::Malformed));
    assert_eq!(audit(&case.audit()), [malformed], "the truth isn't within");
}

#[test]
fn who_is_alone_in_a_corner_opens_the_block() {
    let mut case = three_by_three();
    case.insiders = vec![false; 9];
    case.insiders[0] = true;
    assert!(audit(&case.audit())[0].is_safe(), "one's own value");
    case.insiders[1] = true;
    assert!(!audit(&case.audit())[0].is_safe());
    // A second block through the first cell doesn't use that corner.
    for (cell, entries) in case.system.cells().iter().enumerate() {
        if matches!(entries[..], [(2 | 5, _)]) {
            case.published[cell] = false;
        }
    }
    assert!(audit(&case.audit())[0].is_safe());
    // Everybody else knows their corner, one at a time: either block does against either.
    case.insiders = vec![false, true, true, false, false, false, false, false, false];
    assert!(audit(&case.audit())[0].is_safe());
    case.insiders[3] = true;
    assert!(!audit(&case.audit())[0].is_safe(), "both blocks use the fourth atom");
}

#[test]
fn brute_force_agrees_on_every_safe_target_and_nearly_every_unsafe_one() {
    let (mut safe, mut cautious, mut unsafe_) = (0, 0, 0);
    for seed in 0..400 {
        let case = random(seed, seed % 2 == 1);
        for (target, outcome) in case.targets.iter().zip(audit(&case.audit())) {
            let truly = case.truly_safe(*target);
            match (outcome.is_safe(), truly) {
                (true, true) => safe += 1,
                (true, false) => panic!("seed {seed}: {target:?} isn't safe, but {outcome:?}"),
                (false, true) => cautious += 1,
                (false, false) => unsafe_ += 1,
            }
        }
    }
    assert!(safe > 300 && unsafe_ > 300, "{safe} safe, {unsafe_} unsafe");
    assert_eq!(cautious, 0, "of {safe} safe targets so many were called unsafe");
}

#[test]
fn a_reviewer_sees_the_true_interval_of_small_tables() {
    let (mut same, mut all) = (0, 0);
    for seed in 0..150 {
        let case = random(seed, false);
        let truly = brute::intervals(&case.system, &case.truth, &case.bounds, &case.published, &[]);
        for target in &case.targets {
            let (lower, upper) = truly[target.cell];
            let found = interval(&case.audit(), target.cell).expect("it is sound");
            assert!(lower <= found.lower && found.upper <= upper, "seed {seed}: certified beyond what fits");
            all += 1;
            same += usize::from((found.lower, found.upper) == (lower, upper));
        }
    }
    assert_eq!(same, all);
}

/// Three atoms in a chain of weighted sums: in real numbers they move together as they like, in whole ones by multiples of
/// (9, -6, 4) only.
fn chain() -> Case {
    let rows = vec![vec![(0, 1)], vec![(0, 2), (1, 3)], vec![(1, 2), (2, 3)]];
    let system = System::new(3, rows).expect("it is sound");
    let published = vec![false, true, true];
    let targets = vec![Target { cell: 0, lower: 8, upper: 12 }];
    Case { system, truth: vec![10; 3], bounds: vec![(0, 15); 3], published, targets, insiders: Vec::new() }
}

#[test]
fn real_numbers_may_say_wide_where_whole_ones_say_narrow() {
    let mut case = chain();
    case.bounds[2] = (7, 13);
    let lies = |audit: &Audit<'_>| {
        let exact = pool::Exact::new(*audit).expect("it is sound");
        let goal = (audit.targets[0], Side::Upper);
        let model = Model::of(&exact, exact.slack(), Barred::None, goal, Some(2)).expect("it is small");
        guess::Microlp.solve(&model, Ask::Relaxed)
    };
    assert!(matches!(lies(&case.audit()), Answer::Guesses(_)), "in real numbers there is room");
    let truly = brute::intervals(&case.system, &case.truth, &case.bounds, &case.published, &[]);
    assert_eq!(truly[0], (10, 10));
    assert_eq!(audit(&case.audit()), [Outcome::Unsafe(Interval { lower: 10, upper: 10 }, Why::Narrow)]);
    case.bounds = vec![(0, 20); 3];
    assert_eq!(brute::intervals(&case.system, &case.truth, &case.bounds, &case.published, &[])[0], (1, 19));
    assert_eq!(audit(&case.audit()), [Outcome::Safe(Interval { lower: 1, upper: 19 })]);
}

/// What a 3 x 3 x 3 table with all margins published allows with these inner cells withheld is a multiple of this move.
const TWICE: [(u32, i128); 18] = [
    (0, 1),
    (1, -1),
    (3, -1),
    (5, 1),
    (7, 1),
    (8, -1),
    (9, -2),
    (10, 1),
    (11, 1),
    (12, 2),
    (13, -1),
    (14, -1),
    (18, 1),
    (20, -1),
    (21, -1),
    (22, 1),
    (25, -1),
    (26, 1),
];

#[test]
fn a_three_way_table_whose_corners_are_halves_is_as_narrow_as_whole_numbers_say() {
    let system = brute::table(&[3, 3, 3], &[0, 0, 0]);
    let hidden = |cell: &[(u32, i32)]| matches!(cell, [(atom, _)] if TWICE.iter().any(|(own, _)| own == atom));
    let published: Vec<bool> = system.cells().iter().map(|cell| !hidden(cell)).collect();
    let cell = system.cells().iter().position(|cell| cell[..] == [(9, 1)]).expect("it is there");
    let targets = vec![Target { cell, lower: 0, upper: 2 }];
    let mut case = Case { system, truth: vec![1; 27], bounds: vec![(0, 9); 27], published, targets, insiders: vec![] };
    for (count, interval) in [(1, (1, 1)), (2, (0, 4))] {
        case.truth = vec![count; 27];
        case.targets[0] = Target { cell, lower: count - 1, upper: count + 1 };
        let exact = pool::Exact::new(case.audit()).expect("it is sound");
        for side in [Side::Lower, Side::Upper] {
            let goal = (case.targets[0], side);
            let model = Model::of(&exact, exact.slack(), Barred::None, goal, Some(1)).expect("it is small");
            let relaxed = guess::Microlp.solve(&model, Ask::Relaxed);
            assert!(matches!(relaxed, Answer::Guesses(_)), "in real numbers there is room");
        }
        let truly = brute::intervals(&case.system, &case.truth, &case.bounds, &case.published, &[])[cell];
        assert_eq!(truly, interval);
        let certified = Interval { lower: interval.0, upper: interval.1 };
        let expected = if count == 1 { Outcome::Unsafe(certified, Why::Narrow) } else { Outcome::Safe(certified) };
        assert_eq!(audit(&case.audit()), [expected]);
    }
}

#[test]
fn small_three_way_tables_agree_with_brute_force() {
    let (mut safe, mut unsafe_) = (0, 0);
    for seed in 0..10 {
        let mut numbers = Numbers::new(seed);
        let system = brute::table(&[3, 3, 3], &[0, 0, 0]);
        let truth: Vec<i128> = (0..27).map(|_| i128::from(numbers.below(6) / 3)).collect();
        let published = system.cells().iter().map(|cell| cell.len() > 1).collect();
        let inner = (0..system.cells().len()).filter(|cell| system.cell(*cell).len() == 1);
        let targets = inner
            .map(|cell| (cell, system.value(cell, &truth).expect("it is small")))
            .map(|(cell, value)| Target { cell, lower: (value - 1).max(0), upper: value + 1 })
            .collect();
        let case = Case { system, truth, bounds: vec![(0, 2); 27], published, targets, insiders: Vec::new() };
        let truly = brute::intervals(&case.system, &case.truth, &case.bounds, &case.published, &[]);
        for (target, outcome) in case.targets.iter().zip(audit(&case.audit())) {
            let (lower, upper) = truly[target.cell];
            let wide = lower <= target.lower && target.upper <= upper;
            assert_eq!(outcome.is_safe(), wide, "seed {seed}: {target:?}");
            if wide { safe += 1 } else { unsafe_ += 1 }
        }
    }
    assert!(safe > 50 && unsafe_ > 50, "{safe} safe, {unsafe_} unsafe");
}

/// A solver that says whatever it likes.
struct Liar(fn(&Model) -> Answer);

impl Solver for Liar {
    fn solve(&self, model: &Model, _: Ask) -> Answer {
        (self.0)(model)
    }
}

#[test]
fn a_solver_that_lies_never_makes_a_target_safe() {
    let lies: [fn(&Model) -> Answer; 5] = [
        |model| Answer::Guesses(vec![vec![100; model.bounds.len()], vec![-100; model.bounds.len()]]),
        |model| Answer::Guesses(vec![(0..).map(|place| place - 1).take(model.bounds.len()).collect()]),
        |model| Answer::Guesses(vec![vec![i64::MAX; model.bounds.len() + 3], Vec::new()]),
        |_| Answer::Impossible,
        |_| Answer::Failed(Limit::Solver),
    ];
    let mut asked = 0;
    for seed in 0..120 {
        let case = random(seed, seed % 2 == 1);
        // No search for moves: all rests on the solver.
        let mut blind = case.audit();
        blind.limits.steps_max = 0;
        for lie in lies {
            for audit in [case.audit(), blind] {
                let mut engine = Engine::new(audit, &[], Liar(lie)).expect("it is sound");
                for (place, target) in case.targets.iter().enumerate() {
                    if engine.verdict(place).is_safe() {
                        assert!(case.truly_safe(*target), "seed {seed}");
                    }
                    asked += 1;
                }
            }
        }
    }
    assert!(asked > 1000);
}

#[test]
fn who_reaches_a_limit_is_unsafe() {
    let case = three_by_three();
    let blind = Limits { steps_max: 0, ..Limits::default() };
    let limited = |limits: Limits| audit(&Audit { limits, ..case.audit() })[0];
    assert!(limited(blind).is_safe(), "the solver finds it alone");
    let unsafe_ = |limit| Outcome::Unsafe(Interval { lower: 3, upper: 3 }, Why::Undecided(limit));
    assert_eq!(limited(Limits { variables_max: 3, ..blind }), unsafe_(Limit::Variables));
    assert_eq!(limited(Limits { constraints_max: 1, ..blind }), unsafe_(Limit::Constraints));
    assert_eq!(limited(Limits { solves_max: 0, ..blind }), unsafe_(Limit::Solves));
}

#[test]
fn what_fits_is_checked_the_same_way_whole_and_by_differences() {
    let (mut fitting, mut not) = (0, 0);
    for seed in 0..200 {
        let case = random(seed, false);
        let audit = case.audit();
        let exact = pool::Exact::new(audit).expect("it is sound");
        let mut numbers = Numbers::new(seed + 1000);
        for _ in 0..30 {
            let atoms = case.system.atoms() as u64;
            let some =
                (0..1 + numbers.below(3)).map(|_| (numbers.below(atoms) as u32, i128::from(numbers.below(3)) - 1));
            let step = crate::protect::moves::Move::of(some.collect::<Vec<_>>()).expect("it is small");
            let mut witness = case.truth.clone();
            for (atom, change) in step.changes() {
                witness[*atom as usize] += change;
            }
            let whole = fits(&case.system, &case.truth, &case.published, &case.bounds, &witness);
            assert_eq!(exact.fits(&step).is_some(), whole, "seed {seed}: {step:?}");
            if whole { fitting += 1 } else { not += 1 }
        }
    }
    assert!(fitting > 500 && not > 500, "{fitting} fit, {not} don't");
}

#[test]
fn the_order_of_atoms_and_cells_changes_no_verdict() {
    for seed in 0..80 {
        let case = random(seed, seed % 2 == 1);
        let mut numbers = Numbers::new(seed + 77);
        let mut shuffled = |count: usize| {
            let mut order: Vec<usize> = (0..count).collect();
            for place in (1..count).rev() {
                order.swap(place, numbers.below(place as u64 + 1) as usize);
            }
            order
        };
        let (atoms, cells) = (shuffled(case.system.atoms()), shuffled(case.published.len()));
        let mut moved = vec![0; atoms.len()];
        atoms.iter().enumerate().for_each(|(new, old)| moved[*old] = new as u32);
        let entries = |cell: &usize| {
            let mut entries: Vec<(u32, i32)> =
                case.system.cell(*cell).iter().map(|(atom, c)| (moved[*atom as usize], *c)).collect();
            entries.sort_unstable();
            entries
        };
        let at = |cell: usize| cells.iter().position(|old| *old == cell).expect("it is there");
        let other = Case {
            system: System::new(atoms.len(), cells.iter().map(entries).collect()).expect("it is sound"),
            truth: atoms.iter().map(|old| case.truth[*old]).collect(),
            bounds: atoms.iter().map(|old| case.bounds[*old]).collect(),
            published: cells.iter().map(|old| case.published[*old]).collect(),
            targets: case.targets.iter().rev().map(|target| Target { cell: at(target.cell), ..*target }).collect(),
            insiders: if case.insiders.is_empty() {
                vec![]
            } else {
                atoms.iter().map(|old| case.insiders[*old]).collect()
            },
        };
        let safe = |outcomes: Vec<Outcome>| outcomes.iter().map(Outcome::is_safe).collect::<Vec<_>>();
        let mut again = safe(audit(&other.audit()));
        again.reverse();
        assert_eq!(safe(audit(&case.audit())), again, "seed {seed}");
    }
}
