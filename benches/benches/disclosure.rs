//! `cargo bench --workspace --bench disclosure`: what disclosure control costs, printed as the table of RESULTS.md. Each
//! seal is measured in a process of its own, for its memory; the crosstab runs beside ACRO's over the same rows.

#![allow(clippy::print_stdout, clippy::print_stderr, missing_docs, reason = "a benchmark talks")]

#[path = "../../tests/support/acro/venv.rs"]
mod venv;

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sluice_benches::{crosstab_plan, entry, job, median, peak_mib, seal as seal_rows, write_rows};
use sluice_disclosure::families::answer::FamilyAnswer;
use sluice_disclosure::families::layout::Layout;
use sluice_disclosure::families::matching::{Asked, Selection, find};
use sluice_disclosure::families::microdata::{Line, Microdata};
use sluice_disclosure::families::seal::{Moment, Sealing, seal};
use sluice_disclosure::families::sealed::{SealedTables, Status};
use sluice_disclosure::history::report::{Books, findings};
use sluice_disclosure::history::{
    Bar, Contributions, Domain, Figure, Keys, Kind, Place, Standing, near, structure, triples,
};
use sluice_disclosure::{Appetite, Context, assess};
use sluice_domain::contract::{Dimension, Measure, Statistic, Tabulation};
use sluice_domain::dictionary::{Bounds, Column, ColumnKind, Dictionary};
use sluice_domain::family::{Family, FamilyDimension, FamilyMeasure, FamilyState, FamilyTerms};
use sluice_domain::grade::Grade;
use sluice_domain::grant::Signature;
use sluice_domain::limits::Limits;
use sluice_engine::ask::Work;
use sluice_engine::raw::Kept;

/// The argument with which this program measures one seal, in a process that does nothing else.
const SEAL: &str = "--seal";
/// The same for the history.
const HISTORY: &str = "--history";
/// The crosstab, without ACRO: for a profiler.
const CROSSTAB: &str = "--crosstab";
const ROUNDS: usize = 5;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // Cargo's test runs pass `--test`: there is nothing to test here.
    if args.iter().any(|arg| arg == "--test") {
        return;
    }
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [SEAL, lengths, people, earlier] => return seal_alone(lengths, people, earlier == "true"),
        [HISTORY, kind] => return history_alone(kind),
        [CROSSTAB] => return println!("{}", in_runtime(crosstab()).map(ms).join(", ")),
        _ => {}
    }
    println!("| what | ours | peer | ratio |\n|---|---|---|---|");
    answer();
    for kind in ["subjects", "sums"] {
        alone(&[HISTORY, kind]);
    }
    beside_acro(in_runtime(crosstab())[3]);
    for (lengths, people) in
        [("30,30", "20000"), ("9,9,9", "20000"), ("99,99", "200000"), ("20,20,20", "200000"), ("315,315", "2000000")]
    {
        for earlier in ["false", "true"] {
            alone(&[SEAL, lengths, people, earlier]);
        }
    }
}

fn in_runtime<T>(run: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(run)
}

fn alone(args: &[&str]) {
    let own = std::env::current_exe().expect("a path");
    let told = Command::new(own).args(args).output().expect("this program runs");
    assert!(told.status.success(), "{args:?}: {}", String::from_utf8_lossy(&told.stderr));
    print!("{}", String::from_utf8_lossy(&told.stdout));
}

fn ms(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}

fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let made = run();
    (made, start.elapsed())
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Columns `c0`, `c1`, ... with so many codes each, and a measure.
fn dictionary(lengths: &[u32]) -> Dictionary {
    let coded = |(place, length): (usize, &u32)| Column {
        codes: (0..*length).map(|code| format!("{code:03}")).collect(),
        per_subject: true,
        ..Column::new(format!("c{place}").as_str(), ColumnKind::Utf8)
    };
    let bounds = Some(Bounds { lower: 0, upper: 100_000 });
    let fixed = [Column::new("id", ColumnKind::Utf8), Column { bounds, ..Column::new("v", ColumnKind::Int64) }];
    Dictionary::of(fixed.into_iter().chain(lengths.iter().enumerate().map(coded)).collect())
}

/// All columns with every margin; people, records and a sum.
fn family(lengths: &[u32]) -> Family {
    let names: Vec<String> = (0..lengths.len()).map(|place| format!("c{place}")).collect();
    let kept = |mask: usize| -> BTreeSet<String> {
        names.iter().enumerate().filter(|(place, _)| mask >> place & 1 == 1).map(|(_, name)| name.clone()).collect()
    };
    let vet = |person: &str| Signature { person: person.to_owned(), agency: "agency".to_owned(), at_ms: 0 };
    let terms = serde_json::json!({
        "dataset": "made", "name": "all", "title": "All",
        "dimensions": names.iter().map(|name| FamilyDimension { levels: vec![name.clone()], cost: 1 }).collect::<Vec<_>>(),
        "subjects": true, "records": true,
        "measures": [FamilyMeasure { column: "v".to_owned(), scale: 0 }],
        "margins": (0..(1 << names.len()) - 1).map(kept).collect::<Vec<_>>(),
    });
    Family {
        terms: serde_json::from_value::<FamilyTerms>(terms).expect("these are terms"),
        agency: "agency".to_owned(),
        proposed_by: "carol".to_owned(),
        proposed_at_ms: 0,
        vets: vec![vet("cyrus"), vet("rosa")],
        state: FamilyState::Vetted,
    }
}

/// People, most of them in few cells: each code is the lesser of two draws.
fn people(lengths: &[u32], count: u32, seed: u64) -> Vec<Line> {
    let mut random = Random(seed);
    let person = |id: u32| {
        let codes = lengths.iter().map(|length| random.below(u64::from(*length)).min(random.below(u64::from(*length))));
        let codes: Vec<u32> = codes.map(|code| code as u32).collect();
        (id, u64::from(id / 2), codes, 1, vec![10_000 + random.below(40_000) as i64])
    };
    (0..count).map(person).collect()
}

fn sealed_of(layout: &Layout, microdata: &Microdata, at: i64, before: &[Moment]) -> SealedTables {
    let appetite = Appetite::floor(Grade::Conditional).expect("it has a floor");
    let (rules, held) = (appetite.rules(), &BTreeSet::new());
    seal(&Sealing { layout, microdata, as_of_ms: at, rules, before, held }).expect("it can be sealed")
}

/// One seal: primaries, elimination, audit and repair, beside an earlier seal of nearly the same people or not.
fn seal_alone(lengths: &str, count: &str, earlier: bool) {
    let lengths: Vec<u32> = lengths.split(',').map(|length| length.parse().expect("a number")).collect();
    let layout = Layout::new(&dictionary(&lengths), [&family(&lengths)]).expect("one family");
    let lines = people(&lengths, count.parse().expect("a number"), 7);
    let mut before = Vec::new();
    if earlier {
        // A hundredth of the people weren't there.
        let then = lines.iter().filter(|line| line.0 % 100 != 0).cloned();
        let microdata = Microdata::new(&layout, then).expect("it is of this layout");
        let sealed = sealed_of(&layout, &microdata, 1, &[]);
        before.push(Moment { sealed, microdata });
    }
    let microdata = Microdata::new(&layout, lines).expect("it is of this layout");
    let held = peak_mib();
    let (sealed, took) = timed(|| sealed_of(&layout, &microdata, 2, &before));
    let cells = || sealed.tables.iter().flat_map(|table| table.cells.values());
    let of = |wanted: fn(&Status) -> bool| cells().filter(|cell| wanted(&cell.status)).count();
    println!(
        "| seal of {} cells, {} dimensions{}: {} published, {} primary, {} secondary, {} carried | {:.3} s, {} MiB ({held} before it) | | |",
        cells().count(),
        lengths.len(),
        if earlier { ", an earlier seal as constraint" } else { "" },
        of(|status| *status == Status::Published),
        of(|status| matches!(status, Status::Primary(_))),
        of(|status| *status == Status::Secondary),
        of(|status| *status == Status::Carried),
        took.as_secs_f64(),
        peak_mib(),
    );
}

/// A job that a family answers: recognised, looked up, and rendered.
fn answer() {
    let lengths = [30, 30];
    let family = family(&lengths);
    let layout = Layout::new(&dictionary(&lengths), [&family]).expect("one family");
    let microdata = Microdata::new(&layout, people(&lengths, 20_000, 7)).expect("it is of this layout");
    let sealed = sealed_of(&layout, &microdata, 1, &[]);
    let codes = |name: &str| (name.to_owned(), (0..30).map(|code| format!("{code:03}")).collect::<Vec<_>>());
    let dimensions = ["c0", "c1"].map(codes).map(|(name, labels)| Dimension { name, labels });
    let contract = Tabulation {
        sql: "SELECT c0, c1, v FROM made".to_owned(),
        dimensions: dimensions.to_vec(),
        measures: vec![Measure { name: "v".to_owned(), unit: String::new(), lower: 0, upper: 1 << 40, scale: 0 }],
        statistics: vec![Statistic::Subjects, Statistic::Sum(0)],
        margins: vec![vec![0], vec![1], Vec::new()],
        cells_per_subject: 1,
        rows_per_subject: 10,
        constants: Vec::new(),
    };
    let own = ["c0", "c1", "v"].map(str::to_owned);
    let columns: BTreeMap<String, String> = own.iter().cloned().zip(own.iter().cloned()).collect();
    let selection = Selection { table: "made".to_owned(), columns, conditions: Vec::new() };
    let taken = (0..200).map(|_| {
        let answered = timed(|| {
            let asked = Asked { selection: Ok(&selection), contract: &contract, own: &[] };
            let look_up = find(&asked, [&family]).expect("it is a look-up");
            let answer = FamilyAnswer::new(&look_up, &contract, &sealed).expect("the table is there");
            sluice_disclosure::csv::to_csv(answer.table())
        });
        black_box(answered.0);
        answered.1
    });
    println!(
        "| a job of 961 cells recognised, looked up in a family and rendered, without server and ledger | {} | | |",
        ms(median(taken.collect()))
    );
}

/// A table of 1,000 figures against 10,000 that are out: pairs, triples, whatever is near worked out, and the structure.
fn history_alone(kind: &str) {
    const SUBJECTS: u32 = 1_000_000;
    let kind = if kind == "sums" { Kind::Sum(None) } else { Kind::Subjects };
    let of = |cell: &str| {
        let (start, end) = cell.split_once('-').expect("a stretch");
        let range = start.parse::<u32>().expect("a number")..end.parse::<u32>().expect("a number");
        match kind {
            Kind::Sum(_) => {
                let value = |subject: u32| u64::from(subject).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
                Contributions::of(range.map(|subject| (subject, i128::from(value(subject) % 300))))
            }
            _ => Contributions::counting(range),
        }
    };
    let keys = Keys::new(&[1; 32], Domain::ungrouped(SUBJECTS), 0);
    let mut random = Random(3);
    let mut made = |count: usize| -> Vec<Figure> {
        let stretch = |_| {
            let size = 20 << random.below(12);
            let start = random.below(u64::from(SUBJECTS) - size);
            let [release, quantity, snapshot] = ["R", "q", "s"].map(str::to_owned);
            let place = Place { release, cell: format!("{start}-{}", start + size), quantity, snapshot };
            let contributions = of(&place.cell);
            Figure::new(&keys, place, (kind, Standing::Released), &contributions).expect("all subjects are there")
        };
        (0..count).map(stretch).collect()
    };
    let (archive, candidate) = (made(10_000), made(1_000));
    let appetite = Appetite::floor(Grade::Restricted).expect("it has a floor");
    let bar = Bar::new(appetite.rules(), false);
    let held = peak_mib();
    let kept = |place: &Place| Some(Arc::new(of(&place.cell)));
    let (found, took) = timed(|| {
        let (search, triples) = (near(&candidate, &archive, &[], &bar), triples(&candidate, &archive, &bar));
        let books = Books {
            candidate: &candidate,
            archive: &archive,
            universes: &[],
            kept: &kept,
            domain: keys.domain(),
            rules: appetite.rules(),
        };
        findings(&search, &triples, &books).len() + structure(&triples, &books).len()
    });
    let bytes: usize = archive.iter().map(Figure::memory).sum();
    println!(
        "| history: 1,000 figures ({kind:?}) against 10,000 of a million subjects, {found} findings | {:.2} s; archive {} MB, {} MiB more at the peak | | |",
        took.as_secs_f64(),
        bytes / 1_000_000,
        peak_mib() - held,
    );
}

/// A crosstab of 600 cells over a million rows with all its findings: when it has run, when what it kept is read, when it
/// is a candidate, when it is assessed.
async fn crosstab() -> [Duration; 4] {
    let home = tempfile::tempdir().expect("a folder");
    let (file, limits) = (home.path().join("made.parquet"), Limits::default());
    write_rows(&file, 1_000_000, 100_000);
    let table = seal_rows(home.path(), &file, &limits).await;
    let work = Work::Plan(crosstab_plan());
    let contract = sluice_engine::admit::admit(std::slice::from_ref(&table), &work, None, &limits).await;
    let contract = contract.expect("a legal plan").contract;
    let run = job(home.path(), &table, work, &contract, 2);
    let appetite = Appetite::floor(entry().grade).expect("it has a floor");
    let mut taken = Vec::new();
    for round in 0..=ROUNDS {
        let start = Instant::now();
        let raw = sluice_engine::run::run(&run, None, &limits).await.expect("it runs");
        let ran = start.elapsed();
        let kept = Kept::read(&contract, &run.folder, &[home.path().join("snapshot")]).expect("it was just kept");
        let read = start.elapsed();
        let candidate = raw.candidate(&contract, kept, &limits).expect("it fits its contract");
        let made = start.elapsed();
        let assessment = assess(&candidate, &appetite, &Context::default());
        black_box(assessment.findings().len());
        if round > 0 {
            taken.push([ran, read, made, start.elapsed()]);
        }
    }
    std::array::from_fn(|part| median(taken.iter().map(|taken| taken[part]).collect()))
}

/// ACRO's crosstab over the same rows.
fn beside_acro(ours: Duration) {
    let script = Path::new("../tests/support/acro/speed.py");
    let told = Command::new(venv::python()).arg(script).args(["--rounds", "3"]).output().expect("Python runs");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).expect("it prints JSON");
    for (kind, what) in [
        ("count_and_sum_texts", "counts and sums, codes as texts"),
        ("count_and_sum_categories", "counts and sums, codes as pandas categories"),
        ("count_categories", "ACRO: counts alone, as pandas categories; ours: counts and sums"),
    ] {
        let theirs = told["best_seconds"][kind].as_f64().expect("a number of seconds");
        println!(
            "| crosstab of 600 cells over 1M rows with findings, against ACRO {} ({what}) | {} | {:.1} ms | {:.3} |",
            told["acro"].as_str().unwrap_or("?"),
            ms(ours),
            theirs * 1e3,
            ours.as_secs_f64() / theirs,
        );
    }
}
