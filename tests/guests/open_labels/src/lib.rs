//! `describe` asks for a million labels: a list that holds anything is no closed list.

use sluice_guest::{Contract, Contributions, Params, Rows, Tabulate, export_tabulate};

struct Guest;

impl Tabulate for Guest {
    fn describe(_: &Params) -> Result<Contract, String> {
        let labels = (0..1_000_000).map(|code| code.to_string());
        Ok(Contract::new("SELECT flight FROM flights").dimension("anything", labels).subjects())
    }

    fn map(subject: &Rows<'_>, out: &mut Contributions) {
        for flight in subject.column(0).i64s().flatten() {
            out.add(&[flight], &[]);
        }
    }
}

export_tabulate!(Guest);
