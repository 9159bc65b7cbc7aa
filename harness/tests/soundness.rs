//! What the soundness rules demand of clients and recorder, held against a made-up system
//! that misbehaves in every way a client can see.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::BufReader,
    net::SocketAddr,
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use proptest::prelude::*;
use serde_json::Value;
use squall::{
    clients::{Clients, Pacing},
    plan::{Arrivals, Rate},
    recorder::{Recorder, Tally},
    session::Sessions,
    system::{self, BoxFuture, Completion, NodeSetup, Status, System},
};
use squall_checker::{
    history::{Event, EventType, FORMAT_VERSION, Header, HeaderTag, History, Outcome, read_jsonl},
    model::ModelName,
};
use squall_nemesis::conductor::{NemesisEvent, Stage};
use squall_workloads::{
    Address, Client, Function, Invocation, Settings, Workload,
    generator::{Bursts, Endless, Generator, Limit, Mix, Moving, SentTo, Sequence, Think, UntilOk},
    workloads::Register,
};

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

    fn offers(&self, function: Function) -> bool {
        matches!(function, Function::Read | Function::Write)
    }

    fn command(&self, _: &NodeSetup) -> Command {
        Command::new("true")
    }

    fn client(&self, _: &[SocketAddr]) -> Box<dyn system::Client> {
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

impl system::Client for FickleClient {
    fn invoke<'a>(&'a mut self, _: usize, op: &'a Invocation) -> BoxFuture<'a, Completion> {
        Box::pin(async move {
            match self.turn.fetch_add(1, Ordering::Relaxed) % 16 {
                3 => return Completion::Fail("refused".to_owned()),
                7 => return Completion::Info("broken".to_owned()),
                11 => std::future::pending::<()>().await,
                _ => tokio::task::yield_now().await,
            }
            let mut map = self.map.lock().expect("no panics here");
            if op.function == Function::Write {
                map.insert(op.key().to_owned(), op.value.clone());
                return Completion::Ok { value: op.value.clone(), revision: None };
            }
            let value = map.get(op.key()).cloned().unwrap_or_default();
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
        started_unix_ns: None,
        utc_offset_s: None,
    }
}

fn read(path: &Path) -> History {
    let file = std::fs::File::open(path).expect("the history is there");
    read_jsonl(BufReader::new(file)).expect("the history is valid")
}

/// Runs clients against the fickle system for `operations` and returns what was recorded.
async fn record(operations: u64, path: &Path) -> History {
    let (recorder, writer) = Recorder::start(path, &header(), Instant::now()).expect("a file");
    let address: SocketAddr = "127.0.0.1:1".parse().expect("an address");
    let nodes = [("n1".to_owned(), address), ("n2".to_owned(), address)];
    let timeout = Duration::from_millis(20);
    let system = Arc::new(Fickle::default());
    let sessions = Sessions::new(system, &nodes, recorder.clone(), timeout, CLIENTS);
    let register = Register::new(Settings { keys: 3, ..Settings::of(5) });
    let pacing = Pacing::closed(Rate::Unlimited);
    let clients = Clients::start(&sessions, &register, CLIENTS, pacing);
    let deadline = Instant::now() + Duration::from_secs(30);
    while recorder.tally().ok < operations {
        assert!(Instant::now() < deadline, "only {:?} after 30 s", recorder.tally());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
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
    let history = record(500, &path).await;

    let mut retired = BTreeSet::new();
    let mut homes = BTreeMap::new();
    for op in &history.operations {
        // Reading has validated that no process has two operations in flight.
        assert!(!retired.contains(&op.process), "process {} came back", op.process);
        assert_eq!(homes.entry(op.process).or_insert(op.node), &op.node);
        if op.outcome == Outcome::Info {
            retired.insert(op.process);
        }
    }
    assert!(retired.len() > CLIENTS, "only {} processes retired", retired.len());
    let lost = history.iter().filter_map(|(_, op)| op.error());
    assert!(lost.into_iter().any(|error| error.contains("no reply within 20ms")));
}

/// Says into the recorder itself when it begins and ends working on an operation.
struct Witness {
    recorder: OnceLock<Recorder>,
}

struct WitnessClient(Recorder);

impl System for Witness {
    fn name(&self) -> &str {
        "witness"
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

    fn client(&self, _: &[SocketAddr]) -> Box<dyn system::Client> {
        Box::new(WitnessClient(self.recorder.get().expect("set before any client").clone()))
    }

    fn probe<'a>(&'a self, _: SocketAddr) -> BoxFuture<'a, Option<Status>> {
        Box::pin(async { None })
    }
}

fn mark(recorder: &Recorder, f: &'static str) {
    let (value, evidence) = (Value::Null, Value::Null);
    recorder.nemesis(NemesisEvent { stage: Stage::Ok, f, value, evidence });
}

impl system::Client for WitnessClient {
    fn invoke<'a>(&'a mut self, _: usize, op: &'a Invocation) -> BoxFuture<'a, Completion> {
        Box::pin(async move {
            mark(&self.0, "begins");
            tokio::task::yield_now().await;
            mark(&self.0, "ends");
            Completion::Ok { value: op.value.clone(), revision: None }
        })
    }
}

/// The interval recorded holds everything the client did for the operation: one stamped
/// too late or completed too early would make the checker see orders that were not.
#[tokio::test]
async fn an_operation_is_recorded_around_all_its_work() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history.jsonl");
    let (recorder, writer) = Recorder::start(&path, &header(), Instant::now()).expect("a file");
    let witness = Witness { recorder: OnceLock::new() };
    assert!(witness.recorder.set(recorder.clone()).is_ok());
    let nodes = [("n1".to_owned(), "127.0.0.1:1".parse().expect("an address"))];
    let timeout = Duration::from_secs(60);
    let sessions = Sessions::new(Arc::new(witness), &nodes, recorder, timeout, 1);
    let mut session = sessions.open(0, 0);
    for value in 1..=50 {
        session.run(&Invocation::write("1", value)).await;
    }
    writer.finish().expect("the disk takes it");
    let history = read(&path);
    assert_eq!((history.operations.len(), history.nemesis.len()), (50, 100));
    for (op, marks) in history.operations.iter().zip(history.nemesis.chunks(2)) {
        // Positions count the events from 1 on, and so do indices from 0 on.
        let place = |mark: &Event| mark.index.expect("indexed") + 1;
        let [begins, ends] = [place(&marks[0]), place(&marks[1])];
        let completed = u64::from(op.completed.expect("it ended").position());
        assert!(
            u64::from(op.invoked.position()) < begins && begins < ends && ends < completed,
            "{op:?}"
        );
    }
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

/// A stream, drawn at random.
#[derive(Clone, Debug)]
enum Shape {
    Plain,
    Thinks(Box<Shape>),
    Bursts(u64, Box<Shape>),
    Insists(Box<Shape>),
    Moves(u64, Box<Shape>),
    Anywhere(Box<Shape>),
    Mixed(Box<Shape>, Box<Shape>),
    Then(u64, Box<Shape>, Box<Shape>),
}

fn shapes() -> impl Strategy<Value = Shape> {
    Just(Shape::Plain).prop_recursive(4, 12, 2, |inner| {
        let inner = inner.prop_map(Box::new);
        prop_oneof![
            inner.clone().prop_map(Shape::Thinks),
            (1u64..6, inner.clone()).prop_map(|(length, of)| Shape::Bursts(length, of)),
            inner.clone().prop_map(Shape::Insists),
            (1u64..4, inner.clone()).prop_map(|(every, of)| Shape::Moves(every, of)),
            inner.clone().prop_map(Shape::Anywhere),
            (inner.clone(), inner.clone()).prop_map(|(one, two)| Shape::Mixed(one, two)),
            (1u64..9, inner.clone(), inner)
                .prop_map(|(first, one, two)| Shape::Then(first, one, two)),
        ]
    })
}

impl Shape {
    fn stream(&self, client: Client, values: &Arc<AtomicU64>) -> Box<dyn Generator> {
        let of = |shape: &Self| shape.stream(client, values);
        let some_ms = Duration::from_millis(2);
        match self {
            Self::Plain => {
                let values = Arc::clone(values);
                Box::new(Endless(move || match values.fetch_add(1, Ordering::Relaxed) {
                    value if value % 2 == 0 => Invocation::write("1", value),
                    _ => Invocation::read("1"),
                }))
            }
            Self::Thinks(shape) => Box::new(Think::new(of(shape), 1, client, some_ms)),
            Self::Bursts(length, shape) => Box::new(Bursts::new(of(shape), *length, some_ms)),
            Self::Insists(shape) => Box::new(UntilOk::new(of(shape), Function::Write)),
            Self::Moves(every, shape) => Box::new(Moving::new(of(shape), client, *every)),
            Self::Anywhere(shape) => Box::new(SentTo::new(of(shape), Address::Any)),
            Self::Mixed(one, two) => Box::new(Mix::new(1, client, [(1, of(one)), (2, of(two))])),
            Self::Then(first, one, two) => {
                let first: Box<dyn Generator> = Box::new(Limit::operations(of(one), *first));
                Box::new(Sequence::new([first, of(two)]))
            }
        }
    }
}

struct Drawn {
    shape: Shape,
    values: Arc<AtomicU64>,
}

impl Workload for Drawn {
    fn name(&self) -> &'static str {
        "drawn"
    }

    fn model(&self) -> ModelName {
        ModelName::Register
    }

    fn functions(&self) -> Vec<Function> {
        vec![Function::Read, Function::Write]
    }

    fn generator(&self, client: Client) -> Box<dyn Generator> {
        self.shape.stream(client, &self.values)
    }

    fn final_reads(&self) -> Vec<Invocation> {
        Vec::new()
    }
}

/// Goes through a recorded file by itself, without the reader that validates it.
fn go_through(path: &Path) -> Tally {
    let text = std::fs::read_to_string(path).expect("the history is there");
    let mut under_way: BTreeMap<String, Event> = BTreeMap::new();
    let mut retired = BTreeSet::new();
    let mut tally = Tally::default();
    for (number, line) in text.lines().skip(1).enumerate() {
        let event: Event = serde_json::from_str(line).expect("an event a line");
        assert_eq!(event.index, Some(number as u64), "indices are dense and in order");
        let process = format!("{:?}", event.process);
        assert!(!retired.contains(&process), "{process} came back: {line}");
        let counter = match event.kind {
            EventType::Invoke => {
                let before = under_way.insert(process, event);
                assert!(before.is_none(), "two operations at once: {before:?}, {line}");
                continue;
            }
            EventType::Ok => &mut tally.ok,
            EventType::Fail => &mut tally.fail,
            EventType::Info => &mut tally.info,
        };
        *counter += 1;
        let invoked = under_way.remove(&process).expect("an invocation comes first");
        assert!(invoked.time <= event.time, "{invoked:?}, {line}");
        assert_eq!((&invoked.f, &invoked.key), (&event.f, &event.key));
        assert_eq!(invoked.node, event.node);
        if event.kind == EventType::Info {
            retired.insert(process);
        }
    }
    assert!(under_way.is_empty(), "clients finish what they are in: {under_way:?}");
    tally
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever clients do and at whatever pace, against a system that misbehaves.
    #[test]
    fn a_process_has_one_operation_at_a_time_and_ends_with_an_indeterminate_one(
        shape in shapes(),
        clients in 1usize..12,
        rate in prop_oneof![Just(Rate::Unlimited), (500u32..20_000).prop_map(Rate::PerSecond)],
        arrivals in prop_oneof![
            Just(Arrivals::Closed), Just(Arrivals::Open), Just(Arrivals::Random),
        ],
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("history.jsonl");
        let (recorder, writer) = Recorder::start(&path, &header(), Instant::now()).expect("a file");
        let address: SocketAddr = "127.0.0.1:1".parse().expect("an address");
        let nodes = [("n1".to_owned(), address), ("n2".to_owned(), address)];
        let timeout = Duration::from_millis(5);
        let system = Arc::new(Fickle::default());
        let sessions = Sessions::new(system, &nodes, recorder.clone(), timeout, clients);
        let workload = Drawn { shape, values: Arc::default() };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_time()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let pacing = Pacing { arrivals, ..Pacing::closed(rate) };
            let clients = Clients::start(&sessions, &workload, clients, pacing);
            // How long the run goes on, not a wait for something to happen.
            tokio::time::sleep(Duration::from_millis(120)).await;
            clients.stop().await.expect("no client panics");
        });
        writer.finish().expect("the disk takes it");
        let tally = go_through(&path);
        prop_assert_eq!(tally, recorder.tally());
        prop_assert!(tally.ok > 0);
    }
}
