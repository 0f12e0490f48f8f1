//! Bounds that bound nothing: all of i64, or with `way` lower above upper (`crossed`), or an absurd scale (`scale`).

use sluice_guest::{Contract, Contributions, Params, Rows, Tabulate, export_tabulate};

struct Guest;

impl Tabulate for Guest {
    fn describe(params: &Params) -> Result<Contract, String> {
        let (bounds, scale) = match params.get("way").unwrap_or("wide") {
            "wide" => (i64::MIN..=i64::MAX, 0),
            "crossed" => (std::ops::RangeInclusive::new(1, 0), 0),
            "scale" => (0..=1, u8::MAX),
            _ => return Err("way is wide, crossed or scale".into()),
        };
        Ok(Contract::new("SELECT flight FROM flights")
            .dimension("bit", ["0", "1"])
            .subjects()
            .sum("value", "units", bounds, scale))
    }

    fn map(subject: &Rows<'_>, out: &mut Contributions) {
        for flight in subject.column(0).i64s().flatten() {
            out.add(&[0], &[flight << 40]);
        }
    }
}

export_tabulate!(Guest);
