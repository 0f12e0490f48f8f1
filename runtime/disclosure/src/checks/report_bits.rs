//! How many bits the table could carry.
//!
//! **Claim**: reviewers see, before they vote, a bound on what the output could carry if every value in it were
//! chosen by the module. **Limits**: a bound on bandwidth, not a measure of what it carries; bits in the choice of the
//! contract are public parameters and not counted; released-or-rejected and the slot are counted elsewhere.
//! **Source**: disclosure.md, section 5 ("lane D bits: rows * cells * log2(grid)"). **Example**: 100 rows of a label
//! out of 2 and a number from 0 to 100 in steps of 5 (21 values, 5 bits): 100 * (1 + 5 + 1) = 700 bits.

use sluice_domain::contract::Statistic;

use super::Check;
use crate::appetite::Appetite;
use crate::candidate::{Body, Candidate, Counted};
use crate::finding::{CheckName, Finding, Verdict};

/// The check: it always refers.
pub struct ReportBits;

impl Check for ReportBits {
    fn name(&self) -> CheckName {
        CheckName::ReportBits
    }

    fn run(&self, candidate: &Candidate, appetite: &Appetite) -> Vec<Finding> {
        let bits = bits_max(candidate, appetite);
        let sentence = format!("The table could carry up to {bits} bits.");
        vec![Finding::whole(self.name(), Verdict::Refer, "bits", sentence)]
    }
}

/// The most bits that the table of this candidate can carry, rounded up.
///
/// A report: the contract's own bound. A counted table: for each inner cell and statistic the logarithm of the values
/// that it may take with so many subjects in the run, after rounding, "suppressed" being one of them; and one bit for
/// each figure of a total, which may be withheld by itself. What a total says otherwise, and ratios, follow from the
/// rest and carry nothing more. How many records a subject brings isn't bounded by the contract (a module may contribute
/// often for one row), so a record count may be any that is counted exactly. The count of subjects is the run's own, not
/// the public one, which this crate doesn't know: the bound is for inside.
#[must_use]
pub fn bits_max(candidate: &Candidate, appetite: &Appetite) -> u64 {
    match candidate.body() {
        Body::Written(written) => written.contract().bits_max(),
        Body::Counted(counted) => counted_bits(counted, candidate.facts().subjects, appetite),
    }
}

fn counted_bits(counted: &Counted, subjects: u64, appetite: &Appetite) -> u64 {
    let contract = counted.contract();
    let base = u128::from(appetite.rules().rounding_base.max(1));
    let subjects = u128::from(subjects);
    let width = |statistic: &Statistic| match statistic {
        Statistic::Subjects => Some(subjects),
        Statistic::Records => Some(1 << 62),
        Statistic::Sum(index) => contract.measures.get(*index as usize).map(|measure| {
            let width = i128::from(measure.upper.max(0)) - i128::from(measure.lower.min(0));
            subjects.saturating_mul(width.unsigned_abs())
        }),
        Statistic::Ratio(_) => None,
    };
    let bits = contract.statistics.iter().filter_map(width).map(|width| {
        let values = (width / base).saturating_add(3);
        u64::from(u128::BITS - (values - 1).leading_zeros())
    });
    let figures = contract.statistics.iter().filter(|statistic| width(statistic).is_some()).count() as u64;
    let totals = (contract.published_rows() - contract.cells()).saturating_mul(figures);
    bits.sum::<u64>().saturating_mul(contract.cells()).saturating_add(totals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::factory::{Table, floor, report, worst};
    use sluice_domain::grade::Grade;

    #[test]
    fn the_worked_example() {
        let candidate = report(vec![vec![0, 5]], None);
        assert_eq!(bits_max(&candidate, &floor(Grade::Open)), 700);
        assert_eq!(worst(&ReportBits.run(&candidate, &floor(Grade::Open))), Verdict::Refer);
    }

    #[test]
    fn a_counted_table_is_bounded_by_its_subjects() {
        // 61 subjects, exact: 0 to 61, suppressed, one to spare: 64 values, 6 bits, for each of 2 cells.
        let candidate = Table::new(&[&["AA", "UA"]]).subjects(&[0], 61).candidate();
        assert_eq!(bits_max(&candidate, &floor(Grade::Open)), 12);
        assert!(bits_max(&candidate, &floor(Grade::Restricted)) < 12);
        // A total may be withheld or not: one bit more.
        let candidate = Table::new(&[&["AA", "UA"]]).margins(&[&[]]).subjects(&[0], 61).candidate();
        assert_eq!(bits_max(&candidate, &floor(Grade::Open)), 13);
        let findings = ReportBits.run(&candidate, &floor(Grade::Open));
        assert_eq!(findings[0].sentence(), "The table could carry up to 13 bits.");
    }

    #[test]
    fn sums_records_and_rounding_are_counted() {
        let bits = |(lower, upper): (i64, i64), base: u64| {
            let mut table = Table::new(&[&["AA", "UA"]]).measure(lower, upper).margins(&[&[]]).ratio(0, 0);
            table.contract.statistics.push(Statistic::Records);
            let candidate = table.values(&[0], &[upper; 61]).candidate();
            let tighter = crate::Overrides { rounding_base: Some(base), ..Default::default() };
            bits_max(&candidate, &floor(Grade::Open).tightened(&tighter).expect("a larger base"))
        };
        // In each of 2 cells: subjects 0 to 61, 6 bits; records, 63; sums -183 to 305, 491 values, 9; and 3 for the total.
        assert_eq!(bits((-3, 5), 1), 2 * (6 + 63 + 9) + 3);
        // To tens: 9 counts, 4 bits; 59; 51 sums, 6.
        assert_eq!(bits((-3, 5), 10), 2 * (4 + 59 + 6) + 3);
        // An empty cell's sum is 0 whatever the bounds: 0 to 305, 308 values; -305 to 0 as many.
        assert_eq!(bits((3, 5), 1), 2 * (6 + 63 + 9) + 3);
        assert_eq!(bits((-5, -3), 1), 2 * (6 + 63 + 9) + 3);
        assert_eq!(bits((1, 1), 1), 2 * (6 + 63 + 6) + 3);
    }
}
