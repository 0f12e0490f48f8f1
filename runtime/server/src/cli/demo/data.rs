//! The agency's part: data is described and sealed, and a grant is signed by two people.

use std::path::Path;

use sluice_domain::grade::Lane;
use sluice_domain::grant::{GrantState, GrantedDataset, Mode, Terms, Tightening};
use sluice_domain::method::Method;
use sluice_server::api::types::{DraftGrant, GrantView};

use super::super::failure::Answer;
use super::super::{dataset, draft, grant, routes};
use super::stage::{CUSTODIANS, OPERATOR, Stage, holds};

/// The data: each name has a file and a dictionary among the examples.
const DATASETS: [&str; 2] = ["flights", "planes"];
const FLIGHTS: [&str; 8] = ["year", "month", "tailnum", "carrier", "origin", "dest", "dep_delay", "distance"];
const PLANES: [&str; 4] = ["tailnum", "year", "manufacturer", "seats"];
/// A column of the flights that no grant of the demo covers.
pub const NOT_GRANTED: &str = "arr_delay";

/// The demo's grants.
pub struct Grants {
    /// For the honest jobs.
    pub main: String,
    /// For the hostile modules: one carrier's rows.
    pub narrow: String,
}

/// Registers the data and seals it.
///
/// # Errors
/// A refusal, or a claim that doesn't hold.
pub fn register(stage: &mut Stage, sources: &Path) -> Answer {
    stage.step("The agency registers its data and seals a snapshot of each")?;
    let carol = stage.client("carol")?;
    for name in DATASETS {
        let folder = sources.join("examples/data");
        let entry = draft::read_entry(&folder.join(format!("{name}.dictionary.json")), false)?;
        let entry = routes::register(carol, &entry)?;
        let about = entry.subject.as_ref().map_or("nobody", |subject| subject.domain.as_str());
        let columns = entry.dictionary.columns.len();
        stage.line(format_args!(
            "{name}: {columns} columns, about {about}; the dictionary is public, the rows are not"
        ))?;
        let sealed = dataset::seal(carol, name, &folder.join(format!("{name}.parquet")), None)?;
        let report = sealed.report.as_ref();
        holds(report.is_some_and(|report| report.rows > 0 && report.subjects > 0), format_args!("{name} has rows"))?;
        if let Some(report) = report {
            let (rows, subjects, without) = (report.rows, report.subjects, report.rows_without_subject);
            let misfits: u64 = report.misfits.values().sum();
            stage.line(format_args!(
                "  the custodian alone is told: {rows} rows, {subjects} aircraft, {without} rows without one, {misfits} values beside the dictionary"
            ))?;
        }
    }
    let seen_by_operator = serde_json::to_string(&routes::snapshots(stage.client(OPERATOR)?, DATASETS[0])?);
    let seen_by_operator = seen_by_operator.unwrap_or_default();
    holds(!seen_by_operator.contains("rows"), "an operator isn't told how many rows a snapshot has")?;
    stage.saw("two datasets registered and sealed; how large they are stays inside");
    Ok(())
}

/// Grants the operator its use, and shows that one signature isn't enough.
///
/// # Errors
/// A refusal, or a claim that doesn't hold.
pub fn grant(stage: &mut Stage) -> Answer<Grants> {
    stage.step("The agency grants the operator a use; two people have to sign")?;
    let main = Terms {
        datasets: vec![whole("flights", &FLIGHTS, None), whole("planes", &PLANES, None)],
        ..terms("Punctuality of air traffic", vec![Lane::Tabulate, Lane::Report])
    };
    let narrow = Terms {
        datasets: vec![whole("flights", &["month", "tailnum", "flight", "carrier"], Some("carrier = 'F9'"))],
        ..terms("Trial of new modules on one carrier's flights", vec![Lane::Tabulate])
    };
    let main = signed(stage, main)?;
    stage.line(format_args!("{}: {} columns of flights, {} of planes", main.id, FLIGHTS.len(), PLANES.len()))?;
    let narrow = signed(stage, narrow)?;
    stage.line(format_args!("{}: the rows of one carrier, for modules that nobody trusts yet", narrow.id))?;
    stage.line("with one signature each was still a draft, with two it is in force")?;
    stage.saw("a grant takes effect with the second person's signature, not before");
    Ok(Grants { main: main.id, narrow: narrow.id })
}

fn whole(dataset: &str, columns: &[&str], row_filter: Option<&str>) -> GrantedDataset {
    GrantedDataset {
        dataset: dataset.to_owned(),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        row_filter: row_filter.map(str::to_owned),
    }
}

/// Grants another house the use of the flights.
///
/// # Errors
/// A refusal.
pub fn grant_to(stage: &Stage, operator: &str) -> Answer<String> {
    let terms = Terms {
        operator: operator.to_owned(),
        datasets: vec![whole("flights", &FLIGHTS, None)],
        ..terms("Fleets at New York", vec![Lane::Tabulate])
    };
    signed(stage, terms).map(|grant| grant.id)
}

fn terms(purpose: &str, lanes: Vec<Lane>) -> Terms {
    let from_ms = grant::now_ms();
    Terms {
        operator: "operator".to_owned(),
        purpose: purpose.to_owned(),
        mode: Mode::Scenario,
        datasets: Vec::new(),
        lanes,
        tightening: Tightening::default(),
        method: Method::default(),
        signatures: 2,
        reviewers: 2,
        from_ms,
        until_ms: from_ms.saturating_add(90 * 86_400_000),
        jobs_max: 100,
        report_bits_max: 1_000,
        conditions: "Releases may be published. The grant ends with the project.".to_owned(),
    }
}

fn signed(stage: &Stage, terms: Terms) -> Answer<GrantView> {
    let [first, second] = CUSTODIANS;
    let grant = routes::draft_grant(stage.client(first)?, &DraftGrant { terms })?;
    let once = routes::act_on_grant(stage.client(first)?, &grant.id, "sign")?;
    holds(once.state == GrantState::Draft && !once.in_force, "one signature isn't enough")?;
    let twice = routes::act_on_grant(stage.client(second)?, &grant.id, "sign")?;
    holds(twice.in_force, "two signatures are enough")?;
    Ok(twice)
}
