//! The table of a report: its rows, sorted, on their grids.

use sluice_domain::contract::ValueDomain;

use crate::candidate::Written;
use crate::table::{ColumnKind, ReleaseTable, TableColumn, Value};

pub(super) fn table(written: &Written) -> ReleaseTable {
    let contract = written.contract();
    let columns = contract.columns.iter().map(|column| {
        let kind = match &column.domain {
            ValueDomain::Labels(_) => ColumnKind::Label,
            ValueDomain::Number { unit, scale, .. } => ColumnKind::Integer { scale: *scale, unit: unit.clone() },
        };
        TableColumn { name: column.name.clone(), kind }
    });
    let rows = written.rows().iter().map(|row| {
        let pairs = row.iter().zip(&contract.columns);
        pairs.map(|(entry, column)| value(*entry, &column.domain)).collect()
    });
    let notes = vec![
        "A module wrote these values from all granted rows; two people read them before release.".to_owned(),
        "Numbers are on the grid that the contract declares, and rows are sorted.".to_owned(),
    ];
    ReleaseTable::new(columns.collect(), rows.collect(), notes)
}

fn value(entry: i64, domain: &ValueDomain) -> Value {
    match domain {
        ValueDomain::Number { .. } => Value::Integer(i128::from(entry)),
        ValueDomain::Labels(labels) => {
            let label = usize::try_from(entry).ok().and_then(|position| labels.get(position));
            label.map_or(Value::Suppressed, |label| Value::Label(label.clone()))
        }
    }
}
