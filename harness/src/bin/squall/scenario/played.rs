//! A node that the script plays: it hears what is said to it and says what it is told to.
//!
//! It stands where the cluster would have it, on loopback, and speaks the protocol between
//! nodes: batches of messages by `POST /raft`. It answers nothing by itself.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use squall::scenario::{Stage, StageError};
use squall_node::raft::{Body, Message, NodeId, Term};
use tokio::{net::TcpSocket, sync::mpsc, task::JoinHandle};

/// How long a script waits for something to be said.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many connections may wait to be taken.
const BACKLOG: u32 = 64;

/// A played node.
pub(super) struct Played {
    id: NodeId,
    name: String,
    heard: mpsc::UnboundedReceiver<Message>,
    http: reqwest::Client,
    serving: JoinHandle<()>,
}

impl Played {
    /// Takes the place of a node of the stage.
    ///
    /// # Errors
    /// The place cannot be taken.
    pub(super) fn enter(stage: &Stage, node: usize) -> Result<Self, StageError> {
        let name = stage.name(node);
        let failed = |why: String| StageError::Played { who: name.clone(), why };
        let listener = listen(stage.address(node)).map_err(|error| failed(error.to_string()))?;
        let (say, heard) = mpsc::unbounded_channel();
        let router = Router::new().route("/raft", post(hear)).with_state(Arc::new(say));
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!("a played node hears nothing any more: {error}");
            }
        });
        let http = reqwest::Client::builder().no_proxy().build();
        let http = http.map_err(|error| failed(error.to_string()))?;
        let id = name.parse().map_err(|_| failed("it is no name for a node".to_owned()))?;
        Ok(Self { id, name, heard, http, serving })
    }

    /// Says something to a real node, in a term.
    ///
    /// # Errors
    /// The node did not take it.
    pub(super) async fn say(
        &self,
        stage: &Stage,
        to: usize,
        term: Term,
        body: Body,
    ) -> Result<(), StageError> {
        let failed = |why: String| StageError::Played { who: self.name.clone(), why };
        let name = stage.name(to);
        let to_id = name.parse().map_err(|_| failed("it is no name for a node".to_owned()))?;
        let message = Message { from: self.id, to: to_id, term, body };
        let batch =
            postcard::to_stdvec(&[message][..]).map_err(|error| failed(error.to_string()))?;
        let url = format!("http://{}/raft", stage.address(to));
        let reply = self.http.post(url).body(batch).send().await;
        match reply.map(|reply| reply.status()) {
            Ok(StatusCode::NO_CONTENT) => Ok(()),
            Ok(status) => Err(failed(format!("{name} answered {status}"))),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    /// Waits for the first message that `wanted` makes something of; the others are dropped.
    ///
    /// # Errors
    /// It was not said in time.
    pub(super) async fn hears<T>(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&Message) -> Option<T>,
    ) -> Result<T, StageError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match tokio::time::timeout(left, self.heard.recv()).await {
                Ok(Some(message)) => {
                    if let Some(found) = wanted(&message) {
                        return Ok(found);
                    }
                }
                Ok(None) | Err(_) => {
                    let why = format!("it did not hear {what}");
                    return Err(StageError::Played { who: self.name.clone(), why });
                }
            }
        }
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Listens where the network has reserved the port.
fn listen(address: SocketAddr) -> std::io::Result<tokio::net::TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn hear(State(say): State<Arc<mpsc::UnboundedSender<Message>>>, batch: Bytes) -> StatusCode {
    let Ok(messages) = postcard::from_bytes::<Vec<Message>>(&batch) else {
        return StatusCode::BAD_REQUEST;
    };
    for message in messages {
        // The script may have ended.
        drop(say.send(message));
    }
    StatusCode::NO_CONTENT
}
