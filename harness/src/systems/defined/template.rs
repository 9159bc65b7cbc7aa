//! Texts with variables in braces: `--name {name}`, `{"value":"{value|base64}"}`.
//!
//! A variable is a lower-case word, or several joined by dots, in braces; `|` and a word after
//! it say how its text is written. Any other brace is just a brace, so that JSON and shell
//! need no escapes. Two braces around a word are that word in single ones.

use base64::{Engine, prelude::BASE64_STANDARD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// A text with variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable { name: String, written: Written },
}

/// How the text of a variable is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    /// As it is.
    Plainly,
    /// As a JSON string, quotes included.
    AsString,
    /// In base64.
    AsBase64,
    /// Percent-encoded.
    ForUri,
}

impl Written {
    fn by_name(name: &str) -> Option<Self> {
        match name {
            "string" => Some(Self::AsString),
            "base64" => Some(Self::AsBase64),
            "uri" => Some(Self::ForUri),
            _ => None,
        }
    }

    fn push(self, text: &str, onto: &mut String) {
        match self {
            Self::Plainly => onto.push_str(text),
            Self::AsString => onto.push_str(&serde_json::Value::from(text).to_string()),
            Self::AsBase64 => BASE64_STANDARD.encode_string(text, onto),
            Self::ForUri => onto.extend(utf8_percent_encode(text, NON_ALPHANUMERIC)),
        }
    }
}

/// A text that is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TemplateError {
    /// A variable that there is not.
    #[error("there is no variable `{{{name}}}` here; there is: {known}")]
    Unknown { name: String, known: String },
    /// A way of writing that there is not.
    #[error("`{{{variable}|{name}}}`: write it as `string`, `base64` or `uri`")]
    Written { variable: String, name: String },
}

impl Template {
    /// Reads `text`, in which the variables `known` may occur.
    ///
    /// # Errors
    /// Names the first variable or way of writing that there is not.
    pub(super) fn parse(text: &str, known: &[String]) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            plain.push_str(&rest[..open]);
            rest = &rest[open..];
            if let Some((word, length)) = escaped(rest) {
                plain.push_str(&format!("{{{word}}}"));
                rest = &rest[length..];
            } else if let Some((name, filter, length)) = variable(rest) {
                if !plain.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                }
                parts.push(Part::Variable {
                    written: written(name, filter)?,
                    name: named(name, known)?,
                });
                rest = &rest[length..];
            } else {
                plain.push('{');
                rest = &rest[1..];
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self { parts })
    }

    /// The variable that is all there is of it, if it is one.
    pub(super) fn sole_variable(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Variable { name, written: Written::Plainly }] => Some(name),
            _ => None,
        }
    }

    /// The text with every variable replaced by what `value` says it is.
    pub(super) fn fill<V: AsRef<str>>(&self, value: impl Fn(&str) -> V) -> String {
        self.fill_with(value, Written::Plainly)
    }

    /// The same, with variables percent-encoded that do not say how they are written.
    pub(super) fn fill_uri<V: AsRef<str>>(&self, value: impl Fn(&str) -> V) -> String {
        self.fill_with(value, Written::ForUri)
    }

    fn fill_with<V: AsRef<str>>(&self, value: impl Fn(&str) -> V, plainly: Written) -> String {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Variable { name, written: Written::Plainly } => {
                    plainly.push(value(name).as_ref(), &mut filled);
                }
                Part::Variable { name, written } => written.push(value(name).as_ref(), &mut filled),
            }
        }
        filled
    }
}

fn written(variable: &str, filter: Option<&str>) -> Result<Written, TemplateError> {
    let Some(name) = filter else { return Ok(Written::Plainly) };
    Written::by_name(name).ok_or_else(|| TemplateError::Written {
        variable: variable.to_owned(),
        name: name.to_owned(),
    })
}

fn named(name: &str, known: &[String]) -> Result<String, TemplateError> {
    if known.iter().any(|known| known == name) {
        return Ok(name.to_owned());
    }
    let known = known.iter().map(|known| format!("`{{{known}}}`")).collect::<Vec<_>>().join(", ");
    Err(TemplateError::Unknown { name: name.to_owned(), known })
}

/// The word in double braces at the beginning of `text`, and how long it is with them.
fn escaped(text: &str) -> Option<(&str, usize)> {
    let inner = text.strip_prefix("{{")?;
    let word = word(inner);
    (!word.is_empty() && inner[word.len()..].starts_with("}}"))
        .then_some((word, word.len() + "{{}}".len()))
}

/// The variable at the beginning of `text`, how it is to be written, and how long both are.
fn variable(text: &str) -> Option<(&str, Option<&str>, usize)> {
    let inner = text.strip_prefix('{')?;
    let name = word(inner);
    if name.is_empty() {
        return None;
    }
    let after = &inner[name.len()..];
    if after.starts_with('}') {
        return Some((name, None, name.len() + "{}".len()));
    }
    let filter = word(after.strip_prefix('|')?);
    let closed = after[1 + filter.len()..].starts_with('}');
    closed.then_some((name, Some(filter), name.len() + filter.len() + "{|}".len()))
}

/// The lower-case words joined by dots at the beginning of `text`; empty where there is none.
fn word(text: &str) -> &str {
    let end = text
        .find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c)))
        .unwrap_or(text.len());
    let word = &text[..end];
    if word.starts_with(|c: char| c.is_ascii_lowercase()) { word } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> String {
        let known = ["name".to_owned(), "first.ip".to_owned(), "value".to_owned()];
        let template = Template::parse(text, &known).expect("a template");
        template.fill(|name| match name {
            "name" => "n 1",
            "first.ip" => "10.0.0.1",
            _ => "[1,\"a\"]",
        })
    }

    #[test]
    fn variables_are_replaced_and_other_braces_stay() {
        assert_eq!(filled("--name {name} http://{first.ip}:80"), "--name n 1 http://10.0.0.1:80");
        assert_eq!(filled(r#"{"v":{value}}"#), r#"{"v":[1,"a"]}"#);
        assert_eq!(filled(r#"{"v":{value|string}}"#), r#"{"v":"[1,\"a\"]"}"#);
        assert_eq!(filled("{value|base64}"), "WzEsImEiXQ==");
        assert_eq!(filled("/kv/{name|uri}"), "/kv/n%201");
        assert_eq!(filled("${X} { a } {} {1} {{name}} {{"), "${X} { a } {} {1} {name} {{");
        assert_eq!(filled("{ {name}}"), "{ n 1}");
    }

    #[test]
    fn paths_encode_what_they_are_given() {
        let template = Template::parse("/kv/{key}?q={key|base64}", &["key".to_owned()]);
        let path = template.expect("a template").fill_uri(|_| "a/b?");
        assert_eq!(path, "/kv/a%2Fb%3F?q=YS9iPw==");
    }

    #[test]
    fn what_there_is_not_is_named_beside_what_there_is() {
        let error = |text| {
            let known = ["key".to_owned(), "value".to_owned()];
            Template::parse(text, &known).expect_err("no template").to_string()
        };
        assert_eq!(
            error("{valu}"),
            "there is no variable `{valu}` here; there is: `{key}`, `{value}`"
        );
        assert!(error("{value|bas64}").contains("`{value|bas64}`"));
    }
}
