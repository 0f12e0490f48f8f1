//! What an assessment says of itself.

use sluice_domain::grade::Grade;

use super::factory::{Table, assess, floor, report};
use crate::candidate::{Candidate, Mismatch, ReportFault};
use crate::checks::{CHECKS, report_bits};
use crate::finding::Verdict;

#[test]
fn only_what_a_check_refuses_is_refused() {
    let appetite = floor(Grade::Open);
    let read = assess(&report(vec![vec![0, 5]], None), &appetite);
    assert_eq!((read.verdict(), read.is_refused()), (Verdict::Refer, false));
    let counted = assess(&Table::new(&[&["AA"]]).subjects(&[0], 500).candidate(), &appetite);
    assert_eq!((counted.verdict(), counted.is_refused()), (Verdict::Refer, false));
    let failed = assess(&report(vec![vec![0, 5]], Some(ReportFault::Trapped)), &appetite);
    assert_eq!((failed.verdict(), failed.is_refused()), (Verdict::Refuse, true));
}

#[test]
fn an_assessment_knows_its_candidate_and_how_much_it_could_carry() {
    let appetite = floor(Grade::Restricted);
    // 61 subjects in two cells at base 5: 12 multiples, suppressed, and two to spare: 4 bits each.
    let (one, other) = (Table::new(&[&["AA", "UA"]]).subjects(&[0], 61), Table::new(&[&["AA"]]).subjects(&[0], 62));
    let assessment = assess(&one.candidate(), &appetite);
    assert_eq!(assessment.bits_max(), 8);
    assert_eq!(assessment.bits_max(), report_bits::bits_max(&one.candidate(), &appetite));
    assert_eq!(assess(&report(Vec::new(), None), &appetite).bits_max(), 700);
    assert_eq!(assessment.check_of(&one.candidate()), Ok(()));
    assert_eq!(assessment.check_of(&other.candidate()), Err(Mismatch::OtherCandidate));
    assert_eq!(assessment.appetite(), &appetite);
}

#[test]
fn a_commitment_is_to_the_whole_and_under_a_key() {
    let table =
        |subjects: usize| assess(&Table::new(&[&["AA"]]).subjects(&[0], subjects).candidate(), &floor(Grade::Open));
    let of = |subjects: usize, key: u8| table(subjects).commitment(&[key; 32]);
    assert!(of(61, 1) == of(61, 1));
    assert!(of(61, 1) != of(61, 2) && of(61, 1) != of(62, 1));
    // Below the threshold the released tables are the same; what reviewers read isn't.
    assert!(table(5).table().rows() == table(6).table().rows() && of(5, 1) != of(6, 1));
}

#[test]
fn a_check_of_the_other_lane_says_that_it_does_not_apply() {
    let without = |candidate: &Candidate| -> Vec<String> {
        let found = CHECKS.iter().flat_map(|check| check.run(candidate, &floor(Grade::Open)));
        let spared = found.filter(|finding| finding.sentence() == "Doesn't apply to this lane.");
        spared.map(|finding| finding.id().to_owned()).collect()
    };
    assert_eq!(without(&Table::new(&[&["AA"]]).subjects(&[0], 500).candidate()), ["fault:all"]);
    let of_counts = [
        "threshold",
        "groups",
        "zeros",
        "dominance",
        "p_percent",
        "class",
        "complements",
        "records",
        "freedom",
        "ratios",
        "relations",
        "quantiles",
        "histograms",
        "padding",
        "remedies",
    ];
    assert_eq!(without(&report(vec![vec![0, 5]], None)), of_counts.map(|check| format!("{check}:all")));
    // None is silent, so none counts as not done.
    for candidate in [report(vec![vec![0, 5]], None), Table::new(&[&["AA"]]).subjects(&[0], 12).candidate()] {
        assert!(
            assess(&candidate, &floor(Grade::Open)).findings().iter().all(|found| !found.id().ends_with(":silent"))
        );
    }
}
