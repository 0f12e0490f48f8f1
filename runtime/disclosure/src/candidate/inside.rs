//! The one codec of a candidate. **The bytes must stay inside**: they hold counts and contributions that no check
//! has seen. They are for the candidate's file and for its keyed commitment, and never for a plain digest: five
//! suppressed counts were found from a plain digest in 0.03 s.

use serde::{Deserialize, Serialize};
use sluice_domain::contract::Contract;
use sluice_domain::limits::Limits;

use super::{Body, Candidate, CellEvidence, Cells, MeasureEvidence, Mismatch, Raw, ReportFault, RunFacts};

const FORMAT: &str = "sluice.candidate.inside/1";

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
    Cells(Vec<Cell>),
    Rows { rows: Vec<Vec<i64>>, fault: Option<ReportFault>, dropped_rows: u64, rounded_values: u64 },
}

/// Codes, subjects, records, measures.
#[derive(Serialize, Deserialize)]
struct Cell(Vec<u32>, u64, u64, Vec<Entry>);

/// Sum and absolute sum as decimal text (they are wider than JSON readers take), then nonzero, top, min, max.
#[derive(Serialize, Deserialize)]
struct Entry(String, String, u64, Vec<i64>, i64, i64);

impl Candidate {
    /// Canonical bytes, **for inside only**: the candidate's file and its keyed commitment.
    ///
    /// Equal candidates give equal bytes, whatever the order in which the cells were found.
    #[must_use]
    pub fn to_inside_bytes(&self) -> Vec<u8> {
        let facts = &self.facts;
        let (contract, body) = match &self.body {
            Body::Counted(counted) => {
                let cells = counted.cells.iter().map(|(codes, cell)| to_cell(codes, cell)).collect();
                (Contract::Tabulate(counted.contract.clone()), Contents::Cells(cells))
            }
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
        let (raw, counts) = match file.body {
            Contents::Cells(list) => {
                let cells = list.into_iter().map(from_cell).collect::<Result<Cells, Mismatch>>()?;
                (Raw::Cells { cells, facts }, None)
            }
            Contents::Rows { rows, fault, dropped_rows, rounded_values } => {
                (Raw::Rows { rows, fault, facts }, Some((dropped_rows, rounded_values)))
            }
        };
        let mut candidate = Candidate::new(file.contract, raw, limits)?;
        if let (Body::Written(written), Some((dropped_rows, rounded_values))) = (&mut candidate.body, counts) {
            written.dropped_rows = dropped_rows;
            written.rounded_values = rounded_values;
        }
        if candidate.to_inside_bytes() != bytes {
            return Err(Mismatch::Bytes);
        }
        Ok(candidate)
    }
}

fn to_cell(codes: &[u32], cell: &CellEvidence) -> Cell {
    let entry = |measure: &MeasureEvidence| {
        let (sum, sum_abs) = (measure.sum.to_string(), measure.sum_abs.to_string());
        Entry(sum, sum_abs, measure.nonzero, measure.top.clone(), measure.min, measure.max)
    };
    Cell(codes.to_vec(), cell.subjects, cell.records, cell.measures.iter().map(entry).collect())
}

fn from_cell(Cell(codes, subjects, records, entries): Cell) -> Result<(Vec<u32>, CellEvidence), Mismatch> {
    let measure = |Entry(sum, sum_abs, nonzero, top, min, max): Entry| {
        let sum = sum.parse().map_err(|_| Mismatch::Bytes)?;
        let sum_abs = sum_abs.parse().map_err(|_| Mismatch::Bytes)?;
        Ok(MeasureEvidence { sum, sum_abs, nonzero, top, min, max })
    };
    let measures = entries.into_iter().map(measure).collect::<Result<Vec<_>, Mismatch>>()?;
    Ok((codes, CellEvidence { subjects, records, measures }))
}
