//! The assessment: every check, the worst verdict, the table that would leave and its record.
//!
//! # Guarantees
//! An [`Assessment`] can be made only by [`assess`], which runs the whole of [`CHECKS`]. A refused one has a table
//! without rows. Where the method withholds cells for the sake of others, which they are is worked out here, once, and
//! kept: table, findings and view say the same. There is no route but reviewers, and the type has no other.
//!
//! # Does not guarantee
//! That reviewers look: the server counts votes, and the ledger seals only what they agreed on.

use sha2::{Digest, Sha256};
use sluice_domain::digest::Commitment;

use crate::appetite::Appetite;
use crate::candidate::Body;
use crate::candidate::{Candidate, Mismatch};
use crate::checks::{CHECKS, Check, report_bits};
use crate::context::Context;
use crate::finding::{Finding, Verdict};
use crate::publish::suppress::Pattern;
use crate::publish::{method_findings, pattern, publish};
use crate::record::SdcRecord;
use crate::table::ReleaseTable;

/// How a result may come out. Vetted families will add a second one; match on it in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Independent reviewers decide.
    Reviewers,
}

/// What all checks say of one candidate.
#[must_use = "an assessment that nobody reads blocks nothing"]
pub struct Assessment {
    findings: Vec<Finding>,
    verdict: Verdict,
    appetite: Appetite,
    table: ReleaseTable,
    record: SdcRecord,
    bits_max: u64,
    /// Which cells are withheld for the sake of others, where the method has that.
    pattern: Option<Pattern>,
    /// The context's inside bytes; never shown.
    context: Vec<u8>,
    /// Of the candidate's inside bytes; never shown.
    candidate: [u8; 32],
}

/// Assesses a candidate. Pure: the same arguments give the same assessment, byte for byte.
pub fn assess(candidate: &Candidate, appetite: &Appetite, context: &Context) -> Assessment {
    assess_with(CHECKS, candidate, appetite, context)
}

/// With a list of checks of one's own: tests inject failing ones here.
pub(crate) fn assess_with(
    checks: &[&dyn Check],
    candidate: &Candidate,
    appetite: &Appetite,
    context: &Context,
) -> Assessment {
    let mut findings = Vec::new();
    for check in checks {
        let found = check.run(candidate, appetite);
        if found.is_empty() {
            let sentence = "The check returned nothing, so it counts as not done.".to_owned();
            findings.push(Finding::whole(check.name(), Verdict::Refer, "silent", sentence));
        }
        findings.extend(found);
    }
    // Without any check there is no verdict, whatever is known outside.
    if !checks.is_empty() {
        findings.extend(context.findings(candidate));
    }
    findings.extend(method_findings(candidate, context.method));
    let pattern = pattern(candidate, appetite, context.method, &findings);
    if let (Body::Counted(counted), Some(pattern)) = (candidate.body(), &pattern) {
        findings.extend(pattern.findings(counted));
    }
    let verdict = Verdict::worst(findings.iter().map(Finding::verdict));
    let table = publish(candidate, appetite, context.method, &findings, pattern.as_ref());
    let record = SdcRecord::new(candidate, appetite, checks, context.method, &table);
    let bits_max = report_bits::bits_max(candidate, appetite);
    let appetite = appetite.clone();
    Assessment {
        findings,
        verdict,
        appetite,
        table,
        record,
        bits_max,
        pattern,
        context: context.to_inside_bytes(),
        candidate: digest(candidate),
    }
}

fn digest(candidate: &Candidate) -> [u8; 32] {
    Sha256::digest(candidate.to_inside_bytes()).into()
}

impl Assessment {
    /// Every finding, passes included, in the order of the checks.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The worst verdict.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Whether it can't be released, whatever reviewers say.
    #[must_use = "a refused assessment must not be released"]
    pub fn is_refused(&self) -> bool {
        self.verdict == Verdict::Refuse
    }

    /// The appetite under which it was made.
    #[must_use]
    pub fn appetite(&self) -> &Appetite {
        &self.appetite
    }

    /// How it may come out.
    #[must_use]
    pub fn route(&self) -> Route {
        Route::Reviewers
    }

    /// What would leave.
    #[must_use]
    pub fn table(&self) -> &ReleaseTable {
        &self.table
    }

    /// What travels with the release.
    #[must_use]
    pub fn record(&self) -> &SdcRecord {
        &self.record
    }

    /// The most bits that the table could carry.
    #[must_use]
    pub fn bits_max(&self) -> u64 {
        self.bits_max
    }

    /// Which cells are withheld for the sake of others; none where the method has no such.
    pub(crate) fn pattern(&self) -> Option<&Pattern> {
        self.pattern.as_ref()
    }

    /// Whether this is the assessment of that candidate.
    ///
    /// # Errors
    /// [`Mismatch::OtherCandidate`] if not.
    pub fn check_of(&self, candidate: &Candidate) -> Result<(), Mismatch> {
        if self.candidate == digest(candidate) { Ok(()) } else { Err(Mismatch::OtherCandidate) }
    }

    /// Canonical bytes of all that a vote is about: the candidate's digest, the context, the table, the record, and
    /// every finding.
    /// **For inside only**: commit to them under a key.
    #[must_use]
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let mut bytes = b"sluice.assessment/2\n".to_vec();
        let mut part = |content: &[u8]| {
            bytes.extend((content.len() as u64).to_be_bytes());
            bytes.extend(content);
        };
        part(&self.candidate);
        part(&self.context);
        part(&self.table.canonical_bytes());
        part(&self.record.to_json());
        for finding in &self.findings {
            part(finding.id().as_bytes());
            part(&[finding.verdict() as u8]);
            part(finding.sentence().as_bytes());
        }
        bytes
    }

    /// A keyed commitment to [`Assessment::canonical_bytes`]: when it changes, votes are void.
    #[must_use]
    pub fn commitment(&self, key: &[u8; 32]) -> Commitment {
        Commitment::new(key, &self.canonical_bytes())
    }
}
