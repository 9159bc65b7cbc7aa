//! Reads the lines that nearly every history consists of, without asking serde.
//!
//! Understands only compact objects of plain fields: whole numbers of at most 18 digits,
//! strings without escapes, and values that are `null`, booleans, such numbers or strings,
//! or lists of those; fields in any order, each at most once. Anything else, right or wrong,
//! it leaves to serde, so that what a line means is always what serde says: a line scanned
//! here must mean the same there, which a test holds against random lines.

use super::line::{ClientLine, LineValue};
use super::{EventType, Value, Values};

/// Digits of a number that cannot overflow 64 bits.
const DIGITS_MAX: usize = 18;

/// Lists within lists that are followed; serde stops too, but much later.
const DEPTH_MAX: usize = 8;

/// The event of a line, if it is of the usual shape.
pub(super) fn scan(line: &[u8]) -> Option<ClientLine<'_>> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let mut cursor = Cursor::at_beginning_of(std::str::from_utf8(line).ok()?);
    let mut fields = Fields::default();
    cursor.expect(b'{')?;
    loop {
        fields.take(&mut cursor)?;
        match cursor.next()? {
            b',' => {}
            b'}' if cursor.is_at_end() => return fields.into_line(),
            _ => return None,
        }
    }
}

/// A value of a usual line as it stands there, known to be understood.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain<'a>(&'a str);

impl Plain<'_> {
    /// No fewer than the values it consists of.
    pub(super) fn parts_max(self) -> usize {
        self.0.len()
    }

    /// Its handle among `values`.
    pub(super) fn intern(self, values: &mut Values) -> Value {
        let interned = intern(&mut Cursor::at_beginning_of(self.0), values);
        interned.expect("a plain value was gone through before")
    }
}

fn intern(cursor: &mut Cursor<'_>, values: &mut Values) -> Option<Value> {
    match cursor.peek()? {
        b'n' => cursor.word("null").map(|()| Value::NULL),
        b't' => cursor.word("true").map(|()| Value::from(true)),
        b'f' => cursor.word("false").map(|()| Value::from(false)),
        b'"' => cursor.text().map(|text| values.intern_text(text)),
        b'[' => {
            let list = values.open_list();
            cursor.items(|cursor| {
                let item = intern(cursor, values)?;
                values.add_item(item);
                Some(())
            })?;
            Some(values.close_list(list))
        }
        _ => cursor.number().map(|number| values.intern_whole(number)),
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
    value: Option<Plain<'a>>,
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
            "value" => once(&mut self.value, cursor.plain()?),
            "error" => once(&mut self.error, cursor.text()?),
            "revision" => once(&mut self.revision, cursor.number()?),
            _ => None,
        }
    }

    fn into_line(self) -> Option<ClientLine<'a>> {
        Some(ClientLine {
            index: self.index,
            time: self.time,
            process: self.process?,
            node: self.node,
            kind: self.kind?,
            f: self.f?,
            key: self.key,
            value: LineValue::Plain(self.value.unwrap_or(Plain("null"))),
            error: self.error,
            revision: self.revision,
        })
    }
}

fn once<T>(field: &mut Option<T>, value: T) -> Option<()> {
    match field.replace(value) {
        None => Some(()),
        Some(_) => None,
    }
}

/// A place in a line.
struct Cursor<'a> {
    line: &'a str,
    place: usize,
}

impl<'a> Cursor<'a> {
    fn at_beginning_of(line: &'a str) -> Self {
        Self { line, place: 0 }
    }

    fn is_at_end(&self) -> bool {
        self.place == self.line.len()
    }

    fn rest(&self) -> &'a [u8] {
        &self.line.as_bytes()[self.place..]
    }

    fn peek(&self) -> Option<u8> {
        self.line.as_bytes().get(self.place).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.place += 1;
        Some(byte)
    }

    fn expect(&mut self, wanted: u8) -> Option<()> {
        (self.next()? == wanted).then_some(())
    }

    fn word(&mut self, word: &str) -> Option<()> {
        if !self.rest().starts_with(word.as_bytes()) {
            return None;
        }
        self.place += word.len();
        Some(())
    }

    /// A string without escapes and without what would have to be escaped.
    fn text(&mut self) -> Option<&'a str> {
        self.expect(b'"')?;
        let rest = self.rest();
        let ends = |&byte: &u8| byte == b'"' || byte == b'\\' || byte < b' ';
        let length = rest.iter().position(ends)?;
        if rest[length] != b'"' {
            return None;
        }
        let text = self.line.get(self.place..self.place + length)?;
        self.place += length + 1;
        Some(text)
    }

    /// A whole number, not negative, that ends where it ends.
    fn number(&mut self) -> Option<u64> {
        let rest = self.rest();
        let mut number = 0_u64;
        let mut digits = 0;
        while let Some(digit) = rest.get(digits).map(|byte| byte.wrapping_sub(b'0'))
            && digit < 10
        {
            // Too many digits are refused below, whatever they wrap to.
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
            digits += 1;
        }
        let leads_with_zero = digits > 1 && rest[0] == b'0';
        if digits == 0 || digits > DIGITS_MAX || leads_with_zero {
            return None;
        }
        // A fraction or an exponent makes it another number.
        if matches!(rest.get(digits), Some(b'.' | b'e' | b'E')) {
            return None;
        }
        self.place += digits;
        Some(number)
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

    fn plain(&mut self) -> Option<Plain<'a>> {
        let beginning = self.place;
        self.pass(DEPTH_MAX)?;
        self.line.get(beginning..self.place).map(Plain)
    }

    /// Goes past a plain value with lists at most so deep.
    fn pass(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'n' => self.word("null"),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'"' => self.text().map(drop),
            b'[' if depth == 0 => None,
            b'[' => self.items(|cursor| cursor.pass(depth - 1)),
            _ => self.number().map(drop),
        }
    }

    /// A list, of whose items each is taken by `item`.
    fn items(&mut self, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.expect(b'[')?;
        if self.peek()? == b']' {
            return self.expect(b']');
        }
        loop {
            item(self)?;
            match self.next()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value as Json;

    use super::super::Process;
    use super::super::line::EventLine;
    use super::*;

    const USUAL: &[&str] = &[
        r#"{"index":0,"time":10,"process":3,"node":"n2","type":"invoke","f":"write","key":"17","value":31}"#,
        r#"{"type":"ok","value":[1,2],"f":"cas","process":3,"revision":5,"time":999999999999999999}"#,
        r#"{"index":4,"time":1,"process":0,"type":"info","f":"read","value":null,"error":"no reply"}"#,
        r#"{"process":0,"type":"fail","f":"","value":"a b"}"#,
        r#"{"time":1,"process":9,"type":"ok","f":"read","value":["x",null,0]}"#,
        r#"{"time":1,"process":9,"type":"ok","f":"txn","value":[["append","1",2],["r","é",[]],[[]]]}"#,
        r#"{"time":1,"process":9,"type":"ok","f":"add","value":true}"#,
        r#"{"time":1,"process":9,"type":"ok","f":"contains","value":false,"key":"schlüssel"}"#,
        r#"{"time":1,"process":9,"type":"ok","f":"read","value":123456789012345678}"#,
    ];

    /// Whether the line was scanned; if so, it must mean what serde says.
    fn scanned(line: &[u8]) -> bool {
        let Some(event) = scan(line) else { return false };
        let serdes: EventLine<'_> =
            serde_json::from_slice(line).expect("serde reads whatever is scanned");
        let process = match serdes.process {
            Process::Client(process) => process,
            Process::Nemesis(_) => panic!("only lines of clients are scanned"),
        };
        let meant = serdes.of_client(process);
        let shown = String::from_utf8_lossy(line);
        assert_eq!((event.index, event.time), (meant.index, meant.time), "{shown}");
        assert_eq!((event.process, event.node), (meant.process, meant.node), "{shown}");
        assert_eq!((event.kind, event.f, event.key), (meant.kind, meant.f, meant.key), "{shown}");
        assert_eq!((event.error, event.revision), (meant.error, meant.revision), "{shown}");
        let mut values = Values::default();
        let (scanned, meant) = (event.value.intern(&mut values), meant.value.intern(&mut values));
        assert_eq!(scanned, meant, "{shown}");
        assert!(event.value.has_room(&values));
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
            (":31", ":[1,]"),
            (":31", ":[,1]"),
            (":31", ":[1"),
            (":31", ":[[[[[[[[[1]]]]]]]]]"),
            (":31", ":{}"),
            (":31", ":nul"),
            (":31", ":truefalse"),
            (":31", ":0.5"),
            (":31", ":[1e3]"),
            (":31", ":31,"),
            (":31", ": 31"),
            (":3,", ":\"nemesis\","),
            ("n2", "\\u006e2"),
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
        "false",
        "\"\u{e9}\"",
        "[]",
        "[true,[\"a\",[1]]]",
        "123456789012345678",
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

        #[test]
        fn values_of_all_shapes_mean_the_same_to_serde(value in json()) {
            let line =
                format!(r#"{{"process":1,"type":"ok","time":3,"f":"read","value":{value}}}"#);
            let plain = is_plain(&value, DEPTH_MAX);
            prop_assert_eq!(scanned(line.as_bytes()), plain, "{}", line);
        }
    }

    fn json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<u64>().prop_map(Json::from),
            (0_u64..200).prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<f64>().prop_map(Json::from),
            ".{0,6}".prop_map(Json::from),
            "[a-z0-9 ]{0,6}".prop_map(Json::from),
        ];
        leaf.prop_recursive(4, 24, 5, |inner| {
            prop_oneof![
                4 => prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
                1 => prop::collection::hash_map("[a-z]{0,3}", inner, 0..3)
                    .prop_map(|fields| Json::Object(fields.into_iter().collect())),
            ]
        })
    }

    /// Whether the scanner promises to understand a value as serde writes it.
    fn is_plain(value: &Json, depth: usize) -> bool {
        match value {
            Json::Null | Json::Bool(_) => true,
            Json::Number(number) => number.as_u64().is_some_and(|number| number < 10_u64.pow(18)),
            Json::String(text) => {
                serde_json::to_string(text).is_ok_and(|written| written.len() == text.len() + 2)
            }
            Json::Array(items) => depth > 0 && items.iter().all(|item| is_plain(item, depth - 1)),
            Json::Object(_) => false,
        }
    }
}
