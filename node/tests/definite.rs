//! When a failed operation may be called definite: one real node, whose peers
//! are played by the test, so that a write is lost exactly where a test says.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use clap::Parser;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use squall_node::raft::{
    Body, Entry, LogIndex, Message, NodeId, Payload, Position, Term, VoteReply,
};
use squall_node::{NodeArgs, serve};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Time for anything a test waits for; generous, for machines are busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// Beyond all patience: what is answered was not answered for being late.
const NO_TIMEOUT: &str = "--operation-timeout-ms=600000";

/// The node never stands for election within a test.
const NO_ELECTION: &str = "--election-ms=60000";

/// The node goes on leading although its peers are played by someone who says
/// nothing of his own accord.
const NO_QUORUM_CHECK: &str = "--elections=plain";

#[derive(Parser)]
struct Args {
    #[command(flatten)]
    node: NodeArgs,
}

/// The node n1 among the played peers n2 and n3.
struct Node {
    address: SocketAddr,
    client: Client,
    /// What the node says to its peers.
    said: mpsc::UnboundedReceiver<Message>,
    /// Operations passed on to a peer: read to their end and not answered.
    forwarded: mpsc::UnboundedReceiver<(String, TcpStream)>,
    _dir: TempDir,
    /// Stops the node when dropped.
    _running: oneshot::Sender<()>,
}

type Reply = (StatusCode, Value);

impl Node {
    async fn start(flags: &[&str]) -> Self {
        let n2 = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = n2.local_addr().unwrap();
        Self::start_with(flags, address, Some(n2)).await
    }

    /// Starts the node; without a listener nobody plays n2.
    async fn start_with(flags: &[&str], n2: SocketAddr, listener: Option<TcpListener>) -> Self {
        let (say, said) = mpsc::unbounded_channel();
        let (forward, forwarded) = mpsc::unbounded_channel();
        let n3 = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peers = [format!("--peer=n2={n2}"), format!("--peer=n3={}", n3.local_addr().unwrap())];
        for listener in listener.into_iter().chain([n3]) {
            tokio::spawn(play(listener, say.clone(), forward.clone()));
        }
        let dir = TempDir::new().unwrap();
        let data = dir.path().to_str().unwrap();
        let words = ["node", "--id=n1", "--listen=127.0.0.1:0", "--data", data].into_iter();
        let words = words.chain(peers.iter().map(String::as_str)).chain(flags.iter().copied());
        let args = Args::parse_from(words).node;
        let listener = TcpListener::bind(args.listen).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (running, stopped) = oneshot::channel::<()>();
        tokio::spawn(serve(args, listener, async move {
            let _ = stopped.await;
        }));
        let client = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Self { address, client, said, forwarded, _dir: dir, _running: running }
    }

    /// Starts an operation on the key `a`.
    fn call(&self, method: Method) -> JoinHandle<Reply> {
        let url = format!("http://{}/kv/a", self.address);
        let body = if method == Method::PUT { r#"{"value":1}"# } else { "" };
        let sending = self.client.request(method, url).body(body).send();
        tokio::spawn(async {
            let reply = sending.await.unwrap();
            (reply.status(), serde_json::from_str(&reply.text().await.unwrap()).unwrap())
        })
    }

    /// Hands the node messages, all of which it takes in before it acts.
    async fn tell(&self, messages: &[Message]) {
        let url = format!("http://{}/raft", self.address);
        let body = postcard::to_stdvec(messages).unwrap();
        let reply = self.client.post(url).body(body).send().await.unwrap();
        assert_eq!(reply.status(), StatusCode::NO_CONTENT);
    }

    async fn wait_for_status(&self, field: &str, expected: Value) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let url = format!("http://{}/status", self.address);
            let text = self.client.get(url).send().await.unwrap().text().await.unwrap();
            let status: Value = serde_json::from_str(&text).unwrap();
            if status[field] == expected {
                return;
            }
            assert!(Instant::now() < deadline, "{field} is not {expected}: {status}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Makes the node follow `leader`.
    async fn follow(&self, leader: &str, term: Term) {
        let body = Body::Heartbeat { commit: LogIndex::ZERO, round: 0 };
        self.tell(&[message(leader, term, body)]).await;
        self.wait_for_status("leader", json!(leader)).await;
    }

    /// Elects the node, with n2's vote and before it n2's word; returns its term.
    async fn lead(&mut self) -> Term {
        loop {
            let said = tokio::time::timeout(PATIENCE, self.said.recv()).await.unwrap().unwrap();
            match said.body {
                Body::PreVoteRequest { term, .. } => {
                    let body = Body::PreVoteReply { term, reply: VoteReply::Granted };
                    self.tell(&[message("n2", said.term, body)]).await;
                }
                Body::VoteRequest { .. } => {
                    let granted = Body::VoteReply(VoteReply::Granted);
                    self.tell(&[message("n2", said.term, granted)]).await;
                }
                Body::Append { .. } => return said.term,
                other => assert!(matches!(other, Body::Heartbeat { .. }), "{other:?}"),
            }
        }
    }

    /// Waits for an operation passed on to a peer.
    async fn forwarded(&mut self) -> (String, TcpStream) {
        tokio::time::timeout(PATIENCE, self.forwarded.recv()).await.unwrap().unwrap()
    }
}

fn message(from: &str, term: Term, body: Body) -> Message {
    let name = |name: &str| name.parse::<NodeId>().unwrap();
    Message { from: name(from), to: name("n1"), term, body }
}

/// Plays a peer that hears everything and says nothing.
async fn play(
    listener: TcpListener,
    say: mpsc::UnboundedSender<Message>,
    forward: mpsc::UnboundedSender<(String, TcpStream)>,
) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (say, forward) = (say.clone(), forward.clone());
        tokio::spawn(async move {
            while let Some((head, body)) = read_request(&mut stream).await {
                if !head.starts_with("POST /raft ") {
                    // The test may have ended.
                    let _ = forward.send((head, stream));
                    return;
                }
                for message in postcard::from_bytes::<Vec<Message>>(&body).unwrap() {
                    let _ = say.send(message);
                }
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
            }
        });
    }
}

/// Reads one request with its body, or nothing if the connection ends.
async fn read_request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, body))
}

/// The first entry of the leader n3 of the next term, after `prev`.
fn append(prev: Position, term: Term, commit: u64) -> Body {
    let position = Position { term, index: prev.index.next() };
    let entries = vec![Entry { position, payload: Payload::Noop }];
    Body::Append { prev, entries, commit: LogIndex(commit) }
}

fn unknown() -> (StatusCode, Value) {
    (StatusCode::GATEWAY_TIMEOUT, json!(false))
}

/// What becomes of a write, the second entry of n1's lead, when n3 takes over
/// with the message that `body` makes of n1's term.
async fn taken_over(body: impl Fn(Term) -> Body) -> Reply {
    let mut node = Node::start(&[NO_TIMEOUT, NO_QUORUM_CHECK]).await;
    let term = node.lead().await;
    let write = node.call(Method::PUT);
    node.wait_for_status("last_index", json!(2)).await;
    assert!(!write.is_finished());
    node.tell(&[message("n3", term.next(), body(term))]).await;
    write.await.unwrap()
}

fn at(term: Term, index: u64) -> Position {
    Position { term, index: LogIndex(index) }
}

#[tokio::test]
async fn a_write_replaced_by_a_committed_entry_has_failed_for_good() {
    let (status, reply) = taken_over(|term| append(at(term, 1), term.next(), 2)).await;
    assert_eq!((status, &reply["definite"]), (StatusCode::SERVICE_UNAVAILABLE, &json!(true)));
}

#[tokio::test]
async fn a_write_replaced_by_an_entry_not_yet_committed_may_come_back() {
    // Whoever else holds the write may still be elected.
    let (status, reply) = taken_over(|term| append(at(term, 1), term.next(), 1)).await;
    assert_eq!((status, reply["definite"].clone()), unknown(), "{reply}");
}

#[tokio::test]
async fn a_write_that_the_next_leader_commits_has_succeeded() {
    let (status, reply) = taken_over(|term| append(at(term, 2), term.next(), 3)).await;
    assert_eq!((status, reply), (StatusCode::OK, json!({"revision": 2})));
}

#[tokio::test]
async fn a_write_whose_leader_is_deposed_is_answered_at_once() {
    let (status, reply) = taken_over(|_| Body::Deposed).await;
    assert_eq!((status, reply["definite"].clone()), unknown(), "{reply}");
}

#[tokio::test]
async fn a_leader_that_nobody_answers_steps_down_and_says_what_it_does_not_know() {
    let mut node = Node::start(&[NO_TIMEOUT, "--election-ms=1000"]).await;
    let term = node.lead().await;
    let (write, read) = (node.call(Method::PUT), node.call(Method::GET));
    let (status, reply) = write.await.unwrap();
    assert_eq!((status, reply["definite"].clone()), unknown(), "{reply}");
    let (status, reply) = read.await.unwrap();
    assert_eq!((status, &reply["definite"]), (StatusCode::SERVICE_UNAVAILABLE, &json!(true)));
    node.wait_for_status("term", json!(term)).await;
}

#[tokio::test]
async fn a_forwarded_operation_whose_connection_dies_may_have_taken_effect() {
    let mut node = Node::start(&[NO_TIMEOUT, NO_ELECTION]).await;
    node.follow("n2", Term(5)).await;
    for (method, definite) in [(Method::PUT, false), (Method::DELETE, false), (Method::GET, true)] {
        let operation = node.call(method.clone());
        let (head, stream) = node.forwarded().await;
        assert!(head.contains("x-squall-forwarded-by: n1"), "{head}");
        drop(stream);
        let (status, reply) = operation.await.unwrap();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{method}: {reply}");
        assert_eq!(reply["definite"], definite, "{method}: {reply}");
    }
}

#[tokio::test]
async fn a_forwarded_operation_is_given_up_when_the_leader_changes() {
    let mut node = Node::start(&[NO_TIMEOUT, NO_ELECTION]).await;
    for (round, (method, definite)) in
        (0..).zip([(Method::PUT, false), (Method::DELETE, false), (Method::GET, true)])
    {
        node.follow("n2", Term(5 + 2 * round)).await;
        let operation = node.call(method.clone());
        let _unanswered = node.forwarded().await;
        assert!(!operation.is_finished());
        node.follow("n3", Term(6 + 2 * round)).await;
        let (status, reply) = operation.await.unwrap();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{method}: {reply}");
        assert_eq!(reply["definite"], definite, "{method}: {reply}");
        assert!(reply["error"].as_str().unwrap().contains("n2 stopped leading"), "{reply}");
    }
}

#[tokio::test]
async fn a_forwarded_operation_that_nobody_answers_may_have_taken_effect() {
    let mut node = Node::start(&["--operation-timeout-ms=10", NO_ELECTION]).await;
    node.follow("n2", Term(5)).await;
    for (method, definite) in [(Method::PUT, false), (Method::GET, true)] {
        let operation = node.call(method.clone());
        let _unanswered = node.forwarded().await;
        let (status, reply) = operation.await.unwrap();
        assert_eq!(status, StatusCode::GATEWAY_TIMEOUT, "{method}: {reply}");
        assert_eq!(reply["definite"], definite, "{method}: {reply}");
    }
}

#[tokio::test]
async fn an_operation_that_could_not_be_forwarded_has_failed_for_good() {
    // Bound, so that nobody else gets the port, and not listening.
    let n2 = TcpSocket::new_v4().unwrap();
    n2.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let node = Node::start_with(&[NO_TIMEOUT, NO_ELECTION], n2.local_addr().unwrap(), None).await;
    node.follow("n2", Term(5)).await;
    for method in [Method::PUT, Method::DELETE, Method::GET] {
        let (status, reply) = node.call(method.clone()).await.unwrap();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{method}: {reply}");
        assert_eq!(reply["definite"], true, "{method}: {reply}");
    }
}
