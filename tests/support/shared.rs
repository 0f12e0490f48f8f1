//! One node with a slice of the real flights, for all tests that don't have to have one to themselves.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

use super::acts::terms;
use super::data::examples;
use super::node::{Hosted, Place};

/// The rows of the small carriers, and of one aircraft besides: some 260 aircraft, of the flights' 4,000.
const SLICE: &str = "carrier IN ('F9', 'HA', 'YV', 'OO', 'AS', 'VX') OR tailnum = 'N14228'";
/// The columns that the tests' grants cover.
const COLUMNS: [&str; 10] =
    ["year", "month", "day", "carrier", "flight", "tailnum", "origin", "dest", "dep_delay", "distance"];

/// The node, the sliced data, and its grants.
pub struct Shared {
    /// Where it is.
    pub place: Place,
    /// All of the slice.
    pub main: String,
    /// One carrier's 26 aircraft, so that modules that burn all their fuel are soon done.
    pub narrow: String,
    /// The tail numbers of that carrier.
    pub tails: Vec<String>,
    slice: Vec<u8>,
    _hosted: Hosted,
}

impl Shared {
    /// The same rows as a dataset of another name, in a subject domain of its own: what other tests let out meanwhile
    /// isn't in its history. Gives a grant of all columns of the rows that `row_filter` leaves.
    pub fn apart(&self, name: &str, row_filter: Option<&str>) -> String {
        let mut entry = dictionary("flights");
        entry["name"] = json!(name);
        entry["item_code"] = json!(name);
        entry["subject"]["domain"] = json!(name);
        self.place.register(&entry);
        self.place.seal(name, "parquet", &self.slice);
        self.place.grant(&terms(json!([{ "dataset": name, "columns": COLUMNS, "row_filter": row_filter }])))
    }
}

/// The node.
pub fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(start)
}

fn start() -> Shared {
    let hosted = Hosted::at(&home());
    let place = hosted.place.clone();
    let (slice, tails) = std::thread::spawn(slice).join().expect("the flights can be read");
    place.register(&dictionary("flights"));
    place.seal("flights", "parquet", &slice);
    let main = place.grant(&terms(flights(None)));
    let narrow = place.grant(&terms(flights(Some("carrier = 'F9'"))));
    Shared { place, main, narrow, tails, slice, _hosted: hosted }
}

/// The flights, as a grant lists them.
pub fn flights(row_filter: Option<&str>) -> Value {
    json!([{ "dataset": "flights", "columns": COLUMNS, "row_filter": row_filter }])
}

/// The entry of one of the example datasets.
pub fn dictionary(name: &str) -> Value {
    let path = examples().join(format!("data/{name}.dictionary.json"));
    serde_json::from_slice(&std::fs::read(path).expect("an entry")).expect("it is JSON")
}

/// A static isn't dropped, so the folder is named by the process, and what dead ones left is removed.
fn home() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for entry in std::fs::read_dir(folder).expect("the target folder").flatten() {
        let name = entry.file_name().into_string().unwrap_or_default();
        let Some(pid) = name.strip_prefix("shared-") else { continue };
        if !Path::new("/proc").join(pid).exists() {
            // Another run may be removing it as well.
            let _gone = std::fs::remove_dir_all(entry.path());
        }
    }
    folder.join(format!("shared-{}", std::process::id()))
}

fn slice() -> (Vec<u8>, Vec<String>) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let context = SessionContext::new();
        let file = examples().join("data/flights.parquet");
        let file = file.to_str().expect("a plain path");
        context.register_parquet("flights", file, ParquetReadOptions::default()).await.unwrap();
        let query = async |sql: &str| context.sql(sql).await.unwrap().collect().await.unwrap();
        let rows = query(&format!("SELECT * FROM flights WHERE {SLICE}")).await;
        let tails = "SELECT DISTINCT tailnum FROM flights WHERE carrier = 'F9' AND tailnum IS NOT NULL";
        let tails = query(tails).await.iter().flat_map(|batch| texts(batch, 0)).collect();
        (parquet(&rows), tails)
    })
}

/// Batches as a Parquet file.
pub fn parquet(batches: &[RecordBatch]) -> Vec<u8> {
    let mut writer = ArrowWriter::try_new(Vec::new(), batches[0].schema(), None).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.into_inner().unwrap()
}

/// A column's texts.
fn texts(batch: &RecordBatch, column: usize) -> Vec<String> {
    let column = cast(batch.column(column), &DataType::Utf8).unwrap();
    column.as_string::<i32>().iter().flatten().map(str::to_owned).collect()
}
