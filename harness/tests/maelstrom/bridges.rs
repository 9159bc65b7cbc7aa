//! Single bridges, and what they make of nodes that behave badly.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::programs::{self, INIT_OK};

const WITHIN: Duration = Duration::from_secs(20);

/// A running bridge; killed when it is dropped.
struct Bridge {
    process: Child,
    address: SocketAddr,
    folder: TempDir,
    http: Client,
}

impl Drop for Bridge {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Bridge {
    fn start(command: &[String]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = free.expect("a free port");
        let process = spawn(address, folder.path(), command);
        Self { process, address, folder, http: Client::new() }
    }

    /// Kills it, whatever it does, and starts it again in the same place.
    async fn restart(&mut self, command: &[String]) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it is ours");
        self.process = spawn(self.address, self.folder.path(), command);
        self.wait_until_ready().await;
    }

    async fn ready(command: &[String]) -> Self {
        let bridge = Self::start(command);
        bridge.wait_until_ready().await;
        bridge
    }

    async fn wait_until_ready(&self) {
        let deadline = Instant::now() + WITHIN;
        while self.status().await.is_none_or(|(status, _)| status != StatusCode::OK) {
            assert!(Instant::now() < deadline, "not ready: {}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn status(&self) -> Option<(StatusCode, Value)> {
        let reply = self.http.get(format!("http://{}/status", self.address));
        let reply = reply.timeout(Duration::from_secs(5)).send().await.ok()?;
        Some((reply.status(), reply.json().await.ok()?))
    }

    async fn clients_waiting(&self) -> u64 {
        let (_, status) = self.status().await.expect("the bridge answers");
        status["clients_waiting"].as_u64().expect("a count")
    }

    async fn ask(&self, body: &Value) -> (StatusCode, Value) {
        let reply = self.http.post(format!("http://{}/rpc", self.address)).json(body);
        let reply = reply.timeout(WITHIN).send().await.expect("a reply");
        (reply.status(), reply.json().await.expect("JSON"))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).expect("it was made")
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.process.id()).expect("a process id"))
    }

    /// The process of the node.
    fn node(&self) -> Pid {
        let pid = self.process.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children = children.expect("the bridge runs");
        Pid::from_raw(children.trim().parse().expect("one child"))
    }
}

fn spawn(address: SocketAddr, folder: &Path, command: &[String]) -> Child {
    let log = fs::File::options().create(true).append(true).open(folder.join("log"));
    Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(["maelstrom-node", "--name", "n1", "--listen", &address.to_string(), "--data"])
        .arg(folder.join("data"))
        .arg("--")
        .args(command)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log.expect("a writable folder"))
        .spawn()
        .expect("the binary runs")
}

/// Polls until `condition` holds.
async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + WITHIN;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within {WITHIN:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether the process is gone, or only waits for somebody to reap it.
fn is_dead(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('Z'))
}

fn raft() -> Vec<String> {
    vec![programs::raft().to_str().expect("a plain path").to_owned()]
}

#[tokio::test]
async fn garbage_is_quoted_and_the_node_goes_on() {
    let then = format!(
        r#"{INIT_OK}
        echo 'listening on stdin'
        echo '{{"src":"n1","dest":"n2"}}'
        echo '{{"src":"n1","dest":"n9","body":{{}}}}'
        printf 'x%.0s' $(seq 1 500); echo
        ask; answer '"type":"read_ok","value":5'; ask"#
    );
    let bridge = Bridge::ready(&programs::script(&then)).await;
    let (status, reply) = bridge.ask(&json!({ "type": "read", "key": "k" })).await;
    assert_eq!((status, &reply["value"]), (StatusCode::OK, &json!(5)));
    let log = bridge.log();
    let quotes = |what: &str| log.lines().any(|line| line.contains("n1 ") && line.contains(what));
    assert!(quotes("is not JSON: listening on stdin"), "{log}");
    assert!(quotes("is no message") && quotes("is for nobody there is"), "{log}");
    assert!(log.contains("xxx...") && !log.contains(&"x".repeat(300)), "{log}");
    let (_, status) = bridge.status().await.expect("it answers");
    assert_eq!(status["messages"]["misdirected"], 4);
}

#[tokio::test]
async fn services_are_refused_in_words() {
    let then = format!(
        r#"{INIT_OK}
        echo '{{"src":"n1","dest":"lin-kv","body":{{"type":"read","key":1,"msg_id":7}}}}'
        ask; refusal=$(printf '%s' "$message" | sed 's/.*"code":\([0-9]*\).*/\1/')
        ask; answer "\"type\":\"read_ok\",\"value\":$refusal"; ask"#
    );
    let bridge = Bridge::ready(&programs::script(&then)).await;
    let (_, reply) = bridge.ask(&json!({ "type": "read", "key": "k" })).await;
    assert_eq!(reply["value"], 10);
    assert!(bridge.log().contains("service `lin-kv`, and Squall offers none"), "{}", bridge.log());
}

#[tokio::test]
async fn nobody_is_let_through_before_init_is_answered() {
    let bridge = Bridge::start(&programs::script("ask"));
    let deadline = Instant::now() + WITHIN;
    while bridge.status().await.is_none() {
        assert!(Instant::now() < deadline, "it does not listen: {}", bridge.log());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (status, reply) = bridge.ask(&json!({ "type": "read", "key": "k" })).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(reply, json!({ "not_delivered": "the node has not answered init yet" }));
    eventually("it is remarked on", || bridge.log().contains("n1 has not answered `init`")).await;
}

#[tokio::test]
async fn a_stopped_node_blocks_neither_the_bridge_nor_those_who_give_up() {
    let bridge = Bridge::ready(&raft()).await;
    let write = |value: usize| json!({ "type": "write", "key": "k", "value": value });
    eventually_written(&bridge, &write(0)).await;
    kill(bridge.node(), Signal::SIGSTOP).expect("it runs");
    let given_up = json!({ "type": "write", "key": "k", "value": "x".repeat(1 << 20) });
    for _ in 0..10 {
        let asked = bridge.http.post(format!("http://{}/rpc", bridge.address)).json(&given_up);
        let reply = asked.timeout(Duration::from_millis(50)).send().await;
        assert!(reply.is_err_and(|error| error.is_timeout()), "a stopped node answered");
    }
    let deadline = Instant::now() + WITHIN;
    while bridge.clients_waiting().await > 0 {
        assert!(Instant::now() < deadline, "those who gave up are still waited for");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    kill(bridge.node(), Signal::SIGCONT).expect("it runs");
    eventually_written(&bridge, &write(1)).await;
}

/// Writes until it is acknowledged: there may be no leader yet.
async fn eventually_written(bridge: &Bridge, body: &Value) {
    let deadline = Instant::now() + WITHIN;
    while bridge.ask(body).await.1["type"] != "write_ok" {
        assert!(Instant::now() < deadline, "nothing is written: {}", bridge.log());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn bridge_and_node_end_together_whoever_goes_first() {
    let mut bridge = Bridge::ready(&raft()).await;
    let node = bridge.node();
    kill(bridge.pid(), Signal::SIGTERM).expect("it runs");
    let ended = bridge.process.wait().expect("it is ours");
    assert!(ended.success() && is_dead(node), "{ended}");

    let mut bridge = Bridge::ready(&raft()).await;
    let node = bridge.node();
    bridge.process.kill().expect("it runs");
    bridge.process.wait().expect("it is ours");
    eventually("the node dies with its bridge", || is_dead(node)).await;

    let mut bridge = Bridge::ready(&raft()).await;
    kill(bridge.node(), Signal::SIGKILL).expect("it runs");
    let ended = bridge.process.wait().expect("it is ours");
    assert_eq!(ended.code(), Some(12));
    assert!(bridge.log().contains("keep n1 running"), "{}", bridge.log());
}

#[tokio::test]
async fn what_a_node_wrote_to_its_directory_is_there_after_a_kill() {
    let mut bridge = Bridge::ready(&raft()).await;
    eventually_written(&bridge, &json!({ "type": "write", "key": 1, "value": [2] })).await;
    bridge.restart(&raft()).await;
    let read = json!({ "type": "read", "key": 1 });
    let deadline = Instant::now() + WITHIN;
    let value = loop {
        let (_, reply) = bridge.ask(&read).await;
        match reply["code"].as_u64() {
            // It has yet to elect itself.
            Some(11) => assert!(Instant::now() < deadline, "nothing is read: {}", bridge.log()),
            _ => break reply["value"].clone(),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(value, json!([2]));
}
