//! Passing orders of administrators on to the leader, as they came.
//!
//! Operations take another way, in batches and with retries: see the driver's
//! gateway. Orders are rare and tried once.
//!
//! One hop at most: what has been forwarded once is refused by a node that does
//! not lead either, so that two nodes with old news of each other cannot send an
//! order in circles.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use tokio::sync::watch;

use super::reply::{self, Effect};
use crate::raft::NodeId;

/// The header of a forwarded order; it names the node that forwards.
const FORWARDED_BY: &str = "x-squall-forwarded-by";

/// How much longer to wait for the leader than the leader waits itself, so that
/// its own answer, which knows more, comes first.
const GRACE: Duration = Duration::from_millis(200);

/// Time for dialling the leader.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(200);

/// The error for an HTTP client that cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("set up the HTTP client for orders to the leader")]
pub struct PeerClientError(#[from] reqwest::Error);

/// Whether an order comes from a client or from another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hop {
    First,
    Forwarded,
}

impl Hop {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        if headers.contains_key(FORWARDED_BY) { Self::Forwarded } else { Self::First }
    }
}

/// An order as it came in, but for its body.
pub(super) struct Incoming {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) hop: Hop,
}

impl Incoming {
    pub(super) fn with_body(self, body: Bytes) -> Call {
        let Self { method, uri, hop } = self;
        Call { method, uri, hop, body }
    }
}

/// An order as it came in.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) hop: Hop,
    pub(super) body: Bytes,
}

pub(super) struct Forwarder {
    id: NodeId,
    client: reqwest::Client,
}

impl Forwarder {
    pub(super) fn new(id: NodeId, operation_timeout: Duration) -> Result<Self, PeerClientError> {
        let client = reqwest::Client::builder()
            // It does one thing once.
            .retry(reqwest::retry::never())
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tcp_nodelay(true)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(operation_timeout + GRACE)
            .build()?;
        Ok(Self { id, client })
    }

    /// Passes an order on and its reply back.
    ///
    /// Gives up as soon as `news` says that somebody else leads, or nobody: a leader that
    /// was cut off or stopped would only be waited for until the order timed out.
    pub(super) async fn forward(
        &self,
        call: Call,
        leader: NodeId,
        address: SocketAddr,
        mut news: watch::Receiver<Option<NodeId>>,
    ) -> Response {
        let request = self
            .client
            .request(call.method, format!("http://{address}{}", call.uri.path()))
            .header(FORWARDED_BY, self.id.as_str())
            .body(call.body);
        let answer = async {
            let response = request.send().await?;
            let status = response.status();
            Ok::<_, reqwest::Error>(reply::relayed(status, response.bytes().await?))
        };
        let failure = tokio::select! {
            answer = answer => match answer {
                Ok(response) => return response,
                Err(failure) => failure,
            },
            _ = news.wait_for(|now| *now != Some(leader)) => {
                let why = format!("{leader} stopped leading while it was asked");
                return reply::failed(StatusCode::SERVICE_UNAVAILABLE, &why, Effect::Unknown);
            }
        };
        // Without a connection nothing left this node.
        let effect = if failure.is_connect() { Effect::Never } else { Effect::Unknown };
        tracing::debug!(%leader, error = %failure, ?effect, "forwarding failed");
        let status = if failure.is_timeout() {
            StatusCode::GATEWAY_TIMEOUT
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        reply::failed(status, &format!("the leader {leader} could not be asked"), effect)
    }
}
