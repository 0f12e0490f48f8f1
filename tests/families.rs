//! Vetted families, from the proposal to an answer that needs nobody: what is looked up, what isn't, and what binds.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Value, json};
use sluice_domain::refusal::Code;
use sluice_ledger::Receipt;

use crate::support::acts::{terms, text};
use crate::support::node::{Hosted, Place};

const DISTRICTS: [&str; 6] = ["n1", "n2", "n3", "s1", "s2", "s3"];
const AGES: [&str; 3] = ["young", "middle", "old"];

/// People of a small town: identifier, district, age, household, income.
type Town = BTreeMap<u32, (usize, usize, u32, i64)>;

fn town() -> Town {
    let person = |id: u32| {
        // Spread unevenly, so that some cells are small.
        let place = (id as usize * 7 + id as usize / 5) % 16;
        let district = [0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 3, 4, 4, 5][place];
        let age = [0, 0, 1, 1, 1, 1, 2][(id as usize * 3 + id as usize / 11) % 7];
        (id, (district, age, id / 2, 10_000 + i64::from(id * 37 % 4_001) * 5))
    };
    (0..420).map(person).collect()
}

fn csv(town: &Town) -> Vec<u8> {
    let line = |(id, (district, age, household, income)): (&u32, &(usize, usize, u32, i64))| {
        format!("p{id},{},{},h{household},{income}\n", DISTRICTS[*district], AGES[*age])
    };
    let lines: String = town.iter().map(line).collect();
    format!("id,district,age,household,income\n{lines}").into_bytes()
}

fn entry() -> Value {
    let region: BTreeMap<&str, &str> = DISTRICTS.iter().map(|district| (*district, &district[..1])).collect();
    json!({
        "name": "town",
        "title": "People of a town",
        "item_code": "town",
        "subject": { "column": "id", "domain": "people" },
        "group": "household",
        "grade": "open",
        "n_public": 500,
        "dictionary": { "columns": [
            { "name": "id", "kind": "utf8" },
            { "name": "district", "kind": "utf8", "codes": DISTRICTS, "per_subject": true },
            { "name": "region", "kind": "utf8", "codes": ["n", "s"], "per_subject": true,
              "rolls_up": { "from": "district", "codes": region } },
            { "name": "age", "kind": "utf8", "codes": AGES, "per_subject": true },
            { "name": "household", "kind": "utf8" },
            { "name": "income", "kind": "int64", "unit": "coins", "bounds": { "lower": 0, "upper": 40_000 } },
        ]},
    })
}

fn proposal(name: &str) -> Value {
    json!({ "terms": {
        "dataset": "town",
        "name": name,
        "title": "People by district and age",
        "dimensions": [{ "levels": ["district", "region"] }, { "levels": ["age"] }],
        "subjects": true,
        "records": true,
        "measures": [{ "column": "income" }],
        "margins": [["region", "age"], ["region"], ["age"], []],
    }})
}

fn plan(sql: &str, dimensions: &[&str], margins: &[&[&str]]) -> Value {
    json!({
        "sql": sql,
        "dimensions": dimensions,
        "measures": [{ "column": "income" }],
        "statistics": ["subjects", { "sum": "income" }],
        "margins": margins,
    })
}

/// A node with the town and a family that is vetted and sealed.
struct Vetted {
    hosted: Hosted,
    grant: String,
}

fn vetted() -> &'static Vetted {
    static VETTED: OnceLock<Vetted> = OnceLock::new();
    VETTED.get_or_init(|| own_vetted(&["id", "district", "region", "age", "income"]))
}

/// The same for one test alone, with a grant of these columns.
fn own_vetted(columns: &[&str]) -> Vetted {
    let hosted = sealed();
    let place = &hosted.place;
    place.client("carol").post("/v1/families", &proposal("people")).ok();
    for person in ["cyrus", "rosa"] {
        place.client(person).act("/v1/families/town.people/vet").ok();
    }
    let grant = place.grant(&terms(json!([{ "dataset": "town", "columns": columns }])));
    Vetted { hosted, grant }
}

/// A node with the town, and no family yet.
fn sealed() -> Hosted {
    let hosted = Hosted::start();
    hosted.place.register(&entry());
    hosted.place.seal("town", "csv", &csv(&town()));
    hosted
}

fn ask(place: &Place, who: &str, grant: &str, plan: &Value) -> Value {
    let ask = json!({ "grant": grant, "lane": "tabulate", "plan": plan });
    place.client(who).post("/v1/jobs", &ask).ok()
}

#[test]
fn a_job_within_a_family_is_answered_at_once_with_a_receipt() {
    let Vetted { hosted, grant } = vetted();
    let place = &hosted.place;
    let plan = plan("SELECT region, age, income FROM town", &["region", "age"], &[&["region"], &[]]);
    let job = ask(place, "olga", grant, &plan);
    assert_eq!((&job["state"], &job["route"]["kind"]), (&json!("released"), &json!("family")), "{job}");
    assert_eq!(job["route"]["family"], "town.people");
    let release = text(&job["release"]);
    let rows = place.rows(&release);
    assert_eq!(rows.len(), 1 + 6 + 2 + 1);
    let all = rows.last().expect("there is a grand total");
    let income: i64 = town().values().map(|person| person.3).sum();
    assert_eq!(all[..], ["*", "*", "420", &income.to_string()].map(str::to_owned));
    let north = town().values().filter(|person| person.0 < 3).count();
    assert_eq!(rows[7][..3], ["n", "*", &north.to_string()].map(str::to_owned));

    let receipt = place.client("olga").get(&format!("/v1/releases/{release}/receipt")).body;
    let receipt = Receipt::parse(&receipt).unwrap().verify(Some(&place.key())).unwrap();
    let body: Value = serde_json::from_str(receipt.body()).unwrap();
    assert_eq!(body["basis"]["family"]["family"], "town.people");
    let record = place.client("olga").get(&format!("/v1/releases/{release}/record")).json();
    assert_eq!(record["evidence"], json!(["counted_by_host", "vetted_family"]));
    assert_eq!((&record["family"], &record["method"]), (&json!("town.people"), &json!("suppress")));
    let inside = place.inside(&text(&job["id"]));
    assert_eq!((&inside["request"], &inside["attempts"]), (&Value::Null, &json!([])), "nothing ran, nobody looked");
}

#[test]
fn attack_40_answers_are_the_same_for_everyone_and_depend_on_the_question_alone() {
    let Vetted { hosted, grant } = vetted();
    let place = &hosted.place;
    let question = plan("SELECT age, income FROM town WHERE district = 's3'", &["age"], &[]);
    let bytes = |release: &str| {
        ["/data?format=csv", "/data?format=parquet", "/data?format=arrow", "/record"]
            .map(|part| place.client("olga").get(&format!("/v1/releases/{release}{part}")).body)
    };
    let [one, other] = [(); 2].map(|()| ask(place, "olga", grant, &question));
    assert_eq!((&one["state"], &other["state"]), (&json!("released"), &json!("released")));
    assert!(bytes(&text(&one["release"])) == bytes(&text(&other["release"])), "the same bytes for the same question");
    // A district of a handful of people is answered like any other: with `c`, and at once.
    let few = town().values().filter(|person| person.0 == 5).count();
    assert!(few < 40);
    let rows = place.rows(&text(&one["release"]));
    assert!(rows[1..].iter().any(|row| row[1..] == ["c", "c"]), "{rows:?}");
    // In other words for the same cells, the same figures.
    let reversed = plan("SELECT age, income FROM town t WHERE ('s3' = t.district)", &["age"], &[]);
    assert_eq!(place.rows(&text(&ask(place, "olga", grant, &reversed)["release"])), rows);
}

#[test]
fn attack_39_what_is_outside_of_every_family_goes_to_people_and_says_why() {
    let Vetted { hosted, grant } = vetted();
    let place = &hosted.place;
    for (sql, dimensions, margins, part) in [
        ("SELECT age, income FROM town WHERE district = 'n1' OR district = 's3'", &["age"][..], &[][..], "condition"),
        ("SELECT age, income FROM town WHERE id IN ('p1', 'p2')", &["age"], &[], "condition"),
        ("SELECT age, income FROM town WHERE income > 20000", &["age"], &[], "condition"),
        (
            "SELECT CASE WHEN age = 'old' THEN 'old' ELSE 'young' END AS age, income FROM town",
            &["age"],
            &[],
            "worked out",
        ),
        ("SELECT district, income FROM town", &["district"], &[], "the table by district"),
        ("SELECT DISTINCT age, income FROM town", &["age"], &[], "clause"),
    ] {
        let job = ask(place, "olga", grant, &plan(sql, dimensions, margins));
        assert_eq!((&job["state"], &job["route"]["kind"]), (&json!("accepted"), &json!("reviewers")), "{sql}");
        let outside = job["route"]["outside"].to_string();
        assert!(outside.contains(part), "{sql}: {outside}");
    }
    let own = json!({
        "sql": "SELECT age, income FROM town",
        "dimensions": ["age"],
        "measures": [{ "column": "income", "lower": 0, "upper": 1 }],
        "statistics": ["subjects", { "sum": "income" }],
    });
    let job = ask(place, "olga", grant, &own);
    assert_eq!(job["route"]["nearest"], "town.people");
    assert_eq!(job["route"]["outside"], json!(["bounds that the job sets"]));
    // A grant of some of the rows is answered by people, whatever it asks for.
    let some =
        terms(json!([{ "dataset": "town", "columns": ["id", "age", "income"], "row_filter": "district = 'n1'" }]));
    let job = ask(place, "olga", &place.grant(&some), &plan("SELECT age, income FROM town", &["age"], &[]));
    assert_eq!(job["route"]["outside"], json!(["the grant shows some of the rows only"]));
    // So is one with stricter rules than the family's.
    let mut strict = terms(json!([{ "dataset": "town", "columns": ["id", "age", "income"] }]));
    strict["tightening"] = json!({ "threshold": 30 });
    let job = ask(place, "olga", &place.grant(&strict), &plan("SELECT age, income FROM town", &["age"], &[]));
    assert_eq!(job["route"]["outside"], json!(["the grant asks for stricter rules of its own"]));
}

#[test]
fn a_family_is_vetted_by_two_people_who_did_not_propose_it() {
    let hosted = sealed();
    let place = &hosted.place;
    let carol = place.client("carol");
    place.client("olga").post("/v1/families", &proposal("people")).refused(Code::Forbidden);
    carol.post("/v1/families", &proposal("people")).ok();
    carol.post("/v1/families", &proposal("people")).refused(Code::Exists);
    place.client("olga").get("/v1/families/town.people").refused(Code::NotFound);
    place.client("olga").get("/v1/families/town.people/preview").refused(Code::Forbidden);
    let preview = place.client("rosa").get("/v1/families/town.people/preview").ok();
    let tables = preview["tables"].as_array().unwrap();
    assert_eq!(tables.len(), 5);
    let withheld: u64 = tables[0]["primary"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert!(withheld > 0 && tables[0]["published"].as_u64().unwrap() > 0, "{}", tables[0]);
    carol.act("/v1/families/town.people/vet").refused(Code::ConflictOfInterest);
    let once = place.client("rosa").act("/v1/families/town.people/vet").ok();
    assert_eq!((&once["state"], &once["sealed_snapshot"]), (&json!("proposed"), &Value::Null));
    place.client("rosa").act("/v1/families/town.people/vet").refused(Code::WrongState);
    place.client("olga").act("/v1/families/town.people/vet").refused(Code::Forbidden);
    let twice = place.client("ravi").act("/v1/families/town.people/vet").ok();
    assert_eq!(twice["state"], "vetted");
    assert!(twice["sealed_snapshot"].is_string(), "{twice}");
    place.client("olga").get("/v1/families/town.people").ok();

    let grant = place.grant(&terms(json!([{ "dataset": "town", "columns": ["id", "age", "income"] }])));
    let plan = plan("SELECT age, income FROM town", &["age"], &[&[]]);
    assert_eq!(ask(place, "olga", &grant, &plan)["state"], "released");
    place.client("cyrus").act("/v1/families/town.people/withdraw").ok();
    let job = ask(place, "olga", &grant, &plan);
    assert_eq!(
        (&job["state"], &job["route"]["outside"]),
        (&json!("accepted"), &json!(["`town` has no sealed family"]))
    );
}

#[test]
fn families_that_cannot_be_protected_are_refused_with_the_reason() {
    let Vetted { hosted, .. } = vetted();
    let carol = hosted.place.client("carol");
    let proposed = |change: &dyn Fn(&mut Value)| {
        let mut proposal = proposal("another");
        change(&mut proposal["terms"]);
        carol.post("/v1/families", &proposal).refused(Code::Malformed)
    };
    assert!(proposed(&|terms| terms["dimensions"][1]["levels"] = json!(["income"])).contains("closed list"));
    assert!(proposed(&|terms| terms["dimensions"][1]["levels"] = json!(["household"])).contains("closed list"));
    assert!(proposed(&|terms| terms["dimensions"][0]["levels"] = json!(["region", "district"])).contains("roll up"));
    assert!(proposed(&|terms| terms["margins"] = json!([["district", "region"]])).contains("at most one level"));
    assert!(proposed(&|terms| terms["measures"] = json!([{ "column": "age" }])).contains("bounds"));
    assert!(proposed(&|terms| terms["dimensions"] = json!([])).contains("dimensions"));
}

#[test]
fn a_family_with_controlled_rounding_is_answered_twice_alike_and_its_totals_add_up() {
    let hosted = sealed();
    let place = &hosted.place;
    let mut rounded = proposal("people");
    rounded["terms"]["method"] = json!("controlled_rounding");
    rounded["terms"]["tightening"] = json!({ "rounding": 10 });
    let carol = place.client("carol");
    let view = carol.post("/v1/families", &rounded).ok();
    assert_eq!(view["terms"]["method"], "controlled_rounding");
    // A cell has one value for everybody, so families of one dataset have one method.
    let refused = carol.post("/v1/families", &proposal("another")).refused(Code::Malformed);
    assert!(refused.contains("`people` and `another` name two methods"), "{refused}");
    let preview = place.client("rosa").get("/v1/families/town.people/preview").ok();
    assert_eq!(preview["method"], "controlled_rounding");
    for person in ["cyrus", "rosa"] {
        place.client(person).act("/v1/families/town.people/vet").ok();
    }
    let grant = place.grant(&terms(json!([{ "dataset": "town", "columns": ["id", "region", "age", "income"] }])));
    let plan = plan("SELECT region, age, income FROM town", &["region", "age"], &[&["region"], &["age"], &[]]);
    let jobs = ["olga", "olga"].map(|person| ask(place, person, &grant, &plan));
    let releases = jobs.each_ref().map(|job| text(&job["release"]));
    let bytes = releases.each_ref().map(|release| {
        ["/data?format=csv", "/data?format=parquet", "/record"]
            .map(|part| place.client("olga").get(&format!("/v1/releases/{release}{part}")).body)
    });
    assert!(bytes[0] == bytes[1], "the same bytes for the same question");
    let record = place.client("olga").get(&format!("/v1/releases/{}/record", releases[0])).json();
    assert_eq!(record["method"], "controlled_rounding");
    let notes = record["notes"].to_string();
    assert!(notes.contains("multiples of 10") && notes.contains("is their sum"), "{notes}");

    let rows = place.rows(&releases[0]);
    let figure = |region: &str, age: &str, place: usize| -> Option<i64> {
        let row = rows.iter().find(|row| row[0] == region && row[1] == age).expect("every cell has a row");
        row[place].parse().ok()
    };
    let mut added = 0;
    for place in [2, 3] {
        let mut adds_up = |total: Option<i64>, parts: Vec<Option<i64>>| {
            if let (Some(total), Some(sum)) = (total, parts.into_iter().sum::<Option<i64>>()) {
                assert_eq!((total, total % 10), (sum, 0));
                added += 1;
            }
        };
        let of = |region: &str| AGES.map(|age| figure(region, age, place)).to_vec();
        for region in ["n", "s", "*"] {
            adds_up(figure(region, "*", place), of(region));
        }
        for age in AGES {
            adds_up(figure("*", age, place), vec![figure("n", age, place), figure("s", age, place)]);
        }
        adds_up(figure("*", "*", place), vec![figure("n", "*", place), figure("s", "*", place)]);
    }
    assert!(added >= 8, "{added} totals have all their parts shown: {rows:?}");
}

#[test]
fn methods_that_give_a_cell_several_values_or_can_be_averaged_are_refused_to_families() {
    let Vetted { hosted, .. } = vetted();
    let carol = hosted.place.client("carol");
    for (method, why) in [("redact_then_round", "has one value"), ("cell_key", "averaged away")] {
        let mut proposal = proposal("another");
        proposal["terms"]["method"] = json!(method);
        let refused = carol.post("/v1/families", &proposal).refused(Code::Malformed);
        assert!(refused.contains(why), "{refused}");
    }
    let preview = hosted.place.client("rosa").get("/v1/families/town.people/preview").ok();
    assert_eq!(preview["method"], "suppress");
}

#[test]
fn attack_05_a_new_snapshot_answers_with_the_old_figure_where_the_change_isolates_somebody() {
    let Vetted { hosted, grant } = own_vetted(&["id", "age", "income"]);
    let place = &hosted.place;
    let plan = plan("SELECT age, income FROM town", &["age"], &[&[]]);
    let answer = || {
        let job = ask(place, "olga", &grant, &plan);
        assert_eq!(job["state"], "released", "{job}");
        let release = text(&job["release"]);
        let record = place.client("olga").get(&format!("/v1/releases/{release}/record")).json();
        (place.rows(&release), record["carried"].as_array().map_or(0, Vec::len))
    };
    let (before, none) = answer();
    assert_eq!(none, 0);
    // One person moves in. Both answers are out; their difference must not be that person.
    let mut more = town();
    more.insert(900, (0, 1, 450, 39_999));
    let sealed = place.seal("town", "csv", &csv(&more));
    assert_eq!(sealed["report"]["families_not_sealed"], Value::Null, "{sealed}");
    let (after, carried) = answer();
    assert_eq!(after, before);
    assert!(carried >= 2, "the age and the total: {carried}");
    // Forty do: now the figures move.
    more.extend((0..40).map(|id| (1_000 + id, (0, 1, 600 + id, 20_000 + i64::from(id) * 101))));
    place.seal("town", "csv", &csv(&more));
    let (third, _) = answer();
    assert_eq!(third.last().unwrap()[1], "461");
}

#[test]
fn a_snapshot_that_breaks_what_its_dictionary_says_of_subjects_is_not_sealed() {
    let Vetted { hosted, .. } = vetted();
    let mut lines = csv(&town());
    lines.extend(b"p1,s3,old,h0,10000\n");
    let refused = hosted.place.client("carol").send("/v1/datasets/town/snapshots?format=csv", &lines);
    assert!(refused.refused(Code::Ingest).contains("one value for each subject"));
}

#[test]
fn attack_05_what_a_family_publishes_is_history_though_nobody_has_asked_for_it() {
    let Vetted { hosted, grant } = own_vetted(&["id", "district", "region", "age", "income"]);
    let place = &hosted.place;
    // All of middle age are published by the family. The same without the two of highest income is another table.
    let mut incomes: Vec<i64> = town().values().filter(|person| person.1 == 1).map(|person| person.3).collect();
    incomes.sort_unstable();
    let sql = format!("SELECT age, income FROM town WHERE income < {}", incomes[incomes.len() - 2]);
    let reviewed = place.reviewed(&text(&ask(place, "olga", &grant, &plan(&sql, &["age"], &[]))["id"]));
    let candidate = place.client("rosa").get(&format!("/v1/requests/{}/candidate", reviewed.request)).ok();
    let findings = candidate["findings"].as_array().unwrap();
    let isolates = |finding: &&Value| {
        let id = finding["id"].as_str().unwrap();
        id.starts_with("history:-families:age%3Dmiddle:subjects:") && id.contains(":+candidate:age%3Dmiddle:subjects:")
    };
    let found = findings.iter().find(isolates).unwrap_or_else(|| panic!("{findings:#?}"));
    assert!(found["sentence"].as_str().unwrap().contains("it isolates 2 subjects of 2 groups"), "{found}");
    // The operator sees what they would see of any job before people.
    let seen = place.seen(&reviewed.job);
    assert!(!seen.contains("isolates") && !seen.contains("history"), "{seen}");
}

#[test]
fn attack_05_a_family_withholds_what_gives_somebody_away_with_what_people_released_before() {
    let hosted = sealed();
    let place = &hosted.place;
    let grant = place.grant(&terms(json!([{ "dataset": "town", "columns": ["id", "age", "income"] }])));
    let mut incomes: Vec<i64> = town().values().filter(|person| person.1 == 1).map(|person| person.3).collect();
    incomes.sort_unstable();
    let sql = format!("SELECT age, income FROM town WHERE income < {}", incomes[incomes.len() - 2]);
    place.release(&place.reviewed(&text(&ask(place, "olga", &grant, &plan(&sql, &["age"], &[]))["id"])));
    place.client("carol").post("/v1/families", &proposal("people")).ok();
    let preview = place.client("carol").get("/v1/families/town.people/preview").ok();
    let seen = preview.to_string();
    assert!(seen.contains("together with what is out already it gives somebody away"), "{seen}");
    for person in ["cyrus", "rosa"] {
        place.client(person).act("/v1/families/town.people/vet").ok();
    }
    // All of middle age, less the release, would be the two who earn most.
    let answer = ask(place, "olga", &grant, &plan("SELECT age, income FROM town", &["age"], &[&[]]));
    let rows = place.rows(&text(&answer["release"]));
    let middle = rows.iter().find(|row| row[0] == "middle").expect("every code has a row");
    assert!(middle[1..].iter().all(|value| value == "c"), "{rows:?}");
    assert!(rows.iter().any(|row| row[1..].iter().all(|value| value.parse::<i64>().is_ok())), "{rows:?}");
}
