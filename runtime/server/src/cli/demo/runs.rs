//! The operator's part: jobs go through review to releases whose receipts verify offline.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use sluice_domain::grade::Lane;
use sluice_domain::job::Visible;
use sluice_domain::review::{Reason, Verdict};
use sluice_server::api::types::{CastVote, JobView, ModuleView, RequestView, SubmitJob};

use super::super::failure::{Answer, Failure};
use super::super::node::{read_file, write_file};
use super::super::progress::Progress;
use super::super::{plan, release, review, routes, say, text_of, watch};
use super::guests::{Guest, Guests};
use super::stage::{OPERATOR, REVIEWERS, Stage, holds};

/// How long a candidate may take to come before the reviewers.
const PATIENCE: Duration = Duration::from_secs(600);
/// Rows of a released table that are printed.
const ROWS: usize = 10;

/// A release, fetched and verified.
pub struct Fetched {
    /// The table.
    pub csv: PathBuf,
    /// How many rows it has.
    pub rows: usize,
    /// How many of its values are withheld.
    pub withheld: usize,
}

/// A job without a module.
///
/// # Errors
/// A refusal, or a claim that doesn't hold.
pub fn crosstab(stage: &mut Stage, sources: &Path, grant: &str) -> Answer {
    stage.step("A job without a module: a crosstab, counted by the host")?;
    let plan = plan::read(&sources.join("examples/crosstab/job.json"))?;
    stage.line(format_args!("the operator asks: {}", plan.sql))?;
    let job = submitted(
        stage,
        SubmitJob {
            grant: grant.to_owned(),
            lane: Lane::Tabulate,
            module: None,
            params: BTreeMap::new(),
            plan: Some(plan),
        },
    )?;
    let request = before_reviewers(stage, &job)?;
    findings(stage, &request)?;
    blind_votes(stage, &request)?;
    let fetched = fetch(stage, &job, "crosstab")?;
    stage
        .line(format_args!("the released table, its first rows of {}; c is a value that is withheld", fetched.rows))?;
    stage.block(&table(&fetched.csv)?)?;
    stage.line("receipt verified")?;
    stage.saw(format_args!(
        "a crosstab of {} rows, {} values withheld: receipt verified",
        fetched.rows, fetched.withheld
    ));
    Ok(())
}

/// Jobs with modules, all lanes.
///
/// # Errors
/// A refusal, or a claim that doesn't hold.
pub fn modules(stage: &mut Stage, guests: &Guests, grant: &str) -> Answer {
    stage.step("Jobs with modules: each aircraft's rows go to an instance of their own, and the host adds up")?;
    let late = BTreeMap::from([("late_minutes".to_owned(), "15".to_owned())]);
    let jobs = [
        ("delays", BTreeMap::new()),
        ("punctuality", late),
        ("fleet", BTreeMap::new()),
        ("monthly_report", BTreeMap::new()),
    ];
    for (name, params) in jobs {
        let guest = guests.get(name)?;
        let module = submit(stage, guest)?;
        let imports = if module.imports.is_empty() {
            "imports nothing".to_owned()
        } else {
            format!("imports {}", module.imports.join(", "))
        };
        stage.line(format_args!("{name}: {} ({}, {imports})", guest.statement, module.lane.as_str()))?;
        let job = run(stage, grant, &module, params)?;
        let request = before_reviewers(stage, &job)?;
        vote(stage, &request, REVIEWERS[0], Verdict::Approve, Reason::Fits)?;
        vote(stage, &request, REVIEWERS[1], Verdict::Approve, Reason::Fits)?;
        let fetched = fetch(stage, &job, name)?;
        stage.block(&table(&fetched.csv)?)?;
        stage.line(format_args!("{} rows, {} values withheld; receipt verified", fetched.rows, fetched.withheld))?;
        stage.saw(format_args!("{name}: {} rows released, receipt verified", fetched.rows));
    }
    Ok(())
}

/// Submits a module.
pub fn submit(stage: &Stage, guest: &Guest) -> Answer<ModuleView> {
    let progress = Progress::spinner("checking and compiling the module");
    let module = routes::submit_module(stage.client(OPERATOR)?, guest.statement, read_file(&guest.path)?);
    drop(progress);
    module
}

/// Submits a job with a module.
pub fn run(stage: &Stage, grant: &str, module: &ModuleView, params: BTreeMap<String, String>) -> Answer<JobView> {
    let (grant, lane, module) = (grant.to_owned(), module.lane, Some(module.digest.clone()));
    submitted(stage, SubmitJob { grant, lane, module, params, plan: None })
}

fn submitted(stage: &Stage, ask: SubmitJob) -> Answer<JobView> {
    let job = routes::submit_job(stage.client(OPERATOR)?, &ask)?;
    holds(job.state == Visible::Accepted, "an admitted job is shown as accepted, whatever its run does")?;
    holds(job.inside.is_none(), "an operator sees nothing of what is inside")?;
    Ok(job)
}

/// Waits until the operator sees the job under review and the reviewers have its candidate.
pub fn before_reviewers(stage: &Stage, job: &JobView) -> Answer<RequestView> {
    before_reviewers_of(stage, OPERATOR, job)
}

/// The same of another operator's job.
pub fn before_reviewers_of(stage: &Stage, who: &str, job: &JobView) -> Answer<RequestView> {
    let progress = Progress::spinner("the job runs");
    let until = Instant::now() + PATIENCE;
    let seen = watch::until(stage.client(who)?, &job.id, |state| state != Visible::Accepted, |_| Ok(()))?;
    holds(seen.state == Visible::UnderReview, format_args!("{} comes under review", job.id))?;
    let reviewer = stage.client(REVIEWERS[0])?;
    // A report is shown as under review at its slot, whether its run has ended or not.
    let request = loop {
        match review::find(reviewer, &job.id) {
            Ok(request) => break request,
            Err(Failure::Usage(_)) if Instant::now() < until => sleep(Duration::from_millis(200)),
            Err(failure) => return Err(failure),
        }
    };
    drop(progress);
    Ok(request)
}

fn findings(stage: &Stage, request: &RequestView) -> Answer {
    let candidate = routes::candidate(stage.client(REVIEWERS[0])?, &request.id, review::CELLS)?.view;
    let subjects = candidate.run.subjects;
    stage.line(format_args!("two reviewers see the candidate, with true counts: {subjects} aircraft looked at"))?;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for finding in &candidate.findings {
        *counts.entry(text_of(&finding.verdict)).or_default() += 1;
    }
    let counts: Vec<String> = counts.into_iter().map(|(verdict, count)| format!("{verdict} {count}")).collect();
    stage.line(format_args!("and what the checks found: {}", counts.join(", ")))?;
    let peeked = routes::candidate(stage.client(OPERATOR)?, &request.id, review::CELLS);
    holds(peeked.as_ref().is_err_and(|failure| failure.code().is_some()), "the operator can't see the candidate")
}

fn blind_votes(stage: &Stage, request: &RequestView) -> Answer {
    let [first, second] = REVIEWERS;
    vote(stage, request, first, Verdict::Approve, Reason::Fits)?;
    let other = routes::request(stage.client(second)?, &request.id)?;
    holds(other.votes.is_empty(), "a reviewer doesn't see the other's vote before their own")?;
    vote(stage, request, second, Verdict::Approve, Reason::Fits)?;
    stage.line(format_args!("{first} and {second} approve, each without having seen the other's vote"))
}

/// Casts a vote.
pub fn vote(stage: &Stage, request: &RequestView, who: &str, verdict: Verdict, reason: Reason) -> Answer {
    // Each looks before they vote: what is out by now may be more than when the candidate was first shown.
    let looked = routes::candidate(stage.client(who)?, &request.id, 1)?;
    let body = CastVote { verdict, reason, note: None, round: Some(looked.round) };
    routes::vote(stage.client(who)?, &request.id, &body).map(drop)
}

/// Waits for the operator's answer.
pub fn decided(stage: &Stage, job: &JobView) -> Answer<JobView> {
    decided_of(stage, OPERATOR, job)
}

/// The same of another operator's job.
pub fn decided_of(stage: &Stage, who: &str, job: &JobView) -> Answer<JobView> {
    let progress = Progress::spinner("the slot ends");
    let job = watch::until(stage.client(who)?, &job.id, watch::is_final, |_| Ok(()));
    drop(progress);
    job
}

/// Waits for a job's release, fetches it, and verifies its receipt from the files alone.
pub fn fetch(stage: &Stage, job: &JobView, name: &str) -> Answer<Fetched> {
    let job = decided(stage, job)?;
    holds(job.state == Visible::Released, format_args!("{name} is released"))?;
    let id = job.release.clone().ok_or_else(|| Failure::Negative(format!("{name} was released without a release")))?;
    let olga = stage.client(OPERATOR)?;
    let (csv, receipt) = (stage.file(&format!("{name}.csv")), stage.file(&format!("{name}.receipt.json")));
    write_file(&csv, &routes::artefact(olga, &id, "csv")?)?;
    write_file(&receipt, &routes::receipt(olga, &id)?)?;
    write_file(&stage.file(&format!("{name}.record.json")), &routes::artefact(olga, &id, "record")?)?;

    let verified = release::checked(&read_file(&receipt)?, stage.key())?;
    holds(verified.key_is_trusted(), "the receipt is checked with the key that the node had at its start")?;
    release::is_of(&verified, &id, &job.id)?;
    release::fits(&verified, "csv", &read_file(&csv)?)?;
    release::fits(&verified, "record", &read_file(&stage.file(&format!("{name}.record.json")))?)?;
    let records = rows_of(&csv)?;
    let withheld = records.iter().flatten().filter(|value| *value == sluice_disclosure::SUPPRESSED).count();
    Ok(Fetched { csv, rows: records.len().saturating_sub(1), withheld })
}

/// A CSV file, header first.
pub fn rows_of(path: &Path) -> Answer<Vec<Vec<String>>> {
    let unread = |error: csv::Error| Failure::file("read", path, &error);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_path(path).map_err(unread)?;
    let records = reader.records().map(|record| record.map(|record| record.iter().map(str::to_owned).collect()));
    records.collect::<Result<_, _>>().map_err(unread)
}

/// The first rows of a table, as text.
///
/// # Errors
/// A file that can't be read.
pub fn table(path: &Path) -> Answer<String> {
    let rows = rows_of(path)?;
    let (shown, left) = (rows.len().min(ROWS + 1), rows.len().saturating_sub(ROWS + 1));
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .take(shown)
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let number = |text: &str| text.parse::<f64>().is_ok() || text == sluice_disclosure::SUPPRESSED;
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| match number(cell) {
            true => format!("{cell:>width$}"),
            false => format!("{cell:width$}"),
        });
        say::plain(cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    let mut lines: Vec<String> = rows.iter().take(shown).map(line).collect();
    if left > 0 {
        lines.push(format!("... and {left} more"));
    }
    Ok(lines.join("\n"))
}
