//! The SDC record: how a table was protected, in JSON that travels with the release.
//!
//! # Guarantees
//! Everything in it follows from the contract, the appetite and the released table itself; nothing in it tells more
//! about the data than the table does. In particular it lists which checks were put before reviewers, not what they
//! found, nor how many figures each of them withheld: there is one symbol for all of them, and "dominance found
//! something" would be one more bit.
//!
//! # Does not guarantee
//! That reviewers agreed with anything but the release as a whole.

use serde::{Deserialize, Serialize};

use crate::appetite::{Appetite, ExceptionMark, POLICY_VERSION, Rules};
use crate::candidate::{Body, Candidate};
use crate::checks::Check;
use crate::families::sealed::SealedTables;
use crate::finding::CheckName;
use crate::publish::Method;
use crate::table::{ReleaseTable, SUPPRESSED, TOTAL};

/// The kinds of evidence on which something may be let out; more come with noise and families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    /// The host knows the subjects behind each cell.
    CountedByHost,
    /// People read it.
    ReadByPeople,
    /// It is part of tables that were vetted, and protected together, before anybody asked.
    VettedFamily,
}

/// One check that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckLine {
    /// The check.
    pub check: CheckName,
    /// Its findings are for reviewers; always so, whether there were any or not.
    pub read_by_reviewers: bool,
}

/// How a table was protected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SdcRecord {
    /// The record's own format.
    pub format: String,
    /// The kinds of evidence that it rests on.
    pub evidence: Vec<EvidenceKind>,
    /// The version of floors and checks.
    pub policy_version: String,
    /// The appetite, threshold and rounding base among it.
    pub rules: Rules,
    /// The rules that people of the owning agencies loosened for this table, with the number that held instead; why stays inside.
    pub exceptions: Vec<ExceptionMark>,
    /// How the table was protected.
    pub method: Method,
    /// The checks that ran.
    pub checks: Vec<CheckLine>,
    /// Rows of the table.
    pub rows: u64,
    /// Withheld values of the table.
    pub suppressed_values: u64,
    /// How a withheld value is written.
    pub suppressed_symbol: String,
    /// The label of totals.
    pub total_label: String,
    /// For a report, the most bits that a table under its contract can carry.
    pub bits_max: Option<u64>,
    /// What was done, and what the method means for the reader, in words.
    pub notes: Vec<String>,
    /// The vetted family that it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Figures of an earlier date than the rest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carried: Vec<CarriedCell>,
}

/// A figure of a family that is of an earlier date, since what has changed can't be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CarriedCell {
    /// Its codes, in the order of the names of the columns.
    pub labels: Vec<String>,
    /// Of which moment it is, in milliseconds since 1970.
    pub as_of_ms: i64,
}

impl SdcRecord {
    /// The format's name.
    pub const FORMAT: &'static str = "sluice.sdc/2";

    pub(crate) fn new(
        candidate: &Candidate,
        appetite: &Appetite,
        checks: &[&dyn Check],
        method: Method,
        table: &ReleaseTable,
    ) -> SdcRecord {
        let (evidence, bits_max) = match candidate.body() {
            Body::Counted(_) => (vec![EvidenceKind::CountedByHost, EvidenceKind::ReadByPeople], None),
            Body::Written(written) => (vec![EvidenceKind::ReadByPeople], Some(written.contract().bits_max())),
        };
        let of_method = match (candidate.body(), method) {
            (Body::Counted(_), Method::Suppress | Method::ControlledRounding) => Some(CheckName::Secondary),
            (Body::Counted(_), Method::CellKey) => Some(CheckName::CellKey),
            (Body::Counted(_), Method::RedactThenRound) | (Body::Written(_), _) => None,
        };
        let others = std::iter::once(CheckName::History).chain(of_method);
        let names = checks.iter().map(|check| check.name()).chain(others);
        SdcRecord {
            format: SdcRecord::FORMAT.to_owned(),
            evidence,
            policy_version: POLICY_VERSION.to_owned(),
            rules: appetite.rules().clone(),
            exceptions: appetite.exceptions().to_vec(),
            method,
            checks: names.map(|check| CheckLine { check, read_by_reviewers: true }).collect(),
            rows: table.rows().len() as u64,
            suppressed_values: table.suppressed_values(),
            suppressed_symbol: SUPPRESSED.to_owned(),
            total_label: TOTAL.to_owned(),
            bits_max,
            notes: table.notes().to_vec(),
            family: None,
            carried: Vec::new(),
        }
    }

    /// The record of a part of a vetted family's tables.
    pub(crate) fn of_family(
        family: &str,
        sealed: &SealedTables,
        table: &ReleaseTable,
        carried: Vec<CarriedCell>,
    ) -> SdcRecord {
        SdcRecord {
            format: SdcRecord::FORMAT.to_owned(),
            evidence: vec![EvidenceKind::CountedByHost, EvidenceKind::VettedFamily],
            policy_version: sealed.policy_version.clone(),
            rules: sealed.rules.clone(),
            exceptions: Vec::new(),
            method: sealed.method,
            checks: Vec::new(),
            rows: table.rows().len() as u64,
            suppressed_values: table.suppressed_values(),
            suppressed_symbol: SUPPRESSED.to_owned(),
            total_label: TOTAL.to_owned(),
            bits_max: None,
            notes: table.notes().to_vec(),
            family: Some(family.to_owned()),
            carried,
        }
    }

    /// The record as JSON, the same bytes for the same record.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a record holds only strings and integers")
    }
}
