//! Where in a line a spelling means what it seems to.
//!
//! Correct programs name what may go wrong, too: in options, in settings they print at their
//! start, in sentences. What tells a report from a mention is where it stands.

use std::ops::Range;

/// Where a spelling means what it seems to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Anywhere,
    /// At the very start of a line.
    Start,
    /// With this later in the line.
    Before(&'static str),
    /// With a number and then this right after it.
    Counting(&'static str),
    /// Where a program begins to speak: after the time, the level and the like.
    Message,
    /// As a whole message, or as the last cause in one: `fork: Cannot allocate memory`.
    Cause,
    /// As the name of what was thrown: `java.lang.OutOfMemoryError: Java heap space`.
    Thrown,
}

impl Place {
    /// Whether `found` in `line` is such a place.
    pub(super) fn is_met(self, line: &[u8], found: &Range<usize>) -> bool {
        let (before, after) = (&line[..found.start], line[found.end..].trim_ascii_end());
        match self {
            Self::Anywhere => true,
            Self::Start => before.is_empty(),
            Self::Before(text) => memchr::memmem::find(after, text.as_bytes()).is_some(),
            Self::Counting(text) => {
                let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
                digits > 0 && after[digits..].starts_with(text.as_bytes())
            }
            Self::Message => begins_message(before),
            Self::Cause => (begins_message(before) || is_cause(before)) && ends_cause(after),
            Self::Thrown => is_thrown(before, after),
        }
    }
}

/// What opens the message in lines that are made of fields.
const FIELDS: &[&str] =
    &["\"msg\":\"", "\"message\":\"", "\"error\":\"", "\"err\":\"", "msg=\"", "error=\"", "err=\""];

/// Whether what follows `before` is the start of a message.
fn begins_message(before: &[u8]) -> bool {
    ends_with_any(before, FIELDS) || is_prefix(before)
}

fn ends_with_any(text: &[u8], ends: &[&str]) -> bool {
    ends.iter().any(|end| text.ends_with(end.as_bytes()))
}

/// Whether `text` is only what loggers put before a message: times, levels, what stands in
/// brackets, colours.
fn is_prefix(text: &[u8]) -> bool {
    if text.last().is_some_and(u8::is_ascii_alphanumeric) && !text.contains(&b'\x1b') {
        return false;
    }
    let mut rest = text.trim_ascii_start();
    while let Some(&first) = rest.first() {
        let length = match first {
            b'[' => memchr::memchr(b']', rest).map(|end| end + 1),
            b'\x1b' => memchr::memchr(b'm', rest).map(|end| end + 1),
            _ => {
                let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'[' | b'\x1b');
                let end = rest.iter().position(ends).unwrap_or(rest.len());
                is_prefix_word(&rest[..end]).then_some(end)
            }
        };
        let Some(length) = length else { return false };
        rest = rest[length..].trim_ascii_start();
    }
    true
}

/// Levels, and names that times are written with.
const PREFIX_WORDS: &[&str] = &[
    "trace", "debug", "debu", "info", "notice", "log", "warn", "warning", "error", "erro", "err",
    "severe", "critical", "crit", "alert", "fatal", "fata", "panic", "pani", "emerg", "utc", "gmt",
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "mon",
    "tue", "wed", "thu", "fri", "sat", "sun",
];

fn is_prefix_word(word: &[u8]) -> bool {
    let word = word.strip_suffix(b":").unwrap_or(word);
    let is_number = |text: &[u8]| {
        let of_time = |byte: &u8| byte.is_ascii_digit() || b"-:.,/+TZMSC".contains(byte);
        text.first().is_some_and(u8::is_ascii_digit) && text.iter().all(of_time)
    };
    match word {
        // As in `E0102 15:04:05.000000 12 store.cc:7] `.
        [b'I' | b'W' | b'E' | b'F', number @ ..] if is_number(number) => true,
        [_, .., b']'] => true,
        _ => {
            is_number(word)
                || word.iter().all(|byte| b"-|:*#=>".contains(byte))
                || PREFIX_WORDS.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
        }
    }
}

/// Whether `before` ends as what names who failed does: with a colon, and for shells the number
/// of a process.
fn is_cause(before: &[u8]) -> bool {
    let spaced = before.trim_ascii_end();
    let digits = spaced.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let named = spaced[..spaced.len() - digits].trim_ascii_end();
    before.ends_with(b" ") && named.ends_with(b":")
}

/// Whether a message ends before `after`, or goes on to say more of the same.
fn ends_cause(after: &[u8]) -> bool {
    after.first().is_none_or(|byte| b":.,;!(\"\x1b".contains(byte))
        || after.starts_with(b" (")
        || after.starts_with(b"  ")
}

/// What stands before the name of what was thrown even if no message follows the name.
const THROWN_AFTER: &[&str] = &["Caused by:", "Suppressed:", "Exception:", "Error:", "\""];

/// Whether a class is named between `before` and `after` as what was thrown.
///
/// `-XX:+HeapDumpOnOutOfMemoryError` names another, and `will ignore AssertionError` throws none.
fn is_thrown(before: &[u8], after: &[u8]) -> bool {
    let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$');
    if before.last().is_some_and(in_name) {
        return false;
    }
    let package = |byte: &&u8| in_name(byte) || **byte == b'.';
    let qualifier = before.iter().rev().take_while(package).count();
    let before = &before[..before.len() - qualifier];
    let has_message = after.starts_with(b": ") || after.starts_with(b" [");
    if begins_message(before) {
        return has_message || after.is_empty() || after == b":";
    }
    let before = before.trim_ascii_end();
    ((has_message || after.is_empty()) && ends_with_any(before, THROWN_AFTER))
        || (has_message && (qualifier > 0 || before.ends_with(b":")))
}
