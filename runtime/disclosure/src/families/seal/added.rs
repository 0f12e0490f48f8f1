//! What families add to cells that are out: figures that weren't published with them.
//!
//! # Guarantees
//! What was published of a cell stays, as long as the cell hasn't changed. What is added undergoes every rule, and so does
//! what follows from it and from what was published by a relation; where one is broken, nothing that is added is shown,
//! and it can't be worked out from other cells: these may lack what is added to them as well.
//!
//! # Does not guarantee
//! That what is added is shown once the rule doesn't mind: it isn't as long as the cell doesn't change.
//!
//! # Example
//! Revenue by place is out. A second family adds cost by place, of which one firm has 98 % in one place: there revenue goes
//! on being shown, and cost isn't.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cell, Earlier, Joint, Sealing, Then, Verdict, broken, order, shadows, tables};
use crate::evidence::{Collector, Unit};
use crate::families::layout::{Layout, Table};
use crate::families::microdata::Entry;
use crate::primary::{self, Quantity};
use crate::protect::pattern::{Apart, Combination};

/// What a cell that is out doesn't show.
#[derive(Default)]
pub(super) struct Hidden {
    /// Of what its table publishes elsewhere.
    quantities: BTreeSet<Quantity>,
    /// What it may show from now on, and wasn't published of it.
    added: BTreeSet<Quantity>,
    /// What may not be worked out, and how far from it an attacker must be kept.
    apart: BTreeMap<Quantity, i128>,
}

impl Hidden {
    /// Of a cell that hasn't changed since it was published, and that may be held for what people released.
    pub(super) fn of(
        sealing: &Sealing<'_>,
        (cell, table): (&Cell, &Table),
        (then, earlier): (&Then<'_>, &Earlier),
        held: bool,
    ) -> Hidden {
        let Sealing { layout, rules, .. } = sealing;
        let shown = earlier.shown(table);
        let known = layout.known(table);
        let breaks = |quantity: &Quantity| !broken(layout, &cell.evidence, *quantity, rules).is_empty();
        let added = known.iter().copied().filter(|quantity| is_added(layout, &shown, *quantity));
        let broken: Vec<Quantity> = added.filter(breaks).collect();
        let every = held || !broken.is_empty();
        let stays = |quantity: &Quantity| every || then.quantities.contains(&tables::name(layout, *quantity));
        let own = table.quantities.iter().copied().filter(|quantity| !shown.contains(quantity));
        let (quantities, added): (BTreeSet<Quantity>, BTreeSet<Quantity>) = own.partition(stays);
        let far = |quantity: Quantity| primary::protection(&cell.evidence, quantity, rules).max(1);
        // What was withheld for the sake of others has no interval of its own.
        let own = |quantity: &Quantity| (*quantity, if every { far(*quantity) } else { 0 });
        let mut apart: BTreeMap<Quantity, i128> = quantities.iter().map(own).collect();
        for quantity in broken {
            let derived = shadows::derived(layout, quantity);
            let known = |term: usize| shown.contains(&Quantity::Sum(term));
            if let Some((term, far)) = derived.and_then(|derived| shadows::by_term(derived, far(quantity), known)) {
                let slot = apart.entry(term).or_default();
                *slot = far.max(*slot);
            }
        }
        Hidden { quantities, added, apart }
    }
}

/// Whether a quantity, or what is derived, wasn't known as long as no more than this was shown.
fn is_added(layout: &Layout, shown: &BTreeSet<Quantity>, quantity: Quantity) -> bool {
    match shadows::derived(layout, quantity) {
        Some(derived) => !derived.terms.iter().all(|(term, _)| shown.contains(&Quantity::Sum(*term))),
        None => !shown.contains(&quantity),
    }
}

/// Whether what a cell shows from now on gives nothing away beside what it showed at an earlier moment: where a relation is
/// between figures of which some were published then, and others weren't.
pub(super) fn is_safe_beside(
    sealing: &Sealing<'_>,
    (joint, then): (&Joint<'_>, &[Vec<&Entry>]),
    cell: &Cell,
    earlier: &Then<'_>,
) -> bool {
    let Sealing { layout, rules, .. } = sealing;
    let Some(table) = layout.tables.get(cell.table).filter(|_| earlier.cell.is_published()) else { return true };
    let shown = earlier.earlier(layout, cell).shown(table);
    let was = |term: usize| shown.contains(&Quantity::Sum(term));
    table.implied.iter().filter_map(|place| layout.derived.get(*place)).all(|derived| {
        let old = derived.terms.iter().filter(|(term, _)| was(*term)).count();
        if old == 0 || old == derived.terms.len() {
            return true;
        }
        let mut collector = Collector::new(1);
        for (entries, is_old) in [(joint.now.as_slice(), false), (then, true)] {
            for entry in Joint::of(entries, &cell.atoms) {
                let part = |(term, factor): &(usize, i128)| {
                    if was(*term) == is_old { factor.saturating_mul(entry.value(*term)) } else { 0 }
                };
                let value = derived.terms.iter().map(part).fold(0, i128::saturating_add);
                let Entry { subject, group, records, .. } = *entry;
                collector.add(Unit { subject, group, records, values: &[value] });
            }
        }
        let evidence = collector.finish();
        let nobodys = derived.residual && primary::is_nobodys(&evidence, Quantity::Sum(0));
        nobodys || primary::broken(&evidence, Quantity::Sum(0), None, rules).is_empty()
    })
}

/// What is kept apart of single figures: in cells that are out and don't show them, and in sums of cells that no table has.
pub(super) fn apart(
    sealing: &Sealing<'_>,
    joint: &Joint<'_>,
    (cells, verdicts): (&[Cell], &[Verdict]),
    quantities: &[Quantity],
) -> Vec<Apart> {
    let mut of: BTreeMap<Quantity, Vec<Combination>> = BTreeMap::new();
    for (cell, verdict) in cells.iter().zip(verdicts) {
        let Verdict::Out(_, hidden) = verdict else { continue };
        hidden.added.iter().for_each(|quantity| {
            of.entry(*quantity).or_default();
        });
        for (quantity, far) in &hidden.apart {
            of.entry(*quantity).or_default().push(Combination::of_sum(&cell.atoms, *far));
        }
    }
    for (quantity, atoms, far) in shadows::found(sealing, joint) {
        of.entry(quantity).or_default().push(Combination::of_sum(&atoms, far));
    }
    let publishes = |cell: &Cell, quantity: &Quantity| {
        sealing.layout.tables.get(cell.table).is_some_and(|table| table.quantities.contains(quantity))
    };
    let apart = of.into_iter().filter_map(|(quantity, combinations)| {
        let figure = quantities.iter().position(|known| *known == quantity)?;
        let of = |which: fn(&Hidden) -> &BTreeSet<Quantity>| -> Vec<bool> {
            let is = |verdict: &Verdict| matches!(verdict, Verdict::Out(_, own) if which(own).contains(&quantity));
            verdicts.iter().map(is).collect()
        };
        let (added, hidden) = (of(|hidden| &hidden.added), of(|hidden| &hidden.quantities));
        let own = cells.iter().zip(&hidden);
        let shown: Vec<bool> = own.map(|(cell, hidden)| publishes(cell, &quantity) && !hidden).collect();
        let may_go = |cell: usize| matches!(verdicts.get(cell), Some(Verdict::Free)) || added.get(cell) == Some(&true);
        let order = order(sealing.layout, joint, cells, |cell| shown.get(cell) == Some(&true) && may_go(cell));
        Some(Apart { figure, shown, added, hidden, order, combinations })
    });
    apart.collect()
}
