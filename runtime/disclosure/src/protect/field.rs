//! Arithmetic modulo primes just below a power of two: exact, of fixed size, and the same on every machine.
//!
//! Elimination over the rationals needs ever larger numbers; modulo a prime each number is one word. What is
//! independent modulo a prime is independent over the rationals too. The converse can fail where the prime divides a
//! determinant, which is why [`super::eliminate`] asks two primes.
//!
//! # Guarantees
//! Every result is below the modulus. No branch and no loop depends on more than sizes, except in [`Field::inverse`].
//!
//! # Does not guarantee
//! That a dependence modulo one prime holds over the rationals: for one given determinant other than 0 of `b` bits, at
//! most `b / 61` primes of this size could be wrong.
//!
//! Source: reduction by folding, as in Crandall and Pomerance, Prime Numbers, section 9.2.3. Worked example: modulo
//! `2^3 - 3 = 5`, `4 * 4 = 16 = 2 * 8 + 0`, which folds to `2 * 3 + 0 = 6`, and `6 - 5 = 1`.

/// A field of integers modulo a prime; elements are the integers from 0 to below [`Field::MODULUS`].
pub(crate) trait Field {
    /// The prime.
    const MODULUS: u64;

    /// The product.
    fn mul(a: u64, b: u64) -> u64;

    /// The sum.
    fn add(a: u64, b: u64) -> u64 {
        let sum = a + b;
        if sum >= Self::MODULUS { sum - Self::MODULUS } else { sum }
    }

    /// The number that adds up with `a` to 0.
    fn negative(a: u64) -> u64 {
        if a == 0 { 0 } else { Self::MODULUS - a }
    }

    /// The number that multiplies with `a` to 1; 0 for 0. By Fermat, `a^(p - 2)`.
    fn inverse(a: u64) -> u64 {
        if a == 1 || a == Self::MODULUS - 1 {
            return a;
        }
        let (mut power, mut square, mut exponent) = (1, a, Self::MODULUS - 2);
        while exponent > 0 {
            if exponent & 1 == 1 {
                power = Self::mul(power, square);
            }
            square = Self::mul(square, square);
            exponent >>= 1;
        }
        power
    }

    /// A whole number's remainder.
    fn of(number: i32) -> u64 {
        let size = u64::from(number.unsigned_abs()) % Self::MODULUS;
        if number < 0 { Self::negative(size) } else { size }
    }
}

/// The field modulo `2^BITS - LESS`, which must be prime, below `2^63`, with `LESS` below the root of it.
pub(crate) struct Below<const BITS: u32, const LESS: u64>;

/// Modulo the Mersenne prime `2^61 - 1`.
pub(crate) type First = Below<61, 1>;

/// Modulo `2^59 - 55`, the largest prime of 59 bits.
pub(super) type Second = Below<59, 55>;

impl<const BITS: u32, const LESS: u64> Field for Below<BITS, LESS> {
    const MODULUS: u64 = (1 << BITS) - LESS;

    fn mul(a: u64, b: u64) -> u64 {
        let product = u128::from(a) * u128::from(b);
        let once = fold::<BITS, LESS>(product);
        // The first fold leaves at most `BITS + log2(LESS) + 1` bits, the second fewer than twice the modulus, except
        // for the tiniest primes.
        let mut rest = fold::<BITS, LESS>(once) as u64;
        while rest >= Self::MODULUS {
            rest -= Self::MODULUS;
        }
        rest
    }
}

/// `high * 2^BITS + low` is `high * LESS + low`.
fn fold<const BITS: u32, const LESS: u64>(number: u128) -> u128 {
    (number >> BITS) * u128::from(LESS) + (number & ((1 << BITS) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::factory::Random;

    fn power(base: u64, exponent: u64, modulus: u64) -> u64 {
        let times = |a: u64, b: u64| (u128::from(a) * u128::from(b) % u128::from(modulus)) as u64;
        let bits = (0..64).rev().map(|bit| exponent >> bit & 1);
        bits.fold(1, |held, bit| times(times(held, held), if bit == 1 { base } else { 1 }))
    }

    /// Miller and Rabin's test with the first twelve primes as bases, which is exact below 2^64.
    fn is_prime(number: u64) -> bool {
        let twos = (number - 1).trailing_zeros();
        [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37].iter().all(|base| {
            let first = power(*base, (number - 1) >> twos, number);
            let later = (0..twos).any(|square| power(*base, (number - 1) >> (twos - square), number) == number - 1);
            number == *base || first == 1 || later
        })
    }

    fn agrees_with_division<F: Field>(seed: u64) {
        let mut random = Random(seed);
        for _ in 0..2_000 {
            let (a, b) = (random.below(F::MODULUS), random.below(F::MODULUS));
            let exact = |number: u128| (number % u128::from(F::MODULUS)) as u64;
            assert_eq!(F::mul(a, b), exact(u128::from(a) * u128::from(b)));
            assert_eq!(F::add(a, b), exact(u128::from(a) + u128::from(b)));
            assert_eq!(F::add(a, F::negative(a)), 0);
            assert_eq!(F::mul(a, F::inverse(a)), u64::from(a != 0));
        }
        let last = F::MODULUS - 1;
        assert_eq!((F::mul(last, last), F::add(last, last), F::of(-1)), (1, F::MODULUS - 2, last));
    }

    #[test]
    fn the_moduli_are_prime() {
        assert_eq!((First::MODULUS, Second::MODULUS), (2_305_843_009_213_693_951, 576_460_752_303_423_433));
        assert!(is_prime(First::MODULUS) && is_prime(Second::MODULUS));
        assert!(!is_prime(First::MODULUS - 2) && !is_prime(Second::MODULUS + 2));
    }

    #[test]
    fn folding_agrees_with_division() {
        agrees_with_division::<First>(1);
        agrees_with_division::<Second>(2);
        agrees_with_division::<Below<3, 3>>(3);
        assert_eq!(<Below<3, 3>>::mul(4, 4), 1);
        assert_eq!((<Below<3, 3>>::of(-7), <Below<3, 3>>::of(i32::MIN)), (3, 2));
    }
}
