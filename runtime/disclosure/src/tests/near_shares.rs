//! Two releases whose difference many subjects share, and one of them could be estimated from.

use sluice_domain::grade::Grade;

use super::factory::floor;
use crate::Overrides;
use crate::appetite::Dominance;
use crate::history::near::Why;
use crate::history::{Bar, Contributions, Domain, Figure, Keys, Kind, Near, Other, Place, Standing, near};

/// What the second of two releases adds for fourteen subjects: 90, of which 35 without the two largest.
const ADDED: [i128; 14] = [50, 5, 4, 4, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2];

fn found(overrides: &Overrides) -> Vec<Near> {
    let keys = Keys::new(&[9; 32], Domain::ungrouped(1_000), 0);
    let figure = |release: &str, added: &[i128]| {
        let [release, cell, quantity, snapshot] = [release, "all", "sum:v", "2024-01"].map(str::to_owned);
        // Twenty-six more have 1 in both, so that those who differ are the largest.
        let more = (100..126).map(|subject| (subject, 1));
        let values = Contributions::of((0..).zip(added.iter().copied()).chain(more));
        let place = Place { release, cell, quantity, snapshot };
        Figure::new(&keys, place, (Kind::Sum(None), Standing::Released), &values).expect("all subjects are there")
    };
    let appetite = floor(Grade::Open).tightened(overrides).expect("it tightens");
    let bar = Bar::new(appetite.rules(), false);
    near(&[figure("Q-2", &ADDED)], &[figure("R-1", &[])], &[], &bar).near
}

#[test]
fn a_difference_that_breaks_p_percent_alone_is_not_proved_far() {
    let by = |p_percent: u32| found(&Overrides { p_percent: Some(p_percent), ..Overrides::default() });
    // 35 * 100 against 50 * p, and 55 of 90 are far from dominating.
    assert_eq!((by(10), by(70)), (vec![], vec![]));
    let pair = Near { candidate: 0, other: Other::Archive(0), why: Why::Concentrated };
    assert_eq!((by(71), by(100)), (vec![pair], vec![pair]));
}

#[test]
fn a_difference_that_breaks_dominance_alone_is_not_proved_far() {
    let by = |k_percent: u32| {
        found(&Overrides { dominance: vec![Dominance { n: 2, k_percent }], ..Overrides::default() }).len()
    };
    // 55 of 90 are 61.1 %.
    assert_eq!((by(62), by(61)), (0, 1));
}
