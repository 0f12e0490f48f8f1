//! The ledger, for whoever audits: all of it, and its last checkpoint.

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::io::AsyncReadExt;

use super::problem;
use crate::node::{Caller, Node, Stop};

const PIECE_BYTES: usize = 64 * 1024;

/// The whole ledger as JSON lines, as `sluice ledger verify` reads it. Auditors and regulators.
#[utoipa::path(get, path = "/v1/ledger/export", tag = "ledger",
    responses((status = 200, body = String, content_type = "application/jsonl")))]
pub async fn export(State(node): State<Node>, caller: Caller) -> Response {
    if let Err(stop) = node.may_export(&caller.actor) {
        return problem::stop(&stop);
    }
    let (mut writer, reader) = tokio::io::duplex(PIECE_BYTES);
    tokio::spawn(async move {
        // An export that breaks off lacks its last line, and its reader sees that.
        if let Err(Stop::Fault(fault)) = node.export(&mut writer).await {
            tracing::warn!(fault = %fault, "an export broke off");
        }
    });
    let pieces = futures::stream::unfold(reader, |mut reader| async move {
        let mut piece = vec![0; PIECE_BYTES];
        match reader.read(&mut piece).await {
            Ok(0) => None,
            Ok(length) => {
                piece.truncate(length);
                Some((Ok::<_, std::io::Error>(piece), reader))
            }
            Err(error) => Some((Err(error), reader)),
        }
    });
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/jsonl")], Body::from_stream(pieces)).into_response()
}

/// The last signed checkpoint. Auditors and regulators: how far the ledger is would tell an operator what a job has just
/// come to.
#[utoipa::path(get, path = "/v1/ledger/checkpoint", tag = "ledger",
    responses((status = 200, body = String, content_type = "text/plain")))]
pub async fn checkpoint(State(node): State<Node>, caller: Caller) -> Response {
    let checkpoint = match node.may_export(&caller.actor) {
        Ok(()) => node.checkpoint().await,
        Err(stop) => Err(stop),
    };
    match checkpoint {
        Ok(note) => (StatusCode::OK, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], note).into_response(),
        Err(stop) => problem::stop(&stop),
    }
}
