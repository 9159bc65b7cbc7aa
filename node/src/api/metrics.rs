//! What Prometheus asks for, and the counting of replies.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::Api;
use super::forward::Hop;
use super::reply::Effect;
use crate::metrics::{CONTENT_TYPE, Exposition, Kind, Told};
use crate::raft::Role;

/// `GET /metrics`: answered without asking anyone, as `/status` is.
pub(super) async fn metrics(State(api): State<Arc<Api>>) -> Response {
    let status = *api.status.borrow();
    let mut text = Exposition::default();
    text.family("squall_role", "gauge", "1 for the role this node takes itself to have.");
    for role in [Role::Follower, Role::PreCandidate, Role::Candidate, Role::Leader] {
        let is_it = u8::from(status.role == role);
        text.sample("squall_role", &[("role", role.as_str())], is_it);
    }
    let inputs = api.inputs.max_capacity();
    for (name, help, value) in [
        ("squall_term", "The term.", status.term.0),
        ("squall_commit_index", "The last entry known to be committed.", status.commit.0),
        ("squall_applied_index", "The last entry applied.", status.applied.0),
        ("squall_last_index", "The last entry of the log.", status.last_index.0),
        (
            "squall_inputs_waiting",
            "What clients and peers handed in and the driver has not taken.",
            (inputs - api.inputs.capacity()) as u64,
        ),
        ("squall_inputs_waiting_max", "Beyond this many, operations are refused.", inputs as u64),
        ("squall_uptime_seconds", "Since the node started.", api.began.elapsed().as_secs()),
    ] {
        text.family(name, "gauge", help);
        text.sample(name, &[], value);
    }
    api.metrics.write_to(&mut text);
    let mut response = Response::new(text.into_text().into());
    let content_type = HeaderValue::from_static(CONTENT_TYPE);
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// What the methods of one path are counted as.
#[derive(Clone)]
pub(super) struct Counting {
    pub(super) api: Arc<Api>,
    pub(super) kinds: &'static [(Method, Kind)],
}

/// Counts the reply to an operation.
pub(super) async fn count(
    State(Counting { api, kinds }): State<Counting>,
    request: Request,
    next: Next,
) -> Response {
    let kind = kinds.iter().find(|(method, _)| method == request.method()).map(|&(_, kind)| kind);
    let replies = match Hop::of(request.headers()) {
        Hop::First => &api.metrics.replies,
        Hop::Forwarded => &api.metrics.replies_to_peers,
    };
    let response = next.run(request).await;
    if let Some(kind) = kind {
        replies.count(kind, told(&response));
    }
    response
}

/// Returns what a reply says.
fn told(response: &Response) -> Told {
    match (response.extensions().get::<Effect>(), response.status()) {
        (Some(Effect::Never), _) => Told::Refused,
        (Some(Effect::Unknown), _) => Told::Unknown,
        (None, StatusCode::CONFLICT) => Told::Mismatch,
        (None, _) => Told::Done,
    }
}
