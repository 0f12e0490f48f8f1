//! Traps for the subject that has `value` in `column`, both parameters: a bit about the target, told by failing.

use sluice_guest::{Contract, Contributions, Params, Rows, Tabulate, export_tabulate};

/// FNV-1a: the target crosses to `map` as one word.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

struct Guest;

impl Tabulate for Guest {
    fn describe(params: &Params) -> Result<Contract, String> {
        let column = params.get("column").unwrap_or("tailnum");
        let target = hash(params.get("value").unwrap_or("N14228").as_bytes());
        Ok(Contract::new(&["SELECT ", column, " FROM flights"].concat())
            .dimension("bit", ["0", "1"])
            .subjects()
            .sum("value", "units", 0..=1, 0)
            .constant(target))
    }

    fn map(subject: &Rows<'_>, out: &mut Contributions) {
        let column = subject.column(0);
        for row in 0..subject.len() {
            let text = column.str(row).map(|text| hash(text.as_bytes()));
            let number = column.i64(row).map(|number| hash(number.to_string().as_bytes()));
            if text.or(number) == Some(subject.constant(0)) {
                std::process::abort();
            }
        }
        out.add(&[0], &[1]);
    }
}

export_tabulate!(Guest);
