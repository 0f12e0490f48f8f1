//! Child processes: a clean environment, progress line by line, a time limit.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::BuildError;

/// Lines of a failed program's output that the error carries.
const LINES_KEPT: usize = 60;
/// How often a running program is looked at.
const TICK: Duration = Duration::from_millis(50);

/// A command whose environment an outer cargo hasn't touched: `cargo test` sets its own target folder, compiler,
/// flags and library path for its children, and a guest's build must not inherit them. The user's own settings for
/// registries, network and home stay.
pub(crate) fn clean(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        let own = ["CARGO_HOME", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR", "CARGO_SOURCE_", "CARGO_TERM_"];
        let cargo = name == "CARGO" || (name.starts_with("CARGO_") && !own.iter().any(|keep| name.starts_with(keep)));
        let rust = ["RUSTC", "RUSTDOC", "RUSTFLAGS", "LD_LIBRARY_PATH"].iter().any(|gone| name.starts_with(gone));
        if cargo || rust {
            command.env_remove(&*name);
        }
    }
    command.env("LC_ALL", "C");
    command
}

/// Runs a command to its end and returns what it wrote to its standard output. Each line of its standard error is
/// reported as it comes.
pub(crate) fn run(
    step: &str,
    command: &mut Command,
    limit: Option<Duration>,
    progress: &mut dyn FnMut(&str),
) -> Result<String, BuildError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| BuildError::Start { program, source })?;
    let mut stdout = child.stdout.take().expect("stdout is piped above");
    let stderr = child.stderr.take().expect("stderr is piped above");
    let (tell, lines) = mpsc::channel();
    let output = thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stdout.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    thread::spawn(move || BufReader::new(stderr).lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));

    let started = Instant::now();
    let mut kept: Vec<String> = Vec::new();
    let mut open = true;
    let status = loop {
        if open {
            match lines.recv_timeout(TICK) {
                Ok(line) => {
                    progress(&line);
                    kept.push(line);
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => open = false,
            }
        } else {
            thread::sleep(TICK);
        }
        match child.try_wait() {
            Ok(Some(status)) if !open => break status,
            Ok(_) => {}
            Err(source) => {
                return Err(BuildError::Start { program: step.into(), source });
            }
        }
        if let Some(limit) = limit.filter(|limit| started.elapsed() > *limit) {
            let _ = child.kill();
            let _ = child.wait();
            return Err(BuildError::Slow { step: step.into(), seconds: limit.as_secs() });
        }
    };
    let output = output.join().unwrap_or_default();
    if status.success() {
        return Ok(output);
    }
    let tail = kept.split_off(kept.len().saturating_sub(LINES_KEPT));
    Err(BuildError::Step { step: step.into(), output: tail.join("\n") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_lines_and_keeps_output() {
        let mut seen: Vec<String> = Vec::new();
        let mut command = clean("sh");
        let output = run("speak", command.args(["-c", "echo out; echo err >&2"]), None, &mut |l| seen.push(l.into()));
        assert_eq!(output.expect("sh succeeds"), "out\n");
        assert_eq!(seen, ["err".to_string()]);
    }

    #[test]
    fn ends_what_is_slow_and_tells_what_failed() {
        let limit = Some(Duration::from_millis(100));
        let slow = run("wait", clean("sleep").arg("30"), limit, &mut |_| {});
        assert!(matches!(slow, Err(BuildError::Slow { .. })));
        let failed = run("fail", clean("sh").args(["-c", "echo why >&2; exit 3"]), None, &mut |_| {});
        assert_eq!(failed.expect_err("exit 3").to_string(), "failed to fail:\nwhy");
        let absent = run("start", &mut clean("no-such-program-here"), None, &mut |_| {});
        assert!(matches!(absent, Err(BuildError::Start { .. })));
    }
}
