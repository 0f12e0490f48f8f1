//! `sluice module`: submit modules.

use std::path::PathBuf;

use clap::Subcommand;
use sluice_server::api::types::ModuleView;

use super::failure::Answer;
use super::node::read_file;
use super::progress::Progress;
use super::{Common, example, routes, say, text_of};

/// Submit modules.
#[derive(Subcommand)]
pub enum Module {
    /// Submit a module: it is checked, compiled and kept under the digest of its bytes
    #[command(after_help = example!(
        "sluice --as olga module submit delays.wasm --statement \"Departure delays by carrier, origin and month\""
    ))]
    Submit {
        /// The component, as `sluice build` makes it
        file: PathBuf,
        /// What it does, for the reviewers
        #[arg(long, value_name = "TEXT")]
        statement: String,
        /// Print the module's digest alone
        #[arg(long, short)]
        quiet: bool,
    },
    /// List the modules
    #[command(after_help = example!("sluice --as olga module list"))]
    List,
    /// Take back that a module may run
    #[command(after_help = example!("sluice --as carol module revoke DIGEST"))]
    Revoke {
        /// The module's digest
        digest: String,
    },
}

impl Module {
    pub fn run(self, common: &Common) -> Answer {
        match self {
            Module::Submit { file, statement, quiet } => {
                let wasm = read_file(&file)?;
                let node = common.connect()?;
                let progress = Progress::spinner("checking and compiling the module");
                let module = routes::submit_module(&node, &statement, wasm)?;
                drop(progress);
                if quiet { say::out(module.digest) } else { show(common, &module) }
            }
            Module::List => list(common),
            Module::Revoke { digest } => show(common, &routes::revoke_module(&common.connect()?, &digest)?),
        }
    }
}

fn list(common: &Common) -> Answer {
    let modules = routes::modules(&common.connect()?)?;
    if common.json {
        return say::json(&modules);
    }
    let rows = modules.iter().map(|module| {
        let ModuleView { digest, statement, organisation, .. } = module;
        let lane = module.lane.as_str().to_owned();
        [digest.clone(), lane, state_of(module), organisation.clone(), statement.clone()]
    });
    say::out(say::table(["digest", "lane", "state", "organisation", "statement"], rows))
}

/// Whether it may run, and where it may not.
fn state_of(module: &ModuleView) -> String {
    let state = text_of(&module.state);
    match module.revoked_by.is_empty() {
        true => state,
        false => format!("{state}, revoked by {}", module.revoked_by.join(", ")),
    }
}

fn show(common: &Common, module: &ModuleView) -> Answer {
    if common.json {
        return say::json(module);
    }
    let imports = if module.imports.is_empty() { "nothing".to_owned() } else { module.imports.join(", ") };
    say::out(say::fields(&[
        ("module", module.digest.clone()),
        ("lane", module.lane.as_str().to_owned()),
        ("state", state_of(module)),
        ("bytes", module.bytes.to_string()),
        ("functions", module.functions.to_string()),
        ("imports", imports),
        ("exports", module.exports.join(", ")),
        ("statement", module.statement.clone()),
    ]))
}
