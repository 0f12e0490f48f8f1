//! Findings: what a check says about a candidate, in words for people and with an id for machines.
//!
//! # Guarantees
//! Verdicts are ordered and the worst one counts. The same contract and data give the same ids.
//!
//! # Does not guarantee
//! That a finding may be shown: findings are made from data and stay inside, as a candidate does. They have no
//! `Debug` and no serde; [`crate::review`] is how reviewers get them.

use serde::{Deserialize, Serialize};
use sluice_domain::digest::sha256_hex;

use crate::candidate::{Counted, Node};
use crate::primary::Quantity;
use crate::table::TOTAL;

/// What a check says, from mildest to hardest; what isn't known to be harmless is not a pass.
#[must_use = "a verdict that nobody reads blocks nothing"]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The check was done and has nothing against it.
    Pass,
    /// Something is withheld from the table; the rest is unaffected.
    Suppress,
    /// People decide.
    Refer,
    /// It can't be released at all.
    Refuse,
}

impl Verdict {
    /// The worst of them. Nothing checked is nothing allowed: of no verdict at all, [`Verdict::Refuse`].
    pub fn worst(verdicts: impl IntoIterator<Item = Verdict>) -> Verdict {
        verdicts.into_iter().max().unwrap_or(Verdict::Refuse)
    }
}

/// The closed list of checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each has a file of its name with its claim")]
pub enum CheckName {
    Labels,
    Fault,
    Threshold,
    Groups,
    Zeros,
    Dominance,
    PPercent,
    Class,
    Complements,
    Records,
    Freedom,
    Ratios,
    Relations,
    Extremes,
    Quantiles,
    Histograms,
    Padding,
    Truncation,
    Defaults,
    ReportBits,
    Remedies,
    Family,
    Unchecked,
    History,
    Secondary,
    CellKey,
}

impl CheckName {
    /// The name, as in ids and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            CheckName::Labels => "labels",
            CheckName::Fault => "fault",
            CheckName::Threshold => "threshold",
            CheckName::Dominance => "dominance",
            CheckName::PPercent => "p_percent",
            CheckName::Class => "class",
            CheckName::Records => "records",
            CheckName::Truncation => "truncation",
            CheckName::Defaults => "defaults",
            CheckName::ReportBits => "report_bits",
            CheckName::Family => "family",
            CheckName::Unchecked => "unchecked",
            CheckName::Groups => "groups",
            CheckName::Zeros => "zeros",
            CheckName::Complements => "complements",
            CheckName::Freedom => "freedom",
            CheckName::Ratios => "ratios",
            CheckName::Relations => "relations",
            CheckName::Extremes => "extremes",
            CheckName::Quantiles => "quantiles",
            CheckName::Histograms => "histograms",
            CheckName::Padding => "padding",
            CheckName::Remedies => "remedies",
            CheckName::History => "history",
            CheckName::Secondary => "secondary",
            CheckName::CellKey => "cell_key",
        }
    }
}

/// What a finding is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The whole output.
    Whole,
    /// Everything in one published cell.
    Cell(Node),
    /// One figure of one published cell.
    Figure(Node, Quantity),
}

/// One finding of one check.
#[must_use = "a finding that nobody reads blocks nothing"]
#[derive(Clone, PartialEq, Eq)]
pub struct Finding {
    id: String,
    check: CheckName,
    verdict: Verdict,
    scope: Scope,
    labels: Option<Vec<String>>,
    sentence: String,
}

/// Ids longer than this, in bytes, are cut to a digest of the (public) labels.
const ID_BYTES_MAX: usize = 160;

impl Finding {
    /// About the whole output; `topic` keeps apart the findings of one check, and may be empty.
    pub(crate) fn whole(check: CheckName, verdict: Verdict, topic: &str, sentence: String) -> Finding {
        let topic = if topic.is_empty() { "all" } else { topic };
        let id = format!("{}:{topic}", check.as_str());
        Finding { id, check, verdict, scope: Scope::Whole, labels: None, sentence }
    }

    /// About one cell.
    pub(crate) fn cell(
        (check, verdict): (CheckName, Verdict),
        topic: &str,
        counted: &Counted,
        node: &Node,
        sentence: String,
    ) -> Finding {
        let labels = labels(counted, node);
        let id = id(check, topic, counted, &labels);
        Finding { id, check, verdict, scope: Scope::Cell(node.clone()), labels: Some(labels), sentence }
    }

    /// About one figure of one cell; the figure's name joins the topic.
    pub(crate) fn figure(
        (check, verdict): (CheckName, Verdict),
        topic: &str,
        counted: &Counted,
        (node, quantity): (&Node, Quantity),
        sentence: String,
    ) -> Finding {
        let name = quantity_name(counted, quantity);
        let topic = if topic.is_empty() { name.to_owned() } else { format!("{topic}:{name}") };
        let finding = Finding::cell((check, verdict), &topic, counted, node, sentence);
        Finding { scope: Scope::Figure(node.clone(), quantity), ..finding }
    }

    /// Made outside of this crate, with its own id.
    pub(crate) fn outside(
        (check, verdict): (CheckName, Verdict),
        id: String,
        (scope, labels): (Scope, Option<Vec<String>>),
        sentence: String,
    ) -> Finding {
        Finding { id, check, verdict, scope, labels, sentence }
    }

    /// The stable id, such as `threshold:carrier=AA/origin=EWR`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The check that made it.
    #[must_use]
    pub fn check(&self) -> CheckName {
        self.check
    }

    /// What follows.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// What it is about.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The labels of the cell, where it is about one.
    #[must_use]
    pub fn labels(&self) -> Option<&[String]> {
        self.labels.as_deref()
    }

    /// In words, for reviewers.
    #[must_use]
    pub fn sentence(&self) -> &str {
        &self.sentence
    }
}

/// The name of what a figure says.
pub(crate) fn quantity_name(counted: &Counted, quantity: Quantity) -> &str {
    match quantity {
        Quantity::Subjects => "subjects",
        Quantity::Records => "records",
        Quantity::Sum(index) => measure_name(counted, index),
    }
}

/// The declared name of a measure, or of what is derived from measures.
pub(crate) fn measure_name(counted: &Counted, index: usize) -> &str {
    let measures = &counted.contract().measures;
    let derived = || counted.derived().get(index.saturating_sub(measures.len())).map(|derived| derived.name.as_str());
    measures.get(index).map(|measure| measure.name.as_str()).or_else(derived).unwrap_or("?")
}

/// The labels of a cell, from the contract alone; [`TOTAL`] where it adds up.
pub(crate) fn labels(counted: &Counted, node: &[Option<u32>]) -> Vec<String> {
    let pairs = node.iter().zip(&counted.contract().dimensions);
    let label = |(code, dimension): (&Option<u32>, &sluice_domain::contract::Dimension)| match code {
        Some(code) => dimension.labels.get(*code as usize).cloned().unwrap_or_default(),
        None => TOTAL.to_owned(),
    };
    pairs.map(label).collect()
}

fn id(check: CheckName, topic: &str, counted: &Counted, labels: &[String]) -> String {
    let pairs = counted.contract().dimensions.iter().zip(labels);
    let place: Vec<String> = pairs.map(|(dimension, label)| format!("{}={}", dimension.name, escaped(label))).collect();
    let place = if place.is_empty() { "all".to_owned() } else { place.join("/") };
    let head = if topic.is_empty() { check.as_str().to_owned() } else { format!("{}:{topic}", check.as_str()) };
    let id = format!("{head}:{place}");
    if id.len() <= ID_BYTES_MAX {
        return id;
    }
    let digest: String = sha256_hex(id.as_bytes()).chars().take(32).collect();
    format!("{head}:{digest}")
}

/// Percent-encodes what has a meaning in an id or in a URL's path.
pub(crate) fn escaped(label: &str) -> String {
    let mut text = String::with_capacity(label.len());
    for c in label.chars() {
        if matches!(c, '%' | '/' | '=' | ':' | '?' | '#' | ' ' | '"' | '\\') {
            text.push_str(&format!("%{:02X}", u32::from(c)));
        } else {
            text.push(c);
        }
    }
    text
}
