//! Every route that the commands use, in one place, each with its type.

use std::io::Read;

use serde::de::{DeserializeOwned, IgnoredAny};
use sluice_engine::ask::Format;
use sluice_server::api::types::{
    AddOrganisation, AddPerson, AskException, CandidateView, CastVote, DatasetView, DraftGrant, DraftedDictionary,
    FamilyPreview, FamilyView, GrantView, IssueToken, IssuedToken, JobView, Me, ModuleView, NodeView, OrganisationView,
    Page, PersonView, ProposeFamily, RegisterDataset, ReleaseView, RequestView, RerunAnswer, SealedSnapshot,
    SnapshotView, SubmitJob, TightenRequest, TokenView,
};
use ureq::AsSendBody;

use super::failure::Answer;
use super::node::{Node, piece};

/// A list, all pages of it.
fn all<T: DeserializeOwned>(node: &Node, path: &str) -> Answer<Vec<T>> {
    let mut items = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mark = if path.contains('?') { '&' } else { '?' };
        let page = match &cursor {
            Some(cursor) => format!("{path}{mark}cursor={}", piece(cursor)),
            None => path.to_owned(),
        };
        let page: Page<T> = node.get(&page)?;
        items.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return Ok(items);
        }
    }
}

/// The node's own description.
pub fn node(node: &Node) -> Answer<NodeView> {
    node.get("/v1/node")
}

/// Who the caller is.
pub fn me(node: &Node) -> Answer<Me> {
    node.get("/v1/me")
}

/// Adds an organisation.
pub fn add_organisation(node: &Node, body: &AddOrganisation) -> Answer<OrganisationView> {
    node.post("/v1/organisations", body)
}

/// Adds a person.
pub fn add_person(node: &Node, body: &AddPerson) -> Answer<PersonView> {
    node.post("/v1/people", body)
}

/// Issues a token.
pub fn issue_token(node: &Node, body: &IssueToken) -> Answer<IssuedToken> {
    node.post("/v1/tokens", body)
}

/// The tokens.
pub fn tokens(node: &Node) -> Answer<Vec<TokenView>> {
    all(node, "/v1/tokens")
}

/// Revokes a token.
pub fn revoke_token(node: &Node, id: &str) -> Answer {
    node.act::<IgnoredAny>(&format!("/v1/tokens/{}/revoke", piece(id))).map(drop)
}

/// The catalogue.
pub fn datasets(node: &Node) -> Answer<Vec<DatasetView>> {
    all(node, "/v1/datasets")
}

/// A dataset.
pub fn dataset(node: &Node, name: &str) -> Answer<DatasetView> {
    node.get(&format!("/v1/datasets/{}", piece(name)))
}

/// Registers a dataset.
pub fn register(node: &Node, body: &RegisterDataset) -> Answer<DatasetView> {
    node.post("/v1/datasets", body)
}

/// Drafts a dictionary from a data file.
pub fn draft(
    node: &Node,
    format: Format,
    subject: Option<&str>,
    threshold: Option<u64>,
    body: impl AsSendBody,
) -> Answer<DraftedDictionary> {
    let subject = subject.map(|column| format!("&subject={}", piece(column))).unwrap_or_default();
    let threshold = threshold.map(|threshold| format!("&threshold={threshold}")).unwrap_or_default();
    let path = format!("/v1/dictionary-drafts?format={}{subject}{threshold}", name_of(format));
    node.upload(&path, media(format), body)
}

/// Seals a snapshot of a dataset.
pub fn seal(node: &Node, dataset: &str, format: Format, body: impl AsSendBody) -> Answer<SealedSnapshot> {
    let path = format!("/v1/datasets/{}/snapshots?format={}", piece(dataset), name_of(format));
    node.upload(&path, media(format), body)
}

/// A dataset's snapshots.
pub fn snapshots(node: &Node, dataset: &str) -> Answer<Vec<SnapshotView>> {
    all(node, &format!("/v1/datasets/{}/snapshots", piece(dataset)))
}

/// Proposes a family.
pub fn propose_family(node: &Node, body: &ProposeFamily) -> Answer<FamilyView> {
    node.post("/v1/families", body)
}

/// The families.
pub fn families(node: &Node) -> Answer<Vec<FamilyView>> {
    all(node, "/v1/families")
}

/// A family.
pub fn family(node: &Node, key: &str) -> Answer<FamilyView> {
    node.get(&format!("/v1/families/{}", piece(key)))
}

/// What would be withheld if a family were vetted.
pub fn preview_family(node: &Node, key: &str) -> Answer<FamilyPreview> {
    node.get(&format!("/v1/families/{}/preview", piece(key)))
}

/// `vet` or `withdraw`.
pub fn act_on_family(node: &Node, key: &str, act: &str) -> Answer<FamilyView> {
    node.act(&format!("/v1/families/{}/{act}", piece(key)))
}

/// Drafts a grant.
pub fn draft_grant(node: &Node, body: &DraftGrant) -> Answer<GrantView> {
    node.post("/v1/grants", body)
}

/// The grants.
pub fn grants(node: &Node) -> Answer<Vec<GrantView>> {
    all(node, "/v1/grants")
}

/// A grant.
pub fn grant(node: &Node, id: &str) -> Answer<GrantView> {
    node.get(&format!("/v1/grants/{}", piece(id)))
}

/// `sign`, `suspend`, `resume` or `revoke`.
pub fn act_on_grant(node: &Node, id: &str, act: &str) -> Answer<GrantView> {
    node.act(&format!("/v1/grants/{}/{act}", piece(id)))
}

/// Submits a module.
pub fn submit_module(node: &Node, statement: &str, wasm: Vec<u8>) -> Answer<ModuleView> {
    node.upload(&format!("/v1/modules?statement={}", piece(statement)), "application/wasm", wasm)
}

/// The modules.
pub fn modules(node: &Node) -> Answer<Vec<ModuleView>> {
    all(node, "/v1/modules")
}

/// Revokes a module.
pub fn revoke_module(node: &Node, digest: &str) -> Answer<ModuleView> {
    node.act(&format!("/v1/modules/{}/revoke", piece(digest)))
}

/// Submits a job.
pub fn submit_job(node: &Node, body: &SubmitJob) -> Answer<JobView> {
    node.post("/v1/jobs", body)
}

/// The jobs.
pub fn jobs(node: &Node) -> Answer<Vec<JobView>> {
    all(node, "/v1/jobs")
}

/// A job.
pub fn job(node: &Node, id: &str) -> Answer<JobView> {
    node.get(&format!("/v1/jobs/{}", piece(id)))
}

/// A job's states, as they change.
pub fn job_events(node: &Node, id: &str) -> Answer<impl Read + use<>> {
    node.open(&format!("/v1/jobs/{}/events", piece(id)))
}

/// `cancel` or `end`.
pub fn act_on_job(node: &Node, id: &str, act: &str) -> Answer<JobView> {
    node.act(&format!("/v1/jobs/{}/{act}", piece(id)))
}

/// Runs a job again, inside, and compares.
pub fn rerun(node: &Node, id: &str) -> Answer<RerunAnswer> {
    node.act(&format!("/v1/jobs/{}/rerun", piece(id)))
}

/// The requests.
pub fn requests(node: &Node) -> Answer<Vec<RequestView>> {
    all(node, "/v1/requests")
}

/// A request.
pub fn request(node: &Node, id: &str) -> Answer<RequestView> {
    node.get(&format!("/v1/requests/{}", piece(id)))
}

/// What a reviewer sees: at most `cells` inner cells, from the first on.
pub fn candidate(node: &Node, id: &str, cells: usize) -> Answer<CandidateView> {
    node.get(&format!("/v1/requests/{}/candidate?limit={cells}", piece(id)))
}

/// Has a candidate assessed again under stricter rules.
pub fn tighten(node: &Node, id: &str, body: &TightenRequest) -> Answer<RequestView> {
    node.post(&format!("/v1/requests/{}/tighten", piece(id)), body)
}

/// Asks for an exception.
pub fn ask_exception(node: &Node, id: &str, body: &AskException) -> Answer<RequestView> {
    node.post(&format!("/v1/requests/{}/exceptions", piece(id)), body)
}

/// Casts a vote.
pub fn vote(node: &Node, id: &str, body: &CastVote) -> Answer<RequestView> {
    node.post(&format!("/v1/requests/{}/votes", piece(id)), body)
}

/// The releases.
pub fn releases(node: &Node) -> Answer<Vec<ReleaseView>> {
    all(node, "/v1/releases")
}

/// A release.
pub fn release(node: &Node, id: &str) -> Answer<ReleaseView> {
    node.get(&format!("/v1/releases/{}", piece(id)))
}

/// The bytes of a release: `csv`, `parquet`, `arrow` or `record`.
pub fn artefact(node: &Node, id: &str, format: &str) -> Answer<Vec<u8>> {
    let what = if format == "record" { "record".to_owned() } else { format!("data?format={}", piece(format)) };
    node.bytes(&format!("/v1/releases/{}/{what}", piece(id)))
}

/// The receipt of a release.
pub fn receipt(node: &Node, id: &str) -> Answer<Vec<u8>> {
    node.bytes(&format!("/v1/releases/{}/receipt", piece(id)))
}

/// The whole ledger.
pub fn ledger(node: &Node) -> Answer<impl Read + use<>> {
    node.open("/v1/ledger/export")
}

/// A format's name, as routes and files have it.
pub fn name_of(format: Format) -> &'static str {
    match format {
        Format::Csv => "csv",
        Format::Parquet => "parquet",
        Format::Arrow => "arrow",
    }
}

fn media(format: Format) -> &'static str {
    match format {
        Format::Csv => "text/csv",
        Format::Parquet => "application/vnd.apache.parquet",
        Format::Arrow => "application/vnd.apache.arrow.file",
    }
}
