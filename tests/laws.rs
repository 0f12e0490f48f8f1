//! What must be true of every count: it doesn't depend on partitions, threads or the order of rows, and it is what
//! plain DataFusion counts.

use std::collections::BTreeMap;
use std::path::Path;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use sluice_disclosure::candidate::{Body, CellCount};
use sluice_disclosure::{Appetite, Candidate, Context, Value, assess};
use sluice_domain::contract::Contract;
use sluice_domain::dictionary::{Column, ColumnKind};
use sluice_domain::grade::Grade;
use sluice_domain::limits::Limits;
use sluice_engine::RawOutput;
use sluice_engine::admit::admit;
use sluice_engine::ask::{Plan, PlanMeasure, PlanStatistic, Run, TableSpec, Work};
use sluice_engine::raw::Kept;

use crate::support::data::{examples, flights, seal, seal_lookup};

fn plan(sql: &str, dimensions: &[&str], measures: &[&str], margins: &[&[&str]]) -> Plan {
    let mut statistics = vec![PlanStatistic::Subjects, PlanStatistic::Records];
    statistics.extend(measures.iter().map(|name| PlanStatistic::Sum((*name).to_owned())));
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Plan {
        sql: sql.to_owned(),
        dimensions: names(dimensions),
        measures: measures
            .iter()
            .map(|name| PlanMeasure { column: (*name).to_owned(), scale: 0, lower: None, upper: None })
            .collect(),
        statistics,
        margins: margins.iter().map(|kept| names(kept)).collect(),
        cells_per_subject: None,
        rows_per_subject: None,
    }
}

/// What a run gave: its counts, and the folder with what it kept.
struct Gave {
    raw: RawOutput,
    folder: tempfile::TempDir,
}

impl Gave {
    fn same_as(&self, other: &Gave) -> bool {
        self.raw.same_as(&other.raw)
    }

    fn candidate(&self, contract: &Contract) -> Candidate {
        let kept = Kept::read(contract, self.folder.path(), &[]).unwrap();
        self.raw.candidate(contract, kept, &Limits::default()).unwrap()
    }
}

/// Admits and runs a plan.
async fn run(tables: &[TableSpec], plan: &Plan, partitions: usize) -> (Contract, Gave) {
    let limits = Limits::default();
    let work = Work::Plan(plan.clone());
    let contract = admit(tables, &work, None, &limits).await.unwrap().contract;
    let folder = tempfile::tempdir().unwrap();
    let run = Run {
        tables: tables.to_vec(),
        work,
        contract: contract.clone(),
        partitions,
        folder: folder.path().to_path_buf(),
        bound_key: [3; 32],
    };
    let raw = sluice_engine::run::run(&run, None, &limits).await.unwrap();
    (contract, Gave { raw, folder })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_job_with_1_2_and_8_partitions_gives_the_same_bytes() {
    let home = tempfile::tempdir().unwrap();
    let tables = [flights(home.path()).await];
    let plan = plan(
        "SELECT carrier, origin, dep_delay FROM flights WHERE month IN (1, 7)",
        &["carrier", "origin"],
        &["dep_delay"],
        &[],
    );
    let (_, one) = run(&tables, &plan, 1).await;
    for partitions in [2, 8] {
        let (_, other) = run(&tables, &plan, partitions).await;
        assert!(one.same_as(&other), "{partitions} partitions");
    }
    let narrow = Plan { cells_per_subject: Some(2), ..plan };
    let (_, one) = run(&tables, &narrow, 1).await;
    let (_, eight) = run(&tables, &narrow, 8).await;
    assert!(one.same_as(&eight), "dropping cells over the bound doesn't depend on partitions");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_is_one_subject_whatever_the_plan() {
    let home = tempfile::tempdir().unwrap();
    let tables = [flights(home.path()).await];
    for sql in [
        "SELECT carrier FROM flights UNION ALL SELECT carrier FROM flights",
        "SELECT carrier FROM flights UNION SELECT carrier FROM flights",
        "SELECT DISTINCT carrier FROM flights",
        "SELECT carrier FROM (SELECT tailnum, carrier, count(*) AS n FROM flights GROUP BY tailnum, carrier) WHERE n > 0",
        "SELECT a.carrier FROM flights a JOIN (SELECT DISTINCT tailnum FROM flights) b ON a.tailnum = b.tailnum",
    ] {
        let plan = plan(sql, &["carrier"], &[], &[]);
        let (contract, one) = run(&tables, &plan, 1).await;
        for partitions in [2, 8] {
            let (_, other) = run(&tables, &plan, partitions).await;
            assert!(one.same_as(&other), "{partitions} partitions: {sql}");
        }
        let subjects: BTreeMap<Vec<String>, i64> =
            counted(&one, &contract).into_iter().map(|(labels, numbers)| (labels, numbers[0])).collect();
        let expected =
            plain("SELECT carrier, count(DISTINCT tailnum) FROM flights WHERE tailnum IS NOT NULL GROUP BY carrier", 1);
        let expected: BTreeMap<Vec<String>, i64> =
            expected.await.into_iter().map(|(labels, numbers)| (labels, numbers[0])).collect();
        assert_eq!(subjects, expected, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_within_the_domain_does_not_depend_on_partitions() {
    let home = tempfile::tempdir().unwrap();
    let planes = seal(home.path(), "planes").await;
    let tables = [flights(home.path()).await, planes];
    let plan = plan(
        "SELECT f.carrier, f.distance FROM flights f JOIN planes p ON f.tailnum = p.tailnum WHERE p.year < 2000",
        &["carrier"],
        &["distance"],
        &[],
    );
    let plainly = "SELECT f.carrier, count(DISTINCT f.tailnum), count(*), CAST(sum(f.distance) AS BIGINT) \
                   FROM flights f JOIN planes p ON f.tailnum = p.tailnum WHERE p.year < 2000 GROUP BY f.carrier";
    counts_as_plainly(&tables, &plan, plainly).await;
}

/// That one partition and eight give the same output, and that it is what the query gives by itself: a label, then
/// subjects, records and a sum.
async fn counts_as_plainly(tables: &[TableSpec], plan: &Plan, plainly: &str) {
    let (_, one) = run(tables, plan, 1).await;
    let (contract, eight) = run(tables, plan, 8).await;
    assert!(one.same_as(&eight));
    assert_eq!(counted(&one, &contract), plain(plainly, 1).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_with_a_public_table_multiplies_nothing() {
    let home = tempfile::tempdir().unwrap();
    let names = ["carrier", "name"].map(|name| Column::new(name, ColumnKind::Utf8)).to_vec();
    let airlines = seal_lookup(home.path(), &examples().join("data/airlines.csv"), names, &["carrier"]).await.unwrap();
    let tables = [flights(home.path()).await, airlines];
    let plan = plan(
        "SELECT f.carrier, f.distance FROM flights f JOIN lookup l ON f.carrier = l.carrier WHERE l.name <> 'x'",
        &["carrier"],
        &["distance"],
        &[],
    );
    let plainly = "SELECT carrier, count(DISTINCT tailnum), count(*), CAST(sum(distance) AS BIGINT) FROM flights \
                   WHERE tailnum IS NOT NULL GROUP BY carrier";
    counts_as_plainly(&tables, &plan, plainly).await;
}

/// Plain DataFusion on the file itself: labels, then subjects, records and a sum.
async fn plain(sql: &str, labels: usize) -> BTreeMap<Vec<String>, Vec<i64>> {
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    for name in ["flights", "planes"] {
        let file = examples().join(format!("data/{name}.parquet"));
        context.register_parquet(name, file.to_str().unwrap(), ParquetReadOptions::default()).await.unwrap();
    }
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    let mut rows = BTreeMap::new();
    for batch in &batches {
        for row in 0..batch.num_rows() {
            let label = |column: usize| {
                let text = datafusion::arrow::compute::cast(
                    batch.column(column),
                    &datafusion::arrow::datatypes::DataType::Utf8,
                );
                text.unwrap().as_string::<i32>().value(row).to_owned()
            };
            let key = (0..labels).map(label).collect();
            rows.insert(key, numbers(batch, labels, row));
        }
    }
    rows
}

fn numbers(batch: &RecordBatch, from: usize, row: usize) -> Vec<i64> {
    (from..batch.num_columns())
        .map(|column| {
            let column =
                datafusion::arrow::compute::cast(batch.column(column), &datafusion::arrow::datatypes::DataType::Int64);
            column.unwrap().as_primitive::<Int64Type>().value(row)
        })
        .collect()
}

/// What a run counted, by labels.
fn counted(gave: &Gave, contract: &Contract) -> BTreeMap<Vec<String>, Vec<i64>> {
    let candidate = gave.candidate(contract);
    let Body::Counted(counts) = candidate.body() else { panic!("counted") };
    let dimensions = &counts.contract().dimensions;
    let label = |codes: &[u32]| -> Vec<String> {
        codes.iter().zip(dimensions).map(|(code, dimension)| dimension.labels[*code as usize].clone()).collect()
    };
    let cell = |cell: &CellCount| {
        let mut numbers = vec![i64::try_from(cell.subjects).unwrap(), i64::try_from(cell.records).unwrap()];
        numbers.extend(cell.sums.iter().map(|sum| i64::try_from(*sum).unwrap()));
        numbers
    };
    counts.cells().map(|(codes, count)| (label(codes), cell(&count))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_released_table_is_what_plain_datafusion_counts() {
    let home = tempfile::tempdir().unwrap();
    let tables = [flights(home.path()).await];
    let plan = plan(
        "SELECT carrier, origin, distance, dep_delay FROM flights",
        &["carrier", "origin"],
        &["distance", "dep_delay"],
        &[&["carrier"], &[]],
    );
    let (contract, raw) = run(&tables, &plan, 2).await;
    let expected = plain(
        "SELECT carrier, origin, count(DISTINCT tailnum), count(*), CAST(sum(distance) AS BIGINT), \
         CAST(coalesce(sum(dep_delay), 0) AS BIGINT) FROM flights WHERE tailnum IS NOT NULL GROUP BY carrier, origin",
        2,
    )
    .await;
    assert_eq!(counted(&raw, &contract), expected);

    let candidate = raw.candidate(&contract);
    let appetite = Appetite::floor(Grade::Open).unwrap();
    assert_eq!(appetite.rules().rounding_base, 1, "open grade doesn't round");
    let assessment = assess(&candidate, &appetite, &Context::default());
    let threshold = i64::try_from(appetite.rules().threshold).unwrap();
    let mut totals: BTreeMap<Vec<String>, Vec<i128>> = BTreeMap::new();
    let (mut open, mut closed) = (0, 0);
    for row in assessment.table().rows() {
        let labels: Vec<String> = row[..2].iter().map(text).collect();
        if labels.iter().any(|label| label == sluice_disclosure::TOTAL) {
            continue;
        }
        let Some(numbers) = expected.get(&labels).filter(|numbers| numbers[0] >= threshold) else {
            assert!(row[2..].iter().all(|value| matches!(value, Value::Suppressed)), "{labels:?}");
            continue;
        };
        for key in [vec![labels[0].clone(), "*".to_owned()], vec!["*".to_owned(), "*".to_owned()]] {
            let total = totals.entry(key).or_insert_with(|| vec![0; numbers.len()]);
            total.iter_mut().zip(&row[2..]).for_each(|(total, value)| *total += number(value).unwrap_or(0));
        }
        for (value, expected) in row[2..].iter().zip(numbers) {
            // What few dominate is withheld; whatever is shown is the truth.
            match number(value) {
                Some(shown) => assert_eq!(shown, i128::from(*expected), "{labels:?}"),
                None => closed += 1,
            }
            open += usize::from(number(value).is_some());
        }
    }
    assert!(open > 60 && closed < open, "most is shown: {open}, and {closed} isn't");
    for row in assessment.table().rows() {
        let labels: Vec<String> = row[..2].iter().map(text).collect();
        for (value, total) in row[2..].iter().zip(totals.remove(&labels).unwrap_or_default()) {
            assert!(number(value).is_none_or(|shown| shown == total), "totals are sums of what is shown: {labels:?}");
        }
    }
    assert!(totals.is_empty(), "every total is in the table");
}

fn text(value: &Value) -> String {
    match value {
        Value::Label(text) => text.clone(),
        _ => panic!("a label"),
    }
}

fn number(value: &Value) -> Option<i128> {
    match value {
        Value::Integer(number) => Some(*number),
        Value::Suppressed => None,
        Value::Label(_) => panic!("a number"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_p09_rows_outside_the_filter_count_nowhere_and_fail_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut table = flights(home.path()).await;
    table.row_filter = Some("month = 2 AND origin <> 'LGA'".to_owned());
    table.granted.retain(|name| name != "month");
    let plan = plan(
        "SELECT carrier, 100 / (day - 30) AS q, distance FROM flights WHERE 10 / (day - 31) < 5",
        &["carrier"],
        &["distance"],
        &[],
    );
    let (contract, raw) = run(&[table], &plan, 2).await;
    let expected = plain(
        "SELECT carrier, count(DISTINCT tailnum), count(*), CAST(sum(distance) AS BIGINT) FROM flights \
         WHERE tailnum IS NOT NULL AND month = 2 AND origin <> 'LGA' GROUP BY carrier",
        1,
    )
    .await;
    assert_eq!(counted(&raw, &contract), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_43_no_row_can_make_a_query_fail() {
    let home = tempfile::tempdir().unwrap();
    let tables = [flights(home.path()).await];
    // A text that doubles with each level: 2^16 times as long at the end, were it not bounded.
    let doubled = (0..16).fold("SELECT carrier, tailnum AS x FROM flights".to_owned(), |inner, _| {
        format!("SELECT carrier, x || x AS x FROM ({inner})")
    });
    for sql in [
        "SELECT carrier FROM flights WHERE 1 / (dep_delay - dep_delay) > 0",
        "SELECT carrier FROM flights WHERE 9223372036854775807 + day > 0",
        "SELECT carrier FROM flights WHERE CAST(carrier AS BIGINT) > 3",
        "SELECT carrier FROM flights WHERE carrier > 3",
        "SELECT carrier FROM flights WHERE -(day * 9223372036854775807) % 0 = 1",
        "SELECT carrier FROM flights WHERE CAST('x' || tailnum AS TIMESTAMP) IS NULL",
        &doubled,
    ] {
        let plan = plan(sql, &["carrier"], &[], &[]);
        let (_, raw) = run(&tables, &plan, 2).await;
        drop(raw);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_12_the_order_of_the_file_reaches_nothing() {
    let home = tempfile::tempdir().unwrap();
    let forth = home.path().join("forth.csv");
    let back = home.path().join("back.csv");
    let rows: Vec<String> = (0..500).map(|n| format!("s{},{},{}", n % 97, ["a", "b"][n % 2], n % 13)).collect();
    let write = |path: &Path, rows: Vec<&String>| {
        let lines: Vec<&str> = rows.iter().map(|row| row.as_str()).collect();
        std::fs::write(path, format!("Id,Kind,Value\n{}\n", lines.join("\n"))).unwrap();
    };
    write(&forth, rows.iter().collect());
    write(&back, rows.iter().rev().collect());
    let first = crate::support::data::seal_csv(home.path(), &forth, "first").await;
    let second = crate::support::data::seal_csv(home.path(), &back, "second").await;
    let plan = plan("SELECT kind, value FROM things", &["kind"], &["value"], &[]);
    let (contract, forth) = run(&[first], &plan, 2).await;
    let (_, back) = run(&[second], &plan, 2).await;
    assert!(forth.same_as(&back));
    let subjects: i64 = counted(&forth, &contract).values().map(|numbers| numbers[1]).sum();
    assert_eq!(subjects, 500, "every record is counted once");
}
