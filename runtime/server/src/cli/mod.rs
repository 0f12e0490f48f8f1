//! The `sluice` command: one file for each group of verbs.
//!
//! Every verb but `serve`, `demo`, `new`, `build` and the two that verify is a client of a node's API, and can do
//! nothing that the API doesn't let it do. The two that verify need no node and trust none: they use the ledger crate
//! alone. `token issue --offline` is the one exception: it opens the folder of a node that doesn't run.

mod author;
mod caller;
mod dataset;
mod demo;
mod draft;
mod failure;
mod family;
mod grant;
mod job;
mod ledger;
mod module;
mod node;
mod people;
mod plan;
mod progress;
mod receipt;
mod rehearse;
mod release;
mod review;
mod routes;
mod say;
mod serve;
mod trust;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use caller::Caller;
use failure::Answer;
use node::Node;

/// A data sandbox runtime: modules go in, vetted aggregates come out.
#[derive(Parser)]
#[command(name = "sluice", version, propagate_version = true, after_help = failure::EXIT_CODES)]
struct Command {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    verb: Verb,
}

/// What every verb takes.
#[derive(Args, Debug, Clone)]
struct Common {
    /// The node's folder [default: ./.sluice; for demo a temporary one]
    #[arg(long, global = true, help_heading = "Common options", env = "SLUICE_HOME", value_name = "DIR")]
    home: Option<PathBuf>,
    /// The node's address [default: what the node of --home listens on]
    #[arg(long, global = true, help_heading = "Common options", env = "SLUICE_URL", value_name = "URL")]
    url: Option<String>,
    /// Act as this person, with the token in HOME/tokens/NAME
    #[arg(long = "as", global = true, help_heading = "Common options", value_name = "NAME")]
    acting_as: Option<String>,
    /// Act with this token, where --as isn't given
    #[arg(
        long,
        global = true,
        help_heading = "Common options",
        env = "SLUICE_TOKEN",
        hide_env_values = true,
        hide = true,
        value_name = "TOKEN"
    )]
    token: Option<String>,
    /// Print JSON for programs instead of tables for people
    #[arg(long, global = true, help_heading = "Common options")]
    json: bool,
}

impl Common {
    fn home(&self) -> PathBuf {
        self.home.clone().unwrap_or_else(|| PathBuf::from(".sluice"))
    }

    fn connect(&self) -> Answer<Node> {
        let (url, name, token) = (self.url.clone(), self.acting_as.clone(), self.token.clone());
        Caller { home: self.home(), url, name, token }.connect()
    }
}

#[derive(Subcommand)]
enum Verb {
    /// Run a node
    Serve(serve::Serve),
    /// Show everything on example data, from registration to a verified receipt, and three attacks that fail
    Demo(demo::Demo),
    /// Describe, register and seal data
    #[command(subcommand)]
    Dataset(dataset::Dataset),
    /// Vet tables beforehand, from which jobs are answered at once
    #[command(subcommand)]
    Family(family::Family),
    /// Say who may use which data, for what and how
    #[command(subcommand)]
    Grant(grant::Grant),
    /// Submit modules
    #[command(subcommand)]
    Module(module::Module),
    /// Submit jobs and follow them
    #[command(subcommand)]
    Job(job::Job),
    /// Read candidates and vote on them
    #[command(subcommand)]
    Review(review::Review),
    /// Fetch what was let out
    #[command(subcommand)]
    Release(release::Release),
    /// Export and verify the ledger, and print its key
    #[command(subcommand)]
    Ledger(ledger::Ledger),
    /// Verify receipts
    #[command(subcommand)]
    Receipt(receipt::Receipt),
    /// Lay out a new module
    New(author::New),
    /// Build a module from source
    Build(author::Build),
    /// Try a module or a plan on your own machine, on made-up rows
    Rehearse(rehearse::Rehearse),
    /// Add people
    #[command(subcommand)]
    Person(people::Person),
    /// Issue, list and revoke tokens
    #[command(subcommand)]
    Token(people::Token),
    /// A worker process; the node starts it
    #[command(hide = true)]
    Worker,
    /// A compiling process; the node starts it
    #[command(hide = true)]
    Compile,
}

/// Runs what was typed.
pub fn run() -> ExitCode {
    let command = Command::parse();
    let common = &command.common;
    let answer = match command.verb {
        Verb::Worker => return sluice_engine::worker::main(),
        Verb::Compile => return sluice_engine::compile::main(),
        Verb::Serve(serve) => serve.run(common),
        Verb::Demo(demo) => demo.run(common),
        Verb::Dataset(verb) => verb.run(common),
        Verb::Family(verb) => verb.run(common),
        Verb::Grant(verb) => verb.run(common),
        Verb::Module(verb) => verb.run(common),
        Verb::Job(verb) => verb.run(common),
        Verb::Review(verb) => verb.run(common),
        Verb::Release(verb) => verb.run(common),
        Verb::Ledger(verb) => verb.run(common),
        Verb::Receipt(verb) => verb.run(common),
        Verb::New(verb) => verb.run(common),
        Verb::Build(verb) => verb.run(common),
        Verb::Rehearse(verb) => verb.run(common),
        Verb::Person(verb) => verb.run(common),
        Verb::Token(verb) => verb.run(common),
    };
    match answer {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// The example of a verb, as its help shows it.
macro_rules! example {
    ($text:literal) => {
        concat!("Example:\n  ", $text)
    };
}
use example;

/// A word of the API's own (a role, a verdict), read as the API reads it.
fn word<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    let text = text.replace('-', "_");
    serde_json::from_value(serde_json::Value::String(text)).map_err(|error| {
        let error = error.to_string();
        error.split(" at line").next().unwrap_or_default().to_owned()
    })
}

/// A word of the API's own, written as the API writes it.
fn text_of(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Command::command().debug_assert();
    }

    #[test]
    fn no_verb_has_an_option_of_a_common_ones_name() {
        // Clap would silently put the one's value into the other.
        fn walk(command: &clap::Command, common: &[String]) {
            for verb in command.get_subcommands() {
                for argument in verb.get_arguments() {
                    assert!(!common.contains(&argument.get_id().to_string()), "{}: {argument}", verb.get_name());
                }
                walk(verb, common);
            }
        }
        let command = Command::command();
        let common: Vec<String> =
            command.get_arguments().filter(|one| one.is_global_set()).map(|one| one.get_id().to_string()).collect();
        assert!(common.len() >= 4);
        walk(&command, &common);
    }

    /// Words as a shell would split them, as far as the examples need it.
    fn words(line: &str) -> Vec<String> {
        let pieces = line.split('"').enumerate();
        pieces
            .flat_map(|(position, piece)| match position % 2 {
                0 => piece.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
                _ => vec![piece.to_owned()],
            })
            .collect()
    }

    #[test]
    fn every_verb_has_an_example_that_parses() {
        fn walk(command: &clap::Command, path: &str) {
            for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help") {
                let path = format!("{path} {}", verb.get_name());
                if verb.has_subcommands() {
                    walk(verb, &path);
                    continue;
                }
                let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
                let line = help.lines().nth(1).unwrap_or_default().trim();
                assert!(line.starts_with("sluice") && line.contains(&path), "{path}: {help}");
                if let Err(error) = Command::try_parse_from(words(line)) {
                    panic!("{line}: {error}");
                }
            }
        }
        walk(&Command::command(), "");
    }
}
