//! Probes of the sandboxed network: a datagram from each node's namespace to every other's.
//!
//! The sockets are the harness's own, opened inside the namespaces, so a probe crosses the bridge
//! as a node's packets do and yet needs no node to run. A datagram carries the number of its round
//! and counts only when it comes from the address of the node that claims it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use tokio::net::UdpSocket;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use super::Reachability;
use super::switch::address;

/// Where the probes' sockets are bound; far from the ports that systems under test choose.
pub(super) const PORT: u16 = 47_077;

/// One socket per node, in the node's namespace.
pub(super) struct Sounding {
    sockets: Vec<UdpSocket>,
    round: AtomicU64,
    /// Two rounds at once would take each other's datagrams.
    one_at_a_time: Mutex<()>,
}

impl Sounding {
    pub(super) fn new(sockets: Vec<std::net::UdpSocket>) -> io::Result<Self> {
        let sockets = sockets.into_iter().map(UdpSocket::from_std);
        Ok(Self {
            sockets: sockets.collect::<io::Result<_>>()?,
            round: AtomicU64::new(0),
            one_at_a_time: Mutex::new(()),
        })
    }

    /// Sends a datagram over every ordered pair; returns once all have arrived, or after `within`.
    pub(super) async fn probe(&self, within: Duration) -> io::Result<Reachability> {
        let _alone = self.one_at_a_time.lock().await;
        let round = self.round.fetch_add(1, Ordering::Relaxed);
        let nodes = self.sockets.len();
        let deadline = Instant::now() + within;
        let sends = (0..nodes).map(|from| self.send_all(from, round));
        join_all(sends).await;
        let receipts = (0..nodes).map(|to| self.receive_all(to, round, deadline));
        let received = try_join_all(receipts).await?;
        let mut reachability = Reachability::nobody(nodes);
        for (to, senders) in received.into_iter().enumerate() {
            for from in senders {
                reachability.arrived(from, to);
            }
        }
        Ok(reachability)
    }

    async fn send_all(&self, from: usize, round: u64) {
        for to in (0..self.sockets.len()).filter(|to| *to != from) {
            let destination = (address(to), PORT);
            // A datagram that may not even leave is one that does not arrive.
            let _ = self.sockets[from].send_to(&round.to_be_bytes(), destination).await;
        }
    }

    /// The nodes whose datagrams of `round` reached `to` by `deadline`.
    async fn receive_all(
        &self,
        to: usize,
        round: u64,
        deadline: Instant,
    ) -> io::Result<Vec<usize>> {
        let mut senders = Vec::new();
        let mut datagram = [0; 16];
        while senders.len() + 1 < self.sockets.len() {
            let receipt = self.sockets[to].recv_from(&mut datagram);
            let Ok(receipt) = timeout_at(deadline, receipt).await else {
                break;
            };
            let (length, source) = receipt?;
            if datagram[..length] == round.to_be_bytes()
                && let Some(from) = self.sender(source)
                && !senders.contains(&from)
            {
                senders.push(from);
            }
        }
        Ok(senders)
    }

    fn sender(&self, source: SocketAddr) -> Option<usize> {
        (0..self.sockets.len())
            .find(|node| source.port() == PORT && source.ip() == IpAddr::V4(address(*node)))
    }
}
