//! Lines of a log, whatever their length and bytes, and what is kept of one.

use std::io::{self, BufRead};

/// Bytes of a line that are looked at.
pub(crate) const LINE_BYTES_MAX: usize = 16 << 10;
/// Characters kept before what matters where a line is cut at its beginning.
const BEFORE_CHARS_MAX: usize = 60;

/// Reads a line, of which at most [`LINE_BYTES_MAX`] bytes are kept; false at the end.
pub(crate) fn read_line(log: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let mut any = false;
    loop {
        let buffer = match log.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if buffer.is_empty() {
            return Ok(any);
        }
        any = true;
        let end = memchr::memchr(b'\n', buffer);
        let part = &buffer[..end.unwrap_or(buffer.len())];
        let room = LINE_BYTES_MAX - line.len();
        line.extend_from_slice(&part[..part.len().min(room)]);
        let used = part.len() + usize::from(end.is_some());
        log.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}

/// At most `chars_max` characters of the line around `from`, cut at both ends where it is long.
pub(crate) fn clipped(line: &[u8], from: usize, chars_max: usize) -> String {
    let before = String::from_utf8_lossy(&line[..from]);
    let after = String::from_utf8_lossy(&line[from..]);
    let skipped = match before.chars().count() + after.trim_end().chars().count() {
        fits if fits <= chars_max => 0,
        _ => before.chars().count().saturating_sub(BEFORE_CHARS_MAX),
    };
    let cut = if skipped > 0 { "…" } else { "" };
    let text: String =
        cut.chars().chain(before.chars().skip(skipped)).chain(after.chars()).collect();
    crate::wording::shorten(text.trim_end(), chars_max)
}
