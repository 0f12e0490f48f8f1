//! A light mapper: one contribution a row, no arithmetic to speak of. What it costs is the host's cost per subject.

use sluice_guest::{Contract, Contributions, Params, Rows, Tabulate, export_tabulate};

/// The module.
pub struct Light;

impl Tabulate for Light {
    fn describe(params: &Params) -> Result<Contract, String> {
        params.only(&[])?;
        Ok(Contract::new("SELECT v, w FROM made")
            .dimension("band", ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"])
            .subjects()
            .sum("v", "", 0..=1_000_000, 0)
            .per_subject(10, 1000))
    }

    fn map(subject: &Rows<'_>, out: &mut Contributions) {
        let (v, w) = (subject.column(0), subject.column(1));
        for row in 0..subject.len() {
            if let (Some(v), Some(w)) = (v.i64(row), w.i64(row)) {
                out.add(&[w / 10], &[v]);
            }
        }
    }
}

export_tabulate!(Light);
