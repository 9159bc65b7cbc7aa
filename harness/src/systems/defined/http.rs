//! The HTTP of a defined system: operations, probes, and calls that make a cluster ready.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use serde_json::Value;
use squall_workloads::Function;
use tokio::net::TcpStream;

use super::{
    super::{
        http::{Connection, Lost},
        protocol::{Options, Protocol},
    },
    definition::{Definition, DefinitionError, On, Place, ProbeWords, SetupWords, Source},
    expression::{Expression, Variables, parsed},
    nodes::{Seen, address_names, node_names},
    operations::{HttpClient, Operations, quoted},
    request::{Answer, Filled, Request, expression},
    system::as_json,
};
use crate::system::{BoxFuture, Client, Status};

/// How long a probe may take before the node counts as not answering.
const PROBE_TIMEOUT: Duration = Duration::from_millis(300);
/// How long one call of the set-up may take before it is tried again.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause between two tries of one call.
const CALL_INTERVAL: Duration = Duration::from_millis(100);

/// Everything that is said over HTTP.
pub(super) struct Http {
    operations: Arc<Operations>,
    probe: Option<Probe>,
    ready: Option<Probe>,
    setup: Vec<(Call, On)>,
    options: Options,
}

/// One exchange and which replies are meant by it.
struct Call {
    request: Request,
    answer: Answer,
    place: Place,
    options: Value,
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
            let call = Call {
                request: Request::parse(
                    request,
                    headers,
                    body.as_ref(),
                    ("setup", &known),
                    source,
                )?,
                answer: Answer::parse(status.as_ref(), when.as_ref(), "setup", source)?,
                place: source.place("setup.request", request),
                options: as_json(options),
            };
            Ok((call.expecting_success(), *on))
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
            options: options.clone(),
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
        let call = Call {
            request: Request::parse(request, headers, body.as_ref(), (field, &known), source)?,
            answer: Answer::parse(status.as_ref(), when.as_ref(), field, source)?,
            place: source.place(format!("{field}.request"), request),
            options: as_json(options),
        };
        Ok(Self {
            call: call.expecting_success(),
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
    async fn ask(&self, node: SocketAddr, options: &Options) -> Result<Status, String> {
        let unfit = |why: String| format!("{}: {why}", self.call.place);
        let (status, text) = self.call.exchange(node, 0, options).await.map_err(unfit)?;
        let json = parsed(&text);
        let variables = self.call.variables(status, &text);
        if !self.call.answer.fits(&json, &variables)? {
            return Err(unfit(format!("reply {status} {}", quoted(&text))));
        }
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

impl Call {
    /// The same, for which only success counts where nothing is said of the status.
    fn expecting_success(mut self) -> Self {
        self.answer.default_to_success();
        self
    }

    fn variables<'a>(&'a self, status: u16, text: &'a str) -> Variables<'a> {
        let (key, value, expected) = ("", &Value::Null, &Value::Null);
        Variables { status, text, key, value, expected, options: &self.options }
    }

    /// Asks the `place`th node; its status and body.
    async fn exchange(
        &self,
        node: SocketAddr,
        place: usize,
        options: &Options,
    ) -> Result<(u16, String), String> {
        let name = format!("n{}", place + 1);
        let seen = Seen { name: &name, number: place + 1, listen: node };
        let Filled { method, path, headers, body } =
            self.request.fill(|name| seen.value(name, options))?;
        let mut connection = Connection::to(node);
        let reply = connection.exchange_with(method, &path, body.into(), headers).await;
        let (status, body) = reply.map_err(Lost::why)?;
        Ok((status.as_u16(), String::from_utf8_lossy(&body).into_owned()))
    }

    /// Asks until the reply is as meant.
    async fn insist(&self, node: SocketAddr, place: usize, options: &Options, last: &Last) {
        loop {
            let exchange = self.exchange(node, place, options);
            let reply = tokio::time::timeout(CALL_TIMEOUT, exchange).await;
            let why = match reply.unwrap_or_else(|_| Err("no reply".to_owned())) {
                Err(why) => why,
                Ok((status, text)) => {
                    match self.answer.fits(&parsed(&text), &self.variables(status, &text)) {
                        Ok(true) => return,
                        Ok(false) => format!("reply {status} {}", quoted(&text)),
                        Err(why) => why,
                    }
                }
            };
            last.set(format!("{} on n{}: {why}", self.place, place + 1));
            tokio::time::sleep(CALL_INTERVAL).await;
        }
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
                    Some(probe) => probe.ask(node, &self.options).await.ok(),
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
                    Some(ready) => ready.ask(node, &self.options).await.map(drop),
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
                            call.insist(*node, place, &self.options, &last).await;
                        }
                    }
                }
            };
            tokio::time::timeout(SETUP_WITHIN, calls).await.map_err(|_| last.get())
        })
    }
}
