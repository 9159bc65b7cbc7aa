//! Every workload against a made-up store: one that does it right is linearizable whatever
//! becomes of the replies, and one with the flaw a workload is there for is not.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use squall::{
    analysis::read_history,
    clients::Clients,
    plan::Rate,
    recorder::Recorder,
    session::Sessions,
    system::{BoxFuture, Client, Completion, NodeSetup, Status, System},
};
use squall_checker::{
    CheckOptions, check,
    history::{FORMAT_VERSION, Header, HeaderTag, History, Outcome},
    verdict::Verdict,
};
use squall_workloads::{Invocation, Settings, WORKLOADS, by_name};

/// What the store does wrong, now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// Reads answer what was there a change before.
    StaleRead,
    /// A change is acknowledged and forgotten.
    LostChange,
    /// A change is applied twice.
    DoubleApply,
    /// Compare-and-set compares, and sets whatever it found.
    BlindCas,
}

struct Store {
    flaw: Flaw,
    turn: Arc<AtomicU64>,
    /// What each key holds, and what it held before.
    map: Arc<Mutex<BTreeMap<String, [Value; 2]>>>,
}

impl System for Store {
    fn name(&self) -> &str {
        "store"
    }

    fn version(&self) -> String {
        "1".to_owned()
    }

    fn command(&self, _: &NodeSetup) -> Command {
        Command::new("true")
    }

    fn client(&self, _: &[SocketAddr]) -> Box<dyn Client> {
        let (turn, map) = (Arc::clone(&self.turn), Arc::clone(&self.map));
        Box::new(Store { flaw: self.flaw, turn, map })
    }

    fn probe<'a>(&'a self, _: SocketAddr) -> BoxFuture<'a, Option<Status>> {
        Box::pin(async { None })
    }
}

/// What a change makes of what is held; nothing where it is refused.
fn changed(held: &Value, op: &Invocation, flaw: Flaw) -> Option<Value> {
    match op.f {
        "write" => Some(op.value.clone()),
        "append" => {
            let mut list = held.as_array().cloned().unwrap_or_default();
            list.push(op.value.clone());
            Some(list.into())
        }
        "add" => {
            let sum = held.as_i64().unwrap_or(0) + op.value.as_i64().expect("a number");
            Some(sum.into())
        }
        "cas" => (*held == op.value[0] || flaw == Flaw::BlindCas).then(|| op.value[1].clone()),
        f => panic!("no workload asks for `{f}`"),
    }
}

impl Store {
    fn apply(&self, op: &Invocation, flaw: Flaw) -> Completion {
        let mut map = self.map.lock().expect("no panics here");
        let [held, before] = map.entry(op.key.to_string()).or_default();
        if op.f == "read" {
            let value = if flaw == Flaw::StaleRead { before } else { held };
            return Completion::Ok { value: value.clone(), revision: None };
        }
        let Some(mut now) = changed(held, op, flaw) else {
            return Completion::Mismatch { found: Some(held.clone()) };
        };
        if flaw == Flaw::DoubleApply {
            now = changed(&now, op, flaw).unwrap_or(now);
        }
        if flaw != Flaw::LostChange {
            *before = std::mem::replace(held, now);
        }
        Completion::Ok { value: op.value.clone(), revision: None }
    }
}

impl Client for Store {
    fn invoke<'a>(&'a mut self, _: usize, op: &'a Invocation) -> BoxFuture<'a, Completion> {
        Box::pin(async move {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed);
            // Reads and changes both come by at every remainder, as 13 is prime.
            let flaw = if turn.is_multiple_of(13) { self.flaw } else { Flaw::None };
            tokio::task::yield_now().await;
            match turn % 16 {
                3 => Completion::Fail("refused".to_owned()),
                7 => Completion::Info("never arrived".to_owned()),
                11 => {
                    self.apply(op, flaw);
                    Completion::Info("the reply was lost".to_owned())
                }
                _ => self.apply(op, flaw),
            }
        })
    }
}

const CLIENTS: usize = 8;

/// Runs a workload until `operations` succeeded, reads everything back, and returns what was
/// recorded.
async fn record(name: &str, flaw: Flaw, operations: u64, path: &Path) -> History {
    let workload = by_name(name, Settings { seed: 5, keys: 4 }).expect("listed");
    let header = Header {
        squall: FORMAT_VERSION,
        kind: HeaderTag::Header,
        system: "store".to_owned(),
        workload: name.to_owned(),
        model: workload.model().to_string(),
        nodes: vec!["n1".to_owned()],
        seed: 5,
        plan: json!({}),
    };
    let (recorder, writer) = Recorder::start(path, &header, Instant::now()).expect("a file");
    let nodes = [("n1".to_owned(), "127.0.0.1:1".parse().expect("an address"))];
    let store = Store { flaw, turn: Arc::default(), map: Arc::default() };
    let timeout = Duration::from_secs(5);
    let sessions = Sessions::new(Arc::new(store), &nodes, recorder.clone(), timeout, CLIENTS + 1);
    let mut service = sessions.open(CLIENTS, 0);
    service.run(&workload.service_check("squall", 1)).await;
    let clients = Clients::start(&sessions, &*workload, CLIENTS, Rate::Unlimited);
    let deadline = Instant::now() + Duration::from_secs(30);
    while recorder.tally().ok < operations {
        assert!(Instant::now() < deadline, "only {:?} after 30 s", recorder.tally());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    clients.stop().await.expect("no client panics");
    for read in workload.final_reads() {
        service.run(&read).await;
    }
    writer.finish().expect("the disk takes it");
    read_history(path).expect("the history is valid")
}

async fn verdict(name: &str, flaw: Flaw) -> (Verdict, History) {
    let folder = tempfile::tempdir().expect("a folder");
    let history = record(name, flaw, 2_000, &folder.path().join("history.jsonl")).await;
    let analysis = check(&history, &CheckOptions::default()).expect("the model knows all of it");
    (analysis.verdict, history)
}

#[tokio::test]
async fn a_store_that_does_it_right_is_linearizable() {
    for (name, _) in WORKLOADS {
        assert_eq!(verdict(name, Flaw::None).await.0, Verdict::Linearizable, "{name}");
    }
}

#[tokio::test]
async fn every_workload_shows_what_it_is_there_for() {
    for (name, flaws) in [
        ("register", &[Flaw::StaleRead, Flaw::LostChange][..]),
        ("cas-register", &[Flaw::StaleRead, Flaw::LostChange, Flaw::BlindCas]),
        ("list-append", &[Flaw::StaleRead, Flaw::LostChange, Flaw::DoubleApply]),
        ("counter", &[Flaw::StaleRead, Flaw::LostChange, Flaw::DoubleApply]),
    ] {
        for flaw in flaws {
            assert_eq!(verdict(name, *flaw).await.0, Verdict::Violation, "{name}: {flaw:?}");
        }
    }
}

#[tokio::test]
async fn compare_and_sets_succeed_and_mismatches_say_what_was_found() {
    let (_, history) = verdict("cas-register", Flaw::None).await;
    let cas: Vec<_> = history.iter().map(|(_, op)| op).filter(|op| op.f() == "cas").collect();
    let ok = cas.iter().filter(|op| op.outcome == Outcome::Ok).count();
    let mismatch = cas.iter().filter(|op| op.error() == Some("mismatch")).count();
    assert!(ok * 5 > cas.len() && mismatch * 10 > cas.len(), "{ok}, {mismatch} of {}", cas.len());
    let told = |op: &&squall_checker::history::Recorded<'_>| {
        op.error() == Some("mismatch") && op.result != op.argument
    };
    assert_eq!(cas.iter().filter(told).count(), mismatch);
}
