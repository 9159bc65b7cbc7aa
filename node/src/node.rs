//! The life of a node: start, serve, stop.

use std::collections::BTreeSet;
use std::future::IntoFuture;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::serve::ListenerExt;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinError;

use crate::api::{Api, PeerClientError};
use crate::args::NodeArgs;
use crate::bugs::Bug;
use crate::driver::{
    AddressBook, Addresses, Driver, DriverError, Known, PIECE_BYTES_MAX, Parts, Peers, Published,
    SnapshotPolicy, TICK_MS,
};
use crate::machine::{Machine, RestoreError};
use crate::metrics::Metrics;
use crate::raft::{Config, Elections, LogIndex, Membership, NodeId, Persisted, Raft};
use crate::storage::{Durability, Storage, StorageError, StorageOptions};

/// Inputs that may wait for the driver; beyond that, operations are refused.
const INPUTS_MAX: usize = 4_096;

/// Entries sent to a follower in one message, in bytes.
const APPEND_BYTES_MAX: usize = 256 << 10;

/// Entries sent to a follower in one message, in number.
const APPEND_ENTRIES_MAX: usize = 4_096;

/// Entries a leader takes on before those before them are committed, in bytes.
const UNCOMMITTED_BYTES_MAX: usize = 64 << 20;

/// Entries kept in memory although a snapshot covers them, at most.
const KEPT_ENTRIES_MAX: u64 = 4_096;

/// The longest snapshot a follower takes, in bytes.
const SNAPSHOT_BYTES_MAX: u64 = 4 << 30;

/// Time for replies to leave once the driver has stopped.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(500);

/// Why a node could not start or could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// A node is named twice in the arguments.
    #[error("start the node: {0} is named twice; every node needs its own name")]
    NamedTwice(NodeId),
    /// The election timeout is too short for the heartbeat interval.
    #[error(
        "start the node: --election-ms {election_ms} is less than twice --heartbeat-ms \
         {heartbeat_ms}, so that followers would not wait for heartbeats"
    )]
    Timing {
        /// What was given as `--heartbeat-ms`.
        heartbeat_ms: u64,
        /// What was given as `--election-ms`.
        election_ms: u64,
    },
    /// The address cannot be listened on.
    #[error("listen on {address}")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The signals that stop the node cannot be waited for.
    #[error("wait for signals")]
    Signal(#[source] io::Error),
    /// The state on disk cannot be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The snapshot on disk cannot be read, though it is as it was written.
    #[error("restore the state from the snapshot")]
    Restore(#[from] RestoreError),
    /// Peers cannot be talked to.
    #[error(transparent)]
    PeerClient(#[from] PeerClientError),
    /// The node could not go on safely.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// The HTTP server failed.
    #[error("serve on {address}")]
    Serve {
        /// Which address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// A part of the node panicked.
    #[error("go on: a part of the node panicked")]
    Panicked(#[source] JoinError),
}

/// Runs one node until SIGTERM or SIGINT.
///
/// On a signal the node takes no more operations, answers those under way,
/// syncs its log and returns. Needs a Tokio runtime with I/O and time; one of a
/// single thread takes about a third less processor time than one of two.
///
/// # Errors
/// The node cannot start, or its disk or the protocol failed. It must not go
/// on then, and the process should end with a failure.
pub async fn run(args: NodeArgs) -> Result<(), NodeError> {
    check(&args)?;
    let address = args.listen;
    let mut terminate = signal(SignalKind::terminate()).map_err(NodeError::Signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(NodeError::Signal)?;
    let listener =
        TcpListener::bind(address).await.map_err(|source| NodeError::Listen { address, source })?;
    serve(args, listener, async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("stops on SIGTERM"),
            _ = interrupt.recv() => tracing::info!("stops on SIGINT"),
        }
    })
    .await
}

/// Runs one node on a listener that is already bound, until `shutdown`
/// completes; `args.listen` does not matter.
///
/// # Errors
/// As for [`run`].
pub async fn serve(
    args: NodeArgs,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Result<(), NodeError> {
    check(&args)?;
    let address = listener.local_addr().unwrap_or(args.listen);
    let Recovered { raft, machine, storage } = recover(&args)?;
    let (inputs, input_queue) = mpsc::channel(INPUTS_MAX);
    let (publish_status, status) = watch::channel(raft.status());
    let (publish_leader, leader) = watch::channel(raft.status().leader);
    let (publish_addresses, addresses) = watch::channel(Addresses::new());
    let metrics = Arc::new(Metrics::default());
    let published = Published {
        status: publish_status,
        leader: publish_leader,
        addresses: publish_addresses,
        metrics: Arc::clone(&metrics),
    };
    let policy = SnapshotPolicy { entries: args.snapshot_entries, bytes: args.snapshot_bytes };
    let parts = Parts {
        raft,
        machine,
        storage,
        peers: Peers::default(),
        book: AddressBook::new(args.id, &args.peers),
        policy,
        inputs: input_queue,
    };
    let driver = Driver::new(parts, published)?;
    let known = Known { inputs, status, leader, addresses };
    let operation_timeout = Duration::from_millis(args.operation_timeout_ms);
    let api = Api::new(args.id, args.bug, args.reads.into(), operation_timeout, known, metrics)?;

    let (stop_driver, driver_stopped) = oneshot::channel::<()>();
    let (stop_server, server_stopped) = oneshot::channel::<()>();
    let mut driver = tokio::spawn(driver.run(async move {
        // Nobody left to say so is as good as being told.
        let _ = driver_stopped.await;
    }));
    let listener = listener.tap_io(|connection| {
        // Without it, replies only wait longer.
        let _ = connection.set_nodelay(true);
    });
    let server = axum::serve(listener, api.into_router()).with_graceful_shutdown(async move {
        let _ = server_stopped.await;
    });
    let mut server = tokio::spawn(server.into_future());
    tracing::info!(id = %args.id, %address, bug = args.bug.map(tracing::field::display), "serves");

    tokio::select! {
        () = shutdown => {}
        ended = &mut driver => {
            // The driver ends by itself only if it fails.
            return Ok(ended.map_err(NodeError::Panicked)??);
        }
        ended = &mut server => {
            let served = ended.map_err(NodeError::Panicked)?;
            return served.map_err(|source| NodeError::Serve { address, source });
        }
    }
    // If either has just ended, there is nobody to tell. The server goes on while the
    // lead is handed over: what peers say meanwhile matters.
    let _ = stop_driver.send(());
    driver.await.map_err(NodeError::Panicked)??;
    let _ = stop_server.send(());
    if tokio::time::timeout(DRAIN_TIMEOUT, server).await.is_err() {
        tracing::warn!("some connections were still open");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Checks what the parser of the arguments cannot.
fn check(args: &NodeArgs) -> Result<(), NodeError> {
    let mut named = BTreeSet::from([args.id]);
    if let Some(twice) = args.peers.iter().find(|peer| !named.insert(peer.id)) {
        return Err(NodeError::NamedTwice(twice.id));
    }
    let NodeArgs { heartbeat_ms, election_ms, .. } = *args;
    // Plain elections are there to show what becomes of a cluster, this too.
    if args.elections == Elections::Guarded && election_ms < 2 * heartbeat_ms {
        return Err(NodeError::Timing { heartbeat_ms, election_ms });
    }
    Ok(())
}

/// What a node finds when it starts.
struct Recovered {
    raft: Raft,
    machine: Machine,
    storage: Storage,
}

/// Reads the data directory and starts the protocol and the state machine from
/// what it holds.
fn recover(args: &NodeArgs) -> Result<Recovered, NodeError> {
    let began = Instant::now();
    let durability = match args.bug {
        Some(Bug::NoFsync) => Durability::BugUnsynced,
        _ => Durability::Synced,
    };
    let options = StorageOptions { durability, ..StorageOptions::default() };
    let (storage, recovered) = Storage::open(&args.data, options)?;
    if recovered.torn_bytes > 0 {
        tracing::warn!(bytes = recovered.torn_bytes, "cut off an unfinished write");
    }
    let snapshot = recovered.snapshot.unwrap_or_default();
    let machine = match snapshot.meta.last.index {
        LogIndex::ZERO => Machine::new(args.bug),
        _ => Machine::restore(&snapshot.data, args.bug)?,
    };
    tracing::info!(
        snapshot = %snapshot.meta.last,
        entries = recovered.entries.len(),
        term = recovered.hard_state.term.0,
        took_ms = began.elapsed().as_millis(),
        "read the log"
    );
    let ticks = |ms: u64| u32::try_from(ms / TICK_MS).unwrap_or(u32::MAX / 4).max(1);
    let members = if args.join {
        Membership::default()
    } else {
        Membership::of_voters(args.peers.iter().map(|peer| peer.id).chain([args.id]))
    };
    let config = Config {
        id: args.id,
        members,
        heartbeat_ticks: ticks(args.heartbeat_ms),
        election_ticks: ticks(args.election_ms),
        tick_ms: TICK_MS,
        elections: args.elections,
        append_bytes_max: APPEND_BYTES_MAX,
        append_entries_max: APPEND_ENTRIES_MAX,
        uncommitted_bytes_max: UNCOMMITTED_BYTES_MAX,
        kept_entries: KEPT_ENTRIES_MAX.min(args.snapshot_entries / 2),
        chunk_bytes_max: PIECE_BYTES_MAX,
        snapshot_bytes_max: SNAPSHOT_BYTES_MAX,
        reads: args.reads.into(),
        bug: args.bug,
    };
    let rng = ChaCha8Rng::from_rng(&mut rand::rng());
    let persisted = Persisted {
        hard_state: recovered.hard_state,
        snapshot: snapshot.meta,
        entries: recovered.entries,
    };
    Ok(Recovered { raft: Raft::new(config, persisted, rng), machine, storage })
}
