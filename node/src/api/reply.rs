//! Replies to clients.

use std::borrow::Cow;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::driver::{Answer, OrderAnswer, WhyRefused};
use crate::machine::{Branch, Held, Outcome, Refusal, StepResult};
use crate::raft::LogIndex;

/// What a key that holds nothing reads as.
const MISSING: &str = r#"{"value":null}"#;

/// When a client that was refused for want of room may come again, in seconds.
const RETRY_AFTER: &str = "1";

/// Whether a failed operation may still take effect. Replies to failed operations
/// carry it as an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It has not taken effect and never will.
    Never,
    /// It is not known.
    Unknown,
}

/// Turns the driver's answer into a reply.
pub(super) fn answered(answer: &Answer) -> Response {
    match answer {
        Answer::Found(held) => json(StatusCode::OK, found(held)),
        Answer::Missing => json(StatusCode::NOT_FOUND, MISSING),
        Answer::Applied(outcome) => applied(outcome),
        Answer::Refused(WhyRefused::Overloaded) => overloaded(),
        Answer::Refused(why) => {
            failed(StatusCode::SERVICE_UNAVAILABLE, &why.to_string(), Effect::Never)
        }
        Answer::Unknown(why) => {
            failed(StatusCode::GATEWAY_TIMEOUT, &why.to_string(), Effect::Unknown)
        }
    }
}

fn found(held: &Held) -> String {
    let Held { value, revision, created, version } = held;
    // The value is JSON already.
    format!(
        r#"{{"value":{},"revision":{revision},"created":{created},"version":{version}}}"#,
        value.as_str()
    )
}

fn written(revision: LogIndex, sum: Option<i64>) -> String {
    match sum {
        Some(sum) => format!(r#"{{"value":{sum},"revision":{revision}}}"#),
        None => format!(r#"{{"revision":{revision}}}"#),
    }
}

fn applied(outcome: &Outcome) -> Response {
    match outcome {
        Outcome::Registered(session) => {
            json(StatusCode::OK, format!(r#"{{"session":{}}}"#, session.0))
        }
        Outcome::Written { revision, sum } => json(StatusCode::OK, written(*revision, *sum)),
        Outcome::Mismatch { actual, revision } => {
            let actual = actual.as_str();
            json(
                StatusCode::CONFLICT,
                match revision {
                    Some(revision) => format!(r#"{{"actual":{actual},"revision":{revision}}}"#),
                    None => format!(r#"{{"actual":{actual}}}"#),
                },
            )
        }
        Outcome::Transacted { branch, results, revision } => {
            let results: Vec<_> = results
                .iter()
                .map(|result| match result {
                    StepResult::Found(held) => found(held),
                    StepResult::Missing => MISSING.to_owned(),
                    StepResult::Written { revision, sum } => written(*revision, *sum),
                })
                .collect();
            let succeeded = *branch == Branch::Success;
            let results = results.join(",");
            json(
                StatusCode::OK,
                format!(
                    r#"{{"succeeded":{succeeded},"revision":{revision},"results":[{results}]}}"#
                ),
            )
        }
        Outcome::Refused(refusal) => {
            let status = match refusal {
                Refusal::ValueTooLong(_) | Refusal::ResultsTooLong => StatusCode::PAYLOAD_TOO_LARGE,
                Refusal::SessionFull => StatusCode::TOO_MANY_REQUESTS,
                Refusal::NotAList(_) | Refusal::NotAnInteger(_) | Refusal::Overflow(_) => {
                    StatusCode::UNPROCESSABLE_ENTITY
                }
            };
            failed(status, &refusal.to_string(), Effect::Never)
        }
        // Definite for this attempt, which will never be applied.
        Outcome::SessionUnknown => {
            failed(StatusCode::GONE, "the session is not known any more", Effect::Never)
        }
        Outcome::OutcomeForgotten => failed(
            StatusCode::GONE,
            "the session has said that it waits for this write no more",
            Effect::Unknown,
        ),
    }
}

/// An operation that cannot be understood, and so has no effect.
#[derive(Debug)]
pub(super) struct Rejection {
    pub(super) status: StatusCode,
    pub(super) why: Cow<'static, str>,
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        failed(self.status, &self.why, Effect::Never)
    }
}

/// What every failure says.
#[derive(Serialize)]
struct Failure<'a> {
    error: &'a str,
    definite: bool,
}

/// Replies that an operation failed.
pub(super) fn failed(status: StatusCode, why: &str, effect: Effect) -> Response {
    let failure = Failure { error: why, definite: effect == Effect::Never };
    let mut response = serialized(status, &failure);
    response.extensions_mut().insert(effect);
    response
}

/// Replies that there is no room for the operation now.
fn overloaded() -> Response {
    let why = WhyRefused::Overloaded.to_string();
    let mut response = failed(StatusCode::SERVICE_UNAVAILABLE, &why, Effect::Never);
    let retry_after = HeaderValue::from_static(RETRY_AFTER);
    response.headers_mut().insert(header::RETRY_AFTER, retry_after);
    response
}

/// Replies with what became of an order.
pub(super) fn ordered(answer: &OrderAnswer) -> Response {
    match answer {
        OrderAnswer::Done(index) => json(StatusCode::OK, format!(r#"{{"index":{index}}}"#)),
        OrderAnswer::Refused(why) => failed(StatusCode::CONFLICT, why, Effect::Never),
        OrderAnswer::Unknown(why) => failed(StatusCode::GATEWAY_TIMEOUT, why, Effect::Unknown),
    }
}

/// Replies with what another node replied.
pub(super) fn relayed(status: StatusCode, body: Bytes) -> Response {
    #[derive(Deserialize)]
    struct Said {
        definite: bool,
    }
    let effect = match serde_json::from_slice(&body) {
        Ok(Said { definite: true }) if !status.is_success() => Some(Effect::Never),
        Ok(Said { definite: false }) if !status.is_success() => Some(Effect::Unknown),
        _ => None,
    };
    let mut response = json(status, body);
    if let Some(effect) = effect {
        response.extensions_mut().insert(effect);
    }
    response
}

/// Replies with a value as JSON.
pub(super) fn serialized(status: StatusCode, body: &impl Serialize) -> Response {
    let text = serde_json::to_string(body).expect("plain structures have a JSON form");
    json(status, text)
}

/// Replies with JSON text.
pub(super) fn json(status: StatusCode, text: impl Into<Body>) -> Response {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}
