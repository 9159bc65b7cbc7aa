//! Operations on one key.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use super::Api;
use super::extract::{OfKey, OfSession, Parsed, check_value, present};
use super::reply::Rejection;
use crate::machine::{Action, Change};

type Replied = Result<Response, Rejection>;

/// The body of an operation that brings a value.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ValueBody {
    #[serde(deserialize_with = "present")]
    value: Value,
}

/// The body of a compare-and-set.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CasBody {
    #[serde(deserialize_with = "present")]
    expect: Value,
    #[serde(deserialize_with = "present")]
    value: Value,
}

/// The body of an addition.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AddBody {
    delta: i64,
}

/// `GET /kv/{key}`
pub(super) async fn get(State(api): State<Arc<Api>>, OfKey(key): OfKey) -> Response {
    api.read(key).await
}

/// `PUT /kv/{key}` with `{"value":..}`
pub(super) async fn put(
    State(api): State<Arc<Api>>,
    OfSession(stamp): OfSession,
    OfKey(key): OfKey,
    Parsed(ValueBody { value }, _): Parsed<ValueBody>,
) -> Replied {
    let put = Change::Put(check_value(&value)?);
    Ok(api.write(Action::Change(key, put), stamp).await)
}

/// `DELETE /kv/{key}`
pub(super) async fn delete(
    State(api): State<Arc<Api>>,
    OfSession(stamp): OfSession,
    OfKey(key): OfKey,
) -> Response {
    api.write(Action::Change(key, Change::Delete), stamp).await
}

/// `POST /kv/{key}/cas` with `{"expect":..,"value":..}`
pub(super) async fn cas(
    State(api): State<Arc<Api>>,
    OfSession(stamp): OfSession,
    OfKey(key): OfKey,
    Parsed(CasBody { expect, value }, _): Parsed<CasBody>,
) -> Replied {
    let (expect, value) = (check_value(&expect)?, check_value(&value)?);
    Ok(api.write(Action::Cas { key, expect, value }, stamp).await)
}

/// `POST /kv/{key}/append` with `{"value":..}`
pub(super) async fn append(
    State(api): State<Arc<Api>>,
    OfSession(stamp): OfSession,
    OfKey(key): OfKey,
    Parsed(ValueBody { value }, _): Parsed<ValueBody>,
) -> Replied {
    let append = Change::Append(check_value(&value)?);
    Ok(api.write(Action::Change(key, append), stamp).await)
}

/// `POST /kv/{key}/add` with `{"delta":..}`
pub(super) async fn add(
    State(api): State<Arc<Api>>,
    OfSession(stamp): OfSession,
    OfKey(key): OfKey,
    Parsed(AddBody { delta }, _): Parsed<AddBody>,
) -> Response {
    api.write(Action::Change(key, Change::Add(delta)), stamp).await
}
