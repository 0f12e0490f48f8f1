//! `sluice job`: submit jobs and follow them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use sluice_domain::grade::Lane;
use sluice_domain::job::{Route, Visible};
use sluice_server::api::types::{JobView, SubmitJob};

use super::failure::{Answer, Failure};
use super::node::Node;
use super::plan::{self, PlanArgs};
use super::progress::Progress;
use super::{Common, example, routes, say, text_of, watch, word};

/// Submit jobs and follow them.
#[derive(Subcommand)]
pub enum Job {
    /// Submit a job: a query alone, or a module
    ///
    /// A job that breaks a rule is refused at once, on grounds that need no data. From then on it waits for its run
    /// and for the reviewers.
    #[command(after_help = example!(
        "sluice --as olga job submit --grant GRANT --sql \"SELECT city, spend FROM trips\" --dimensions city --measures spend --wait"
    ))]
    Submit(Box<Submit>),
    /// Follow a job until it has ended
    #[command(after_help = example!("sluice --as olga job watch JOB"))]
    Watch {
        /// The job
        id: String,
    },
    /// List the jobs
    #[command(after_help = example!("sluice --as olga job list"))]
    List,
    /// Show a job
    #[command(after_help = example!("sluice --as olga job show JOB"))]
    Show {
        /// The job
        id: String,
    },
    /// Withdraw a job, as its operator
    #[command(after_help = example!("sluice --as olga job cancel JOB"))]
    Cancel {
        /// The job
        id: String,
    },
    /// End a job that isn't getting ready, as a custodian
    #[command(after_help = example!("sluice --as carol job end JOB"))]
    End {
        /// The job
        id: String,
    },
    /// Run a job again, inside, and compare the outputs byte by byte, as a custodian
    #[command(after_help = example!("sluice --as carol job rerun JOB"))]
    Rerun {
        /// The job
        id: String,
    },
}

#[derive(Args)]
pub struct Submit {
    /// The grant under which it runs
    #[arg(long)]
    grant: String,
    /// A job without a module, from a file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sql", "module"])]
    plan: Option<PathBuf>,
    #[command(flatten)]
    typed: PlanArgs,
    /// A module, by its digest
    #[arg(long, value_name = "DIGEST", conflicts_with = "sql")]
    module: Option<String>,
    /// The module's lane [default: as the module says]
    #[arg(long, value_parser = word::<Lane>, requires = "module")]
    lane: Option<Lane>,
    /// A parameter of the module; may be given again
    #[arg(long, value_parser = param, value_name = "NAME=VALUE", requires = "module")]
    param: Vec<(String, String)>,
    /// Wait until people look at it
    #[arg(long)]
    wait: bool,
    /// Print the job's name alone
    #[arg(long, short)]
    quiet: bool,
}

impl Job {
    pub fn run(self, common: &Common) -> Answer {
        match self {
            Job::Submit(submit) => submit.run(common),
            Job::Watch { id } => follow(common, &id),
            Job::List => list(common),
            Job::Show { id } => show(common, &routes::job(&common.connect()?, &id)?),
            Job::Cancel { id } => show(common, &routes::act_on_job(&common.connect()?, &id, "cancel")?),
            Job::End { id } => show(common, &routes::act_on_job(&common.connect()?, &id, "end")?),
            Job::Rerun { id } => rerun(common, &id),
        }
    }
}

impl Submit {
    fn run(self, common: &Common) -> Answer {
        let node = common.connect()?;
        let (wait, quiet) = (self.wait, self.quiet);
        let asked = self.asked(&node)?;
        let mut job = routes::submit_job(&node, &asked)?;
        if wait {
            let progress = Progress::spinner("waiting for the run");
            job = watch::until(&node, &job.id, |state| state != Visible::Accepted, |_| Ok(()))?;
            drop(progress);
        }
        if quiet { say::out(job.id) } else { show(common, &job) }
    }

    fn asked(self, node: &Node) -> Answer<SubmitJob> {
        let (grant, params) = (self.grant, self.param.into_iter().collect::<BTreeMap<_, _>>());
        if let Some(digest) = self.module {
            let lane = match self.lane {
                Some(lane) => lane,
                None => lane_of(node, &digest)?,
            };
            return Ok(SubmitJob { grant, lane, module: Some(digest), params, plan: None });
        }
        let plan = match &self.plan {
            Some(path) => Some(plan::read(path)?),
            None => self.typed.plan(),
        };
        if plan.is_none() {
            return Err(Failure::Usage("a job needs --sql, --plan or --module".to_owned()));
        }
        Ok(SubmitJob { grant, lane: Lane::Tabulate, module: None, params, plan })
    }
}

fn lane_of(node: &Node, digest: &str) -> Answer<Lane> {
    let modules = routes::modules(node)?;
    let module = modules.iter().find(|module| module.digest == digest);
    let module = module.ok_or_else(|| Failure::Usage(format!("no module {digest} was submitted")))?;
    Ok(module.lane)
}

fn param(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a parameter is NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn follow(common: &Common, id: &str) -> Answer {
    let node = common.connect()?;
    let job = watch::until(&node, id, watch::is_final, |state| match common.json {
        true => say::out(serde_json::json!({ "job": id, "state": state })),
        false => say::out(watch::sentence(state)),
    })?;
    if common.json {
        return Ok(());
    }
    for reason in &job.reasons {
        say::out(say::plain(reason))?;
    }
    match &job.release {
        Some(release) => say::out(format_args!("the release is {release}")),
        None => Ok(()),
    }
}

fn rerun(common: &Common, id: &str) -> Answer {
    let node = common.connect()?;
    let progress = Progress::spinner("running the job again");
    let answer = routes::rerun(&node, id)?;
    drop(progress);
    if common.json {
        say::json(&answer)?;
    } else if answer.equal {
        say::out("the output is the same, byte for byte")?;
    }
    if answer.equal { Ok(()) } else { Err(Failure::Negative("the output isn't the same".to_owned())) }
}

fn list(common: &Common) -> Answer {
    let jobs = routes::jobs(&common.connect()?)?;
    if common.json {
        return say::json(&jobs);
    }
    let rows = jobs.iter().map(|job| {
        let what = job.module.as_ref().map_or("query".to_owned(), |digest| digest.chars().take(12).collect());
        let release = job.release.clone().unwrap_or_default();
        [
            job.id.clone(),
            text_of(&job.state),
            job.lane.as_str().to_owned(),
            what,
            say::moment(job.admitted_at_ms),
            release,
        ]
    });
    say::out(say::table(["job", "state", "lane", "module", "admitted", "release"], rows))
}

fn show(common: &Common, job: &JobView) -> Answer {
    if common.json {
        return say::json(job);
    }
    let mut pairs = vec![
        ("job", job.id.clone()),
        ("state", watch::sentence(job.state)),
        ("grant", job.grant.clone()),
        ("lane", job.lane.as_str().to_owned()),
        ("module", job.module.clone().unwrap_or_else(|| "none: the query alone".to_owned())),
        ("contract", job.contract_sha256.clone()),
        ("admitted", say::moment(job.admitted_at_ms)),
    ];
    pairs.extend(job.contract.queries().into_iter().map(|query| ("query", query.to_owned())));
    match &job.route {
        Route::Family { family } => pairs.push(("looked up in", family.clone())),
        Route::Reviewers { outside, nearest } => {
            pairs.push(("goes to", "reviewers, since no sealed family has all of it".to_owned()));
            pairs.extend(outside.iter().map(|part| ("outside", part.clone())));
            pairs.extend(nearest.iter().map(|family| ("nearest family", family.clone())));
        }
    }
    pairs.extend(job.reasons.iter().map(|reason| ("reason", reason.clone())));
    pairs.extend(job.release.iter().map(|release| ("release", release.clone())));
    if let Some(inside) = &job.inside {
        pairs.push(("inside: state", text_of(&inside.state)));
        pairs.push(("inside: incidents", inside.incidents.to_string()));
        pairs.extend(inside.request.iter().map(|request| ("inside: request", request.clone())));
        for attempt in &inside.attempts {
            let ended =
                attempt.incident.as_ref().map_or_else(String::new, |incident| format!(", {}", text_of(incident)));
            let begun = say::moment(attempt.started_at_ms);
            let fences = attempt.protections.join(", ");
            pairs.push(("inside: attempt", format!("{} at {begun}{ended}; fences: {fences}", attempt.attempt)));
        }
        if inside.waits_for_custodian {
            pairs.push(("inside", "the node has stopped trying: end it, or restart the node".to_owned()));
        }
    }
    say::out(say::fields(&pairs))
}
