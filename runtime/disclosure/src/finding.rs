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

use crate::candidate::Counted;

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
    Dominance,
    PPercent,
    Class,
    Records,
    Truncation,
    Defaults,
    ReportBits,
    Family,
    Unchecked,
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
        }
    }
}

/// What a finding is about, by codes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The whole output.
    Whole,
    /// Everything in one inner cell.
    Cell(Vec<u32>),
    /// The sum of one measure in one inner cell.
    Sum(Vec<u32>, usize),
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
        codes: &[u32],
        sentence: String,
    ) -> Finding {
        let labels = labels(counted, codes);
        let id = id(check, topic, counted, &labels);
        Finding { id, check, verdict, scope: Scope::Cell(codes.to_vec()), labels: Some(labels), sentence }
    }

    /// About one sum of one cell; the measure's name joins the topic.
    pub(crate) fn sum(
        (check, verdict): (CheckName, Verdict),
        topic: &str,
        counted: &Counted,
        (codes, measure): (&[u32], usize),
        sentence: String,
    ) -> Finding {
        let name = measure_name(counted, measure);
        let topic = if topic.is_empty() { name.to_owned() } else { format!("{topic}:{name}") };
        let finding = Finding::cell((check, verdict), &topic, counted, codes, sentence);
        Finding { scope: Scope::Sum(codes.to_vec(), measure), ..finding }
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

/// A measure's declared name.
pub(crate) fn measure_name(counted: &Counted, measure: usize) -> &str {
    counted.contract().measures.get(measure).map_or("?", |measure| measure.name.as_str())
}

/// The labels of a cell, from the contract alone.
pub(crate) fn labels(counted: &Counted, codes: &[u32]) -> Vec<String> {
    let pairs = codes.iter().zip(&counted.contract().dimensions);
    pairs.map(|(code, dimension)| dimension.labels.get(*code as usize).cloned().unwrap_or_default()).collect()
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
fn escaped(label: &str) -> String {
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
