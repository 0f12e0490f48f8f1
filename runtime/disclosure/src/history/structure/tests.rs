//! Trackers of many releases, and what must not be taken for one.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluice_domain::grade::Grade;

use super::super::report::{Topic, findings};
use super::super::{Bar, Contributions, Domain, Keys, Place, Search, near, triple};
use super::*;
use crate::appetite::{Appetite, Rules};
use crate::primary::Rule;

pub(super) struct Desk {
    pub keys: Keys,
    pub rules: Rules,
    pub candidate: Vec<Figure>,
    pub archive: Vec<Figure>,
    pub kept: BTreeMap<Place, Arc<Contributions>>,
}

pub(super) const COUNT: (Kind, Standing) = (Kind::Subjects, Standing::Released);
pub(super) const SUM: (Kind, Standing) = (Kind::Sum(None), Standing::Released);
const WITHHELD: (Kind, Standing) = (Kind::Subjects, Standing::Protected);

impl Desk {
    pub(super) fn new(domain: Domain) -> Desk {
        let rules = Appetite::floor(Grade::Open).expect("it has a floor").rules().clone();
        let (candidate, archive, kept) = (Vec::new(), Vec::new(), BTreeMap::new());
        Desk { keys: Keys::new(&[9; 32], domain, 0), rules, candidate, archive, kept }
    }

    fn figure(&mut self, (release, cell): (&str, &str), what: (Kind, Standing), values: Contributions) -> Figure {
        let snapshot = release.split('@').nth(1).unwrap_or("2024-01");
        let [release, cell, quantity, snapshot] = [release, cell, "q", snapshot].map(str::to_owned);
        let place = Place { release, cell, quantity, snapshot };
        let figure = Figure::new(&self.keys, place.clone(), what, &values).expect("all subjects are there");
        self.kept.insert(place, Arc::new(values));
        figure
    }

    pub(super) fn out(&mut self, place: (&str, &str), what: (Kind, Standing), values: Contributions) {
        let figure = self.figure(place, what, values);
        self.archive.push(figure);
    }

    pub(super) fn asked(&mut self, cell: &str, what: (Kind, Standing), values: Contributions) {
        let figure = self.figure(("Q", cell), what, values);
        self.candidate.push(figure);
    }

    pub(super) fn bounded(&self, triples: &Triples, work: u64) -> Vec<HistoryFinding> {
        let kept = |place: &Place| self.kept.get(place).cloned();
        let (candidate, archive) = (self.candidate.as_slice(), self.archive.as_slice());
        let (domain, rules) = (self.keys.domain(), &self.rules);
        bounded(triples, &Books { candidate, archive, universes: &[], kept: &kept, domain, rules }, work)
    }

    pub(super) fn found(&self) -> Vec<HistoryFinding> {
        self.bounded(&Triples::default(), WORK_MAX)
    }

    /// What pairs and triples show.
    fn shorter(&self) -> (Search, Triples) {
        let bar = Bar::new(&self.rules, self.keys.domain().is_grouped());
        (near(&self.candidate, &self.archive, &[], &bar), triple::triples(&self.candidate, &self.archive, &bar))
    }
}

#[test]
fn where_elimination_begins_depends_on_the_agencys_key() {
    let begins = |key: u8| {
        let mut desk = Desk::new(Domain::ungrouped(100));
        desk.keys = Keys::new(&[key; 32], Domain::ungrouped(100), 0);
        desk.asked("a", COUNT, count(0..40));
        seed(&desk.candidate)
    };
    assert_eq!(begins(1), begins(1));
    assert_eq!((1..9).map(begins).collect::<std::collections::BTreeSet<_>>().len(), 8);
}

fn count(subjects: impl IntoIterator<Item = u32>) -> Contributions {
    Contributions::counting(subjects)
}

fn ids(found: &[HistoryFinding]) -> Vec<&str> {
    found.iter().map(|finding| finding.id.as_str()).collect()
}

/// Four releases of 30 each, and a candidate of all but those.
fn tracker(without: std::ops::Range<u32>) -> Desk {
    let mut desk = Desk::new(Domain::ungrouped(1_000));
    for (cell, start) in [("a", 0), ("b", 30), ("c", 60), ("d", 90)] {
        desk.out(("R", cell), COUNT, count(start..start + 30));
    }
    desk.asked("e", COUNT, count((0..120).filter(|subject| !without.contains(subject))));
    desk
}

#[test]
fn attack_07_a_tracker_of_five_releases() {
    let desk = tracker(7..8);
    let (search, triples) = desk.shorter();
    assert!(search == Search::default() && triples.found.is_empty(), "pairs and triples don't see it");
    let found = desk.found();
    let [finding] = found.as_slice() else { panic!("one finding, not {:?}", ids(&found)) };
    let names = "+Q:e:q:2024-01:-R:a:q:2024-01:-R:b:q:2024-01:-R:c:q:2024-01:-R:d:q:2024-01";
    assert_eq!(finding.id, format!("history:structure:{names}"));
    assert_eq!((finding.topic, finding.subjects, finding.groups), (Topic::Structure, 1, 1));
    assert_eq!(finding.broken, [Rule::Threshold, Rule::Groups]);
    assert_eq!(
        finding.sentence,
        "a combination of 5 figures isolates 1 subject of 1 group: fewer contribute than two releases must differ in; \
         fewer subjects than the threshold; fewer groups than the threshold, or fewer subjects without the largest group"
    );
}

#[test]
fn a_remainder_of_the_threshold_is_none_and_one_less_is_one() {
    assert_eq!(ids(&tracker(10..20).found()), [""; 0]);
    let found = tracker(10..19).found();
    assert_eq!(found.iter().map(|finding| finding.subjects).collect::<Vec<_>>(), [9]);
    // Spread over three releases it is three classes that only the sum of is left.
    let mut desk = tracker(0..0);
    desk.candidate.clear();
    let gone = |subject: &u32| ![1, 2, 3, 31, 32, 61].contains(subject);
    desk.asked("e", COUNT, count((0..120).filter(gone)));
    let found = desk.found();
    assert_eq!(found.iter().map(|finding| (finding.subjects, finding.terms.len())).collect::<Vec<_>>(), [(6, 5)]);
}

#[test]
fn one_changed_value_on_another_snapshot() {
    let value = |subject: u32| 5 + i128::from(subject % 7);
    let sums = |range: std::ops::Range<u32>| Contributions::of(range.map(|subject| (subject, value(subject))));
    let mut desk = Desk::new(Domain::ungrouped(1_000));
    for (cell, start) in [("a", 0), ("b", 30), ("c", 60)] {
        desk.out(("R@2024-01", cell), SUM, sums(start..start + 30));
    }
    let later = (0..90).map(|subject| (subject, value(subject) + if subject == 44 { 1_000 } else { 0 }));
    desk.asked("all", SUM, Contributions::of(later));
    let found = desk.found();
    let [finding] = found.as_slice() else { panic!("one finding, not {:?}", ids(&found)) };
    assert_eq!((finding.subjects, finding.terms.len()), (1, 4));
    assert!(finding.broken.contains(&Rule::Contributors) && finding.id.contains(":-R@2024-01:b:q:2024-01:"));
    // Whose value is a multiple of the same vector goes with the class that it was in.
    desk.candidate.clear();
    desk.asked("all", SUM, sums(0..90));
    assert_eq!(ids(&desk.found()), [""; 0]);
}

#[test]
fn what_follows_from_the_archive_alone_is_said_once_and_not_held_against_the_candidate() {
    let mut desk = tracker(7..8);
    let own = desk.candidate.remove(0);
    desk.archive.push(own);
    desk.asked("unrelated", COUNT, count(200..300));
    let found = desk.found();
    assert_eq!(ids(&found), ["history:structure:out"]);
    assert_eq!(found[0].topic, Topic::Out);
    assert_eq!(
        found[0].sentence,
        "combinations of what is out already isolate some; the candidate adds nothing to those"
    );
    // The same figure again gives nothing new; one more subject does.
    desk.candidate.clear();
    desk.asked("again", COUNT, count((0..120).filter(|subject| *subject != 7)));
    assert_eq!(ids(&desk.found()), ["history:structure:out"]);
    desk.candidate.clear();
    desk.asked("other", COUNT, count((60..120).filter(|subject| *subject != 70)));
    let found = desk.found();
    let other: Vec<_> = found.iter().filter(|finding| finding.topic == Topic::Structure).collect();
    assert_eq!((found.len(), other.len(), other[0].subjects), (2, 1, 1));
}

#[test]
fn what_is_withheld_follows_from_many() {
    let mut desk = tracker(100..120);
    desk.out(("R", "small"), WITHHELD, count(100..120));
    let found = desk.found();
    let [finding] = found.as_slice() else { panic!("one finding, not {:?}", ids(&found)) };
    assert_eq!((finding.topic, finding.terms.len(), finding.subjects), (Topic::Protected, 6, 0));
    let coefficients: Vec<i32> = finding.terms.iter().map(|(coefficient, _)| *coefficient).collect();
    assert_eq!(coefficients, [1, -1, -1, -1, -1, 1]);
    assert_eq!(finding.sentence, "a combination of 5 figures says exactly what is withheld");
    assert!(finding.id.ends_with(":+R:small:q:2024-01"));
    // One subject less, and it doesn't follow; nor is a withheld figure itself a column.
    desk.kept.clear();
    let mut desk = tracker(100..120);
    desk.out(("R", "small"), WITHHELD, count(101..120));
    desk.asked("withheld", WITHHELD, count(5..6));
    assert_eq!(ids(&desk.found()), [""; 0]);
}

#[test]
fn a_triple_that_is_reported_is_not_reported_twice() {
    let mut desk = Desk::new(Domain::ungrouped(1_000));
    desk.out(("R", "a"), COUNT, count(0..40));
    desk.out(("R", "b"), COUNT, count(40..80));
    desk.asked("c", COUNT, count(1..80));
    assert_eq!(desk.found().len(), 1);
    let triples = desk.shorter().1;
    assert_eq!(triples.found.len(), 1);
    assert_eq!(ids(&desk.bounded(&triples, WORK_MAX)), [""; 0]);
    // Dominance of a triple is nobody else's.
    let mut desk = Desk::new(Domain::ungrouped(1_000));
    // Pairs leave the giant of a together with those of b.
    let value = |s: u32| if [3, 41, 42, 43].contains(&s) { 1_000_000 } else { 10 + i128::from(s % 5) };
    let sums =
        |subjects: &mut dyn Iterator<Item = u32>| Contributions::of(subjects.map(|subject| (subject, value(subject))));
    desk.out(("R", "a"), SUM, sums(&mut (0..40)));
    desk.out(("R", "b"), SUM, sums(&mut (40..80)));
    desk.asked("c", SUM, sums(&mut (20..80)));
    let (search, triples) = desk.shorter();
    let kept = |place: &Place| desk.kept.get(place).cloned();
    let books = Books {
        candidate: &desk.candidate,
        archive: &desk.archive,
        universes: &[],
        kept: &kept,
        domain: desk.keys.domain(),
        rules: &desk.rules,
    };
    assert!(findings(&search, &triples, &books).is_empty());
    let found = structure(&triples, &books);
    assert_eq!(found.iter().map(|finding| finding.subjects).collect::<Vec<_>>(), [20]);
    assert_eq!(found[0].broken, [Rule::Dominance { n: 2, k: 90 }, Rule::PriorPosterior { p: 10, q: 100 }]);
}

#[test]
fn a_bound_holds_of_a_class_and_not_of_multiples() {
    let kind = (Kind::Sum(Some((0, 100))), Standing::Released);
    // One of those who are left is far from the bound.
    let value = |subject: u32| if subject == 3 { 0 } else { 99 + i128::from(!subject.is_multiple_of(8)) };
    let sums = |range: std::ops::Range<u32>| {
        Contributions::of(range.map(|s| (s, if s < 40 { value(s) } else { 7 + i128::from(s % 50) })))
    };
    let mut desk = Desk::new(Domain::ungrouped(1_000));
    desk.out(("R", "a"), kind, sums(40..80));
    desk.out(("R", "b"), kind, sums(80..120));
    desk.out(("R", "c"), kind, sums(120..160));
    desk.asked("all", kind, sums(1..160));
    let broken = |desk: &Desk| desk.found().iter().map(|finding| finding.broken.clone()).collect::<Vec<_>>();
    // Who contributes 0 is in no class: here it is his distance that would have been seen.
    assert_eq!(broken(&desk), [[]; 0]);
    let value = |subject: u32| if subject == 3 { 1 } else { value(subject) };
    let parts = (1..160).map(|s| (s, if s < 40 { value(s) } else { 7 + i128::from(s % 50) }));
    desk.candidate.clear();
    desk.asked("all", kind, Contributions::of(parts));
    assert_eq!(broken(&desk), [[Rule::Complement]]);
}

#[test]
fn groups_are_judged_as_well() {
    let groups: Vec<u64> = (0..1_000).map(|vehicle| if vehicle < 12 { 7_777 } else { vehicle }).collect();
    let mut desk = Desk::new(Domain::grouped(groups));
    for (cell, start) in [("a", 0), ("b", 30), ("c", 60), ("d", 90)] {
        desk.out(("R", cell), COUNT, count(start..start + 30));
    }
    desk.asked("e", COUNT, count(12..120));
    let found = desk.found();
    let [finding] = found.as_slice() else { panic!("one finding") };
    assert_eq!((finding.subjects, finding.groups, finding.broken.as_slice()), (12, 1, &[Rule::Groups][..]));
}

#[test]
fn coefficients_other_than_one_are_found() {
    // a + b + c - 2d leaves one: each of the others is in two of the three.
    let mut desk = Desk::new(Domain::ungrouped(1_000));
    desk.out(("R", "a"), COUNT, count((0..40).chain(200..201)));
    desk.out(("R", "b"), COUNT, count((0..20).chain(40..60)));
    desk.out(("R", "c"), COUNT, count(20..60));
    desk.asked("d", COUNT, count(0..60));
    let found = desk.found();
    let [finding] = found.as_slice() else { panic!("one finding, not {:?}", ids(&found)) };
    let coefficients: Vec<i32> = finding.terms.iter().map(|(coefficient, _)| *coefficient).collect();
    assert_eq!((coefficients, finding.subjects), (vec![2, -1, -1, -1], 1));
}

#[test]
fn the_order_of_the_archive_does_not_matter() {
    let mut desk = tracker(7..8);
    desk.out(("S", "x"), COUNT, count(0..60));
    desk.out(("S", "y"), COUNT, count(60..118));
    desk.out(("S", "w"), WITHHELD, count(118..120));
    let found = ids(&desk.found()).join(" ");
    assert!(found.contains("history:structure:") && !found.contains("unchecked"));
    for turn in 1..desk.archive.len() {
        desk.archive.rotate_left(turn);
        assert_eq!(ids(&desk.found()).join(" "), found);
    }
}

#[test]
fn what_is_not_looked_at_is_a_finding() {
    let mut desk = tracker(7..8);
    let found = desk.bounded(&Triples::default(), 100);
    assert_eq!(ids(&found), ["history:structure:unchecked"]);
    assert_eq!(found[0].topic, Topic::Incomplete);
    let lost = Place { cell: "c".to_owned(), ..desk.archive[0].place().clone() };
    desk.kept.remove(&lost);
    let found = desk.found();
    assert_eq!(ids(&found), ["history:structure:unchecked"], "without c the others leave many");
    assert!(found[0].sentence.ends_with("left out: figures whose contributions are lost"));
    // Nothing is shown, so there is nothing to look at.
    desk.candidate.clear();
    desk.asked("e", WITHHELD, count(0..100));
    assert_eq!(ids(&desk.found()), [""; 0]);
}

#[test]
fn a_pool_has_bounds() {
    let mut desk = Desk::new(Domain::ungrouped(4_000));
    for figure in 0..FIGURES_MAX as u32 + 3 {
        desk.out(("R", &format!("{figure:04}")), COUNT, count(figure * 3..figure * 3 + 3));
    }
    desk.asked("far", COUNT, count(3_600..3_700));
    let found = desk.found();
    let unchecked = found.iter().find(|finding| finding.id == "history:structure:unchecked").expect("it is cut");
    assert!(unchecked.sentence.ends_with("left out: figures beyond the bounds of the check"), "{}", unchecked.sentence);
    let mut desk = tracker(7..8);
    desk.out(("S", "huge"), SUM, Contributions::of([(1, 1 << 70), (2, i128::MIN)]));
    desk.asked("sum", SUM, Contributions::of((0..40).map(|subject| (subject, 3))));
    assert_eq!(desk.found().len(), 2);
}

#[test]
fn a_pool_that_is_too_much_work_is_tried_again_with_fewer_figures() {
    let mut desk = Desk::new(Domain::ungrouped(2_000));
    for figure in 0..240 {
        desk.out(("P", &format!("{figure:04}")), COUNT, count(500 + figure..540 + figure));
    }
    let last = tracker(7..8);
    desk.archive.extend(last.archive);
    desk.candidate.extend(last.candidate);
    desk.kept.extend(last.kept);
    let whole = desk.found();
    assert_eq!(whole.iter().map(|finding| finding.topic).collect::<Vec<_>>(), [Topic::Structure, Topic::Out]);
    let cut = desk.bounded(&Triples::default(), 4_000_000);
    let last = cut.last().expect("it was cut");
    assert!(cut[0].id == whole[0].id && last.topic == Topic::Incomplete, "{:?}", ids(&cut));
    assert!(last.sentence.ends_with("left out: figures beyond the bounds of the check"), "{}", last.sentence);
}
