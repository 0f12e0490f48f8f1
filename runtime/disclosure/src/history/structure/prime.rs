//! Arithmetic modulo a prime that nobody outside can foresee.
//!
//! Elimination over fractions needs ever larger numbers; modulo a prime each is one word. A combination that exists over
//! fractions exists modulo the prime too, unless the prime divides one of its denominators. An operator's module chooses
//! values, so where the primes are known it could build such denominators, for two fixed primes as well as for one. So
//! the prime is drawn from sketches, which only the agency's key gives.
//!
//! # Guarantees
//! The same seed gives the same prime, of 61 bits. Every result is below it.
//!
//! # Does not guarantee
//! That a dependence modulo the prime is one over fractions: of a determinant of `b` bits other than 0 at most `b / 60`
//! of some 10^16 primes are wrong. What is reported is worked out again in whole numbers where they are small.
//!
//! Source: P. Montgomery, "Modular multiplication without trial division" (1985); Miller and Rabin's test with the first
//! twelve primes, exact below 2^64; rational reconstruction after P. Wang (1981). Example: modulo 1,009 a half is 505,
//! and 505 is read back as 1/2.

use std::cmp::Ordering;

/// A prime between 2^60 and 2^61. Its numbers are kept in Montgomery's form: times 2^64.
pub(super) struct Prime {
    modulus: u64,
    /// What times the modulus is -1 modulo 2^64.
    inverse: u64,
    /// 2^128 modulo the prime.
    square: u64,
    one: u64,
}

impl Prime {
    /// The first prime from a place that the seed says.
    pub(super) fn drawn(seed: u64) -> Prime {
        let mut number = (1 << 60) | (seed >> 4) | 1;
        // There is a prime within 2^11 of any such number; beyond 2^61 nothing breaks before 2^62.
        while !is_prime(number) {
            number += 2;
        }
        Prime::of(number)
    }

    fn of(modulus: u64) -> Prime {
        // Newton's iteration doubles the bits that are right; an odd number is its own inverse modulo 8.
        let inverse = (0..5).fold(modulus, |x, _| x.wrapping_mul(2_u64.wrapping_sub(modulus.wrapping_mul(x))));
        let wide = (1_u128 << 64) % u128::from(modulus);
        let square = (wide * wide % u128::from(modulus)) as u64;
        Prime { modulus, inverse: inverse.wrapping_neg(), square, one: wide as u64 }
    }

    /// 1.
    pub(super) fn one(&self) -> u64 {
        self.one
    }

    /// The product.
    #[inline]
    pub(super) fn mul(&self, a: u64, b: u64) -> u64 {
        let product = u128::from(a) * u128::from(b);
        let factor = (product as u64).wrapping_mul(self.inverse);
        let folded = ((product + u128::from(factor) * u128::from(self.modulus)) >> 64) as u64;
        if folded >= self.modulus { folded - self.modulus } else { folded }
    }

    /// The sum.
    #[inline]
    pub(super) fn add(&self, a: u64, b: u64) -> u64 {
        let sum = a + b;
        if sum >= self.modulus { sum - self.modulus } else { sum }
    }

    /// What adds up with `a` to 0.
    #[inline]
    pub(super) fn negative(&self, a: u64) -> u64 {
        if a == 0 { 0 } else { self.modulus - a }
    }

    /// What multiplies with `a` to 1; 0 for 0. By Fermat, `a^(p - 2)`.
    pub(super) fn inverse(&self, a: u64) -> u64 {
        let (mut power, mut square, mut exponent) = (self.one, a, self.modulus - 2);
        while exponent > 0 {
            if exponent & 1 == 1 {
                power = self.mul(power, square);
            }
            square = self.mul(square, square);
            exponent >>= 1;
        }
        power
    }

    /// A whole number's remainder.
    pub(super) fn whole(&self, number: i64) -> u64 {
        match number {
            1 => self.one,
            -1 => self.modulus - self.one,
            _ => {
                let size = self.mul(number.unsigned_abs() % self.modulus, self.square);
                if number < 0 { self.negative(size) } else { size }
            }
        }
    }

    /// The fraction with this remainder whose parts are both at most `most`; there is at most one while `2 * most^2` is
    /// below the prime.
    pub(super) fn fraction(&self, number: u64, most: u64) -> Option<(i64, i64)> {
        let (mut above, mut rest) = (i128::from(self.modulus), i128::from(self.mul(number, 1)));
        let (mut before, mut below) = (0_i128, 1_i128);
        while rest > i128::from(most) {
            let quotient = above / rest;
            (above, rest) = (rest, above - quotient * rest);
            (before, below) = (below, before - quotient * below);
        }
        let (numerator, denominator) = match below.cmp(&0) {
            Ordering::Less => (-rest, -below),
            _ => (rest, below),
        };
        let small = denominator > 0 && denominator <= i128::from(most);
        small.then_some((numerator as i64, denominator as i64))
    }
}

fn is_prime(number: u64) -> bool {
    const BASES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];
    if BASES.iter().any(|base| number.is_multiple_of(*base)) {
        return BASES.contains(&number);
    }
    let times = |a: u64, b: u64| (u128::from(a) * u128::from(b) % u128::from(number)) as u64;
    let power = |base: u64, exponent: u64| {
        let bits = (0..u64::BITS - exponent.leading_zeros()).rev().map(|bit| exponent >> bit & 1);
        bits.fold(1, |held, bit| times(times(held, held), if bit == 1 { base } else { 1 }))
    };
    let twos = (number - 1).trailing_zeros();
    BASES.iter().all(|base| {
        let mut held = power(*base, (number - 1) >> twos);
        held == 1
            || (0..twos).any(|_| {
                let found = held == number - 1;
                held = times(held, held);
                found
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::factory::Random;

    #[test]
    fn primes_are_told_from_others() {
        let small: Vec<u64> = (0..100).filter(|number| *number > 1 && is_prime(*number)).collect();
        assert_eq!(small.len(), 25);
        assert_eq!((small[0], small[24]), (2, 97));
        // Carmichael's number, a strong pseudoprime to the first four bases, and two primes near a power of two.
        assert!(!is_prime(561) && !is_prime(3_215_031_751));
        assert!(is_prime((1 << 61) - 1) && is_prime((1 << 59) - 55) && !is_prime((1 << 61) - 3));
    }

    #[test]
    fn each_seed_has_its_prime() {
        let (a, b) = (Prime::drawn(7 << 32), Prime::drawn(8 << 32));
        assert!(is_prime(a.modulus) && is_prime(b.modulus) && a.modulus != b.modulus);
        assert_eq!(Prime::drawn(7 << 32).modulus, a.modulus);
        for seed in [0, u64::MAX] {
            assert_eq!(Prime::drawn(seed).modulus.ilog2(), 60);
        }
    }

    #[test]
    fn arithmetic_agrees_with_division() {
        let mut random = Random(5);
        for prime in [Prime::of(1_009), Prime::drawn(3), Prime::drawn(u64::MAX)] {
            for _ in 0..2_000 {
                let (a, b) = (random.within(i64::MIN / 4, i64::MAX / 4), random.within(-1_000, 1_000));
                let exact = |number: i128| number.rem_euclid(i128::from(prime.modulus)) as u64;
                let back = |number: u64| prime.mul(number, 1);
                let (x, y) = (prime.whole(a), prime.whole(b));
                assert_eq!(back(x), exact(i128::from(a)));
                assert_eq!(back(prime.mul(x, y)), exact(i128::from(a) * i128::from(b)));
                assert_eq!(back(prime.add(x, y)), exact(i128::from(a) + i128::from(b)));
                assert_eq!(prime.add(x, prime.negative(x)), 0);
                assert_eq!(prime.mul(x, prime.inverse(x)), if x == 0 { 0 } else { prime.one() });
            }
        }
        assert_eq!(Prime::of(1_009).whole(1_009), 0);
    }

    #[test]
    fn small_fractions_are_read_back() {
        let prime = Prime::of(1_009);
        assert_eq!(prime.fraction(prime.whole(505), 22), Some((1, 2)));
        let prime = Prime::drawn(1);
        for (above, below) in [(0, 1), (1, 1), (-7, 3), (1_000_000, 999_999), (-(1 << 20), 3)] {
            let number = prime.mul(prime.whole(above), prime.inverse(prime.whole(below)));
            assert_eq!(prime.fraction(number, 1 << 20), Some((above, below)));
        }
        assert_eq!(prime.fraction(prime.whole(123_456_789_012_345), 1 << 20), None);
    }
}
