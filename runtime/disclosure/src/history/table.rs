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
use crate::candidate::{Contributions as Entries, Node, fold, node, planes};
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

/// Which entries each inner cell has, so that a figure's are found without going through all.
pub struct Index(Vec<Vec<u32>>);

impl Origin<'_> {
    /// The spots of the table, in the order of its rows, each with its place in words.
    pub fn spots(&self) -> impl Iterator<Item = (Spot, Place)> + '_ {
        planes(self.contract).flat_map(|kept| self.nodes(&kept)).flat_map(|node| self.spots_of(node))
    }

    /// The figures of a table that has this contract: released where it shows a value, protected where it doesn't. An
    /// empty cell leaves none.
    ///
    /// # Errors
    /// A subject that the keys' domain doesn't have.
    pub fn figures(&self, keys: &Keys, table: &ReleaseTable) -> Result<Vec<(Spot, Figure)>, Stranger> {
        let width = self.contract.dimensions.len();
        let mut rows = table.rows().iter();
        let mut figures = Vec::new();
        for kept in planes(self.contract) {
            let parts = self.parts(&kept);
            for (cell, node) in (0_u32..).zip(self.nodes(&kept)) {
                let row = rows.next();
                let Some(entries) = parts.get(&cell) else { continue };
                for (spot, place) in self.spots_of(node) {
                    let Some(kind) = self.kind(spot.1) else { continue };
                    let value = row.and_then(|row| row.get(width + spot.1));
                    let shown = value.is_some_and(|value| *value != Value::Suppressed);
                    let standing = if shown { Standing::Released } else { Standing::Protected };
                    let contributions = self.contributions(entries.iter().copied(), kind, spot.1);
                    figures.push((spot, Figure::new(keys, place, (kind, standing), &contributions)?));
                }
            }
        }
        Ok(figures)
    }

    /// The entries by inner cell.
    #[must_use]
    pub fn index(&self) -> Index {
        let mut cells: Vec<Vec<u32>> = every_code(&self.contract.dimensions).map(|_| Vec::new()).collect();
        for place in 0..self.entries.len() {
            if let Some(cell) = cells.get_mut(self.entries.cell_at(place) as usize) {
                cell.push(place as u32);
            }
        }
        Index(cells)
    }

    /// The contributions of one figure, found with this table's own index.
    #[must_use]
    pub fn of(&self, Index(cells): &Index, (node, statistic): &Spot) -> Option<Contributions> {
        let kind = self.kind(*statistic)?;
        let holds = |codes: &Vec<u32>| node.iter().zip(codes).all(|(kept, code)| kept.is_none_or(|kept| kept == *code));
        let held = every_code(&self.contract.dimensions).zip(cells).filter(|(codes, _)| holds(codes));
        let entries = held.flat_map(|(_, cell)| cell).map(|place| *place as usize);
        Some(self.contributions(entries, kind, *statistic))
    }

    /// Every cell of the plane that keeps these dimensions.
    fn nodes(&self, kept: &[u32]) -> Vec<Node> {
        let dimensions = &self.contract.dimensions;
        let codes = every_code(kept.iter().filter_map(|index| dimensions.get(*index as usize)));
        codes.map(|codes| node(kept, &codes, dimensions.len())).collect()
    }

    /// The spots of one cell.
    fn spots_of(&self, node: Node) -> impl Iterator<Item = (Spot, Place)> + '_ {
        self.contract.statistics.iter().enumerate().filter_map(move |(statistic, of)| {
            let place = self.place(&node, self.quantity(of)?);
            Some(((node.clone(), statistic), place))
        })
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

    /// The entries of each cell of the plane that keeps these dimensions, by the cell's place in it.
    fn parts(&self, kept: &[u32]) -> BTreeMap<u32, Vec<usize>> {
        let fold = fold(self.contract, kept);
        let mut parts: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for place in 0..self.entries.len() {
            if let Some(cell) = fold.get(self.entries.cell_at(place) as usize) {
                parts.entry(*cell).or_default().push(place);
            }
        }
        parts
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
        let index = origin.index();
        for (spot, figure) in &figures {
            let again = origin.of(&index, spot).expect("it is a statistic");
            let again = Figure::new(&keys, figure.place().clone(), (figure.kind(), figure.standing()), &again);
            assert!(again.is_ok_and(|again| again == *figure));
        }
        let total = origin.of(&index, &(vec![None, Some(0)], 1)).expect("it is a statistic");
        assert_eq!(total.as_slice().iter().map(|(_, value)| value).sum::<i128>(), 24 + 9);
    }
}
