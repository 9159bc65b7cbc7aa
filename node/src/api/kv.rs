//! Operations on one key.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::forward::{Call, Hop};
use super::reply::{self, Effect, Rejection};
use super::{Api, CLIENT_BODY_BYTES_MAX};
use crate::bugs::Bug;
use crate::driver::{Answer, Input, Operation};
use crate::machine::{Action, Change, Command, Json, Key};
use crate::raft::Role;

type KeyPath = Result<Path<String>, PathRejection>;
type Body = Result<Bytes, BytesRejection>;

/// `GET /kv/{key}`
pub(super) async fn get(
    State(api): State<Arc<Api>>,
    uri: Uri,
    headers: HeaderMap,
    key: KeyPath,
) -> Result<Response, Rejection> {
    let key = check_key(key)?;
    let call = Call { method: Method::GET, uri, body: Bytes::new(), hop: Hop::of(&headers) };
    Ok(api.execute(Operation::Read { key }, call).await)
}

/// `PUT /kv/{key}` with `{"value":..}`
pub(super) async fn put(
    State(api): State<Arc<Api>>,
    uri: Uri,
    headers: HeaderMap,
    key: KeyPath,
    body: Body,
) -> Result<Response, Rejection> {
    #[derive(Deserialize)]
    struct Put {
        #[serde(deserialize_with = "present")]
        value: Value,
    }
    let key = check_key(key)?;
    let (Put { value }, body) = check_body(body)?;
    let command = Command::Plain(Action::Change(key, Change::Put(Json::from(&value))));
    let call = Call { method: Method::PUT, uri, body, hop: Hop::of(&headers) };
    Ok(api.execute(Operation::Write { command }, call).await)
}

/// `DELETE /kv/{key}`
pub(super) async fn delete(
    State(api): State<Arc<Api>>,
    uri: Uri,
    headers: HeaderMap,
    key: KeyPath,
) -> Result<Response, Rejection> {
    let command = Command::Plain(Action::Change(check_key(key)?, Change::Delete));
    let call = Call { method: Method::DELETE, uri, body: Bytes::new(), hop: Hop::of(&headers) };
    Ok(api.execute(Operation::Write { command }, call).await)
}

/// `POST /kv/{key}/cas` with `{"expect":..,"value":..}`
pub(super) async fn cas(
    State(api): State<Arc<Api>>,
    uri: Uri,
    headers: HeaderMap,
    key: KeyPath,
    body: Body,
) -> Result<Response, Rejection> {
    #[derive(Deserialize)]
    struct Cas {
        #[serde(deserialize_with = "present")]
        expect: Value,
        #[serde(deserialize_with = "present")]
        value: Value,
    }
    let key = check_key(key)?;
    let (Cas { expect, value }, body) = check_body(body)?;
    let (expect, value) = (Json::from(&expect), Json::from(&value));
    let command = Command::Plain(Action::Cas { key, expect, value });
    let call = Call { method: Method::POST, uri, body, hop: Hop::of(&headers) };
    Ok(api.execute(Operation::Write { command }, call).await)
}

impl Api {
    /// Carries out an operation, here or at the leader.
    async fn execute(&self, operation: Operation, call: Call) -> Response {
        let (role, leader) = {
            let status = self.status.borrow();
            (status.role, status.leader)
        };
        if self.bug == Some(Bug::FollowerRead) && matches!(operation, Operation::Read { .. }) {
            return self.execute_here(operation).await;
        }
        let refusal = match (role, leader, call.hop) {
            (Role::Leader, _, _) => return self.execute_here(operation).await,
            (_, Some(leader), Hop::First) => {
                return match self.addresses.get(&leader) {
                    Some(&address) => {
                        let news = self.leader.clone();
                        self.forwarder.forward(call, leader, address, news).await
                    }
                    None => reply::answered(&Answer::Refused("the leader's address is not known")),
                };
            }
            (_, _, Hop::Forwarded) => "this node does not lead",
            (_, None, Hop::First) => "no leader is known",
        };
        reply::answered(&Answer::Refused(refusal))
    }

    async fn execute_here(&self, operation: Operation) -> Response {
        let is_read = matches!(operation, Operation::Read { .. });
        let (reply, answer) = oneshot::channel();
        match self.inputs.try_send(Input::Operation { operation, reply }) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                return reply::answered(&Answer::Refused("the node is overloaded"));
            }
            Err(mpsc::error::TrySendError::Closed(_)) => {
                return reply::answered(&Answer::Refused("the node is shutting down"));
            }
        }
        match answer.await {
            Ok(answer) => reply::answered(&answer),
            // The driver died, and with it what it knew about the operation.
            Err(_) => {
                let effect = if is_read { Effect::Never } else { Effect::Unknown };
                reply::failed(StatusCode::SERVICE_UNAVAILABLE, "the node has failed", effect)
            }
        }
    }
}

fn check_key(key: KeyPath) -> Result<Key, Rejection> {
    let Ok(Path(key)) = key else { return Err(bad_key()) };
    key.parse().map_err(|_| bad_key())
}

/// Returns the answer to a key that cannot be one.
pub(super) fn bad_key() -> Rejection {
    let why = "a key is 1 to 512 bytes of UTF-8 without control characters, with '/' as %2F";
    Rejection { status: StatusCode::BAD_REQUEST, why: why.into() }
}

fn check_body<T: DeserializeOwned>(body: Body) -> Result<(T, Bytes), Rejection> {
    let body = body.map_err(|rejection| {
        let why = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                format!("a body has at most {CLIENT_BODY_BYTES_MAX} bytes").into()
            }
            _ => "the body ended early".into(),
        };
        Rejection { status: rejection.status(), why }
    })?;
    let parsed = serde_json::from_slice(&body).map_err(|error| Rejection {
        status: StatusCode::BAD_REQUEST,
        why: format!("the body is not the JSON this path takes: {error}").into(),
    })?;
    Ok((parsed, body))
}

/// Accepts any value, `null` too, but not a missing member.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    Value::deserialize(deserializer)
}
