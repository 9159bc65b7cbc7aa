//! One client: what it publishes and asks for.

use std::net::SocketAddr;

use async_nats::HeaderMap;
use hyper::body::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use squall_workloads::Invocation;

use super::{
    super::{
        http::Lost,
        keyed::{self, Asked},
    },
    Reads, STREAM,
    connection::Connection,
    reply::{self, Found},
};
use crate::system::{BoxFuture, Client, Completion};

/// What the subjects of all keys begin with.
pub(super) const SUBJECTS: &str = "$KV.squall.";

/// The header that names the change which the message is to follow, of its key.
const FOLLOWS: &str = "Nats-Expected-Last-Subject-Sequence";

/// Connections to all nodes.
pub(super) struct NatsClient {
    nodes: Vec<SocketAddr>,
    reads: Reads,
    /// Open and idle, by node; absent while in use, so that dropping an operation closes it.
    idle: Vec<Option<Connection>>,
}

impl NatsClient {
    /// A client that has not spoken to any of `nodes` yet.
    pub(super) fn of(nodes: &[SocketAddr], reads: Reads) -> Self {
        Self { nodes: nodes.to_vec(), reads, idle: nodes.iter().map(|_| None).collect() }
    }

    async fn attempt(&mut self, node: usize, invocation: &Invocation) -> Completion {
        let (key, asked) = match keyed::asked(invocation) {
            Ok(asked) => asked,
            Err(completion) => return completion,
        };
        let idle = self.idle[node].take().filter(|connection| !connection.is_closed());
        let mut connection = match idle {
            Some(connection) => connection,
            None => match Connection::to(self.nodes[node]).await {
                Ok(connection) => connection,
                Err(why) => return Completion::Fail(why),
            },
        };
        let subject = format!("{SUBJECTS}{}", token(key));
        let ended = self.carry_out(&mut connection, subject, asked, invocation).await;
        if !connection.is_closed() {
            self.idle[node] = Some(connection);
        }
        match ended {
            Ok(completion) => completion,
            Err(Lost::NotSent(why)) => Completion::Fail(why),
            Err(Lost::Unknown(why)) => Completion::Info(why),
        }
    }

    async fn carry_out(
        &self,
        connection: &mut Connection,
        subject: String,
        asked: Asked<'_>,
        invocation: &Invocation,
    ) -> Result<Completion, Lost> {
        let mut headers = HeaderMap::new();
        let payload = match asked {
            Asked::Read => {
                let found = self.found(connection, subject).await?;
                return Ok(found.map_or_else(Completion::Info, Found::completion));
            }
            Asked::Write(value) => keyed::text(value),
            Asked::Delete => {
                headers.insert("KV-Operation", "DEL");
                String::new()
            }
            Asked::Cas { expected, new } => {
                // Looking changes nothing, so whatever goes wrong with it has no effect.
                let found = match self.found(connection, subject.clone()).await {
                    Ok(found) => found.and_then(|found| Ok((found.value?, found.revision))),
                    Err(Lost::NotSent(why) | Lost::Unknown(why)) => Err(why),
                };
                match found {
                    Err(why) => return Ok(Completion::Fail(format!("cannot look first: {why}"))),
                    Ok((found, _)) if found != *expected => {
                        return Ok(Completion::Mismatch { found: Some(found) });
                    }
                    Ok((_, revision)) => headers.insert(FOLLOWS, revision.to_string()),
                }
                if connection.is_closed() {
                    let why = "the connection was lost before the change was sent";
                    return Ok(Completion::Fail(why.to_owned()));
                }
                keyed::text(new)
            }
        };
        let reply = connection.exchange(subject, headers, payload.into()).await?;
        Ok(reply::changed(invocation, &reply.payload))
    }

    /// What the key of `subject` holds.
    async fn found(
        &self,
        connection: &mut Connection,
        subject: String,
    ) -> Result<Result<Found, String>, Lost> {
        match self.reads {
            Reads::Leader => {
                let get = format!("$JS.API.STREAM.MSG.GET.{STREAM}");
                let last = json!({ "last_by_subj": subject }).to_string();
                let reply = connection.exchange(get, HeaderMap::new(), last.into()).await?;
                Ok(reply::found(&reply.payload))
            }
            Reads::Direct => {
                let get = format!("$JS.API.DIRECT.GET.{STREAM}.{subject}");
                let reply = connection.exchange(get, HeaderMap::new(), Bytes::new()).await?;
                Ok(reply::found_directly(&reply))
            }
        }
    }
}

impl Client for NatsClient {
    fn invoke<'a>(
        &'a mut self,
        node: usize,
        invocation: &'a Invocation,
    ) -> BoxFuture<'a, Completion> {
        Box::pin(self.attempt(node, invocation))
    }
}

/// A key as the last token of a subject, in which no `%` may be.
fn token(key: &str) -> String {
    utf8_percent_encode(key, NON_ALPHANUMERIC).to_string().replace('%', "=")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_keys_have_different_tokens_that_are_valid() {
        let keys = ["a", "a.b", "a b", "a=2Eb", "a%2Eb", "a*", ">", "é"];
        let tokens: std::collections::BTreeSet<String> = keys.map(token).into();
        assert_eq!(tokens.len(), keys.len());
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '=';
        assert!(tokens.iter().all(|token| token.chars().all(valid)), "{tokens:?}");
    }
}
