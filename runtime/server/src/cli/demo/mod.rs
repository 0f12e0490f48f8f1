//! `sluice demo`: everything once, on example data, as a newcomer would want to see it.
//!
//! The demo is a client like any other: it starts a node in this process, then talks to it over HTTP with the starter
//! people's tokens, and verifies with the ledger crate alone. Each step checks what it claims, so that the exit code 0
//! means that all of it was seen to hold.

mod attacks;
mod data;
mod differencing;
mod families;
mod guests;
mod place;
mod record;
mod runs;
mod stage;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use clap::Args;
use sluice_server::serve::{Options, Serving};
use tokio::runtime::Runtime;

use super::failure::{Answer, Failure};
use super::{Common, example, say, serve};
use place::Place;
use stage::Stage;

/// Show everything on example data, from registration to a verified receipt, and attacks that fail
///
/// Run it from the repository: it builds the example modules from source.
#[derive(Args)]
#[command(after_help = example!("sluice demo --home ./demo --keep"))]
pub struct Demo {
    /// Leave the node running afterwards, and say how to log in as each role
    #[arg(long)]
    keep: bool,
    /// Where the node listens, on loopback [default: a free port]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

/// The length of a slot in the demo.
const SLOT_MS: i64 = 1_000;
/// Slots until a `report` job is shown as under review.
const REPORT_SLOTS: u32 = 2;

impl Demo {
    pub fn run(self, common: &Common) -> Answer {
        sluice_server::log::start(tracing::Level::WARN);
        let begun = Instant::now();
        let sources = place::sources()?;
        if let Some(listen) = self.listen {
            place::is_free(listen)?;
        }
        let place = Place::choose(common.home.as_deref(), self.keep)?;
        let runtime = serve::runtime()?;

        say::out("Sluice: data stays inside; vetted aggregates come out.\n")?;
        let guests = guests::build(&sources, &place.work())?;
        let serving = runtime.block_on(self.start(place.home()))?;
        let played = play(place.home(), &place.work(), &sources, &serving, guests);
        let shown = played.and_then(|seen| summary(&seen, begun));
        let ended = match (self.keep, &shown) {
            (true, Ok(())) => keep(&runtime, place.home(), serving),
            _ => stop(&runtime, place.home(), serving),
        };
        match shown.and(ended) {
            Ok(()) => place.done(),
            Err(failure) => {
                place.leave();
                Err(failure)
            }
        }
    }

    async fn start(&self, home: &Path) -> Answer<Serving> {
        let listen = self.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
        let options = Options {
            listen: Some(listen),
            slot_ms: Some(SLOT_MS),
            report_slots: Some(REPORT_SLOTS),
            starter: true,
            ..Options::new(serve::own_program()?)
        };
        serve::start(home, options).await
    }
}

/// What was seen to hold, a line each.
struct Seen(Vec<String>);

fn play(home: &Path, work: &Path, sources: &Path, serving: &Serving, guests: guests::Guests) -> Answer<Seen> {
    let mut stage = Stage::new(home, work, format!("http://{}", serving.address()))?;
    stage.open()?;
    data::register(&mut stage, sources)?;
    let grants = data::grant(&mut stage)?;
    // Before anything is out: what people release beside a family would bind it.
    families::vetted(&mut stage, &grants.main)?;
    runs::crosstab(&mut stage, sources, &grants.main)?;
    runs::modules(&mut stage, &guests, &grants.main)?;
    differencing::pair(&mut stage, &grants.main)?;
    record::ledger(&mut stage)?;
    attacks::refused(&mut stage, &guests, &grants)?;
    attacks::contained(&mut stage, &guests, &grants.narrow)?;
    record::ledger_again(&mut stage)?;
    Ok(Seen(stage.into_seen()))
}

fn summary(seen: &Seen, begun: Instant) -> Answer {
    say::out("\nSummary: each of these was checked, not only said")?;
    for line in &seen.0 {
        say::out(format_args!("  - {line}"))?;
    }
    say::out(format_args!("The demo took {} s.", begun.elapsed().as_secs()))
}

fn keep(runtime: &Runtime, home: &Path, serving: Serving) -> Answer {
    let shown = home.display();
    say::out(format_args!("\nThe node goes on at http://{}; Ctrl-C stops it. Log in with --as:", serving.address()))?;
    let people = [
        ("carol, cyrus", "custodian", "dataset list", "carol"),
        ("rosa, ravi, rita", "reviewer", "review list", "rosa"),
        ("olga", "operator", "release list", "olga"),
        ("abel", "auditor", "ledger export ledger.jsonl", "abel"),
        ("rex", "regulator", "grant list", "rex"),
        ("admin", "administrator", "person me", "admin"),
    ];
    let rows = people.map(|(names, role, verb, name)| {
        [names.to_owned(), role.to_owned(), format!("sluice --home {shown} --as {name} {verb}")]
    });
    say::out(say::table(["people", "role", "for example"], rows))?;
    say::out(format_args!("Their tokens are the files in {}.", home.join("tokens").display()))?;
    let ended = runtime.block_on(serving.until_signalled());
    serve::forget(home);
    ended.map_err(|error| Failure::Fault(error.to_string()))
}

fn stop(runtime: &Runtime, home: &Path, serving: Serving) -> Answer {
    let ended = runtime.block_on(serving.stop());
    serve::forget(home);
    ended.map_err(|error| Failure::Fault(error.to_string()))
}
