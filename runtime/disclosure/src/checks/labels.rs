//! Closed labels.
//!
//! **Claim**: every label that can be published is one that the contract declared before any data was read, and a
//! total can't be mistaken for a cell. **Limits**: the declared labels themselves are public parameters; whether they
//! were chosen with someone in mind is for reviewers. **Source**: attacks.md, row 11; Airavat (NSDI 2010) on keys as a
//! channel. **Example**: with labels `AA`, `UA`, the code 2 has no label: refuse. A label `*` looks like a total:
//! refuse.

use sluice_domain::contract::{Contract, ValueDomain};

use super::{Check, pass};
use crate::appetite::Appetite;
use crate::candidate::{Body, Candidate, Counted, Written};
use crate::finding::{CheckName, Finding, Verdict};
use crate::table::TOTAL;

/// The check.
pub struct Labels;

impl Check for Labels {
    fn name(&self) -> CheckName {
        CheckName::Labels
    }

    fn run(&self, candidate: &Candidate, _appetite: &Appetite) -> Vec<Finding> {
        let (closed, reserved) = match candidate.body() {
            Body::Counted(counted) => (counted_closed(counted), reserved_in(&counted.contract().dimensions)),
            Body::Written(written) => (written_closed(written), false),
        };
        let refuse = |topic, sentence: &str| vec![Finding::whole(self.name(), Verdict::Refuse, topic, sentence.into())];
        if !closed {
            return refuse("open", "A label isn't one of the contract's.");
        }
        if reserved {
            return refuse("reserved", "A declared label is the one that stands for a total.");
        }
        pass(self.name(), "Every label is one that the contract declared.")
    }
}

/// Whether a contract declares a label that this crate reserves for totals. A static fact: ask at admission, so that
/// no run is wasted on it.
#[must_use]
pub fn declares_reserved_label(contract: &Contract) -> bool {
    match contract {
        Contract::Tabulate(tabulation) => reserved_in(&tabulation.dimensions),
        Contract::Report(_) => false,
    }
}

fn reserved_in(dimensions: &[sluice_domain::contract::Dimension]) -> bool {
    dimensions.iter().any(|dimension| dimension.labels.iter().any(|label| label == TOTAL))
}

/// Of every cell that was counted, not of those that the table would list: a code without a label isn't listed.
fn counted_closed(counted: &Counted) -> bool {
    let dimensions = &counted.contract().dimensions;
    let declared = |index: &u32, code: &u32| {
        dimensions.get(*index as usize).is_some_and(|dimension| (*code as usize) < dimension.labels.len())
    };
    counted.planes().iter().all(|plane| {
        let fits = |codes: &Vec<u32>| {
            codes.len() == plane.kept.len() && plane.kept.iter().zip(codes).all(|(index, code)| declared(index, code))
        };
        plane.cells.keys().all(fits)
    })
}

fn written_closed(written: &Written) -> bool {
    let columns = &written.contract().columns;
    written.rows().iter().all(|row| {
        row.len() == columns.len()
            && row.iter().zip(columns).all(|(value, column)| match &column.domain {
                ValueDomain::Labels(labels) => usize::try_from(*value).is_ok_and(|value| value < labels.len()),
                ValueDomain::Number { lower, upper, .. } => (lower..=upper).contains(&value),
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::factory::{Table, floor, ids, report, reporting, worst};
    use sluice_domain::grade::Grade;

    #[test]
    fn a_label_that_looks_like_a_total_is_refused() {
        let appetite = floor(Grade::Open);
        let plain = Table::new(&[&["AA", "UA"]]).subjects(&[0], 12).candidate();
        assert_eq!(worst(&Labels.run(&plain, &appetite)), Verdict::Pass);
        let table = Table::new(&[&["AA", "*"]]);
        assert!(declares_reserved_label(&Contract::Tabulate(table.contract.clone())));
        let starred = table.subjects(&[0], 12).candidate();
        assert_eq!(ids(&Labels.run(&starred, &appetite)), ["labels:reserved"]);
        assert!(!declares_reserved_label(&Contract::Report(reporting())));
    }

    #[test]
    fn a_code_without_a_label_is_refused() {
        let appetite = floor(Grade::Open);
        let table = Table::new(&[&["AA", "UA"]]).subjects(&[0], 12).subjects(&[1], 12).margins(&[&[]]).candidate();
        assert_eq!(ids(&Labels.run(&table, &appetite)), ["labels:all"]);
        let cut = Labels.run(&table.with_domains_cut(1), &appetite);
        assert_eq!((ids(&cut), worst(&cut)), (vec!["labels:open".to_owned()], Verdict::Refuse));

        let written = |rows: Vec<Vec<i64>>| ids(&Labels.run(&report(rows, None).with_domains_cut(1), &appetite));
        assert_eq!(written(vec![vec![0, 0]]), ["labels:all"]);
        assert_eq!(written(vec![vec![1, 0]]), ["labels:open"]);
        assert_eq!(written(vec![vec![0, 5]]), ["labels:open"]);
        assert_eq!(written(vec![vec![0, 0], vec![0, 5]]), ["labels:open"]);
    }
}
