//! The HTTP of a defined system: operations, probes, and calls that make a cluster ready.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use serde_json::Value;
use squall_workloads::Function;
use tokio::net::TcpStream;

use super::{
    super::protocol::{Options, Protocol},
    call::{CALL_TIMEOUT, Call, CallWords, Reply, Sight},
    definition::{Definition, DefinitionError, On, Place, ProbeWords, SetupWords, Source},
    expression::Expression,
    nodes::{address_names, node_names},
    operations::{HttpClient, Operations},
    orders::Orders,
    request::expression,
    system::as_json,
};
use crate::system::{BoxFuture, Client, Order, Status};

/// How long a probe may take before the node counts as not answering.
const PROBE_TIMEOUT: Duration = Duration::from_millis(300);
/// Pause between two tries of one call.
const CALL_INTERVAL: Duration = Duration::from_millis(100);

/// Everything that is said over HTTP.
pub(super) struct Http {
    operations: Arc<Operations>,
    probe: Option<Probe>,
    ready: Option<Probe>,
    setup: Vec<(Call, On)>,
    orders: Orders,
}

struct Probe {
    call: Call,
    role: Option<(Expression, Place)>,
    term: Option<(Expression, Place)>,
    leader: Option<(Expression, Place)>,
    commit: Option<(Expression, Place)>,
    applied: Option<(Expression, Place)>,
}

impl Http {
    /// What `definition` says of it.
    ///
    /// # Errors
    /// Names the field that makes no sense.
    pub(super) fn of(
        definition: &Definition,
        options: &Options,
        source: &Source,
    ) -> Result<Self, DefinitionError> {
        let probe = |words: &Option<ProbeWords>, field: &str| {
            let words = words.as_ref();
            words.map(|words| Probe::parse(words, field, definition, options, source)).transpose()
        };
        let setup = definition.setup.iter().map(|words| {
            let SetupWords { request, headers, body, on, status, when } = words;
            let known = node_names(definition);
            let (body, status, when) = (body.as_ref(), status.as_ref(), when.as_ref());
            let words = CallWords { request, headers, body, jq_body: None, status, when };
            Ok((Call::parse(words, ("setup", &known), options, source)?, *on))
        });
        let operations = Operations::of(definition, as_json(options), source)?;
        if definition.operation.is_empty() {
            let why = "there is no [operation.read] and no [operation.write]";
            return Err(source.place("name", &definition.name).wrong(why));
        }
        Ok(Self {
            operations: Arc::new(operations),
            probe: probe(&definition.probe, "probe")?,
            ready: probe(&definition.ready, "ready")?,
            setup: setup.collect::<Result<_, DefinitionError>>()?,
            orders: Orders::of(definition, options, source)?,
        })
    }
}

impl Probe {
    fn parse(
        words: &ProbeWords,
        field: &str,
        definition: &Definition,
        options: &Options,
        source: &Source,
    ) -> Result<Self, DefinitionError> {
        let known = address_names(definition);
        let ProbeWords { request, headers, body, status, when, .. } = words;
        let take = |text: &Option<_>, name: &str| {
            expression(text.as_ref(), &format!("{field}.{name}"), source)
        };
        let (body, status, when) = (body.as_ref(), status.as_ref(), when.as_ref());
        let asked = CallWords { request, headers, body, jq_body: None, status, when };
        let call = Call::parse(asked, (field, &known), options, source)?;
        Ok(Self {
            call,
            role: take(&words.role, "role")?,
            term: take(&words.term, "term")?,
            leader: take(&words.leader, "leader")?,
            commit: take(&words.commit, "commit")?,
            applied: take(&words.applied, "applied")?,
        })
    }

    /// What the node says.
    ///
    /// # Errors
    /// It does not answer as meant, in words.
    async fn ask(&self, node: SocketAddr) -> Result<Status, String> {
        let Reply { status, text, json } = self.call.ask(node, 0, Sight::NOTHING).await?;
        let variables = self.call.variables(status, &text, &Value::Null);
        let take = |from: &Option<(Expression, Place)>| {
            let (expression, _) = from.as_ref()?;
            expression.of(&json, &variables).ok().filter(|value| !value.is_null())
        };
        let text = |from| {
            take(from).map(|value| match value {
                Value::String(text) => text,
                other => other.to_string(),
            })
        };
        let number = |from| match take(from)? {
            Value::String(text) => text.parse().ok(),
            other => other.as_u64(),
        };
        Ok(Status {
            role: text(&self.role),
            term: number(&self.term),
            leader: text(&self.leader),
            commit: number(&self.commit),
            applied: number(&self.applied),
        })
    }
}

/// Makes the call until the reply is as meant.
async fn insist(call: &Call, node: SocketAddr, number: usize, last: &Last) {
    loop {
        let asked = call.ask(node, number, Sight::NOTHING);
        let why = match tokio::time::timeout(CALL_TIMEOUT, asked).await {
            Ok(Ok(_)) => return,
            Ok(Err(why)) => why,
            Err(_) => format!("{}: no reply within {CALL_TIMEOUT:?}", call.place()),
        };
        last.set(format!("n{}: {why}", number + 1));
        tokio::time::sleep(CALL_INTERVAL).await;
    }
}

/// Why the last try of a call came to nothing.
#[derive(Default)]
struct Last(std::sync::Mutex<String>);

impl Last {
    fn set(&self, why: String) {
        *self.0.lock().expect("no thread panics while it holds a text") = why;
    }

    fn get(&self) -> String {
        self.0.lock().expect("no thread panics while it holds a text").clone()
    }
}

/// How long the calls of a set-up may take together; shorter than the harness waits, so that it
/// is told which call failed.
const SETUP_WITHIN: Duration = Duration::from_secs(25);

impl Protocol for Http {
    fn offers(&self, function: Function) -> bool {
        self.operations.offers(function)
    }

    fn client(&self, nodes: &[SocketAddr]) -> Box<dyn Client> {
        Box::new(HttpClient::of(Arc::clone(&self.operations), nodes))
    }

    fn probe(&self, node: SocketAddr) -> BoxFuture<'_, Option<Status>> {
        Box::pin(async move {
            let answer = async {
                match &self.probe {
                    Some(probe) => probe.ask(node).await.ok(),
                    None => TcpStream::connect(node).await.ok().map(|_| Status::default()),
                }
            };
            tokio::time::timeout(PROBE_TIMEOUT, answer).await.ok().flatten()
        })
    }

    fn ready(&self, node: SocketAddr) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            let asked = async {
                match self.ready.as_ref().or(self.probe.as_ref()) {
                    Some(ready) => ready.ask(node).await.map(drop),
                    None => {
                        let connected = TcpStream::connect(node).await;
                        connected.map(drop).map_err(|error| error.to_string())
                    }
                }
            };
            tokio::time::timeout(PROBE_TIMEOUT, asked)
                .await
                .unwrap_or_else(|_| Err(format!("no reply within {PROBE_TIMEOUT:?}")))
        })
    }

    fn order<'a>(
        &'a self,
        via: SocketAddr,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<Value, String>> {
        Box::pin(self.orders.give(via, order))
    }

    fn set_up<'a>(&'a self, nodes: &'a [SocketAddr]) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let last = Last::default();
            let calls = async {
                for (call, on) in &self.setup {
                    for (place, node) in nodes.iter().enumerate() {
                        let meant = match on {
                            On::First => place == 0,
                            On::Others => place > 0,
                            On::Each => true,
                        };
                        if meant {
                            insist(call, *node, place, &last).await;
                        }
                    }
                }
            };
            tokio::time::timeout(SETUP_WITHIN, calls).await.map_err(|_| last.get())
        })
    }
}
