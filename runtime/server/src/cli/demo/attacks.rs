//! What is forbidden: some of it is refused before any data is read, the rest runs and comes to nothing.

use std::collections::BTreeMap;

use sluice_disclosure::{ReviewView, TOTAL};
use sluice_domain::grade::Lane;
use sluice_domain::job::Visible;
use sluice_domain::review::{Reason, Verdict};
use sluice_engine::ask::{Plan, PlanStatistic};
use sluice_server::api::types::{JobView, RequestView, SubmitJob};

use super::super::failure::{Answer, Failure};
use super::super::{review, routes};
use super::data::{Grants, NOT_GRANTED};
use super::guests::Guests;
use super::runs;
use super::stage::{OPERATOR, REVIEWERS, Stage, holds};

/// More than any instance may hold, and far less than 4 GiB.
const MEMORY_BYTES: u64 = 64 * 1024 * 1024;
const PAGE_BYTES: u64 = 65_536;
/// Figures that are no sums of a module's own.
const COUNTS: [&str; 2] = ["subjects", "records"];

/// Asks for what the guard refuses.
///
/// # Errors
/// One that isn't refused.
pub fn refused(stage: &mut Stage, guests: &Guests, grants: &Grants) -> Answer {
    stage.step("Forbidden queries are refused before any data is read, with the reason")?;
    let column = format!("SELECT carrier, {NOT_GRANTED} FROM flights");
    let queries = [
        ("copies the data into a file", "COPY flights TO 'flights.csv'"),
        ("names a column that isn't granted", &column),
        ("picks single rows", "SELECT carrier, dep_delay FROM flights LIMIT 1 OFFSET 17"),
        ("lists what there is", "SELECT table_name AS carrier FROM information_schema.tables"),
    ];
    for (what, sql) in queries {
        let ask = SubmitJob {
            grant: grants.main.clone(),
            lane: Lane::Tabulate,
            module: None,
            params: BTreeMap::new(),
            plan: Some(count_by_carrier(sql)),
        };
        told(stage, what, sql, routes::submit_job(stage.client(OPERATOR)?, &ask))?;
    }
    let module = runs::submit(stage, guests.get("refused")?)?;
    for (what, way) in [("a module asks for single rows", "rows"), ("a module sums over all aircraft", "window")] {
        let params = BTreeMap::from([("way".to_owned(), way.to_owned())]);
        told(stage, what, &format!("examples/refused, way={way}"), runs::run(stage, &grants.main, &module, params))?;
    }
    stage.saw("forbidden queries and contracts were refused on static grounds, in full words");
    Ok(())
}

/// The aircraft of each carrier.
pub(super) fn count_by_carrier(sql: &str) -> Plan {
    Plan {
        sql: sql.to_owned(),
        dimensions: vec!["carrier".to_owned()],
        measures: Vec::new(),
        statistics: vec![PlanStatistic::Subjects],
        margins: Vec::new(),
        cells_per_subject: None,
        rows_per_subject: None,
    }
}

fn told(stage: &Stage, what: &str, how: &str, answer: Answer<JobView>) -> Answer {
    let Err(failure) = answer else {
        return Err(Failure::Negative(format!("the node admitted a job that {what}: {how}")));
    };
    // Refused for the right reason: a grant that has ended, say, would show nothing.
    let grounds = ["plan", "privacy_unit", "scope", "contract", "malformed"];
    match failure.code() {
        Some(code) if grounds.contains(&code) => stage.line(format_args!("{what}: {how}\n     {}", failure.text())),
        _ => Err(failure),
    }
}

/// Runs hostile modules, for real.
///
/// # Errors
/// One that gets away with something.
pub fn contained(stage: &mut Stage, guests: &Guests, grant: &str) -> Answer {
    stage.step("Hostile modules run, and come to nothing")?;
    emits_rows(stage, guests, grant)?;
    spins(stage, guests, grant)?;
    swallows_memory(stage, guests, grant)
}

/// The reviewers of this one wave it through: the release still holds none of the rows.
fn emits_rows(stage: &mut Stage, guests: &Guests, grant: &str) -> Answer {
    stage.line("emit_rows returns each aircraft's tail number byte by byte, and values far out of bounds")?;
    let (job, request, candidate) = reviewed(stage, guests, grant, "emit_rows")?;
    let run = &candidate.run;
    let caught = run.undeclared_codes + run.clamped + run.defaulted_subjects;
    holds(caught > 0, "what doesn't fit the contract is dropped, clamped or counted by default")?;
    stage.line(format_args!(
        "  reviewers see: of {} instances {} broke the contract and count for nothing; {} codes that aren't declared \
         were dropped, {} values moved to a bound",
        run.subjects, run.defaulted_subjects, run.undeclared_codes, run.clamped
    ))?;
    let findings = candidate.findings.iter().filter(|finding| finding.verdict > sluice_disclosure::Verdict::Pass);
    for finding in findings.filter(|finding| finding.labels.is_none()).take(3) {
        stage.line(format_args!("  finding {}: {}", finding.id, finding.sentence))?;
    }
    if candidate.verdict == sluice_disclosure::Verdict::Refuse {
        stage.line("  the checks refuse it as a whole")?;
        reject(stage, &request)?;
        not_released(stage, &job)?;
    } else {
        for reviewer in REVIEWERS {
            runs::vote(stage, &request, reviewer, Verdict::Approve, Reason::Fits)?;
        }
        let fetched = runs::fetch(stage, &job, "emit_rows")?;
        for row in runs::rows_of(&fetched.csv)?.iter().skip(1) {
            let label = row.first().is_some_and(|label| ["0", "1", sluice_disclosure::TOTAL].contains(&label.as_str()));
            let figure = |cell: &String| cell.parse::<i128>().is_ok() || cell == sluice_disclosure::SUPPRESSED;
            holds(label && row.iter().skip(1).all(figure), "the release holds declared labels and counts only")?;
        }
        stage.line(format_args!(
            "  even with two reviewers who wave it through, the release holds {} rows of counts and no tail number",
            fetched.rows
        ))?;
    }
    stage.saw("a module that emits raw rows: they were dropped, the release holds none");
    stage.node_lives()
}

fn spins(stage: &mut Stage, guests: &Guests, grant: &str) -> Answer {
    stage.line("spin_map never returns")?;
    let (job, request, candidate) = reviewed(stage, guests, grant, "spin_map")?;
    let run = &candidate.run;
    holds(run.subjects > 0 && run.defaulted_subjects == run.subjects, "every spinning instance is stopped")?;
    holds(candidate.cells.iter().all(|cell| cell.subjects == 0), "it contributes nothing")?;
    stage
        .line(format_args!("  its fuel ran out {} times; each time it counted for nothing", run.defaulted_subjects))?;
    reject(stage, &request)?;
    not_released(stage, &job)?;
    stage.saw("a module that spins: stopped by its fuel, nothing released");
    stage.node_lives()
}

fn swallows_memory(stage: &mut Stage, guests: &Guests, grant: &str) -> Answer {
    stage.line("memory_4gib takes all the memory that it can get")?;
    let (job, request, candidate) = reviewed(stage, guests, grant, "memory_4gib")?;
    let run = &candidate.run;
    let instances = run.subjects.saturating_sub(run.defaulted_subjects);
    let inner = candidate.cells.iter().filter(|cell| !cell.labels.iter().any(|label| label == TOTAL));
    let sums = inner.flat_map(|cell| &cell.figures).filter(|figure| !COUNTS.contains(&figure.name.as_str()));
    let pages = sums.filter_map(|figure| figure.value.as_ref()?.parse::<u64>().ok());
    let most = pages.sum::<u64>().saturating_mul(PAGE_BYTES).checked_div(instances).unwrap_or(0);
    holds(run.subjects > 0 && most <= MEMORY_BYTES, "no instance gets more memory than the node gives to each")?;
    match instances {
        0 => stage.line("  every instance was ended at its limit, and counted for nothing")?,
        _ => stage.line(format_args!("  each instance got {} MiB and no more", most / (1024 * 1024)))?,
    }
    reject(stage, &request)?;
    not_released(stage, &job)?;
    stage.saw("a module that wants 4 GiB: held at its limit, nothing released");
    stage.node_lives()
}

fn reviewed(stage: &Stage, guests: &Guests, grant: &str, name: &str) -> Answer<(JobView, RequestView, ReviewView)> {
    let module = runs::submit(stage, guests.get(name)?)?;
    let job = runs::run(stage, grant, &module, BTreeMap::new())?;
    let request = runs::before_reviewers(stage, &job)?;
    let candidate = routes::candidate(stage.client(REVIEWERS[0])?, &request.id, review::CELLS)?.view;
    Ok((job, request, candidate))
}

fn reject(stage: &Stage, request: &RequestView) -> Answer {
    REVIEWERS
        .iter()
        .try_for_each(|reviewer| runs::vote(stage, request, reviewer, Verdict::Reject, Reason::DisclosureRisk))
}

fn not_released(stage: &Stage, job: &JobView) -> Answer {
    let job = runs::decided(stage, job)?;
    holds(job.state == Visible::NotReleased && job.release.is_none(), "nothing is released")?;
    stage.line(format_args!("  two reviewers reject it; the operator is told: {}", job.reasons.join(" ")))
}
