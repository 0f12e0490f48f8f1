//! Where no move helps: the first published cell that makes a target narrow is withheld, again and again.
//!
//! Published cells are put in the order in which they are wanted, dearest first. As long as a target isn't safe, the longest
//! beginning of that order with which it is safe is found by halving, and the cell after it is withheld.
//!
//! # Guarantees
//! At most [`ROUNDS_MAX`] cells are withheld here, over all targets.
//!
//! # Does not guarantee
//! That a target that stays unsafe with only the cells that can't be withheld is helped: it isn't.
//!
//! Source: `FixRiskyIntervals` of the R package GaussSuppression.

use super::{ROUNDS_MAX, Repair};
use crate::protect::audit::{Audit, Engine, Limits, Microlp, Pool};
use crate::protect::moves::Price;

impl Repair<'_> {
    /// Audits what moves left open, with all means, then withholds first narrow cells.
    pub(super) fn by_prefixes(&mut self) {
        let open: Vec<usize> = self.unsafe_now(self.task.audit.limits);
        let mut rounds = ROUNDS_MAX;
        for place in open {
            self.widen(place, &mut rounds);
        }
    }

    /// The targets that the audit calls unsafe within these limits; witnesses of the others are kept.
    pub(super) fn unsafe_now(&mut self, limits: Limits) -> Vec<usize> {
        let published = self.published();
        let audit = Audit { published: &published, limits, ..self.task.audit };
        let Some(mut engine) = Engine::new(audit, self.pool.moves(), Microlp) else { return Vec::new() };
        let open = (0..audit.targets.len()).filter(|place| !engine.verdict(*place).is_safe()).collect();
        self.keep(&engine.into_pool());
        open
    }

    /// Keeps the witnesses that fit what is published now; those of a smaller pattern may not.
    fn keep(&mut self, pool: &Pool) {
        for step in pool.moves() {
            self.pool.add(&self.exact, step.clone());
        }
    }

    fn widen(&mut self, place: usize, rounds: &mut usize) {
        let mut order: Vec<(std::cmp::Reverse<u64>, usize)> = self
            .prices
            .iter()
            .enumerate()
            .filter_map(
                |(cell, price)| if let Price::At(cost) = price { Some((std::cmp::Reverse(*cost), cell)) } else { None },
            )
            .collect();
        order.sort_unstable();
        let mut order: Vec<usize> = order.into_iter().map(|(_, cell)| cell).collect();
        if self.safe_with(place, &order) || !self.safe_with(place, &[]) {
            return;
        }
        let mut good = 0;
        while *rounds > 0 {
            let mut bad = order.len();
            while good + 1 < bad {
                let middle = good + (bad - good) / 2;
                let safe = order.get(..middle).is_some_and(|beginning| self.safe_with(place, beginning));
                if safe { good = middle } else { bad = middle }
            }
            if good >= order.len() {
                return;
            }
            *rounds -= 1;
            self.withhold(order.remove(good));
            if self.safe_with(place, &order) {
                return;
            }
        }
    }

    /// Whether a target is safe if of the cells that could be withheld only these are published. If it is with all that are
    /// published now, the witnesses are kept.
    fn safe_with(&mut self, place: usize, published: &[usize]) -> bool {
        let Some(target) = self.task.audit.targets.get(place) else { return false };
        let mut pattern: Vec<bool> = self.prices.iter().map(|price| *price == Price::Never).collect();
        for cell in published {
            pattern.get_mut(*cell).into_iter().for_each(|slot| *slot = true);
        }
        let audit = Audit { published: &pattern, targets: std::slice::from_ref(target), ..self.task.audit };
        let Some(mut engine) = Engine::new(audit, self.pool.moves(), Microlp) else { return false };
        let safe = engine.verdict(0).is_safe();
        self.keep(&engine.into_pool());
        safe
    }
}
