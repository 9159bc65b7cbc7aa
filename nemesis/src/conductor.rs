//! Carries a schedule out, fault by fault, and reports what it observed.
//!
//! Each fault is an invocation, then `Ok` with the evidence that it took hold or `Fail` without;
//! later the same for its undo, under the same id. Evidence is never what was asked for: it is
//! the exit status, the state of threads, the probes that came through or did not.
//!
//! The conductor owns what is in force. Every fault is undone on every way out: in order when it
//! has lasted or the run stops, and by a guard when the future is dropped or panics, as far as
//! that can be done without waiting ([`heal`] does the rest). Deliberately absent: faults that
//! overlap, and restarting nodes that die on their own before the final heal.

mod decide;
mod effect;

use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::Nodes;
use crate::fault::FaultKind;
use crate::network::Network;
use crate::schedule::Schedule;
use effect::{Evidence, InForce};

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// About to be done.
    Invoke,
    /// Done, and observed.
    Ok,
    /// Tried, but its effect was not observed.
    Fail,
}

/// What the nemesis did, for the history.
#[derive(Clone, Debug, PartialEq)]
pub struct NemesisEvent {
    /// Where it stands.
    pub stage: Stage,
    /// `kill`, `pause` or `partition`; `restart`, `resume` or `heal` for the undo.
    pub f: &'static str,
    /// Which fault (`id`, `kind`), whom it strikes (`targets`, and `cut` for partitions), and the
    /// same in words (`description`). Events of the final heal have no `id`.
    pub value: Value,
    /// What was observed; null when it is invoked.
    pub evidence: Value,
}

/// What came of a schedule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Faults begun.
    pub invoked: usize,
    /// Faults seen to take hold.
    pub took_hold: usize,
    /// Faults seen to be undone.
    pub undone: usize,
}

/// Carries out `schedule` from now on, until its end or until `stop` is true or closed.
///
/// `record` gets each event as it happens. Nothing is in force when this returns, except that a
/// node may have failed to restart; [`heal`] tries again.
pub async fn conduct<N, R>(
    schedule: &Schedule,
    nodes: &N,
    network: &Network,
    record: &R,
    mut stop: watch::Receiver<bool>,
) -> Summary
where
    N: Nodes,
    R: Fn(NemesisEvent) + Sync,
{
    let began = Instant::now();
    let mut summary = Summary::default();
    for (id, step) in (0..).zip(&schedule.steps) {
        if wait(began + step.at, &mut stop).await == Wait::Stopped {
            break;
        }
        let strike = decide::decide(id, step, nodes).await;
        let kind = strike.fault.kind();
        let mut in_force = InForce::new(network);
        let invoked = Instant::now();
        summary.invoked += 1;
        let doing = in_force.bring_about(&strike, nodes);
        let took_hold = carry_out(record, kind.name(), strike.value(nodes), doing).await;
        summary.took_hold += usize::from(took_hold);

        // Stopped or not, what is in force is undone now or later.
        let _ = wait(invoked + step.lasts, &mut stop).await;

        let undoing = in_force.undo(&strike, nodes);
        let undone = carry_out(record, undo_of(kind), strike.undo_value(nodes), undoing).await;
        summary.undone += usize::from(undone);
    }
    summary
}

/// Heals the network, resumes every stopped node and restarts every dead one.
///
/// The last word of a run: idempotent, and independent of what [`conduct`] knows. The events have
/// no id; those of resuming and restarting appear only when there was somebody to help.
pub async fn heal<N, R>(nodes: &N, network: &Network, record: &R)
where
    N: Nodes,
    R: Fn(NemesisEvent) + Sync,
{
    let names = nodes.names();
    let all: Vec<usize> = (0..names.len()).collect();
    let value = |kind, who: &[usize]| decide::final_value(kind, who, names);

    let healing = effect::heal(network, names);
    let partition = value(FaultKind::Partition, &all);
    carry_out(record, undo_of(FaultKind::Partition), partition, healing).await;

    let stopped = effect::stopped(nodes);
    if !stopped.is_empty() {
        let resuming = effect::resume(nodes, &stopped);
        let pause = value(FaultKind::Pause, &stopped);
        carry_out(record, undo_of(FaultKind::Pause), pause, resuming).await;
    }
    let dead: Vec<usize> = all.into_iter().filter(|&node| nodes.pid(node).is_none()).collect();
    if !dead.is_empty() {
        let restarting = effect::restart(nodes, &dead);
        let kill = value(FaultKind::Kill, &dead);
        carry_out(record, undo_of(FaultKind::Kill), kill, restarting).await;
    }
}

/// The name of what undoes a fault.
fn undo_of(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Kill => "restart",
        FaultKind::Pause => "resume",
        FaultKind::Partition => "heal",
    }
}

/// Does `work` between two events; true when its effect was observed.
async fn carry_out<R: Fn(NemesisEvent)>(
    record: &R,
    f: &'static str,
    value: Value,
    work: impl Future<Output = Evidence>,
) -> bool {
    record(NemesisEvent { stage: Stage::Invoke, f, value: value.clone(), evidence: Value::Null });
    let (stage, evidence) = match work.await {
        Evidence::Observed(evidence) => (Stage::Ok, evidence),
        Evidence::Missing(evidence) => (Stage::Fail, evidence),
    };
    record(NemesisEvent { stage, f, value, evidence });
    stage == Stage::Ok
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    Over,
    Stopped,
}

/// Waits until `moment`, or until `stop` is true or closed.
async fn wait(moment: Instant, stop: &mut watch::Receiver<bool>) -> Wait {
    match timeout_at(moment, stop.wait_for(|stopped| *stopped)).await {
        Ok(_) => Wait::Stopped,
        Err(_) => Wait::Over,
    }
}
