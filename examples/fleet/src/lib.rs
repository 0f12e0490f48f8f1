//! Flights by carrier and age of the aircraft: a join of two tables of one subject.

use sluice_guest::{Contract, Contributions, Params, Rows, Tabulate, code, export_tabulate};

const CARRIERS: [&str; 16] =
    ["9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV"];
/// Bands by age in full years at the time of the flight, each from this age on.
const BANDS: [(i64, &str); 4] = [(0, "0-4 years"), (5, "5-9 years"), (10, "10-19 years"), (20, "20 years and more")];

/// The module. Both tables are keyed by the tail number, so that a joined row still comes from one subject.
pub struct Fleet;

/// The band that an age is in. A year of the future is a mistake in the register and has none.
fn band(age: i64) -> Option<i64> {
    BANDS.iter().rposition(|(from, _)| age >= *from).map(|position| position as i64)
}

impl Tabulate for Fleet {
    fn describe(params: &Params) -> Result<Contract, String> {
        params.only(&[])?;
        let sql = "SELECT f.carrier, f.year AS flown, p.year AS built, p.seats \
                   FROM flights f JOIN planes p ON f.tailnum = p.tailnum";
        Ok(Contract::new(sql)
            .dimension("age", BANDS.map(|(_, label)| label))
            .dimension("carrier", CARRIERS)
            .subjects()
            .sum("flights", "flights", 0..=1000, 0)
            .sum("seats", "seats", 0..=450_000, 0)
            .ratio("seats_per_flight", 1, 0, 1)
            .margin(&[0])
            .margin(&[1])
            .margin(&[])
            .per_subject(4, 1000))
    }

    fn map(subject: &Rows<'_>, out: &mut Contributions) {
        let [carrier, flown, built, seats] = [0, 1, 2, 3].map(|position| subject.column(position));
        for row in 0..subject.len() {
            let (Some(flown), Some(built), Some(seats)) = (flown.i64(row), built.i64(row), seats.i64(row)) else {
                continue;
            };
            if let (Some(band), Some(carrier)) = (band(flown.saturating_sub(built)), code(&CARRIERS, carrier.str(row)))
            {
                out.add(&[band, carrier], &[1, seats]);
            }
        }
    }
}

export_tabulate!(Fleet);

#[cfg(test)]
mod tests {
    use super::{Fleet, band};
    use sluice_guest::testing::{ArenaBuilder, map};

    #[test]
    fn bands_have_no_gaps() {
        assert_eq!(
            [-1, 0, 4, 5, 9, 10, 19, 20, 99].map(band),
            [None, Some(0), Some(0), Some(1), Some(1), Some(2), Some(2), Some(3), Some(3)]
        );
    }

    #[test]
    fn an_aircraft_of_unknown_age_adds_nothing() {
        let arena = ArenaBuilder::new(2)
            .utf8(&[Some("DL"), Some("DL")])
            .i32(&[Some(2013), Some(2013)])
            .i32(&[Some(1990), None])
            .i64(&[Some(142), Some(142)])
            .build();
        assert_eq!(map::<Fleet>(&arena, 4), [[3, 4, 1, 142]]);
    }
}
