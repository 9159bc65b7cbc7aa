//! Moving over the tokens and forms of EDN text without building anything.

use std::borrow::Cow;
use std::str;

use crate::formats::NESTING_MAX;
use crate::history::HistoryError;

/// How much of what was found is shown to people.
const SHOWN_CHARS: usize = 40;

/// What is wrong with a text, the place aside.
#[derive(Debug)]
pub(crate) struct Fault {
    expected: &'static str,
    found: String,
}

impl Fault {
    pub(crate) fn new(expected: &'static str, found: impl Into<String>) -> Self {
        Self { expected, found: found.into() }
    }

    /// `found` is shown as far as it fits a line.
    pub(crate) fn at(expected: &'static str, found: &[u8]) -> Self {
        if found.is_empty() {
            return Self::new(expected, "the end of the text");
        }
        let beginning = String::from_utf8_lossy(&found[..found.len().min(4 * SHOWN_CHARS)]);
        let line = beginning.lines().next().unwrap_or_default();
        let mut shown: String = line.chars().take(SHOWN_CHARS).collect();
        if shown.len() < found.len() && found.len() > SHOWN_CHARS {
            shown.push_str("...");
        }
        Self::new(expected, format!("`{shown}`"))
    }

    pub(crate) fn nested() -> Self {
        Self::new(
            "collections and tags nested at most 128 deep",
            "a form that is nested deeper than that",
        )
    }

    pub(crate) fn on(self, line: usize) -> HistoryError {
        HistoryError::Unreadable { line, expected: self.expected, found: self.found }
    }
}

/// A place in EDN text.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

/// What begins at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begins {
    /// A string.
    Text,
    /// A vector, up to `]`, or a list, up to `)`.
    Sequence(u8),
    /// A map, up to `}`.
    Map,
    /// A set, up to `}`.
    Set,
    /// A tag, which belongs to the form after it.
    Tag,
    /// A character, such as `\a`.
    Character,
    /// A keyword, symbol or number.
    Atom,
    /// A closing bracket, or the end.
    Nothing,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a [u8], at: usize) -> Self {
        Self { text, at, depth: 0 }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.text[self.at..]
    }

    /// The text from `begin` to here.
    pub(crate) fn since(&self, begin: usize) -> &'a [u8] {
        &self.text[begin..self.at]
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Goes over white space, commas, comments and discarded forms.
    #[inline]
    pub(crate) fn skip_blank(&mut self) -> Result<(), Fault> {
        loop {
            match self.peek() {
                Some(b' ' | b',' | b'\n' | b'\t' | b'\r' | 0x0c) => self.at += 1,
                Some(b';') => {
                    let length = self.rest().iter().position(|byte| *byte == b'\n');
                    self.at = length.map_or(self.text.len(), |length| self.at + length);
                }
                Some(b'#') if self.text.get(self.at + 1) == Some(&b'_') => {
                    self.at += 2;
                    self.deeper(|cursor| {
                        cursor.skip_blank()?;
                        cursor.skip_form()
                    })?;
                }
                _ => return Ok(()),
            }
        }
    }

    /// Goes over a closing bracket, if that is what stands here.
    pub(crate) fn closes(&mut self, bracket: u8) -> bool {
        let closes = self.peek() == Some(bracket);
        self.at += usize::from(closes);
        closes
    }

    /// What stands here; blanks were skipped.
    pub(crate) fn begins(&self) -> Begins {
        match (self.peek(), self.text.get(self.at + 1)) {
            (Some(b'"'), _) => Begins::Text,
            (Some(b'['), _) => Begins::Sequence(b']'),
            (Some(b'('), _) => Begins::Sequence(b')'),
            (Some(b'{'), _) => Begins::Map,
            (Some(b'#'), Some(b'{')) => Begins::Set,
            (Some(b'#'), Some(b'#')) => Begins::Atom,
            (Some(b'#'), _) => Begins::Tag,
            (Some(b'\\'), _) => Begins::Character,
            (Some(b')' | b']' | b'}') | None, _) => Begins::Nothing,
            _ => Begins::Atom,
        }
    }

    /// Goes over the opening bracket of what begins here.
    pub(crate) fn open(&mut self, begins: Begins) {
        self.at += if begins == Begins::Set { 2 } else { 1 };
    }

    /// Does something inside a collection or after a tag.
    pub(crate) fn deeper<T>(
        &mut self,
        inside: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        if self.depth == NESTING_MAX {
            return Err(Fault::nested());
        }
        self.depth += 1;
        let outcome = inside(self);
        self.depth -= 1;
        outcome
    }

    /// Goes over one form; blanks before it were skipped.
    pub(crate) fn skip_form(&mut self) -> Result<(), Fault> {
        let begins = self.begins();
        match begins {
            Begins::Text => self.text().map(drop),
            Begins::Sequence(end) => self.skip_until(begins, end),
            Begins::Map | Begins::Set => self.skip_until(begins, b'}'),
            Begins::Tag => {
                self.tag()?;
                self.deeper(Self::skip_form)
            }
            Begins::Character => self.character().map(drop),
            Begins::Atom => self.atom().map(drop),
            Begins::Nothing => Err(Fault::at("a value", self.rest())),
        }
    }

    fn skip_until(&mut self, begins: Begins, end: u8) -> Result<(), Fault> {
        self.open(begins);
        self.deeper(|cursor| {
            loop {
                cursor.skip_blank()?;
                if cursor.closes(end) {
                    return Ok(());
                }
                if cursor.begins() == Begins::Nothing {
                    return Err(Fault::at(closing(end), cursor.rest()));
                }
                cursor.skip_form()?;
            }
        })
    }

    /// A token that ends at a blank or a bracket.
    #[inline]
    pub(crate) fn atom(&mut self) -> Result<&'a [u8], Fault> {
        let rest = self.rest();
        let length = rest.iter().position(|byte| is_end(*byte)).unwrap_or(rest.len());
        if length == 0 {
            return Err(Fault::at("a value", rest));
        }
        self.at += length;
        Ok(&rest[..length])
    }

    /// A tag, without its `#`, and the blanks after it.
    pub(crate) fn tag(&mut self) -> Result<&'a str, Fault> {
        let begin = self.rest();
        self.at += 1;
        let name = match self.peek() {
            Some(byte) if byte.is_ascii_alphabetic() => self.atom()?,
            _ => return Err(Fault::at("a tag: `#` and a name", begin)),
        };
        self.skip_blank()?;
        if self.begins() == Begins::Nothing {
            return Err(Fault::at("a value after its tag, on the same line", begin));
        }
        utf8(name)
    }

    /// A character, written as itself, by name or by code.
    pub(crate) fn character(&mut self) -> Result<char, Fault> {
        const EXPECTED: &str = "a character: `\\` and a letter, or a name such as `newline`";
        let begin = self.rest();
        let fault = || Fault::at(EXPECTED, begin);
        let rest = &begin[1..];
        if rest.first().is_none_or(u8::is_ascii_whitespace) {
            return Err(fault());
        }
        // A letter of several bytes holds no byte that ends a token.
        let more = rest[1..].iter().position(|byte| is_end(*byte)).unwrap_or(rest.len() - 1);
        self.at += 2 + more;
        let name = utf8(&rest[..=more])?;
        let mut letters = name.chars();
        match (name, letters.next(), letters.next()) {
            (_, Some(letter), None) => Ok(letter),
            ("newline", ..) => Ok('\n'),
            ("return", ..) => Ok('\r'),
            ("space", ..) => Ok(' '),
            ("tab", ..) => Ok('\t'),
            ("backspace", ..) => Ok('\u{8}'),
            ("formfeed", ..) => Ok('\u{c}'),
            _ if name.len() == 5 => {
                let code = unit(name.as_bytes()).ok_or_else(fault)?;
                char::from_u32(u32::from(code)).ok_or_else(fault)
            }
            _ => Err(fault()),
        }
    }

    /// A string, its escapes resolved.
    pub(crate) fn text(&mut self) -> Result<Cow<'a, str>, Fault> {
        let begin = self.rest();
        let plain = begin[1..].iter().position(|byte| matches!(byte, b'"' | b'\\'));
        match plain {
            Some(length) if begin[1 + length] == b'"' => {
                self.at += length + 2;
                utf8(&begin[1..=length]).map(Cow::Borrowed)
            }
            Some(length) => self.escaped_text(begin, 1 + length).map(Cow::Owned),
            None => Err(Fault::at("the end of a string", begin)),
        }
    }

    /// A string with an escape, the first one `length` bytes after its beginning.
    fn escaped_text(&mut self, begin: &'a [u8], length: usize) -> Result<String, Fault> {
        let mut text = begin[1..length].to_vec();
        let mut at = length;
        loop {
            let byte = *begin.get(at).ok_or_else(|| Fault::at("the end of a string", begin))?;
            at += 1;
            match byte {
                b'"' => break,
                b'\\' => at += escape(&begin[at..], &mut text)?,
                _ => text.push(byte),
            }
        }
        self.at += at;
        String::from_utf8(text).map_err(|_| Fault::new("UTF-8", "other bytes in a string"))
    }
}

fn closing(end: u8) -> &'static str {
    match end {
        b']' => "`]` or a value",
        b')' => "`)` or a value",
        _ => "`}` or a value",
    }
}

/// Resolves what stands after a backslash; its length.
fn escape(rest: &[u8], text: &mut Vec<u8>) -> Result<usize, Fault> {
    const EXPECTED: &str = "an escape: one of \\t \\b \\n \\r \\f \\\" \\\\ \\uXXXX";
    let byte = match rest.first() {
        Some(b't') => b'\t',
        Some(b'b') => 0x08,
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b'f') => 0x0c,
        Some(byte @ (b'"' | b'\\')) => *byte,
        Some(b'u') => {
            let (unit, mut length) = (unit(rest).ok_or_else(|| Fault::at(EXPECTED, rest))?, 5);
            let mut units = vec![unit];
            if (0xd800..0xdc00).contains(&unit) && rest.get(5) == Some(&b'\\') {
                units.extend(self::unit(&rest[6..]));
                length = 11;
            }
            let decoded = String::from_utf16(&units).map_err(|_| Fault::at(EXPECTED, rest))?;
            text.extend_from_slice(decoded.as_bytes());
            return Ok(length);
        }
        _ => return Err(Fault::at(EXPECTED, rest)),
    };
    text.push(byte);
    Ok(1)
}

/// The number in `uXXXX`.
fn unit(escape: &[u8]) -> Option<u16> {
    let digits = escape.strip_prefix(b"u")?.get(..4)?;
    let is_hexadecimal = digits.iter().all(u8::is_ascii_hexdigit);
    str::from_utf8(digits)
        .ok()
        .filter(|_| is_hexadecimal)
        .and_then(|digits| u16::from_str_radix(digits, 16).ok())
}

fn is_end(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b','
            | b'\n'
            | b'\t'
            | b'\r'
            | 0x0c
            | b'"'
            | b';'
            | b'('
            | b')'
            | b'['
            | b']'
            | b'{'
            | b'}'
    )
}

pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, Fault> {
    str::from_utf8(bytes).map_err(|_| Fault::at("UTF-8", bytes))
}
