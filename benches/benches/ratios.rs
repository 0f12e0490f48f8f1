//! `cargo bench --workspace --bench ratios`: every target of the design as a ratio within one run, printed as the table of RESULTS.md.

#![allow(clippy::print_stdout, clippy::print_stderr, missing_docs, reason = "a benchmark talks")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use futures::StreamExt;
use sluice_benches::metering::{Metered, Metering};
use sluice_benches::{AsyncThing, crosstab_plan, in_turn, job, median, peak_mib, seal, sealed, sluice, write_rows};
use sluice_domain::grade::Lane;
use sluice_domain::limits::Limits;
use sluice_engine::arena::{ArenaWriter, Picked, crossing_columns};
use sluice_engine::ask::{Run, TableSpec, Work};
use sluice_engine::fleet::{Cancel, Fleet, FleetSettings};
use sluice_engine::sandbox::{Guest, Sandbox};

const ROUNDS: usize = 7;

/// The argument with which this program measures its own memory over a home, in a process that does nothing else.
const PEAK: &str = "--peak";

async fn peak_alone(home: &Path) {
    let limits = Limits::default();
    let run = crosstab_of(&sealed(home), home, &limits).await;
    let before = peak_mib();
    drop(sluice_engine::run::run(&run, None, &limits).await.expect("it runs"));
    println!("{before} {}", peak_mib());
}

/// The crosstab of 600 cells, as a job.
async fn crosstab_of(table: &TableSpec, home: &Path, limits: &Limits) -> Run {
    let work = Work::Plan(crosstab_plan());
    let contract = sluice_engine::admit::admit(std::slice::from_ref(table), &work, None, limits).await;
    job(home, table, work, &contract.expect("a legal plan").contract, 2)
}

/// DataFusion by itself, over the same files.
async fn plain(table: &TableSpec, partitions: usize) -> SessionContext {
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(partitions));
    let path = table.snapshot.as_ref().and_then(|folder| folder.to_str()).expect("a path in UTF-8");
    context.register_parquet("made", path, ParquetReadOptions::default()).await.expect("the snapshot is Parquet");
    context
}

/// The kernel of the guest `kernel`, natively.
fn sum_of(batch: &RecordBatch) -> i64 {
    let v = batch.column(0).as_primitive::<Int64Type>();
    let w = batch.column(1).as_primitive::<Int32Type>();
    assert_eq!(v.null_count() + w.null_count(), 0, "the made rows have no nulls");
    v.values().iter().zip(w.values()).map(|(v, w)| (v * 31 + i64::from(*w)) % 97).sum()
}

/// The component of a guest of ours.
fn built(name: &str) -> Vec<u8> {
    let project = Path::new("guests").join(name);
    let built = sluice_toolchain::build(&project, None, &mut |_| {}).expect("the guest builds");
    std::fs::read(built.path).expect("it was just built")
}

/// A module, ready to run.
struct Module {
    run: Run,
    guest: Guest,
    table: TableSpec,
}

struct Bench {
    home: tempfile::TempDir,
    limits: Limits,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // Cargo's test runs pass `--test`: there is nothing to test here.
    if args.iter().any(|arg| arg == "--test") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        if let [PEAK, home] = args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            return peak_alone(Path::new(home)).await;
        }
        let bench = Bench { home: tempfile::tempdir().expect("a folder"), limits: Limits::default() };
        println!("| what | ours | peer | ratio |\n|---|---|---|---|");
        for (rows, subjects) in [(1_000_000, 100_000), (10_000_000, 1_000_000)] {
            bench.crosstab(rows, subjects).await;
        }
        let fleet = bench.fleet();
        bench.columns(&fleet).await;
        bench.subjects(&fleet).await;
        bench.report(&fleet).await;
        bench.metering().await;
        bench.admission(&fleet).await;
    });
}

fn row(what: &str, ours: &str, peer: &str, ratio: f64) {
    println!("| {what} | {ours} | {peer} | {ratio:.2} |");
}

fn ms(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}

fn over(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64().max(1e-9)
}

impl Bench {
    /// Made rows, sealed once for all that is measured over them.
    async fn made(&self, rows: usize, subjects: u64) -> (TableSpec, PathBuf) {
        let home = self.home.path().join(format!("{rows}-{subjects}"));
        if home.is_dir() {
            return (sealed(&home), home);
        }
        std::fs::create_dir_all(&home).expect("a folder");
        let file = home.join("made.parquet");
        write_rows(&file, rows, subjects);
        let table = seal(&home, &file, &self.limits).await;
        (table, home)
    }

    /// A crosstab without a module, against the same two-level SQL and a plain GROUP BY on the same files.
    async fn crosstab(&self, rows: usize, subjects: u64) {
        let (table, home) = self.made(rows, subjects).await;
        let run = crosstab_of(&table, &home, &self.limits).await;
        let context = plain(&table, 2).await;
        let two_level = "SELECT a, b, count(*), sum(records), sum(v) FROM (SELECT id, a, b, count(*) AS records, \
                         sum(v) AS v FROM made GROUP BY id, a, b) GROUP BY a, b";
        let plain = "SELECT a, b, count(*), sum(v) FROM made GROUP BY a, b";
        let mut ours = async || {
            let raw = sluice_engine::run::run(&run, None, &self.limits).await;
            drop(raw.expect("it runs"));
        };
        let mut two = async || {
            context.sql(two_level).await.expect("legal").collect().await.expect("it runs");
        };
        let mut one = async || {
            context.sql(plain).await.expect("legal").collect().await.expect("it runs");
        };
        let [ours, two, one] = in_turn(ROUNDS, [&mut ours as &mut dyn AsyncThing, &mut two, &mut one]).await;
        let size = format!("{}M rows, {}k subjects, 600 cells", rows / 1_000_000, subjects / 1_000);
        row(&format!("crosstab, {size}: against two-level SQL"), &ms(ours), &ms(two), over(ours, two));
        row(&format!("crosstab, {size}: against a plain GROUP BY"), &ms(ours), &ms(one), over(ours, one));
        let own = std::env::current_exe().expect("a path");
        let told = std::process::Command::new(own).arg(PEAK).arg(&home).output().expect("this program runs");
        let told = String::from_utf8(told.stdout).expect("two numbers");
        let (before, peak) = told.trim().split_once(' ').expect("two numbers");
        println!("| peak memory of a crosstab, {size}, in its own process | {peak} MiB ({before} before it) | | |");
    }

    fn fleet(&self) -> Fleet {
        let settings = FleetSettings {
            exe: sluice(),
            limits: self.limits.clone(),
            spare: 2,
            cache: self.home.path().join("cache"),
            cache_key: [5; 32],
        };
        Fleet::start(settings).expect("workers start")
    }

    /// A module's job over made rows.
    async fn module(&self, fleet: &Fleet, name: &str, lane: Lane, made: (usize, u64), partitions: usize) -> Module {
        let (table, home) = self.made(made.0, made.1).await;
        let report = fleet.examine(built(name)).await;
        let digest = report.expect("an acceptable module").digest;
        let artefact = fleet.artefact(&digest).expect("it was just compiled");
        let guest =
            Sandbox::new(&self.limits, 2).and_then(|sandbox| sandbox.load(&artefact)).expect("our own artefact");
        let work = Work::Module { lane, digest, params: BTreeMap::new() };
        let tables = std::slice::from_ref(&table);
        let contract = sluice_engine::admit::admit(tables, &work, Some(&guest), &self.limits).await;
        let run = job(&home, &table, work, &contract.expect("a legal module").contract, partitions);
        Module { run, guest, table }
    }

    /// Columns into an arena, and across into a guest and back.
    async fn columns(&self, fleet: &Fleet) {
        let (table, _) = self.made(1_000_000, 100_000).await;
        let context = plain(&table, 2).await;
        let batches = context.sql("SELECT v, w, a FROM made").await.expect("legal").collect().await.expect("it runs");
        let batch: RecordBatch = batches.into_iter().find(|batch| batch.num_rows() > 4_000).expect("a batch");
        let columns = crossing_columns(&batch, 0).expect("they cross");
        let mut writer = ArenaWriter::new(Vec::new());
        let times = (0..201).map(|_| {
            let start = Instant::now();
            let words = writer.write(&columns, Picked::First(batch.num_rows())).expect("they cross").len();
            (start.elapsed(), words)
        });
        let times: Vec<(Duration, usize)> = times.collect();
        let words = times.first().map_or(0, |(_, words)| *words);
        let taken = median(times.into_iter().map(|(time, _)| time).collect());
        let mut copy = vec![0_u64; words];
        let source = vec![1_u64; words];
        let copies = (0..201).map(|_| {
            let start = Instant::now();
            std::hint::black_box(&mut copy).copy_from_slice(std::hint::black_box(&source));
            start.elapsed()
        });
        let copied = median(copies.collect());
        let speed = |time: Duration| format!("{:.2} GB/s", (words * 8) as f64 / time.as_secs_f64().max(1e-9) / 1e9);
        row(
            "columns into an arena (int64, int32, utf8), against memcpy",
            &speed(taken),
            &speed(copied),
            over(taken, copied),
        );
        let Module { guest, .. } = self.module(fleet, "carry", Lane::Tabulate, (1_000_000, 100_000), 1).await;
        let mut mapper = guest.mapper(1 << 20);
        let mut call = |back: u64, columns: &[ArrayRef], rows: usize| {
            let mut writer = ArenaWriter::new(vec![back]);
            let arena = writer.write(columns, Picked::First(rows)).expect("they cross").to_vec();
            let mut out = Vec::new();
            let times = (0..201).map(|_| {
                let start = Instant::now();
                mapper.map(&arena, &mut out).expect("it carries");
                start.elapsed()
            });
            (median(times.collect()), arena.len(), out.len())
        };
        let (empty, _, _) = call(0, &[], 0);
        let (there, carried, _) = call(0, &columns, batch.num_rows());
        let (back, _, returned) = call(100_000, &[], 0);
        let across = |time: Duration, words: usize| {
            format!("{:.2} GB/s", (words * 8) as f64 / time.saturating_sub(empty).as_secs_f64().max(1e-9) / 1e9)
        };
        println!("| columns across into a guest, over an empty call | {} | | |", across(there, carried));
        println!("| contributions made in a guest and back, over an empty call | {} | | |", across(back, returned));
    }

    /// One instance a subject: time over the query's own.
    async fn subjects(&self, fleet: &Fleet) {
        let subjects = 100_000_u64;
        let made = (1_000_000, subjects);
        let Module { run, guest, table } = self.module(fleet, "light", Lane::Tabulate, made, 1).await;
        let context = plain(&table, 1).await;
        let mut ours = async || {
            let raw = sluice_engine::run::run(&run, Some(&guest), &self.limits).await;
            drop(raw.expect("it runs"));
        };
        let mut query = async || {
            let frame = context.sql("SELECT id, v, w FROM made").await.expect("legal");
            let mut stream = frame.execute_stream().await.expect("it runs");
            while let Some(batch) = stream.next().await {
                drop(batch.expect("it runs"));
            }
        };
        let mut mapper = guest.mapper(100_000);
        let mut empty = ArenaWriter::new(Vec::new());
        let mut floor = async || {
            let mut out = Vec::new();
            let arena = empty.write(&[], Picked::First(0)).expect("nothing crosses").to_vec();
            for _ in 0..subjects {
                let _ = mapper.map(&arena, &mut out);
            }
        };
        let [ours, query, floor] = in_turn(3, [&mut ours as &mut dyn AsyncThing, &mut query, &mut floor]).await;
        let each = |time: Duration| time.as_secs_f64() * 1e6 / subjects as f64;
        let over_query = each(ours.saturating_sub(query));
        row(
            "per-subject lane, one partition, 100k subjects of 10 rows: over the query's time, against an empty call",
            &format!("{over_query:.1} us a subject"),
            &format!("{:.1} us", each(floor)),
            over_query / each(floor).max(1e-9),
        );
    }

    /// Lane `report`: arithmetic in the guest against the same kernel native, over the same plan.
    async fn report(&self, fleet: &Fleet) {
        let made = (10_000_000, 1_000_000);
        let Module { run, guest, table } = self.module(fleet, "kernel", Lane::Report, made, 1).await;
        let context = plain(&table, 1).await;
        let mut ours = async || {
            let raw = sluice_engine::run::run(&run, Some(&guest), &self.limits).await;
            drop(raw.expect("it runs"));
        };
        let mut native = async || {
            let frame = context.sql("SELECT v, w FROM made").await.expect("legal");
            let mut stream = frame.execute_stream().await.expect("it runs");
            let mut sum = 0_i64;
            while let Some(batch) = stream.next().await {
                sum += sum_of(&batch.expect("it runs"));
            }
            std::hint::black_box(sum);
        };
        let [ours, native] = in_turn(5, [&mut ours as &mut dyn AsyncThing, &mut native]).await;
        row(
            "report lane, arithmetic over 10M rows, fuel and NaN rules on, against native",
            &ms(ours),
            &ms(native),
            over(ours, native),
        );
    }

    /// The same kernel over batches in memory: what the sandbox itself costs, and how much of that fuel and NaNs are.
    async fn metering(&self) {
        let (table, _) = self.made(10_000_000, 1_000_000).await;
        let context = plain(&table, 1).await;
        let batches = context.sql("SELECT v, w FROM made").await.expect("legal").collect().await.expect("it runs");
        let mut writer = ArenaWriter::new(Vec::new());
        let arenas = batches.iter().map(|batch| {
            let columns = crossing_columns(batch, 0).expect("they cross");
            writer.write(&columns, Picked::First(batch.num_rows())).expect("they cross").to_vec()
        });
        let arenas = Arc::new(arenas.collect::<Vec<_>>());
        let bytes = built("kernel");
        let [all, epoch] = [Metering::All, Metering::Epoch].map(|how| Metered::new(&bytes, how, Arc::clone(&arenas)));
        let whole: i64 = batches.iter().map(sum_of).sum();
        assert_eq!((all.run(), epoch.run()), (whole, whole), "all three add up the same");
        let mut with_all = async || {
            std::hint::black_box(all.run());
        };
        let mut with_epoch = async || {
            std::hint::black_box(epoch.run());
        };
        let mut native = async || {
            std::hint::black_box(batches.iter().map(sum_of).sum::<i64>());
        };
        let things = [&mut with_all as &mut dyn AsyncThing, &mut with_epoch, &mut native];
        let [with_all, with_epoch, native] = in_turn(7, things).await;
        let what = "the same kernel over 10M rows in memory, crossing included";
        row(&format!("{what}: epoch alone, against native"), &ms(with_epoch), &ms(native), over(with_epoch, native));
        row(&format!("{what}: fuel and NaN rules too"), &ms(with_all), &ms(native), over(with_all, native));
    }

    /// A cached module in a pre-started worker, on a snapshot of one subject: nearly all of it is admission.
    async fn admission(&self, fleet: &Fleet) {
        let Module { run, .. } = self.module(fleet, "light", Lane::Tabulate, (10, 1), 2).await;
        let mut times = Vec::new();
        for _ in 0..21 {
            // A spare worker is ready again before the next.
            tokio::time::sleep(Duration::from_millis(200)).await;
            let start = Instant::now();
            let ran = fleet.run(run.clone(), &Cancel::default()).await;
            drop(ran.expect("it runs"));
            times.push(start.elapsed());
        }
        println!("| a run of a cached module over one subject, in a pre-started worker | {} | | |", ms(median(times)));
    }
}
