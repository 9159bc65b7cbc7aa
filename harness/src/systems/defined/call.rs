//! One exchange with a node that is no client's operation: a probe, a step of the set-up, an order.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use serde_json::Value;

use super::{
    super::{
        http::{Connection, Lost},
        protocol::Options,
    },
    definition::{DefinitionError, Place, Source, StatusWords, Text},
    expression::{Variables, parsed},
    nodes::Seen,
    operations::quoted,
    request::{Answer, Body, Filled, Request},
    system::as_json,
};

/// How long one exchange may take, where whoever asks does not say.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// One exchange and which replies are meant by it.
pub(super) struct Call {
    request: Request,
    answer: Answer,
    place: Place,
    options: Options,
    option_values: Value,
}

/// The words of one exchange.
#[derive(Clone, Copy)]
pub(super) struct CallWords<'a> {
    pub(super) request: &'a Text,
    pub(super) headers: &'a BTreeMap<String, Text>,
    pub(super) body: Option<&'a Text>,
    pub(super) jq_body: Option<&'a Text>,
    pub(super) status: Option<&'a toml::Spanned<StatusWords>>,
    pub(super) when: Option<&'a Text>,
}

/// A reply that was meant.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) text: String,
    pub(super) json: Value,
}

/// What programs of an exchange see.
#[derive(Clone, Copy)]
pub(super) struct Sight<'a> {
    /// The input of the program that makes the body.
    pub(super) input: &'a Value,
    /// `$value`.
    pub(super) value: &'a Value,
}

impl Sight<'_> {
    /// Nothing.
    pub(super) const NOTHING: Self = Self { input: &Value::Null, value: &Value::Null };
}

impl Call {
    /// The exchange of these words in `field`, in which the variables `known` may occur; only
    /// success counts where nothing is said of the status.
    ///
    /// # Errors
    /// Names the field that makes no sense.
    pub(super) fn parse(
        words: CallWords<'_>,
        (field, known): (&str, &[String]),
        options: &Options,
        source: &Source,
    ) -> Result<Self, DefinitionError> {
        let CallWords { request, headers, body, jq_body, status, when } = words;
        let place = source.place(format!("{field}.request"), request);
        let mut answer = Answer::parse(status, when, field, source)?;
        answer.default_to_success();
        let mut asked = Request::parse(request, headers, body, (field, known), source)?;
        if let Some(text) = jq_body {
            asked.body = Body::made_by(text, body, field, source)?;
        }
        let (options, option_values) = (options.clone(), as_json(options));
        Ok(Self { request: asked, answer, place, options, option_values })
    }

    /// Where it stands.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn variables<'a>(
        &'a self,
        status: u16,
        text: &'a str,
        value: &'a Value,
    ) -> Variables<'a> {
        let (key, expected, options) = ("", &Value::Null, &self.option_values);
        Variables { status, text, key, value, expected, options }
    }

    /// Asks the node whose number, counted from 0, is `number`.
    ///
    /// # Errors
    /// There is no reply as meant; says why.
    pub(super) async fn ask(
        &self,
        node: SocketAddr,
        number: usize,
        sight: Sight<'_>,
    ) -> Result<Reply, String> {
        let name = format!("n{}", number + 1);
        let seen = Seen { name: &name, number: number + 1, listen: node };
        let Filled { method, path, headers, mut body } =
            self.request.fill(|name| seen.value(name, &self.options))?;
        if let Body::Jq { program, place } = &self.request.body {
            let made = program.run(sight.input, &self.variables(0, "", sight.value));
            body = made.map_err(|why| format!("{place}: {why}"))?.to_string();
        }
        let mut connection = Connection::to(node);
        let reply = connection.exchange_with(method, &path, body.into(), headers).await;
        let unfit = |why: String| format!("{}: {why}", self.place);
        let (status, body) = reply.map_err(|lost: Lost| unfit(lost.why()))?;
        let (status, text) = (status.as_u16(), String::from_utf8_lossy(&body).into_owned());
        let json = parsed(&text);
        if self.answer.fits(&json, &self.variables(status, &text, sight.value))? {
            return Ok(Reply { status, text, json });
        }
        Err(unfit(format!("reply {status} {}", quoted(&text))))
    }
}
