//! Tables as a grant shows them.

use sluice_domain::dataset::SubjectKey;
use sluice_domain::dictionary::Column;
use sluice_engine::ask::TableSpec;

/// A table whose columns are all granted, without data.
pub fn table(name: &str, columns: Vec<Column>, subject: Option<(&str, &str)>) -> TableSpec {
    TableSpec {
        name: name.to_owned(),
        granted: columns.iter().map(|column| column.name.clone()).collect(),
        columns,
        row_filter: None,
        subject: subject.map(|(column, domain)| SubjectKey { column: column.to_owned(), domain: domain.to_owned() }),
        unique: Vec::new(),
        snapshot: None,
    }
}
