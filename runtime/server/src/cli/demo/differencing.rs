//! Two operators ask for nearly the same. The reviewers see who stands between the two tables; the operators don't.

use std::collections::{BTreeMap, BTreeSet};

use sluice_disclosure::finding::CheckName;
use sluice_disclosure::review::FindingView;
use sluice_domain::grade::Lane;
use sluice_domain::job::Visible;
use sluice_domain::people::{OrganisationKind, Role};
use sluice_domain::review::{Reason, Verdict};
use sluice_server::api::types::{AddOrganisation, AddPerson, IssueToken, JobView, SubmitJob};

use super::super::failure::{Answer, Failure};
use super::super::{review, routes};
use super::stage::{ADMINISTRATOR, OPERATOR, OTHER_OPERATOR, REVIEWERS, Stage, holds};
use super::{attacks, data, runs};

/// An aircraft that flew in January, and whose it is.
const AIRCRAFT: &str = "N14228";
const CARRIER: &str = "UA";

/// A table of one operator, and another operator's of the same without one aircraft.
///
/// # Errors
/// A refusal, or a claim that doesn't hold.
pub fn pair(stage: &mut Stage, grant: &str) -> Answer {
    stage.step("Two operators ask for the same, but for one aircraft")?;
    let others = joins(stage)?;
    let whole = "SELECT carrier FROM flights WHERE month = 1".to_owned();
    let without = format!("{whole} AND tailnum <> '{AIRCRAFT}'");
    stage.line(format_args!("{OPERATOR} asks: {whole}"))?;
    let first = ask(stage, OPERATOR, grant, &whole)?;
    let request = runs::before_reviewers(stage, &first)?;
    for reviewer in REVIEWERS {
        runs::vote(stage, &request, reviewer, Verdict::Approve, Reason::Fits)?;
    }
    let first = runs::decided(stage, &first)?;
    holds(first.state == Visible::Released, "the first table is released")?;

    stage.line(format_args!("{OTHER_OPERATOR}, of another house, asks: {without}"))?;
    let second = ask(stage, OTHER_OPERATOR, &others, &without)?;
    let request = runs::before_reviewers_of(stage, OTHER_OPERATOR, &second)?;
    let candidate = routes::candidate(stage.client(REVIEWERS[0])?, &request.id, review::CELLS)?.view;
    let release = first.release.clone().unwrap_or_default();
    // What is out, less what would be: the carrier's aircraft but for one.
    let pair = format!("history:-{release}:carrier%3D{CARRIER}:subjects:");
    let one = |finding: &&FindingView| {
        finding.check == CheckName::History
            && finding.id.starts_with(&pair)
            && finding.id.contains(&format!(":+candidate:carrier%3D{CARRIER}:subjects:"))
            && finding.sentence.contains("isolates 1 subject of")
    };
    let found = candidate.findings.iter().find(one);
    let found = found.ok_or_else(|| Failure::Negative("nobody sees the aircraft between the tables".to_owned()))?;
    stage.line(format_args!(
        "  reviewers see, at {}:",
        found.labels.as_ref().map_or_else(String::new, |l| l.join("/"))
    ))?;
    stage.line(format_args!("  finding {}", found.id))?;
    stage.line(format_args!("  {}", found.sentence))?;
    alike(stage, &first, &second)?;
    for reviewer in REVIEWERS {
        runs::vote(stage, &request, reviewer, Verdict::Reject, Reason::DisclosureRisk)?;
    }
    let second = runs::decided_of(stage, OTHER_OPERATOR, &second)?;
    holds(second.state == Visible::NotReleased && second.release.is_none(), "nothing is released")?;
    stage.line(format_args!("  two reviewers reject it; the operator is told: {}", second.reasons.join(" ")))?;
    let again = routes::job(stage.client(OPERATOR)?, &first.id)?;
    holds(json(&again) == json(&first), "the first operator's job shows what it showed before")?;
    stage
        .saw("two tables of two operators that differ in one aircraft: a finding for reviewers, nothing for operators");
    Ok(())
}

/// While people look at it, the second operator sees what anybody sees of a job before people.
fn alike(stage: &Stage, first: &JobView, second: &JobView) -> Answer {
    let second = routes::job(stage.client(OTHER_OPERATOR)?, &second.id)?;
    holds(second.state == Visible::UnderReview && second.inside.is_none(), "it is under review, and no more is said")?;
    let names = |job: &JobView| -> BTreeSet<String> {
        json(job).as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default()
    };
    let more: Vec<String> = names(&second).difference(&names(first)).cloned().collect();
    holds(more.is_empty(), format_args!("its view says nothing that others don't: {more:?}"))?;
    let text = json(&second).to_string();
    holds(!text.contains("isolat") && !text.contains("history"), "nothing of what was found is in it")?;
    stage.line("  neither operator sees anything of it: a job under review looks like any other")
}

fn json(job: &JobView) -> serde_json::Value {
    serde_json::to_value(job).unwrap_or_default()
}

/// Another house with an operator, and a grant of the same use. Gives the grant.
fn joins(stage: &mut Stage) -> Answer<String> {
    let admin = stage.client(ADMINISTRATOR)?;
    let house = AddOrganisation {
        id: "bureau".to_owned(),
        title: "Another bureau".to_owned(),
        kind: OrganisationKind::Operator,
        legal_group: None,
    };
    routes::add_organisation(admin, &house)?;
    let person = AddPerson {
        id: OTHER_OPERATOR.to_owned(),
        title: "Otto".to_owned(),
        organisation: house.id.clone(),
        roles: BTreeSet::from([Role::Operator]),
    };
    routes::add_person(admin, &person)?;
    let token = IssueToken { person: person.id, role: Role::Operator, days: Some(1) };
    let secret = routes::issue_token(admin, &token)?.secret;
    stage.enters(OTHER_OPERATOR, secret);
    data::grant_to(stage, &house.id)
}

fn ask(stage: &Stage, who: &str, grant: &str, sql: &str) -> Answer<JobView> {
    let (grant, params) = (grant.to_owned(), BTreeMap::new());
    let ask =
        SubmitJob { grant, lane: Lane::Tabulate, module: None, params, plan: Some(attacks::count_by_carrier(sql)) };
    routes::submit_job(stage.client(who)?, &ask)
}
