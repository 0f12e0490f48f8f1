//! The checks, a file each. Every file says what its check claims, where it stops, where its formula comes from, and
//! works one example that its test repeats.
//!
//! What a rule catches, in an inner cell or a margin, is withheld and named to reviewers by the same finding: a table that
//! they let out by mistake is then still one that the rules let out. A rule's condition is a small function of its
//! check's file, which [`crate::primary`] asks of any figure. A stricter appetite withholds the same or more.

pub mod class;
pub mod complements;
pub mod defaults;
pub mod dominance;
pub mod extremes;
pub mod family;
pub mod fault;
pub mod freedom;
pub mod groups;
pub mod histograms;
pub mod labels;
pub mod p_percent;
pub mod padding;
pub mod quantiles;
pub mod ratios;
pub mod records;
pub mod relations;
pub mod remedies;
pub mod report_bits;
pub mod threshold;
pub mod truncation;
pub mod unchecked;
pub mod zeros;

use crate::appetite::Appetite;
use crate::candidate::Candidate;
use crate::finding::{CheckName, Finding, Verdict};

/// A check: a pure function from a candidate and an appetite to findings.
///
/// It returns at least one finding, [`Verdict::Pass`] where there is nothing to say; what it can't do it refers. A
/// check that returns nothing counts as one that wasn't done.
pub trait Check: Sync {
    /// Its name.
    fn name(&self) -> CheckName;

    /// What it has to say.
    #[must_use = "a finding that nobody reads blocks nothing"]
    fn run(&self, candidate: &Candidate, appetite: &Appetite) -> Vec<Finding>;
}

/// All checks, in the order in which their findings are shown. All of them run, always.
pub const CHECKS: &[&dyn Check] = &[
    &labels::Labels,
    &fault::Fault,
    &threshold::Threshold,
    &groups::Groups,
    &zeros::Zeros,
    &dominance::DominanceRule,
    &p_percent::PPercent,
    &class::Class,
    &complements::Complements,
    &records::Records,
    &freedom::Freedom,
    &ratios::Ratios,
    &relations::Relations,
    &extremes::Extremes,
    &quantiles::Quantiles,
    &histograms::Histograms,
    &padding::Padding,
    &truncation::Truncation,
    &defaults::Defaults,
    &report_bits::ReportBits,
    &remedies::Remedies,
    &family::Family,
    &unchecked::Unchecked,
];

/// The check has nothing against it.
fn pass(check: CheckName, sentence: &str) -> Vec<Finding> {
    vec![Finding::whole(check, Verdict::Pass, "", sentence.to_owned())]
}

/// The check doesn't apply to this lane.
fn not_applicable(check: CheckName) -> Vec<Finding> {
    pass(check, "Doesn't apply to this lane.")
}

/// `findings`, or a pass with `sentence` where there are none.
fn or_pass(findings: Vec<Finding>, check: CheckName, sentence: &str) -> Vec<Finding> {
    if findings.is_empty() { pass(check, sentence) } else { findings }
}
