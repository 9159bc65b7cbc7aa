//! Messages from peers.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;

use super::Api;
use crate::driver::Input;
use crate::raft::Message;

/// `POST /raft` with a batch of messages; they are not answered here but by
/// messages the other way.
pub(super) async fn messages(State(api): State<Arc<Api>>, body: Bytes) -> StatusCode {
    let Ok(messages) = postcard::from_bytes::<Vec<Message>>(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    let is_ours =
        |message: &Message| message.to == api.id && api.addresses.contains_key(&message.from);
    if !messages.iter().all(is_ours) {
        tracing::warn!("refused messages from a stranger or for another node");
        return StatusCode::FORBIDDEN;
    }
    match api.inputs.try_send(Input::Messages(messages)) {
        Ok(()) => StatusCode::NO_CONTENT,
        // The protocol copes with the loss.
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
