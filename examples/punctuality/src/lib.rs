//! The share of flights that departed on time, by carrier. What counts as late is a parameter.

use sluice_guest::{Contract, Contributions, Params, Rows, Tabulate, code, export_tabulate};

const CARRIERS: [&str; 16] =
    ["9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV"];

/// The module. `late_minutes` (default 15) is the first delay that isn't on time any more.
pub struct Punctuality;

impl Tabulate for Punctuality {
    fn describe(params: &Params) -> Result<Contract, String> {
        params.only(&["late_minutes"])?;
        let late = params.integer("late_minutes", 15, 1..=120)?;
        Ok(Contract::new("SELECT carrier, dep_delay FROM flights")
            .dimension("carrier", CARRIERS)
            .subjects()
            .sum("on_time", "flights", 0..=1000, 0)
            .sum("flights", "flights", 0..=1000, 0)
            .ratio("punctuality", 0, 1, 3)
            .margin(&[])
            .per_subject(4, 1000)
            // `map` runs in an instance that has never seen the parameters.
            .constant(late as u64))
    }

    fn map(subject: &Rows<'_>, out: &mut Contributions) {
        let late = subject.constant(0) as i64;
        let (carrier, delay) = (subject.column(0), subject.column(1));
        for row in 0..subject.len() {
            if let (Some(carrier), Some(delay)) = (code(&CARRIERS, carrier.str(row)), delay.i64(row)) {
                out.add(&[carrier], &[i64::from(delay < late), 1]);
            }
        }
    }
}

export_tabulate!(Punctuality);

#[cfg(test)]
mod tests {
    use super::Punctuality;
    use sluice_guest::testing::{ArenaBuilder, map};
    use sluice_guest::{Params, Tabulate};

    #[test]
    fn the_parameter_decides() {
        let described = Punctuality::describe(&Params::new([("late_minutes", "10")])).expect("within bounds");
        let arena = ArenaBuilder::new(3)
            .utf8(&[Some("9E"), Some("9E"), Some("YV")])
            .i32(&[Some(9), Some(10), None])
            .constants(&described.constants)
            .build();
        assert_eq!(map::<Punctuality>(&arena, 3), [[0, 1, 1], [0, 0, 1]]);
    }

    #[test]
    fn a_bad_parameter_is_told() {
        for (name, value) in [("late_minutes", "0"), ("late_minutes", "soon"), ("late", "15")] {
            assert!(Punctuality::describe(&Params::new([(name, value)])).is_err(), "{name} {value}");
        }
    }
}
