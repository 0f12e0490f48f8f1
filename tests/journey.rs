//! Journeys with the program itself: the README's walkthrough, the ledger and receipts offline.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::releases::released;
use crate::support::acts::count;
use crate::support::client::Client;
use crate::support::node::{SLUICE, folder, until};
use crate::support::shared::shared;

/// The walkthrough: what stands in `sh` blocks between its markers, as it is written.
fn walkthrough() -> String {
    let readme = include_str!("../README.md");
    let (_, rest) = readme.split_once("<!-- walkthrough -->").expect("the marker");
    let (block, _) = rest.split_once("<!-- /walkthrough -->").expect("its end");
    let blocks = block.split("```").enumerate().filter(|(position, _)| position % 2 == 1);
    let scripts: Vec<&str> =
        blocks.map(|(_, block)| block.strip_prefix("sh\n").expect("a block of commands")).collect();
    assert!(scripts.len() >= 2);
    scripts.concat()
}

#[test]
fn the_readmes_walkthrough_works_as_it_is_written() {
    let folder = folder();
    let program = Path::new(SLUICE).parent().expect("a folder");
    let path = std::env::join_paths(
        [program.to_owned()].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    let out = std::fs::File::create(folder.path().join("out.txt")).unwrap();
    let script = walkthrough();
    let mut bash = Command::new("bash")
        .args(["-e", "-u", "-o", "pipefail", "-c", &script])
        .current_dir(folder.path())
        .env("PATH", path.expect("plain folders"))
        .env_remove("SLUICE_URL")
        .env_remove("SLUICE_HOME")
        .env_remove("SLUICE_TOKEN")
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(out)
        .process_group(0)
        .spawn()
        .expect("bash");
    let group = Pid::from_raw(bash.id().cast_signed()).expect("a process");
    let status = until("the walkthrough ends", || bash.try_wait().expect("it is ours"));
    // The node, should the script have ended before its end.
    let _gone = kill_process_group(group, Signal::KILL);
    let said = std::fs::read_to_string(folder.path().join("out.txt")).unwrap();
    let log = std::fs::read_to_string(folder.path().join("node.log")).unwrap_or_default();
    assert!(status.success(), "{said}\n{log}");
    assert!(said.contains("receipt verified"), "{said}");
    let result = std::fs::read_to_string(folder.path().join("result.csv")).expect("the release");
    let labels: Vec<&str> = result.lines().map(|line| line.split(',').next().unwrap_or_default()).collect();
    assert_eq!(labels, ["city", "amber", "birch", "cedar", "delta", "*"], "{result}");
    assert!(said.ends_with(&result), "the last command shows it");
    let figures = result.lines().skip(1).flat_map(|line| line.split(',').skip(1));
    for figure in figures.filter(|figure| *figure != "c") {
        assert_eq!(figure.parse::<i64>().expect("a figure") % 5, 0, "restricted data is rounded: {result}");
    }
    let dozen = script.lines().filter(|line| line.contains("sluice ") && !line.trim_start().starts_with('#'));
    assert!(dozen.count() <= 12, "a dozen commands at most");
}

/// Runs the program, without any node of the surroundings.
pub fn sluice(arguments: &[&str]) -> Output {
    let mut command = Command::new(SLUICE);
    command.args(arguments).env_remove("SLUICE_URL").env_remove("SLUICE_HOME").stdin(Stdio::null());
    command.output().expect("the program starts")
}

/// What it said, on both streams.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// Its exit code.
pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("no exit code: {}", said(output)))
}

#[test]
fn an_exported_ledger_verifies_offline_and_an_altered_one_names_the_event() {
    released();
    let place = &shared().place;
    let folder = folder();
    let file = folder.path().join("ledger.jsonl");
    let (file, home) = (file.to_str().unwrap(), place.home.to_str().unwrap());
    let exported = sluice(&["--home", home, "--url", &place.url, "--as", "abel", "ledger", "export", file]);
    assert_eq!(code(&exported), 0, "{}", said(&exported));
    let refused = sluice(&["--home", home, "--url", &place.url, "--as", "olga", "ledger", "export", "/dev/null"]);
    assert_eq!(code(&refused), 3, "{}", said(&refused));
    let key = place.key().to_string();
    for trusted in [&["--key", &key][..], &[]] {
        let good = sluice(&[&["ledger", "verify", file], trusted].concat());
        assert_eq!(code(&good), 0, "{}", said(&good));
        assert!(said(&good).contains("ledger verified"), "{}", said(&good));
    }
    let ledger = std::fs::read_to_string(file).unwrap();
    let lines: Vec<&str> = ledger.lines().collect();
    let events: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].starts_with("{\"seq\":")).collect();
    assert!(events.len() > 20);
    let bad = folder.path().join("bad.jsonl");
    for (number, at) in events.iter().enumerate().step_by(events.len() / 6) {
        for place in [lines[*at].len() / 3, lines[*at].len() / 2, lines[*at].len() - 3] {
            let mut altered = lines[*at].as_bytes().to_vec();
            altered[place] = if altered[place] == b'a' { b'b' } else { b'a' };
            let altered = String::from_utf8(altered).expect("one ASCII letter for another");
            let mut all: Vec<&str> = lines.clone();
            all[*at] = &altered;
            std::fs::write(&bad, all.join("\n") + "\n").unwrap();
            let output = sluice(&["ledger", "verify", bad.to_str().unwrap()]);
            assert_eq!(code(&output), 1, "{}", said(&output));
            assert!(said(&output).contains(&format!("first bad event: {number}\n")), "{number}: {}", said(&output));
        }
    }
    for (what, text) in [
        (
            "an event left out",
            lines.iter().enumerate().filter(|(at, _)| *at != events[5]).map(|(_, l)| *l).collect::<Vec<_>>(),
        ),
        ("cut short", lines[..lines.len() - 1].to_vec()),
    ] {
        std::fs::write(&bad, text.join("\n") + "\n").unwrap();
        let output = sluice(&["ledger", "verify", bad.to_str().unwrap()]);
        assert_eq!(code(&output), 1, "{what}: {}", said(&output));
    }
    let other = sluice_ledger::SigningKey::generate("ledger.example/other", &sluice_ledger::OsEntropy).unwrap();
    let output = sluice(&["ledger", "verify", file, "--key", &other.verifier().to_string()]);
    assert_eq!(code(&output), 1, "another key: {}", said(&output));
}

#[test]
fn a_receipt_verifies_offline_and_an_altered_one_does_not() {
    let release = &released().release;
    let place = &shared().place;
    let folder = folder();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let receipt = place.client("olga").get(&format!("/v1/releases/{release}/receipt")).text();
    let csv = place.fetch(release, "csv");
    std::fs::write(path("receipt.json"), &receipt).unwrap();
    std::fs::write(path("data.csv"), &csv).unwrap();
    let verify = |more: &[&str]| sluice(&[&["receipt", "verify", path("receipt.json").as_str()], more].concat());
    let key = place.key().to_string();
    let good = verify(&["--data", &path("data.csv"), "--key", &key]);
    assert_eq!(code(&good), 0, "{}", said(&good));
    assert!(said(&good).contains("receipt verified"));
    assert!(said(&good).contains("data.csv is what was let out as csv"), "{}", said(&good));
    let mut altered = csv.clone();
    let last = altered.len() - 3;
    altered[last] ^= 1;
    std::fs::write(path("data.csv"), &altered).unwrap();
    assert_eq!(code(&verify(&["--data", &path("data.csv")])), 1, "other bytes aren't what was let out");
    // Every field of the receipt carries: its number, time, event, salt, proof, checkpoint and key.
    for (from, to) in [
        ("\"seq\": ", "\"seq\": 1"),
        ("\"at_ms\": ", "\"at_ms\": 1"),
        ("\\\"approvals\\\":2", "\\\"approvals\\\":3"),
        ("\"salt\": \"", "\"salt\": \"0"),
        ("\"proof\": [", "\"proof\": [\"00\","),
        ("\"checkpoint\": \"", "\"checkpoint\": \"x"),
        ("\"verifier_key\": \"", "\"verifier_key\": \"x"),
    ] {
        assert!(receipt.contains(from), "{from}: {receipt}");
        std::fs::write(path("receipt.json"), receipt.replacen(from, to, 1)).unwrap();
        let output = verify(&[]);
        assert_eq!(code(&output), 1, "{from}: {}", said(&output));
    }
}

#[test]
fn a_receipt_is_called_verified_only_with_a_key_that_somebody_trusts() {
    let release = &released().release;
    let place = &shared().place;
    let folder = folder();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let receipt = place.client("olga").get(&format!("/v1/releases/{release}/receipt")).body;
    std::fs::write(path("receipt.json"), receipt).unwrap();
    let verify = |more: &[&str]| sluice(&[&["receipt", "verify", path("receipt.json").as_str()], more].concat());
    let key = place.key().to_string();
    let other = sluice_ledger::SigningKey::generate("ledger.example/other", &sluice_ledger::OsEntropy).unwrap();
    let other = other.verifier().to_string();

    let alone = verify(&[]);
    assert_eq!(code(&alone), 0, "{}", said(&alone));
    let told = said(&alone);
    assert!(told.starts_with("receipt agrees with itself\n") && !told.contains("receipt verified"), "{told}");
    assert!(told.contains("shows nothing about who signed it") && told.contains(&key), "{told}");
    let json = |more: &[&str]| -> serde_json::Value {
        serde_json::from_slice(&verify(&[&["--json"], more].concat()).stdout).expect("it is JSON")
    };
    assert_eq!(json(&[])["verified"], false);
    assert_eq!(json(&[])["agrees_with_itself"], true);
    assert_eq!(json(&["--key", &key])["verified"], true);

    // By a file, as an agency hands it out, and by the folder of its node.
    std::fs::write(path("verifier.key"), format!("{key}\n")).unwrap();
    for trusted in [["--key-file", path("verifier.key").as_str()], ["--home", folder.path().to_str().unwrap()]] {
        let good = verify(&trusted);
        assert_eq!(code(&good), 0, "{trusted:?}: {}", said(&good));
        assert!(said(&good).starts_with("receipt verified\n"), "{trusted:?}: {}", said(&good));
    }
    std::fs::write(path("verifier.key"), &other).unwrap();
    for stranger in [
        ["--key-file", path("verifier.key").as_str()],
        ["--home", folder.path().to_str().unwrap()],
        ["--key", other.as_str()],
    ] {
        let bad = verify(&stranger);
        assert_eq!(code(&bad), 1, "{stranger:?}: {}", said(&bad));
        assert!(said(&bad).contains("another key than the trusted one"), "{stranger:?}: {}", said(&bad));
    }
    assert_eq!(code(&verify(&["--key-file", &path("receipt.json")])), 2, "a file that is no key");
    // The node states its key for whoever is to hand it out.
    let stated = sluice(&["--url", &place.url, "ledger", "key"]);
    assert_eq!((code(&stated), said(&stated)), (0, format!("{key}\n")));
}

/// A node that answers for the first name with what belongs to the second.
fn lying(url: &str, from: String, to: String) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let url = url.to_owned();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let path = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or("/healthz");
            let secret = head.iter().find_map(|line| line.strip_prefix("authorization: Bearer ")).map(str::to_owned);
            let reply = Client::new(&url, secret).get(&path.replace(&from, &to));
            let (status, length) = (reply.status, reply.body.len());
            let head = format!("HTTP/1.1 {status} Told\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            // A client that has gone away has failed already.
            let _gone = stream.write_all(&[head.as_bytes(), &reply.body].concat());
        }
    });
    format!("http://{address}")
}

#[test]
fn a_receipt_of_another_release_or_job_is_found_out_though_all_bytes_fit() {
    let place = &shared().place;
    let plan = count("SELECT origin FROM flights", "origin");
    let [ours, others] = [(); 2].map(|()| {
        let reviewed = place.reviewed(&place.plan(&shared().narrow, &plan));
        (place.release(&reviewed), reviewed.job)
    });
    assert_eq!(place.fetch(&ours.0, "csv"), place.fetch(&others.0, "csv"), "the same bytes left twice");
    let home = place.home.to_str().unwrap();
    let release =
        |url: &str, verb: &str, id: &str| sluice(&["--home", home, "--url", url, "--as", "olga", "release", verb, id]);
    for id in [&ours.0, &ours.1] {
        let good = release(&place.url, "verify", id);
        assert_eq!(code(&good), 0, "{}", said(&good));
        assert!(said(&good).contains(&format!("{} verified: ", ours.0)), "{}", said(&good));
    }
    for (from, to, asked, says) in [
        (&ours.0, &others.0, &ours.0, format!("another release: {}, not {}", others.0, ours.0)),
        (&ours.1, &others.1, &ours.1, format!("another job's release: {}, not {}", others.1, ours.1)),
    ] {
        let url = lying(&place.url, from.clone(), to.clone());
        for verb in ["verify", "fetch"] {
            let bad = release(&url, verb, asked);
            assert_eq!(code(&bad), 1, "{verb} {asked}: {}", said(&bad));
            assert!(said(&bad).contains(&says), "{verb} {asked}: {}", said(&bad));
        }
    }
}
