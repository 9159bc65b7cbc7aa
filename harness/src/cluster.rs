//! The node processes of a run: started, watched, reaped, ended.
//!
//! Owns every child. The nemesis signals processes by id and learns from here how they
//! ended; nothing else ends a node. Deliberately absent: what the processes are, which is
//! the system's business, and what the network between them does.

use std::{
    fs::OpenOptions,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, mpsc},
    thread,
    time::{Duration, Instant},
};

use futures_util::future::select_all;
use nix::{
    errno::Errno,
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use serde_json::Value;
use squall_nemesis::{
    Exit, Nodes, Order,
    fault::FaultKind,
    network::{Backend, Network},
};
use tokio::sync::{oneshot, watch};

use crate::{
    probes::{ANSWER_WITHIN, View},
    system::{self, NodeSetup, System},
};

/// How long a fresh cluster may take to be made ready for use.
const SET_UP_DEADLINE: Duration = Duration::from_secs(30);
/// Pause between two looks at a starting node.
const READY_INTERVAL: Duration = Duration::from_millis(5);
/// How long nodes may take to end on SIGTERM before they are killed.
const STOP_GRACE: Duration = Duration::from_secs(1);
/// Lines of a node's log quoted when it does not start.
const QUOTED_LINES: usize = 8;

/// A node could not be run.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The command could not be started.
    #[error("start {node} with `{command}`; does that program exist and may it be run?")]
    Spawn {
        /// The node.
        node: String,
        /// Its command line.
        command: String,
        /// Why.
        source: io::Error,
    },
    /// A directory or log file could not be made.
    #[error("make {} for {node}; check free space and permissions", path.display())]
    Files {
        /// The node.
        node: String,
        /// What was to be made.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What the node finds in its directory could not be made.
    #[error("make ready {node}: {why}")]
    Unprepared {
        /// The node.
        node: String,
        /// Why.
        why: String,
    },
    /// The fresh cluster could not be made ready for use.
    #[error("set the cluster up: {why}; the nodes' logs are in {}", logs.display())]
    NotSetUp {
        /// What it did not do.
        why: String,
        /// Where the logs are.
        logs: PathBuf,
    },
    /// The process ended before it answered.
    #[error("start {node}: it ended ({how}) before it answered; its log {} ends with:\n{tail}", log.display())]
    Ended {
        /// The node.
        node: String,
        /// Exit code or signal.
        how: String,
        /// Its log.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// The process runs but does not answer.
    #[error(
        "start {node}: it was not ready at {address} {why}; its log {} ends \
         with:\n{tail}",
        log.display()
    )]
    NotReady {
        /// The node.
        node: String,
        /// Where it was asked.
        address: SocketAddr,
        /// For how long, and what it answered last.
        why: Box<str>,
        /// Its log.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
}

/// A cluster of node processes.
pub struct Cluster {
    system: Arc<dyn System>,
    names: Vec<String>,
    setups: Vec<NodeSetup>,
    logs: Vec<PathBuf>,
    network: Arc<Network>,
    view: Arc<View>,
    spawner: Spawner,
    running: Vec<Mutex<Option<Running>>>,
}

struct Running {
    pid: u32,
    exited: watch::Receiver<Option<ExitStatus>>,
}

impl Cluster {
    /// A cluster whose nodes keep data and logs under `data` and `log`; nothing is started.
    ///
    /// # Errors
    /// When a data directory cannot be made.
    pub fn new(
        system: Arc<dyn System>,
        names: Vec<String>,
        network: Arc<Network>,
        view: Arc<View>,
        data: &Path,
        log: impl Fn(&str) -> PathBuf,
    ) -> Result<Self, ClusterError> {
        let mut setups = Vec::new();
        let at = |address| served_at(&*system, &network, address);
        for (i, name) in names.iter().enumerate() {
            let data = data.join(name);
            make_dir(name, &data)?;
            let others = names.iter().enumerate().filter(|(j, _)| *j != i);
            let peers = others.map(|(j, peer)| (peer.clone(), at(network.peer(i, j)))).collect();
            setups.push(NodeSetup {
                name: name.clone(),
                number: i + 1,
                listen: at(network.listen(i)),
                peers,
                data,
            });
        }
        let logs: Vec<_> = names.iter().map(|name| log(name)).collect();
        for (name, log) in names.iter().zip(&logs) {
            make_dir(name, log.parent().unwrap_or(Path::new(".")))?;
        }
        let running = names.iter().map(|_| Mutex::new(None)).collect();
        Ok(Self { system, names, setups, logs, network, view, spawner: Spawner::start(), running })
    }

    /// Where every node is reached by clients.
    pub fn addresses(&self) -> Vec<(String, SocketAddr)> {
        self.setups.iter().map(|setup| (setup.name.clone(), setup.listen)).collect()
    }

    /// Starts every node at once and waits until all of them answer.
    ///
    /// # Errors
    /// The first node that ends or stays silent, with the end of its log.
    pub async fn start_all(&self) -> Result<(), ClusterError> {
        let all: Vec<usize> = (0..self.names.len()).collect();
        self.start_some(&all).await?;
        let addresses: Vec<_> = self.setups.iter().map(|setup| setup.listen).collect();
        let failed = |why| ClusterError::NotSetUp {
            why,
            logs: self.logs[0].parent().unwrap_or(Path::new(".")).to_owned(),
        };
        let set_up = tokio::time::timeout(SET_UP_DEADLINE, self.system.set_up(&addresses)).await;
        set_up
            .unwrap_or_else(|_| Err(format!("not done in {} s", SET_UP_DEADLINE.as_secs())))
            .map_err(failed)
    }

    /// Starts `nodes` at once and waits until all of them answer.
    ///
    /// # Errors
    /// As [`Cluster::start_all`].
    pub async fn start_some(&self, nodes: &[usize]) -> Result<(), ClusterError> {
        for &node in nodes {
            self.spawn(node).await?;
        }
        for &node in nodes {
            self.ready(node).await?;
        }
        Ok(())
    }

    /// Kills a node, whatever it is doing, and waits until it is reaped.
    pub async fn kill(&self, node: usize) {
        self.signal(node, Signal::SIGKILL);
        self.exit_of(node).await;
    }

    /// Resolves when a node ends that nobody asked to.
    pub async fn first_exit(&self) -> ClusterError {
        let exits = (0..self.names.len())
            .map(|node| Box::pin(async move { (node, self.exit_of(node).await) }));
        let ((node, status), _, _) = select_all(exits).await;
        ClusterError::Ended {
            node: self.names[node].clone(),
            how: status.map_or(Exit::Unknown, Exit::from).to_string(),
            tail: tail(&self.logs[node]),
            log: self.logs[node].clone(),
        }
    }

    /// Asks every node to end, kills those that do not, and waits for all of them.
    pub async fn stop_all(&self) {
        let deadline = Instant::now() + STOP_GRACE;
        self.signal_all(Signal::SIGTERM);
        // A stopped process takes the signal only when it runs.
        self.signal_all(Signal::SIGCONT);
        for node in 0..self.names.len() {
            let left = deadline.saturating_duration_since(Instant::now());
            if tokio::time::timeout(left, self.exit_of(node)).await.is_err() {
                self.signal(node, Signal::SIGKILL);
                self.exit_of(node).await;
            }
        }
    }

    fn signal_all(&self, signal: Signal) {
        for node in 0..self.names.len() {
            self.signal(node, signal);
        }
    }

    fn signal(&self, node: usize, signal: Signal) {
        if let Some(pid) = self.pid(node) {
            send(pid, signal);
        }
    }

    async fn spawn(&self, node: usize) -> Result<u32, ClusterError> {
        let setup = &self.setups[node];
        let files = |source| ClusterError::Files {
            node: setup.name.clone(),
            path: self.logs[node].clone(),
            source,
        };
        self.system
            .prepare(setup)
            .map_err(|why| ClusterError::Unprepared { node: setup.name.clone(), why })?;
        let mut command = self.system.command(setup);
        let log = OpenOptions::new().create(true).append(true).open(&self.logs[node]);
        let log = log.map_err(files)?;
        command.stdin(Stdio::null()).stdout(log.try_clone().map_err(files)?).stderr(log);
        self.network.prepare(node, &mut command);
        let shown = shown(&command);
        let (pid, exited) = self.spawner.spawn(command).await.map_err(|source| {
            ClusterError::Spawn { node: setup.name.clone(), command: shown, source }
        })?;
        *self.slot(node) = Some(Running { pid, exited });
        Ok(pid)
    }

    async fn ready(&self, node: usize) -> Result<(), ClusterError> {
        let setup = &self.setups[node];
        let within = self.system.ready_within();
        let deadline = Instant::now() + within;
        let answers = || tokio::time::timeout(ANSWER_WITHIN, self.system.ready(setup.listen));
        loop {
            let why = match answers().await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(why)) => why,
                Err(_) => format!("no answer within {ANSWER_WITHIN:?}"),
            };
            let (name, log) = (setup.name.clone(), self.logs[node].clone());
            if let Some(status) = self.ended(node) {
                let how = Exit::from(status).to_string();
                let tail = tail(&log);
                return Err(ClusterError::Ended { node: name, how, tail, log });
            }
            if Instant::now() > deadline {
                return Err(ClusterError::NotReady {
                    node: name,
                    address: setup.listen,
                    why: format!("within {} s: {why}", within.as_secs()).into(),
                    tail: tail(&log),
                    log,
                });
            }
            tokio::time::sleep(READY_INTERVAL).await;
        }
    }

    /// The node to give orders to: the leader if one is known, else any that runs.
    fn spokesman(&self) -> Option<usize> {
        let runs = |node: &usize| self.pid(*node).is_some();
        let leader = self.view.leader().filter(runs);
        leader.or_else(|| (0..self.names.len()).find(runs))
    }

    fn slot(&self, node: usize) -> MutexGuard<'_, Option<Running>> {
        self.running[node].lock().expect("no thread panics while it holds a slot")
    }

    fn ended(&self, node: usize) -> Option<ExitStatus> {
        self.slot(node).as_ref().and_then(|running| *running.exited.borrow())
    }

    async fn exit_of(&self, node: usize) -> Option<ExitStatus> {
        let mut exited = self.slot(node).as_ref()?.exited.clone();
        *exited.wait_for(Option::is_some).await.ok()?
    }
}

impl Nodes for Cluster {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn leader(&self) -> Option<usize> {
        self.view.leader()
    }

    fn pid(&self, node: usize) -> Option<u32> {
        let slot = self.slot(node);
        slot.as_ref().filter(|running| running.exited.borrow().is_none()).map(|running| running.pid)
    }

    async fn exited(&self, node: usize) -> Exit {
        self.exit_of(node).await.map_or(Exit::Unknown, Exit::from)
    }

    async fn answers(&self, node: usize) -> bool {
        let asked = self.system.probe(self.setups[node].listen);
        tokio::time::timeout(ANSWER_WITHIN, asked).await.ok().flatten().is_some()
    }

    async fn start(&self, node: usize) -> Result<u32, String> {
        let pid = self.spawn(node).await.map_err(|error| error.to_string())?;
        self.ready(node).await.map_err(|error| error.to_string())?;
        Ok(pid)
    }

    async fn order(&self, order: Order) -> Result<Value, String> {
        let name = |node: usize| self.names[node].clone();
        let via = match order {
            Order::Snapshot(node) => Some(node),
            _ => self.spokesman(),
        };
        let via = via.ok_or_else(|| "no node runs that could be asked".to_owned())?;
        let order = match order {
            Order::AddLearner(node) => system::Order::AddLearner {
                name: name(node),
                address: served_at(&*self.system, &self.network, self.network.peer(via, node)),
            },
            Order::Promote(node) => system::Order::Promote { name: name(node) },
            Order::Remove(node) => system::Order::Remove { name: name(node) },
            Order::Transfer(node) => system::Order::Transfer { name: name(node) },
            Order::Snapshot(_) => system::Order::Snapshot,
        };
        self.system.order(self.setups[via].listen, &order).await
    }

    fn tells_voters(&self) -> bool {
        self.system.faults().contains(FaultKind::Membership)
    }

    async fn voters(&self) -> Option<Vec<usize>> {
        // Only the leader's word counts: others may not have heard of a change.
        let leader = self.view.leader().filter(|leader| self.pid(*leader).is_some())?;
        let voters = self.system.voters(self.setups[leader].listen).await?;
        let number = |voter: &String| self.names.iter().position(|name| name == voter);
        Some(voters.iter().filter_map(number).collect())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.signal_all(Signal::SIGKILL);
    }
}

/// Signals the process group that `pid` leads.
fn send(pid: u32, signal: Signal) {
    let group = Pid::from_raw(i32::try_from(pid).expect("a process id fits in an i32"));
    match killpg(group, signal) {
        // It may have ended by itself between the look and the signal.
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => tracing::warn!("cannot send {signal} to the processes of {pid}: {error}"),
    }
}

/// Where a node of `system` serves whose place in the network is `address`.
fn served_at(system: &dyn System, network: &Network, address: SocketAddr) -> SocketAddr {
    match system.port() {
        Some(port) if network.backend() != Backend::Proxy => SocketAddr::new(address.ip(), port),
        _ => address,
    }
}

fn make_dir(node: &str, path: &Path) -> Result<(), ClusterError> {
    std::fs::create_dir_all(path).map_err(|source| ClusterError::Files {
        node: node.to_owned(),
        path: path.to_owned(),
        source,
    })
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn tail(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    let kept = &lines[lines.len().saturating_sub(QUOTED_LINES)..];
    if kept.is_empty() {
        return "    (it is empty)".to_owned();
    }
    kept.iter().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

type Spawned = io::Result<(u32, watch::Receiver<Option<ExitStatus>>)>;

/// Starts processes from one thread that lives as long as the cluster: where there is no
/// process namespace, nodes ask to die with the *thread* that started them.
struct Spawner {
    orders: mpsc::Sender<(Command, oneshot::Sender<Spawned>)>,
}

impl Spawner {
    fn start() -> Self {
        let (orders, inbox) = mpsc::channel::<(Command, oneshot::Sender<Spawned>)>();
        thread::Builder::new()
            .name("spawner".to_owned())
            .spawn(move || {
                for (mut command, reply) in inbox {
                    // Nobody waits for the reply only when the run is being torn down;
                    // `Cluster::drop` cannot know this child, so it must not live.
                    if let Err(Ok((pid, _))) = reply.send(command.spawn().and_then(watch_child)) {
                        send(pid, Signal::SIGKILL);
                    }
                }
            })
            .expect("the process has room for one more thread");
        Self { orders }
    }

    async fn spawn(&self, command: Command) -> Spawned {
        let (reply, answer) = oneshot::channel();
        let gone = || io::Error::other("the spawner thread is gone");
        self.orders.send((command, reply)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// Reaps `child` from a thread of its own and tells how it ended.
fn watch_child(mut child: Child) -> Spawned {
    let pid = child.id();
    let (ended, exited) = watch::channel(None);
    thread::Builder::new().name(format!("reaper-{pid}")).spawn(move || {
        let status = child.wait().expect("this thread alone waits for its child");
        ended.send_replace(Some(status));
    })?;
    Ok((pid, exited))
}
