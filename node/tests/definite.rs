//! When a failed operation may be called definite, and when it is tried again: one
//! real node, whose peers are played by the test, so that an operation is lost
//! exactly where a test says.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use clap::Parser;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use squall_node::machine::{Command, Outcome, SessionId, Stamp};
use squall_node::raft::{
    AppendReply, Body, Entry, LogIndex, Message, NodeId, Payload, Position, Term, VoteReply,
};
use squall_node::{Answer, NodeArgs, Operation, Passed, WhyRefused, serve};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Time for anything a test waits for; generous, for machines are busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// Beyond all patience: what is answered was not answered for being late.
const NO_TIMEOUT: &str = "--operation-timeout-ms=600000";

/// Long enough for some attempts.
const SHORT_TIMEOUT: &str = "--operation-timeout-ms=300";

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
    forwarded: mpsc::UnboundedReceiver<Forwarded>,
    _dir: TempDir,
    /// Stops the node when dropped.
    _running: oneshot::Sender<()>,
}

type Reply = (StatusCode, Value);

/// Operations that came together, and the connection on which their answers go back.
struct Forwarded {
    operations: Vec<Operation>,
    stream: TcpStream,
}

impl Forwarded {
    /// Answers each operation.
    async fn answer(mut self, answer: impl Fn(&Operation) -> Answer) {
        let answers: Vec<_> = self.operations.iter().map(answer).collect();
        let body = postcard::to_stdvec(&answers).unwrap();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        // The node may have given it up meanwhile.
        let _ = self.stream.write_all(&[head.as_bytes(), &body].concat()).await;
    }
}

fn is_registration(operation: &Operation) -> bool {
    matches!(operation, Operation::Write { command: Command::RegisterSession })
}

fn stamp_of(operation: &Operation) -> Option<Stamp> {
    match operation {
        Operation::Write { command: Command::Stamped(stamp, _) } => Some(*stamp),
        _ => None,
    }
}

fn written(revision: u64) -> Answer {
    Answer::Applied(Outcome::Written { revision: LogIndex(revision), sum: None })
}

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
        self.lead_with("n2").await
    }

    async fn lead_with(&mut self, voter: &str) -> Term {
        loop {
            let said = tokio::time::timeout(PATIENCE, self.said.recv()).await.unwrap().unwrap();
            match said.body {
                Body::PreVoteRequest { term, .. } => {
                    let body = Body::PreVoteReply { term, reply: VoteReply::Granted };
                    self.tell(&[message(voter, said.term, body)]).await;
                }
                Body::VoteRequest { .. } => {
                    let granted = Body::VoteReply(VoteReply::Granted);
                    self.tell(&[message(voter, said.term, granted)]).await;
                }
                Body::Append { .. } => return said.term,
                _ => {}
            }
        }
    }

    /// Waits for operations passed on to a peer.
    async fn any_forwarded(&mut self) -> Forwarded {
        tokio::time::timeout(PATIENCE, self.forwarded.recv()).await.unwrap().unwrap()
    }

    /// Waits for an operation of a client; the node gets no session meanwhile.
    async fn forwarded(&mut self) -> Forwarded {
        loop {
            let forwarded = self.any_forwarded().await;
            if !forwarded.operations.iter().all(is_registration) {
                return forwarded;
            }
            forwarded.answer(|_| Answer::Refused(WhyRefused::Overloaded)).await;
        }
    }

    /// Lets the node, which follows a played peer, have a session.
    async fn give_session(&mut self, session: SessionId) {
        let write = self.call(Method::PUT);
        let mut registered = false;
        while !registered || !write.is_finished() {
            let forwarded = self.any_forwarded().await;
            registered |= forwarded.operations.iter().any(is_registration);
            let answer = |operation: &Operation| match is_registration(operation) {
                true => Answer::Applied(Outcome::Registered(session)),
                false => written(1),
            };
            let last = registered && !forwarded.operations.iter().all(is_registration);
            forwarded.answer(answer).await;
            if last || (registered && write.is_finished()) {
                break;
            }
        }
        assert_eq!(write.await.unwrap().0, StatusCode::OK);
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
    forward: mpsc::UnboundedSender<Forwarded>,
) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (say, forward) = (say.clone(), forward.clone());
        tokio::spawn(async move {
            while let Some((head, body)) = read_request(&mut stream).await {
                if head.starts_with("POST /forward ") {
                    // The test may have ended.
                    let _ = forward.send(Forwarded { operations: operations(&body), stream });
                    return;
                }
                assert!(head.starts_with("POST /raft "), "{head}");
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

/// Reads operations that follow each other without a word between them.
fn operations(mut body: &[u8]) -> Vec<Operation> {
    let mut operations = Vec::new();
    while !body.is_empty() {
        let (passed, rest): (Passed, _) = postcard::take_from_bytes(body).unwrap();
        operations.push(passed.operation);
        body = rest;
    }
    operations
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

/// A write, the second entry of n1's lead, when n3 takes over with the message that
/// `body` makes of n1's term.
async fn taken_over(flags: &[&str], body: impl Fn(Term) -> Body) -> (Node, JoinHandle<Reply>) {
    let mut node = Node::start(&[&[NO_QUORUM_CHECK], flags].concat()).await;
    let term = node.lead().await;
    let write = node.call(Method::PUT);
    // The third registers the session that the node wants from then on.
    node.wait_for_status("last_index", json!(3)).await;
    assert!(!write.is_finished());
    node.tell(&[message("n3", term.next(), body(term))]).await;
    (node, write)
}

fn at(term: Term, index: u64) -> Position {
    Position { term, index: LogIndex(index) }
}

#[tokio::test]
async fn a_write_replaced_by_a_committed_entry_is_tried_again_at_the_next_leader() {
    let replace = |term: Term| append(at(term, 1), term.next(), 2);
    let (mut node, write) = taken_over(&[NO_TIMEOUT], replace).await;
    node.forwarded().await.answer(|_| written(9)).await;
    assert_eq!(write.await.unwrap(), (StatusCode::OK, json!({"revision": 9})));
}

#[tokio::test]
async fn a_write_that_every_leader_refused_has_failed_for_good() {
    let replace = |term: Term| append(at(term, 1), term.next(), 2);
    let (mut node, write) = taken_over(&[SHORT_TIMEOUT], replace).await;
    while !write.is_finished() {
        if let Ok(Some(forwarded)) =
            tokio::time::timeout(Duration::from_millis(50), node.forwarded.recv()).await
        {
            forwarded.answer(|_| Answer::Refused(WhyRefused::NotLeader)).await;
        }
    }
    let (status, reply) = write.await.unwrap();
    assert_eq!((status, &reply["definite"]), (StatusCode::SERVICE_UNAVAILABLE, &json!(true)));
}

#[tokio::test]
async fn a_write_replaced_by_an_entry_not_yet_committed_may_come_back() {
    // Whoever else holds the write may still be elected.
    let replace = |term: Term| append(at(term, 1), term.next(), 1);
    let (_node, write) = taken_over(&[NO_TIMEOUT], replace).await;
    let (status, reply) = write.await.unwrap();
    assert_eq!((status, reply["definite"].clone()), unknown(), "{reply}");
}

#[tokio::test]
async fn a_write_that_the_next_leader_commits_has_succeeded() {
    let commit = |term: Term| append(at(term, 3), term.next(), 4);
    let (_node, write) = taken_over(&[NO_TIMEOUT], commit).await;
    assert_eq!(write.await.unwrap(), (StatusCode::OK, json!({"revision": 2})));
}

#[tokio::test]
async fn a_write_without_a_session_is_answered_at_once_when_its_leader_is_deposed() {
    let (_node, write) = taken_over(&[NO_TIMEOUT], |_| Body::Deposed).await;
    let (status, reply) = write.await.unwrap();
    assert_eq!((status, reply["definite"].clone()), unknown(), "{reply}");
}

#[tokio::test]
async fn a_leader_that_nobody_answers_steps_down_and_says_what_it_does_not_know() {
    let flags = ["--operation-timeout-ms=4000", "--election-ms=1000"];
    let mut node = Node::start(&flags).await;
    let term = node.lead().await;
    let (write, read) = (node.call(Method::PUT), node.call(Method::GET));
    let (status, reply) = write.await.unwrap();
    assert_eq!((status, reply["definite"].clone()), unknown(), "{reply}");
    // Nobody leads from now on.
    let (status, reply) = read.await.unwrap();
    assert_eq!((status, &reply["definite"]), (StatusCode::SERVICE_UNAVAILABLE, &json!(true)));
    node.wait_for_status("term", json!(term)).await;
}

#[tokio::test]
async fn a_forwarded_write_without_a_session_may_have_taken_effect_when_its_connection_dies() {
    let mut node = Node::start(&[NO_TIMEOUT, NO_ELECTION]).await;
    node.follow("n2", Term(5)).await;
    for method in [Method::PUT, Method::DELETE] {
        let operation = node.call(method.clone());
        drop(node.forwarded().await);
        let (status, reply) = operation.await.unwrap();
        assert_eq!((status, reply["definite"].clone()), unknown(), "{method}: {reply}");
    }
}

#[tokio::test]
async fn a_read_is_tried_again_however_it_was_lost() {
    let mut node = Node::start(&[NO_TIMEOUT, NO_ELECTION]).await;
    node.follow("n2", Term(5)).await;
    let read = node.call(Method::GET);
    drop(node.forwarded().await);
    let unanswered = node.forwarded().await;
    node.follow("n3", Term(6)).await;
    node.forwarded().await.answer(|_| Answer::Missing).await;
    assert_eq!(read.await.unwrap(), (StatusCode::NOT_FOUND, json!({"value": null})));
    drop(unanswered);
}

#[tokio::test]
async fn a_forwarded_write_without_a_session_is_given_up_when_the_leader_changes() {
    let mut node = Node::start(&[NO_TIMEOUT, NO_ELECTION]).await;
    for (round, method) in (0..).zip([Method::PUT, Method::DELETE]) {
        node.follow("n2", Term(5 + 2 * round)).await;
        let operation = node.call(method.clone());
        let _unanswered = node.forwarded().await;
        assert!(!operation.is_finished());
        node.follow("n3", Term(6 + 2 * round)).await;
        let (status, reply) = operation.await.unwrap();
        assert_eq!((status, reply["definite"].clone()), unknown(), "{method}: {reply}");
    }
}

#[tokio::test]
async fn an_operation_that_nobody_answers_is_definite_only_if_it_changes_nothing() {
    let mut node = Node::start(&["--operation-timeout-ms=10", NO_ELECTION]).await;
    node.follow("n2", Term(5)).await;
    for (method, definite) in [(Method::PUT, false), (Method::GET, true)] {
        let operation = node.call(method.clone());
        let _unanswered = node.any_forwarded().await;
        let (_, reply) = operation.await.unwrap();
        assert_eq!(reply["definite"], definite, "{method}: {reply}");
    }
}

#[tokio::test]
async fn an_operation_that_could_not_be_forwarded_has_failed_for_good() {
    // Bound, so that nobody else gets the port, and not listening.
    let n2 = TcpSocket::new_v4().unwrap();
    n2.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let flags = [SHORT_TIMEOUT, NO_ELECTION];
    let node = Node::start_with(&flags, n2.local_addr().unwrap(), None).await;
    node.follow("n2", Term(5)).await;
    for method in [Method::PUT, Method::DELETE, Method::GET] {
        let (status, reply) = node.call(method.clone()).await.unwrap();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{method}: {reply}");
        assert_eq!(reply["definite"], true, "{method}: {reply}");
    }
}

#[tokio::test]
async fn a_stamped_write_is_tried_again_with_the_same_stamp() {
    let mut node = Node::start(&[NO_TIMEOUT, NO_ELECTION]).await;
    node.follow("n2", Term(5)).await;
    node.give_session(SessionId(7)).await;
    let write = node.call(Method::PUT);
    let first = node.forwarded().await;
    let stamp = stamp_of(&first.operations[0]).unwrap();
    assert_eq!(stamp.session, SessionId(7));
    drop(first);
    let second = node.forwarded().await;
    assert_eq!(stamp_of(&second.operations[0]), Some(stamp));
    node.follow("n3", Term(6)).await;
    let third = node.forwarded().await;
    assert_eq!(stamp_of(&third.operations[0]), Some(stamp));
    third.answer(|_| written(8)).await;
    assert_eq!(write.await.unwrap(), (StatusCode::OK, json!({"revision": 8})));
}

#[tokio::test]
async fn a_stamped_write_once_lost_stays_unknown_whatever_later_leaders_refuse() {
    for refusal in [
        Answer::Refused(WhyRefused::Overloaded),
        Answer::Applied(Outcome::SessionUnknown),
        Answer::Applied(Outcome::OutcomeForgotten),
    ] {
        let mut node = Node::start(&[NO_TIMEOUT, NO_ELECTION]).await;
        node.follow("n2", Term(5)).await;
        node.give_session(SessionId(7)).await;
        let write = node.call(Method::PUT);
        drop(node.forwarded().await);
        node.forwarded().await.answer(|_| refusal.clone()).await;
        let (status, reply) = write.await.unwrap();
        assert_eq!((status, reply["definite"].clone()), unknown(), "{refusal:?}: {reply}");
    }
}

#[tokio::test]
async fn a_write_whose_session_is_gone_is_tried_again_without() {
    let mut node = Node::start(&[NO_TIMEOUT, NO_ELECTION]).await;
    node.follow("n2", Term(5)).await;
    node.give_session(SessionId(7)).await;
    let write = node.call(Method::PUT);
    let first = node.forwarded().await;
    assert!(stamp_of(&first.operations[0]).is_some());
    first.answer(|_| Answer::Applied(Outcome::SessionUnknown)).await;
    let second = node.forwarded().await;
    assert_eq!(stamp_of(&second.operations[0]), None);
    second.answer(|_| written(8)).await;
    assert_eq!(write.await.unwrap(), (StatusCode::OK, json!({"revision": 8})));
}

/// What a client is told of a write that the leader n2 put into the log before it
/// was lost, and that n1, which leads after it, tries again.
async fn applied_by_the_first_leader(flags: &[&str]) -> Reply {
    let flags = [&[NO_TIMEOUT, NO_QUORUM_CHECK, "--election-ms=2000"], flags].concat();
    let mut node = Node::start(&flags).await;
    let term = Term(50);
    node.follow("n2", term).await;
    node.give_session(SessionId(2)).await;
    let write = node.call(Method::PUT);
    let first = node.forwarded().await;
    let Operation::Write { command } = first.operations[0].clone() else { panic!("a read") };
    let Command::Stamped(stamp, _) = command else { panic!("{command:?} has no stamp") };
    let payloads =
        [Payload::Noop, command_entry(&Command::RegisterSession), command_entry(&command)];
    let entries = (1..).zip(payloads).map(|(index, payload)| {
        let position = at(term, index);
        Entry { position, payload }
    });
    let append =
        Body::Append { prev: Position::default(), entries: entries.collect(), commit: LogIndex(3) };
    node.tell(&[message("n2", term, append)]).await;
    node.wait_for_status("applied", json!(3)).await;
    assert_eq!(stamp.session, SessionId(2));
    drop(first);

    // n2 is silent now; n1 stands for election and n3 follows it.
    let lead = node.lead_with("n3").await;
    node.wait_for_status("last_index", json!(5)).await;
    let accepted = Body::AppendReply(AppendReply::Accepted { matched: LogIndex(5) });
    node.tell(&[message("n3", lead, accepted)]).await;
    write.await.unwrap()
}

fn command_entry(command: &Command) -> Payload {
    Payload::Command(command.encode())
}

#[tokio::test]
async fn a_write_applied_by_the_first_leader_has_its_first_outcome() {
    let reply = applied_by_the_first_leader(&[]).await;
    assert_eq!(reply, (StatusCode::OK, json!({"revision": 3})));
}

#[tokio::test]
async fn a_write_applied_by_the_first_leader_is_applied_again_by_a_planted_bug() {
    let reply = applied_by_the_first_leader(&["--bug=double-apply"]).await;
    assert_eq!(reply, (StatusCode::OK, json!({"revision": 5})));
}
