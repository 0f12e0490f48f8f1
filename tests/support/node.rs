//! Real nodes for tests: one in this process, or the program itself as a child. Each has a home of its own, starter
//! people and short slots, and workers from the program under test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use sluice_ledger::VerifierKey;
use sluice_server::serve::{Options, Serving, serve};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::client::Client;

/// The program under test.
pub const SLUICE: &str = env!("CARGO_BIN_EXE_sluice");
/// Slots of a test's node.
pub const SLOT_MS: i64 = 200;
/// How many of them a report waits.
pub const REPORT_SLOTS: i64 = 4;
/// Short slots, and a `describe` that is given up soon.
const SETTINGS: &str =
    "slot_ms = 200\nreport_slots = 4\nbackoff_ms = 50\nspare_workers = 2\nlimits.describe_ms_max = 1500\n";
/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// Now, by this machine's clock.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("before the year 292 million")
}

/// Asks again until there is an answer.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "gave up waiting: {what}");
        std::thread::sleep(Duration::from_millis(40));
    }
}

/// Where a node is.
#[derive(Clone)]
pub struct Place {
    /// Its home folder.
    pub home: PathBuf,
    /// Its address.
    pub url: String,
}

impl Place {
    /// Somebody of the starter people.
    pub fn client(&self, name: &str) -> Client {
        let secret = fs::read_to_string(self.home.join("tokens").join(name)).expect("a starter token");
        Client::new(&self.url, Some(secret.trim().to_owned()))
    }

    /// Somebody without a token.
    pub fn anybody(&self) -> Client {
        Client::new(&self.url, None)
    }

    /// The whole ledger, as the auditor gets it.
    pub fn ledger(&self) -> Vec<u8> {
        let reply = self.client("abel").get("/v1/ledger/export");
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.body
    }

    /// The node's key.
    pub fn key(&self) -> VerifierKey {
        let node = self.anybody().get("/v1/node").ok();
        node["verifier_key"].as_str().expect("a key").parse().expect("it can be read")
    }

    /// That the ledger verifies with the node's own key; its number of events.
    pub fn verified(&self) -> u64 {
        let summary = sluice_ledger::verify(self.ledger().as_slice(), Some(&self.key()));
        summary.unwrap_or_else(|bad| panic!("the ledger doesn't verify: {bad}")).size
    }

    /// That the node still answers.
    pub fn lives(&self) {
        assert_eq!(self.anybody().get("/readyz").status, 200, "the node is ready");
    }
}

/// A folder under the target folder, gone with the test.
pub fn folder() -> TempDir {
    tempfile::Builder::new().prefix("test-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder")
}

fn settle(home: &Path, more: &str) {
    fs::create_dir_all(home).expect("a home");
    fs::write(home.join("sluice.toml"), format!("{more}{SETTINGS}")).expect("settings");
}

/// A node in this process: it ends with the test.
pub struct Hosted {
    /// Where it is.
    pub place: Place,
    serving: Option<Serving>,
    runtime: Runtime,
    _folder: Option<TempDir>,
}

impl Hosted {
    /// A node on a fresh home.
    pub fn start() -> Hosted {
        Hosted::with("")
    }

    /// A node on a fresh home, with lines of settings of its own.
    pub fn with(settings: &str) -> Hosted {
        let folder = folder();
        let mut hosted = Hosted::on(&folder.path().join("home"), settings);
        hosted._folder = Some(folder);
        hosted
    }

    /// A node on this home, which nobody removes.
    pub fn at(home: &Path) -> Hosted {
        Hosted::on(home, "")
    }

    fn on(home: &Path, settings: &str) -> Hosted {
        settle(home, settings);
        let runtime = Runtime::new().expect("a runtime");
        let listen = Some("127.0.0.1:0".parse().expect("an address"));
        let options = Options { listen, starter: true, ..Options::new(PathBuf::from(SLUICE)) };
        let serving = runtime.block_on(serve(home, options)).expect("a node starts");
        let place = Place { home: home.to_owned(), url: format!("http://{}", serving.address()) };
        Hosted { place, serving: Some(serving), runtime, _folder: None }
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        if let Some(serving) = self.serving.take() {
            // A test that has failed already has its own message.
            let _ended = self.runtime.block_on(serving.stop());
        }
    }
}

/// The program as a child: it can be killed, and started again on the same home.
pub struct Child {
    /// Where it is.
    pub place: Place,
    process: std::process::Child,
    folder: TempDir,
}

impl Child {
    /// A node on a fresh home.
    pub fn start() -> Child {
        let folder = folder();
        let home = folder.path().join("home");
        settle(&home, "");
        let process = spawn(&home, folder.path());
        let place = Place { url: address(&home, &folder), home };
        Child { place, process, folder }
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it is ours");
    }

    /// Starts it again on the same home. The address is another one.
    pub fn restart(&mut self) {
        let file = self.place.home.join("node.json");
        fs::remove_file(&file).expect("a node that was killed leaves its address behind");
        self.process = spawn(&self.place.home, self.folder.path());
        self.place.url = address(&self.place.home, &self.folder);
    }

    /// Lets no file of the node grow beyond `bytes` from now on, or any length again: what it writes beyond fails, as
    /// on a full disk. Workers that are started meanwhile have the same limit.
    pub fn cap_files(&self, bytes: Option<u64>) {
        let own = getrlimit(Resource::Fsize);
        let pid = Pid::from_raw(self.process.id().cast_signed()).expect("a process");
        let limit = Rlimit { current: bytes.or(own.current), maximum: own.maximum };
        prlimit(Some(pid), Resource::Fsize, limit).expect("it is ours");
    }

    /// Its worker processes.
    pub fn workers(&self) -> Vec<u32> {
        let parent = self.process.id().to_string();
        processes().into_iter().filter(|(_, stat, _)| stat.get(1) == Some(&parent)).map(|(pid, _, _)| pid).collect()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may be gone already.
        let _gone = self.process.kill();
        let _gone = self.process.wait();
    }
}

/// Kills a process of ours.
pub fn kill(pid: u32) {
    let pid = Pid::from_raw(pid.cast_signed()).expect("a process");
    // It may have ended by itself.
    let _gone = kill_process(pid, Signal::KILL);
}

/// The workers that are there: number, the fields of `stat` after the name, and the command line.
pub fn processes() -> Vec<(u32, Vec<String>, String)> {
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    let numbered = entries.filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
    let worker = |pid: u32| {
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, fields) = stat.rsplit_once(')')?;
        let fields = fields.split_whitespace().map(str::to_owned).collect();
        line.ends_with("\0worker\0").then_some((pid, fields, line))
    };
    numbered.filter_map(worker).collect()
}

fn spawn(home: &Path, folder: &Path) -> std::process::Child {
    let log = fs::OpenOptions::new().create(true).append(true).open(folder.join("node.log")).expect("a log");
    // By default the signal that comes with a write beyond a limit kills; a full disk sends none.
    Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", SLUICE])
        .args(["serve", "--starter", "--listen", "127.0.0.1:0", "--home"])
        .arg(home)
        .env_remove("SLUICE_URL")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the program starts")
}

fn address(home: &Path, folder: &TempDir) -> String {
    until("the node starts", || {
        let text = fs::read(home.join("node.json")).ok()?;
        let file: serde_json::Value = serde_json::from_slice(&text).ok()?;
        let url = format!("http://{}", file["listen"].as_str()?);
        let log = fs::read_to_string(folder.path().join("node.log")).unwrap_or_default();
        let reply = Client::new(&url, None).get("/readyz");
        assert_eq!(reply.status, 200, "{log}");
        Some(url)
    })
}
