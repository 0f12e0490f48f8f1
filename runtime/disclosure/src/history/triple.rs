//! Triples: combinations of three figures that few subjects are left of, such as a tracker's `a + b - c`.
//!
//! With `n` blocks of buckets and fewer than `n` buckets that aren't 0, some block is 0 throughout (pigeonhole). There
//! the sum of one figure's buckets is the sum of the two others', so each block needs one table of the candidate's
//! sums, and a look-up for every pair of the pool: two-sum, not three nested loops. Where groups are declared, a whole
//! row may be spoilt by one group, so blocks are parts of rows and as many more are looked at as a row has; and fewer
//! than `n` groups spoil fewer than `n` rows.
//!
//! # Guarantees
//! Every combination `c - a - b`, `c - a + b` or `c + a - b` of a candidate's figure `c` with two of the pool is found
//! if fewer subjects are left of it than must differ, or fewer without the largest group, or fewer groups than there must
//! be and than there are rows. Combinations of which nobody is left are left out, unless one figure is a withheld one: that a total is the sum of its parts says nothing new.
//! Combinations with two withheld figures are left out, since nobody knows either.
//!
//! # Does not guarantee
//! - Figures outside the pool of [`POOL_MAX`], and combinations after [`TRIALS_MAX`] comparisons: both are counted.
//! - Where more than 16 groups must differ, combinations that leave 16 groups or more: every row may be spoilt then.
//! - Groups that are left but whose contributions cancel to 0.
//! - Dominance: many may be left, of which one holds most. Only pairs are searched for that.
//!
//! Source: disclosure.md, section 3, with `t` large blocks instead of `2t` of which more than half are 0: the same
//! guarantee by fewer and more telling look-ups.
//!
//! Example: figures of {0..39}, {40..79} and {0..79 without 7}: one subject is left of the first two less the third.

use std::collections::BTreeMap;

use super::figure::{Figure, Standing};
use super::near::{Bar, Other};
use super::sketch::{BUCKETS, Differing, Enough, ROWS, Sketch, add, subtract};

/// Most figures among which the two partners are looked for; at most half of them are the candidate's own.
pub const POOL_MAX: usize = 1_000;
/// Most combinations whose sketches are compared.
pub const TRIALS_MAX: u64 = 50_000_000;
/// Most combinations that are returned; at most half of them for their groups alone, so that these don't crowd out the
/// others.
pub const TRIPLES_MAX: usize = 100_000;

/// A combination; one of its terms is the candidate's, and the first has the coefficient 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(test, derive(Debug))]
pub struct Triple {
    /// Figures and their coefficients, sorted by figure.
    pub terms: [(Other, i32); 3],
    /// The buckets that it differs from 0 in.
    pub buckets: u32,
}

/// What a search found.
#[derive(Clone, PartialEq, Eq, Default)]
#[cfg_attr(test, derive(Debug))]
pub struct Triples {
    /// The combinations, sorted.
    pub found: Vec<Triple>,
    /// Figures that weren't in the pool.
    pub outside_pool: usize,
    /// Whether the search was cut short. If so, people must be told.
    pub cut: bool,
}

/// How buckets are put together: for each bucket its block, and how many blocks are looked at.
struct Blocks {
    of_bucket: Vec<usize>,
    looked_at: usize,
}

impl Blocks {
    /// None where the buckets don't suffice.
    fn new(enough: Enough) -> Option<Blocks> {
        let without = enough.without_largest as usize;
        if without == 0 {
            let blocks = enough.subjects as usize;
            let of_bucket = (0..BUCKETS).map(|bucket| bucket * blocks / BUCKETS).collect();
            return (blocks > 0 && blocks <= BUCKETS).then_some(Blocks { of_bucket, looked_at: blocks });
        }
        // Fewer than `subjects` buckets, one row and fewer than `without` others, or fewer than `groups` rows, may
        // differ from 0.
        let columns = BUCKETS / ROWS;
        let rows = (enough.groups as usize).min(ROWS).saturating_sub(1);
        let spoilt = |parts: usize| (enough.subjects as usize).max(parts + without).max(rows * parts + 1);
        let parts = (1..=columns).find(|parts| spoilt(*parts) <= ROWS * parts)?;
        let block = |bucket: usize| bucket % ROWS * parts + bucket / ROWS * parts / columns;
        Some(Blocks { of_bucket: (0..BUCKETS).map(block).collect(), looked_at: spoilt(parts) })
    }

    /// The sums of a sketch by block.
    fn sums(&self, sketch: &Sketch) -> Vec<u64> {
        let mut sums = vec![0; self.looked_at];
        for (block, bucket) in self.of_bucket.iter().zip(sketch.buckets()) {
            if let Some(sum) = sums.get_mut(*block) {
                *sum = add(*sum, *bucket);
            }
        }
        sums
    }
}

/// A figure with its sums by block.
struct Member<'a> {
    other: Other,
    figure: &'a Figure,
    sums: Vec<u64>,
}

impl<'a> Member<'a> {
    fn new(blocks: &Blocks, other: Other, figure: &'a Figure) -> Member<'a> {
        Member { other, figure, sums: blocks.sums(&figure.sketch) }
    }

    fn protected(&self) -> u32 {
        u32::from(self.figure.standing == Standing::Protected)
    }
}

/// The combinations of a candidate's figure with two of the pool. Both partners may be the candidate's own.
///
/// The pool takes first what says the same quantity on the same snapshot as some figure of the candidate, then the same
/// quantity, then the rest, later figures before earlier ones.
#[must_use]
pub fn triples(candidate: &[Figure], archive: &[Figure], bar: &Bar) -> Triples {
    let Some(scheme) = candidate.first().map(|figure| figure.scheme) else { return Triples::default() };
    let enough = bar.enough();
    let Some(blocks) = Blocks::new(enough) else {
        return Triples { found: Vec::new(), outside_pool: archive.len(), cut: true };
    };
    let own: Vec<Member<'_>> = candidate
        .iter()
        .enumerate()
        .filter(|(_, figure)| figure.scheme == scheme)
        .map(|(place, figure)| Member::new(&blocks, Other::Own(place), figure))
        .collect();
    let chosen = chosen(candidate, archive, scheme, POOL_MAX - own.len().min(POOL_MAX / 2));
    let others = chosen.into_iter().filter_map(|place| Some((place, archive.get(place)?)));
    let others: Vec<Member<'_>> =
        others.map(|(place, figure)| Member::new(&blocks, Other::Archive(place), figure)).collect();
    let room = POOL_MAX - others.len();
    let pool: Vec<&Member<'_>> = own.iter().take(room).chain(&others).collect();
    let mut search =
        Hunt { own: &own, enough, trials: 0, found: BTreeMap::new(), cut: own.len() < candidate.len(), for_groups: 0 };
    for block in 0..blocks.looked_at {
        search.block(block, &pool);
    }
    let found = search.found.into_iter().map(|(terms, buckets)| Triple { terms, buckets }).collect();
    let outside_pool = archive.len() - others.len() + own.len().saturating_sub(room);
    Triples { found, outside_pool, cut: search.cut || search.for_groups > TRIPLES_MAX / 2 }
}

fn chosen(candidate: &[Figure], archive: &[Figure], scheme: u64, most: usize) -> Vec<usize> {
    let far = |figure: &Figure| {
        let quantity = |own: &&Figure| own.place.quantity == figure.place.quantity;
        let mut alike = candidate.iter().filter(quantity).peekable();
        match alike.peek() {
            None => 2,
            Some(_) => u8::from(!alike.any(|own| own.place.snapshot == figure.place.snapshot)),
        }
    };
    let usable = archive.iter().enumerate().filter(|(_, figure)| figure.scheme == scheme);
    let mut places: Vec<(u8, std::cmp::Reverse<usize>)> =
        usable.map(|(place, figure)| (far(figure), std::cmp::Reverse(place))).collect();
    places.sort_unstable();
    places.into_iter().take(most).map(|(_, place)| place.0).collect()
}

struct Hunt<'a> {
    own: &'a [Member<'a>],
    enough: Enough,
    trials: u64,
    found: BTreeMap<[(Other, i32); 3], u32>,
    cut: bool,
    /// Combinations of enough subjects whose groups aren't proved to be enough.
    for_groups: usize,
}

/// The candidate's figures by their sum over one block.
struct Table {
    mask: u64,
    starts: Vec<u32>,
    entries: Vec<(u64, u32)>,
}

impl Table {
    fn new(own: &[Member<'_>], block: usize) -> Table {
        let slots = (own.len() * 4).next_power_of_two() as u64;
        let mask = slots - 1;
        let mut entries: Vec<(u64, u32)> =
            own.iter().zip(0..).filter_map(|(member, place)| Some((*member.sums.get(block)?, place))).collect();
        entries.sort_unstable_by_key(|(sum, place)| (sum & mask, *sum, *place));
        let starts = (0..=slots)
            .scan(0_usize, |next, slot| {
                *next += entries.iter().skip(*next).take_while(|(sum, _)| sum & mask < slot).count();
                Some(*next as u32)
            })
            .collect();
        Table { mask, starts, entries }
    }

    /// The figures of this sum.
    fn find(&self, sum: u64) -> impl Iterator<Item = usize> + '_ {
        let slot = (sum & self.mask) as usize;
        let range = self.starts.get(slot).zip(self.starts.get(slot + 1));
        let entries = range.and_then(|(start, end)| self.entries.get(*start as usize..*end as usize));
        entries.unwrap_or_default().iter().filter(move |(held, _)| *held == sum).map(|(_, place)| *place as usize)
    }
}

impl<'a> Hunt<'a> {
    fn block(&mut self, block: usize, pool: &[&Member<'a>]) {
        let table = Table::new(self.own, block);
        let sums: Vec<u64> = pool.iter().filter_map(|member| member.sums.get(block).copied()).collect();
        for (place, (a, sum_a)) in pool.iter().zip(&sums).enumerate() {
            for (b, sum_b) in pool.iter().zip(&sums).skip(place + 1) {
                let shapes =
                    [(add(*sum_a, *sum_b), 1, 1), (subtract(*sum_a, *sum_b), 1, -1), (subtract(*sum_b, *sum_a), -1, 1)];
                for (wanted, sign_a, sign_b) in shapes {
                    for own in table.find(wanted) {
                        self.attempt(block, own, [(a, sign_a), (b, sign_b)]);
                    }
                }
            }
            if self.cut {
                return;
            }
        }
    }

    /// Compares a combination in full, in the first block that is 0 throughout.
    fn attempt(&mut self, block: usize, own: usize, partners: [(&Member<'a>, i32); 2]) {
        let Some(ours) = self.own.get(own) else { return };
        let [(a, sign_a), (b, sign_b)] = partners;
        let protected = ours.protected() + a.protected() + b.protected();
        if a.other == ours.other || b.other == ours.other || protected > 1 {
            return;
        }
        let mut earlier = ours.sums.iter().zip(a.sums.iter().zip(&b.sums)).take(block);
        if earlier.any(|(c, (a, b))| *c == signed(*a, sign_a, *b, sign_b)) {
            return;
        }
        self.trials += 1;
        self.cut |= self.trials > TRIALS_MAX || self.found.len() >= TRIPLES_MAX;
        let left = left(&ours.figure.sketch, (&a.figure.sketch, sign_a), (&b.figure.sketch, sign_b), self.enough);
        let few = !left.prove_subjects(self.enough);
        if left.buckets + protected > 0 && !left.prove(self.enough) && !self.cut {
            self.for_groups += usize::from(!few);
            if !few && self.for_groups > TRIPLES_MAX / 2 {
                return;
            }
            self.found.insert(canonical([(ours.other, 1), (a.other, -sign_a), (b.other, -sign_b)]), left.buckets);
        }
    }
}

fn signed(a: u64, sign_a: i32, b: u64, sign_b: i32) -> u64 {
    match (sign_a, sign_b) {
        (1, 1) => add(a, b),
        (1, _) => subtract(a, b),
        _ => subtract(b, a),
    }
}

/// The buckets of `c` that aren't the combination's, up to what is enough.
fn left(c: &Sketch, (a, sign_a): (&Sketch, i32), (b, sign_b): (&Sketch, i32), enough: Enough) -> Differing {
    let mut rows = [0_u32; ROWS];
    let mut found = Differing::default();
    let columns =
        c.buckets().chunks_exact(ROWS).zip(a.buckets().chunks_exact(ROWS).zip(b.buckets().chunks_exact(ROWS)));
    for (c, (a, b)) in columns {
        for (row, (c, (a, b))) in rows.iter_mut().zip(c.iter().zip(a.iter().zip(b))) {
            *row += u32::from(*c != signed(*a, sign_a, *b, sign_b));
        }
        found = Differing::of(&rows);
        if found.is_exhausted(enough) {
            break;
        }
    }
    found
}

/// Sorted, with a first coefficient of 1: the same combination found from another of its terms is one finding.
pub(super) fn canonical(mut terms: [(Other, i32); 3]) -> [(Other, i32); 3] {
    terms.sort_unstable();
    let sign = terms.first().map_or(1, |(_, sign)| *sign);
    terms.map(|(other, coefficient)| (other, coefficient * sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_block_that_is_looked_at_stays_clean_whatever_buckets_are_spoilt() {
        for (subjects, without_largest) in
            [(1, 0), (10, 0), (20, 0), (256, 0), (10, 10), (20, 20), (30, 10), (40, 40), (1, 1)]
        {
            let blocks = Blocks::new(Enough { subjects, without_largest, groups: without_largest })
                .expect("there are enough buckets");
            let all: std::collections::BTreeSet<usize> = blocks.of_bucket.iter().copied().collect();
            assert!(
                all.len() >= blocks.looked_at && all.iter().copied().eq(0..all.len()),
                "they are numbered without gaps"
            );
            // Each spoilt bucket spoils one block at most.
            assert!(blocks.looked_at > subjects as usize - 1);
            let of_row = |row: usize| -> std::collections::BTreeSet<usize> {
                blocks.of_bucket.iter().skip(row).step_by(ROWS).copied().collect()
            };
            if without_largest > 0 {
                let spoilt = (0..ROWS).map(|row| of_row(row).len()).max().expect("rows") + without_largest as usize - 1;
                assert!(blocks.looked_at > spoilt);
                let groups = (without_largest as usize).min(ROWS) - 1;
                let most = (0..ROWS).map(|row| of_row(row).len()).max().expect("rows") * groups;
                assert!(blocks.looked_at > most, "{most}");
            }
        }
        assert!(Blocks::new(Enough { subjects: 257, without_largest: 0, groups: 0 }).is_none());
        assert!(Blocks::new(Enough { subjects: 10, without_largest: 250, groups: 0 }).is_none());
    }
}
