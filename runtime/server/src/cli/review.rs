//! `sluice review`: read candidates and vote on them.

use clap::Subcommand;
use sluice_disclosure::Verdict as Finding;
use sluice_disclosure::review::{FigureView, Status};
use sluice_domain::exception::{ExceptionMark, RuleName};
use sluice_domain::review::{Reason, Verdict};
use sluice_server::api::types::{AskException, CandidateView, CastVote, ExceptionView, RequestView, TightenRequest};

use super::failure::{Answer, Failure};
use super::node::Node;
use super::{Common, example, routes, say, text_of, word};

/// Rows of a candidate that are printed unless all are asked for.
const ROWS: usize = 40;
/// Inner cells that are asked for, the most that a node hands out at once.
pub const CELLS: usize = 100_000;

/// Read candidates and vote on them.
#[derive(Subcommand)]
pub enum Review {
    /// List the requests
    #[command(after_help = example!("sluice --as rosa review list"))]
    List,
    /// Show a request with its candidate and what the checks found
    ///
    /// The figures are true ones: they stay inside. That you looked is on record.
    #[command(after_help = example!("sluice --as rosa review show JOB"))]
    Show {
        /// The request, or its job
        id: String,
        /// Print every row
        #[arg(long)]
        all: bool,
    },
    /// Vote
    #[command(after_help = example!("sluice --as rosa review vote JOB approve --reason fits"))]
    Vote {
        /// The request, or its job
        id: String,
        /// approve, changes or reject
        #[arg(value_parser = verdict)]
        verdict: Verdict,
        /// fits, coarser_codes, fewer_margins, outside_purpose, disclosure_risk or unexplained
        #[arg(long, value_parser = word::<Reason>)]
        reason: Reason,
        /// Your own words; they stay inside
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        /// The round that you looked at [default: the first]; the vote is refused if the candidate has changed since
        #[arg(long)]
        round: Option<u32>,
    },
    /// Have a candidate assessed again under stricter rules; the votes so far are void
    ///
    /// For custodians of the owning agency. Rules can be made stricter than the grant's, never looser.
    #[command(after_help = example!("sluice --as carol review tighten JOB --threshold 20"))]
    Tighten {
        /// The request, or its job
        id: String,
        /// Distinct subjects that a cell needs
        #[arg(long, value_name = "N", required_unless_present = "rounding")]
        threshold: Option<u64>,
        /// Rounding base of counts and sums
        #[arg(long, value_name = "BASE")]
        rounding: Option<u64>,
    },
    /// Ask that one rule be looser for this candidate, or confirm what another person asked for
    ///
    /// For custodians and reviewers of the owning agencies. Nothing changes until two people of each of them have asked
    /// for the same number; then the candidate is assessed again and the votes so far are void. Whoever asked has no vote
    /// on what comes of it. A release is marked with rule and number.
    #[command(after_help = example!(
        "sluice --as carol review except JOB --rule threshold --asked 5 --reason \"A law asks for these cells\""
    ))]
    Except {
        /// The request, or its job
        id: String,
        /// threshold, rounding_base, dominance:N, p_percent, prior_posterior, class_group, degrees_of_freedom or
        /// difference
        #[arg(long, value_parser = rule, value_name = "RULE")]
        rule: RuleName,
        /// The number that is to hold instead
        #[arg(long, value_name = "N")]
        asked: u64,
        /// Why, in your own words; they stay inside
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

impl Review {
    pub fn run(self, common: &Common) -> Answer {
        let node = common.connect()?;
        match self {
            Review::List => list(common, &node),
            Review::Show { id, all } => {
                let candidate = routes::candidate(&node, &find(&node, &id)?.id, CELLS)?;
                // To look may have begun a new round: more may be out than the candidate had been compared with.
                let request = routes::request(&node, &candidate.request)?;
                if common.json {
                    return say::json(&serde_json::json!({ "request": request, "candidate": candidate }));
                }
                say::out(request_text(&request))?;
                say::out(candidate_text(&candidate, if all { usize::MAX } else { ROWS }))
            }
            Review::Vote { id, verdict, reason, note, round } => {
                let request = find(&node, &id)?;
                let request = routes::vote(&node, &request.id, &CastVote { verdict, reason, note, round })?;
                shown(common, &request)
            }
            Review::Tighten { id, threshold, rounding } => {
                let request = find(&node, &id)?;
                shown(common, &routes::tighten(&node, &request.id, &TightenRequest { threshold, rounding })?)
            }
            Review::Except { id, rule, asked, reason } => {
                let request = find(&node, &id)?;
                shown(common, &routes::ask_exception(&node, &request.id, &AskException { rule, asked, reason })?)
            }
        }
    }
}

fn shown(common: &Common, request: &RequestView) -> Answer {
    if common.json { say::json(request) } else { say::out(request_text(request)) }
}

fn verdict(text: &str) -> Result<Verdict, String> {
    match text {
        "changes" => Ok(Verdict::RequestChanges),
        other => word(other).map_err(|_| "a verdict is approve, changes or reject".to_owned()),
    }
}

/// A rule as it is typed: a name, or `dominance:N`.
fn rule(text: &str) -> Result<RuleName, String> {
    let Some(largest) = text.strip_prefix("dominance:") else { return word(text) };
    let n = largest.parse().map_err(|_| "dominance:N has the number of the largest for N".to_owned())?;
    Ok(RuleName::Dominance { n })
}

/// The request of that name, or the one that came of the job of that name.
pub fn find(node: &Node, id: &str) -> Answer<RequestView> {
    if !id.starts_with("job_") {
        return routes::request(node, id);
    }
    let requests = routes::requests(node)?;
    let found = requests.into_iter().find(|request| request.job == id);
    found.ok_or_else(|| Failure::Usage(format!("there is no request of {id} before you yet")))
}

fn list(common: &Common, node: &Node) -> Answer {
    let requests = routes::requests(node)?;
    if common.json {
        return say::json(&requests);
    }
    let rows = requests.iter().map(|request| {
        let voted = if request.voted { "yes" } else { "no" }.to_owned();
        let lane = request.lane.as_str().to_owned();
        [request.id.clone(), request.job.clone(), lane, request.organisation.clone(), text_of(&request.state), voted]
    });
    say::out(say::table(["request", "job", "lane", "asked by", "state", "you voted"], rows))
}

fn request_text(request: &RequestView) -> String {
    let mut pairs = vec![
        ("request", request.id.clone()),
        ("job", request.job.clone()),
        ("asked by", request.organisation.clone()),
        ("lane", request.lane.as_str().to_owned()),
        ("module", request.module.clone().unwrap_or_else(|| "none: the query alone".to_owned())),
        ("state", text_of(&request.state)),
        ("round", request.round.to_string()),
        ("reviewers who must agree", request.reviewers.to_string()),
    ];
    let tightened = [
        ("threshold, tightened to", request.tightening.threshold),
        ("rounding, tightened to", request.tightening.rounding),
    ];
    pairs.extend(tightened.into_iter().filter_map(|(name, rule)| Some((name, rule?.to_string()))));
    pairs.extend(request.exceptions.iter().flat_map(exception_text));
    for vote in &request.votes {
        let said = format!("{} ({}): {}, {}", vote.person, vote.agency, text_of(&vote.verdict), text_of(&vote.reason));
        pairs.push(("vote", said));
    }
    say::fields(&pairs)
}

/// An exception, and each person who asks for it.
fn exception_text(exception: &ExceptionView) -> Vec<(&'static str, String)> {
    let ExceptionView { rule, asked, in_force, by } = exception;
    let holds = if *in_force { "in force" } else { "asked for, not in force" };
    let mut pairs = vec![("exception", format!("{}: {holds}", ExceptionMark { rule: *rule, asked: *asked }))];
    pairs.extend(by.iter().map(|backer| {
        let reason = backer.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        ("asked for by", format!("{} ({}){reason}", backer.person, backer.agency))
    }));
    pairs
}

/// A candidate in words and tables, at most `rows` of it.
fn candidate_text(candidate: &CandidateView, rows: usize) -> String {
    let mut parts = vec![facts_text(candidate)];
    let candidate = &candidate.view;
    let columns = candidate.columns.join(" | ");
    let cells: Vec<[String; 4]> = candidate
        .cells
        .iter()
        .filter(|cell| cell.subjects > 0)
        .map(|cell| {
            let figures: Vec<String> = cell.figures.iter().map(figure_text).collect();
            let subjects = if cell.groups == cell.subjects {
                cell.subjects.to_string()
            } else {
                format!("{} in {} groups, {} in one", cell.subjects, cell.groups, cell.largest_group)
            };
            [cell.labels.join(" | "), subjects, cell.records.to_string(), figures.join("\n")]
        })
        .collect();
    if !cells.is_empty() {
        let shown = cells.len().min(rows);
        parts.push(format!("{shown} of {} cells with anybody in them; columns: {columns}", cells.len()));
        let header = ["cell", "subjects", "records", "figures: true -> would be published"];
        parts.push(say::table(header, cells.into_iter().take(rows)));
    }
    if !candidate.rows.is_empty() {
        let shown = candidate.rows.len().min(rows);
        parts.push(format!(
            "{shown} of {} other rows that would be published; columns: {columns}",
            candidate.rows.len()
        ));
        parts.extend(candidate.rows.iter().take(rows).map(|row| say::plain(&row.join(" | "))));
    }
    let said = candidate.findings.iter().filter(|finding| finding.verdict != Finding::Pass);
    let said: Vec<[String; 3]> =
        said.map(|finding| [text_of(&finding.verdict), finding.id.clone(), finding.sentence.clone()]).collect();
    let passed = candidate.findings.len() - said.len();
    let shown = said.len().min(rows);
    parts.push(format!("{shown} of {} findings; {passed} more found nothing", said.len()));
    if !said.is_empty() {
        parts.push(say::table(["verdict", "finding", "in words"], said.into_iter().take(rows)));
    }
    parts.join("\n")
}

/// A figure: what is true, what would be published, and where it is withheld why, and what an attacker can't exclude.
fn figure_text(figure: &FigureView) -> String {
    let (name, published) = (&figure.name, figure.published.as_deref().unwrap_or("-"));
    let value = figure.value.as_deref().unwrap_or("-");
    let why = match figure.status {
        Status::Published => return format!("{name}: {value} -> {published}"),
        Status::Primary => format!("primary: {}", figure.rules.join(", ")),
        Status::Secondary => "secondary".to_owned(),
    };
    let interval = match &figure.interval {
        // Whoever withholds it for the sake of others need not keep it uncertain itself.
        Some((from, to)) if from == to => "; not shown to be uncertain".to_owned(),
        Some((from, to)) => format!("; at least between {from} and {to}"),
        None => String::new(),
    };
    format!("{name}: {value} -> {published} ({why}{interval})")
}

fn facts_text(candidate: &CandidateView) -> String {
    let (view, run) = (&candidate.view, &candidate.view.run);
    let mut pairs = vec![
        ("purpose of the grant", candidate.purpose.clone()),
        ("the author says", candidate.statement.clone().unwrap_or_default()),
        ("worst verdict", text_of(&view.verdict)),
        ("bits that it could carry", view.bits_max.to_string()),
        ("subjects looked at", run.subjects.to_string()),
        ("subjects cut short by a cap", run.truncated_subjects.to_string()),
        ("subjects counted by default: their instance failed", run.defaulted_subjects.to_string()),
        ("contributions dropped: code not declared", run.undeclared_codes.to_string()),
        ("contributions moved to a bound", run.clamped.to_string()),
        ("rows without a subject", run.unattributed_rows.to_string()),
    ];
    if let Some(fault) = &run.fault {
        pairs.push(("there is no table: the module", text_of(fault)));
    }
    if run.dropped_rows > 0 || run.rounded_values > 0 {
        pairs.push(("rows dropped, values rounded", format!("{}, {}", run.dropped_rows, run.rounded_values)));
    }
    say::fields(&pairs)
}
