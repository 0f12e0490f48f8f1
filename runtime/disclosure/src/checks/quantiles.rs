//! Quantiles, read off counted bins.
//!
//! **Claim**: a dimension whose labels are numbers in rising order is a histogram, and between two bins anybody reads a
//! quantile; wherever that cut has some but fewer than `t` subjects on one side reviewers are told. The bins of that side
//! are then under the threshold and withheld, and a quantile that needs them can't be read. **Limits**: bins that aren't
//! written as numbers aren't recognised; where a subject may be in several bins, the sides count it once for each.
//! **Source**: disclosure.md, section 2 ("unsafe iff fewer than t subjects on either side of the cut"). **Example**, t =
//! 10: bins `0-9`, `10-19`, `20+` with 40, 30 and 4 subjects: at the second cut 4 are above: refer. With 14: pass.

use std::collections::BTreeMap;

use sluice_domain::contract::Dimension;

use super::{Check, not_applicable, or_pass};
use crate::appetite::Appetite;
use crate::candidate::{Body, Candidate, Counted, Plane};
use crate::finding::{CheckName, Finding, Verdict};

/// The check.
pub struct Quantiles;

impl Check for Quantiles {
    fn name(&self) -> CheckName {
        CheckName::Quantiles
    }

    fn run(&self, candidate: &Candidate, appetite: &Appetite) -> Vec<Finding> {
        let Body::Counted(counted) = candidate.body() else {
            return not_applicable(self.name());
        };
        let threshold = appetite.rules().threshold.max(1);
        let dimensions = (0_u32..).zip(&counted.contract().dimensions);
        let finding = |(index, dimension): (u32, &Dimension)| {
            let cuts = thin_cuts(counted, index, dimension, threshold);
            let name = &dimension.name;
            let sentence = format!("At {cuts} cuts of {name} fewer than {threshold} subjects are on one side.");
            (cuts > 0).then(|| Finding::whole(self.name(), Verdict::Refer, name, sentence))
        };
        let findings = dimensions.filter(|(_, dimension)| is_histogram(dimension)).filter_map(finding).collect();
        or_pass(findings, self.name(), "Every cut between bins has enough subjects on either side.")
    }
}

/// Whether all labels begin with numbers, in rising order.
fn is_histogram(dimension: &Dimension) -> bool {
    let edges: Option<Vec<i128>> = dimension.labels.iter().map(|label| edge(label)).collect();
    edges.is_some_and(|edges| edges.len() >= 3 && edges.is_sorted())
}

/// The number with which a bin's label begins, in millionths.
fn edge(label: &str) -> Option<i128> {
    const DIGITS: usize = 6;
    let text = label.trim_start_matches(|c: char| "<>=≤≥[( ".contains(c));
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, rest) = text.split_at(digits(text));
    let after = rest.strip_prefix('.').unwrap_or_default();
    let fraction: String = after.chars().take(digits(after)).chain("000000".chars()).take(DIGITS).collect();
    let value: i128 = format!("{whole}{fraction}").parse().ok().filter(|_| !whole.is_empty())?;
    Some(if negative { -value } else { value })
}

/// How many cuts, over all published lines, have some but fewer than `threshold` subjects on a side.
fn thin_cuts(counted: &Counted, index: u32, dimension: &Dimension, threshold: u64) -> u64 {
    let planes = counted.planes().iter().filter(|plane| plane.kept.contains(&index));
    let thin = |line: &Vec<u64>| {
        let all: u64 = line.iter().sum();
        let below = line.iter().scan(0_u64, |sum, bin| {
            *sum += bin;
            Some(*sum)
        });
        let side = |side: u64| side > 0 && side < threshold;
        below.take(line.len().saturating_sub(1)).filter(|below| side(*below) || side(all - below)).count() as u64
    };
    planes.flat_map(|plane| lines(plane, index, dimension)).map(|line| thin(&line)).sum()
}

/// The subjects of each bin, for each line along the dimension.
fn lines(plane: &Plane, index: u32, dimension: &Dimension) -> Vec<Vec<u64>> {
    let place = plane.kept.iter().position(|kept| *kept == index);
    let mut lines: BTreeMap<Vec<u32>, Vec<u64>> = BTreeMap::new();
    for (codes, cell) in &plane.cells {
        let Some(code) = place.and_then(|place| codes.get(place)) else { continue };
        let others = codes.iter().enumerate().filter(|(other, _)| Some(*other) != place);
        let key = others.map(|(_, code)| *code).collect();
        let line = lines.entry(key).or_insert_with(|| vec![0; dimension.labels.len()]);
        if let Some(bin) = line.get_mut(*code as usize) {
            *bin = cell.subjects;
        }
    }
    lines.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::factory::{Table, floor, ids};
    use sluice_domain::grade::Grade;

    #[test]
    fn the_worked_example() {
        let found = |last: usize, labels: &[&str]| {
            let table = Table::new(&[labels]).subjects(&[0], 40).subjects(&[1], 30).subjects(&[2], last);
            let findings = Quantiles.run(&table.candidate(), &floor(Grade::Open));
            (ids(&findings), findings[0].sentence().to_owned())
        };
        let bins = ["0-9", "10-19", "20+"];
        let (ids, sentence) = found(4, &bins);
        assert_eq!(
            (ids, sentence.as_str()),
            (vec!["quantiles:d0".to_owned()], "At 1 cuts of d0 fewer than 10 subjects are on one side.")
        );
        assert_eq!(found(14, &bins).0, ["quantiles:all"]);
        assert_eq!(found(0, &bins).0, ["quantiles:all"]);
        assert_eq!(found(4, &["AA", "UA", "WN"]).0, ["quantiles:all"]);
        assert_eq!(
            (found(9, &bins).0, found(10, &bins).0),
            (vec!["quantiles:d0".to_owned()], vec!["quantiles:all".to_owned()])
        );
    }

    #[test]
    fn cuts_are_counted_on_every_published_line() {
        let bins: &[&str] = &["0-9", "10-19", "20+"];
        let sentence = |cells: &[(&[u32], usize)], margins: &[&[u32]]| {
            let table = Table::new(&[bins, &["x", "y"]]).margins(margins);
            let table = cells.iter().fold(table, |table, (codes, subjects)| table.subjects(codes, *subjects));
            Quantiles.run(&table.candidate(), &floor(Grade::Open))[0].sentence().to_owned()
        };
        let said = |cuts: u64| format!("At {cuts} cuts of d0 fewer than 10 subjects are on one side.");
        // Of x the ends are thin, of y the second bin is empty and the first thin, so both cuts have the same few below.
        let cells: &[(&[u32], usize)] = &[(&[0, 0], 4), (&[1, 0], 30), (&[2, 0], 9), (&[0, 1], 3), (&[2, 1], 30)];
        assert_eq!(sentence(cells, &[]), said(4));
        // Over both 7 are below the first cut; a margin without bins has no cuts.
        assert_eq!(sentence(cells, &[&[0], &[1]]), said(5));
    }

    #[test]
    fn bins_are_recognised() {
        let histogram = |labels: &[&str]| {
            is_histogram(&Dimension { name: "d".to_owned(), labels: labels.iter().map(|l| (*l).to_owned()).collect() })
        };
        assert!(histogram(&["< -10", "[-10, 0)", "[0, 2.5)", "[2.5, 10)", ">= 10"]));
        assert!(histogram(&["<10", "10-19", "20 to 29", "30+"]));
        assert!(!histogram(&["10-19", "0-9", "20+"]) && !histogram(&["0", "1"]) && !histogram(&["a", "b", "c"]));
        assert_eq!([edge("2.5x"), edge("-0.05"), edge("x")], [Some(2_500_000), Some(-50_000), None]);
    }
}
