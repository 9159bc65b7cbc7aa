//! Probes: what every node says about itself, a few times a second.
//!
//! Probes go from the harness, which no fault cuts off, so a silent node is a dead, paused
//! or overloaded one. They are written to `cluster.jsonl` as they come and kept for the
//! report. The nemesis asks here for the leader.

use std::{
    fs::File,
    io::{BufWriter, Write},
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use squall_results::probes::Probe;
use tokio::{task::JoinSet, time::MissedTickBehavior};

use crate::system::System;

/// Time between two probes of one node.
const INTERVAL: Duration = Duration::from_millis(100);
/// How long a node is waited for that was asked how it is: a paused one takes the question and
/// never answers.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// The cluster as last seen.
#[derive(Debug, Default)]
pub struct View {
    latest: Mutex<Vec<Option<Probe>>>,
}

impl View {
    /// A view of `nodes` nodes nobody has seen yet.
    pub fn new(nodes: usize) -> Self {
        Self { latest: Mutex::new(vec![None; nodes]) }
    }

    /// The node that last claimed to lead, the one of the highest term where two do.
    pub fn leader(&self) -> Option<usize> {
        let latest = self.lock();
        let claims = latest.iter().enumerate().filter_map(|(node, probe)| {
            let probe = probe.as_ref()?;
            let leads = probe.alive && probe.role.as_deref() == Some("leader");
            leads.then_some((probe.term, node))
        });
        claims.max().map(|(_, node)| node)
    }

    /// Name and term of the leader, for people.
    pub fn leader_and_term(&self) -> Option<(String, Option<u64>)> {
        let leader = self.leader()?;
        let probe = self.lock()[leader].clone()?;
        Some((probe.node, probe.term))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Option<Probe>>> {
        self.latest.lock().expect("no thread panics while it holds the view")
    }
}

/// Probing under way.
pub struct Probing {
    tasks: JoinSet<()>,
    seen: Arc<Mutex<Seen>>,
}

struct Seen {
    probes: Vec<Probe>,
    file: BufWriter<File>,
    failed: Option<std::io::Error>,
}

impl Probing {
    /// Probes `nodes` from now on, into a new file at `path`.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn start(
        system: &Arc<dyn System>,
        nodes: &[(String, SocketAddr)],
        view: &Arc<View>,
        path: &Path,
        began: Instant,
    ) -> std::io::Result<Self> {
        let file = BufWriter::new(File::create_new(path)?);
        let seen = Arc::new(Mutex::new(Seen { probes: Vec::new(), file, failed: None }));
        let mut tasks = JoinSet::new();
        for (index, (name, address)) in nodes.iter().cloned().enumerate() {
            let (system, view, seen) = (Arc::clone(system), Arc::clone(view), Arc::clone(&seen));
            tasks.spawn(async move {
                let mut ticks = tokio::time::interval(INTERVAL);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
                loop {
                    ticks.tick().await;
                    let probe = probe(&*system, &name, address, began).await;
                    view.lock()[index] = Some(probe.clone());
                    seen.lock().expect("no thread panics while it writes a probe").keep(probe);
                }
            });
        }
        Ok(Self { tasks, seen })
    }

    /// Ends probing and returns everything seen, and why some of it is not in the file.
    pub async fn finish(mut self) -> (Vec<Probe>, Option<String>) {
        self.tasks.shutdown().await;
        let mut seen = self.seen.lock().expect("no thread panics while it writes a probe");
        let lost = seen.failed.take().map(|error| error.to_string());
        (std::mem::take(&mut seen.probes), lost)
    }
}

impl Seen {
    fn keep(&mut self, probe: Probe) {
        let written = serde_json::to_string(&probe)
            .map_err(std::io::Error::other)
            .and_then(|line| writeln!(self.file, "{line}"))
            .and_then(|()| self.file.flush());
        if let Err(error) = written {
            self.failed.get_or_insert(error);
        }
        self.probes.push(probe);
    }
}

async fn probe(system: &dyn System, name: &str, address: SocketAddr, began: Instant) -> Probe {
    let asked = tokio::time::timeout(ANSWER_WITHIN, system.probe(address)).await;
    let status = asked.ok().flatten();
    let time = u64::try_from(began.elapsed().as_nanos()).expect("a run shorter than 584 years");
    let alive = status.is_some();
    let status = status.unwrap_or_default();
    Probe {
        time,
        node: name.to_owned(),
        alive,
        role: status.role,
        term: status.term,
        leader: status.leader,
        commit: status.commit,
        applied: status.applied,
    }
}
