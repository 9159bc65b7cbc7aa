//! Whether the values of a Jepsen history are tuples of key and value.

use super::Keys;
use super::assemble::Fields;
use super::edn::cursor::{Begins, Cursor, Fault};
use super::edn::value::{Two, pair_of};
use crate::history::{EventType, Process};

/// Functions without an argument: what their invocation holds besides a key is nil.
const READERS: [&[u8]; 7] =
    [b":read", b":get", b":dequeue", b":drain", b":acquire", b":release", b":generate"];

/// Functions whose own argument is a vector of two or of more.
const TRANSACTION: &[u8] = b":txn";
const COMPARE_AND_SET: &[u8] = b":cas";

/// What one event says about the keys of its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// Its value is `[key value]`.
    Tuples,
    /// Its value is no such tuple.
    Plain,
    /// Its value may be either.
    None,
}

/// What `fields` says.
pub(super) fn evidence(fields: &Fields<'_>) -> Result<Evidence, Fault> {
    if fields.kind != EventType::Invoke || !matches!(fields.process, Process::Client(_)) {
        return Ok(Evidence::None);
    }
    let value = fields.value.unwrap_or(b"nil");
    if fields.key.is_some() {
        return Ok(Evidence::Plain);
    }
    let Some((tuple, (first, second))) = tuple(value)? else { return Ok(Evidence::Plain) };
    if tuple == Tuple::Tagged {
        return Ok(Evidence::Tuples);
    }
    let f = fields.f.unwrap_or_default();
    Ok(match f {
        TRANSACTION if matches!(first, [b'[' | b'(', ..]) => Evidence::Plain,
        TRANSACTION => Evidence::Tuples,
        COMPARE_AND_SET if pair_of(second)?.is_none() => Evidence::Plain,
        _ if READERS.contains(&f) && first != b"nil" && second == b"nil" => Evidence::Tuples,
        _ => Evidence::None,
    })
}

/// How a tuple is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tuple {
    /// As a map entry, by its tag.
    Tagged,
    /// As any vector of two.
    Bare,
}

fn tuple(value: &[u8]) -> Result<Option<(Tuple, Two<'_>)>, Fault> {
    let mut cursor = Cursor::new(value, 0);
    let tuple = match cursor.begins() {
        Begins::Tag => {
            let tag = cursor.tag()?;
            if !tag.ends_with("MapEntry") && !tag.to_ascii_lowercase().ends_with("tuple") {
                return Ok(None);
            }
            Tuple::Tagged
        }
        _ => Tuple::Bare,
    };
    Ok(pair_of(cursor.rest())?.map(|parts| (tuple, parts)))
}

/// Key and value of an event whose history has tuples.
pub(super) fn split(value: &[u8]) -> Result<Option<Two<'_>>, Fault> {
    Ok(tuple(value)?.map(|(_, parts)| parts))
}

/// What is known so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Stated by the caller.
    Stated(Layout),
    /// Decided by an event; later ones may speak against it.
    Decided(Layout),
    /// No event left no doubt.
    Nothing,
}

/// Where keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// In every client's value.
    Tuples,
    /// Not in values.
    Plain,
}

impl From<Keys> for Known {
    fn from(keys: Keys) -> Self {
        match keys {
            Keys::Detect => Self::Nothing,
            Keys::Tuples => Self::Stated(Layout::Tuples),
            Keys::Plain => Self::Stated(Layout::Plain),
        }
    }
}
