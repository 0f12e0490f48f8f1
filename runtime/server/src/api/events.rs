//! A job's states as they change, by server-sent events.
//!
//! # Guarantees
//! An event says what [`sluice_domain::job::Job::visible`] says and comes when that changes: at the end of a slot, or
//! at once where a person withdrew or stopped the job. Between, there is a comment at fixed times and nothing else.
//! A stream ends with its token: at once where the token is revoked, and soon after it has expired.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use sluice_domain::job::Visible;
use tokio::sync::watch;

use super::asked::Id;
use super::problem;
use super::types::JobStateEvent;
use crate::node::book::Book;
use crate::node::{Caller, Node};

const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The longest time between two looks at the token; a slot may be a day long.
const LOOK: Duration = Duration::from_secs(5);

struct Watching {
    node: Node,
    caller: Caller,
    job: String,
    book: watch::Receiver<Arc<Book>>,
    shown: Option<Visible>,
}

/// A job's states, from the present one to the last. Each event is named `state`.
#[utoipa::path(get, path = "/v1/jobs/{id}/events", tag = "jobs", params(("id" = String, Path)),
    responses((status = 200, body = JobStateEvent, content_type = "text/event-stream")))]
pub async fn events(State(node): State<Node>, caller: Caller, Id(job): Id) -> Response {
    if let Err(stop) = node.visible(&caller.actor, &job) {
        return problem::stop(&stop);
    }
    let book = node.desk().watch();
    let watching = Watching { node, caller, job, book, shown: None };
    let stream = futures::stream::unfold(watching, |watching| async move { watching.next().await });
    Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

impl Watching {
    /// Waits until what the operator sees has changed. None once nothing follows, the token died, or the node stops.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Watching)> {
        if self.shown.is_some_and(is_last) {
            return None;
        }
        loop {
            self.node.caller(&self.caller.token)?;
            let (visible, wait_ms) = self.node.visible(&self.caller.actor, &self.job).ok()?;
            if self.shown != Some(visible) {
                self.shown = Some(visible);
                let state = JobStateEvent { job: self.job.clone(), state: visible };
                let data = serde_json::to_string(&state).ok()?;
                return Some((Ok(Event::default().event("state").data(data)), self));
            }
            tokio::select! {
                () = tokio::time::sleep(pause(wait_ms)) => {}
                // Revoking a token is a change as well.
                changed = self.book.changed() => changed.ok()?,
                () = self.node.until_stopping() => return None,
            }
        }
    }
}

/// How long nothing has to be looked at, when the slot ends in `wait_ms`.
fn pause(wait_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(wait_ms).unwrap_or(1).max(1)).min(LOOK)
}

fn is_last(visible: Visible) -> bool {
    match visible {
        Visible::Accepted | Visible::UnderReview => false,
        Visible::Released
        | Visible::NotReleased
        | Visible::ChangesRequested
        | Visible::Cancelled
        | Visible::Stopped => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_looked_at_even_where_slots_are_long() {
        let waits = [-1, 0, 200, 4_999, 5_001, 86_400_000, i64::MAX];
        let pauses = waits.map(|wait_ms| pause(wait_ms).as_millis());
        assert_eq!(pauses, [1, 1, 200, 4_999, 5_000, 5_000, 5_000]);
    }
}
