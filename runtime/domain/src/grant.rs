//! Grants: who may use what, for what, how, and until when.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::grade::Lane;
use crate::id::GrantId;
use crate::method::Method;
use crate::refusal::{Code, Refusal};

/// How far an authorisation reaches (授权运营: 整体, 分领域, 依场景).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Everything that the agency offers.
    Whole,
    /// One domain.
    Domain,
    /// One scenario.
    Scenario,
}

/// One dataset of a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantedDataset {
    /// The dataset.
    pub dataset: String,
    /// The columns that queries may name.
    pub columns: Vec<String>,
    /// The rows that exist under this grant, as a predicate over the dataset's columns.
    #[serde(default)]
    pub row_filter: Option<String>,
}

/// Where a grant asks for more than its grade's floor. Absent means the floor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tightening {
    /// Distinct subjects that a cell needs.
    pub threshold: Option<u64>,
    /// Rounding base of counts and sums.
    pub rounding: Option<u64>,
}

impl Tightening {
    /// Whether it asks for nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Tightening::default()
    }

    /// Whether each rule is at least as strict as in `other`: what is absent asks for less than any number.
    #[must_use]
    pub fn is_at_least(&self, other: &Tightening) -> bool {
        self.threshold >= other.threshold && self.rounding >= other.rounding
    }

    /// The same, with the rules that `asked` names in place of its own.
    #[must_use]
    pub fn with(&self, asked: &Tightening) -> Tightening {
        Tightening { threshold: asked.threshold.or(self.threshold), rounding: asked.rounding.or(self.rounding) }
    }
}

/// What a grant says; all of it is public.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// The organisation that may use the data.
    pub operator: String,
    /// What for.
    pub purpose: String,
    /// How far it reaches.
    pub mode: Mode,
    /// The data.
    pub datasets: Vec<GrantedDataset>,
    /// The lanes.
    pub lanes: Vec<Lane>,
    /// Stricter rules than the grade's floor.
    #[serde(default)]
    pub tightening: Tightening,
    /// How counted tables are protected.
    #[serde(default)]
    pub method: Method,
    /// Signatures of distinct people that each owning agency must give.
    pub signatures: u32,
    /// Reviewers who must agree.
    pub reviewers: u32,
    /// When it begins.
    pub from_ms: i64,
    /// When it ends.
    pub until_ms: i64,
    /// Jobs that may be admitted in all.
    pub jobs_max: u32,
    /// Bits that `report` tables may carry in all.
    pub report_bits_max: u64,
    /// Conditions, security duties and exit terms, in words.
    #[serde(default)]
    pub conditions: String,
}

/// Where a grant stands. That it has expired is read off the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantState {
    /// Written, not yet signed by all.
    Draft,
    /// Signed.
    InForce,
    /// Paused by one organisation or several.
    Suspended,
    /// Ended for good.
    Revoked,
}

/// A signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Who signed.
    pub person: String,
    /// For which agency.
    pub agency: String,
    /// When.
    pub at_ms: i64,
}

/// A grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Its name.
    pub id: GrantId,
    /// What it says.
    pub terms: Terms,
    /// The agencies that own the data, each of which must sign.
    pub owners: Vec<String>,
    /// Who drafted it.
    pub drafted_by: String,
    /// Where it stands.
    pub state: GrantState,
    /// The signatures so far.
    pub signatures: Vec<Signature>,
    /// The organisations that have paused it: agencies that own the data, and authorities. Each ends its own pause, and
    /// none another's.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub suspended_by: BTreeSet<String>,
    /// Jobs admitted so far.
    pub jobs_admitted: u32,
    /// Bits charged to `report` so far.
    pub report_bits: u64,
}

impl Grant {
    /// Whether every owner has given the signatures that the terms ask for.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.owners.iter().all(|owner| {
            let given = self.signatures.iter().filter(|signature| &signature.agency == owner).count();
            given >= self.terms.signatures as usize
        })
    }

    /// Whether it is in force at `now_ms`.
    #[must_use]
    pub fn in_force(&self, now_ms: i64) -> bool {
        self.state == GrantState::InForce && (self.terms.from_ms..self.terms.until_ms).contains(&now_ms)
    }

    /// The entry for a dataset.
    #[must_use]
    pub fn dataset(&self, name: &str) -> Option<&GrantedDataset> {
        self.terms.datasets.iter().find(|granted| granted.dataset == name)
    }
}

impl Terms {
    /// Checks what can be said of the terms without the catalogue.
    ///
    /// # Errors
    /// The first rule that they break.
    pub fn check(&self) -> Result<(), Refusal> {
        let broken = |text: &str| Err(Refusal::with(Code::Malformed, text));
        if self.purpose.trim().is_empty() || self.purpose.len() > 1_000 || self.conditions.len() > 10_000 {
            return broken("a grant needs a purpose of at most 1000 bytes, and conditions of at most 10000");
        }
        if self.datasets.is_empty() || self.datasets.len() > 16 || self.lanes.is_empty() {
            return broken("a grant needs between 1 and 16 datasets, and a lane");
        }
        if self.signatures < 2 {
            return broken("a grant needs the signatures of at least 2 people");
        }
        if self.from_ms >= self.until_ms {
            return broken("a grant ends after it begins");
        }
        if self.jobs_max == 0 {
            return broken("a grant allows at least 1 job");
        }
        let mut names = BTreeSet::new();
        for granted in &self.datasets {
            let mut columns = BTreeSet::new();
            let twice = !names.insert(&granted.dataset) || !granted.columns.iter().all(|name| columns.insert(name));
            if twice || granted.columns.is_empty() {
                return broken("each dataset is listed once, with its columns, each once");
            }
            if granted.row_filter.as_ref().is_some_and(|filter| filter.trim().is_empty() || filter.len() > 4_096) {
                return broken("a row filter has between 1 and 4096 bytes");
            }
        }
        Ok(())
    }
}
