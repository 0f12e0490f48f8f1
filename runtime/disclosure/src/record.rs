//! The SDC record: how a table was protected, in JSON that travels with the release.
//!
//! # Guarantees
//! Everything in it follows from the contract, the appetite and the released table itself; nothing in it tells more
//! about the data than the table does. In particular it lists which checks were put before reviewers, not what they
//! found: "dominance found something" would be one more bit.
//!
//! # Does not guarantee
//! That reviewers agreed with anything but the release as a whole.

use serde::{Deserialize, Serialize};

use crate::appetite::{Appetite, POLICY_VERSION, Rules};
use crate::candidate::{Body, Candidate};
use crate::checks::Check;
use crate::finding::{CheckName, Finding, Scope, Verdict};
use crate::table::{ReleaseTable, SUPPRESSED, TOTAL};

/// The kinds of evidence on which something may be let out; more come with noise and families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    /// The host knows the subjects behind each cell.
    CountedByHost,
    /// People read it.
    ReadByPeople,
}

/// One check that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckLine {
    /// The check.
    pub check: CheckName,
    /// How many cells and sums it withheld, as can be seen in the table.
    pub suppressed: u64,
    /// Its other findings are for reviewers; always so, whether there were any or not.
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
    /// What was done, in words.
    pub notes: Vec<String>,
}

impl SdcRecord {
    /// The format's name.
    pub const FORMAT: &'static str = "sluice.sdc/1";

    pub(crate) fn new(
        candidate: &Candidate,
        appetite: &Appetite,
        checks: &[&dyn Check],
        findings: &[Finding],
        table: &ReleaseTable,
    ) -> SdcRecord {
        let (evidence, bits_max) = match candidate.body() {
            Body::Counted(_) => (vec![EvidenceKind::CountedByHost, EvidenceKind::ReadByPeople], None),
            Body::Written(written) => (vec![EvidenceKind::ReadByPeople], Some(written.contract().bits_max())),
        };
        let suppresses =
            |finding: &&Finding| finding.verdict() == Verdict::Suppress && *finding.scope() != Scope::Whole;
        let line = |check: &&dyn Check| CheckLine {
            check: check.name(),
            suppressed: findings.iter().filter(suppresses).filter(|finding| finding.check() == check.name()).count()
                as u64,
            read_by_reviewers: true,
        };
        SdcRecord {
            format: SdcRecord::FORMAT.to_owned(),
            evidence,
            policy_version: POLICY_VERSION.to_owned(),
            rules: appetite.rules().clone(),
            checks: checks.iter().map(line).collect(),
            rows: table.rows().len() as u64,
            suppressed_values: table.suppressed_values(),
            suppressed_symbol: SUPPRESSED.to_owned(),
            total_label: TOTAL.to_owned(),
            bits_max,
            notes: table.notes().to_vec(),
        }
    }

    /// The record as JSON, the same bytes for the same record.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a record holds only strings and integers")
    }
}
