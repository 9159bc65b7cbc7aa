//! Does one thing to one node, or to the network, and looks whether it took hold.
//!
//! Knows nothing of faults; which of them wants what is the business of [`super::in_force`].

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

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
pub(super) const SILENCE: Duration = Duration::from_millis(100);
/// Silence enough for a short fault, which must not last longer for its evidence's sake.
const SILENCE_MIN: Duration = Duration::from_millis(10);
/// How long packets may take that should arrive, on a machine that is busy.
const ARRIVAL_PATIENCE: Duration = Duration::from_secs(2);

/// What was observed, and whether it shows that the effect is there.
pub(super) enum Evidence {
    /// The effect was observed.
    Observed(Value),
    /// It was not, and this is what was seen instead.
    Missing(Value),
}

impl Evidence {
    /// The same, with the other faults that the network was cut for at the time.
    pub(super) fn beside(self, others: &[u64]) -> Self {
        let with = |mut evidence: Value| {
            if !others.is_empty() {
                evidence["beside"] = others.into();
            }
            evidence
        };
        match self {
            Self::Observed(evidence) => Self::Observed(with(evidence)),
            Self::Missing(evidence) => Self::Missing(with(evidence)),
        }
    }
}

/// Why a node's evidence is missing, in words.
pub(super) struct Trouble(pub(super) String);

impl From<ProcessError> for Trouble {
    fn from(error: ProcessError) -> Self {
        Self(with_causes(&error))
    }
}

/// The process of a node.
pub(super) fn running<N: Nodes>(nodes: &N, node: usize) -> Result<u32, Trouble> {
    nodes.pid(node).ok_or_else(|| Trouble("it does not run".to_owned()))
}

/// Kills the whole process tree of a node; observed when all of it is gone, and the first of it
/// was reaped with SIGKILL for its end.
pub(super) async fn kill<N: Nodes>(nodes: &N, node: usize) -> Result<Value, Trouble> {
    let pid = running(nodes, node)?;
    let observed = Tree::of(pid)?.kill(KILL_PATIENCE).await?;
    let exited = timeout(KILL_PATIENCE, nodes.exited(node)).await;
    let exited = exited.map_err(|_| Trouble("killed, but nobody reaped it".to_owned()))?;
    // One that ended by itself just before is gone as well, but nobody was killed.
    if exited != Exit::Signal(nix::libc::SIGKILL) {
        return Err(Trouble(format!("it ended otherwise than by the kill: {exited}")));
    }
    if nodes.answers(node).await {
        let why = "killed, and yet it answers: part of it runs outside the processes it began with";
        return Err(Trouble(why.to_owned()));
    }
    let exited = exited.to_string();
    Ok(about(pid, observed, &[("exited", exited.into()), ("gone", true.into())]))
}

/// Starts a node if it does not run; observed when it answers again.
pub(super) async fn restart<N: Nodes>(nodes: &N, node: usize) -> Result<Value, Trouble> {
    if let Some(pid) = nodes.pid(node) {
        return Ok(json!({ "pid": pid, "already_running": true }));
    }
    let pid = nodes.start(node).await.map_err(Trouble)?;
    Ok(json!({ "pid": pid }))
}

/// Stops the whole process tree of `pid`; observed when every thread is in state `T`.
pub(super) async fn pause(pid: u32) -> Result<Value, Trouble> {
    let observed = Tree::of(pid)?.stop(STATE_PATIENCE).await?;
    Ok(about(pid, observed, &[("state", "stopped".into())]))
}

/// Lets the process tree of a node go on; observed when no thread is in state `T`.
pub(super) async fn resume<N: Nodes>(nodes: &N, node: usize) -> Result<Value, Trouble> {
    let pid = running(nodes, node)?;
    let observed = Tree::of(pid)?.go_on(STATE_PATIENCE).await?;
    Ok(about(pid, observed, &[("state", "running".into())]))
}

/// How long to listen for what must not arrive, for a fault that lasts so long.
pub(super) fn silence(lasts: Duration) -> Duration {
    (lasts / 2).clamp(SILENCE_MIN, SILENCE)
}

/// Cuts the network; observed when exactly the probes that should get lost do.
pub(super) async fn cut(
    network: &Network,
    grudge: &Grudge,
    silence: Duration,
    names: &[String],
) -> Evidence {
    show(network, network.apply(grudge).await, grudge, silence, names).await
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

/// Does `work` to all `targets` at once.
pub(super) async fn of_each<N: Nodes>(
    nodes: &N,
    targets: &[usize],
    work: impl AsyncFn(usize) -> Result<Value, Trouble>,
) -> Evidence {
    let outcomes = join_all(targets.iter().map(|&node| work(node))).await;
    collect(nodes, targets, outcomes)
}

/// Evidence by node; it is only complete when it is there for every target, and there is one.
pub(super) fn collect<N: Nodes>(
    nodes: &N,
    targets: &[usize],
    outcomes: Vec<Result<Value, Trouble>>,
) -> Evidence {
    let complete = !targets.is_empty() && outcomes.iter().all(Result::is_ok);
    let by_node: Map<String, Value> = targets
        .iter()
        .zip(outcomes)
        .map(|(&node, outcome)| {
            let evidence = outcome.unwrap_or_else(|Trouble(why)| json!({ "error": why }));
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
