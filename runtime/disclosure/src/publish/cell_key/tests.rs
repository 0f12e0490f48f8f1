//! Worked examples, and the attack that the method doesn't withstand.

use super::*;
use crate::tests::factory::{Random, cell_key, perturbed};

fn table(noise_max: u32, variance_milli: u64, least_shown: u64) -> PTable {
    PTable::new(Shape { noise_max, variance_milli, least_shown }).expect("the shape is possible")
}

fn notes_of(noise_max: u32, variance_milli: u64, least_shown: u64) -> Vec<String> {
    notes(Shape { noise_max, variance_milli, least_shown })
}

/// Probabilities in thousandths.
fn thousandths(table: &PTable, count: u64) -> Vec<(i64, u128)> {
    table.probabilities(count).into_iter().map(|(noise, share)| (noise, (share * 1000 + (1 << 63)) >> 64)).collect()
}

#[test]
fn a_table_has_the_noise_that_the_documentation_says() {
    let table = table(2, 1000, 3);
    assert_eq!(thousandths(&table, 1), [(-1, 667), (2, 333)]);
    assert_eq!(thousandths(&table, 2), [(-2, 333), (1, 667), (2, 0)]);
    let large = [(-2, 64), (-1, 245), (0, 383), (1, 245), (2, 64)];
    assert_eq!(thousandths(&table, 5), large);
    assert_eq!(thousandths(&table, 1_000_000), large);
    assert_eq!(table.probabilities(0), [(0, 1 << 64)]);
}

#[test]
fn every_row_has_mean_0_and_the_variance_that_was_asked_for() {
    for (noise_max, variance, least_shown) in [(2, 1000, 1), (5, 3000, 3), (10, 12_000, 1), (15, 80_000, 5)] {
        let table = table(noise_max, variance, least_shown);
        for count in 1..=u64::from(noise_max) + least_shown + 3 {
            let row = table.probabilities(count);
            let moment = |power: u32| -> i128 {
                row.iter().map(|(noise, share)| i128::from(noise.pow(power)) * (*share as i128)).sum()
            };
            assert_eq!(row.iter().map(|(_, share)| share).sum::<u128>(), 1 << 64);
            assert!(moment(1).abs() < 1 << 10, "a mean of {} / 2^64 at {count}", moment(1));
            if count >= u64::from(noise_max) + least_shown {
                let found = (moment(2) * 1000) >> 64;
                assert!(
                    (found - i128::from(variance)).abs() <= i128::from(variance) / 500 + 1,
                    "{found} for {variance}"
                );
                let rises = |pair: &[(i64, u128)]| {
                    if pair[0].0 < 0 { pair[0].1 <= pair[1].1 + 1 } else { pair[0].1 + 1 >= pair[1].1 }
                };
                assert!(row.windows(2).all(rises), "one peak, at 0");
            }
            for (noise, share) in row {
                let shown = count as i64 + noise;
                assert!(share == 0 || shown == 0 || shown >= least_shown as i64, "{count} shown as {shown}");
            }
        }
    }
}

#[test]
fn shapes_of_which_there_is_no_table_are_refused() {
    let new = |noise_max, variance_milli, least_shown| PTable::new(Shape { noise_max, variance_milli, least_shown });
    assert_eq!(new(0, 1000, 1), Err(Impossible::Noise));
    assert_eq!(new(16, 1000, 1), Err(Impossible::Noise));
    assert_eq!(new(2, 0, 1), Err(Impossible::Variance));
    assert_eq!(new(2, 2001, 1), Err(Impossible::Variance));
    assert!(new(2, 2000, 1).is_ok());
    assert_eq!(new(2, 1000, 4), Err(Impossible::Least));
    assert_eq!(new(2, 1000, 0), Err(Impossible::Least));
}

#[test]
fn the_same_people_have_the_same_noise_and_another_secret_has_another() {
    let (table, [mine, other]) = (table(5, 6000, 3), [1, 2].map(|secret| Secret::new([secret; 32])));
    let mut random = Random(0xABCD);
    let (mut differ, mut alone) = (0, 0);
    for _ in 0..200 {
        let mut subjects: Vec<u32> = (0..20 + random.below(80) as u32).map(|subject| subject * 3).collect();
        let first = perturbed(&mine, &table, &subjects);
        subjects.reverse();
        assert_eq!(perturbed(&mine, &table, &subjects), first, "the order is nothing");
        assert!(first.abs_diff(subjects.len() as u64) <= 5);
        differ += usize::from(perturbed(&other, &table, &subjects) != first);
        subjects[0] = 1_000_000;
        alone += usize::from(perturbed(&mine, &table, &subjects) != first);
    }
    assert!(differ > 100 && alone > 100, "{differ} with another secret, {alone} with another subject, of 200");
}

#[test]
fn no_count_is_negative_or_small_and_none_stays_none() {
    let (secret, table) = (Secret::new([3; 32]), table(5, 6000, 4));
    assert_eq!(perturbed(&secret, &table, &[]), 0);
    let mut seen = std::collections::BTreeMap::<u64, usize>::new();
    for from in 0..3000 {
        let subjects: Vec<u32> = (from..from + 2).collect();
        *seen.entry(perturbed(&secret, &table, &subjects)).or_default() += 1;
    }
    assert!(seen.keys().all(|shown| [0, 4, 5, 6, 7].contains(shown)), "{seen:?}");
    let sum: u64 = seen.iter().map(|(shown, times)| shown * *times as u64).sum();
    assert!(sum.abs_diff(6000) < 400, "the mean of 3000 counts of 2 is near 2: {seen:?}");
    assert_eq!(table.shown(u64::MAX, secret.look_up(1)) / 10, u64::MAX / 10, "a count that can't grow");
}

#[test]
fn keys_are_fixed_for_all_time() {
    // Worked out by Python's hmac and hashlib; a change of them would give every released table fresh noise.
    let secret = Secret::new([7; 32]);
    assert_eq!(secret.subject_key(0), 8_621_721_813_510_967_138);
    assert_eq!(secret.subject_key(70_000), 1_598_758_136_684_443_302);
    assert_eq!(cell_key([u64::MAX, 2, 3]), 4);
}

#[test]
fn attack_08_averaging_over_equal_queries_finds_the_true_count() {
    // The limit is real: this test passes because the attack works.
    let (secret, table) = (Secret::new([4; 32]), table(5, 6000, 3));
    let mut random = Random(0x0A08);
    let (mut alone, mut averaged) = (0, 0);
    for target in 0..20_u32 {
        let people = 0..150 + target * 7;
        let keys: Vec<u64> = people.map(|person| secret.subject_key(target * 1000 + person)).collect();
        let truth = keys.len() as u64;
        let shown = |keys: &[u64]| table.shown(keys.len() as u64, secret.look_up(cell_key(keys.iter().copied())));
        alone += usize::from(shown(&keys) == truth);
        // The same count, as the sum of two parts, along 600 columns with two values each.
        let sums = (0..600).map(|_| {
            let (left, right): (Vec<u64>, Vec<u64>) = keys.iter().partition(|_| random.below(2) == 0);
            shown(&left) + shown(&right)
        });
        let sum: u64 = sums.sum();
        averaged += usize::from((sum + 300) / 600 == truth);
    }
    assert!(alone <= 8, "{alone} of 20 counts are shown as they are");
    assert!(averaged >= 18, "{averaged} of 20 counts are found by averaging");
    assert!(notes_of(5, 6000, 3).iter().any(|note| note == LIMIT), "and the reader is told");
}

#[test]
fn the_reader_is_told_what_was_done() {
    let notes = notes_of(5, 6500, 3);
    assert!(notes[0].starts_with("Counts have random noise of at most 5 and of variance 6.500 (cell-key method)"));
    assert!(notes[1].contains("don't add up"));
    assert_eq!(notes[2], "A count is 0 or at least 3; a 0 may be a small count.");
    assert_eq!(notes.len(), 5);
    assert_eq!(notes_of(5, 6500, 1).len(), 4);
}
