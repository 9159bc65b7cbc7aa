//! Operations over HTTP as a definition describes them, and what replies to them prove.
//!
//! A reply means what the first rule says that fits it; what no rule fits is indeterminate, and
//! so is what a rule cannot be applied to.

use std::{borrow::Cow, collections::BTreeMap, net::SocketAddr, sync::Arc};

use hyper::StatusCode;
use serde_json::Value;
use squall_workloads::{Function, Invocation};

use super::{
    super::http::{Connection, Lost},
    definition::{Definition, DefinitionError, Is, OperationWords, Place, ReplyWords, Source},
    expression::{Expression, Variables, parsed},
    request::{Answer, Body, Filled, Request, expression},
};
use crate::system::{BoxFuture, Client, Completion};

/// The longest piece of a reply that is quoted.
const QUOTED_CHARS: usize = 200;

/// Every operation of a system.
pub(super) struct Operations {
    by_function: BTreeMap<Function, Operation>,
    /// A compare-and-set that expects nothing, where that is asked for in another way.
    create: Option<Operation>,
    options: Value,
}

struct Operation {
    request: Request,
    rules: Vec<Rule>,
}

/// What some replies mean.
struct Rule {
    is: Is,
    answer: Answer,
    value: Option<(Expression, Place)>,
    revision: Option<(Expression, Place)>,
    why: Option<(Expression, Place)>,
}

impl Operations {
    /// The operations of `definition`, with these options.
    ///
    /// # Errors
    /// Names the field that makes no sense.
    pub(super) fn of(
        definition: &Definition,
        options: Value,
        source: &Source,
    ) -> Result<Self, DefinitionError> {
        let mut known: Vec<String> = ["key", "value", "expected"].map(str::to_owned).into();
        known.extend(definition.options.keys().map(|name| format!("options.{name}")));
        let (mut by_function, mut create) = (BTreeMap::new(), None);
        for (name, words) in &definition.operation {
            let place = || source.place(format!("operation.{}", name.get_ref()), name);
            let function = match name.get_ref().as_str() {
                "create" => Function::Cas,
                name => name.parse::<Function>().map_err(|error| {
                    place().wrong(format!("{error}; and `create`, a cas that expects nothing"))
                })?,
            };
            if function == Function::AppendOnce {
                let why = "clients of a definition never try an operation again";
                return Err(place().wrong(why));
            }
            let shared = &definition.reply;
            let name = name.get_ref();
            let operation = Operation::parse((name, function), words, shared, &known, source)?;
            match name.as_str() {
                "create" => create = Some(operation),
                _ => drop(by_function.insert(function, operation)),
            }
        }
        if let (Some((name, _)), false) = (
            definition.operation.iter().find(|(name, _)| name.get_ref() == "create"),
            by_function.contains_key(&Function::Cas),
        ) {
            let why = "there is no [operation.cas] beside it, so that it is never used";
            return Err(source.place("operation.create", name).wrong(why));
        }
        Ok(Self { by_function, create, options })
    }

    /// Whether there is one for `function`.
    pub(super) fn offers(&self, function: Function) -> bool {
        self.by_function.contains_key(&function)
    }

    fn operation(&self, invocation: &Invocation) -> Option<&Operation> {
        let expects_nothing =
            invocation.function == Function::Cas && asked(invocation).expected.is_null();
        let create = self.create.as_ref().filter(|_| expects_nothing);
        create.or_else(|| self.by_function.get(&invocation.function))
    }

    fn variables<'a>(&'a self, invocation: &'a Invocation) -> Variables<'a> {
        let Asked { expected, value } = asked(invocation);
        let key = invocation.key();
        Variables { status: 0, text: "", key, value, expected, options: &self.options }
    }

    /// The request of `invocation`.
    ///
    /// # Errors
    /// There is none, in words; nothing is to be sent.
    fn ask(&self, invocation: &Invocation) -> Result<Filled, String> {
        let operation = self.operation(invocation);
        let operation = operation.ok_or_else(|| format!("no `{}`", invocation.function))?;
        let variables = self.variables(invocation);
        let text = |name: &str| -> Cow<'_, str> {
            match name.strip_prefix("options.") {
                Some(option) => self.options[option].as_str().unwrap_or_default().into(),
                None if name == "key" => variables.key.into(),
                None if name == "expected" => variables.expected.to_string().into(),
                None => variables.value.to_string().into(),
            }
        };
        let mut filled = operation.request.fill(text)?;
        if let Body::Jq { program, place } = &operation.request.body {
            let body = program.run(variables.value, &variables);
            filled.body = body.map_err(|why| format!("{place}: {why}"))?.to_string();
        }
        Ok(filled)
    }

    /// What a whole reply to `invocation` proves.
    fn complete(&self, invocation: &Invocation, status: StatusCode, body: &[u8]) -> Completion {
        let text = String::from_utf8_lossy(body);
        let status = status.as_u16();
        let unexpected = |why: &str| {
            let why = if why.is_empty() { String::new() } else { format!("{why}: ") };
            Completion::Info(format!("unexpected: {why}reply {status} {}", quoted(&text)))
        };
        if std::str::from_utf8(body).is_err() {
            return unexpected("it is not UTF-8");
        }
        let Some(operation) = self.operation(invocation) else { return unexpected("") };
        let variables = Variables { status, text: &text, ..self.variables(invocation) };
        let json = parsed(&text);
        for rule in &operation.rules {
            match rule.answer.fits(&json, &variables) {
                Ok(false) => {}
                Ok(true) => {
                    return rule
                        .apply(invocation, &json, &variables)
                        .unwrap_or_else(|why| unexpected(&why));
                }
                Err(why) => return unexpected(&why),
            }
        }
        unexpected("")
    }
}

/// What is asked of a key.
struct Asked<'a> {
    expected: &'a Value,
    value: &'a Value,
}

fn asked(invocation: &Invocation) -> Asked<'_> {
    match (invocation.function, invocation.value.as_array().map(Vec::as_slice)) {
        (Function::Cas, Some([expected, value])) => Asked { expected, value },
        _ => Asked { expected: &Value::Null, value: &invocation.value },
    }
}

/// The beginning of a reply, in one line.
pub(super) fn quoted(text: &str) -> String {
    let mut line: String = text.trim().chars().take(QUOTED_CHARS).collect();
    if line.is_empty() {
        return "without a body".to_owned();
    }
    if line.len() < text.trim().len() {
        line.push_str(" ...");
    }
    line.replace(|c: char| c.is_control(), " ")
}

/// Whether an operation returns more than that it took effect.
fn returns(function: Function) -> bool {
    !matches!(
        function,
        Function::Write
            | Function::Delete
            | Function::Cas
            | Function::Append
            | Function::Add
            | Function::SetAdd
            | Function::Enqueue
            | Function::Release
    )
}

impl Operation {
    fn parse(
        (name, function): (&str, Function),
        words: &OperationWords,
        shared: &[ReplyWords],
        known: &[String],
        source: &Source,
    ) -> Result<Self, DefinitionError> {
        let field = format!("operation.{name}");
        let OperationWords { request: asked, headers, body, jq_body, reply } = words;
        let known = (field.as_str(), known);
        let mut request = Request::parse(asked, headers, body.as_ref(), known, source)?;
        if let Some(text) = jq_body {
            request.body = Body::made_by(text, body.as_ref(), &field, source)?;
        }
        let at = format!("{field}.reply");
        let own = reply.iter().map(|words| Rule::parse(&at, function, words, source));
        let shared = shared.iter().map(|words| Rule::parse("reply", function, words, source));
        let rules = own.chain(shared).collect::<Result<Vec<_>, _>>()?;
        if !rules.iter().any(|rule| rule.is == Is::Ok) {
            let why = "no `reply` of it says `is = \"ok\"`, so that it could never succeed";
            return Err(source.place(field, asked).wrong(why));
        }
        Ok(Self { request, rules })
    }
}

impl Rule {
    fn parse(
        field: &str,
        function: Function,
        words: &ReplyWords,
        source: &Source,
    ) -> Result<Self, DefinitionError> {
        let ReplyWords { is, status, when, value, revision, why } = words;
        let place = || source.place(format!("{field}.is"), is);
        let is = *is.get_ref();
        if is == Is::Ok && returns(function) && value.is_none() {
            let why = format!("say in `value` what `{function}` returns");
            return Err(place().wrong(why));
        }
        if is == Is::Mismatch && !matches!(function, Function::Cas | Function::GuardedTxn) {
            let why = format!("`{function}` compares nothing; say \"fail\" or \"info\"");
            return Err(place().wrong(why));
        }
        if status.is_none() && when.is_none() && is != Is::Info {
            let why = "say by `status` or `when` which replies are meant";
            return Err(place().wrong(why));
        }
        let take = |text: &Option<_>, name: &str| {
            expression(text.as_ref(), &format!("{field}.{name}"), source)
        };
        Ok(Self {
            is,
            answer: Answer::parse(status.as_ref(), when.as_ref(), field, source)?,
            value: take(value, "value")?,
            revision: take(revision, "revision")?,
            why: take(why, "why")?,
        })
    }

    /// The outcome by this rule.
    ///
    /// # Errors
    /// What the rule takes out of the reply is not there.
    fn apply(
        &self,
        invocation: &Invocation,
        json: &Value,
        variables: &Variables<'_>,
    ) -> Result<Completion, String> {
        let take = |from: &Option<(Expression, Place)>| match from {
            None => Ok(None),
            Some((expression, place)) => {
                let value = expression.of(json, variables);
                value.map(Some).map_err(|why| format!("{place}: {why}"))
            }
        };
        // Why is told where it can be; it proves nothing.
        let why = take(&self.why).ok().flatten().map(|why| match why {
            Value::String(why) => why,
            other => other.to_string(),
        });
        let why = || {
            let text = why.clone().unwrap_or_else(|| quoted(variables.text));
            format!("{}: {text}", variables.status)
        };
        Ok(match self.is {
            Is::Ok if returns(invocation.function) => Completion::Ok {
                value: take(&self.value)?.unwrap_or_default(),
                revision: revision(take(&self.revision)?),
            },
            Is::Ok => Completion::Ok {
                value: invocation.value.clone(),
                revision: revision(take(&self.revision)?),
            },
            Is::Mismatch => Completion::Mismatch { found: take(&self.value)? },
            Is::Fail => Completion::Fail(why()),
            Is::Info => Completion::Info(why()),
        })
    }
}

/// A revision, which some systems write as text.
fn revision(value: Option<Value>) -> Option<u64> {
    match value? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// One client of a defined system.
pub(super) struct HttpClient {
    operations: Arc<Operations>,
    /// By node.
    nodes: Vec<Connection>,
}

impl HttpClient {
    /// A client that has not spoken to any of `nodes` yet.
    pub(super) fn of(operations: Arc<Operations>, nodes: &[SocketAddr]) -> Self {
        Self { operations, nodes: nodes.iter().copied().map(Connection::to).collect() }
    }
}

impl Client for HttpClient {
    fn invoke<'a>(
        &'a mut self,
        node: usize,
        invocation: &'a Invocation,
    ) -> BoxFuture<'a, Completion> {
        Box::pin(async move {
            let Filled { method, path, headers, body } = match self.operations.ask(invocation) {
                Ok(filled) => filled,
                Err(why) => return Completion::Fail(format!("nothing was sent: {why}")),
            };
            let sent = self.nodes[node].exchange_with(method, &path, body.into(), headers).await;
            match sent {
                Ok((status, body)) => self.operations.complete(invocation, status, &body),
                Err(Lost::NotSent(why)) => Completion::Fail(why),
                Err(Lost::Unknown(why)) => Completion::Info(why),
            }
        })
    }
}
