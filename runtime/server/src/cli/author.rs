//! `sluice new` and `sluice build`: from nothing to a module.

use std::path::{Path, PathBuf};

use clap::Args;
use sluice_toolchain::{BuildError, Built, Lane};

use super::failure::{Answer, Failure};
use super::progress::Progress;
use super::{Common, example, say};

/// Lay out a new module, with the SDK beside it
#[derive(Args)]
#[command(after_help = example!("sluice new my-module --lane tabulate"))]
pub struct New {
    /// The module's name, and its folder's
    name: String,
    /// tabulate (one subject at a time, the host counts) or report (one bounded table, people read it)
    #[arg(long, default_value = "tabulate", value_parser = lane)]
    lane: Lane,
    /// Where it goes [default: a folder of its name]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Build a module from source into a component
///
/// Needs cargo, and a compiler for wasm32-unknown-unknown: the one that is installed, else rustup's, else Debian's.
#[derive(Args)]
#[command(after_help = example!("sluice build my-module --out my-module.wasm"))]
pub struct Build {
    /// The module's folder
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Where the component goes [default: target/NAME.wasm in the module's folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print the component's path alone
    #[arg(long, short)]
    quiet: bool,
}

fn lane(text: &str) -> Result<Lane, String> {
    Lane::from_name(text).ok_or_else(|| "a lane is tabulate or report".to_owned())
}

impl New {
    pub fn run(self, common: &Common) -> Answer {
        let dir = self.dir.unwrap_or_else(|| PathBuf::from(&self.name));
        let files = sluice_toolchain::new_project(&dir, &self.name, self.lane).map_err(failure)?;
        if common.json {
            return say::json(&serde_json::json!({ "folder": dir, "files": files }));
        }
        let shown = dir.display();
        say::out(format_args!("{shown} holds a module of lane {}; its source is src/lib.rs", self.lane.name()))?;
        say::out(format_args!("next: sluice build {shown}"))
    }
}

impl Build {
    pub fn run(self, common: &Common) -> Answer {
        let built = build(&self.dir, self.out.as_deref())?;
        if common.json {
            let Built { path, digest, bytes, route } = built;
            let route = format!("{route:?}").to_lowercase();
            return say::json(
                &serde_json::json!({ "path": path, "digest": digest, "bytes": bytes, "compiler": route }),
            );
        }
        if self.quiet {
            return say::out(built.path.display());
        }
        say::out(say::fields(&[
            ("component", built.path.display().to_string()),
            ("digest", built.digest),
            ("bytes", built.bytes.to_string()),
        ]))
    }
}

/// Builds a module, with what is being done shown.
///
/// # Errors
/// [`Failure::Negative`] where the module doesn't build.
pub fn build(dir: &Path, out: Option<&Path>) -> Answer<Built> {
    let progress = Progress::spinner("looking for a compiler");
    sluice_toolchain::build(dir, out, &mut |line| progress.step(line)).map_err(failure)
}

fn failure(error: BuildError) -> Failure {
    match error {
        BuildError::Step { .. } | BuildError::Component(_) => Failure::Negative(error.to_string()),
        other => Failure::Usage(other.to_string()),
    }
}
