//! What a snapshot holds to: what its registration declares, and an end to every text.

use std::path::{Path, PathBuf};

use sluice_domain::dataset::{Dataset, DatasetState};
use sluice_domain::dictionary::{Column, ColumnKind, Dictionary};
use sluice_domain::grade::Grade;
use sluice_domain::limits::Limits;
use sluice_domain::refusal::{Code, Refusal};
use sluice_engine::ask::{Format, Ingest};

use crate::support::data::seal_lookup;

fn columns() -> Vec<Column> {
    vec![
        Column::new("town", ColumnKind::Utf8),
        Column::new("year", ColumnKind::Int32),
        Column::new("rate", ColumnKind::Float64),
    ]
}

fn write(home: &Path, rows: &[&str]) -> PathBuf {
    let file = home.join("lookup.csv");
    std::fs::write(&file, format!("town,year,rate\n{}\n", rows.join("\n"))).unwrap();
    file
}

fn said(sealed: Result<sluice_engine::ask::TableSpec, Refusal>) -> String {
    let refusal = sealed.map(|_| ()).expect_err("it doesn't hold");
    assert_eq!(refusal.code, Code::Ingest);
    refusal.detail.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_holds_to_what_is_declared_unique() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let file = write(home, &["a,2013,1.5", "a,2014,1.5", "b,2013,", "ab,2013,0"]);
    let table = seal_lookup(home, &file, columns(), &["town", "year"]).await.expect("no pair comes twice");
    assert_eq!(table.unique, ["town", "year"]);
    seal_lookup(home, &file, columns(), &[]).await.expect("nothing is declared");
    assert!(said(seal_lookup(home, &file, columns(), &["town"]).await).contains("unique: town; two rows"));
    assert!(said(seal_lookup(home, &file, columns(), &["rate"]).await).contains("two rows"));
    let missing = write(home, &["a,2013,1.5", "NA,2014,1.5"]);
    assert!(said(seal_lookup(home, &missing, columns(), &["town"]).await).contains("no value"));
    let misfit = write(home, &["a,2013,1.5", "b,later,1.5"]);
    assert!(said(seal_lookup(home, &misfit, columns(), &["year"]).await).contains("doesn't fit"));
    // Far apart, in different batches.
    let rows: Vec<String> = (0..20_000).map(|n| format!("t{},2013,1", n % 19_999)).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    assert!(said(seal_lookup(home, &write(home, &rows), columns(), &["town"]).await).contains("two rows"));
    seal_lookup(home, &write(home, &rows[..19_999]), columns(), &["town"]).await.expect("each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_28_a_file_with_a_text_without_end_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let most = Limits::default().text_bytes_max;
    let row = |length: usize| format!("{},2013,1", "x".repeat(length));
    let file = write(home, &["a,2013,1", &row(most), "b,2013,1"]);
    seal_lookup(home, &file, columns(), &["town"]).await.expect("as long as a text may be");
    let file = write(home, &["a,2013,1", &row(most + 1)]);
    assert_eq!(said(seal_lookup(home, &file, columns(), &[]).await), "`town`: a text has at most 65536 bytes");
    // Letters count by their bytes.
    let file = write(home, &[&format!("{},2013,1", "é".repeat(most / 2 + 1))]);
    assert!(said(seal_lookup(home, &file, columns(), &[]).await).contains("at most 65536 bytes"));
    // A column that the dictionary doesn't have is nobody's business.
    let short = vec![Column::new("year", ColumnKind::Int32)];
    seal_lookup(home, &file, short, &[]).await.expect("the long text isn't taken in");
}

#[tokio::test(flavor = "multi_thread")]
async fn made_up_rows_hold_to_what_is_declared_unique() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("made.parquet");
    let codes = ["a", "b", "c"].map(str::to_owned).to_vec();
    let dataset = Dataset {
        name: "made".to_owned(),
        title: "Made".to_owned(),
        agency: "agency".to_owned(),
        item_code: "made".to_owned(),
        subject: None,
        unique: vec!["kind".to_owned()],
        group: None,
        grade: Grade::Open,
        n_public: 0,
        dictionary: Dictionary::of(vec![Column { codes, ..Column::new("kind", ColumnKind::Utf8) }]),
        state: DatasetState::Registered,
        registered_at_ms: 0,
        lapses_at_ms: i64::MAX,
    };
    dataset.check().expect("it is well formed");
    let unknown = Dataset { unique: vec!["other".to_owned()], ..dataset.clone() };
    assert_eq!(unknown.check().expect_err("there is no such column").code, Code::Malformed);
    sluice_engine::synthetic::write(&dataset, 500, 7, &file).expect("a folder of our own");
    let ingest = Ingest {
        file,
        format: Format::Parquet,
        dataset: Box::new(dataset),
        folder: home.path().join("snapshot"),
        domains: home.path().join("domains"),
    };
    let sealed = sluice_engine::ingest::ingest(&ingest, &Limits::default()).await.expect("each code comes once");
    assert_eq!((sealed.rows, sealed.nulls["kind"]), (3, 0));
}
