//! Sums of cells that no table has: nobody publishes them, and whoever reads the cells can add them up.
//!
//! # Guarantees
//! Two things are looked for in every node of the layout that isn't a table: what follows from a relation and breaks a
//! rule there, since its terms are in different tables; and a change from an earlier moment that breaks one, since what is
//! safe in parts may cancel in their sum.
//!
//! # Does not guarantee
//! That a sum could be worked out at that moment: where some of its cells were withheld it is protected all the same. That
//! combinations of cells are looked at which are no node, such as the sum of two districts of three.
//!
//! # Example
//! A family by age has no total. Ten people grow from young to middle, and one person moves in: each age has a change of
//! ten people and more, and their sum one of a single person. So one of the ages isn't published.

use super::{Change, Joint, Moment, Net, Sealing, broken, cells_of, evidence};
use crate::candidate::Derived;
use crate::families::layout::{Layout, Table};
use crate::families::microdata::Entry;
use crate::primary::{self, Quantity};

/// What may not be worked out: of which figure, of which atoms, and how far from it an attacker must be kept.
pub(super) fn found(sealing: &Sealing<'_>, joint: &Joint<'_>) -> Vec<(Quantity, Vec<u32>, i128)> {
    let Sealing { layout, rules, before, .. } = sealing;
    let mut found = Vec::new();
    for node in &layout.nodes {
        let known = layout.known(node);
        let was_out = |moment: &Moment| {
            let columns = |table: &Table| table.kept.iter().map(|kept| kept.column.clone()).collect();
            layout.finer(node).any(|table| moment.sealed.table(&columns(table)).is_some())
        };
        let earlier = before.iter().zip(&joint.before).filter(|(moment, _)| was_out(moment));
        let earlier: Vec<&Vec<Vec<&Entry>>> = earlier.map(|(_, entries)| entries).collect();
        if earlier.is_empty() && node.implied.is_empty() {
            continue;
        }
        for (_, atoms) in cells_of(node, joint) {
            let evidence = evidence(layout, Joint::of(&joint.now, &atoms));
            let nets: Vec<Net> = earlier.iter().map(|then| Net::of(sealing, (&joint.now, then), &atoms)).collect();
            for quantity in &known {
                let derived = derived(layout, *quantity);
                let is_broken = derived.is_some() && !broken(layout, &evidence, *quantity, rules).is_empty();
                let changes = nets.iter().any(|net| matches!(net.change(*quantity), Change::Unsafe));
                if !is_broken && !changes {
                    continue;
                }
                let far = primary::protection(&evidence, *quantity, rules).max(1);
                let kept = match derived {
                    Some(derived) => by_term(derived, far, |_| false),
                    None => Some((*quantity, far)),
                };
                found.extend(kept.map(|(quantity, far)| (quantity, atoms.clone(), far)));
            }
        }
    }
    found
}

/// What is derived, if this is.
pub(super) fn derived(layout: &Layout, quantity: Quantity) -> Option<&Derived> {
    match quantity {
        Quantity::Sum(place) => layout.derived_at(place),
        _ => None,
    }
}

/// The last term that isn't known, and how far an attacker must be kept from it, so that what is derived is kept so far.
pub(super) fn by_term(derived: &Derived, far: i128, known: impl Fn(usize) -> bool) -> Option<(Quantity, i128)> {
    let (term, factor) = derived.terms.iter().rev().find(|(term, _)| !known(*term))?;
    let steps = i128::try_from(factor.unsigned_abs()).unwrap_or(i128::MAX).max(1);
    Some((Quantity::Sum(*term), far / steps + i128::from(far % steps != 0)))
}
