//! Sessions of clients.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::Api;
use super::extract::Nothing;
use crate::machine::Command;

/// `POST /session`: begins one. A session that was begun and never used does no
/// harm, so a client that got no answer may simply ask again.
pub(super) async fn register(State(api): State<Arc<Api>>, Nothing: Nothing) -> Response {
    api.command(Command::RegisterSession).await
}
