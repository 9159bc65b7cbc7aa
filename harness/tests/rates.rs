//! Rates through real clients, sessions and the recorder, against a made-up system: held where
//! it can be, and explained where it cannot.

use std::{
    net::SocketAddr,
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value;
use squall::{
    clients::{Clients, Pacing},
    pace::Faults,
    plan::{Arrivals, Rate},
    recorder::{Latencies, Recorder},
    session::Sessions,
    system::{BoxFuture, Client, Completion, NodeSetup, Status, System},
};
use squall_checker::history::{FORMAT_VERSION, Header, HeaderTag};
use squall_results::facts::Pace;
use squall_workloads::{Function, Invocation, Settings, workloads::Register};

/// Answers every operation in the same way after the same time.
#[derive(Clone)]
struct Steady {
    takes: Duration,
    answer: fn(&Invocation) -> Completion,
}

impl System for Steady {
    fn name(&self) -> &str {
        "steady"
    }

    fn version(&self) -> String {
        "1".to_owned()
    }

    fn offers(&self, function: Function) -> bool {
        matches!(function, Function::Read | Function::Write)
    }

    fn command(&self, _: &NodeSetup) -> Command {
        Command::new("true")
    }

    fn client(&self, _: &[SocketAddr]) -> Box<dyn Client> {
        Box::new(self.clone())
    }

    fn probe<'a>(&'a self, _: SocketAddr) -> BoxFuture<'a, Option<Status>> {
        Box::pin(async { None })
    }
}

impl Client for Steady {
    fn invoke<'a>(&'a mut self, _: usize, op: &'a Invocation) -> BoxFuture<'a, Completion> {
        Box::pin(async move {
            match self.takes {
                Duration::ZERO => tokio::task::yield_now().await,
                takes => tokio::time::sleep(takes).await,
            }
            (self.answer)(op)
        })
    }
}

fn answered(op: &Invocation) -> Completion {
    Completion::Ok { value: op.value.clone(), revision: None }
}

fn header() -> Header {
    Header {
        squall: FORMAT_VERSION,
        kind: HeaderTag::Header,
        system: "steady".to_owned(),
        workload: "register".to_owned(),
        model: "register".to_owned(),
        nodes: vec!["n1".to_owned()],
        seed: 5,
        plan: Value::Null,
        started_unix_ns: None,
        utc_offset_s: None,
    }
}

/// Lets `clients` work at the rate for `time`.
async fn drive(
    system: Steady,
    clients: usize,
    (rate, arrivals): (u32, Arrivals),
    time: Duration,
    faults: Faults,
) -> Pace {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history.jsonl");
    let (recorder, writer) = Recorder::start(&path, &header(), Instant::now()).expect("a file");
    let nodes = [("n1".to_owned(), "127.0.0.1:1".parse().expect("an address"))];
    let timeout = Duration::from_secs(5);
    let sessions = Sessions::new(Arc::new(system), &nodes, recorder.clone(), timeout, clients);
    let register = Register::new(Settings::of(5));
    let pacing = Pacing { arrivals, ..Pacing::closed(Rate::PerSecond(rate)) };
    let running = Clients::start(&sessions, &register, clients, pacing);
    // The time the run takes, not a wait for something to happen.
    tokio::time::sleep(time).await;
    let driven = running.stop().await.expect("no client panics");
    let written = writer.finish().expect("the disk takes it");
    assert_eq!(count(&written.latencies), recorder.tally().ok > 0);
    recorded(&path, recorder.tally().ok);
    driven.pace(faults, written.latencies.percentiles()).expect("a rate was asked for")
}

fn count(latencies: &Latencies) -> bool {
    !latencies.percentiles().is_empty()
}

fn recorded(path: &Path, ok: u64) {
    let text = std::fs::read_to_string(path).expect("the history is there");
    let found = text.lines().filter(|line| line.contains(r#""type":"ok""#)).count();
    assert_eq!(found as u64, ok);
}

const INSTANT: Steady = Steady { takes: Duration::ZERO, answer: answered };

/// In virtual time, so that a busy machine is not taken for a slow harness: what is tested is
/// that clients take the turns that timers of a millisecond allow.
#[tokio::test(start_paused = true)]
async fn a_quick_system_is_asked_at_the_rate() {
    for (clients, arrivals) in [
        (20, Arrivals::Closed),
        (20, Arrivals::Open),
        (20, Arrivals::Random),
        // Turns of a millisecond each, which is as fine as timers are.
        (5, Arrivals::Closed),
        // And finer ones.
        (2, Arrivals::Closed),
    ] {
        let (rate, time) = (5_000, Duration::from_secs(3));
        let pace = drive(INSTANT, clients, (rate, arrivals), time, Faults::None).await;
        assert!(pace.held, "{arrivals} {rate}: {pace:?}");
        assert_eq!(pace.why_not, None);
        // Random arrivals come at the rate only on average.
        let most = if arrivals == Arrivals::Random { 1.03 } else { 1.01 };
        assert!(pace.achieved_per_s <= most * pace.asked_per_s, "{arrivals} {rate}: {pace:?}");
        assert_eq!(pace.latencies.keys().collect::<Vec<_>>(), ["read", "write"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_too_slow_for_the_clients_is_explained_by_how_many_it_takes() {
    let slow = Steady { takes: Duration::from_millis(50), ..INSTANT };
    for arrivals in [Arrivals::Closed, Arrivals::Open] {
        let time = Duration::from_secs(2);
        let pace = drive(slow.clone(), 10, (1_000, arrivals), time, Faults::None).await;
        assert!(!pace.held, "{pace:?}");
        let why = pace.why_not.expect("not held");
        assert!(why.contains("10 clients are too few for a mean latency of"), "{why}");
        let words: Vec<_> = why.split(' ').collect();
        let needs = words.iter().position(|word| *word == "needs").expect("says how many");
        let needed: u32 = words[needs + 1].parse().expect("a number");
        // 1,000 a second for 50 ms each, and what timers and a busy machine add.
        assert!((50..200).contains(&needed), "{why}");
    }
}

/// An open loop's latencies hold what operations waited for a client, and a closed loop's what
/// the operation waited that was taken late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn latencies_are_counted_from_when_operations_were_due() {
    let slow = Steady { takes: Duration::from_millis(50), ..INSTANT };
    let time = Duration::from_secs(2);
    let open = drive(slow.clone(), 1, (100, Arrivals::Open), time, Faults::None).await;
    // A fifth of what comes in is carried out, so the last ones wait for four fifths of the time.
    let longest = open.latencies.values().map(|of| of.max_ns).max().expect("some succeeded");
    assert!(longest > 1_200_000_000, "{open:?}");
    let closed = drive(slow, 1, (100, Arrivals::Closed), time, Faults::None).await;
    let longest = closed.latencies.values().map(|of| of.max_ns).max().expect("some succeeded");
    assert!(longest > 60_000_000, "{closed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_held_up_by_faults_are_an_explanation() {
    let silent = |_: &Invocation| Completion::Info("no reply".to_owned());
    let dead = Steady { takes: Duration::from_millis(500), answer: silent };
    let time = Duration::from_secs(2);
    let pace = drive(dead, 10, (1_000, Arrivals::Closed), time, Faults::Planned).await;
    let why = pace.why_not.expect("not held");
    for words in ["clients were held up for", "never answered", "to be expected under faults"] {
        assert!(why.contains(words), "{words}: {why}");
    }
    assert!(!why.contains("too few") && !why.contains("harness"), "{why}");
    assert!(pace.latencies.is_empty(), "nothing succeeded");
}
