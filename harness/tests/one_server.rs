//! A store of which only one node serves, whoever that is: it is well when that one does, and the
//! end is read there.

use std::{
    net::SocketAddr,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use squall::{
    readback::{LANES, Readback},
    recorder::Recorder,
    session::Sessions,
    system::{BoxFuture, Client, Completion, NodeSetup, Status, System},
};
use squall_checker::history::{FORMAT_VERSION, Header, HeaderTag};
use squall_workloads::{Function, Invocation, Settings, by_name};

/// A store that answers `null` to all reads, and that only at the node that leads.
#[derive(Clone)]
struct LeaderOnly {
    every: bool,
    leader: Arc<AtomicUsize>,
    /// Each so many operations somebody else leads; never if 0.
    term: usize,
    asked: Arc<AtomicUsize>,
}

impl System for LeaderOnly {
    fn name(&self) -> &str {
        "leader-only"
    }
    fn version(&self) -> String {
        "1".to_owned()
    }
    fn offers(&self, function: Function) -> bool {
        matches!(function, Function::Read | Function::Write)
    }
    fn every_node_serves(&self) -> bool {
        self.every
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

impl Client for LeaderOnly {
    fn invoke<'a>(&'a mut self, node: usize, op: &'a Invocation) -> BoxFuture<'a, Completion> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let asked = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
            if self.term > 0 && asked.is_multiple_of(self.term) {
                self.leader.fetch_add(1, Ordering::Relaxed);
            }
            if node != self.leader.load(Ordering::Relaxed) % 3 {
                return Completion::Fail("307: ask the leader".to_owned());
            }
            let value = if op.function == Function::Read { Value::Null } else { op.value.clone() };
            Completion::Ok { value, revision: None }
        })
    }
}

/// Which nodes served, and the final reads answered and expected.
async fn read_back(every: bool, term: usize, patience: Duration) -> (Vec<bool>, u64, u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let workload = by_name("register", Settings { keys: 5, ..Settings::of(5) }).expect("listed");
    let header = Header {
        squall: FORMAT_VERSION,
        kind: HeaderTag::Header,
        system: "leader-only".to_owned(),
        workload: "register".to_owned(),
        model: workload.model().to_string(),
        nodes: ["n1", "n2", "n3"].map(str::to_owned).into(),
        seed: 5,
        plan: json!({}),
        started_unix_ns: None,
        utc_offset_s: None,
    };
    let path = folder.path().join("history.jsonl");
    let (recorder, writer) = Recorder::start(&path, &header, Instant::now()).expect("a file");
    let address: SocketAddr = "127.0.0.1:1".parse().expect("an address");
    let nodes = header.nodes.iter().map(|name| (name.clone(), address)).collect::<Vec<_>>();
    let (leader, asked) = (Arc::new(AtomicUsize::new(1)), Arc::default());
    let system = Arc::new(LeaderOnly { every, leader, term, asked });
    let sessions =
        Sessions::new(system, &nodes, recorder, Duration::from_secs(5), nodes.len() * LANES);
    let mut readback = Readback::new(&sessions, 0);
    let served = readback.all_serve(&*workload, Instant::now() + patience).await;
    let reads = readback.read_all(&*workload, 2, Instant::now() + patience).await;
    drop((readback, sessions));
    writer.finish().expect("the disk takes it");
    (served.iter().map(|served| served.at().is_some()).collect(), reads.ok, reads.expected)
}

#[tokio::test]
async fn one_that_serves_is_enough_and_is_read() {
    let began = Instant::now();
    let (served, ok, expected) = read_back(false, 0, Duration::from_secs(60)).await;
    assert_eq!(served, [false, true, false]);
    assert!(ok == expected && expected > 0, "{ok} of {expected}");
    assert!(began.elapsed() < Duration::from_secs(30), "nobody waits for the others");
}

#[tokio::test]
async fn the_reads_follow_the_lead() {
    let (served, ok, expected) = read_back(false, 7, Duration::from_secs(60)).await;
    assert!(served.contains(&true), "{served:?}");
    assert!(ok == expected && expected > 0, "{ok} of {expected}");
}

#[tokio::test]
async fn where_every_node_is_to_serve_one_is_not_enough() {
    let (served, ok, expected) = read_back(true, 0, Duration::from_millis(200)).await;
    assert_eq!(served, [false, true, false]);
    assert!(ok < expected, "{ok} of {expected}");
}
