//! The search: combinations of figures that leave as few classes as can be.
//!
//! A class that is large enough by itself must not be left by a combination that says too much of some, so large classes
//! are bound first. What is bound to small classes then leaves small ones only, and every such combination is a
//! combination of these *rests*. They are brought into reduced form several times, each time about a basis of classes
//! that no earlier one used, as far as there are any: of `m` such bases, one has at most one class of any combination
//! that leaves fewer than `2m`, and about that one it is in the reduced form.
//!
//! # Guarantees
//! - A class that follows from the figures alone is found, whatever its size.
//! - Of the small classes every combination that leaves fewer than the threshold of subjects is found, of however many
//!   figures and with whatever coefficients, where the bases don't share a class. Where one combination of rests is all
//!   there is, it is found in any case.
//!
//! # Does not guarantee
//! - Where small classes are too few for separate bases: the reduced forms are a sample of the combinations then.
//! - Combinations that leave many, or few groups, or large classes: of these only the reduced forms are seen.
//!
//! Source: Prange's information sets (1962), made exhaustive by the pigeonhole principle. Example: 20 classes of one subject
//! and one combination that leaves three of them: of five bases at least two have none of the three, and it is found
//! about any that has one.

use super::classes::Classes;
use super::prime::Prime;
use super::space::{Row, Space, Spent, Work, left};

/// A class, and what is left of it.
pub(super) type Left = (u32, u64);

/// What is searched.
pub(super) struct Field<'a> {
    pub prime: &'a Prime,
    pub classes: &'a Classes,
    /// Figures that are pooled.
    pub width: usize,
    /// Large classes, then small ones.
    large: Vec<u32>,
    small: Vec<u32>,
}

impl<'a> Field<'a> {
    pub(super) fn new(
        prime: &'a Prime,
        classes: &'a Classes,
        width: usize,
        is_large: impl Fn(u32) -> bool,
    ) -> Field<'a> {
        let (large, small) = (0..classes.len() as u32).partition(|class| is_large(*class));
        Field { prime, classes, width, large, small }
    }

    /// The combinations of these figures, bound to classes, large ones first.
    pub(super) fn eliminate(&self, figures: impl Iterator<Item = usize>, work: &mut Work) -> Result<Space<'a>, Spent> {
        let space = Space::of_figures(self.prime, self.width, figures);
        self.bind(space, self.large.iter().chain(&self.small), work)
    }

    fn bind<'c>(
        &self,
        mut space: Space<'a>,
        classes: impl Iterator<Item = &'c u32>,
        work: &mut Work,
    ) -> Result<Space<'a>, Spent> {
        for class in classes {
            if space.is_exhausted() {
                break;
            }
            space.bind(*class, self.classes.vector(*class), work)?;
        }
        Ok(space)
    }

    /// Hands over the bound combinations, then the rests about further bases, so many in all.
    pub(super) fn reduced(
        &self,
        space: &Space<'a>,
        bases: u64,
        work: &mut Work,
        mut take: impl FnMut(&Row, &mut Work) -> Result<(), Spent>,
    ) -> Result<(), Spent> {
        space.bound().try_for_each(|(_, row)| take(row, work))?;
        let mut is_small = vec![false; self.classes.len()];
        mark(&mut is_small, self.small.iter().copied());
        let rests = space.bound().filter(|(class, _)| is_small.get(*class as usize).copied().unwrap_or(false));
        let rests: Vec<(u32, &Row)> = rests.collect();
        let mut used = vec![false; self.classes.len()];
        mark(&mut used, rests.iter().map(|(class, _)| *class));
        for _ in 1..bases {
            if rests.is_empty() {
                break;
            }
            let is_used = |class: &&u32| used.get(**class as usize).copied().unwrap_or(true);
            let (old, fresh): (Vec<&u32>, Vec<&u32>) = self.small.iter().partition(is_used);
            let rows = rests.iter().map(|(_, row)| Row::new(row.numbers.clone())).collect();
            let about = self.bind(Space::new(self.prime, rows), fresh.into_iter().chain(old), work)?;
            mark(&mut used, about.bound().map(|(class, _)| class));
            about.bound().try_for_each(|(_, row)| take(row, work))?;
        }
        Ok(())
    }

    /// The classes that a combination leaves, by class; none where they are more than `most`.
    pub(super) fn left(&self, numbers: &[u64], most: usize, work: &mut Work) -> Result<Option<Vec<Left>>, Spent> {
        let mut found: Vec<Left> = Vec::new();
        for (figure, _) in numbers.iter().enumerate().filter(|(_, number)| **number != 0) {
            for class in self.classes.of_figure(figure) {
                let vector = self.classes.vector(*class);
                // Each class is looked at with the first of its figures that is in the combination.
                let first = vector.iter().find(|(figure, _)| numbers.get(*figure as usize).is_some_and(|n| *n != 0));
                work.spend(1)?;
                if first.is_none_or(|(first, _)| *first as usize != figure) {
                    continue;
                }
                work.spend(vector.len())?;
                match left(self.prime, numbers, vector) {
                    0 => {}
                    _ if found.len() == most => return Ok(None),
                    part => found.push((*class, part)),
                }
            }
        }
        found.sort_unstable();
        Ok(Some(found))
    }

    /// The combination of a space that leaves exactly this, if there is one.
    pub(super) fn combination(
        &self,
        space: &Space<'a>,
        wanted: &[Left],
        work: &mut Work,
    ) -> Result<Option<Vec<u64>>, Spent> {
        let mut numbers = vec![0; self.width];
        for (class, row) in space.bound() {
            let Ok(place) = wanted.binary_search_by_key(&class, |(class, _)| *class) else { continue };
            let Some((_, factor)) = wanted.get(place) else { continue };
            work.spend(self.width)?;
            for (sum, number) in numbers.iter_mut().zip(&row.numbers) {
                *sum = self.prime.add(*sum, self.prime.mul(*factor, *number));
            }
        }
        let found = self.left(&numbers, wanted.len(), work)?;
        Ok(found.is_some_and(|found| found == wanted).then_some(numbers))
    }
}

fn mark(flags: &mut [bool], classes: impl Iterator<Item = u32>) {
    for class in classes {
        if let Some(flag) = flags.get_mut(class as usize) {
            *flag = true;
        }
    }
}
