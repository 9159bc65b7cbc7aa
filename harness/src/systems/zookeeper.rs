//! ZooKeeper, each key a node of its tree.
//!
//! Nodes are never removed: a key that holds nothing has the text `null`. A removed node that
//! is made again counts its versions from zero, so a change conditional on a version could
//! take effect on a value that is not the one its client saw.

mod client;
#[cfg(test)]
mod tests;

use std::{net::SocketAddr, time::Duration};

use squall_workloads::Function;
use zookeeper_client::{Acls, CreateMode, CreateOptions, Error};

use self::client::ZooKeeperClient;
use super::{
    keyed,
    protocol::{Options, Protocol, choice},
    telling,
};
use crate::system::{BoxFuture, Client, Status};

/// The node above those of all keys.
const ROOT: &str = "/squall";

/// The role of a server that serves nobody yet.
const CANDIDATE: &str = "candidate";

/// How long to wait between two tries of the set-up.
const POLL: Duration = Duration::from_millis(100);

/// What a server does before it answers a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    /// Catches up with the leader: `sync`.
    Synced,
    /// Nothing: it tells what it has, which may be old.
    Local,
}

struct ZooKeeper {
    reads: Reads,
}

/// ZooKeeper as `options` have it: `sync` is `true` or `false`.
///
/// # Errors
/// An option has a value that means nothing.
pub(super) fn protocol(options: &Options) -> Result<Box<dyn Protocol>, String> {
    let reads = match choice(options, "sync", &["true", "false"])? {
        "false" => Reads::Local,
        _ => Reads::Synced,
    };
    Ok(Box::new(ZooKeeper { reads }))
}

impl Protocol for ZooKeeper {
    fn offers(&self, function: Function) -> bool {
        keyed::offers(function)
    }

    /// They are transaction ids, one for each change of any node.
    fn revisions_are_of_values(&self) -> bool {
        true
    }

    fn client(&self, nodes: &[SocketAddr]) -> Box<dyn Client> {
        Box::new(ZooKeeperClient::of(nodes, self.reads))
    }

    fn probe(&self, node: SocketAddr) -> BoxFuture<'_, Option<Status>> {
        Box::pin(async move { status(&telling::ask(node, "srvr").await?) })
    }

    fn ready(&self, node: SocketAddr) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            match self.probe(node).await {
                None => Err("it did not answer `srvr`".to_owned()),
                Some(status) if status.role.as_deref() == Some(CANDIDATE) => {
                    Err("it is not serving: it found no majority yet".to_owned())
                }
                Some(_) => Ok(()),
            }
        })
    }

    fn set_up<'a>(&'a self, nodes: &'a [SocketAddr]) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            while make_root(nodes[0]).await.is_err() {
                tokio::time::sleep(POLL).await;
            }
            Ok(())
        })
    }
}

/// Makes the node above all others, unless it is there.
async fn make_root(node: SocketAddr) -> Result<(), Error> {
    let session = client::connect(node).await?;
    match session.create(ROOT, b"", &lasting()).await {
        Ok(_) | Err(Error::NodeExists) => Ok(()),
        Err(error) => Err(error),
    }
}

/// How nodes are made that outlive their session.
fn lasting() -> CreateOptions<'static> {
    CreateMode::Persistent.with_acls(Acls::anyone_all())
}

/// What a server says of itself.
fn status(answer: &str) -> Option<Status> {
    // So says a server that looks for a leader.
    if answer.contains("not currently serving") {
        return Some(Status { role: Some(CANDIDATE.to_owned()), ..Status::default() });
    }
    let role = match telling::line(answer, "Mode:")? {
        "leader" | "standalone" => "leader",
        "follower" => "follower",
        _ => return None,
    };
    let zxid = telling::line(answer, "Zxid:").and_then(|zxid| zxid.strip_prefix("0x"));
    let zxid = zxid.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    Some(Status { role: Some(role.to_owned()), applied: zxid, ..Status::default() })
}
