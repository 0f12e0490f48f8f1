//! What a combination says of the subjects that it leaves, under every primary rule.
//!
//! The combination is read back from the prime as whole numbers, worked out again with them, and judged as
//! [`super::super::difference`] judges a difference: as a figure of its own.
//!
//! # Guarantees
//! A combination with whole coefficients of 32 bits is judged by exact contributions; any other by how many subjects
//! and groups it leaves, which needs no coefficients.
//!
//! # Does not guarantee
//! - The rules of declared bounds, except where it leaves subjects with the same multiple of what each contributes to
//!   every figure that they are in: only then it is the sum of a table of them.
//! - Anything of combinations that leave more than [`CLASSES_MAX`] classes: they say something of many.
//!
//! Example: `a + b + c - d` that leaves one subject of whom three have it: below every threshold.

use super::super::contributions::Contributions;
use super::super::difference::{Difference, Term};
use super::super::figure::Kind;
use super::super::keys::Domain;
use super::classes::{Class, common_divisor};
use super::search::{Field, Left};
use super::space::{Spent, Work};
use crate::appetite::Rules;

/// Most classes that a combination may leave to be judged.
pub(super) const CLASSES_MAX: usize = 256;
/// Parts of fractions that are read back from the prime.
pub(super) const FRACTION_MAX: u64 = 1 << 20;
/// What judging one subject costs, in multiplications.
const SUBJECT_COST: usize = 64;

/// Whole coefficients, by figure; the first is positive.
pub(super) type Coefficients = Vec<(usize, i32)>;

/// The rules and what they are asked about.
pub(super) struct Judge<'a> {
    pub domain: &'a Domain,
    pub rules: &'a Rules,
    pub kind: Kind,
}

impl Judge<'_> {
    /// Whether a class has enough subjects and groups that no combination that leaves it has too few.
    pub(super) fn is_large(&self, class: &Class) -> bool {
        let enough = self.rules.threshold.max(self.rules.difference);
        let counted = || Contributions::counting(class.members.iter().map(|(subject, _)| *subject));
        class.members.len() as u64 >= enough && !self.difference(Kind::Subjects, &counted()).is_unsafe()
    }

    /// What is left, judged with coefficients where there are some.
    pub(super) fn judge(
        &self,
        field: &Field<'_>,
        left: &[Left],
        coefficients: Option<&Coefficients>,
        work: &mut Work,
    ) -> Result<Difference, Spent> {
        let classes: Vec<&Class> = left.iter().filter_map(|(class, _)| field.classes.get(*class)).collect();
        work.spend(classes.iter().map(|class| class.members.len()).sum::<usize>().saturating_mul(SUBJECT_COST))?;
        let members = |part: &dyn Fn(&Class, i64) -> i128| {
            let parts = classes.iter().flat_map(|class| class.members.iter().map(|(s, m)| (*s, part(class, *m))));
            Contributions::of(parts.collect::<Vec<_>>())
        };
        let Some(coefficients) = coefficients else {
            return Ok(self.difference(Kind::Subjects, &members(&|_, _| 1)));
        };
        let nets: Vec<i128> = classes.iter().map(|class| net(coefficients, class)).collect();
        let whole = nets.windows(2).all(|pair| pair.first() == pair.last());
        let plain = classes.iter().all(|class| class.vector.iter().all(|(_, value)| *value == 1));
        let kind = match self.kind {
            Kind::Sum(_) if !(whole && plain) => Kind::Sum(None),
            kind => kind,
        };
        let part = |class: &Class, multiple: i64| {
            let net = if whole { 1 } else { net(coefficients, class) };
            net.saturating_mul(i128::from(multiple))
        };
        Ok(self.difference(kind, &members(&part)))
    }

    fn difference(&self, kind: Kind, contributions: &Contributions) -> Difference {
        Difference::of(&[Term { coefficient: 1, kind, contributions }], self.domain, self.rules)
    }
}

/// How often a combination leaves a class.
fn net(coefficients: &Coefficients, class: &Class) -> i128 {
    let term = |(figure, coefficient): &(usize, i32)| {
        let place = class.vector.binary_search_by_key(figure, |(figure, _)| *figure as usize).ok()?;
        Some(i128::from(class.vector.get(place)?.1) * i128::from(*coefficient))
    };
    coefficients.iter().filter_map(term).sum()
}

/// The whole coefficients of a combination, if they are small and leave nobody else.
pub(super) fn coefficients(
    field: &Field<'_>,
    numbers: &[u64],
    left: &[Left],
    work: &mut Work,
) -> Result<Option<Coefficients>, Spent> {
    let Some(coefficients) = whole(field, numbers) else { return Ok(None) };
    for (figure, _) in &coefficients {
        for class in field.classes.of_figure(*figure) {
            let Some(held) = field.classes.get(*class) else { continue };
            work.spend(coefficients.len())?;
            let is_left = left.binary_search_by_key(class, |(class, _)| *class).is_ok();
            if (net(&coefficients, held) != 0) != is_left {
                return Ok(None);
            }
        }
    }
    Ok(Some(coefficients))
}

fn whole(field: &Field<'_>, numbers: &[u64]) -> Option<Coefficients> {
    let numbers = numbers.iter().enumerate().filter(|(_, number)| **number != 0);
    let fractions: Vec<(usize, (i64, i64))> = numbers
        .map(|(figure, number)| Some((figure, field.prime.fraction(*number, FRACTION_MAX)?)))
        .collect::<Option<_>>()?;
    let common = fractions.iter().try_fold(1_u64, |common, (_, (_, below))| {
        let below = below.unsigned_abs();
        (common / common_divisor(common, below)).checked_mul(below).filter(|common| *common < 1 << 32)
    })?;
    // Below 2^32 times 2^20.
    let scaled = |(above, below): (i64, i64)| above * (common as i64 / below);
    let divisor = fractions.iter().fold(0, |held, (_, part)| common_divisor(scaled(*part).unsigned_abs(), held));
    let sign = if fractions.first()?.1.0 < 0 { -1 } else { 1 };
    let divisor = i64::try_from(divisor.max(1)).ok()? * sign;
    fractions.iter().map(|(figure, part)| Some((*figure, i32::try_from(scaled(*part) / divisor).ok()?))).collect()
}
