//! Which values of EDN a history holds that would be spelled alike.
//!
//! JSON has fewer kinds of values than EDN: the keyword `:a` and the string `":a"` both
//! become the JSON string `":a"`. That is sound as long as a history holds one of the two
//! kinds only. So each time something is spelled in a way that another kind might share, its
//! kind is noted, and the history is refused when both kinds of one spelling have been seen.
//! Values that differ then stay different, and those that are equal become equal.
//!
//! Values, keys of objects and keys of maps are compared among themselves only, so each of
//! the three has its own [`Spellings`].

use super::cursor::Fault;

/// A spelling that two kinds of values share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::formats) enum Shared {
    /// `:a`: a keyword or a string.
    Keyword,
    /// `\a`: a character or a string.
    Character,
    /// `17`: an integer or a string, as keys.
    Integer,
    /// `{"#a": 1}`: a tagged value or a map.
    Tag,
    /// `[1, 2]`: a set or a vector.
    Array,
}

/// Which of the two a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::formats) enum Kind {
    /// What JSON has no word for: keyword, character, integer as key, tagged value, set.
    Foreign,
    /// What is spelled like it: a string, a map, a vector.
    Alike,
}

/// What has been seen.
#[derive(Debug, Default)]
pub(in crate::formats) struct Spellings {
    foreign: u8,
    alike: u8,
}

impl Spellings {
    /// Notes a value, and refuses it if it might look like one seen before.
    pub(in crate::formats) fn note(&mut self, shared: Shared, kind: Kind) -> Result<(), Fault> {
        let bit = 1 << shared as u8;
        match kind {
            Kind::Foreign => self.foreign |= bit,
            Kind::Alike => self.alike |= bit,
        }
        if self.foreign & self.alike & bit == 0 {
            return Ok(());
        }
        let found = match shared {
            Shared::Keyword => "both keywords and strings that begin with `:`",
            Shared::Character => "both characters and strings that begin with `\\`",
            Shared::Integer => "both integers and strings of digits as keys",
            Shared::Tag => "both tagged values and maps with one key that begins with `#`",
            Shared::Array => "both sets and vectors",
        };
        Err(Fault::new("values of one kind, which can be told apart", found))
    }

    /// Notes a string of values.
    pub(in crate::formats) fn note_text(&mut self, text: &str) -> Result<(), Fault> {
        match text.as_bytes() {
            [b':', ..] => self.note(Shared::Keyword, Kind::Alike),
            [b'\\', ..] => self.note(Shared::Character, Kind::Alike),
            _ => Ok(()),
        }
    }

    /// Notes a string that is a key.
    pub(in crate::formats) fn note_key_text(&mut self, text: &str) -> Result<(), Fault> {
        if is_integer(text) {
            self.note(Shared::Integer, Kind::Alike)
        } else {
            self.note_text(text)
        }
    }
}

/// Whether a string is how an integer of 64 bits is spelled as a key.
pub(in crate::formats) fn is_integer(text: &str) -> bool {
    if text.starts_with('-') {
        text.parse::<i64>().is_ok_and(|number| number.to_string() == text)
    } else {
        text.parse::<u64>().is_ok_and(|number| number.to_string() == text)
    }
}
