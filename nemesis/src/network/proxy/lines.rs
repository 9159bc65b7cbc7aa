//! Probes through the proxies: one standing connection for each ordered pair of nodes.
//!
//! The nodes' own connections cannot be used, since only nodes can read from them. These are the
//! harness's, relayed by the same code through the same gates, and what is counted is a record
//! that came out at the far end. One held back by a cut comes out after the heal; the number of
//! its round tells it from those of later rounds.

use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::gate::{Gates, Passage};
use super::relay;
use crate::network::Reachability;

/// Out of the far end of the line `from` to `to` came the record of `round`.
struct Arrival {
    from: usize,
    to: usize,
    round: u64,
}

struct Line {
    from: usize,
    to: usize,
    near_end: TcpStream,
}

/// The lines of all pairs; a round of probes has them to itself.
pub(super) struct Lines {
    nodes: usize,
    round: AtomicU64,
    ends: Mutex<(Vec<Line>, mpsc::UnboundedReceiver<Arrival>)>,
    _tasks: JoinSet<()>,
}

impl Lines {
    /// Lays a line for each ordered pair; the gates must be open.
    pub(super) async fn lay(nodes: usize, gates: &Gates) -> io::Result<Self> {
        let (arrivals_to, arrivals) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        let mut lines = Vec::new();
        for from in 0..nodes {
            for to in (0..nodes).filter(|to| *to != from) {
                let (near_end, proxy_hears) = connected_pair().await?;
                let (proxy_says, far_end) = connected_pair().await?;
                let passage: Passage = gates.passage(from, to);
                tasks.spawn(relay::relay(proxy_hears, proxy_says, passage));
                let arrivals_to = arrivals_to.clone();
                tasks.spawn(async move {
                    listen(far_end, from, to, &arrivals_to).await;
                });
                lines.push(Line { from, to, near_end });
            }
        }
        Ok(Self {
            nodes,
            round: AtomicU64::new(0),
            ends: Mutex::new((lines, arrivals)),
            _tasks: tasks,
        })
    }

    /// Sends a record down every line; returns once all have arrived, or after `within`.
    pub(super) async fn probe(&self, within: Duration) -> io::Result<Reachability> {
        let mut ends = self.ends.lock().await;
        let (lines, arrivals) = &mut *ends;
        let round = self.round.fetch_add(1, Ordering::Relaxed);
        let deadline = Instant::now() + within;
        for Line { from, to, near_end } in lines.iter_mut() {
            // A line cut for so long that it is full carries nothing, which is what is measured.
            let sent = timeout_at(deadline, near_end.write_all(&round.to_be_bytes())).await;
            if let Ok(Err(error)) = sent {
                tracing::warn!(from, to, %error, "probe line broken");
            }
        }
        let mut reachability = Reachability::nobody(self.nodes);
        while !reachability.is_full() {
            let Ok(Some(arrival)) = timeout_at(deadline, arrivals.recv()).await else {
                break;
            };
            if arrival.round == round {
                reachability.arrived(arrival.from, arrival.to);
            }
        }
        Ok(reachability)
    }
}

/// Reports every record that comes out of a line.
async fn listen(
    mut far_end: TcpStream,
    from: usize,
    to: usize,
    arrivals: &mpsc::UnboundedSender<Arrival>,
) {
    while let Ok(round) = far_end.read_u64().await {
        if arrivals.send(Arrival { from, to, round }).is_err() {
            return;
        }
    }
}

/// A TCP connection over loopback with both ends in this process.
async fn connected_pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let opened = TcpStream::connect(listener.local_addr()?).await?;
    opened.set_nodelay(true)?;
    loop {
        let (accepted, peer) = listener.accept().await?;
        // Anybody on this host may have connected in between.
        if peer == opened.local_addr()? {
            accepted.set_nodelay(true)?;
            return Ok((opened, accepted));
        }
    }
}
