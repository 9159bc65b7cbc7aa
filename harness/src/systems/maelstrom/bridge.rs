//! A node that speaks on stdin and stdout, made into one that has an address.
//!
//! One process of this is one node: it runs the node's program as its child, gives it what
//! arrives, and carries what it prints to clients and to the bridges of the other nodes. So the
//! nemesis has a real process to kill and stop, and real connections to cut. Bridge and node are
//! one process group and die together. What the bridge holds in memory is bounded throughout.
//!
//! Deliberately absent: services such as Maelstrom's `lin-kv`, and anything that survives a kill.

mod bounded;
mod child;
mod clients;
mod counts;
mod link;
mod names;
mod router;
mod serve;

use std::{
    convert::Infallible, ffi::OsString, future::IntoFuture as _, io, net::SocketAddr,
    path::PathBuf, sync::Arc, time::Duration,
};

use serde_json::json;
pub(super) use serve::NotDelivered;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    time::timeout,
};

use self::{
    child::{Child, Printed},
    clients::{Body, Clients},
    counts::Counts,
    link::Link,
    names::Names,
    router::Router,
};
use super::weather::Weather;

/// How long after the node's end SIGTERM may come that was sent to both.
const SIGNAL_GRACE: Duration = Duration::from_millis(50);

/// How long a node may take for `init` before that is remarked on.
const INIT_PATIENCE: Duration = Duration::from_secs(3);

/// What a bridge is told.
#[derive(Clone, Debug)]
pub struct Bridge {
    /// The name of its node, such as `n1`.
    pub name: String,
    /// Where it listens for clients and for other bridges.
    pub listen: SocketAddr,
    /// The directory the node runs in.
    pub data: PathBuf,
    /// Every other node, and where its bridge is reached.
    pub peers: Vec<(String, SocketAddr)>,
    /// What becomes of messages to other nodes.
    pub weather: Weather,
    /// Decides what is lost and how long each message takes.
    pub seed: u64,
    /// The program of the node and its arguments.
    pub command: Vec<OsString>,
}

/// A bridge that cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// The address cannot be had.
    #[error("listen on {listen}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The program cannot be run.
    #[error("run {node} as `{command}` in {}; does it exist and may it be run?", data.display())]
    Spawn {
        /// The node.
        node: String,
        /// The program and its arguments.
        command: String,
        /// The directory it was to run in.
        data: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The node's process ended by itself.
    #[error("keep {node} running: `{command}` ended ({how}); what it said is above")]
    Ended {
        /// The node.
        node: String,
        /// The program and its arguments.
        command: String,
        /// Exit code or signal.
        how: String,
    },
    /// The node does not take up its part.
    #[error("initialise {node}: it answered `init` with {reply} instead of `init_ok`")]
    Init {
        /// The node.
        node: String,
        /// The body of the answer.
        reply: String,
    },
    /// The operating system refused something.
    #[error("watch over the node's process")]
    System(#[from] io::Error),
}

impl Bridge {
    /// Runs the node until it ends or SIGTERM comes. Call it from the main thread of a process
    /// that does nothing else: the node ends with the thread.
    ///
    /// # Errors
    /// The node cannot be run, or it ended, which it must not do by itself.
    pub async fn run(self) -> Result<(), BridgeError> {
        let mut terminated = signal(SignalKind::terminate())?;
        let (listen, node) = (self.listen, self.name.clone());
        let listener = TcpListener::bind(listen)
            .await
            .map_err(|source| BridgeError::Listen { listen, source })?;
        let (mut child, inbox, printed) =
            Child::start(&self.command, &self.data).map_err(|source| BridgeError::Spawn {
                node: node.clone(),
                command: self.shown(),
                data: self.data.clone(),
                source,
            })?;
        let names = Names::new(&self.name, self.peers.iter().map(|(name, _)| name.as_str()));
        let counts = Arc::new(Counts::default());
        let links = self.links(&names, &counts);
        let clients = Arc::new(Clients::new(names.clone()));
        let router = Arc::new(Router::new(names.clone(), inbox, links, clients, counts));
        let serving = axum::serve(listener, serve::routes(Arc::clone(&router)));
        tokio::select! {
            biased;
            _ = terminated.recv() => {
                child.end().await;
                Ok(())
            }
            ended = child.ended() => {
                let how = ended?.to_string();
                // The signal that ended both may be seen here second.
                if timeout(SIGNAL_GRACE, terminated.recv()).await.is_ok() {
                    return Ok(());
                }
                Err(BridgeError::Ended { node, command: self.shown(), how })
            }
            served = serving.into_future() => Ok(served?),
            Err(reply) = initialise(&names, &router) => Err(BridgeError::Init { node, reply }),
            never = read(printed, &router) => match never {},
        }
    }

    fn links(&self, names: &Names, counts: &Arc<Counts>) -> Vec<Option<Link>> {
        let to = |(place, name): (u64, &String)| {
            let (_, address) = self.peers.iter().find(|(peer, _)| peer == name)?;
            let seed = self.seed.wrapping_mul(1 << 16).wrapping_add(place);
            Some(Link::to(*address, self.weather, seed, Arc::clone(counts)))
        };
        (0..).zip(names.all()).map(to).collect()
    }

    fn shown(&self) -> String {
        let words = self.command.iter().map(|word| word.to_string_lossy());
        words.collect::<Vec<_>>().join(" ")
    }
}

/// Tells the node who it is, and lets others speak to it once it has answered.
///
/// # Errors
/// The body of any other answer.
async fn initialise(names: &Names, router: &Router) -> Result<(), String> {
    let mut asked = router.clients.ask().expect("nobody has asked before");
    let mut body = Body::new();
    body.insert("type".to_owned(), "init".into());
    body.insert("node_id".to_owned(), names.own().into());
    body.insert("node_ids".to_owned(), json!(names.all()));
    router.deliver(asked.message(body).into());
    let reply = match timeout(INIT_PATIENCE, asked.answer()).await {
        Ok(reply) => reply,
        Err(_) => {
            let node = names.own();
            tracing::warn!("{node} has not answered `init` yet; does it flush its stdout?");
            asked.answer().await
        }
    };
    if reply.get("type").is_some_and(|kind| kind == "init_ok") {
        router.begin();
        return Ok(());
    }
    Err(serde_json::Value::Object(reply).to_string())
}

/// Routes what the node prints, for as long as it does.
async fn read(mut printed: Printed, router: &Router) -> Infallible {
    loop {
        match printed.next().await {
            Ok(Some(line)) => router.route(&line),
            // Where its process has ended too, that is said elsewhere.
            Ok(None) => break tracing::warn!("the node has closed its stdout"),
            Err(error) => break tracing::warn!("the node's stdout cannot be read: {error}"),
        }
    }
    std::future::pending().await
}
