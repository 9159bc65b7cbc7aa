//! What is in force, of all faults together.
//!
//! Faults that overlap compose: the network is cut where any of them cuts it, and a node is down,
//! paused or no member, as long as any of them holds it so. Undoing one fault takes away its own
//! share and leaves the rest. Whatever is done to the processes of a node, or to the network, is
//! done by one fault at a time, so that each observes what it did itself.
//!
//! Dropping it resumes and heals what nobody has undone, as far as that needs no waiting.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::decide::{Action, Strike};
use super::effect::{self, Evidence, Trouble};
use super::orders;
use crate::Nodes;
use crate::grudge::Grudge;
use crate::network::Network;
use crate::process::Tree;

/// The faults in force on one cluster.
pub(super) struct InForce<'a, N> {
    nodes: &'a N,
    network: &'a Network,
    cuts: tokio::sync::Mutex<Cuts>,
    /// By node.
    holds: Vec<tokio::sync::Mutex<Holds>>,
    /// What a pause has stopped, by fault and node, held before the first signal is sent.
    stopped: Mutex<BTreeMap<(u64, usize), Tree>>,
    /// Which faults hold a node out of the cluster. Locked for a moment only: that a system can
    /// cope with several changes at once is for the system to show.
    removed: Mutex<BTreeMap<usize, BTreeSet<u64>>>,
}

/// The cuts in force.
#[derive(Default)]
struct Cuts {
    /// By fault.
    by_fault: BTreeMap<u64, Grudge>,
    /// Whether the network may be cut otherwise than nobody wants it to be.
    dirty: bool,
}

impl Cuts {
    fn union(&self, nodes: usize) -> Grudge {
        self.by_fault.values().fold(Grudge::none(nodes), Grudge::and)
    }

    /// The other faults that cut.
    fn beside(&self, id: u64) -> Vec<u64> {
        self.by_fault.keys().copied().filter(|other| *other != id).collect()
    }
}

/// Which faults hold a node, and how.
#[derive(Default)]
struct Holds {
    down: BTreeSet<u64>,
    /// With the process that was paused.
    paused: BTreeMap<u64, u32>,
}

impl<'a, N: Nodes> InForce<'a, N> {
    pub(super) fn new(nodes: &'a N, network: &'a Network) -> Self {
        Self {
            nodes,
            network,
            cuts: tokio::sync::Mutex::default(),
            holds: nodes.names().iter().map(|_| tokio::sync::Mutex::default()).collect(),
            stopped: Mutex::default(),
            removed: Mutex::default(),
        }
    }

    /// Brings a fault about. `lasts` bounds how long its evidence is looked for at first.
    pub(super) async fn bring_about(&self, strike: &Strike, lasts: Duration) -> Evidence {
        let (nodes, id) = (self.nodes, strike.id);
        match &strike.action {
            Action::Kill(targets) => {
                effect::of_each(nodes, targets, async |node| self.kill(id, node).await).await
            }
            Action::Pause(targets) => {
                effect::of_each(nodes, targets, async |node| self.pause(id, node).await).await
            }
            Action::Partition(grudge) => self.cut(id, grudge, effect::silence(lasts)).await,
            Action::Remove(targets) => {
                effect::of_each(nodes, targets, async |node| self.remove(id, node).await).await
            }
            Action::HandOver(targets) => {
                let hand_over = async |node| orders::hand_over(nodes, node).await;
                effect::of_each(nodes, targets, hand_over).await
            }
            Action::Snapshot(targets) => {
                let snapshot = async |node| orders::snapshot(nodes, node).await;
                effect::of_each(nodes, targets, snapshot).await
            }
        }
    }

    /// Undoes a fault, as far as no other holds on to the same.
    pub(super) async fn undo(&self, strike: &Strike) -> Evidence {
        let (nodes, id) = (self.nodes, strike.id);
        match &strike.action {
            Action::Kill(targets) => {
                effect::of_each(nodes, targets, async |node| self.restart(id, node).await).await
            }
            Action::Pause(targets) => {
                effect::of_each(nodes, targets, async |node| self.resume(id, node).await).await
            }
            Action::Partition(_) => self.heal(id).await,
            Action::Remove(targets) => {
                effect::of_each(nodes, targets, async |node| self.readmit(id, node).await).await
            }
            Action::HandOver(_) | Action::Snapshot(_) => match orders::settle(nodes).await {
                Ok(evidence) => Evidence::Observed(evidence),
                Err(Trouble(why)) => Evidence::Missing(json!({ "error": why })),
            },
        }
    }

    async fn kill(&self, id: u64, node: usize) -> Result<Value, Trouble> {
        let mut holds = self.holds[node].lock().await;
        holds.down.insert(id);
        effect::kill(self.nodes, node).await
    }

    async fn restart(&self, id: u64, node: usize) -> Result<Value, Trouble> {
        let mut holds = self.holds[node].lock().await;
        holds.down.remove(&id);
        if !holds.down.is_empty() {
            return Ok(json!({ "still_down_for": holds.down }));
        }
        effect::restart(self.nodes, node).await
    }

    async fn pause(&self, id: u64, node: usize) -> Result<Value, Trouble> {
        let mut holds = self.holds[node].lock().await;
        let pid = effect::running(self.nodes, node)?;
        holds.paused.insert(id, pid);
        self.stopped().insert((id, node), Tree::of(pid)?);
        effect::pause(pid).await
    }

    async fn resume(&self, id: u64, node: usize) -> Result<Value, Trouble> {
        let mut holds = self.holds[node].lock().await;
        let Some(pid) = holds.paused.remove(&id) else {
            return effect::resume(self.nodes, node).await;
        };
        // Kept for the guard when it does not work.
        let done = |evidence| {
            self.stopped().remove(&(id, node));
            Ok(evidence)
        };
        if self.nodes.pid(node) != Some(pid) {
            return done(json!({ "pid": pid, "gone": true }));
        }
        if holds.paused.values().any(|other| *other == pid) {
            let others: Vec<_> = holds.paused.keys().collect();
            return done(json!({ "pid": pid, "still_paused_for": others }));
        }
        done(effect::resume(self.nodes, node).await?)
    }

    async fn remove(&self, id: u64, node: usize) -> Result<Value, Trouble> {
        self.removed().entry(node).or_default().insert(id);
        orders::remove(self.nodes, node).await
    }

    async fn readmit(&self, id: u64, node: usize) -> Result<Value, Trouble> {
        let others = {
            let mut removed = self.removed();
            let faults = removed.entry(node).or_default();
            faults.remove(&id);
            faults.clone()
        };
        if !others.is_empty() {
            return Ok(json!({ "still_removed_for": others }));
        }
        orders::readmit(self.nodes, node).await
    }

    async fn cut(&self, id: u64, grudge: &Grudge, silence: Duration) -> Evidence {
        if grudge.is_empty() {
            return Evidence::Missing(json!({ "error": "there is nothing to cut" }));
        }
        let mut cuts = self.cuts.lock().await;
        cuts.by_fault.insert(id, grudge.clone());
        cuts.dirty = true;
        let union = cuts.union(grudge.nodes());
        let evidence = effect::cut(self.network, &union, silence, self.nodes.names()).await;
        evidence.beside(&cuts.beside(id))
    }

    async fn heal(&self, id: u64) -> Evidence {
        let mut cuts = self.cuts.lock().await;
        cuts.by_fault.remove(&id);
        let names = self.nodes.names();
        let union = cuts.union(names.len());
        let evidence = match union.is_empty() {
            true => effect::heal(self.network, names).await,
            false => effect::cut(self.network, &union, effect::SILENCE, names).await,
        };
        if union.is_empty() && matches!(evidence, Evidence::Observed(_)) {
            cuts.dirty = false;
        }
        evidence.beside(&cuts.beside(id))
    }

    fn removed(&self) -> MutexGuard<'_, BTreeMap<usize, BTreeSet<u64>>> {
        self.removed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stopped(&self) -> MutexGuard<'_, BTreeMap<(u64, usize), Tree>> {
        // What is in the map is right whatever became of the thread that put it there.
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<N> Drop for InForce<'_, N> {
    fn drop(&mut self) {
        let stopped = self.stopped.get_mut().unwrap_or_else(PoisonError::into_inner);
        for tree in stopped.values_mut() {
            if let Err(error) = tree.release() {
                tracing::warn!(%error, "a paused node could not be resumed");
            }
        }
        if self.cuts.get_mut().dirty
            && let Err(error) = self.network.heal_now()
        {
            tracing::warn!(%error, "the network could not be healed");
        }
    }
}
