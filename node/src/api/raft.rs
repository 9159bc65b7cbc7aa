//! Messages from peers.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::Api;
use crate::driver::Input;
use crate::raft::Message;

/// `POST /raft` with a batch of messages; they are not answered here but by
/// messages the other way.
pub(super) async fn messages(State(api): State<Arc<Api>>, body: Bytes) -> StatusCode {
    let Ok(messages) = postcard::from_bytes::<Vec<Message>>(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    let known = |message: &Message| api.addresses.borrow().contains_key(&message.from);
    if !messages.iter().all(|message| message.to == api.id && known(message)) {
        tracing::warn!("refused messages from a stranger or for another node");
        return StatusCode::FORBIDDEN;
    }
    match api.inputs.try_send(Input::Messages(messages)) {
        Ok(()) => StatusCode::NO_CONTENT,
        // The protocol copes with the loss.
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// `POST /forward` with operations that another node passes on.
///
/// Answered with as many answers in the same order, once all have theirs.
pub(super) async fn passed_on(State(api): State<Arc<Api>>, body: Bytes) -> Response {
    let mut passed = Vec::new();
    let mut rest = &body[..];
    while !rest.is_empty() {
        match postcard::take_from_bytes(rest) {
            Ok((operation, after)) => {
                passed.push(operation);
                rest = after;
            }
            Err(_) => return StatusCode::BAD_REQUEST.into_response(),
        }
    }
    let answers = api.gateway.execute_passed_on(passed).await;
    postcard::to_stdvec(&answers)
        .expect("writing plain data to memory does not fail")
        .into_response()
}
