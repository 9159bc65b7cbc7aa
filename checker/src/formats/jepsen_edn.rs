//! Jepsen's `history.edn`: one map per event.
//!
//! Jepsen has printed operations as plain maps in every version, one a line, though people
//! also keep them in a vector or with the tag of the record (`#jepsen.history.Op{...}`), as
//! its results show them. Processes are integers, anything else is a nemesis. Fields that are
//! not of an [`Event`](crate::history::Event) are skipped. Two more are of Squall's own writer:
//! `:squall/type` is the type of an event of a nemesis, all of which are `:info` to Jepsen, and
//! `:squall/found` the value of a completion that failed, which to Jepsen repeats its invocation.
//!
//! Source: the README of `jepsen.history`; `jepsen.print` and `jepsen.independent`.

use std::collections::BTreeSet;

use super::assemble::Fields;
use super::edn::cursor::{Begins, Cursor, Fault, utf8};
use crate::history::{EventType, Process};

const EVENT: &str = "an event: a map with `:process`, `:type` and `:f`";

/// The fields of the event that `form` is.
pub(super) fn fields(form: &[u8]) -> Result<Option<Fields<'_>>, Fault> {
    let mut cursor = Cursor::new(form, 0);
    while cursor.begins() == Begins::Tag {
        cursor.tag()?;
    }
    if cursor.begins() != Begins::Map {
        return Err(Fault::at(EVENT, cursor.rest()));
    }
    cursor.open(Begins::Map);
    let mut event = Partial::default();
    loop {
        cursor.skip_blank()?;
        if cursor.closes(b'}') {
            break;
        }
        let key = one(&mut cursor)?;
        cursor.skip_blank()?;
        event.take(key, one(&mut cursor)?)?;
    }
    event.finish().map(Some)
}

/// What was read of an event.
#[derive(Default)]
struct Partial<'a> {
    fields: Fields<'a>,
    process: Option<Process>,
    kind: Option<EventType>,
    own_kind: Option<EventType>,
    /// Keys of numbers that were there, be they nil.
    numbers: BTreeSet<&'a [u8]>,
}

impl<'a> Partial<'a> {
    /// Takes one entry of the map.
    fn take(&mut self, key: &'a [u8], value: &'a [u8]) -> Result<(), Fault> {
        let fields = &mut self.fields;
        let slot = match key {
            b":process" => return once(self.process.replace(process_of(value)?), key),
            b":type" => return once(self.kind.replace(type_of(value)?), key),
            b":squall/type" => return once(self.own_kind.replace(type_of(value)?), key),
            b":index" | b":time" | b":revision" if !self.numbers.insert(key) => {
                return Err(Fault::at(REPEATED, key));
            }
            b":index" => {
                // Jepsen marks events that are not in a history by -1.
                fields.index = if value == b"-1" { None } else { count(value, "index")? };
                return Ok(());
            }
            b":time" => {
                fields.time = count(value, "time")?;
                return Ok(());
            }
            b":revision" => {
                fields.revision = count(value, "revision")?;
                return Ok(());
            }
            b":f" => &mut fields.f,
            b":value" => &mut fields.value,
            b":key" => &mut fields.key,
            b":node" => &mut fields.node,
            b":error" => &mut fields.error,
            b":evidence" => &mut fields.evidence,
            b":squall/found" => &mut fields.found,
            _ => return Ok(()),
        };
        once(slot.replace(value), key)
    }

    /// The fields, if there is what every event has.
    fn finish(self) -> Result<Fields<'a>, Fault> {
        let Self { mut fields, process, kind, own_kind, .. } = self;
        match (process, kind, fields.f) {
            (Some(process), Some(kind), Some(_)) => {
                fields.kind = match process {
                    Process::Nemesis(_) => own_kind.unwrap_or(kind),
                    Process::Client(_) => kind,
                };
                fields.process = process;
                Ok(fields)
            }
            (None, ..) => Err(Fault::new(EVENT, "a map without `:process`")),
            (_, None, _) => Err(Fault::new(EVENT, "a map without `:type`")),
            (.., None) => Err(Fault::new(EVENT, "a map without `:f`")),
        }
    }
}

const REPEATED: &str = "a map without repeated keys";

/// Nothing was there before.
fn once<T>(before: Option<T>, key: &[u8]) -> Result<(), Fault> {
    before.map_or(Ok(()), |_| Err(Fault::at(REPEATED, key)))
}

/// The text of the next form.
fn one<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], Fault> {
    let begin = cursor.at();
    cursor.skip_form()?;
    Ok(cursor.since(begin))
}

/// Whose an event is: clients have numbers, everybody else is a nemesis.
pub(super) fn process_of(text: &[u8]) -> Result<Process, Fault> {
    const EXPECTED: &str = "a process: an integer from 0 on, or `:nemesis`";
    match text {
        [b'0'..=b'9', ..] => {
            Ok(Process::Client(unsigned(text).ok_or_else(|| Fault::at(EXPECTED, text))?))
        }
        [b':', _, ..] => Ok(Process::NEMESIS),
        _ => Err(Fault::at(EXPECTED, text)),
    }
}

/// What an event says about its operation.
pub(super) fn type_of(text: &[u8]) -> Result<EventType, Fault> {
    match text {
        b":invoke" => Ok(EventType::Invoke),
        b":ok" => Ok(EventType::Ok),
        b":fail" => Ok(EventType::Fail),
        b":info" => Ok(EventType::Info),
        _ => Err(Fault::at("a type: `:invoke`, `:ok`, `:fail` or `:info`", text)),
    }
}

fn count(text: &[u8], what: &'static str) -> Result<Option<u64>, Fault> {
    if text == b"nil" {
        return Ok(None);
    }
    unsigned(text).map(Some).ok_or_else(|| {
        let expected = match what {
            "index" => "an `:index`: an integer from 0 on, of 64 bits",
            "time" => "a `:time`: nanoseconds, an integer from 0 on, of 64 bits",
            _ => "a `:revision`: an integer from 0 on, of 64 bits",
        };
        Fault::at(expected, text)
    })
}

fn unsigned(text: &[u8]) -> Option<u64> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    utf8(text).ok()?.parse().ok()
}
