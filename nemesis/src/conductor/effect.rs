//! Brings faults about and undoes them, and looks whether they took hold.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::decide::{Action, Strike};
use crate::causes::with_causes;
use crate::grudge::Grudge;
use crate::network::{Network, NetworkError};
use crate::process::{Observed, ProcessError, Tree};
use crate::{Exit, Nodes};

/// A killed process may be in the middle of a disk write that must end first.
const KILL_PATIENCE: Duration = Duration::from_secs(5);
/// Threads stop at their next return to user mode.
const STATE_PATIENCE: Duration = Duration::from_secs(2);
/// What is not cut arrives within microseconds, so longer silence means it does not arrive.
const SILENCE: Duration = Duration::from_millis(100);
/// How long packets may take that should arrive, on a machine that is busy.
const ARRIVAL_PATIENCE: Duration = Duration::from_secs(2);

/// What was observed, and whether it shows that the effect is there.
pub(super) enum Evidence {
    /// The effect was observed.
    Observed(Value),
    /// It was not, and this is what was seen instead.
    Missing(Value),
}

/// What must be undone even if nobody can wait for it any more.
pub(super) struct InForce<'a> {
    network: &'a Network,
    stopped: Vec<Tree>,
    cut: bool,
}

impl<'a> InForce<'a> {
    pub(super) fn new(network: &'a Network) -> Self {
        Self { network, stopped: Vec::new(), cut: false }
    }

    pub(super) async fn bring_about<N: Nodes>(&mut self, strike: &Strike, nodes: &N) -> Evidence {
        match &strike.action {
            Action::Kill(targets) => kill(nodes, targets).await,
            Action::Pause(targets) => {
                // Held before the first signal is sent, so that none is left stopped.
                let running = targets.iter().filter_map(|&node| nodes.pid(node));
                self.stopped = running.filter_map(|pid| Tree::of(pid).ok()).collect();
                pause(nodes, targets).await
            }
            Action::Partition(grudge) => {
                self.cut = true;
                partition(self.network, grudge, nodes.names()).await
            }
        }
    }

    pub(super) async fn undo<N: Nodes>(&mut self, strike: &Strike, nodes: &N) -> Evidence {
        let evidence = match &strike.action {
            Action::Kill(targets) => restart(nodes, targets).await,
            Action::Pause(targets) => resume(nodes, targets).await,
            Action::Partition(_) => heal(self.network, nodes.names()).await,
        };
        // Kept for the guard when it did not work.
        if let Evidence::Observed(_) = evidence {
            self.stopped.clear();
            self.cut = false;
        }
        evidence
    }
}

impl Drop for InForce<'_> {
    fn drop(&mut self) {
        for tree in &mut self.stopped {
            if let Err(error) = tree.release() {
                tracing::warn!(%error, "a paused node could not be resumed");
            }
        }
        if self.cut
            && let Err(error) = self.network.heal_now()
        {
            tracing::warn!(%error, "the network could not be healed");
        }
    }
}

/// Kills the whole process trees of `targets`; observed when all are gone, and the first of each
/// was reaped with SIGKILL for its end.
async fn kill<N: Nodes>(nodes: &N, targets: &[usize]) -> Evidence {
    of_each(nodes, targets, async |node, pid| {
        let observed = Tree::of(pid)?.kill(KILL_PATIENCE).await?;
        let exited = timeout(KILL_PATIENCE, nodes.exited(node)).await;
        let exited = exited.map_err(|_| Trouble("killed, but nobody reaped it".to_owned()))?;
        // One that ended by itself just before is gone as well, but nobody was killed.
        if exited != Exit::Signal(nix::libc::SIGKILL) {
            return Err(Trouble(format!("it ended otherwise than by the kill: {exited}")));
        }
        let exited = exited.to_string();
        Ok(about(pid, observed, &[("exited", exited.into()), ("gone", true.into())]))
    })
    .await
}

/// Stops the whole process trees of `targets`; observed when every thread is in state `T`.
async fn pause<N: Nodes>(nodes: &N, targets: &[usize]) -> Evidence {
    of_each(nodes, targets, async |_, pid| {
        let observed = Tree::of(pid)?.stop(STATE_PATIENCE).await?;
        Ok(about(pid, observed, &[("state", "stopped".into())]))
    })
    .await
}

/// Lets the process trees of `targets` go on; observed when no thread is in state `T`.
pub(super) async fn resume<N: Nodes>(nodes: &N, targets: &[usize]) -> Evidence {
    of_each(nodes, targets, async |_, pid| {
        let observed = Tree::of(pid)?.go_on(STATE_PATIENCE).await?;
        Ok(about(pid, observed, &[("state", "running".into())]))
    })
    .await
}

/// Starts those of `targets` that do not run; observed when all answer again.
///
/// All at once: a node may not answer before others do.
pub(super) async fn restart<N: Nodes>(nodes: &N, targets: &[usize]) -> Evidence {
    let start = async |node: usize| match nodes.pid(node) {
        Some(pid) => Ok(json!({ "pid": pid, "already_running": true })),
        None => nodes.start(node).await.map(|pid| json!({ "pid": pid })),
    };
    let outcomes = targets.iter().map(|&node| start(node));
    collect(nodes, targets, join_all(outcomes).await)
}

/// Cuts the network; observed when exactly the probes that should get lost do.
async fn partition(network: &Network, grudge: &Grudge, names: &[String]) -> Evidence {
    if grudge.is_empty() {
        return Evidence::Missing(json!({ "error": "there is nothing to cut" }));
    }
    show(network, network.apply(grudge).await, grudge, SILENCE, names).await
}

/// Heals the network; observed when every probe gets through.
pub(super) async fn heal(network: &Network, names: &[String]) -> Evidence {
    let nothing = Grudge::none(names.len());
    show(network, network.heal().await, &nothing, ARRIVAL_PATIENCE, names).await
}

/// Probes the network until it is as `grudge` says, or has had time enough to be.
async fn show(
    network: &Network,
    applied: Result<(), NetworkError>,
    grudge: &Grudge,
    patience: Duration,
    names: &[String],
) -> Evidence {
    let error = |error: NetworkError| Evidence::Missing(json!({ "error": with_causes(&error) }));
    if let Err(refused) = applied {
        return error(refused);
    }
    let mut seen = match network.probe(patience).await {
        Ok(seen) => seen,
        Err(failed) => return error(failed),
    };
    if !seen.deviations(grudge).is_empty() && patience < ARRIVAL_PATIENCE {
        // A busy machine may deliver late, but it never delivers what is cut.
        seen = match network.probe(ARRIVAL_PATIENCE).await {
            Ok(seen) => seen,
            Err(failed) => return error(failed),
        };
    }
    let named = |pairs: &mut dyn Iterator<Item = (usize, usize)>| -> Value {
        pairs.map(|(from, to)| json!([names[from], names[to]])).collect()
    };
    let nodes = names.len();
    let mut lost = (0..nodes)
        .flat_map(|from| (0..nodes).map(move |to| (from, to)))
        .filter(|&(from, to)| !seen.reaches(from, to));
    let deviations = seen.deviations(grudge);
    let evidence = json!({
        "probes": nodes * nodes.saturating_sub(1),
        "lost": named(&mut lost),
        "deviations": named(&mut deviations.iter().copied()),
    });
    if deviations.is_empty() { Evidence::Observed(evidence) } else { Evidence::Missing(evidence) }
}

/// The running nodes that have a stopped thread.
pub(super) fn stopped<N: Nodes>(nodes: &N) -> Vec<usize> {
    let is_stopped = |pid| Tree::of(pid).and_then(|mut tree| tree.is_stopped());
    (0..nodes.names().len())
        .filter(|&node| nodes.pid(node).is_some_and(|pid| is_stopped(pid).unwrap_or(false)))
        .collect()
}

/// Why a node's evidence is missing, in words.
struct Trouble(String);

impl From<ProcessError> for Trouble {
    fn from(error: ProcessError) -> Self {
        Self(with_causes(&error))
    }
}

/// Does `work` to all `targets` at once, each with the process it has now.
async fn of_each<N: Nodes>(
    nodes: &N,
    targets: &[usize],
    work: impl AsyncFn(usize, u32) -> Result<Value, Trouble>,
) -> Evidence {
    let each = async |node: usize| match nodes.pid(node) {
        Some(pid) => work(node, pid).await.map_err(|Trouble(why)| why),
        None => Err("it does not run".to_owned()),
    };
    let outcomes = targets.iter().map(|&node| each(node));
    collect(nodes, targets, join_all(outcomes).await)
}

/// Evidence by node; it is only complete when it is there for every target, and there is one.
fn collect<N: Nodes>(
    nodes: &N,
    targets: &[usize],
    outcomes: Vec<Result<Value, String>>,
) -> Evidence {
    let complete = !targets.is_empty() && outcomes.iter().all(Result::is_ok);
    let by_node: Map<String, Value> = targets
        .iter()
        .zip(outcomes)
        .map(|(&node, outcome)| {
            let evidence = outcome.unwrap_or_else(|error| json!({ "error": error }));
            (nodes.names()[node].clone(), evidence)
        })
        .collect();
    if complete {
        Evidence::Observed(by_node.into())
    } else if targets.is_empty() {
        Evidence::Missing(json!({ "error": "no node runs that could be struck" }))
    } else {
        Evidence::Missing(by_node.into())
    }
}

fn about(pid: u32, observed: Observed, more: &[(&str, Value)]) -> Value {
    let mut value = json!({
        "pid": pid,
        "processes": observed.processes,
        "threads": observed.threads,
    });
    for (name, what) in more {
        value[*name] = what.clone();
    }
    value
}
