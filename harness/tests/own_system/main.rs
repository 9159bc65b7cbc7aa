//! Squall as a library: a store of somebody's own, tested from ordinary test functions.

mod program;
mod tiny_kv;

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use squall::{
    Test,
    http::{Bytes, Connection, Method},
    plan::PlanError,
    results::summary::RunVerdict,
    run::RunError,
    system::{BoxFuture, Client, Completion, NodeSetup, Status, System},
    test::TestError,
    workloads::{Function, Invocation},
};

use tiny_kv::TinyKv;

fn honest() -> TinyKv {
    TinyKv { program: program::tiny_kv(), flags: Vec::new() }
}

fn with_old_reads() -> TinyKv {
    TinyKv { flags: vec!["--local-reads"], ..honest() }
}

#[tokio::test]
async fn reads_from_an_old_copy_are_found_out() {
    let store = tempfile::tempdir().expect("a directory");
    let test = Test::of(with_old_reads()).nemesis("none").time(Duration::from_secs(1));
    let run = test.seed(7).store(store.path()).run().await.expect("it can be carried out");
    run.assert_violation();
    let told = std::panic::catch_unwind(|| run.assert_linearizable()).expect_err("it is not");
    let told = told.downcast_ref::<String>().expect("a message");
    let report = run.report().display().to_string();
    assert!(told.starts_with("the run is violation, not linearizable\n\n"), "{told}");
    assert!(told.contains(", seed 7\n") && told.ends_with(&report), "{told}");
    assert!(told.contains(" conflict ") && told.contains("read →"), "{told}");
    assert!(!told.contains("run again"), "no command knows this system: {told}");
    assert!(run.report().is_file() && run.report().starts_with(store.path()), "{report}");
}

/// Checking one run must not hold up the other, nor may they share ports or folders.
async fn two_at_once() {
    let store = tempfile::tempdir().expect("a directory");
    let test = |system| {
        let test = Test::of(system).nemesis("none").time(Duration::from_secs(1));
        test.seed(1).store(store.path()).run()
    };
    let (good, bad) = tokio::join!(test(honest()), test(with_old_reads()));
    let (good, bad) = (good.expect("carried out"), bad.expect("carried out"));
    good.assert_linearizable();
    bad.assert_violation();
    assert_ne!(good.run_dir, bad.run_dir);
}

#[tokio::test]
async fn two_runs_go_on_at_once_on_one_thread() {
    two_at_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_go_on_at_once_on_several_threads() {
    tokio::spawn(two_at_once()).await.expect("neither panics");
}

/// Processes that were told of `store`.
fn nodes_in(store: &Path) -> usize {
    let store = store.to_string_lossy();
    let processes = fs::read_dir("/proc").expect("Linux has it").flatten();
    let words = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    words.filter(|words| String::from_utf8_lossy(words).contains(&*store)).count()
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "not in 10 s: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_test_that_is_given_up_leaves_no_node_behind() {
    let store = tempfile::tempdir().expect("a directory");
    let test = Test::of(honest()).nemesis("none").time(Duration::from_secs(3600));
    tokio::select! {
        over = test.store(store.path()).run() => {
            panic!("it is over: {:?}", over.map(|run| run.results.verdict))
        }
        () = until("three nodes run", || nodes_in(store.path()) == 3) => {}
    }
    until("they are gone", || nodes_in(store.path()) == 0).await;
}

#[tokio::test]
async fn a_fault_that_fits_the_system_not_is_refused_by_name() {
    let test = Test::of(honest()).nemesis("kill,membership").run().await;
    assert!(
        matches!(&test, Err(TestError::Plan(PlanError::Unfit { system, .. })) if system == "tiny-kv"),
        "{:?}",
        test.map(|run| run.results.verdict)
    );
}

/// An adapter that asks for what the store does not have, of all nodes but the last.
struct Wrong {
    honest: TinyKv,
    wrong_nodes: usize,
}

struct WrongClient {
    nodes: Vec<Connection>,
    wrong_nodes: usize,
    honest: Box<dyn Client>,
}

impl System for Wrong {
    fn name(&self) -> &str {
        "wrong"
    }
    fn version(&self) -> String {
        self.honest.version()
    }
    fn offers(&self, function: Function) -> bool {
        self.honest.offers(function)
    }
    fn serves_within(&self) -> Duration {
        Duration::from_millis(300)
    }
    fn recovers_within(&self) -> Duration {
        Duration::from_millis(300)
    }
    fn command(&self, node: &NodeSetup) -> Command {
        self.honest.command(node)
    }
    fn client(&self, nodes: &[SocketAddr]) -> Box<dyn Client> {
        let honest = self.honest.client(nodes);
        let nodes = nodes.iter().copied().map(Connection::to).collect();
        Box::new(WrongClient { nodes, wrong_nodes: self.wrong_nodes, honest })
    }
    fn probe<'a>(&'a self, node: SocketAddr) -> BoxFuture<'a, Option<Status>> {
        self.honest.probe(node)
    }
}

impl Client for WrongClient {
    fn invoke<'a>(&'a mut self, node: usize, asked: &'a Invocation) -> BoxFuture<'a, Completion> {
        if node >= self.wrong_nodes {
            return self.honest.invoke(node, asked);
        }
        Box::pin(async move {
            let reply = self.nodes[node].exchange(Method::GET, "/v1/kv", Bytes::new()).await;
            let why = |(status, _)| format!("{status}\nis not understood");
            reply.map_or_else(Completion::from, |reply| Completion::Info(why(reply)))
        })
    }
}

#[tokio::test]
async fn a_cluster_that_never_serves_is_told_with_what_every_node_answered() {
    let store = tempfile::tempdir().expect("a directory");
    let system = Wrong { honest: honest(), wrong_nodes: 3 };
    let began = Instant::now();
    let test = Test::of(system).store(store.path()).run().await;
    let Err(TestError::Run(error @ RunError::NeverServed { .. })) = test else {
        panic!("{:?}", test.map(|run| run.results.verdict));
    };
    let told = error.to_string();
    let expected = "get a first change from the cluster within 0.3 s; last answers: n1, n2, n3: \
                    404 Not Found is not understood; the nodes' logs are in ";
    assert!(told.starts_with(expected), "{told}");
    assert!(began.elapsed() < Duration::from_secs(15), "it waits no longer than it says");
}

#[tokio::test]
async fn a_node_that_does_not_serve_again_is_told_with_its_last_answer() {
    let store = tempfile::tempdir().expect("a directory");
    let system = Wrong { honest: honest(), wrong_nodes: 1 };
    let test = Test::of(system).nemesis("none").time(Duration::from_secs(1));
    let run = test.store(store.path()).run().await.expect("two nodes serve");
    assert_eq!(run.results.verdict, RunVerdict::Unavailable, "{run}");
    let nodes = &run.results.facts.recovered.nodes;
    let answers: Vec<_> = nodes.iter().map(|node| node.last_answer.as_deref()).collect();
    assert_eq!(answers, [Some("404 Not Found is not understood"), None, None]);
    let told = run.to_string();
    assert!(told.contains("What n1 answered last when it should serve again: 404"), "{told}");
}
