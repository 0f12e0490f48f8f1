//! Jobs.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::asked::{Asked, Asking, Id, Told};
use super::pages::{Paging, page};
use super::problem;
use super::types::{JobView, Page, RerunAnswer, SubmitJob};
use crate::node::{Caller, Node};

/// The jobs that the caller may see, oldest first.
#[utoipa::path(get, path = "/v1/jobs", tag = "jobs", params(Paging),
    responses((status = 200, body = Page<JobView>)))]
pub async fn jobs(State(node): State<Node>, caller: Caller, Asking(paging): Asking<Paging>) -> Response {
    let list = node.jobs(&caller.actor);
    problem::ok(list.and_then(|items| page(items, &paging, |item: &JobView| &item.id)))
}

/// Submits a job. It is put to the guard without data; a refusal says in full what is wrong. Operators.
#[utoipa::path(post, path = "/v1/jobs", tag = "jobs", request_body = SubmitJob,
    responses((status = 202, body = JobView)))]
pub async fn submit(State(node): State<Node>, asked: Asked<SubmitJob>) -> Response {
    let done = node.submit(&asked.caller.actor, asked.value, asked.once.as_ref()).await;
    problem::answer(StatusCode::ACCEPTED, done)
}

/// One job.
#[utoipa::path(get, path = "/v1/jobs/{id}", tag = "jobs", params(("id" = String, Path)),
    responses((status = 200, body = JobView)))]
pub async fn job(State(node): State<Node>, caller: Caller, Id(id): Id) -> Response {
    problem::ok(node.job(&caller.actor, &id))
}

/// Withdraws a job. Operators.
#[utoipa::path(post, path = "/v1/jobs/{id}/cancel", tag = "jobs", params(("id" = String, Path)),
    responses((status = 200, body = JobView)))]
pub async fn cancel(State(node): State<Node>, Id(id): Id, told: Told) -> Response {
    problem::ok(node.cancel_job(&told.caller.actor, &id, told.once.as_ref()).await)
}

/// Ends a job that isn't ready, after an incident. Custodians.
#[utoipa::path(post, path = "/v1/jobs/{id}/end", tag = "jobs", params(("id" = String, Path)),
    responses((status = 200, body = JobView)))]
pub async fn end(State(node): State<Node>, Id(id): Id, told: Told) -> Response {
    problem::ok(node.end_job(&told.caller.actor, &id, told.once.as_ref()).await)
}

/// Runs a job again, inside, and compares the outputs byte for byte. Custodians.
#[utoipa::path(post, path = "/v1/jobs/{id}/rerun", tag = "jobs", params(("id" = String, Path)),
    responses((status = 200, body = RerunAnswer)))]
pub async fn rerun(State(node): State<Node>, Id(id): Id, told: Told) -> Response {
    problem::ok(node.rerun(&told.caller.actor, &id, told.once.as_ref()).await)
}
