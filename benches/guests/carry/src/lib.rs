//! Carries columns: takes an arena and gives as many words back as its first constant says. It does nothing else, so
//! that a call's time is the way across.

use sluice_guest::{Contract, Contributions, Params, Rows, Tabulate, export_tabulate};

/// The module.
pub struct Carry;

impl Tabulate for Carry {
    fn describe(params: &Params) -> Result<Contract, String> {
        params.only(&[])?;
        Ok(Contract::new("SELECT v, w, a FROM made")
            .dimension("band", ["0", "1"])
            .subjects()
            .per_subject(1, 1000))
    }

    fn map(subject: &Rows<'_>, out: &mut Contributions) {
        for _ in 0..subject.constant(0) {
            out.add(&[1], &[]);
        }
    }
}

export_tabulate!(Carry);
