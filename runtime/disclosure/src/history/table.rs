//! The figures of one table: what a candidate would leave behind in the history, cell by cell and statistic by
//! statistic, withheld ones included.
//!
//! # Guarantees
//! A figure's place is made of the contract alone, so whoever has the contract and the contributions finds the
//! contributions of every figure again.
//!
//! # Does not guarantee
//! That a figure which is shown rounded is less than one that is shown exactly: it is taken for exact.

use std::collections::BTreeMap;

use sluice_domain::contract::{Statistic, Tabulation};

use super::contributions::Contributions;
use super::figure::{Figure, Kind, Place, Standing};
use super::keys::{Keys, Stranger};
use crate::candidate::{Contributions as Entries, Node};
use crate::finding::escaped;
use crate::table::{ReleaseTable, TOTAL, Value, every_code};

/// Whose figures they are.
pub struct Origin<'a> {
    /// The release, or a candidate's request.
    pub release: &'a str,
    /// The snapshot that it was counted on.
    pub snapshot: &'a str,
    /// The contract.
    pub contract: &'a Tabulation,
    /// What each subject brought to each inner cell.
    pub entries: &'a Entries,
}

/// One figure's place in the table: the cell, and the statistic.
pub type Spot = (Node, usize);

impl Origin<'_> {
    /// The spots of the table, in the order of its rows, each with its place in words.
    pub fn spots(&self) -> impl Iterator<Item = (Spot, Place)> + '_ {
        let every = (0_u32..).take(self.contract.dimensions.len()).collect::<Vec<u32>>();
        let planes = std::iter::once(every).chain(self.contract.margins.iter().cloned());
        planes.flat_map(move |kept| {
            let dimensions: Vec<_> =
                kept.iter().filter_map(|index| self.contract.dimensions.get(*index as usize)).collect();
            let codes: Vec<Vec<u32>> = every_code(dimensions).collect();
            codes.into_iter().flat_map(move |codes| {
                let node = self.node(&kept, &codes);
                let statistics = self.contract.statistics.iter().enumerate();
                let spots = statistics.filter_map(|(place, statistic)| {
                    let quantity = self.quantity(statistic)?;
                    Some(((node.clone(), place), self.place(&node, quantity)))
                });
                spots.collect::<Vec<_>>()
            })
        })
    }

    /// The figures of a table that has this contract: released where it shows a value, protected where it doesn't. An
    /// empty cell leaves none.
    ///
    /// # Errors
    /// A subject that the keys' domain doesn't have.
    pub fn figures(&self, keys: &Keys, table: &ReleaseTable) -> Result<Vec<(Spot, Figure)>, Stranger> {
        let width = self.contract.dimensions.len();
        let shown = |row: usize, statistic: usize| {
            let value = table.rows().get(row).and_then(|row| row.get(width + statistic));
            value.is_some_and(|value| *value != Value::Suppressed)
        };
        let mut row = 0;
        let mut last: Option<Node> = None;
        let mut parts: BTreeMap<Vec<u32>, Vec<usize>> = BTreeMap::new();
        let mut plane: Option<Vec<bool>> = None;
        let mut figures = Vec::new();
        for ((node, statistic), place) in self.spots() {
            if last.as_ref().is_some_and(|last| *last != node) {
                row += 1;
            }
            let kept: Vec<bool> = node.iter().map(Option::is_some).collect();
            if plane.as_ref() != Some(&kept) {
                parts = self.parts(&kept);
                plane = Some(kept);
            }
            let codes: Vec<u32> = node.iter().flatten().copied().collect();
            if let (Some(entries), Some(kind)) = (parts.get(&codes), self.kind(statistic)) {
                let standing = if shown(row, statistic) { Standing::Released } else { Standing::Protected };
                let contributions = self.contributions(entries.iter().copied(), kind, statistic);
                figures.push(((node.clone(), statistic), Figure::new(keys, place, (kind, standing), &contributions)?));
            }
            last = Some(node);
        }
        Ok(figures)
    }

    /// The contributions of one figure.
    #[must_use]
    pub fn of(&self, (node, statistic): &Spot) -> Option<Contributions> {
        let kind = self.kind(*statistic)?;
        let fits = |place: &usize| {
            let codes = self.codes(self.entries.cell_at(*place));
            node.iter().zip(codes).all(|(kept, code)| kept.is_none_or(|kept| kept == code))
        };
        let entries: Vec<usize> = (0..self.entries.len()).filter(fits).collect();
        Some(self.contributions(entries.into_iter(), kind, *statistic))
    }

    fn node(&self, kept: &[u32], codes: &[u32]) -> Node {
        let mut node = vec![None; self.contract.dimensions.len()];
        for (index, code) in kept.iter().zip(codes) {
            if let Some(slot) = node.get_mut(*index as usize) {
                *slot = Some(*code);
            }
        }
        node
    }

    fn place(&self, node: &Node, quantity: String) -> Place {
        let label = |(code, dimension): (&Option<u32>, &sluice_domain::contract::Dimension)| {
            let label = code.and_then(|code| dimension.labels.get(code as usize));
            format!("{}={}", dimension.name, label.map_or(TOTAL.to_owned(), |label| escaped(label)))
        };
        let cell: Vec<String> = node.iter().zip(&self.contract.dimensions).map(label).collect();
        Place { release: self.release.to_owned(), cell: cell.join("/"), quantity, snapshot: self.snapshot.to_owned() }
    }

    fn quantity(&self, statistic: &Statistic) -> Option<String> {
        match statistic {
            Statistic::Subjects => Some("subjects".to_owned()),
            Statistic::Records => Some("records".to_owned()),
            Statistic::Sum(index) => {
                self.contract.measures.get(*index as usize).map(|measure| format!("sum:{}", measure.name))
            }
            Statistic::Ratio(_) => None,
        }
    }

    fn kind(&self, statistic: usize) -> Option<Kind> {
        match self.contract.statistics.get(statistic)? {
            Statistic::Subjects => Some(Kind::Subjects),
            Statistic::Records => Some(Kind::Records),
            Statistic::Sum(index) => {
                let measure = self.contract.measures.get(*index as usize)?;
                Some(Kind::Sum(Some((i128::from(measure.lower), i128::from(measure.upper)))))
            }
            Statistic::Ratio(_) => None,
        }
    }

    /// The entries of each cell of a plane.
    fn parts(&self, kept: &[bool]) -> BTreeMap<Vec<u32>, Vec<usize>> {
        let mut parts: BTreeMap<Vec<u32>, Vec<usize>> = BTreeMap::new();
        for place in 0..self.entries.len() {
            let codes = self.codes(self.entries.cell_at(place));
            let codes = codes.into_iter().zip(kept).filter(|(_, kept)| **kept).map(|(code, _)| code).collect();
            parts.entry(codes).or_default().push(place);
        }
        parts
    }

    fn codes(&self, cell: u32) -> Vec<u32> {
        let mut rest = cell;
        let mut codes: Vec<u32> = self
            .contract
            .dimensions
            .iter()
            .rev()
            .map(|dimension| {
                let length = (dimension.labels.len() as u32).max(1);
                let code = rest % length;
                rest /= length;
                code
            })
            .collect();
        codes.reverse();
        codes
    }

    fn contributions(&self, entries: impl Iterator<Item = usize>, kind: Kind, statistic: usize) -> Contributions {
        let measure = match self.contract.statistics.get(statistic) {
            Some(Statistic::Sum(index)) => *index as usize,
            _ => usize::MAX,
        };
        match kind {
            Kind::Subjects => Contributions::counting(entries.map(|place| self.entries.subject_at(place))),
            Kind::Records => Contributions::of(
                entries.map(|place| (self.entries.subject_at(place), i128::from(self.entries.records_at(place)))),
            ),
            Kind::Sum(_) => Contributions::of(entries.map(|place| {
                let value = self.entries.values_at(place).get(measure).copied().unwrap_or(0);
                (self.entries.subject_at(place), i128::from(value))
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use sluice_domain::grade::Grade;

    use super::super::keys::Domain;
    use super::*;
    use crate::assessment::assess;
    use crate::candidate::Contribution;
    use crate::context::Context;
    use crate::tests::factory::{Table, floor};

    #[test]
    fn every_cell_of_a_table_leaves_its_figures_and_their_contributions_are_found_again() {
        let table = Table::new(&[&["x", "y"], &["a", "b"]]).measure(0, 9).margins(&[&[1]]);
        let table = table.values(&[0, 0], &[1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3]).values(&[1, 0], &[4, 5]);
        let entries: Vec<(u32, u32, [i64; 1])> =
            (0..12).map(|s| (s, 0, [i64::from(s % 3) + 1])).chain([(12, 2, [4]), (13, 2, [5])]).collect();
        let entry = |(subject, cell, values): &'_ (u32, u32, [i64; 1])| (*subject, *cell, *values);
        let listed: Vec<_> = entries.iter().map(entry).collect();
        let contributions = Contributions::of([]);
        assert!(contributions.as_slice().is_empty());
        let made = listed.iter().map(|(subject, cell, values)| Contribution {
            subject: *subject,
            cell: *cell,
            records: 1,
            values: values.as_slice(),
        });
        let Ok(entries) = Entries::new(1, made) else { panic!("each comes once") };
        let origin = Origin { release: "R", snapshot: "S", contract: &table.contract, entries: &entries };
        let assessment = assess(&table.candidate(), &floor(Grade::Open), &Context::default());
        let keys = Keys::new(&[1; 32], Domain::ungrouped(14), 0);
        let figures = origin.figures(&keys, assessment.table()).expect("all are there");
        let places: Vec<(String, String, Standing)> = figures
            .iter()
            .map(|(_, figure)| (figure.place().cell.clone(), figure.place().quantity.clone(), figure.standing()))
            .collect();
        let of = |cell: &str, quantity: &str, standing| (cell.to_owned(), quantity.to_owned(), standing);
        use Standing::{Protected, Released};
        assert_eq!(
            places,
            [
                of("d0=x/d1=a", "subjects", Released),
                of("d0=x/d1=a", "sum:m0", Released),
                of("d0=y/d1=a", "subjects", Protected),
                of("d0=y/d1=a", "sum:m0", Protected),
                of("d0=*/d1=a", "subjects", Released),
                of("d0=*/d1=a", "sum:m0", Released),
            ]
        );
        for (spot, figure) in &figures {
            let again = origin.of(spot).expect("it is a statistic");
            let again = Figure::new(&keys, figure.place().clone(), (figure.kind(), figure.standing()), &again);
            assert!(again.is_ok_and(|again| again == *figure));
        }
        let total = origin.of(&(vec![None, Some(0)], 1)).expect("it is a statistic");
        assert_eq!(total.as_slice().iter().map(|(_, value)| value).sum::<i128>(), 24 + 9);
    }
}
