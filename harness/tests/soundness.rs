//! What the soundness rules demand of clients and recorder, held against a made-up system
//! that misbehaves in every way a client can see.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::BufReader,
    net::SocketAddr,
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;
use squall::{
    clients::Clients,
    plan::Rate,
    recorder::Recorder,
    session::Sessions,
    system::{BoxFuture, Client, Completion, NodeSetup, Status, System},
};
use squall_checker::history::{FORMAT_VERSION, Header, HeaderTag, History, Outcome, read_jsonl};
use squall_workloads::{Invocation, Register};

/// Answers by turns: ok, refused, broken, never.
#[derive(Default)]
struct Fickle {
    turn: Arc<AtomicU64>,
    map: Arc<Mutex<BTreeMap<String, Value>>>,
}

impl System for Fickle {
    fn name(&self) -> &str {
        "fickle"
    }

    fn version(&self) -> String {
        "1".to_owned()
    }

    fn command(&self, _: &NodeSetup) -> Command {
        Command::new("true")
    }

    fn client(&self, _: &[SocketAddr]) -> Box<dyn Client> {
        Box::new(FickleClient { turn: Arc::clone(&self.turn), map: Arc::clone(&self.map) })
    }

    fn probe<'a>(&'a self, _: SocketAddr) -> BoxFuture<'a, Option<Status>> {
        Box::pin(async { None })
    }
}

struct FickleClient {
    turn: Arc<AtomicU64>,
    map: Arc<Mutex<BTreeMap<String, Value>>>,
}

impl Client for FickleClient {
    fn invoke<'a>(&'a mut self, _: usize, op: &'a Invocation) -> BoxFuture<'a, Completion> {
        Box::pin(async move {
            match self.turn.fetch_add(1, Ordering::Relaxed) % 16 {
                3 => return Completion::Fail("refused".to_owned()),
                7 => return Completion::Info("broken".to_owned()),
                11 => std::future::pending::<()>().await,
                _ => tokio::task::yield_now().await,
            }
            let mut map = self.map.lock().expect("no panics here");
            if op.f == "write" {
                map.insert(op.key.to_string(), op.value.clone());
                return Completion::Ok { value: op.value.clone(), revision: None };
            }
            let value = map.get(&*op.key).cloned().unwrap_or_default();
            Completion::Ok { value, revision: Some(4) }
        })
    }
}

const CLIENTS: usize = 12;

fn header() -> Header {
    Header {
        squall: FORMAT_VERSION,
        kind: HeaderTag::Header,
        system: "fickle".to_owned(),
        workload: "register".to_owned(),
        model: "register".to_owned(),
        nodes: vec!["n1".to_owned(), "n2".to_owned()],
        seed: 5,
        plan: Value::Null,
    }
}

fn read(path: &Path) -> History {
    let file = std::fs::File::open(path).expect("the history is there");
    read_jsonl(BufReader::new(file)).expect("the history is valid")
}

/// Runs clients against the fickle system for `time` and returns what was recorded.
async fn record(time: Duration, path: &Path, rate: Rate) -> History {
    let (recorder, writer) = Recorder::start(path, &header(), Instant::now()).expect("a file");
    let address: SocketAddr = "127.0.0.1:1".parse().expect("an address");
    let nodes = [("n1".to_owned(), address), ("n2".to_owned(), address)];
    let timeout = Duration::from_millis(20);
    let system = Arc::new(Fickle::default());
    let sessions = Sessions::new(system, &nodes, recorder.clone(), timeout, CLIENTS);
    let clients = Clients::start(&sessions, &Register::new(5, 3), CLIENTS, rate);
    tokio::time::sleep(time).await;
    clients.stop().await.expect("no client panics");
    let tally = recorder.tally();
    writer.finish().expect("the disk takes it");
    let history = read(path);
    let count =
        |outcome| history.operations.iter().filter(|op| op.outcome == outcome).count() as u64;
    assert_eq!(
        (tally.ok, tally.fail, tally.info),
        (count(Outcome::Ok), count(Outcome::Fail), count(Outcome::Info))
    );
    history
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn processes_retire_after_info_and_stay_on_their_node() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history.jsonl");
    let history = record(Duration::from_millis(400), &path, Rate::Unlimited).await;
    assert!(history.operations.len() > 200, "{} operations", history.operations.len());

    let mut retired = BTreeSet::new();
    let mut homes = BTreeMap::new();
    for op in &history.operations {
        // Reading has validated that no process has two operations in flight.
        assert!(!retired.contains(&op.process), "process {} came back", op.process);
        assert_eq!(homes.entry(op.process).or_insert(op.node.clone()), &op.node);
        if op.outcome == Outcome::Info {
            retired.insert(op.process);
        }
    }
    assert!(retired.len() > CLIENTS, "only {} processes retired", retired.len());
    let lost = history.operations.iter().filter_map(|op| op.error.as_deref());
    assert!(lost.into_iter().any(|error| error.contains("no reply within 20ms")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_completion_never_comes_before_its_invocation_and_time_follows_the_index() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history.jsonl");
    let history = record(Duration::from_millis(300), &path, Rate::Unlimited).await;
    for op in &history.operations {
        let Some(completed) = op.completed else { panic!("{op:?} never completed") };
        assert!(op.invoked.position < completed.position, "{op:?}");
        assert!(op.invoked.time_ns <= completed.time_ns, "{op:?}");
    }
    let positions: Vec<_> = history.operations.iter().map(|op| op.invoked.position).collect();
    assert!(positions.is_sorted());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rate_is_held_and_never_exceeded() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history.jsonl");
    let history = record(Duration::from_secs(1), &path, Rate::PerSecond(300)).await;
    let n = history.operations.len();
    // Operations that hang for 20 ms cost no turn at this rate; the first of each client
    // may come at once.
    assert!((240..=300 + CLIENTS).contains(&n), "{n} operations at 300/s in 1 s");
}

/// Events are handed over by many threads at once; the file is in index order all the same.
#[test]
fn many_threads_record_into_one_ordered_file() {
    const THREADS: u64 = 8;
    const EACH: u64 = 4000;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history.jsonl");
    let (recorder, writer) = Recorder::start(&path, &header(), Instant::now()).expect("a file");
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let recorder = recorder.clone();
            scope.spawn(move || {
                let node = "n1";
                for i in 0..EACH {
                    let write = Invocation::write("1", thread * EACH + i + 1);
                    recorder.invoke(thread, node, &write);
                    let ok = Completion::Ok { value: write.value.clone(), revision: None };
                    recorder.complete(thread, node, &write, &ok);
                }
            });
        }
    });
    writer.finish().expect("the disk takes it");
    let history = read(&path);
    assert_eq!(history.operations.len() as u64, THREADS * EACH);
    assert!(!history.torn);
}
