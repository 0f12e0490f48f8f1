//! Sealed snapshots of the example data, and of files that a test makes.

use std::path::{Path, PathBuf};

use sluice_domain::dataset::{Dataset, DatasetState, SubjectKey};
use sluice_domain::dictionary::{Bounds, Column, ColumnKind, Dictionary};
use sluice_domain::grade::Grade;
use sluice_domain::limits::Limits;
use sluice_domain::refusal::Refusal;
use sluice_engine::ask::{Draft, Format, Ingest, TableSpec};

/// The repository's folder: tests start in the folder of their package. The compiler's word for it would be another
/// checkout's folder, when two of them share a target folder.
pub fn root() -> PathBuf {
    std::path::absolute("../..").expect("there is a current folder")
}

/// The examples' folder.
pub fn examples() -> PathBuf {
    root().join("examples")
}

fn dataset(name: &str, columns: Vec<Column>, subject: &str, domain: &str) -> Dataset {
    Dataset {
        name: name.to_owned(),
        title: name.to_owned(),
        agency: "agency".to_owned(),
        item_code: name.to_owned(),
        subject: Some(SubjectKey { column: subject.to_owned(), domain: domain.to_owned() }),
        unique: Vec::new(),
        group: None,
        grade: Grade::Open,
        n_public: 5_000,
        dictionary: Dictionary::of(columns),
        state: DatasetState::Registered,
        registered_at_ms: 0,
        lapses_at_ms: i64::MAX,
    }
}

/// Seals one of the example files under a drafted dictionary and gives the whole table.
pub async fn seal(home: &Path, name: &str) -> TableSpec {
    let file = examples().join(format!("data/{name}.parquet"));
    let ask = Draft { file: file.clone(), format: Format::Parquet, subject: Some("tailnum".to_owned()), threshold: 1 };
    let limits = Limits::default();
    let drafted = sluice_engine::draft::draft(&ask, &limits).await.unwrap();
    let mut dataset = dataset(name, drafted.dictionary.columns, "tailnum", "aircraft");
    if name == "planes" {
        dataset.unique = vec!["tailnum".to_owned()];
    }
    let folder = home.join(name);
    let ingest = Ingest {
        file,
        format: Format::Parquet,
        dataset: Box::new(dataset.clone()),
        folder: folder.clone(),
        domains: home.join("domains"),
    };
    sluice_engine::ingest::ingest(&ingest, &limits).await.unwrap();
    TableSpec::whole(&dataset, Some(folder))
}

/// The flights.
pub async fn flights(home: &Path) -> TableSpec {
    seal(home, "flights").await
}

/// Seals a CSV file with the columns id, kind (`a` or `b`) and value (0 to 20).
pub async fn seal_csv(home: &Path, file: &Path, folder: &str) -> TableSpec {
    let columns = vec![
        Column::new("id", ColumnKind::Utf8),
        Column { codes: vec!["a".to_owned(), "b".to_owned()], ..Column::new("kind", ColumnKind::Utf8) },
        Column { bounds: Some(Bounds { lower: 0, upper: 20 }), ..Column::new("value", ColumnKind::Int32) },
    ];
    let dataset = dataset("things", columns, "id", "things");
    let ingest = Ingest {
        file: file.to_path_buf(),
        format: Format::Csv,
        dataset: Box::new(dataset.clone()),
        folder: home.join(folder),
        domains: home.join(format!("domains-{folder}")),
    };
    sluice_engine::ingest::ingest(&ingest, &Limits::default()).await.unwrap();
    TableSpec::whole(&dataset, Some(home.join(folder)))
}

/// Seals a CSV file as a public table `lookup`.
///
/// # Errors
/// What its custodian would be told.
pub async fn seal_lookup(
    home: &Path,
    file: &Path,
    columns: Vec<Column>,
    unique: &[&str],
) -> Result<TableSpec, Refusal> {
    let mut dataset = dataset("lookup", columns, "", "");
    dataset.subject = None;
    dataset.unique = unique.iter().map(|column| (*column).to_owned()).collect();
    let folder = home.join(format!("lookup-{}", unique.join("-")));
    let ingest = Ingest {
        file: file.to_path_buf(),
        format: Format::Csv,
        dataset: Box::new(dataset.clone()),
        folder: folder.clone(),
        domains: home.join("domains"),
    };
    sluice_engine::ingest::ingest(&ingest, &Limits::default()).await?;
    Ok(TableSpec::whole(&dataset, Some(folder)))
}
