//! The network where namespaces are refused: a TCP proxy for each ordered pair of nodes.
//!
//! Node `a` reaches `b` through a proxy of its own, so it is known who sent each byte: what flows
//! from the accepting side to the dialled side is `a`'s, the replies are `b`'s. Each ordered pair
//! has one [`gate`]; a byte passes only while the gate of its sender and receiver is open, on
//! whichever connection it travels. Behind a shut gate bytes, ends and resets are held, as on a
//! network that loses every packet and a TCP that retransmits.
//!
//! Probes are bytes on connections of the harness's own, relayed by the same code through the same
//! gates ([`lines`]). Everything ends when [`Proxies`] is dropped.

mod gate;
mod lines;
mod relay;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::Reachability;
use crate::grudge::Grudge;
use gate::{Gates, Passage};
use lines::Lines;

/// How long a listener rests that cannot accept, so as not to ask in vain without a pause.
const AFTER_REFUSAL: Duration = Duration::from_millis(10);

/// The proxies of a cluster, and the ports its nodes listen on.
pub(super) struct Proxies {
    listen: Vec<SocketAddr>,
    /// Bound but not listening, they keep the ports from being given to anybody else.
    _reserved: Vec<TcpSocket>,
    /// Row `from`, column `to`; nothing on the diagonal.
    peers: Vec<Vec<Option<SocketAddr>>>,
    gates: Gates,
    lines: Lines,
    /// Aborted on drop, and with the listeners every connection they accepted.
    _listeners: JoinSet<()>,
}

impl Proxies {
    pub(super) async fn start(nodes: usize) -> io::Result<Self> {
        let reserved: Vec<TcpSocket> = (0..nodes).map(|_| reserve()).collect::<io::Result<_>>()?;
        let listen: Vec<SocketAddr> =
            reserved.iter().map(TcpSocket::local_addr).collect::<io::Result<_>>()?;
        let gates = Gates::open(nodes);
        let mut listeners = JoinSet::new();
        let mut peers = vec![vec![None; nodes]; nodes];
        for (from, row) in peers.iter_mut().enumerate() {
            for (to, peer) in row.iter_mut().enumerate().filter(|(to, _)| *to != from) {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
                *peer = Some(listener.local_addr()?);
                listeners.spawn(accept(listener, listen[to], gates.passage(from, to)));
            }
        }
        Ok(Self {
            lines: Lines::lay(nodes, &gates).await?,
            listen,
            _reserved: reserved,
            peers,
            gates,
            _listeners: listeners,
        })
    }

    /// Where `node` listens, and where clients reach it without a proxy in between.
    pub(super) fn listen(&self, node: usize) -> SocketAddr {
        self.listen[node]
    }

    /// Where `from` reaches `to`.
    pub(super) fn peer(&self, from: usize, to: usize) -> SocketAddr {
        self.peers[from][to].unwrap_or(self.listen[to])
    }

    /// Shuts exactly the gates that `grudge` names.
    pub(super) fn apply(&self, grudge: &Grudge) {
        self.gates.apply(grudge);
    }

    /// As `Network::probe`.
    pub(super) async fn probe(&self, within: Duration) -> io::Result<Reachability> {
        self.lines.probe(within).await
    }
}

fn reserve() -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Lets the node, which sets the same, bind the port as long as we do not listen.
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    Ok(socket)
}

/// Relays every connection that `listener` accepts to `target`, for ever.
async fn accept(listener: TcpListener, target: SocketAddr, passage: Passage) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((caller, _)) => {
                    connections.spawn(connect(caller, target, passage.clone()));
                }
                // Out of descriptors, or a caller that gave up already: neither ends the proxy.
                Err(error) => {
                    tracing::warn!(%error, "proxy could not accept");
                    tokio::time::sleep(AFTER_REFUSAL).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connect(caller: TcpStream, target: SocketAddr, mut passage: Passage) {
    // A handshake takes a packet each way.
    passage.both_open().await;
    match TcpStream::connect(target).await {
        Ok(callee) => relay::relay(caller, callee, passage).await,
        Err(_) => relay::reset(&caller),
    }
}
