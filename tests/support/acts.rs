//! What people do at a node, each as themselves: the steps that many tests begin with.

use serde_json::{Value, json};
use sluice_domain::refusal::Code;

use super::node::{Place, now_ms, until};

/// A job that is before the reviewers.
pub struct Reviewed {
    /// The job's name.
    pub job: String,
    /// The request's.
    pub request: String,
    /// What its operator sees, byte for byte.
    pub seen: String,
    /// What a reviewer sees.
    pub candidate: Value,
}

/// A grant's terms over `datasets`, which take both lanes and two of everything.
pub fn terms(datasets: Value) -> Value {
    json!({
        "operator": "operator",
        "purpose": "A test",
        "mode": "scenario",
        "datasets": datasets,
        "lanes": ["tabulate", "report"],
        "signatures": 2,
        "reviewers": 2,
        "from_ms": now_ms() - 1_000,
        "until_ms": now_ms() + 86_400_000,
        "jobs_max": 1_000,
        "report_bits_max": 1_000_000,
    })
}

/// A count by one column.
pub fn count(sql: &str, by: &str) -> Value {
    json!({ "sql": sql, "dimensions": [by], "statistics": ["subjects"] })
}

/// The inner cells of a candidate: those that are no totals.
pub fn inner(candidate: &Value) -> Vec<&Value> {
    let cells = candidate["cells"].as_array().expect("a counted candidate has cells");
    let is_total = |cell: &&Value| cell["labels"].as_array().is_some_and(|labels| labels.iter().any(|one| one == "*"));
    cells.iter().filter(|cell| !is_total(cell)).collect()
}

/// A figure of a cell: its true value, and whether it would be published.
pub fn figure(cell: &Value, name: &str) -> (String, bool) {
    let figures = cell["figures"].as_array().expect("a cell has figures");
    let figure = figures.iter().find(|figure| figure["name"] == name).unwrap_or_else(|| panic!("{cell} has no {name}"));
    (text(&figure["value"]), figure["status"] == "published")
}

/// A name, or any other text of an answer.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// What an operator sees of a job, byte for byte, without what differs by itself: its names and times.
pub fn nameless(seen: &str) -> String {
    let view: Value = serde_json::from_str(seen).expect("a job is JSON");
    assert!(view.get("inside").is_none(), "an operator sees nothing from inside: {view}");
    ["id", "grant", "admitted_at_ms", "fixed_slot_at_ms"].iter().fold(seen.to_owned(), |seen, field| {
        let value = view[*field].to_string();
        seen.replace(value.trim_matches('"'), field)
    })
}

impl Place {
    /// Registers a dataset, as Carol.
    pub fn register(&self, entry: &Value) -> Value {
        self.client("carol").post("/v1/datasets", entry).ok()
    }

    /// Seals a snapshot, as Carol.
    pub fn seal(&self, dataset: &str, format: &str, bytes: &[u8]) -> Value {
        self.client("carol").send(&format!("/v1/datasets/{dataset}/snapshots?format={format}"), bytes).ok()
    }

    /// Drafts a grant and has both custodians sign it.
    pub fn grant(&self, terms: &Value) -> String {
        let id = text(&self.client("carol").post("/v1/grants", &json!({ "terms": terms })).ok()["id"]);
        for custodian in ["carol", "cyrus"] {
            self.client(custodian).act(&format!("/v1/grants/{id}/sign")).ok();
        }
        id
    }

    /// Submits a module, as Olga.
    pub fn module(&self, bytes: &[u8]) -> Value {
        self.client("olga").send("/v1/modules?statement=A%20count,%20or%20so%20it%20says", bytes).ok()
    }

    /// Submits a job without a module, as Olga.
    pub fn plan(&self, grant: &str, plan: &Value) -> String {
        let ask = json!({ "grant": grant, "lane": "tabulate", "plan": plan });
        text(&self.client("olga").post("/v1/jobs", &ask).ok()["id"])
    }

    /// Submits a module and a job with it, as Olga.
    pub fn work(&self, grant: &str, module: &[u8], params: &Value) -> String {
        let module = self.module(module);
        let ask = json!({ "grant": grant, "lane": module["lane"], "module": module["digest"], "params": params });
        text(&self.client("olga").post("/v1/jobs", &ask).ok()["id"])
    }

    /// What those inside see of a job.
    pub fn inside(&self, job: &str) -> Value {
        self.client("carol").get(&format!("/v1/jobs/{job}")).ok()["inside"].clone()
    }

    /// What its operator sees of a job, byte for byte.
    pub fn seen(&self, job: &str) -> String {
        let reply = self.client("olga").get(&format!("/v1/jobs/{job}"));
        reply.ok();
        reply.text()
    }

    /// That its operator is told that the job was stopped, at the end of its slot.
    pub fn shows_stopped(&self, job: &str) {
        until("its operator sees that it was stopped", || (self.state(job) == "stopped").then_some(()));
    }

    /// What its operator is told that the job's state is.
    pub fn state(&self, job: &str) -> String {
        let seen: Value = serde_json::from_str(&self.seen(job)).expect("a job is JSON");
        text(&seen["state"])
    }

    /// Waits until a job is before the reviewers and its operator sees that, and looks at it as Rosa.
    pub fn reviewed(&self, job: &str) -> Reviewed {
        let request = until("the job comes before the reviewers", || {
            let inside = self.inside(job);
            assert_eq!(inside["waits_for_custodian"], false, "the job fails: {inside}");
            inside["request"].as_str().map(str::to_owned)
        });
        until("its operator sees that", || (self.state(job) == "under_review").then_some(()));
        let candidate = self.client("rosa").get(&format!("/v1/requests/{request}/candidate")).ok();
        Reviewed { seen: self.seen(job), job: job.to_owned(), request, candidate }
    }

    /// Casts a vote.
    pub fn vote(&self, request: &str, reviewer: &str, verdict: &str, reason: &str) -> Value {
        // Whoever approves looks first: what is out by now may be more than when the candidate was compared.
        let look = || self.client(reviewer).get(&format!("/v1/requests/{request}/candidate?limit=1")).ok();
        let known = || self.client(reviewer).get(&format!("/v1/requests/{request}")).ok();
        let round = if verdict == "approve" { look() } else { known() }["round"].clone();
        let vote = json!({ "verdict": verdict, "reason": reason, "round": round });
        self.client(reviewer).post(&format!("/v1/requests/{request}/votes"), &vote).ok()
    }

    /// Has two reviewers look and approve until it is decided: what others let out meanwhile may void their votes.
    fn approve(&self, request: &str) {
        let (path, reviewers) = (format!("/v1/requests/{request}"), ["rosa", "ravi"]);
        until("two reviewers approve", || {
            for reviewer in reviewers {
                let client = self.client(reviewer);
                let known = client.get(&path).ok();
                if known["state"] != "voting" {
                    assert_eq!(known["state"], "approved");
                    return Some(());
                }
                if known["votes"].as_array().is_some_and(|votes| votes.iter().any(|vote| vote["person"] == reviewer)) {
                    continue;
                }
                let round = client.get(&format!("{path}/candidate?limit=1")).ok()["round"].clone();
                let vote = json!({ "verdict": "approve", "reason": "fits", "round": round });
                let reply = client.post(&format!("{path}/votes"), &vote);
                if reply.status == 409 {
                    assert!(reply.refused(Code::WrongState).contains("has changed since"));
                } else {
                    reply.ok();
                }
            }
            None
        });
    }

    /// Has two reviewers wave a candidate through, and waits until its operator sees the release.
    pub fn release(&self, reviewed: &Reviewed) -> String {
        self.approve(&reviewed.request);
        until("the operator sees the release", || {
            let job = self.client("olga").get(&format!("/v1/jobs/{}", reviewed.job)).ok();
            job["release"].as_str().map(str::to_owned)
        })
    }

    /// Fetches a release in one format, as Olga.
    pub fn fetch(&self, release: &str, format: &str) -> Vec<u8> {
        let reply = self.client("olga").get(&format!("/v1/releases/{release}/data?format={format}"));
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.body
    }

    /// The rows of a release, header first.
    pub fn rows(&self, release: &str) -> Vec<Vec<String>> {
        let csv = self.fetch(release, "csv");
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(csv.as_slice());
        reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect()).collect()
    }
}
