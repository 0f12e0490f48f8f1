//! Cheap screens for padding: cells filled with subjects whose contributions are known.
//!
//! **Claim**: reviewers are told where contributions look made up rather than measured: all the same over the whole
//! table (`constant`); one value in more than half of the contributions to a shown sum (`common`); a squared rank
//! correlation of a subject's value with its ordinal of 1/4 or more, over at least 30 subjects (`ordinal`); one subject
//! without whom a shown sum of at least twice the threshold's subjects loses more than a tenth (`influence`). **Limits**:
//! evidence for people, not a gate: honest measures may look so, and a careful module passes all of them. The ordinal is
//! the host's own number of a subject, so that only an order that the host's numbering keeps shows. **Source**:
//! disclosure.md, section 2 ("cheap screens to add"); Spearman (1904) on ranks, ties with their mean rank. **Example**:
//! twenty subjects with 7, fifteen with other values: 20 of 35 are more than half: refer `common`.

use super::{Check, not_applicable, or_pass};
use crate::appetite::Appetite;
use crate::candidate::{Body, Candidate, Counted, Screen};
use crate::evidence::Shares;
use crate::finding::{CheckName, Finding, Verdict, measure_name};

/// The fewest subjects for which a rank correlation says something.
const RANKED_MIN: u64 = 30;

/// The check.
pub struct Padding;

impl Check for Padding {
    fn name(&self) -> CheckName {
        CheckName::Padding
    }

    fn run(&self, candidate: &Candidate, appetite: &Appetite) -> Vec<Finding> {
        let Body::Counted(counted) = candidate.body() else {
            return not_applicable(self.name());
        };
        let measures = counted.published_measures();
        let findings = measures.flat_map(|index| of_measure(counted, index, appetite)).collect();
        or_pass(findings, self.name(), "No screen for padding found anything.")
    }
}

fn of_measure(counted: &Counted, index: usize, appetite: &Appetite) -> Vec<Finding> {
    let name = measure_name(counted, index);
    let finding = |topic: &str, sentence: String| {
        Finding::whole(CheckName::Padding, Verdict::Refer, &format!("{topic}:{name}"), sentence)
    };
    let of_this = counted.large_sums(appetite).filter(|sum| sum.index == index);
    let shown: Vec<&Shares> =
        of_this.filter_map(|sum| sum.evidence.measures.get(index)).map(|spread| &spread.subjects).collect();
    let mut findings = Vec::new();
    let Some(screen) = counted.screens().get(index) else { return findings };
    if screen.contributions > 1 && screen.common == screen.contributions {
        let sentence = format!("All {} contributions to {name} are the same.", screen.contributions);
        findings.push(finding("constant", sentence));
    } else {
        let common = shown.iter().filter(|shares| shares.common.saturating_mul(2) > shares.units).count();
        if common > 0 {
            let all = shown.len();
            let sentence = format!("In {common} of {all} sums of {name} more than half contribute the same value.");
            findings.push(finding("common", sentence));
        }
    }
    if follows_the_ordinal(screen) {
        let sentence = format!("{name} goes with the subjects' ordinals: a squared rank correlation of 1/4 or more.");
        findings.push(finding("ordinal", sentence));
    }
    let enough = appetite.rules().threshold.max(1).saturating_mul(2);
    let moved = shown.iter().filter(|shares| shares.units >= enough && moved_by_one(shares)).count();
    if moved > 0 {
        let all = shown.len();
        let sentence = format!("{moved} of {all} sums of {name} lose more than a tenth with one subject.");
        findings.push(finding("influence", sentence));
    }
    findings
}

/// Whether the sum, of absolute contributions, loses more than a tenth without its largest contributor.
fn moved_by_one(shares: &Shares) -> bool {
    let largest = shares.top.first().map_or(0, |value| value.saturating_abs());
    largest.saturating_mul(10) > shares.sum_abs
}

/// Whether the squared rank correlation is at least 1/4: `4 * product^2 >= ordinals * values`, both sides in full.
fn follows_the_ordinal(screen: &Screen) -> bool {
    let doubled = screen.product.unsigned_abs().saturating_mul(2);
    let spreads = wide(screen.ordinals.unsigned_abs(), screen.values.unsigned_abs());
    screen.subjects >= RANKED_MIN && screen.values > 0 && wide(doubled, doubled) >= spreads
}

/// The product in two halves, high and low.
fn wide(a: u128, b: u128) -> (u128, u128) {
    const HALF: u32 = 64;
    let low = u128::from(u64::MAX);
    let (a1, a0, b1, b0) = (a >> HALF, a & low, b >> HALF, b & low);
    let (bottom, cross, other) = (a0 * b0, a1 * b0, a0 * b1);
    let middle = (bottom >> HALF) + (cross & low) + (other & low);
    let high = a1 * b1 + (cross >> HALF) + (other >> HALF) + (middle >> HALF);
    (high, (middle << HALF) | (bottom & low))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::factory::{Random, Table, floor, ids};
    use sluice_domain::grade::Grade;

    fn found(values: &[i64]) -> Vec<String> {
        let table = Table::new(&[&["AA"]]).measure(-10_000, 10_000).values(&[0], values);
        ids(&Padding.run(&table.candidate(), &floor(Grade::Open)))
    }

    fn noise(count: usize) -> Vec<i64> {
        let mut dice = Random(77);
        (0..count).map(|_| dice.within(100, 199)).collect()
    }

    #[test]
    fn the_worked_example() {
        assert_eq!(found(&noise(35)), ["padding:all"]);
        let mut padded = noise(35);
        padded.iter_mut().step_by(2).for_each(|value| *value = 70);
        padded[1] = 70;
        padded[3] = 70;
        assert_eq!(padded.iter().filter(|value| **value == 70).count(), 20);
        assert_eq!(found(&padded), ["padding:common:m0"]);
        assert_eq!(found(&[7; 35]), ["padding:constant:m0"]);
        // One contribution isn't the same as any other, and half of them aren't more than half.
        assert_eq!(found(&[7]), ["padding:all"]);
        let mut half = noise(40);
        half.iter_mut().step_by(2).for_each(|value| *value = 70);
        assert_eq!(found(&half), ["padding:all"]);
    }

    #[test]
    fn reviewers_are_told_in_how_many_sums() {
        let sentences = |first: &[i64], second: &[i64]| -> Vec<String> {
            let table = Table::new(&[&["AA", "UA"]]).measure(0, 10_000).values(&[0], first).values(&[1], second);
            let findings = Padding.run(&table.candidate(), &floor(Grade::Open));
            findings.iter().map(|finding| finding.sentence().to_owned()).collect()
        };
        let mut moved = noise(35);
        moved[10] = 1_000;
        assert_eq!(sentences(&moved, &noise(35)), ["1 of 2 sums of m0 lose more than a tenth with one subject."]);
        assert_eq!(
            sentences(&[&[70; 6], &noise(35)[..5]].concat(), &noise(35)),
            ["In 1 of 2 sums of m0 more than half contribute the same value."]
        );
        assert_eq!(sentences(&[7; 12], &[7; 12]), ["All 24 contributions to m0 are the same."]);
        assert_eq!(
            sentences(&(100..130).collect::<Vec<i64>>(), &[]),
            ["m0 goes with the subjects' ordinals: a squared rank correlation of 1/4 or more."]
        );
    }

    #[test]
    fn a_value_that_follows_the_ordinal_is_seen() {
        let rising: Vec<i64> = (0..40).map(|i| 100 + i).collect();
        assert_eq!(found(&rising), ["padding:ordinal:m0"]);
        assert_eq!(found(&rising.iter().map(|value| -value).collect::<Vec<_>>()), ["padding:ordinal:m0"]);
        assert_eq!(found(&rising[..30]), ["padding:ordinal:m0"]);
        assert_eq!(found(&rising[..29]), ["padding:all"]);
    }

    #[test]
    fn one_subject_that_moves_the_sum_is_seen() {
        let mut values = noise(35);
        values[10] = 1_000;
        assert_eq!(found(&values), ["padding:influence:m0"]);
    }

    #[test]
    fn a_tenth_is_not_more_than_a_tenth_and_fewer_than_twice_the_threshold_say_nothing() {
        // 19 subjects bring 81 to 99, 1,710 together.
        let with = |first: i64, largest: i64| found(&(first..=99).chain([largest]).collect::<Vec<i64>>());
        assert_eq!(with(81, 190), ["padding:all"]);
        assert_eq!(with(81, 191), ["padding:influence:m0"]);
        assert_eq!(with(81, -300), ["padding:influence:m0"]);
        assert_eq!(with(82, 300), ["padding:all"]);
    }

    #[test]
    fn the_padding_attack_is_seen() {
        // The constant 100 for a thousand known subjects, and one target's secret on top.
        let mut values = [100; 1_001];
        values[500] = 9_999;
        assert_eq!(found(&values), ["padding:common:m0"]);
    }

    #[test]
    fn products_are_whole() {
        assert_eq!(wide(u128::MAX, u128::MAX), (u128::MAX - 1, 1));
        assert_eq!(wide(1 << 100, 1 << 30), (4, 0));
        assert_eq!(wide(12, 12), (0, 144));
        // Worked out by long multiplication elsewhere.
        assert_eq!(wide(0x3_00000000_00000005, 0x7_00000000_0000000b), (0x15, 0x44_00000000_00000037));
        assert_eq!(
            wide(0xdbc8fbbc_bde5c099_4164d839_9f767c45, 0xd76d4330_f1446bea_b0c11fde_cb91ce37),
            (0xb8f399ae_518d5bb0_7f3e7692_512144e8, 0xa364e770_17484d3d_1e90382f_b48938d3)
        );
        assert_eq!(
            wide(0x87b0b125_ec1d7da0_a6eb8c9e_bd69fe29, 0xc6a53877_77330bdb_d7210dff_076ce2ef),
            (0x694a3bd3_7b20d348_77f1249a_526967c1, 0xb8f726f1_d1d9b97d_b2f779eb_c0a07a47)
        );
        assert_eq!(
            wide(0x8d464138_a6233255_3fc1ea36_f17fd374, 0xdf2dd97f_1cfb10f6_2827688d_e6a16a3b),
            (0x7b298030_82cf7956_bd1c09df_3156ec9a, 0xc42d7417_55b0bec7_ee2d0aea_c9f7c3bc)
        );
        assert_eq!(
            wide(0xffffffff_ffffffff_ffffffff_ffffffff, 0xffffffff_ffffffff),
            (0xffffffff_fffffffe, 0xffffffff_ffffffff_00000000_00000001)
        );
        assert_eq!(
            wide(0xffffffff_ffffffff, 0xffffffff_ffffffff_ffffffff_ffffffff),
            (0xffffffff_fffffffe, 0xffffffff_ffffffff_00000000_00000001)
        );
    }
}
