//! Appends that are tried again under a client id until they are answered.
//!
//! The node knows a session, and in it each write by its number (node/README.md, Sessions). An
//! attempt whose outcome is not known may have been applied; every later one is answered with
//! the outcome of the first that was. So the whole operation is as one: applied once, between
//! its beginning and its end.

use std::time::Duration;

use hyper::{
    Method, StatusCode,
    body::Bytes,
    header::{HeaderName, HeaderValue},
};
use serde::Deserialize;
use squall_workloads::Invocation;

use super::super::http::Lost;
use super::{
    call::{self, Call},
    client::NodeClient,
};
use crate::system::Completion;

/// How long the first attempt may wait for its reply; each later one may wait twice as long as
/// the one before, so that a node that hangs does not take up all the time there is.
const FIRST_TIMEOUT: Duration = Duration::from_millis(100);

/// The longest any attempt may wait; a node answers or gives up before that.
const TIMEOUT_MAX: Duration = Duration::from_secs(1);

/// Pause before the next attempt.
const ATTEMPT_INTERVAL: Duration = Duration::from_millis(20);

/// What the cluster knows a client by.
#[derive(Default)]
pub(super) struct ClientSession {
    /// Absent before it is begun, and once the cluster has forgotten it.
    id: Option<u64>,
    /// The number of the last write.
    sequence: u64,
}

/// What one attempt came to.
enum Attempt {
    Ended(Completion),
    /// It has no effect and never will, for this reason.
    Nothing(String),
    /// Nobody knows, for this reason.
    Unknown(String),
}

impl NodeClient {
    /// Appends once, however often that has to be tried; begins at `node`.
    ///
    /// Goes on until it is answered, so whoever calls this bounds it in time.
    pub(super) async fn append_once(&mut self, node: usize, invocation: &Invocation) -> Completion {
        self.session.sequence += 1;
        let mut at = node;
        // Whether an attempt may have been applied.
        let mut open = false;
        let mut timeout = FIRST_TIMEOUT;
        loop {
            let attempt = tokio::time::timeout(timeout, self.attempt(at, invocation)).await;
            timeout = TIMEOUT_MAX.min(2 * timeout);
            match attempt {
                Ok(Attempt::Ended(Completion::Fail(why))) if open => {
                    return Completion::Info(format!("after an attempt without reply: {why}"));
                }
                Ok(Attempt::Ended(completion)) => return completion,
                Ok(Attempt::Nothing(why)) => tracing::trace!("attempt at node {at}: {why}"),
                Ok(Attempt::Unknown(why)) => {
                    tracing::trace!("attempt at node {at}: {why}");
                    open = true;
                }
                Err(_) => open = true,
            }
            tokio::time::sleep(ATTEMPT_INTERVAL).await;
            at = (at + 1) % self.nodes.len();
        }
    }

    async fn attempt(&mut self, node: usize, invocation: &Invocation) -> Attempt {
        let session = match self.session.id {
            Some(session) => session,
            None => match self.begin_session(node).await {
                Ok(session) => *self.session.id.insert(session),
                // A session that was begun and is not used does nothing.
                Err(why) => return Attempt::Nothing(why),
            },
        };
        let Some(Call { method, path, body }) = call::call(invocation) else {
            let why = "the node offers no such append; nothing was sent";
            return Attempt::Ended(Completion::Fail(why.to_owned()));
        };
        let sequence = self.session.sequence;
        let headers = [
            ("x-squall-session", session),
            ("x-squall-sequence", sequence),
            // Whatever was asked before is not waited for any more.
            ("x-squall-lowest", sequence),
        ];
        let headers = headers
            .map(|(name, number)| (HeaderName::from_static(name), HeaderValue::from(number)))
            .into_iter()
            .collect();
        let sent = self.nodes[node].exchange_with(method, &path, body.into(), headers).await;
        match sent {
            Ok((status, body)) => self.judge(invocation, status, &body),
            Err(Lost::NotSent(why)) => Attempt::Nothing(why),
            Err(Lost::Unknown(why)) => Attempt::Unknown(why),
        }
    }

    fn judge(&mut self, invocation: &Invocation, status: StatusCode, body: &Bytes) -> Attempt {
        match call::complete(invocation, status, body) {
            // Nobody to ask right now: of no effect, so another may be asked.
            Completion::Fail(why) if status == StatusCode::SERVICE_UNAVAILABLE => {
                Attempt::Nothing(why)
            }
            completion @ (Completion::Fail(_) | Completion::Info(_))
                if status == StatusCode::GONE =>
            {
                self.session.id = None;
                Attempt::Ended(completion)
            }
            Completion::Info(why) => Attempt::Unknown(why),
            completion => Attempt::Ended(completion),
        }
    }

    async fn begin_session(&mut self, node: usize) -> Result<u64, String> {
        #[derive(Deserialize)]
        struct Begun {
            session: u64,
        }
        let sent = self.nodes[node].exchange(Method::POST, "/session", Bytes::new()).await;
        match sent {
            Ok((StatusCode::OK, body)) => serde_json::from_slice::<Begun>(&body)
                .map(|begun| begun.session)
                .map_err(|error| format!("unexpected reply 200: {error}")),
            Ok((status, _)) => Err(format!("no session: {}", status.as_u16())),
            Err(Lost::NotSent(why) | Lost::Unknown(why)) => Err(why),
        }
    }
}
