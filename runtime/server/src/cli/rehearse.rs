//! `sluice rehearse`: the same guard, sandbox, counting and checks as on a node, on made-up rows or the author's own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use sluice_disclosure::{Appetite, Assessment, Context, Verdict, assess, csv, render};
use sluice_domain::contract::Contract;
use sluice_domain::dataset::{Dataset, DatasetState};
use sluice_domain::grade::Grade;
use sluice_domain::limits::Limits;
use sluice_domain::refusal::Refusal;
use sluice_domain::relation;
use sluice_engine::ask::{Admitted, Format, Ingest, Run, TableSpec, Work};
use sluice_engine::fleet::{Cancel, Fleet, FleetSettings, RunStop, Stop};
use sluice_engine::raw::Kept;
use sluice_server::api::types::{Problem, RegisterDataset};

use super::failure::{Answer, Failure};
use super::node::read_file;
use super::progress::Progress;
use super::{Common, dataset, example, plan, say};

/// Try a module or a plan on your own machine, on made-up rows
///
/// The rows are made from the entries alone: types, codes, bounds. Their figures mean nothing; what is rehearsed is
/// whether the node would admit the job, whether the module keeps its contract, and what the checks would find.
#[derive(Args)]
#[command(after_help = example!("sluice rehearse my-module/target/my-module.wasm --dataset trips.json"))]
pub struct Rehearse {
    /// The module's component
    #[arg(value_name = "MODULE.wasm", required_unless_present = "plan")]
    module: Option<PathBuf>,
    /// A job without a module, instead
    #[arg(long, value_name = "FILE", conflicts_with = "module")]
    plan: Option<PathBuf>,
    /// A dataset's entry, as `dataset draft` writes it or `dataset show --json` prints it; may be given again
    #[arg(long, value_name = "ENTRY.json", required = true)]
    dataset: Vec<PathBuf>,
    /// Rows of your own for a dataset, instead of made-up ones; may be given again
    #[arg(long, value_name = "NAME=FILE", value_parser = pair)]
    data: Vec<(String, String)>,
    /// A parameter of the module; may be given again
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    param: Vec<(String, String)>,
    /// Made-up rows of each dataset
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rows: u32,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it is NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Rehearse {
    pub fn run(self, common: &Common) -> Answer {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(fault)?;
        let rehearsed = runtime.block_on(self.rehearse())?;
        show(common, &rehearsed)
    }

    async fn rehearse(self) -> Answer<Rehearsed> {
        let place = tempfile::tempdir().map_err(fault)?;
        let limits = Limits::default();
        let fleet = Fleet::start(FleetSettings {
            exe: std::env::current_exe().map_err(fault)?,
            limits: limits.clone(),
            spare: 1,
            cache: place.path().join("cache"),
            cache_key: random()?,
        })
        .map_err(fault)?;
        let progress = Progress::spinner("laying out the rows");
        let mut tables = Vec::new();
        let mut grade = Grade::Open;
        let mut dictionaries = BTreeMap::new();
        for path in &self.dataset {
            let entry = entry(path)?;
            grade = grade.max(entry.grade);
            dictionaries.insert(entry.name.clone(), entry.dictionary.clone());
            tables.push(self.table(&fleet, place.path(), entry).await?);
        }
        progress.step("asking for the contract");
        let work = self.work(&fleet).await?;
        let bare = tables.iter().map(|table| TableSpec { snapshot: None, ..table.clone() }).collect();
        let Admitted { contract, sources, .. } = fleet.admit(bare, work.clone()).await.map_err(stopped)?;
        progress.step("running");
        let folder = place.path().join("job");
        std::fs::create_dir_all(&folder).map_err(fault)?;
        let partitions = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let snapshots: Vec<PathBuf> = tables.iter().filter_map(|table| table.snapshot.clone()).collect();
        let kept_in = folder.clone();
        let run = Run { tables, work, contract: contract.clone(), partitions, folder, bound_key: random()? };
        let ran = fleet.run(run, &Cancel::default()).await.map_err(run_stopped)?;
        let mut kept = Kept::read(&contract, &kept_in, &snapshots).map_err(fault)?;
        kept.relations = relation::between(&sources, |name| dictionaries.get(name));
        let candidate = ran.raw.candidate(&contract, kept, &limits).map_err(fault)?;
        let appetite = Appetite::floor(grade).map_err(refused)?;
        let assessment = assess(&candidate, &appetite, &Context::default());
        let facts = *candidate.facts();
        Ok(Rehearsed { contract, assessment, defaulted: facts.defaulted_subjects, subjects: facts.subjects })
    }

    async fn table(&self, fleet: &Fleet, place: &Path, entry: Dataset) -> Answer<TableSpec> {
        let own = self.data.iter().find(|(name, _)| *name == entry.name);
        let (file, format) = match own {
            Some((_, file)) => {
                let file = PathBuf::from(file);
                let format = dataset::format_of(&file, None)?;
                (file, format)
            }
            None => {
                let file = place.join(format!("{}.parquet", entry.name));
                sluice_engine::synthetic::write(&entry, self.rows as usize, 7, &file).map_err(fault)?;
                (file, Format::Parquet)
            }
        };
        let snapshot = place.join("snapshots").join(&entry.name);
        let ingest = Ingest {
            file: std::path::absolute(&file).map_err(fault)?,
            format,
            dataset: Box::new(entry.clone()),
            folder: snapshot.clone(),
            domains: place.join("domains"),
        };
        fleet.ingest(ingest).await.map_err(stopped)?;
        Ok(TableSpec::whole(&entry, Some(snapshot)))
    }

    async fn work(&self, fleet: &Fleet) -> Answer<Work> {
        match (&self.module, &self.plan) {
            (Some(path), _) => {
                let report = fleet.examine(read_file(path)?).await.map_err(stopped)?;
                let params: BTreeMap<String, String> = self.param.iter().cloned().collect();
                Ok(Work::Module { lane: report.lane, digest: report.digest, params })
            }
            (None, Some(path)) => Ok(Work::Plan(plan::read(path)?)),
            (None, None) => Err(Failure::Usage("a rehearsal needs a module or a plan".to_owned())),
        }
    }
}

/// What came of a rehearsal.
struct Rehearsed {
    contract: Contract,
    assessment: Assessment,
    defaulted: u64,
    subjects: u64,
}

fn show(common: &Common, rehearsed: &Rehearsed) -> Answer {
    let assessment = &rehearsed.assessment;
    let findings = assessment.findings().iter();
    if common.json {
        let findings: Vec<serde_json::Value> = findings
            .map(|finding| serde_json::json!({ "id": finding.id(), "check": finding.check().as_str(), "sentence": finding.sentence() }))
            .collect();
        let table = String::from_utf8_lossy(&csv::to_csv(assessment.table())).into_owned();
        return say::json(&serde_json::json!({
            "contract": rehearsed.contract,
            "subjects": rehearsed.subjects,
            "defaulted_subjects": rehearsed.defaulted,
            "would_be_refused": assessment.is_refused(),
            "findings": findings,
            "table": table,
        }));
    }
    say::out("the node would admit the job; on made-up rows its figures mean nothing")?;
    say::out(format_args!(
        "{} subjects mapped, {} of them failed and counted as nothing",
        rehearsed.subjects, rehearsed.defaulted
    ))?;
    let table = assessment.table();
    let header: Vec<&str> = table.columns().iter().map(|column| column.name.as_str()).collect();
    say::out(header.join("  "))?;
    for row in table.rows().iter().take(12) {
        let cells: Vec<String> =
            row.iter().zip(table.columns()).map(|(value, column)| render(value, &column.kind)).collect();
        say::out(cells.join("  "))?;
    }
    if table.rows().len() > 12 {
        say::out(format_args!("... and {} more", table.rows().len() - 12))?;
    }
    let telling = findings.filter(|finding| !matches!(finding.verdict(), Verdict::Pass | Verdict::Suppress));
    for finding in telling.take(12) {
        say::out(format_args!("to the reviewers: {} ({})", finding.sentence(), finding.check().as_str()))?;
    }
    if assessment.is_refused() {
        return Err(Failure::Negative("the checks would refuse this output".to_owned()));
    }
    Ok(())
}

/// Reads an entry: one to register, or one that the catalogue shows.
fn entry(path: &Path) -> Answer<Dataset> {
    let unread = |error: serde_json::Error| Failure::file("read", path, &error);
    let mut value: serde_json::Value = serde_json::from_slice(&read_file(path)?).map_err(unread)?;
    if let Some(object) = value.as_object_mut() {
        for shown in ["agency", "state", "registered_at_ms", "in_force", "confirmed", "remarks"] {
            object.remove(shown);
        }
    }
    let entry: RegisterDataset = serde_json::from_value(value).map_err(unread)?;
    let dataset = Dataset {
        item_code: entry.item_code.unwrap_or_else(|| entry.name.clone()),
        name: entry.name,
        title: entry.title,
        agency: "rehearsal".to_owned(),
        subject: entry.subject,
        unique: entry.unique,
        group: entry.group,
        grade: entry.grade,
        n_public: entry.n_public,
        dictionary: entry.dictionary,
        state: DatasetState::Registered,
        registered_at_ms: 0,
        lapses_at_ms: i64::MAX,
    };
    dataset.check().map_err(refused)?;
    Ok(dataset)
}

fn random() -> Answer<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(fault)?;
    Ok(bytes)
}

fn fault(error: impl std::fmt::Display) -> Failure {
    Failure::Fault(error.to_string())
}

fn refused(refusal: Refusal) -> Failure {
    Failure::problem(Problem {
        kind: format!("urn:sluice:refusal:{}", refusal.code.as_str()),
        title: refusal.sentence,
        status: refusal.code.status(),
        code: refusal.code.as_str().to_owned(),
        detail: refusal.detail,
        incident: None,
    })
}

fn stopped(stop: Stop) -> Failure {
    match stop {
        Stop::Refused(refusal) => refused(refusal),
        Stop::Fault(error) => fault(error),
    }
}

fn run_stopped(stop: RunStop) -> Failure {
    match stop {
        RunStop::Refused(refusal) => refused(refusal),
        RunStop::Cancelled => Failure::Negative("it was ended".to_owned()),
        RunStop::TimedOut => Failure::Negative("the run took longer than an attempt may".to_owned()),
        RunStop::Died(text) | RunStop::Failed(text) => Failure::Negative(format!("the run failed: {text}")),
    }
}
