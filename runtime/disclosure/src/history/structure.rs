//! The structural check: what follows from a candidate together with what is out, by combinations of any number of
//! figures.
//!
//! Pairs and triples are searched in full; a tracker may take five releases, or fifty. Here the figures of one kind are
//! columns of one system whose unknowns are `classes` of subjects, and `space`, `search` bring it to where single
//! combinations can be read off that leave few.
//!
//! # Guarantees
//! For the figures of a pool, over all operators and snapshots:
//! - A class of subjects that breaks a primary rule as a figure of its own, and that follows with the candidate but not
//!   without it, is found: of however many figures, with whatever coefficients.
//! - So is every combination that leaves fewer subjects than the threshold, if the small classes are enough for
//!   separate bases (see `search`); if they aren't, those of the reduced forms are.
//! - So is a withheld figure that follows exactly.
//! - What isn't looked at is a finding. The same books give the same findings; the order of the archive decides only which
//!   figures are pooled where there are more than [`FIGURES_MAX`].
//!
//! # Does not guarantee
//! - Dominance, groups and the other rules of combinations that leave several classes: those of the reduced forms are
//!   judged, which are a sample.
//! - Intervals: what is known too closely without being known. There is no audit here, and whole numbers and bounds of
//!   contributions aren't used.
//! - Combinations across kinds, such as records less subjects, or across sums with other bounds.
//! - Combinations of one figure, of a pair and of a triple that [`mod@super::near`] and [`super::triple`] report are left to
//!   them.
//!
//! # Bounds
//! A pool has at most [`FIGURES_MAX`] figures and [`CONTRIBUTIONS_MAX`] contributions, and all pools of a candidate share
//! [`WORK_MAX`] multiplications. A pool that takes more is tried again with a quarter of its figures. Measured (one core,
//! 100,000 subjects, 1,000 figures against 10,000): tables of 1,024 figures and stretches 0.13 s, in less than 0.5 s with
//! pairs and triples; 1,500 random subsets of 1,000 subjects, where nothing is sparse, 0.47 s for what is left of the
//! pool, and 52 MB beyond what the archive takes.
//!
//! Source: disclosure.md, section 3, steps 1 and 3, on exact contributions in place of sketches.
//!
//! Example: four releases of 30 subjects each, and a candidate of all of them but one: `a + b + c + d - e` is that one.

use super::figure::{Figure, Kind, Standing};
use super::report::{Books, HistoryFinding};
use super::triple::Triples;
use prime::Prime;
use report::Report;
use space::Work;

mod classes;
mod judge;
mod pool;
mod prime;
#[cfg(test)]
mod properties;
mod report;
mod search;
mod space;
#[cfg(test)]
mod tests;
mod withheld;
mod words;

/// Most figures of a pool; at most half of them are the candidate's own where the archive needs the rest.
pub const FIGURES_MAX: usize = 1_024;
/// Most contributions to the figures of a pool.
pub const CONTRIBUTIONS_MAX: usize = 1_000_000;
/// Most multiplications.
pub const WORK_MAX: u64 = 100_000_000;
/// Most withheld figures of a kind that are looked at.
pub const WITHHELD_MAX: usize = 500;
/// Most combinations of a kind that are reported.
pub const FOUND_MAX: usize = 1_000;

/// What follows from the candidate and what is out, sorted by id. What `triples` reports isn't reported again.
#[must_use = "findings that nobody reads block nothing"]
pub fn structure(triples: &Triples, books: &Books<'_>) -> Vec<HistoryFinding> {
    bounded(triples, books, WORK_MAX)
}

fn bounded(triples: &Triples, books: &Books<'_>, work: u64) -> Vec<HistoryFinding> {
    let mut kinds: Vec<Kind> = Vec::new();
    for figure in books.candidate.iter().filter(|figure| figure.standing == Standing::Released) {
        if !kinds.contains(&figure.kind) {
            kinds.push(figure.kind);
        }
    }
    let prime = Prime::drawn(seed(books.candidate));
    let mut report = Report::new(triples, books, &prime, Work(work));
    for kind in kinds {
        report.look_at(kind);
    }
    report.finish()
}

/// A number that depends on what only the agency's key gives.
fn seed(candidate: &[Figure]) -> u64 {
    let buckets = candidate.iter().flat_map(|figure| figure.sketch.buckets());
    buckets.fold(0, |seed: u64, bucket| {
        (seed ^ bucket).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29).wrapping_add(0x94D0_49BB_1331_11EB)
    })
}
