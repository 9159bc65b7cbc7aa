//! One client: its sessions, what it asks of them, and what the answers prove.
//!
//! The crate `zookeeper-client` sends nothing twice and fails what was under way when a
//! connection is lost, but it connects again by itself, and what it is handed meanwhile waits
//! for the next connection. So an operation ends with its connection, a session that is not
//! connected is replaced, and one whose operation was given up is not used again. Its methods
//! send as soon as they are called, not when they are first polled.

use std::{net::SocketAddr, time::Duration};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use squall_workloads::Invocation;
use zookeeper_client::{Client as Session, Error, SessionState, Stat};

use super::{
    super::keyed::{self, Asked},
    ROOT, Reads, lasting,
};
use crate::system::{BoxFuture, Client, Completion};

/// How long a session may take to begin, which is a write to a majority. Nothing of an
/// operation is sent until then.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(600);

/// How long a session without its client is remembered.
const SESSION_TIMEOUT: Duration = Duration::from_secs(4);

/// Begins a session with the server at `node` and no other.
pub(super) async fn connect(node: SocketAddr) -> Result<Session, Error> {
    let connector = Session::connector().with_session_timeout(SESSION_TIMEOUT);
    let node = node.to_string();
    let connecting = connector.with_fail_eagerly().connect(&node);
    tokio::time::timeout(CONNECT_TIMEOUT, connecting).await.unwrap_or(Err(Error::Timeout))
}

/// Sessions with all nodes.
pub(super) struct ZooKeeperClient {
    nodes: Vec<SocketAddr>,
    reads: Reads,
    /// By node; absent while in use, so that dropping an operation ends its session.
    idle: Vec<Option<Session>>,
}

/// How an operation ended that did not come to its end.
enum Ended {
    /// What it asked last changes nothing, and failed.
    Before(Error),
    /// What may change something failed.
    Changing(Error),
    /// It is decided.
    Decided(Completion),
}

impl ZooKeeperClient {
    /// A client that has not spoken to any of `nodes` yet.
    pub(super) fn of(nodes: &[SocketAddr], reads: Reads) -> Self {
        Self { nodes: nodes.to_vec(), reads, idle: nodes.iter().map(|_| None).collect() }
    }

    async fn attempt(&mut self, node: usize, invocation: &Invocation) -> Completion {
        let (key, asked) = match keyed::asked(invocation) {
            Ok(asked) => asked,
            Err(completion) => return completion,
        };
        let session = match self.idle[node].take().filter(is_connected) {
            Some(session) => session,
            None => match connect(self.nodes[node]).await {
                Ok(session) => session,
                Err(error) => return Completion::Fail(format!("no session: {error}")),
            },
        };
        let path = format!("{ROOT}/{}", utf8_percent_encode(key, NON_ALPHANUMERIC));
        let ended = match asked {
            Asked::Read => self.read(&session, &path).await,
            Asked::Write(value) => write(&session, &path, value).await,
            Asked::Delete => delete(&session, &path).await,
            Asked::Cas { expected, new } => self.cas(&session, &path, expected, new).await,
        };
        if is_connected(&session) {
            self.idle[node] = Some(session);
        }
        match ended {
            Ok(stat) => keyed::changed(invocation, revision(stat)),
            Err(Ended::Decided(completion)) => completion,
            Err(Ended::Before(error)) => Completion::Fail(error.to_string()),
            Err(Ended::Changing(error)) => completion(&error),
        }
    }

    async fn read(&self, session: &Session, path: &str) -> Result<Option<Stat>, Ended> {
        let (value, stat) = self.found(session, path).await?;
        Err(Ended::Decided(keyed::read(value, revision(stat))))
    }

    /// What the key holds; without a stat where there is no node.
    async fn found(
        &self,
        session: &Session,
        path: &str,
    ) -> Result<(Result<Value, String>, Option<Stat>), Ended> {
        if self.reads == Reads::Synced {
            answer(session, session.sync(path)).await.map_err(Ended::Before)?;
        }
        match answer(session, session.get_data(path)).await {
            Ok((text, stat)) => Ok((keyed::value(&text), Some(stat))),
            Err(Error::NoNode) => Ok((Ok(Value::Null), None)),
            Err(error) => Err(Ended::Before(error)),
        }
    }

    /// Changes the version that was seen to hold `expected`, and no other. Where nothing else
    /// was seen than it should, what was seen is the system's own word, true or not.
    async fn cas(
        &self,
        session: &Session,
        path: &str,
        expected: &Value,
        new: &Value,
    ) -> Result<Option<Stat>, Ended> {
        let decided = |completion| Err(Ended::Decided(completion));
        let (found, stat) = match self.found(session, path).await? {
            (Ok(found), stat) => (found, stat),
            (Err(why), _) => return decided(Completion::Fail(format!("cannot look first: {why}"))),
        };
        if found != *expected {
            return decided(Completion::Mismatch { found: Some(found) });
        }
        if !is_connected(session) {
            return Err(Ended::Before(Error::ConnectionLoss));
        }
        let text = keyed::text(new);
        let changed = match stat {
            None => create(session, path, &text).await,
            Some(seen) => set(session, path, &text, Some(seen.version)).await,
        };
        match changed {
            Err(Error::BadVersion | Error::NodeExists | Error::NoNode) => {
                decided(keyed::overtaken())
            }
            changed => changed.map(Some).map_err(Ended::Changing),
        }
    }
}

/// Sets the key's node, or makes it. Somebody else may make it in between; then the write is
/// declined, since both of its requests were refused.
async fn write(session: &Session, path: &str, value: &Value) -> Result<Option<Stat>, Ended> {
    let text = keyed::text(value);
    match set(session, path, &text, None).await {
        Err(Error::NoNode) => {}
        set => return set.map(Some).map_err(Ended::Changing),
    }
    if !is_connected(session) {
        return Err(Ended::Before(Error::ConnectionLoss));
    }
    match create(session, path, &text).await {
        Err(Error::NodeExists) => Err(Ended::Decided(keyed::overtaken())),
        made => made.map(Some).map_err(Ended::Changing),
    }
}

/// Lets the key's node hold nothing; where there is none, it does already.
async fn delete(session: &Session, path: &str) -> Result<Option<Stat>, Ended> {
    let text = keyed::text(&Value::Null);
    match set(session, path, &text, None).await {
        Err(Error::NoNode) => Ok(None),
        set => set.map(Some).map_err(Ended::Changing),
    }
}

async fn set(
    session: &Session,
    path: &str,
    text: &str,
    version: Option<i32>,
) -> Result<Stat, Error> {
    answer(session, session.set_data(path, text.as_bytes(), version)).await
}

async fn create(session: &Session, path: &str, text: &str) -> Result<Stat, Error> {
    let (stat, _) = answer(session, session.create(path, text.as_bytes(), &lasting())).await?;
    Ok(stat)
}

/// The answer to what was `asked`, or the loss of the connection: what was handed over just then
/// would otherwise wait until the server is back or the session ends.
async fn answer<T>(
    session: &Session,
    asked: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let mut states = session.state_watcher();
    let lost = async {
        while is_connected(session) {
            states.changed().await;
        }
    };
    tokio::select! {
        biased;
        answer = asked => answer,
        () = lost => Err(Error::ConnectionLoss),
    }
}

impl Client for ZooKeeperClient {
    fn invoke<'a>(
        &'a mut self,
        node: usize,
        invocation: &'a Invocation,
    ) -> BoxFuture<'a, Completion> {
        Box::pin(self.attempt(node, invocation))
    }
}

fn is_connected(session: &Session) -> bool {
    session.state() == SessionState::SyncConnected
}

/// The transaction that last changed a node.
fn revision(stat: Option<Stat>) -> Option<u64> {
    stat.and_then(|stat| u64::try_from(stat.mzxid).ok())
}

/// The completion of a change that ended in `error`.
pub(super) fn completion(error: &Error) -> Completion {
    match error {
        // The server looked and refused, or the crate did before it sent anything.
        Error::NoNode
        | Error::NodeExists
        | Error::BadVersion
        | Error::NoAuth
        | Error::InvalidAcl
        | Error::NotReadOnly
        | Error::QuotaExceeded
        | Error::Throttled
        | Error::Unimplemented
        | Error::BadArguments(_) => Completion::Fail(error.to_string()),
        _ => Completion::Info(error.to_string()),
    }
}
