//! Sealing: which cells of a dataset's families are published of one snapshot.
//!
//! Every cell undergoes the primary rules on its true contributors, for each quantity that its table publishes, and
//! so do the distances to the declared bounds. Cells that break one are withheld, with as many others as it takes that
//! none can be worked out from everything that is published, before or now ([`crate::protect`]).
//!
//! What was published before binds. A figure that hasn't changed stays as it is. One whose *change* from any earlier
//! moment breaks a rule is published with its last value and date, and counts as withheld now. One that was withheld
//! stays withheld until it has changed by more than a rule minds.
//!
//! What people have released beforehand is no part of the system. The caller compares what would be published with it,
//! and names the cells that may not be ([`Sealing::held`]); they are withheld like any that breaks a rule.
//!
//! Sums of cells that no table has are looked at as well: no published figures may add up to what follows from a relation
//! there and breaks a rule, nor to a figure whose change from an earlier moment breaks one.
//!
//! # Guarantees
//! One status for all quantities of a cell, so that none gives another away; but a cell that is out stays out with what it
//! showed, and doesn't show what a family adds later if that breaks a rule. Records whose code isn't declared form
//! cells that nobody publishes and that are protected like any other, since a total less its parts shows them.
//! The result depends on the data, the rules and the families, and on nothing else.
//!
//! # Does not guarantee
//! That nobody learns that a cell is empty: a row whose total is the sum of its other cells tells. The agency that
//! minds declares coarser codes.
//!
//! Source: disclosure.md, the rule that shapes the product, and section 3 on what binds.

mod added;
mod shadows;
pub(super) mod tables;

use std::collections::{BTreeMap, BTreeSet};

use added::Hidden;

use super::layout::{Layout, NO_CODE, Table};
use super::microdata::{Entry, Microdata};
use super::sealed::{SealedCell, SealedTables, Status};
use crate::appetite::Rules;
use crate::evidence::{Collector, Evidence, Unit};
use crate::primary::{self, Quantity, Rule};
use crate::protect::pattern::{self, Figure, Problem};
use crate::protect::system::System;

/// Atoms that can be protected together, at most.
pub const ATOMS_MAX: usize = 1_000_000;

/// What a seal is made of.
#[derive(Clone, Copy)]
pub struct Sealing<'a> {
    /// The tables.
    pub layout: &'a Layout,
    /// What was counted.
    pub microdata: &'a Microdata,
    /// When the snapshot was sealed, in milliseconds since 1970.
    pub as_of_ms: i64,
    /// The rules.
    pub rules: &'a Rules,
    /// What was published before, oldest first: every seal of the dataset.
    pub before: &'a [Moment],
    /// Cells, by table and codes, that would give somebody away together with what is out of the subject domain beside
    /// those seals.
    pub held: &'a BTreeSet<(usize, Vec<u32>)>,
}

/// An earlier seal.
pub struct Moment {
    /// The tables.
    pub sealed: SealedTables,
    /// What was counted of that snapshot, in the present layout.
    pub microdata: Microdata,
}

/// Why families can't be sealed, for the agency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsealable {
    /// There are too many atoms.
    #[error("{0} combinations of codes occur, and at most {ATOMS_MAX} can be protected together: take coarser levels")]
    Atoms(usize),
    /// Some cells can't be protected, whatever is withheld.
    #[error("{0} cells can't be protected beside what is published already: take coarser levels or fewer tables")]
    Unprotected(usize),
    /// What is out already can't be taken into account.
    #[error(
        "what was released already and these tables are too alike to be kept apart: take coarser levels or fewer tables"
    )]
    History,
    /// A figure is too large to add up.
    #[error("a figure is beyond what is counted exactly")]
    Range,
}

/// A cell that occurs.
struct Cell {
    table: usize,
    codes: Vec<u32>,
    atoms: Vec<u32>,
    evidence: Evidence,
}

/// What is known of a cell before the others are looked at.
enum Verdict {
    /// Rules that it breaks.
    Primary(Vec<Rule>),
    /// It hasn't changed, and is out; with what it doesn't show.
    Out(Earlier, Hidden),
    /// It has changed too little.
    Carried(Earlier),
    /// It was withheld.
    WithheldBefore,
    /// Nothing is against it.
    Free,
}

/// What was published of a cell.
struct Earlier {
    as_of_ms: i64,
    /// One for each quantity that its table publishes now; none of one that it didn't publish then.
    values: Vec<Option<String>>,
}

impl Earlier {
    /// What of the table's quantities was published.
    fn shown(&self, table: &Table) -> BTreeSet<Quantity> {
        let values = table.quantities.iter().zip(&self.values);
        values.filter(|(_, value)| value.is_some()).map(|(quantity, _)| *quantity).collect()
    }
}

/// Seals the families of one snapshot.
///
/// # Errors
/// What can't be protected, in words for the agency.
pub fn seal(sealing: &Sealing<'_>) -> Result<SealedTables, Unsealable> {
    let Sealing { layout, microdata, .. } = sealing;
    if microdata.atoms.len() > ATOMS_MAX {
        return Err(Unsealable::Atoms(microdata.atoms.len()));
    }
    let joint = Joint::new(microdata, sealing.before);
    let cells = cells(layout, &joint);
    let verdicts: Vec<Verdict> = cells.iter().map(|cell| verdict(sealing, &joint, cell)).collect();
    let system = System::of_sums(joint.atoms.len(), cells.iter().map(|cell| cell.atoms.clone()).collect());
    let system = system.map_err(|_| Unsealable::Range)?;
    // What follows from others comes after all that is published.
    let quantities: BTreeSet<Quantity> = layout.tables.iter().flat_map(|table| layout.known(table)).collect();
    let quantities: Vec<Quantity> = quantities.into_iter().collect();
    let figures: Vec<Figure> =
        quantities.iter().map(|quantity| figure(sealing, &joint, (&cells, &verdicts), *quantity)).collect();
    let which = |wanted: fn(&Verdict) -> bool| -> Vec<usize> {
        verdicts.iter().enumerate().filter(|(_, verdict)| wanted(verdict)).map(|(cell, _)| cell).collect()
    };
    let primary =
        which(|verdict| matches!(verdict, Verdict::Primary(_) | Verdict::Carried(_) | Verdict::WithheldBefore));
    let released = which(|verdict| matches!(verdict, Verdict::Out(..)));
    let apart = added::apart(sealing, &joint, (&cells, &verdicts), &quantities);
    let problem = Problem {
        system: &system,
        primary: &primary,
        released: &released,
        order: &order(layout, &joint, &cells, |cell| matches!(verdicts.get(cell), Some(Verdict::Free))),
        costs: &cells.iter().map(|cell| cost(layout, cell)).collect::<Vec<u64>>(),
        figures: &figures,
        holders: &holders(&joint),
        apart: &apart,
    };
    let protected =
        pattern::protect(&problem).map_err(|unprotected| Unsealable::Unprotected(unprotected.cells.len()))?;
    let is_published = |quantity: &Quantity| layout.tables.iter().any(|table| table.quantities.contains(quantity));
    let figures = quantities.into_iter().zip(figures).filter(|(quantity, _)| is_published(quantity)).collect();
    Ok(tables::Written { sealing, system: &system, cells: &cells, verdicts: &verdicts, figures, protected }.tables())
}

/// The atoms of all moments, and the entries of each by atom.
struct Joint<'a> {
    atoms: Vec<Vec<u32>>,
    now: Vec<Vec<&'a Entry>>,
    before: Vec<Vec<Vec<&'a Entry>>>,
}

impl<'a> Joint<'a> {
    fn new(now: &'a Microdata, before: &'a [Moment]) -> Joint<'a> {
        let mut places: BTreeMap<&Vec<u32>, usize> = BTreeMap::new();
        for atom in now.atoms.iter().chain(before.iter().flat_map(|moment| &moment.microdata.atoms)) {
            places.entry(atom).or_default();
        }
        for (place, slot) in places.values_mut().enumerate() {
            *slot = place;
        }
        let by_atom = |microdata: &'a Microdata| {
            let mut of: Vec<Vec<&Entry>> = vec![Vec::new(); places.len()];
            for entry in &microdata.entries {
                let place = microdata.atoms.get(entry.atom as usize).and_then(|codes| places.get(codes));
                if let Some(slot) = place.and_then(|place| of.get_mut(*place)) {
                    slot.push(entry);
                }
            }
            of
        };
        Joint {
            now: by_atom(now),
            before: before.iter().map(|moment| by_atom(&moment.microdata)).collect(),
            atoms: places.into_keys().cloned().collect(),
        }
    }

    fn of<'b>(of: &'b [Vec<&'a Entry>], atoms: &'b [u32]) -> impl Iterator<Item = &'a Entry> + 'b {
        atoms.iter().filter_map(|atom| of.get(*atom as usize)).flatten().copied()
    }
}

/// The cells of a table that occur, with their atoms.
fn cells_of(table: &Table, joint: &Joint<'_>) -> BTreeMap<Vec<u32>, Vec<u32>> {
    let mut cells: BTreeMap<Vec<u32>, Vec<u32>> = BTreeMap::new();
    for (place, atom) in (0_u32..).zip(&joint.atoms) {
        cells.entry(table.codes_of(atom).collect()).or_default().push(place);
    }
    cells
}

fn cells(layout: &Layout, joint: &Joint<'_>) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (table, content) in layout.tables.iter().enumerate() {
        cells.extend(cells_of(content, joint).into_iter().map(|(codes, atoms)| {
            let evidence = evidence(layout, Joint::of(&joint.now, &atoms));
            Cell { table, codes, atoms, evidence }
        }));
    }
    cells
}

/// Whether a cell holds records whose code isn't declared: then it is never published.
fn is_undeclared(cell: &Cell) -> bool {
    cell.codes.contains(&NO_CODE)
}

/// What stands behind a cell: its measures, what is derived from them, and behind that the distances to both bounds of
/// whatever has some.
fn evidence<'a>(layout: &Layout, entries: impl Iterator<Item = &'a Entry>) -> Evidence {
    let bounded: Vec<(usize, (i128, i128))> = layout.bounded().collect();
    let mut collector = Collector::new(layout.derived.len() + layout.measures.len() + 2 * bounded.len());
    for entry in entries {
        let mut values = entry.values.clone();
        for (place, (lower, upper)) in &bounded {
            let value = entry.value(*place);
            values.push(upper.saturating_mul(entry.records).saturating_sub(value));
            values.push(value.saturating_sub(lower.saturating_mul(entry.records)));
        }
        let Entry { subject, group, records, .. } = *entry;
        collector.add(Unit { subject, group, records, values: &values });
    }
    collector.finish()
}

fn broken(layout: &Layout, evidence: &Evidence, quantity: Quantity, rules: &Rules) -> Vec<Rule> {
    let derived = shadows::derived(layout, quantity);
    if derived.is_some_and(|derived| derived.residual) && primary::is_nobodys(evidence, quantity) {
        return Vec::new();
    }
    let mut found = primary::broken(evidence, quantity, None, rules);
    let Quantity::Sum(place) = quantity else { return found };
    let first = layout.measures.len() + layout.derived.len();
    let rank = layout.bounded().position(|(bounded, _)| bounded == place);
    for distance in rank.into_iter().flat_map(|rank| [first + 2 * rank, first + 2 * rank + 1]) {
        if !primary::broken(evidence, Quantity::Sum(distance), None, rules).is_empty() {
            found.push(Rule::Complement);
        }
    }
    // Who reads the finding sees the table's own figures, and not what is derived.
    if derived.is_some() && !found.is_empty() { vec![Rule::Relation] } else { found }
}

fn verdict(sealing: &Sealing<'_>, joint: &Joint<'_>, cell: &Cell) -> Verdict {
    let Sealing { layout, rules, .. } = sealing;
    let Some(table) = layout.tables.get(cell.table) else { return Verdict::Primary(Vec::new()) };
    let known = layout.known(table);
    let breaks = |quantity: &Quantity| broken(layout, &cell.evidence, *quantity, rules);
    let mut found: Vec<Rule> = known.iter().flat_map(breaks).collect();
    let held = sealing.held.contains(&(cell.table, cell.codes.clone()));
    if held {
        found.push(Rule::History);
    }
    found.sort_unstable();
    found.dedup();
    let earlier: Vec<(Then<'_>, Change)> = sealing
        .before
        .iter()
        .zip(&joint.before)
        .filter_map(|(moment, entries)| {
            let then = Then::of(layout, &moment.sealed, cell)?;
            let mut change = change(sealing, (&joint.now, entries), &cell.atoms, &known);
            if matches!(change, Change::Safe) && !added::is_safe_beside(sealing, (joint, entries), cell, &then) {
                change = Change::Unsafe;
            }
            Some((then, change))
        })
        .collect();
    let bound = |(then, change): &(Then<'_>, Change)| match change {
        Change::Safe => false,
        Change::Unsafe => true,
        Change::None => !then.cell.is_published(),
    };
    let last_shown = earlier.iter().rev().find(|(then, _)| then.cell.is_published());
    match (earlier.last(), last_shown) {
        (Some((then, Change::None)), _) if then.cell.status == Status::Published => {
            let earlier = then.earlier(layout, cell);
            let hidden = Hidden::of(sealing, (cell, table), (then, &earlier), held);
            Verdict::Out(earlier, hidden)
        }
        (_, Some((shown, _))) if !found.is_empty() || earlier.iter().any(bound) => {
            Verdict::Carried(shown.earlier(layout, cell))
        }
        _ if !found.is_empty() => Verdict::Primary(found),
        _ if earlier.iter().any(bound) => Verdict::WithheldBefore,
        _ => Verdict::Free,
    }
}

/// A cell as it was sealed at an earlier moment.
struct Then<'a> {
    cell: &'a SealedCell,
    /// What its table published then.
    quantities: &'a [String],
}

impl<'a> Then<'a> {
    fn of(layout: &Layout, sealed: &'a SealedTables, cell: &Cell) -> Option<Then<'a>> {
        let table = layout.tables.get(cell.table)?;
        let table = sealed.table(&table.kept.iter().map(|kept| kept.column.clone()).collect())?;
        Some(Then { cell: table.cells.get(&labels(layout, cell)?)?, quantities: &table.quantities })
    }

    /// Its values by what the table publishes now, which may be more, and in another order.
    fn earlier(&self, layout: &Layout, cell: &Cell) -> Earlier {
        let value = |quantity: &Quantity| {
            let name = tables::name(layout, *quantity);
            let place = self.quantities.iter().position(|known| *known == name)?;
            self.cell.values.get(place).filter(|value| !value.is_empty()).cloned()
        };
        let now = layout.tables.get(cell.table).into_iter().flat_map(|table| &table.quantities);
        Earlier { as_of_ms: self.cell.as_of_ms, values: now.map(value).collect() }
    }
}

/// The labels of a cell; none where a code isn't declared.
fn labels(layout: &Layout, cell: &Cell) -> Option<Vec<String>> {
    let kept = &layout.tables.get(cell.table)?.kept;
    kept.iter().zip(&cell.codes).map(|(kept, code)| kept.codes.get(*code as usize).cloned()).collect()
}

/// How a cell differs from what it was.
enum Change {
    None,
    Unsafe,
    Safe,
}

/// The difference of two moments is a figure that anybody can work out: it undergoes every rule.
fn change(
    sealing: &Sealing<'_>,
    moments: (&[Vec<&Entry>], &[Vec<&Entry>]),
    atoms: &[u32],
    quantities: &BTreeSet<Quantity>,
) -> Change {
    let net = Net::of(sealing, moments, atoms);
    let mut any = false;
    for quantity in quantities {
        match net.change(*quantity) {
            Change::Unsafe => return Change::Unsafe,
            Change::Safe => any = true,
            Change::None => {}
        }
    }
    if any { Change::Safe } else { Change::None }
}

/// The difference of two moments over some atoms, by subject.
struct Net {
    /// Each subject's group; then by how much itself, its records and its values have changed.
    of: BTreeMap<u32, (u64, Vec<i128>)>,
    rules: Rules,
}

impl Net {
    fn of(sealing: &Sealing<'_>, (now, then): (&[Vec<&Entry>], &[Vec<&Entry>]), atoms: &[u32]) -> Net {
        let mut net: BTreeMap<u32, (u64, Vec<i128>)> = BTreeMap::new();
        let signed = Joint::of(now, atoms).map(|entry| (entry, 1_i128));
        for (entry, sign) in signed.chain(Joint::of(then, atoms).map(|entry| (entry, -1))) {
            let (_, held) = net.entry(entry.subject).or_insert_with(|| (entry.group, vec![0; entry.values.len() + 2]));
            let parts = [1_i128, entry.records];
            for (slot, value) in held.iter_mut().zip(parts.iter().chain(&entry.values)) {
                *slot += sign * value;
            }
        }
        Net { of: net, rules: Rules { threshold: sealing.rules.difference.max(1), ..sealing.rules.clone() } }
    }

    fn change(&self, quantity: Quantity) -> Change {
        let (place, judged) = match quantity {
            Quantity::Subjects => (0, quantity),
            Quantity::Records => (1, quantity),
            Quantity::Sum(measure) => (measure + 2, Quantity::Sum(0)),
        };
        let mut collector = Collector::new(1);
        let mut changed = false;
        for (subject, (group, values)) in &self.of {
            let Some(value) = values.get(place).filter(|value| **value != 0) else { continue };
            changed = true;
            collector.add(Unit { subject: *subject, group: *group, records: *value, values: &[*value] });
        }
        if !changed {
            return Change::None;
        }
        let broken = primary::broken(&collector.finish(), judged, None, &self.rules);
        if broken.is_empty() { Change::Safe } else { Change::Unsafe }
    }
}

/// The truth of one quantity, what is known of it beforehand, and how far an attacker must be kept from each cell.
fn figure(
    sealing: &Sealing<'_>,
    joint: &Joint<'_>,
    (cells, verdicts): (&[Cell], &[Verdict]),
    quantity: Quantity,
) -> Figure {
    let Sealing { layout, rules, .. } = sealing;
    let sums = |of: Quantity| -> Vec<i128> {
        joint.now.iter().map(|entries| entries.iter().map(|entry| part(entry, of)).sum()).collect()
    };
    let truth = sums(quantity);
    let bounds = match quantity {
        // That an atom occurs is taken for known, and that it holds no more than all.
        Quantity::Subjects | Quantity::Records => {
            let most: i128 = truth.iter().sum();
            truth.iter().map(|value| (i128::from(*value > 0), most)).collect()
        }
        Quantity::Sum(place) => {
            let (lower, upper) = layout.bounds_at(place);
            // Values that were held within bounds may not hold to a relation: what is true is always possible.
            let of = |(records, truth): (&i128, &i128)| {
                (lower.saturating_mul(*records).min(*truth), upper.saturating_mul(*records).max(*truth))
            };
            sums(Quantity::Records).iter().zip(&truth).map(of).collect()
        }
    };
    let protection = cells
        .iter()
        .zip(verdicts)
        .map(|(cell, verdict)| match verdict {
            // It was withheld for the sake of others, which have intervals of their own.
            Verdict::WithheldBefore => 0,
            _ => primary::protection(&cell.evidence, quantity, rules),
        })
        .collect();
    Figure { truth, bounds, protection }
}

/// The cells in the order in which they are wanted: coarse and large ones first. Those of undeclared codes come last:
/// nobody publishes them, and whoever works them out may.
fn order(layout: &Layout, joint: &Joint<'_>, cells: &[Cell], of: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut free: Vec<usize> = (0..cells.len()).filter(|cell| of(*cell)).collect();
    free.sort_by_cached_key(|place| {
        let Some(cell) = cells.get(*place) else { return (true, 0, std::cmp::Reverse(0), *place) };
        let records: i128 = Joint::of(&joint.now, &cell.atoms).map(|entry| entry.records).sum();
        (is_undeclared(cell), u64::MAX - cost(layout, cell), std::cmp::Reverse(records), *place)
    });
    free
}

/// What it costs to withhold a cell: the fewer columns its table keeps, and the dearer they are, the more.
fn cost(layout: &Layout, cell: &Cell) -> u64 {
    let Some(table) = layout.tables.get(cell.table) else { return 1 };
    let dearness: u64 = table.kept.iter().map(|kept| u64::from(kept.cost)).sum();
    let coarse = 1_u64 << (4_u64.saturating_sub(table.kept.len() as u64) * 4);
    coarse.saturating_mul(dearness.saturating_add(1))
}

/// The group that is alone in an atom.
fn holders(joint: &Joint<'_>) -> Vec<Option<u64>> {
    let alone = |entries: &Vec<&Entry>| {
        let first = entries.first()?.group;
        entries.iter().all(|entry| entry.group == first).then_some(first)
    };
    joint.now.iter().map(alone).collect()
}

pub(super) fn part(entry: &Entry, quantity: Quantity) -> i128 {
    match quantity {
        Quantity::Subjects => 1,
        Quantity::Records => entry.records,
        Quantity::Sum(measure) => entry.value(measure),
    }
}
