//! Lane report: flights and their mean departure delay by month.

use sluice_guest::{Inputs, Params, Report, ReportContract, Table, export_report};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The module. It reads all granted rows at once, so the machine can't say what its numbers stand for: two people
/// read the table, and the bounds and steps below keep what it can carry small.
pub struct MonthlyReport;

#[derive(Clone, Copy, Default)]
struct Month {
    flights: i64,
    minutes: i64,
}

impl Report for MonthlyReport {
    fn describe(params: &Params) -> Result<ReportContract, String> {
        params.only(&[])?;
        Ok(ReportContract::new(12)
            .input("SELECT month, dep_delay FROM flights")
            .labels("month", MONTHS)
            .number("flights", "flights", 0..=50_000, 100, 0)
            .number("mean_delay", "minutes", -600..=1800, 5, 1))
    }

    fn run(inputs: &mut Inputs, _constants: &[u64]) -> Table {
        let mut months = [Month::default(); 12];
        while let Some(batch) = inputs.next(0) {
            let rows = batch.rows();
            let (month, delay) = (rows.column(0), rows.column(1));
            for row in 0..rows.len() {
                let Some(delay) = delay.i64(row) else { continue };
                let place = month.i64(row).and_then(|month| usize::try_from(month - 1).ok());
                if let Some(month) = place.and_then(|place| months.get_mut(place)) {
                    month.flights += 1;
                    month.minutes += delay;
                }
            }
        }
        let mut table = Table::new();
        for (position, month) in months.iter().enumerate().filter(|(_, month)| month.flights > 0) {
            // In steps, as the contract says: flights by hundreds, the mean by half minutes (tenths, by five).
            let flights = (month.flights + 50) / 100 * 100;
            let tenths = (month.minutes * 10).div_euclid(month.flights);
            table.row(&[position as i64, flights, (tenths + 2).div_euclid(5) * 5]);
        }
        table
    }
}

export_report!(MonthlyReport);

#[cfg(test)]
mod tests {
    use super::MonthlyReport;
    use sluice_guest::testing::{ArenaBuilder, run};

    #[test]
    fn rounds_to_the_contracts_steps_across_batches() {
        let batch =
            |month: i32, delay: i32| ArenaBuilder::new(60).i32(&[Some(month); 60]).i32(&[Some(delay); 60]).build();
        let table = run::<MonthlyReport>(vec![batch(1, 10), batch(1, 11), batch(3, -4)], &[], 3);
        assert_eq!(table, [[0, 100, 105], [2, 100, -40]]);
    }

    #[test]
    fn a_month_that_is_none_is_left_out() {
        let batch = ArenaBuilder::new(3).i32(&[Some(0), Some(13), None]).i32(&[Some(1); 3]).build();
        assert!(run::<MonthlyReport>(vec![batch], &[], 3).is_empty());
    }
}
