//! What a seal writes down: a status and the published figures of each cell.
//!
//! # Guarantees
//! A figure that was out before and hasn't changed keeps its bytes, and so does one that is carried. Every other published
//! figure follows from the exact figures of published cells, from those that are kept, and from the base: under
//! controlled rounding as well as by itself ([`shown`]). So the audit of exact figures holds for all of them.
//!
//! # Does not guarantee
//! That figures add up under controlled rounding beside those that keep their bytes. A quantity that a table publishes
//! from now on has no earlier value: of a cell that is carried it isn't shown, and of one that is out only if no rule minds.

use std::collections::BTreeMap;

use sluice_domain::method::Method;

use super::{Cell, Sealing, Verdict, is_undeclared, labels};
use crate::families::layout::Layout;
use crate::families::sealed::{SealedCell, SealedTable, SealedTables, Status};
use crate::history::report::words;
use crate::primary::Quantity;
use crate::protect::pattern::{Figure, Protected};
use crate::protect::system::System;
use crate::publish::rounded;
use crate::publish::rounding::shown;

/// What is protected, and is to be written down.
pub(super) struct Written<'a> {
    pub(super) sealing: &'a Sealing<'a>,
    pub(super) system: &'a System,
    pub(super) cells: &'a [Cell],
    pub(super) verdicts: &'a [Verdict],
    /// Everything that any table publishes: the first of what was protected.
    pub(super) figures: Vec<(Quantity, Figure)>,
    pub(super) protected: Protected,
}

/// For each quantity the value of each cell that is published with its present values.
type Values = BTreeMap<Quantity, Vec<Option<i128>>>;

impl Written<'_> {
    pub(super) fn tables(&self) -> SealedTables {
        let Sealing { layout, microdata: _, rules, as_of_ms, before: _, held: _ } = *self.sealing;
        let together = (layout.method == Method::ControlledRounding).then(|| self.rounded_together()).flatten();
        // What can't be rounded together is rounded by itself, and the tables say so.
        let (method, values) = match together {
            Some(values) => (Method::ControlledRounding, values),
            None => (Method::Suppress, self.rounded_each()),
        };
        let mut tables: Vec<SealedTable> = layout
            .tables
            .iter()
            .map(|table| SealedTable {
                columns: table.kept.iter().map(|kept| kept.column.clone()).collect(),
                quantities: table.quantities.iter().map(|quantity| name(layout, *quantity)).collect(),
                cells: BTreeMap::new(),
            })
            .collect();
        for (place, cell) in self.cells.iter().enumerate() {
            let Some(labels) = labels(layout, cell) else { continue };
            let sealed = self.cell(place, cell, &values);
            if let (Some(sealed), Some(slot)) = (sealed, tables.get_mut(cell.table)) {
                slot.cells.insert(labels, sealed);
            }
        }
        SealedTables::new(rules, method, as_of_ms, self.system.atoms() as u64, tables)
    }

    fn cell(&self, place: usize, cell: &Cell, values: &Values) -> Option<SealedCell> {
        let now = self.sealing.as_of_ms;
        let of = |status: Status| SealedCell { status, values: Vec::new(), as_of_ms: now, intervals: Vec::new() };
        let table = self.sealing.layout.tables.get(cell.table)?;
        let mut sealed = match self.verdicts.get(place)? {
            Verdict::Carried(before) => SealedCell {
                status: Status::Carried,
                values: before.values.iter().map(|value| value.clone().unwrap_or_default()).collect(),
                as_of_ms: before.as_of_ms,
                intervals: Vec::new(),
            },
            Verdict::Primary(rules) => of(Status::Primary(rules.iter().map(|rule| words(*rule)).collect())),
            Verdict::WithheldBefore => of(Status::WithheldBefore),
            Verdict::Out(..) | Verdict::Free if self.is_published(place) => of(Status::Published),
            Verdict::Out(..) | Verdict::Free => of(Status::Secondary),
        };
        if sealed.status == Status::Published {
            let value = |quantity: &Quantity| values.get(quantity)?.get(place).copied().flatten();
            let texts = table.quantities.iter().map(|quantity| value(quantity).map(|value| value.to_string()));
            sealed.values = texts.map(Option::unwrap_or_default).collect();
        }
        if !sealed.is_published() {
            let interval = |quantity: &Quantity| {
                let figure = self.figures.iter().position(|(other, _)| other == quantity)?;
                let (lower, upper) = self.protected.interval(figure, place)?;
                Some((lower.to_string(), upper.to_string()))
            };
            sealed.intervals = table.quantities.iter().filter_map(interval).collect();
        }
        Some(sealed)
    }

    fn is_published(&self, place: usize) -> bool {
        self.protected.published.get(place).copied().unwrap_or(false)
    }

    /// What is shown of each cell with its present values, before rounding, and what of it keeps its bytes.
    fn shown(&self, quantity: Quantity, truth: &[i128]) -> Vec<Option<shown::Figure>> {
        let figure = self.figures.iter().position(|(other, _)| *other == quantity);
        let shows = |place: usize| figure.is_some_and(|figure| self.protected.shows(figure, place));
        let of = |(place, (cell, verdict)): (usize, (&Cell, &Verdict))| {
            let table = self.sealing.layout.tables.get(cell.table)?;
            let column = table.quantities.iter().position(|other| *other == quantity)?;
            let kept = match verdict {
                Verdict::Out(earlier, _) => earlier.values.get(column)?.as_ref().and_then(|value| value.parse().ok()),
                Verdict::Free => None,
                Verdict::Primary(_) | Verdict::Carried(_) | Verdict::WithheldBefore => return None,
            };
            let exact = self.system.value(place, truth)?;
            (shows(place) && !is_undeclared(cell)).then_some(shown::Figure { exact, kept })
        };
        self.cells.iter().zip(self.verdicts).enumerate().map(of).collect()
    }

    fn rounded_together(&self) -> Option<Values> {
        let base = self.sealing.rules.rounding_base;
        let of = |(quantity, figure): &(Quantity, Figure)| {
            let shown = self.shown(*quantity, &figure.truth);
            shown::of_shown(self.system, &shown, base).map(|values| (*quantity, values))
        };
        self.figures.iter().map(of).collect()
    }

    fn rounded_each(&self) -> Values {
        let base = self.sealing.rules.rounding_base;
        let value = |figure: shown::Figure| figure.kept.unwrap_or_else(|| rounded(figure.exact, base));
        let of = |(quantity, figure): &(Quantity, Figure)| {
            let shown = self.shown(*quantity, &figure.truth);
            (*quantity, shown.into_iter().map(|figure| figure.map(value)).collect())
        };
        self.figures.iter().map(of).collect()
    }
}

/// What a sealed table calls a quantity.
pub(in super::super) fn name(layout: &Layout, quantity: Quantity) -> String {
    match quantity {
        Quantity::Subjects => "subjects".to_owned(),
        Quantity::Records => "records".to_owned(),
        Quantity::Sum(measure) => {
            layout.measures.get(measure).map(|(measure, _)| measure.column.clone()).unwrap_or_default()
        }
    }
}
