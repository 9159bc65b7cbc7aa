//! One port for everybody: clients, the bridges of other nodes, and whoever asks how it is.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router as Routes,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{child::LINE_BYTES_MAX, clients::Body, router::Router};

/// The longest body: a batch with one message of the greatest length.
const BODY_BYTES_MAX: usize = LINE_BYTES_MAX + (2 << 20);
/// How long a request may wait for the node; whoever asked gives up long before.
const ANSWER_WITHIN: Duration = Duration::from_secs(600);

/// What is said of a request that never reached the node, and why.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct NotDelivered {
    pub(in super::super) not_delivered: String,
}

/// `POST /rpc`, `POST /peer` and `GET /status`.
pub(super) fn routes(router: Arc<Router>) -> Routes {
    Routes::new()
        .route("/rpc", post(rpc))
        .route("/peer", post(peer))
        .route("/status", get(status))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(router)
}

/// Passes the body of a message to the node, and answers with the body of its answer. Without
/// one there is no reply either: whoever asks gives up by closing the connection.
async fn rpc(State(router): State<Arc<Router>>, body: Bytes) -> Response {
    let Ok(body) = serde_json::from_slice::<Body>(&body) else {
        return not_delivered(StatusCode::BAD_REQUEST, "the body is not a JSON object");
    };
    if !router.is_ready() {
        let why = "the node has not answered init yet";
        return not_delivered(StatusCode::SERVICE_UNAVAILABLE, why);
    }
    let Some(mut asked) = router.clients.ask() else {
        let why = "as many as may already wait for the node";
        return not_delivered(StatusCode::SERVICE_UNAVAILABLE, why);
    };
    if !router.deliver(asked.message(body).into()) {
        let why = "the node does not read what waits for it";
        return not_delivered(StatusCode::SERVICE_UNAVAILABLE, why);
    }
    match tokio::time::timeout(ANSWER_WITHIN, asked.answer()).await {
        Ok(answer) => Json(answer).into_response(),
        Err(_) => StatusCode::GATEWAY_TIMEOUT.into_response(),
    }
}

fn not_delivered(status: StatusCode, why: &str) -> Response {
    (status, Json(NotDelivered { not_delivered: why.to_owned() })).into_response()
}

/// Takes in messages of another node, one a line.
async fn peer(State(router): State<Arc<Router>>, body: Bytes) -> StatusCode {
    router.take_in(&body);
    StatusCode::OK
}

async fn status(State(router): State<Arc<Router>>) -> Response {
    let ready = router.is_ready();
    let waiting = router.clients.waiting();
    let messages = router.counts.show();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({ "ready": ready, "clients_waiting": waiting, "messages": messages });
    (status, Json(body)).into_response()
}
