//! Figures: what one published number, or one that is withheld, leaves behind in the history.
//!
//! A figure is a cell of a table for one quantity, on one snapshot, in one release. It is kept for good: nothing here
//! removes one, since what is out is out even when a release is revoked or replaced. Withheld cells are kept too, as
//! *protected*: a later release may not equal them.
//!
//! # Guarantees
//! The same contributions under the same keys give the same figure, in any order.
//!
//! # Does not guarantee
//! That a figure may be shown: it is made from data and has no `Debug`.

use super::contributions::Contributions;
use super::keys::{Keys, Stranger};
use super::outline::Outline;
use super::sketch::Sketch;
use crate::primary::Bounds;

/// What a figure adds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Distinct subjects: each contributes 1.
    Subjects,
    /// Records.
    Records,
    /// A measure, with the declared bounds of one subject's contribution where it has some.
    Sum(Bounds),
}

impl Kind {
    /// Whether the host counts it, and no module or column says what it is.
    #[must_use]
    pub fn is_count(self) -> bool {
        matches!(self, Kind::Subjects | Kind::Records)
    }
}

/// Whether it was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It is out. A release that was revoked or replaced stays out.
    Released,
    /// It was withheld, and must not be worked out later.
    Protected,
}

/// Where a figure stands: public words only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The release, such as `R-2024-0017`; of a candidate its request.
    pub release: String,
    /// The table and the cell in it, such as `flights/carrier=AA`.
    pub cell: String,
    /// The quantity's name, such as `subjects` or `sum:delay`.
    pub quantity: String,
    /// The snapshot that it was counted on.
    pub snapshot: String,
}

/// One figure of the history, or of a candidate.
#[derive(Clone, PartialEq, Eq)]
pub struct Figure {
    pub(super) place: Place,
    pub(super) kind: Kind,
    pub(super) standing: Standing,
    /// Subjects that can be in it; of a combination those of all its terms.
    pub(super) subjects: u64,
    pub(super) scheme: u64,
    pub(super) sketch: Sketch,
    /// Of the quantity, then, where it is bounded, of the distances to the upper and the lower bound.
    pub(super) outlines: Vec<Outline>,
    /// Whether no contribution is beyond a declared bound; of a combination, to any of its terms.
    pub(super) within_bounds: bool,
}

impl Figure {
    /// The figure of these contributions.
    ///
    /// # Errors
    /// A subject that the keys' domain doesn't have.
    pub fn new(
        keys: &Keys,
        place: Place,
        (kind, standing): (Kind, Standing),
        contributions: &Contributions,
    ) -> Result<Figure, Stranger> {
        let contributions = contributions.as_slice();
        let sketch = Sketch::of(keys, contributions.iter().copied())?;
        let mut outlines = vec![Outline::of(keys, contributions)?];
        if let Kind::Sum(Some((lower, upper))) = kind {
            let to_upper = contributions.iter().map(|(subject, value)| (*subject, upper.saturating_sub(*value)));
            outlines.push(Outline::of(keys, &to_upper.collect::<Vec<_>>())?);
            let to_lower = contributions.iter().map(|(subject, value)| (*subject, value.saturating_sub(lower)));
            outlines.push(Outline::of(keys, &to_lower.collect::<Vec<_>>())?);
        }
        let subjects = contributions.len() as u64;
        let within_bounds = within_bounds(&outlines);
        Ok(Figure { place, kind, standing, subjects, scheme: keys.scheme(), sketch, outlines, within_bounds })
    }

    /// Where it stands.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What it adds up.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it was published.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Whether both say the same quantity of the same snapshot under the same keys, so that one can be taken off the
    /// other.
    pub(super) fn is_comparable(&self, universe: &Figure) -> bool {
        self.place.quantity == universe.place.quantity
            && self.place.snapshot == universe.place.snapshot
            && self.kind == universe.kind
            && self.scheme == universe.scheme
    }

    /// What is left of `universe` without this figure: who publishes a total and a part publishes the rest as well.
    /// None where they don't say the same quantity under the same keys.
    #[must_use]
    pub fn complement(&self, universe: &Figure) -> Option<Figure> {
        self.is_comparable(universe).then(|| Figure {
            place: self.place.clone(),
            kind: self.kind,
            standing: self.standing.max(universe.standing),
            subjects: self.subjects.saturating_add(universe.subjects),
            scheme: self.scheme,
            sketch: Sketch::combined(&[(1, &universe.sketch), (-1, &self.sketch)]),
            outlines: universe.outlines.iter().zip(&self.outlines).map(|(whole, part)| whole.minus(part)).collect(),
            within_bounds: self.within_bounds && universe.within_bounds,
        })
    }

    /// What it takes in memory, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        let words = [&self.place.release, &self.place.cell, &self.place.quantity, &self.place.snapshot];
        size_of::<Figure>()
            + words.iter().map(|word| word.capacity()).sum::<usize>()
            + self.outlines.iter().map(Outline::memory).sum::<usize>()
    }
}

/// Whether, by the outlines of a figure that is no combination, no contribution is beyond a bound.
pub(super) fn within_bounds(outlines: &[Outline]) -> bool {
    outlines.iter().skip(1).all(Outline::has_no_negative)
}
