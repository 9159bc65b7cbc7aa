//! Orders of an administrator: what they leave behind is observed, refusals on the way are lived
//! with, and whoever was removed is a member again at the end.

#[path = "ordeal/carrying.rs"]
mod carrying;
#[path = "dummies/mod.rs"]
mod dummies;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use squall_nemesis::conductor::{NemesisEvent, Stage, heal};
use squall_nemesis::fault::{AdminAction, Fault, Target};
use squall_nemesis::network::Network;
use squall_nemesis::schedule::{Schedule, Step};
use squall_nemesis::{Exit, Nodes, Order};

use carrying::carry_out;
use dummies::Dummies;

/// Dummies whose members somebody keeps a list of.
struct Governed {
    dummies: Dummies,
    council: Mutex<Council>,
}

struct Council {
    leader: usize,
    voters: Vec<usize>,
    learners: Vec<usize>,
    /// Changes asked for; of three the first is refused, as by a leader that is busy with another.
    asked: usize,
    /// How often the voters are asked for in vain, because nobody leads yet.
    leaderless: usize,
}

impl Governed {
    fn council(&self) -> MutexGuard<'_, Council> {
        self.council.lock().expect("no thread panics with it")
    }
}

impl Nodes for Governed {
    fn names(&self) -> &[String] {
        self.dummies.names()
    }

    fn leader(&self) -> Option<usize> {
        let council = self.council();
        (council.leaderless == 0).then_some(council.leader)
    }

    fn pid(&self, node: usize) -> Option<u32> {
        self.dummies.pid(node)
    }

    async fn exited(&self, node: usize) -> Exit {
        self.dummies.exited(node).await
    }

    async fn start(&self, node: usize) -> Result<u32, String> {
        self.dummies.start(node).await
    }

    async fn order(&self, order: Order) -> Result<Value, String> {
        let mut council = self.council();
        match order {
            Order::Transfer(to) => council.leader = to,
            Order::Snapshot(node) => return Ok(json!({ "index": node + 40 })),
            Order::Remove(_) | Order::AddLearner(_) | Order::Promote(_) => {
                council.asked += 1;
                if council.asked % 3 == 1 {
                    return Err("another change is under way".to_owned());
                }
            }
        }
        match order {
            Order::Remove(node) => council.voters.retain(|voter| *voter != node),
            Order::AddLearner(node) => council.learners.push(node),
            Order::Promote(node) if council.learners.contains(&node) => {
                council.learners.retain(|learner| *learner != node);
                council.voters.push(node);
            }
            Order::Promote(_) => return Err("it is no learner".to_owned()),
            Order::Transfer(_) | Order::Snapshot(_) => {}
        }
        Ok(json!({ "index": 9 }))
    }

    fn tells_voters(&self) -> bool {
        true
    }

    async fn voters(&self) -> Option<Vec<usize>> {
        let mut council = self.council();
        if council.leaderless > 0 {
            council.leaderless -= 1;
            return None;
        }
        Some(council.voters.clone())
    }
}

async fn governed(nodes: usize) -> (Arc<Network>, Governed) {
    let network = Arc::new(Network::proxy(nodes).await.expect("loopback"));
    let dummies = Dummies::start(Arc::clone(&network), nodes);
    let voters = (0..nodes).collect();
    let council = Council { leader: 0, voters, learners: Vec::new(), asked: 0, leaderless: 0 };
    (network, Governed { dummies, council: Mutex::new(council) })
}

fn schedule(faults: &[(u64, u64, Fault)]) -> Schedule {
    let ms = Duration::from_millis;
    let step = |(at_ms, lasts_ms, fault): &(u64, u64, Fault)| Step {
        at: ms(*at_ms),
        lasts: ms(*lasts_ms),
        fault: fault.clone(),
        seed: 1,
    };
    Schedule { steps: faults.iter().map(step).collect(), ..Schedule::default() }
}

fn of<'a>(events: &'a [NemesisEvent], f: &str) -> Vec<&'a NemesisEvent> {
    events.iter().filter(|event| event.stage == Stage::Ok && event.f == f).collect()
}

#[tokio::test]
async fn a_member_is_removed_and_added_again() {
    let (network, nodes) = governed(3).await;
    let remove = Fault::Membership { target: Target::Leader };
    let (events, summary) = carry_out(&schedule(&[(0, 50, remove)]), &nodes, &network).await;
    assert_eq!((summary.invoked, summary.took_hold, summary.undone), (1, 1, 1), "{events:?}");
    let removed = of(&events, "membership")[0];
    assert_eq!(removed.value["kind"], "remove-leader");
    assert_eq!(removed.value["description"], "n1 (leader) removed from the cluster");
    assert_eq!(removed.evidence["n1"]["voters"], json!(["n2", "n3"]));
    let readmitted = of(&events, "readmit")[0];
    assert_eq!(readmitted.value["description"], "n1 added to the cluster again");
    assert_eq!(readmitted.evidence["n1"]["voters"], json!(["n2", "n3", "n1"]));
}

#[tokio::test]
async fn a_node_is_no_member_as_long_as_anybody_keeps_it_out() {
    let (network, nodes) = governed(3).await;
    let remove = || Fault::Membership { target: Target::node("n3") };
    let twice = schedule(&[(0, 1_500, remove()), (500, 2_500, remove())]);
    let (events, summary) = carry_out(&twice, &nodes, &network).await;
    // It was out already when the second began.
    assert_eq!((summary.took_hold, summary.undone), (1, 2), "{events:?}");
    let readmitted = of(&events, "readmit");
    assert_eq!(readmitted[0].evidence["n3"]["still_removed_for"], json!([1]));
    assert_eq!(nodes.council().voters, [0, 1, 2]);
}

#[tokio::test]
async fn the_lead_is_handed_over_and_snapshots_are_taken() {
    let (network, nodes) = governed(3).await;
    let admin = |action, target| Fault::Admin { action, target };
    let (events, summary) = carry_out(
        &schedule(&[
            (0, 20, admin(AdminAction::Transfer, Target::One)),
            (20, 20, admin(AdminAction::Snapshot, Target::All)),
            (40, 20, admin(AdminAction::Transfer, Target::Leader)),
        ]),
        &nodes,
        &network,
    )
    .await;
    // Who leads already cannot be handed the lead.
    assert_eq!((summary.invoked, summary.took_hold, summary.undone), (3, 2, 3), "{events:?}");
    let done = of(&events, "admin");
    let heir = nodes.names()[nodes.council().leader].clone();
    assert_ne!(heir, "n1");
    assert_eq!(done[0].evidence[&heir], json!({ "led_before": "n1", "leads": heir }));
    assert_eq!(done[0].value["kind"], "transfer-one");
    assert_eq!(done[1].evidence["n2"], json!({ "index": 41 }));
    assert_eq!(of(&events, "settle").len(), 3);
}

#[tokio::test]
async fn the_final_heal_adds_whoever_is_missing_once_somebody_leads() {
    let (network, nodes) = governed(3).await;
    nodes.council().voters = vec![0];
    // Whoever led was lost with the last fault.
    nodes.council().leaderless = 7;
    let events = Mutex::new(Vec::new());
    let record = |event: NemesisEvent| events.lock().expect("no panic").push(event);
    heal(&nodes, &network, &record).await;
    let mut voters = nodes.council().voters.clone();
    voters.sort_unstable();
    assert_eq!(voters, [0, 1, 2]);
    let events = events.into_inner().expect("no panic");
    assert_eq!(of(&events, "readmit")[0].value["targets"], json!(["n2", "n3"]));
}
