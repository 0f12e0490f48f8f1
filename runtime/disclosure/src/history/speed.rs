//! What history costs, in a release build: `cargo test --release -p sluice-disclosure history::speed -- --ignored`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sluice_domain::grade::Grade;

use super::report::{Books, findings};
use super::*;
use crate::appetite::Appetite;

const SUBJECTS: u32 = 1_000_000;

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// A subject's value: mostly small, some giants, the same in every figure.
fn value(subject: u32, skewed: bool) -> i128 {
    let mixed = u64::from(subject).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    if skewed { 1_i128 << (mixed % 4_096).leading_zeros().saturating_sub(45).min(14) } else { i128::from(mixed % 300) }
}

/// Figures of stretches of subjects, so that many of them overlap, with sizes from 20 to 40,000.
fn figures(keys: &Keys, random: &mut Random, count: usize, (kind, skewed): (Kind, bool), subjects: u32) -> Vec<Figure> {
    (0..count)
        .map(|_| {
            let size = 20 << random.below(12);
            let start = random.below(u64::from(subjects) - size) as u32;
            let range = start..start + size as u32;
            let [release, quantity, snapshot] = ["R", "q", "s"].map(str::to_owned);
            let place = Place { release, cell: format!("{}-{}", range.start, range.end), quantity, snapshot };
            let values = contributions(&place.cell, (kind, skewed));
            Figure::new(keys, place, (kind, Standing::Released), &values).expect("all subjects are there")
        })
        .collect()
}

/// A figure's contributions, made anew from the stretch that is its name: kept for all they would fill the memory.
fn contributions(cell: &str, (kind, skewed): (Kind, bool)) -> Contributions {
    let (start, end) = cell.split_once('-').expect("a stretch");
    let range = start.parse::<u32>().expect("a number")..end.parse::<u32>().expect("a number");
    if kind == Kind::Subjects {
        Contributions::counting(range)
    } else {
        Contributions::of(range.map(|subject| (subject, value(subject, skewed))))
    }
}

fn timed<T>(what: &str, run: impl FnOnce() -> T) -> (T, Duration) {
    let (start, worked) = (Instant::now(), on_processor());
    let result = run();
    // Other work on the machine is none of ours, where the system tells them apart.
    let took = on_processor().zip(worked).map_or_else(|| start.elapsed(), |(end, start)| end - start);
    println_to_stderr(&format!("{what}: {took:?}"));
    (result, took)
}

/// How long this thread has been running.
fn on_processor() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// What this process holds, in kB, where the system says so.
fn memory(what: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    text.lines().find(|line| line.starts_with(what))?.split_whitespace().nth(1)?.parse().ok()
}

#[allow(clippy::print_stderr, reason = "a measurement that nobody reads measures nothing")]
fn println_to_stderr(text: &str) {
    eprintln!("{text}");
}

#[test]
#[ignore = "measures a release build"]
fn a_thousand_figures_against_ten_thousand_in_two_seconds() {
    for grouped in [false, true] {
        let domain = if grouped {
            Domain::grouped((0..u64::from(SUBJECTS)).map(|subject| subject / 3).collect())
        } else {
            Domain::ungrouped(SUBJECTS)
        };
        let (keys, _) = timed("keys of 1,000,000 subjects", || Keys::new(&[1; 32], domain, 0));
        for (name, kind, skewed) in [
            ("subjects", Kind::Subjects, false),
            ("sums", Kind::Sum(None), false),
            ("skewed sums", Kind::Sum(None), true),
            ("bounded sums", Kind::Sum(Some((0, 300))), false),
        ] {
            let mut random = Random(3);
            let ((candidate, archive), _) = timed("sketching", || {
                let archive = figures(&keys, &mut random, 10_000, (kind, skewed), SUBJECTS);
                (figures(&keys, &mut random, 1_000, (kind, skewed), SUBJECTS), archive)
            });
            let bytes: usize = archive.iter().map(Figure::memory).sum();
            let bar = Bar::new(Appetite::floor(Grade::Restricted).expect("it has a floor").rules(), grouped);
            let (search, took) =
                timed(&format!("{name}, grouped {grouped}, pairs"), || near(&candidate, &archive, &[], &bar));
            println_to_stderr(&format!("  near {} and {}, archive {bytes} B", search.near.len(), search.left_out));
            assert!(took < Duration::from_secs(2), "{took:?}");
            assert!(bytes < 100_000_000, "{bytes}");
            let kept = |figure: &Figure| contributions(&figure.place().cell, (kind, skewed));
            let rules = Appetite::floor(Grade::Restricted).expect("it has a floor").rules().clone();
            let judged: Vec<bool> = search
                .near
                .iter()
                .step_by(search.near.len() / 300 + 1)
                .filter_map(|near| {
                    let Other::Archive(place) = near.other else { return None };
                    let (ours, theirs) = (kept(&candidate[near.candidate]), kept(&archive[place]));
                    let term = |coefficient, contributions| Term { coefficient, kind, contributions };
                    let difference = Difference::of(&[term(1, &ours), term(-1, &theirs)], keys.domain(), &rules);
                    Some(difference.is_unsafe())
                })
                .collect();
            let truly = judged.iter().filter(|judged| **judged).count();
            println_to_stderr(&format!("  of {} near pairs {truly} are unsafe", judged.len()));
            let universe = figures(&keys, &mut random, 1, (kind, skewed), SUBJECTS);
            let (rests, took) = timed("  with complements", || near(&candidate, &archive, &universe, &bar));
            println_to_stderr(&format!("  near {} and {}", rests.near.len(), rests.left_out));
            assert!(took < Duration::from_secs(5), "{took:?}");
            let (found, took) = timed("  triples", || triples(&candidate, &archive, &bar));
            println_to_stderr(&format!("  triples {} {} {}", found.found.len(), found.outside_pool, found.cut));
            assert!(took < Duration::from_secs(10), "{took:?}");
        }
    }
}

#[test]
#[ignore = "measures a release build"]
fn one_hash_a_subject_against_one_a_contribution() {
    use hmac::{Hmac, KeyInit, Mac};
    let keys = Keys::new(&[1; 32], Domain::ungrouped(SUBJECTS), 0);
    let values: Vec<(u32, i128)> = (0..SUBJECTS).map(|subject| (subject, value(subject, false))).collect();
    let (_, linear) = timed("1,000,000 contributions, linear", || Sketch::of(&keys, values.iter().copied()));
    let (sum, hashed) = timed("1,000,000 contributions, HMAC each", || {
        let mac = Hmac::<sha2::Sha256>::new_from_slice(&[1; 32]).expect("HMAC takes a key of any length");
        values.iter().fold(0_u8, |sum, (subject, value)| {
            let mut mac = mac.clone();
            mac.update(&subject.to_be_bytes());
            mac.update(&value.to_be_bytes());
            sum ^ mac.finalize().into_bytes()[0]
        })
    });
    println_to_stderr(&format!("({sum})"));
    assert!(linear < hashed);
    let kept = Contributions::of((0..10_000).map(|subject| (subject, value(subject, false))));
    let other = Contributions::of((0..9_990).map(|subject| (subject, value(subject, false))));
    let rules = Appetite::floor(Grade::Open).expect("it has a floor").rules().clone();
    let term = |coefficient, contributions| Term { coefficient, kind: Kind::Sum(None), contributions };
    let (subjects, took) = timed("a thousand exact differences of 10,000 subjects", || {
        let terms = [term(1, &kept), term(-1, &other)];
        (0..1_000).map(|_| Difference::of(&terms, keys.domain(), &rules).subjects).sum::<u64>()
    });
    assert_eq!(subjects, 10_000);
    assert!(took < Duration::from_secs(1), "{took:?}");
}

/// Tables of two of twelve columns of 31 codes with margins, 1,023 figures each, over 100,000 subjects.
fn table(keys: &Keys, release: usize, (one, two): (u32, u32)) -> (Vec<Figure>, BTreeMap<Place, Arc<Contributions>>) {
    let code = |subject: u32, column: u32| {
        let mixed = u64::from(subject).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_mul(u64::from(2 * column + 3));
        ((mixed >> 40) % 31) as usize
    };
    let mut cells = vec![Vec::new(); 32 * 32];
    for subject in 0..100_000 {
        let (a, b) = (code(subject, one), code(subject, two));
        for cell in [a * 32 + b, a * 32 + 31, 31 * 32 + b, 31 * 32 + 31] {
            cells[cell].push(subject);
        }
    }
    let mut kept = BTreeMap::new();
    let figures = cells.into_iter().enumerate().map(|(cell, subjects)| {
        let [quantity, snapshot] = ["q", "s"].map(str::to_owned);
        let place = Place { release: format!("R-{release}"), cell: format!("{cell}"), quantity, snapshot };
        let values = Contributions::counting(subjects);
        let figure = Figure::new(keys, place.clone(), (Kind::Subjects, Standing::Released), &values);
        kept.insert(place, Arc::new(values));
        figure.expect("all subjects are there")
    });
    (figures.collect(), kept)
}

#[test]
#[ignore = "measures a release build"]
fn the_whole_evidence_of_a_table_against_ten() {
    let keys = Keys::new(&[1; 32], Domain::ungrouped(100_000), 0);
    let rules = Appetite::floor(Grade::Open).expect("it has a floor").rules().clone();
    let bar = Bar::new(&rules, false);
    let tables: Vec<_> = (0..11).map(|table_of| table(&keys, table_of, (table_of as u32, 11))).collect();
    let kept: BTreeMap<Place, Arc<Contributions>> = tables.iter().flat_map(|(_, kept)| kept.clone()).collect();
    let kept = |place: &Place| kept.get(place).cloned();
    let (candidate, archive) =
        (&tables[0].0, tables[1..].iter().flat_map(|(figures, _)| figures.clone()).collect::<Vec<_>>());
    let mut random = Random(3);
    let stretches = figures(&keys, &mut random, 11_000, (Kind::Subjects, false), 100_000);
    let made = |place: &Place| Some(Arc::new(contributions(&place.cell, (Kind::Subjects, false))));
    type Kept<'a> = &'a dyn Fn(&Place) -> Option<Arc<Contributions>>;
    let subsets: Vec<(Figure, Contributions)> = (0..1_500)
        .map(|cell| {
            let values = Contributions::counting((0..1_000).map(|_| random.below(100_000) as u32));
            let [release, quantity, snapshot] = ["R", "q", "s"].map(str::to_owned);
            let place = Place { release, cell: format!("{cell}"), quantity, snapshot };
            let figure = Figure::new(&keys, place, (Kind::Subjects, Standing::Released), &values);
            (figure.expect("all subjects are there"), values)
        })
        .collect();
    let subset = |place: &Place| Some(Arc::new(subsets[place.cell.parse::<usize>().ok()?].1.clone()));
    let subsets: Vec<Figure> = subsets.iter().map(|(figure, _)| figure.clone()).collect();
    let cases: [(&str, &[Figure], &[Figure], Kept<'_>); 3] = [
        ("subsets", &subsets[..500], &subsets[500..], &subset),
        ("tables", candidate, &archive, &kept),
        ("stretches", &stretches[..1_000], &stretches[1_000..], &made),
    ];
    for (name, candidate, archive, kept) in cases {
        let books = Books { candidate, archive, universes: &[], kept, domain: keys.domain(), rules: &rules };
        let (search, pairs) = timed(&format!("{name}, pairs"), || near(candidate, archive, &[], &bar));
        let (three, threes) = timed("  triples", || triples(candidate, archive, &bar));
        let (found, exact) = timed("  exactly", || findings(&search, &three, &books).len());
        let held = memory("VmRSS");
        std::fs::write("/proc/self/clear_refs", "5").ok();
        let (structure, many) = timed("  structure", || structure(&three, &books));
        println_to_stderr(&format!("  memory {held:?} and {:?} kB", memory("VmHWM")));
        println_to_stderr(&format!(
            "  {found} and {} findings, in all {:?}",
            structure.len(),
            pairs + threes + exact + many
        ));
        for finding in structure.iter().filter(|finding| finding.terms.is_empty()) {
            println_to_stderr(&format!("  {}: {}", finding.id, finding.sentence));
        }
        assert!(many < Duration::from_secs(1), "{many:?}");
    }
}
