//! The largest contributors of a figure by name, and what everybody else is within.
//!
//! # Guarantees
//! Spans are true ones, of a figure and of any combination: a unit that is named has its span, any other is within that
//! of the others.
//!
//! # Does not guarantee
//! That spans of combinations are tight: each step widens what isn't named in both.
//!
//! Example: a giant that is in both figures alike is no part of their difference.

/// The largest contributors that an outline names.
pub(super) const NAMED: usize = 8;
/// The largest parts that the rules look at.
pub(super) const PARTS: usize = 3;

/// Upper bounds of the largest part, of the two largest together, and of the three.
pub(super) type Largest = [i128; PARTS];

/// What is known of a contribution: it is from `low` to `high`.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Span {
    pub(super) low: i128,
    pub(super) high: i128,
}

impl Span {
    fn exactly(value: i128) -> Span {
        Span { low: value, high: value }
    }

    pub(super) fn minus(self, other: Span) -> Span {
        Span { low: self.low.saturating_sub(other.high), high: self.high.saturating_sub(other.low) }
    }

    pub(super) fn with(self, other: Span) -> Span {
        Span { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// Whether 0 isn't within.
    pub(super) fn is_not_0(self) -> bool {
        self.low > 0 || self.high < 0
    }

    /// The largest absolute value.
    pub(super) fn size(self) -> i128 {
        self.low.saturating_abs().max(self.high.saturating_abs())
    }
}

/// A named contributor.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Named {
    pub(super) unit: u64,
    pub(super) span: Span,
}

/// The largest contributors by absolute value, and what everybody else is within, 0 included.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Top {
    pub(super) named: Vec<Named>,
    pub(super) others: Span,
}

impl Top {
    /// Of exact contributions, one a unit.
    pub(super) fn of(values: impl Iterator<Item = (u64, i128)>) -> Top {
        let mut top = Top { named: Vec::with_capacity(NAMED + 1), others: Span::default() };
        for (unit, value) in values.filter(|(_, value)| *value != 0) {
            let span = Span::exactly(value);
            if top.named.len() == NAMED && top.named.last().is_some_and(|least| least.span.size() >= span.size()) {
                top.others = top.others.with(span);
                continue;
            }
            let place = top.named.partition_point(|held| held.span.size() >= span.size());
            top.named.insert(place, Named { unit, span });
            if let Some(dropped) = (top.named.len() > NAMED).then(|| top.named.pop()).flatten() {
                top.others = top.others.with(dropped.span);
            }
        }
        top
    }

    /// Whether it is as it is made: no unit twice, largest first, everybody else within a span about 0.
    pub(super) fn is_sound(&self) -> bool {
        let sorted = self.named.is_sorted_by(|a, b| a.span.size() >= b.span.size());
        let distinct =
            self.named.iter().zip(1..).all(|(a, next)| self.named.iter().skip(next).all(|b| a.unit != b.unit));
        let spans = self.named.iter().all(|named| named.span.low <= named.span.high);
        sorted && distinct && spans && self.others.low <= 0 && self.others.high >= 0
    }

    fn find(&self, unit: u64) -> Option<&Named> {
        self.named.iter().find(|named| named.unit == unit)
    }

    /// What everybody who is named in either differs by.
    pub(super) fn against<'a>(&'a self, other: &'a Top) -> impl Iterator<Item = Named> + 'a {
        let ours = self.named.iter().map(|a| {
            let theirs = other.find(a.unit).map_or(other.others, |b| b.span);
            Named { unit: a.unit, span: a.span.minus(theirs) }
        });
        let theirs = other.named.iter().filter(|b| self.find(b.unit).is_none());
        ours.chain(theirs.map(|b| Named { unit: b.unit, span: self.others.minus(b.span) }))
    }

    /// How many are proved to have a part of the difference that isn't 0.
    pub(super) fn that_differ(&self, other: &Top) -> u32 {
        self.against(other).filter(|named| named.span.is_not_0()).count() as u32
    }

    /// The largest parts of the difference.
    pub(super) fn largest(&self, other: &Top) -> Largest {
        let mut top = [self.others.minus(other.others).size(); PARTS];
        for named in self.against(other) {
            let mut size = named.span.size();
            for held in &mut top {
                if size > *held {
                    std::mem::swap(held, &mut size);
                }
            }
        }
        let mut sum = 0_i128;
        top.map(|part| {
            sum = sum.saturating_add(part);
            sum
        })
    }

    pub(super) fn minus(&self, other: &Top) -> Top {
        let mut named: Vec<Named> = self.against(other).collect();
        named.sort_by_key(|named| (std::cmp::Reverse(named.span.size()), named.unit));
        let mut others = self.others.minus(other.others);
        for dropped in named.drain(NAMED.min(named.len())..) {
            others = others.with(dropped.span);
        }
        Top { named, others }
    }

    /// What everybody is within.
    pub(super) fn span(&self) -> Span {
        self.named.iter().fold(self.others, |span, named| span.with(named.span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn top(values: &[(u64, i128)]) -> Top {
        Top::of(values.iter().copied())
    }

    #[test]
    fn the_largest_are_named_and_nobody_else_is_larger() {
        let values: Vec<(u64, i128)> =
            (0..20).map(|unit| (unit, if unit % 2 == 0 { 1 } else { -1 } * unit as i128)).collect();
        let top = top(&values);
        let named: Vec<i128> = top.named.iter().map(|named| named.span.high).collect();
        assert_eq!(named, [-19, 18, -17, 16, -15, 14, -13, 12]);
        assert_eq!((top.others.low, top.others.high), (-11, 10));
        assert_eq!(self::top(&[(3, 7), (4, 0)]).others, Span::default());
    }

    #[test]
    fn a_giant_that_stays_is_no_part_of_the_difference() {
        let (a, b) = (top(&[(1, 1_000_000), (2, 5), (3, 4)]), top(&[(1, 1_000_000), (2, 3)]));
        assert_eq!(a.largest(&b), [4, 6, 6]);
        let less = a.minus(&b);
        assert_eq!((less.find(1).map(|named| named.span), less.others), (Some(Span::default()), Span::default()));
        assert_eq!(less.find(2).map(|named| named.span), Some(Span::exactly(2)));
    }

    #[test]
    fn bounds_hold_for_random_figures_and_their_combinations() {
        let mut state = 9_u64;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..2_000 {
            let width = 4 + next(40);
            let mut figure = || -> Vec<i128> {
                (0..width).map(|_| if next(2) == 0 { 0 } else { (next(50) * next(50)) as i128 - 300 }).collect()
            };
            let figures = [figure(), figure(), figure()];
            let [a, b, c] = figures.each_ref().map(|values| Top::of((0..).zip(values.iter().copied())));
            let exact = |of: &dyn Fn(usize) -> i128| -> Largest {
                let mut sizes: Vec<i128> = (0..width as usize).map(|unit| of(unit).abs()).collect();
                sizes.sort_unstable_by(|a, b| b.cmp(a));
                [sizes[0], sizes[..2].iter().sum(), sizes[..3].iter().sum()]
            };
            let [x, y, z] = &figures;
            let pair = exact(&|unit| x[unit] - y[unit]);
            assert!(a.largest(&b).iter().zip(pair).all(|(bound, true_one)| *bound >= true_one));
            let triple = exact(&|unit| x[unit] - y[unit] - z[unit]);
            assert!(a.minus(&b).largest(&c).iter().zip(triple).all(|(bound, true_one)| *bound >= true_one));
        }
    }
}
