//! What to take out of JSON: by JSON Pointer (RFC 6901) or by a jq program.

use std::fmt;

use jaq_core::{
    Compiler, Ctx, Filter, Vars, data,
    load::{Arena, File, Loader},
};
use jaq_json::{Map, Num, Rc, Val};
use serde_json::Value;

/// What to take out of a reply.
pub(super) enum Expression {
    /// The value at a place; it is an error if there is none.
    Pointer(String),
    /// The first output of a program; it is an error if there is none.
    Jq(Program),
}

impl Expression {
    /// A JSON Pointer where `text` begins with `/`, and otherwise a jq program.
    ///
    /// # Errors
    /// Says where the program is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with('/') {
            return Ok(Self::Pointer(text.to_owned()));
        }
        Program::parse(text).map(Self::Jq)
    }

    /// Takes it out of `input`.
    ///
    /// # Errors
    /// Says why there is no value.
    pub(super) fn of(&self, input: &Value, variables: &Variables<'_>) -> Result<Value, String> {
        match self {
            Self::Pointer(pointer) => input
                .pointer(pointer)
                .cloned()
                .ok_or_else(|| format!("there is no `{pointer}` in it")),
            Self::Jq(program) => program.run(input, variables),
        }
    }
}

/// What a jq program can see beside its input.
#[derive(Clone, Copy)]
pub(super) struct Variables<'a> {
    /// `$status`: the status of the reply; 0 where there is none yet.
    pub(super) status: u16,
    /// `$text`: the body of the reply as text.
    pub(super) text: &'a str,
    /// `$key`: the key of the operation.
    pub(super) key: &'a str,
    /// `$value`: what is written, or the accesses of a transaction.
    pub(super) value: &'a Value,
    /// `$expected`: what a compare-and-set expects.
    pub(super) expected: &'a Value,
    /// `$options`: the options of the system.
    pub(super) options: &'a Value,
}

const VARIABLES: [&str; 6] = ["$status", "$text", "$key", "$value", "$expected", "$options"];

impl Variables<'_> {
    fn values(&self) -> Vars<Val> {
        Vars::new([
            Val::from(isize::from(i16::try_from(self.status).unwrap_or(i16::MAX))),
            Val::from(self.text.to_owned()),
            Val::from(self.key.to_owned()),
            to_jq(self.value),
            to_jq(self.expected),
            to_jq(self.options),
        ])
    }
}

/// A jq program.
pub(super) struct Program {
    text: String,
    filter: Filter<data::JustLut<Val>>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Program {
    /// Compiles `text`.
    ///
    /// # Errors
    /// Says where it is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(word) = endless(text) {
            return Err(format!(
                "the jq program cannot be used: `{word}` is left out, since a program must surely \
                 end and keep to itself"
            ));
        }
        let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
        let arena = Arena::default();
        let program = File { code: text, path: () };
        let modules = Loader::new(definitions)
            .load(&arena, program)
            .map_err(|errors| format!("the jq program cannot be read: {}", unread(&errors)))?;
        let filter = Compiler::default()
            .with_funs(functions)
            .with_global_vars(VARIABLES)
            .compile(modules)
            .map_err(|errors| format!("the jq program cannot be used: {}", undefined(&errors)))?;
        Ok(Self { text: text.to_owned(), filter })
    }

    /// The first output for `input`.
    ///
    /// # Errors
    /// The program fails or has no output, in words.
    pub(super) fn run(&self, input: &Value, variables: &Variables<'_>) -> Result<Value, String> {
        let context = Ctx::<data::JustLut<Val>>::new(&self.filter.lut, variables.values());
        let mut outputs = self.filter.id.run((context, to_jq(input)));
        match outputs.next() {
            Some(Ok(output)) => from_jq(&output),
            Some(Err(exception)) => Err(match exception.get_err() {
                Ok(error) => format!("jq: {error}"),
                // It would halt, which ends it and nothing else.
                Err(_) => "the jq program breaks off".to_owned(),
            }),
            None => Err("the jq program has no output".to_owned()),
        }
    }
}

/// What a program of a definition is not to use: what may go on for ever or end more than the
/// program. Without these every program ends, as loops go over what there is.
const LEFT_OUT: [&str; 12] = [
    "def",
    "repeat",
    "while",
    "until",
    "recurse",
    "range",
    "halt",
    "halt_error",
    "input",
    "inputs",
    "limit",
    "walk",
];

/// The first word of `text` that is left out; as a field's name or in a string it is none.
fn endless(text: &str) -> Option<&str> {
    let mut rest = text;
    let mut before = ' ';
    let mut in_string = false;
    while let Some(c) = rest.chars().next() {
        if c == '"' && before != '\\' {
            in_string = !in_string;
        }
        // What is interpolated into a string is program again.
        if in_string && rest.starts_with("\\(") {
            return endless(&rest[2..]);
        }
        let length =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        if length == 0 || in_string {
            before = c;
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let (word, after) = rest.split_at(length);
        let named = before == '.' || before == '$' || after.trim_start().starts_with(':');
        if !named && LEFT_OUT.contains(&word) {
            return Some(word);
        }
        before = ' ';
        rest = after;
    }
    None
}

/// What kept a program from being read: what was expected, and the place.
fn unread(errors: &jaq_core::load::Errors<&str, ()>) -> String {
    use jaq_core::load::Error;
    let first = errors.iter().map(|(_, error)| match error {
        Error::Io(_) => "programs cannot be taken from files".to_owned(),
        Error::Lex(found) => found
            .first()
            .map(|(expected, at)| format!("expected {} at `{}`", expected.as_str(), shortened(at)))
            .unwrap_or_default(),
        Error::Parse(found) => found
            .first()
            .map(|(expected, at)| format!("expected {} at `{}`", expected.as_str(), shortened(at)))
            .unwrap_or_default(),
    });
    first.collect::<Vec<_>>().join("; ")
}

fn undefined(errors: &jaq_core::compile::Errors<&str, ()>) -> String {
    let all = errors.iter().flat_map(|(_, errors)| errors);
    let words = all.map(|(name, kind)| format!("there is no {} `{name}`", kind.as_str()));
    words.collect::<Vec<_>>().join("; ")
}

fn shortened(text: &str) -> &str {
    let end = text.char_indices().nth(30).map_or(text.len(), |(end, _)| end);
    &text[..end]
}

fn to_jq(value: &Value) -> Val {
    match value {
        Value::Null => Val::Null,
        Value::Bool(value) => Val::Bool(*value),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Val::Num(Num::from_integral(number)),
            (None, Some(number)) => Val::Num(Num::from_integral(number)),
            (None, None) => Val::Num(Num::Float(number.as_f64().unwrap_or(f64::NAN))),
        },
        Value::String(text) => Val::from(text.clone()),
        Value::Array(values) => Val::Arr(Rc::new(values.iter().map(to_jq).collect())),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| (Val::from(name.clone()), to_jq(value));
            Val::Obj(Rc::new(fields.iter().map(field).collect::<Map>()))
        }
    }
}

/// `value` as JSON.
///
/// # Errors
/// It is something JSON cannot say, such as bytes or not-a-number.
fn from_jq(value: &Val) -> Result<Value, String> {
    let wrong = || format!("jq gave what is no JSON: {value}");
    Ok(match value {
        Val::Null => Value::Null,
        Val::Bool(value) => (*value).into(),
        Val::Num(Num::Int(number)) => i64::try_from(*number).map_err(|_| wrong())?.into(),
        // Rare; their text is JSON.
        Val::Num(_) => serde_json::from_str(&value.to_string()).map_err(|_| wrong())?,
        Val::TStr(text) => std::str::from_utf8(text).map_err(|_| wrong())?.into(),
        Val::BStr(_) => return Err(wrong()),
        Val::Arr(values) => Value::Array(values.iter().map(from_jq).collect::<Result<_, _>>()?),
        Val::Obj(fields) => {
            let mut object = serde_json::Map::new();
            for (name, value) in fields.iter() {
                let Value::String(name) = from_jq(name)? else { return Err(wrong()) };
                object.insert(name, from_jq(value)?);
            }
            Value::Object(object)
        }
    })
}

/// `text` as JSON where it is, and as a string where it is not.
pub(super) fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn take(expression: &str, input: &Value) -> Result<Value, String> {
        let (value, options) = (json!(5), json!({ "reads": "local" }));
        let variables = Variables {
            status: 200,
            text: "body",
            key: "k",
            value: &value,
            expected: &Value::Null,
            options: &options,
        };
        Expression::parse(expression)?.of(input, &variables)
    }

    #[test]
    fn values_are_taken_by_pointer_or_program() {
        let input = json!({ "kvs": [{ "value": "MzE=", "rev": "12" }], "big": u64::MAX });
        assert_eq!(take("/kvs/0/rev", &input), Ok(json!("12")));
        assert_eq!(take(".kvs[0].value | @base64d | fromjson", &input), Ok(json!(31)));
        assert_eq!(take("(.kvs // [])[0].rev | tonumber", &input), Ok(json!(12)));
        assert_eq!(take("/big", &input), Ok(json!(u64::MAX)));
        assert_eq!(take(".big", &input), Ok(json!(u64::MAX)));
        assert_eq!(
            take("[$status, $text, $key, $value, $expected, $options.reads]", &input),
            Ok(json!([200, "body", "k", 5, null, "local"]))
        );
        assert_eq!(take("{a: [1.5, true, \"x\"]}", &input), Ok(json!({ "a": [1.5, true, "x"] })));
    }

    #[test]
    fn what_is_not_there_or_goes_wrong_is_said() {
        let error = |expression| take(expression, &json!({ "a": 1 })).expect_err("no value");
        assert_eq!(error("/b"), "there is no `/b` in it");
        assert!(error(".a[").contains("cannot be read"), "{}", error(".a["));
        assert!(error("frob").contains("frob"), "{}", error("frob"));
        assert!(error("$frob").contains("$frob"), "{}", error("$frob"));
        assert!(error(".a | fromjson | .x").starts_with("jq: "), "{}", error(".a|fromjson|.x"));
        assert_eq!(error("empty"), "the jq program has no output");
        for program in [
            "halt(0)",
            "\"x\" | halt_error",
            "def f: f; f",
            "last(repeat(1))",
            "[range(1e12)]",
            "\"\\(until(false; .))\"",
        ] {
            assert!(error(program).contains("is left out"), "{program}: {}", error(program));
        }
        for program in ["{range: 1, until: .a}", "\"halt\"", ". as $limit | $limit", ".def?"] {
            assert!(take(program, &json!({ "a": 1 })).is_ok(), "{program}");
        }
    }

    #[test]
    fn a_body_that_is_no_json_is_a_string() {
        assert_eq!(parsed("31"), json!(31));
        assert_eq!(parsed("n1 leads"), json!("n1 leads"));
    }
}
