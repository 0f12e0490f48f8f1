//! Perturbation tables: for each true count, how likely each noise is.
//!
//! A row has the noises from `-noise_max` to `noise_max` that lead to a count that may be shown. Counts of
//! `noise_max + least_shown` and more share the last row, which is symmetric.
//!
//! # Guarantees
//! Integers only: a row is a list of bounds within 2^64. Every row's weights have the mean 0 exactly, their bounds to
//! 2^-64. The same shape gives the same table.
//!
//! # Does not guarantee
//! Maximum entropy: ptable maximises it with floating point under the same conditions. Ours is a discrete Gaussian,
//! which has the largest entropy of all distributions of its mean, variance and support, in rows where all noises are
//! allowed; in rows near 0, its negative half is weighted so that the mean is 0, which isn't the maximum. The target
//! of the variance is met to about 1/500 where the support admits it, else as nearly as it does (rows near 0).
//!
//! # Method
//! For a `q` in 0..1 in steps of 1/4096 the weight of a noise `v` is `q^(v*v)`, in units of 2^-24 rounded down. With
//! `P = sum of v*w(v)` over positive and `N = sum of |v|*w(v)` over negative noises the final weights are `P*w` for
//! negative, `N*w` for positive noises and `(P+N)/2` for none: their mean is `(N*P - P*N) = 0`. The `q` whose variance
//! is nearest to the target is taken, the least of several.
//!
//! Source of the conditions: S. Giessing, *Computational issues in the design of transition probabilities and
//! disclosure risk estimation for additive noise* (PSD 2016), as in the R package ptable. Its `js` is our
//! `least_shown - 1`, its `D` our `noise_max`, its `V` our `variance_milli / 1000`.
//!
//! # Example
//! Noise of at most 2, nothing below 3: a count of 1 can be shown only as 0 (noise -1) or as 3 (noise 2), so the mean
//! 0 makes it 0 with 2/3 and 3 with 1/3, whatever the target. With variance 1 large counts stay with probability
//! 0.383, are off by 1 with 0.245 to each side, and by 2 with 0.064: `q^4 = 1/6` in closed form.

/// What a table is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// The largest noise, 1 to [`NOISE_MAX`].
    pub noise_max: u32,
    /// The variance that is aimed at, in thousandths; at most that of the uniform distribution.
    pub variance_milli: u64,
    /// The least count above 0 that is shown, 1 for all.
    pub least_shown: u64,
}

/// The largest noise of any table.
pub const NOISE_MAX: u32 = 15;

/// A shape of which there is no table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    /// The noise isn't from 1 to [`NOISE_MAX`].
    #[error("the largest noise is from 1 to {NOISE_MAX}")]
    Noise,
    /// The variance is 0, or larger than the uniform distribution's on all noises.
    #[error("the variance is above 0 and at most noise * (noise + 1) / 3")]
    Variance,
    /// A count below the least shown couldn't get from there to 0 and to what is shown.
    #[error("the least count shown is from 1 to the largest noise plus 1")]
    Least,
}

/// A noise, and the look-up values below which it is chosen unless an earlier one was.
type Bound = (i64, u64);

/// A perturbation table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PTable {
    /// From a count of 1 on; the last is for all larger counts.
    rows: Vec<Vec<Bound>>,
}

impl PTable {
    /// The table of a shape.
    ///
    /// # Errors
    /// A shape of which there is none.
    pub fn new(shape: Shape) -> Result<PTable, Impossible> {
        let noise = u64::from(shape.noise_max);
        if shape.noise_max == 0 || shape.noise_max > NOISE_MAX {
            return Err(Impossible::Noise);
        }
        if shape.variance_milli == 0 || shape.variance_milli > noise * (noise + 1) * 1000 / 3 {
            return Err(Impossible::Variance);
        }
        if shape.least_shown == 0 || shape.least_shown > noise + 1 {
            return Err(Impossible::Least);
        }
        let rows = (1..=noise + shape.least_shown).map(|count| row(shape, count as i64)).collect();
        Ok(PTable { rows })
    }

    /// The noise of a true count; none of an empty cell.
    #[must_use]
    pub fn noise(&self, count: u64, look_up: u64) -> i64 {
        let place = usize::try_from(count).unwrap_or(usize::MAX);
        let Some(row) = place.checked_sub(1).and_then(|place| self.rows.get(place).or(self.rows.last())) else {
            return 0;
        };
        row.iter().find(|(_, below)| look_up < *below).or(row.last()).map_or(0, |(noise, _)| *noise)
    }

    /// What is shown of a true count.
    #[must_use]
    pub fn shown(&self, count: u64, look_up: u64) -> u64 {
        count.checked_add_signed(self.noise(count, look_up)).unwrap_or(count)
    }

    /// The noises of a true count with their probabilities in units of 2^-64, least first.
    #[must_use]
    pub fn probabilities(&self, count: u64) -> Vec<(i64, u128)> {
        let place = usize::try_from(count).unwrap_or(usize::MAX);
        let Some(row) = place.checked_sub(1).and_then(|place| self.rows.get(place).or(self.rows.last())) else {
            return vec![(0, 1 << 64)];
        };
        let mut from = 0_u128;
        let last = row.len() - 1;
        let bounds = row.iter().enumerate().map(|(place, (noise, below))| {
            let below = if place == last { 1 << 64 } else { u128::from(*below) };
            (*noise, below - std::mem::replace(&mut from, below))
        });
        bounds.collect()
    }
}

const STEPS: u64 = 4096;
const UNIT: u64 = 1 << 24;

fn row(shape: Shape, count: i64) -> Vec<Bound> {
    let most = i64::from(shape.noise_max);
    let shown = |noise: &i64| count + noise == 0 || count + noise >= shape.least_shown as i64;
    let support: Vec<i64> = (-most..=most).filter(shown).collect();
    let candidates = (1..=STEPS).filter_map(|q| weights(&support, q));
    let nearest = candidates.min_by_key(|weights| distance(&support, weights, shape.variance_milli));
    // Where noise could go to one side only, none has the mean 0.
    nearest.map_or_else(|| vec![(0, u64::MAX)], |weights| bounds(&support, &weights))
}

/// The weights of the noises with the mean 0; `None` if one side has none that is large enough to count.
fn weights(support: &[i64], q: u64) -> Option<Vec<u128>> {
    let powers: Vec<u64> = powers(q).take(NOISE_MAX as usize + 1).collect();
    let power = |noise: &i64| powers.get(noise.unsigned_abs() as usize).copied().unwrap_or(0);
    let plain: Vec<u128> = support.iter().map(|noise| u128::from(power(noise))).collect();
    let moment = |positive: bool| -> u128 {
        let side = support.iter().zip(&plain).filter(|(noise, _)| if positive { **noise > 0 } else { **noise < 0 });
        side.map(|(noise, weight)| u128::from(noise.unsigned_abs()) * weight).sum()
    };
    let (above, below) = (moment(true), moment(false));
    if above == 0 || below == 0 {
        return None;
    }
    let weighted = support.iter().zip(plain).map(|(noise, weight)| match noise.signum() {
        -1 => above * weight,
        0 => (above + below) / 2 * weight,
        _ => below * weight,
    });
    Some(weighted.collect())
}

/// `(q / STEPS)^(v * v)` for `v` from 0 up, in units of `1 / UNIT`, rounded down at each step.
fn powers(q: u64) -> impl Iterator<Item = u64> {
    // The next square is an odd number away: q^(v+1)^2 = q^(v^2) * q^(2v+1).
    std::iter::successors(Some((UNIT, UNIT * q / STEPS)), move |(power, odd)| {
        Some((power * odd / UNIT, odd * q / STEPS * q / STEPS))
    })
    .map(|(power, _)| power)
}

/// How far a variance is from the target, in units of 2^-20 thousandths.
fn distance(support: &[i64], weights: &[u128], variance_milli: u64) -> u128 {
    let total: u128 = weights.iter().sum();
    let squares: u128 =
        support.iter().zip(weights).map(|(noise, weight)| u128::from(noise.unsigned_abs().pow(2)) * weight).sum();
    (squares * 1000).abs_diff(total * u128::from(variance_milli)) * (1 << 20) / total.max(1)
}

fn bounds(support: &[i64], weights: &[u128]) -> Vec<Bound> {
    let total: u128 = weights.iter().sum::<u128>().max(1);
    let mut sum = 0;
    // At most 2^60 of weights, so that the product fits.
    let below = weights.iter().map(|weight| {
        sum += weight;
        u64::try_from((sum << 64) / total).unwrap_or(u64::MAX)
    });
    let bounds = support.iter().copied().zip(below);
    bounds.collect()
}
