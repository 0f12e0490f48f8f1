//! Following a job: the states that its operator sees, as they change.

use std::io::{BufRead, BufReader};
use std::thread::sleep;
use std::time::Duration;

use sluice_domain::job::Visible;
use sluice_server::api::types::{JobStateEvent, JobView};

use super::failure::{Answer, Failure};
use super::node::Node;
use super::{routes, say, text_of};

/// Between two looks at a node whose stream has ended.
const PAUSE: Duration = Duration::from_millis(300);

/// Whether nothing follows this state.
pub fn is_final(state: Visible) -> bool {
    !matches!(state, Visible::Accepted | Visible::UnderReview)
}

/// Follows a job until `enough`, telling `heard` each state once, and returns the job as it then is.
///
/// # Errors
/// A refusal, or a node that can't be reached any more.
pub fn until(
    node: &Node,
    id: &str,
    enough: impl Fn(Visible) -> bool,
    mut heard: impl FnMut(Visible) -> Answer,
) -> Answer<JobView> {
    let mut last = None;
    loop {
        let job = routes::job(node, id)?;
        if last != Some(job.state) {
            heard(job.state)?;
            last = Some(job.state);
        }
        if enough(job.state) || is_final(job.state) || say::reader_is_gone() {
            return Ok(job);
        }
        let mut stream = BufReader::new(routes::job_events(node, id)?);
        while let Some(state) = next(&mut stream)? {
            if last != Some(state) {
                break;
            }
        }
        sleep(PAUSE);
    }
}

/// The next state of a stream of server-sent events; none at its end.
fn next(stream: &mut impl BufRead) -> Answer<Option<Visible>> {
    loop {
        let mut line = String::new();
        match stream.read_line(&mut line) {
            // A node that stops ends its streams; the next look tells whether it is gone.
            Ok(0) | Err(_) => return Ok(None),
            Ok(_) => {}
        }
        let Some(data) = line.strip_prefix("data:") else { continue };
        let event: JobStateEvent = serde_json::from_str(data.trim())
            .map_err(|error| Failure::Fault(format!("failed to understand the node's events: {error}")))?;
        return Ok(Some(event.state));
    }
}

/// A state in words, for its operator.
pub fn sentence(state: Visible) -> String {
    let meaning = match state {
        Visible::Accepted => "it will be run; whatever happens meanwhile, this is all there is to see",
        Visible::UnderReview => "people look at it",
        Visible::Released => "it was let out",
        Visible::NotReleased => "it wasn't let out",
        Visible::ChangesRequested => "the reviewers ask for another job",
        Visible::Cancelled => "it was withdrawn",
        Visible::Stopped => "the agency ended it",
    };
    format!("{}: {meaning}", text_of(&state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_and_comments_skipped() {
        let text = ": keep-alive\n\nevent: state\ndata: {\"job\":\"job_1\",\"state\":\"under_review\"}\n\n";
        let mut stream = text.as_bytes();
        assert_eq!(next(&mut stream).expect("it is well formed"), Some(Visible::UnderReview));
        assert_eq!(next(&mut stream).expect("it has ended"), None);
    }
}
