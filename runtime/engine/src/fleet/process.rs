//! A process of ours: started with an empty environment, listened to, killed and reaped.

use std::fmt;
use std::io::{PipeReader, Read};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::fault::Fault;
use crate::sandbox::shown;

/// What is kept of a process's standard error.
const LAST_WORDS_BYTES_MAX: u64 = 4 * 1024;
/// How long a killed process may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(5);

/// A running process. Dropped, it is killed.
pub(crate) struct Process {
    child: Child,
    /// Its standard error. It is read when the process is gone: one that talks without end stops by itself.
    last_words: PipeReader,
}

/// How a process ended, for the custodian's log.
pub(crate) struct End {
    /// A signal ended it, and not we.
    pub(crate) by_signal: bool,
    text: String,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Process {
    /// Starts `exe` with a hidden subcommand. Inside a runtime, on a thread that lives as long as the process may: the
    /// process ends with the thread that started it.
    pub(super) fn start(exe: &Path, subcommand: &str, stdin: Stdio, stdout: Stdio) -> Result<Process, Fault> {
        let fault = |error: std::io::Error| Fault::while_doing("starting a process", error);
        let (last_words, stderr) = std::io::pipe().map_err(fault)?;
        let child = Command::new(exe)
            .arg(subcommand)
            .env_clear()
            .current_dir("/")
            .stdin(stdin)
            .stdout(stdout)
            .stderr(Stdio::from(stderr))
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(fault)?;
        Ok(Process { child, last_words })
    }

    /// Its standard input, once.
    pub(crate) fn stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Its standard output, once.
    pub(crate) fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Whether it hasn't ended by itself.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it, after it had `grace` to end by itself, and reaps it.
    pub(crate) async fn end(mut self, grace: Duration) -> End {
        let alone = tokio::time::timeout(grace, self.child.wait()).await.ok().and_then(Result::ok);
        let gone = match alone {
            Some(_) => true,
            None => {
                self.kill();
                matches!(tokio::time::timeout(GONE_WITHIN, self.child.wait()).await, Ok(Ok(_)))
            }
        };
        self.told(alone, gone)
    }

    /// The same, on a thread that is no runtime's.
    pub(super) fn end_here(mut self, grace: Duration) -> End {
        let alone = self.wait_here(grace);
        let gone = match alone {
            Some(_) => true,
            None => {
                self.kill();
                self.wait_here(GONE_WITHIN).is_some()
            }
        };
        self.told(alone, gone)
    }

    fn wait_here(&mut self, most: Duration) -> Option<ExitStatus> {
        let started = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(None) if started.elapsed() < most => std::thread::sleep(Duration::from_millis(5)),
                Ok(status) => return status,
                Err(_) => return None,
            }
        }
    }

    fn kill(&mut self) {
        // Its whole group, though it can start nothing once the fences are up.
        if let Some(group) = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
            // It may be gone already.
            let _gone = kill_process_group(group, Signal::KILL);
        }
        // As above.
        let _gone = self.child.start_kill();
    }

    fn told(self, alone: Option<ExitStatus>, gone: bool) -> End {
        let mut text = match (alone, gone) {
            (Some(status), _) => how(status),
            (None, true) => "killed".to_owned(),
            (None, false) => "killed, and not seen to go".to_owned(),
        };
        let mut words = Vec::new();
        // With the process gone the pipe has an end; where it isn't, nobody waits for one.
        if gone && self.last_words.take(LAST_WORDS_BYTES_MAX).read_to_end(&mut words).is_ok() && !words.is_empty() {
            text = format!("{text}: {}", shown(String::from_utf8_lossy(&words).trim()));
        }
        End { by_signal: alone.is_some_and(|status| status.code().is_none()), text }
    }
}

fn how(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("it ended with code {code}"),
        (None, Some(signal)) => format!("it was ended by signal {signal}"),
        (None, None) => "it ended".to_owned(),
    }
}
