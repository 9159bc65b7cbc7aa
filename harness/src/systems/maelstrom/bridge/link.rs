//! The way of messages to one other node: delayed, lost by chance, and lost whenever the network
//! does not carry them.
//!
//! Messages travel in batches, each a `POST /peer` to the bridge in front of the other node. One
//! that is not answered in time is given up together with everything that waits behind it, so what
//! a cut holds up does not arrive much later in a flood. Nothing is sent twice.

use std::{
    cmp::Ordering,
    collections::BinaryHeap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use hyper::{Method, StatusCode, body::Bytes};
use rand::{RngExt as _, SeedableRng as _, rngs::ChaCha8Rng};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::{
    super::{super::http::Connection, weather::Weather},
    bounded::{Held, Queue, Waiting, queue},
    counts::Counts,
};

/// What may wait for one node.
const WAITING_BYTES_MAX: usize = 32 << 20;
/// What goes into a batch, but for its last message.
const BATCH_BYTES: usize = 1 << 20;
/// How long a batch may take.
const STALL: Duration = Duration::from_millis(500);
/// How long a link rests that has lost a batch.
const REST: Duration = Duration::from_millis(20);

/// A link to another node.
pub(super) struct Link {
    queue: Queue<Due>,
    weather: Weather,
    chance: Mutex<ChaCha8Rng>,
    counts: Arc<Counts>,
}

/// A message with the time at which it is to leave.
struct Due {
    at: Instant,
    line: Bytes,
}

impl Link {
    /// A link to the bridge at `peer`; `seed` decides what is lost and how long it takes.
    /// Must be called within a runtime.
    pub(super) fn to(peer: SocketAddr, weather: Weather, seed: u64, counts: Arc<Counts>) -> Self {
        let (queue, waiting) = queue(WAITING_BYTES_MAX);
        tokio::spawn(carry(peer, waiting, Arc::clone(&counts)));
        let chance = Mutex::new(ChaCha8Rng::seed_from_u64(seed));
        Self { queue, weather, chance, counts }
    }

    /// Sends a line, its end included, or loses it.
    pub(super) fn send(&self, line: Bytes) {
        let Some(delay) = self.delay() else {
            self.counts.lost(1);
            return;
        };
        let bytes = line.len();
        if self.queue.push(Due { at: Instant::now() + delay, line }, bytes).is_err() {
            self.counts.dropped(1);
        }
    }

    /// How long the next message is to be held back; none if it is lost.
    fn delay(&self) -> Option<Duration> {
        let Weather { latency, jitter, loss } = self.weather;
        let mut chance = self.chance.lock().expect("no thread panics while it draws");
        if loss > 0.0 && chance.random_bool(loss) {
            return None;
        }
        Some(latency + jitter.mul_f64(chance.random_range(0.0..1.0)))
    }
}

async fn carry(peer: SocketAddr, mut waiting: Waiting<Due>, counts: Arc<Counts>) {
    let mut connection = Connection::to(peer);
    let mut held = BinaryHeap::new();
    let mut number = 0;
    let mut hold = |held: &mut BinaryHeap<Ordered>, due: Held<Due>| {
        number += 1;
        held.push(Ordered { number, due });
    };
    loop {
        while let Some(due) = waiting.try_next() {
            hold(&mut held, due);
        }
        let next = held.peek().map(Ordered::at);
        tokio::select! {
            biased;
            () = until(next) => {}
            due = waiting.next() => {
                let Some(due) = due else { return };
                hold(&mut held, due);
                continue;
            }
        }
        let (batch, messages) = take_due(&mut held);
        let sent = timeout(STALL, connection.exchange(Method::POST, "/peer", batch)).await;
        if matches!(sent, Ok(Ok((StatusCode::OK, _)))) {
            counts.carried(messages);
            continue;
        }
        let behind = held.drain().count() + std::iter::from_fn(|| waiting.try_next()).count();
        counts.dropped(messages + behind as u64);
        // A connection on which something is missing would carry on with the rest of it.
        connection = Connection::to(peer);
        sleep(REST).await;
    }
}

/// Resolves at `at`; never without one.
async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// What is to leave now, and how many messages that is; at least the first.
fn take_due(held: &mut BinaryHeap<Ordered>) -> (Bytes, u64) {
    let now = Instant::now();
    let mut batch = Vec::new();
    let mut messages = 0;
    while let Some(first) = held.peek()
        && (messages == 0 || (first.at() <= now && batch.len() < BATCH_BYTES))
        && let Some(Ordered { due, .. }) = held.pop()
    {
        batch.extend_from_slice(&due.item.line);
        messages += 1;
    }
    (batch.into(), messages)
}

/// A message in a heap whose greatest is the one to leave first.
struct Ordered {
    /// Those of equal time leave in the order in which they came.
    number: u64,
    due: Held<Due>,
}

impl Ordered {
    fn at(&self) -> Instant {
        self.due.item.at
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at(), other.number).cmp(&(self.at(), self.number))
    }
}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ordered {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ordered {}

#[cfg(test)]
mod tests;
