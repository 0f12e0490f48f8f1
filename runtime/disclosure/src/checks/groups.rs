//! The threshold on groups: ten vehicles of one firm are one unit.
//!
//! **Claim**: a cell is shown only if at least `t` groups stand behind it, and at least `t` subjects without the
//! largest group: an operator's own fleet doesn't carry a cell over the threshold. **Limits**: groups are what the
//! dataset's group column says; where none is declared every subject is a group of its own, `t - 1` subjects are
//! enough without one, and reviewers are told. **Source**: disclosure.md, section 2 ("thresholds hold without the
//! largest legal-person group"); attacks.md, row 45. **Example**, t = 10: twelve subjects, ten of them of one group:
//! suppressed. Twenty subjects of twenty groups: pass.

use super::{Check, not_applicable, or_pass};
use crate::appetite::{Appetite, Rules};
use crate::candidate::{Body, Candidate};
use crate::evidence::Evidence;
use crate::finding::{CheckName, Finding, Verdict};

/// The check.
pub struct Groups;

/// Unsafe iff there are fewer than `t` groups, or fewer than `t` subjects without the largest group.
///
/// Where every subject is a group of its own, leaving the largest out means one subject fewer.
pub(crate) fn too_few(evidence: &Evidence, rules: &Rules) -> bool {
    let threshold = rules.threshold.max(1);
    let alone = evidence.groups == evidence.subjects;
    let needed = if alone { threshold.saturating_sub(1) } else { threshold };
    evidence.groups < threshold || evidence.subjects.saturating_sub(evidence.largest_group) < needed
}

impl Check for Groups {
    fn name(&self) -> CheckName {
        CheckName::Groups
    }

    fn run(&self, candidate: &Candidate, appetite: &Appetite) -> Vec<Finding> {
        let Body::Counted(counted) = candidate.body() else {
            return not_applicable(self.name());
        };
        if !counted.grouped() {
            let sentence = "The dataset declares no groups: every subject counts as one by itself.".to_owned();
            return vec![Finding::whole(self.name(), Verdict::Refer, "undeclared", sentence)];
        }
        let threshold = appetite.rules().threshold;
        let small = counted.large(appetite).filter(|(_, evidence)| too_few(evidence, appetite.rules()));
        let finding = |(figure, evidence): (crate::candidate::Figure<'_>, &Evidence)| {
            let (groups, rest) = (evidence.groups, evidence.subjects - evidence.largest_group);
            let sentence = format!(
                "{groups} groups, and {rest} subjects without the largest: at least {threshold} of each are needed."
            );
            Finding::cell((self.name(), Verdict::Suppress), "", counted, &figure.node, sentence)
        };
        or_pass(small.map(finding).collect(), self.name(), "Every shown cell holds without its largest group.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::factory::{Table, floor, ids};
    use sluice_domain::grade::Grade;

    #[test]
    fn the_worked_example() {
        let table = Table::new(&[&["AA", "UA"]]).subjects(&[0], 12).subjects(&[1], 20);
        let findings = Groups.run(&table.candidate(), &floor(Grade::Open));
        assert_eq!(ids(&findings), ["groups:undeclared"]);
        let grouped = table.grouped(|subject| u64::from(subject).saturating_sub(9));
        let findings = Groups.run(&grouped.candidate(), &floor(Grade::Open));
        assert_eq!(ids(&findings), ["groups:d0=AA"]);
        assert_eq!(
            findings[0].sentence(),
            "3 groups, and 2 subjects without the largest: at least 10 of each are needed."
        );
        assert_eq!(findings[0].verdict(), Verdict::Suppress);
    }

    #[test]
    fn a_subject_that_is_its_own_group_leaves_one_fewer() {
        // a: ten of ten groups, nine without any one of them. b: eleven of ten, so nine without the pair. c: twelve of
        // eleven, so ten. d: twenty of nine, of whom no three make the rest fewer than ten.
        let group = |subject: u32| match subject {
            11 => 10,
            22 => 21,
            33.. => 33 + u64::from((subject - 33) % 9),
            alone => u64::from(alone),
        };
        let table = Table::new(&[&["a", "b", "c", "d"]])
            .subjects(&[0], 10)
            .subjects(&[1], 11)
            .subjects(&[2], 12)
            .subjects(&[3], 20)
            .grouped(group);
        let findings = Groups.run(&table.candidate(), &floor(Grade::Open));
        assert_eq!(ids(&findings), ["groups:d0=b", "groups:d0=d"]);
        let said = |findings: &[Finding], place: usize| findings[place].sentence().to_owned();
        assert!(said(&findings, 0).starts_with("10 groups, and 9 subjects without the largest:"));
        assert!(said(&findings, 1).starts_with("9 groups, and 17 subjects without the largest:"));
    }
}
