//! Replies to clients.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::driver::Answer;

/// Whether a failed operation may still take effect.
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
        Answer::Found { value, revision } => json(
            StatusCode::OK,
            // The value is JSON already.
            format!(r#"{{"value":{},"revision":{revision}}}"#, value.as_str()),
        ),
        Answer::Missing => json(StatusCode::NOT_FOUND, r#"{"value":null}"#.to_owned()),
        Answer::Written { revision } => {
            json(StatusCode::OK, format!(r#"{{"revision":{revision}}}"#))
        }
        Answer::Mismatch { actual } => {
            json(StatusCode::CONFLICT, format!(r#"{{"actual":{}}}"#, actual.as_str()))
        }
        Answer::Refused(why) => failed(StatusCode::SERVICE_UNAVAILABLE, why, Effect::Never),
        Answer::Unknown(why) => failed(StatusCode::GATEWAY_TIMEOUT, why, Effect::Unknown),
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

/// Replies that an operation failed.
pub(super) fn failed(status: StatusCode, why: &str, effect: Effect) -> Response {
    #[derive(Serialize)]
    struct Failure<'a> {
        error: &'a str,
        definite: bool,
    }
    serialized(status, &Failure { error: why, definite: effect == Effect::Never })
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
