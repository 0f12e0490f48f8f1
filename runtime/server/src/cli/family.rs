//! `sluice family`: vet tables beforehand, from which jobs are answered at once.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use sluice_domain::family::{FamilyDimension, FamilyMeasure, FamilyTerms};
use sluice_domain::grant::Tightening;
use sluice_domain::method::Method;
use sluice_server::api::types::{FamilyPreview, FamilyView, ProposeFamily};

use super::failure::{Answer, Failure};
use super::node::read_file;
use super::progress::Progress;
use super::{Common, example, routes, say, text_of, word};

/// Cells that are printed of each table of a preview.
const CELLS: usize = 8;

/// Vet tables beforehand, from which jobs are answered at once.
#[derive(Subcommand)]
pub enum Family {
    /// Propose a family: dimensions, figures and margins
    #[command(after_help = example!(
        "sluice --as carol family propose --dataset trips --name by_city --title \"Trips by city\" --dimension city --records --margin \"\""
    ))]
    Propose(Box<Propose>),
    /// Show what would be withheld, and why, if a family were vetted beside those that are
    #[command(after_help = example!("sluice --as carol family preview trips.by_city"))]
    Preview {
        /// The family: DATASET.NAME
        key: String,
    },
    /// Vet a family; the second person's word seals it
    #[command(after_help = example!("sluice --as rosa family vet trips.by_city"))]
    Vet {
        /// The family: DATASET.NAME
        key: String,
    },
    /// Withdraw a family: nothing is answered from it any more
    #[command(after_help = example!("sluice --as carol family withdraw trips.by_city"))]
    Withdraw {
        /// The family: DATASET.NAME
        key: String,
    },
    /// List the families
    #[command(after_help = example!("sluice --as olga family list"))]
    List,
    /// Show a family
    #[command(after_help = example!("sluice --as olga family show trips.by_city"))]
    Show {
        /// The family: DATASET.NAME
        key: String,
    },
}

#[derive(Args)]
pub struct Propose {
    /// The terms in full, as JSON; then no other option is needed
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dataset", "name", "title", "dimension"])]
    file: Option<PathBuf>,
    /// The dataset
    #[arg(long, required_unless_present = "file")]
    dataset: Option<String>,
    /// Its name within the dataset
    #[arg(long, required_unless_present = "file")]
    name: Option<String>,
    /// What it is, in words
    #[arg(long, required_unless_present = "file")]
    title: Option<String>,
    /// A dimension: its levels, finest first, and what it costs to lose detail there; may be given again
    #[arg(long, value_name = "FINE[,COARSE][:COST]", value_parser = dimension, required_unless_present = "file")]
    dimension: Vec<FamilyDimension>,
    /// Publish counts of distinct subjects
    #[arg(long)]
    subjects: bool,
    /// Publish counts of records
    #[arg(long)]
    records: bool,
    /// Publish sums: COLUMN or COLUMN:SCALE
    #[arg(long, value_delimiter = ',', value_parser = measure, value_name = "A,B")]
    sums: Vec<FamilyMeasure>,
    /// A table besides the finest: the columns that it keeps, "" for the grand total; may be given again
    #[arg(long, value_name = "A,B")]
    margin: Vec<String>,
    /// Every table that keeps some level or none of each dimension
    #[arg(long, conflicts_with = "margin")]
    all_margins: bool,
    /// Distinct subjects that a cell needs, where that is more than the grade's floor
    #[arg(long)]
    threshold: Option<u64>,
    /// Rounding base, where that is more than the grade's floor
    #[arg(long)]
    rounding: Option<u64>,
    /// How figures are protected: suppress (each is rounded by itself) or controlled_rounding (totals stay sums); the same
    /// for all families of a dataset
    #[arg(long, value_parser = word::<Method>, default_value = "suppress")]
    method: Method,
}

impl Family {
    pub fn run(self, common: &Common) -> Answer {
        match self {
            Family::Propose(propose) => {
                let terms = propose.terms()?;
                show(common, &routes::propose_family(&common.connect()?, &ProposeFamily { terms })?)
            }
            Family::Preview { key } => {
                let node = common.connect()?;
                let progress = Progress::spinner("protecting the tables");
                let preview = routes::preview_family(&node, &key)?;
                drop(progress);
                if common.json { say::json(&preview) } else { say::out(preview_text(&preview)) }
            }
            Family::Vet { key } => act(common, &key, "vet"),
            Family::Withdraw { key } => act(common, &key, "withdraw"),
            Family::List => list(common),
            Family::Show { key } => show(common, &routes::family(&common.connect()?, &key)?),
        }
    }
}

impl Propose {
    fn terms(self) -> Answer<FamilyTerms> {
        if let Some(path) = &self.file {
            let unread = |error: serde_json::Error| Failure::file("read", path, &error);
            return serde_json::from_slice(&read_file(path)?).map_err(unread);
        }
        let margins = if self.all_margins {
            all_margins(&self.dimension)
        } else {
            self.margin.iter().map(|margin| kept(margin)).collect()
        };
        Ok(FamilyTerms {
            dataset: self.dataset.unwrap_or_default(),
            name: self.name.unwrap_or_default(),
            title: self.title.unwrap_or_default(),
            dimensions: self.dimension,
            subjects: self.subjects,
            records: self.records,
            measures: self.sums,
            margins,
            tightening: Tightening { threshold: self.threshold, rounding: self.rounding },
            method: self.method,
        })
    }
}

fn kept(margin: &str) -> BTreeSet<String> {
    margin.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// Every choice of one level or none of each dimension, but the finest table itself.
fn all_margins(dimensions: &[FamilyDimension]) -> Vec<BTreeSet<String>> {
    let mut tables: Vec<BTreeSet<String>> = vec![BTreeSet::new()];
    for dimension in dimensions {
        let with = |level: &String| {
            let add = |table: &BTreeSet<String>| table.iter().chain([level]).cloned().collect();
            tables.iter().map(add).collect::<Vec<BTreeSet<String>>>()
        };
        let more: Vec<BTreeSet<String>> = dimension.levels.iter().flat_map(with).collect();
        tables.extend(more);
    }
    let finest: BTreeSet<String> =
        dimensions.iter().filter_map(|dimension| dimension.levels.first().cloned()).collect();
    tables.retain(|table| *table != finest);
    tables
}

fn dimension(text: &str) -> Result<FamilyDimension, String> {
    let (levels, cost) = text.split_once(':').unwrap_or((text, "1"));
    let cost = cost.parse().map_err(|_| format!("`{cost}` isn't a cost: give a whole number"))?;
    Ok(FamilyDimension { levels: levels.split(',').map(|level| level.trim().to_owned()).collect(), cost })
}

fn measure(text: &str) -> Result<FamilyMeasure, String> {
    let (column, scale) = text.split_once(':').unwrap_or((text, "0"));
    let scale = scale.parse().map_err(|_| format!("`{scale}` isn't a number of decimals"))?;
    Ok(FamilyMeasure { column: column.to_owned(), scale })
}

fn act(common: &Common, key: &str, act: &str) -> Answer {
    let node = common.connect()?;
    let progress = Progress::spinner("protecting the tables");
    let family = routes::act_on_family(&node, key, act)?;
    drop(progress);
    show(common, &family)
}

fn list(common: &Common) -> Answer {
    let families = routes::families(&common.connect()?)?;
    if common.json {
        return say::json(&families);
    }
    let rows = families.iter().map(|family| {
        let by: Vec<&str> = family.terms.finest().collect();
        let sealed = family.sealed_snapshot.clone().unwrap_or_default();
        [family.key.clone(), family.terms.title.clone(), by.join(", "), text_of(&family.state), sealed]
    });
    say::out(say::table(["family", "title", "by", "state", "sealed with"], rows))
}

fn show(common: &Common, family: &FamilyView) -> Answer {
    if common.json {
        return say::json(family);
    }
    let terms = &family.terms;
    let mut figures = Vec::new();
    figures.extend(terms.subjects.then(|| "counts of subjects".to_owned()));
    figures.extend(terms.records.then(|| "counts of records".to_owned()));
    figures.extend(terms.measures.iter().map(|measure| format!("sum of {}", measure.column)));
    let dimensions = terms.dimensions.iter().map(|dimension| dimension.levels.join(" < "));
    let tables = terms.tables().into_iter().map(|table| match table.len() {
        0 => "the grand total".to_owned(),
        _ => table.into_iter().collect::<Vec<_>>().join(" x "),
    });
    let vets = family.vets.iter().map(|vet| vet.person.clone()).collect::<Vec<_>>();
    say::out(say::fields(&[
        ("family", family.key.clone()),
        ("title", terms.title.clone()),
        ("agency", family.agency.clone()),
        ("state", text_of(&family.state)),
        ("dimensions", dimensions.collect::<Vec<_>>().join("; ")),
        ("figures", figures.join(", ")),
        ("method", text_of(&terms.method)),
        ("tables", tables.collect::<Vec<_>>().join("; ")),
        ("proposed by", family.proposed_by.clone()),
        ("vetted by", if vets.is_empty() { "nobody yet".to_owned() } else { vets.join(", ") }),
        ("sealed with", family.sealed_snapshot.clone().unwrap_or_else(|| "no snapshot yet".to_owned())),
    ]))
}

fn preview_text(preview: &FamilyPreview) -> String {
    let mut parts = vec![say::fields(&[
        ("family", preview.key.clone()),
        ("method", text_of(&preview.method)),
        ("combinations that occur", preview.atoms.to_string()),
    ])];
    let name = |columns: &[String]| if columns.is_empty() { "the grand total".to_owned() } else { columns.join(" x ") };
    let rows = preview.tables.iter().map(|table| {
        let primary: Vec<String> = table.primary.iter().map(|(rule, count)| format!("{count}: {rule}")).collect();
        [
            name(&table.columns),
            table.cells.to_string(),
            table.published.to_string(),
            primary.join("; "),
            table.secondary.to_string(),
            table.carried.to_string(),
            table.partly_withheld.to_string(),
            table.withheld_before.to_string(),
        ]
    });
    let head =
        ["table", "cells", "published", "withheld by a rule", "secondary", "carried", "in part", "withheld before"];
    parts.push(say::table(head, rows));
    for table in preview.tables.iter().filter(|table| !table.withheld.is_empty()) {
        parts.push(format!("Withheld of {}, and what an attacker can't exclude:", name(&table.columns)));
        let rows = table.withheld.iter().take(CELLS).map(|cell| {
            let intervals: Vec<String> = cell.intervals.iter().map(|(a, b)| format!("{a} to {b}")).collect();
            [cell.labels.join(", "), cell.why.clone(), intervals.join("; ")]
        });
        parts.push(say::table(["cell", "why", "interval"], rows));
        if table.withheld.len() > CELLS {
            parts.push(format!("... and {} more (--json has them)", table.withheld.len() - CELLS));
        }
    }
    parts.join("\n\n")
}
