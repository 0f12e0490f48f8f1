//! Relations between measures: the agency's dictionary lists them, and what follows from a table undergoes the rules.

use serde_json::{Value, json};
use sluice_domain::refusal::Code;

use crate::support::acts::{Reviewed, figure, inner, terms, text};
use crate::support::node::Place;
use crate::support::shared::shared;

/// Twenty firms of a place, whose costs are their revenue but for one firm with a profit.
fn firms(name: &str, relations: &Value) -> Value {
    let number =
        |column: &str| json!({ "name": column, "kind": "int64", "bounds": { "lower": -1_000, "upper": 1_000 } });
    json!({
        "name": name,
        "title": "Firms",
        "item_code": name,
        "subject": { "column": "id", "domain": name },
        "grade": "open",
        "n_public": 100,
        "dictionary": {
            "columns": [
                { "name": "id", "kind": "utf8" },
                { "name": "place", "kind": "utf8", "codes": ["x"] },
                number("revenue"),
                number("cost"),
                number("profit"),
            ],
            "relations": relations,
        },
    })
}

fn profit() -> Value {
    json!([{ "name": "profit", "terms": { "revenue": 1, "cost": -1 }, "equals": "profit" }])
}

/// The firms as a dataset, and a grant of all of it.
fn granted(place: &Place, name: &str, relations: &Value) -> String {
    place.register(&firms(name, relations));
    let row = |n: i64| {
        let (cost, profit) = (200 + 7 * n, if n == 0 { 50 } else { 0 });
        format!("f{n},x,{},{cost},{profit}\n", cost + profit)
    };
    let rows: String = (0..20).map(row).collect();
    place.seal(name, "csv", format!("id,place,revenue,cost,profit\n{rows}").as_bytes());
    let columns = ["id", "place", "revenue", "cost", "profit"];
    place.grant(&terms(json!([{ "dataset": name, "columns": columns }])))
}

/// Sums of two outputs of a query, by place.
fn summed(place: &Place, grant: &str, sql: &str, measures: [&str; 2]) -> Reviewed {
    let measure = |name: &str| json!({ "column": name, "lower": -1_000, "upper": 1_000 });
    let plan = json!({
        "sql": sql,
        "dimensions": ["place"],
        "measures": measures.map(measure),
        "statistics": measures.map(|name| json!({ "sum": name })),
    });
    place.reviewed(&place.plan(grant, &plan))
}

/// The findings of the two checks that know of relations, but for passes.
fn found(reviewed: &Reviewed) -> Vec<String> {
    let findings = reviewed.candidate["findings"].as_array().unwrap().iter();
    let ids = findings.filter(|one| one["verdict"] != "pass").map(|one| text(&one["id"]));
    ids.filter(|id| id.starts_with("relations:") || id == "unchecked:relations").collect()
}

#[test]
fn attack_46_what_follows_from_published_measures_breaks_a_rule() {
    let place = &shared().place;
    let grant = granted(place, "related", &profit());
    let seen = summed(place, &grant, "SELECT place, revenue, cost FROM related", ["revenue", "cost"]);
    assert_eq!(found(&seen), ["relations:profit:cost:place=x"], "one firm has all of the profit");
    let cells = inner(&seen.candidate);
    let [cell] = cells.as_slice() else { panic!("one place") };
    assert_eq!((figure(cell, "revenue").1, figure(cell, "cost").1), (true, false), "one of the two is withheld");
    // Under other names and of fewer rows, the columns are the same ones.
    let sql = "SELECT f.place, f.cost AS c, f.revenue AS r FROM (SELECT * FROM related WHERE revenue > 0) AS f";
    assert_eq!(found(&summed(place, &grant, sql, ["r", "c"])), ["relations:profit:c:place=x"]);
    // Revenue less profit is cost, which gives nobody away here.
    let safe = summed(place, &grant, "SELECT place, revenue, profit FROM related", ["revenue", "profit"]);
    assert_eq!(found(&safe), Vec::<String>::new());
}

#[test]
fn what_is_worked_out_is_in_no_relation_and_reviewers_are_told() {
    let place = &shared().place;
    let grant = granted(place, "made_up", &profit());
    let sql = "SELECT place, revenue + 1 AS revenue, cost FROM made_up";
    assert_eq!(found(&summed(place, &grant, sql, ["revenue", "cost"])), ["unchecked:relations"]);
    let undeclared = granted(place, "undeclared", &json!([]));
    let sql = "SELECT place, revenue, cost FROM undeclared";
    assert_eq!(found(&summed(place, &undeclared, sql, ["revenue", "cost"])), ["unchecked:relations"]);
}

#[test]
fn relations_are_public_and_checked_when_a_dataset_is_registered() {
    let place = &shared().place;
    place.register(&firms("listed", &profit()));
    let shown = place.client("olga").get("/v1/datasets/listed").ok();
    assert_eq!(shown["dictionary"]["relations"], profit());
    let many: Vec<Value> =
        (0..17).map(|n| json!({ "name": format!("r{n}"), "terms": { "revenue": 1, "cost": -1 } })).collect();
    for (relations, words) in [
        (json!([{ "name": "p", "terms": { "revenue": 1, "sales": -1 } }]), "isn't in the dictionary"),
        (json!([{ "name": "p", "terms": { "revenue": 1, "place": -1 } }]), "isn't a number"),
        (json!([{ "name": "p", "terms": { "revenue": 1, "cost": 0 } }]), "a coefficient isn't 0"),
        (json!([{ "name": "p", "terms": { "revenue": 1, "cost": 1_001 } }]), "is at most 1000"),
        (json!([{ "name": "p", "terms": { "revenue": 1 } }]), "at least 2 columns"),
        (json!([{ "name": "P", "terms": { "revenue": 1, "cost": 1 } }]), "plain lower-case name"),
        (json!([profit()[0], profit()[0]]), "a name of its own"),
        (json!(many), "at most 16 relations"),
    ] {
        let detail =
            place.client("carol").post("/v1/datasets", &firms("unlisted", &relations)).refused(Code::Malformed);
        assert!(detail.contains(words), "{relations}: {detail}");
    }
}
