//! Whole nodes over real sockets and files, in this process.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use clap::Parser;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use squall_node::raft::{Body, Message, Term};
use squall_node::{NodeArgs, NodeError, serve};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Time for anything a test waits for; generous, for machines are busy.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Parser)]
struct Args {
    #[command(flatten)]
    node: NodeArgs,
}

struct RunningNode {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), NodeError>>,
}

/// A cluster on ports of its own; its files are removed when it is dropped.
struct Cluster {
    dir: TempDir,
    addresses: Vec<SocketAddr>,
    /// Held while a node is down, so that nobody else gets its port.
    listeners: Vec<std::net::TcpListener>,
    extra: &'static [&'static str],
    nodes: Vec<Option<RunningNode>>,
    client: Client,
}

fn args(dir: &Path, number: usize, addresses: &[SocketAddr], extra: &[&str]) -> NodeArgs {
    let mut words = vec![
        "node".to_owned(),
        format!("--id=n{}", number + 1),
        format!("--data={}", dir.join(format!("n{}", number + 1)).display()),
        format!("--listen={}", addresses[number]),
    ];
    for (peer, address) in addresses.iter().enumerate().filter(|(peer, _)| *peer != number) {
        words.push(format!("--peer=n{}={address}", peer + 1));
    }
    words.extend(extra.iter().map(|&word| word.to_owned()));
    Args::parse_from(words).node
}

impl Cluster {
    fn start(size: usize, extra: &'static [&'static str]) -> Self {
        let mut cluster = Self::down(size, extra);
        for number in 0..size {
            cluster.restart(number);
        }
        cluster
    }

    /// A cluster none of whose nodes runs yet.
    fn down(size: usize, extra: &'static [&'static str]) -> Self {
        let listeners: Vec<_> =
            (0..size).map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let addresses = listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
        let client = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let dir = TempDir::new().unwrap();
        let nodes = (0..size).map(|_| None).collect();
        Self { dir, addresses, listeners, extra, nodes, client }
    }

    fn restart(&mut self, number: usize) {
        self.restart_among(number, self.addresses.len(), &[]);
    }

    /// Starts a node that is told of the first `size` nodes.
    fn restart_among(&mut self, number: usize, size: usize, flags: &[&str]) {
        let flags = [self.extra, flags].concat();
        let args = args(self.dir.path(), number, &self.addresses[..size], &flags);
        let listener = self.listeners[number].try_clone().unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(serve(args, listener, async move {
            let _ = stopped.await;
        }));
        self.nodes[number] = Some(RunningNode { stop, task });
    }

    async fn stop(&mut self, number: usize) {
        let RunningNode { stop, task } = self.nodes[number].take().unwrap();
        stop.send(()).unwrap();
        task.await.unwrap().unwrap();
    }

    async fn call(
        &self,
        number: usize,
        method: Method,
        path: &str,
        body: &str,
    ) -> (StatusCode, Value) {
        let url = format!("http://{}{path}", self.addresses[number]);
        let reply = self.client.request(method, url).body(body.to_owned()).send().await.unwrap();
        let status = reply.status();
        let text = reply.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text:?}")))
    }

    async fn status(&self, number: usize) -> Value {
        self.call(number, Method::GET, "/status", "").await.1
    }

    /// Has an order carried out, which may have to wait for the one before; any node
    /// passes it on.
    async fn order(&self, path: &str, body: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (status, reply) = self.call(0, Method::POST, path, body).await;
            if status == StatusCode::OK {
                return;
            }
            assert!(Instant::now() < deadline, "{path} {body}: {reply}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until the nodes hold the same state after the same entry.
    async fn same_state(&self, numbers: &[usize]) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut states = Vec::new();
            for &number in numbers {
                let status = self.status(number).await;
                states.push((status["applied"].clone(), status["digest"].clone()));
            }
            if states.iter().all(|state| *state == states[0]) {
                return;
            }
            assert!(Instant::now() < deadline, "the states differ: {states:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until all running nodes agree on a leader; returns its number.
    async fn leader(&self) -> usize {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut leaders = Vec::new();
            for number in (0..self.nodes.len()).filter(|&number| self.nodes[number].is_some()) {
                leaders.push(self.status(number).await["leader"].clone());
            }
            let named = leaders[0].as_str().map(|name| name[1..].parse::<usize>().unwrap() - 1);
            if let Some(leader) = named
                && self.nodes[leader].is_some()
                && leaders.iter().all(|other| *other == leaders[0])
            {
                return leader;
            }
            assert!(Instant::now() < deadline, "no leader: {leaders:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn any_node_serves_and_data_outlives_the_nodes() {
    let mut cluster = Cluster::start(3, &[]);
    let follower = (cluster.leader().await + 1) % 3;

    let missing = cluster.call(follower, Method::GET, "/kv/a", "").await;
    assert_eq!(missing, (StatusCode::NOT_FOUND, json!({"value": null})));
    let (status, written) =
        cluster.call(follower, Method::PUT, "/kv/a", r#"{"value":{"n":[1,null]}}"#).await;
    assert_eq!(status, StatusCode::OK);
    let (status, read) = cluster.call(follower, Method::GET, "/kv/a", "").await;
    assert_eq!(status, StatusCode::OK);
    let revision = &written["revision"];
    let expected =
        json!({"value": {"n": [1, null]}, "revision": revision, "created": revision, "version": 1});
    assert_eq!(read, expected);

    let cas = r#"{"expect":{"n":[1,null]},"value":"b"}"#;
    let (status, swapped) = cluster.call(follower, Method::POST, "/kv/a/cas", cas).await;
    assert_eq!(status, StatusCode::OK);
    assert!(swapped["revision"].as_u64() > written["revision"].as_u64());
    let refused = cluster.call(follower, Method::POST, "/kv/a/cas", cas).await;
    let expected = json!({"actual": "b", "revision": swapped["revision"]});
    assert_eq!(refused, (StatusCode::CONFLICT, expected));
    cluster.call(follower, Method::PUT, "/kv/gone%2Fsoon", r#"{"value":1}"#).await;
    let (status, _) = cluster.call(follower, Method::DELETE, "/kv/gone%2Fsoon", "").await;
    assert_eq!(status, StatusCode::OK);

    for number in 0..3 {
        cluster.stop(number).await;
    }
    for number in 0..3 {
        cluster.restart(number);
    }
    cluster.leader().await;
    let (status, read) = cluster.call(0, Method::GET, "/kv/a", "").await;
    assert_eq!((status, &read["value"]), (StatusCode::OK, &json!("b")), "{read}");
    assert_eq!(read["revision"], swapped["revision"]);
    let gone = cluster.call(1, Method::GET, "/kv/gone%2Fsoon", "").await;
    assert_eq!(gone.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_stamped_write_is_applied_once_by_way_of_any_node_and_leader() {
    let mut cluster = Cluster::start(3, &[]);
    let first = cluster.leader().await;
    let (_, registered) = cluster.call((first + 1) % 3, Method::POST, "/session", "").await;
    let session = registered["session"].as_u64().unwrap();
    let append = async |cluster: &Cluster, number: usize, sequence: u64| {
        let url = format!("http://{}/kv/l/append", cluster.addresses[number]);
        let call = cluster.client.post(url).body(format!(r#"{{"value":{sequence}}}"#));
        let call = call
            .header("x-squall-session", session)
            .header("x-squall-sequence", sequence)
            .header("x-squall-lowest", 1);
        let reply = call.send().await.unwrap();
        let (status, text) = (reply.status(), reply.text().await.unwrap());
        assert_eq!(status, StatusCode::OK, "{text}");
        text
    };
    let once = append(&cluster, first, 1).await;
    for number in 0..3 {
        assert_eq!(append(&cluster, number, 1).await, once);
    }
    cluster.stop(first).await;
    let second = cluster.leader().await;
    let third = 3 - first - second;
    assert_eq!(append(&cluster, third, 1).await, once);
    append(&cluster, third, 2).await;
    let (_, read) = cluster.call(second, Method::GET, "/kv/l", "").await;
    assert_eq!(read["value"], json!([1, 2]));

    // All come to the same state.
    cluster.restart(first);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut states = Vec::new();
        for number in 0..3 {
            let status = cluster.status(number).await;
            states.push((status["applied"].clone(), status["digest"].clone()));
        }
        if states.iter().all(|(applied, _)| *applied == states[0].0) {
            assert!(states.iter().all(|state| *state == states[0]), "{states:?}");
            break;
        }
        assert!(Instant::now() < deadline, "{states:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_cluster_goes_on_without_its_leader_but_not_without_a_majority() {
    let mut cluster = Cluster::start(3, &["--operation-timeout-ms=300"]);
    let first = cluster.leader().await;
    cluster.call(first, Method::PUT, "/kv/a", r#"{"value":1}"#).await;
    cluster.stop(first).await;
    let second = cluster.leader().await;
    let (status, read) = cluster.call(second, Method::GET, "/kv/a", "").await;
    assert_eq!((status, &read["value"]), (StatusCode::OK, &json!(1)));

    // The last node cannot commit, says so, and still answers about itself.
    let third = 3 - first - second;
    cluster.stop(third).await;
    let (status, reply) = cluster.call(second, Method::PUT, "/kv/a", r#"{"value":2}"#).await;
    assert_eq!((status, &reply["definite"]), (StatusCode::GATEWAY_TIMEOUT, &json!(false)));
    let (status, reply) = cluster.call(second, Method::GET, "/kv/a", "").await;
    assert_eq!((status, &reply["definite"]), (StatusCode::SERVICE_UNAVAILABLE, &json!(true)));
    let deadline = Instant::now() + PATIENCE;
    while cluster.status(second).await["role"] == "leader" {
        assert!(Instant::now() < deadline, "it goes on claiming to lead");
    }
}

#[tokio::test]
async fn a_node_that_knows_no_leader_refuses_for_good() {
    let mut cluster = Cluster::down(3, &[]);
    cluster.restart(0);
    for (method, body) in [(Method::GET, ""), (Method::PUT, r#"{"value":3}"#)] {
        let (status, reply) = cluster.call(0, method, "/kv/a", body).await;
        assert_eq!((status, &reply["definite"]), (StatusCode::SERVICE_UNAVAILABLE, &json!(true)));
    }
    assert_eq!(cluster.status(0).await["leader"], Value::Null);
}

#[tokio::test]
async fn what_cannot_be_understood_is_refused_for_good() {
    let cluster = Cluster::start(1, &[]);
    cluster.leader().await;
    let large = format!(r#"{{"value":"{}"}}"#, "x".repeat(1 << 20));
    let long = format!("/kv/{}", "k".repeat(513));
    for (method, path, body, expected) in [
        (Method::PUT, "/kv/a", "{", StatusCode::BAD_REQUEST),
        (Method::PUT, "/kv/a", "{}", StatusCode::BAD_REQUEST),
        (Method::POST, "/kv/a/cas", r#"{"value":1}"#, StatusCode::BAD_REQUEST),
        (Method::PUT, "/kv/a", &large, StatusCode::PAYLOAD_TOO_LARGE),
        (Method::GET, "/kv/", "", StatusCode::BAD_REQUEST),
        (Method::GET, "/kv/%ff", "", StatusCode::BAD_REQUEST),
        (Method::GET, "/kv/%00", "", StatusCode::BAD_REQUEST),
        (Method::GET, &long, "", StatusCode::BAD_REQUEST),
        (Method::PATCH, "/kv/a", "", StatusCode::METHOD_NOT_ALLOWED),
        (Method::GET, "/nothing", "", StatusCode::NOT_FOUND),
    ] {
        let (status, reply) = cluster.call(0, method.clone(), path, body).await;
        assert_eq!(status, expected, "{method} {path}: {reply}");
        assert_eq!(reply["definite"], true, "{method} {path}: {reply}");
    }
    let null = cluster.call(0, Method::PUT, "/kv/a", r#"{"value":null}"#).await;
    assert_eq!(null.0, StatusCode::OK);
    let (status, read) = cluster.call(0, Method::GET, "/kv/a", "").await;
    assert_eq!((status, &read["value"]), (StatusCode::OK, &Value::Null));
}

#[tokio::test]
async fn messages_of_strangers_and_for_others_are_refused() {
    let mut cluster = Cluster::down(2, &[]);
    cluster.restart(0);
    let url = format!("http://{}/raft", cluster.addresses[0]);
    let message = |from: &str, to: &str| Message {
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        term: Term(9_999),
        body: Body::Deposed,
    };
    for (body, expected) in [
        (b"garbage".to_vec(), StatusCode::BAD_REQUEST),
        (postcard::to_stdvec(&[message("n3", "n1")][..]).unwrap(), StatusCode::FORBIDDEN),
        (postcard::to_stdvec(&[message("n2", "n2")][..]).unwrap(), StatusCode::FORBIDDEN),
    ] {
        let reply = cluster.client.post(&url).body(body).send().await.unwrap();
        assert_eq!(reply.status(), expected);
        assert!(cluster.status(0).await["term"].as_u64() < Some(9_999));
    }
    let known = postcard::to_stdvec(&[message("n2", "n1")][..]).unwrap();
    let reply = cluster.client.post(&url).body(known).send().await.unwrap();
    assert_eq!(reply.status(), StatusCode::NO_CONTENT);
    let deadline = Instant::now() + PATIENCE;
    while cluster.status(0).await["term"].as_u64() < Some(9_999) {
        assert!(Instant::now() < deadline, "the message was not taken in");
    }
}

#[tokio::test]
async fn an_isolated_leader_that_may_break_the_rules_does() {
    // The others take longer to stop than a leader goes on without them.
    const PLAIN: &str = "--elections=plain";
    let stale_read: &[_] = &["--bug=stale-read", "--operation-timeout-ms=300", PLAIN];
    let ack_before_commit: &[_] = &["--bug=ack-before-commit", "--operation-timeout-ms=300", PLAIN];
    for (bug, flags, write, read) in [
        ("stale-read", stale_read, StatusCode::GATEWAY_TIMEOUT, StatusCode::OK),
        ("ack-before-commit", ack_before_commit, StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE),
    ] {
        let mut cluster = Cluster::start(3, flags);
        let leader = cluster.leader().await;
        assert_eq!(cluster.status(leader).await["bug"], bug);
        cluster.call(leader, Method::PUT, "/kv/a", r#"{"value":1}"#).await;
        for other in (0..3).filter(|&other| other != leader) {
            cluster.stop(other).await;
        }
        let (status, _) = cluster.call(leader, Method::PUT, "/kv/a", r#"{"value":2}"#).await;
        assert_eq!(status, write, "{bug}");
        let (status, _) = cluster.call(leader, Method::GET, "/kv/a", "").await;
        assert_eq!(status, read, "{bug}");
    }
}

#[tokio::test]
async fn a_node_that_missed_what_the_log_no_longer_holds_gets_a_snapshot() {
    let mut cluster = Cluster::start(3, &["--snapshot-entries=20"]);
    let leader = cluster.leader().await;
    let late = (leader + 1) % 3;
    cluster.stop(late).await;
    for value in 0..100 {
        let body = format!(r#"{{"value":{value}}}"#);
        let path = format!("/kv/{}", value % 7);
        assert_eq!(cluster.call(leader, Method::PUT, &path, &body).await.0, StatusCode::OK);
    }
    let (status, taken) = cluster.call(leader, Method::POST, "/admin/snapshot", "").await;
    assert_eq!(status, StatusCode::OK, "{taken}");
    assert!(cluster.status(leader).await["first_index"].as_u64() > Some(50));

    cluster.restart(late);
    cluster.same_state(&[leader, late]).await;
    assert!(cluster.status(late).await["snapshot_index"].as_u64() >= taken["index"].as_u64());
    // All start again from their snapshots and what follows them.
    for number in 0..3 {
        cluster.stop(number).await;
    }
    for number in 0..3 {
        cluster.restart(number);
    }
    let leader = cluster.leader().await;
    let (_, found) = cluster.call(leader, Method::GET, "/kv/1", "").await;
    assert_eq!(found["value"], 99);
    cluster.same_state(&[0, 1, 2]).await;
}

#[tokio::test]
async fn a_leader_that_is_told_to_stop_hands_over_first() {
    let mut cluster = Cluster::start(3, &["--election-ms=3000"]);
    let leader = cluster.leader().await;
    let term = cluster.status(leader).await["term"].as_u64();
    cluster.stop(leader).await;
    let stopped = Instant::now();
    let next = cluster.leader().await;
    assert_eq!(cluster.status(next).await["term"].as_u64(), term.map(|term| term + 1));
    assert!(stopped.elapsed() < Duration::from_secs(3), "an election timeout passed");
}

#[tokio::test]
async fn a_node_is_added_promoted_leads_and_is_removed() {
    let mut cluster = Cluster::down(4, &["--snapshot-entries=20"]);
    for number in 0..3 {
        cluster.restart_among(number, 3, &[]);
    }
    let leader = cluster.leader().await;
    for value in 0..60 {
        let body = format!(r#"{{"value":{value}}}"#);
        assert_eq!(cluster.call(leader, Method::PUT, "/kv/a", &body).await.0, StatusCode::OK);
    }
    cluster.restart_among(3, 4, &["--join"]);
    let added = format!(r#"{{"add":{{"id":"n4","address":"{}"}}}}"#, cluster.addresses[3]);
    cluster.order("/admin/members", &added).await;
    cluster.same_state(&[leader, 3]).await;
    cluster.order("/admin/members", r#"{"promote":"n4"}"#).await;
    let transfer = cluster.call(leader, Method::POST, "/admin/transfer", r#"{"to":"n4"}"#).await;
    assert_eq!(transfer.0, StatusCode::OK, "{}", transfer.1);
    assert_eq!(cluster.leader().await, 3);
    let removed = format!(r#"{{"remove":"n{}"}}"#, leader + 1);
    cluster.order("/admin/members", &removed).await;
    cluster.stop(leader).await;
    let (_, found) = cluster.call(3, Method::GET, "/kv/a", "").await;
    assert_eq!(found["value"], 59);
}

#[tokio::test]
async fn arguments_that_cannot_work_are_refused() {
    let dir = TempDir::new().unwrap();
    let addresses = ["127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let twice = args(dir.path(), 0, &addresses, &["--peer=n2=127.0.0.1:3"]);
    let refused = serve(twice, listener, std::future::pending()).await;
    let error = refused.unwrap_err();
    assert!(matches!(error, NodeError::NamedTwice(_)), "{error:?}");
    assert!(error.to_string().starts_with("start the node: n2 is named twice"), "{error}");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hasty = args(dir.path(), 0, &addresses, &["--election-ms=60"]);
    let refused = serve(hasty, listener, std::future::pending()).await;
    let error = refused.unwrap_err();
    assert!(matches!(error, NodeError::Timing { .. }), "{error:?}");
    assert!(error.to_string().starts_with("start the node: --election-ms 60 "), "{error}");
}
