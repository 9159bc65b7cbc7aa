//! The key-value store of NATS JetStream.
//!
//! A bucket is a stream with one message kept for each key. What goes over the wire is spoken
//! here in JetStream's own words, as "JetStream wire API" and ADR-8 define them: the store of
//! the crate `async-nats` asks for the stream's configuration on every new connection, turns
//! direct reads on wherever a server knows them, and its `create` tries twice.

mod client;
mod connection;
mod reply;
#[cfg(test)]
mod tests;

use std::{net::SocketAddr, time::Duration};

use async_nats::HeaderMap;
use serde::Deserialize;
use serde_json::json;
use squall_workloads::Function;

use self::{client::NatsClient, connection::Connection};
use super::{
    keyed,
    protocol::{Options, Protocol, choice},
    telling,
};
use crate::system::{BoxFuture, Client, Status};

/// The stream behind the bucket, as ADR-8 has it.
const STREAM: &str = "KV_squall";

/// Where a node tells of itself over HTTP.
const MONITORING_PORT: u16 = 8222;

/// The most replicas JetStream makes.
const REPLICAS_MAX: usize = 5;

/// How long one try of the set-up may take, and how long to wait for the next.
const TRY_TIMEOUT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(200);

/// How reads are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    /// Of the stream's leader.
    Leader,
    /// Of whichever replica answers first, which may be behind: `Direct Get`.
    Direct,
}

struct Nats {
    reads: Reads,
    probes: reqwest::Client,
}

/// NATS as `options` have it: `direct` is `false` or `true`.
///
/// # Errors
/// An option has a value that means nothing.
pub(super) fn protocol(options: &Options) -> Result<Box<dyn Protocol>, String> {
    let reads = match choice(options, "direct", &["false", "true"])? {
        "true" => Reads::Direct,
        _ => Reads::Leader,
    };
    let probes = reqwest::Client::builder().timeout(telling::PROBE_TIMEOUT).no_proxy().build();
    let probes = probes.map_err(|error| format!("no client for probes: {error}"))?;
    Ok(Box::new(Nats { reads, probes }))
}

impl Protocol for Nats {
    fn offers(&self, function: Function) -> bool {
        keyed::offers(function)
    }

    /// They are sequence numbers of the stream, one for each change of any key.
    fn revisions_are_of_values(&self) -> bool {
        true
    }

    fn client(&self, nodes: &[SocketAddr]) -> Box<dyn Client> {
        Box::new(NatsClient::of(nodes, self.reads))
    }

    fn probe(&self, node: SocketAddr) -> BoxFuture<'_, Option<Status>> {
        Box::pin(async move {
            let monitor = SocketAddr::new(node.ip(), MONITORING_PORT);
            let reply = self.probes.get(format!("http://{monitor}/varz")).send().await.ok()?;
            let server: Server = reply.json().await.ok()?;
            Some(status(&server, &self.streams(node).await?))
        })
    }

    fn set_up<'a>(&'a self, nodes: &'a [SocketAddr]) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            loop {
                let made = tokio::time::timeout(TRY_TIMEOUT, self.make_bucket(nodes)).await;
                if let Ok(made) = made
                    && self.all_hold_it(nodes).await
                {
                    return made;
                }
                tokio::time::sleep(POLL).await;
            }
        })
    }
}

impl Nats {
    /// Asks for the bucket, once. Asking for what there is already changes nothing.
    async fn make_bucket(&self, nodes: &[SocketAddr]) -> Result<(), String> {
        let mut connection = Connection::to(nodes[0]).await?;
        let subject = format!("$JS.API.STREAM.CREATE.{STREAM}");
        let config = json!({
            "name": STREAM,
            "subjects": [format!("{}>", client::SUBJECTS)],
            "num_replicas": replicas(nodes),
            "max_msgs_per_subject": 1,
            "max_consumers": -1,
            "max_msgs": -1,
            "max_bytes": -1,
            "retention": "limits",
            "storage": "file",
            "discard": "new",
            "duplicate_window": 120_000_000_000_u64,
            "allow_rollup_hdrs": true,
            "deny_delete": true,
            "allow_direct": self.reads == Reads::Direct,
        });
        let asked = connection.exchange(subject, HeaderMap::new(), config.to_string().into());
        let reply = asked.await.map_err(|lost| format!("{lost:?}"))?;
        reply::made(&reply.payload)
    }

    /// Whether every replica knows a leader, and the leader knows all replicas to be up to date.
    async fn all_hold_it(&self, nodes: &[SocketAddr]) -> bool {
        let replicas = replicas(nodes);
        let (mut held, mut complete) = (0, replicas == 1);
        for node in nodes {
            let Some(streams) = self.streams(*node).await else { return false };
            let Some(stream) = streams.bucket() else { continue };
            // A server by itself tells of no cluster.
            let Some(cluster) = &stream.cluster else { return complete };
            held += usize::from(cluster.leader.is_some());
            // What other members than the leader think of each other is often old.
            complete |= cluster.replicas.len() + 1 == replicas
                && cluster.replicas.iter().all(|replica| replica.current);
        }
        complete && held == replicas
    }

    /// What the server at `node` tells of its streams.
    async fn streams(&self, node: SocketAddr) -> Option<Streams> {
        let monitor = SocketAddr::new(node.ip(), MONITORING_PORT);
        let path = format!("http://{monitor}/jsz?streams=1&accounts=1");
        self.probes.get(path).send().await.ok()?.json().await.ok()
    }
}

/// How many replicas a bucket has on `nodes`.
fn replicas(nodes: &[SocketAddr]) -> usize {
    nodes.len().min(REPLICAS_MAX)
}

/// What `/varz` tells of a server.
#[derive(Deserialize)]
struct Server {
    server_name: String,
}

/// What `/jsz` tells of the streams a server holds.
#[derive(Default, Deserialize)]
struct Streams {
    #[serde(default)]
    account_details: Vec<Account>,
}

#[derive(Deserialize)]
struct Account {
    #[serde(default)]
    stream_detail: Vec<Stream>,
}

#[derive(Deserialize)]
struct Stream {
    name: String,
    cluster: Option<Cluster>,
}

#[derive(Deserialize)]
struct Cluster {
    leader: Option<String>,
    #[serde(default)]
    replicas: Vec<Replica>,
}

#[derive(Deserialize)]
struct Replica {
    #[serde(default)]
    current: bool,
}

impl Streams {
    fn bucket(&self) -> Option<&Stream> {
        let mut streams = self.account_details.iter().flat_map(|account| &account.stream_detail);
        streams.find(|stream| stream.name == STREAM)
    }
}

/// What a server says of itself: who leads the stream, where it holds it.
fn status(server: &Server, streams: &Streams) -> Status {
    let cluster = streams.bucket().and_then(|stream| stream.cluster.as_ref());
    let leader = cluster.and_then(|cluster| cluster.leader.clone());
    let role = cluster.map(|_| {
        let leads = leader.as_ref() == Some(&server.server_name);
        if leads { "leader" } else { "follower" }.to_owned()
    });
    Status { role, leader, ..Status::default() }
}
