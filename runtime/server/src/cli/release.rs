//! `sluice release`: fetch what was let out.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sluice_domain::release::Basis;
use sluice_ledger::{Receipt, Verified, VerifierKey};
use sluice_server::api::types::ReleaseView;

use super::failure::{Answer, Failure};
use super::node::{Node, write_file};
use super::progress::Progress;
use super::trust::Trust;
use super::{Common, example, routes, say, watch};

/// Fetch what was let out.
#[derive(Subcommand)]
pub enum Release {
    /// List the releases
    #[command(after_help = example!("sluice --as olga release list"))]
    List,
    /// Show a release
    #[command(after_help = example!("sluice --as olga release show RELEASE"))]
    Show {
        /// The release, or its job
        id: String,
    },
    /// Fetch a release and check its bytes against its receipt
    ///
    /// The receipt must verify with the key that is given, or with the one that the node states.
    #[command(after_help = example!(
        "sluice --as olga release fetch JOB --wait --format csv --out result.csv --receipt receipt.json"
    ))]
    Fetch(Fetch),
    /// Fetch every format of a release and check all against its receipt
    ///
    /// The receipt must verify with the key that is given, or with the one that the node states.
    #[command(after_help = example!("sluice --as olga release verify RELEASE"))]
    Verify {
        /// The release, or its job
        id: String,
        #[command(flatten)]
        trust: Trust,
    },
}

#[derive(Args)]
pub struct Fetch {
    /// The release, or its job
    id: String,
    /// csv, parquet or arrow
    #[arg(long, default_value = "csv", value_parser = ["csv", "parquet", "arrow"])]
    format: String,
    /// Where the data goes [default: stdout]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where the receipt goes: it verifies offline
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// Where the record goes: how the table was protected
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// For a job: wait until its reviewers have decided
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    trust: Trust,
}

/// The release that was asked for.
struct Asked {
    release: String,
    /// The job that it has to be of.
    job: String,
}

impl Release {
    pub fn run(self, common: &Common) -> Answer {
        let node = common.connect()?;
        match self {
            Release::List => list(common, &node),
            Release::Show { id } => show(common, &routes::release(&node, &find(&node, &id, false)?)?),
            Release::Fetch(fetch) => fetch.run(common, &node),
            Release::Verify { id, trust } => verify(common, &node, &id, &trust),
        }
    }
}

impl Fetch {
    fn run(self, common: &Common, node: &Node) -> Answer {
        let asked = asked(node, &self.id, self.wait)?;
        let id = &asked.release;
        let bytes = routes::artefact(node, id, &self.format)?;
        let receipt = routes::receipt(node, id)?;
        let verified = checked(&receipt, Some(&key(node, &self.trust)?))?;
        is_of(&verified, id, &asked.job)?;
        fits(&verified, &self.format, &bytes)?;
        if let Some(path) = &self.record {
            let record = routes::artefact(node, id, "record")?;
            fits(&verified, "record", &record)?;
            write_file(path, &record)?;
        }
        if let Some(path) = &self.receipt {
            write_file(path, &receipt)?;
        }
        match &self.out {
            None => return say::raw(&bytes),
            Some(path) => write_file(path, &bytes)?,
        }
        if common.json {
            return say::json(&routes::release(node, id)?);
        }
        say::out(format_args!("{id}: {} bytes, as event {} of the ledger says", bytes.len(), verified.seq()))
    }
}

/// The release of that name, or the one that came of the job of that name.
///
/// # Errors
/// A job that came to no release, or not yet.
pub fn find(node: &Node, id: &str, wait: bool) -> Answer<String> {
    if !id.starts_with("job_") {
        return Ok(id.to_owned());
    }
    let progress = Progress::spinner("waiting for the reviewers");
    let job = match wait {
        true => watch::until(node, id, watch::is_final, |_| Ok(()))?,
        false => routes::job(node, id)?,
    };
    drop(progress);
    let reasons = job.reasons.join(" ");
    let not = || format!("{id} came to no release: {} {reasons}", watch::sentence(job.state));
    job.release.clone().ok_or_else(|| Failure::Negative(not().trim_end().to_owned()))
}

/// What was asked for, by the release's name or its job's.
fn asked(node: &Node, id: &str, wait: bool) -> Answer<Asked> {
    let release = find(node, id, wait)?;
    let job = if release == id { routes::release(node, &release)?.job } else { id.to_owned() };
    Ok(Asked { release, job })
}

/// The key that was given, or the one that the node states.
fn key(node: &Node, trust: &Trust) -> Answer<VerifierKey> {
    trust.given()?.map_or_else(|| node_key(node), Ok)
}

/// The key that the node states.
pub fn node_key(node: &Node) -> Answer<VerifierKey> {
    let key = routes::node(node)?.verifier_key;
    key.parse().map_err(|error| Failure::Fault(format!("failed to read the node's key: {error}")))
}

/// A receipt that verifies.
///
/// # Errors
/// [`Failure::Negative`] where it doesn't.
pub fn checked(receipt: &[u8], key: Option<&VerifierKey>) -> Answer<Verified> {
    let verified = Receipt::parse(receipt).and_then(|receipt| receipt.verify(key));
    verified.map_err(|fault| Failure::Negative(fault.to_string()))
}

/// Checks that the receipt is of this release and of this job: another's may be of the very same bytes.
///
/// # Errors
/// [`Failure::Negative`] where it isn't.
pub fn is_of(verified: &Verified, release: &str, job: &str) -> Answer {
    let (its_id, its_job) = verified.names().map_err(|fault| Failure::Negative(fault.to_string()))?;
    same((&its_id, &its_job), (release, job))
}

fn same((its_id, its_job): (&str, &str), (release, job): (&str, &str)) -> Answer {
    if its_id != release {
        return Err(Failure::Negative(format!("the receipt is of another release: {its_id}, not {release}")));
    }
    if its_job != job {
        return Err(Failure::Negative(format!("the receipt is of another job's release: {its_job}, not {job}")));
    }
    Ok(())
}

/// Checks that these bytes were let out in this format.
///
/// # Errors
/// [`Failure::Negative`] where they weren't.
pub fn fits(verified: &Verified, format: &str, bytes: &[u8]) -> Answer {
    verified.check_artefact(format, bytes).map_err(|fault| Failure::Negative(fault.to_string()))
}

fn verify(common: &Common, node: &Node, id: &str, trust: &Trust) -> Answer {
    let Asked { release: id, job } = asked(node, id, false)?;
    let verified = checked(&routes::receipt(node, &id)?, Some(&key(node, trust)?))?;
    is_of(&verified, &id, &job)?;
    let artefacts = verified.artefacts().map_err(|fault| Failure::Negative(fault.to_string()))?;
    for artefact in &artefacts {
        fits(&verified, &artefact.format, &routes::artefact(node, &id, &artefact.format)?)?;
    }
    let formats: Vec<&str> = artefacts.iter().map(|artefact| artefact.format.as_str()).collect();
    if common.json {
        return say::json(&serde_json::json!({ "release": id, "event": verified.seq(), "formats": formats }));
    }
    say::out(format_args!(
        "{id} verified: {} are what event {} of the ledger let out",
        formats.join(", "),
        verified.seq()
    ))
}

fn list(common: &Common, node: &Node) -> Answer {
    let releases = routes::releases(node)?;
    if common.json {
        return say::json(&releases);
    }
    let rows = releases.iter().map(|release| {
        let ReleaseView { id, job, organisation, .. } = release;
        [
            id.clone(),
            job.clone(),
            organisation.clone(),
            release.lane.as_str().to_owned(),
            say::moment(release.sealed_at_ms),
        ]
    });
    say::out(say::table(["release", "job", "organisation", "lane", "sealed"], rows))
}

fn show(common: &Common, release: &ReleaseView) -> Answer {
    if common.json {
        return say::json(release);
    }
    let mut pairs = vec![
        ("release", release.id.clone()),
        ("job", release.job.clone()),
        ("grant", release.grant.clone()),
        ("lane", release.lane.as_str().to_owned()),
        ("module", release.module.clone().unwrap_or_else(|| "none: the query alone".to_owned())),
        ("contract", release.contract_sha256.clone()),
        ("let out by", basis(&release.basis)),
        ("sealed", say::moment(release.sealed_at_ms)),
    ];
    pairs.extend(release.exceptions.iter().map(|mark| ("by exception", mark.to_string())));
    pairs.extend(release.snapshots.iter().map(|(dataset, snapshot)| ("snapshot", format!("{dataset}: {snapshot}"))));
    for artefact in &release.artefacts {
        pairs.push(("file", format!("{}: {} bytes, {}", artefact.format, artefact.bytes, artefact.sha256)));
    }
    say::out(say::fields(&pairs))
}

fn basis(basis: &Basis) -> String {
    match basis {
        Basis::Reviewed { approvals, .. } => format!("{approvals} reviewers"),
        Basis::Family { family, .. } => format!("the vetted family {family}, sealed beforehand"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_of_another_release_or_job_is_told_apart() {
        assert!(same(("rel_a", "job_a"), ("rel_a", "job_a")).is_ok());
        for (release, job, says) in [
            ("rel_b", "job_a", "another release: rel_a, not rel_b"),
            ("rel_a", "job_b", "another job's release: job_a, not job_b"),
        ] {
            let Err(Failure::Negative(text)) = same(("rel_a", "job_a"), (release, job)) else { panic!("{says}") };
            assert!(text.contains(says), "{text}");
        }
    }
}
