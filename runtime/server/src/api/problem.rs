//! What goes wrong, as RFC 9457 has it: a refusal in full, a fault as an opaque name.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sluice_domain::refusal::{Code, Refusal};

use super::types::Problem;
use crate::node::{Done, Fault, Stop};

const MEDIA: HeaderValue = HeaderValue::from_static("application/problem+json");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

fn problem(status: StatusCode, problem: &Problem) -> Response {
    let body = serde_json::to_vec(problem).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, MEDIA)], body).into_response()
}

/// A refusal, in full.
#[must_use]
pub fn refusal(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
    refusal_with(refusal, status)
}

/// A refusal under another status than its code's own.
#[must_use]
pub fn refusal_with(refusal: &Refusal, status: StatusCode) -> Response {
    let mut response = problem(
        status,
        &Problem {
            kind: format!("urn:sluice:refusal:{}", refusal.code.as_str()),
            title: refusal.sentence.clone(),
            status: status.as_u16(),
            code: refusal.code.as_str().to_owned(),
            detail: refusal.detail.clone(),
            incident: None,
        },
    );
    let headers = response.headers_mut();
    match refusal.code {
        Code::TooMany | Code::Unavailable => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        Code::Unauthenticated => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        _ => {}
    }
    response
}

/// A fault: its text goes to the log under a fresh name, and outside there is only the name.
#[must_use]
pub fn fault(fault: &Fault) -> Response {
    let incident = incident();
    tracing::error!(incident = incident.as_str(), fault = %fault, "a request failed");
    opaque(incident)
}

/// Something panicked, of which even the log says no more than where.
#[must_use]
pub fn panicked() -> Response {
    let incident = incident();
    tracing::error!(incident = incident.as_str(), "a request panicked");
    opaque(incident)
}

fn opaque(incident: String) -> Response {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    problem(
        status,
        &Problem {
            kind: "urn:sluice:fault".to_owned(),
            title: "The node failed; its custodians find out why by the incident's name.".to_owned(),
            status: status.as_u16(),
            code: "fault".to_owned(),
            detail: None,
            incident: Some(incident),
        },
    )
}

fn incident() -> String {
    let mut name = [0; 8];
    // Without entropy the name is all zeros: still a name, and the log has the rest.
    let _ = getrandom::fill(&mut name);
    format!("inc_{}", hex::encode(name))
}

/// Any stop but [`Stop::Again`], which only a verb's own answer can stand for.
#[must_use]
pub fn stop(stop: &Stop) -> Response {
    match stop {
        Stop::Refused(refused) => refusal(refused),
        Stop::Fault(failed) => fault(failed),
        Stop::Again(_) => refusal(&Refusal::of(Code::KeyReused)),
    }
}

/// A verb's answer as JSON under `status`; the same answer where the request had been answered before.
pub fn answer<T: Serialize>(status: StatusCode, done: Done<T>) -> Response {
    let text = match done {
        Ok(value) => match serde_json::to_string(&value) {
            Ok(text) => text,
            Err(error) => return fault(&Fault::new("write an answer", error)),
        },
        Err(Stop::Again(text)) => text,
        Err(other) => return stop(&other),
    };
    (status, [(header::CONTENT_TYPE, JSON)], text).into_response()
}

/// 200.
pub fn ok<T: Serialize>(done: Done<T>) -> Response {
    answer(StatusCode::OK, done)
}

/// 201.
pub fn created<T: Serialize>(done: Done<T>) -> Response {
    answer(StatusCode::CREATED, done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn attack_14_a_fault_is_an_opaque_name() {
        let response = fault(&Fault::new("read a release", "row 17 is Ada"));
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.expect("it is short");
        let text = String::from_utf8(body.to_vec()).expect("JSON is UTF-8");
        assert!(text.contains("inc_") && !text.contains("Ada") && !text.contains("release"), "{text}");
    }

    #[test]
    fn every_refusal_has_its_own_status_and_type() {
        for code in Code::ALL {
            let response = refusal(&Refusal::of(*code));
            assert_eq!(response.status().as_u16(), code.status());
            assert_eq!(response.headers().get(header::CONTENT_TYPE), Some(&MEDIA));
        }
    }
}
