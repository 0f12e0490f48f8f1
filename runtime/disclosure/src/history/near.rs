//! Near pairs: which earlier figures a candidate can't be proved to be far from.
//!
//! Every figure of a candidate is held against every figure of the archive, against what each of those leaves of the
//! universe, and against the candidate's own other figures. A pair is *far* if its difference, taken as a figure of
//! its own, is proved to pass every primary rule; whatever isn't proved is returned, to be worked out exactly by
//! [`super::difference`].
//!
//! # Guarantees
//! No pair whose difference breaks a rule of [`crate::primary`] or has fewer subjects than the appetite asks for is left
//! out, whatever the values and groups: the proofs are one-sided, and figures of other keys are never proved far. All
//! quantities are held against each other, since a free module can count under any name. Sorted; no clock, no chance.
//!
//! # Does not guarantee
//! That a returned pair is unsafe. Differences of more than two figures: see [`super::triple`].
//!
//! Example: a release of 40 subjects and the same without one are near, by 1 bucket.

use super::figure::{Figure, Kind, Standing};
use super::outline::Outline;
use super::sketch::Enough;
use super::top::Largest;
use crate::appetite::Rules;
use crate::checks::histograms::few_values;

/// Most pairs that a search returns. The rest is counted, and a search that was cut is itself a finding.
pub const PAIRS_MAX: usize = 200_000;

/// Figures of the archive that are held against the whole candidate at a time, few enough for the nearest cache.
const TILE: usize = 32;

/// Numbers from here on aren't multiplied, so that no product overflows. They count as not proved.
const LARGE: i128 = 1 << 90;

/// What a pair's partner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Other {
    /// A figure of the archive.
    Archive(usize),
    /// What a figure of the archive leaves of the universe.
    Complement(usize),
    /// Another figure of the candidate.
    Own(usize),
}

/// Why a pair is returned.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(test, derive(Debug))]
pub enum Why {
    /// Only so many buckets differ. None: the figures are almost surely the same.
    Few(u32),
    /// Enough differ, but the difference may be concentrated on some, or all the same.
    Concentrated,
    /// They were made under other keys.
    Keys,
}

/// A pair that isn't proved to be far.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(test, derive(Debug))]
pub struct Near {
    /// The candidate's figure.
    pub candidate: usize,
    /// Its partner.
    pub other: Other,
    /// Why.
    pub why: Why,
}

/// What a search found.
#[derive(Clone, PartialEq, Eq, Default)]
#[cfg_attr(test, derive(Debug))]
pub struct Search {
    /// The pairs, sorted, at most [`PAIRS_MAX`].
    pub near: Vec<Near>,
    /// How many more there are. Above 0 the search is incomplete, and people must be told.
    pub left_out: u64,
}

/// What has to be proved of a difference: the rules of an appetite, readied for comparing.
#[derive(Debug, Clone)]
pub struct Bar {
    enough: Enough,
    dominance: Vec<(usize, i128)>,
    prior_posterior: Vec<(i128, i128)>,
    /// How often the largest part fits into a whole that is spread out by any of these rules.
    ample: i128,
}

impl Bar {
    /// Of these rules; `grouped` where the domain has groups.
    #[must_use]
    pub fn new(rules: &Rules, grouped: bool) -> Bar {
        let ready = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let plain = (i128::from(rules.p_percent), 100);
        let strict = rules.prior_posterior.map(|rule| (i128::from(rule.p_percent), i128::from(rule.q_percent)));
        let groups = if grouped { ready(rules.threshold.max(1)) } else { 0 };
        let ample = rules.dominance.iter().map(|rule| i128::from(rule.n) * 100 / i128::from(rule.k_percent.max(1)) + 1);
        Bar {
            // Of p <= q what the two largest leave is at least a third one.
            ample: ample.max().unwrap_or(0).max(if rules.p_percent <= 100 { 3 } else { LARGE }),
            enough: Enough {
                subjects: ready(rules.threshold.max(rules.difference).max(1)),
                without_largest: groups,
                groups,
            },
            dominance: rules.dominance.iter().map(|rule| (rule.n as usize, i128::from(rule.k_percent))).collect(),
            prior_posterior: std::iter::once(plain).chain(strict).collect(),
        }
    }

    /// How many must differ.
    pub(super) fn enough(&self) -> Enough {
        self.enough
    }

    /// Whether a whole of at least `whole`, of which the largest parts are at most these, passes dominance and p%.
    fn spread_out(&self, whole: i128, largest: Largest) -> bool {
        let [first, two, three] = largest;
        if whole >= LARGE || three >= LARGE {
            return false;
        }
        let undominated = self.dominance.iter().all(|(n, k)| {
            let held = n.checked_sub(1).and_then(|place| largest.get(place));
            held.is_some_and(|held| held * 100 < whole * k)
        });
        undominated && self.prior_posterior.iter().all(|(p, q)| (whole - two) * q >= first * p)
    }

    /// Whether the difference passes dominance and p%, and so many groups have a part of it that isn't 0.
    fn outlines_far(&self, ours: &Outline, theirs: &Outline, count: u32) -> bool {
        let Some((whole, first)) = ours.roughly(theirs) else { return false };
        if whole > 0 && first < LARGE && whole >= self.ample.saturating_mul(first) {
            // Each group takes at most the largest part of the whole, and lies in one row.
            let many = whole >= i128::from(count).saturating_mul(first);
            if many || ours.rows_that_differ(theirs) >= count {
                return true;
            }
        }
        let Some(rows) = ours.row_differences(theirs) else { return false };
        let whole = rows.iter().map(|row| i128::from(row.unsigned_abs())).sum();
        let [subjects, groups] = ours.largest(theirs);
        subjects.is_some_and(|largest| self.spread_out(whole, largest))
            && groups.is_none_or(|largest| {
                self.spread_out(whole, largest) && ours.groups_that_differ(theirs, &rows, largest) >= count
            })
    }

    /// Why the pair isn't proved far; none if it is, or if nobody knows either figure.
    pub(super) fn judge(&self, ours: &Figure, theirs: &Figure) -> Option<Why> {
        if ours.standing == Standing::Protected && theirs.standing == Standing::Protected {
            return None;
        }
        if ours.scheme != theirs.scheme {
            return Some(Why::Keys);
        }
        let differing = ours.sketch.differing(&theirs.sketch, self.enough);
        if !differing.prove_subjects(self.enough) {
            let few = differing.buckets < self.enough.subjects;
            return Some(if few { Why::Few(differing.buckets) } else { Why::Concentrated });
        }
        let far = match (ours.kind, theirs.kind) {
            (Kind::Subjects, Kind::Subjects) => differing.prove(self.enough) || self.enough_groups(ours, theirs),
            (a, b) if a.is_count() && b.is_count() => self.first_outlines_far(ours, theirs),
            (Kind::Sum(Some(a)), Kind::Sum(Some(b))) if a == b => {
                self.first_outlines_far(ours, theirs) && not_all_equal(ours, theirs) && self.bounds_far(ours, theirs, a)
            }
            _ => self.first_outlines_far(ours, theirs) && not_all_equal(ours, theirs),
        };
        (!far).then_some(Why::Concentrated)
    }

    fn first_outlines_far(&self, ours: &Figure, theirs: &Figure) -> bool {
        let first = ours.outlines.first().zip(theirs.outlines.first());
        first.is_some_and(|(a, b)| self.outlines_far(a, b, self.enough.groups))
    }

    /// Whether enough groups have a part of the difference that isn't 0, by the outlines.
    fn enough_groups(&self, ours: &Figure, theirs: &Figure) -> bool {
        let Some((a, b)) = ours.outlines.first().zip(theirs.outlines.first()) else { return false };
        let Some((rows, [_, Some(largest)])) = a.row_differences(b).zip(Some(a.largest(b))) else { return false };
        a.groups_that_differ(b, &rows, largest) >= self.enough.groups
    }

    /// Whether the difference passes the rules that declared bounds bring: those on distances, and that on categories.
    ///
    /// They hold only where one figure, or combination, is a part of the other: all who differ are counted on one side.
    /// Then all distances are on that side too, so rows that differ to both sides prove that there is nothing to read.
    /// What lies beyond a bound has a negative distance, and then signs prove nothing.
    fn bounds_far(&self, ours: &Figure, theirs: &Figure, bounds: (i128, i128)) -> bool {
        if !ours.within_bounds || !theirs.within_bounds {
            return false;
        }
        let mut distances = ours.outlines.iter().zip(&theirs.outlines).skip(1);
        if distances.clone().any(|(a, b)| a.differs_to_both_sides(b)) {
            return true;
        }
        // How many have 0 isn't known; only that within these bounds somebody may.
        let (lower, upper) = bounds;
        let category = few_values(Some(bounds)) && lower <= 0 && upper >= 0;
        !category && distances.all(|(a, b)| self.outlines_far(a, b, 0))
    }
}

/// Whether some two subjects are proved to differ by different amounts.
///
/// Rows that differ to both sides prove it, and so do two of the largest who can't differ by the same. Or: if all `n` differ by `d`, then `d` divides what each row differs by,
/// and the whole is `n * d`, so it can't exceed the greatest common divisor times everybody.
fn not_all_equal(ours: &Figure, theirs: &Figure) -> bool {
    let Some((a, b)) = ours.outlines.first().zip(theirs.outlines.first()) else { return false };
    if a.differs_to_both_sides(b) {
        return true;
    }
    let Some(rows) = a.row_differences(b) else { return false };
    let whole = rows.iter().fold(0_u64, |sum, row| sum.saturating_add(row.unsigned_abs()));
    let everybody = ours.subjects.saturating_add(theirs.subjects);
    // A divisor of at most this much, times everybody, is less than the whole.
    let most = whole.saturating_sub(1).checked_div(everybody).unwrap_or(0);
    let mut divisor = 0;
    for row in rows.iter().filter(|row| most > 0 && **row != 0) {
        divisor = common_divisor(divisor, row.unsigned_abs(), most);
        if divisor <= most {
            return true;
        }
    }
    a.some_differ_otherwise(b)
}

/// The greatest common divisor, or a multiple of it of at most `most` as soon as there is one.
fn common_divisor(mut a: u64, mut b: u64, most: u64) -> u64 {
    while b > most {
        (a, b) = (b, a % b);
    }
    if b == 0 { a } else { b }
}

/// Everything that the candidate isn't proved to be far from: figures of the archive, what they leave of those
/// `universes` that say the same quantity on the same snapshot, and the candidate's own figures.
///
/// Own figures that are almost surely the same and both shown are left out: what follows from a table's own structure
/// is looked at by the checks of that table. Pairs of withheld figures are left out too, since nobody knows either.
#[must_use]
pub fn near(candidate: &[Figure], archive: &[Figure], universes: &[Figure], bar: &Bar) -> Search {
    let mut search = Search::default();
    for (tile, theirs) in archive.chunks(TILE).enumerate() {
        let places = tile * TILE..;
        search.compare(candidate, places.clone().map(Other::Archive).zip(theirs), bar);
        for universe in universes {
            let rests: Vec<(Other, Figure)> = places
                .clone()
                .zip(theirs)
                .filter_map(|(place, theirs)| Some((Other::Complement(place), theirs.complement(universe)?)))
                .collect();
            search.compare(candidate, rests.iter().map(|(other, rest)| (*other, rest)), bar);
        }
    }
    for (place, theirs) in candidate.iter().enumerate() {
        for (own, ours) in candidate.iter().enumerate().skip(place + 1) {
            let alike = ours.standing == theirs.standing;
            if let Some(why) = bar.judge(ours, theirs).filter(|why| *why != Why::Few(0) || !alike) {
                search.push(Near { candidate: own, other: Other::Own(place), why });
            }
        }
    }
    search.near.sort_unstable();
    search
}

impl Search {
    fn compare<'a>(
        &mut self,
        candidate: &[Figure],
        theirs: impl Iterator<Item = (Other, &'a Figure)> + Clone,
        bar: &Bar,
    ) {
        for (place, ours) in candidate.iter().enumerate() {
            for (other, theirs) in theirs.clone() {
                if let Some(why) = bar.judge(ours, theirs) {
                    self.push(Near { candidate: place, other, why });
                }
            }
        }
    }

    fn push(&mut self, near: Near) {
        if self.near.len() < PAIRS_MAX {
            self.near.push(near);
        } else {
            self.left_out += 1;
        }
    }
}
