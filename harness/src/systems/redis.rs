//! Redis with one Sentinel beside each node.
//!
//! The sentinels decide who is master, and clients do what Redis' documentation ("Guidelines
//! for Redis clients with support for Redis Sentinel") asks of them: before each operation
//! they ask their node's sentinel for the master's address, and a new connection is used only
//! once the server at its end says that it is a master.

mod client;
mod connection;
#[cfg(test)]
mod tests;

use std::{net::SocketAddr, time::Duration};

use squall_workloads::Function;

use self::{
    client::{Reads, RedisClient},
    connection::Connection,
};
use super::{
    keyed,
    protocol::{Options, Protocol, choice},
    telling,
};
use crate::system::{BoxFuture, Client, Status};

/// Where sentinels listen, beside their nodes.
const SENTINEL_PORT: u16 = 26379;

/// Under which name the sentinels know the master.
const MASTER: &str = "squall";

/// How often the sentinels are asked whether they are ready.
const POLL: Duration = Duration::from_millis(100);

struct Redis {
    reads: Reads,
    sentinel_port: u16,
}

/// Redis as `options` have it: `reads` is `master` or `replica`.
///
/// # Errors
/// An option has a value that means nothing.
pub(super) fn protocol(options: &Options) -> Result<Box<dyn Protocol>, String> {
    let reads = match choice(options, "reads", &["master", "replica"])? {
        "replica" => Reads::Own,
        _ => Reads::Master,
    };
    Ok(Box::new(Redis { reads, sentinel_port: SENTINEL_PORT }))
}

impl Protocol for Redis {
    fn offers(&self, function: Function) -> bool {
        keyed::offers(function)
    }

    fn client(&self, nodes: &[SocketAddr]) -> Box<dyn Client> {
        Box::new(RedisClient::of(nodes, self.sentinel_port, self.reads))
    }

    fn probe(&self, node: SocketAddr) -> BoxFuture<'_, Option<Status>> {
        Box::pin(async move { status(&replication(node).await?) })
    }

    fn set_up<'a>(&'a self, nodes: &'a [SocketAddr]) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            while !self.can_fail_over(nodes).await {
                tokio::time::sleep(POLL).await;
            }
            Ok(())
        })
    }
}

impl Redis {
    /// Whether every replica is up to date and every sentinel knows all others, so that they
    /// could agree on another master.
    async fn can_fail_over(&self, nodes: &[SocketAddr]) -> bool {
        let others = nodes.len() - 1;
        let mut replicas = 0;
        for node in nodes {
            let Some(info) = replication(*node).await else { return false };
            replicas += usize::from(telling::line(&info, "master_link_status:") == Some("up"));
            let sentinel = SocketAddr::new(node.ip(), self.sentinel_port);
            let known = tokio::time::timeout(telling::PROBE_TIMEOUT, known(sentinel)).await;
            if known.ok().flatten() != Some((others, others)) {
                return false;
            }
        }
        replicas == others
    }
}

/// How many replicas and how many other sentinels `sentinel` knows of a master that is up.
async fn known(sentinel: SocketAddr) -> Option<(usize, usize)> {
    let mut connection = Connection::to(sentinel).await.ok()?;
    let mut ask = redis::cmd("SENTINEL");
    ask.arg("MASTER").arg(MASTER);
    let fields: Vec<String> = redis::from_redis_value(connection.query(&ask).await.ok()?).ok()?;
    let field = |name| {
        let mut pairs = fields.chunks_exact(2);
        pairs.find(|pair| pair[0] == name).map(|pair| pair[1].as_str())
    };
    // Anything more says what is the matter with it: `s_down`, `o_down`, `disconnected`.
    if field("flags")? != "master" {
        return None;
    }
    Some((field("num-slaves")?.parse().ok()?, field("num-other-sentinels")?.parse().ok()?))
}

/// What a server tells of replication.
async fn replication(node: SocketAddr) -> Option<String> {
    telling::ask(node, "INFO replication\r\nQUIT\r\n").await
}

fn status(info: &str) -> Option<Status> {
    let role = match telling::line(info, "role:")? {
        "master" => "leader",
        "slave" => "follower",
        _ => return None,
    };
    Some(Status { role: Some(role.to_owned()), ..Status::default() })
}
