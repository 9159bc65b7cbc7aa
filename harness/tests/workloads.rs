//! Every workload through real sessions and the recorder, against a made-up store: one that
//! does it right is linearizable whatever becomes of the replies, one with a flaw is not; and
//! what a store does not offer is made of reads and compare-and-sets, or refused by name.

use std::{
    net::SocketAddr,
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use squall::{
    analysis::read_history,
    clients::{Clients, Pacing},
    plan::Rate,
    readback::{LANES, Readback},
    recorder::Recorder,
    session::Sessions,
    system::{BoxFuture, Client, Completion, NodeSetup, Status, System, suits},
};
use squall_checker::{
    CheckOptions, check,
    history::{FORMAT_VERSION, Header, HeaderTag, History, Outcome},
    verdict::Verdict,
};
use squall_workloads::{
    Function, Invocation, Settings, WORKLOADS, Workload, by_name,
    rehearsal::{Flaw, Reply, Store},
};

/// What the store can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Offer {
    Everything,
    /// Only what every store with a compare-and-set has.
    ReadWriteCas,
}

#[derive(Clone)]
struct MadeUp {
    offer: Offer,
    turn: Arc<AtomicU64>,
    store: Arc<Mutex<Store>>,
}

impl System for MadeUp {
    fn name(&self) -> &str {
        "made-up"
    }

    fn version(&self) -> String {
        "1".to_owned()
    }

    fn offers(&self, function: Function) -> bool {
        let plain = [Function::Read, Function::Write, Function::Delete, Function::Cas];
        self.offer == Offer::Everything || plain.contains(&function)
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

impl MadeUp {
    fn apply(&self, op: &Invocation) -> Completion {
        assert!(self.offers(op.function), "asked for `{}`, which is not offered", op.function);
        match self.store.lock().expect("no panics here").apply(op) {
            Reply::Ok(value) => Completion::Ok { value, revision: None },
            Reply::Mismatch(found) => Completion::Mismatch { found },
            Reply::Fail(why) => Completion::Declined(why),
        }
    }
}

impl Client for MadeUp {
    fn invoke<'a>(&'a mut self, _: usize, op: &'a Invocation) -> BoxFuture<'a, Completion> {
        Box::pin(async move {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            match turn % 23 {
                3 => Completion::Fail("refused".to_owned()),
                7 => Completion::Info("never arrived".to_owned()),
                11 => {
                    drop(self.apply(op));
                    Completion::Info("the reply was lost".to_owned())
                }
                _ => self.apply(op),
            }
        })
    }
}

const CLIENTS: usize = 8;

/// Runs a workload until `operations` succeeded, reads everything back, and returns what was
/// recorded.
async fn record(workload: &dyn Workload, store: MadeUp, operations: u64, path: &Path) -> History {
    let header = Header {
        squall: FORMAT_VERSION,
        kind: HeaderTag::Header,
        system: "made-up".to_owned(),
        workload: workload.name().to_owned(),
        model: workload.model().to_string(),
        nodes: vec!["n1".to_owned()],
        seed: 5,
        plan: json!({}),
        started_unix_ns: None,
        utc_offset_s: None,
    };
    let (recorder, writer) = Recorder::start(path, &header, Instant::now()).expect("a file");
    let nodes = [("n1".to_owned(), "127.0.0.1:1".parse().expect("an address"))];
    let timeout = Duration::from_secs(5);
    let slots = CLIENTS + LANES;
    let sessions = Sessions::new(Arc::new(store), &nodes, recorder.clone(), timeout, slots);
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut readback = Readback::new(&sessions, CLIENTS);
    let served = readback.all_serve(workload, deadline).await;
    assert!(served.iter().all(|served| served.at().is_some()), "the store serves: {served:?}");
    let clients = Clients::start(&sessions, workload, CLIENTS, Pacing::closed(Rate::Unlimited));
    while recorder.tally().ok < operations {
        assert!(Instant::now() < deadline, "only {:?} after 30 s", recorder.tally());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    clients.stop().await.expect("no client panics");
    let reads = readback.read_all(workload, 2, deadline).await;
    assert_eq!(reads.ok, reads.expected, "every final read is answered in the end");
    readback.drain_all(workload, deadline).await;
    writer.finish().expect("the disk takes it");
    read_history(path).expect("the history is valid")
}

async fn verdict(name: &str, offer: Offer, flaw: Flaw) -> (Verdict, History) {
    let folder = tempfile::tempdir().expect("a folder");
    let workload = by_name(name, Settings { keys: 4, ..Settings::of(5) }).expect("listed");
    let store = Arc::new(Mutex::new(Store::new(flaw, 13)));
    let store = MadeUp { offer, turn: Arc::default(), store };
    let path = folder.path().join("history.jsonl");
    let history = record(&*workload, store, 1_500, &path).await;
    let analysis = check(&history, &CheckOptions::default()).expect("the model knows all of it");
    (analysis.verdict, history)
}

#[tokio::test]
async fn a_store_that_does_it_right_is_linearizable() {
    for entry in WORKLOADS {
        let (verdict, _) = verdict(entry.name, Offer::Everything, Flaw::None).await;
        assert_eq!(verdict, Verdict::Linearizable, "{}", entry.name);
    }
}

#[tokio::test]
async fn what_is_not_offered_is_made_of_reads_and_compare_and_sets() {
    for name in ["list-append", "counter", "set", "queue", "bag", "mutex", "ids"] {
        let (clean, history) = verdict(name, Offer::ReadWriteCas, Flaw::None).await;
        assert_eq!(clean, Verdict::Linearizable, "{name}");
        let of = |outcome| history.operations.iter().filter(|op| op.outcome == outcome).count();
        assert!(of(Outcome::Info) > 0, "{name}: some replies are lost");
        assert!(of(Outcome::Ok) > of(Outcome::Info), "{name}");
        let (flawed, _) = verdict(name, Offer::ReadWriteCas, Flaw::LostChange).await;
        assert_eq!(flawed, Verdict::Violation, "{name}");
    }
}

#[tokio::test]
async fn recipes_show_a_compare_and_set_that_does_not_compare() {
    for name in ["queue", "mutex", "ids"] {
        let (flawed, _) = verdict(name, Offer::ReadWriteCas, Flaw::BlindCas).await;
        assert_eq!(flawed, Verdict::Violation, "{name}");
    }
}

#[test]
fn a_system_that_lacks_what_a_workload_needs_is_told_by_name() {
    let store = Arc::new(Mutex::new(Store::new(Flaw::None, 1)));
    let system = MadeUp { offer: Offer::ReadWriteCas, turn: Arc::default(), store };
    let workload = |name| by_name(name, Settings::of(1)).expect("listed");
    assert!(suits(&system, &*workload("queue")).is_ok());
    let error = suits(&system, &*workload("bank")).expect_err("no transactions").to_string();
    for word in ["`bank`", "`made-up`", "`txn`", "`guarded-txn`"] {
        assert!(error.contains(word), "{word}: {error}");
    }
}

#[tokio::test]
async fn compare_and_sets_succeed_and_mismatches_say_what_was_found() {
    let (_, history) = verdict("cas-register", Offer::Everything, Flaw::None).await;
    let cas: Vec<_> = history.iter().map(|(_, op)| op).filter(|op| op.f() == "cas").collect();
    let ok = cas.iter().filter(|op| op.outcome == Outcome::Ok).count();
    let mismatch = cas.iter().filter(|op| op.error() == Some("mismatch")).count();
    assert!(ok * 5 > cas.len() && mismatch * 10 > cas.len(), "{ok}, {mismatch} of {}", cas.len());
    let told = |op: &&squall_checker::history::Recorded<'_>| {
        op.error() == Some("mismatch") && op.result != op.argument
    };
    assert_eq!(cas.iter().filter(told).count(), mismatch);
}
