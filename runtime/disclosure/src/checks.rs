//! The checks, a file each. Every file says what its check claims, where it stops, where its formula comes from, and
//! works one example that its test repeats.

pub mod class;
pub mod defaults;
pub mod dominance;
pub mod family;
pub mod fault;
pub mod labels;
pub mod p_percent;
pub mod records;
pub mod report_bits;
pub mod threshold;
pub mod truncation;
pub mod unchecked;

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
    &dominance::DominanceRule,
    &p_percent::PPercent,
    &class::Class,
    &records::Records,
    &truncation::Truncation,
    &defaults::Defaults,
    &report_bits::ReportBits,
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
