//! A module that is refused before any data is read: four ways, one at a time, chosen by a parameter.

use sluice_guest::{Contract, Contributions, Params, Rows, Tabulate, export_tabulate};

/// The module. Without a parameter it asks for single rows.
pub struct Refused;

impl Tabulate for Refused {
    fn describe(params: &Params) -> Result<Contract, String> {
        params.only(&["way"])?;
        let quarters = ["Q1", "Q2", "Q3", "Q4"];
        Ok(match params.get("way").unwrap_or("rows") {
            // One row out of all, wherever it stands: the result would depend on rows of other subjects.
            "rows" => Contract::new("SELECT month FROM flights LIMIT 1 OFFSET 17").dimension("quarter", quarters),
            // A window over the whole table: one subject's rows would carry the others' sum.
            "window" => {
                Contract::new("SELECT month, SUM(dep_delay) OVER () FROM flights").dimension("quarter", quarters)
            }
            // A list of codes so long that it holds anything, a tail number among them.
            "labels" => {
                let labels = (0..1_000_000).map(|code| code.to_string());
                Contract::new("SELECT month FROM flights").dimension("anything", labels)
            }
            // A table that isn't granted.
            "table" => Contract::new("SELECT month FROM passengers").dimension("quarter", quarters),
            _ => return Err("way is rows, window, labels or table".into()),
        }
        .subjects())
    }

    fn map(subject: &Rows<'_>, out: &mut Contributions) {
        for month in subject.column(0).i64s().flatten() {
            out.add(&[(month - 1) / 3], &[]);
        }
    }
}

export_tabulate!(Refused);

#[cfg(test)]
mod tests {
    use super::Refused;
    use sluice_guest::{Params, Tabulate};

    #[test]
    fn each_way_has_a_contract_to_be_refused() {
        for way in ["rows", "window", "labels", "table"] {
            assert!(Refused::describe(&Params::new([("way", way)])).is_ok(), "{way}");
        }
        assert!(Refused::describe(&Params::new([("way", "none")])).is_err());
    }
}
