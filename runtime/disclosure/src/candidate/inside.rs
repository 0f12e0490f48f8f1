//! The one codec of a candidate. **The bytes must stay inside**: they hold counts and contributions that no check
//! has seen. They are for the candidate's file and for its keyed commitment, and never for a plain digest: five
//! suppressed counts were found from a plain digest in 0.03 s.

use serde::{Deserialize, Serialize};
use sluice_domain::contract::{Contract, Tabulation};
use sluice_domain::limits::Limits;

use super::{
    Body, Candidate, Counted, Mismatch, Plane, Raw, Relation, ReportFault, RunFacts, Screen, relation, validate,
};
use crate::evidence::{Evidence, Shares, Spread};

const FORMAT: &str = "sluice.candidate.inside/3";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    contract: Contract,
    facts: Facts,
    body: Contents,
}

/// In the order of the fields of [`RunFacts`].
#[derive(Serialize, Deserialize)]
struct Facts(u64, u64, u64, u64, u64, u64);

#[derive(Serialize, Deserialize)]
enum Contents {
    Cells {
        grouped: bool,
        relations: Vec<Relation>,
        planes: Vec<Vec<Cell>>,
        screens: Vec<Screened>,
        holders: Vec<Option<u32>>,
        look_ups: Option<Vec<Vec<u64>>>,
    },
    Rows {
        rows: Vec<Vec<i64>>,
        fault: Option<ReportFault>,
        dropped_rows: u64,
        rounded_values: u64,
    },
}

/// Codes, subjects, groups, subjects of the largest group, records, measures.
#[derive(Serialize, Deserialize)]
struct Cell(Vec<u32>, u64, u64, u64, Spreads, Vec<Spreads>);

/// By subject, and by group where groups are declared.
#[derive(Serialize, Deserialize)]
struct Spreads(Entry, Option<Entry>);

/// Sum and absolute sum, then nonzero, top, highest, lowest, common.
#[derive(Serialize, Deserialize)]
struct Entry(i128, i128, u64, Vec<i128>, Vec<i128>, Vec<i128>, u64);

/// In the order of the fields of [`Screen`].
#[derive(Serialize, Deserialize)]
struct Screened(u64, u64, u64, i128, i128, i128);

impl Candidate {
    /// Canonical bytes, **for inside only**: the candidate's file and its keyed commitment.
    ///
    /// Equal candidates give equal bytes, whatever the order in which contributions were found.
    #[must_use]
    pub fn to_inside_bytes(&self) -> Vec<u8> {
        let facts = &self.facts;
        let (contract, body) = match &self.body {
            Body::Counted(counted) => (Contract::Tabulate(counted.contract.clone()), to_contents(counted)),
            Body::Written(written) => {
                let (rows, fault) = (written.rows.clone(), written.fault);
                let (dropped_rows, rounded_values) = (written.dropped_rows, written.rounded_values);
                let body = Contents::Rows { rows, fault, dropped_rows, rounded_values };
                (Contract::Report(written.contract.clone()), body)
            }
        };
        let facts = Facts(
            facts.subjects,
            facts.truncated_subjects,
            facts.defaulted_subjects,
            facts.undeclared_codes,
            facts.clamped,
            facts.unattributed_rows,
        );
        let file = File { format: FORMAT.to_owned(), contract, facts, body };
        serde_json::to_vec(&file).expect("strings, integers and sequences always serialise")
    }

    /// Reads what [`Candidate::to_inside_bytes`] wrote, and checks all of it again.
    ///
    /// # Errors
    /// [`Mismatch::Bytes`] unless the bytes are exactly what would be written, or the rule that the content breaks.
    pub fn from_inside_bytes(bytes: &[u8], limits: &Limits) -> Result<Candidate, Mismatch> {
        let file: File = serde_json::from_slice(bytes).map_err(|_| Mismatch::Bytes)?;
        if file.format != FORMAT {
            return Err(Mismatch::Bytes);
        }
        let Facts(subjects, truncated_subjects, defaulted_subjects, undeclared_codes, clamped, unattributed_rows) =
            file.facts;
        let facts =
            RunFacts { subjects, truncated_subjects, defaulted_subjects, undeclared_codes, clamped, unattributed_rows };
        let candidate = match (file.contract, file.body) {
            (Contract::Tabulate(contract), contents @ Contents::Cells { .. }) => {
                Contract::Tabulate(contract.clone()).check(limits).map_err(|_| Mismatch::Contract)?;
                validate::facts(&facts)?;
                let counted = from_contents(contract, contents)?;
                validate::counted(&counted, &facts)?;
                Candidate { body: Body::Counted(counted), facts }
            }
            (contract, Contents::Rows { rows, fault, dropped_rows, rounded_values }) => {
                let mut candidate = Candidate::new(contract, Raw::Rows { rows, fault, facts }, limits)?;
                if let Body::Written(written) = &mut candidate.body {
                    written.dropped_rows = dropped_rows;
                    written.rounded_values = rounded_values;
                }
                candidate
            }
            _ => return Err(Mismatch::Lane),
        };
        if candidate.to_inside_bytes() != bytes {
            return Err(Mismatch::Bytes);
        }
        Ok(candidate)
    }
}

fn to_contents(counted: &Counted) -> Contents {
    let plane = |plane: &Plane| plane.cells.iter().map(|(codes, cell)| to_cell(codes, cell, counted.grouped)).collect();
    let screened = |s: &Screen| Screened(s.contributions, s.common, s.subjects, s.product, s.ordinals, s.values);
    Contents::Cells {
        grouped: counted.grouped,
        relations: counted.relations.clone(),
        planes: counted.planes.iter().map(plane).collect(),
        screens: counted.screens.iter().map(screened).collect(),
        holders: counted.holders.clone(),
        look_ups: counted.look_ups.clone(),
    }
}

fn to_cell(codes: &[u32], cell: &Evidence, grouped: bool) -> Cell {
    let entry = |shares: &Shares| {
        let (top, highest, lowest) = (shares.top.clone(), shares.highest.clone(), shares.lowest.clone());
        Entry(shares.sum, shares.sum_abs, shares.nonzero, top, highest, lowest, shares.common)
    };
    let spread = |spread: &Spread| Spreads(entry(&spread.subjects), grouped.then(|| entry(&spread.groups)));
    let measures = cell.measures.iter().map(spread).collect();
    Cell(codes.to_vec(), cell.subjects, cell.groups, cell.largest_group, spread(&cell.records), measures)
}

fn from_contents(contract: Tabulation, contents: Contents) -> Result<Counted, Mismatch> {
    let Contents::Cells { grouped, relations, planes, screens, holders, look_ups } = contents else {
        return Err(Mismatch::Lane);
    };
    relation::check(&contract, &relations)?;
    let derived = relation::derived(&contract, &relations);
    let inner: Vec<u32> = (0..contract.dimensions.len() as u32).collect();
    let kept: Vec<Vec<u32>> = std::iter::once(inner).chain(contract.margins.iter().cloned()).collect();
    if kept.len() != planes.len() {
        return Err(Mismatch::Margin);
    }
    let plane = |(kept, cells): (Vec<u32>, Vec<Cell>)| {
        let cells = cells.into_iter().map(|cell| from_cell(cell, grouped)).collect::<Result<_, Mismatch>>()?;
        Ok(Plane { kept, cells })
    };
    let planes = kept.into_iter().zip(planes).map(plane).collect::<Result<_, Mismatch>>()?;
    let screen = |Screened(contributions, common, subjects, product, ordinals, values): Screened| Screen {
        contributions,
        common,
        subjects,
        product,
        ordinals,
        values,
    };
    let screens = screens.into_iter().map(screen).collect();
    Ok(Counted { contract, relations, derived, grouped, planes, screens, holders, look_ups })
}

fn from_cell(cell: Cell, grouped: bool) -> Result<(Vec<u32>, Evidence), Mismatch> {
    let Cell(codes, subjects, groups, largest_group, records, measures) = cell;
    let entry = |Entry(sum, sum_abs, nonzero, top, highest, lowest, common): Entry, units: u64| Shares {
        sum,
        sum_abs,
        units,
        nonzero,
        top,
        highest,
        lowest,
        common,
    };
    let spread = |Spreads(by_subject, by_group): Spreads| {
        let subjects = entry(by_subject, subjects);
        match by_group {
            Some(by_group) if grouped => Ok(Spread { subjects, groups: entry(by_group, groups) }),
            None if !grouped => Ok(Spread { groups: subjects.clone(), subjects }),
            _ => Err(Mismatch::Group),
        }
    };
    let records = spread(records)?;
    let measures = measures.into_iter().map(spread).collect::<Result<_, Mismatch>>()?;
    Ok((codes, Evidence { subjects, groups, largest_group, records, measures }))
}
