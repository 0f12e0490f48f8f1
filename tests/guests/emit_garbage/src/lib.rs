//! Answers that are no contributions: NaN's bits as a value, a code without its values, a length that is no multiple.

use sluice_guest::{Contract, Contributions, Params, Rows, Tabulate, export_tabulate};

struct Guest;

impl Tabulate for Guest {
    fn describe(_: &Params) -> Result<Contract, String> {
        Ok(Contract::new("SELECT month FROM flights").dimension("bit", ["0", "1"]).subjects().sum(
            "value",
            "units",
            0..=1,
            0,
        ))
    }

    fn map(subject: &Rows<'_>, out: &mut Contributions) {
        out.add(&[0], &[f64::NAN.to_bits() as i64]);
        out.add(&[i64::MAX], &[i64::MIN]);
        if !subject.is_empty() {
            out.add(&[1], &[]);
        }
    }
}

export_tabulate!(Guest);
