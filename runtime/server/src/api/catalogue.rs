//! The catalogue, and data files on their way in.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use sluice_engine::ask::Format;
use utoipa::IntoParams;

use super::asked::{Asked, Asking, Id, Sent};
use super::pages::{Paging, page};
use super::problem;
use super::types::{Binary, DatasetView, DraftedDictionary, Page, RegisterDataset, SealedSnapshot, SnapshotView};
use crate::node::{Caller, Done, Node};

/// Codes that fewer subjects have are left out of a draft, when nothing is said.
const THRESHOLD: u64 = 10;

/// What is drafted from.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Drafting {
    /// `csv`, `parquet` or `arrow`.
    #[param(value_type = String)]
    format: Format,
    /// The column with the subject's key.
    subject: Option<String>,
    /// Codes that fewer subjects have are left out; 10 where it is left out.
    threshold: Option<u64>,
}

/// What is sealed.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Sealing {
    /// `csv`, `parquet` or `arrow`.
    #[param(value_type = String)]
    format: Format,
}

/// The catalogue, in the order of names.
#[utoipa::path(get, path = "/v1/datasets", tag = "catalogue", params(Paging),
    responses((status = 200, body = Page<DatasetView>)))]
pub async fn datasets(State(node): State<Node>, caller: Caller, Asking(paging): Asking<Paging>) -> Response {
    let list = node.datasets(&caller.actor);
    problem::ok(list.and_then(|items| page(items, &paging, |item: &DatasetView| &item.name)))
}

/// One entry of the catalogue.
#[utoipa::path(get, path = "/v1/datasets/{name}", tag = "catalogue", params(("name" = String, Path)),
    responses((status = 200, body = DatasetView)))]
pub async fn dataset(State(node): State<Node>, caller: Caller, Id(name): Id) -> Response {
    problem::ok(node.dataset(&caller.actor, &name))
}

/// Registers a dataset of the caller's own agency. Custodians.
#[utoipa::path(post, path = "/v1/datasets", tag = "catalogue", request_body = RegisterDataset,
    responses((status = 201, body = DatasetView)))]
pub async fn register(State(node): State<Node>, asked: Asked<RegisterDataset>) -> Response {
    problem::created(node.register(&asked.caller.actor, asked.value, asked.once.as_ref()).await)
}

/// Drafts a dictionary from a data file, for the custodian's eyes only. Nothing is kept. Custodians.
#[utoipa::path(post, path = "/v1/dictionary-drafts", tag = "catalogue", params(Drafting),
    request_body(content = inline(Binary), content_type = "application/octet-stream"),
    responses((status = 200, body = DraftedDictionary)))]
pub async fn draft(State(node): State<Node>, Asking(drafting): Asking<Drafting>, sent: Sent) -> Response {
    problem::ok(draft_from(&node, drafting, sent).await)
}

async fn draft_from(node: &Node, drafting: Drafting, sent: Sent) -> Done<DraftedDictionary> {
    let actor = sent.caller.actor.clone();
    node.may_draft_dictionary(&actor)?;
    let (upload, _) = sent.kept(node).await?;
    let threshold = drafting.threshold.unwrap_or(THRESHOLD);
    node.draft_dictionary(&actor, &upload, drafting.format, drafting.subject, threshold).await
}

/// A dataset's snapshots, oldest first.
#[utoipa::path(get, path = "/v1/datasets/{name}/snapshots", tag = "catalogue", params(("name" = String, Path), Paging),
    responses((status = 200, body = Page<SnapshotView>)))]
pub async fn snapshots(
    State(node): State<Node>,
    caller: Caller,
    Id(name): Id,
    Asking(paging): Asking<Paging>,
) -> Response {
    let list = node.snapshots(&caller.actor, &name);
    problem::ok(list.and_then(|items| page(items, &paging, |item: &SnapshotView| &item.id)))
}

/// Seals a data file as a snapshot. What was counted on the way is in this answer and nowhere else. Custodians.
#[utoipa::path(post, path = "/v1/datasets/{name}/snapshots", tag = "catalogue", params(("name" = String, Path), Sealing),
    request_body(content = inline(Binary), content_type = "application/octet-stream"),
    responses((status = 201, body = SealedSnapshot)))]
pub async fn seal(State(node): State<Node>, Id(name): Id, Asking(sealing): Asking<Sealing>, sent: Sent) -> Response {
    problem::created(seal_from(&node, &name, sealing, sent).await)
}

async fn seal_from(node: &Node, name: &str, sealing: Sealing, sent: Sent) -> Done<SealedSnapshot> {
    let actor = sent.caller.actor.clone();
    node.may_seal_snapshot(&actor, name)?;
    let (upload, once) = sent.kept(node).await?;
    node.seal_snapshot(&actor, name, &upload, sealing.format, once.as_ref()).await
}
