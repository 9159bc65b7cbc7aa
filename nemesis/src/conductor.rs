//! Carries a schedule out, fault by fault, and reports what it observed.
//!
//! Each fault is an invocation, then `Ok` with the evidence that it took hold or `Fail` without;
//! later the same for its undo, under the same id. Evidence is never what was asked for: it is
//! the exit status, the state of threads, the probes that came through or did not.
//!
//! The conductor owns what is in force. Every fault is undone on every way out: in order when it
//! has lasted or the run stops, and by a guard when the future is dropped or panics, as far as
//! that can be done without waiting ([`heal`] does the rest). Deliberately absent: restarting
//! nodes that die on their own before the final heal.

mod decide;
mod effect;
mod in_force;
mod orders;
mod places;
mod turns;

use futures_util::future::join_all;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::Nodes;
use crate::fault::FaultKind;
use crate::network::Network;
use crate::schedule::{Schedule, Step};
use effect::Evidence;
use in_force::InForce;
use turns::Turns;

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
    /// `kill`, `pause`, `partition`, `membership` or `admin`; `restart`, `resume`, `heal`,
    /// `readmit` or `settle` for the undo.
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

impl Summary {
    fn and(self, other: Self) -> Self {
        Self {
            invoked: self.invoked + other.invoked,
            took_hold: self.took_hold + other.took_hold,
            undone: self.undone + other.undone,
        }
    }
}

/// Carries out `schedule` from now on, until its end or until `stop` is true or closed.
///
/// Faults overlap where their times do, and compose (see [`Schedule`]). `record` gets each event
/// as it happens. Nothing is in force when this returns, except that a node may have failed to
/// restart; [`heal`] tries again.
pub async fn conduct<N, R>(
    schedule: &Schedule,
    nodes: &N,
    network: &Network,
    record: &R,
    stop: watch::Receiver<bool>,
) -> Summary
where
    N: Nodes,
    R: Fn(NemesisEvent) + Sync,
{
    let steps = schedule.unrolled();
    let performance = Performance {
        began: Instant::now(),
        in_force: InForce::new(nodes, network),
        turns: Turns::of(&steps),
        nodes,
        record,
        stop,
    };
    let acts = steps.iter().enumerate().map(|(place, step)| performance.act(place, step));
    join_all(acts).await.into_iter().fold(Summary::default(), Summary::and)
}

/// What all steps of a schedule share while it is carried out.
struct Performance<'a, N, R> {
    began: Instant,
    in_force: InForce<'a, N>,
    turns: Turns,
    nodes: &'a N,
    record: &'a R,
    stop: watch::Receiver<bool>,
}

impl<N, R> Performance<'_, N, R>
where
    N: Nodes,
    R: Fn(NemesisEvent) + Sync,
{
    /// Carries out one step when its time has come and those before it are over.
    async fn act(&self, place: usize, step: &Step) -> Summary {
        let mut stop = self.stop.clone();
        let mut summary = Summary::default();
        if wait(self.began + step.at, &mut stop).await == Wait::Over {
            self.turns.wait_for(step.at).await;
            // That may have taken its time.
            if wait(Instant::now(), &mut stop).await == Wait::Over {
                summary = self.strike(place, step, &mut stop).await;
            }
        }
        self.turns.over(place);
        summary
    }

    async fn strike(&self, place: usize, step: &Step, stop: &mut watch::Receiver<bool>) -> Summary {
        let (nodes, record) = (self.nodes, self.record);
        let strike = decide::decide(place as u64, step, nodes).await;
        let kind = strike.fault.kind();
        let invoked = Instant::now();
        let doing = self.in_force.bring_about(&strike, step.lasts);
        let took_hold = carry_out(record, kind.name(), strike.value(nodes), doing).await;

        // Stopped or not, what is in force is undone now or later.
        let _ = wait(invoked + step.lasts, stop).await;

        let undoing = self.in_force.undo(&strike);
        let undone = carry_out(record, undo_of(kind), strike.undo_value(nodes), undoing).await;
        Summary { invoked: 1, took_hold: took_hold.into(), undone: undone.into() }
    }
}

/// Heals the network, resumes every stopped node, restarts every dead one, and, as soon as
/// somebody leads, adds every node again that is no voter.
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
        let resuming =
            effect::of_each(nodes, &stopped, async |node| effect::resume(nodes, node).await);
        let pause = value(FaultKind::Pause, &stopped);
        carry_out(record, undo_of(FaultKind::Pause), pause, resuming).await;
    }
    let dead: Vec<usize> = all.into_iter().filter(|&node| nodes.pid(node).is_none()).collect();
    if !dead.is_empty() {
        let restarting =
            effect::of_each(nodes, &dead, async |node| effect::restart(nodes, node).await);
        let kill = value(FaultKind::Kill, &dead);
        carry_out(record, undo_of(FaultKind::Kill), kill, restarting).await;
    }
    if !nodes.tells_voters() {
        return;
    }
    let Some(voters) = orders::await_voters(nodes).await else { return };
    let removed: Vec<usize> = (0..names.len()).filter(|node| !voters.contains(node)).collect();
    if !removed.is_empty() {
        let adding =
            effect::of_each(nodes, &removed, async |node| orders::readmit(nodes, node).await);
        let membership = value(FaultKind::Membership, &removed);
        carry_out(record, undo_of(FaultKind::Membership), membership, adding).await;
    }
}

/// The name of what undoes a fault.
fn undo_of(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Kill => "restart",
        FaultKind::Pause => "resume",
        FaultKind::Partition => "heal",
        FaultKind::Membership => "readmit",
        FaultKind::Admin => "settle",
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
