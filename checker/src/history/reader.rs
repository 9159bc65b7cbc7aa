//! Reads `history.jsonl`, as far as it was written.

use std::borrow::Cow;
use std::io::BufRead;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::line::EventLine;
use super::numbers::is_ambiguous;
use super::scanner::scan;
use super::{Complaint, FORMAT_VERSION, Header, History, HistoryBuilder, HistoryError};

const EVENT: &str = "an event (an object with `process`, `type` and `f`)";

/// Reads a history, one line in memory at a time.
///
/// The header may be absent and blank lines are skipped. A last line that breaks off before
/// its end, as a kill or a full disk leaves it, is dropped and sets [`History::torn`], be it
/// the header or an event. Lost lines are counted in [`History::missing`].
///
/// # Errors
/// The first line that is no event, and the first event that does not fit the ones before it.
pub fn read_jsonl(mut source: impl BufRead) -> Result<History, HistoryError> {
    let mut builder = HistoryBuilder::default();
    let mut buffer = Vec::with_capacity(512);
    let mut torn = false;
    let mut beginning = true;
    for line in 1.. {
        buffer.clear();
        let length = source
            .read_until(b'\n', &mut buffer)
            .map_err(|source| HistoryError::Read { line: line - 1, source })?;
        if length == 0 {
            break;
        }
        if let Some(event) = scan(&buffer) {
            builder.push_line(line, event)?;
            beginning = false;
            continue;
        }
        if buffer.trim_ascii().is_empty() {
            continue;
        }
        if beginning && is_header(&buffer) {
            builder = HistoryBuilder::new(Some(header(line, &buffer)?));
        } else {
            match serde_json::from_slice::<EventLine<'_>>(&buffer) {
                Ok(event) if is_ambiguous(&event.value, &buffer) => {
                    return Err(HistoryError::Ambiguous { line });
                }
                Ok(event) => {
                    builder.push_line(line, event)?;
                }
                Err(_) if breaks_off(&buffer) => torn = true,
                Err(_) if is_header(&buffer) => return Err(HistoryError::SecondHeader { line }),
                Err(source) => {
                    let source = Complaint(source);
                    return Err(HistoryError::Malformed { line, expected: EVENT, source });
                }
            }
        }
        beginning = false;
    }
    let mut history = builder.finish();
    history.torn = torn;
    Ok(history)
}

/// Whether the bytes are the beginning of a line rather than a bad line.
///
/// Asks for the end of the JSON, not for fields: a torn header is no event either, but that
/// is not what is wrong with it.
fn breaks_off(bytes: &[u8]) -> bool {
    !bytes.ends_with(b"\n")
        && bytes.trim_ascii_start().starts_with(b"{")
        && serde_json::from_slice::<IgnoredAny>(bytes).is_err()
}

fn is_header(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Tag<'a> {
        #[serde(borrow, rename = "type")]
        kind: Cow<'a, str>,
    }
    serde_json::from_slice::<Tag<'_>>(bytes).is_ok_and(|tag| tag.kind == "header")
}

fn header(line: usize, bytes: &[u8]) -> Result<Header, HistoryError> {
    #[derive(Deserialize)]
    struct Version {
        squall: u32,
    }
    let malformed = |source| {
        let source = Complaint(source);
        HistoryError::Malformed { line, expected: "a header", source }
    };
    // The version first: a header of another version need not have our fields.
    let version: Version = serde_json::from_slice(bytes).map_err(malformed)?;
    if version.squall != FORMAT_VERSION {
        return Err(HistoryError::Version { line, found: version.squall });
    }
    serde_json::from_slice(bytes).map_err(malformed)
}
