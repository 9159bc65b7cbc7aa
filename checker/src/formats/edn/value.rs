//! Values of EDN as values of JSON.
//!
//! | EDN | JSON |
//! |---|---|
//! | `nil`, booleans, strings, numbers of 64 bits | themselves |
//! | `:a`, `\a` | `":a"`, `"\\a"` |
//! | vectors, lists | arrays; EDN holds them equal |
//! | sets | sorted arrays |
//! | maps | objects; keys are strings, `17` is `"17"`, `:a` is `":a"` |
//! | `#tag value` | `{"#tag": value}` |
//! | symbols, fractions, other numbers, keys of other kinds | refused |
//!
//! Two differing values of one history never become equal: see [`spelling`](super::spelling).

use serde_json::{Map, Value};

use super::cursor::{Begins, Cursor, Fault, utf8};
use super::number::number;
use super::spelling::{Kind, Shared, Spellings};

/// Builds values, and remembers what kinds of values it has seen.
#[derive(Debug, Default)]
pub(in crate::formats) struct Values {
    values: Spellings,
    map_keys: Spellings,
}

impl Values {
    /// The only form of `text`.
    pub(in crate::formats) fn value(&mut self, text: &[u8]) -> Result<Value, Fault> {
        let mut cursor = Cursor::new(text, 0);
        cursor.skip_blank()?;
        self.form(&mut cursor)
    }

    /// The only form of `text`, whose outermost vector is no value but holds them: the
    /// `[expected new]` of a compare-and-set.
    pub(in crate::formats) fn pair(&mut self, text: &[u8]) -> Result<Value, Fault> {
        match pair_of(text)? {
            None => self.value(text),
            Some((first, second)) => Ok(Value::from(vec![self.value(first)?, self.value(second)?])),
        }
    }

    /// The only form of `text`: a vector of micro operations `[:r key value]`, whose function
    /// is spelled without its colon.
    pub(in crate::formats) fn transaction(&mut self, text: &[u8]) -> Result<Value, Fault> {
        let mut operations = Vec::new();
        let mut cursor = Cursor::new(text, 0);
        cursor.skip_blank()?;
        let Begins::Sequence(end) = cursor.begins() else { return self.form(&mut cursor) };
        cursor.open(Begins::Sequence(end));
        loop {
            cursor.skip_blank()?;
            if cursor.closes(end) {
                return Ok(Value::Array(operations));
            }
            operations.push(self.micro_operation(&mut cursor)?);
        }
    }

    fn micro_operation(&mut self, cursor: &mut Cursor<'_>) -> Result<Value, Fault> {
        const EXPECTED: &str = "a micro operation: `[function key value]`";
        let Begins::Sequence(end) = cursor.begins() else {
            return Err(Fault::at(EXPECTED, cursor.rest()));
        };
        let mut parts = Vec::with_capacity(3);
        cursor.open(Begins::Sequence(end));
        cursor.deeper(|cursor| {
            loop {
                cursor.skip_blank()?;
                if cursor.closes(end) {
                    return Ok(());
                }
                let part = if parts.is_empty() {
                    Value::String(name(cursor, EXPECTED)?)
                } else {
                    self.form(cursor)?
                };
                parts.push(part);
            }
        })?;
        Ok(Value::Array(parts))
    }

    fn form(&mut self, cursor: &mut Cursor<'_>) -> Result<Value, Fault> {
        let begins = cursor.begins();
        match begins {
            Begins::Text => {
                let text = cursor.text()?;
                self.values.note_text(&text)?;
                Ok(Value::String(text.into_owned()))
            }
            Begins::Sequence(end) => {
                self.values.note(Shared::Array, Kind::Alike)?;
                self.elements(cursor, begins, end).map(Value::Array)
            }
            Begins::Set => {
                self.values.note(Shared::Array, Kind::Foreign)?;
                self.set(cursor)
            }
            Begins::Map => self.map(cursor),
            Begins::Tag => {
                self.values.note(Shared::Tag, Kind::Foreign)?;
                let key = format!("#{}", cursor.tag()?);
                let value = cursor.deeper(|cursor| self.form(cursor))?;
                Ok(Value::Object(Map::from_iter([(key, value)])))
            }
            Begins::Character => {
                self.values.note(Shared::Character, Kind::Foreign)?;
                Ok(Value::String(spell_character(cursor.character()?)))
            }
            Begins::Atom => self.atom(cursor.atom()?),
            Begins::Nothing => Err(Fault::at("a value", cursor.rest())),
        }
    }

    fn elements(
        &mut self,
        cursor: &mut Cursor<'_>,
        begins: Begins,
        end: u8,
    ) -> Result<Vec<Value>, Fault> {
        cursor.open(begins);
        cursor.deeper(|cursor| {
            let mut elements = Vec::new();
            loop {
                cursor.skip_blank()?;
                if cursor.closes(end) {
                    return Ok(elements);
                }
                elements.push(self.form(cursor)?);
            }
        })
    }

    /// A set, sorted by how its elements are spelled as JSON: equal sets become equal arrays.
    fn set(&mut self, cursor: &mut Cursor<'_>) -> Result<Value, Fault> {
        let begin = cursor.rest();
        let mut elements = self.elements(cursor, Begins::Set, b'}')?;
        if elements.iter().all(Value::is_i64) {
            elements.sort_unstable_by_key(Value::as_i64);
        } else {
            elements.sort_by_cached_key(Value::to_string);
        }
        if elements.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Fault::at("a set without repeated elements", begin));
        }
        Ok(Value::Array(elements))
    }

    fn map(&mut self, cursor: &mut Cursor<'_>) -> Result<Value, Fault> {
        let begin = cursor.rest();
        cursor.open(Begins::Map);
        let map = cursor.deeper(|cursor| {
            let mut map = Map::new();
            loop {
                cursor.skip_blank()?;
                if cursor.closes(b'}') {
                    return Ok(map);
                }
                let key = key(cursor, &mut self.map_keys)?;
                cursor.skip_blank()?;
                if map.insert(key, self.form(cursor)?).is_some() {
                    return Err(Fault::at("a map without repeated keys", begin));
                }
            }
        })?;
        if map.len() == 1 && map.keys().any(|key| key.starts_with('#')) {
            self.values.note(Shared::Tag, Kind::Alike)?;
        }
        Ok(Value::Object(map))
    }

    fn atom(&mut self, token: &[u8]) -> Result<Value, Fault> {
        match token {
            b"nil" => Ok(Value::Null),
            b"true" => Ok(Value::Bool(true)),
            b"false" => Ok(Value::Bool(false)),
            [b':', _, ..] => {
                self.values.note(Shared::Keyword, Kind::Foreign)?;
                Ok(Value::String(utf8(token)?.to_owned()))
            }
            _ => number(token)?
                .ok_or_else(|| Fault::at("a value: nil, a number, string or keyword", token)),
        }
    }
}

/// A key of a map or of an object: a string, an integer, a keyword or a character.
pub(in crate::formats) fn key(
    cursor: &mut Cursor<'_>,
    spellings: &mut Spellings,
) -> Result<String, Fault> {
    const EXPECTED: &str = "a key: a string, an integer, a keyword or a character";
    let begin = cursor.rest();
    match cursor.begins() {
        Begins::Text => {
            let text = cursor.text()?;
            spellings.note_key_text(&text)?;
            Ok(text.into_owned())
        }
        Begins::Character => {
            spellings.note(Shared::Character, Kind::Foreign)?;
            cursor.character().map(spell_character)
        }
        Begins::Atom => match cursor.atom()? {
            token @ [b':', _, ..] => {
                spellings.note(Shared::Keyword, Kind::Foreign)?;
                utf8(token).map(str::to_owned)
            }
            token => {
                spellings.note(Shared::Integer, Kind::Foreign)?;
                match number(token)? {
                    Some(Value::Number(number)) if !number.is_f64() => Ok(number.to_string()),
                    _ => Err(Fault::at(EXPECTED, token)),
                }
            }
        },
        _ => Err(Fault::at(EXPECTED, begin)),
    }
}

fn spell_character(letter: char) -> String {
    format!("\\{letter}")
}

/// A name: a keyword without its colon, a symbol or a string.
pub(in crate::formats) fn name(
    cursor: &mut Cursor<'_>,
    expected: &'static str,
) -> Result<String, Fault> {
    let begin = cursor.rest();
    match cursor.begins() {
        Begins::Text => cursor.text().map(std::borrow::Cow::into_owned),
        Begins::Atom => match cursor.atom()? {
            b"nil" | b"true" | b"false" | b":" => Err(Fault::at(expected, begin)),
            [b':', token @ ..] => utf8(token).map(str::to_owned),
            token if number(token).is_ok_and(|number| number.is_none()) => {
                utf8(token).map(str::to_owned)
            }
            _ => Err(Fault::at(expected, begin)),
        },
        _ => Err(Fault::at(expected, begin)),
    }
}

/// Two forms.
pub(in crate::formats) type Two<'a> = (&'a [u8], &'a [u8]);

/// The two forms of `text` if it is a vector of two.
pub(in crate::formats) fn pair_of(text: &[u8]) -> Result<Option<Two<'_>>, Fault> {
    let mut cursor = Cursor::new(text, 0);
    cursor.skip_blank()?;
    if cursor.begins() != Begins::Sequence(b']') {
        return Ok(None);
    }
    cursor.open(Begins::Sequence(b']'));
    let mut parts = [&text[..0]; 2];
    for part in &mut parts {
        cursor.skip_blank()?;
        if cursor.begins() == Begins::Nothing {
            return Ok(None);
        }
        let begin = cursor.at();
        cursor.skip_form()?;
        *part = cursor.since(begin);
    }
    cursor.skip_blank()?;
    Ok(cursor.closes(b']').then_some((parts[0], parts[1])))
}
