//! Reads `history.jsonl`, as far as it was written.

use std::borrow::Cow;
use std::io::{BufRead, ErrorKind};

use memchr::memchr;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::line::EventLine;
use super::numbers::is_ambiguous;
use super::scanner::scan;
use super::{Complaint, FORMAT_VERSION, Header, History, HistoryBuilder, HistoryError};

const EVENT: &str = "an event (an object with `process`, `type` and `f`)";

/// Reads a history, one block of `source` in memory at a time and a line that crosses blocks.
///
/// The header may be absent and blank lines are skipped. A last line that breaks off before
/// its end, as a kill or a full disk leaves it, is dropped and sets [`History::torn`], be it
/// the header or an event. Lost lines are counted in [`History::missing`]. Lines as
/// [`EventWriter`](super::EventWriter) writes them cost a fraction of what others do.
///
/// # Errors
/// The first line that is no event, and the first event that does not fit the ones before it.
pub fn read_jsonl(mut source: impl BufRead) -> Result<History, HistoryError> {
    let mut reader = Reader::default();
    // The beginning of a line whose end is in a later block.
    let mut beginning: Vec<u8> = Vec::new();
    loop {
        let block = match source.fill_buf() {
            Ok(block) => block,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(source) => return Err(HistoryError::Read { line: reader.line, source }),
        };
        let length = block.len();
        if length == 0 {
            break;
        }
        let mut rest = block;
        while let Some(end) = memchr(b'\n', rest) {
            let (line, after) = rest.split_at(end + 1);
            if beginning.is_empty() {
                reader.take(line)?;
            } else {
                beginning.extend_from_slice(line);
                reader.take(&beginning)?;
                beginning.clear();
            }
            rest = after;
        }
        beginning.extend_from_slice(rest);
        source.consume(length);
    }
    if !beginning.is_empty() {
        reader.take(&beginning)?;
    }
    let mut history = reader.builder.finish();
    history.torn = reader.torn;
    Ok(history)
}

/// What was read so far.
#[derive(Default)]
struct Reader {
    builder: HistoryBuilder,
    /// Lines taken.
    line: usize,
    /// Whether any of them was not blank.
    begun: bool,
    torn: bool,
}

impl Reader {
    /// Takes a line with its end, if it has one.
    fn take(&mut self, bytes: &[u8]) -> Result<(), HistoryError> {
        self.line += 1;
        if let Some(event) = scan(bytes) {
            self.builder.push_client(self.line, &event)?;
            self.begun = true;
            return Ok(());
        }
        self.take_unusual(bytes)
    }

    /// Takes a line as serde reads it.
    fn take_unusual(&mut self, bytes: &[u8]) -> Result<(), HistoryError> {
        let line = self.line;
        if bytes.trim_ascii().is_empty() {
            return Ok(());
        }
        if !std::mem::replace(&mut self.begun, true) && is_header(bytes) {
            self.builder = HistoryBuilder::new(Some(header(line, bytes)?));
            return Ok(());
        }
        match serde_json::from_slice::<EventLine<'_>>(bytes) {
            Ok(event) if is_ambiguous(&event.value, bytes) => {
                return Err(HistoryError::Ambiguous { line });
            }
            Ok(event) => {
                self.builder.push_line(line, event)?;
            }
            Err(_) if breaks_off(bytes) => self.torn = true,
            Err(_) if is_header(bytes) => return Err(HistoryError::SecondHeader { line }),
            Err(source) => {
                let source = Complaint(source);
                return Err(HistoryError::Malformed { line, expected: EVENT, source });
            }
        }
        Ok(())
    }
}

/// Whether the bytes are the beginning of a line rather than a bad line.
///
/// Asks for the end of the JSON, not for fields: a torn header is no event either, but that
/// is not what is wrong with it.
fn breaks_off(bytes: &[u8]) -> bool {
    !bytes.ends_with(b"\n")
        // A file system that lost its power may have made room for a line and not filled it.
        && (bytes.trim_ascii_start().starts_with(b"{") || bytes.iter().all(|byte| *byte == 0))
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
