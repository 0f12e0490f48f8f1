//! Class disclosure: what is true of everybody in a group is learnt of everybody in it.
//!
//! **Claim**: a shown sum to which all subjects of a cell contribute the same is withheld; so is a cell that holds all
//! but fewer than `g` of the distinct subjects of a published margin. A cell that does so along a line whose total
//! isn't published is put before reviewers: the total can't be worked out, since the rest of the line is withheld.
//! **Limits**: sums aren't compared with margins, only subjects. **Source**: disclosure.md, section 2 (class: `0 < N_M`
//! and `N_M - N_c < g`; all equal: `max = min`; treat the cell as primary). **Example**, g = 2: a line of 30 and 1: the
//! rest of the first is 1 < 2: refer, and suppressed if the total is published; 30 and 2: pass. Twelve subjects who all
//! contribute 5: suppressed.

use std::collections::BTreeMap;

use super::{Check, not_applicable, or_pass};
use crate::appetite::Appetite;
use crate::candidate::{Body, Candidate, Counted, Node};
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
        findings.extend(margins(counted, appetite));
        findings.extend(lines(counted, appetite));
        or_pass(findings, self.name(), "No shown cell speaks of a whole group.")
    }
}

fn all_equal(counted: &Counted, appetite: &Appetite) -> Vec<Finding> {
    let what = (CheckName::Class, Verdict::Suppress);
    let finding = |sum: crate::candidate::LargeSum<'_>| {
        let shares = &sum.evidence.measures.get(sum.index)?.subjects;
        let value = shares.all_equal().then(|| shares.lowest.first())??;
        let sentence = format!("All {} subjects contribute the same, {value} steps.", shares.units);
        Some(Finding::figure(what, "all_equal", counted, (&sum.node, sum.quantity()), sentence))
    };
    counted.large_sums(appetite).filter_map(finding).collect()
}

/// Every published margin, against every published cell that it adds up.
fn margins(counted: &Counted, appetite: &Appetite) -> Vec<Finding> {
    let what = (CheckName::Class, Verdict::Suppress);
    let mut findings = Vec::new();
    for (figure, evidence) in counted.large(appetite) {
        for (margin, subjects) in above(counted, figure.plane, &figure.node) {
            // Distinct subjects: those of the cell are among those of the margin.
            let others = subjects.saturating_sub(evidence.subjects);
            if others < appetite.rules().class_group {
                let names = added_up(counted, &margin, &figure.node);
                let here = evidence.subjects;
                let sentence = format!("Of the total over {names}, {others} subjects are elsewhere, and {here} here.");
                let topic = format!("margin:{names}");
                findings.push(Finding::cell(what, &topic, counted, &figure.node, sentence));
            }
        }
    }
    findings
}

/// The published margins that a node is a part of, each with its distinct subjects.
fn above(counted: &Counted, plane: usize, node: &Node) -> Vec<(Node, u64)> {
    let Some(own) = counted.planes().get(plane) else { return Vec::new() };
    let wider = counted.planes().iter().filter(|other| other.kept.iter().all(|index| own.kept.contains(index)));
    let margin = |other: &crate::candidate::Plane| {
        let codes: Vec<u32> = other.kept.iter().filter_map(|index| *node.get(*index as usize)?).collect();
        let evidence = other.cells.get(&codes).filter(|_| varies(counted, own, other))?;
        Some((other.node(&codes, node.len()), evidence.subjects))
    };
    wider.filter_map(margin).collect()
}

/// Whether a dimension is added up that has more than one label: else the margin is the cell itself.
fn varies(counted: &Counted, own: &crate::candidate::Plane, other: &crate::candidate::Plane) -> bool {
    let mut gone = own.kept.iter().filter(|index| !other.kept.contains(index));
    gone.any(|index| counted.contract().dimensions.get(*index as usize).is_some_and(|d| d.labels.len() > 1))
}

/// The names of the dimensions that a margin adds up and the cell doesn't.
fn added_up(counted: &Counted, margin: &Node, node: &Node) -> String {
    let pairs = margin.iter().zip(node).zip(&counted.contract().dimensions);
    let gone = pairs.filter(|((margin, own), _)| margin.is_none() && own.is_some());
    gone.map(|(_, dimension)| dimension.name.as_str()).collect::<Vec<_>>().join("+")
}

/// Inner cells against their lines along one dimension, where the line's total isn't published.
fn lines(counted: &Counted, appetite: &Appetite) -> Vec<Finding> {
    let rules = appetite.rules();
    let mut findings = Vec::new();
    for (position, dimension) in counted.contract().dimensions.iter().enumerate() {
        let line_of = |codes: &[u32]| -> Vec<u32> {
            let others = codes.iter().enumerate().filter(|(other, _)| *other != position);
            others.map(|(_, code)| *code).collect()
        };
        let kept: Vec<u32> =
            (0..counted.contract().dimensions.len() as u32).filter(|i| *i as usize != position).collect();
        if dimension.labels.len() < 2 || counted.planes().iter().any(|plane| plane.kept == kept) {
            continue;
        }
        let mut totals: BTreeMap<Vec<u32>, u64> = BTreeMap::new();
        for (codes, cell) in counted.inner() {
            let total = totals.entry(line_of(codes)).or_default();
            *total = total.saturating_add(cell.subjects);
        }
        for (codes, cell) in counted.inner().iter().filter(|(_, cell)| cell.subjects >= rules.threshold.max(1)) {
            let others = totals.get(&line_of(codes)).map_or(0, |total| total.saturating_sub(cell.subjects));
            if others < rules.class_group {
                let name = &dimension.name;
                let sentence = format!("Along {name}, {others} subjects are elsewhere, and {} here.", cell.subjects);
                let node = codes.iter().copied().map(Some).collect();
                let what = (CheckName::Class, Verdict::Refer);
                findings.push(Finding::cell(what, &format!("group:{name}"), counted, &node, sentence));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::factory::{Table, floor, ids, worst};
    use sluice_domain::grade::Grade;

    #[test]
    fn the_worked_example() {
        let line = |second: usize, margins: &[&[u32]]| {
            let table = Table::new(&[&["yes", "no"]]).subjects(&[0], 30).subjects(&[1], second).margins(margins);
            let findings = Class.run(&table.candidate(), &floor(Grade::Open));
            (ids(&findings), worst(&findings))
        };
        assert_eq!(line(1, &[]), (vec!["class:group:d0:d0=yes".to_owned()], Verdict::Refer));
        assert_eq!(line(1, &[&[]]), (vec!["class:margin:d0:d0=yes".to_owned()], Verdict::Suppress));
        assert_eq!(line(2, &[]).0, ["class:all"]);
        assert_eq!(line(2, &[&[]]).0, ["class:all"]);

        let table = Table::new(&[&["AA"]]).measure(0, 9).values(&[0], &[5; 12]);
        let findings = Class.run(&table.candidate(), &floor(Grade::Open));
        assert_eq!(ids(&findings), ["class:all_equal:m0:d0=AA"]);
        assert_eq!(findings[0].verdict(), Verdict::Suppress);
    }

    #[test]
    fn margins_are_compared_with_margins() {
        // In each row both cells; of d0 all but one are in `a`, whichever d1.
        let table = Table::new(&[&["a", "b"], &["x", "y"]])
            .subjects(&[0, 0], 20)
            .subjects(&[0, 1], 20)
            .subjects(&[1, 0], 1)
            .margins(&[&[0], &[]]);
        let findings = Class.run(&table.candidate(), &floor(Grade::Open));
        // a over d1 has 40 of 41; nothing is published that adds d0 up within x or y, so those are referred.
        let suppressed: Vec<_> =
            findings.iter().filter(|f| f.verdict() == Verdict::Suppress).map(Finding::id).collect();
        assert_eq!(suppressed, ["class:margin:d0:d0=a/d1=*"]);
        let referred: Vec<_> = findings.iter().filter(|f| f.verdict() == Verdict::Refer).map(Finding::id).collect();
        assert_eq!(referred, ["class:group:d0:d0=a/d1=x", "class:group:d0:d0=a/d1=y"]);
    }

    #[test]
    fn a_line_of_one_label_and_a_cell_below_the_threshold_say_nothing() {
        // Over d0, which has one label, each total is its cell.
        let table = |first: usize, second: usize| {
            let cells = Table::new(&[&["a"], &["x", "y"]]).subjects(&[0, 0], first).subjects(&[0, 1], second);
            let findings = Class.run(&cells.margins(&[&[1]]).candidate(), &floor(Grade::Open));
            ids(&findings)
        };
        assert_eq!(table(20, 20), ["class:all"]);
        assert_eq!(table(10, 1), ["class:group:d1:d0=a/d1=x"]);
        assert_eq!(table(9, 1), ["class:all"]);
    }

    #[test]
    fn a_finding_names_what_the_margin_adds_up() {
        let table = Table::new(&[&["a", "b"], &["x", "y"]]).subjects(&[0, 0], 20).subjects(&[1, 1], 1).margins(&[&[]]);
        let findings = Class.run(&table.candidate(), &floor(Grade::Open));
        assert_eq!(findings[0].id(), "class:margin:d0+d1:d0=a/d1=x");
        assert_eq!(findings[0].sentence(), "Of the total over d0+d1, 1 subjects are elsewhere, and 20 here.");
        // Along either line nobody else is in it.
        assert_eq!(ids(&findings[1..]), ["class:group:d0:d0=a/d1=x", "class:group:d1:d0=a/d1=x"]);
        assert_eq!(findings[1].sentence(), "Along d0, 0 subjects are elsewhere, and 20 here.");
    }

    #[test]
    fn distinct_subjects_are_compared() {
        // Twelve are in both cells, one more only in the second: of 13 the second has all, the first all but one.
        let mut table = Table::new(&[&["yes", "no"]]).margins(&[&[]]);
        table.contract.cells_per_subject = 2;
        let table = table.same_subjects(&[0], 0, 12).same_subjects(&[1], 0, 13);
        let findings = Class.run(&table.candidate(), &floor(Grade::Open));
        assert_eq!(ids(&findings), ["class:margin:d0:d0=yes", "class:margin:d0:d0=no"]);
        assert_eq!(findings[0].sentence(), "Of the total over d0, 1 subjects are elsewhere, and 12 here.");
    }
}
