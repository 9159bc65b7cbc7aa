//! Events as Jepsen prints them: in its log, on its console and in `history.txt`.
//!
//! Columns with tabs between, which editors make spaces: process, type, function, value and
//! perhaps the error. In a log they follow the name of the logger, `jepsen.util`. Other lines
//! are of no interest and are skipped, but one that begins with a process and a keyword must
//! be an event.
//!
//! A completion that failed or is indeterminate may hold its reason instead of a value, such
//! as `:timed-out`. What was invoked stands on its invocation, so nothing is lost. A read
//! that failed is thus known not to have seen anything, and a failed compare-and-set only not
//! to have taken effect.
//!
//! Source: `prn-op` and `op->str` in `jepsen.util`, `jepsen.print`.

use super::assemble::Fields;
use super::edn::cursor::{Cursor, Fault};
use super::jepsen_edn::{process_of, type_of};
use crate::history::EventType;

/// The name of the logger, as old and new layouts of lines end it.
const LOGGERS: [&[u8]; 2] = [b"jepsen.util - ", b"jepsen.util: "];

/// The fields of the event on `line`, if it is one.
pub(super) fn fields(line: &[u8]) -> Result<Option<Fields<'_>>, Fault> {
    let Some((process, rest)) = process_and_rest(line) else { return Ok(None) };
    let mut cursor = Cursor::new(rest, 0);
    let kind = type_of(column(&mut cursor)?)?;
    let f = column(&mut cursor)?;
    let value = column(&mut cursor)?;
    let error = Some(cursor.rest().trim_ascii()).filter(|error| !error.is_empty());
    let mut fields = Fields {
        process: process_of(process)?,
        kind,
        f: Some(f),
        value: Some(value),
        error,
        ..Fields::default()
    };
    let is_reason = error.is_none() && value.starts_with(b":");
    if is_reason && matches!(kind, EventType::Fail | EventType::Info) {
        fields.error = fields.value.take();
    }
    Ok(Some(fields))
}

/// The form in the next column.
fn column<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], Fault> {
    cursor.skip_blank()?;
    let begin = cursor.at();
    cursor.skip_form()?;
    Ok(cursor.since(begin))
}

/// The process and the other columns of a line that begins like an event.
fn process_and_rest(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let after_logger = LOGGERS.iter().find_map(|logger| {
        let begin = line.windows(logger.len()).position(|window| window == *logger)?;
        Some(&line[begin + logger.len()..])
    });
    let columns = after_logger.unwrap_or(line).trim_ascii();
    let (process, rest) = columns.split_at(columns.iter().position(u8::is_ascii_whitespace)?);
    let rest = rest.trim_ascii_start();
    let is_process = match process {
        [b':', name @ ..] => !name.is_empty(),
        digits => digits.iter().all(u8::is_ascii_digit),
    };
    (is_process && rest.starts_with(b":")).then_some((process, rest))
}

/// Whether a line begins with a process and a type.
pub(super) fn is_event(line: &[u8]) -> bool {
    process_and_rest(line).is_some_and(|(_, rest)| {
        let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        type_of(&rest[..end]).is_ok()
    })
}
