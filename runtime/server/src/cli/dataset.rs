//! `sluice dataset`: describe, register and seal data.

use std::fs::File;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use sluice_domain::relation::ColumnRelation;
use sluice_engine::ask::Format;
use sluice_server::api::types::{DatasetView, SealedSnapshot};
use ureq::SendBody;

use super::draft::{Draft, read_entry};
use super::failure::{Answer, Failure};
use super::node::Node;
use super::progress::Progress;
use super::{Common, example, routes, say, text_of, word};

/// Describe, register and seal data.
#[derive(Subcommand)]
pub enum Dataset {
    /// Draft the entry of a data file: its columns, with widened bounds and without rare codes
    ///
    /// The draft is for the custodian's eyes only. Read it, mend it, then register it: what is registered is public.
    #[command(after_help = example!(
        "sluice --as carol dataset draft my.csv --name trips --subject person --domain persons --out trips.json"
    ))]
    Draft(Draft),
    /// Register a dataset from its entry
    #[command(after_help = example!("sluice --as carol dataset register trips.json --confirm"))]
    Register {
        /// The entry, as `dataset draft` writes it
        file: PathBuf,
        /// Confirm a draft: you have read it, and nothing in it gives anybody away
        #[arg(long)]
        confirm: bool,
    },
    /// Seal a copy of a data file as the dataset's newest snapshot
    #[command(after_help = example!("sluice --as carol dataset snapshot trips my.csv"))]
    Snapshot {
        /// The dataset
        name: String,
        /// The data: CSV, Parquet or Arrow IPC
        file: PathBuf,
        /// The file's format [default: by its name]
        #[arg(long, value_parser = word::<Format>)]
        format: Option<Format>,
    },
    /// List the catalogue
    #[command(after_help = example!("sluice --as olga dataset list"))]
    List,
    /// Show a dataset's entry
    #[command(after_help = example!("sluice --as olga dataset show trips"))]
    Show {
        /// The dataset
        name: String,
    },
}

impl Dataset {
    pub fn run(self, common: &Common) -> Answer {
        match self {
            Dataset::Draft(draft) => draft.run(common),
            Dataset::Register { file, confirm } => {
                let entry = read_entry(&file, confirm)?;
                show(common, &routes::register(&common.connect()?, &entry)?)
            }
            Dataset::Snapshot { name, file, format } => {
                let sealed = seal(&common.connect()?, &name, &file, format)?;
                if common.json { say::json(&sealed) } else { say::out(sealed_text(&sealed)) }
            }
            Dataset::List => list(common),
            Dataset::Show { name } => show(common, &routes::dataset(&common.connect()?, &name)?),
        }
    }
}

/// Seals a snapshot.
///
/// # Errors
/// A file that can't be read, or a refusal.
pub fn seal(node: &Node, dataset: &str, file: &Path, format: Option<Format>) -> Answer<SealedSnapshot> {
    let format = format_of(file, format)?;
    let (body, _shown) = opened(file, "sealing")?;
    routes::seal(node, dataset, format, body)
}

/// A data file as a request's body, with its progress shown.
///
/// # Errors
/// A file that can't be read.
pub fn opened(path: &Path, what: &str) -> Answer<(SendBody<'static>, Progress)> {
    let unread = |error: std::io::Error| Failure::file("read", path, &error);
    let file = File::open(path).map_err(unread)?;
    let bytes = file.metadata().map_err(unread)?.len();
    let progress = Progress::bytes(what, bytes);
    Ok((SendBody::from_owned_reader(progress.reader(file)), progress))
}

/// A data file's format: as it was given, else by its name.
///
/// # Errors
/// Neither tells.
pub fn format_of(path: &Path, given: Option<Format>) -> Answer<Format> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    let named = match ending.as_str() {
        "csv" => Some(Format::Csv),
        "parquet" | "pq" => Some(Format::Parquet),
        "arrow" | "ipc" | "feather" => Some(Format::Arrow),
        _ => None,
    };
    given.or(named).ok_or_else(|| {
        Failure::Usage(format!("{} doesn't end in .csv, .parquet or .arrow: give --format", path.display()))
    })
}

fn sealed_text(sealed: &SealedSnapshot) -> String {
    let mut pairs = vec![("snapshot", sealed.snapshot.id.clone()), ("of", sealed.snapshot.dataset.clone())];
    let Some(report) = &sealed.report else { return say::fields(&pairs) };
    pairs.push(("rows", report.rows.to_string()));
    pairs.push(("subjects", report.subjects.to_string()));
    pairs.push(("rows without a subject", report.rows_without_subject.to_string()));
    let found = |counts: &std::collections::BTreeMap<String, u64>| {
        let found = counts.iter().filter(|(_, count)| **count > 0).map(|(column, count)| format!("{column} {count}"));
        let found = found.collect::<Vec<_>>().join(", ");
        if found.is_empty() { "none".to_owned() } else { found }
    };
    pairs.push(("values that don't fit the dictionary", found(&report.misfits)));
    pairs.push(("values missing", found(&report.nulls)));
    pairs.extend(report.families_not_sealed.iter().map(|why| ("families aren't sealed", why.clone())));
    say::fields(&pairs)
}

fn list(common: &Common) -> Answer {
    let node = common.connect()?;
    let datasets = routes::datasets(&node)?;
    if common.json {
        return say::json(&datasets);
    }
    let about =
        |dataset: &DatasetView| dataset.subject.as_ref().map_or("-".to_owned(), |subject| subject.domain.clone());
    let rows = datasets.iter().map(|dataset| {
        let DatasetView { name, title, agency, .. } = dataset;
        [name.clone(), title.clone(), agency.clone(), about(dataset), text_of(&dataset.grade), text_of(&dataset.state)]
    });
    say::out(say::table(["name", "title", "agency", "about", "grade", "state"], rows))
}

fn show(common: &Common, dataset: &DatasetView) -> Answer {
    if common.json {
        return say::json(dataset);
    }
    let subject = dataset.subject.as_ref();
    let subject = subject.map_or("nobody: a lookup table".to_owned(), |key| format!("{} ({})", key.column, key.domain));
    let unique = if dataset.unique.is_empty() { "not declared".to_owned() } else { dataset.unique.join(", ") };
    say::out(say::fields(&[
        ("dataset", dataset.name.clone()),
        ("title", dataset.title.clone()),
        ("agency", dataset.agency.clone()),
        ("about", subject),
        ("unique together", unique),
        ("grade", text_of(&dataset.grade)),
        ("declared number of subjects", dataset.n_public.to_string()),
        ("lapses", say::moment(dataset.lapses_at_ms)),
    ]))?;
    let rows = dataset.dictionary.columns.iter().map(|column| {
        let bounds = column.bounds.map(|bounds| format!("{} to {}", bounds.lower, bounds.upper)).unwrap_or_default();
        let codes = match column.codes.len() {
            0 => String::new(),
            few @ 1..=6 => format!("{few}: {}", column.codes.join(", ")),
            many => format!("{many}: {}, ...", column.codes.iter().take(5).cloned().collect::<Vec<_>>().join(", ")),
        };
        [column.name.clone(), text_of(&column.kind), column.unit.clone(), bounds, codes, column.title.clone()]
    });
    say::out(say::table(["column", "kind", "unit", "bounds", "codes", "title"], rows))?;
    let relations: Vec<(&str, String)> =
        dataset.dictionary.relations.iter().map(|relation| ("relation", relation_text(relation))).collect();
    if relations.is_empty() { Ok(()) } else { say::out(say::fields(&relations)) }
}

/// A relation, as an equation: `profit = -1 cost + 1 revenue`.
fn relation_text(relation: &ColumnRelation) -> String {
    let ColumnRelation { name, terms, equals } = relation;
    let mut text = format!("{} =", equals.as_ref().unwrap_or(name));
    for (place, (column, factor)) in terms.iter().enumerate() {
        let sign = match (place, *factor < 0) {
            (0, false) => "",
            (0, true) => "-",
            (_, false) => "+ ",
            (_, true) => "- ",
        };
        text.push_str(&format!(" {sign}{} {column}", factor.unsigned_abs()));
    }
    text
}
