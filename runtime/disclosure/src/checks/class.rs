//! Class disclosure: what is true of everybody in a group is learnt of everybody in it.
//!
//! **Claim**: a shown sum to which all subjects of the cell contribute the same, and a shown cell that holds all but
//! fewer than `g` subjects of the line that it is on, are put before reviewers. **Limits**: lines along one dimension
//! only, not every margin; where a subject may be in several cells of a line, distinct subjects of the line aren't in
//! the evidence, and what is left can't be vouched for, which is referred. **Source**: disclosure.md, section 2
//! (class: `0 < N_M` and `N_M - N_c < g`; all equal: `max = min`). **Example**, g = 2: a line of 30 and 1: the rest of
//! the first is 1 < 2: refer; 30 and 2: pass. Twelve subjects who all contribute 5: refer.

use std::collections::BTreeMap;

use super::{Check, not_applicable, or_pass};
use crate::appetite::Appetite;
use crate::candidate::{Body, Candidate, Counted};
use crate::finding::{CheckName, Finding, Verdict};

/// The check.
pub struct Class;

impl Check for Class {
    fn name(&self) -> CheckName {
        CheckName::Class
    }

    fn run(&self, candidate: &Candidate, appetite: &Appetite) -> Vec<Finding> {
        let Body::Counted(counted) = candidate.body() else {
            return not_applicable(self.name());
        };
        let mut findings = all_equal(counted, appetite);
        findings.extend(groups(counted, appetite));
        if counted.contract().cells_per_subject > 1 && counted.contract().dimensions.iter().any(|d| d.labels.len() > 1)
        {
            let sentence = "A subject may be in several cells: distinct subjects of a line aren't in the evidence.";
            findings.push(Finding::whole(self.name(), Verdict::Refer, "overlap", sentence.to_owned()));
        }
        or_pass(findings, self.name(), "No shown cell speaks of a whole group.")
    }
}

fn all_equal(counted: &Counted, appetite: &Appetite) -> Vec<Finding> {
    let same = counted.large_sums(appetite).filter(|(_, _, _, measure)| measure.min == measure.max);
    same.map(|(codes, index, cell, measure)| {
        let sentence = format!("All {} subjects contribute the same, {} steps.", cell.subjects, measure.min);
        Finding::sum((CheckName::Class, Verdict::Refer), "all_equal", counted, (codes, index), sentence)
    })
    .collect()
}

fn groups(counted: &Counted, appetite: &Appetite) -> Vec<Finding> {
    let rules = appetite.rules();
    let mut findings = Vec::new();
    for (position, dimension) in counted.contract().dimensions.iter().enumerate() {
        // A dimension of one label says nothing.
        if dimension.labels.len() < 2 {
            continue;
        }
        let line_of = |codes: &[u32]| -> Vec<u32> {
            let others = codes.iter().enumerate().filter(|(other, _)| *other != position);
            others.map(|(_, code)| *code).collect()
        };
        let mut lines: BTreeMap<Vec<u32>, u64> = BTreeMap::new();
        for (codes, cell) in counted.cells() {
            let total = lines.entry(line_of(codes)).or_default();
            *total = total.saturating_add(cell.subjects);
        }
        for (codes, cell) in counted.cells().iter().filter(|(_, cell)| cell.subjects >= rules.threshold) {
            let others = lines.get(&line_of(codes)).map_or(0, |total| total.saturating_sub(cell.subjects));
            if others < rules.class_group {
                let name = &dimension.name;
                let sentence = format!("Along {name}, {others} subjects are elsewhere, and {} here.", cell.subjects);
                let what = (CheckName::Class, Verdict::Refer);
                findings.push(Finding::cell(what, &format!("group:{name}"), counted, codes, sentence));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::factory::{Table, floor, ids};
    use sluice_domain::grade::Grade;

    #[test]
    fn the_worked_example() {
        let line = |second: usize| {
            let table = Table::new(&[&["yes", "no"]]).subjects(&[0], 30).subjects(&[1], second);
            let findings = Class.run(&table.candidate(), &floor(Grade::Open));
            ids(&findings)
        };
        assert_eq!(line(1), ["class:group:d0:d0=yes"]);
        assert_eq!(line(2), ["class:all"]);

        let table = Table::new(&[&["AA"]]).measure(0, 9).values(&[0], &[5; 12]);
        let findings = Class.run(&table.candidate(), &floor(Grade::Open));
        assert_eq!(ids(&findings), ["class:all_equal:m0:d0=AA"]);
    }

    #[test]
    fn overlapping_subjects_are_referred() {
        let mut table = Table::new(&[&["yes", "no"]]).subjects(&[0], 30).subjects(&[1], 30);
        table.contract.cells_per_subject = 2;
        let findings = Class.run(&table.candidate(), &floor(Grade::Open));
        assert_eq!(ids(&findings), ["class:overlap"]);
    }
}
