//! Turns a step of the schedule into a blow against particular nodes, when its time has come.

use std::time::Duration;

use rand::rngs::ChaCha8Rng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::places::{self, Candidates};
use crate::Nodes;
use crate::fault::{AdminAction, Fault, FaultKind, Shape, Target};
use crate::grudge::Grudge;
use crate::schedule::Step;

/// How long a fault that is meant for the leader waits for one to be known.
const LEADER_PATIENCE: Duration = Duration::from_secs(1);
const LEADER_POLL: Duration = Duration::from_millis(20);

/// A fault with everything decided.
pub(super) struct Strike {
    pub(super) id: u64,
    pub(super) fault: Fault,
    pub(super) action: Action,
    leader: Option<usize>,
    /// What was decided otherwise than the schedule says, in words.
    note: Option<&'static str>,
}

/// What is done to whom.
pub(super) enum Action {
    Kill(Vec<usize>),
    Pause(Vec<usize>),
    Partition(Grudge),
    Remove(Vec<usize>),
    /// At most one.
    HandOver(Vec<usize>),
    Snapshot(Vec<usize>),
}

/// Decides whom `step` strikes, from its seed, who leads, and who runs.
///
/// Killing and pausing by chance strike running nodes only. When no leader is known, even after waiting for
/// one, a random running node takes its place, and the event says so.
pub(super) async fn decide<N: Nodes>(id: u64, step: &Step, nodes: &N) -> Strike {
    let mut rng = ChaCha8Rng::seed_from_u64(step.seed);
    let fault = step.fault.clone();
    let leader =
        if fault.strikes_leader() { await_leader(nodes).await } else { running_leader(nodes) };
    let action = match &fault {
        Fault::Kill { target } => Action::Kill(victims(target, leader, nodes, &mut rng)),
        Fault::Pause { target } => Action::Pause(victims(target, leader, nodes, &mut rng)),
        Fault::Partition { shape } => Action::Partition(cut(shape, leader, nodes, &mut rng)),
        Fault::Membership { target } => Action::Remove(victims(target, leader, nodes, &mut rng)),
        Fault::Admin { action: AdminAction::Snapshot, target } => {
            Action::Snapshot(victims(target, leader, nodes, &mut rng))
        }
        Fault::Admin { action: AdminAction::Transfer, target } => {
            Action::HandOver(heir(target, leader, nodes, &mut rng))
        }
    };
    let leaderless = fault.strikes_leader() && leader.is_none();
    Strike {
        id,
        fault,
        action,
        leader,
        note: leaderless.then_some("no leader was known: a random node took its place"),
    }
}

async fn await_leader<N: Nodes>(nodes: &N) -> Option<usize> {
    let deadline = Instant::now() + LEADER_PATIENCE;
    loop {
        let leader = running_leader(nodes);
        if leader.is_some() || Instant::now() > deadline {
            return leader;
        }
        sleep(LEADER_POLL).await;
    }
}

fn running_leader<N: Nodes>(nodes: &N) -> Option<usize> {
    nodes.leader().filter(|&node| nodes.pid(node).is_some())
}

fn victims<N: Nodes>(
    target: &Target,
    leader: Option<usize>,
    nodes: &N,
    rng: &mut ChaCha8Rng,
) -> Vec<usize> {
    if let (Target::Leader, Some(leader)) = (target, leader) {
        return vec![leader];
    }
    if let Target::Nodes(members) = target {
        let runs = |node| nodes.pid(node).is_some();
        let candidates = Candidates { names: nodes.names(), leader, eligible: &runs };
        return places::fill(&[members], &candidates, rng).concat();
    }
    let all = nodes.names().len();
    let mut running: Vec<usize> = (0..all).filter(|&node| nodes.pid(node).is_some()).collect();
    running.shuffle(rng);
    running.truncate(target.count(all));
    running.sort_unstable();
    running
}

/// Who is to lead, if there is somebody.
fn heir<N: Nodes>(
    target: &Target,
    leader: Option<usize>,
    nodes: &N,
    rng: &mut ChaCha8Rng,
) -> Vec<usize> {
    let mut heirs = match target {
        Target::One => victims(&Target::All, None, nodes, rng),
        target => victims(target, leader, nodes, rng),
    };
    if *target == Target::One {
        heirs.retain(|heir| Some(*heir) != leader);
        heirs.shuffle(rng);
    }
    heirs.truncate(1);
    heirs
}

fn cut<N: Nodes>(shape: &Shape, leader: Option<usize>, nodes: &N, rng: &mut ChaCha8Rng) -> Grudge {
    let all: Vec<usize> = (0..nodes.names().len()).collect();
    let anybody = all.choose(rng).copied().unwrap_or(0);
    let candidates = Candidates { names: nodes.names(), leader, eligible: &|_| true };
    let groups = places::fill(&shape.groups(), &candidates, rng);
    match shape {
        Shape::Groups(_) => Grudge::groups(&groups, all.len()),
        Shape::OneWayBetween { .. } => Grudge::one_way(&groups[0], &groups[1], all.len()),
        Shape::IsolateOne => Grudge::isolate(anybody, all.len()),
        Shape::IsolateLeader => Grudge::isolate(leader.unwrap_or(anybody), all.len()),
        Shape::RandomHalves => Grudge::random_halves(rng, all.len()),
        Shape::Bridge => Grudge::bridge(all.len(), rng),
        Shape::MajoritiesRing => Grudge::majorities_ring(all.len(), rng),
        Shape::OneWay => {
            // A leader that is heard but does not hear, or the reverse, is the interesting half.
            let victim = match leader {
                Some(leader) if rng.random() => leader,
                _ => anybody,
            };
            if rng.random() {
                Grudge::one_way(&[victim], &all, all.len())
            } else {
                Grudge::one_way(&all, &[victim], all.len())
            }
        }
    }
}

impl Strike {
    /// What the events of the fault carry.
    pub(super) fn value<N: Nodes>(&self, nodes: &N) -> Value {
        let names = nodes.names();
        let titled = self.titled(names);
        let description = match &self.action {
            Action::Kill(_) => format!("{} killed", list(&self.targets(), &titled)),
            Action::Pause(_) => format!("{} paused", list(&self.targets(), &titled)),
            Action::Partition(grudge) => grudge.describe(&titled),
            Action::Remove(_) => {
                format!("{} removed from the cluster", list(&self.targets(), &titled))
            }
            Action::HandOver(_) => format!("lead handed to {}", list(&self.targets(), &titled)),
            Action::Snapshot(_) => format!("snapshots taken by {}", list(&self.targets(), &titled)),
        };
        let mut value = self.common(names, &description);
        if let Action::Partition(grudge) = &self.action {
            value["cut"] =
                grudge.pairs().map(|(from, to)| json!([names[from], names[to]])).collect();
        }
        if let Some(note) = self.note {
            value["note"] = note.into();
        }
        value
    }

    /// What the events of its undo carry.
    pub(super) fn undo_value<N: Nodes>(&self, nodes: &N) -> Value {
        let names = nodes.names();
        let kind = self.fault.kind();
        self.common(names, &undo_description(kind, &self.targets(), names))
    }

    fn common(&self, names: &[String], description: &str) -> Value {
        json!({
            "id": self.id,
            "kind": self.fault.to_string(),
            "targets": of(&self.targets(), names),
            "description": description,
        })
    }

    fn targets(&self) -> Vec<usize> {
        match &self.action {
            Action::Kill(targets)
            | Action::Pause(targets)
            | Action::Remove(targets)
            | Action::HandOver(targets)
            | Action::Snapshot(targets) => targets.clone(),
            Action::Partition(grudge) => grudge.hardest_hit(),
        }
    }

    /// The names, with the leader's office after its name.
    fn titled(&self, names: &[String]) -> Vec<String> {
        let mut titled = names.to_vec();
        if let Some(leader) = self.leader.and_then(|leader| titled.get_mut(leader)) {
            leader.push_str(" (leader)");
        }
        titled
    }
}

/// What the events of the final heal carry.
pub(super) fn final_value(kind: FaultKind, targets: &[usize], names: &[String]) -> Value {
    json!({
        "kind": "final",
        "targets": of(targets, names),
        "description": undo_description(kind, targets, names),
    })
}

fn undo_description(kind: FaultKind, targets: &[usize], names: &[String]) -> String {
    match kind {
        FaultKind::Kill => format!("{} restarted", list(targets, names)),
        FaultKind::Pause => format!("{} resumed", list(targets, names)),
        FaultKind::Partition => "network healed".to_owned(),
        FaultKind::Membership => format!("{} added to the cluster again", list(targets, names)),
        FaultKind::Admin => "somebody leads".to_owned(),
    }
}

fn of<'a>(nodes: &[usize], names: &'a [String]) -> Vec<&'a str> {
    let name = |&node: &usize| names.get(node).map(String::as_str);
    nodes.iter().filter_map(name).collect()
}

fn list(nodes: &[usize], names: &[String]) -> String {
    if nodes.is_empty() {
        return "nobody".to_owned();
    }
    of(nodes, names).join(", ")
}
