//! The conductor against real processes, with the proxy world for a network.

#[path = "dummies/mod.rs"]
mod dummies;
#[path = "ordeal/mod.rs"]
mod ordeal;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use squall_nemesis::conductor::{NemesisEvent, Stage, conduct, heal};
use squall_nemesis::fault::{Fault, Shape, Target};
use squall_nemesis::network::Network;
use squall_nemesis::{Exit, Nodes};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use dummies::Dummies;
use ordeal::{carry_out, schedule};

const PATIENCE: Duration = Duration::from_secs(10);

async fn cluster(nodes: usize) -> (Arc<Network>, Dummies) {
    let network = Arc::new(Network::proxy(nodes).await.expect("loopback"));
    let dummies = Dummies::start(Arc::clone(&network), nodes);
    (network, dummies)
}

fn state(pid: u32) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let (_, fields) = stat.rsplit_once(") ").expect("a stat line");
    fields.chars().next().expect("a state")
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn every_fault_leaves_evidence() {
    let network = Network::proxy(5).await.expect("loopback");
    ordeal::every_fault_leaves_evidence(network).await;
}

#[tokio::test]
async fn without_a_leader_a_random_node_takes_its_place() {
    let (network, mut dummies) = cluster(3).await;
    dummies.leader = None;
    let faults = schedule(&[Fault::Pause { target: Target::Leader }]);
    let (events, summary) = carry_out(&faults, &dummies, &network).await;
    assert_eq!(summary.took_hold, 1);
    let value = &events[0].value;
    assert_eq!(value["targets"].as_array().map(Vec::len), Some(1));
    assert!(value["note"].as_str().is_some_and(|note| note.contains("no leader")), "{value}");
}

#[tokio::test]
async fn nobody_to_strike_is_a_fault_that_failed() {
    let (network, dummies) = cluster(1).await;
    let pid = Pid::from_raw(dummies.pid(0).expect("it runs").cast_signed());
    kill(pid, Signal::SIGKILL).expect("it runs");
    until("the kill", || dummies.pid(0).is_none()).await;
    let faults = schedule(&[Fault::Pause { target: Target::All }]);
    let (events, summary) = carry_out(&faults, &dummies, &network).await;
    assert_eq!((summary.invoked, summary.took_hold), (1, 0));
    assert_eq!((events[1].stage, events[1].f), (Stage::Fail, "pause"));
}

/// Nodes of which the first ends by itself while it is being killed.
struct Doomed(Dummies);

impl Nodes for Doomed {
    fn names(&self) -> &[String] {
        self.0.names()
    }

    fn leader(&self) -> Option<usize> {
        self.0.leader()
    }

    fn pid(&self, node: usize) -> Option<u32> {
        self.0.pid(node)
    }

    async fn exited(&self, node: usize) -> Exit {
        let exit = self.0.exited(node).await;
        if node == 0 { Exit::Code(3) } else { exit }
    }

    async fn start(&self, node: usize) -> Result<u32, String> {
        self.0.start(node).await
    }
}

#[tokio::test]
async fn a_node_that_ended_by_itself_was_not_killed() {
    let (network, dummies) = cluster(2).await;
    let doomed = Doomed(dummies);
    let faults = schedule(&[Fault::Kill { target: Target::All }]);
    let (events, summary) = carry_out(&faults, &doomed, &network).await;
    assert_eq!((summary.invoked, summary.took_hold, summary.undone), (1, 0, 1));
    assert_eq!((events[1].stage, events[1].f), (Stage::Fail, "kill"));
    let why = events[1].evidence["n1"]["error"].as_str().expect("a reason");
    assert!(why.contains("exit code 3"), "{why}");
    assert_eq!(events[1].evidence["n2"]["exited"], "killed by signal 9 (SIGKILL)");
}

#[test]
fn an_exit_is_told_in_words() {
    use std::os::unix::process::ExitStatusExt as _;
    let told = |raw| Exit::from(std::process::ExitStatus::from_raw(raw)).to_string();
    assert_eq!(told(9), "killed by signal 9 (SIGKILL)");
    assert_eq!(told(64), "killed by signal 64");
    assert_eq!(told(3 << 8), "exit code 3");
}

#[tokio::test]
async fn stopping_undoes_what_is_in_force() {
    let (network, dummies) = cluster(2).await;
    let pid = dummies.pid(0).expect("it runs");
    let mut faults =
        schedule(&[Fault::Pause { target: Target::All }, Fault::Kill { target: Target::All }]);
    faults.steps[0].lasts = Duration::from_secs(1_000);
    let (stop, stopped) = watch::channel(false);
    let events = Mutex::new(Vec::new());
    let record = |event: NemesisEvent| {
        if event.stage == Stage::Ok && event.f == "pause" {
            stop.send_replace(true);
        }
        events.lock().expect("no panic while recording").push(event);
    };
    let conducted = conduct(&faults, &dummies, &network, &record, stopped);
    let summary = timeout(PATIENCE, conducted).await.expect("it stops at once");
    assert_eq!((summary.invoked, summary.took_hold, summary.undone), (1, 1, 1));
    assert_ne!(state(pid), 'T');
}

#[tokio::test]
async fn dropping_the_conductor_resumes_and_heals() {
    for fault in
        [Fault::Pause { target: Target::All }, Fault::Partition { shape: Shape::IsolateOne }]
    {
        let (network, dummies) = cluster(2).await;
        let pid = dummies.pid(0).expect("it runs");
        let mut faults = schedule(std::slice::from_ref(&fault));
        faults.steps[0].lasts = Duration::from_secs(1_000);
        let (in_force_to, mut in_force) = watch::channel(false);
        let record = |event: NemesisEvent| {
            in_force_to.send_replace(event.stage == Stage::Ok);
        };
        let (_stop, stopped) = watch::channel(false);
        tokio::select! {
            _ = conduct(&faults, &dummies, &network, &record, stopped) => panic!("it lasts"),
            held = timeout(PATIENCE, in_force.wait_for(|held| *held)) => {
                held.expect("in time").expect("the sender lives");
            }
        }
        until("SIGCONT", || state(pid) != 'T').await;
        let seen = network.probe(PATIENCE).await.expect("probe");
        assert!(seen.is_full(), "{fault}: {seen:?}");
    }
}

#[tokio::test]
async fn the_final_heal_repairs_whatever_it_finds() {
    let (network, dummies) = cluster(3).await;
    let pid = |node| Pid::from_raw(dummies.pid(node).expect("it runs").cast_signed());
    let stopped = pid(0);
    kill(stopped, Signal::SIGSTOP).expect("it runs");
    kill(pid(1), Signal::SIGKILL).expect("it runs");
    until("the kill", || dummies.pid(1).is_none()).await;
    let grudge = squall_nemesis::grudge::Grudge::isolate(2, 3);
    network.apply(&grudge).await.expect("gates");

    let events = Mutex::new(Vec::new());
    let record = |event: NemesisEvent| events.lock().expect("no panic").push(event);
    heal(&dummies, &network, &record).await;

    let events = events.into_inner().expect("no panic");
    let told: Vec<(Stage, &str)> = events.iter().map(|event| (event.stage, event.f)).collect();
    let expected = ["heal", "resume", "restart"].map(|f| [(Stage::Invoke, f), (Stage::Ok, f)]);
    assert_eq!(told, expected.concat(), "{events:?}");
    assert!(events.iter().all(|event| event.value.get("id").is_none()));
    assert!(events[5].evidence["n2"]["pid"].is_u64());
    assert_ne!(state(stopped.as_raw().cast_unsigned()), 'T');
    assert!(network.probe(PATIENCE).await.expect("probe").is_full());
}
