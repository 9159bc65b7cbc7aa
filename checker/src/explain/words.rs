//! The words all sentences share: nodes, values, durations.

use std::time::Duration;

use crate::history::{Outcome, Recorded, Value};

/// Characters of a value that are shown before it is cut short.
const VALUE_CHARACTERS: usize = 40;

/// An operation in a list, whatever its model.
pub(super) fn deed(operation: Recorded<'_>) -> String {
    let ended = match operation.outcome {
        Outcome::Ok => "",
        Outcome::Info => " (indeterminate)",
        Outcome::Fail => " (failed)",
    };
    let node = node(operation);
    match (operation.needed(), operation.stored()) {
        (Some(found), Some(value)) => {
            let (found, value) = (show(operation, found), show(operation, value));
            format!("{node} cas {found} to {value}{ended}")
        }
        (None, Some(value)) => format!("{node} wrote {}{ended}", show(operation, value)),
        (Some(_), None) => format!("{node} read {}{ended}", show(operation, operation.result)),
        (None, None) => {
            let mut said = format!("{node} {}", operation.f());
            if !operation.argument.is_null() {
                said += &format!(" {}", show(operation, operation.argument));
            }
            if !operation.result.is_null() && operation.result != operation.argument {
                said += &format!(" -> {}", show(operation, operation.result));
            }
            said + ended
        }
    }
}

pub(super) fn node(operation: Recorded<'_>) -> String {
    operation.node().map_or_else(|| format!("process {}", operation.process), shorten)
}

/// The time between the end of one operation and the beginning of another.
pub(super) fn gap(first: Recorded<'_>, second: Recorded<'_>) -> Option<String> {
    let nanoseconds = second.invoked.time_ns().saturating_sub(first.completed?.time_ns());
    Some(duration(nanoseconds))
}

/// Three digits and a unit.
pub(super) fn duration(nanoseconds: u64) -> String {
    let span = Duration::from_nanos(nanoseconds);
    let (value, unit) = match nanoseconds {
        0..1_000 => return format!("{nanoseconds} ns"),
        1_000..1_000_000 => (span.as_secs_f64() * 1e6, "µs"),
        1_000_000..1_000_000_000 => (span.as_secs_f64() * 1e3, "ms"),
        _ => (span.as_secs_f64(), "s"),
    };
    let decimals = match value {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}")
}

/// A value of the operation's history as compact JSON.
pub(crate) fn show(operation: Recorded<'_>, value: Value) -> String {
    shorten(&operation.history().values.show(value).to_string())
}

/// A text cut short, without what a terminal would act on.
pub(super) fn shorten(text: &str) -> String {
    let mut shown = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == VALUE_CHARACTERS {
            return shown + "...";
        }
        // Controls, and marks that turn the direction of what follows.
        let turns = matches!(character, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}');
        let isolates = matches!(character, '\u{2066}'..='\u{2069}');
        if character.is_control() || turns || isolates {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}
