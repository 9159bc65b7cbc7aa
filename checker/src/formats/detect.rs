//! Telling formats apart by how a history begins.

use super::Format;
use super::jepsen_log;

/// How much of the beginning [`detect`] may need to see.
pub const DETECTION_BYTES: usize = 64 << 10;

/// The format of a history that begins like this, or `None` if it looks like none.
///
/// `first` is the whole history or at least its first [`DETECTION_BYTES`]. Looks at the first
/// form, or for a log at the first line that is an event; an empty history is JSONL.
///
/// ```
/// use squall_checker::formats::{Format, detect};
///
/// assert_eq!(detect(b"{:process 0, :type :invoke}"), Some(Format::JepsenEdn));
/// assert_eq!(detect(b"{\"squall\":1}"), Some(Format::Jsonl));
/// assert_eq!(detect(b"From: somebody"), None);
/// ```
pub fn detect(first: &[u8]) -> Option<Format> {
    let text = first.trim_ascii_start();
    match text {
        [] => Some(Format::Jsonl),
        [b'{', rest @ ..] => match rest.trim_ascii_start() {
            [] | [b'"' | b'}', ..] => Some(Format::Jsonl),
            _ => Some(map(text)),
        },
        [b'[' | b'#' | b';', ..] => Some(map(text)),
        _ => {
            let mut lines = text.split(|byte| *byte == b'\n');
            lines.any(jepsen_log::is_event).then_some(Format::JepsenLog)
        }
    }
}

/// Which of the formats of maps it is: only Porcupine's has a `:key`.
fn map(text: &[u8]) -> Format {
    let end = text.iter().position(|byte| *byte == b'}').unwrap_or(text.len());
    let has = |name: &[u8]| text[..end].windows(name.len()).any(|window| window == name);
    if has(b":key ") && !has(b":index ") && !has(b":time ") {
        Format::PorcupineKv
    } else {
        Format::JepsenEdn
    }
}
