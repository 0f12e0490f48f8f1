//! The attacker isolates people at desks that are automatic without being families, so we know that it works.

use std::collections::BTreeSet;

use super::desks::{Careful, Naive, THRESHOLD};
use super::methods::{self, Method};
use super::notebook::{Claim, Notebook, isolated};
use super::query::{Answer, Desk, Query, Table};
use super::town::Town;

const PEOPLE: usize = 300;

fn town() -> Town {
    Town::of(0x7011, PEOPLE)
}

/// How many people a method isolates at a desk, of how many that could be.
fn against(desk: &mut dyn Desk, method: Method) -> (usize, usize) {
    let town = town();
    let public = town.public();
    let mut notebook = Notebook::new(desk, &public);
    let claims = method(&mut notebook);
    (isolated(&town, &claims), public.targets().len())
}

fn naive() -> Naive {
    Naive { town: town() }
}

/// A desk that answers nothing.
struct Closed;

impl Desk for Closed {
    fn ask(&mut self, _operator: usize, _query: &Query) -> Answer {
        Answer::Outside
    }
}

#[test]
fn attack_05_differences_isolate_people_where_only_a_threshold_stands() {
    let methods: [Method; 4] = [methods::drop_one, methods::duplicate_one, methods::swap_value, methods::complement];
    for method in methods {
        let (found, targets) = against(&mut naive(), method);
        assert!(targets > 200 && found == targets, "{found} of {targets}");
    }
}

#[test]
fn attack_07_a_tracker_pads_a_forbidden_query() {
    let (found, targets) = against(&mut naive(), methods::tracker);
    assert!(found == targets, "{found} of {targets}");
}

#[test]
fn attack_39_nine_accomplices_and_one_target_are_a_cell_of_ten() {
    let town = town();
    let public = town.public();
    let mut desk = naive();
    let mut notebook = Notebook::new(&mut desk, &public);
    let claims = methods::padding(&mut notebook);
    let targets = public.targets().len();
    assert_eq!(isolated(&town, &claims), targets);
    assert_eq!(notebook.asked, targets, "one query a person");
}

#[test]
fn attack_40_whether_there_is_an_answer_tells_who_is_ill() {
    // No figure is read: the verdict is enough.
    let (found, targets) = against(&mut Verdicts(naive()), methods::threshold_oracle);
    assert!(found == targets, "{found} of {targets} by the threshold");
    let (found, _) = against(&mut Verdicts(naive()), methods::history_oracle);
    assert_eq!(found, 0, "a desk without a history has no verdict on it");
    let (found, targets) = against(&mut Verdicts(Careful::new(town())), methods::history_oracle);
    assert!(found * 10 > targets * 9, "{found} of {targets} by a history that holds close differences back");
}

#[test]
fn attack_41_many_innocent_tables_reconstruct_a_town() {
    let town = town();
    let public = town.public();
    let mut desk = Careful::new(town.clone());
    let mut notebook = Notebook::new(&mut desk, &public);
    let claims = methods::random_halves(&mut notebook);
    assert_eq!((notebook.asked, notebook.illness.len()), (400, 400), "none is suspicious, all are released");
    let least = least_difference(&notebook);
    assert!(least >= THRESHOLD, "two tables differ by {least} people");
    assert!(claims.iter().all(|claim| matches!(claim, Claim::Ill(..))));
    let (found, targets) = (isolated(&town, &claims), public.targets().len());
    assert!(found >= targets, "{found}: whoever alone has a code of birth, {targets} people, and some others");
}

#[test]
fn attack_41_linked_tables_with_nothing_but_a_threshold_give_small_cells_away() {
    let (found, _) = against(&mut naive(), methods::plain_tables);
    assert!(found > 0, "{found} people");
}

#[test]
fn everything_together_asks_hundreds_of_questions_and_a_closed_desk_tells_nothing() {
    let town = town();
    let public = town.public();
    let (mut naive, mut closed) = (naive(), Closed);
    let mut notebook = Notebook::new(&mut naive, &public);
    let claims = methods::everything(&mut notebook);
    assert!(notebook.asked > 1_000, "{} questions", notebook.asked);
    assert_eq!(isolated(&town, &claims), PEOPLE - public.accomplices.len());
    let mut notebook = Notebook::new(&mut closed, &public);
    assert_eq!(methods::everything(&mut notebook), []);
    assert!(notebook.asked > 500, "{} questions", notebook.asked);
}

#[test]
fn the_town_and_what_is_asked_are_the_same_every_time() {
    let claims = |seed| {
        let town = Town::of(seed, 120);
        let public = town.public();
        let mut desk = Naive { town };
        methods::everything(&mut Notebook::new(&mut desk, &public))
    };
    assert!(claims(1) == claims(1) && claims(1) != claims(2));
}

/// A desk whose figures are all replaced by 0: what is left is whether there is one.
struct Verdicts<D>(D);

impl<D: Desk> Desk for Verdicts<D> {
    fn ask(&mut self, operator: usize, query: &Query) -> Answer {
        match self.0.ask(operator, query) {
            Answer::Released(table) => {
                let rows = table.rows.into_iter().map(|(codes, figure)| (codes, figure.map(|_| 0))).collect();
                Answer::Released(Table { rows, base: u64::MAX })
            }
            other => other,
        }
    }
}

/// The least number of people by which two of the released figures differ.
fn least_difference(notebook: &Notebook<'_>) -> usize {
    let sets: Vec<BTreeSet<u32>> =
        notebook.illness.iter().map(|(terms, _)| terms.iter().map(|term| term.0).collect()).collect();
    let pairs = sets.iter().enumerate().flat_map(|(place, a)| sets.iter().skip(place + 1).map(move |b| (a, b)));
    pairs.map(|(a, b)| a.symmetric_difference(b).count()).min().unwrap_or(0)
}
