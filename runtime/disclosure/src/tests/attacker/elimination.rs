//! Gaussian elimination modulo a prime: which unknowns do these equations determine?
//!
//! Modulo 2^31 - 1, which is larger than any income here. An unknown that is determined modulo the prime and not over
//! the rationals is possible and very unlikely; a claim is held against the truth anyway.

const PRIME: u64 = (1 << 31) - 1;

/// Equations in reduced form: each has a pivot, with the coefficient 1, that no other has.
pub(super) struct Equations {
    width: usize,
    /// The coefficients, then the value.
    rows: Vec<(usize, Vec<u64>)>,
    /// How many equations contradicted those before.
    pub(super) contradictions: usize,
}

impl Equations {
    pub(super) fn new(width: usize) -> Equations {
        Equations { width, rows: Vec::new(), contradictions: 0 }
    }

    pub(super) fn rank(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn add(&mut self, terms: &[(u32, i64)], value: i128) {
        let residue = |number: i128| number.rem_euclid(i128::from(PRIME)) as u64;
        let mut row = vec![0; self.width + 1];
        for (unknown, coefficient) in terms {
            row[*unknown as usize] = residue(i128::from(*coefficient));
        }
        row[self.width] = residue(value);
        for (pivot, other) in &self.rows {
            subtract(&mut row, *pivot, other);
        }
        match row[..self.width].iter().position(|coefficient| *coefficient != 0) {
            Some(pivot) => {
                let scale = inverse(row[pivot]);
                for coefficient in &mut row {
                    *coefficient = *coefficient * scale % PRIME;
                }
                for (_, other) in &mut self.rows {
                    subtract(other, pivot, &row);
                }
                self.rows.push((pivot, row));
            }
            None => self.contradictions += usize::from(row[self.width] != 0),
        }
    }

    /// The unknowns that have one value only, with it.
    pub(super) fn determined(&self) -> Vec<(u32, u64)> {
        let alone = |row: &[u64]| row[..self.width].iter().filter(|coefficient| **coefficient != 0).count() == 1;
        let mut found: Vec<(u32, u64)> = self
            .rows
            .iter()
            .filter(|(_, row)| alone(row))
            .map(|(pivot, row)| (*pivot as u32, row[self.width]))
            .collect();
        found.sort_unstable();
        found
    }
}

/// Takes so much of `other`, whose pivot is 1, from `row` that nothing of the pivot is left.
fn subtract(row: &mut [u64], pivot: usize, other: &[u64]) {
    let factor = row[pivot];
    if factor != 0 {
        for (here, there) in row.iter_mut().zip(other) {
            *here = (*here + (PRIME - factor) * there) % PRIME;
        }
    }
}

/// By Fermat.
fn inverse(number: u64) -> u64 {
    let (mut power, mut square, mut exponent) = (1, number, PRIME - 2);
    while exponent > 0 {
        if exponent & 1 == 1 {
            power = power * square % PRIME;
        }
        square = square * square % PRIME;
        exponent >>= 1;
    }
    power
}

#[test]
fn two_sums_and_a_difference_determine_what_they_should() {
    let mut equations = Equations::new(4);
    equations.add(&[(0, 1), (1, 1), (2, 1)], 10);
    equations.add(&[(1, 1), (2, 1)], 7);
    equations.add(&[(0, 2), (1, 1), (2, 1)], 13);
    assert_eq!(equations.determined(), [(0, 3)]);
    equations.add(&[(1, 1), (2, -1)], 1);
    assert_eq!(equations.determined(), [(0, 3), (1, 4), (2, 3)]);
    assert_eq!((equations.rank(), equations.contradictions), (3, 0));
    equations.add(&[(0, 1), (1, 1)], 8);
    assert_eq!((equations.rank(), equations.contradictions), (3, 1));
}
