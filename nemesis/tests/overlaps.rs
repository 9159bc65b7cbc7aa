//! Faults that overlap: they compose, each with evidence of its own, and what several want is
//! undone when the last of them lets go.

#[path = "ordeal/carrying.rs"]
mod carrying;
#[path = "dummies/mod.rs"]
mod dummies;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use squall_nemesis::Nodes;
use squall_nemesis::conductor::{NemesisEvent, Stage};
use squall_nemesis::fault::{Fault, Shape, Target};
use squall_nemesis::network::Network;
use squall_nemesis::schedule::{Schedule, Step};

use carrying::{carry_out, carry_out_until};
use dummies::Dummies;

async fn cluster(nodes: usize) -> (Arc<Network>, Dummies) {
    let network = Arc::new(Network::proxy(nodes).await.expect("loopback"));
    let dummies = Dummies::start(Arc::clone(&network), nodes);
    (network, dummies)
}

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn step(at_ms: u64, lasts_ms: u64, fault: Fault) -> Step {
    Step { at: ms(at_ms), lasts: ms(lasts_ms), fault, seed: at_ms }
}

fn once(steps: Vec<Step>) -> Schedule {
    Schedule { steps, ..Schedule::default() }
}

fn kill(name: &str) -> Fault {
    Fault::Kill { target: Target::node(name) }
}

fn cut_off(name: &str) -> Fault {
    Fault::Partition { shape: Shape::Groups(vec![vec![name.into()], vec!["rest".into()]]) }
}

/// What was observed of fault `id` when it was begun or undone.
fn observed<'a>(events: &'a [NemesisEvent], f: &str, id: u64) -> &'a Value {
    let is_it =
        |event: &&NemesisEvent| event.stage == Stage::Ok && event.f == f && event.value["id"] == id;
    &events.iter().find(is_it).unwrap_or_else(|| panic!("{f} {id}: {events:?}")).evidence
}

fn pairs(evidence: &Value) -> usize {
    evidence["lost"].as_array().expect("a list").len()
}

#[tokio::test]
async fn cuts_add_up_and_each_is_taken_back_by_itself() {
    let (network, dummies) = cluster(4).await;
    let schedule = once(vec![step(0, 1_500, cut_off("n1")), step(500, 2_500, cut_off("n2"))]);
    let (events, summary) = carry_out(&schedule, &dummies, &network).await;
    assert_eq!((summary.invoked, summary.took_hold, summary.undone), (2, 2, 2), "{events:?}");
    let order: Vec<_> = events.iter().filter(|event| event.stage == Stage::Ok).collect();
    let told: Vec<_> = order.iter().map(|event| (event.f, event.value["id"].as_u64())).collect();
    let expected = [("partition", 0), ("partition", 1), ("heal", 0), ("heal", 1)];
    assert_eq!(told, expected.map(|(f, id)| (f, Some(id))));
    assert_eq!(pairs(observed(&events, "partition", 0)), 6);
    // The pair of the two is cut by both.
    assert_eq!(pairs(observed(&events, "partition", 1)), 10);
    assert_eq!(observed(&events, "partition", 1)["beside"], json!([0]));
    assert_eq!(pairs(observed(&events, "heal", 0)), 6);
    assert_eq!(observed(&events, "heal", 0)["beside"], json!([1]));
    assert_eq!(pairs(observed(&events, "heal", 1)), 0);
}

#[tokio::test]
async fn a_node_is_killed_again_and_again_while_a_cut_is_in_force() {
    let (network, dummies) = cluster(3).await;
    let shape = Shape::Groups(vec![vec!["n1".into()], vec!["n2".into()]]);
    let cut = once(vec![step(0, 1_000_000, Fault::Partition { shape })]);
    let kills = Schedule::repeat(vec![step(0, 20, kill("n3"))], ms(150), ms(100)..ms(900));
    let all_restarted = |events: &[NemesisEvent]| {
        let is_it = |event: &&NemesisEvent| event.stage == Stage::Ok && event.f == "restart";
        events.iter().filter(is_it).count() == 6
    };
    let schedule = cut.beside(kills);
    let (events, summary) = carry_out_until(&schedule, &dummies, &network, all_restarted).await;
    assert_eq!((summary.invoked, summary.took_hold, summary.undone), (7, 7, 7), "{events:?}");
    let mut pids = Vec::new();
    for id in 1..=6 {
        let killed = &observed(&events, "kill", id)["n3"];
        assert_eq!(killed["exited"], "killed by signal 9 (SIGKILL)");
        pids.push(killed["pid"].as_u64().expect("a process"));
    }
    pids.dedup();
    assert_eq!(pids.len(), 6, "each kill struck a process of its own");
    assert_eq!(pairs(observed(&events, "partition", 0)), 2, "n3 sees both");
    let last = events.last().expect("there are some");
    assert_eq!((last.f, last.stage), ("heal", Stage::Ok), "the cut outlasted the kills");
}

#[tokio::test]
async fn a_node_is_down_as_long_as_anybody_holds_it_down() {
    let (network, dummies) = cluster(2).await;
    let schedule = once(vec![step(0, 1_500, kill("n1")), step(500, 2_500, kill("n1"))]);
    let (events, summary) = carry_out(&schedule, &dummies, &network).await;
    // Nobody was there to be killed a second time.
    assert_eq!((summary.invoked, summary.took_hold, summary.undone), (2, 1, 2), "{events:?}");
    assert_eq!(observed(&events, "restart", 0)["n1"]["still_down_for"], json!([1]));
    let pid = observed(&events, "restart", 1)["n1"]["pid"].as_u64();
    assert_eq!(pid, dummies.pid(0).map(u64::from));
}

#[tokio::test]
async fn a_pause_ends_with_the_process_it_stopped() {
    let (network, dummies) = cluster(2).await;
    let paused = dummies.pid(0).expect("it runs");
    let schedule = once(vec![
        step(0, 2_000, Fault::Pause { target: Target::node("n1") }),
        step(500, 100, kill("n1")),
    ]);
    let (events, summary) = carry_out(&schedule, &dummies, &network).await;
    assert_eq!((summary.took_hold, summary.undone), (2, 2), "{events:?}");
    assert_eq!(observed(&events, "kill", 1)["n1"]["pid"], paused);
    assert_eq!(observed(&events, "resume", 0)["n1"], json!({ "pid": paused, "gone": true }));
}

#[tokio::test]
async fn two_pauses_of_one_node_end_with_the_later() {
    let (network, dummies) = cluster(2).await;
    let pause = || Fault::Pause { target: Target::node("n1") };
    let schedule = once(vec![step(0, 1_500, pause()), step(500, 2_500, pause())]);
    let (events, summary) = carry_out(&schedule, &dummies, &network).await;
    assert_eq!((summary.took_hold, summary.undone), (2, 2), "{events:?}");
    assert_eq!(observed(&events, "resume", 0)["n1"]["still_paused_for"], json!([1]));
    assert_eq!(observed(&events, "resume", 1)["n1"]["state"], "running");
}

#[tokio::test]
async fn the_leader_and_another_are_met_together() {
    let (network, dummies) = cluster(5).await;
    let shape = Shape::Groups(vec![vec!["leader".into(), "other".into()], vec!["rest".into()]]);
    let schedule = once(vec![
        step(0, 100, Fault::Partition { shape }),
        step(100, 100, Fault::Kill { target: Target::leader_and(2) }),
    ]);
    let (events, summary) = carry_out(&schedule, &dummies, &network).await;
    assert_eq!((summary.took_hold, summary.undone), (2, 2), "{events:?}");
    assert_eq!(pairs(observed(&events, "partition", 0)), 12);
    let killed = observed(&events, "kill", 1).as_object().expect("by node");
    assert!(killed.contains_key("n1") && killed.len() == 3, "{killed:?}");
    assert_eq!(events[0].value["kind"], "groups leader+other|rest");
}
