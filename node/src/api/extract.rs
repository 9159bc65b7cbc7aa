//! What a handler takes out of an HTTP request, or why it refuses it.
//!
//! Everything is checked here, before any of it reaches the driver: an operation
//! that gets past can be carried out, and one that does not has had no effect.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::forward::{Hop, Incoming};
use super::reply::Rejection;
use super::{Api, CLIENT_BODY_BYTES_MAX};
use crate::machine::{
    DEPTH_MAX, Json, Key, Sequence, SessionId, Stamp, VALUE_BYTES_MAX, is_shallow,
};

/// The header with the number of the client's session.
const SESSION: &str = "x-squall-session";

/// The header with the number of the write in its session.
const SEQUENCE: &str = "x-squall-sequence";

/// The header with the number of the first write whose outcome the client waits for.
const LOWEST: &str = "x-squall-lowest";

/// The key that the path names.
pub(super) struct OfKey(pub(super) Key);

impl FromRequestParts<Arc<Api>> for OfKey {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Rejection> {
        match Path::<String>::from_request_parts(parts, api).await {
            Ok(Path(key)) => check_key(&key).map(Self),
            Err(_) => Err(bad_key()),
        }
    }
}

/// What makes a write recognisable when the client tries it again, if anything.
pub(super) struct OfSession(pub(super) Option<Stamp>);

impl FromRequestParts<Arc<Api>> for OfSession {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, Rejection> {
        stamp(&parts.headers).map(Self)
    }
}

impl FromRequestParts<Arc<Api>> for Incoming {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, Rejection> {
        Ok(Self {
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            hop: Hop::of(&parts.headers),
        })
    }
}

/// A body as JSON of this form, and as it came.
pub(super) struct Parsed<T>(pub(super) T, pub(super) Bytes);

impl<T: DeserializeOwned> FromRequest<Arc<Api>> for Parsed<T> {
    type Rejection = Rejection;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Rejection> {
        let body = whole_body(Bytes::from_request(request, api).await)?;
        let parsed = serde_json::from_slice(&body).map_err(|error| {
            bad_request(format!("the body is not the JSON this path takes: {error}"))
        })?;
        Ok(Self(parsed, body))
    }
}

/// The body of an operation that needs none.
pub(super) struct Nothing;

impl FromRequest<Arc<Api>> for Nothing {
    type Rejection = Rejection;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Rejection> {
        let body = whole_body(Bytes::from_request(request, api).await)?;
        // Clients that always send an object may.
        match body.trim_ascii() {
            b"" | b"{}" => Ok(Self),
            _ => Err(bad_request("this path takes no body".to_owned())),
        }
    }
}

fn whole_body(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Rejection> {
    body.map_err(|rejection| {
        let why = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                format!("a body has at most {CLIENT_BODY_BYTES_MAX} bytes").into()
            }
            _ => "the body ended early".into(),
        };
        Rejection { status: rejection.status(), why }
    })
}

/// Returns text as a key.
pub(super) fn check_key(text: &str) -> Result<Key, Rejection> {
    text.parse().map_err(|_| bad_key())
}

/// Returns the answer to a key that cannot be one.
pub(super) fn bad_key() -> Rejection {
    let why = "a key is 1 to 512 bytes of UTF-8 without control characters, with '/' as %2F";
    Rejection { status: StatusCode::BAD_REQUEST, why: why.into() }
}

/// Returns a value in the form in which it is stored.
pub(super) fn check_value(value: &Value) -> Result<Json, Rejection> {
    if !is_shallow(value) {
        let why = format!("a value has at most {DEPTH_MAX} lists and objects within each other");
        return Err(bad_request(why));
    }
    let json = Json::from(value);
    if json.as_str().len() > VALUE_BYTES_MAX {
        let why = format!("a value has at most {VALUE_BYTES_MAX} bytes as compact JSON").into();
        return Err(Rejection { status: StatusCode::PAYLOAD_TOO_LARGE, why });
    }
    Ok(json)
}

/// Returns the answer to what does not make sense.
pub(super) fn bad_request(why: String) -> Rejection {
    Rejection { status: StatusCode::BAD_REQUEST, why: why.into() }
}

/// Accepts any value, `null` too, but not a missing member.
pub(super) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    Value::deserialize(deserializer)
}

/// Reads the stamp of a write, which has all three headers or none.
fn stamp(headers: &HeaderMap) -> Result<Option<Stamp>, Rejection> {
    let number = |name: &'static str| match headers.get(name) {
        None => Ok(None),
        Some(value) => value
            .to_str()
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
            .map(Some)
            .ok_or_else(|| bad_request(format!("{name} is not a number of 64 bits"))),
    };
    match (number(SESSION)?, number(SEQUENCE)?, number(LOWEST)?) {
        (None, None, None) => Ok(None),
        (Some(session), Some(sequence), Some(lowest)) if lowest <= sequence => Ok(Some(Stamp {
            session: SessionId(session),
            sequence: Sequence(sequence),
            lowest_outstanding: Sequence(lowest),
        })),
        (Some(_), Some(_), Some(_)) => {
            Err(bad_request(format!("{LOWEST} is above {SEQUENCE}; it can be equal at most")))
        }
        _ => Err(bad_request(format!("{SESSION}, {SEQUENCE} and {LOWEST} belong together"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp_of(values: [Option<&str>; 3]) -> Result<Option<Stamp>, Rejection> {
        let named = [SESSION, SEQUENCE, LOWEST].into_iter().zip(values);
        let present = named.filter_map(|(name, value)| Some((name, value?)));
        stamp(
            &present.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect(),
        )
    }

    #[test]
    fn a_stamp_is_whole_or_absent() {
        assert_eq!(stamp_of([None; 3]).unwrap(), None);
        let stamp = stamp_of([Some("7"), Some("3"), Some("2")]).unwrap().unwrap();
        let expected = (SessionId(7), Sequence(3), Sequence(2));
        assert_eq!((stamp.session, stamp.sequence, stamp.lowest_outstanding), expected);
        for bad in [
            [Some("7"), None, None],
            [None, Some("3"), Some("2")],
            [Some("7"), Some("3"), Some("4")],
            [Some("7"), Some("-3"), Some("2")],
            [Some("x"), Some("3"), Some("2")],
            [Some("18446744073709551616"), Some("3"), Some("2")],
        ] {
            assert_eq!(stamp_of(bad).unwrap_err().status, StatusCode::BAD_REQUEST, "{bad:?}");
        }
    }
}
