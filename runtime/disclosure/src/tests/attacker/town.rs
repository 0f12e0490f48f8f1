//! A synthetic town.

use std::collections::BTreeMap;

use super::query::Column;
use crate::tests::factory::Random;

/// The cities of each region follow one another.
pub(crate) const CITIES_PER_REGION: u32 = 2;
/// How many cities there are.
pub(crate) const CITIES: u32 = 6;
/// How many age bands there are. The last, of the very old, is rare.
pub(crate) const AGES: u32 = 5;
/// How many codes the quasi-identifier has.
pub(crate) const BIRTHS: u32 = 3650;

/// What there is to know of one person.
#[derive(Clone)]
pub(crate) struct Person {
    codes: BTreeMap<Column, u32>,
    pub(crate) income: i128,
}

impl Person {
    pub(crate) fn code(&self, column: Column) -> u32 {
        self.codes[&column]
    }

    pub(crate) fn is_ill(&self) -> bool {
        self.code(Column::Ill) == 1
    }
}

/// The people, by their ordinals.
#[derive(Clone)]
pub(crate) struct Town {
    pub(crate) people: Vec<Person>,
}

/// What the attacker knows beforehand: everybody's codes except illness, and everything of its accomplices.
pub(crate) struct Public {
    pub(crate) codes: Vec<BTreeMap<Column, u32>>,
    pub(crate) accomplices: BTreeMap<u32, (bool, i128)>,
}

impl Town {
    pub(crate) fn of(seed: u64, people: usize) -> Town {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let mut person = || {
            let city = random.below(CITIES.into()) as u32;
            let very_old = random.below(50) == 0;
            let age = if very_old { AGES - 1 } else { random.below(u64::from(AGES - 1)) as u32 };
            let codes = [
                (Column::Region, city / CITIES_PER_REGION),
                (Column::City, city),
                (Column::Age, age),
                (Column::Sex, random.below(2) as u32),
                (Column::Birth, random.below(BIRTHS.into()) as u32),
                (Column::Ill, u32::from(random.below(10) < 4)),
            ];
            Person { codes: codes.into(), income: i128::from(10_000 + random.below(90_000)) }
        };
        Town { people: (0..people).map(|_| person()).collect() }
    }

    /// The attacker's view: in two cities, twelve ill people and three healthy ones are its accomplices.
    pub(crate) fn public(&self) -> Public {
        let mut accomplices = BTreeMap::new();
        for (city, ill, number) in [(0, true, 12), (0, false, 3), (1, true, 12), (1, false, 3)] {
            let of_kind = self.ordinals().filter(|subject| {
                let person = self.person(*subject);
                person.code(Column::City) == city && person.is_ill() == ill
            });
            for subject in of_kind.take(number) {
                accomplices.insert(subject, (ill, self.person(subject).income));
            }
        }
        let without_illness = |person: &Person| {
            let mut codes = person.codes.clone();
            codes.remove(&Column::Ill);
            codes
        };
        Public { codes: self.people.iter().map(without_illness).collect(), accomplices }
    }

    pub(crate) fn person(&self, subject: u32) -> &Person {
        &self.people[subject as usize]
    }

    pub(crate) fn ordinals(&self) -> impl Iterator<Item = u32> + use<> {
        0..self.people.len() as u32
    }
}

impl Public {
    pub(crate) fn code(&self, subject: u32, column: Column) -> u32 {
        self.codes[subject as usize][&column]
    }

    pub(crate) fn ordinals(&self) -> impl Iterator<Item = u32> + use<> {
        0..self.codes.len() as u32
    }

    /// People who aren't accomplices and alone have their code of birth.
    pub(crate) fn targets(&self) -> Vec<u32> {
        self.ordinals().filter(|subject| !self.accomplices.contains_key(subject) && self.is_unique(*subject)).collect()
    }

    /// Whether nobody else has the same code of birth.
    pub(crate) fn is_unique(&self, subject: u32) -> bool {
        let birth = self.code(subject, Column::Birth);
        self.ordinals().filter(|other| self.code(*other, Column::Birth) == birth).count() == 1
    }

    /// The codes of birth that occur.
    pub(crate) fn births(&self) -> Vec<u32> {
        let mut births: Vec<u32> = self.ordinals().map(|subject| self.code(subject, Column::Birth)).collect();
        births.sort_unstable();
        births.dedup();
        births
    }
}
