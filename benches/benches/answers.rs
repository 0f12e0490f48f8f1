//! `cargo bench --workspace --bench answers`: how long a job within a vetted family takes over HTTP, from the request to the
//! answer that names its release, printed as rows of RESULTS.md. The node is the demo's, kept; its client is one person
//! who asks one thing after another.
//!
//! An answer is synced to the disk before it is shown, so what a sync takes there is printed beside it, and the same is
//! measured with the node's folder in memory.

#![allow(clippy::print_stdout, missing_docs, reason = "a benchmark talks")]

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sluice_benches::{median, sluice};
use ureq::Agent;

/// A grant of the demo's is for 100 jobs, of which the demo asks for some itself.
const FIRST: u32 = 12;
const AGAIN: u32 = 40;
/// The line in which the kept node says where it listens.
const LISTENS: &str = "The node goes on at ";

fn main() {
    // Cargo's test runs pass `--test`: there is nothing to test here.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    println!("| what | median | best |\n|---|---|---|");
    measure("on disk", Path::new(env!("CARGO_TARGET_TMPDIR")));
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        measure("in memory", memory);
    }
}

fn measure(whereabouts: &str, parent: &Path) {
    let folder = tempfile::tempdir_in(parent).expect("the folder is writable");
    row(&format!("a synced write of 1 kB {whereabouts}"), (0..AGAIN).map(|_| synced(folder.path())).collect());
    let node = Node::start(&folder.path().join("home"));
    let ask = |month: u32| node.submit(month);
    row(
        &format!("a look-up that nobody asked for before, node's folder {whereabouts}"),
        (1..=FIRST).map(ask).collect(),
    );
    row(&format!("the same look-up again, node's folder {whereabouts}"), (0..AGAIN).map(|_| ask(1)).collect());
    row(
        &format!("a request that writes nothing, node's folder {whereabouts}"),
        (0..AGAIN).map(|_| node.me()).collect(),
    );
}

fn row(what: &str, mut taken: Vec<Duration>) {
    taken.sort_unstable();
    let ms = |taken: Duration| format!("{:.1} ms", taken.as_secs_f64() * 1e3);
    let best = taken.first().copied().unwrap_or_default();
    println!("| {what} | {} | {} |", ms(median(taken)), ms(best));
}

fn synced(folder: &Path) -> Duration {
    let begun = Instant::now();
    let mut file = File::create(folder.join("synced")).expect("the folder is writable");
    file.write_all(&[7; 1_024]).and_then(|()| file.sync_all()).expect("the disk has room");
    begun.elapsed()
}

/// A kept node of the demo's, as its operator sees it.
struct Node {
    process: Child,
    base: String,
    agent: Agent,
    token: String,
    grant: String,
}

impl Node {
    fn start(home: &Path) -> Node {
        let mut command = Command::new(sluice());
        command.arg("--home").arg(home).args(["demo", "--keep"]).current_dir("..").stdout(Stdio::piped());
        let mut process = command.spawn().expect("the binary runs");
        let told = process.stdout.take().map(BufReader::new).expect("its output is a pipe");
        let line = told.lines().map_while(Result::ok).find(|line| line.starts_with(LISTENS));
        let line = line.expect("the demo ends well and the node goes on");
        let base = line.trim_start_matches(LISTENS).split(';').next().unwrap_or_default().to_owned();
        let token = std::fs::read_to_string(home.join("tokens/olga")).expect("the operator has a token");
        let agent = Agent::new_with_config(Agent::config_builder().proxy(None).build());
        let token = format!("Bearer {}", token.trim());
        let mut node = Node { process, base, agent, token, grant: String::new() };
        let grants = node.read("/v1/grants");
        let wide = |grant: &&Value| grant["terms"]["jobs_max"] == 100;
        let grant = grants["items"].as_array().and_then(|grants| grants.iter().find(wide));
        grant.and_then(|grant| grant["id"].as_str()).expect("the demo's main grant").clone_into(&mut node.grant);
        node
    }

    fn read(&self, path: &str) -> Value {
        let asked = self.agent.get(format!("{}{path}", self.base)).header("authorization", &self.token);
        asked.call().and_then(|mut reply| reply.body_mut().read_json()).expect("the node answers")
    }

    fn me(&self) -> Duration {
        let begun = Instant::now();
        self.read("/v1/me");
        begun.elapsed()
    }

    /// How long it takes until the job's release has a name.
    fn submit(&self, month: u32) -> Duration {
        let plan = json!({
            "sql": format!("SELECT carrier, origin, distance FROM flights WHERE month = {month}"),
            "dimensions": ["carrier", "origin"],
            "measures": [{ "column": "distance", "scale": 0 }],
            "statistics": ["records", { "sum": "distance" }],
            "margins": [["carrier"], ["origin"], []],
        });
        let ask = json!({ "grant": self.grant, "lane": "tabulate", "params": {}, "plan": plan });
        let begun = Instant::now();
        let asked = self.agent.post(format!("{}/v1/jobs", self.base)).header("authorization", &self.token);
        let job: Value =
            asked.send_json(&ask).and_then(|mut reply| reply.body_mut().read_json()).expect("the job is admitted");
        let taken = begun.elapsed();
        assert!(job["release"].is_string(), "it is answered at once: {job}");
        taken
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
