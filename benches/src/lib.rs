//! What the benchmarks share: made data, sealed snapshots, repeated runs, and ratios within one run.
//!
//! A shared machine's timings are noise. So each figure is a ratio of medians of runs that alternate with their peer
//! in one process, and nothing here or in the tests asserts a time.

pub mod metering;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use sluice_domain::contract::Contract;
use sluice_domain::dataset::{Dataset, DatasetState, SubjectKey};
use sluice_domain::dictionary::{Bounds, Column, ColumnKind, Dictionary};
use sluice_domain::grade::Grade;
use sluice_domain::limits::Limits;
use sluice_engine::ask::{Format, Ingest, Plan, PlanMeasure, PlanStatistic, Run, TableSpec, Work};

/// Codes of the first dimension and of the second: 600 cells.
pub const CODES: (usize, usize) = (30, 20);

/// Writes `rows` rows of `subjects` subjects as Parquet.
///
/// # Panics
/// Where the file can't be written: a benchmark can't go on.
pub fn write_rows(path: &Path, rows: usize, subjects: u64) {
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Utf8, false),
        Field::new("a", DataType::Utf8, false),
        Field::new("b", DataType::Utf8, false),
        Field::new("v", DataType::Int64, false),
        Field::new("w", DataType::Int32, false),
    ]));
    let mut draw = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |end: u64| {
        draw ^= draw << 13;
        draw ^= draw >> 7;
        draw ^= draw << 17;
        draw % end
    };
    let file = File::create(path).expect("the benchmark's folder is writable");
    let mut writer = ArrowWriter::try_new(file, Arc::clone(&schema), None).expect("the schema is plain");
    for start in (0..rows).step_by(65_536) {
        let count = (rows - start).min(65_536);
        let mut ids = Vec::with_capacity(count);
        let (mut a, mut b, mut v, mut w) = (vec![], vec![], vec![], vec![]);
        for _ in 0..count {
            ids.push(format!("s{:08}", next(subjects)));
            a.push(format!("a{:02}", next(CODES.0 as u64)));
            b.push(format!("b{:02}", next(CODES.1 as u64)));
            v.push(next(1_000) as i64);
            w.push(next(100) as i32);
        }
        let batch = RecordBatch::try_new(
            Arc::clone(&schema),
            vec![
                Arc::new(StringArray::from(ids)),
                Arc::new(StringArray::from(a)),
                Arc::new(StringArray::from(b)),
                Arc::new(Int64Array::from(v)),
                Arc::new(Int32Array::from(w)),
            ],
        );
        writer.write(&batch.expect("five columns of one length")).expect("the benchmark's folder is writable");
    }
    writer.close().expect("the benchmark's folder is writable");
}

/// The entry of the made data.
#[must_use]
pub fn entry() -> Dataset {
    let codes = |prefix: char, count: usize| (0..count).map(|code| format!("{prefix}{code:02}")).collect();
    Dataset {
        name: "made".to_owned(),
        title: "Made rows".to_owned(),
        agency: "bench".to_owned(),
        item_code: "made".to_owned(),
        subject: Some(SubjectKey { column: "id".to_owned(), domain: "made".to_owned() }),
        unique: Vec::new(),
        group: None,
        grade: Grade::Open,
        n_public: 1_000_000,
        dictionary: Dictionary::of(vec![
            Column::new("id", ColumnKind::Utf8),
            Column { codes: codes('a', CODES.0), ..Column::new("a", ColumnKind::Utf8) },
            Column { codes: codes('b', CODES.1), ..Column::new("b", ColumnKind::Utf8) },
            Column { bounds: Some(Bounds { lower: 0, upper: 1_000 }), ..Column::new("v", ColumnKind::Int64) },
            Column { bounds: Some(Bounds { lower: 0, upper: 100 }), ..Column::new("w", ColumnKind::Int32) },
        ]),
        state: DatasetState::Registered,
        registered_at_ms: 0,
        lapses_at_ms: i64::MAX,
    }
}

/// The crosstab of 600 cells: subjects and a sum.
#[must_use]
pub fn crosstab_plan() -> Plan {
    Plan {
        sql: "SELECT a, b, v FROM made".to_owned(),
        dimensions: vec!["a".to_owned(), "b".to_owned()],
        measures: vec![PlanMeasure { column: "v".to_owned(), scale: 0, lower: None, upper: None }],
        statistics: vec![PlanStatistic::Subjects, PlanStatistic::Sum("v".to_owned())],
        margins: Vec::new(),
        cells_per_subject: None,
        rows_per_subject: None,
    }
}

/// A job over one table.
///
/// # Panics
/// Where its folder can't be made.
#[must_use]
pub fn job(home: &Path, table: &TableSpec, work: Work, contract: &Contract, partitions: usize) -> Run {
    let folder = home.join("job");
    std::fs::create_dir_all(&folder).expect("a folder");
    Run { tables: vec![table.clone()], work, contract: contract.clone(), partitions, folder, bound_key: [1; 32] }
}

/// The made rows that are sealed in `home`, as a job's table.
#[must_use]
pub fn sealed(home: &Path) -> TableSpec {
    TableSpec::whole(&entry(), Some(home.join("snapshot")))
}

/// Seals a file of made rows in `home`.
///
/// # Panics
/// Where it can't be sealed.
pub async fn seal(home: &Path, file: &Path, limits: &Limits) -> TableSpec {
    let table = sealed(home);
    let ingest = Ingest {
        file: file.to_path_buf(),
        format: Format::Parquet,
        dataset: Box::new(entry()),
        folder: home.join("snapshot"),
        domains: home.join("domains"),
    };
    sluice_engine::ingest::ingest(&ingest, limits).await.expect("made rows fit their own dictionary");
    table
}

/// The median of some durations.
#[must_use]
pub fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort_unstable();
    durations.get(durations.len() / 2).copied().unwrap_or_default()
}

/// Runs several things in turn, `rounds` times after one round that isn't counted, and gives each one's median.
pub async fn in_turn<const N: usize>(rounds: usize, mut things: [&mut dyn AsyncThing; N]) -> [Duration; N] {
    let mut taken: [Vec<Duration>; N] = std::array::from_fn(|_| Vec::new());
    for round in 0..=rounds {
        for (thing, taken) in things.iter_mut().zip(&mut taken) {
            let start = Instant::now();
            thing.go().await;
            if round > 0 {
                taken.push(start.elapsed());
            }
        }
    }
    taken.map(median)
}

/// Something that is timed.
pub trait AsyncThing {
    /// Does it once.
    fn go(&mut self) -> std::pin::Pin<Box<dyn Future<Output = ()> + '_>>;
}

impl<F: AsyncFnMut()> AsyncThing for F {
    fn go(&mut self) -> std::pin::Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(self())
    }
}

/// The most memory that this process has had, in MiB.
#[must_use]
pub fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// The `sluice` binary of the folder that this program is in.
///
/// # Panics
/// It isn't built.
#[must_use]
pub fn sluice() -> PathBuf {
    let own = std::env::current_exe().expect("a path");
    let exe = own.ancestors().map(|folder| folder.join("sluice")).find(|path| path.is_file());
    exe.expect("build the sluice binary first: cargo build --release")
}
