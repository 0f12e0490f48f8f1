//! A dataset's entry: drafted from a data file for its custodian, read back once it is confirmed.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};
use sluice_domain::dataset::SubjectKey;
use sluice_domain::grade::Grade;
use sluice_engine::ask::Format;
use sluice_server::api::types::RegisterDataset;

use super::dataset::{format_of, opened};
use super::failure::{Answer, Failure};
use super::node::{read_file, write_file};
use super::{Common, routes, say, word};

/// What is drafted.
#[derive(Args)]
pub struct Draft {
    /// The data: CSV, Parquet or Arrow IPC
    file: PathBuf,
    /// The dataset's name, which is its table's name in queries
    #[arg(long)]
    name: String,
    /// What it is, in words [default: the name]
    #[arg(long)]
    title: Option<String>,
    /// The column that says whom a record is about; none for a public lookup table
    #[arg(long, value_name = "COLUMN", requires = "domain")]
    subject: Option<String>,
    /// The kind of subject and key; tables of one domain can be joined
    #[arg(long, requires = "subject")]
    domain: Option<String>,
    /// open, conditional, restricted, special or secret [default: restricted; open for a lookup table]
    #[arg(long, value_parser = word::<Grade>)]
    grade: Option<Grade>,
    /// Codes that fewer subjects have are left out [default: as the node says]
    #[arg(long, value_name = "N")]
    threshold: Option<u64>,
    /// The file's format [default: by its name]
    #[arg(long, value_parser = word::<Format>)]
    format: Option<Format>,
    /// Where the entry goes [default: stdout]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// A draft in a file: what would be registered, and what its custodian is told.
#[derive(Serialize)]
struct DraftedEntry {
    confirmed: bool,
    remarks: Vec<String>,
    #[serde(flatten)]
    dataset: RegisterDataset,
}

/// An entry in a file. One that doesn't say whether it is confirmed was written by hand, and is.
#[derive(Deserialize)]
struct Entry {
    confirmed: Option<bool>,
    #[serde(default, rename = "remarks")]
    _remarks: Vec<String>,
    #[serde(flatten)]
    dataset: serde_json::Value,
}

impl Draft {
    /// Drafts it.
    pub fn run(self, common: &Common) -> Answer {
        let format = format_of(&self.file, self.format)?;
        let node = common.connect()?;
        let (body, _shown) = opened(&self.file, "drafting")?;
        let drafted = routes::draft(&node, format, self.subject.as_deref(), self.threshold, body)?;
        let subject = self.subject.zip(self.domain).map(|(column, domain)| SubjectKey { column, domain });
        let floor = if subject.is_some() { Grade::Restricted } else { Grade::Open };
        let dataset = RegisterDataset {
            title: self.title.unwrap_or_else(|| self.name.clone()),
            name: self.name,
            item_code: None,
            n_public: if subject.is_some() { drafted.n_public } else { 0 },
            subject,
            unique: Vec::new(),
            group: None,
            grade: self.grade.unwrap_or(floor),
            dictionary: drafted.dictionary,
            lapses_at_ms: None,
        };
        let entry = DraftedEntry { confirmed: false, remarks: drafted.remarks, dataset };
        for remark in &entry.remarks {
            say::note(format_args!("look at: {}", say::plain(remark)));
        }
        let Some(out) = self.out else { return say::json(&entry) };
        let text = serde_json::to_string_pretty(&entry).map_err(|error| Failure::Fault(error.to_string()))?;
        write_file(&out, text.as_bytes())?;
        let shown = out.display();
        say::note(format_args!("read {shown}, mend it, then: sluice dataset register {shown} --confirm"));
        Ok(())
    }
}

/// Reads an entry. A draft has to be confirmed, in the file or with `--confirm`.
///
/// # Errors
/// A file that isn't an entry, or an unconfirmed draft.
pub fn read_entry(path: &Path, confirm: bool) -> Answer<RegisterDataset> {
    let entry: Entry =
        serde_json::from_slice(&read_file(path)?).map_err(|error| Failure::file("read", path, &error))?;
    if entry.confirmed == Some(false) && !confirm {
        let path = path.display();
        return Err(Failure::Usage(format!(
            "{path} is a draft: what is registered is public, so read it, then set \"confirmed\" to true or add --confirm"
        )));
    }
    serde_json::from_value(entry.dataset).map_err(|error| Failure::file("read", path, &error))
}
