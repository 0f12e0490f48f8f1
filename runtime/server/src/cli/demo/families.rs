//! Tables that are vetted beforehand: jobs within them are answered at once, others go to people and say why.

use std::collections::{BTreeMap, BTreeSet};

use sluice_domain::family::{FamilyDimension, FamilyMeasure, FamilyTerms};
use sluice_domain::grade::Lane;
use sluice_domain::grant::Tightening;
use sluice_domain::job::{Route, Visible};
use sluice_domain::method::Method;
use sluice_engine::ask::{Plan, PlanMeasure, PlanStatistic};
use sluice_server::api::types::{JobView, ProposeFamily, SubmitJob};

use super::super::failure::{Answer, Failure};
use super::super::progress::Progress;
use super::super::routes;
use super::runs;
use super::stage::{CUSTODIANS, OPERATOR, REVIEWERS, Stage, holds};

/// The family's key.
const KEY: &str = "flights.network";

/// Vets a family, and asks within and outside of it.
///
/// # Errors
/// A refusal, or a claim that doesn't hold.
pub fn vetted(stage: &mut Stage, grant: &str) -> Answer {
    stage.step("The agency vets a family of tables; jobs within it are answered at once")?;
    let [first, second] = CUSTODIANS;
    let terms = terms();
    let tables = terms.tables().len();
    routes::propose_family(stage.client(first)?, &ProposeFamily { terms })?;
    let progress = Progress::spinner("protecting the tables");
    let preview = routes::preview_family(stage.client(first)?, KEY)?;
    drop(progress);
    let total = |of: fn(&sluice_server::api::types::TablePreview) -> u64| preview.tables.iter().map(of).sum::<u64>();
    let primary =
        total(|table| table.cells - table.published - table.secondary - table.carried - table.withheld_before);
    stage.line(format_args!("{first} proposes origin x carrier x month with all margins: {tables} tables"))?;
    stage.line(format_args!(
        "  and sees beforehand: {} cells occur, {} would be published, {primary} withheld by a rule, {} so that those can't be worked out",
        total(|table| table.cells),
        total(|table| table.published),
        total(|table| table.secondary),
    ))?;
    holds(primary > 0 && total(|table| table.published) > primary, "most cells can be published, and some can't")?;
    let refused = routes::act_on_family(stage.client(first)?, KEY, "vet");
    holds(refused.is_err(), "who proposes a family doesn't vet it")?;
    for person in [second, REVIEWERS[0]] {
        routes::act_on_family(stage.client(person)?, KEY, "vet")?;
    }
    let family = routes::family(stage.client(OPERATOR)?, KEY)?;
    holds(family.sealed_snapshot.is_some(), "the second person's word seals it with the newest snapshot")?;
    stage.line(format_args!("{second} and {} vet it: it is sealed, before anybody has asked", REVIEWERS[0]))?;
    within(stage, grant)?;
    outside(stage, grant)
}

fn within(stage: &mut Stage, grant: &str) -> Answer {
    let sql = "SELECT carrier, origin, distance FROM flights WHERE month = 7";
    stage.line(format_args!("the operator asks: {sql}"))?;
    let job = ask(stage, grant, sql)?;
    holds(job.state == Visible::Released && job.release.is_some(), "it is answered at once")?;
    holds(job.route.family() == Some(KEY), "from the family")?;
    let fetched = runs::fetch(stage, &job, "family")?;
    stage.block(&runs::table(&fetched.csv)?)?;
    stage.line(format_args!("{} rows, {} values withheld; receipt verified", fetched.rows, fetched.withheld))?;
    let again = ask(stage, grant, sql)?;
    let other = runs::fetch(stage, &again, "family_again")?;
    let same = std::fs::read(&fetched.csv).ok() == std::fs::read(&other.csv).ok();
    holds(same, "whoever asks the same gets the same bytes")?;
    stage.saw(format_args!("a crosstab within a vetted family: {} rows at once, receipt verified", fetched.rows));
    Ok(())
}

fn outside(stage: &mut Stage, grant: &str) -> Answer {
    let sql = "SELECT carrier, origin, distance FROM flights WHERE month = 7 AND dest <> 'ATL'";
    stage.line(format_args!("the operator asks: {sql}"))?;
    let job = ask(stage, grant, sql)?;
    holds(job.state == Visible::Accepted, "it isn't answered at once")?;
    let Route::Reviewers { outside, .. } = &job.route else {
        return Err(Failure::Fault("a job outside of every family was looked up".to_owned()));
    };
    holds(!outside.is_empty(), "it says why")?;
    stage.line(format_args!("  it goes to two reviewers, and before it runs it says why: {}", outside.join("; ")))?;
    let request = runs::before_reviewers(stage, &job)?;
    holds(request.reviewers == 2, "two people look at it")?;
    stage.saw(format_args!("a crosstab outside of it goes to two reviewers: {}", outside.join("; ")));
    Ok(())
}

fn ask(stage: &Stage, grant: &str, sql: &str) -> Answer<JobView> {
    let plan = Plan {
        sql: sql.to_owned(),
        dimensions: vec!["carrier".to_owned(), "origin".to_owned()],
        measures: vec![PlanMeasure { column: "distance".to_owned(), scale: 0, lower: None, upper: None }],
        statistics: vec![PlanStatistic::Records, PlanStatistic::Sum("distance".to_owned())],
        margins: vec![vec!["carrier".to_owned()], vec!["origin".to_owned()], Vec::new()],
        cells_per_subject: None,
        rows_per_subject: None,
    };
    let (grant, params) = (grant.to_owned(), BTreeMap::new());
    let ask = SubmitJob { grant, lane: Lane::Tabulate, module: None, params, plan: Some(plan) };
    routes::submit_job(stage.client(OPERATOR)?, &ask)
}

/// Flights and miles by origin, carrier and month, with every margin.
fn terms() -> FamilyTerms {
    let names = ["carrier", "month", "origin"];
    let dimension = |name: &str| FamilyDimension { levels: vec![name.to_owned()], cost: 1 };
    let margin = |kept: u32| -> BTreeSet<String> {
        (0..).zip(names).filter(|(place, _)| kept >> place & 1 == 1).map(|(_, name)| name.to_owned()).collect()
    };
    FamilyTerms {
        dataset: "flights".to_owned(),
        name: "network".to_owned(),
        title: "Flights and miles by origin, carrier and month".to_owned(),
        dimensions: names.map(dimension).to_vec(),
        subjects: false,
        records: true,
        measures: vec![FamilyMeasure { column: "distance".to_owned(), scale: 0 }],
        margins: (0..7).map(margin).collect(),
        tightening: Tightening::default(),
        method: Method::suppress(),
    }
}
