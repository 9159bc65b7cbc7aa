//! One client: whom it asks, what it sends, and what the replies prove.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use redis::{Cmd, Value};
use squall_workloads::Invocation;

use super::{
    super::keyed::{self, Asked},
    MASTER,
    connection::{self, Connection},
};
use crate::system::{BoxFuture, Client, Completion};

/// How long it may take to find the master and connect to it. Nothing of an operation is sent
/// until then, so giving up is definite; Redis' guidelines for clients ask for a timeout of a few
/// hundred milliseconds.
const FIND_TIMEOUT: Duration = Duration::from_millis(400);

/// Stores the second argument where the key holds the first, and tells what it found otherwise.
const CAS: &str = "\
local found = redis.call('GET', KEYS[1]) or 'null'
if found ~= ARGV[1] then return {0, found} end
redis.call('SET', KEYS[1], ARGV[2])
return {1}";

/// Whom reads are sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    /// The master.
    Master,
    /// The client's own node, whatever it is: stale by design.
    Own,
}

/// Connections to sentinels and servers, each used by one operation at a time.
pub(super) struct RedisClient {
    nodes: Vec<SocketAddr>,
    sentinel_port: u16,
    reads: Reads,
    /// Open and idle; absent while in use, so that dropping an operation closes what it used
    /// and no reply is ever taken for that of a later command.
    idle: BTreeMap<SocketAddr, Connection>,
}

/// What a server must be for a connection to it to be used.
#[derive(Clone, Copy)]
enum Wanted {
    Anything,
    Master,
}

impl RedisClient {
    /// A client that has not spoken to anyone yet.
    pub(super) fn of(nodes: &[SocketAddr], sentinel_port: u16, reads: Reads) -> Self {
        Self { nodes: nodes.to_vec(), sentinel_port, reads, idle: BTreeMap::new() }
    }

    /// The server for an operation at `node`, and a connection to it.
    async fn find(
        &mut self,
        node: usize,
        asked: Asked<'_>,
    ) -> Result<(SocketAddr, Connection), String> {
        if self.reads == Reads::Own && asked == Asked::Read {
            let own = self.nodes[node];
            return Ok((own, self.connected(own, Wanted::Anything).await?));
        }
        let master = self.master(node).await?;
        Ok((master, self.connected(master, Wanted::Master).await?))
    }

    /// The master's address, as the sentinel at `node` has it.
    async fn master(&mut self, node: usize) -> Result<SocketAddr, String> {
        let sentinel = SocketAddr::new(self.nodes[node].ip(), self.sentinel_port);
        let in_vain = |why: String| format!("the sentinel does not tell the master: {why}");
        let mut connection = self.connected(sentinel, Wanted::Anything).await.map_err(in_vain)?;
        let mut ask = redis::cmd("SENTINEL");
        ask.arg("GET-MASTER-ADDR-BY-NAME").arg(MASTER);
        let reply = connection.query(&ask).await.map_err(|error| in_vain(error.to_string()))?;
        self.idle.insert(sentinel, connection);
        address(reply).ok_or_else(|| in_vain("it knows none".to_owned()))
    }

    /// A connection to `address`: the idle one, or a new one.
    async fn connected(
        &mut self,
        address: SocketAddr,
        wanted: Wanted,
    ) -> Result<Connection, String> {
        if let Some(connection) = self.idle.remove(&address)
            && !connection.is_closed()
        {
            return Ok(connection);
        }
        let mut connection = Connection::to(address).await?;
        // A sentinel's view may be old. Later changes of role show by themselves: whoever turns
        // a master into a replica closes its clients' connections with the same command.
        if let Wanted::Master = wanted {
            let reply = connection.query(&redis::cmd("ROLE")).await;
            let role = reply.map_err(|error| error.to_string())?;
            if !is_master(&role) {
                return Err(format!("{address} is no master"));
            }
        }
        Ok(connection)
    }

    async fn attempt(&mut self, node: usize, invocation: &Invocation) -> Completion {
        let (key, asked) = match keyed::asked(invocation) {
            Ok(asked) => asked,
            Err(completion) => return completion,
        };
        let found = tokio::time::timeout(FIND_TIMEOUT, self.find(node, asked)).await;
        let (server, mut connection) = match found {
            Ok(Ok(found)) => found,
            Ok(Err(why)) => return Completion::Fail(why),
            Err(_) => return Completion::Fail("no master was found in time".to_owned()),
        };
        if connection.is_closed() {
            return Completion::Fail("the connection closed before anything was sent".to_owned());
        }
        match connection.query(&command(key, asked)).await {
            Ok(reply) => {
                self.idle.insert(server, connection);
                complete(invocation, asked, reply)
            }
            Err(error) => {
                // With an error code it was a whole reply; anything else ends the connection.
                if error.code().is_some() {
                    self.idle.insert(server, connection);
                }
                connection::completion(&error)
            }
        }
    }
}

impl Client for RedisClient {
    fn invoke<'a>(
        &'a mut self,
        node: usize,
        invocation: &'a Invocation,
    ) -> BoxFuture<'a, Completion> {
        Box::pin(self.attempt(node, invocation))
    }
}

fn command(key: &str, asked: Asked<'_>) -> Cmd {
    match asked {
        Asked::Read => Cmd::get(key),
        Asked::Write(value) => Cmd::set(key, keyed::text(value)),
        Asked::Delete => Cmd::del(key),
        Asked::Cas { expected, new } => {
            let mut script = redis::cmd("EVAL");
            script.arg(CAS).arg(1).arg(key).arg(keyed::text(expected)).arg(keyed::text(new));
            script
        }
    }
}

/// Maps a reply that is no error to an outcome. Anything not understood is indeterminate.
pub(super) fn complete(invocation: &Invocation, asked: Asked<'_>, reply: Value) -> Completion {
    match (asked, reply) {
        (Asked::Read, Value::Nil) => {
            Completion::Ok { value: serde_json::Value::Null, revision: None }
        }
        (Asked::Read, Value::BulkString(text)) => keyed::read(keyed::value(&text), None),
        (Asked::Write(_), Value::Okay) | (Asked::Delete, Value::Int(_)) => {
            keyed::changed(invocation, None)
        }
        (Asked::Cas { .. }, Value::Array(parts)) => match parts.as_slice() {
            [Value::Int(1)] => keyed::changed(invocation, None),
            [Value::Int(0), Value::BulkString(text)] => match keyed::value(text) {
                Ok(found) => Completion::Mismatch { found: Some(found) },
                Err(why) => Completion::Info(why),
            },
            _ => Completion::Info(format!("unexpected reply {parts:?}")),
        },
        (_, reply) => Completion::Info(format!("unexpected reply {reply:?}")),
    }
}

/// The address in a sentinel's reply.
fn address(reply: Value) -> Option<SocketAddr> {
    let (ip, port): (String, u16) = redis::from_redis_value(reply).ok()?;
    Some(SocketAddr::new(ip.parse().ok()?, port))
}

/// Whether a reply to `ROLE` is a master's.
fn is_master(reply: &Value) -> bool {
    let Value::Array(parts) = reply else { return false };
    matches!(parts.first(), Some(Value::BulkString(role)) if role == b"master")
}
