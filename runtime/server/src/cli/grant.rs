//! `sluice grant`: say who may use which data, for what and how.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use sluice_domain::grade::Lane;
use sluice_domain::grant::{GrantedDataset, Mode, Terms, Tightening};
use sluice_domain::method::Method;
use sluice_server::api::types::{DraftGrant, GrantView};

use super::failure::{Answer, Failure};
use super::node::{Node, read_file};
use super::{Common, example, routes, say, text_of, word};

/// Say who may use which data, for what and how.
#[derive(Subcommand)]
pub enum Grant {
    /// Draft a grant; it takes effect when enough people of each owning agency have signed it
    #[command(after_help = example!(
        "sluice --as carol grant draft --operator acme --dataset trips --columns city,spend --purpose \"Spending by city\""
    ))]
    Draft(Box<Draft>),
    /// Sign a draft
    #[command(after_help = example!("sluice --as carol grant sign GRANT"))]
    Sign {
        /// The grant
        id: String,
    },
    /// Pause a grant
    #[command(after_help = example!("sluice --as carol grant suspend GRANT"))]
    Suspend {
        /// The grant
        id: String,
    },
    /// Let a paused grant go on
    #[command(after_help = example!("sluice --as carol grant resume GRANT"))]
    Resume {
        /// The grant
        id: String,
    },
    /// End a grant for good
    #[command(after_help = example!("sluice --as carol grant revoke GRANT"))]
    Revoke {
        /// The grant
        id: String,
    },
    /// List the grants
    #[command(after_help = example!("sluice --as olga grant list"))]
    List,
    /// Show a grant
    #[command(after_help = example!("sluice --as olga grant show GRANT"))]
    Show {
        /// The grant
        id: String,
    },
}

#[derive(Args)]
pub struct Draft {
    /// The terms in full, as JSON; then no other option is needed
    #[arg(long, value_name = "FILE", conflicts_with_all = ["operator", "dataset", "columns", "row_filter", "purpose"])]
    file: Option<PathBuf>,
    /// The organisation that may use the data
    #[arg(long, required_unless_present = "file")]
    operator: Option<String>,
    /// A dataset; several may be given, each with its own --columns
    #[arg(long, required_unless_present = "file", value_name = "NAME")]
    dataset: Vec<String>,
    /// The columns that queries may name, `all` for every one; once for each --dataset
    #[arg(long, value_name = "A,B")]
    columns: Vec<String>,
    /// The rows that exist under the grant, as an SQL predicate; once for each --dataset, empty for all rows
    #[arg(long, value_name = "SQL")]
    row_filter: Vec<String>,
    /// What for
    #[arg(long, required_unless_present = "file", value_name = "TEXT")]
    purpose: Option<String>,
    /// The lanes
    #[arg(long, value_delimiter = ',', value_parser = word::<Lane>, default_value = "tabulate")]
    lanes: Vec<Lane>,
    /// whole, domain or scenario
    #[arg(long, value_parser = word::<Mode>, default_value = "scenario")]
    mode: Mode,
    /// How many days it lasts
    #[arg(long, default_value_t = 90)]
    days: u32,
    /// People of each owning agency who must sign
    #[arg(long, default_value_t = 2)]
    signatures: u32,
    /// Reviewers who must agree
    #[arg(long, default_value_t = 2)]
    reviewers: u32,
    /// Jobs that may be admitted in all
    #[arg(long, default_value_t = 100)]
    jobs: u32,
    /// Bits that `report` tables may carry in all
    #[arg(long, default_value_t = 64)]
    report_bits: u64,
    /// Distinct subjects that a cell needs, where that is more than the grade's floor
    #[arg(long)]
    threshold: Option<u64>,
    /// Rounding base, where that is more than the grade's floor
    #[arg(long)]
    rounding: Option<u64>,
    /// How counted tables are protected: redact_then_round, suppress, controlled_rounding or cell_key
    #[arg(long, value_parser = word::<Method>, default_value = "redact_then_round")]
    method: Method,
    /// Conditions, security duties and exit terms, in words
    #[arg(long, default_value = "", value_name = "TEXT")]
    conditions: String,
    /// Print the grant's name alone
    #[arg(long, short)]
    quiet: bool,
}

impl Grant {
    pub fn run(self, common: &Common) -> Answer {
        let (id, act) = match self {
            Grant::Draft(draft) => return draft.run(common),
            Grant::List => return list(common),
            Grant::Show { id } => return show(common, &routes::grant(&common.connect()?, &id)?),
            Grant::Sign { id } => (id, "sign"),
            Grant::Suspend { id } => (id, "suspend"),
            Grant::Resume { id } => (id, "resume"),
            Grant::Revoke { id } => (id, "revoke"),
        };
        show(common, &routes::act_on_grant(&common.connect()?, &id, act)?)
    }
}

impl Draft {
    fn run(self, common: &Common) -> Answer {
        let quiet = self.quiet;
        let node = common.connect()?;
        let terms = match &self.file {
            Some(path) => {
                serde_json::from_slice(&read_file(path)?).map_err(|error| Failure::file("read", path, &error))?
            }
            None => self.terms(&node)?,
        };
        let grant = routes::draft_grant(&node, &DraftGrant { terms })?;
        if quiet { say::out(grant.id) } else { show(common, &grant) }
    }

    fn terms(self, node: &Node) -> Answer<Terms> {
        let from_ms = now_ms();
        Ok(Terms {
            datasets: self.datasets(node)?,
            operator: self.operator.unwrap_or_default(),
            purpose: self.purpose.unwrap_or_default(),
            mode: self.mode,
            lanes: self.lanes,
            tightening: Tightening { threshold: self.threshold, rounding: self.rounding },
            method: self.method,
            signatures: self.signatures,
            reviewers: self.reviewers,
            from_ms,
            until_ms: from_ms.saturating_add(i64::from(self.days) * 86_400_000),
            jobs_max: self.jobs,
            report_bits_max: self.report_bits,
            conditions: self.conditions,
        })
    }

    fn datasets(&self, node: &Node) -> Answer<Vec<GrantedDataset>> {
        if self.columns.len() > self.dataset.len() || self.row_filter.len() > self.dataset.len() {
            return Err(Failure::Usage("--columns and --row-filter are given once for each --dataset".to_owned()));
        }
        let granted = |(position, name): (usize, &String)| {
            let columns = match self.columns.get(position).map_or("all", String::as_str) {
                "all" => {
                    let dictionary = routes::dataset(node, name)?.dictionary;
                    dictionary.columns.into_iter().map(|column| column.name).collect()
                }
                named => named.split(',').map(|column| column.trim().to_owned()).collect(),
            };
            let row_filter = self.row_filter.get(position).filter(|filter| !filter.is_empty()).cloned();
            Ok(GrantedDataset { dataset: name.clone(), columns, row_filter })
        };
        self.dataset.iter().enumerate().map(granted).collect()
    }
}

/// Now, by this machine's clock.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn list(common: &Common) -> Answer {
    let grants = routes::grants(&common.connect()?)?;
    if common.json {
        return say::json(&grants);
    }
    let rows = grants.iter().map(|grant| {
        let datasets = grant.terms.datasets.iter().map(|granted| granted.dataset.clone()).collect::<Vec<_>>();
        let jobs = format!("{} of {}", grant.jobs_admitted, grant.terms.jobs_max);
        let until = say::moment(grant.terms.until_ms);
        [grant.id.clone(), text_of(&grant.state), grant.terms.operator.clone(), datasets.join(", "), jobs, until]
    });
    say::out(say::table(["grant", "state", "operator", "data", "jobs", "until"], rows))
}

fn show(common: &Common, grant: &GrantView) -> Answer {
    if common.json {
        return say::json(grant);
    }
    let terms = &grant.terms;
    let lanes = terms.lanes.iter().map(|lane| lane.as_str()).collect::<Vec<_>>().join(", ");
    let signed = grant.signatures.iter().map(|signature| format!("{} ({})", signature.person, signature.agency));
    let signed = signed.collect::<Vec<_>>().join(", ");
    let mut pairs = vec![
        ("grant", grant.id.clone()),
        ("state", text_of(&grant.state)),
        ("in force now", if grant.in_force { "yes" } else { "no" }.to_owned()),
        ("operator", terms.operator.clone()),
        ("purpose", terms.purpose.clone()),
        ("lanes", lanes),
        (
            "signatures",
            format!(
                "{} of {} for each of {}: {signed}",
                grant.signatures.len(),
                terms.signatures,
                grant.owners.join(", ")
            ),
        ),
        ("reviewers", terms.reviewers.to_string()),
        ("until", say::moment(terms.until_ms)),
        ("jobs", format!("{} of {}", grant.jobs_admitted, terms.jobs_max)),
        ("report bits", format!("{} of {}", grant.report_bits, terms.report_bits_max)),
    ];
    for granted in &terms.datasets {
        let rows = granted.row_filter.as_ref().map(|filter| format!(" where {filter}")).unwrap_or_default();
        pairs.push(("data", format!("{}: {}{rows}", granted.dataset, granted.columns.join(", "))));
    }
    say::out(say::fields(&pairs))
}
