//! Reads the lines that nearly every history consists of, without asking serde.
//!
//! Understands only compact objects of plain fields: whole numbers of at most 18 digits,
//! printable ASCII strings without escapes, and values that are `null`, such numbers or
//! strings, or lists of them; fields in any order, each at most once. Anything else, right
//! or wrong, it leaves to serde, so that what a line means is always what serde says: a line
//! scanned here must mean the same there, which a test holds against random lines.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::line::{EventLine, Text};
use super::{EventType, Process};

/// Digits of a number that cannot overflow 64 bits.
const DIGITS_MAX: usize = 18;

/// The event of a line, if it is of the usual shape.
pub(super) fn scan(line: &[u8]) -> Option<EventLine<'_>> {
    let mut cursor = Cursor { rest: line.strip_suffix(b"\n").unwrap_or(line) };
    let mut fields = Fields::default();
    cursor.expect(b'{')?;
    loop {
        fields.take(&mut cursor)?;
        match cursor.next()? {
            b',' => {}
            b'}' if cursor.rest.is_empty() => return fields.into_event(),
            _ => return None,
        }
    }
}

/// The fields of a line as far as it was scanned.
#[derive(Default)]
struct Fields<'a> {
    index: Option<u64>,
    time: Option<u64>,
    process: Option<u64>,
    node: Option<&'a str>,
    kind: Option<EventType>,
    f: Option<&'a str>,
    key: Option<&'a str>,
    value: Option<Json>,
    error: Option<&'a str>,
    revision: Option<u64>,
}

impl<'a> Fields<'a> {
    /// Scans one field with its name; `None` if it is unknown, repeated or unusual.
    fn take(&mut self, cursor: &mut Cursor<'a>) -> Option<()> {
        let name = cursor.text()?;
        cursor.expect(b':')?;
        match name {
            "index" => once(&mut self.index, cursor.number()?),
            "time" => once(&mut self.time, cursor.number()?),
            "process" => once(&mut self.process, cursor.number()?),
            "node" => once(&mut self.node, cursor.text()?),
            "type" => once(&mut self.kind, cursor.kind()?),
            "f" => once(&mut self.f, cursor.text()?),
            "key" => once(&mut self.key, cursor.text()?),
            "value" => once(&mut self.value, cursor.value()?),
            "error" => once(&mut self.error, cursor.text()?),
            "revision" => once(&mut self.revision, cursor.number()?),
            _ => None,
        }
    }

    fn into_event(self) -> Option<EventLine<'a>> {
        let text = |text| Text(Cow::Borrowed(text));
        Some(EventLine {
            index: self.index,
            time: self.time,
            process: Process::Client(self.process?),
            node: self.node.map(text),
            kind: self.kind?,
            f: text(self.f?),
            key: self.key.map(text),
            value: self.value.unwrap_or_default(),
            error: self.error.map(str::to_owned),
            revision: self.revision,
            evidence: Json::Null,
        })
    }
}

fn once<T>(field: &mut Option<T>, value: T) -> Option<()> {
    match field.replace(value) {
        None => Some(()),
        Some(_) => None,
    }
}

/// What is left of a line.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn next(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    fn expect(&mut self, wanted: u8) -> Option<()> {
        (self.next()? == wanted).then_some(())
    }

    /// A string of printable ASCII without escapes.
    fn text(&mut self) -> Option<&'a str> {
        self.expect(b'"')?;
        let plain = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'\\';
        let length = self.rest.iter().position(|&byte| byte == b'"' || !plain(byte))?;
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.expect(b'"')?;
        std::str::from_utf8(text).ok()
    }

    /// A whole number, not negative, that ends where it ends.
    fn number(&mut self) -> Option<u64> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, rest) = self.rest.split_at(digits);
        let leads_with_zero = digits > 1 && number[0] == b'0';
        if digits == 0 || digits > DIGITS_MAX || leads_with_zero {
            return None;
        }
        // A fraction or an exponent makes it another number.
        if matches!(rest.first(), Some(b'.' | b'e' | b'E')) {
            return None;
        }
        self.rest = rest;
        Some(number.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
    }

    fn kind(&mut self) -> Option<EventType> {
        match self.text()? {
            "invoke" => Some(EventType::Invoke),
            "ok" => Some(EventType::Ok),
            "fail" => Some(EventType::Fail),
            "info" => Some(EventType::Info),
            _ => None,
        }
    }

    fn value(&mut self) -> Option<Json> {
        if self.rest.first() == Some(&b'[') { self.list() } else { self.scalar() }
    }

    fn scalar(&mut self) -> Option<Json> {
        match self.rest.first()? {
            b'n' => {
                self.rest = self.rest.strip_prefix(b"null")?;
                Some(Json::Null)
            }
            b'"' => self.text().map(Json::from),
            _ => self.number().map(Json::from),
        }
    }

    /// A list of scalars.
    fn list(&mut self) -> Option<Json> {
        self.expect(b'[')?;
        let mut items = Vec::new();
        loop {
            items.push(self.scalar()?);
            match self.next()? {
                b',' => {}
                b']' => return Some(Json::Array(items)),
                _ => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const USUAL: &[&str] = &[
        r#"{"index":0,"time":10,"process":3,"node":"n2","type":"invoke","f":"write","key":"17","value":31}"#,
        r#"{"type":"ok","value":[1,2],"f":"cas","process":3,"revision":5,"time":999999999999999999}"#,
        r#"{"index":4,"time":1,"process":0,"type":"info","f":"read","value":null,"error":"no reply"}"#,
        r#"{"process":0,"type":"fail","f":"","value":"a b"}"#,
        r#"{"time":1,"process":9,"type":"ok","f":"read","value":["x",null,0]}"#,
    ];

    /// Whether the line was scanned; if so, it must mean what serde says.
    fn scanned(line: &[u8]) -> bool {
        let Some(event) = scan(line) else { return false };
        let meant: EventLine<'_> =
            serde_json::from_slice(line).expect("serde reads whatever is scanned");
        assert_eq!(event, meant, "{}", String::from_utf8_lossy(line));
        true
    }

    #[test]
    fn usual_lines_are_scanned() {
        for line in USUAL {
            assert!(scanned(line.as_bytes()), "{line}");
            assert!(scanned(format!("{line}\n").as_bytes()), "{line}");
        }
    }

    #[test]
    fn unusual_lines_are_left_to_serde() {
        let line = USUAL[0];
        for (from, to) in [
            (":10", ":010"),
            (":10", ":1.0"),
            (":10", ":1e1"),
            (":10", ":-1"),
            (":10", ":9999999999999999999"),
            (":10", ":10,\"time\":10"),
            (":10", ":null"),
            (":31", ":[]"),
            (":31", ":[1,]"),
            (":31", ":[[1]]"),
            (":31", ":true"),
            (":31", ":31,"),
            (":31", ": 31"),
            (":3,", ":\"nemesis\","),
            ("n2", "\\u006e2"),
            ("n2", "n\u{e9}"),
            ("n2", "n\t"),
            ("invoke", "header"),
            ("\"f\"", "\"g\""),
            ("31}", "31"),
            ("31}", "31} "),
            ("31}", "31}}"),
        ] {
            let changed = line.replacen(from, to, 1);
            assert_ne!(changed, line);
            assert!(!scanned(changed.as_bytes()), "{changed}");
        }
    }

    /// Pieces that lines are made of, and some that they are not.
    const PIECES: &[&str] = &[
        "\"index\":",
        "\"time\":",
        "\"process\":",
        "\"node\":",
        "\"type\":",
        "\"f\":",
        "\"key\":",
        "\"value\":",
        "\"error\":",
        "\"revision\":",
        "\"evidence\":",
        "\"other\":",
        "\"ok\"",
        "\"invoke\"",
        "\"read\"",
        "\"\"",
        "null",
        "0",
        "7",
        "00",
        "12.5",
        "-3",
        "true",
        "[",
        "]",
        "[1,2]",
        "[null]",
        "{",
        "}",
        ",",
        ",",
        ",",
        " ",
        "\n",
        "\\",
        "\"",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_scanned_means_the_same_to_serde(
            base in 0..USUAL.len(),
            changes in prop::collection::vec((any::<u16>(), 0_usize..12, 0..PIECES.len()), 0..4),
        ) {
            let mut line = USUAL[base].as_bytes().to_vec();
            for (place, removed, piece) in changes {
                let start = place as usize % (line.len() + 1);
                let end = (start + removed).min(line.len());
                line.splice(start..end, PIECES[piece].bytes());
            }
            scanned(&line);
        }

        #[test]
        fn fields_in_any_order_mean_the_same_to_serde(
            fields in prop::collection::vec((0_usize..12, 12..24_usize), 3..11),
        ) {
            let fields = fields.into_iter().map(|(name, value)| [PIECES[name], PIECES[value]].concat());
            let line = format!("{{{}}}", fields.collect::<Vec<_>>().join(","));
            scanned(line.as_bytes());
        }
    }
}
