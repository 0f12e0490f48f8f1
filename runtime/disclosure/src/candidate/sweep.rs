//! From contributions to the evidence of every published cell.
//!
//! Entries are sorted by subject. For each plane they are copied by cell, a batch of cells at a time, and stay sorted by
//! subject within it: a subject's parts are neighbours and are merged as they are read. (To read them where they are, cell
//! after cell, takes longer: each is a miss of every cache.)
//!
//! # Guarantees
//! Exact. Besides the entries it needs [`BATCH`] words, 8 bytes an entry where groups are declared, and for each subject of
//! the two cells at hand 16 bytes a quantity, and 16 more where groups are declared.

use std::collections::BTreeMap;

use sluice_domain::contract::Tabulation;

use super::contributions::ALONE;
use super::{Contributions, Derived, Groups, Plane};
use crate::evidence::{Evidence, Shares, Spread};
use crate::table::every_code;

/// Words that are copied at a time, 64 MB of them; a cell of more is read where it is.
const BATCH: usize = 1 << 23;

/// The planes of a contract: the inner cells, then each margin.
pub(super) fn planes(
    contract: &Tabulation,
    entries: &Contributions,
    groups: &Groups,
    derived: &[Derived],
) -> Vec<Plane> {
    let sweep = Sweep { contract, entries, groups: numbers(entries, groups), derived, most: BATCH, alone: ALONE };
    let inner: Vec<u32> = (0..contract.dimensions.len() as u32).collect();
    let kept = std::iter::once(&inner).chain(&contract.margins);
    kept.map(|kept| Plane { kept: kept.clone(), cells: sweep.plane(kept) }).collect()
}

/// The group of each entry, where groups are declared.
fn numbers(entries: &Contributions, groups: &Groups) -> Option<Vec<u64>> {
    groups.declared().then(|| {
        let mut last = None;
        let number = |entry: super::Contribution<'_>| match last {
            Some((subject, number)) if subject == entry.subject => number,
            _ => {
                let number = groups.number(entry.subject);
                last = Some((entry.subject, number));
                number
            }
        };
        entries.iter().map(number).collect()
    })
}

struct Sweep<'a> {
    contract: &'a Tabulation,
    entries: &'a Contributions,
    groups: Option<Vec<u64>>,
    derived: &'a [Derived],
    /// Words that are copied at a time.
    most: usize,
    /// Fewer entries are looked at on one thread.
    alone: usize,
}

impl Sweep<'_> {
    fn plane(&self, kept: &[u32]) -> BTreeMap<Vec<u32>, Evidence> {
        let fold = fold(self.contract, kept);
        let mut counts = vec![0_usize; fold.iter().max().map_or(0, |last| *last as usize + 1)];
        let cells = (0..self.entries.len()).map(|place| self.entries.cell_at(place));
        for cell in cells.filter_map(|cell| fold.get(cell as usize)) {
            counts.get_mut(*cell as usize).into_iter().for_each(|count| *count += 1);
        }
        let mut codes = every_code(kept.iter().filter_map(|index| self.contract.dimensions.get(*index as usize)));
        let (mut first, mut rest) = (0, counts.as_slice());
        let mut cells = BTreeMap::new();
        while !rest.is_empty() {
            let (batch, after) = rest.split_at(self.batch(rest));
            let filled = self.sweep(&fold, (first, batch)).into_iter().zip(codes.by_ref());
            cells.extend(filled.filter_map(|(evidence, codes)| Some((codes, evidence?))));
            (first, rest) = (first + batch.len(), after);
        }
        cells
    }

    /// Words of an entry that is copied: its group is behind it.
    fn width(&self) -> usize {
        self.entries.width() + usize::from(self.groups.is_some())
    }

    /// How many cells of these entries make a batch: one at least.
    fn batch(&self, counts: &[usize]) -> usize {
        let most = self.most / self.width();
        let together = counts.iter().scan(0, |sum: &mut usize, count| {
            *sum = sum.saturating_add(*count);
            Some(*sum)
        });
        together.take_while(|sum| *sum <= most).count().max(1)
    }

    /// The evidence of a batch of cells, the first of which is the plane's so manieth; none of an empty one.
    fn sweep(&self, fold: &[u32], (first, counts): (usize, &[usize])) -> Vec<Option<Evidence>> {
        let width = self.width();
        let entries: usize = counts.iter().sum();
        if entries * width > self.most {
            return vec![self.in_place(fold, first)];
        }
        let copied = self.copied(fold, (first, counts));
        let mut rest = copied.as_slice();
        let mut below = 0;
        let (mut lower, mut upper) = (Vec::new(), Vec::new());
        for count in counts {
            let (own, after) = rest.split_at(count * width);
            if 2 * below < entries { &mut lower } else { &mut upper }.push(own);
            (below, rest) = (below + count, after);
        }
        let evidence = |cells: &[&[i64]]| -> Vec<Option<Evidence>> {
            let mut at_hand = CellAtHand::new(self);
            cells.iter().map(|cell| at_hand.of(cell.chunks_exact(width))).collect()
        };
        if entries < self.alone {
            return evidence(&[lower, upper].concat());
        }
        std::thread::scope(|scope| {
            let beside = scope.spawn(|| evidence(&upper));
            let mut found = evidence(&lower);
            found.extend(beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            found
        })
    }

    /// The evidence of one cell, from the entries where they are.
    fn in_place(&self, fold: &[u32], cell: usize) -> Option<Evidence> {
        let mut at_hand = CellAtHand::new(self);
        for place in 0..self.entries.len() {
            if fold.get(self.entries.cell_at(place) as usize).is_some_and(|own| *own as usize == cell) {
                at_hand.add(self.entries.words_at(place), self.group(place));
            }
        }
        at_hand.evidence()
    }

    /// The entries of a batch by cell, each with its group behind it.
    fn copied(&self, fold: &[u32], (first, counts): (usize, &[usize])) -> Vec<i64> {
        let width = self.width();
        let mut next = Vec::with_capacity(counts.len());
        let mut end = 0;
        for count in counts {
            next.push(end);
            end += count * width;
        }
        let mut copied = vec![0_i64; end];
        for place in 0..self.entries.len() {
            let cell = fold.get(self.entries.cell_at(place) as usize).map(|cell| *cell as usize);
            let Some(slot) = cell.and_then(|cell| next.get_mut(cell.checked_sub(first)?)) else { continue };
            let to = copied.get_mut(*slot..*slot + width).unwrap_or_default();
            to.iter_mut().zip(self.entries.words_at(place)).for_each(|(to, word)| *to = *word);
            if let (Some(group), Some(last)) = (self.group(place), to.last_mut()) {
                *last = group.cast_signed();
            }
            *slot += width;
        }
        copied
    }

    fn group(&self, place: usize) -> Option<u64> {
        self.groups.as_ref().map(|groups| groups.get(place).copied().unwrap_or(0))
    }
}

/// What is known so far of one cell.
struct CellAtHand<'a> {
    derived: &'a [Derived],
    grouped: bool,
    last: Option<u32>,
    /// Records, measures and what is derived from them, subject after subject.
    merged: Vec<i128>,
    columns: usize,
    /// The groups, each with one of its subjects' places.
    members: Vec<(u64, u32)>,
    /// One column, as it is and in 64 bits, and by group.
    column: Vec<i128>,
    words: Vec<i64>,
    by_group: Vec<i128>,
}

impl<'a> CellAtHand<'a> {
    fn new(sweep: &Sweep<'a>) -> CellAtHand<'a> {
        CellAtHand {
            derived: sweep.derived,
            grouped: sweep.groups.is_some(),
            last: None,
            merged: Vec::new(),
            columns: 1 + sweep.entries.measures() + sweep.derived.len(),
            members: Vec::new(),
            column: Vec::new(),
            words: Vec::new(),
            by_group: Vec::new(),
        }
    }

    /// The evidence of a cell of these entries; none of an empty one.
    fn of<'e>(&mut self, entries: impl Iterator<Item = &'e [i64]>) -> Option<Evidence> {
        self.last = None;
        self.merged.clear();
        self.members.clear();
        for entry in entries {
            let (words, group) = entry.split_at(entry.len() - usize::from(self.grouped));
            self.add(words, group.first().map(|group| group.cast_unsigned()));
        }
        self.evidence()
    }

    fn subjects(&self) -> usize {
        self.merged.len() / self.columns
    }

    /// Adds an entry: its words, and its group.
    fn add(&mut self, words: &[i64], group: Option<u64>) {
        let [key, records, values @ ..] = words else { return };
        let subject = (key.cast_unsigned() >> 32) as u32;
        let start = self.merged.len();
        let parts = std::iter::once(records).chain(values).map(|part| i128::from(*part));
        if self.last != Some(subject) {
            self.last = Some(subject);
            let place = self.subjects() as u32;
            self.members.extend(group.map(|group| (group, place)));
            self.merged.extend(parts);
            self.merged.extend(self.derived.iter().map(|derived| derived.of(values)));
            return;
        }
        let held = self.merged.get_mut(start - self.columns..).unwrap_or_default();
        let derived = self.derived.iter().map(|derived| derived.of(values));
        held.iter_mut().zip(parts.chain(derived)).for_each(|(sum, part)| *sum = sum.saturating_add(part));
    }

    fn evidence(&mut self) -> Option<Evidence> {
        if self.merged.is_empty() {
            return None;
        }
        self.members.sort_unstable();
        let subjects = self.subjects() as u64;
        let sizes = || self.members.chunk_by(|a, b| a.0 == b.0).map(|group| group.len() as u64);
        let (groups, largest_group) =
            if self.grouped { (sizes().count() as u64, sizes().max().unwrap_or(0)) } else { (subjects, 1) };
        let mut spreads = (0..self.columns).map(|column| self.spread(column)).collect::<Vec<_>>().into_iter();
        let records = spreads.next().unwrap_or_default();
        Some(Evidence { subjects, groups, largest_group, records, measures: spreads.collect() })
    }

    fn spread(&mut self, column: usize) -> Spread {
        self.column.clear();
        self.column.extend(self.merged.iter().skip(column).step_by(self.columns));
        self.by_group.clear();
        for group in self.members.chunk_by(|a, b| a.0 == b.0) {
            let parts = group.iter().filter_map(|(_, subject)| self.column.get(*subject as usize));
            self.by_group.push(parts.fold(0_i128, |sum, value| sum.saturating_add(*value)));
        }
        let subjects = shares(&mut self.column, &mut self.words);
        let groups = if self.grouped { shares(&mut self.by_group, &mut self.words) } else { subjects.clone() };
        Spread { subjects, groups }
    }
}

/// The shares, in 64 bits where that is enough.
fn shares(values: &mut [i128], words: &mut Vec<i64>) -> Shares {
    words.clear();
    words.extend(values.iter().map_while(|value| i64::try_from(*value).ok()));
    if words.len() == values.len() { Shares::of_scratch(words) } else { Shares::of_scratch(values) }
}

/// For each inner cell the index of the plane's cell that holds it.
pub(crate) fn fold(contract: &Tabulation, kept: &[u32]) -> Vec<u32> {
    let length = |index: &u32| contract.dimensions.get(*index as usize).map_or(1, |d| d.labels.len() as u32);
    every_code(&contract.dimensions)
        .map(|codes| {
            let code = |index: &u32| codes.get(*index as usize).copied().unwrap_or(0);
            kept.iter().fold(0_u32, |cell, index| cell.saturating_mul(length(index)).saturating_add(code(index)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use sluice_domain::contract::{Dimension, Measure, Statistic};

    use super::super::Contribution;
    use super::*;
    use crate::evidence::{Collector, Unit};

    fn contract() -> Tabulation {
        let dimension = |name: &str, codes: usize| Dimension {
            name: name.to_owned(),
            labels: (0..codes).map(|code| format!("{name}{code}")).collect(),
        };
        Tabulation {
            sql: String::new(),
            dimensions: vec![dimension("a", 3), dimension("b", 4)],
            measures: vec![Measure { name: "v".to_owned(), unit: String::new(), lower: -9, upper: 9, scale: 0 }],
            statistics: vec![Statistic::Subjects],
            margins: vec![vec![1], Vec::new()],
            cells_per_subject: 12,
            rows_per_subject: 12,
            constants: Vec::new(),
        }
    }

    #[test]
    fn however_many_cells_are_copied_at_a_time_the_evidence_is_that_of_each_subject_once() {
        // Subjects in several cells each, none in the last cell of the second row.
        let made: Vec<(u32, u32, u64, [i64; 1])> = (0..60_u32)
            .flat_map(|subject| {
                (0..12).filter(move |cell| (subject * 7 + cell * 5) % 4 == 0).map(move |c| (subject, c))
            })
            .filter(|(_, cell)| *cell != 7)
            .map(|(subject, cell)| (subject, cell, u64::from(1 + cell % 3), [i64::from(subject % 19) - 9]))
            .collect();
        let entry = |(subject, cell, records, values): &'static (u32, u32, u64, [i64; 1])| Contribution {
            subject: *subject,
            cell: *cell,
            records: *records,
            values,
        };
        let made: &'static [_] = made.leak();
        let Ok(entries) = Contributions::new(1, made.iter().map(entry)) else { panic!("each pair once") };
        let Ok(grouped) = Groups::new((0..60).map(|subject| (subject, u64::from(subject / 7)))) else {
            panic!("one group each")
        };
        let derived = [Derived::new(String::new(), &[(0, 3)], |_| 0)];
        let contract = contract();
        for groups in [Groups::none(), grouped] {
            for (most, alone) in [(0, 0), (7, ALONE), (100, 0), (BATCH, ALONE), (BATCH, 0)] {
                let numbers = numbers(&entries, &groups);
                let (contract, entries, derived) = (&contract, &entries, &derived);
                let sweep = Sweep { contract, entries, groups: numbers, derived, most, alone };
                for kept in [vec![0, 1], vec![1], Vec::new()] {
                    let fold = fold(contract, &kept);
                    let mut wanted: BTreeMap<u32, Collector> = BTreeMap::new();
                    for (subject, cell, records, [value]) in made {
                        let collector = wanted.entry(fold[*cell as usize]).or_insert_with(|| Collector::new(2));
                        let (records, value) = (i128::from(*records), i128::from(*value));
                        let group = groups.number(*subject);
                        collector.add(Unit { subject: *subject, group, records, values: &[value, 3 * value] });
                    }
                    let wanted: Vec<Evidence> = wanted.into_values().map(Collector::finish).collect();
                    let cells = sweep.plane(&kept);
                    assert!(cells.values().eq(&wanted), "{most} words at a time, plane {kept:?}");
                    let place = |codes: &Vec<u32>| {
                        let lengths = kept.iter().map(|index| if *index == 0 { 3 } else { 4 });
                        codes.iter().zip(lengths).fold(0, |place, (code, length)| place * length + code)
                    };
                    let full = made
                        .iter()
                        .map(|(_, cell, ..)| fold[*cell as usize])
                        .collect::<std::collections::BTreeSet<_>>();
                    assert!(cells.keys().map(place).eq(full), "{most} words at a time, plane {kept:?}");
                }
            }
        }
    }
}
