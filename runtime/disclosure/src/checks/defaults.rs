//! What the host put right while it counted.
//!
//! **Claim**: subjects counted by default, undeclared codes, clamped contributions, rows without a subject, and, in a
//! report, dropped rows and rounded values, are put before reviewers: each of them is a place where a module can turn
//! data into a difference. **Limits**: orders of magnitude only, and not where; the exact figures are in the run's
//! facts. **Source**: disclosure.md, section 4 (host algorithm per subject); attacks.md, rows 14 and 46. **Example**:
//! 3 clamped contributions: refer, "fewer than 10".

use super::{Check, or_pass};
use crate::appetite::Appetite;
use crate::candidate::{Body, Candidate};
use crate::finding::{CheckName, Finding, Verdict};

/// The check.
pub struct Defaults;

impl Check for Defaults {
    fn name(&self) -> CheckName {
        CheckName::Defaults
    }

    fn run(&self, candidate: &Candidate, _appetite: &Appetite) -> Vec<Finding> {
        let facts = candidate.facts();
        let (dropped, rounded) = match candidate.body() {
            Body::Counted(_) => (0, 0),
            Body::Written(written) => (written.dropped_rows(), written.rounded_values()),
        };
        let counts = [
            ("defaulted", facts.defaulted_subjects, "subjects were counted by default: a trap, an overrun or a breach"),
            ("undeclared", facts.undeclared_codes, "contributions had an undeclared code and were dropped"),
            ("clamped", facts.clamped, "contributions were moved to a bound"),
            ("unattributed", facts.unattributed_rows, "rows had no subject and were left out"),
            ("dropped_rows", dropped, "rows had a value outside of its domain and were dropped"),
            ("rounded_values", rounded, "values weren't on their grid and were moved to it"),
        ];
        let referred = counts.iter().filter(|(_, count, _)| *count > 0).map(|(topic, count, what)| {
            Finding::whole(self.name(), Verdict::Refer, topic, format!("{} {what}.", coarse(*count)))
        });
        or_pass(referred.collect(), self.name(), "Nothing had to be put right.")
    }
}

/// The order of magnitude, in words.
fn coarse(count: u64) -> &'static str {
    match count {
        0 => "No",
        1..10 => "Fewer than 10",
        10..100 => "Fewer than 100",
        100..1_000 => "Fewer than 1,000",
        1_000..1_000_000 => "Fewer than 1,000,000",
        _ => "1,000,000 or more",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::factory::{Table, floor, ids, report};
    use sluice_domain::grade::Grade;

    #[test]
    fn the_worked_example() {
        let mut table = Table::new(&[&["AA"]]).subjects(&[0], 12);
        assert_eq!(ids(&Defaults.run(&table.candidate(), &floor(Grade::Open))), ["defaults:all"]);
        table.facts.clamped = 3;
        table.facts.defaulted_subjects = 12;
        let findings = Defaults.run(&table.candidate(), &floor(Grade::Open));
        assert_eq!(ids(&findings), ["defaults:defaulted", "defaults:clamped"]);
        assert_eq!(findings[1].sentence(), "Fewer than 10 contributions were moved to a bound.");
        assert!(findings.iter().all(|finding| finding.verdict() == Verdict::Refer));
    }

    #[test]
    fn counts_are_said_by_their_order_of_magnitude() {
        let ends = [0, 1, 9, 10, 99, 100, 999, 1_000, 999_999, 1_000_000];
        let said = ends.map(coarse);
        assert_eq!(said[0], "No");
        assert_eq!(said[1..3], ["Fewer than 10"; 2]);
        assert_eq!(said[3..5], ["Fewer than 100"; 2]);
        assert_eq!(said[5..7], ["Fewer than 1,000"; 2]);
        assert_eq!(said[7..9], ["Fewer than 1,000,000"; 2]);
        assert_eq!(said[9], "1,000,000 or more");
    }

    #[test]
    fn a_report_that_leaves_its_domain_is_referred() {
        let candidate = report(vec![vec![7, 5], vec![0, 6], vec![1, 10]], None);
        let findings = Defaults.run(&candidate, &floor(Grade::Open));
        assert_eq!(ids(&findings), ["defaults:dropped_rows", "defaults:rounded_values"]);
    }
}
