//! A job without a module, from the command line or from a file.

use std::path::Path;

use clap::Args;
use sluice_engine::ask::{Plan, PlanMeasure, PlanStatistic};

use super::failure::{Answer, Failure};
use super::node::read_file;

/// What a job without a module asks for.
#[derive(Args)]
pub struct PlanArgs {
    /// One SELECT whose output columns hold the dimensions and the measures
    #[arg(long, value_name = "SELECT")]
    pub sql: Option<String>,
    /// The output columns that are dimensions
    #[arg(long, value_delimiter = ',', value_name = "A,B", requires = "sql")]
    pub dimensions: Vec<String>,
    /// The output columns that are added up: COLUMN, or COLUMN:SCALE:LOWER:UPPER
    #[arg(long, value_delimiter = ',', value_parser = measure, value_name = "A,B", requires = "sql")]
    pub measures: Vec<PlanMeasure>,
    /// What is published: subjects, records, sum:MEASURE, ratio:NAME:ABOVE:BELOW:SCALE [default: subjects, records and
    /// every sum]
    #[arg(long, value_delimiter = ',', value_parser = statistic, value_name = "A,B", requires = "sql")]
    pub statistics: Vec<PlanStatistic>,
    /// A total: the dimensions that it keeps; may be given again
    #[arg(long, value_name = "A,B", requires = "sql")]
    pub margin: Vec<String>,
    /// The grand total
    #[arg(long, requires = "sql")]
    pub total: bool,
    /// How many cells one subject may touch
    #[arg(long, value_name = "N", requires = "sql")]
    pub cells_per_subject: Option<u32>,
    /// How many records of one subject are looked at
    #[arg(long, value_name = "N", requires = "sql")]
    pub rows_per_subject: Option<u32>,
}

impl PlanArgs {
    /// The plan, where one was typed.
    pub fn plan(self) -> Option<Plan> {
        let sql = self.sql?;
        let sums = self.measures.iter().map(|measure| PlanStatistic::Sum(measure.column.clone()));
        let all = [PlanStatistic::Subjects, PlanStatistic::Records].into_iter().chain(sums).collect();
        let kept = |margin: String| margin.split(',').map(|name| name.trim().to_owned()).collect();
        let mut margins: Vec<Vec<String>> = self.margin.into_iter().map(kept).collect();
        if self.total {
            margins.push(Vec::new());
        }
        Some(Plan {
            sql,
            dimensions: self.dimensions,
            measures: self.measures,
            statistics: if self.statistics.is_empty() { all } else { self.statistics },
            margins,
            cells_per_subject: self.cells_per_subject,
            rows_per_subject: self.rows_per_subject,
        })
    }
}

/// Reads a plan: an object with its fields, alone, beside a `lane`, or under `plan`.
///
/// # Errors
/// A file that isn't a plan.
pub fn read(path: &Path) -> Answer<Plan> {
    let unread = |error: serde_json::Error| Failure::file("read", path, &error);
    let mut value: serde_json::Value = serde_json::from_slice(&read_file(path)?).map_err(unread)?;
    if let Some(object) = value.as_object_mut() {
        if let Some(inner) = object.remove("plan") {
            return serde_json::from_value(inner).map_err(unread);
        }
        object.remove("lane");
    }
    serde_json::from_value(value).map_err(unread)
}

fn measure(text: &str) -> Result<PlanMeasure, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let number = |text: &str| text.parse::<i64>().map_err(|_| format!("`{text}` isn't a whole number"));
    let (column, scale, bounds) = match parts.as_slice() {
        [column] => (column, "0", None),
        [column, scale] => (column, *scale, None),
        [column, scale, lower, upper] => (column, *scale, Some((number(lower)?, number(upper)?))),
        _ => return Err("a measure is COLUMN, COLUMN:SCALE or COLUMN:SCALE:LOWER:UPPER".to_owned()),
    };
    let scale = scale.parse().map_err(|_| format!("`{scale}` isn't a number of decimals"))?;
    let (lower, upper) = bounds.unzip();
    Ok(PlanMeasure { column: (*column).to_owned(), scale, lower, upper })
}

fn statistic(text: &str) -> Result<PlanStatistic, String> {
    let parts: Vec<&str> = text.split(':').collect();
    match parts.as_slice() {
        ["subjects"] => Ok(PlanStatistic::Subjects),
        ["records"] => Ok(PlanStatistic::Records),
        ["sum", measure] => Ok(PlanStatistic::Sum((*measure).to_owned())),
        ["ratio", name, numerator, denominator, scale] => Ok(PlanStatistic::Ratio {
            name: (*name).to_owned(),
            numerator: (*numerator).to_owned(),
            denominator: (*denominator).to_owned(),
            scale: scale.parse().map_err(|_| format!("`{scale}` isn't a number of decimals"))?,
        }),
        _ => Err("a statistic is subjects, records, sum:MEASURE or ratio:NAME:ABOVE:BELOW:SCALE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_and_statistics_are_read() {
        let read = measure("spend:2:-5:100").expect("all four parts");
        assert_eq!((read.column.as_str(), read.scale, read.lower, read.upper), ("spend", 2, Some(-5), Some(100)));
        assert_eq!(measure("spend").expect("a column alone").lower, None);
        assert_eq!(statistic("sum:spend"), Ok(PlanStatistic::Sum("spend".to_owned())));
        for bad in ["sum", "mean:spend", "ratio:a:b", ""] {
            assert!(statistic(bad).is_err(), "{bad}");
        }
        assert!(measure("a:b").is_err() && measure("a:1:2").is_err());
    }
}
