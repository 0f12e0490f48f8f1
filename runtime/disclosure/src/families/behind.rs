//! What sealed tables leave behind in the history of their subject domain: a figure for every cell that occurs.
//! Whoever may ask can have all that is published, so a published cell is out whether somebody has asked or not.
//!
//! # Guarantees
//! The place of a figure is made of public words alone. A cell that is withheld, or shown as it was at an earlier date,
//! is there as *protected*: a later release may not equal what it is now. So is one of a quantity that the cell doesn't show.
//!
//! # Does not guarantee
//! That the distances of a sum to its bounds are compared: a family's bounds are of a record, and how many records a
//! subject has isn't in a figure. Its sums undergo every other rule.
//!
//! Example: a table of 40 people by district that shows n1 and withholds n2 leaves `district=n1` as released and
//! `district=n2` as protected, once for each quantity.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::layout::{Layout, NO_CODE};
use super::microdata::Microdata;
use super::seal;
use super::sealed::{SealedTables, Status};
use crate::finding::escaped;
use crate::history::keys::Stranger;
use crate::history::{Contributions, Figure, Keys, Kind, Place, Standing};
use crate::primary::Quantity;
use crate::table::TOTAL;

/// What places of sealed tables have for the name of a release.
pub const RELEASE: &str = "families";

/// What was counted for sealed tables. It stays inside, and has no `Debug`.
pub struct Behind {
    layout: Layout,
    microdata: Microdata,
    /// Where the entries of each atom begin; the end of the last is the end of all.
    starts: Vec<usize>,
    /// The cells that occur, table by table, with their atoms.
    cells: Vec<Cell>,
}

struct Cell {
    table: usize,
    codes: Vec<u32>,
    atoms: Vec<u32>,
}

/// Where a figure is: a cell, and what it adds up.
#[derive(Clone, Copy)]
pub struct Spot {
    cell: usize,
    quantity: Quantity,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    format: String,
    layout: Layout,
}

const FORMAT: &str = "sluice.families.counts/1";

impl Behind {
    /// Of what was counted.
    #[must_use]
    pub fn new(layout: Layout, microdata: Microdata) -> Behind {
        let places = (0..=microdata.atoms.len())
            .map(|atom| microdata.entries.partition_point(|entry| (entry.atom as usize) < atom));
        let starts = places.collect();
        let mut cells = Vec::new();
        for (table, content) in layout.tables.iter().enumerate() {
            let mut of_table: BTreeMap<Vec<u32>, Vec<u32>> = BTreeMap::new();
            for (atom, codes) in (0_u32..).zip(&microdata.atoms) {
                of_table.entry(content.codes_of(codes).collect()).or_default().push(atom);
            }
            cells.extend(of_table.into_iter().map(|(codes, atoms)| Cell { table, codes, atoms }));
        }
        Behind { layout, microdata, starts, cells }
    }

    /// Bytes, **for inside only**: the layout as a line of JSON, then what was counted.
    #[must_use]
    pub fn to_inside_bytes(layout: &Layout, microdata: &Microdata) -> Vec<u8> {
        let head = Head { format: FORMAT.to_owned(), layout: layout.clone() };
        let mut bytes = serde_json::to_vec(&head).expect("texts, integers and sequences always serialise");
        bytes.push(b'\n');
        microdata.write(layout, &mut bytes);
        bytes
    }

    /// Reads what [`Behind::to_inside_bytes`] wrote; none if the bytes are anything else.
    #[must_use]
    pub fn from_inside_bytes(bytes: &[u8]) -> Option<Behind> {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let (head, body) = bytes.split_at_checked(end)?;
        let Head { format, layout } = serde_json::from_slice(head).ok()?;
        let microdata = Microdata::read(&layout, body.get(1..)?).ok()?;
        (format == FORMAT).then(|| Behind::new(layout, microdata))
    }

    /// The last subject that is counted.
    #[must_use]
    pub fn last_subject(&self) -> Option<u32> {
        self.microdata.entries.iter().map(|entry| entry.subject).max()
    }

    /// The figures that these tables of a snapshot leave behind.
    ///
    /// # Errors
    /// A subject that the keys' domain doesn't have.
    pub fn figures(&self, keys: &Keys, snapshot: &str, sealed: &SealedTables) -> Result<Vec<Figure>, Stranger> {
        let mut figures = Vec::new();
        for (spot, place) in self.spots(snapshot) {
            let standing = if self.is_out(spot, sealed) { Standing::Released } else { Standing::Protected };
            let kind = match spot.quantity {
                Quantity::Subjects => Kind::Subjects,
                Quantity::Records => Kind::Records,
                Quantity::Sum(_) => Kind::Sum(None),
            };
            let contributions = self.of(spot).unwrap_or_default();
            figures.push(Figure::new(keys, place, (kind, standing), &contributions)?);
        }
        Ok(figures)
    }

    /// Every figure's spot, with its place in words.
    pub fn spots(&self, snapshot: &str) -> impl Iterator<Item = (Spot, Place)> {
        self.cells.iter().enumerate().flat_map(move |(cell, of)| {
            let quantities = self.layout.tables.get(of.table).map(|table| &table.quantities).into_iter().flatten();
            quantities.map(move |quantity| {
                let spot = Spot { cell, quantity: *quantity };
                (spot, self.place(of, *quantity, snapshot))
            })
        })
    }

    /// The contributions of one figure; none of a spot of other tables.
    #[must_use]
    pub fn of(&self, Spot { cell, quantity }: Spot) -> Option<Contributions> {
        let atoms = self.cells.get(cell)?.atoms.iter().map(|atom| *atom as usize);
        let entries = atoms.flat_map(|atom| {
            let (from, to) = (self.starts.get(atom).copied(), self.starts.get(atom + 1).copied());
            from.zip(to).and_then(|(from, to)| self.microdata.entries.get(from..to)).unwrap_or_default()
        });
        Some(match quantity {
            Quantity::Subjects => Contributions::counting(entries.map(|entry| entry.subject)),
            Quantity::Records | Quantity::Sum(_) => {
                Contributions::of(entries.map(|entry| (entry.subject, seal::part(entry, quantity))))
            }
        })
    }

    /// The cell of a spot: its table, and its codes there.
    #[must_use]
    pub fn cell(&self, spot: Spot) -> Option<(usize, Vec<u32>)> {
        self.cells.get(spot.cell).map(|cell| (cell.table, cell.codes.clone()))
    }

    fn place(&self, cell: &Cell, quantity: Quantity, snapshot: &str) -> Place {
        let kept = self.layout.tables.get(cell.table).map(|table| table.kept.as_slice()).unwrap_or_default();
        let parts = kept.iter().zip(&cell.codes).map(|(kept, code)| {
            let label = if *code == NO_CODE { None } else { kept.codes.get(*code as usize) };
            format!("{}={}", kept.column, label.map_or_else(|| "?".to_owned(), |label| escaped(label)))
        });
        let parts: Vec<String> = parts.collect();
        // The grand total keeps no column, and is the universe of its snapshot.
        let cell = if parts.is_empty() { format!("all={TOTAL}") } else { parts.join("/") };
        let quantity = match quantity {
            Quantity::Sum(_) => format!("sum:{}", seal::tables::name(&self.layout, quantity)),
            Quantity::Subjects | Quantity::Records => seal::tables::name(&self.layout, quantity),
        };
        Place { release: RELEASE.to_owned(), cell, quantity, snapshot: snapshot.to_owned() }
    }

    fn is_out(&self, spot: Spot, sealed: &SealedTables) -> bool {
        let Some(cell) = self.cells.get(spot.cell) else { return false };
        let Some(table) = self.layout.tables.get(cell.table) else { return false };
        let columns = table.kept.iter().map(|kept| kept.column.clone()).collect();
        let labels = table.kept.iter().zip(&cell.codes).map(|(kept, code)| kept.codes.get(*code as usize).cloned());
        let labels: Option<Vec<String>> = labels.collect();
        let quantity = seal::tables::name(&self.layout, spot.quantity);
        let shown = labels.and_then(|labels| {
            let table = sealed.table(&columns)?;
            let place = table.quantities.iter().position(|own| *own == quantity)?;
            let cell = table.cells.get(&labels).filter(|cell| cell.status == Status::Published)?;
            cell.values.get(place)
        });
        shown.is_some_and(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::tests::{family, layout, sealed, tally, town};
    use super::*;
    use crate::history::Domain;

    fn behind(seed: u64) -> (Behind, SealedTables) {
        let town = town(seed, 400);
        let layout = layout(&[family()]);
        let microdata = tally(&layout, &town);
        let bytes = Behind::to_inside_bytes(&layout, &microdata);
        (Behind::from_inside_bytes(&bytes).expect("they were just written"), sealed(&town, 1_000, &[]))
    }

    #[test]
    fn every_cell_leaves_a_figure_and_what_is_withheld_is_protected() {
        let (behind, sealed) = behind(1);
        let keys = Keys::new(&[7; 32], Domain::ungrouped(400), 0);
        let figures = behind.figures(&keys, "snap", &sealed).expect("all subjects are known");
        let occurring: usize = sealed.tables.iter().map(|table| table.cells.len() * table.quantities.len()).sum();
        assert_eq!(figures.len(), occurring);
        let places: BTreeSet<&Place> = figures.iter().map(Figure::place).collect();
        assert_eq!(places.len(), occurring, "no two share a place");
        let published = sealed.tables.iter().flat_map(|table| {
            let published = table.cells.values().filter(|cell| cell.status == Status::Published).count();
            std::iter::repeat_n(published, table.quantities.len())
        });
        let out: usize = figures.iter().filter(|figure| figure.standing() == Standing::Released).count();
        assert_eq!(out, published.sum::<usize>());
        assert!(out > 10 && out < occurring, "{out} of {occurring}");
        let total = figures.iter().find(|figure| figure.place().cell == "all=*").expect("the family has a total");
        assert_eq!((total.kind(), total.standing()), (Kind::Subjects, Standing::Released));
    }

    #[test]
    fn contributions_are_found_again_by_their_place() {
        let (behind, _) = behind(2);
        let town = town(2, 400);
        let of = |cell: &str, quantity: &str| {
            let spot = behind.spots("snap").find(|(_, place)| place.cell == cell && place.quantity == quantity);
            behind.of(spot.expect("there is such a place").0).expect("it is of these tables")
        };
        let (north, incomes): (Vec<u32>, i128) =
            town.iter().filter(|(_, person)| person.0 < 3).fold((Vec::new(), 0), |(mut who, sum), (id, person)| {
                who.push(*id);
                (who, sum + i128::from(person.3))
            });
        assert!(of("region=n", "subjects") == Contributions::counting(north));
        let sums = of("region=n", "sum:income");
        assert_eq!(sums.as_slice().iter().map(|(_, value)| value).sum::<i128>(), incomes);
        assert_eq!(of("all=*", "subjects").as_slice().len(), 400);
        assert_eq!(behind.last_subject(), Some(399));
    }

    #[test]
    fn other_bytes_are_not_read() {
        let layout = layout(&[family()]);
        let bytes = Behind::to_inside_bytes(&layout, &tally(&layout, &town(3, 50)));
        assert!(Behind::from_inside_bytes(&bytes).is_some());
        assert!(Behind::from_inside_bytes(&bytes[..bytes.len() - 1]).is_none());
        assert!(Behind::from_inside_bytes(&bytes[1..]).is_none());
    }
}
