//! Requests made of templates, and which replies a definition means.

use std::collections::BTreeMap;

use hyper::{
    Method,
    header::{CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING},
};
use serde_json::Value;

use super::{
    super::http::Headers,
    definition::{DefinitionError, Place, Source, StatusWords, Text},
    expression::{Expression, Program, Variables},
    template::Template,
};

/// Headers that a file cannot give.
const FRAMING: [HeaderName; 3] = [CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION];

/// A request to be made of variables.
pub(super) struct Request {
    method: Method,
    path: Template,
    headers: Vec<(HeaderName, Template)>,
    pub(super) body: Body,
}

/// What a request says.
pub(super) enum Body {
    None,
    Text(Template),
    Jq { program: Program, place: Place },
}

impl Body {
    /// The body that the jq program `text` makes; `body` is one that there must not be beside it.
    ///
    /// # Errors
    /// There is one, or the program is none.
    pub(super) fn made_by(
        text: &Text,
        body: Option<&Text>,
        field: &str,
        source: &Source,
    ) -> Result<Self, DefinitionError> {
        let place = source.place(format!("{field}.jq_body"), text);
        if body.is_some() {
            return Err(place.wrong("there is a `body` too; say one of them"));
        }
        match Program::parse(text.get_ref()) {
            Ok(program) => Ok(Self::Jq { program, place }),
            Err(why) => Err(place.wrong(why)),
        }
    }
}

/// A request with all its variables replaced.
pub(super) struct Filled {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: Headers,
    pub(super) body: String,
}

/// Which replies something is about.
pub(super) struct Answer {
    /// Inclusive ranges; any where there are none.
    statuses: Vec<(u16, u16)>,
    when: Option<(Expression, Place)>,
}

impl Answer {
    /// The replies with these statuses for which `when` is true.
    pub(super) fn parse(
        status: Option<&toml::Spanned<StatusWords>>,
        when: Option<&Text>,
        field: &str,
        source: &Source,
    ) -> Result<Self, DefinitionError> {
        let mut statuses = Vec::new();
        if let Some(words) = status {
            let place = || source.place(format!("{field}.status"), words);
            add_statuses(words.get_ref(), &mut statuses).map_err(|why| place().wrong(why))?;
        }
        Ok(Self { statuses, when: expression(when, &format!("{field}.when"), source)? })
    }

    /// Means replies of success only where nothing is said of the status.
    pub(super) fn default_to_success(&mut self) {
        if self.statuses.is_empty() {
            self.statuses.push((200, 299));
        }
    }

    /// Whether it is about this reply.
    ///
    /// # Errors
    /// The condition cannot be decided.
    pub(super) fn fits(&self, body: &Value, variables: &Variables<'_>) -> Result<bool, String> {
        let within = |(least, most): &(u16, u16)| (*least..=*most).contains(&variables.status);
        if !self.statuses.is_empty() && !self.statuses.iter().any(within) {
            return Ok(false);
        }
        let Some((when, place)) = &self.when else { return Ok(true) };
        match when.of(body, variables) {
            Ok(value) => Ok(!matches!(value, Value::Null | Value::Bool(false))),
            // Where there is nothing at the place, that is no.
            Err(_) if matches!(when, Expression::Pointer(_)) => Ok(false),
            Err(why) => Err(format!("{place}: {why}")),
        }
    }
}

fn add_statuses(words: &StatusWords, onto: &mut Vec<(u16, u16)>) -> Result<(), String> {
    match words {
        StatusWords::Number(status) if (100..=599).contains(status) => {
            onto.push((*status, *status));
        }
        StatusWords::Number(status) => return Err(format!("there is no status {status}")),
        StatusWords::Class(class) => {
            let digit = class.strip_suffix("xx").and_then(|digit| digit.parse::<u16>().ok());
            let digit = digit.filter(|digit| (1..=5).contains(digit));
            let digit = digit.ok_or_else(|| {
                format!("`{class}` is no class of statuses; there is \"2xx\" and the like")
            })?;
            onto.push((digit * 100, digit * 100 + 99));
        }
        StatusWords::List(list) => {
            list.iter().try_for_each(|words| add_statuses(words, onto))?;
        }
    }
    Ok(())
}

/// The expression of a field, with its place.
pub(super) fn expression(
    text: Option<&Text>,
    field: &str,
    source: &Source,
) -> Result<Option<(Expression, Place)>, DefinitionError> {
    let Some(text) = text else { return Ok(None) };
    let place = source.place(field, text);
    match Expression::parse(text.get_ref()) {
        Ok(expression) => Ok(Some((expression, place))),
        Err(why) => Err(place.wrong(why)),
    }
}

/// The template of a field.
pub(super) fn template(
    text: &Text,
    field: &str,
    known: &[String],
    source: &Source,
) -> Result<Template, DefinitionError> {
    Template::parse(text.get_ref(), known)
        .map_err(|error| source.place(field, text).wrong(error.to_string()))
}

impl Request {
    /// The request of these words, in which the variables `known` may occur.
    pub(super) fn parse(
        request: &Text,
        headers: &BTreeMap<String, Text>,
        body: Option<&Text>,
        (field, known): (&str, &[String]),
        source: &Source,
    ) -> Result<Self, DefinitionError> {
        let place = || source.place(format!("{field}.request"), request);
        let words = request.get_ref().trim();
        let (method, path) = words.split_once(' ').unwrap_or((words, ""));
        let method = Method::from_bytes(method.as_bytes())
            .ok()
            .filter(|_| method.chars().all(|c| c.is_ascii_uppercase()))
            .ok_or_else(|| place().wrong(format!("`{method}` is no method such as GET")))?;
        let path = path.trim();
        if !path.starts_with('/') || path.contains(|c: char| c.is_whitespace() || c.is_control()) {
            let why = "say `METHOD /path`, such as `GET /kv/{key}`";
            return Err(place().wrong(why));
        }
        let path =
            Template::parse(path, known).map_err(|error| place().wrong(error.to_string()))?;
        let probe = path.fill_uri(|_| "x");
        if probe.parse::<hyper::Uri>().is_err() {
            return Err(place().wrong(format!("`{probe}` is no path; percent-encode it")));
        }
        let headers = headers
            .iter()
            .map(|(name, value)| {
                let at = format!("{field}.headers.{name}");
                let header = HeaderName::from_bytes(name.as_bytes());
                let header = header
                    .map_err(|_| source.place(&at, value).wrong("it is no name of a header"))?;
                if FRAMING.contains(&header) {
                    let why = "that says where a message ends, which is not for a file to say";
                    return Err(source.place(&at, value).wrong(why));
                }
                Ok((header, template(value, &at, known, source)?))
            })
            .collect::<Result<_, DefinitionError>>()?;
        let body = match body {
            None => Body::None,
            Some(text) => Body::Text(template(text, &format!("{field}.body"), known, source)?),
        };
        Ok(Self { method, path, headers, body })
    }

    /// Its method, path, headers and, where that is a text, body.
    ///
    /// # Errors
    /// A header's value may not be one.
    pub(super) fn fill<V: AsRef<str>>(&self, value: impl Fn(&str) -> V) -> Result<Filled, String> {
        let mut headers = Headers::new();
        for (name, template) in &self.headers {
            let text = template.fill(&value);
            let value = HeaderValue::from_str(&text)
                .map_err(|_| format!("`{text}` cannot be the value of a header"))?;
            headers.insert(name.clone(), value);
        }
        let body = match &self.body {
            Body::Text(template) => template.fill(&value),
            Body::None | Body::Jq { .. } => String::new(),
        };
        let path = self.path.fill_uri(&value);
        Ok(Filled { method: self.method.clone(), path, headers, body })
    }
}
