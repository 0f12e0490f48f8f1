//! The plan guard, as a table: what a query says, and the rule that it breaks.

use sluice_domain::contract::{Contract, ReportColumn, Reporting, ValueDomain};
use sluice_domain::dictionary::{Bounds, Column, ColumnKind};
use sluice_domain::grade::Lane;
use sluice_domain::limits::Limits;
use sluice_domain::refusal::{Code, Refusal};
use sluice_engine::admit::{admit, check_filter};
use sluice_engine::ask::{Plan, PlanMeasure, PlanStatistic, TableSpec, Work};

use crate::support::tables::table;

/// `people` of one domain, `visits` of the same, `firms` of another; `towns`, `rates` and `places` are public, and nothing
/// is declared to be unique in the last; `secret` isn't granted.
fn tables() -> Vec<TableSpec> {
    let coded = |name: &str, codes: &[&str]| Column {
        codes: codes.iter().map(|code| (*code).to_owned()).collect(),
        ..Column::new(name, ColumnKind::Utf8)
    };
    let bounded =
        |name: &str, kind| Column { bounds: Some(Bounds { lower: 0, upper: 1_000 }), ..Column::new(name, kind) };
    let mut people = table(
        "people",
        vec![
            Column::new("pid", ColumnKind::Utf8),
            coded("town", &["a", "b"]),
            bounded("income", ColumnKind::Int64),
            bounded("weight", ColumnKind::Float64),
            Column::new("born", ColumnKind::Date32),
            Column::new("seen", ColumnKind::Timestamp),
            Column::new("secret", ColumnKind::Int64),
        ],
        Some(("pid", "persons")),
    );
    people.granted.retain(|name| name != "secret");
    let unique = |table: TableSpec, columns: &[&str]| TableSpec {
        unique: columns.iter().map(|column| (*column).to_owned()).collect(),
        ..table
    };
    let people = unique(people, &["pid"]);
    let visits = table(
        "visits",
        vec![
            Column::new("pid", ColumnKind::Utf8),
            Column::new("place", ColumnKind::Utf8),
            Column::new("cost", ColumnKind::Int64),
        ],
        Some(("pid", "persons")),
    );
    let firms = table(
        "firms",
        vec![Column::new("firm", ColumnKind::Utf8), Column::new("owner", ColumnKind::Utf8)],
        Some(("firm", "enterprises")),
    );
    let towns = table("towns", vec![coded("town", &["a", "b"]), Column::new("region", ColumnKind::Utf8)], None);
    let towns = unique(towns, &["town"]);
    let rates =
        table("rates", vec![Column::new("town", ColumnKind::Utf8), Column::new("year", ColumnKind::Int32)], None);
    let rates = unique(rates, &["town", "year"]);
    let places = table("places", vec![Column::new("kind", ColumnKind::Utf8)], None);
    vec![people, visits, firms, towns, rates, places]
}

fn plan(sql: &str) -> Plan {
    Plan {
        sql: sql.to_owned(),
        dimensions: vec!["town".to_owned()],
        measures: Vec::new(),
        statistics: vec![PlanStatistic::Subjects],
        margins: Vec::new(),
        cells_per_subject: None,
        rows_per_subject: None,
    }
}

async fn ask(sql: &str) -> Result<Contract, Refusal> {
    admit(&tables(), &Work::Plan(plan(sql)), None, &Limits::default()).await.map(|admitted| admitted.contract)
}

/// Puts a query to the guard as an input of a report, without a module.
async fn ask_report(sql: &str) -> Result<(), Refusal> {
    let contract = Contract::Report(Reporting {
        inputs: vec![sql.to_owned()],
        columns: vec![ReportColumn {
            name: "n".to_owned(),
            domain: ValueDomain::Number { unit: String::new(), lower: 0, upper: 9, step: 1, scale: 0 },
        }],
        rows: 1,
        constants: Vec::new(),
    });
    sluice_engine::admit::admit_queries(&tables(), &contract, &Limits::default()).await
}

async fn refused(sql: &str, code: Code, words: &str) {
    match ask(sql).await {
        Ok(_) => panic!("admitted: {sql}"),
        Err(refusal) => {
            assert_eq!(refusal.code, code, "{sql}: {refusal}");
            assert!(refusal.to_string().contains(words), "{sql}: {refusal} doesn't say `{words}`");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_that_stay_within_one_subject_are_admitted() {
    for sql in [
        "SELECT town FROM people",
        "SELECT town, income FROM people WHERE income > 10 AND town IN ('a', 'b')",
        "SELECT p.town FROM people p JOIN visits v ON p.pid = v.pid WHERE v.cost > 3",
        "SELECT p.town FROM people p LEFT JOIN visits v ON p.pid = v.pid",
        "SELECT t.town FROM people p JOIN towns t ON p.town = t.town",
        "SELECT DISTINCT town FROM people",
        "SELECT max(town) AS town FROM people GROUP BY pid",
        "SELECT town FROM (SELECT pid, town, count(*) AS n FROM people GROUP BY pid, town) WHERE n > 2",
        "WITH rich AS (SELECT pid, town FROM people WHERE income > 10) SELECT town FROM rich",
        "SELECT town FROM people UNION ALL SELECT place AS town FROM visits",
        "SELECT CASE WHEN income / 0 > 1 THEN 'a' ELSE town END AS town FROM people",
        "SELECT lower(town) AS town FROM people WHERE date_part('month', born) = 3",
        "SELECT town FROM people WHERE extract(hour FROM seen) < 6 ORDER BY income",
        "SELECT CAST(income AS VARCHAR) AS town FROM people WHERE CAST(town AS BIGINT) = 1",
    ] {
        if let Err(refusal) = ask(sql).await {
            panic!("{sql}: {refusal}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_29_sql_that_reaches_out_of_the_grant() {
    for (sql, code, words) in [
        ("COPY people TO 'x.csv'", Code::Plan, "only SELECT"),
        ("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc'", Code::Plan, "only SELECT"),
        ("CREATE TABLE t AS SELECT * FROM people", Code::Plan, "only SELECT"),
        ("SET datafusion.execution.batch_size = 1", Code::Plan, "only SELECT"),
        ("EXPLAIN SELECT town FROM people", Code::Plan, "only SELECT"),
        ("EXPLAIN ANALYZE SELECT town FROM people", Code::Plan, "only SELECT"),
        ("DESCRIBE people", Code::Plan, "only SELECT"),
        ("SHOW TABLES", Code::Plan, "only SELECT"),
        ("PREPARE p AS SELECT town FROM people", Code::Plan, "only SELECT"),
        ("INSERT INTO people SELECT * FROM people", Code::Plan, "only SELECT"),
        ("DELETE FROM people", Code::Plan, "only SELECT"),
        ("UPDATE people SET income = 0", Code::Plan, "only SELECT"),
        ("SELECT town FROM people; SELECT town FROM people", Code::Plan, "exactly one query"),
        ("SELECT table_name AS town FROM information_schema.tables", Code::Scope, "grant"),
        ("SELECT town FROM '/etc/passwd'", Code::Scope, "grant"),
        ("SELECT town FROM 'people.parquet'", Code::Scope, "grant"),
        ("SELECT town FROM other.granted.people", Code::Scope, "grant"),
        ("SELECT value AS town FROM generate_series(1, 10)", Code::Plan, "table functions"),
        ("SELECT town FROM read_csv('x.csv')", Code::Plan, "table functions"),
        (
            "WITH RECURSIVE r AS (SELECT town FROM people UNION ALL SELECT town FROM r) SELECT town FROM r",
            Code::Plan,
            "ecursive",
        ),
        ("SELECT town FROM people TABLESAMPLE SYSTEM (10)", Code::Plan, "TABLESAMPLE"),
        ("SELECT town FROM people FOR UPDATE", Code::Plan, "FOR"),
        ("VALUES ('a')", Code::Plan, "only SELECT"),
        ("SELECT 'a' AS town", Code::Plan, "granted tables"),
        ("SELECT version() AS town FROM people", Code::Plan, "version"),
        ("SELECT arrow_typeof(town) AS town FROM people", Code::Plan, "arrow_typeof"),
        ("SELECT CAST(random() AS VARCHAR) AS town FROM people", Code::Plan, "random"),
        ("SELECT CAST(now() AS VARCHAR) AS town FROM people", Code::Plan, "now"),
        ("SELECT repeat(town, 100000000) AS town FROM people", Code::Plan, "repeat"),
        ("SELECT chr(income) AS town FROM people", Code::Plan, "chr"),
        ("SELECT $1 AS town FROM people", Code::Plan, ""),
        ("SELECT CAST(seen AS VARCHAR) AS town FROM people", Code::Plan, "date_part"),
        ("SELECT CAST(born AS VARCHAR) AS town FROM people", Code::Plan, "date_part"),
        ("SELECT town FROM people WHERE CAST(seen AS DATE) = born", Code::Plan, "date_part"),
        ("SELECT born || 'x' AS town FROM people", Code::Plan, ""),
    ] {
        refused(sql, code, words).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_p09_a_column_outside_the_grant_does_not_exist() {
    for sql in [
        "SELECT town FROM people WHERE secret = 1",
        "SELECT secret AS town FROM people",
        "SELECT town FROM people ORDER BY secret",
        "SELECT p.town FROM people p JOIN visits v ON p.secret = v.cost",
        "SELECT max(secret) AS town FROM people GROUP BY pid",
    ] {
        refused(sql, Code::Scope, "secret").await;
    }
    let all = ask("SELECT * FROM people").await.expect("a star stands for the granted columns");
    assert!(!format!("{all:?}").contains("secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hosts_own_names_cannot_be_named() {
    refused("SELECT town FROM people WHERE __sluice_subject = 1", Code::Scope, "__sluice").await;
    refused("SELECT __sluice_subject AS town FROM people", Code::Scope, "__sluice").await;
    refused("SELECT town AS __sluice_subject FROM people", Code::Plan, "__sluice").await;
    refused("SELECT __sluice_total_add(income, 1) AS town FROM people", Code::Plan, "__sluice").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_30_queries_that_look_across_subjects() {
    for (sql, code, words) in [
        ("SELECT town FROM people LIMIT 1", Code::Plan, "LIMIT"),
        ("SELECT town FROM people OFFSET 5", Code::Plan, "LIMIT"),
        ("SELECT town FROM people ORDER BY income LIMIT 1", Code::Plan, "LIMIT"),
        ("SELECT town FROM (SELECT town FROM people LIMIT 3)", Code::Plan, "LIMIT"),
        ("SELECT first_value(town) OVER (ORDER BY income) AS town FROM people", Code::Plan, ""),
        ("SELECT town, row_number() OVER (PARTITION BY town) AS n FROM people", Code::Plan, ""),
        ("SELECT max(town) AS town FROM people", Code::Unit, "groups by the subject"),
        ("SELECT town FROM people GROUP BY town", Code::Unit, "groups by the subject"),
        ("SELECT town FROM people WHERE income > (SELECT max(income) FROM people)", Code::Plan, "subqueries"),
        ("SELECT town FROM people WHERE pid IN (SELECT pid FROM visits)", Code::Plan, "subqueries"),
        (
            "SELECT town FROM people p WHERE EXISTS (SELECT 1 FROM visits v WHERE v.pid = p.pid)",
            Code::Plan,
            "subqueries",
        ),
        ("SELECT a.town FROM people a JOIN people b ON a.income = b.income", Code::Unit, "equality on the subject"),
        ("SELECT a.town FROM people a JOIN people b ON a.pid > b.pid", Code::Unit, "equality on the subject"),
        ("SELECT a.town FROM people a CROSS JOIN people b", Code::Unit, "equality on the subject"),
        ("SELECT a.town FROM people a JOIN people b ON a.pid = b.town", Code::Unit, "equality on the subject"),
        ("SELECT p.town FROM people p FULL JOIN visits v ON p.pid = v.pid", Code::Unit, "full join"),
        ("SELECT t.town FROM people p RIGHT JOIN towns t ON p.town = t.town", Code::Unit, "keeps the side"),
        ("SELECT town FROM towns", Code::Unit, "no table with subjects"),
        ("SELECT town FROM people UNION ALL SELECT town FROM towns", Code::Unit, "union"),
        ("SELECT town FROM people GROUP BY GROUPING SETS ((pid, town), (town))", Code::Plan, ""),
        ("SELECT town, sum(income) AS s FROM people GROUP BY pid, town", Code::Plan, "the host adds up"),
        ("SELECT string_agg(town, ',') AS town FROM people GROUP BY pid", Code::Plan, ""),
        ("SELECT DISTINCT ON (town) town FROM people", Code::Plan, "DISTINCT ON"),
    ] {
        refused(sql, code, words).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_38_an_operator_brings_no_table_to_join_with() {
    for (sql, code, words) in [
        (
            "SELECT p.town FROM people p JOIN (VALUES ('p1'), ('p2')) AS mine(pid) ON p.pid = mine.pid",
            Code::Plan,
            "only SELECT",
        ),
        (
            "SELECT p.town FROM people p JOIN (SELECT 'p1' AS pid UNION ALL SELECT 'p2') m ON p.pid = m.pid",
            Code::Plan,
            "granted tables",
        ),
        (
            "WITH mine AS (SELECT 'p1' AS pid) SELECT p.town FROM people p LEFT JOIN mine ON p.pid = mine.pid",
            Code::Plan,
            "granted tables",
        ),
        ("SELECT p.town FROM people p JOIN unnest(['p1', 'p2']) AS m(pid) ON p.pid = m.pid", Code::Plan, ""),
        ("SELECT town FROM people WHERE pid IN (SELECT * FROM (VALUES ('p1')))", Code::Plan, ""),
        ("SELECT p.town FROM people p JOIN 'mine.csv' m ON p.pid = m.pid", Code::Scope, "grant"),
    ] {
        refused(sql, code, words).await;
    }
    // A list of keys in a condition is no table, and bounded like any query. No family has one, so people see it.
    assert!(ask("SELECT town FROM people WHERE pid IN ('p1', 'p2')").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn joins_that_meet_at_most_one_row_are_admitted() {
    for sql in [
        "SELECT p.town FROM people p LEFT JOIN towns t ON p.town = t.town",
        "SELECT p.town FROM towns t RIGHT JOIN people p ON p.town = t.town",
        "SELECT p.town FROM people p JOIN towns t USING (town)",
        "SELECT p.town FROM people p JOIN towns t ON lower(p.town) = t.town AND p.income > 3",
        "SELECT p.town FROM people p JOIN rates r ON p.town = r.town AND r.year = 2013",
        "SELECT p.town FROM people p JOIN rates r ON p.town = r.town AND p.income = r.year",
        "SELECT p.town FROM people p JOIN rates r ON p.town = r.town AND date_part('year', p.born) = r.year",
        "SELECT p.town FROM people p JOIN (SELECT upper(region) AS r, town AS t FROM towns) x ON p.town = x.t",
        "SELECT p.town FROM people p JOIN (SELECT DISTINCT kind FROM places) k ON p.town = k.kind",
        "SELECT p.town FROM people p JOIN (SELECT kind, count(*) AS n FROM places GROUP BY kind) k ON p.town = k.kind",
        "SELECT p.town FROM people p JOIN (SELECT town FROM towns UNION SELECT kind FROM places) k ON p.town = k.town",
        "SELECT p.town FROM people p CROSS JOIN (SELECT max(year) AS last FROM rates) m",
        "SELECT p.town FROM people p JOIN (SELECT a.town FROM towns a JOIN towns b ON a.town = b.town) t \
         ON p.town = t.town",
        "SELECT v.place AS town FROM visits v JOIN people p ON v.pid = p.pid JOIN towns t ON t.town = p.town",
        "SELECT a.place AS town FROM visits a JOIN (SELECT pid, max(cost) AS most FROM visits GROUP BY pid) b \
         ON a.pid = b.pid AND a.cost = b.most",
        "SELECT a.place AS town FROM visits a JOIN (SELECT DISTINCT pid FROM visits) b ON a.pid = b.pid",
    ] {
        if let Err(refusal) = ask(sql).await {
            panic!("{sql}: {refusal}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_43_no_join_multiplies_the_rows_of_a_subject() {
    for sql in [
        "SELECT p.town FROM people p CROSS JOIN towns t",
        "SELECT p.town FROM people p, towns t WHERE p.town = t.town",
        "SELECT p.town FROM people p JOIN towns t ON p.town = t.region",
        "SELECT p.town FROM people p JOIN towns t ON t.town = t.region",
        "SELECT p.town FROM people p JOIN towns t ON p.town = t.town OR p.income = 7",
        "SELECT p.town FROM people p JOIN towns t ON p.town >= t.town",
        "SELECT p.town FROM people p JOIN towns t ON p.town = lower(t.town)",
        "SELECT p.town FROM people p LEFT JOIN towns t ON p.income = 7",
        "SELECT p.town FROM towns t RIGHT JOIN people p ON p.town = t.region",
        "SELECT p.town FROM people p JOIN rates r ON p.town = r.town",
        "SELECT p.town FROM people p JOIN rates r ON p.town = r.town AND r.year > p.income",
        "SELECT p.town FROM people p JOIN rates r ON p.town = r.town AND r.year = r.year + p.income",
        "SELECT p.town FROM people p JOIN places k ON p.town = k.kind",
        "SELECT p.town FROM people p JOIN (SELECT town FROM towns UNION ALL SELECT town FROM towns) t \
         ON p.town = t.town",
        "SELECT p.town FROM people p JOIN (SELECT a.town FROM towns a CROSS JOIN places b) t ON p.town = t.town",
        "SELECT p.town FROM people p JOIN (SELECT b.town FROM places a LEFT JOIN towns b ON a.kind = b.town) t \
         ON p.town = t.town",
        "SELECT p.town FROM people p JOIN (SELECT lower(town) AS town FROM towns) t ON p.town = t.town",
    ] {
        refused(sql, Code::Unit, "at most one public row").await;
    }
    for sql in [
        "SELECT a.place AS town FROM visits a JOIN visits b ON a.pid = b.pid",
        "SELECT a.place AS town FROM visits a LEFT JOIN visits b ON a.pid = b.pid AND a.cost = 3",
        "SELECT a.place AS town FROM visits a JOIN (SELECT DISTINCT pid, place FROM visits) b ON a.pid = b.pid",
    ] {
        refused(sql, Code::Unit, "of two private tables").await;
    }
    // What a union gives several times is bounded by the query's length, and by this.
    let many = ["SELECT town FROM people"; 24];
    ask(&many.join(" UNION ALL ")).await.expect("24 tables are read");
    let nested = "WITH a AS (SELECT town FROM people UNION ALL SELECT town FROM people UNION ALL SELECT town FROM people), \
         b AS (SELECT town FROM a UNION ALL SELECT town FROM a UNION ALL SELECT town FROM a), \
         c AS (SELECT town FROM b UNION ALL SELECT town FROM b UNION ALL SELECT town FROM b) \
         SELECT town FROM c UNION ALL SELECT town FROM c UNION ALL SELECT town FROM c";
    refused(nested, Code::Plan, "at most 64 tables").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unique_counts_only_where_it_is_granted() {
    let mut tables = tables();
    let rates = tables.iter_mut().find(|table| table.name == "rates").unwrap();
    rates.granted.retain(|name| name != "year");
    let work = Work::Plan(plan("SELECT p.town FROM people p JOIN rates r ON p.town = r.town"));
    let refusal = admit(&tables, &work, None, &Limits::default()).await.expect_err("two years have one town");
    assert_eq!(refusal.code, Code::Unit);
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_p09_a_row_filter_is_checked_without_a_job_as_with_one() {
    let people = |filter: &str| TableSpec { row_filter: Some(filter.to_owned()), ..tables().remove(0) };
    let limits = Limits::default();
    for filter in
        ["income > 10 AND town = 'a'", "secret = 1", "CAST(town AS BIGINT) = 3", "date_part('year', born) > 1990"]
    {
        check_filter(&people(filter), &limits).unwrap_or_else(|refusal| panic!("{filter}: {refusal}"));
    }
    let deep = format!("{}income = 1{}", "(".repeat(2_000), ")".repeat(2_000));
    for (filter, words) in [
        ("nonsense = 1", "nonsense"),
        ("income >", "planned"),
        ("income > 1; DROP TABLE people", "planned"),
        ("income", ""),
        ("random() > 0.5", "random"),
        ("max(income) > 3", ""),
        ("income > (SELECT max(cost) FROM visits)", ""),
        ("__sluice_subject = 1", "__sluice"),
        (deep.as_str(), "planned"),
    ] {
        let refusal = check_filter(&people(filter), &limits).expect_err(filter);
        assert_eq!(refusal.code, Code::Plan, "{filter}: {refusal}");
        let said = refusal.to_string();
        assert!(said.contains("row filter") && said.contains(words), "{filter}: {refusal}");
        // The very words of a job's admission.
        let work = Work::Plan(plan("SELECT town FROM people"));
        let at_admission = admit(&[people(filter)], &work, None, &limits).await.expect_err(filter);
        assert_eq!(at_admission, refusal);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_22_a_table_too_large_to_count_in_is_refused_without_data() {
    let ask =
        async |limits: &Limits| admit(&tables(), &Work::Plan(plan("SELECT town FROM people")), None, limits).await;
    ask(&Limits::default()).await.expect("two cells are few");
    for limits in
        [Limits { count_bytes_max: 500, ..Limits::default() }, Limits { raw_output_bytes_max: 50, ..Limits::default() }]
    {
        let refusal = ask(&limits).await.expect_err("there is no room");
        assert_eq!(refusal.code, Code::Contract);
        assert!(refusal.to_string().contains("so many cells and measures"), "{refusal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_48_a_private_table_of_another_domain_is_not_public() {
    for sql in [
        "SELECT p.town FROM people p JOIN firms f ON f.owner = p.pid",
        "SELECT p.town FROM people p JOIN firms f ON f.firm = p.pid",
        "SELECT p.town FROM firms f JOIN people p ON f.firm = p.pid",
    ] {
        refused(sql, Code::Unit, "one subject domain").await;
    }
    refused("SELECT town FROM people UNION ALL SELECT owner AS town FROM firms", Code::Unit, "one subject domain")
        .await;
    ask_report("SELECT count(*) AS n FROM people p JOIN firms f ON f.owner = p.pid")
        .await
        .expect("lane report may join domains: people read what comes out");
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_22_queries_made_to_swell_the_planner() {
    let many = format!("SELECT town FROM people WHERE {}", vec!["income = 1"; 1_100].join(" OR "));
    assert!(many.len() < Limits::default().sql_bytes_max);
    ask(&many).await.expect("a long flat condition is legal");
    let deep = format!("SELECT town FROM people WHERE {}income = 1{}", "(".repeat(2_000), ")".repeat(2_000));
    refused(&deep, Code::Plan, "parsed").await;
    let pattern = format!("SELECT town FROM people WHERE town LIKE '{}'", "%_".repeat(1_000));
    refused(&pattern, Code::Plan, "pattern").await;
    let long = format!("SELECT town FROM people WHERE town = '{}'", "x".repeat(20_000));
    refused(&long, Code::Contract, "bytes").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_may_aggregate_but_not_escape() {
    for sql in [
        "SELECT town, sum(income) AS s, avg(weight) AS w FROM people GROUP BY town ORDER BY s LIMIT 3",
        "SELECT count(DISTINCT pid) AS n FROM people",
    ] {
        if let Err(refusal) = ask_report(sql).await {
            panic!("{sql}: {refusal}");
        }
    }
    for sql in ["SELECT secret FROM people", "SELECT * FROM information_schema.tables", "COPY people TO 'x'"] {
        assert!(ask_report(sql).await.is_err(), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn measures_need_bounds_and_dimensions_need_codes() {
    let limits = Limits::default();
    let ask = async |plan: Plan| admit(&tables(), &Work::Plan(plan), None, &limits).await;
    let base = plan("SELECT town, income, weight, income + 1 AS more FROM people");
    let with = |column: &str, lower, upper| {
        let measure = PlanMeasure { column: column.to_owned(), scale: 0, lower, upper };
        Plan { measures: vec![measure], ..base.clone() }
    };
    ask(with("income", None, None)).await.expect("the dictionary has bounds");
    ask(with("more", Some(0), Some(5))).await.expect("the job has bounds");
    let unbounded = ask(with("more", None, None)).await.expect_err("nobody gives bounds");
    assert_eq!(unbounded.code, Code::Contract);
    let absurd = ask(with("more", Some(i64::MIN), Some(i64::MAX))).await.expect_err("absurd bounds");
    assert_eq!(absurd.code, Code::Contract);
    let open = ask(Plan { dimensions: vec!["income".to_owned()], ..base.clone() }).await.expect_err("no codes");
    assert!(open.to_string().contains("closed list"), "{open}");
    assert_eq!(Lane::Tabulate, ask(base).await.expect("counts need no measure").contract.lane());
}
