//! Departure delays by carrier, origin and month.

use sluice_guest::{Contract, Contributions, Params, Rows, Tabulate, code, export_tabulate};

const CARRIERS: [&str; 16] =
    ["9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV"];
const ORIGINS: [&str; 3] = ["EWR", "JFK", "LGA"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The module. The subject is the aircraft: the host knows whose rows these are, the query doesn't ask.
pub struct Delays;

impl Tabulate for Delays {
    fn describe(params: &Params) -> Result<Contract, String> {
        params.only(&[])?;
        Ok(Contract::new("SELECT carrier, origin, month, dep_delay FROM flights")
            .dimension("carrier", CARRIERS)
            .dimension("origin", ORIGINS)
            .dimension("month", MONTHS)
            .subjects()
            .sum("flights", "flights", 0..=400, 0)
            .sum("delay", "minutes", -24_000..=72_000, 0)
            .margin(&[0, 1])
            .margin(&[0])
            .margin(&[])
            .per_subject(36, 1000))
    }

    fn map(subject: &Rows<'_>, out: &mut Contributions) {
        let [carrier, origin, month, delay] = [0, 1, 2, 3].map(|position| subject.column(position));
        for row in 0..subject.len() {
            // A cancelled flight has no delay: it is no departure.
            if let (Some(carrier), Some(origin), Some(month), Some(delay)) =
                (code(&CARRIERS, carrier.str(row)), code(&ORIGINS, origin.str(row)), month.i64(row), delay.i64(row))
            {
                out.add(&[carrier, origin, month - 1], &[1, delay.clamp(-60, 180)]);
            }
        }
    }
}

export_tabulate!(Delays);

#[cfg(test)]
mod tests {
    use super::Delays;
    use sluice_guest::testing::{ArenaBuilder, map};

    #[test]
    fn departures_only_and_clamped() {
        let arena = ArenaBuilder::new(4)
            .utf8(&[Some("AA"), Some("UA"), Some("AA"), Some("??")])
            .utf8(&[Some("JFK"), Some("EWR"), Some("LGA"), Some("LGA")])
            .i32(&[Some(1), Some(12), Some(2), Some(2)])
            .i32(&[Some(-3), Some(900), None, Some(1)])
            .build();
        assert_eq!(map::<Delays>(&arena, 5), [[1, 1, 0, 1, -3], [11, 0, 11, 1, 180]]);
    }
}
