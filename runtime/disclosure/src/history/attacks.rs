//! Attacks of the list that the history stands against, seen to be found.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluice_domain::grade::Grade;

use super::near::Why;
use super::report::{Books, HistoryFinding, Topic, findings};
use super::*;
use crate::appetite::{Appetite, Rules};
use crate::primary::Rule;

/// A subject domain with its archive.
pub(super) struct Desk {
    keys: Keys,
    rules: Rules,
    archive: Vec<Figure>,
    universes: Vec<Figure>,
    kept: BTreeMap<Place, Arc<Contributions>>,
}

impl Desk {
    fn new(domain: Domain, grade: Grade) -> Desk {
        let rules = Appetite::floor(grade).expect("it has a floor").rules().clone();
        let (archive, universes, kept) = (Vec::new(), Vec::new(), BTreeMap::new());
        Desk { keys: Keys::new(&[9; 32], domain, 0), rules, archive, universes, kept }
    }

    fn figure(&mut self, (release, cell): (&str, &str), what: (Kind, Standing), values: Contributions) -> Figure {
        let quantity = if what.0 == Kind::Subjects { "subjects" } else { "sum:v" };
        let [release, cell, quantity, snapshot] = [release, cell, quantity, "2024-01"].map(str::to_owned);
        let place = Place { release, cell, quantity, snapshot };
        let figure = Figure::new(&self.keys, place.clone(), what, &values).expect("all subjects are there");
        self.kept.insert(place, Arc::new(values));
        figure
    }

    /// Puts a figure into the archive. There is no way to take one out.
    fn out(&mut self, place: (&str, &str), what: (Kind, Standing), values: Contributions) {
        let figure = self.figure(place, what, values);
        self.archive.push(figure);
    }

    fn findings(&self, candidate: &[Figure]) -> Vec<HistoryFinding> {
        let bar = Bar::new(&self.rules, self.keys.domain().is_grouped());
        let search = near(candidate, &self.archive, &self.universes, &bar);
        let triples = triples(candidate, &self.archive, &bar);
        let kept = |place: &Place| self.kept.get(place).cloned();
        let (archive, universes) = (self.archive.as_slice(), self.universes.as_slice());
        let (domain, rules) = (self.keys.domain(), &self.rules);
        findings(&search, &triples, &Books { candidate, archive, universes, kept: &kept, domain, rules })
    }
}

const COUNT: (Kind, Standing) = (Kind::Subjects, Standing::Released);
const SUM: (Kind, Standing) = (Kind::Sum(None), Standing::Released);

fn count(subjects: impl IntoIterator<Item = u32>) -> Contributions {
    Contributions::counting(subjects)
}

#[test]
fn attack_05_a_job_and_the_same_without_one_aircraft_by_two_operators() {
    let mut desk = Desk::new(Domain::ungrouped(1_000), Grade::Open);
    desk.out(("R-1-airline", "flights/carrier=AA"), COUNT, count(0..40));
    let candidate = [desk.figure(("Q-2-airport", "movements/all"), COUNT, count((0..40).filter(|tail| *tail != 17)))];
    let found = desk.findings(&candidate);
    let [finding] = found.as_slice() else { panic!("one finding") };
    assert_eq!(
        finding.id,
        "history:-R-1-airline:flights%2Fcarrier%3DAA:subjects:2024-01:+Q-2-airport:movements%2Fall:subjects:2024-01"
    );
    assert_eq!((finding.topic, finding.subjects, finding.groups), (Topic::Difference, 1, 1));
    assert_eq!(finding.broken, [Rule::Threshold, Rule::Groups]);
    assert_eq!(
        finding.sentence,
        "with what is out it isolates 1 subject of 1 group: fewer contribute than two releases must differ in; fewer \
         subjects than the threshold; fewer groups than the threshold, or fewer subjects without the largest group"
    );
}

#[test]
fn attack_05_one_changed_value_over_the_same_subjects() {
    let mut desk = Desk::new(Domain::ungrouped(1_000), Grade::Open);
    let values = |secret: i128| Contributions::of((0..1_000).map(move |s| (s, if s == 500 { secret } else { 7 })));
    desk.out(("R-1", "all"), SUM, values(7));
    let candidate = [desk.figure(("Q-2", "all"), SUM, values(1_000_007))];
    let found = desk.findings(&candidate);
    assert_eq!(found.iter().map(|finding| finding.subjects).collect::<Vec<_>>(), [1]);
    assert!(found[0].broken.contains(&Rule::Contributors));
}

#[test]
fn attack_05_what_a_total_leaves_is_a_figure_too() {
    let mut desk = Desk::new(Domain::ungrouped(1_000), Grade::Open);
    let universe = desk.figure(("R-0", "all"), COUNT, count(0..1_000));
    desk.universes.push(universe);
    desk.out(("R-1", "sex=m"), COUNT, count(0..500));
    // Everybody who isn't in R-1, but for three.
    let candidate = [desk.figure(("Q-2", "sex=f"), COUNT, count(503..1_000))];
    let found = desk.findings(&candidate);
    let [finding] = found.as_slice() else { panic!("one finding") };
    assert_eq!((finding.subjects, finding.terms.len()), (3, 3));
    assert_eq!(finding.terms.iter().map(|(coefficient, _)| *coefficient).collect::<Vec<_>>(), [1, -1, 1]);
}

#[test]
fn attack_05_rows_of_one_table_differ_as_well() {
    let mut desk = Desk::new(Domain::ungrouped(100), Grade::Open);
    let candidate = [
        desk.figure(("Q", "total"), COUNT, count(0..60)),
        desk.figure(("Q", "code=a"), COUNT, count(0..57)),
        desk.figure(("Q", "code=b"), COUNT, count(40..60)),
    ];
    let found = desk.findings(&candidate);
    let own: Vec<_> = found.iter().filter(|finding| finding.terms.len() == 2).collect();
    assert_eq!(own.iter().map(|finding| finding.subjects).collect::<Vec<_>>(), [3]);
}

#[test]
fn attack_07_a_tracker_of_three_releases() {
    let mut desk = Desk::new(Domain::ungrouped(1_000), Grade::Open);
    desk.out(("R-1", "padding"), COUNT, count(0..40));
    desk.out(("R-2", "rest"), COUNT, count(40..80));
    // Both together, less one: no pair is near, the three of them are.
    let candidate = [desk.figure(("Q-3", "union"), COUNT, count((0..80).filter(|subject| *subject != 7)))];
    let bar = Bar::new(&desk.rules, false);
    assert_eq!(near(&candidate, &desk.archive, &[], &bar), Search::default());
    let found = desk.findings(&candidate);
    let [finding] = found.as_slice() else { panic!("one finding") };
    let signs: BTreeMap<&str, i32> =
        finding.terms.iter().map(|(sign, place)| (place.release.as_str(), *sign)).collect();
    assert_eq!(signs, BTreeMap::from([("Q-3", 1), ("R-1", -1), ("R-2", -1)]));
    assert_eq!((finding.subjects, finding.broken.as_slice()), (1, &[Rule::Threshold, Rule::Groups][..]));
}

#[test]
fn attack_07_the_candidate_may_be_any_term_and_groups_spoil_a_row() {
    for grade in [Grade::Open, Grade::Special] {
        // Groups of 25, so that a group fills most of a row of 16 buckets.
        let groups: Vec<u64> = (0..3_000).map(|subject| subject / 25).collect();
        let (a, b) = (count(0..1_000), count(1_000..2_000));
        let whole =
            count((0..2_030).filter(|subject| *subject >= 2_005 || *subject < 2_000).filter(|subject| *subject != 3));
        for held in 0..3 {
            let mut desk = Desk::new(Domain::grouped(groups.clone()), grade);
            let mut candidate = Vec::new();
            for (place, values) in [&a, &b, &whole].into_iter().enumerate() {
                let cell = ["a", "b", "whole"][place];
                if place == held {
                    candidate.push(desk.figure(("Q", cell), COUNT, values.clone()));
                } else {
                    desk.out(("R", cell), COUNT, values.clone());
                }
            }
            let triples: Vec<_> =
                desk.findings(&candidate).into_iter().filter(|finding| finding.terms.len() == 3).collect();
            let [finding] = triples.as_slice() else { panic!("one triple, candidate {held}") };
            // One group of 25 and, of two others, one subject: many, but few without the largest group.
            assert_eq!((finding.subjects, finding.groups), (26, 3));
            assert_eq!(finding.broken, [Rule::Groups]);
        }
    }
}

#[test]
fn attack_45_nine_small_firms_and_one_giant() {
    let mut desk = Desk::new(Domain::ungrouped(1_000), Grade::Open);
    let value = |firm: u32| if firm == 95 { 1_000_000 } else { 10 + i128::from(firm % 5) };
    let firms = |range: std::ops::Range<u32>| Contributions::of(range.map(move |firm| (firm, value(firm))));
    desk.out(("R-1", "all"), SUM, firms(0..100));
    let candidate = [desk.figure(("Q-2", "large"), SUM, firms(0..86))];
    let bar = Bar::new(&desk.rules, false);
    let search = near(&candidate, &desk.archive, &[], &bar);
    assert_eq!(search.near, [Near { candidate: 0, other: Other::Archive(0), why: Why::Concentrated }]);
    let found = desk.findings(&candidate);
    let [finding] = found.as_slice() else { panic!("one finding") };
    assert_eq!(finding.subjects, 14);
    assert_eq!(finding.broken, [Rule::Dominance { n: 2, k: 90 }, Rule::PriorPosterior { p: 10, q: 100 }]);
}

#[test]
fn attack_45_ten_vehicles_of_one_enterprise() {
    let groups: Vec<u64> = (0..1_000).map(|vehicle| if vehicle < 12 { 7_777 } else { vehicle }).collect();
    let mut desk = Desk::new(Domain::grouped(groups), Grade::Open);
    desk.out(("R-1", "all"), COUNT, count(0..500));
    let candidate = [desk.figure(("Q-2", "others"), COUNT, count(12..500))];
    let found = desk.findings(&candidate);
    let [finding] = found.as_slice() else { panic!("one finding") };
    assert_eq!((finding.subjects, finding.groups, finding.broken.as_slice()), (12, 1, &[Rule::Groups][..]));
}

#[test]
fn attack_45_a_large_difference_in_which_all_are_the_same() {
    let mut desk = Desk::new(Domain::ungrouped(1_000), Grade::Open);
    let value = |subject: u32| if subject < 100 { i128::from(subject) } else { 15 };
    let sums = |range: std::ops::Range<u32>| Contributions::of(range.map(move |subject| (subject, value(subject))));
    desk.out(("R-1", "all"), SUM, sums(0..300));
    let candidate = [desk.figure(("Q-2", "some"), SUM, sums(0..100))];
    assert_eq!(desk.findings(&candidate)[0].broken, [Rule::AllEqual]);
}

#[test]
fn attack_46_a_large_difference_near_a_declared_bound() {
    let mut desk = Desk::new(Domain::ungrouped(1_000), Grade::Open);
    let bounded = (Kind::Sum(Some((0, 100))), Standing::Released);
    let value = |subject: u32| match subject {
        ..100 => i128::from(subject),
        150 => 0,
        160 => 99,
        _ => 100,
    };
    let sums = |range: std::ops::Range<u32>| Contributions::of(range.map(move |subject| (subject, value(subject))));
    desk.out(("R-1", "all"), bounded, sums(0..300));
    let candidate = [desk.figure(("Q-2", "some"), bounded, sums(0..100))];
    assert_eq!(desk.findings(&candidate)[0].broken, [Rule::Complement]);
}

#[test]
fn a_withheld_figure_may_not_follow_later() {
    let withheld = (Kind::Subjects, Standing::Protected);
    let mut desk = Desk::new(Domain::ungrouped(200), Grade::Open);
    desk.out(("R-1", "code=small"), withheld, count(0..5));
    desk.out(("R-1", "code=rest"), COUNT, count(5..100));
    // The same figure under another plan, and a total from which it follows.
    let candidate =
        [desk.figure(("Q-2", "alias"), COUNT, count(0..5)), desk.figure(("Q-3", "total"), COUNT, count(0..100))];
    let found = desk.findings(&candidate);
    let exact: Vec<usize> =
        found.iter().filter(|finding| finding.topic == Topic::Protected).map(|finding| finding.terms.len()).collect();
    assert_eq!(exact, [3, 2]);
    // Of two withheld figures nobody knows either, nor of a sum of two of them.
    desk.out(("R-1", "code=tiny"), withheld, count(100..104));
    let candidate = [desk.figure(("Q-5", "both"), COUNT, count((0..5).chain(100..104)))];
    assert!(desk.findings(&candidate).iter().all(|finding| finding.terms.len() == 2));
    let candidate = [desk.figure(("Q-4", "alias"), withheld, count(0..5))];
    assert!(desk.findings(&candidate).is_empty());
}

#[test]
fn the_same_figure_under_another_plan_is_a_finding_and_a_lost_column_too() {
    let mut desk = Desk::new(Domain::ungrouped(200), Grade::Open);
    desk.out(("R-1", "x"), COUNT, count(0..50));
    let candidate = [desk.figure(("Q-2", "y"), COUNT, count(0..50))];
    assert!(desk.findings(&candidate)[0].topic == Topic::Same);
    desk.kept.clear();
    let found = desk.findings(&candidate);
    assert!(found[0].topic == Topic::Unverified && found[0].subjects == 0);
}

#[test]
fn figures_of_other_keys_are_never_proved_far() {
    let mut desk = Desk::new(Domain::ungrouped(1_000), Grade::Open);
    desk.out(("R-1", "x"), COUNT, count(0..400));
    desk.keys = Keys::new(&[9; 32], Domain::ungrouped(1_000), 1);
    let candidate = [desk.figure(("Q-2", "y"), COUNT, count(500..900))];
    let search = near(&candidate, &desk.archive, &[], &Bar::new(&desk.rules, false));
    assert_eq!(search.near, [Near { candidate: 0, other: Other::Archive(0), why: Why::Keys }]);
    assert!(desk.findings(&candidate).is_empty(), "800 subjects differ");
}
