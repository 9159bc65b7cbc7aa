//! Every kind of fault in turn against a cluster of dummies, and what must be observed of it.

mod carrying;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use squall_nemesis::Nodes;
use squall_nemesis::conductor::{NemesisEvent, Stage};
use squall_nemesis::fault::{Fault, Shape, Target};
use squall_nemesis::network::Network;
use squall_nemesis::schedule::{Schedule, Step};

use crate::dummies::Dummies;
pub(crate) use carrying::carry_out;

/// Faults one after the other, each as short as its evidence allows.
pub(crate) fn schedule(faults: &[Fault]) -> Schedule {
    let step = |(at_ms, fault): (u64, &Fault)| Step {
        at: Duration::from_millis(at_ms),
        lasts: Duration::from_millis(300),
        fault: fault.clone(),
        seed: at_ms,
    };
    let steps = (0..).step_by(300).zip(faults).map(step).collect();
    Schedule { steps, ..Schedule::default() }
}

/// Kills, pauses and partitions, and demands evidence of each and of its undo.
pub(crate) async fn every_fault_leaves_evidence(network: Network) {
    let network = Arc::new(network);
    let dummies = Dummies::start(Arc::clone(&network), 5);
    let old_pid = dummies.pid(0).expect("n1 runs");
    let faults = schedule(&[
        Fault::Kill { target: Target::Leader },
        Fault::Pause { target: Target::Minority },
        Fault::Partition { shape: Shape::IsolateLeader },
    ]);
    let (events, summary) = carry_out(&faults, &dummies, &network).await;

    for event in &events {
        assert_ne!(event.stage, Stage::Fail, "{event:?}");
    }
    let told: Vec<(Stage, &str)> = events.iter().map(|event| (event.stage, event.f)).collect();
    let expected = ["kill", "restart", "pause", "resume", "partition", "heal"]
        .map(|f| [(Stage::Invoke, f), (Stage::Ok, f)]);
    assert_eq!(told, expected.concat());
    assert_eq!((summary.invoked, summary.took_hold, summary.undone), (3, 3, 3));

    let of = |f: &str| {
        let observed = |event: &&NemesisEvent| event.stage == Stage::Ok && event.f == f;
        events.iter().find(observed).expect("it was observed")
    };
    let kill = of("kill");
    assert_eq!(kill.value["kind"], "kill-leader");
    assert_eq!(kill.value["description"], "n1 (leader) killed");
    assert_eq!(kill.evidence["n1"]["exited"], "killed by signal 9 (SIGKILL)");
    assert_eq!(kill.evidence["n1"]["pid"], old_pid);
    // The shell, the child in its group, and the daemon that left it.
    assert_eq!(kill.evidence["n1"]["processes"], 3);
    let new_pid = dummies.pid(0).expect("n1 runs again");
    assert_ne!(new_pid, old_pid);
    assert_eq!(of("restart").evidence["n1"]["pid"], new_pid);

    let paused = of("pause").evidence.as_object().expect("evidence by node");
    assert_eq!(paused.len(), 2);
    assert!(paused.values().all(|node| node["state"] == "stopped" && node["processes"] == 3));

    let partition = of("partition");
    assert_eq!(partition.value["description"], "n1 (leader) cut off from n2, n3, n4, n5");
    assert_eq!(partition.value["cut"].as_array().map(Vec::len), Some(8));
    assert_eq!(partition.evidence["lost"], partition.value["cut"]);
    assert_eq!(partition.evidence["deviations"], Value::Array(vec![]));
    assert_eq!(of("heal").evidence["lost"], Value::Array(vec![]));
}
